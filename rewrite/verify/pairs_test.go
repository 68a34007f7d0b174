//go:build linux

package verify

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	gateway "github.com/moby/buildkit/frontend/gateway/pb"
	"golang.org/x/sync/errgroup"
)

// A pair is two Dockerfiles that ought to make the same image, without their FROM:
// they stand on busybox, as shellBase has it.
type pair struct{ before, after string }

// An outcome is what became of a pair.
type outcome struct {
	before, after int      // the exit status of the step that failed, 0 where the text builds
	differences   []string // in files and image config, as brief tells them; where both build
}

func (o outcome) same() bool { return o.before == o.after && len(o.differences) == 0 }

// buildPairs builds pairs side by side and compares, hundreds in minutes: each text
// once and with the cache, so that steps must do the same each time, and texts that
// begin alike share their steps. A build that fails for another reason than a
// step's exit status fails the test.
func buildPairs(t testing.TB, pairs []pair) []outcome {
	t.Helper()
	engines := connect(t, engineAddress(t))
	setup := Setup{Context: buildContext(t, nil)}
	known := newLayers()
	temp := t.TempDir()
	build := func(text string) (*built, int, error) {
		q := request{recipe: recipe{text: shellBase + text}, export: true, compression: "uncompressed"}
		r, err := setup.build(t.Context(), engines[0], q, known, temp, nil)
		if exit, ok := errors.AsType[*gateway.ExitError](err); ok && exit.ExitCode != gateway.UnknownExitStatus {
			return nil, int(exit.ExitCode), nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w\n%s", err, text)
		}
		return r.image, 0, nil
	}
	if _, _, err := build(""); err != nil { // the base, for all
		t.Fatal(err)
	}
	outcomes := make([]outcome, len(pairs))
	var group errgroup.Group
	group.SetLimit(2 * runtime.NumCPU())
	for i, p := range pairs {
		group.Go(func() error {
			o := &outcomes[i]
			before, status, err := build(p.before)
			if err != nil {
				return err
			}
			o.before = status
			after, status, err := build(p.after)
			if err != nil {
				return err
			}
			o.after = status
			if before == nil || after == nil {
				return nil
			}
			r := Report{Config: compareConfigs([]imageConfig{before.config}, after.config)}
			compareTrees([]*tree{before.tree}, after.tree, nil).report(&r)
			o.differences = brief(&r)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func TestBuildPairs(t *testing.T) {
	pairs := []pair{
		{"RUN touch /a\nRUN ln -s a /b\n", "RUN touch /a && ln -s a /b\n"},
		{"RUN touch /a\nRUN exit 3\n", "RUN touch /a && exit 3\n"},
		{"RUN umask 077\nRUN touch /a\n", "RUN umask 077 && touch /a\n"},
		{"RUN false\nRUN touch /a\n", "RUN false; touch /a\n"},
		{"RUN exit 4\n", "RUN exit 5\n"},
		{"RUN true\nENV A=1\n", "RUN true\nENV A=2\n"},
	}
	want := []outcome{
		{}, {before: 3, after: 3}, {differences: []string{"changed /a mode"}}, {before: 1}, {before: 4, after: 5},
		{differences: []string{"config Env"}},
	}
	for i, o := range buildPairs(t, pairs) {
		w := want[i]
		if o.before != w.before || o.after != w.after || strings.Join(o.differences, ", ") != strings.Join(w.differences, ", ") || o.same() != (i < 2) {
			t.Errorf("%q: %+v, want %+v", pairs[i], o, w)
		}
	}
}
