package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// A style colours parts of the text format, or leaves them as they are.
type style struct {
	bold, dim, gutter, good, held *color.Color
	severity                      [analysis.Error + 1]*color.Color
}

func newStyle(on bool) style {
	mk := func(attrs ...color.Attribute) *color.Color {
		c := color.New(attrs...)
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	s := style{
		bold:   mk(color.Bold),
		dim:    mk(color.Faint),
		gutter: mk(color.FgBlue),
		good:   mk(color.FgGreen),
		held:   mk(color.FgYellow),
	}
	s.severity = [...]*color.Color{mk(), mk(color.FgCyan, color.Bold), mk(color.FgYellow, color.Bold), mk(color.FgRed, color.Bold)}
	return s
}

type textWriter struct {
	w     io.Writer
	o     Options
	style style
}

func (t *textWriter) File(f File) error {
	t.o.Tally.Add(f)
	var b bytes.Buffer
	path := t.style.bold.Sprint(Visible(f.Path))
	for _, a := range f.Applied {
		at := path
		if a.Line > 0 {
			at = t.style.bold.Sprintf("%s:%d", Visible(f.Path), a.Line)
		}
		fmt.Fprintf(&b, "%s: %s: %s %s\n", at, t.style.good.Sprint(t.o.Fixed), Visible(a.Title), t.rule(a.Rule))
	}
	shown := map[string]bool{}
	for _, d := range f.Diagnostics {
		t.diagnostic(&b, f, d, shown)
	}
	_, err := t.w.Write(b.Bytes())
	return err
}

// message is what a finding says; BuildKit's may repeat a line of 64 KB.
func message(s string) string {
	const most = 400
	if len(s) <= most {
		return Visible(s)
	}
	cs, _ := cells(s, most/2)
	return join(cs) + "…"
}

func (t *textWriter) rule(name string) string { return t.style.dim.Sprint("[" + Visible(name) + "]") }

// diagnostic writes a finding. shown are the edits that the file's findings before it
// offered: several may ask for the same ones.
func (t *textWriter) diagnostic(b *bytes.Buffer, f File, d analysis.Diagnostic, shown map[string]bool) {
	fmt.Fprintf(b, "%s %s %s %s\n",
		t.style.bold.Sprint(place(f, d.Span)+":"),
		t.style.severity[d.Severity].Sprint(d.Severity.String()+":"),
		message(d.Message), t.rule(d.Rule))
	gutter := 0
	if !t.o.Brief {
		rows := draw(f.Content, f.Lines, d.Span)
		for _, r := range rows {
			gutter = max(gutter, len(r.number))
		}
		for _, r := range rows {
			text := r.text
			if r.marks {
				text = t.style.severity[d.Severity].Sprint(text)
			}
			// "…" is three bytes and one column.
			pad := strings.Repeat(" ", gutter-len([]rune(r.number)))
			line := fmt.Sprintf("  %s %s %s", pad+t.style.gutter.Sprint(r.number), t.style.gutter.Sprint("|"), text)
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		gutter += 2
	}
	note := func(format string, args ...any) {
		fmt.Fprintf(b, "  %s%s %s\n", strings.Repeat(" ", max(gutter-1, 0)), t.style.gutter.Sprint("="), fmt.Sprintf(format, args...))
	}
	var seen []string
	for _, r := range d.Related {
		// Two places on one line are one here.
		if see := fmt.Sprintf("see line %d: %s", f.Lines.Line(r.Span.Start)+1, Visible(r.Message)); !slices.Contains(seen, see) {
			seen = append(seen, see)
			note("%s", see)
		}
	}
	if gain := GainWords(d.Gain); gain != "" {
		note("gain: %s", gain)
	}
	for _, reason := range d.Withheld {
		note("%s %s", t.style.held.Sprint("no safe fix:"), Visible(reason))
	}
	for i, fix := range d.Fixes {
		label, how := t.style.good.Sprint("fix:"), ""
		if i > 0 {
			label = t.style.good.Sprint("or:")
		}
		edits := fmt.Sprint(fix.Edits)
		switch {
		case shown[edits]:
			how = "the same as above"
		case i > 0:
			how = fix.Safety.String() + ", offered in an editor"
		case t.o.Fixed != "" && (fix.Safety == analysis.Safe || fix.Safety == analysis.Unsafe && t.o.Unsafe):
			how = fix.Safety.String() + ", but not made"
		case fix.Safety == analysis.Safe:
			how = "safe; `shale fix` applies it"
		case fix.Safety == analysis.Unsafe:
			how = "unsafe; `shale fix --unsafe` applies it"
		default:
			how = "shown only"
		}
		shown[edits] = len(fix.Edits) > 0
		note("%s %s (%s)", label, Visible(fix.Title), how)
	}
	if !t.o.Brief {
		b.WriteByte('\n')
	}
}

// place is "path:line:column", both from 1, the column in code points.
func place(f File, s source.Span) string {
	p := f.Lines.Position(s.Start, source.UTF32)
	return fmt.Sprintf("%s:%d:%d", Visible(f.Path), p.Line+1, p.Column+1)
}

func (t *textWriter) Close() error {
	if s := t.summary(); s != "" {
		_, err := fmt.Fprintln(t.w, s)
		return err
	}
	return nil
}

// summary is the last line.
func (t *textWriter) summary() string {
	n := t.o.Tally
	var parts []string
	if t.o.Fixed != "" && n.Applied > 0 {
		parts = append(parts, fmt.Sprintf("%s %s in %s", t.o.Fixed, Plural(n.Applied, "finding"), Plural(n.Changed, "file")))
	}
	switch k := n.Findings(); {
	case k > 0:
		var by []string
		for s := analysis.Error; s > analysis.Off; s-- {
			if c := n.BySeverity[s]; c > 0 && s == analysis.Info {
				by = append(by, fmt.Sprintf("%d info", c))
			} else if c > 0 {
				by = append(by, Plural(c, s.String()))
			}
		}
		what := Plural(k, "finding")
		if t.o.Fixed != "" {
			if len(parts) == 0 {
				parts = append(parts, t.o.Fixed+" nothing")
			}
			what = fmt.Sprintf("%d remain", k)
			if k == 1 {
				what = "1 remains"
			}
		}
		parts = append(parts, fmt.Sprintf("%s in %s (%s)", what, Plural(n.Found, "file"), strings.Join(by, ", ")))
		safe, unsafe := n.Safe, n.Unsafe
		if t.o.Fixed != "" { // what could be made was made
			safe = 0
		}
		if t.o.Unsafe {
			unsafe = 0
		}
		switch {
		case safe > 0 && unsafe > 0:
			parts = append(parts, fmt.Sprintf("`shale fix` mends %d, with --unsafe %d more", safe, unsafe))
		case safe > 0:
			parts = append(parts, fmt.Sprintf("`shale fix` mends %d", safe))
		case unsafe > 0:
			parts = append(parts, fmt.Sprintf("`shale fix --unsafe` mends %d", unsafe))
		}
	case n.Failed > 0:
		parts = append(parts, fmt.Sprintf("nothing found in %s", Plural(n.Files-n.Failed, "file")))
	case len(parts) == 0 && n.Files > 0:
		parts = append(parts, fmt.Sprintf("nothing found in %s", Plural(n.Files, "file")))
	}
	if n.Failed > 0 {
		parts = append(parts, Plural(n.Failed, "file")+" could not be worked on")
	}
	return strings.Join(parts, "; ")
}
