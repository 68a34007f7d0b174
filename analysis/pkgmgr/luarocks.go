package pkgmgr

// Luarocks is Lua's package manager: its documentation names local_cache,
// ~/.cache/luarocks, where it keeps the servers' manifests.
var Luarocks = Manager{
	Name:     "luarocks",
	Programs: []string{"luarocks"},
	Values:   []string{"--tree", "--server", "--only-server", "--lua-version", "--lua-dir", "--timeout", "--project-tree", "--namespace", "--deps-mode"},
	Verbs: map[string]Verb{
		"install": Install, "make": Install, "build": Install, "remove": Remove, "purge": Remove, "download": Download,
	},
	Caches: []Cache{{
		Dir: "~/.cache/luarocks", What: "cache of manifests",
		Filled: []Verb{Install, Download},
		Moved:  []string{"XDG_CACHE_HOME", "LUAROCKS_CONFIG"},
		Kept:   "luarocks has no clean-up of its own, and the home must be known",
		Mount:  Mount{Never: "it holds the servers' manifests only"},
	}},
	ManifestGlobs: []string{"*.rockspec"},
	NoManifests:   "a rockspec has the name of its package",
}
