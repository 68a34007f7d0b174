package chain

import (
	"slices"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
)

// movesFolders reports whether b may rename a folder that a made where it would go on if
// that failed: a folder of a lower layer is copied, which may fail where a rename works.
// What must succeed has the same outcome in both. A file is renamed in any layer.
func movesFolders(a, b *facts.Run) bool {
	return slices.ContainsFunc(b.Commands, func(c *facts.Command) bool {
		if c.Name != "mv" || mustSucceed(b, c) {
			return false
		}
		fs := b.Files(c)
		return fs.Unknown || slices.ContainsFunc(fs.Removes, func(p facts.Place) bool {
			return !slices.ContainsFunc(a.Commands, func(c *facts.Command) bool {
				return (c.Name == "curl" || c.Name == "wget") && len(c.Node.Redirs) == 0 && slices.ContainsFunc(a.Files(c).Makes, func(m facts.Place) bool { return m.Sure && !m.All && m.Path == p.Path })
			})
		})
	})
}

// mustSucceed reports whether a RUN fails for certain where a command of it does.
func mustSucceed(r *facts.Run, c *facts.Command) bool {
	set, stops := r.Program.OpensWithSet()
	if slices.ContainsFunc(r.Commands, func(o *facts.Command) bool {
		return catches[o.Name] || o.Name == "set" && !(stops && o.Node.From == set.From)
	}) {
		return false
	}
	list := r.Program.Root.Children
	for i, n := range list {
		ends := i == len(list)-1
		stops := ends || stops || r.Shell.Errexit == shell.Yes
		switch at := slices.Index(n.Children, c.Node); {
		case n.Background:
		case n == c.Node:
			return stops
		case n.Kind == shell.And && at >= 0:
			return ends || stops && at == len(n.Children)-1
		}
	}
	return false
}

// catches are the commands by which a shell may go on, or end with success, after a failure.
var catches = map[string]bool{"trap": true, "eval": true, ".": true, "source": true, "shopt": true, "alias": true}
