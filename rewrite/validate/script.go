package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// A script is what a RUN hands to a shell.
type script struct {
	argv    []string // the shell and its options, up to and with -c
	text    string
	dialect shell.Dialect
	errexit bool // -e
	noglob  bool // -f
	startup bool // -l, -i: reads start-up files
	cleanup bool // a clean-up alone, which moved here from a later RUN
}

func (s *script) prefix() string { return strings.Join(s.argv, "\x00") }

// readScript reads the arguments of an exec: a shell, options that are known, one
// that ends in c, and the script. Anything else, a wrapper around the shell too,
// is no script.
func readScript(x *compile.Exec) (*script, bool) {
	n := len(x.Args)
	if n < 3 || x.Windows { // there a shell finds other programs and paths
		return nil, false
	}
	s := &script{argv: x.Args[:n-1], text: x.Args[n-1]}
	options := x.Args[1 : n-1]
	switch path.Base(x.Args[0]) {
	case "sh":
		s.dialect = shell.Unknown // dash, busybox or bash: the image knows
	case "bash":
		s.dialect = shell.Bash
	case "dash", "ash":
		s.dialect = shell.POSIX
	default:
		return nil, false
	}
	command := false
	for i := 0; i < len(options); i++ {
		o := options[i]
		switch {
		case o == "--login":
			s.startup = true
		case o == "--noprofile" || o == "--norc":
		case len(o) < 2 || o[0] != '-' || o[1] == '-':
			return nil, false
		default:
			for _, c := range o[1:] {
				switch c {
				case 'c':
					command = true
				case 'e':
					s.errexit = true
				case 'f':
					s.noglob = true
				case 'l', 'i':
					s.startup = true
				case 'u', 'x', 'v':
				case 'o':
					i++
					if i >= len(options) {
						return nil, false
					}
					switch options[i] {
					case "pipefail", "nounset", "xtrace":
					case "errexit":
						s.errexit = true
					default:
						return nil, false
					}
				default:
					return nil, false
				}
			}
		}
	}
	return s, command
}

// parse reads a text as the shell does that gets it.
func (s *script) parse(text string) *shell.Program {
	return shell.Parse(source.Join(text, source.Span{Start: 0, End: len(text)}), s.dialect)
}

// trimmed is a script's text without the blanks around it and a last ";".
func (s *script) trimmed() string {
	text := strings.TrimSpace(s.text)
	for strings.HasSuffix(text, ";") && !strings.HasSuffix(text, ";;") && !strings.HasSuffix(text, `\;`) {
		text = strings.TrimRight(strings.TrimSuffix(text, ";"), " \t")
	}
	return text
}

// walk calls f on a node and all below it, command substitutions included, with
// the nodes above, outermost first.
func walk(n *shell.Node, f func(n *shell.Node, above []*shell.Node)) {
	var visit func(n *shell.Node, above []*shell.Node)
	visit = func(n *shell.Node, above []*shell.Node) {
		if n == nil {
			return
		}
		f(n, above)
		above = append(slices.Clip(above), n)
		for _, c := range n.Children {
			visit(c, above)
		}
		for _, w := range words(n) {
			for _, p := range w.Parts {
				visit(p.Node, above)
			}
		}
	}
	visit(n, nil)
}

// words returns every word of a node itself: of assignments and redirections too.
func words(n *shell.Node) []shell.Word {
	out := slices.Clone(n.Words)
	for _, a := range n.Assigns {
		out = append(out, a.Value)
	}
	for _, r := range n.Redirs {
		out = append(out, r.Target)
	}
	return out
}

// literal returns the text of a word that stands for nothing but itself.
func literal(w shell.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		if p.Kind != shell.Literal {
			return "", false
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

// pure reports whether it makes no difference to a node if errexit is on, off, or
// ignored because the node stands left of "&&": a command, a pipeline of commands,
// or an "&&" list of these. The first failure among them ends the node and becomes
// its status: under errexit the shell exits with it, without errexit the list ends
// with it, and where the node's failure ends the script both are the same. A
// subshell or block around one such node passes its status on. Anything else can
// go on after a failure, or not, as errexit says.
func pure(p *shell.Program, n *shell.Node) bool {
	if n == nil || n.Background {
		return false
	}
	switch n.Kind {
	case shell.Simple, shell.Test, shell.Declare:
		for _, w := range words(n) {
			for _, part := range w.Parts {
				switch {
				case part.Kind == shell.Process:
					return false
				// What runs in a substitution inherits errexit in dash, and in bash
				// when it is called sh.
				case part.Node != nil && !pure(p, part.Node):
					return false
				case part.Node == nil && strings.ContainsAny(p.Source(part.Range), "`(") && (part.Kind == shell.Parameter || part.Kind == shell.Expr && strings.Contains(strings.TrimPrefix(p.Source(part.Range), "$(("), "$(")):
					return false // a substitution hidden in ${x:-$(…)} or $(( $(…) ))
				}
			}
		}
		return true
	case shell.List:
		return len(n.Children) == 1 && pure(p, n.Children[0])
	case shell.Subshell, shell.Block, shell.And, shell.Pipe:
		return len(n.Children) > 0 && !slices.ContainsFunc(n.Children, func(c *shell.Node) bool { return !pure(p, c) })
	}
	return false
}

// setsErrexit reports whether a node may turn errexit on.
func setsErrexit(n *shell.Node) bool {
	found := false
	walk(n, func(n *shell.Node, _ []*shell.Node) {
		if n.Kind != shell.Simple || len(n.Words) == 0 {
			return
		}
		name, ok := literal(n.Words[0])
		switch {
		case !ok || name == "." || name == "source" || name == "eval" || name == "builtin" || name == "command" || name == "shopt":
			found = true
		case name == "set":
			for _, w := range n.Words[1:] {
				text, ok := literal(w)
				if !ok || text == "errexit" || len(text) > 1 && text[0] == '-' && text[1] != '-' && strings.Contains(text, "e") {
					found = true
				}
			}
		}
	})
	return found
}

// only returns the one statement of a program, or nil.
func only(p *shell.Program) *shell.Node {
	if p.Err != nil || p.Root == nil || len(p.Root.Children) != 1 {
		return nil
	}
	return p.Root.Children[0]
}
