package pkgmgr

import (
	"slices"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/shell"
)

// Pacman is Arch Linux's package manager: pacman(8) of 6.0.2. Its verbs are options: -S
// installs, with y it fetches the databases first, without them it fails. It saves every
// package that it downloads, in CacheDir, and the databases below DBPath, and deletes
// neither ("-c, --clean"); their defaults are pacman.conf(5)'s. "-Scc --noconfirm" takes
// the default answer, no, and deletes nothing (tried with 6.0.2).
var Pacman = Manager{
	Name:           "pacman",
	Programs:       []string{"pacman"},
	Values:         []string{"-b", "--dbpath", "-r", "--root", "--cachedir", "--config", "--gpgdir", "--hookdir", "--logfile", "--arch", "--sysroot", "--print-format", "--ignore", "--ignoregroup", "--overwrite", "--assume-installed", "--color"},
	Apart:          []string{"-p", "-r", "--root", "-b", "--dbpath", "--config"},
	Verbs:          map[string]Verb{"-S": Install, "-Sy": Update, "-U": Install, "-R": Remove, "-Sc": Clean},
	Operands:       true,
	Root:           true,
	SystemPackages: true,
	Caches: []Cache{{
		Dir: "/var/cache/pacman/pkg", What: "package archives",
		FilledBy:  []string{"-S"}, // what -U is given is there
		TrimmedBy: []string{"-Sc"},
		Cleanup:   &change.PacmanPackages,
		Mount:     Mount{Sharing: "locked"},
	}, {
		Dir: "/var/lib/pacman/sync", What: "package index",
		FilledBy: []string{"-S", "-Sy"}, Index: true,
		TrimmedBy: []string{"-Sc"},
		Cleanup:   &change.PacmanIndex,
		Mount:     Mount{Never: "pacman fetches it anew with -y, and without -y an old one asks for packages that are gone"},
	}},
	refine: func(c *Call) {
		// What a call is stands in its capital letter, and what of it in the others.
		is := func(names ...string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return c.Has(n) })
		}
		switch {
		case is("-S", "--sync") && is("-c", "--clean"):
			c.Word = "-Sc"
		case is("-S", "--sync") && !is("-s", "--search", "-i", "--info", "-l", "--list", "-g", "--groups", "-h", "--help"):
			c.Word = "-S"
			if len(c.Names) == 0 && is("-y", "--refresh") && !is("-u", "--sysupgrade") {
				c.Word = "-Sy"
			}
		case is("-U", "--upgrade"):
			c.Word = "-U"
		case is("-R", "--remove"):
			c.Word = "-R"
		}
		c.Verb = c.Manager.Verbs[c.Word]
		// Without a verb it is in a word that cannot be read.
		c.Unclear = c.Unclear || c.Word == "" && slices.ContainsFunc(c.Names, func(w shell.Word) bool { _, ok := w.Literal(); return !ok })
	},
}
