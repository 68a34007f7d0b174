package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Apk is Alpine's package manager. Options: apk(8). Without /etc/apk/cache the index
// is kept in /var/cache/apk and packages are not kept at all: apk-cache(5), which also
// says that "cache clean" deletes packages, not the index.
var Apk = Manager{
	Name:     "apk",
	Programs: []string{"apk"},
	Values: []string{"-p", "--root", "-X", "--repository", "--arch", "--cache-dir", "--cache-max-age", "--keys-dir",
		"--progress-fd", "--repositories-file", "--timeout", "--wait", "-t", "--virtual"},
	Apart: []string{"-s", "-p", "--root", "--no-network"},
	Verbs: map[string]Verb{
		"update": Update, "add": Install, "upgrade": Upgrade, "del": Remove, "fetch": Download, "cache clean": Clean,
	},
	Root:           true,
	SystemPackages: true,
	Caches: []Cache{{
		Dir: "/var/cache/apk", What: "package index",
		Filled: []Verb{Update, Install, Upgrade}, Index: true,
		Cleanup: &change.ApkIndex,
		Flags:   []*change.Flag{&change.ApkNoCache},
		Mount: Mount{
			Sharing: "locked", At: "/etc/apk/cache", Live: "/etc/apk/cache must be a link to /var/cache/apk, or the mount itself",
			Swaps: map[string]string{"--no-cache": "--update-cache"}, Keeps: keep("apk", "--update-cache", "add", "upgrade"),
			Doubt: "apk keeps packages and an index in later layers too where the mount leaves its empty folder",
		},
	}},
}
