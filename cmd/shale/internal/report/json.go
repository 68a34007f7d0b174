package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// The JSON format. Lines and columns count from 1, columns in Unicode code points.
type (
	jsonFile struct {
		Path        string           `json:"path"`
		Error       string           `json:"error,omitempty"`
		Applied     []jsonApplied    `json:"applied,omitempty"`
		Diagnostics []jsonDiagnostic `json:"diagnostics"`
	}
	jsonApplied struct {
		Rule  string `json:"rule"`
		Title string `json:"title"`
		Line  int    `json:"line,omitempty"`
	}
	jsonDiagnostic struct {
		Rule     string        `json:"rule"`
		Severity string        `json:"severity"`
		Message  string        `json:"message"`
		Gain     *jsonGain     `json:"gain,omitempty"`
		Range    jsonRange     `json:"range"`
		Related  []jsonRelated `json:"related,omitempty"`
		Withheld []string      `json:"withheld,omitempty"`
		Fixes    []jsonFix     `json:"fixes"`
		URL      string        `json:"url,omitempty"`
	}
	jsonGain struct {
		Bytes int64 `json:"bytes,omitempty"`
		Steps int   `json:"steps,omitempty"`
	}
	jsonRelated struct {
		Range   jsonRange `json:"range"`
		Message string    `json:"message"`
	}
	jsonFix struct {
		Title  string     `json:"title"`
		Safety string     `json:"safety"`
		Edits  []jsonEdit `json:"edits"`
	}
	jsonEdit struct {
		Path  string    `json:"path,omitempty"`
		Range jsonRange `json:"range"`
		Text  string    `json:"text"`
	}
	jsonRange struct {
		Start jsonPosition `json:"start"`
		End   jsonPosition `json:"end"`
	}
	jsonPosition struct {
		Line   int `json:"line"`
		Column int `json:"column"`
	}
)

type jsonWriter struct {
	w     io.Writer
	o     Options
	files int
}

func (j *jsonWriter) File(f File) error {
	j.o.Tally.Add(f)
	if f.Err == nil && len(f.Diagnostics) == 0 && len(f.Applied) == 0 {
		return nil
	}
	out := jsonFile{Path: f.Path, Diagnostics: []jsonDiagnostic{}}
	if f.Err != nil {
		out.Error = problem(f)
	}
	for _, a := range f.Applied {
		out.Applied = append(out.Applied, jsonApplied(a))
	}
	for _, d := range f.Diagnostics {
		out.Diagnostics = append(out.Diagnostics, j.diagnostic(f, d))
	}
	b, err := encode(out)
	if err != nil {
		return err
	}
	lead := ",\n"
	if j.files == 0 {
		lead = opening
	}
	j.files++
	_, err = fmt.Fprintf(j.w, "%s%s", lead, b)
	return err
}

const opening = `{"version":1,"files":[` + "\n"

func (j *jsonWriter) Close() error {
	end := "\n]}\n"
	if j.files == 0 {
		end = `{"version":1,"files":[]}` + "\n"
	}
	_, err := io.WriteString(j.w, end)
	return err
}

func (j *jsonWriter) diagnostic(f File, d analysis.Diagnostic) jsonDiagnostic {
	out := jsonDiagnostic{
		Rule:     d.Rule,
		Severity: d.Severity.String(),
		Message:  d.Message,
		Range:    rangeOf(f.Lines, d.Span),
		Withheld: d.Withheld,
		Fixes:    []jsonFix{},
		URL:      j.o.URL(d.Rule),
	}
	if d.Gain != (analysis.Gain{}) {
		g := jsonGain(d.Gain)
		out.Gain = &g
	}
	for _, r := range d.Related {
		out.Related = append(out.Related, jsonRelated{rangeOf(f.Lines, r.Span), r.Message})
	}
	for _, fix := range d.Fixes {
		edits := []jsonEdit{}
		for _, e := range fix.Edits {
			edits = append(edits, editOf(f, e))
		}
		out.Fixes = append(out.Fixes, jsonFix{fix.Title, fix.Safety.String(), edits})
	}
	return out
}

func rangeOf(l *source.Lines, s source.Span) jsonRange {
	at := func(offset int) jsonPosition {
		p := l.Position(offset, source.UTF32)
		return jsonPosition{p.Line + 1, p.Column + 1}
	}
	return jsonRange{at(s.Start), at(s.End)}
}

// encode writes JSON in which no character can drive a terminal.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if harmless(string(raw)) {
		return raw, nil
	}
	var out bytes.Buffer
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case !dangerous(r, size):
			out.Write(raw[:size])
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		raw = raw[size:]
	}
	return out.Bytes(), nil
}

// editOf places an edit in its own file. The range of an edit to another file
// refers to that file as it is on disk; one that does not exist is empty.
func editOf(f File, e analysis.Edit) jsonEdit {
	if e.Path == "" {
		return jsonEdit{Range: rangeOf(f.Lines, e.Span), Text: e.New}
	}
	return jsonEdit{Path: e.Path, Range: rangeOf(source.NewLines(e.Of), e.Span), Text: e.New}
}
