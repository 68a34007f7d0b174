package facts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
)

// looksUp says that a command names packages to apt, to remove or to mark them, of which
// one may not be installed: without an index apt does not know it, and fails.
func (f *File) looksUp(r *Run, c *Command) string {
	names, ok := c.aptNames()
	if !ok || len(names) == 0 && !c.Fed {
		return ""
	}
	if !c.Fed && !slices.ContainsFunc(names, func(w shell.Word) bool {
		name, literal := w.Literal()
		return !literal || !plainPackage.MatchString(name) || !f.installedBefore(r, name)
	}) {
		return ""
	}
	word := "removes"
	if c.Name == "apt-mark" {
		word = "marks"
	}
	return fmt.Sprintf("line %d %s packages, which apt looks up in it", f.Line(r.In), word)
}

// plainPackage is a name that apt takes for nothing but a package's: no version, no
// pattern, no sign behind it that says the opposite.
var plainPackage = lazyregexp.New(`^[a-z0-9](?:[a-z0-9.+-]*(?:[a-z0-9]|\+\+))?$`)

// aptNames are the packages that a command has apt remove or mark.
func (c *Command) aptNames() (names []shell.Word, ok bool) {
	if c.Name != "apt-mark" {
		return packagesOf(c), c.Call != nil && c.Call.Manager == &pkgmgr.Apt && c.Call.Verb == pkgmgr.Remove
	}
	for i, w := range c.Args {
		switch verb, _ := w.Literal(); {
		case strings.HasPrefix(verb, "-"):
		case strings.HasPrefix(verb, "show"), verb == "minimize-manual":
			return nil, false
		default:
			return slices.DeleteFunc(slices.Clone(c.Args[i+1:]), func(w shell.Word) bool { return strings.HasPrefix(Shape(w), "-") }), true
		}
	}
	return nil, false
}

func packagesOf(c *Command) []shell.Word {
	if c.Call == nil {
		return nil
	}
	return c.Call.Names
}

// installedBefore reports whether a RUN before this one, in its stage or one that this is
// FROM, certainly had apt install a package of that name, and none since may have taken
// it away.
func (f *File) installedBefore(r *Run, name string) bool {
	for s := r.Stage; s != nil; s = s.Parent {
		for _, before := range slices.Backward(f.Runs(s)) {
			if s == r.Stage && before.In.Index >= r.In.Index {
				continue
			}
			sure := before.surely()
			for _, c := range slices.Backward(before.All()) {
				switch is := c.onPackage(name); {
				case is == pkgmgr.Install && sure && c.Context.Always:
					return true
				case is == pkgmgr.Remove:
					return false
				}
			}
		}
	}
	return false
}

// onPackage says whether a command has apt install a package or, for all that is known,
// remove it; anything else is Other.
func (c *Command) onPackage(name string) pkgmgr.Verb {
	is := pkgmgr.Other
	switch {
	case c.Name == "apt-mark" && slices.ContainsFunc(c.Args, func(w shell.Word) bool { return Shape(w) == "auto" }),
		c.Name == "dpkg" && slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			return slices.Contains([]string{"-r", "-P", "--remove", "--purge"}, Shape(w))
		}):
		return pkgmgr.Remove // a mark lets the next autoremove take it
	case c.Call == nil || c.Call.Manager != &pkgmgr.Apt || c.Call.Apart():
		return is
	case c.Fed && c.Call.Verb == pkgmgr.Remove:
		return pkgmgr.Remove
	}
	for _, w := range c.Call.Names {
		operand, literal := w.Literal()
		of, _, _ := strings.Cut(Shape(w), "=") // of any version
		of, _, _ = strings.Cut(of, "/")
		switch {
		case c.Call.Verb == pkgmgr.Remove:
			if !literal || operand == name || !plainPackage.MatchString(operand) {
				return pkgmgr.Remove
			}
		case operand == name+"-":
			return pkgmgr.Remove
		case of == name && c.Call.Verb == pkgmgr.Install && !c.Call.Has("-d", "--download-only") && c.Call.Word != "build-dep":
			is = pkgmgr.Install
		}
	}
	return is
}

// contents names the RUN, this one or one before it in its stage and those that this is
// FROM, that runs apt-file: the lists that it fetches and reads lie in apt's index.
func (f *File) contents(r *Run, cache *pkgmgr.Cache) string {
	if !cache.Index || managerOf(cache) != &pkgmgr.Apt || !f.Says("apt-file") {
		return ""
	}
	for s := r.Stage; s != nil; s = s.Parent {
		for _, before := range f.Runs(s) {
			if (s != r.Stage || before.In.Index <= r.In.Index) && before.runsAptFile(f.Doc.Content) {
				return fmt.Sprintf("line %d runs apt-file, which keeps its lists in it", f.Line(before.In))
			}
		}
	}
	return ""
}

func (r *Run) runsAptFile(text string) bool {
	if r.Opaque != "" {
		return Names(r.In.Span.In(text), "apt-file")
	}
	return slices.ContainsFunc(r.All(), func(c *Command) bool {
		return c.Name == "apt-file" || c.Script != nil && !c.Seen && Names(r.In.Span.In(text), "apt-file")
	})
}
