package lsp

import (
	"context"
	"strings"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite/layout"
)

// format lays the document out as shale fmt does. The editor's tab size counts for
// nothing: the two would not agree.
func (v *view) format(context.Context, *placed) (any, error) {
	return textEdits(v.text, v.lines, layout.Edits(v.doc), v.s.client.encoding)
}

// formatRange lays the lines of a range out, as they would be with the whole.
func (v *view) formatRange(_ context.Context, p *placed) (any, error) {
	span := v.span(p.Range)
	if span.End > span.Start && v.lines.Span(v.lines.Line(span.End)).Start == span.End {
		span.End-- // a range of whole lines ends where the next one starts
	}
	lines := source.Span{Start: v.lines.Full(v.lines.Line(span.Start)).Start, End: v.lines.Full(v.lines.Line(span.End)).End}
	var edits []source.Edit
	for _, e := range layout.Edits(v.doc) {
		if lines.Contains(e.Span) {
			edits = append(edits, e)
		}
	}
	return textEdits(v.text, v.lines, edits, v.s.client.encoding)
}

type onTypeParams struct {
	placed
	Ch string `json:"ch"`
}

// onType goes on with an instruction over the next line. After a line end that was
// put inside an instruction, the line above gets its continuation; the line below
// is indented as the file's others are.
func (v *view) onType(_ context.Context, p *onTypeParams) (any, error) {
	at := v.offset(p.Position)
	switch {
	case p.Ch == "\n":
		return v.afterLineEnd(at)
	case p.Ch == string(v.doc.Escape):
		return v.afterEscape(at)
	}
	return nil, nil
}

func (v *view) edits(edits ...source.Edit) (any, error) {
	return textEdits(v.text, v.lines, edits, v.s.client.encoding)
}

func (v *view) afterLineEnd(at int) (any, error) {
	line := v.lines.Line(at)
	if line == 0 {
		return nil, nil
	}
	above, here := v.lines.Span(line-1), v.lines.Span(line)
	text := strings.TrimRight(above.In(v.text), " \t")
	in := v.instruction(above.Start + len(text) - min(len(text), 1))
	if in == nil || text == "" || v.code(above.Start+len(text)-1) == syntax.HeredocBody || v.inHeredoc(in, at) {
		return nil, nil
	}
	indent := source.Span{Start: here.Start, End: here.Start + len(here.In(v.text)) - len(strings.TrimLeft(here.In(v.text), " \t"))}
	if strings.HasSuffix(text, string(v.doc.Escape)) {
		if v.code(above.Start+len(text)-1) != syntax.Continuation {
			return nil, nil
		}
		return v.edits(source.Replace(indent, v.indentBelow(in, line-1)))
	}
	if v.code(above.Start+len(text)-1) == syntax.Comment || !v.goesOn(text, strings.TrimSpace(here.In(v.text))) {
		return nil, nil
	}
	end := above.Start + len(text)
	return v.edits(
		source.Replace(source.Span{Start: end, End: above.End}, " "+string(v.doc.Escape)),
		source.Replace(indent, v.indentBelow(in, line-1)),
	)
}

// goesOn reports whether an instruction that was cut by a line end certainly goes
// on: by an operator that wants a next word, or by one that needs a word before it.
func (v *view) goesOn(above, below string) bool {
	for _, op := range []string{"&&", "||", "|", ","} {
		if strings.HasSuffix(above, op) || op != "," && strings.HasPrefix(below, op) {
			return true
		}
	}
	if below == "" || strings.HasPrefix(below, "#") {
		return false
	}
	word, _, _ := strings.Cut(below, " ")
	return !syntax.IsKeyword(word)
}

func (v *view) afterEscape(at int) (any, error) {
	line := v.lines.Line(at)
	here := v.lines.Span(line)
	in := v.instruction(max(here.Start, at-1))
	if in == nil || v.code(at-1) != syntax.Continuation || line+1 >= v.lines.Count() {
		return nil, nil
	}
	next := v.lines.Span(line + 1)
	text := next.In(v.text)
	trimmed := strings.TrimLeft(text, " \t")
	word, _, _ := strings.Cut(trimmed, " ")
	if trimmed == "" || trimmed != text || trimmed[0] == '#' || syntax.IsKeyword(word) {
		return nil, nil
	}
	return v.edits(source.Insert(next.Start, v.indentBelow(in, line)))
}

// code is the kind of the piece that holds a byte.
func (v *view) code(offset int) syntax.Kind { return v.piece(max(offset, 0)).Kind }

func (v *view) inHeredoc(in *syntax.Instruction, at int) bool {
	for _, h := range in.Heredocs {
		if h.Body.Start <= at && at <= h.End.End {
			return true
		}
	}
	return false
}

// indentBelow is the indentation for the line after one of an instruction: that of
// the line itself, or for the first line that of the file's other instructions.
func (v *view) indentBelow(in *syntax.Instruction, line int) string {
	if line > v.lines.Line(in.Keyword.Start) {
		text := v.lines.Span(line).In(v.text)
		return text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	}
	return layout.Indent(v.doc)
}
