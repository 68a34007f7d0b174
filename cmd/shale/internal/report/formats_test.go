package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// hostile is what reports must survive: names that drive a terminal, are no
// UTF-8, or mean something in the format; characters of two UTF-16 units; fixes
// that create a file; a file that cannot be read.
func hostile() []File {
	rule := func(message string, fixes ...analysis.Fix) analysis.Diagnostic {
		return analysis.Diagnostic{Rule: "merge-runs", Severity: analysis.Warning, Message: message, Gain: analysis.Gain{Bytes: 20_300_000, Steps: 1}, Fixes: fixes}
	}
	edit := analysis.Edit{Edit: source.Edit{Span: source.Span{Start: 10, End: 11}, New: "é🚀\x1b[2J"}}
	creates := analysis.Edit{Path: "sub dir/.dockerignore", Edit: source.Insert(0, "node_modules\n")}
	wide := file("a b/é#?%:x/Dockerfile", "FROM a\nRUN 🚀 é «apt-get» update\n", rule("Two\nlines | <b>50%</b> `x` & \"y\" \u202e.",
		analysis.Fix{Title: "Merge 2 RUNs of @octo into one", Safety: analysis.Safe, Edits: []analysis.Edit{edit}},
		analysis.Fix{Title: "Ignore node_modules", Safety: analysis.Unsafe, Edits: []analysis.Edit{edit, creates}},
		analysis.Fix{Title: "Look here", Safety: analysis.Display}))
	wide.Diagnostics[0].Related = []analysis.Related{{Span: source.Span{Start: 0, End: 4}, Message: "the base"}}
	wide.Diagnostics[0].Withheld = []string{"it cannot be"}
	return []File{
		wide,
		file("evil\x1b]0;t\x07,\"'\xff\nx/Dockerfile", "FROM a\n«RUN \xff\x1b[31m»", analysis.Diagnostic{Rule: analysis.SyntaxRule, Severity: analysis.Error, Message: "no \x9b such instruction \xfe]]>"}),
		file("b/Dockerfile", "«»", analysis.Diagnostic{Rule: "info-only", Severity: analysis.Info, Message: "empty"}),
		{Path: "clean/Dockerfile", Content: "FROM a\n", Lines: source.NewLines("FROM a\n")},
		{Path: "gone\x1b", Err: errors.New("gone\x1b: no such file")},
	}
}

var someRules = []*analysis.Rule{
	{Name: "info-only", Severity: analysis.Off, Doc: analysis.Doc{Summary: "Tells", What: "What."}},
	{Name: "merge-runs", Severity: analysis.Warning, Best: analysis.Safe, Doc: analysis.Doc{Summary: "Merges", What: "What.", Why: "Why.", Silent: "When.", Fix: "How."}},
}

// options has what the command gives to formats for programs.
func options() Options {
	return Options{
		Rules: someRules, Version: "v1.2.3", Fixed: "fixed",
		URL:  func(rule string) string { return "https://example.org/" + rule },
		Path: func(p string) string { return filepath.ToSlash(filepath.Clean(p)) },
	}
}

// schema compiles one of the schemas that others publish.
func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "schema", name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	return v
}

func TestSARIFHoldsToItsSchema(t *testing.T) {
	s := schema(t, "sarif-2.1.0.json")
	valid(t, s, write(t, SARIF, options()))
	valid(t, s, write(t, SARIF, Options{}, hostile()...))
	valid(t, s, write(t, SARIF, options(), hostile()...))
}

func TestReviewdogHoldsToItsSchema(t *testing.T) {
	whole, one := schema(t, "DiagnosticResult.json"), schema(t, "Diagnostic.json")
	valid(t, whole, write(t, RDJSON, options()))
	valid(t, whole, write(t, RDJSON, options(), hostile()...))
	if got := write(t, RDJSONL, options()); got != "" {
		t.Errorf("nothing found: %q", got)
	}
	n := 0
	for line := range strings.Lines(write(t, RDJSONL, options(), hostile()...)) {
		valid(t, one, line)
		n++
	}
	if n != 3 {
		t.Errorf("%d lines, want one for each of 3 findings", n)
	}
}

// The place of a finding, in the columns that each format counts.
func TestColumns(t *testing.T) {
	wide := hostile()[:1]
	for format, want := range map[Format]string{
		SARIF:      `"startLine":2,"startColumn":10,"endLine":2,"endColumn":17`,                 // UTF-16
		RDJSON:     `"start":{"line":2,"column":13},"end":{"line":2,"column":20}`,               // bytes
		RDJSONL:    `"start":{"line":2,"column":13}`,                                            // bytes
		GitHub:     `file=a b/é#?%25%3Ax/Dockerfile,line=2,endLine=2,col=10,endColumn=17::Two\`, // UTF-16
		Checkstyle: `line="2" column="9"`,                                                       // code points
		GitLab:     `"lines":{"begin":2,"end":2}`,
	} {
		if got := write(t, format, options(), wide...); !strings.Contains(got, want) {
			t.Errorf("%s: want %s in\n%s", format, want, got)
		}
	}
}

func TestSARIFNamesFiles(t *testing.T) {
	s := &sarifWriter{}
	for path, want := range map[string]sarifArtifact{
		"Dockerfile":              {"Dockerfile", "SRCROOT"},
		"a b/é#?%:x/Dockerfile":   {"a%20b/%C3%A9%23%3F%25%3Ax/Dockerfile", "SRCROOT"},
		"evil\x1b/\xff":           {"evil%1B/%FF", "SRCROOT"},
		"../other/Dockerfile":     {"../other/Dockerfile", "SRCROOT"},
		"/srv/a b/Dockerfile":     {URI: "file:///srv/a%20b/Dockerfile"},
		`C:\Users\me\Dockerfile`:  {URI: "file:///C%3A/Users/me/Dockerfile"},
		"http://x.org/Dockerfile": {"http%3A//x.org/Dockerfile", "SRCROOT"},
	} {
		if got := s.artifact(path); got != want {
			t.Errorf("%q: %+v, want %+v", path, got, want)
		}
	}
}

// Fixes of SARIF and suggestions of reviewdog, applied, make the text that the
// edits make; what is only shown is no fix.
func TestEditsAreWhole(t *testing.T) {
	content := "FROM a\nRUN é x \\\n  y\r\nRUN z"
	edits := []analysis.Edit{
		{Edit: source.Edit{Span: source.Span{Start: 14, End: 15}, New: "🚀"}},
		{Edit: source.Delete(source.Span{Start: 20, End: 23})},
	}
	f := File{Path: "Dockerfile", Content: content, Lines: source.NewLines(content), Diagnostics: []analysis.Diagnostic{{
		Rule: "merge-runs", Severity: analysis.Warning, Message: "m", Span: source.Span{Start: 7, End: 10},
		Fixes: []analysis.Fix{{Title: "t", Safety: analysis.Safe, Edits: edits}, {Title: "shown", Safety: analysis.Display, Edits: edits}},
	}}}
	want := "FROM a\nRUN é 🚀 \\\n  RUN z"
	got, ok := suggestion(f, f.Diagnostics[0].Fixes[0])
	if diff := cmp.Diff(rdSuggestion{rdRange{rdPosition{Line: 2}, rdPosition{Line: 4}}, strings.SplitN(want, "\n", 2)[1]}, got); !ok || diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var log struct {
		Runs []struct {
			Results []struct{ Fixes []sarifFix }
		}
	}
	if err := json.Unmarshal([]byte(write(t, SARIF, options(), f)), &log); err != nil {
		t.Fatal(err)
	}
	fixes := log.Runs[0].Results[0].Fixes
	if len(fixes) != 1 {
		t.Fatalf("%d fixes, want the one that may be made", len(fixes))
	}
	var back []source.Edit
	for _, r := range fixes[0].Changes[0].Replacements {
		at := func(line, column int) int {
			return f.Lines.Offset(source.Position{Line: line - 1, Column: column - 1}, source.UTF16)
		}
		e := source.Delete(source.Span{Start: at(r.Deleted.StartLine, r.Deleted.StartColumn), End: at(r.Deleted.EndLine, r.Deleted.EndColumn)})
		if r.Inserted != nil {
			e.New = r.Inserted.Text
		}
		back = append(back, e)
	}
	if got, err := source.Apply(content, back); err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// A suggestion never ends behind the last line, and takes its line end with it.
func TestSuggestionAtTheEnd(t *testing.T) {
	for _, tt := range []struct {
		content    string
		start, end int
		text       string
		want       rdSuggestion
	}{
		{"FROM a\nRUN b\n", 7, 13, "", rdSuggestion{rdRange{rdPosition{Line: 2}, rdPosition{Line: 2}}, ""}},
		{"FROM a\nRUN b\n", 13, 13, "RUN c\n", rdSuggestion{rdRange{rdPosition{Line: 3}, rdPosition{Line: 3}}, "RUN c"}},
		{"FROM a\r\nRUN b\r\n", 12, 13, "c", rdSuggestion{rdRange{rdPosition{Line: 2}, rdPosition{Line: 2}}, "RUN c"}},
		{"FROM a\nRUN b\nRUN c", 7, 13, "", rdSuggestion{rdRange{rdPosition{Line: 2}, rdPosition{Line: 3}}, "RUN c"}},
	} {
		f := File{Content: tt.content, Lines: source.NewLines(tt.content)}
		fix := analysis.Fix{Safety: analysis.Safe, Edits: []analysis.Edit{{Edit: source.Edit{Span: source.Span{Start: tt.start, End: tt.end}, New: tt.text}}}}
		got, ok := suggestion(f, fix)
		if diff := cmp.Diff(tt.want, got); !ok || diff != "" {
			t.Errorf("%q: (-want +got)\n%s", tt.content, diff)
		}
	}
}

// The values are what github/codeql-action's own code computes.
func TestLineHashes(t *testing.T) {
	for _, tt := range []struct {
		content string
		want    map[int]string
	}{
		{"", map[int]string{1: "c129715d7a2bc9a3:1"}},
		{"FROM debian:12\r\nRUN  apt-get update\r\r\n\tRUN é 🚀 \"x\"\n\nRUN  apt-get update\nRUN  apt-get update", map[int]string{
			1: "711b42d5cab8da40:1", 2: "e08a82831d7168f2:1", 3: "29050e2bc3fab2ba:1", 4: "f59ae64d541b4278:1",
			5: "427a531c88c398b:1", 6: "a19aba2bfd23bead:1", 7: "cbf5f3873d50fb01:1",
		}},
		{fmt.Sprintf("RUN echo %0150d\nCMD [\"a\"]\n", 7), map[int]string{1: "2851e5ad2db6403c:1", 2: "d5c7256acc622e:1", 3: "c129715d7a2bc9a3:1"}},
	} {
		if diff := cmp.Diff(tt.want, lineHashes(tt.content, slices.Collect(maps.Keys(tt.want)))); diff != "" {
			t.Errorf("%q (-want +got)\n%s", tt.content, diff)
		}
	}
	many := lineHashes(strings.Repeat("FROM a\n", 30), []int{31, 1, 14, 15})
	if many[1] != "c663d0744ba0958:1" || many[14] != "c663d0744ba0958:14" || many[15] != "c663d080a5e66d3:1" || many[31] != "c129715d7a2bc9a3:1" {
		t.Errorf("equal lines: %v", many)
	}
}

func TestFingerprintsSurviveMovedLines(t *testing.T) {
	runs := func(content string) []string {
		var ds []analysis.Diagnostic
		for i := range content {
			if strings.HasPrefix(content[i:], "RUN") {
				end := i + strings.Index(content[i:]+"\n", "\n")
				ds = append(ds, analysis.Diagnostic{Rule: "merge-runs", Span: source.Span{Start: i, End: end}})
			}
		}
		return Fingerprints(content, ds)
	}
	before := runs("FROM a\nRUN x  y\nRUN z\nRUN z\n")
	after := runs("# c\n\nFROM a\nRUN z\nENV A=b\n\tRUN x y\nRUN z\nRUN z\n")
	want := []string{before[1], before[0], before[2], before[1] + "-3"}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// GitLab publishes no schema; these are the fields that it requires, and what
// they may hold.
func TestGitLab(t *testing.T) {
	if got := write(t, GitLab, options()); got != "[]\n" {
		t.Errorf("nothing found: %q", got)
	}
	var issues []struct {
		Description string
		Check       string `json:"check_name"`
		Fingerprint string
		Severity    string
		Location    struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal([]byte(write(t, GitLab, options(), append(hostile(), hostile()[0])...)), &issues); err != nil {
		t.Fatal(err)
	}
	for _, i := range issues {
		if i.Description == "" || i.Check == "" || len(i.Fingerprint) < 16 || i.Location.Path == "" || strings.HasPrefix(i.Location.Path, "./") || i.Location.Lines.Begin < 1 ||
			!strings.Contains(" info minor major critical blocker ", " "+i.Severity+" ") {
			t.Errorf("%+v", i)
		}
	}
	if len(issues) != 4 || issues[0].Fingerprint == issues[1].Fingerprint {
		t.Errorf("%d issues, fingerprints %q and %q", len(issues), issues[0].Fingerprint, issues[1].Fingerprint)
	}
}

// What comes out is one document, and none of it can drive a terminal.
func TestFormatsAreHarmless(t *testing.T) {
	for _, f := range Formats() {
		got := write(t, f, options(), hostile()...)
		for _, r := range strings.NewReplacer("\n", "", "\t", "").Replace(got) {
			if dangerous(r, len(string(r))) {
				t.Errorf("%s: %q is in it raw:\n%q", f, r, got)
				break
			}
		}
		switch f {
		case Checkstyle, JUnit:
			wellFormed(t, got)
			wellFormed(t, write(t, f, options()))
		case GitHub:
			if n := strings.Count(got, "\n"); n != 4 {
				t.Errorf("%d commands, want 4:\n%s", n, got)
			}
		}
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	var v struct{ XMLName xml.Name }
	if err := xml.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestMarkdown(t *testing.T) {
	got := write(t, Markdown, options(), hostile()...)
	const golden = "testdata/markdown.md"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
