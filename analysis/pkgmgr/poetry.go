package pkgmgr

// Poetry keeps its virtual environments below its cache folder by default:
// "virtualenvs.path" and "cache-dir" in its documentation of settings.
var Poetry = Manager{
	Name:     "poetry",
	Programs: []string{"poetry"},
	Modules:  []string{"poetry"},
	Values:   []string{"-C", "--directory", "-P", "--project", "-E", "--extras", "--with", "--without", "--only", "-G", "--group", "--source"},
	Verbs: map[string]Verb{
		"install": Install, "sync": Install, "add": Install, "update": Upgrade, "remove": Remove, "lock": Download,
		"self add": Install, "self update": Upgrade, "self install": Install, "cache clear": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.cache/pypoetry", What: "download cache",
		Filled: []Verb{Install, Upgrade, Download},
		Moved:  []string{"POETRY_CACHE_DIR", "XDG_CACHE_HOME"},
		Kept:   "its virtual environments lie in the same folder",
		Mount:  Mount{Sharing: "locked", Below: []string{"cache", "artifacts"}, Swaps: map[string]string{"--no-cache": ""}, Doubt: builtWheels},
	}},
	Manifests: []string{"pyproject.toml", "poetry.lock", "poetry.toml"},
	ReadBy:    []string{"build", "check", "export", "show", "publish"},
	UnreadBy:  []string{"self add", "self update", "self install"},
}
