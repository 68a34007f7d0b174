package validate

import (
	"slices"

	"github.com/shale-build/shale/analysis/shell"
)

// movesFolders reports whether the right side may rename a folder of the left one where
// it goes on after a failure: a lower layer's is copied, which may fail where a rename
// works, and leave other files behind.
func (d *deriver) movesFolders(left, right []command, l, r *shell.Program) bool {
	var files []place
	for _, c := range left {
		files = append(files, d.downloads(&c, left)...)
	}
	_, _, lists := opening(l, l.Text.String())
	errexit := d.script.errexit || lists && setsErrexit(l.Root.Children[0]) // of "set -e; A; B"
	return slices.ContainsFunc(right, func(c command) bool {
		return c.name == "mv" && !mustSucceed(&c, right, r, errexit) && !d.movesOnly(&c, right, files)
	})
}

// mustSucceed reports whether a script fails for certain where a command of it does.
func mustSucceed(c *command, list []command, p *shell.Program, errexit bool) bool {
	statements := p.Root.Children
	for len(statements) == 1 && slices.Contains([]shell.Kind{shell.Subshell, shell.Block, shell.List}, statements[0].Kind) && !statements[0].Background {
		statements = statements[0].Children
	}
	first := statements[0]
	opens := len(statements) > 1 && setErrexit.MatchString(p.Source(first.Range)) && setsErrexit(first)
	errexit = errexit || opens
	for _, o := range list {
		if setOf("trap eval . source shopt alias command builtin")[o.name] || o.name == "set" && !(opens && o.node == first) {
			return false
		}
	}
	for i, n := range statements {
		last := i == len(statements)-1
		switch {
		case n.Background:
		case n == c.node:
			return last || errexit
		case n.Kind == shell.And && slices.Contains(n.Children, c.node):
			return last || errexit && n.Children[len(n.Children)-1] == c.node
		}
	}
	return false
}
