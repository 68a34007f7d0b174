package source

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// An Encoding says in what units a column counts.
type Encoding uint8

const (
	UTF8  Encoding = iota // bytes
	UTF16                 // UTF-16 code units
	UTF32                 // Unicode code points
)

// A Position is a line and a column, both from 0; the column counts units of an
// Encoding.
type Position struct {
	Line, Column int
}

// Lines converts between byte offsets and positions of one text. A line ends
// after "\n", "\r\n" or a lone "\r", as the Language Server Protocol counts.
// An invalid byte counts as one code point.
type Lines struct {
	content string
	starts  []int
}

// NewLines indexes the lines of content.
func NewLines(content string) *Lines {
	l := &Lines{content: content, starts: []int{0}}
	for i := 0; i < len(content); i++ {
		switch content[i] {
		case '\n':
			l.starts = append(l.starts, i+1)
		case '\r':
			if i+1 < len(content) && content[i+1] == '\n' {
				i++
			}
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// Count is the number of lines; a text that ends in a line end has an empty last one.
func (l *Lines) Count() int { return len(l.starts) }

// Line returns the line (from 0) that holds the byte at offset.
func (l *Lines) Line(offset int) int {
	return sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > offset }) - 1
}

// Span returns the bytes of a line without its line end.
func (l *Lines) Span(line int) Span {
	s := l.Full(line)
	for s.End > s.Start && (l.content[s.End-1] == '\n' || l.content[s.End-1] == '\r') {
		s.End--
	}
	return s
}

// Full returns the bytes of a line with its line end.
func (l *Lines) Full(line int) Span {
	if line+1 < len(l.starts) {
		return Span{l.starts[line], l.starts[line+1]}
	}
	return Span{l.starts[line], len(l.content)}
}

// Position converts an offset. Offsets outside the text are moved to its ends, one
// between "\r" and "\n", which is no place, before both.
func (l *Lines) Position(offset int, enc Encoding) Position {
	offset = min(max(offset, 0), len(l.content))
	if offset > 0 && offset < len(l.content) && l.content[offset-1] == '\r' && l.content[offset] == '\n' {
		offset--
	}
	line := l.Line(offset)
	return Position{line, columns(l.content[l.starts[line]:offset], enc)}
}

// Offset converts a position. A line after the last is the end of the text, and
// a column after a line's last unit is the end of that line, before its line end.
func (l *Lines) Offset(p Position, enc Encoding) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(l.starts) {
		return len(l.content)
	}
	s := l.Span(p.Line)
	at, left := s.Start, p.Column
	for at < s.End && left > 0 {
		r, size := utf8.DecodeRuneInString(l.content[at:s.End])
		switch {
		case enc == UTF8:
			left -= size
		case enc == UTF16 && r > 0xFFFF:
			left -= 2
		default:
			left--
		}
		if left < 0 { // inside a character: its start
			break
		}
		at += size
	}
	return at
}

func columns(s string, enc Encoding) int {
	if enc == UTF8 {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n++
		if enc == UTF16 && r > 0xFFFF {
			n++
		}
	}
	return n
}

// LineEnd is what ends a text's first line, "\n" where there is none.
func LineEnd(text string) string {
	if i := strings.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}
