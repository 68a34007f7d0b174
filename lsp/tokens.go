package lsp

import (
	"context"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

// A paint is what a byte means to an editor that colours the text: an index into
// tokenTypes, from 1, and declares.
type paint uint8

const (
	plain paint = iota
	keywordPaint
	commentPaint
	macroPaint
	parameterPaint
	propertyPaint
	stringPaint
	numberPaint
	variablePaint
	namespacePaint
	typePaint
	functionPaint
	operatorPaint

	declares paint = 1 << 7
)

var tokenTypes = []protocol.SemanticTokenTypes{
	protocol.SemanticTokenKeyword, protocol.SemanticTokenComment, protocol.SemanticTokenMacro, protocol.SemanticTokenParameter,
	protocol.SemanticTokenProperty, protocol.SemanticTokenString, protocol.SemanticTokenNumber, protocol.SemanticTokenVariable,
	protocol.SemanticTokenNamespace, protocol.SemanticTokenType, protocol.SemanticTokenFunction, protocol.SemanticTokenOperator,
}

var tokenModifiers = []protocol.SemanticTokenModifiers{protocol.SemanticTokenModifierDeclaration}

func (v *view) tokensFull(context.Context, *placed) (any, error) {
	data := v.tokens(source.Span{Start: 0, End: len(v.text)})
	return protocol.SemanticTokens{ResultID: v.remember(data), Data: data}, nil
}

func (v *view) tokensRange(_ context.Context, p *placed) (any, error) {
	return protocol.SemanticTokens{Data: v.tokens(v.span(p.Range))}, nil
}

type tokensDeltaParams struct {
	TextDocument     textDocument `json:"textDocument"`
	PreviousResultID string       `json:"previousResultId"`
}

func (p *tokensDeltaParams) about() string { return p.TextDocument.URI }

// tokensDelta says what changed since the last answer; all of it where the client
// knows another.
func (v *view) tokensDelta(_ context.Context, p *tokensDeltaParams) (any, error) {
	v.s.mu.Lock()
	old := v.s.told[v.uri]
	v.s.mu.Unlock()
	data := v.tokens(source.Span{Start: 0, End: len(v.text)})
	id := v.remember(data)
	if old.id == "" || old.id != p.PreviousResultID {
		return protocol.SemanticTokens{ResultID: id, Data: data}, nil
	}
	edits := []protocol.SemanticTokensEdit{}
	head := 0
	for head < min(len(old.data), len(data)) && old.data[head] == data[head] {
		head++
	}
	tail := 0
	for tail < min(len(old.data), len(data))-head && old.data[len(old.data)-1-tail] == data[len(data)-1-tail] {
		tail++
	}
	if head+tail < max(len(old.data), len(data)) {
		edits = append(edits, protocol.SemanticTokensEdit{
			Start: uint32(head), DeleteCount: uint32(len(old.data) - head - tail), Data: data[head : len(data)-tail],
		})
	}
	return protocol.SemanticTokensDelta{ResultID: id, Edits: edits}, nil
}

// toldTokens is the last answer about a document.
type toldTokens struct {
	id   string
	data []uint32
}

// remember keeps an answer for the next delta, if the document is still open.
func (v *view) remember(data []uint32) string {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.s.answers++
	id := strconv.FormatUint(v.s.answers, 10)
	if v.s.isOpen[v.uri] {
		v.s.told[v.uri] = toldTokens{id, data}
	}
	return id
}

// tokens are the tokens of a part of the text, in the protocol's relative form.
func (v *view) tokens(part source.Span) []uint32 {
	// Whole lines: a token never goes over a line end.
	first, last := v.lines.Line(part.Start), v.lines.Line(part.End)
	part = source.Span{Start: v.lines.Span(first).Start, End: v.lines.Span(last).End}
	paints := v.painted(part)
	data := []uint32{}
	line, column := first, 0
	prevLine := 0
	for l := first; l <= last; l++ {
		span := v.lines.Span(l)
		line, column = l, 0
		units := 0
		for at := span.Start; at < span.End; {
			c := paints[at-part.Start]
			from := at
			width := 0
			for at < span.End && paints[at-part.Start] == c {
				r, n := utf8.DecodeRuneInString(v.text[at:span.End])
				width += v.units(r, n)
				at += n
			}
			if c&^declares != plain && !blank(v.text[from:at]) {
				modifiers := uint32(0)
				if c&declares != 0 {
					modifiers = 1
				}
				data = append(data, uint32(line-prevLine), uint32(units-column), uint32(width), uint32(c&^declares)-1, modifiers)
				prevLine, column = line, units
			}
			units += width
		}
	}
	return data
}

// units is how many the client counts for a character of n bytes.
func (v *view) units(r rune, n int) int {
	switch {
	case v.s.client.encoding == source.UTF8:
		return n
	case v.s.client.encoding == source.UTF16 && r != utf8.RuneError:
		return utf16.RuneLen(r)
	}
	return 1
}

func blank(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != ' ' && text[i] != '\t' {
			return false
		}
	}
	return true
}

// A painter lays colours over a part of the text; later ones go over earlier ones.
type painter struct {
	v      *view
	part   source.Span
	paints []paint
}

func (v *view) painted(part source.Span) []paint {
	p := &painter{v: v, part: part, paints: make([]paint, part.Len())}
	for _, in := range v.doc.Instructions {
		if in.Lines.End > part.Start && in.Lines.Start < part.End {
			p.instruction(in)
		}
	}
	for _, d := range v.doc.Directives {
		p.fill(d.Span, macroPaint)
		p.fill(d.ValueSpan, stringPaint)
	}
	for _, piece := range v.doc.Pieces {
		switch piece.Kind {
		case syntax.Comment:
			p.fill(piece.Span, commentPaint)
		case syntax.Continuation:
			p.fill(source.Span{Start: piece.Span.Start, End: piece.Span.Start + 1}, operatorPaint)
		}
	}
	return p.paints
}

func (p *painter) fill(s source.Span, c paint) {
	from, to := max(s.Start, p.part.Start), min(s.End, p.part.End)
	for i := from; i < to; i++ {
		p.paints[i-p.part.Start] = c
	}
}

// text fills what a joined text covers, leaving out continuations and comments.
func (p *painter) text(t source.Text, from, to int, c paint) {
	for _, s := range t.Spans(from, to) {
		p.fill(s, c)
	}
}

func (p *painter) word(w syntax.Word, c paint) { p.text(w.Text, 0, w.Text.Len(), c) }

func (p *painter) instruction(in *syntax.Instruction) {
	p.fill(in.Keyword, keywordPaint)
	for i := range in.Flags {
		p.flag(in, &in.Flags[i])
	}
	if in.Sub != nil {
		p.instruction(in.Sub)
		return
	}
	p.arguments(in)
	for _, h := range in.Heredocs {
		p.fill(h.Opener, operatorPaint)
		p.fill(h.End, operatorPaint)
		if in.Name != "run" {
			p.fill(h.Body, stringPaint)
		}
	}
	if in.Index < 0 {
		return
	}
	for _, program := range symbols.Programs(p.v.file, in) {
		p.program(program)
	}
	for _, u := range p.v.symbols().Of(in) {
		c := variablePaint
		span := u.Span
		switch {
		case u.Stage && u.Index:
			c = numberPaint
		case u.Stage && u.Symbol == nil:
			c = typePaint
		case u.Stage:
			c = namespacePaint
		}
		if u.Decl {
			c |= declares
		}
		p.fill(span, c)
	}
}

func (p *painter) flag(in *syntax.Instruction, f *syntax.Flag) {
	p.fill(f.Span, parameterPaint)
	if !f.HasValue {
		return
	}
	p.text(f.Raw, 0, f.Raw.Len(), stringPaint)
	if in.Name != "run" || f.Name != "mount" {
		return
	}
	for _, o := range symbols.Options(f.Raw) {
		p.text(o.Key, 0, o.Key.Len(), propertyPaint)
	}
}

func (p *painter) arguments(in *syntax.Instruction) {
	if in.JSON {
		for _, a := range in.Args {
			p.word(a, stringPaint)
		}
		return
	}
	switch in.Name {
	case "from":
		for i, a := range in.Args {
			switch i {
			case 0:
				p.word(a, typePaint)
			case 1:
				p.word(a, keywordPaint)
			}
		}
	case "env", "label", "arg":
		for _, pair := range in.Pairs {
			p.word(pair.Key, propertyPaint)
			p.word(pair.Value, stringPaint)
		}
	case "expose":
		for _, a := range in.Args {
			p.word(a, numberPaint)
		}
	case "healthcheck":
		if len(in.Args) > 0 {
			p.word(in.Args[0], keywordPaint)
		}
	case "copy", "add", "volume", "workdir", "user", "stopsignal":
		for _, a := range in.Args {
			if !slices.ContainsFunc(in.Heredocs, func(h syntax.Heredoc) bool { return h.Opener == a.Span() }) {
				p.word(a, stringPaint)
			}
		}
	}
}
