package chain

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
)

// changesLocale reports whether a command may bring or take away the locale that the
// RUN's environment names: the shell loads it once, when it starts, and sorts a pattern's
// files and counts letters by it.
func changesLocale(f *facts.File, r *facts.Run, c *facts.Command) bool {
	set := localeInForce(f, r, false)
	switch {
	case c.Call != nil && c.Call.Manager.SystemPackages && (c.Call.Verb == pkgmgr.Install || c.Call.Verb == pkgmgr.Remove):
		if !slices.ContainsFunc(c.Call.Names, func(w shell.Word) bool { return localePackage(w, set) }) {
			return false
		}
	case c.Name == "localedef", c.Name == "locale-gen", c.Name == "update-locale", namesLocale(c):
	default:
		return false
	}
	return set || localeInForce(f, r, true)
}

// localePackage reports whether a word names a package of locales, or may.
func localePackage(w shell.Word, may bool) bool {
	name := facts.Shape(w)
	before, _, unknown := strings.Cut(name, "\x00")
	return slices.ContainsFunc([]string{"locales", "glibc-langpack", "glibc-all-langpacks", "glibc-locale", "glibc-common", "language-pack", "langpacks", "musl-locales"},
		func(p string) bool {
			return strings.HasPrefix(name, p) || may && unknown && strings.HasPrefix(p, before)
		})
}

// namesLocale reports whether a command names the folder in which locales lie.
func namesLocale(c *facts.Command) bool {
	return slices.ContainsFunc(c.Args, func(w shell.Word) bool { return strings.Contains(facts.Shape(w), "lib/locale") })
}

// localeInForce reports whether the file gives a RUN's environment a locale, or base that
// its base may, other than those that are built in.
func localeInForce(f *facts.File, r *facts.Run, base bool) bool {
	g := f.Stages()
	known := !base || !r.Stage.External() || f.Base(r.Stage) != nil
	return slices.ContainsFunc([]string{"LANG", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "LOCPATH"}, func(name string) bool {
		if !g.SetInFile(r.In, name) {
			return !known
		}
		v := g.Lookup(r.In, name)
		return !v.Known() || !slices.Contains([]string{"", "C", "POSIX", "C.UTF-8", "C.utf8"}, v.Text)
	})
}
