package syntax

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// maxNested bounds how deep ${…} may nest in a line that may open here-documents:
// BuildKit's lexer recurses and copies at each level.
const maxNested = 100

// heredocTarget returns the instruction whose text may open here-documents: in
// itself, or what ONBUILD holds; nil if there is none.
func heredocTarget(in *Instruction) *Instruction {
	text := in.Text.String()
	if in.Name == command.Onbuild && in.Sub != nil {
		in = in.Sub
	}
	switch in.Name {
	case command.Run, command.Copy, command.Add:
		if !in.JSON && strings.Contains(text, "<<") {
			return in
		}
	}
	return nil
}

// An opener is a word text[from:to] that opens a here-document.
type opener struct {
	from, to int
	doc      *parser.Heredoc
}

// heredocOpeners finds the here-documents that a line opens. BuildKit's lexer
// tells words but not where they stand, so this is its reading with places:
// shell.Lex with the backslash, quotes and escapes kept, no variable set. What it
// cannot lex opens nothing. The second result says why BuildKit must not be shown
// the line.
func heredocOpeners(text string) ([]opener, string) {
	x := &lexer{text: text, raw: true}
	words, err := x.words()
	if errors.Is(err, errDeep) {
		return nil, err.Error()
	}
	var out []opener
	for _, w := range words {
		doc, err := parser.ParseHeredoc(w.value)
		if err != nil { // BuildKit refuses the instruction
			return nil, ""
		}
		if doc != nil {
			out = append(out, opener{w.from, w.to, doc})
		}
	}
	return out, ""
}

var (
	errLex  = errors.New("unbalanced quotes or braces")
	errDeep = errors.New("${…} is nested too deep")
)

const eof = -1

// A glyph is a character that the lexer gives out, and where it comes from.
type glyph struct {
	r        rune
	from, to int
}

type lexer struct {
	text  string
	at    int
	raw   bool    // escapes are kept
	out   []glyph // of the special character at hand
	depth int
	lost  bool // BuildKit's word buffer was emptied, by a substitution with a word in it
}

func (x *lexer) peek() rune {
	g := x.look()
	return g.r
}

func (x *lexer) look() glyph {
	if x.at == len(x.text) {
		return glyph{eof, x.at, x.at}
	}
	r, n := utf8.DecodeRuneInString(x.text[x.at:])
	return glyph{r, x.at, x.at + n}
}

func (x *lexer) next() glyph {
	g := x.look()
	x.at = g.to
	return g
}

func (x *lexer) emit(g glyph) { x.out = append(x.out, g) }

// words returns the words of the text that may be here-documents.
func (x *lexer) words() ([]rawWord, error) {
	var words []rawWord
	var word []glyph
	inWord := false
	flush := func() {
		if mayOpen(word) {
			var b strings.Builder
			for _, g := range word {
				b.WriteRune(g.r)
			}
			words = append(words, rawWord{word[0].from, word[len(word)-1].to, b.String()})
		}
		word = word[:0]
	}
	add := func(g glyph) { word, inWord = append(word, g), true }
	split := func(g glyph) {
		switch space := unicode.IsSpace(g.r); {
		case !space:
			add(g)
		case inWord && len(word) > 0:
			flush()
			inWord = false
		}
	}
	for x.peek() != eof {
		x.out, x.lost = x.out[:0], false
		special, err := x.special()
		if err != nil {
			return nil, err
		}
		if x.lost {
			word = word[:0]
		}
		if special == '$' { // split at its blanks
			for _, g := range x.out {
				split(g)
			}
		} else if special != 0 {
			for _, g := range x.out {
				add(g)
			}
		} else if g := x.next(); g.r == '\\' {
			add(g)
			if g = x.next(); g.r == eof {
				break
			}
			add(g)
		} else {
			split(g)
		}
	}
	flush()
	return words, nil
}

// mayOpen reports whether a word is digits and "<<".
func mayOpen(word []glyph) bool {
	i := 0
	for i < len(word) && word[i].r >= '0' && word[i].r <= '9' {
		i++
	}
	return i+1 < len(word) && word[i].r == '<' && word[i+1].r == '<'
}

// special lexes what a special character starts and returns it, or 0.
func (x *lexer) special() (rune, error) {
	r := x.peek()
	switch r {
	case '$':
		return r, x.dollar()
	case '\'':
		return r, x.single()
	case '"':
		return r, x.double()
	case '<':
		x.emit(x.next())
		if x.peek() == '<' {
			x.emit(x.next())
			for r := x.peek(); r == '\t' || r == '\r' || r == ' '; r = x.peek() {
				x.emit(x.next())
			}
		}
		return r, nil
	}
	return 0, nil
}

func (x *lexer) single() error {
	x.emit(x.next())
	for {
		g := x.next()
		if g.r == eof {
			return errLex
		}
		x.emit(g)
		if g.r == '\'' {
			return nil
		}
	}
}

func (x *lexer) double() error {
	x.emit(x.next())
	for {
		switch x.peek() {
		case eof:
			return errLex
		case '"':
			x.emit(x.next())
			return nil
		case '$':
			if err := x.dollar(); err != nil {
				return err
			}
		default:
			g := x.next()
			if g.r == '\\' {
				if x.raw {
					x.emit(g)
				}
				switch x.peek() {
				case eof:
					continue
				case '"', '$', '\\':
					g = x.next()
				}
			}
			x.emit(g) // with raw, BuildKit doubles the backslash of "\n"
		}
	}
}

func (x *lexer) dollar() error {
	x.emit(x.next())
	if x.peek() != '{' {
		x.name()
		return nil
	}
	x.emit(x.next())
	switch x.peek() {
	case eof, '{', '}', ':':
		return errLex
	}
	x.name()
	g := x.next()
	switch g.r {
	case '}':
		x.emit(g)
		return nil
	case ':':
		x.emit(g)
		g = x.next()
		if g.r == '#' || g.r == '%' {
			return errLex
		}
		x.emit(g)
		return x.until('}', false)
	case '+', '-', '?':
		x.emit(g)
		return x.until('}', false)
	case '#', '%':
		x.emit(g)
		return x.until('}', true)
	case '/':
		x.emit(g)
		if x.peek() == '/' {
			x.next() // lost in what BuildKit gives out
		}
		if err := x.until('/', true); err != nil {
			return err
		}
		return x.until('}', true)
	}
	return errLex
}

// name lexes a variable's name, which may be empty.
func (x *lexer) name() {
	for first := true; ; first = false {
		r := x.peek()
		switch {
		case r == eof:
			return
		case first && unicode.IsDigit(r):
			for unicode.IsDigit(x.peek()) {
				x.emit(x.next())
			}
			return
		case first && strings.ContainsRune("@*#?-$!", r):
			x.emit(x.next())
			return
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_':
			return
		}
		x.emit(x.next())
	}
}

// until lexes up to a character that ends a part of a substitution, and that
// character.
func (x *lexer) until(stop rune, raw bool) error {
	x.lost = true
	if x.depth++; x.depth > maxNested {
		return errDeep
	}
	before := x.raw
	x.raw = raw
	defer func() { x.raw = before; x.depth-- }()
	for {
		if r := x.peek(); r == eof {
			return errLex
		} else if r == stop {
			x.emit(x.next())
			return nil
		}
		special, err := x.special()
		if err != nil {
			return err
		}
		if special != 0 {
			continue
		}
		g := x.next()
		if g.r == '\\' {
			if x.raw {
				x.emit(g)
			}
			if g = x.next(); g.r == eof {
				return errLex
			}
		}
		x.emit(g)
	}
}
