package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Dnf is the package manager of Fedora and its kin. Version 4 caches in
// /var/cache/dnf (dnf.conf(5): cachedir), version 5 in /var/cache/libdnf5
// (SYSTEM_CACHEDIR in libdnf5's conf/const.hpp). Packages are deleted after each install unless keepcache is set, metadata is kept for 48 hours
// (metadata_expire). Options: dnf(8).
var Dnf = rpm("dnf", &change.DnfCaches, "dnf", "dnf5", "dnf-3")

// rpm is what the package managers of RPM distributions have in common: they fetch
// their index by themselves when it is missing or old.
func rpm(name string, k *change.Cleanup, programs ...string) Manager {
	return Manager{
		Name:     name,
		Programs: programs,
		Values:   []string{"--enablerepo", "--disablerepo", "--setopt", "-x", "--exclude", "--releasever", "-c", "--config", "--installroot", "--repo", "--repoid", "--disableplugin", "--enableplugin", "-d", "-e", "--repofrompath", "--forcearch", "--advisory"},
		Verbs: map[string]Verb{
			"makecache": Update, "install": Install, "localinstall": Install, "groupinstall": Install, "reinstall": Install, "group install": Install, "groups install": Install,
			"update": Upgrade, "upgrade": Upgrade, "distro-sync": Upgrade, "remove": Remove, "erase": Remove, "autoremove": Remove,
			"clean all": Clean, "clean metadata": Clean, "clean packages": Clean, "clean dbcache": Clean, "clean expire-cache": Clean,
		},
		Root:           true,
		Refetches:      true,
		SystemPackages: true,
		Caches: []Cache{{
			Dir: k.Paths[0], What: "metadata cache",
			Filled: []Verb{Update, Install, Upgrade}, Index: true,
			CleanedBy: []string{"clean all"},
			TrimmedBy: []string{"clean metadata", "clean packages", "clean dbcache", "clean expire-cache"},
			Cleanup:   k,
			Mount: Mount{
				Sharing: "locked", Live: "keepcache=1 must be set",
				Keeps: keep(name, "--setopt=keepcache=1", "install", "upgrade", "update", "distro-sync", "groupinstall", "group install"),
				Doubt: name + " takes metadata from it that may be days old",
			},
		}},
	}
}
