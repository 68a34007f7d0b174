package rewrite

import (
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/source"
	"pgregory.net/rapid"
)

// An origin answers as a list of every byte's home would.
func TestOrigin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat("x", rapid.IntRange(0, 30).Draw(t, "length"))
		o := untouched
		homes := make([]int, len(text)+1) // of each byte and of the end
		for i := range homes {
			homes[i] = i
		}
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			var edits []source.Edit
			var next []int
			at := 0
			for range rapid.IntRange(0, 3).Draw(t, "edits") {
				from := rapid.IntRange(at, len(text)).Draw(t, "from")
				to := rapid.IntRange(from, len(text)).Draw(t, "to")
				if len(edits) > 0 && from == edits[len(edits)-1].Span.Start {
					continue
				}
				fresh := strings.Repeat("n", rapid.IntRange(0, 4).Draw(t, "new"))
				edits = append(edits, source.Replace(source.Span{Start: from, End: to}, fresh))
				next = append(next, homes[at:from]...)
				next = append(next, slices.Repeat([]int{homes[from]}, len(fresh))...)
				at = to
			}
			homes = append(next, homes[at:]...)
			o = o.edit(edits, len(text))
			var err error
			if text, err = source.Apply(text, edits); err != nil {
				t.Fatal(err)
			}
			for i, want := range homes {
				if got := o.home(i); got != want {
					t.Fatalf("byte %d of %q is at home at %d, want %d; edits %v", i, text, got, want, edits)
				}
			}
		}
	})
}

// What stands after the last byte is at home at the end, wherever the last byte is.
func TestOriginOfTheEnd(t *testing.T) {
	o := untouched.edit([]source.Edit{source.Delete(source.Span{Start: 1, End: 3})}, 3)
	if got := o.home(1); got != 3 {
		t.Errorf("the end is at home at %d, want 3", got)
	}
}

// A set of spans answers as a list of them would.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set spans
		var all []source.Span
		draw := func() source.Span {
			from := rapid.IntRange(0, 40).Draw(t, "from")
			return source.Span{Start: from, End: from + rapid.IntRange(0, 6).Draw(t, "length")}
		}
		for range rapid.IntRange(0, 10).Draw(t, "spans") {
			s := draw()
			set.add(s)
			all = append(all, s)
		}
		for range 20 {
			s := draw()
			want := slices.ContainsFunc(all, func(o source.Span) bool { return s.Start <= o.End && o.Start <= s.End })
			if got := set.touch(s); got != want {
				t.Fatalf("%v touches %v: %v, want %v", s, all, got, want)
			}
		}
	})
}
