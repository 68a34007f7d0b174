//go:build linux

package matrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/gitlog"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/rewrite"
)

var update = flag.Bool("update", false, "write what tests would compare: the fixes of the cases, the README's figures")

// Which fixes a case gets is known without building, and so in every test run:
// -update fills them in. That they are right is what building shows.
func TestFixes(t *testing.T) {
	options := rewrite.Options{Rules: rules.All()}
	load, err := config.New(config.Options{Schema: analysis.Schema(options.Rules)})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range cases(t) {
		t.Run(k.name, func(t *testing.T) {
			in := analysis.Input{Path: filepath.Join(k.dir, "context", "Dockerfile"), Content: k.file, Context: filepath.Join(k.dir, "context")}
			if in.Config, err = load.For(in.Path); err != nil {
				t.Fatal(err)
			}
			k.advises(t, in)
			o := options
			o.Safety = analysis.Safe
			if slices.Contains(k.want.Flags, "--unsafe") {
				o.Safety = analysis.Unsafe
			}
			if i := slices.Index(k.want.Flags, "--only"); i >= 0 {
				o.Rules = slices.DeleteFunc(slices.Clone(o.Rules), func(r *analysis.Rule) bool { return r.Name != k.want.Flags[i+1] })
			}
			fixed, err := rewrite.Fix(t.Context(), in, o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range fixed.Applied {
				got = append(got, a.Rule)
			}
			if slices.Equal(got, k.want.Fixes) {
				return
			}
			// A trap that gets a fix is for a human to judge.
			if *update && len(got) > 0 && len(k.want.Fixes) > 0 {
				k.setFixes(t, got)
				return
			}
			t.Errorf("fixes %v, want %v\n%s", got, k.want.Fixes, fixed.After)
		})
	}
}

// advises checks that a rule without a fix speaks of a case that follows its advice.
func (k kase) advises(t *testing.T, in analysis.Input) {
	t.Helper()
	if k.want.Advice == "" {
		return
	}
	own := slices.DeleteFunc(rules.All(), func(r *analysis.Rule) bool { return r.Name != k.want.Advice })
	if len(own) != 1 {
		t.Fatalf("%s is no rule", k.want.Advice)
	}
	var log strings.Builder
	for _, line := range k.want.History {
		f := strings.Fields(line)
		n, err := strconv.Atoi(f[0])
		if err != nil {
			t.Fatal(err)
		}
		log.WriteString(strings.Repeat("\x01\x00\n"+strings.Join(f[1:], "\x00")+"\x00", n))
	}
	in.Context = t.TempDir() // a repository's root
	in.Path = filepath.Join(in.Context, "Dockerfile")
	if err := errors.Join(os.Mkdir(filepath.Join(in.Context, ".git"), 0o777), os.CopyFS(in.Context, os.DirFS(filepath.Join(k.dir, "context")))); err != nil {
		t.Fatal(err)
	}
	in.History = &gitlog.Logs{Read: func(string) (string, error) { return log.String(), nil }}
	says := func() int { return len(analysis.Check(in, own).Diagnostics) }
	if n := says(); n != 1 {
		t.Errorf("%s says %d things of it, want 1", k.want.Advice, n)
	}
	if in.Content = k.after; says() != 0 {
		t.Errorf("%s speaks of after.Dockerfile too", k.want.Advice)
	}
}

var fixesField = regexp.MustCompile(`(?s)"fixes": \[.*?\]`)

// setFixes writes other fixes into want.json and leaves the rest as it is.
func (k kase) setFixes(t *testing.T, fixes []string) {
	t.Helper()
	file := filepath.Join(k.dir, "want.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.MarshalIndent(fixes, "  ", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = fixesField.ReplaceAll(data, []byte(strings.ReplaceAll(`"fixes": `+string(list), "$", "$$")))
	if !bytes.Contains(data, list) {
		t.Fatalf("%s has no fixes", file)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A build with the cache shares the steps that another build makes beside it
// without, and so runs them: where it is told which steps run again, no other case
// may begin alike.
func TestRebuildsBeginApart(t *testing.T) {
	begin := map[string][]string{}
	measured := map[string]bool{"shop": true}
	shop, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "shop", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range append(cases(t), kase{name: "shop", file: string(shop)}) {
		measured[k.name] = measured[k.name] || len(k.want.Rebuild) > 0
		first := baseOf(t, k.images()[0]) + ": " + firstStep.FindString(k.file)
		begin[first] = append(begin[first], k.name)
	}
	for first, names := range begin {
		if len(names) > 1 && slices.ContainsFunc(names, func(name string) bool { return measured[name] }) {
			t.Errorf("%v all begin with %q: give them other working folders", names, first)
		}
	}
}

var firstStep = regexp.MustCompile(`(?m)^[ \t]*(?:RUN|COPY|ADD|WORKDIR)[ \t].*$`)
