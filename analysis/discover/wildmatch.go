package discover

import "strings"

// A verdict of the matcher. The two aborts keep "*" from trying again where no
// further try can succeed, which bounds the cost of patterns such as *a*a*a*b.
type verdict uint8

const (
	no verdict = iota
	yes
	abortAll      // the text ended
	abortToDouble // only an outer "**" may go on
)

// wildmatch matches text as git's wildmatch does; with paths, "*", "?" and
// classes do not match "/", and "**" between slashes matches any folders.
func wildmatch(pattern, text string, paths bool) bool {
	return wild(pattern, text, paths) == yes
}

func wild(pattern, text string, paths bool) verdict {
	p, t := 0, 0
	at := func(i int) byte { // 0 past the end
		if i < len(pattern) {
			return pattern[i]
		}
		return 0
	}
	for ; p < len(pattern); p, t = p+1, t+1 {
		c := pattern[p]
		if t >= len(text) && c != '*' {
			return abortAll
		}
		switch c {
		case '\\':
			p++
			if p >= len(pattern) || text[t] != pattern[p] {
				return no
			}
		case '?':
			if paths && text[t] == '/' {
				return no
			}
		case '*':
			slash := !paths
			start := p
			p++
			if at(p) == '*' {
				for at(p) == '*' {
					p++
				}
				if paths && (start == 0 || pattern[start-1] == '/') &&
					(p >= len(pattern) || at(p) == '/' || at(p) == '\\' && at(p+1) == '/') {
					// "**/" matches nothing at all, too.
					if at(p) == '/' && wild(pattern[p+1:], text[t:], paths) == yes {
						return yes
					}
					slash = true
				}
			}
			if p >= len(pattern) {
				if !slash && strings.Contains(text[t:], "/") {
					return abortToDouble
				}
				return yes
			}
			if !slash && pattern[p] == '/' { // "*/": the rest of this name
				i := strings.IndexByte(text[t:], '/')
				if i < 0 {
					return abortAll
				}
				t += i
				continue
			}
			return starred(pattern[p:], text[t:], paths, slash)
		case '[':
			next, ok, bad := class(pattern, p, text[t])
			if bad {
				return abortAll
			}
			if !ok || paths && text[t] == '/' {
				return no
			}
			p = next
		default:
			if text[t] != c {
				return no
			}
		}
	}
	if t < len(text) {
		return no
	}
	return yes
}

// starred matches what follows a star, at each place up to which the star may reach;
// slash says that it may reach over a "/".
func starred(pattern, text string, paths, slash bool) verdict {
	for t := 0; t < len(text); t++ {
		if !strings.ContainsRune(`*?[\`, rune(pattern[0])) {
			for t < len(text) && text[t] != pattern[0] && (slash || text[t] != '/') {
				t++
			}
			if t >= len(text) || text[t] != pattern[0] {
				if slash {
					return abortAll
				}
				return abortToDouble
			}
		}
		if m := wild(pattern, text[t:], paths); m != no {
			if !slash || m != abortToDouble {
				return m
			}
		} else if !slash && text[t] == '/' {
			return abortToDouble
		}
	}
	return abortAll
}

// class matches one byte against the class that opens at p; next is the place of
// its "]", and bad says that it is not closed.
func class(pattern string, p int, b byte) (next int, matched, bad bool) {
	at := func(i int) byte {
		if i < len(pattern) {
			return pattern[i]
		}
		return 0
	}
	p++
	negated := at(p) == '!' || at(p) == '^'
	if negated {
		p++
	}
	var prev byte
	for first := true; ; first = false {
		c := at(p)
		switch {
		case c == 0:
			return 0, false, true
		case c == ']' && !first:
			return p, matched != negated, false
		case c == '\\':
			p++
			c = at(p)
			if c == 0 {
				return 0, false, true
			}
			if b == c {
				matched = true
			}
		case c == '-' && prev != 0 && at(p+1) != 0 && at(p+1) != ']':
			p++
			c = at(p)
			if c == '\\' {
				p++
				if c = at(p); c == 0 {
					return 0, false, true
				}
			}
			if prev <= b && b <= c {
				matched = true
			}
			c = 0 // a range is no start of another
		case c == '[' && at(p+1) == ':':
			end := p + 2
			for at(end) != 0 && at(end) != ']' {
				end++
			}
			if at(end) == 0 {
				return 0, false, true
			}
			if end-p-3 < 0 || pattern[end-1] != ':' { // not [:name:]: a plain [
				if b == '[' {
					matched = true
				}
				break
			}
			in, ok := posix(pattern[p+2:end-1], b)
			if !ok {
				return 0, false, true
			}
			matched = matched || in
			p = end
			c = 0
		default:
			if b == c {
				matched = true
			}
		}
		prev = c
		p++
	}
}

func posix(name string, b byte) (in, known bool) {
	lower, upper, digit := 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9'
	switch name {
	case "alnum":
		return lower || upper || digit, true
	case "alpha":
		return lower || upper, true
	case "blank":
		return b == ' ' || b == '\t', true
	case "cntrl":
		return b < ' ' || b == 0x7f, true
	case "digit":
		return digit, true
	case "graph":
		return '!' <= b && b <= '~', true
	case "lower":
		return lower, true
	case "print":
		return ' ' <= b && b <= '~', true
	case "punct":
		return '!' <= b && b <= '~' && !lower && !upper && !digit, true
	case "space":
		return b == ' ' || '\t' <= b && b <= '\r', true
	case "upper":
		return upper, true
	case "xdigit":
		return digit || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F', true
	}
	return false, false
}
