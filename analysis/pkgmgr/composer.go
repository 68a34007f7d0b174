package pkgmgr

import (
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// Composer is PHP's package manager. Its cache is ~/.composer/cache, or
// ~/.cache/composer where there is /etc/xdg or an XDG variable; the official image has
// COMPOSER_HOME=/tmp and so /tmp/cache (Factory::getCacheDir in its source). Its
// clean-up is ClearCacheCommand, which succeeds where there is no cache.
var Composer = Manager{
	Name:     "composer",
	Programs: []string{"composer", "composer.phar"},
	Values:   []string{"-d", "--working-dir", "--prefer-install", "--repository", "--stability", "-s", "--ignore-platform-req"},
	Verbs: map[string]Verb{
		"install": Install, "i": Install, "require": Install, "r": Install, "create-project": Install, "global require": Install, "global install": Install,
		"update": Upgrade, "upgrade": Upgrade, "u": Upgrade, "global update": Upgrade,
		"remove": Remove, "global remove": Remove, "clear-cache": Clean, "clearcache": Clean, "cc": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.composer", Or: "~/.cache/composer", In: map[string]string{"composer": "/tmp"}, What: "download cache",
		Filled:    []Verb{Install, Upgrade},
		Moved:     []string{"COMPOSER_CACHE_DIR", "COMPOSER_HOME", "XDG_CACHE_HOME"},
		CleanedBy: []string{"clear-cache", "clearcache", "cc"},
		TrimmedBy: []string{"clear-cache --gc"},
		Risky:     Risky{"composer clear-cache", "composer.json may name another folder as the cache, and Composer's plugins run once more"},
		Mount:     Mount{Sharing: "locked", Below: []string{"cache"}, Swaps: map[string]string{"--no-cache": ""}, Doubt: "Composer compares an archive in it with no sum"},
	}},
	Settings:  []Settings{{File: "composer.json", Moves: lazyregexp.New(`"cache-(?:files-|repo-|vcs-)?dir"`)}},
	Manifests: []string{"composer.json", "composer.lock", "auth.json"},
	ReadBy:    []string{"dump-autoload", "dumpautoload", "validate", "check-platform-reqs"},
	UnreadBy:  []string{"create-project", "global require", "global install", "global update", "global remove"},
	refine: func(c *Call) {
		if c.Verb == Clean && c.Has("--gc") {
			c.Word = "clear-cache --gc"
		}
	},
	words: func(program string, args []shell.Word) ([]shell.Word, bool) {
		// php -d memory_limit=-1 /usr/local/bin/composer install
		if program != "php" {
			return nil, false
		}
		for i, a := range args {
			switch text := literal(a); {
			case text == "-d" || i > 0 && literal(args[i-1]) == "-d" || strings.HasPrefix(text, "-d"):
			case Program(text) == "composer.phar" || Program(text) == "composer":
				return args[i+1:], true
			default:
				return nil, false
			}
		}
		return nil, false
	},
}
