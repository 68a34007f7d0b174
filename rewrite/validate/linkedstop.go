package validate

import (
	"slices"

	"github.com/shale-build/shale/analysis/compile"
)

// linked finds a RUN, up to a stop, that links to what it deletes.
func (a *after) linked(at map[*compile.Op]bool) *compile.Op {
	seen := map[*compile.Op]bool{}
	for _, stop := range a.graph.Ops {
		if !at[stop] {
			continue
		}
		for o := stop; o != nil && !seen[o]; o = primary(o).Op {
			seen[o] = true
			if o.Exec == nil {
				continue
			}
			text, ok := readScript(o.Exec)
			if !ok {
				continue
			}
			p := a.library.parse(text, text.text)
			if p.Err != nil {
				continue
			}
			n := a.library.namer(o.Exec, p)
			if slices.ContainsFunc(a.library.commands(p), func(c command) bool { return c.name == "ln" && c.namesAny(n, a.paths) }) {
				return o
			}
		}
	}
	return nil
}
