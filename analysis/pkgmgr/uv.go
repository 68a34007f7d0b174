package pkgmgr

import (
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

var uvMoves = lazyregexp.New(`(?m)^\s*(?:(?:tool\.uv\.)?(?:cache-dir|offline|no-cache)\s*=|(?:tool\.uv\.)?link-mode\s*=\s*["']symlink)`)

// Uv is Astral's package manager: "Caching" in its documentation, which calls the cache
// safe for several uv at once, and "Using uv in Docker" for the link mode.
var Uv = Manager{
	Name:     "uv",
	Programs: []string{"uv"},
	Modules:  []string{"uv"},
	Values: []string{"-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints", "-e", "--editable", "-p", "--python", "--project", "--directory",
		"--cache-dir", "--config-file", "--link-mode", "--extra", "--group", "--only-group", "--no-group", "--package", "--no-install-package",
		"-i", "--index-url", "--index", "--default-index", "--extra-index-url", "-f", "--find-links", "--target", "--prefix", "--index-strategy", "-P", "--upgrade-package", "--color", "--python-platform", "--python-version", "--torch-backend"},
	Verbs: map[string]Verb{
		"sync": Install, "add": Install, "pip install": Install, "pip sync": Install, "tool install": Install,
		"tool upgrade": Upgrade, "remove": Remove, "pip uninstall": Remove, "tool uninstall": Remove, "lock": Download,
		"cache clean": Clean, "cache prune": Clean, "clean": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.cache/uv", What: "download cache",
		Filled:    []Verb{Install, Upgrade, Download},
		FilledBy:  []string{"run", "tool run", "build", "pip compile"},
		Moved:     []string{"UV_CACHE_DIR", "XDG_CACHE_HOME"},
		Off:       []string{"UV_NO_CACHE"},
		CleanedBy: []string{"cache clean", "clean"},
		TrimmedBy: []string{"cache prune", "cache clean one"},
		Flags:     []*change.Flag{&change.UvSync, &change.UvPipInstall},
		Mount: Mount{
			Sharing: "shared", Live: "UV_LINK_MODE=copy must be set, as links do not leave a mount",
			Keeps: keep("uv", "--link-mode=copy", "sync", "pip install", "pip sync"),
			Swaps: map[string]string{"--no-cache": "", "--no-cache-dir": "", "-n": ""},
			Doubt: builtWheels,
		},
	}},
	Settings:        []Settings{{File: "uv.toml", Own: true, Moves: uvMoves}, {File: "pyproject.toml", Moves: uvMoves}},
	Manifests:       []string{"pyproject.toml", "uv.lock", "uv.toml"},
	ManifestOptions: []string{"-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints"},
	ReadBy:          []string{"build", "export", "tree"},
	UnreadBy:        []string{"pip install", "pip sync", "pip uninstall", "tool install", "tool upgrade", "tool uninstall"},
	refine: func(c *Call) {
		c.cleansOne()
		if c.Has("-n") { // its short name
			c.Options = append(c.Options, Option{Name: "--no-cache", Known: true})
		}
	},
}
