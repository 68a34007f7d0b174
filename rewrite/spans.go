package rewrite

import (
	"slices"

	"github.com/shale-build/shale/analysis/source"
)

// spans is a set of places of a text: closed ranges, disjoint and ascending.
type spans []source.Span

// touch reports whether s meets the set, be it at an end alone: text put just
// before or after what another fix looked at may change what it means.
func (set spans) touch(s source.Span) bool {
	i := set.from(s.Start)
	return i < len(set) && set[i].Start <= s.End
}

// add puts s into the set.
func (set *spans) add(s source.Span) {
	i := set.from(s.Start)
	j := i
	for j < len(*set) && (*set)[j].Start <= s.End {
		s = s.Cover((*set)[j])
		j++
	}
	*set = slices.Replace(*set, i, j, s)
}

// from is the first range that ends at start or later.
func (set spans) from(start int) int {
	i, _ := slices.BinarySearchFunc(set, start, func(r source.Span, at int) int { return r.End - at })
	return i
}
