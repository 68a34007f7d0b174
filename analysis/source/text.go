package source

import (
	"sort"
	"strings"
)

// A Text is a string joined from pieces of a file, each of whose bytes knows its
// home. A RUN that goes on over five lines is one Text: the string that the shell
// gets, mapped across the continuations and comments between its pieces.
type Text struct {
	joined string
	runs   []run // ascending in both at and home
}

// A run is a stretch of joined bytes that stands unbroken in the file.
type run struct {
	at   int // offset in joined
	home int // offset in the file
}

// Join builds the Text of the given spans of content, which must ascend.
func Join(content string, spans ...Span) Text {
	if len(spans) == 1 {
		return Text{spans[0].In(content), []run{{0, spans[0].Start}}}
	}
	var t Text
	var b strings.Builder
	for _, s := range spans {
		if n := len(t.runs); n == 0 || t.runs[n-1].home+b.Len()-t.runs[n-1].at != s.Start {
			t.runs = append(t.runs, run{b.Len(), s.Start})
		}
		b.WriteString(s.In(content))
	}
	t.joined = b.String()
	return t
}

// String returns the joined text.
func (t Text) String() string { return t.joined }

// Len is the number of bytes of the joined text.
func (t Text) Len() int { return len(t.joined) }

// Home returns the file offset of the joined byte at offset; for the offset just
// after the last byte, the place after that byte.
func (t Text) Home(offset int) int {
	if len(t.runs) == 0 {
		return 0
	}
	i := sort.Search(len(t.runs), func(i int) bool { return t.runs[i].at > offset }) - 1
	if i < 0 {
		i = 0
	}
	if offset == len(t.joined) {
		// The end belongs to the last run that has a byte, not to an empty one.
		for i > 0 && t.runs[i].at == offset {
			i--
		}
	}
	return t.runs[i].home + offset - t.runs[i].at
}

// HomeEnd returns the file offset just after the joined byte that precedes
// offset: where a range that ends at offset ends in the file.
func (t Text) HomeEnd(offset int) int {
	if offset == 0 {
		return t.Home(0)
	}
	return t.Home(offset-1) + 1
}

// Span returns the file span from the first to the last byte of joined[from:to].
// It covers continuations and comments that stand between them.
func (t Text) Span(from, to int) Span {
	if from >= to {
		h := t.Home(from)
		return Span{h, h}
	}
	return Span{t.Home(from), t.HomeEnd(to)}
}

// Spans returns the unbroken file spans that joined[from:to] consists of.
func (t Text) Spans(from, to int) []Span {
	var out []Span
	for i, r := range t.runs {
		end := len(t.joined)
		if i+1 < len(t.runs) {
			end = t.runs[i+1].at
		}
		a, b := max(from, r.at), min(to, end)
		if a < b {
			out = append(out, Span{r.home + a - r.at, r.home + b - r.at})
		}
	}
	return out
}

// Unbroken reports whether joined[from:to] stands in the file in one piece.
func (t Text) Unbroken(from, to int) bool {
	return to <= from || t.Span(from, to).Len() == to-from
}

// Slice returns the Text of joined[from:to].
func (t Text) Slice(from, to int) Text {
	out := Text{joined: t.joined[from:to]}
	for i, r := range t.runs {
		end := len(t.joined)
		if i+1 < len(t.runs) {
			end = t.runs[i+1].at
		}
		a, b := max(from, r.at), min(to, end)
		if a < b || (from == to && a == from && b == to) {
			out.runs = append(out.runs, run{a - from, r.home + a - r.at})
			if from == to {
				break
			}
		}
	}
	if len(out.runs) == 0 {
		out.runs = []run{{0, t.Home(from)}}
	}
	return out
}

// TrimSpace returns the Text without the blanks at its ends, as strings.TrimSpace.
func (t Text) TrimSpace() Text {
	left := len(t.joined) - len(strings.TrimLeft(t.joined, asciiSpace))
	right := len(strings.TrimRight(t.joined, asciiSpace))
	if trimmed := strings.TrimSpace(t.joined); len(trimmed) != right-left {
		left = strings.Index(t.joined, trimmed)
		right = left + len(trimmed)
	}
	if left > right {
		left = right
	}
	return t.Slice(left, right)
}

const asciiSpace = " \t\n\v\f\r"
