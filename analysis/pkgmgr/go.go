package pkgmgr

// Go is the go command. Its caches are what it builds from, so that nothing in a
// RUN of its own can clean them without a later rebuild.
var Go = Manager{
	Name:     "go",
	Programs: []string{"go"},
	Values:   []string{"-C", "-mod", "-modfile", "-o", "-ldflags", "-tags", "-gcflags", "-asmflags", "-p", "-overlay", "-pkgdir", "-toolexec"},
	Verbs: map[string]Verb{
		"mod download": Download, "get": Install, "install": Install, "build": Other, "test": Other, "clean": Clean,
	},
	Caches: []Cache{{
		Dir: "/go/pkg/mod", What: "module cache",
		Filled: []Verb{Download, Install},
		Moved:  []string{"GOMODCACHE", "GOPATH"},
		Mount:  Mount{Sharing: "shared"},
	}, {
		Dir: "~/.cache/go-build", What: "build cache",
		Filled: []Verb{Install},
		Moved:  []string{"GOCACHE", "XDG_CACHE_HOME"},
		Mount:  Mount{Sharing: "shared"},
	}},
	Manifests: []string{"go.mod", "go.sum"},
}
