package pkgmgr

import "slices"

// Conda is conda, mamba and micromamba. Packages are unpacked in pkgs below the
// installation, /opt/conda in the usual images, and linked into environments: "conda
// clean" in its documentation, which warns of environments made of symbolic links.
var Conda = Manager{
	Name:     "conda",
	Programs: []string{"conda", "mamba", "micromamba"},
	Values: []string{"-n", "--name", "-p", "--prefix", "-c", "--channel", "-f", "--file", "--solver", "--experimental-solver", "-r", "--root-prefix",
		"--revision", "--platform", "--repodata-fn"},
	Verbs: map[string]Verb{
		"install": Install, "create": Install, "env create": Install, "update": Upgrade, "upgrade": Upgrade, "env update": Upgrade,
		"remove": Remove, "uninstall": Remove, "env remove": Remove, "clean": Clean,
	},
	Caches: []Cache{{
		Dir: "/opt/conda/pkgs", What: "package cache",
		Filled:    []Verb{Install, Upgrade},
		Moved:     []string{"CONDA_PKGS_DIRS", "CONDA_DIR", "MAMBA_ROOT_PREFIX"},
		CleanedBy: []string{"clean -p"},
		TrimmedBy: []string{"clean"},
		Risky:     Risky{"conda clean -afy", "environments made of symbolic links into it would break"},
		Mount:     Mount{Sharing: "locked", Doubt: "environments are then made of copies, not of links into it"},
	}},
	Manifests:       []string{"environment.yml"},
	ManifestOptions: []string{"-f", "--file"},
	UnreadBy:        []string{"install", "create", "update", "upgrade", "remove", "uninstall", "env remove"},
	refine: func(c *Call) {
		if c.Word == "clean" && c.Has("-a", "--all", "-p", "--packages") {
			c.Word = "clean -p" // and not the archives or the index alone
		}
		// "-p" names an environment, whose packages come out of the same cache.
		c.Options = slices.DeleteFunc(c.Options, func(o Option) bool { return o.Name == "-p" })
	},
}
