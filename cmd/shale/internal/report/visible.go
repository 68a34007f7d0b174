package report

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Visible writes s so that it cannot drive a terminal: control characters, line
// ends, characters that turn the direction of text, and bytes that are no UTF-8
// stand as escapes.
func Visible(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		b.WriteString(visible(r, s[i:i+size]))
		i += size
	}
	return b.String()
}

func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7F {
			return harmless(s)
		}
	}
	return true
}

func harmless(s string) bool {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if dangerous(r, size) {
			return false
		}
		i += size
	}
	return true
}

// visible is one character, or the escape that stands for it.
func visible(r rune, raw string) string {
	switch {
	case !dangerous(r, len(raw)):
		return raw
	case r == utf8.RuneError || r < 0x80:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case r <= 0xFFFF:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// dangerous reports whether a character must not reach a terminal as it is.
func dangerous(r rune, size int) bool {
	switch {
	case r < 0x20 || r >= 0x7F && r <= 0x9F:
		return true
	case r < 0x7F:
		return false
	case r == utf8.RuneError:
		return size == 1
	case r == '\u200C' || r == '\u200D': // joiners: emoji and several scripts need them
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// columns is the number of terminal columns that a visible character takes.
func columns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// A cell is one character of a source line as it is shown.
type cell struct {
	text  string
	width int
}

const tab = "    "

// cellAt is the cell of the character that starts at s[0], and its size in bytes.
func cellAt(s string) (cell, int) {
	r, size := utf8.DecodeRuneInString(s)
	if r == '\t' {
		return cell{tab, len(tab)}, size
	}
	if t := visible(r, s[:size]); t != s[:size] {
		return cell{t, len(t)}, size
	}
	return cell{s[:size], columns(r)}, size
}

// cells returns the cells from the start of s that fit into limit columns, and
// whether that was all of s.
func cells(s string, limit int) (out []cell, whole bool) {
	w := 0
	out = make([]cell, 0, max(0, min(len(s), limit)))
	for len(s) > 0 {
		c, size := cellAt(s)
		if w += c.width; w > limit {
			return out, false
		}
		out = append(out, c)
		s = s[size:]
	}
	return out, true
}

// cellsBefore returns the cells at the end of s that fit into limit columns, and
// whether that was all of s.
func cellsBefore(s string, limit int) (out []cell, whole bool) {
	// A character of width 0 takes bytes too: look at some more than limit.
	from := len(s)
	for n := 0; from > 0 && n < 4*limit; n++ {
		_, size := utf8.DecodeLastRuneInString(s[:from])
		from -= size
	}
	out, _ = cells(s[from:], math.MaxInt)
	w := measure(out)
	cut := 0
	for w > limit {
		w -= out[cut].width
		cut++
	}
	return out[cut:], from == 0 && cut == 0
}

func measure(cs []cell) int {
	n := 0
	for _, c := range cs {
		n += c.width
	}
	return n
}

func join(cs []cell) string {
	var b strings.Builder
	for _, c := range cs {
		b.WriteString(c.text)
	}
	return b.String()
}
