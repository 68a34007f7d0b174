package change

// The clean-ups and flags that a safe fix may add. The validator accepts no
// other, whatever a rule declares; a manager's file in analysis/pkgmgr names its
// own from this list. A path that starts with "~" lies in the home folder of the
// user who runs the command: such a clean-up asks the manager itself to delete
// its cache, so that nobody has to know where that is.
var (
	AptLists = Cleanup{"apt", "rm -rf /var/lib/apt/lists/*", []string{"/var/lib/apt/lists"}}
	ApkIndex = Cleanup{"apk", "rm -rf /var/cache/apk/*", []string{"/var/cache/apk"}}
	NpmCache = Cleanup{"npm", "npm cache clean --force", []string{"~/.npm"}}

	// "dnf clean all" and its like write to logs, which ship: these do not. Where it is
	// not known which version runs, or whether yum is dnf, all of their folders are emptied.
	Dnf4Cache      = Cleanup{"dnf", "rm -rf /var/cache/dnf/*", []string{"/var/cache/dnf"}}
	Dnf5Cache      = Cleanup{"dnf", "rm -rf /var/cache/libdnf5/*", []string{"/var/cache/libdnf5"}}
	DnfCaches      = Cleanup{"dnf", "rm -rf /var/cache/dnf/* /var/cache/libdnf5/*", []string{"/var/cache/dnf", "/var/cache/libdnf5"}}
	YumCache       = Cleanup{"yum", "rm -rf /var/cache/yum/*", []string{"/var/cache/yum"}}
	YumDnfCache    = Cleanup{"yum", "rm -rf /var/cache/dnf/*", []string{"/var/cache/dnf"}}
	YumDnf5Cache   = Cleanup{"yum", "rm -rf /var/cache/libdnf5/*", []string{"/var/cache/libdnf5"}}
	YumCaches      = Cleanup{"yum", "rm -rf /var/cache/yum/* /var/cache/dnf/* /var/cache/libdnf5/*", []string{"/var/cache/yum", "/var/cache/dnf", "/var/cache/libdnf5"}}
	MicrodnfCaches = Cleanup{"microdnf", "rm -rf /var/cache/yum/* /var/cache/libdnf5/*", []string{"/var/cache/yum", "/var/cache/libdnf5"}}
	ZypperCache    = Cleanup{"zypper", "rm -rf /var/cache/zypp/*", []string{"/var/cache/zypp"}}
	PacmanPackages = Cleanup{"pacman", "rm -rf /var/cache/pacman/pkg/*", []string{"/var/cache/pacman/pkg"}}
	PacmanIndex    = Cleanup{"pacman", "rm -rf /var/lib/pacman/sync/*", []string{"/var/lib/pacman/sync"}}

	// "yarn cache clean" of a later Yarn deletes what a project runs from; this is the
	// cache of Yarn 1 alone, and root's. The next two are the official images'.
	YarnCache   = Cleanup{"yarn", "rm -rf /usr/local/share/.cache/yarn/*", []string{"/usr/local/share/.cache/yarn"}}
	GemArchives = Cleanup{"gem", "rm -rf /usr/local/bundle/cache/*.gem", []string{"/usr/local/bundle/cache"}}
	PeclFiles   = Cleanup{"pecl", "rm -rf /tmp/pear/*", []string{"/tmp/pear"}}

	ApkNoCache    = Flag{"apk", "apk", "add", "--no-cache", []string{"/var/cache/apk"}, ""}
	PipNoCacheDir = Flag{"pip", "pip", "install", "--no-cache-dir", []string{"~/.cache/pip"}, ""}
	UvSync        = Flag{"uv", "uv", "sync", "--no-cache", []string{"~/.cache/uv"}, ""}
	UvPipInstall  = Flag{"uv", "uv", "pip install", "--no-cache", []string{"~/.cache/uv"}, ""}
	// The official images delete what lies in archives after each install, by that name
	// (/etc/apt/apt.conf.d/docker-clean): a folder beside it stays. "apt" would delete it
	// there too (APT::Keep-Downloaded-Packages), "apt-get" does not.
	AptInstallKeeps     = Flag{"apt", "apt-get", "install", "-o Dir::Cache::Archives=keep", nil, "/var/cache/apt"}
	AptUpgradeKeeps     = Flag{"apt", "apt-get", "upgrade", "-o Dir::Cache::Archives=keep", nil, "/var/cache/apt"}
	AptDistUpgradeKeeps = Flag{"apt", "apt-get", "dist-upgrade", "-o Dir::Cache::Archives=keep", nil, "/var/cache/apt"}
	AptBuildDepKeeps    = Flag{"apt", "apt-get", "build-dep", "-o Dir::Cache::Archives=keep", nil, "/var/cache/apt"}
)

// Cleanups lists every known clean-up.
func Cleanups() []Cleanup {
	return []Cleanup{AptLists, ApkIndex, NpmCache, Dnf4Cache, Dnf5Cache, DnfCaches, YumCache, YumDnfCache, YumDnf5Cache, YumCaches, MicrodnfCaches,
		ZypperCache, PacmanPackages, PacmanIndex, YarnCache, GemArchives, PeclFiles}
}

// Flags lists every known flag.
func Flags() []Flag {
	return []Flag{ApkNoCache, PipNoCacheDir, UvSync, UvPipInstall, AptInstallKeeps, AptUpgradeKeeps, AptDistUpgradeKeeps, AptBuildDepKeeps}
}
