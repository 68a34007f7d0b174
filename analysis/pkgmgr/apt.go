package pkgmgr

import (
	"strings"

	"github.com/shale-build/shale/analysis/change"
)

// Apt is Debian's apt-get and apt. Options: apt-get(8). The official images' own
// settings: /etc/apt/apt.conf.d/docker-clean and docker-gzip-indexes, as debuerreotype
// writes them. "clean" leaves the lists, "dist-clean" deletes them: apt-get(8) of
// Debian 13.
var Apt = Manager{
	Name:     "apt",
	Programs: []string{"apt-get", "apt", "aptitude"},
	Values:   []string{"-o", "--option", "-c", "--config-file", "-t", "--target-release", "--default-release", "-a", "--host-architecture", "-P", "--build-profiles", "--with-source", "-S", "--snapshot"},
	Apart:    []string{"-s", "--just-print", "--recon", "--no-act", "-c", "--config-file"},
	apart: func(o Option) bool {
		set, _ := o.AptSetting()
		return strings.HasPrefix(set, "dir=") || strings.HasPrefix(set, "rootdir") || strings.HasPrefix(set, "dir::state")
	},
	Verbs: map[string]Verb{
		"update": Update, "install": Install, "reinstall": Install, "satisfy": Install, "build-dep": Install,
		"upgrade": Upgrade, "dist-upgrade": Upgrade, "full-upgrade": Upgrade, "safe-upgrade": Upgrade,
		"remove": Remove, "purge": Remove, "autoremove": Remove, "autopurge": Remove,
		"clean": Clean, "autoclean": Clean, "dist-clean": Clean, "distclean": Clean, "download": Download,
	},
	Root:           true,
	SystemPackages: true,
	Caches: []Cache{{
		Dir: "/var/lib/apt/lists", What: "package index",
		Filled: []Verb{Update}, Index: true, Moved: []string{"APT_CONFIG"},
		CleanedBy: []string{"dist-clean", "distclean"},
		Cleanup:   &change.AptLists,
		Mount:     Mount{Sharing: "locked"},
	}, {
		// The official images delete the archives after each install
		// (/etc/apt/apt.conf.d/docker-clean), so that nothing is left to clean.
		Dir: "/var/cache/apt", What: "package archives",
		Moved: []string{"APT_CONFIG"},
		Kept:  "the official images delete the archives after each install",
		Mount: Mount{
			Sharing: "locked", Live: "/etc/apt/apt.conf.d/docker-clean must be gone, or the archives lie in another folder than the one that it empties",
			Keeps: []*change.Flag{&change.AptInstallKeeps, &change.AptUpgradeKeeps, &change.AptDistUpgradeKeeps, &change.AptBuildDepKeeps},
			Kept:  true,
		},
	}},
}

// AptSetting is the setting that an option of apt's makes, in small letters: to apt they
// are the same as capitals. It is not ok for another option.
func (o Option) AptSetting() (set string, ok bool) {
	return strings.ToLower(o.Value), o.Name == "-o" || o.Name == "--option"
}
