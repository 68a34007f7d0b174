package report

import (
	"fmt"
	"strings"

	"github.com/shale-build/shale/analysis/source"
)

const (
	snippetWidth = 100 // columns of source shown of a line
	snippetLines = 6   // lines shown of a span; more are cut in the middle
)

// A row is one line of a drawing: a line number or "", a source line or carets.
type row struct {
	number string
	text   string
	marks  bool
}

// draw shows the lines of a span with carets under exactly its characters, or,
// over several lines, with a bracket from its first to its last character.
func draw(content string, lines *source.Lines, span source.Span) []row {
	span.Start = min(max(span.Start, 0), len(content))
	span.End = min(max(span.End, span.Start), len(content))
	first := lines.Line(span.Start)
	last := first
	if span.End > span.Start {
		last = lines.Line(span.End - 1) // a span that ends with its line end stays on that line
	}
	if first == last {
		return drawLine(content, lines, first, span)
	}
	return drawLines(content, lines, first, last, span)
}

func number(line int) string { return fmt.Sprint(line + 1) }

// clip keeps a span inside the visible part of a line.
func clip(s, line source.Span) source.Span {
	s.Start = min(max(s.Start, line.Start), line.End)
	s.End = min(max(s.End, s.Start), line.End)
	return s
}

func drawLine(content string, lines *source.Lines, line int, span source.Span) []row {
	at := lines.Span(line)
	span = clip(span, at)
	mark, markWhole := cells(span.In(content), snippetWidth)
	if whole := markWhole && at.Len() < 8*snippetWidth; !whole || measureAll(at.In(content)) > snippetWidth {
		mark, markWhole = cells(span.In(content), snippetWidth*2/3)
	}
	room := snippetWidth - measure(mark)
	after, afterWhole := cells(content[span.End:at.End], room)
	before, beforeWhole := cellsBefore(content[at.Start:span.Start], room)
	if !markWhole {
		after, afterWhole = nil, true
	}
	if wa, wb := measure(after), measure(before); wa+wb > room {
		// Both sides give: what stands before tells more than what follows.
		half := room / 2
		if wa > half {
			half = max(half, room-wb)
			var whole bool
			after, whole = cells(content[span.End:at.End], half)
			afterWhole = afterWhole && whole
		}
		room -= measure(after)
		if wb > room {
			before, _ = cellsBefore(content[at.Start:span.Start], room)
			beforeWhole = false
		}
	}
	text, carets := join(before), measure(before)
	if !beforeWhole {
		text, carets = "…"+text, carets+1
	}
	under := max(measure(mark), 1)
	text += join(mark)
	if !markWhole {
		text += "…"
		under++
	}
	text += join(after)
	if !afterWhole {
		text += "…"
	}
	return []row{
		{number: number(line), text: strings.TrimRight(text, " ")},
		{text: strings.Repeat(" ", carets) + strings.Repeat("^", under), marks: true},
	}
}

func drawLines(content string, lines *source.Lines, first, last int, span source.Span) []row {
	var rows []row
	head := clip(span, lines.Span(first))
	indent := content[lines.Span(first).Start:head.Start]
	bracket := "  " // what stands between the gutter and the source
	if strings.TrimLeft(indent, " \t") == "" {
		bracket = "/ "
	}
	rows = append(rows, row{number: number(first), text: bracket + lineStart(content, lines, first)})
	if bracket == "  " {
		before, whole := cells(indent, snippetWidth-1)
		at := measure(before)
		if !whole {
			at = snippetWidth - 1
		}
		rows = append(rows, row{text: " " + strings.Repeat("_", at+1) + "^", marks: true})
	}
	for line := first + 1; line <= last; line++ {
		if n := last - first + 1; n > snippetLines && line == first+snippetLines-2 {
			rows = append(rows, row{number: "…", text: "|"})
			line = last - 1
			continue
		}
		rows = append(rows, row{number: number(line), text: "| " + lineStart(content, lines, line)})
	}
	tail := lines.Span(last)
	covered, _ := cells(clip(source.Span{Start: tail.Start, End: span.End}, tail).In(content), snippetWidth)
	rows = append(rows, row{text: "|" + strings.Repeat("_", max(measure(covered), 1)) + "^", marks: true})
	return rows
}

// measureAll is the width of a whole text.
func measureAll(s string) (w int) {
	for len(s) > 0 {
		c, size := cellAt(s)
		w += c.width
		s = s[size:]
	}
	return w
}

// lineStart is a line from its start, as much of it as is shown.
func lineStart(content string, lines *source.Lines, line int) string {
	cs, whole := cells(lines.Span(line).In(content), snippetWidth)
	if whole {
		return strings.TrimRight(join(cs), " ")
	}
	return join(cs) + "…"
}
