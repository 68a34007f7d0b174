package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/shale-build/shale/analysis"
)

// markdownWriter writes a summary for a pull request or a job's page.
type markdownWriter struct {
	w    io.Writer
	o    Options
	body strings.Builder
}

func (m *markdownWriter) File(f File) error {
	m.o.Tally.Add(f)
	if f.Err == nil && len(f.Diagnostics) == 0 && len(f.Applied) == 0 {
		return nil
	}
	fmt.Fprintf(&m.body, "\n### %s\n\n", MarkdownCode(m.o.path(f.Path)))
	if f.Err != nil {
		fmt.Fprintf(&m.body, "Could not be worked on: %s\n", MarkdownText(problem(f)))
	}
	for _, a := range f.Applied {
		fmt.Fprintf(&m.body, "- %s: %s (%s)\n", m.o.Fixed, MarkdownText(a.Title), m.link(a.Rule))
	}
	if len(f.Diagnostics) == 0 {
		return nil
	}
	if len(f.Applied) > 0 {
		m.body.WriteString("\n")
	}
	m.body.WriteString("| Line | | Finding | Fix |\n| ---: | --- | --- | --- |\n")
	for _, d := range f.Diagnostics {
		fmt.Fprintf(&m.body, "| %d | %s | %s (%s) | %s |\n", f.Lines.Line(d.Span.Start)+1, d.Severity, markdownFinding(d), m.link(d.Rule), markdownFix(d))
	}
	return nil
}

func markdownFinding(d analysis.Diagnostic) string {
	out := MarkdownText(d.Message)
	if gain := gainBeside(d); gain != "" {
		out += "; " + gain
	}
	return out
}

func markdownFix(d analysis.Diagnostic) string {
	for _, fix := range d.Fixes {
		return fmt.Sprintf("%s, %s", MarkdownText(fix.Title), fix.Safety)
	}
	for _, why := range d.Withheld {
		return "none that is safe: " + MarkdownText(why)
	}
	return ""
}

func (m *markdownWriter) link(rule string) string {
	if url := m.o.URL(rule); url != "" {
		return fmt.Sprintf("[%s](%s)", MarkdownText(rule), url)
	}
	return MarkdownText(rule)
}

func (m *markdownWriter) Close() error {
	summary := (&textWriter{o: m.o}).summary()
	if summary == "" {
		summary = "no Dockerfile"
	}
	_, err := fmt.Fprintf(m.w, "## Shale\n\n%s\n%s", strings.ToUpper(summary[:1])+summary[1:]+".", m.body.String())
	return err
}

// MarkdownText keeps text from being taken for Markdown, HTML or a mention of somebody.
func MarkdownText(s string) string {
	var b strings.Builder
	for _, r := range Visible(s) {
		if strings.ContainsRune("\\`*_[]<>&|#~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		if r == '@' {
			b.WriteString("&#8203;") // of no width
		}
	}
	return b.String()
}

// MarkdownCode is text between backticks, more than it holds in a row.
func MarkdownCode(s string) string {
	s = Visible(s)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}
