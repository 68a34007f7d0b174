package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Gem is Ruby's package manager. Every gem that it installed stays as an archive in
// cache below GEM_HOME, which is /usr/local/bundle in the official ruby image: "gem
// environment", and that image's Dockerfile. The image's gemrc switches documentation
// off.
var Gem = Manager{
	Name:     "gem",
	Programs: []string{"gem"},
	Values: []string{"-v", "--version", "-n", "--bindir", "-i", "--install-dir", "--source", "-s", "-p", "--http-proxy", "-P", "--trust-policy",
		"--platform", "-g", "--file", "--build-root", "--config-file"},
	Verbs: map[string]Verb{
		"install": Install, "i": Install, "update": Upgrade, "uninstall": Remove, "cleanup": Remove, "fetch": Download,
	},
	Caches: []Cache{{
		Dir: "/usr/local/bundle/cache", In: map[string]string{"ruby": "/usr/local/bundle/cache"}, OnlyIn: true, What: "gem archives",
		Filled:  []Verb{Install, Upgrade},
		Moved:   []string{"GEM_HOME", "BUNDLE_PATH"},
		Cleanup: &change.GemArchives,
		ByRoot:  true,
		Mount:   Mount{Sharing: "locked", Doubt: "RubyGems compares an archive in it with no sum"},
	}},
	NoManifests: "bundle reads them",
	refine: func(c *Call) {
		if c.Has("-i", "--install-dir", "--user-install", "--build-root") {
			c.Verb = Other // elsewhere
		}
	},
}
