package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Literal returns the one argument that the word stands for, if it consists of
// literals only.
func (w Word) Literal() (string, bool) {
	return w.Resolve(nil)
}

// Resolve is as Literal, with plain parameters replaced by the values that lookup
// knows; a nil lookup knows none. Outside quotes a value that the shell would
// split or take for a pattern is not known, as IFS starts out, nor is a word
// that might vanish.
func (w Word) Resolve(lookup func(name string) (string, bool)) (string, bool) {
	var b strings.Builder
	solid := len(w.Parts) == 0
	for _, p := range w.Parts {
		switch {
		case p.Kind == Literal:
			b.WriteString(p.Text)
			solid = solid || p.Quoted || p.Text != ""
		case p.Kind == Parameter && p.Plain && lookup != nil && syntax.ValidName(p.Text):
			value, ok := lookup(p.Text)
			if !ok || !p.Quoted && strings.ContainsAny(value, " \t\n*?[\\") {
				return "", false
			}
			b.WriteString(value)
			solid = solid || p.Quoted || value != ""
		default:
			return "", false
		}
	}
	return b.String(), solid
}

// Parameters lists the names of the parameters that the word reads, in the order
// of the text, without those that its command substitutions read.
func (w Word) Parameters() []string {
	var out []string
	for _, p := range w.Parts {
		if p.Kind == Parameter && p.Text != "" {
			out = append(out, p.Text)
		}
		for _, inner := range p.Words {
			out = append(out, inner.Parameters()...)
		}
	}
	return out
}

// A Context says in what circumstances a node runs.
type Context struct {
	Parent     *Node // nil for the node that Walk started at
	Condition  bool  // a failure is only looked at: condition of if or while, left of && or ||, under !
	Piped      bool  // in an element of a pipeline that is not its last: a failure goes unseen without pipefail
	Subshell   bool  // in ( … ), a pipeline of several, a substitution or the background: changes no state of the shell
	Substitute bool  // in a command or process substitution
	Function   bool  // in the body of a function: runs when it is called
	Loop       bool  // in the body of a loop
	Background bool  // not waited for

	// Always says that the node has run whenever the program comes to its end
	// with success, be errexit on or off. A program that leaves early, by exit or
	// exec say, does not come to its end.
	Always bool
}

// Walk calls visit for a node and all nodes in it, those of substitutions
// included, each before its children and in the order of the text. Where visit
// returns false it goes no deeper.
func (n *Node) Walk(visit func(n *Node, c Context) bool) {
	w := walker{visit: visit}
	w.node(n, Context{Always: true}, true, false)
}

// Walk walks the whole program; it does nothing if the program does not parse.
func (p *Program) Walk(visit func(n *Node, c Context) bool) {
	if p.Root != nil {
		p.Root.Walk(visit)
	}
}

type walker struct {
	visit  func(n *Node, c Context) bool
	leaves map[*Node]bool // what mayLeave found
}

// node visits n. must says that a program can only come to its end with success
// if n succeeds; nested, that n is in a list which can be left early while the
// program goes on.
func (w *walker) node(n *Node, c Context, must, nested bool) {
	if n.Background {
		c.Background, c.Subshell, c.Always, must = true, true, false, false
	}
	if !w.visit(n, c) {
		return
	}
	inside := c
	inside.Parent = n
	w.words(n, inside)
	child := func(n *Node, c Context, must, nested bool) { w.node(n, c, must, nested) }
	switch n.Kind {
	case List:
		w.list(n, inside, must, nested)
	case And, Or:
		for i, ch := range n.Children {
			k := inside
			last := i == len(n.Children)-1
			k.Condition = c.Condition || !last
			k.Always = c.Always && (i == 0 || n.Kind == And && must)
			child(ch, k, must && n.Kind == And, nested)
		}
	case Pipe:
		for i, ch := range n.Children {
			k := inside
			last := i == len(n.Children)-1
			k.Subshell, k.Piped = true, c.Piped || !last
			child(ch, k, must && last, true)
		}
	case Not:
		inside.Condition = true
		child(n.Children[0], inside, false, nested)
	case Subshell:
		inside.Subshell = true
		child(n.Children[0], inside, must, true)
	case Block:
		child(n.Children[0], inside, must, nested)
	case If:
		for i, ch := range n.Children {
			k := inside
			condition := i%2 == 0 && i+1 < len(n.Children)
			k.Condition = c.Condition || condition
			k.Always = c.Always && i == 0
			child(ch, k, false, nested)
		}
	case Loop:
		k := inside
		k.Condition, k.Loop = true, true
		child(n.Children[0], k, false, true)
		inside.Loop, inside.Always = true, false
		child(n.Children[1], inside, false, true)
	case For:
		inside.Loop, inside.Always = true, false
		child(n.Children[0], inside, false, true)
	case Function:
		inside.Function, inside.Always = true, false
		child(n.Children[0], inside, false, true)
	case Other:
		if n.Name == "coproc" {
			inside.Background, inside.Subshell, inside.Always, must = true, true, false, false
		}
		for _, ch := range n.Children {
			child(ch, inside, must, nested)
		}
	default: // Case's branches
		inside.Always = false
		for _, ch := range n.Children {
			child(ch, inside, false, nested)
		}
	}
}

// list visits the elements of a list in the context of what stands in it.
func (w *walker) list(n *Node, c Context, must, nested bool) {
	for i, ch := range n.Children {
		w.node(ch, c, must && i == len(n.Children)-1, nested)
		if nested && c.Always && w.mayLeave(ch) {
			c.Always = false
		}
		if c.Piped || c.Substitute {
			// Under errexit the list ends at a failure that nobody sees.
			c.Always = false
		}
	}
}

// words visits the substitutions in the words of a node.
func (w *walker) words(n *Node, c Context) {
	c.Subshell, c.Substitute = true, true
	for _, a := range n.Assigns {
		w.word(a.Value, c)
		for _, e := range a.Elems {
			w.word(e, c)
		}
	}
	later := c
	if n.Kind == Case || n.Kind == Test {
		later.Always = false // only the first operand is sure to be looked at
	}
	for i, x := range n.Words {
		if i == 0 && n.Kind == Case {
			w.word(x, c)
			continue
		}
		w.word(x, later)
	}
	for _, r := range n.Redirs {
		w.word(r.Target, c)
		w.word(r.Body, c)
	}
}

func (w *walker) word(x Word, c Context) {
	for _, p := range x.Parts {
		if p.Node != nil {
			k := c
			k.Background = k.Background || p.Kind == Process
			k.Always = k.Always && p.Kind == Command
			k.Subshell = k.Subshell && !(p.Kind == Command && p.Assigns)
			w.node(p.Node, k, false, true)
		}
		inner := c
		if p.Kind == Parameter {
			inner.Always = false // the word of ${x:-word} may not be needed
		}
		for _, y := range p.Words {
			w.word(y, inner)
		}
	}
}

// mayLeave reports that a command may end the list in which it stands, itself or
// by turning errexit on, or that it is not known.
func (w *walker) mayLeave(n *Node) bool {
	if leave, ok := w.leaves[n]; ok {
		return leave
	}
	leave := n.Kind == Function
	if n.Kind == Simple && len(n.Words) > 0 {
		name, ok := n.Words[0].Literal()
		leave = !ok || slices.Contains(leaving, name)
	}
	for _, ch := range n.Children {
		leave = w.mayLeave(ch) || leave
	}
	if w.leaves == nil {
		w.leaves = map[*Node]bool{}
	}
	w.leaves[n] = leave
	return leave
}

var leaving = []string{
	"exit", "return", "break", "continue", "exec", "set", "shopt", "trap", "eval", ".", "source", "kill", "command", "builtin", "logout", "suspend",
}

// equalNodes reports that two readings of one text are the same program.
func equalNodes(a, b *Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Range == b.Range && a.Background == b.Background && a.Name == b.Name &&
		slices.EqualFunc(a.Words, b.Words, equalWords) &&
		slices.EqualFunc(a.Assigns, b.Assigns, func(x, y Assign) bool {
			return x.Range == y.Range && x.Name == y.Name && x.Append == y.Append && x.Array == y.Array &&
				equalWords(x.Value, y.Value) && slices.EqualFunc(x.Elems, y.Elems, equalWords)
		}) &&
		slices.EqualFunc(a.Redirs, b.Redirs, func(x, y Redir) bool {
			return x.Range == y.Range && x.Op == y.Op && x.FD == y.FD && x.Heredoc == y.Heredoc &&
				equalWords(x.Target, y.Target) && equalWords(x.Body, y.Body)
		}) &&
		slices.EqualFunc(a.Children, b.Children, equalNodes)
}

func equalWords(a, b Word) bool {
	return a.Range == b.Range && slices.EqualFunc(a.Parts, b.Parts, func(x, y Part) bool {
		return x.Range == y.Range && x.Kind == y.Kind && x.Text == y.Text && x.Quoted == y.Quoted && x.Plain == y.Plain &&
			x.Assigns == y.Assigns && equalNodes(x.Node, y.Node) && slices.EqualFunc(x.Words, y.Words, equalWords)
	})
}
