package pkgmgr

// Mix is Elixir's. Hex keeps packages in ~/.hex: HEX_HOME in "mix hex.config"; Hex and
// rebar themselves lie in ~/.mix, and are no cache.
var Mix = Manager{
	Name:     "mix",
	Programs: []string{"mix"},
	Values:   []string{"--only", "--target"},
	Verbs:    map[string]Verb{"deps.get": Install, "deps.update": Upgrade, "deps.clean": Remove, "deps.unlock": Other, "archive.install": Install},
	Caches: []Cache{{
		Dir: "~/.hex", What: "package cache",
		Filled: []Verb{Install, Upgrade},
		Moved:  []string{"HEX_HOME", "MIX_XDG"},
		Kept:   "Hex keeps its settings and keys beside it",
		Mount:  Mount{Sharing: "locked", Below: []string{"packages"}, Doubt: "it is not known to be unused in the image"},
	}},
	Manifests:     []string{"mix.exs", "mix.lock"},
	ManifestGlobs: []string{"config/*.exs"},
	ReadBy:        []string{"compile", "release", "test", "deps.compile", "deps.unlock", "phx.digest", "assets.deploy"},
	UnreadBy:      []string{"archive.install"},
}
