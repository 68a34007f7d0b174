package pkgmgr

import "github.com/shale-build/shale/analysis/lazyregexp"

// Pnpm links packages out of a store, in $PNPM_HOME/store or ~/.local/share/pnpm/store:
// "store-dir" in its documentation of settings. "pnpm store prune" keeps all that is in
// use: run with 9.15 after an install, it removed 0 files.
var Pnpm = Manager{
	Name:     "pnpm",
	Programs: []string{"pnpm"},
	Values: []string{"-C", "--dir", "-F", "--filter", "--store-dir", "--registry", "--reporter", "--loglevel", "--network-concurrency", "--modules-dir",
		"--child-concurrency", "--fetch-timeout", "--fetch-retries"},
	Verbs: map[string]Verb{
		"install": Install, "i": Install, "add": Install, "ci": Install, "fetch": Download,
		"update": Upgrade, "up": Upgrade, "upgrade": Upgrade,
		"remove": Remove, "rm": Remove, "uninstall": Remove, "un": Remove, "prune": Remove, "store prune": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.local/share/pnpm/store", What: "package store",
		Filled: []Verb{Install, Upgrade, Download},
		Moved:  []string{"PNPM_HOME", "XDG_DATA_HOME", "npm_config_store_dir", "pnpm_config_store_dir"},
		Kept:   "node_modules is made of links into it, and pnpm store prune keeps what is in use",
		Mount:  Mount{Sharing: "shared", Doubt: "node_modules is then made of copies, not of links into the store"},
	}},
	Settings:  []Settings{{File: ".npmrc", Own: true, Moves: lazyregexp.New(`(?mi)^\s*(?:store-dir|offline)\s*=`)}, {File: "pnpm-workspace.yaml", Moves: lazyregexp.New(`(?m)^\s*(?:storeDir|offline)\s*:`)}},
	Manifests: []string{"package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", ".pnpmfile.cjs"},
	ReadBy:    []string{"build", "test", "t", "start", "lint"},
	UnreadBy:  []string{"fetch"},
}
