package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/cmd/shale/internal/pool"
)

// faulty is a rule that does something wrong.
func faulty(run func(*analysis.Pass)) []*analysis.Rule {
	return []*analysis.Rule{{Name: "faulty", Best: analysis.Safe, Severity: analysis.Warning, Run: run}}
}

// replaces offers to put one text in place of another.
func replaces(safety analysis.Safety, old, with string) func(*analysis.Pass) {
	return func(p *analysis.Pass) {
		at := strings.Index(p.Doc.Content, old)
		if at < 0 {
			return
		}
		span := source.Span{Start: at, End: at + len(old)}
		p.Report(analysis.Diagnostic{Span: span, Message: "x", Fixes: []analysis.Fix{{Title: "x", Safety: safety, Edits: []analysis.Edit{{Edit: source.Replace(span, with)}}}}})
	}
}

const text = "FROM debian:12\n# Tools.\nRUN apt-get update && apt-get install -y curl\nCMD [\"curl\"]\n"

// What a rule does wrong the judge sees.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*analysis.Pass)
		want string // the kinds of what is wrong
	}{
		{"nothing", func(*analysis.Pass) {}, ""},
		{"unsafe and right", replaces(analysis.Unsafe, "-y curl", "-y curl jq"), "rejected"}, // again and again
		{"unsafe, once", replaces(analysis.Unsafe, "install -y curl", "-y install curl"), ""},
		{"a comment", replaces(analysis.Unsafe, "# Tools.\n", ""), "comment lost"},
		{"safe by its word alone", replaces(analysis.Safe, "CMD [\"curl\"]", "CMD [\"sh\"]"), "rejected,rejected alone"},
		{"what BuildKit refuses", replaces(analysis.Unsafe, "CMD [", "CDM ["), "rejected,rejected alone"},
		{"a panic", func(*analysis.Pass) { panic("x") }, "fault"},
	} {
		j := &judge{ctx: t.Context(), rules: faulty(c.run), alone: true}
		var kinds []string
		for _, w := range j.file("Dockerfile", text).wrong {
			kinds = append(kinds, w.kind)
		}
		slices.Sort(kinds)
		if got := strings.Join(slices.Compact(kinds), ","); got != c.want {
			t.Errorf("%s: wrong are %q, want %q", c.name, got, c.want)
		}
	}
}

// What a rule does wrong one fix at a time the walks see.
func TestOrders(t *testing.T) {
	const text = "FROM debian:12\n# Tools.\nLABEL a=1 b=2\nRUN true\n"
	for _, c := range []struct {
		name string
		run  func(*analysis.Pass)
		want string // the kinds of what is wrong
	}{
		{"apart", func(p *analysis.Pass) {
			replaces(analysis.Safe, "a=1", "a=\"1\"")(p)
			replaces(analysis.Safe, "RUN true", "RUN  true")(p)
		}, ""},
		{"one is enough", func(p *analysis.Pass) {
			if !strings.Contains(p.Doc.Content, "\"1\"") && !strings.Contains(p.Doc.Content, "RUN  ") {
				replaces(analysis.Safe, "a=1", "a=\"1\"")(p)
				replaces(analysis.Safe, "RUN true", "RUN  true")(p)
			}
		}, ""},
		{"wrong once another is made", func(p *analysis.Pass) {
			replaces(analysis.Safe, "a=1", "a=\"1\"")(p)
			replaces(analysis.Safe, "RUN true", "RUN  true")(p)
			if strings.Contains(p.Doc.Content, "\"1\"") {
				replaces(analysis.Safe, "b=2", "b=3")(p)
			}
		}, "rejected later"},
		{"a circle", func(p *analysis.Pass) {
			replaces(analysis.Safe, "a=1", "a=\"1\"")(p)
			replaces(analysis.Safe, "a=\"1\"", "a=1")(p)
			replaces(analysis.Safe, "RUN true", "RUN  true")(p)
		}, "finds no rest"},
	} {
		j := &judge{ctx: t.Context(), rules: faulty(c.run), orders: 8, seed: 1}
		in := analysis.Input{Path: "Dockerfile", Content: text}
		trial := &trial{judge: j}
		report := analysis.Check(in, j.rules)
		trial.eachAlone(in, report)
		trial.inOrders(in, report)
		var kinds []string
		for _, w := range trial.wrong {
			kinds = append(kinds, w.kind)
		}
		slices.Sort(kinds)
		if got := strings.Join(slices.Compact(kinds), ","); got != c.want || !trial.walked || trial.steps == 0 {
			t.Errorf("%s: wrong are %q after %d steps, want %q", c.name, got, trial.steps, c.want)
		}
	}
}

// Each distinct text is judged once, and told in order.
func TestEach(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a": text, "b": text, "c": "FROM debian:12\nNOPE x\n", "d": "FROM debian:12\n"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "Dockerfile"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j := &judge{ctx: t.Context(), rules: rules.All(), alone: true}
	total := newTally()
	pool.InOrder(t.Context(), distinct(discover.Find([]string{dir}, discover.Options{}).Files, 0), j.look, total.add)
	if total.files != 3 || total.refused != 1 || total.defects != 0 || total.changed[safely] != 1 || total.rules["package-cache"].safe != 1 {
		var out strings.Builder
		total.print(&out, 0)
		t.Errorf("%d files, %d refused\n%s", total.files, total.refused, out.String())
	}
}
