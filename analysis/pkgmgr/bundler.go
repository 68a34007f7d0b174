package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Bundler installs a Ruby project's gems by RubyGems, whose archives stay in the same
// folder unless the project has a path of its own: "bundle install", "bundle config" in
// its documentation. "bundle clean" removes gems, and is not known to be wanted.
var Bundler = Manager{
	Name:     "bundle",
	Programs: []string{"bundle", "bundler"},
	Values: []string{"--path", "-j", "--jobs", "--retry", "--without", "--with", "--gemfile", "--binstubs", "--trust-policy", "--shebang",
		"--target-rbconfig", "-r"},
	Apart: []string{"--path", "--deployment"},
	Verbs: map[string]Verb{
		"install": Install, "update": Upgrade, "clean": Remove, "cache": Download, "package": Download, "pack": Download, "add": Install, "remove": Remove,
	},
	Bare: Install,
	Caches: []Cache{{
		Dir: "/usr/local/bundle/cache", In: map[string]string{"ruby": "/usr/local/bundle/cache"}, OnlyIn: true, What: "gem archives",
		Filled:  []Verb{Install, Upgrade},
		Moved:   []string{"GEM_HOME", "BUNDLE_PATH", "BUNDLE_DEPLOYMENT", "BUNDLE_CACHE_PATH"},
		Cleanup: &change.GemArchives,
		ByRoot:  true,
		Mount:   Mount{Sharing: "locked", Doubt: "RubyGems compares an archive in it with no sum"},
	}},
	Manifests:     []string{"Gemfile", "Gemfile.lock", ".ruby-version"},
	ManifestGlobs: []string{"*.gemspec"},
	ReadBy:        []string{"check", "lock", "list", "show", "outdated"},
}
