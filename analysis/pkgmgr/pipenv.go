package pkgmgr

// Pipenv installs by pip, which it points to its own cache: PIP_CACHE_DIR in its
// utils/pip.py, PIPENV_CACHE_DIR in its documentation.
var Pipenv = Manager{
	Name:     "pipenv",
	Programs: []string{"pipenv"},
	Modules:  []string{"pipenv"},
	Values:   []string{"--python", "--pypi-mirror", "-i", "--index", "-e", "--editable", "-r", "--requirements", "--extra-pip-args", "--categories"},
	Verbs: map[string]Verb{
		"install": Install, "sync": Install, "update": Upgrade, "upgrade": Upgrade, "uninstall": Remove, "clean": Remove, "lock": Download,
	},
	Caches: []Cache{{
		Dir: "~/.cache/pipenv", What: "download cache",
		Filled: []Verb{Install, Upgrade, Download},
		Moved:  []string{"PIPENV_CACHE_DIR", "PIP_CACHE_DIR", "XDG_CACHE_HOME"},
		Off:    []string{"PIP_NO_CACHE_DIR"},
		Kept:   "pipenv has no flag against it, and what pipenv --clear leaves is not known",
		Mount:  Mount{Sharing: "locked", Doubt: builtWheels},
	}},
	Manifests: []string{"Pipfile", "Pipfile.lock"},
	ReadBy:    []string{"check", "graph", "requirements"},
	UnreadBy:  []string{"-r", "--requirements", "-e", "--editable"},
}
