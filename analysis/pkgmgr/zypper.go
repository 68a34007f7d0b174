package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Zypper is SUSE's package manager. It refreshes its metadata by itself; packages are
// deleted after each install unless the repository keeps them. Options, and "clean"
// that needs -a to delete the metadata too: zypper(8).
var Zypper = Manager{
	Name:     "zypper",
	Programs: []string{"zypper"},
	Values: []string{"-R", "--root", "--installroot", "-D", "--reposd-dir", "-C", "--cache-dir", "--raw-cache-dir", "--solv-cache-dir", "--pkg-cache-dir",
		"-c", "--config", "-p", "--plus-repo", "--plus-content", "-t", "--type", "-r", "--repo", "--from", "--releasever", "--download", "--name", "--capability"},
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
