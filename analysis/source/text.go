package source

import (
	"sort"
	"strings"
	"unicode"
)

// A Text is a string joined from pieces of a file, each of whose bytes knows its
// home. A RUN that goes on over five lines is one Text: the string that the shell
// gets, mapped across the continuations and comments between its pieces.
type Text struct {
	joined string
	runs   []run // ascending in both at and home; slices of a Text share them
	base   int   // where joined[0] stands as the runs count
}

// A run is a stretch of joined bytes that stands unbroken in the file.
type run struct {
	at   int // offset in the joined text
	home int // offset in the file
}

// Join builds the Text of the given spans of content, which must ascend. A Text
// without a byte stands where its first span does.
func Join(content string, spans ...Span) Text {
	if len(spans) == 1 {
		return Text{joined: spans[0].In(content), runs: []run{{0, spans[0].Start}}}
	}
	size := 0
	for _, s := range spans {
		size += s.Len()
	}
	t := Text{runs: make([]run, 0, len(spans))}
	var b strings.Builder
	b.Grow(size)
	for _, s := range spans {
		if s.Empty() {
			continue
		}
		if n := len(t.runs); n == 0 || t.runs[n-1].home+b.Len()-t.runs[n-1].at != s.Start {
			t.runs = append(t.runs, run{b.Len(), s.Start})
		}
		b.WriteString(s.In(content))
	}
	if size == 0 && len(spans) > 0 {
		t.runs = append(t.runs, run{0, spans[0].Start})
	}
	t.joined = b.String()
	return t
}

// String returns the joined text.
func (t Text) String() string { return t.joined }

// Len is the number of bytes of the joined text.
func (t Text) Len() int { return len(t.joined) }

// run returns the index of the run that holds the byte at an offset from base 0.
func (t Text) run(at int) int {
	if len(t.runs) == 1 {
		return 0
	}
	return max(0, sort.Search(len(t.runs), func(i int) bool { return t.runs[i].at > at })-1)
}

// Home returns the file offset of the joined byte at offset; for the offset just
// after the last byte, the place after that byte.
func (t Text) Home(offset int) int {
	if len(t.runs) == 0 {
		return 0
	}
	if offset > 0 && offset == len(t.joined) {
		return t.Home(offset-1) + 1
	}
	r := t.runs[t.run(t.base+offset)]
	return r.home + t.base + offset - r.at
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
// It covers continuations and comments that stand between them. An empty range
// is the place after the byte before it.
func (t Text) Span(from, to int) Span {
	if from >= to {
		h := t.HomeEnd(from)
		return Span{h, h}
	}
	return Span{t.Home(from), t.HomeEnd(to)}
}

// Spans returns the unbroken file spans that joined[from:to] consists of.
func (t Text) Spans(from, to int) []Span {
	if from >= to {
		return nil
	}
	var out []Span
	first, last := t.run(t.base+from), t.run(t.base+to-1)
	for i := first; i <= last; i++ {
		r := t.runs[i]
		a, b := max(t.base+from, r.at), t.base+to
		if i < last {
			b = t.runs[i+1].at
		}
		out = append(out, Span{r.home + a - r.at, r.home + b - r.at})
	}
	return out
}

// Unbroken reports whether joined[from:to] stands in the file in one piece.
func (t Text) Unbroken(from, to int) bool {
	return to <= from || t.Span(from, to).Len() == to-from
}

// Slice returns the Text of joined[from:to]. An empty one stands after the byte
// before it.
func (t Text) Slice(from, to int) Text {
	out := Text{joined: t.joined[from:to], base: t.base + from}
	switch {
	case len(t.runs) == 0:
	case from < to:
		out.runs = t.runs[t.run(out.base) : t.run(t.base+to-1)+1]
	case from > 0:
		i := t.run(out.base - 1)
		out.runs = t.runs[i : i+1]
	default:
		i := t.run(out.base)
		out.runs = t.runs[i : i+1]
	}
	return out
}

// TrimSpace returns the Text without the blanks at its ends, as strings.TrimSpace.
func (t Text) TrimSpace() Text {
	left := len(t.joined) - len(strings.TrimLeftFunc(t.joined, unicode.IsSpace))
	right := len(strings.TrimRightFunc(t.joined, unicode.IsSpace))
	return t.Slice(min(left, right), right)
}
