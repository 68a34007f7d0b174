package pkgmgr

// Bun is Bun's package manager: "bun install" and "Global cache" in its documentation;
// run with 1.4.5.
var Bun = Manager{
	Name:     "bun",
	Programs: []string{"bun"},
	Values:   []string{"--cwd", "-c", "--config", "--backend", "--registry", "--omit", "--filter", "--network-concurrency"},
	Verbs: map[string]Verb{
		"install": Install, "i": Install, "add": Install, "a": Install, "ci": Install,
		"update": Upgrade, "remove": Remove, "rm": Remove, "pm cache": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.bun/install/cache", What: "download cache",
		Filled:    []Verb{Install, Upgrade},
		Moved:     []string{"BUN_INSTALL_CACHE_DIR", "BUN_INSTALL", "XDG_CACHE_HOME"},
		CleanedBy: []string{"pm cache rm"},
		Risky:     Risky{"bun pm cache rm", "with the backend symlink node_modules is made of links into it"},
		Mount:     Mount{Sharing: "locked", Doubt: "node_modules is then made of copies, not of links into the cache"},
	}},
	Manifests: []string{"package.json", "bun.lock", "bun.lockb", "bunfig.toml"},
	refine: func(c *Call) {
		switch {
		case c.Word != "pm cache":
		case len(c.Names) > 0 && literal(c.Names[0]) == "rm":
			c.Word, c.Names = "pm cache rm", c.Names[1:]
		default:
			c.Verb = Other // it prints where the cache is
		}
	},
}
