// Package source holds what every other room says about text: byte spans, edits,
// text joined from pieces of a file and mapped home, and lines and columns.
package source

import (
	"fmt"
	"slices"
	"strings"
)

// A Span is the half-open range [Start, End) of byte offsets in a file.
type Span struct {
	Start, End int
}

// Len is the number of bytes in the span.
func (s Span) Len() int { return s.End - s.Start }

// Empty reports whether the span holds no byte: a place between two bytes.
func (s Span) Empty() bool { return s.Start == s.End }

// Contains reports whether o lies wholly inside s. An empty o at either end counts.
func (s Span) Contains(o Span) bool { return s.Start <= o.Start && o.End <= s.End }

// Overlaps reports whether the spans share a byte, or whether one is an empty
// place strictly inside the other.
func (s Span) Overlaps(o Span) bool {
	if s.Empty() && o.Empty() {
		return s.Start == o.Start
	}
	return s.Start < o.End && o.Start < s.End
}

// Cover is the smallest span that holds both.
func (s Span) Cover(o Span) Span {
	return Span{min(s.Start, o.Start), max(s.End, o.End)}
}

// In returns the bytes of the span.
func (s Span) In(content string) string { return content[s.Start:s.End] }

// Common counts the bytes that two texts have in common at the head, and at the tail of
// what is left.
func Common(a, b string) (head, tail int) {
	const block = 64
	n := min(len(a), len(b))
	for head+block <= n && a[head:head+block] == b[head:head+block] {
		head += block
	}
	for head < n && a[head] == b[head] {
		head++
	}
	x, y := a[head:], b[head:]
	n -= head
	for tail+block <= n && x[len(x)-tail-block:len(x)-tail] == y[len(y)-tail-block:len(y)-tail] {
		tail += block
	}
	for tail < n && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	return head, tail
}

// NameByte reports whether a byte may stand in the name of a variable.
func NameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// An Edit replaces the bytes of a span by a new text.
type Edit struct {
	Span Span
	New  string
}

// Insert is the edit that puts text before the byte at offset.
func Insert(offset int, text string) Edit { return Edit{Span{offset, offset}, text} }

// Delete is the edit that removes a span.
func Delete(s Span) Edit { return Edit{Span: s} }

// Replace is the edit that puts text in place of a span.
func Replace(s Span, text string) Edit { return Edit{s, text} }

// Apply returns content with all edits made at once. The spans refer to the
// content before any edit; they may come in any order. Edits that overlap, two
// insertions at one place included, or that lie outside the content, are an error.
func Apply(content string, edits []Edit) (string, error) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int {
		if a.Span.Start != b.Span.Start {
			return a.Span.Start - b.Span.Start
		}
		return a.Span.End - b.Span.End
	})
	var out strings.Builder
	at := 0
	for i, e := range sorted {
		if e.Span.Start < 0 || e.Span.End < e.Span.Start || e.Span.End > len(content) {
			return "", fmt.Errorf("edit at bytes %d to %d lies outside a text of %d bytes", e.Span.Start, e.Span.End, len(content))
		}
		if i > 0 && (e.Span.Start < at || e.Span == sorted[i-1].Span) {
			return "", fmt.Errorf("edits overlap at byte %d", e.Span.Start)
		}
		out.WriteString(content[at:e.Span.Start])
		out.WriteString(e.New)
		at = e.Span.End
	}
	out.WriteString(content[at:])
	return out.String(), nil
}

// Minimal trims what an edit's old and new text share at both ends, so that an
// edit touches no byte that it keeps. It cuts neither a UTF-8 sequence nor a
// "\r\n" in two.
func Minimal(content string, e Edit) Edit {
	old := e.Span.In(content)
	head := 0
	for head < len(old) && head < len(e.New) && old[head] == e.New[head] {
		head++
	}
	for head > 0 && (cuts(old, head) || cuts(e.New, head)) {
		head--
	}
	tail := 0
	for tail < len(old)-head && tail < len(e.New)-head && old[len(old)-1-tail] == e.New[len(e.New)-1-tail] {
		tail++
	}
	for tail > 0 && (cuts(old, len(old)-tail) || cuts(e.New, len(e.New)-tail)) {
		tail--
	}
	return Edit{Span{e.Span.Start + head, e.Span.End - tail}, e.New[head : len(e.New)-tail]}
}

// cuts reports whether what stands on both sides of an offset belongs together.
func cuts(s string, at int) bool {
	if at == len(s) {
		return false
	}
	return s[at]&0xC0 == 0x80 || s[at] == '\n' && at > 0 && s[at-1] == '\r'
}
