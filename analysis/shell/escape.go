package shell

import (
	"strings"
	"unicode/utf8"
)

// unescape reads what stands between $' and ' as bash does. It is not ok where
// the value depends on the locale.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	var b strings.Builder
	number := func(at, most int, base rune) (value rune, length int) {
		for length < most && at+length < len(s) {
			d := digit(s[at+length])
			if d >= base {
				break
			}
			value = value*base + d
			length++
		}
		return value, length
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'a':
			b.WriteByte(7)
		case 'b':
			b.WriteByte(8)
		case 'e', 'E':
			b.WriteByte(27)
		case 'f':
			b.WriteByte(12)
		case 'n':
			b.WriteByte(10)
		case 'r':
			b.WriteByte(13)
		case 't':
			b.WriteByte(9)
		case 'v':
			b.WriteByte(11)
		case '\\', '\'', '"', '?':
			b.WriteByte(c)
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v, n := number(i, 3, 8)
			if v &= 0xFF; v == 0 {
				return "", false
			}
			b.WriteByte(byte(v))
			i += n - 1
		case 'x', 'u', 'U':
			most := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			v, n := number(i+1, most, 16)
			switch {
			case c == 'x' && strings.HasPrefix(s[i+1:], "{"): // bash reads \x{41} too, as some version does
				return "", false
			case n == 0:
				b.WriteByte('\\')
				b.WriteByte(c)
			case v <= 0 || c != 'x' && v >= utf8.RuneSelf:
				return "", false
			default:
				b.WriteByte(byte(v))
			}
			i += n
		case 'c':
			return "", false
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

func digit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return 99
}
