package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// fed is the command that xargs makes of what it reads, where that is one of a package
// manager's: with a last word that nobody knows. sure says that it runs whatever is
// read. Any other command is returned as it is.
func (c command) fed(p *shell.Program) (call command, sure bool) {
	if c.name != "xargs" {
		return c, true
	}
	sure = true
	args, _ := c.args()
	at := 0
	for ; at < len(args) && strings.HasPrefix(args[at], "-"); at++ {
		switch a := args[at]; {
		case setOf("-0 --null -t --verbose -x --exit")[a]:
		case a == "-r" || a == "--no-run-if-empty":
			sure = false
		case setOf("-a -d -n -L -P -s")[a]:
			at++
		case len(a) > 2 && setOf("-a -d -n -L -P -s")[a[:2]]:
		case slices.ContainsFunc([]string{"--arg-file=", "--delimiter=", "--max-args=", "--max-lines=", "--max-procs=", "--max-chars="}, func(o string) bool { return strings.HasPrefix(a, o) }):
		default:
			return c, false
		}
	}
	if at >= len(args) {
		return c, false
	}
	call = c
	call.prefix = ""
	end := shell.Range{From: c.node.To, To: c.node.To}
	call.words = append(slices.Clone(c.words[at+1:]), shell.Word{Range: end, Parts: []shell.Part{{Range: end, Kind: shell.Parameter, Text: "@"}}})
	call.strip(p)
	if v, _ := call.verb(); !fedManagers[call.name] && !isPip(call.name) || v == "" && call.name != "pacman" || call.prefix != "" && c.prefix != "" {
		return c, false
	}
	if call.prefix == "" {
		call.prefix = c.prefix
	}
	return call, sure
}

// fedManagers are the package managers that are looked for behind xargs.
var fedManagers = setOf("apt-get apt apk dnf dnf5 dnf-3 yum microdnf zypper pacman npm yarn gem uv pecl")

// spelled lists the commands of a program with what xargs makes of those of package
// managers in the place of its call.
func (d *deriver) spelled(p *shell.Program) []command {
	list := d.library.commands(p)
	if !slices.ContainsFunc(list, func(c command) bool { return c.name == "xargs" }) {
		return list
	}
	list = slices.Clone(list)
	for i, c := range list {
		list[i], _ = c.fed(p)
	}
	return list
}

// inner is the program that a shell's call with -c runs, where that is one "&&" list of
// commands and pipelines which cannot end before its last one: the call succeeds only if
// each element does.
func (d *deriver) inner(c *command) (*shell.Program, bool) {
	args, all := c.args()
	if !shells[c.name] || !all {
		return nil, false
	}
	s, ok := readScript(&compile.Exec{Args: append([]string{c.name}, args...)})
	if !ok || s.startup || s.noglob {
		return nil, false
	}
	p := d.library.parse(s, s.text)
	if p.Err != nil || p.Ambiguous || len(p.Comments) > 0 || p.Root == nil || len(p.Root.Children) != 1 || !pure(p, p.Root) || processes(p) != "" {
		return nil, false
	}
	simple := true
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		switch n.Kind {
		case shell.List, shell.And, shell.Pipe:
		case shell.Simple:
			name, ok := "", false
			if len(n.Words) > 0 {
				name, ok = literal(n.Words[0])
			}
			simple = simple && ok && !setOf("exit exec return eval . source trap alias enable hash cd pushd popd set shopt xargs")[name] && !shells[path.Base(name)]
		default:
			simple = false
		}
	})
	return p, simple
}
