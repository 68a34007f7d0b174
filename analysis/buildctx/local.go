package buildctx

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxWalk bounds what a walk for things of this machine sees: twice the paths that
// a large monorepo with its packages has.
const maxWalk = 2 * maxFiles

// A Local is something in a build context that belongs to the machine that it lies on:
// what git keeps, what an install or a build made, what nobody else should read.
type Local struct {
	Path    string // of the context
	Kind    Kind
	Dir     bool
	Bytes   int64 // of what COPY sees of it
	Files   int
	Tracked bool // git keeps it, or may: it is no machine's own
}

// A Kind is what a Local is.
type Kind uint8

const (
	History     Kind = iota + 1 // .git
	Packages                    // node_modules
	Environment                 // a virtual environment of Python
	Cache                       // what a tool says it can make anew
	Output                      // what a build makes
	Settings                    // .env
	Key                         // a private key
)

// Locals is what a walk found.
type Locals struct {
	Found       []Local  // by path
	Dockerfiles []string // of the context, those that .dockerignore hides too
	Why         string   // why more may be there that was not seen; "" when all was
}

// Walks remembers what walks of build contexts found, so that one walk serves all the
// Dockerfiles of a context and all versions of each. It is safe for concurrent use.
type Walks struct {
	// Keep is how long a walk holds; 0 is for as long as the Walks are there.
	Keep time.Duration

	mu    sync.Mutex
	walks map[walkOf]*walked

	// By folder, where there is no end to how long they hold.
	above map[string][]string // the folders above it
	roots map[string]bool     // it is a repository's root
}

// Forget has the next who asks walk anew.
func (w *Walks) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.walks, w.above, w.roots = nil, nil, nil
}

// parents is as the function of that name, of each folder once.
func (w *Walks) parents(dir string) []string {
	if w == nil || w.Keep > 0 {
		return parents(dir, rooted)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.above == nil {
		w.above, w.roots = map[string][]string{}, map[string]bool{}
	}
	ups, ok := w.above[dir]
	if !ok {
		ups = slices.Clip(parents(dir, func(dir string) bool {
			is, ok := w.roots[dir]
			if !ok {
				is = rooted(dir)
				w.roots[dir] = is
			}
			return is
		}))
		w.above[dir] = ups
	}
	return ups
}

type walkOf struct{ root, ignore string }

type walked struct {
	once sync.Once
	at   time.Time
	Locals
}

// Locals walks the context for things of this machine that COPY sees, unless walks
// remembers that; nil remembers nothing.
func (c *Context) Locals(walks *Walks) Locals {
	if walks == nil {
		walks = &Walks{}
	}
	key := walkOf{c.root, c.ignoreText}
	walks.mu.Lock()
	w := walks.walks[key]
	if w == nil || walks.Keep > 0 && time.Since(w.at) > walks.Keep {
		if walks.walks == nil {
			walks.walks = map[walkOf]*walked{}
		}
		w = &walked{at: time.Now()}
		walks.walks[key] = w
	}
	walks.mu.Unlock()
	w.once.Do(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		l := &localWalk{Context: c, left: maxWalk}
		l.folder(".", verdict{})
		slices.SortFunc(l.found.Found, func(a, b Local) int { return strings.Compare(a.Path, b.Path) })
		slices.Sort(l.found.Dockerfiles)
		if len(l.found.Found) > 0 {
			kept := c.Tracked()
			for i, f := range l.found.Found {
				l.found.Found[i].Tracked = f.Kind != History && kept.Has(f.Path)
			}
		}
		w.Locals = l.found
		walks.mu.Lock()
		w.at = time.Now()
		walks.mu.Unlock()
	})
	return w.Locals
}

type localWalk struct {
	*Context
	left  int
	found Locals
}

func (w *localWalk) read(dir string, hidden bool) []fs.DirEntry {
	if w.left <= 0 {
		return nil
	}
	entries, err := os.ReadDir(w.disk(dir))
	if err != nil && !hidden && w.found.Why == "" {
		w.found.Why = fmt.Sprintf("%s cannot be read: %v", display(w.disk(dir)), reason(err))
	}
	if w.left -= len(entries); w.left <= 0 {
		w.found.Why = fmt.Sprintf("%s holds more than %d files", display(w.root), maxWalk)
	}
	return entries
}

// folder looks at what lies in a folder. One that is left out is looked into for the
// Dockerfiles that a build may name all the same.
func (w *localWalk) folder(dir string, v verdict) {
	entries := w.read(dir, v.excluded)
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		is := w.ignore.judge(p, v)
		if !e.IsDir() {
			if e.Type().IsRegular() {
				w.file(p, e, is)
			}
			continue
		}
		kind := w.kindOf(dir, e.Name(), entries)
		switch {
		case kind == 0:
			w.folder(p, is)
		case !is.pruned && (!is.excluded || len(w.ignore.exceptions) > 0):
			l := Local{Path: p, Kind: kind, Dir: true}
			w.measure(&l, p, is)
			if l.Files > 0 {
				w.found.Found = append(w.found.Found, l)
			}
		}
	}
}

func (w *localWalk) file(p string, e fs.DirEntry, is verdict) {
	name := e.Name()
	if dockerfile(name) {
		w.found.Dockerfiles = append(w.found.Dockerfiles, p)
		return
	}
	if is.excluded {
		return
	}
	l := Local{Path: p, Files: 1}
	switch {
	case environment(name):
		l.Kind = Settings
	case keyName(name) && w.isKey(p):
		l.Kind = Key
	default:
		return
	}
	if fi, err := e.Info(); err == nil && fi.Size() > 0 {
		l.Bytes = fi.Size()
		w.found.Found = append(w.found.Found, l)
	}
}

// measure adds up what COPY sees below a folder.
func (w *localWalk) measure(l *Local, dir string, v verdict) {
	for _, e := range w.read(dir, true) {
		p := path.Join(dir, e.Name())
		is := w.ignore.judge(p, v)
		switch {
		case e.IsDir():
			if !is.pruned {
				w.measure(l, p, is)
			}
		case !is.excluded:
			l.Files++
			if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() {
				l.Bytes += fi.Size()
			}
		}
	}
}

// caches are folders that their tools make anew, by names that nothing else has.
var caches = []string{"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox", ".hypothesis", ".gradle", ".terraform",
	".parcel-cache", ".turbo", ".sass-cache", ".nyc_output", ".angular", ".svelte-kit", ".vite"}

// outputs are folders that builds make, with a file beside them that says which build
// does.
var outputs = map[string][]string{
	"dist": {"package.json"}, "build": {"package.json", "build.gradle", "build.gradle.kts"}, "out": {"package.json"},
	".next": {"package.json"}, ".nuxt": {"package.json"}, ".output": {"package.json"},
	"target": {"Cargo.toml", "pom.xml"},
	"bin":    {"*.csproj", "*.fsproj", "*.vbproj"}, "obj": {"*.csproj", "*.fsproj", "*.vbproj"},
	"_build": {"mix.exs"},
}

// kindOf tells a folder by its name, by what stands beside it and by marks in it.
func (w *localWalk) kindOf(dir, name string, beside []fs.DirEntry) Kind {
	in := func(file string) bool {
		_, err := os.Lstat(w.disk(path.Join(dir, name, file)))
		return err == nil
	}
	switch {
	case name == ".git":
		if in("HEAD") {
			return History
		}
	case name == "node_modules":
		return Packages
	case slices.Contains(caches, name):
		return Cache
	case len(outputs[name]) > 0:
		if w.tagged(path.Join(dir, name)) {
			return Cache
		}
		for _, pattern := range outputs[name] {
			for _, e := range beside {
				if ok, _ := path.Match(pattern, e.Name()); ok {
					return Output
				}
			}
		}
	case (name == "venv" || name == "env" || name == ".venv" || name == ".env" || strings.HasSuffix(name, "-venv") || strings.HasSuffix(name, "_venv")) && in("pyvenv.cfg"):
		return Environment
	case strings.HasPrefix(name, ".") && w.tagged(path.Join(dir, name)):
		return Cache
	}
	return 0
}

// tagged reports whether a folder carries the mark of the Cache Directory Tagging
// Specification.
func (w *localWalk) tagged(dir string) bool {
	return bytes.HasPrefix(w.head(path.Join(dir, "CACHEDIR.TAG")), []byte("Signature: 8a477f597d28d172789f06886806bc55"))
}

// environment reports whether a file holds settings of one machine by its name.
func environment(name string) bool {
	rest, ok := strings.CutPrefix(name, ".env")
	if !ok || rest != "" && rest[0] != '.' {
		return false
	}
	for _, part := range strings.Split(rest, ".") {
		switch part {
		case "example", "sample", "template", "dist", "defaults", "default", "tmpl", "tpl", "vault", "schema", "ci", "md":
			return false // made to be shared
		}
	}
	return true
}

func keyName(name string) bool {
	switch name {
	case "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519":
		return true
	}
	return strings.HasSuffix(name, ".pem") || strings.HasSuffix(name, ".key")
}

func (w *localWalk) isKey(p string) bool {
	head := w.head(p)
	return bytes.HasPrefix(head, []byte("-----BEGIN ")) && bytes.Contains(head, []byte("PRIVATE KEY-----"))
}

// head is the beginning of a regular file.
func (w *localWalk) head(p string) []byte {
	fi, err := os.Lstat(w.disk(p))
	if err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(w.disk(p))
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 64)
	n, _ := io.ReadFull(f, head)
	return head[:n]
}

// dockerfile reports whether a file is a Dockerfile by its name.
func dockerfile(name string) bool {
	name = strings.ToLower(name)
	if IgnoreFile(name) {
		return false
	}
	for _, kind := range []string{"dockerfile", "containerfile"} {
		if strings.HasPrefix(name, kind) || strings.HasSuffix(name, "."+kind) {
			return true
		}
	}
	return false
}
