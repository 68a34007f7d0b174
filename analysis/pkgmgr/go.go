package pkgmgr

// Go is the go command. Its caches are what it builds from, so that nothing in a
// RUN of its own can clean them without a later rebuild. GOPATH is ~/go by default and
// /go in the official image, the build cache lies in XDG_CACHE_HOME or ~/.cache: "go
// help environment", "go help cache"; the cache may be used by several at once ("go
// help cache").
var Go = Manager{
	Name:     "go",
	Programs: []string{"go"},
	Values:   []string{"-C", "-mod", "-modfile", "-o", "-ldflags", "-tags", "-gcflags", "-asmflags", "-p", "-overlay", "-pkgdir", "-toolexec", "-installsuffix", "-buildmode"},
	Verbs: map[string]Verb{
		"mod download": Download, "get": Install, "install": Install, "build": Other, "test": Other, "clean": Clean,
		"mod tidy": Download, "mod vendor": Download,
	},
	Caches: []Cache{{
		Dir: "/go/pkg/mod", What: "module cache",
		In:        map[string]string{"golang": "/go/pkg/mod"},
		Filled:    []Verb{Download, Install},
		FilledBy:  []string{"build", "test", "run", "vet", "generate", "mod tidy", "mod vendor", "list"},
		Moved:     []string{"GOMODCACHE", "GOPATH"},
		CleanedBy: []string{"clean -modcache", "clean -cache -modcache"},
		Kept:      "every later build reads it",
		Mount:     Mount{Sharing: "shared", Reads: true},
	}, {
		Dir: "~/.cache/go-build", What: "build cache",
		Filled:    []Verb{Install},
		FilledBy:  []string{"build", "test", "run", "vet", "generate"},
		Moved:     []string{"GOCACHE", "XDG_CACHE_HOME"},
		CleanedBy: []string{"clean -cache", "clean -cache -modcache"},
		Kept:      "every later build reads it",
		Mount:     Mount{Sharing: "shared", Reads: true},
	}},
	Manifests:     []string{"go.mod", "go.sum"},
	ManifestGlobs: []string{"go.work", "go.work.sum"},
	ReadBy:        []string{"build", "test", "vet", "generate"},
	refine: func(c *Call) {
		if c.Word == "clean" { // what it deletes is in its options
			for _, o := range []string{"-cache", "-modcache"} {
				if c.Has(o) {
					c.Word += " " + o
				}
			}
		}
	},
}
