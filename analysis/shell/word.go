package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A mode says what a shell does to a word where it stands.
type mode uint8

const (
	inArgument mode = 1 << iota // expands braces, and patterns to the names of files
	inAssign                    // a value: a tilde may stand after a colon too, nothing is split or globbed unless inArgument as well
	inPattern                   // matched, not globbed
	inTest                      // inside [[ … ]], where extended patterns are always on
	inHeredoc                   // the text of a here-document: as inside double quotes, but for the quotes
)

// offsets maps an index in a literal's value to its offset in the text. The two
// run together but for escaped line ends and, inside backquotes, backslashes.
func (t *translator) offsets(l *syntax.Lit) func(i int) int {
	from := offset(l.ValuePos)
	if strings.HasPrefix(t.masked[from:], l.Value) {
		return func(i int) int { return from + i }
	}
	at := make([]int, 0, len(l.Value)+1)
	j := from
	for i := 0; i < len(l.Value); i++ {
		for j < len(t.masked) && t.masked[j] != l.Value[i] {
			j++
		}
		at = append(at, min(j, len(t.masked)))
		j++
	}
	end := from
	if len(at) > 0 {
		end = min(at[len(at)-1]+1, len(t.masked))
	}
	at = append(at, end)
	return func(i int) int { return at[i] }
}

func (t *translator) litRange(l *syntax.Lit) Range {
	return Range{offset(l.ValuePos), t.offsets(l)(len(l.Value))}
}

// unmask is a literal's value with the bytes of the text itself.
func (t *translator) unmask(l *syntax.Lit) string {
	if !strings.Contains(l.Value, "\x01") {
		return l.Value
	}
	at := t.offsets(l)
	b := []byte(l.Value)
	for i := range b {
		b[i] = t.src[at(i)]
	}
	return string(b)
}

// word translates a word and removes its quotes.
func (t *translator) word(w *syntax.Word, m mode) Word {
	if len(w.Parts) == 1 && t.dquotes == 0 && m&inHeredoc == 0 {
		// Most words are plain text.
		if l, ok := w.Parts[0].(*syntax.Lit); ok && !strings.ContainsAny(l.Value, "*?[{~\\\x01") {
			rng := t.litRange(l)
			return Word{rng, []Part{{Range: rng, Text: l.Value}}}
		}
	}
	var a atoms
	for _, p := range w.Parts {
		t.part(&a, p, m)
	}
	out := Word{Range: Range{offset(w.Pos()), 0}}
	out.To = t.partEnd(w.Parts[len(w.Parts)-1])
	if m&inHeredoc == 0 {
		a = t.special(a, m)
	}
	out.Parts = a.parts()
	return out
}

func (t *translator) partEnd(p syntax.WordPart) int {
	switch p := p.(type) {
	case *syntax.Lit:
		return t.litRange(p).To
	case *syntax.ParamExp:
		return t.paramEnd(p)
	}
	return min(offset(p.End()), len(t.src))
}

func (t *translator) paramEnd(p *syntax.ParamExp) int {
	if p.Short && p.Index == nil && p.Param != nil {
		return t.litRange(p.Param).To
	}
	return min(offset(p.End()), len(t.src))
}

// An atom is a piece of a word before braces, tildes and patterns are found:
// a special character, a run of plain ones, or a whole Part.
type atom struct {
	Part
	special byte // an unquoted character that may mean something, or 0
}

type atoms []atom

// specials are the unquoted characters that special looks at.
const specials = "*?[]{},.~/:="

func (t *translator) part(a *atoms, p syntax.WordPart, m mode) {
	switch p := p.(type) {
	case *syntax.Lit:
		if m&inHeredoc != 0 {
			t.escaped(a, p, "$`\\\n")
		} else if t.dquotes > 0 {
			t.escaped(a, p, "$`\"\\\n")
		} else {
			t.unquoted(a, p)
		}
	case *syntax.SglQuoted:
		l := &syntax.Lit{ValuePos: p.Left, Value: p.Value}
		skip := 1
		if p.Dollar {
			skip = 2
		}
		l.ValuePos = syntax.NewPos(uint(offset(p.Left)+skip), 1, 1)
		part := Part{Range: Range{offset(l.ValuePos), min(offset(p.Right), len(t.src))}, Text: t.unmask(l), Quoted: true}
		if p.Dollar {
			text, ok := unescape(part.Text)
			part.Text = text
			if !ok {
				part.Kind = Expr
			}
		}
		*a = append(*a, atom{Part: part})
	case *syntax.DblQuoted:
		if len(p.Parts) == 0 {
			at := min(offset(p.Right), len(t.src))
			*a = append(*a, atom{Part: Part{Range: Range{at, at}, Quoted: true}})
		}
		t.dquotes++
		from := len(*a)
		for _, q := range p.Parts {
			t.part(a, q, m&^inHeredoc)
		}
		for i := from; i < len(*a); i++ {
			(*a)[i].Quoted = true
		}
		t.dquotes--
	case *syntax.ParamExp:
		*a = append(*a, atom{Part: t.parameter(p)})
	case *syntax.CmdSubst:
		part := Part{Kind: Command, Range: Range{offset(p.Left), min(offset(p.Right)+1, len(t.src))}, Assigns: p.TempFile || p.ReplyVar}
		*a = append(*a, atom{Part: t.nested(part, p.Backquotes, p.Stmts, p.Last)})
	case *syntax.ProcSubst:
		part := Part{Kind: Process, Range: Range{offset(p.OpPos), min(offset(p.Rparen)+1, len(t.src))}}
		*a = append(*a, atom{Part: t.nested(part, false, p.Stmts, p.Last)})
	case *syntax.ArithmExp:
		part := t.expr(p.X)
		part.Range = Range{offset(p.Left), min(offset(p.End()), len(t.src))}
		*a = append(*a, atom{Part: part})
	case *syntax.ExtGlob:
		rng := Range{offset(p.OpPos), min(offset(p.End()), len(t.src))}
		if m&inTest == 0 {
			// Unless extglob is on, "@(a)" is an error and "!(a)" a negated subshell.
			t.fail(rng.From, "an extended pattern, which bash reads so only under extglob")
		}
		*a = append(*a, atom{Part: Part{Kind: Glob, Range: rng, Text: t.src[rng.From:rng.To]}})
	default:
		t.fail(offset(p.Pos()), "a construct that is not known")
	}
	if t.dquotes > 0 && len(*a) > 0 {
		(*a)[len(*a)-1].Quoted = true
	}
}

// nested translates the commands of a substitution.
func (t *translator) nested(p Part, backquotes bool, stmts []*syntax.Stmt, last []syntax.Comment) Part {
	dquotes := t.dquotes
	t.dquotes = 0
	outer := t.bquoteFrom
	if backquotes {
		t.bquotes++
		t.bquoteFrom = p.From
	}
	p.Quoted = dquotes > 0
	p.Node = t.list(stmts, last)
	if len(p.Node.Children) == 0 {
		p.Node.Range = Range{p.From, p.From}
	}
	if backquotes {
		t.bquotes--
	}
	t.bquoteFrom = outer
	t.dquotes = dquotes
	return p
}

func (t *translator) parameter(p *syntax.ParamExp) Part {
	out := Part{Kind: Parameter, Range: Range{offset(p.Pos()), t.paramEnd(p)}}
	if p.Param != nil {
		out.Text = p.Param.Value
	}
	out.Plain = !p.Excl && !p.Length && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Names == 0 && p.Exp == nil
	arith := func(x syntax.ArithmExpr) {
		if x != nil {
			e := t.expr(x)
			out.Assigns = out.Assigns || e.Assigns
			out.Words = append(out.Words, Word{e.Range, []Part{e}})
		}
	}
	word := func(w *syntax.Word) {
		if w == nil {
			return
		}
		if t.dquotes > 0 && !t.bash {
			for _, q := range w.Parts {
				if s, ok := q.(*syntax.SglQuoted); ok {
					// To the parser, as to bash, these quotes quote; to POSIX sh they do not.
					t.fail(offset(s.Left), "a single quote inside a quoted expansion")
				}
			}
		}
		out.Words = append(out.Words, t.word(w, inAssign))
	}
	arith(p.Index)
	if p.Slice != nil {
		arith(p.Slice.Offset)
		arith(p.Slice.Length)
	}
	if p.Repl != nil {
		word(p.Repl.Orig)
		word(p.Repl.With)
	}
	if p.Exp != nil {
		out.Assigns = out.Assigns || p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull
		word(p.Exp.Word)
	}
	return out
}

// expr gathers the operands of an arithmetic expression.
func (t *translator) expr(x syntax.ArithmExpr) Part {
	out := Part{Kind: Expr, Range: Range{-1, -1}}
	grow := func(r Range) {
		if out.From < 0 || r.From < out.From {
			out.From = r.From
		}
		out.To = max(out.To, r.To)
	}
	var visit func(x syntax.ArithmExpr)
	visit = func(x syntax.ArithmExpr) {
		switch x := x.(type) {
		case *syntax.BinaryArithm:
			switch x.Op {
			case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn,
				syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
				out.Assigns = true
			}
			visit(x.X)
			visit(x.Y)
		case *syntax.UnaryArithm:
			if x.Op == syntax.Inc || x.Op == syntax.Dec {
				out.Assigns = true
			}
			at := offset(x.OpPos)
			grow(Range{at, min(at+len(x.Op.String()), len(t.src))})
			visit(x.X)
		case *syntax.ParenArithm:
			grow(Range{offset(x.Lparen), min(offset(x.Rparen)+1, len(t.src))})
			visit(x.X)
		case *syntax.FlagsArithm:
			t.fail(offset(x.Pos()), "a construct that is not known")
		case *syntax.Word:
			w := t.word(x, 0)
			if l := x.Lit(); syntax.ValidName(l) {
				w.Parts = []Part{{Kind: Parameter, Range: w.Range, Text: l}}
			}
			grow(w.Range)
			for _, p := range w.Parts {
				out.Assigns = out.Assigns || p.Assigns
			}
			out.Words = append(out.Words, w)
		}
	}
	if x != nil {
		visit(x)
	}
	if out.From < 0 {
		out.Range = Range{}
	}
	return out
}

func (t *translator) exprWord(x syntax.ArithmExpr) Word {
	e := t.expr(x)
	return Word{e.Range, []Part{e}}
}

// escaped appends a literal in which a backslash quotes only some characters.
func (t *translator) escaped(a *atoms, l *syntax.Lit, quotable string) {
	raw := t.unmask(l)
	text := raw
	if strings.IndexByte(raw, '\\') >= 0 {
		var b strings.Builder
		for i := 0; i < len(raw); i++ {
			if raw[i] == '\\' && i+1 < len(raw) && strings.IndexByte(quotable, raw[i+1]) >= 0 {
				i++
				if raw[i] == '\n' {
					continue
				}
			}
			b.WriteByte(raw[i])
		}
		text = b.String()
	}
	*a = append(*a, atom{Part: Part{Range: t.litRange(l), Text: text, Quoted: true}})
}

// unquoted appends a literal outside quotes, cut at the characters that may mean
// something.
func (t *translator) unquoted(a *atoms, l *syntax.Lit) {
	raw, at := t.unmask(l), t.offsets(l)
	var b strings.Builder
	start := 0
	flush := func(end int) {
		if end > start {
			*a = append(*a, atom{Part: Part{Range: Range{at(start), at(end-1) + 1}, Text: b.String()}})
			b.Reset()
		}
	}
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\\' && i+1 < len(raw):
			i++
			if raw[i] != '\n' {
				b.WriteByte(raw[i])
			}
		case strings.IndexByte(specials, c) >= 0:
			flush(i)
			*a = append(*a, atom{Part: Part{Range: Range{at(i), at(i) + 1}, Text: raw[i : i+1]}, special: c})
			start = i + 1
		default:
			b.WriteByte(c)
		}
	}
	flush(len(raw))
}

// special finds tildes, braces and patterns among the atoms of a word.
func (t *translator) special(a atoms, m mode) atoms {
	if t.dquotes > 0 {
		return a
	}
	t.tildes(a, m)
	if m&inAssign == 0 || m&inArgument != 0 {
		patterns(a)
	}
	if t.bash && m&inArgument != 0 {
		a = t.braces(a)
	}
	return a
}

func patterns(a atoms) {
	last := -1 // the last "]"
	for i := range a {
		if a[i].special == ']' {
			last = i
		}
	}
	for i := range a {
		switch c := a[i].special; {
		case c == '*' || c == '?' || c == '[' && last > i+1:
			a[i].Kind = Glob
		}
	}
}

// tildes marks a leading ~, or one that stands where a value starts: after the =
// of an argument that looks like an assignment too, as bash has it.
func (t *translator) tildes(a atoms, m mode) {
	starts := true
	for i := 0; i < len(a); i++ {
		switch c := a[i].special; {
		case c == '~' && starts:
			j := i + 1
			for j < len(a) && a[j].Kind == Literal && !a[j].Quoted && a[j].special != '/' && a[j].special != ':' &&
				(a[j].special != 0 || plainText(t.src[a[j].From:a[j].To], a[j].Text)) {
				j++
			}
			if j == len(a) || a[j].special == '/' || a[j].special == ':' && (t.bash || m&inAssign != 0) {
				for k := i; k < j; k++ {
					a[k].Kind = Tilde
				}
			}
			starts = false
		case c == '=' && i == 1 && t.bash && m&inArgument != 0 && m&inAssign == 0 && syntax.ValidName(a[0].Text) && a[0].special == 0 && !a[0].Quoted && a[0].Kind == Literal:
			starts, m = true, m|inAssign
		case c == ':' && m&inAssign != 0:
			starts = true
		default:
			starts = false
		}
	}
}

// plainText reports that a run of text has no backslash in it.
func plainText(written, text string) bool { return written == text }

// braces makes one Part of what bash may take for a brace expansion: from the
// first { to the last } with a comma or two dots between. It may take too much.
func (t *translator) braces(a atoms) atoms {
	open, mid, end := -1, false, -1
	for i := range a {
		switch a[i].special {
		case '{':
			if open < 0 {
				open = i
			}
		case ',':
			mid = mid || open >= 0
		case '.':
			mid = mid || open >= 0 && i+1 < len(a) && a[i+1].special == '.'
		case '}':
			if mid {
				end = i
			}
		}
	}
	if end < 0 {
		return a
	}
	rng := Range{a[open].From, a[end].To}
	inner := Word{Range{a[open].To, a[end].From}, a[open+1 : end].parts()}
	brace := Part{Kind: Brace, Range: rng, Text: t.src[rng.From:rng.To], Words: []Word{inner}}
	out := append(atoms{}, a[:open]...)
	return append(append(out, atom{Part: brace}), a[end+1:]...)
}

// parts merges atoms into Parts.
func (a atoms) parts() []Part {
	var out []Part
	for i := 0; i < len(a); {
		p := a[i].Part
		i++
		if p.Kind == Literal && !p.Quoted || p.Kind == Tilde {
			from := i - 1
			for i < len(a) && a[i].Kind == p.Kind && !a[i].Quoted {
				i++
			}
			if i > from+1 {
				var b strings.Builder
				for _, x := range a[from:i] {
					b.WriteString(x.Text)
				}
				p.Text, p.To = b.String(), a[i-1].To
			}
		}
		out = append(out, p)
	}
	return out
}
