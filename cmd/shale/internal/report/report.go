// Package report writes findings in the formats that people and programs read.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// A File is what there is to tell about one Dockerfile.
type File struct {
	Path        string // as the user knows it
	Content     string // the text that the findings' spans refer to
	Lines       *source.Lines
	Diagnostics []analysis.Diagnostic
	Applied     []Applied
	Err         error // why the file could not be worked on, or not to the end
}

// Applied is a fix that was made.
type Applied struct {
	Rule, Title string
	Line        int // from 1, in the text before any fix; 0 when it is not known
}

// A Format names a way to write findings.
type Format string

const (
	Text       Format = "text"
	JSON       Format = "json"
	SARIF      Format = "sarif"      // GitHub code scanning, editors
	RDJSON     Format = "rdjson"     // reviewdog
	RDJSONL    Format = "rdjsonl"    // reviewdog, one finding a line
	GitHub     Format = "github"     // annotations of a workflow run
	GitLab     Format = "gitlab"     // Code Quality
	Checkstyle Format = "checkstyle" // Jenkins and its like
	JUnit      Format = "junit"      // test reports
	Markdown   Format = "markdown"   // a summary for people
)

// Formats lists every format, the default first.
func Formats() []Format {
	return []Format{Text, JSON, SARIF, RDJSON, RDJSONL, GitHub, GitLab, Checkstyle, JUnit, Markdown}
}

// CarriesEdits reports whether the format hands out edits, which are only handed
// out once they are proven.
func (f Format) CarriesEdits() bool {
	switch f {
	case JSON, SARIF, RDJSON, RDJSONL:
		return true
	}
	return false
}

// A Writer writes files, one after the other, in one format. Its methods return
// the error of the stream below it.
type Writer interface {
	File(File) error
	Close() error // writes what ends the report
}

// Options say how a report looks. The zero value is plain text about a check.
type Options struct {
	Color  bool
	Brief  bool                     // one line a finding and its reasons, without the source
	Fixed  string                   // what was done with fixes: "fixed", "would fix"; "" when nothing was to be done
	Unsafe bool                     // unsafe fixes were to be made too
	URL    func(rule string) string // a rule's page; nil for none
	Tally  *Tally                   // counts for the last line of the text format

	// For formats that other programs read.
	Rules   []*analysis.Rule         // those that ran
	Version string                   // of Shale; "" if it is no release
	Path    func(path string) string // a path as consumers want it: relative to the working folder; nil to leave it
}

// path is a file's name for other programs.
func (o Options) path(p string) string {
	if o.Path == nil {
		return p
	}
	return o.Path(p)
}

// New returns a Writer of that format to w.
func New(f Format, w io.Writer, o Options) Writer {
	if o.Tally == nil {
		o.Tally = new(Tally)
	}
	if o.URL == nil {
		o.URL = func(string) string { return "" }
	}
	switch f {
	case JSON:
		return &jsonWriter{w: w, o: o}
	case SARIF:
		return newSARIF(w, o)
	case RDJSON:
		return &rdWriter{w: w, o: o}
	case RDJSONL:
		return &rdWriter{w: w, o: o, lines: true}
	case GitHub:
		return &githubWriter{w: w, o: o}
	case GitLab:
		return &gitlabWriter{w: w, o: o}
	case Checkstyle:
		return &checkstyleWriter{w: w, o: o}
	case JUnit:
		return &junitWriter{w: w, o: o}
	case Markdown:
		return &markdownWriter{w: w, o: o}
	}
	return &textWriter{w: w, o: o, style: newStyle(o.Color)}
}

// A Tally counts what was found.
type Tally struct {
	Files      int // worked on
	Found      int // files with findings
	BySeverity [analysis.Error + 1]int
	Safe       int // findings that `shale fix` mends
	Unsafe     int // findings that only `shale fix --unsafe` mends
	Applied    int // fixes made
	Changed    int // files that they changed
	Failed     int // files that could not be worked on
}

// Add counts one file.
func (t *Tally) Add(f File) {
	t.Files++
	if f.Err != nil {
		t.Failed++
	}
	if len(f.Applied) > 0 {
		t.Changed++
		t.Applied += len(f.Applied)
	}
	if len(f.Diagnostics) > 0 {
		t.Found++
	}
	for _, d := range f.Diagnostics {
		t.BySeverity[d.Severity]++
		switch best(d) {
		case analysis.Safe:
			t.Safe++
		case analysis.Unsafe:
			t.Unsafe++
		}
	}
}

// Findings is the number of findings at every severity.
func (t *Tally) Findings() int {
	n := 0
	for _, k := range t.BySeverity {
		n += k
	}
	return n
}

// AtLeast is the number of findings at or above a severity.
func (t *Tally) AtLeast(s analysis.Severity) int {
	n := 0
	for ; s <= analysis.Error; s++ {
		n += t.BySeverity[s]
	}
	return n
}

// best is the best safety among a finding's fixes.
func best(d analysis.Diagnostic) analysis.Safety {
	b := analysis.Display
	for _, f := range d.Fixes {
		b = max(b, f.Safety)
	}
	return b
}

// advice is a finding in one line: what is wrong, what it gains to mend it, and
// how that is done.
func advice(d analysis.Diagnostic) string {
	out := strings.TrimRight(d.Message, ".")
	if gain := gainBeside(d); gain != "" {
		out += " (" + gain + ")"
	}
	out += "."
	for _, fix := range d.Fixes[:min(1, len(d.Fixes))] {
		switch fix.Safety {
		case analysis.Safe:
			out += " `shale fix` mends it: " + fix.Title + "."
		case analysis.Unsafe:
			out += " `shale fix --unsafe` mends it: " + fix.Title + "."
		}
	}
	return out
}

// problem is why a file could not be worked on, without its name.
func problem(f File) string { return strings.TrimPrefix(f.Err.Error(), f.Path+": ") }

// gainBeside is a finding's gain, without bytes that its message names.
func gainBeside(d analysis.Diagnostic) string {
	g := d.Gain
	if strings.Contains(d.Message, Bytes(g.Bytes)) {
		g.Bytes = 0
	}
	return GainWords(g)
}

// GainWords tells a gain in a few words, "" when there is none.
func GainWords(g analysis.Gain) string {
	var parts []string
	if g.Bytes > 0 {
		parts = append(parts, Bytes(g.Bytes)+" no longer shipped")
	}
	if g.Steps > 0 {
		parts = append(parts, Plural(g.Steps, "step")+" no longer rerun")
	}
	return strings.Join(parts, ", ")
}

// Bytes writes a size in decimal units, as docker does.
func Bytes(n int64) string {
	v, units := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if i > 0 && v < 9.95 {
		return fmt.Sprintf("%.1f %s", v, units[i])
	}
	return fmt.Sprintf("%.0f %s", v, units[i])
}

// Plural writes a number with its noun.
func Plural(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "x"):
		one += "e"
	}
	return fmt.Sprintf("%d %ss", n, one)
}
