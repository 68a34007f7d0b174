package pkgmgr

// Helm fetches charts: HELM_CACHE_HOME in "helm help", ~/.cache/helm by default.
var Helm = Manager{
	Name:     "helm",
	Programs: []string{"helm"},
	Values:   []string{"--version", "--repo", "-d", "--destination", "--repository-cache", "--repository-config", "--username", "--password", "-n", "--namespace"},
	Verbs: map[string]Verb{
		"dependency update": Download, "dependency build": Download, "dep update": Download, "dep up": Download, "dep build": Download, "dependency up": Download,
		"pull": Download, "fetch": Download, "repo add": Download, "repo update": Download, "repo up": Download, "plugin install": Install, "plugin uninstall": Remove,
	},
	Caches: []Cache{{
		Dir: "~/.cache/helm", What: "chart cache",
		Filled: []Verb{Install, Download},
		Moved:  []string{"HELM_CACHE_HOME", "HELM_REPOSITORY_CACHE", "XDG_CACHE_HOME"},
		Kept:   "later calls read the index and the plugins in it",
		Mount:  Mount{Sharing: "locked", Reads: true, Doubt: "an index in it may be of another build"},
	}},
	Manifests: []string{"Chart.yaml", "Chart.lock"},
	UnreadBy:  []string{"pull", "fetch", "repo add", "repo update", "repo up", "plugin install", "plugin uninstall"},
}
