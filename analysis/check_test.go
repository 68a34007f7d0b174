package analysis_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis"
)

// everyRun reports each RUN, so that what silences it can be seen.
var everyRun = analysis.Rule{
	Name: "every-run", Aliases: []string{"DL3059", "MultipleRuns"}, Severity: analysis.Warning,
	Run: func(p *analysis.Pass) {
		for _, in := range p.Doc.Instructions {
			if in.Name == "run" {
				p.Report(analysis.Diagnostic{Span: in.Keyword, Message: in.Body.String()})
			}
		}
	},
}

func messages(r *analysis.Report) []string {
	var out []string
	for _, d := range r.Diagnostics {
		out = append(out, d.Rule+" "+d.Severity.String()+" "+d.Message)
	}
	return out
}

func TestIgnoreComments(t *testing.T) {
	const two = "FROM debian:12\n%s\nRUN a\nRUN b\n"
	for comment, want := range map[string]string{
		"# plain":                                       "a b",
		"# shale ignore=every-run":                      "b",
		"# shale ignore = every-run":                    "b",
		"# shale ignore=every-run the mirror is slow":   "b",
		"# shale ignore=merge-runs,every-run: see #12":  "b",
		"# shale ignore=merge-runs":                     "a b",
		"#shale ignore=every-run":                       "b",
		"# shale ignore-file=every-run":                 "",
		"# shale ignore-file=every-run\n\n# a blank":    "",
		"LABEL a=b\n# shale ignore-file=every-run\n":    "",
		"# hadolint ignore=DL3008,DL3059":               "b",
		"# hadolint ignore=dl3059":                      "b",
		"# hadolint global ignore=DL3059":               "",
		"# check=skip=MultipleRuns":                     "b",
		"# check=skip=Other,MultipleRuns;error=true":    "b",
		"# check=error=true":                            "a b",
		"# shale ignore=":                               "a b",
		"# shale ignore=every-run\n\n# a blank between": "a b",
		"# shale ignore=every-run\n# another comment":   "b",
	} {
		in := analysis.Input{Content: strings.Replace(two, "%s", comment, 1)}
		var got []string
		for _, d := range analysis.Check(in, []*analysis.Rule{&everyRun}).Diagnostics {
			got = append(got, d.Message)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q leaves %q, want %q", comment, s, want)
		}
	}
	in := analysis.Input{Content: "# check=skip=MultipleRuns\nFROM debian:12\nRUN a\nRUN b\n"}
	if got := messages(analysis.Check(in, []*analysis.Rule{&everyRun})); len(got) > 0 {
		t.Errorf("the directive leaves %q", got)
	}
}

func TestSyntaxErrorsDoNotHideFindings(t *testing.T) {
	in := analysis.Input{Content: "FROM debian:12\nRUN a\nRUM b\nRUN c\n"}
	want := []string{
		"every-run warning a",
		"syntax error unknown instruction: RUM (did you mean RUN?)",
		"every-run warning c",
	}
	if diff := cmp.Diff(want, messages(analysis.Check(in, []*analysis.Rule{&everyRun}))); diff != "" {
		t.Error(diff)
	}
}

func TestFailingRuleLeavesTheOthers(t *testing.T) {
	broken := analysis.Rule{Name: "broken", Severity: analysis.Warning, Run: func(*analysis.Pass) { panic("oops") }}
	report := analysis.Check(analysis.Input{Content: "FROM debian:12\nRUN a\n"}, []*analysis.Rule{&broken, &everyRun})
	if len(report.Faults) != 1 || !strings.Contains(report.Faults[0].Error(), "rule broken failed: oops") {
		t.Errorf("faults: %v", report.Faults)
	}
	if diff := cmp.Diff([]string{"every-run warning a"}, messages(report)); diff != "" {
		t.Error(diff)
	}
}

func TestOffRulesDoNotRun(t *testing.T) {
	off := everyRun
	off.Severity = analysis.Off
	if got := messages(analysis.Check(analysis.Input{Content: "FROM debian:12\nRUN a\n"}, []*analysis.Rule{&off})); len(got) > 0 {
		t.Errorf("an off rule reports %q", got)
	}
}

func TestNoFixesForWhatBuildKitRefuses(t *testing.T) {
	fixes := analysis.Rule{Name: "fixes", Severity: analysis.Warning, Run: func(p *analysis.Pass) {
		p.Report(analysis.Diagnostic{Message: "m", Fixes: []analysis.Fix{{Title: "f", Safety: analysis.Safe}}})
	}}
	for content, want := range map[string]int{"FROM debian:12\n": 1, "FROM debian:12\nRUM a\n": 0} {
		for _, d := range analysis.Check(analysis.Input{Content: content}, []*analysis.Rule{&fixes}).Diagnostics {
			if d.Rule == "fixes" && (len(d.Fixes) != want || len(d.Withheld) != 1-want) {
				t.Errorf("%q: %d fixes, withheld %q", content, len(d.Fixes), d.Withheld)
			}
		}
	}
}
