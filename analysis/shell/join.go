package shell

import (
	"slices"
	"strings"
)

// The predicates of this file say what may be done with a body when it is joined
// with another. They answer for its text alone, read in its own dialect: what its
// programs do to files, to the shell's binary or to what PATH finds, the caller
// must know. Of a body that does not parse they say what forbids most.

// Unfit says why no wrapper may hold the body: because it does not parse, holds
// no command, or would swallow what follows it. It is "" for a body that fits.
func (p *Program) Unfit() string {
	switch {
	case p.Err != nil:
		return "it does not parse: " + p.Err.Error()
	case p.CommentOnly():
		return "it holds no command"
	case len(p.Comments) > 0:
		return "a shell comment in it would swallow what follows"
	}
	returns := false
	p.Walk(func(n *Node, c Context) bool {
		if n.Kind == Simple && len(n.Words) > 0 && !c.Function {
			name, _ := n.Words[0].Literal()
			returns = returns || name == "return"
		}
		return !returns
	})
	if returns {
		return "it returns outside of a function, which shells treat in ways of their own"
	}
	text := p.Text.String()[:p.Trailing().From]
	if (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1 {
		return "it ends in a backslash"
	}
	return ""
}

// CommentOnly reports that the body parses and holds no command.
func (p *Program) CommentOnly() bool { return p.Root != nil && len(p.Root.Children) == 0 }

// Trailing is what may be dropped from the end of the body before something is
// written behind it: blanks and a last ";". It is empty, at the end, where there
// is nothing of the kind. A trailing backslash is an argument to a shell, and stays.
func (p *Program) Trailing() Range {
	text := p.Text.String()
	end := Range{len(text), len(text)}
	if p.Root == nil || len(p.Root.Children) == 0 {
		return end
	}
	from := p.Root.To
	if p.Root.Children[len(p.Root.Children)-1].Background {
		i := strings.IndexByte(text[from:], '&')
		if i < 0 {
			return end
		}
		from += i + 1
	}
	if strings.Trim(text[from:], " \t\n;") != "" || strings.Contains(text[from:], "\n") && len(p.Heredocs()) > 0 {
		return end // even a blank line may be a here-document, or its end
	}
	return Range{from, len(text)}
}

// Heredocs lists the openers of the body's here-documents, those in
// substitutions included. A wrapper around them needs lines of its own.
func (p *Program) Heredocs() []Range {
	var out []Range
	p.Walk(func(n *Node, _ Context) bool {
		for _, r := range n.Redirs {
			if r.Heredoc {
				out = append(out, r.Range)
			}
		}
		return true
	})
	return out
}

// only is the body's single command, if it is one that the shell waits for.
func (p *Program) only() *Node {
	if p.Root == nil || len(p.Root.Children) != 1 || p.Root.Children[0].Background {
		return nil
	}
	return p.Root.Children[0]
}

func operands(n *Node, k Kind) []*Node {
	if n.Kind == k {
		return n.Children
	}
	return []*Node{n}
}

// Plain reports that the body is one list of && of pipelines of simple commands
// that change nothing in the shell that runs them, so that it may stand bare
// left of &&. A program whose name is not literal is not plain.
func (p *Program) Plain() bool {
	body := p.only()
	if body == nil || p.Unfit() != "" || len(p.Heredocs()) > 0 || p.TurnsOnErrexit() || p.TrapsErrors() {
		return false // errexit in a substitution is without effect left of && too
	}
	for _, n := range operands(body, And) {
		for _, s := range operands(n, Pipe) {
			if s.Kind != Simple || len(leaks(s)) > 0 || len(backgrounds(s)) > 0 {
				return false
			}
		}
	}
	return true
}

// Chain reports that the body is one command or one list of &&, so that it may
// stand bare right of &&.
func (p *Program) Chain() bool {
	n := p.only()
	return n != nil && n.Kind != Or && (n.Kind != And || n.Children[0].Kind != Or)
}

// LastPlain reports that the last command of the body is a simple command or a
// pipeline of them: its failure, and no other, is what errexit sees.
func (p *Program) LastPlain() bool {
	if p.Root == nil || len(p.Root.Children) == 0 {
		return false
	}
	n := p.Root.Children[len(p.Root.Children)-1]
	if n.Background {
		return false
	}
	for _, s := range operands(n, Pipe) {
		if s.Kind != Simple {
			return false
		}
	}
	return true
}

// OpensWithSet finds the "set -e…" that opens a list of ";", with nothing but
// options: the words from "set" to the last option.
func (p *Program) OpensWithSet() (Range, bool) {
	if p.Root == nil || len(p.Root.Children) < 2 {
		return Range{}, false
	}
	n := p.Root.Children[0]
	if n.Kind != Simple || n.Background || len(n.Words) < 2 || len(n.Assigns) > 0 || len(n.Redirs) > 0 {
		return Range{}, false
	}
	var args []string
	for _, w := range n.Words {
		a, ok := w.Literal()
		if !ok {
			return Range{}, false
		}
		args = append(args, a)
	}
	if args[0] != "set" {
		return Range{}, false
	}
	errexit := false
	for i := 1; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' || strings.Trim(a[1:], "euxvo") != "" || strings.Count(a, "o") > 1 {
			return Range{}, false
		}
		errexit = errexit || strings.Contains(a, "e")
		if strings.Contains(a, "o") {
			if i++; i == len(args) || !slices.Contains([]string{"errexit", "pipefail", "nounset", "xtrace"}, args[i]) {
				return Range{}, false
			}
			errexit = errexit || args[i] == "errexit"
		}
	}
	return n.Range, errexit
}

// Leaks lists what the body, written bare before another, would leave behind in
// the shell for it: variables, the working folder, options, traps, or that the
// other would not run at all. What is not known starts with "unknown".
func (p *Program) Leaks() []string {
	if p.Err != nil {
		return []string{"unknown: the body does not parse"}
	}
	return leaks(p.Root)
}

// LeaksAfterSet is as Leaks without the "set -e…" that OpensWithSet finds.
func (p *Program) LeaksAfterSet() []string {
	if _, ok := p.OpensWithSet(); !ok {
		return p.Leaks()
	}
	var out []string
	for _, n := range p.Root.Children[1:] {
		out = append(out, leaks(n)...)
	}
	return unique(out)
}

func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

func leaks(root *Node) []string {
	var out []string
	add := func(what string) { out = append(out, what) }
	root.Walk(func(n *Node, c Context) bool {
		if n.Background && n != root {
			add("background job")
			return false
		}
		if c.Subshell && n != root {
			return false
		}
		n.eachPart(func(x Part) {
			switch {
			case x.Kind == Parameter && x.Assigns:
				add("variable " + x.Text)
			case x.Kind == Command && x.Assigns:
				add("unknown: ${ …;} runs in the shell itself")
			case x.Kind == Expr && (x.Assigns || !isNumeric(x)):
				// A name in an expression is evaluated in its turn, and may assign.
				add("variable of an arithmetic expression")
			}
		})
		for _, r := range n.Redirs {
			if strings.HasPrefix(r.FD, "{") {
				add("file descriptor")
			}
		}
		switch n.Kind {
		case Simple:
			if len(n.Words) == 0 {
				for _, a := range n.Assigns {
					add("variable " + a.Name)
				}
				break
			}
			if what := commandLeaks(n.Words); what != "" {
				add(what)
			}
			name, _ := programName(n.Words[0])
			for _, a := range n.Assigns {
				if slices.Contains(specialBuiltins, name) || slices.Contains(shellVariables, a.Name) || strings.HasPrefix(a.Name, "BASH") {
					add("variable " + a.Name)
				}
			}
		case Declare:
			for _, a := range n.Assigns {
				add("variable " + a.Name)
			}
			for _, w := range n.Words[1:] {
				name, ok := w.Literal()
				if !ok {
					name = "of " + n.declares()
				}
				add("variable " + name)
			}
			if len(n.Assigns)+len(n.Words) == 1 && n.declares() != "export" && n.declares() != "readonly" {
				add("variable of " + n.declares())
			}
		case For:
			if n.Name != "" {
				add("variable " + n.Name)
			}
		case Function:
			add("function " + n.Name)
			return false
		case Arithmetic:
			add("variable of an arithmetic expression")
		case Test:
			if slices.ContainsFunc(n.Words, isEvaluating) {
				add("variable of a test")
			}
		case Other:
			if n.Name == "coproc" {
				add("background job")
			}
		}
		return true
	})
	return unique(out)
}

func (n *Node) declares() string {
	name, _ := n.Words[0].Literal()
	return name
}

// isEvaluating tells the operators of [[ … ]] that set BASH_REMATCH, or evaluate
// an expression, which may assign.
func isEvaluating(w Word) bool {
	op, _ := w.Literal()
	return slices.Contains([]string{"=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"}, op)
}

// isNumeric reports that an arithmetic expression has numbers for operands.
func isNumeric(x Part) bool {
	for _, w := range x.Words {
		s, ok := w.Literal()
		if !ok || s == "" || s[0] < '0' || s[0] > '9' {
			return false
		}
	}
	return true
}

// eachPart calls f for every part of the node's own words, nested ones included,
// but not for what substitutions hold.
func (n *Node) eachPart(f func(Part)) {
	var word func(w Word)
	word = func(w Word) {
		for _, p := range w.Parts {
			f(p)
			for _, inner := range p.Words {
				word(inner)
			}
		}
	}
	for _, a := range n.Assigns {
		word(a.Value)
		for _, e := range a.Elems {
			word(e)
		}
	}
	for _, w := range n.Words {
		word(w)
	}
	for _, r := range n.Redirs {
		word(r.Target)
		word(r.Body)
	}
}

// commands calls f for every command that runs anywhere in the program,
// "command" and "builtin" seen through.
func commands(root *Node, f func(words []Word)) {
	root.Walk(func(n *Node, _ Context) bool {
		if (n.Kind == Simple || n.Kind == Declare) && len(n.Words) > 0 {
			words := n.Words
			for len(words) > 0 {
				name, ok := words[0].Literal()
				if !ok || name != "command" && name != "builtin" {
					break
				}
				words = seenThrough(words)
			}
			if len(words) > 0 {
				f(words)
			}
		}
		return true
	})
}

// TurnsOnErrexit reports that the body may turn errexit on anywhere, in a
// subshell or a function too: left of && that would be without effect.
func (p *Program) TurnsOnErrexit() bool {
	if p.Err != nil {
		return true
	}
	on := false
	commands(p.Root, func(words []Word) {
		on = on || mayTurnOnErrexit(words, p.Dialect)
	})
	return on
}

func mayTurnOnErrexit(words []Word, d Dialect) bool {
	name, ok := programName(words[0])
	if !ok {
		return true
	}
	switch name {
	case "set":
		for i, w := range words[1:] {
			a, ok := w.Literal()
			switch {
			case !ok, a == "errexit":
				return true
			case a == "--" || i > 0 && a == "-":
				return false
			case strings.HasPrefix(a, "-") && strings.Contains(a, "e"):
				return true
			}
		}
	case "shopt", "enable", "mapfile", "readarray", "compgen":
		for _, w := range words[1:] {
			a, ok := w.Literal()
			if !ok || a == "errexit" || strings.HasPrefix(a, "-") && strings.ContainsAny(a, "fnCF") {
				return true
			}
		}
	case "trap":
		action := trapAction(words)
		if action == nil {
			return false
		}
		text, ok := action.Literal()
		if !ok {
			return true
		}
		inner := parseString(text, d)
		return inner.TurnsOnErrexit()
	case "eval", ".", "source", "alias":
		return true
	}
	return false
}

// trapAction returns what a trap runs, or nil if it only lists or resets traps.
func trapAction(words []Word) *Word {
	for i := 1; i < len(words)-1; i++ {
		switch a, _ := words[i].Literal(); a {
		case "--":
			continue
		case "-", "-p", "-l":
			return nil
		}
		return &words[i]
	}
	return nil
}

// TrapsErrors reports that the body may set a trap on ERR, DEBUG or RETURN: left
// of && the first would not fire.
func (p *Program) TrapsErrors() bool {
	if p.Err != nil {
		return true
	}
	traps := false
	commands(p.Root, func(words []Word) {
		name, ok := programName(words[0])
		if !ok || name == "eval" || name == "." || name == "source" {
			traps = true
		}
		if name != "trap" {
			return
		}
		for _, w := range words[1:] {
			a, ok := w.Literal()
			traps = traps || !ok || slices.Contains([]string{"ERR", "DEBUG", "RETURN"}, strings.TrimPrefix(strings.ToUpper(a), "SIG"))
		}
	})
	return traps
}

// ErrexitSensitive reports that under errexit the body may do something else
// left of && than alone. All that surely does not is a list of && of pipelines
// of simple commands, whose substitutions are of that kind as well.
func (p *Program) ErrexitSensitive() bool {
	if p.Err != nil {
		return true
	}
	return errexitSensitive(p.Root)
}

func errexitSensitive(list *Node) bool {
	if len(list.Children) == 0 {
		return false
	}
	if len(list.Children) > 1 || list.Children[0].Background {
		return true
	}
	sensitive := false
	for _, n := range operands(list.Children[0], And) {
		for _, s := range operands(n, Pipe) {
			if s.Kind != Simple && s.Kind != Declare {
				return true
			}
			s.Walk(func(n *Node, c Context) bool {
				if n == s {
					return true
				}
				sensitive = sensitive || n.Kind == List && c.Parent == s && errexitSensitive(n)
				return false
			})
			commands(s, func(words []Word) {
				name, ok := programName(words[0])
				sensitive = sensitive || !ok || slices.Contains([]string{"eval", ".", "source", "trap", "set", "shopt", "alias", "mapfile", "readarray", "compgen", "enable"}, name)
			})
		}
	}
	return sensitive
}

// ReadsShell lists what in the body shows how its shell was called and what it
// ran before, even in a subshell: parameters, and builtins that print state. A
// body with one of them may differ when it is joined.
func (p *Program) ReadsShell() []string {
	var out []string
	p.Walk(func(n *Node, _ Context) bool {
		n.eachPart(func(x Part) {
			if x.Kind == Parameter && slices.Contains(historic, x.Text) {
				out = append(out, x.Text)
			}
		})
		return true
	})
	if p.Root != nil {
		p.Root.Walk(func(n *Node, _ Context) bool {
			if inv, ok := n.Invocation(); ok && (inv.Name == "printenv" || inv.Name == "env" && len(inv.Args) == 0) {
				out = append(out, inv.Name) // bash counts its own levels in SHLVL
			}
			if n.Kind == Simple && len(n.Words) > 1 {
				name, _ := n.Words[0].Literal()
				option, _ := n.Words[1].Literal()
				if name == "type" || name == "command" && strings.HasPrefix(option, "-") && strings.Contains(option, "V") {
					out = append(out, name) // tells of commands that the shell remembers
				}
			}
			return true
		})
		commands(p.Root, func(words []Word) {
			name, _ := words[0].Literal()
			if name == "set" && len(words) > 1 {
				arg, _ := words[1].Literal()
				if len(words) > 2 || arg != "-o" && arg != "+o" {
					return
				}
			}
			if slices.Contains(printing, name) && !slices.ContainsFunc(words[1:], isOperand) {
				out = append(out, name)
			}
		})
	}
	return unique(out)
}

func isOperand(w Word) bool {
	a, ok := w.Literal()
	return ok && !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "+")
}

// printing names builtins that, without an operand, print the shell's own state.
var printing = []string{"set", "declare", "typeset", "local", "readonly", "trap", "alias", "hash", "jobs", "times", "history", "shopt"}

var historic = []string{"_", "!", "PIPESTATUS", "RANDOM", "SRANDOM", "SECONDS", "LINENO", "SHLVL", "BASH_COMMAND", "BASH_REMATCH", "BASH_LINENO", "HISTCMD", "OPTIND", "OPTARG", "OLDPWD", "REPLY", "DIRSTACK", "BASH_SUBSHELL", "BASHPID", "PPID", "BASH_EXECUTION_STRING", "-"}

// Lookups lists the names that the shell itself, outside of subshells, looks up
// in PATH: it remembers where it found them. It is not ok where one is not known.
func (p *Program) Lookups() (names []string, ok bool) {
	if p.Err != nil {
		return nil, false
	}
	ok = true
	p.Root.Walk(func(n *Node, c Context) bool {
		if c.Subshell {
			return false
		}
		if n.Kind == Simple && len(n.Words) > 0 {
			words := n.Words
			if name, _ := words[0].Literal(); name == "command" || name == "builtin" {
				words = seenThrough(words)
			}
			if len(words) == 0 {
				return true
			}
			name, known := programName(words[0])
			ok = ok && known
			if known && !strings.Contains(name, "/") && !builtins[name] {
				names = append(names, name)
			}
		}
		return true
	})
	return unique(names), ok
}
