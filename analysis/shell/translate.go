package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A translator turns the parser's tree into ours.
type translator struct {
	src, masked string
	bash        bool
	comments    []Range
	bquotes     int // depth of backquotes around the current node
	bquoteFrom  int // where the innermost of them starts
	dquotes     int // depth of double quotes around the current word part
	err         error
}

func (t *translator) fail(at int, message string) {
	if t.err == nil {
		t.err = &SyntaxError{at, message}
	}
}

func offset(p syntax.Pos) int { return int(p.Offset()) }

func (t *translator) comment(list []syntax.Comment) {
	for _, c := range list {
		from := offset(c.Hash)
		end := len(t.src)
		if i := strings.IndexByte(t.src[from:end], '\n'); i >= 0 {
			end = from + i
		}
		if strings.HasSuffix(t.src[from:end], `\`) && end < len(t.src) && t.src[end] == '\n' {
			// To a shell the comment ends here, to the parser its line goes on.
			t.fail(from, "a comment ends in a backslash")
		}
		if t.bquotes > 0 {
			// It ends at the backquote, and swallows nothing behind that: people
			// comment chains so, with `# words`.
			if from != t.bquoteFrom+1 && strings.IndexByte(" \t\n;&|(", t.src[from-1]) < 0 {
				t.fail(from, "a # that may or may not start a comment")
			}
			continue
		}
		if before := t.src[:from]; before != "" && (strings.IndexByte(" \t\n;&|(", before[from-1]) < 0 || strings.HasSuffix(before, "\\\n")) {
			// Inside parentheses the parser takes 'a'#b for a word and a comment.
			t.fail(from, "a # that may or may not start a comment")
		}
		t.comments = append(t.comments, Range{from, end})
	}
}

// list makes a List of statements. Its Range is empty where there is none.
func (t *translator) list(stmts []*syntax.Stmt, last []syntax.Comment) *Node {
	n := &Node{Kind: List}
	for _, s := range stmts {
		n.Children = append(n.Children, t.stmt(s))
	}
	t.comment(last)
	n.cover()
	return n
}

// cover sets the Range of a node to that of its children.
func (n *Node) cover() {
	if len(n.Children) > 0 {
		n.Range = Range{n.Children[0].From, n.Children[len(n.Children)-1].To}
	}
}

// stmt translates a list's element: pipelines between && and ||.
func (t *translator) stmt(s *syntax.Stmt) *Node {
	var items []item
	t.flatten(s, &items)
	var n, pipe *Node
	var op syntax.BinCmdOperator // before pipe
	close := func() {
		switch {
		case n == nil:
			n = pipe
			return
		case op == syntax.AndStmt:
			n = grow(n, And, pipe)
		default:
			n = grow(n, Or, pipe)
		}
	}
	for i := 0; i < len(items); {
		bang := items[i].bang
		op = items[i].op
		pipe = t.item(items[i])
		elements := 1
		for i++; i < len(items) && (items[i].op == syntax.Pipe || items[i].op == syntax.PipeAll); i++ {
			if elements == 1 {
				pipe = &Node{Kind: Pipe, Children: []*Node{pipe}}
			}
			elements++
			pipe.Children = append(pipe.Children, t.item(items[i]))
			pipe.cover()
		}
		if bang >= 0 {
			pipe = &Node{Kind: Not, Range: Range{bang, pipe.To}, Children: []*Node{pipe}}
		}
		close()
	}
	n.Background = s.Background || s.Coprocess || s.Disown
	return n
}

// grow adds a right operand to a chain of one operator, or starts one.
func grow(left *Node, k Kind, right *Node) *Node {
	if left.Kind == k {
		left.Children = append(left.Children, right)
	} else {
		left = &Node{Kind: k, Children: []*Node{left, right}}
	}
	left.cover()
	return left
}

// An item is a command of a list's element, in the order of the text.
type item struct {
	op       syntax.BinCmdOperator // before it; 0 for the first
	bang     int                   // offset of the ! before the pipeline that it starts, or -1
	stmt     *syntax.Stmt
	function *syntax.FuncDecl // whose body stmt is, or nil
}

// flatten lists the commands of a statement. It follows the left side without
// calling itself, as a list of && may be as long as the text; and it puts right
// that the parser takes what follows a function's body, as the && of
// "f() { a; } && b", for a part of the body.
func (t *translator) flatten(s *syntax.Stmt, items *[]item) {
	first := len(*items)
	bang := -1
	var links []*syntax.BinaryCmd
	for {
		if s.Negated {
			bang = offset(s.Position)
		}
		b, ok := s.Cmd.(*syntax.BinaryCmd)
		if !ok {
			break
		}
		t.comment(s.Comments)
		links = append(links, b)
		s = b.X
	}
	if f, ok := s.Cmd.(*syntax.FuncDecl); ok {
		t.comment(s.Comments)
		t.flatten(f.Body, items)
		start := &(*items)[first]
		if start.function != nil || start.bang >= 0 || len(s.Redirs) > 0 {
			t.fail(offset(f.Position), "a function whose body is no compound command")
		}
		start.function = f
	} else {
		*items = append(*items, item{stmt: s})
	}
	(*items)[first].bang = bang
	for i := len(links) - 1; i >= 0; i-- {
		at := len(*items)
		t.flatten(links[i].Y, items)
		(*items)[at].op = links[i].Op
	}
}

func (t *translator) item(it item) *Node {
	n := t.leaf(it.stmt)
	if it.function == nil {
		return n
	}
	switch n.Kind {
	case Block, Subshell, If, Loop, For, Case, Test:
	case Simple, Declare:
		if t.bash {
			t.fail(n.From, "a function whose body is no compound command")
		}
	default:
		if n.Kind != Arithmetic || n.Name != "" {
			t.fail(n.From, "a function whose body is no compound command")
		}
	}
	f := &Node{Kind: Function, Range: Range{offset(it.function.Position), n.To}, Children: []*Node{n}}
	if it.function.Name != nil {
		f.Name = it.function.Name.Value
	}
	return f
}

// leaf translates one command with its redirections.
func (t *translator) leaf(s *syntax.Stmt) *Node {
	t.comment(s.Comments)
	n := t.command(s)
	for _, r := range s.Redirs {
		redir := t.redir(r)
		n.Redirs = append(n.Redirs, redir)
		if n.To == 0 {
			n.Range = redir.Range
		}
		n.From, n.To = min(n.From, redir.From), max(n.To, redir.To)
	}
	return n
}

func (t *translator) command(s *syntax.Stmt) *Node {
	if s.Cmd == nil {
		return &Node{Kind: Simple, Range: Range{offset(s.Position), 0}}
	}
	n := &Node{Range: Range{offset(s.Cmd.Pos()), 0}}
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		t.call(n, c)
	case *syntax.DeclClause:
		t.declare(n, c)
	case *syntax.Subshell:
		n.Kind, n.Children = Subshell, []*Node{t.list(c.Stmts, c.Last)}
		n.To = offset(c.Rparen) + 1
	case *syntax.Block:
		n.Kind, n.Children = Block, []*Node{t.list(c.Stmts, c.Last)}
		n.To = offset(c.Rbrace) + 1
	case *syntax.IfClause:
		t.ifClause(n, c)
	case *syntax.WhileClause:
		n.Kind, n.Name = Loop, "while"
		if c.Until {
			n.Name = "until"
		}
		n.Children = []*Node{t.list(c.Cond, c.CondLast), t.list(c.Do, c.DoLast)}
		n.To = offset(c.DonePos) + 4
	case *syntax.ForClause:
		t.forClause(n, c)
	case *syntax.CaseClause:
		t.caseClause(n, c)
	case *syntax.TestClause:
		n.Kind = Test
		t.test(n, c.X)
		n.To = offset(c.Right) + 2
	case *syntax.ArithmCmd:
		n.Kind, n.Words = Arithmetic, []Word{t.exprWord(c.X)}
		n.To = offset(c.Right) + 2
	case *syntax.LetClause:
		n.Kind, n.Name = Arithmetic, "let"
		n.To = n.From + len("let")
		for _, x := range c.Exprs {
			w := t.exprWord(x)
			n.Words = append(n.Words, w)
			n.To = w.To
		}
	case *syntax.TimeClause:
		n.Kind, n.Name, n.To = Other, "time", n.From+len("time")
		t.only(n, c.Stmt)
		if c.Stmt == nil {
			t.fail(n.From, "time without a command")
		}
	case *syntax.CoprocClause:
		n.Kind, n.Name, n.To = Other, "coproc", n.From+len("coproc")
		t.only(n, c.Stmt)
	default:
		t.fail(n.From, "a construct that is not known")
		n.Kind, n.To = Other, n.From
	}
	return n
}

func (t *translator) declare(n *Node, c *syntax.DeclClause) {
	n.Kind = Declare
	n.Words = append(n.Words, t.word(t.litWord(c.Variant), 0))
	for _, a := range c.Args {
		switch {
		case !a.Naked:
			n.Assigns = append(n.Assigns, t.assign(a, inArgument))
		case a.Value != nil:
			n.Words = append(n.Words, t.word(a.Value, inArgument))
		default:
			w := t.word(t.litWord(a.Name), inArgument)
			if a.Index != nil {
				p := t.expr(a.Index)
				w.Parts = append(w.Parts, p)
				w.To = min(p.To+1, len(t.src))
			}
			n.Words = append(n.Words, w)
		}
	}
	n.To = n.Words[len(n.Words)-1].To
	if k := len(n.Assigns); k > 0 {
		n.To = max(n.To, n.Assigns[k-1].To)
	}
}

func (t *translator) ifClause(n *Node, c *syntax.IfClause) {
	n.Kind = If
	for i := c; i != nil; i = i.Else {
		if i.ThenPos.IsValid() {
			n.Children = append(n.Children, t.list(i.Cond, i.CondLast))
		}
		n.Children = append(n.Children, t.list(i.Then, i.ThenLast))
		t.comment(i.Last)
	}
	n.To = offset(c.FiPos) + 2
}

func (t *translator) forClause(n *Node, c *syntax.ForClause) {
	n.Kind = For
	switch l := c.Loop.(type) {
	case *syntax.WordIter:
		n.Name = l.Name.Value
		for _, w := range l.Items {
			n.Words = append(n.Words, t.word(w, inArgument))
		}
	case *syntax.CStyleLoop:
		for _, x := range []syntax.ArithmExpr{l.Init, l.Cond, l.Post} {
			if x != nil {
				n.Words = append(n.Words, t.exprWord(x))
			}
		}
	}
	n.Children = []*Node{t.list(c.Do, c.DoLast)}
	n.To = offset(c.DonePos) + 4
	if c.Braces {
		n.To = offset(c.DonePos) + 1
	}
}

func (t *translator) caseClause(n *Node, c *syntax.CaseClause) {
	n.Kind = Case
	n.Words = append(n.Words, t.word(c.Word, 0))
	for _, item := range c.Items {
		t.comment(item.Comments)
		for _, w := range item.Patterns {
			n.Words = append(n.Words, t.word(w, inPattern))
		}
		n.Children = append(n.Children, t.list(item.Stmts, item.Last))
	}
	t.comment(c.Last)
	n.To = offset(c.Esac) + 4
}

func (t *translator) only(n *Node, s *syntax.Stmt) {
	if s != nil {
		child := t.stmt(s)
		n.Children, n.To = []*Node{child}, max(n.To, child.To)
	}
}

func (t *translator) litWord(l *syntax.Lit) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{l}}
}

func (t *translator) call(n *Node, c *syntax.CallExpr) {
	n.Kind = Simple
	for _, a := range c.Assigns {
		as := t.assign(a, 0)
		n.Assigns = append(n.Assigns, as)
		n.To = as.To
	}
	for i, w := range c.Args {
		if i == 0 && len(c.Assigns) == 0 && len(w.Parts) == 1 {
			if l, ok := w.Parts[0].(*syntax.Lit); ok {
				switch l.Value {
				case "export", "readonly", "local":
					n.Kind = Declare
				case "else", "in":
					t.fail(n.From, "a reserved word where a command should start")
				}
			}
		}
		if n.Kind == Declare && i > 0 {
			// What is a plain command to a parser of POSIX sh.
			if as, ok := t.declared(w); ok {
				n.Assigns = append(n.Assigns, as)
				n.To = as.To
				continue
			}
		}
		word := t.word(w, inArgument)
		n.Words = append(n.Words, word)
		n.To = word.To
	}
}

// declared reads an argument of export that looks like NAME=value.
func (t *translator) declared(w *syntax.Word) (Assign, bool) {
	first, ok := w.Parts[0].(*syntax.Lit)
	if !ok {
		return Assign{}, false
	}
	eq := strings.IndexByte(first.Value, '=')
	if eq < 0 || !syntax.ValidName(first.Value[:eq]) {
		return Assign{}, false
	}
	at := t.offsets(first)
	value := &syntax.Word{Parts: append([]syntax.WordPart(nil), w.Parts...)}
	if rest := first.Value[eq+1:]; rest != "" {
		l := *first
		l.Value = rest
		l.ValuePos = syntax.NewPos(uint(at(eq+1)), 1, 1)
		value.Parts[0] = &l
	} else {
		value.Parts = value.Parts[1:]
	}
	out := Assign{Range: Range{offset(first.ValuePos), at(eq) + 1}, Name: first.Value[:eq]}
	if len(value.Parts) == 0 {
		out.Value.Range = Range{out.To, out.To}
		return out, true
	}
	out.Value = t.word(value, inArgument|inAssign)
	out.To = out.Value.To
	return out, true
}

func (t *translator) assign(a *syntax.Assign, m mode) Assign {
	out := Assign{Name: a.Name.Value, Append: a.Append}
	out.From = offset(a.Name.Pos())
	out.To = out.From + len(out.Name) + 1
	if a.Append {
		out.To++
	}
	if a.Index != nil {
		w := t.exprWord(a.Index)
		out.Array, out.Elems = true, []Word{w}
		out.To = min(w.To+len("]="), len(t.src))
		if a.Append {
			out.To++
		}
	}
	if a.Array != nil {
		out.Array = true
		for _, e := range a.Array.Elems {
			t.comment(e.Comments)
			if e.Index != nil {
				out.Elems = append(out.Elems, t.exprWord(e.Index))
			}
			if e.Value != nil {
				out.Elems = append(out.Elems, t.word(e.Value, inArgument))
			}
		}
		t.comment(a.Array.Last)
		out.To = offset(a.Array.Rparen) + 1
	}
	out.Value.Range = Range{out.To, out.To}
	if a.Value != nil {
		out.Value = t.word(a.Value, m|inAssign)
		out.To = out.Value.To
	}
	return out
}

func (t *translator) redir(r *syntax.Redirect) Redir {
	out := Redir{Op: r.Op.String(), Heredoc: r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc}
	out.From = offset(r.OpPos)
	if r.N != nil {
		out.FD, out.From = r.N.Value, offset(r.N.Pos())
	}
	m := inArgument
	if out.Heredoc || r.Op == syntax.WordHdoc {
		m = 0
	}
	out.Target = t.word(r.Word, m)
	out.To = out.Target.To
	if r.Hdoc != nil {
		if quoted(r.Word) {
			l := r.Hdoc.Parts[0].(*syntax.Lit)
			rng := t.litRange(l)
			out.Body = Word{rng, []Part{{Range: rng, Text: t.unmask(l), Quoted: true}}}
		} else {
			out.Body = t.word(r.Hdoc, inHeredoc)
		}
	}
	if next := out.To; next < len(t.src) && (t.src[next] == '<' || t.src[next] == '>') && strings.Trim(t.src[out.Target.From:next], "0123456789") == "" {
		t.fail(out.Target.From, "a redirection where its target should stand")
	}
	if text, ok := out.Target.Literal(); r.Op == syntax.DplOut && (!ok || strings.Trim(text, "0123456789-") != "") {
		// ">& file" is an error to POSIX sh and "> file 2>&1" to bash.
		if !t.bash {
			t.fail(out.From, "a redirection to no descriptor")
		}
	}
	return out
}

func quoted(w *syntax.Word) bool {
	for _, p := range w.Parts {
		if l, ok := p.(*syntax.Lit); !ok || strings.Contains(l.Value, `\`) {
			return true
		}
	}
	return false
}

// test lists the operands and operators of [[ … ]] in the order of the text.
func (t *translator) test(n *Node, x syntax.TestExpr) {
	operator := func(pos syntax.Pos, text string) {
		rng := Range{offset(pos), min(offset(pos)+len(text), len(t.src))}
		n.Words = append(n.Words, Word{rng, []Part{{Range: rng, Text: text}}})
	}
	switch x := x.(type) {
	case *syntax.BinaryTest:
		t.test(n, x.X)
		operator(x.OpPos, x.Op.String())
		m := mode(0)
		switch x.Op {
		case syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch, syntax.TsReMatch:
			m = inPattern | inTest
		}
		if w, ok := x.Y.(*syntax.Word); ok {
			n.Words = append(n.Words, t.word(w, m))
			return
		}
		t.test(n, x.Y)
	case *syntax.UnaryTest:
		operator(x.OpPos, x.Op.String())
		t.test(n, x.X)
	case *syntax.ParenTest:
		operator(x.Lparen, "(")
		t.test(n, x.X)
		operator(x.Rparen, ")")
	case *syntax.Word:
		n.Words = append(n.Words, t.word(x, 0))
	}
}
