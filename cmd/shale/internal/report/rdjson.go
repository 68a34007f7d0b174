package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// reviewdog's Diagnostic Format. Columns count bytes.
type (
	rdDiagnostic struct {
		Message     string         `json:"message"`
		Location    rdLocation     `json:"location"`
		Severity    string         `json:"severity"`
		Source      *rdSource      `json:"source,omitempty"`
		Code        rdCode         `json:"code"`
		Suggestions []rdSuggestion `json:"suggestions,omitempty"`
		Related     []rdRelated    `json:"related_locations,omitempty"`
	}
	rdLocation struct {
		Path  string  `json:"path"`
		Range rdRange `json:"range"`
	}
	rdRange struct {
		Start rdPosition `json:"start"`
		End   rdPosition `json:"end"`
	}
	rdPosition struct {
		Line   int `json:"line"`
		Column int `json:"column,omitempty"`
	}
	rdSource struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	rdCode struct {
		Value string `json:"value"`
		URL   string `json:"url,omitempty"`
	}
	rdSuggestion struct {
		Range rdRange `json:"range"`
		Text  string  `json:"text"`
	}
	rdRelated struct {
		Message  string     `json:"message"`
		Location rdLocation `json:"location"`
	}
)

var rdTool = rdSource{"shale", "https://github.com/shale-build/shale"}

type rdWriter struct {
	w     io.Writer
	o     Options
	lines bool // rdjsonl: one finding a line, without what holds them together
	n     int
}

func (r *rdWriter) File(f File) error {
	r.o.Tally.Add(f)
	for _, d := range f.Diagnostics {
		out := r.diagnostic(f, d)
		if r.lines {
			out.Source = &rdTool
		}
		b, err := encode(out)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(r.w, "%s%s", r.lead(), b); err != nil {
			return err
		}
		r.n++
	}
	return nil
}

func (r *rdWriter) lead() string {
	switch {
	case r.lines && r.n == 0:
		return ""
	case r.lines:
		return "\n"
	case r.n == 0:
		b, _ := encode(rdTool)
		return fmt.Sprintf("{\"source\":%s,\"diagnostics\":[\n", b)
	}
	return ",\n"
}

func (r *rdWriter) Close() error {
	end := "\n"
	switch {
	case r.lines && r.n == 0:
		end = ""
	case !r.lines && r.n == 0:
		end = r.lead() + "]}\n"
	case !r.lines:
		end = "\n]}\n"
	}
	_, err := io.WriteString(r.w, end)
	return err
}

func (r *rdWriter) diagnostic(f File, d analysis.Diagnostic) rdDiagnostic {
	file := r.o.path(f.Path)
	out := rdDiagnostic{
		Message:  advice(d),
		Location: rdLocation{file, rdRangeOf(f.Lines, d.Span)},
		Severity: strings.ToUpper(d.Severity.String()),
		Code:     rdCode{d.Rule, r.o.URL(d.Rule)},
	}
	for _, rel := range d.Related {
		out.Related = append(out.Related, rdRelated{rel.Message, rdLocation{file, rdRangeOf(f.Lines, rel.Span)}})
	}
	if len(d.Fixes) > 0 {
		if s, ok := suggestion(f, d.Fixes[0]); ok {
			out.Suggestions = []rdSuggestion{s}
		}
	}
	return out
}

func rdRangeOf(l *source.Lines, s source.Span) rdRange {
	at := func(offset int) rdPosition {
		p := l.Position(offset, source.UTF8)
		return rdPosition{p.Line + 1, p.Column + 1}
	}
	return rdRange{at(s.Start), at(s.End)}
}

// suggestion writes a fix as one replacement of whole lines, without columns and
// without the last line end: only those can be accepted in a pull request.
func suggestion(f File, fix analysis.Fix) (rdSuggestion, bool) {
	if fix.Safety == analysis.Display || len(fix.Edits) == 0 {
		return rdSuggestion{}, false
	}
	all := fix.Edits[0].Span
	for _, e := range fix.Edits {
		if e.Path != "" {
			return rdSuggestion{}, false
		}
		all = all.Cover(e.Span)
	}
	first, last := f.Lines.Line(all.Start), f.Lines.Line(all.End)
	if at := f.Lines.Span(last); at.Empty() && at.Start == len(f.Content) && last > first {
		last-- // there is nothing after the last line end
	}
	lines := source.Span{Start: f.Lines.Span(first).Start, End: f.Lines.Full(last).End}
	var edits []source.Edit
	for _, e := range fix.Edits {
		edits = append(edits, source.Edit{Span: source.Span{Start: e.Span.Start - lines.Start, End: e.Span.End - lines.Start}, New: e.New})
	}
	text, err := source.Apply(lines.In(f.Content), edits)
	if err != nil {
		return rdSuggestion{}, false
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	return rdSuggestion{rdRange{rdPosition{Line: first + 1}, rdPosition{Line: last + 1}}, text}, true
}
