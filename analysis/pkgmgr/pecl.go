package pkgmgr

import "github.com/shale-build/shale/analysis/change"

// Pecl builds PHP extensions. What it downloads, unpacks and caches stays in pear below
// the folder for temporary files: the defaults of cache_dir, download_dir and temp_dir in
// PEAR's Config.php, which hold in the official php image. Distributions have others.
// "clear-cache" deletes the cache_dir only.
var Pecl = Manager{
	Name:     "pecl",
	Programs: []string{"pecl", "pear"},
	Values:   []string{"-c", "-C", "-d", "-D", "-G", "-u", "--configureoptions", "-R", "--installroot", "-P", "--packagingroot"},
	Apart:    []string{"-R"},
	Verbs: map[string]Verb{
		"install": Install, "upgrade": Upgrade, "uninstall": Remove, "download": Download, "clear-cache": Clean,
	},
	Root: true,
	Caches: []Cache{{
		Dir: "/tmp/pear", In: map[string]string{"php": "/tmp/pear"}, OnlyIn: true, What: "downloads and build folders",
		Filled:  []Verb{Install, Upgrade},
		Moved:   []string{"PHP_PEAR_CACHE_DIR", "PHP_PEAR_DOWNLOAD_DIR", "PHP_PEAR_TEMP_DIR", "TMPDIR", "TMP", "TEMP"},
		Cleanup: &change.PeclFiles,
		ByRoot:  true,
		Mount:   Mount{Never: "half of it is build folders, which no later build reads"},
	}},
	NoManifests: "it builds extensions by name",
}
