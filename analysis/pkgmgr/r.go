package pkgmgr

import (
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// R installs packages by expressions: R -e 'install.packages("x")'. These are
// downloaded to the session's folder, which R deletes when it ends: help("tempdir").
// renv links a project's library into its cache: renv.config.cache.symlinks in renv's
// documentation.
var R = Manager{
	Name:     "R",
	Programs: nil, // only where an expression installs
	Values:   []string{"-e", "-f", "--file"},
	Verbs:    map[string]Verb{"install.packages": Install, "renv::restore": Install},
	Caches: []Cache{{
		Dir: "~/.cache/R", What: "cache of renv",
		FilledBy: []string{"renv::restore"},
		Moved:    []string{"RENV_PATHS_CACHE", "RENV_PATHS_ROOT", "XDG_CACHE_HOME", "R_USER_CACHE_DIR"},
		Kept:     "a project's library is made of links into it",
		Mount:    Mount{Sharing: "locked", Below: []string{"renv"}, Doubt: "a project's library is made of links into it unless RENV_CONFIG_CACHE_SYMLINKS=FALSE is set", Live: "RENV_CONFIG_CACHE_SYMLINKS=FALSE must be set, as links do not leave a mount"},
	}},
	Manifests:     []string{"renv.lock", ".Rprofile", "renv/activate.R"},
	ManifestGlobs: []string{"renv/settings.*"},
	UnreadBy:      []string{"install.packages"},
	words: func(program string, args []shell.Word) ([]shell.Word, bool) {
		if program == "R" || program == "Rscript" || program == "r" {
			for i, a := range args {
				if literal(a) == "-e" && i+1 < len(args) && installer(literal(args[i+1])) != "" {
					return args, true
				}
			}
		}
		return nil, false
	},
	refine: func(c *Call) {
		for _, o := range c.Options {
			if name := installer(o.Value); o.Name == "-e" && name != "" {
				c.Word, c.Verb = name, Install
			}
		}
	},
}

// installer says by which function of R an expression installs packages: one of R's
// Verbs, or "".
func installer(expression string) string {
	if strings.Contains(expression, "renv::restore(") {
		return "renv::restore"
	}
	for _, f := range []string{"install.packages(", "install_github(", "install_version(", "install_cran(", "install_local(", "install_deps(", "BiocManager::install(", "biocLite("} {
		if strings.Contains(expression, f) {
			return "install.packages"
		}
	}
	return ""
}
