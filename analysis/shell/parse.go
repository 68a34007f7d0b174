package shell

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"github.com/shale-build/shale/analysis/source"
)

// A SyntaxError says why a body does not parse, and where.
type SyntaxError struct {
	At      int // offset in the joined text
	Message string
}

func (e *SyntaxError) Error() string { return e.Message }

var (
	errOpaque = errors.New("the SHELL is none whose language is known")
	errLong   = errors.New("the text is longer than the 128 KiB that Linux takes as one argument")
	errNested = errors.New("the text is nested too deeply")
	errOption = errors.New("the shell takes a text that starts with - or + for options")
	errNUL    = errors.New("the text holds a NUL byte")
)

// maxLen is Linux's MAX_ARG_STRLEN less the final NUL: no shell ever gets more
// by its -c.
const maxLen = 128<<10 - 1

// Parse reads a RUN body. It never fails: what cannot be read has Err set.
func Parse(text source.Text, d Dialect) *Program {
	p := &Program{Text: text, Dialect: d}
	src := text.String()
	switch {
	case d == Opaque:
		p.Err = errOpaque
	case len(src) > maxLen:
		p.Err = errLong
	case strings.IndexByte(src, 0) >= 0:
		p.Err = errNUL
	case strings.HasPrefix(src, "-"), strings.HasPrefix(src, "+"):
		p.Err = errOption
	}
	if p.Err != nil {
		return p
	}
	masked := mask(src)
	first := parseAs(src, masked, d == Bash)
	if first.err == nil && alike(src) {
		p.Root, p.Comments = first.root, first.comments
		return p
	}
	second := parseAs(src, masked, d != Bash)
	p.Ambiguous = (first.err == nil) != (second.err == nil) ||
		first.err == nil && !equalNodes(first.root, second.root)
	if d == Unknown && first.err != nil && second.err == nil {
		first = second
	}
	p.Root, p.Comments, p.Err = first.root, first.comments, first.err
	return p
}

// Span is the place in the file of a range of the joined text.
func (p *Program) Span(r Range) source.Span { return p.Text.Span(r.From, r.To) }

// Source is the text of a range as written.
func (p *Program) Source(r Range) string { return p.Text.String()[r.From:r.To] }

// alike reports that a text holds nothing that POSIX sh and bash might read in
// different ways, so that one parse serves for both. It may say no needlessly.
func alike(src string) bool {
	for i := 0; i < len(src); i++ {
		var prev, next byte = ' ', ' '
		if i > 0 {
			prev = src[i-1]
		}
		if i+1 < len(src) {
			next = src[i+1]
		}
		switch c := src[i]; c {
		case '{':
			if prev == '$' {
				if !plainVariable(src[i+1:]) {
					return false
				}
				continue
			}
			if !isBlank(next) && (next != '}' || i+2 < len(src) && !isBlank(src[i+2])) {
				return false
			}
		case '~':
			end := i
			for end < len(src) && !isBlank(src[end]) && src[end] != '/' && src[end] != ':' && (end == i || src[end] != '~') {
				end++
			}
			if prev == '=' || prev == ':' || end < len(src) && src[end] == ':' {
				return false
			}
		case '[':
			if next == '[' || !isBlank(prev) {
				return false
			}
		case ']':
			if next == ']' {
				return false
			}
		case '(':
			if next == '(' || strings.IndexByte("?*+@!=<>(", prev) >= 0 {
				return false
			}
		case ')':
			if strings.HasSuffix(strings.TrimRight(src[max(0, i-64):i], " \t\n"), "(") {
				return false // f() …
			}
		case '$':
			if next == '\'' || next == '"' {
				return false
			}
		case '&':
			if next == '>' || prev == '|' || prev == ';' {
				return false
			}
			if (prev == '>' || prev == '<') && !plainDescriptor(src[i+1:]) {
				return false
			}
		case '<':
			if next == '<' {
				return false
			}
		case '+':
			if next == '=' {
				return false
			}
		case '\\':
			if next == '\n' {
				return false
			}
		default:
			// A word that one of the two takes for a keyword or a declaration.
			if 'c' <= c && c <= 't' && strings.IndexByte(" \t\n;&|()`", prev) >= 0 {
				for _, w := range keywords {
					if strings.HasPrefix(src[i:], w) {
						return false
					}
				}
			}
		}
	}
	return true
}

// plainVariable reports whether what stands behind "${" is a name and "}".
func plainVariable(src string) bool {
	end := 0
	for end < len(src) && source.NameByte(src[end]) {
		end++
	}
	return end > 0 && end < len(src) && src[end] == '}'
}

// plainDescriptor reports whether what stands behind ">&" is a number or "-", and no more.
func plainDescriptor(src string) bool {
	end := 0
	for end < len(src) && (src[end] == '-' || '0' <= src[end] && src[end] <= '9') {
		end++
	}
	return end > 0 && (end == len(src) || strings.IndexByte(" \t\n;|)", src[end]) >= 0)
}

var keywords = [...]string{
	"coproc", "declare", "export", "function", "let", "local", "nameref", "readonly", "select", "time", "typeset",
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// mask replaces what mvdan/sh reads otherwise than a shell does, byte for byte:
// a carriage return, which is no blank to a shell, and bytes that are not UTF-8.
func mask(src string) string {
	if strings.IndexByte(src, '\r') < 0 && utf8.ValidString(src) {
		return src
	}
	b := []byte(src)
	for i := 0; i < len(b); {
		if b[i] == '\r' {
			b[i] = 1
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			b[i] = 1
		}
		i += n
	}
	return string(b)
}

type parsed struct {
	root     *Node
	comments []Range
	err      error
}

var parsers = [2]sync.Pool{
	{New: func() any { return syntax.NewParser(syntax.Variant(syntax.LangPOSIX), syntax.KeepComments(true)) }},
	{New: func() any { return syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(true)) }},
}

func parseAs(src, masked string, bash bool) (out parsed) {
	defer func() {
		if r := recover(); r != nil {
			out = parsed{err: fmt.Errorf("the shell parser failed: %v", r)}
		}
	}()
	pool := &parsers[0]
	if bash {
		pool = &parsers[1]
	}
	parser := pool.Get().(*syntax.Parser)
	file, err := parser.Parse(&reader{text: masked}, "")
	if err != nil {
		pool.Put(parser)
		return parsed{err: plainError(err)}
	}
	t := &translator{src: src, masked: masked, bash: bash}
	root := t.list(file.Stmts, file.Last)
	pool.Put(parser)
	if t.err != nil {
		return parsed{err: t.err}
	}
	slices.SortFunc(t.comments, func(a, b Range) int { return a.From - b.From })
	return parsed{root, t.comments, nil}
}

func plainError(err error) error {
	var parse syntax.ParseError
	var lang syntax.LangError
	switch {
	case errors.As(err, &parse):
		return &SyntaxError{int(parse.Pos.Offset()), parse.Text}
	case errors.As(err, &lang):
		at := int(lang.Pos.Offset())
		lang.Pos = syntax.Pos{}
		return &SyntaxError{at, strings.TrimPrefix(lang.Error(), "?:?: ")}
	}
	return err
}

// A reader feeds the parser in small bites and, at each, looks how deep the
// parser has called itself: it descends into the text without a bound of its own.
type reader struct {
	text string
	at   int
}

const (
	bite      = 512
	maxFrames = 5000
)

func (r *reader) Read(b []byte) (int, error) {
	if r.at == len(r.text) {
		return 0, io.EOF
	}
	if r.at > 0 {
		var pc [1]uintptr
		if runtime.Callers(maxFrames, pc[:]) > 0 {
			return 0, errNested
		}
	}
	n := copy(b[:min(len(b), bite)], r.text[r.at:])
	r.at += n
	return n, nil
}

// parseString reads a script that stands in no file: its offsets are its own.
func parseString(script string, d Dialect) *Program {
	return Parse(source.Join(script, source.Span{End: len(script)}), d)
}
