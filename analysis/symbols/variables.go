package symbols

import "github.com/shale-build/shale/analysis/source"

// A Variable is text[From:To] of a word: the name in $NAME or ${NAME…}.
type Variable struct {
	Name     string
	From, To int
	End      int // where the $NAME or ${NAME…} ends; 0 inside another one, and without its brace
}

// Variables finds the variables of a word as BuildKit expands it outside RUN. With
// quotesAreText, as in a here-document, quotes mean nothing.
func Variables(text string, escape byte, quotesAreText bool) []Variable {
	x := &scanner{text: text, escape: escape, quotes: !quotesAreText}
	x.until(0)
	return x.out
}

type scanner struct {
	text   string
	at     int
	escape byte
	quotes bool
	depth  int
	out    []Variable
}

// maxDepth bounds how deep ${…} may nest.
const maxDepth = 100

// until reads up to a closing brace, or to the end where stop is 0.
func (x *scanner) until(stop byte) {
	double := false
	for x.at < len(x.text) {
		c := x.text[x.at]
		switch {
		case c == x.escape:
			x.at++
		case stop != 0 && c == stop && !double:
			return
		case x.quotes && c == '"':
			double = !double
		case x.quotes && c == '\'' && !double:
			x.at++
			for x.at < len(x.text) && x.text[x.at] != '\'' {
				x.at++
			}
		case c == '$':
			x.dollar()
			continue
		}
		x.at++
	}
}

func (x *scanner) dollar() {
	x.at++
	braced := x.at < len(x.text) && x.text[x.at] == '{'
	if braced {
		x.at++
	}
	from := x.at
	for x.at < len(x.text) && source.NameByte(x.text[x.at]) {
		x.at++
	}
	own := -1
	if name := x.text[from:x.at]; ValidName(name) {
		own = len(x.out)
		x.out = append(x.out, Variable{Name: name, From: from, To: x.at})
	}
	if !braced || x.depth == maxDepth {
		x.ends(own)
		return
	}
	x.depth++
	x.until('}')
	x.depth--
	if x.at < len(x.text) {
		x.at++
		x.ends(own)
	}
}

func (x *scanner) ends(variable int) {
	if variable >= 0 && x.depth == 0 {
		x.out[variable].End = x.at
	}
}
