package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// file makes a File in whose content «…» marks the span of one finding.
func file(path, marked string, d analysis.Diagnostic) File {
	start := strings.Index(marked, "«")
	content := strings.Replace(marked, "«", "", 1)
	end := strings.Index(content, "»")
	content = strings.Replace(content, "»", "", 1)
	d.Span = source.Span{Start: start, End: end}
	return File{Path: path, Content: content, Lines: source.NewLines(content), Diagnostics: []analysis.Diagnostic{d}}
}

func write(t *testing.T, f Format, o Options, files ...File) string {
	t.Helper()
	var b bytes.Buffer
	w := New(f, &b, o)
	for _, f := range files {
		if err := w.File(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDraw(t *testing.T) {
	long := strings.Repeat("lib-xyz ", 40)
	for _, tt := range []struct{ name, content, want string }{
		{"one word", "FROM debian\nRUN «apt-get» update\n", `
2 | RUN apt-get update
  |     ^^^^^^^`},
		{"a tab counts four columns", "\tRUN\t«make»\tall\n", `
1 |     RUN    make    all
  |            ^^^^`},
		{"wide characters take two columns", "LABEL 作者=«张三»\n", `
1 | LABEL 作者=张三
  |            ^^^^`},
		{"an accent made of two code points", "LABEL e\u0301=«x»\n", "\n1 | LABEL e\u0301=x\n  |         ^"},
		{"emoji", "RUN echo 🚀 «&&» true\n", `
1 | RUN echo 🚀 && true
  |             ^^`},
		{"a place between two characters", "RUN apt-get install«» curl\n", `
1 | RUN apt-get install curl
  |                    ^`},
		{"the end of a line", "RUN ls«»\n", `
1 | RUN ls
  |       ^`},
		{"with its line end", "«RUN ls\r\n»RUN id\r\n", `
1 | RUN ls
  | ^^^^^^`},
		{"an empty file", "«»", `
1 |
  | ^`},
		{"after the last line end", "FROM a\n«»", `
2 |
  | ^`},
		{"escape sequences stand as text", "RUN echo \x1b[31m«red»\n", `
1 | RUN echo \x1b[31mred
  |                  ^^^`},
		{"two lines", "FROM a\n«RUN apt-get update \\\n && apt-get install -y git»\n", `
2 | / RUN apt-get update \
3 | |  && apt-get install -y git
  | |__________________________^`},
		{"from the middle of a line", "RUN cd /x; «git clone \\\n  https://example.org/a.git»\n", `
1 |   RUN cd /x; git clone \
  |  ____________^
2 | |   https://example.org/a.git
  | |___________________________^`},
		{"many lines", "«RUN a \\\n b \\\n c \\\n d \\\n e \\\n f \\\n g»\n", `
1 | / RUN a \
2 | |  b \
3 | |  c \
4 | |  d \
… | |
7 | |  g
  | |__^`},
		{"a long line around a short span", "RUN apt-get install " + long + "«curl» " + long, `
1 | …lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz curl lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz…
  |                                                  ^^^^`},
		{"a long span in a line that fits", "CMD «" + long[:80] + "»\n", "\n1 | CMD " + strings.TrimRight(long[:80], " ") + "\n  |     " + strings.Repeat("^", 80)},
		{"a long span", "RUN «" + long + "»\n", `
1 | RUN lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz lib-xyz li…
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := file("Dockerfile", tt.content, analysis.Diagnostic{})
			var got strings.Builder
			for _, r := range draw(f.Content, f.Lines, f.Diagnostics[0].Span) {
				fmt.Fprintf(&got, "\n%s", strings.TrimRight(fmt.Sprintf("%1s | %s", r.number, r.text), " "))
			}
			if diff := cmp.Diff(tt.want, got.String()); diff != "" {
				t.Errorf("(-want +got)\n%s\n%s", diff, got.String())
			}
		})
	}
}

// Whatever the text and the span, the drawing is of bounded size, harmless to a
// terminal, and its carets stand under what is shown.
func FuzzDraw(f *testing.F) {
	f.Add("RUN apt-get update\n", 4, 11)
	f.Add("\tRUN\x00\x1b[31m é 🚀 "+strings.Repeat("長", 90)+"\r\nRUN b\r\rRUN", 2, 300)
	f.Add(strings.Repeat("\x00\xff\u202e", 80), 3, 90)
	f.Add("a\nb\nc\nd\ne\nf\ng\nh", 1, 14)
	f.Fuzz(func(t *testing.T, content string, start, end int) {
		rows := draw(content, source.NewLines(content), source.Span{Start: start, End: end})
		if len(rows) < 2 || len(rows) > snippetLines+2 {
			t.Fatalf("%d rows", len(rows))
		}
		for _, r := range rows {
			if !harmless(r.text) {
				t.Errorf("%q would reach a terminal", r.text)
			}
			if w := measureAll(r.text); w > snippetWidth+4 {
				t.Errorf("%d columns: %q", w, r.text)
			}
		}
	})
}

// A line of 20 MB is drawn without walking all of it once a finding.
func TestDrawHugeLine(t *testing.T) {
	content := "RUN " + strings.Repeat("x", 20<<20)
	lines := source.NewLines(content)
	allocs := testing.AllocsPerRun(3, func() {
		draw(content, lines, source.Span{Start: 10 << 20, End: 10<<20 + 5})
		draw(content, lines, source.Span{Start: 0, End: len(content)})
	})
	if allocs > 2000 {
		t.Errorf("%v allocations", allocs)
	}
}

var mergeRuns = analysis.Diagnostic{
	Rule: "merge-runs", Severity: analysis.Warning,
	Message: "The package lists of line 2 ship in a layer of their own.",
	Gain:    analysis.Gain{Bytes: 20_300_000, Steps: 1},
	Related: []analysis.Related{{Span: source.Span{Start: 0, End: 4}, Message: "the base"}},
	Fixes: []analysis.Fix{
		{Title: "Merge 2 RUNs into 1", Safety: analysis.Safe, Edits: []analysis.Edit{{Edit: source.Edit{Span: source.Span{Start: 32, End: 37}, New: " && "}}}},
		{Title: "Use a cache mount", Safety: analysis.Unsafe},
	},
}

const aptRuns = "FROM debian:12\nRUN apt-get update\n«RUN apt-get install -y é git»\n"

// A line is named once, however many places on it explain a finding.
func TestRelated(t *testing.T) {
	content := "FROM a\nRUN curl -o a && curl -o b\nRUN «rm a b»\n"
	d := analysis.Diagnostic{Rule: "late-cleanup", Severity: analysis.Warning, Message: "It ships.", Related: []analysis.Related{
		{Span: source.Span{Start: 11, End: 20}, Message: "made here"},
		{Span: source.Span{Start: 24, End: 33}, Message: "made here"},
		{Span: source.Span{Start: 24, End: 33}, Message: "copied here"},
	}}
	got := write(t, Text, Options{Brief: true}, file("Dockerfile", content, d))
	want := "Dockerfile:3:5: warning: It ships. [late-cleanup]\n  = see line 2: made here\n  = see line 2: copied here\n"
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Two findings that the same edits mend ask for one fix.
func TestSameFix(t *testing.T) {
	f := file("Dockerfile", aptRuns, mergeRuns)
	other := f.Diagnostics[0]
	other.Rule, other.Fixes = "late-cleanup", other.Fixes[:1]
	f.Diagnostics = append(f.Diagnostics, other)
	got := write(t, Text, Options{Brief: true}, f)
	if want := "= fix: Merge 2 RUNs into 1 (the same as above)\n"; strings.Count(got, "Merge 2 RUNs into 1 (safe;") != 1 || strings.Count(got, want) != 1 {
		t.Errorf("got\n%s", got)
	}
}

func TestText(t *testing.T) {
	copyFirst := analysis.Diagnostic{
		Rule: "copy-before-install", Severity: analysis.Info, Message: "Each change of a source file installs again.",
		Withheld: []string{"node_modules is not in .dockerignore"},
	}
	refused := analysis.Diagnostic{Rule: "syntax", Severity: analysis.Error, Message: "unknown instruction: RUNN\x1b[2J\nhere"}
	got := write(t, Text, Options{},
		file("Dockerfile", aptRuns, mergeRuns),
		file("web/Dockerfile", "FROM node\n«COPY . .»\nRUN npm ci\n", copyFirst),
		file("evil\x1b]0;title\x07/Dockerfile", "FROM a\n«RUNN b»\n", refused),
		File{Path: "gone", Err: errors.New("no such file")})
	want := `Dockerfile:3:1: warning: The package lists of line 2 ship in a layer of their own. [merge-runs]
  3 | RUN apt-get install -y é git
    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    = see line 1: the base
    = gain: 20 MB no longer shipped, 1 step no longer rerun
    = fix: Merge 2 RUNs into 1 (safe; ` + "`shale fix`" + ` applies it)
    = or: Use a cache mount (unsafe, offered in an editor)

web/Dockerfile:2:1: info: Each change of a source file installs again. [copy-before-install]
  2 | COPY . .
    | ^^^^^^^^
    = no safe fix: node_modules is not in .dockerignore

evil\x1b]0;title\x07/Dockerfile:2:1: error: unknown instruction: RUNN\x1b[2J\x0ahere [syntax]
  2 | RUNN b
    | ^^^^^^

3 findings in 3 files (1 error, 1 warning, 1 info); ` + "`shale fix`" + ` mends 1; 1 file could not be worked on
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// BuildKit's message may repeat a line of 64 KB.
func TestTextLongMessage(t *testing.T) {
	d := analysis.Diagnostic{Rule: "syntax", Severity: analysis.Error, Message: "unknown instruction: " + strings.Repeat("\x00", 60_000)}
	got := write(t, Text, Options{Brief: true}, file("Dockerfile", "«»\n", d))
	if head := "Dockerfile:1:1: error: unknown instruction: \\x00\\x00"; !strings.HasPrefix(got, head) || len(got) > 500 || !strings.Contains(got, "… [syntax]") {
		t.Errorf("%d bytes: %.600s", len(got), got)
	}
}

func TestTextColor(t *testing.T) {
	f := file("Dockerfile", aptRuns, mergeRuns)
	colored := write(t, Text, Options{Color: true}, f)
	for _, want := range []string{"\x1b[1mDockerfile:3:1:\x1b[", "\x1b[33;1mwarning:\x1b[", "\x1b[32mfix:\x1b["} {
		if !strings.Contains(colored, want) {
			t.Errorf("no %q in\n%q", want, colored)
		}
	}
	if plain := write(t, Text, Options{}, f); strings.Contains(plain, "\x1b") {
		t.Errorf("an escape in %q", plain)
	}
}

func TestTextFix(t *testing.T) {
	f := file("Dockerfile", "FROM node\n«COPY . .»\nRUN npm ci\n", analysis.Diagnostic{
		Rule: "copy-before-install", Severity: analysis.Warning, Message: "Each change of a source file installs again.",
		Withheld: []string{"node_modules is not in .dockerignore"},
	})
	f.Applied = []Applied{{Rule: "merge-runs", Title: "Merge 2 RUNs into 1", Line: 4}}
	got := write(t, Text, Options{Brief: true, Fixed: "fixed"}, f, File{Path: "b/Dockerfile"})
	want := `Dockerfile:4: fixed: Merge 2 RUNs into 1 [merge-runs]
Dockerfile:2:1: warning: Each change of a source file installs again. [copy-before-install]
  = no safe fix: node_modules is not in .dockerignore
fixed 1 finding in 1 file; 1 remains in 1 file (1 warning)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSummary(t *testing.T) {
	warning := [analysis.Error + 1]int{analysis.Warning: 2}
	for _, tt := range []struct {
		fixed string
		tally Tally
		want  string
	}{
		{"", Tally{}, ""},
		{"", Tally{Files: 1}, "nothing found in 1 file"},
		{"", Tally{Files: 3, Failed: 1}, "nothing found in 2 files; 1 file could not be worked on"},
		{"", Tally{Files: 1, Found: 1, BySeverity: warning, Unsafe: 2}, "2 findings in 1 file (2 warnings); `shale fix --unsafe` mends 2"},
		{"", Tally{Files: 1, Found: 1, BySeverity: warning, Safe: 1, Unsafe: 1}, "2 findings in 1 file (2 warnings); `shale fix` mends 1, with --unsafe 1 more"},
		{"fixed", Tally{Files: 1, Found: 1, BySeverity: warning, Safe: 1, Unsafe: 1}, "fixed nothing; 2 remain in 1 file (2 warnings); `shale fix --unsafe` mends 1"},
		{"fixed", Tally{Files: 2, Applied: 3, Changed: 2}, "fixed 3 findings in 2 files"},
		{"fixed", Tally{Files: 2}, "nothing found in 2 files"},
	} {
		w := textWriter{o: Options{Fixed: tt.fixed, Tally: &tt.tally}}
		if got := w.summary(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.tally, got, tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	clean := File{Path: "clean/Dockerfile", Content: "FROM a\n", Lines: source.NewLines("FROM a\n")}
	url := func(rule string) string { return "https://example.org/" + rule }
	got := write(t, JSON, Options{URL: url},
		file("Dockerfile", aptRuns, mergeRuns), clean, File{Path: "gone\u202e", Err: errors.New("no \x9b such file")})
	want := `{"version":1,"files":[
{"path":"Dockerfile","diagnostics":[{"rule":"merge-runs","severity":"warning","message":"The package lists of line 2 ship in a layer of their own.","gain":{"bytes":20300000,"steps":1},"range":{"start":{"line":3,"column":1},"end":{"line":3,"column":29}},"related":[{"range":{"start":{"line":1,"column":1},"end":{"line":1,"column":5}},"message":"the base"}],"fixes":[{"title":"Merge 2 RUNs into 1","safety":"safe","edits":[{"range":{"start":{"line":2,"column":18},"end":{"line":3,"column":4}},"text":" && "}]},{"title":"Use a cache mount","safety":"unsafe","edits":[]}],"url":"https://example.org/merge-runs"}]},
{"path":"gone\u202e","error":"no \ufffd such file","diagnostics":[]}
]}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var back struct{ Files []struct{ Path string } }
	if err := json.Unmarshal([]byte(got), &back); err != nil || back.Files[1].Path != "gone\u202e" {
		t.Errorf("read back as %+v, %v", back, err)
	}
	if got := write(t, JSON, Options{}, clean); got != `{"version":1,"files":[]}`+"\n" {
		t.Errorf("nothing found: %s", got)
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                 "plain",
		"café 🚀 👩\u200d💻":       "café 🚀 👩\u200d💻",
		"\x1b[2J":               `\x1b[2J`,
		"a\tb\r\n":              `a\x09b\x0d\x0a`,
		"\u009b31m":             `\u009b31m`,
		"\u202egnp.exe":         `\u202egnp.exe`,
		"\xff\xfe":              `\xff\xfe`,
		"\U000e0041":            `\U000e0041`,
		"\ufffd is a character": "\ufffd is a character",
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 20_300_000: "20 MB", 999_600: "1.0 MB", 9_940_000: "9.9 MB", 1 << 62: "4.6 EB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}
