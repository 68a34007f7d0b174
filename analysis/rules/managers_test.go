package rules_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
)

// aspects are what is shown of every manager: its call alone, each habit by which
// people clean up, what keeps Shale silent, another user, a stage that does not ship,
// and a later use that forbids a safe fix.
var aspects = []string{"plain", "cleaned: ", "silent: mounted", "silent: tmpfs", "silent: environment", "silent: in exec form", "user", "stages", "later: "}

// Each manager of the table has a file in testdata/managers: a Dockerfile for each
// aspect, and what package-cache makes of it under both policies, which -update writes.
func TestManagers(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "managers")
	var known []string
	for _, m := range pkgmgr.Managers {
		known = append(known, m.Name+".txtar")
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, m.Name+".txtar")
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a := txtar.Parse(data)
			want := ""
			a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool {
				if f.Name == "report" {
					want = string(f.Data)
				}
				return f.Name == "report"
			})
			for _, aspect := range aspects {
				if !slices.ContainsFunc(a.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, aspect) }) && !lacks(m, aspect) {
					t.Errorf("nothing shows %q", aspect)
				}
			}
			var got strings.Builder
			for _, f := range a.Files {
				for _, policy := range []string{"clean", "mount"} {
					fmt.Fprintf(&got, "%s, policy %s:\n%s", f.Name, policy, judged(t, f.Name, policy, string(f.Data)))
				}
			}
			if flag.Lookup("update").Value.String() == "true" {
				a.Files = append(a.Files, txtar.File{Name: "report", Data: []byte(got.String())})
				if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(want, got.String()); d != "" {
				t.Errorf("-- report -- (-want +got), or run with -update\n%s", d)
			}
		})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			t.Errorf("%s belongs to no manager", e.Name())
		}
	}
}

// lacks reports whether a manager cannot show an aspect: it has no cache, or none that
// the environment moves or switches off.
func lacks(m *pkgmgr.Manager, aspect string) bool {
	return len(m.Caches) == 0 || aspect == "silent: environment" && !slices.ContainsFunc(m.Caches, func(c pkgmgr.Cache) bool { return len(c.Moved)+len(c.Off) > 0 })
}

// judged is what package-cache says of a Dockerfile under a policy and makes of it.
func judged(t *testing.T, name, policy, text string) string {
	t.Helper()
	load, err := config.New(config.Options{Schema: config.Schema{Rules: map[string]map[string][]string{"package-cache": {"policy": {"clean", "mount"}}}}, Args: []string{`rules.package-cache.policy="` + policy + `"`}})
	if err != nil {
		t.Fatal(err)
	}
	in := analysis.Input{Content: text}
	if in.Config, err = load.For(""); err != nil {
		t.Fatal(err)
	}
	only := []*analysis.Rule{&rules.PackageCache}
	report := analysis.Check(in, only)
	var out strings.Builder
	safe := false
	for _, d := range report.Diagnostics {
		fmt.Fprintf(&out, "\t%v: %s\n", d.Severity, d.Message)
		for _, w := range d.Withheld {
			fmt.Fprintf(&out, "\t\twithheld: %s\n", w)
		}
		for _, f := range d.Fixes {
			safe = safe || f.Safety == analysis.Safe
			fmt.Fprintf(&out, "\t\tfix (%v): %s\n", f.Safety, f.Title)
			if err := rewrite.ValidateFix(context.Background(), in, f, rewrite.Validator{}); err != nil {
				t.Errorf("%s, policy %s: %q is refused: %v", name, policy, f.Title, err)
			}
		}
	}
	kind, _, _ := strings.Cut(name, ":")
	switch {
	case len(report.Diagnostics) > 0 && (kind == "silent" || policy == "clean" && (kind == "cleaned" || kind == "stages")):
		t.Errorf("%s, policy %s: not silent\n%s", name, policy, out.String())
	case safe && kind == "later":
		t.Errorf("%s, policy %s: a safe fix\n%s", name, policy, out.String())
	}
	for _, s := range []analysis.Safety{analysis.Safe, analysis.Unsafe} {
		fixed, err := rewrite.Fix(context.Background(), in, rewrite.Options{Rules: only, Safety: s})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range fixed.Rejected {
			t.Errorf("%s, policy %s: %q is rejected: %s", name, policy, x.Title, x.Reason)
		}
		if fixed.After != text && (s == analysis.Safe || !safe) {
			fmt.Fprintf(&out, "\t%v:\n", s)
			for line := range strings.Lines(fixed.After) {
				fmt.Fprintf(&out, "\t\t%s", line)
			}
		}
	}
	return out.String()
}

// A manager is the same manager behind what only calls it: its calls leave the same in
// the layer, and what cleans or avoids it does so too.
func TestManagersBehind(t *testing.T) {
	for _, m := range pkgmgr.Managers {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			plain := fixtureOf(t, m, "plain")
			head, call, ok := lastRun(plain)
			if !ok {
				return // it has no cache
			}
			want := left(t, plain)
			if len(want) == 0 && len(m.Caches[0].In) == 0 { // cargo's lies elsewhere in its image
				t.Fatalf("nothing is left by\n%s", plain)
			}
			for _, by := range []string{
				"sh -c '%s'", "bash -euo pipefail -c '%s'", `/bin/sh -ec "%s"`, "sudo sh -c '%s'", "env A=b sh -c '%s'",
				"cat /list | xargs %s", "xargs -a /list -n 5 %s", "xargs -0 --arg-file=/list %s", "A=b xargs %s < /list",
			} {
				if strings.Contains(call, "'") || strings.Contains(call, `"`) && strings.Contains(by, `"`) || strings.Contains(by, "xargs") && !lists(m, call) {
					continue
				}
				last := call
				if i := strings.LastIndex(call, "&& "); i >= 0 && strings.Contains(by, "xargs") {
					last = call[i+3:]
				}
				text := head + "RUN " + strings.TrimSuffix(call, last) + fmt.Sprintf(by, last) + "\n"
				if got := left(t, text); !slices.Equal(got, want) {
					t.Errorf("%v is left, want %v, by\n%s", got, want, text)
				}
				for _, policy := range []string{"clean", "mount"} {
					judged(t, by, policy, text) // its fixes pass the validator
				}
			}
		})
	}
}

// lists reports whether a call installs what is named behind it. A bare "yarn" is read
// as whatever its first operand says, and a project's install takes no names.
func lists(m *pkgmgr.Manager, call string) bool {
	return m.SystemPackages && m != &pkgmgr.Tdnf || slices.Contains([]*pkgmgr.Manager{&pkgmgr.Pip, &pkgmgr.Gem}, m)
}

// left are the folders of caches that the last RUN of a Dockerfile leaves in its layer.
func left(t *testing.T, text string) []string {
	t.Helper()
	f := facts.New("Dockerfile", syntax.Parse(text), facts.Options{})
	stages := f.Stages().Stages
	runs := f.Runs(stages[len(stages)-1])
	var out []string
	for _, l := range f.Leftovers(runs[len(runs)-1]) {
		out = append(out, l.Cache.Dir)
	}
	slices.Sort(out)
	return out
}

// Whatever the table says cleans, avoids, moves or switches off a cache silences the
// rule: of each manager each of them.
func TestIdioms(t *testing.T) {
	for _, m := range pkgmgr.Managers {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			plain := fixtureOf(t, m, "plain")
			head, call, ok := lastRun(plain)
			if !ok {
				return
			}
			program := call[strings.LastIndex(call, "&& ")+1:]
			program, _, _ = strings.Cut(strings.TrimSpace(strings.TrimPrefix(program, "& ")), " ")
			first, _, _ := strings.Cut(head, "\n")
			for i := range m.Caches {
				c := &m.Caches[i]
				silent := func(what, text string) {
					t.Helper()
					if slices.Contains(left(t, text), c.Dir) {
						t.Errorf("%s: %s is left by\n%s", what, c.Dir, text)
					}
				}
				for _, by := range slices.Concat(c.CleanedBy, c.TrimmedBy) {
					silent("cleaned", head+"RUN "+call+" && "+program+" "+by+"\n")
				}
				if c.Cleanup != nil {
					silent("cleaned", head+"RUN "+call+" && "+c.Cleanup.Command+"\n")
				}
				if c.Risky.Command != "" {
					silent("cleaned", head+"RUN "+call+" && "+c.Risky.Command+"\n")
				}
				for _, name := range c.Moved {
					silent("moved", first+"\nENV "+name+"=/elsewhere\n"+strings.TrimPrefix(head, first+"\n")+"RUN "+call+"\n")
				}
				for _, off := range c.Off {
					silent("off", first+"\nENV "+off+"=1\n"+strings.TrimPrefix(head, first+"\n")+"RUN "+call+"\n")
				}
				dir := c.Dir
				if below, ok := strings.CutPrefix(dir, "~"); ok {
					dir = "/root" + below
				}
				for _, mount := range []string{"type=cache,target=" + dir, "type=tmpfs,target=" + dir, "type=cache,sharing=locked,target=" + path.Dir(dir)} {
					silent("mounted", head+"RUN --mount="+mount+" "+call+"\n")
				}
			}
		})
	}
}

// fixtureOf is a Dockerfile of a manager's file.
func fixtureOf(t *testing.T, m *pkgmgr.Manager, name string) string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("..", "..", "testdata", "managers", m.Name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// lastRun parts a Dockerfile before its last RUN, and returns what that one runs.
func lastRun(text string) (head, call string, ok bool) {
	i := strings.LastIndex(text, "RUN ")
	if i < 0 {
		return "", "", false
	}
	call, _, _ = strings.Cut(text[i+len("RUN "):], "\n")
	return text[:i], call, true
}
