package facts

import (
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// onSed is what sed's options and script make of its effect. What a script takes from
// a variable is held to be text of its patterns, or a line's number.
func (e Effect) onSed(args []shell.Word) Effect {
	var words, scripts []string
	for _, a := range args {
		words = append(words, Shape(a))
	}
	given, first := false, -1 // by an option; the first operand, which is the script otherwise
	for i := 0; i < len(words); i++ {
		w := words[i]
		next := func(joined string) {
			if given = true; joined == "" {
				if i++; i == len(words) {
					return
				}
				joined = words[i]
			}
			scripts = append(scripts, joined)
		}
		switch {
		case w == "--":
			if first < 0 {
				first = i + 1
			}
			i = len(words)
		case strings.HasPrefix(w, "--"):
			_, value, _ := strings.Cut(w, "=")
			switch {
			case len(w) > 3 && abbreviates(w, "--expression"):
				next(value)
			case abbreviates(w, "--file"):
				return e &^ Settled
			case abbreviates(w, "--in-place"):
				e |= InPlace // by a new file and a rename, which keeps no second name
			case w == "--line-length":
				i++
			}
		case len(w) > 1 && w[0] == '-':
			at := strings.IndexAny(w[1:], "efil\x00") + 1
			switch {
			case at == 0:
			case w[at] == 'e':
				next(w[at+1:])
			case w[at] == 'i': // what follows is a suffix
				e |= InPlace
			case w[at] == 'l':
				if at == len(w)-1 {
					i++
				}
			default:
				return e &^ Settled
			}
		case first < 0:
			first = i
		}
	}
	if !given && first >= 0 && first < len(words) {
		scripts = words[first : first+1]
	}
	for _, s := range scripts {
		// The lines of several -e are one script: a text may go on in the next.
		if (sedScript{text: s}).acts() || len(scripts) > 1 && strings.HasSuffix(s, `\`) {
			e &^= Settled
		}
	}
	return e
}

// A sedScript is read as GNU's and busybox's sed read it.
type sedScript struct {
	text string
	at   int
}

// acts reports whether the script may do more than edit what sed reads: run a command
// (e), write a file (w), or read another one (r). One that is not understood may.
func (s sedScript) acts() bool {
	for {
		s.skip(" \t\n;}")
		if s.at == len(s.text) {
			return false
		}
		if !s.address() {
			return true
		}
		s.skip(" \t!")
		if s.at == len(s.text) {
			return true
		}
		c := s.text[s.at]
		s.at++
		switch c {
		case '{':
		case '#', 'v':
			s.line()
		case 'a', 'i', 'c':
			s.words()
		case ':', 'b', 't', 'T':
			s.until(";\n}")
		case 's':
			if !s.delimited(1) || !s.flags() {
				return true
			}
		case 'y':
			if !s.delimited(1) {
				return true
			}
		case 'q', 'Q', 'l', 'L':
			s.skip(" \t0123456789")
		case 'd', 'D', 'g', 'G', 'h', 'H', 'n', 'N', 'p', 'P', 'x', 'z', '=', 'F':
		default:
			return true
		}
	}
}

func (s *sedScript) skip(set string) {
	for s.at < len(s.text) && strings.IndexByte(set, s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *sedScript) until(set string) {
	for s.at < len(s.text) && strings.IndexByte(set, s.text[s.at]) < 0 {
		s.at++
	}
}

func (s *sedScript) line() { s.until("\n") }

// words goes past the text of a, i and c: lines, all but the last of which end in a
// backslash.
func (s *sedScript) words() {
	for {
		from := s.at
		s.line()
		text := s.text[from:s.at]
		if odd := (len(text) - len(strings.TrimRight(text, `\`))) % 2; odd == 0 || s.at == len(s.text) {
			return
		}
		s.at++
	}
}

// address goes past one address or two. It is false for what is none.
func (s *sedScript) address() bool {
	for {
		switch c := s.byte(); {
		case c == '/':
			if !s.delimited(0) {
				return false
			}
			s.skip("IM")
		case c == '\\':
			s.at++
			if !s.delimited(0) {
				return false
			}
			s.skip("IM")
		default: // a line by number, the last, steps, and variables that may hold one
			s.skip("0123456789$~+\x00")
		}
		s.skip(" \t")
		if s.byte() != ',' {
			return true
		}
		s.at++
		s.skip(" \t")
	}
}

func (s *sedScript) byte() byte {
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// delimited goes past the delimiter that stands there, a pattern that ends in it, and
// so many other texts.
func (s *sedScript) delimited(others int) bool {
	if s.at == len(s.text) || strings.IndexByte("\\\n\x00", s.text[s.at]) >= 0 {
		return false
	}
	delimiter := s.text[s.at]
	pattern := true
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\':
			s.at++
		case c == delimiter && others == 0:
			s.at++
			return true
		case c == delimiter:
			pattern = false
			others--
		case c == '[' && pattern:
			end := bracketEnd(s.text[s.at:])
			if end < 0 {
				return false
			}
			s.at += end
		}
	}
	return false
}

// bracketEnd is where the "]" of the bracket expression stands that a text starts with,
// or -1. No delimiter and no backslash counts in it.
func bracketEnd(text string) int {
	i := 1
	if i < len(text) && text[i] == '^' {
		i++
	}
	for from := i; i < len(text); i++ {
		switch {
		case text[i] == ']' && i > from:
			return i
		case text[i] == '[' && i+1 < len(text) && strings.IndexByte(":.=", text[i+1]) >= 0:
			end := strings.Index(text[i+2:], text[i+1:i+2]+"]")
			if end < 0 {
				return -1
			}
			i += 2 + end + 1
		}
	}
	return -1
}

// flags goes past the flags of s; false for those that act and what is none.
func (s *sedScript) flags() bool {
	s.skip("gpiIMm0123456789")
	s.skip(" \t")
	return s.at == len(s.text) || strings.IndexByte(";}\n#", s.text[s.at]) >= 0
}
