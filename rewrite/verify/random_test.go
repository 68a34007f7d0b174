//go:build linux

package verify

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/internal/sequence"
)

// Random RUNs build the same image apart and as Shale merges them: layers cut links
// and copy files up, which no folder shows.
func TestRandomRunsBuild(t *testing.T) {
	wanted, from := 60, uint64(11)
	if os.Getenv("SHALE_TEST_DEEP") != "" {
		wanted, from = 310, 12
	}
	engineAddress(t)
	merge := mergeAlways(t)
	var pairs []pair
	for seed := uint64(0); len(pairs) < wanted; seed++ {
		if seed > 100*uint64(wanted) {
			t.Fatalf("only %d of %d sequences were merged", len(pairs), wanted)
		}
		f := sequence.Random(rand.New(rand.NewPCG(from, seed)), 1)
		if f.CRLF || f.Escape != '\\' || foreign(f.Stages[0]) {
			continue
		}
		before := world() + strings.Join(f.Stages[0].Instructions, "\n") + "\n"
		if after := merge(before); after != before {
			pairs = append(pairs, pair{before, after})
		}
	}
	built := 0
	outcomes := buildPairs(t, pairs)
	// What both sides of a pipe do to one file is luck: a difference is one that is
	// there each time.
	for try := range 5 {
		var differ []int
		var again []pair
		anew := strings.NewReplacer(sequenceENV, fmt.Sprint(sequenceENV, " TRY=", try))
		for i, o := range outcomes {
			if !o.alike() {
				differ = append(differ, i)
				again = append(again, pair{anew.Replace(pairs[i].before), anew.Replace(pairs[i].after)})
			}
		}
		if len(again) == 0 {
			break
		}
		for i, o := range buildPairs(t, again) {
			outcomes[differ[i]] = o
		}
	}
	for i, o := range outcomes {
		if !o.alike() {
			t.Errorf("%+v\n%s\nbecame\n%s", o, pairs[i].before, pairs[i].after)
		}
		if o.before == 0 {
			built++
		}
	}
	t.Logf("%d merged sequences, %d of them build", len(pairs), built)
	if built < wanted/4 {
		t.Errorf("only %d of %d sequences build: the others compare no files", built, len(pairs))
	}
}

// world makes the folder in which a sequence starts. The ENV keeps its RUN apart.
func world() string {
	var b strings.Builder
	b.WriteString("WORKDIR /srv/w\nRUN mkdir d && ")
	var made []string
	for name, text := range sequence.World() {
		made = append(made, "printf '"+strings.ReplaceAll(text, "\n", `\n`)+"' > "+name)
	}
	slices.Sort(made)
	return b.String() + strings.Join(made, " && ") + "\n" + sequenceENV + "\n"
}

const sequenceENV = "ENV SEQUENCE=1"

// alike is as same, but for the status with which two builds fail.
func (o outcome) alike() bool {
	return (o.before == 0) == (o.after == 0) && len(o.differences) == 0
}

// foreign reports whether a stage asks for a shell that busybox is not, or writes its
// environment down, in which BuildKit traces each step.
func foreign(s sequence.Stage) bool {
	return slices.ContainsFunc(s.Instructions, func(in string) bool {
		if environment.MatchString(in) {
			return true
		}
		return strings.HasPrefix(strings.ToUpper(in), "SHELL") && !strings.Contains(in, `"/bin/sh"`) && !strings.Contains(in, `"/bin/ash"`)
	})
}

var environment = regexp.MustCompile(`\b(env|printenv|export|set)\b *(-p *)?([>|;&]|$)`)

// mergeAlways returns what the safe fixes make of a text without its FROM, where
// merging is asked for whatever it wins.
func mergeAlways(t *testing.T) func(string) string {
	t.Helper()
	c := sequence.Merged(t)
	return func(text string) string {
		t.Helper()
		in := analysis.Input{Path: "Dockerfile", Content: shellBase + text, Config: c}
		r, err := rewrite.Fix(t.Context(), in, rewrite.Options{Rules: rules.All(), Safety: analysis.Safe})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Rejected {
			t.Errorf("a fix proved wrong: %s: %s\n%s", x.Title, x.Reason, text)
		}
		after, ok := strings.CutPrefix(r.After, shellBase)
		if !ok {
			t.Fatalf("the base changed:\n%s", r.After)
		}
		return after
	}
}
