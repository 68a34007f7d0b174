package rewrite

import (
	"sort"

	"github.com/shale-build/shale/analysis/source"
)

// An origin knows for each byte of an edited text where it stood in the first
// one; text that an edit brought stands where the edit was made.
type origin []part

// A part begins at a byte of the edited text and goes on to the next part.
type part struct {
	at   int
	home int // in the first text
	kept bool
}

var untouched = origin{{kept: true}}

// home returns the place in the first text of the byte at offset.
func (o origin) home(offset int) int {
	p := o[o.index(offset)]
	if p.kept {
		return p.home + offset - p.at
	}
	return p.home
}

// span returns the span in the first text that s came from.
func (o origin) span(s source.Span) source.Span {
	start := o.home(s.Start)
	return source.Span{Start: start, End: max(start, o.home(s.End))}
}

func (o origin) index(offset int) int {
	return max(0, sort.Search(len(o), func(i int) bool { return o[i].at > offset })-1)
}

// edit returns the origin of the text after edits, which are in order of place,
// of a text of length bytes.
func (o origin) edit(edits []source.Edit, length int) origin {
	out := make(origin, 0, len(o)+2*len(edits))
	from, to := 0, 0 // how far the old and the new text are done
	keep := func(end int) {
		for i := o.index(from); from < end; i++ {
			stop := end
			if i+1 < len(o) {
				stop = min(end, o[i+1].at)
			}
			if stop > from {
				out = append(out, part{to, o.home(from), o[i].kept})
				to += stop - from
				from = stop
			}
		}
	}
	for _, e := range edits {
		keep(e.Span.Start)
		if e.New != "" {
			out = append(out, part{to, o.home(e.Span.Start), false})
			to += len(e.New)
		}
		from = e.Span.End
	}
	keep(length)
	if end := o.home(length); len(out) == 0 || out.home(to) != end {
		out = append(out, part{to, end, true}) // the place after the last byte
	}
	return out
}
