package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Zypper is SUSE's package manager: zypper(8) of 1.14.42. It refreshes its metadata by
// itself before it reads it ("Repository Metadata"). /var/cache/zypp holds that, raw and
// in solv files, and packages only of repositories with keeppackages set ("Files"; the
// same folders are cachedir's in zypp.conf of libzypp 17.25.7). "clean" alone cleans
// packages, -m the metadata, -a both. Global options stand before the verb; behind it
// some of their letters mean something else and take no value: install -C, -D, -R.
var Zypper = Manager{
	Name:     "zypper",
	Programs: []string{"zypper"},
	Values: []string{"-R", "--root", "--installroot", "-D", "--reposd-dir", "-C", "--cache-dir", "--raw-cache-dir", "--solv-cache-dir", "--pkg-cache-dir",
		"-c", "--config", "-p", "--plus-repo", "--plus-content", "-s", "--table-style", "--userdata", "-t", "--type", "-r", "--repo", "--from", "--releasever", "--download", "--solver-focus"},
	Apart:  []string{"-R", "--root"},
	Global: []string{"-R", "-D", "-C", "-c", "-p", "-s"},
	Verbs: map[string]Verb{
		"refresh": Update, "ref": Update, "install": Install, "in": Install, "source-install": Install, "si": Install,
		"install-new-recommends": Install, "inr": Install,
		"update": Upgrade, "up": Upgrade, "patch": Upgrade, "dist-upgrade": Upgrade, "dup": Upgrade,
		"remove": Remove, "rm": Remove, "clean": Clean, "cc": Clean,
	},
	Root:           true,
	Refetches:      true,
	SystemPackages: true,
	Caches: []Cache{{
		Dir: "/var/cache/zypp", What: "metadata cache",
		Filled: []Verb{Update, Install, Upgrade}, Index: true,
		CleanedBy: []string{"clean -a"},
		TrimmedBy: []string{"clean"},
		Cleanup:   &change.ZypperCache,
		Mount: Mount{
			Sharing: "locked", Live: "the repositories must keep packages (keeppackages=1)",
			Doubt: "its metadata may be of another build; packages stay in it only where the repositories have keeppackages=1",
		},
	}},
	refine: func(c *Call) {
		if c.Verb == Clean {
			c.Word = "clean"
			if c.Has("-a", "--all") {
				c.Word = "clean -a"
			}
		}
	},
}
