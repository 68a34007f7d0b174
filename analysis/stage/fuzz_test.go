package stage_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// FuzzGraph holds the graph of any text together, and against BuildKit's own list of
// stages where it has one.
func FuzzGraph(f *testing.F) {
	f.Add(shop, "base")
	files, err := filepath.Glob("../../testdata/rules/*/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range ar.Files {
			if section.Name == "before" {
				f.Add(string(section.Data), "build")
			}
		}
	}
	f.Fuzz(func(t *testing.T, content, target string) {
		doc := syntax.Parse(content)
		g := stage.New(doc, target)
		for i, s := range g.Stages {
			if s.Index != i || s.From == nil || s.From.Name != "from" {
				t.Errorf("stage %d: %+v", i, s)
			}
			for _, below := range append([]*stage.Stage{s.Parent}, s.Reads...) {
				if below != nil && below.Index >= i {
					t.Errorf("stage %d reads %d", i, below.Index)
				}
			}
			if s.Ships && s.Parent != nil && !s.Parent.Ships {
				t.Errorf("stage %d ships, and %d below it does not", i, s.Parent.Index)
			}
			for _, in := range s.Instructions {
				if g.Of(in) != s {
					t.Errorf("%q is not of stage %d", in.Text, i)
				}
			}
		}
		if n := len(g.Stages); n > 0 && !g.Stages[n-1].Ships {
			t.Error("the last stage does not ship")
		}
		for _, in := range doc.Instructions {
			_, _, _ = g.User(in), g.Workdir(in), g.Shell(in)
			g.Expand(in, in.Body.String())
			if v := g.Workdir(in); v.Is != stage.Unknown && !strings.HasPrefix(v.Text, "/") {
				t.Errorf("WORKDIR %q", v.Text)
			}
		}
		against(t, doc, g)
	})
}

// against compares with the stages that BuildKit finds.
func against(t *testing.T, doc *syntax.Document, g *stage.Graph) {
	if len(doc.Problems) > 0 {
		return
	}
	targets, err := compile.Targets(doc.Content)
	if err != nil {
		return
	}
	if len(targets) != len(g.Stages) {
		t.Fatalf("%d stages, and BuildKit's are %d", len(g.Stages), len(targets))
	}
	for i, want := range targets {
		if got := g.Stages[i]; got.Name != strings.ToLower(want.Name) {
			t.Errorf("stage %d is %q, and BuildKit's %q", i, got.Name, want.Name)
		}
	}
}
