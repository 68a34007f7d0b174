package pkgmgr

import (
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

// Npm is Node's package manager. Verbs and their aliases: npm help install, ci. The
// cache is safe for several npm at once and rebuilt where it is damaged: npm help cache.
var Npm = Manager{
	Name:     "npm",
	Programs: []string{"npm"},
	Values: []string{"--prefix", "-C", "--registry", "--cache", "--userconfig", "--globalconfig", "--loglevel",
		"--omit", "--only", "--include", "-w", "--workspace", "--tag", "--before", "--script-shell", "--install-strategy"},
	Verbs: map[string]Verb{
		"install": Install, "i": Install, "in": Install, "ins": Install, "inst": Install, "add": Install,
		"ci": Install, "clean-install": Install, "ic": Install, "install-clean": Install,
		"install-test": Install, "it": Install, "install-ci-test": Install, "cit": Install,
		"update": Upgrade, "up": Upgrade, "upgrade": Upgrade,
		"uninstall": Remove, "remove": Remove, "rm": Remove, "prune": Remove,
		"cache clean": Clean, "cache clear": Clean, "cache rm": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.npm", What: "download cache",
		Filled:    []Verb{Install, Upgrade},
		CleanedBy: []string{"cache clean", "cache clear", "cache rm"},
		Moved:     []string{"npm_config_cache", "NPM_CONFIG_CACHE"},
		Cleanup:   &change.NpmCache,
		Mount:     Mount{Sharing: "shared"},
	}},
	Settings:  []Settings{{File: ".npmrc", Own: true, Moves: lazyregexp.New(`(?mi)^\s*(?:cache|offline|prefer-offline|userconfig|globalconfig)\s*=|^\s*prefix\s*=.*(?:\.npm(?:/|\s|$)|\$)`)}},
	Manifests: []string{"package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"},
	ReadBy:    []string{"test", "t", "start", "pack", "publish", "shrinkwrap", "dedupe"},
}
