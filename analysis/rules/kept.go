package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A kept is something that a layer ships although a later RUN removes it.
type kept struct {
	run   *facts.Run // that made it; nil for a COPY or ADD
	in    *syntax.Instruction
	left  *facts.Leftover // the cache that it is; nil for others
	by    source.Span     // what in it did
	what  string          // "/tmp/a.tgz", "apt's package index"
	bytes int64
	ships string // the verb's object in a message: "it", "them"
}

// keeps lists what earlier instructions of the stage made and c removes.
func keeps(p *analysis.Pass, earlier []*facts.Run, r *facts.Run, c *facts.Command) []kept {
	out := slices.Clone(cachesKept(p, r.Stage)[c])
	for _, a := range earlier {
		if c.Call == nil {
			break
		}
		if a.Opaque != "" {
			continue
		}
		if names := uninstalled(a, c); len(names) > 0 {
			k := kept{run: a, in: a.In, by: spanOf(a, names[0].by), what: list(names), ships: "it"}
			if len(names) > 1 || names[0].name == development {
				k.ships = "them"
			}
			out = append(out, k)
		}
	}
	if c.Name != "rm" || len(r.Mounts) > 0 {
		return out
	}
	for _, place := range r.Files(c).Removes {
		k, ok := lastMaker(p, earlier, r, place)
		if !ok {
			k, ok = lastCopy(p, r, place)
		}
		if ok && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// cachesKept lists, for each command of a stage that cleans caches up too late, what
// earlier layers keep of them.
func cachesKept(p *analysis.Pass, s *stage.Stage) map[*facts.Command][]kept {
	return facts.Once(p.File, cachesKeptIn{s}, func() map[*facts.Command][]kept {
		out := map[*facts.Command][]kept{}
		for _, a := range p.Runs(s) {
			if a.Opaque != "" {
				continue
			}
			for _, left := range p.Leftovers(a) {
				if _, by := p.CleanedLater(a, left.Cache); by != nil {
					out[by] = append(out[by], kept{run: a, in: a.In, left: &left, by: spanOf(a, left.By), what: left.By.Call.Manager.Name + "'s " + left.Cache.What, bytes: leaves(p, a, left.Cache), ships: "it"})
				}
			}
		}
		return out
	})
}

type cachesKeptIn struct{ *stage.Stage }

// lastMaker finds the RUN that last made what r removes, and whose layer ships it.
func lastMaker(p *analysis.Pass, earlier []*facts.Run, r *facts.Run, place facts.Place) (kept, bool) {
	for i := len(earlier) - 1; i >= 0; i-- {
		a := earlier[i]
		if a.Opaque != "" || !place.Literal() && lastSetting(p, r.In) >= a.In.Index {
			return kept{}, false
		}
		for _, m := range a.Leaves() {
			if place.Covers(m.Place) || place.Sure && place.Path == m.Path {
				return kept{run: a, in: a.In, by: spanOf(a, m.By), what: m.Name(), ships: "it"}, true
			}
		}
		if slices.ContainsFunc(a.Commands, func(c *facts.Command) bool { return slices.ContainsFunc(a.Files(c).Removes, place.Meets) }) {
			return kept{}, false
		}
	}
	return kept{}, false
}

// lastSetting is the index of the last instruction before another that may change a
// variable or the folder in force; -1 for none.
func lastSetting(p *analysis.Pass, before *syntax.Instruction) int {
	last := facts.Once(p.File, lastSettings{}, func() []int {
		out, at := make([]int, len(p.Doc.Instructions)), -1
		for i, in := range p.Doc.Instructions {
			out[i] = at
			if in.Name == "env" || in.Name == "arg" || in.Name == "workdir" {
				at = i
			}
		}
		return out
	})
	return last[before.Index]
}

type lastSettings struct{}

// lastCopy finds the COPY or ADD that brought the file which r removes, and that
// no RUN between removes.
func lastCopy(p *analysis.Pass, r *facts.Run, place facts.Place) (kept, bool) {
	if !place.Sure || !place.Literal() {
		return kept{}, false
	}
	for _, c := range slices.Backward(p.CopiesTo(r.Stage)[place.Path]) {
		if c.In.Index > r.In.Index {
			continue
		}
		if bytes, ok := p.Worth(c); ok && !removed(p, r.Stage, c.In.Index, r.In.Index, place) {
			return kept{in: c.In, by: c.In.Span, what: place.Path, bytes: bytes, ships: "it"}, true
		} else if ok {
			break
		}
	}
	return kept{}, false
}

// removed reports whether a RUN between two instructions may remove what is at a place.
func removed(p *analysis.Pass, s *stage.Stage, from, to int, place facts.Place) bool {
	runs := facts.Once(p.File, removersIn{s}, func() []*facts.Run {
		return slices.DeleteFunc(slices.Clone(p.Runs(s)), func(r *facts.Run) bool {
			return r.Opaque == "" && !slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return len(r.Files(c).Removes) > 0 })
		})
	})
	first, _ := slices.BinarySearchFunc(runs, from, func(r *facts.Run, index int) int { return r.In.Index - index })
	for _, r := range runs[first:] {
		if r.In.Index >= to {
			break
		}
		if r.Opaque != "" || slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return slices.ContainsFunc(r.Files(c).Removes, place.Meets) }) {
			return true
		}
	}
	return false
}

type removersIn struct{ *stage.Stage }

// A named is a package that a command installed.
type named struct {
	name string
	by   *facts.Command
}

// development names what npm prune removes.
const development = "the development packages"

// uninstalled lists the packages that c removes and that a certainly installed.
func uninstalled(a *facts.Run, c *facts.Command) []named {
	if c.Call == nil || c.Call.Verb != pkgmgr.Remove || c.Call.Unclear {
		return nil
	}
	var out []named
	for i, by := range a.Commands {
		if by.Call == nil || by.Call.Manager != c.Call.Manager || by.Call.Verb != pkgmgr.Install || !by.Context.Always {
			continue
		}
		if c.Call.Word == "prune" {
			// npm prune: without development packages, which npm ci brought.
			if omits := c.Call.Has("--production", "--omit"); omits && len(by.Call.Names) == 0 && !by.Call.Has("--production", "--omit", "-g", "--global", "--only") {
				out = append(out, named{development, by})
			}
			continue
		}
		have := installed(by.Call)
		for _, w := range c.Call.Names {
			if name, ok := w.Literal(); ok && have[name] && !slices.ContainsFunc(a.Commands[i+1:], func(later *facts.Command) bool { return removesPackages(later, c.Call.Manager) }) {
				out = append(out, named{name, by})
			}
		}
	}
	return out
}

// removesPackages reports whether a command removes packages, or may.
func removesPackages(c *facts.Command, m *pkgmgr.Manager) bool {
	return c.RunsCode() || c.Call != nil && c.Call.Manager == m && c.Call.Verb == pkgmgr.Remove
}

// installed names what a call installs: packages, and apk's virtual ones.
func installed(c *pkgmgr.Call) map[string]bool {
	out := map[string]bool{}
	for _, w := range c.Names {
		if name, ok := w.Literal(); ok {
			name, _, _ = strings.Cut(name, "=")
			out[name] = true
		}
	}
	for _, o := range c.Options {
		if (o.Name == "-t" || o.Name == "--virtual") && o.Value != "" && c.Manager == &pkgmgr.Apk {
			out[o.Value] = true
		}
	}
	return out
}

func list(names []named) string {
	var out []string
	for _, n := range names {
		out = append(out, n.name)
	}
	if len(out) > 3 {
		return strings.Join(out[:2], ", ") + fmt.Sprintf(" and %d more packages", len(out)-2)
	}
	if len(out) > 1 {
		return strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1]
	}
	return out[0]
}
