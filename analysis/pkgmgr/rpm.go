package pkgmgr

// The package managers of RPM distributions. They fetch their index by themselves
// when it is missing or old: metadata_expire is 48 hours for dnf, 6 hours for yum
// (dnf.conf(5), yum.conf(5)). Options: dnf(8), yum(8).
var (
	Dnf      = rpm("dnf", "/var/cache/dnf", "dnf", "dnf5", "tdnf")
	Yum      = rpm("yum", "/var/cache/yum", "yum")
	Microdnf = rpm("microdnf", "/var/cache/yum", "microdnf")
)

func rpm(name, dir string, programs ...string) Manager {
	return Manager{
		Name:     name,
		Programs: programs,
		Values:   []string{"--enablerepo", "--disablerepo", "--setopt", "-x", "--exclude", "--releasever", "-c", "--config", "--installroot", "--repo", "--repoid", "--disableplugin", "--enableplugin", "-d", "-e"},
		Verbs: map[string]Verb{
			"makecache": Update, "install": Install, "localinstall": Install, "groupinstall": Install, "reinstall": Install, "group install": Install, "groups install": Install,
			"update": Upgrade, "upgrade": Upgrade, "distro-sync": Upgrade, "remove": Remove, "erase": Remove, "autoremove": Remove,
			"clean all": Clean, "clean metadata": Clean, "clean packages": Clean, "clean dbcache": Clean, "clean expire-cache": Clean,
		},
		Root:      true,
		Refetches: true,
		Caches: []Cache{{
			Dir: dir, What: "metadata cache",
			Filled: []Verb{Update, Install, Upgrade}, Index: true,
			CleanedBy: []string{"clean all"},
			Mount:     Mount{Sharing: "locked", Live: "keepcache=1 must be set"},
		}},
	}
}
