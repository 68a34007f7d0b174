package facts

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
)

// A Named is a package that a command installed.
type Named struct {
	Name string
	By   *Command
}

// Development names what npm prune removes.
const Development = "the development packages"

// Uninstalled lists the packages that a command of a later RUN removes and this one certainly
// installed.
func (r *Run) Uninstalled(c *Command) []Named {
	if c.Call == nil || c.Call.Verb != pkgmgr.Remove || c.Call.Unclear {
		return nil
	}
	var out []Named
	for i, by := range r.Commands {
		if by.Call == nil || by.Call.Manager != c.Call.Manager || by.Call.Verb != pkgmgr.Install || !by.Context.Always {
			continue
		}
		if c.Call.Word == "prune" {
			// npm prune: without development packages, which npm ci brought.
			if omits := c.Call.Has("--production", "--omit"); omits && len(by.Call.Names) == 0 && !by.Call.Has("--production", "--omit", "-g", "--global", "--only") {
				out = append(out, Named{Development, by})
			}
			continue
		}
		have := installed(by.Call)
		for _, w := range c.Call.Names {
			if name, ok := w.Literal(); ok && have[name] && !slices.ContainsFunc(r.Commands[i+1:], func(later *Command) bool { return removesPackages(later, c.Call.Manager) }) {
				out = append(out, Named{name, by})
			}
		}
	}
	return out
}

// removesPackages reports whether a command removes packages, or may.
func removesPackages(c *Command, m *pkgmgr.Manager) bool {
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
