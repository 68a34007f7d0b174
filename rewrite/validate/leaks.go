package validate

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// leaks names what of a node, run in the same shell before others, could be seen
// by these: state that is not the file system. A subshell keeps it to itself.
func leaks(p *shell.Program, n *shell.Node) string {
	found := ""
	note := func(s string) {
		if found == "" {
			found = s
		}
	}
	walk(n, func(n *shell.Node, above []*shell.Node) {
		for i, a := range above {
			// Each element of a pipeline has a shell of its own.
			if a.Kind == shell.Subshell || a.Kind == shell.Pipe {
				return
			}
			// A substitution is a subshell too: a list below a command's word.
			if a.Kind == shell.List && i > 0 && (above[i-1].Kind == shell.Simple || above[i-1].Kind == shell.Declare) {
				return
			}
		}
		if n.Kind == shell.List && len(above) > 0 && above[len(above)-1].Kind == shell.Simple {
			return
		}
		for _, w := range words(n) {
			for _, part := range w.Parts {
				if part.Assigns {
					note("an assigning expansion")
				}
			}
		}
		switch n.Kind {
		case shell.Subshell, shell.And, shell.Or, shell.Pipe, shell.Not, shell.List, shell.Block, shell.If, shell.Loop, shell.Case:
		case shell.Simple:
			if len(n.Words) == 0 {
				if len(n.Assigns) > 0 {
					note("an assignment")
				}
				return
			}
			name, ok := literal(n.Words[0])
			switch {
			case !ok:
				note("a command whose name is not known")
			case name == ":" || name == "true" || name == "false" || name == "echo" || name == "printf" || name == "test" || name == "[" || name == "pwd":
				if len(n.Assigns) > 0 && name == ":" {
					note("an assignment")
				}
				if name == "printf" && len(n.Words) > 1 {
					if w, ok := literal(n.Words[1]); !ok || w == "-v" {
						note("printf -v")
					}
				}
			case (name == "umask" || name == "trap" || name == "alias") && len(n.Words) == 1:
				// It only prints.
			case builtins[name]:
				note(name)
			}
		default:
			note(kindNames[n.Kind])
		}
	})
	return found
}

var kindNames = map[shell.Kind]string{
	shell.For: "the variable of a for", shell.Function: "a function", shell.Test: "a [[ … ]]",
	shell.Arithmetic: "an arithmetic command", shell.Declare: "a declaration", shell.Other: "a command of bash's own",
}

// builtins are commands of the shell itself that can change it.
var builtins = setOf(`. source alias bg bind break builtin caller cd command compgen complete continue declare
	dirs disown enable eval exec exit export fc fg getopts hash history jobs let local logout mapfile popd pushd
	read readarray readonly return set shift shopt suspend times trap type typeset ulimit umask unalias unset wait kill`)

// perRun reports whether a text names what is made anew for every RUN. Devices
// without a state are the same in all of them.
func perRun(text string) bool {
	for at := 0; at < len(text); {
		m := perRunPath.FindStringSubmatchIndex(text[at:])
		if m == nil {
			return false
		}
		name, device := text[at+m[2]:at+m[3]], ""
		if m[4] >= 0 {
			device = text[at+m[4] : at+m[5]]
		}
		if name != "dev" || !plainDevice[device] {
			return true
		}
		at += m[3] // the byte after a path may start the next one
	}
	return false
}

// leadsToFresh names what may lead a program to what is made anew for every RUN,
// though its text does not say so: the folder in force, a variable, a relative path.
func (d *deriver) leadsToFresh(p *shell.Program) string {
	x := d.op.Exec
	if perRun(x.Cwd) {
		return "the folder " + x.Cwd
	}
	for _, pair := range x.Env {
		if name, value, _ := strings.Cut(pair, "="); perRun(value) {
			return "$" + name
		}
	}
	n := newNamer(x, p)
	known := knownBase(d.op)
	found := ""
	walk(p.Root, func(at *shell.Node, _ []*shell.Node) {
		list, said := words(at), 0
		if at.Kind == shell.Simple && len(at.Words) > 0 {
			if name, _ := literal(at.Words[0]); name == "echo" || name == "printf" {
				said = len(at.Words) // what is said is no path
			}
		}
		for i, w := range list {
			names, _ := n.names(w)
			if slices.ContainsFunc(names, naming.perRun) || !known && i >= said && n.opensUnknown(w) {
				found = p.Source(w.Range)
			}
		}
	})
	return found
}

// perRun reports whether a path is, or begins like, what is made anew for every RUN.
func (f naming) perRun() bool {
	return perRun(f.path) || f.beginning && len(f.path) > 1 && slices.ContainsFunc([]string{"/dev/", "/proc/", "/sys/"}, func(dir string) bool { return strings.HasPrefix(dir, f.path) })
}

// opensUnknown reports whether a word begins with a variable that only the base can
// have set.
func (n *namer) opensUnknown(w shell.Word) bool {
	if len(w.Parts) == 0 || w.Parts[0].Kind != shell.Parameter || !w.Parts[0].Plain {
		return false
	}
	name := w.Parts[0].Text
	_, set := n.x.Getenv(name)
	return !set && !n.all && !n.assigned[name] && !ofTheShell[name] && strings.Trim(name, "0123456789@*#?-$!_") != ""
}

var ofTheShell = setOf("HOME PWD OLDPWD RANDOM SRANDOM SECONDS LINENO PPID UID EUID BASHPID OPTARG OPTIND REPLY HOSTNAME")

// outside reports whether a RUN starts from an image that is not in the Dockerfile.
func (m *matcher) outside(op *compile.Op) bool {
	if m.beyond == nil {
		m.beyond = map[*compile.Op]bool{nil: false}
	}
	is, way := false, []*compile.Op(nil) // down to what is known
	for at := op; ; at = primary(at).Op {
		known := false
		if is, known = m.beyond[at]; known {
			break
		}
		way = append(way, at)
		if at.Source != nil {
			is = true
			break
		}
	}
	for _, at := range way {
		m.beyond[at] = is
	}
	return is
}

var (
	perRunPath  = lazyregexp.New(`(?:^|[^\w./-])/+(proc|sys|dev)(?:/+([\w.]*))?(?:[^\w.-]|$)`)
	plainDevice = setOf("null zero full random urandom stdin stdout stderr fd")
)
