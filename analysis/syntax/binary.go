package syntax

import (
	"strings"
	"unicode/utf8"
)

// NotText says why a file that BuildKit refuses is no text, with one message for all
// that BuildKit says of its lines; "" for text.
func (d *Document) NotText() string {
	if len(d.Problems) == 0 {
		return ""
	}
	head := d.Content[:min(len(d.Content), 8000)] // where git looks
	switch {
	case strings.HasPrefix(head, "\xff\xfe") || strings.HasPrefix(head, "\xfe\xff"):
		return "the file is UTF-16 text, which BuildKit does not read; save it as UTF-8"
	case strings.Contains(head, "\x00"), !utf8.ValidString(d.Content) && strings.ContainsFunc(head, control):
		return "the file holds binary data; it is no Dockerfile"
	}
	return ""
}

// control reports whether no text file in whatever encoding holds a character.
func control(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\v\f\r\b\x1b", r) }
