package rules_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/rewrite/fixture"
)

func TestFixtures(t *testing.T) {
	fixture.Folders(t, "../../testdata/rules", rules.All())
	fixture.Run(t, "../../testdata/rules", rules.All())
}

// read is how a RUN was read, and where.
func read(r *facts.Run) [4]any {
	if r.Program == nil {
		return [4]any{r.Opaque}
	}
	t := r.Program.Text
	return [4]any{r.Program.Dialect, t.String(), t.Span(0, t.Len()), len(r.Commands)}
}

// What is found in an edited text does not depend on what was kept of the one before.
func TestEarlier(t *testing.T) {
	files, err := filepath.Glob("../../testdata/rules/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 11))
	typed := []string{"", "\n", "x", " ", "\\\n", "&& rm -rf /tmp/x", "RUN apt-get update\n", "FROM a\n", "# c\n", "ENV A=1\n", "SHELL [\"/bin/bash\", \"-c\"]\n", "USER u\n", "ENV A", "NOPE\n", "<<E"}
	for i, file := range files {
		if i%9 != 0 { // of each rule some
			continue
		}
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			if f.Name != "before" {
				continue
			}
			text := string(f.Data)
			text += text // the same bodies more than once
			var kept *facts.Kept
			for range 7 {
				in := analysis.Input{Content: text}
				want := analysis.Check(in, rules.All())
				in.Earlier = kept
				got := analysis.Check(in, rules.All())
				if diff := cmp.Diff(want.Diagnostics, got.Diagnostics); diff != "" {
					t.Fatalf("%s: %q\n%s", file, text, diff)
				}
				if len(want.Faults)+len(got.Faults) > 0 {
					t.Fatalf("%q %v %v", text, want.Faults, got.Faults)
				}
				for i, in := range want.File.Doc.Instructions {
					if in.Name != "run" {
						continue
					}
					a, b := want.File.Run(in), got.File.Run(got.File.Doc.Instructions[i])
					if diff := cmp.Diff(read(a), read(b)); diff != "" {
						t.Fatalf("%s: %q\n%s", file, text, diff)
					}
				}
				kept = got.File.Keep()
				at := r.IntN(len(text) + 1)
				if n := strings.IndexByte(text[at:], '\n'); r.IntN(2) == 0 && n >= 0 {
					at += n + 1
				}
				text = text[:at] + typed[r.IntN(len(typed))] + text[min(len(text), at+r.IntN(3)*r.IntN(2)):]
			}
		}
	}
}
