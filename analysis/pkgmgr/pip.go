package pkgmgr

import (
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

// Pip is Python's package installer. Options: pip install --help; its cache: "Caching"
// in pip's documentation, which calls it safe for several pip at once.
var Pip = Manager{
	Name:     "pip",
	Programs: []string{"pip", "pip2", "pip3", "pip2.7", "pip3.6", "pip3.7", "pip3.8", "pip3.9", "pip3.10", "pip3.11", "pip3.12", "pip3.13", "pip3.14"},
	Values: []string{"-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-t", "--target", "-i", "--index-url",
		"--extra-index-url", "-f", "--find-links", "--prefix", "--root", "--src", "--cache-dir", "--timeout", "--default-timeout", "--retries",
		"--trusted-host", "--proxy", "--platform", "--python-version", "--implementation", "--abi", "--upgrade-strategy",
		"--progress-bar", "--log", "--cert", "--client-cert", "--no-binary", "--only-binary", "--global-option",
		"--install-option", "--root-user-action", "--report", "--config-settings", "-C", "--exists-action", "--python",
		"-d", "--dest", "-w", "--wheel-dir", "-b", "--build", "--use-feature", "--use-deprecated"},
	// What --no-index takes from folders, pip keeps no copy of (run with 23.2.1).
	Apart:   []string{"-t", "--target", "--root", "--no-index"},
	Modules: []string{"pip"},
	Verbs: map[string]Verb{
		"install": Install, "download": Download, "wheel": Download, "uninstall": Remove, "cache purge": Clean, "cache remove": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.cache/pip", What: "download cache",
		Filled:    []Verb{Install, Download},
		CleanedBy: []string{"cache purge"},
		TrimmedBy: []string{"cache remove"},
		Moved:     []string{"PIP_CACHE_DIR", "XDG_CACHE_HOME"},
		// 0 and "off" turn it off, too (run with 23.2.1).
		Off:   []string{"PIP_NO_CACHE_DIR"},
		Flags: []*change.Flag{&change.PipNoCacheDir},
		Mount: Mount{Sharing: "shared", Swaps: map[string]string{"--no-cache-dir": ""}, Doubt: builtWheels},
	}},
	// "pip cache purge" of pip 20.1 to 21.3 fails with "No matching packages".
	CleanNeedsCache: true,
	Settings:        []Settings{{File: "pip.conf", Own: true, Moves: lazyregexp.New(`(?mi)^\s*(?:no-)?cache-dir\s*[=:]`)}},
	ManifestGlobs:   []string{"requirements*.txt", "setup.py", "setup.cfg"},
	ManifestOptions: []string{"-r", "--requirement", "-c", "--constraint"},
	NoManifests:     "its options name them",
}

// builtWheels is true of every installer for Python that keeps what it built: a wheel's
// tags name no C library ("Caching" in pip's documentation, "Cache" in uv's).
const builtWheels = "a wheel that another build made from sources, against other libraries, would be used again"
