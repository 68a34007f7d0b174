package pkgmgr

import (
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

// Yarn is Yarn 1 and later. Version 1 caches for root in /usr/local/share/.cache/yarn,
// for others in ~/.cache/yarn (getCacheDir and user-home-dir.js in its source; run with
// 1.22.22, which also leaves /tmp/v8-compile-cache-0), later ones in ~/.yarn/berry (run with 4.18). With Plug'n'Play a
// project runs from the cache, with version 1 too (--pnp, or "installConfig" in
// package.json): emptied, nothing is found any more (run with 1.22.22 and 4.18). "yarn
// global" is of version 1 alone.
var Yarn = Manager{
	Name:     "yarn",
	Programs: []string{"yarn", "yarnpkg"},
	Values: []string{"--cwd", "--cache-folder", "--modules-folder", "--network-timeout", "--network-concurrency", "--registry", "--mutex",
		"--prefix", "--global-folder", "--preferred-cache-folder", "--use-yarnrc", "--mode", "--otp"},
	Verbs: map[string]Verb{
		"install": Install, "add": Install, "global add": Install, "workspaces focus": Install,
		"upgrade": Upgrade, "global upgrade": Upgrade, "up": Upgrade,
		"remove": Remove, "global remove": Remove, "cache clean": Clean,
	},
	Bare: Install,
	Caches: []Cache{{
		Dir: "~/.cache/yarn", RootDir: "/usr/local/share/.cache/yarn", What: "download cache",
		Filled:    []Verb{Install, Upgrade},
		Moved:     []string{"YARN_CACHE_FOLDER", "yarn_cache_folder", "npm_config_cache", "XDG_CACHE_HOME"},
		CleanedBy: []string{"cache clean"},
		TrimmedBy: []string{"cache clean one"},
		Cleanup:   &change.YarnCache,
		ByRoot:    true,
		Risky:     Risky{"yarn cache clean", "from Yarn 2 on a project may run from this cache"},
		Mount:     Mount{Sharing: "locked"},
	}, {
		Dir: "~/.yarn/berry", What: "download cache of Yarn 2 and later",
		Moved:     []string{"YARN_GLOBAL_FOLDER", "YARN_CACHE_FOLDER", "YARN_ENABLE_GLOBAL_CACHE"},
		CleanedBy: []string{"cache clean"},
		TrimmedBy: []string{"cache clean one"},
		Kept:      "a project may run from it (Plug'n'Play)",
		Mount:     Mount{Sharing: "locked", Reads: true, Doubt: "a project may run from it (Plug'n'Play)"},
	}},
	Settings: []Settings{
		{File: ".yarnrc.yml", Own: true}, // of a later Yarn
		{File: ".yarnrc", Own: true, Moves: lazyregexp.New(`(?m)^\s*"?(?:cache-folder|yarn-offline-mirror|--[\w.-]*(?:cache-folder|offline|pnp))`)},
		{File: "package.json", Moves: lazyregexp.New(`"packageManager"\s*:\s*"yarn@[^1]|"pnp"\s*:\s*true`)},
	},
	Manifests:     []string{"package.json", "yarn.lock", ".yarnrc", ".yarnrc.yml"},
	ManifestGlobs: []string{".yarn/releases/*", ".yarn/plugins/*", ".yarn/patches/*"},
	ReadBy:        []string{"build", "test", "start", "lint", "dev", "serve", "prod", "production", "compile"},
	UnreadBy:      []string{"global add", "global upgrade", "global remove"},
	refine:        (*Call).cleansOne,
}
