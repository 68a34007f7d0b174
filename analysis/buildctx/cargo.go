package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

var cargo = Installer{
	Name: "cargo",
	reads: func(c Install) bool {
		return (c.Word == "fetch" || builtByCargo(c)) && !c.Has("--manifest-path", "-C", "--config")
	},
	builds: func(c Install) string {
		if !builtByCargo(c) {
			return ""
		}
		return "let cargo-chef build the dependencies in a step of their own, or mount the registry and target as caches; cargo itself has no install from manifests alone"
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Cargo(dir, call.On("--locked", "--frozen"))
	},
	guess:   files("Cargo.toml", "Cargo.lock"),
	options: "--locked --frozen --target -q --quiet -v --verbose --color",
	steers:  []string{"cargo_", "rustup_", "rustc"},
	idle:    []string{"cargo_home", "rustup_home", "cargo_terminal_color", "cargo_net_git_fetch_with_cli", "cargo_incremental", "cargo_net_retry"},
}

func builtByCargo(c Install) bool { return slices.Contains([]string{"build", "b"}, c.Word) }

// A cargoManifest is what matters of Cargo.toml: "The Manifest Format" in the Cargo book.
type cargoManifest struct {
	Package *struct {
		Name      string
		Build     any
		Workspace string
	}
	Lib                       *struct{ Path string }
	Bin, Example, Test, Bench []cargoTarget

	Workspace *struct {
		Members      []string
		Dependencies map[string]any
	}
	Dependencies      map[string]any
	BuildDependencies map[string]any `toml:"build-dependencies"`
	DevDependencies   map[string]any `toml:"dev-dependencies"`
	Target            map[string]struct {
		Dependencies      map[string]any
		BuildDependencies map[string]any `toml:"build-dependencies"`
		DevDependencies   map[string]any `toml:"dev-dependencies"`
	}
	Patch map[string]map[string]any
}

type cargoTarget struct{ Name, Path string }

// targets reports whether a manifest says where its targets are, and leaves none to
// be looked for.
func (m *cargoManifest) targets() bool {
	for _, t := range slices.Concat(m.Bin, m.Example, m.Test, m.Bench) {
		if t.Path == "" {
			return false
		}
	}
	return m.Lib != nil && m.Lib.Path != "" || m.Lib == nil && len(m.Bin) > 0
}

// Cargo is the world of "cargo fetch" in a folder of the context. Cargo refuses a
// package without a target before it fetches anything (run with 1.95: "no targets
// specified in the manifest"), so that a manifest splits only where it names its
// targets' paths itself.
func (c *Context) Cargo(dir string, locked bool) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	r := cargoReader{builder: b, seen: map[string]bool{}}
	for _, up := range upward(dir)[1:] {
		if p := path.Join(up, "Cargo.toml"); c.Exists(p) {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s may be a member of the workspace %s", dir, p), Path: p})
		}
	}
	r.read(dir)
	for _, f := range []string{".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain"} {
		for _, up := range upward(dir) {
			if p := path.Join(up, f); b.find(p) == present {
				b.file(p)
				if strings.HasPrefix(f, ".cargo") {
					b.refuse(Refusal{Reason: p + " may take crates from a folder", Path: p})
				}
			}
		}
	}
	lock := path.Join(dir, "Cargo.lock")
	if _, s := b.read(lock); s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + lock, Cure: "keep Cargo.lock", Path: lock, Hard: true})
	}
	if !locked {
		b.refuse(Refusal{Reason: "cargo fetch may rewrite Cargo.lock, and a later COPY would bring the old one back", Cure: "give --locked"})
	}
	if r.wanted == 0 {
		b.refuse(Refusal{Reason: "no crate comes from outside", Path: path.Join(dir, "Cargo.toml"), Hard: true, Vain: true})
	}
	return b.done()
}

type cargoReader struct {
	*builder
	seen   map[string]bool
	wanted int // dependencies that come from outside
}

// read takes in the manifest of a folder, and those of the folders that it names.
func (r *cargoReader) read(dir string) {
	p := path.Join(dir, "Cargo.toml")
	if r.seen[p] {
		return
	}
	r.seen[p] = true
	var m cargoManifest
	if !r.manifest(p, &m) {
		return
	}
	if m.Package != nil && !m.targets() {
		r.refuse(Refusal{Reason: fmt.Sprintf("cargo refuses %s without src/main.rs or src/lib.rs beside it, as it names no path of a target", p), Cure: "name it, [[bin]] with name and path, or use cargo-chef", Path: p, Hard: true})
	}
	if m.Workspace != nil {
		for _, pattern := range m.Workspace.Members {
			r.members(p, dir, pattern)
		}
		r.dependencies(p, dir, m.Workspace.Dependencies)
	}
	for _, deps := range []map[string]any{m.Dependencies, m.BuildDependencies, m.DevDependencies} {
		r.dependencies(p, dir, deps)
	}
	for _, t := range sorted(m.Target) {
		for _, deps := range []map[string]any{m.Target[t].Dependencies, m.Target[t].BuildDependencies, m.Target[t].DevDependencies} {
			r.dependencies(p, dir, deps)
		}
	}
	for _, source := range sorted(m.Patch) {
		r.dependencies(p, dir, m.Patch[source])
	}
}

func (r *cargoReader) members(p, dir, pattern string) {
	at, ok := within(dir, pattern)
	if !ok {
		r.refuse(Refusal{Reason: fmt.Sprintf("%s has the member %s outside the build context", p, pattern), Path: p})
		return
	}
	found, err := r.c.Glob(at)
	if err != nil || len(found) == 0 {
		r.refuse(Refusal{Reason: fmt.Sprintf("%s has the member %s, which the build context does not hold", p, pattern), Path: p, Hard: true})
	}
	for _, f := range found {
		if r.c.IsDir(f) && r.c.Exists(path.Join(f, "Cargo.toml")) {
			r.read(f)
		}
	}
}

func (r *cargoReader) dependencies(p, dir string, deps map[string]any) {
	for _, name := range sorted(deps) {
		t, _ := deps[name].(map[string]any)
		local := str(t, "path")
		if local == "" {
			r.wanted++
			continue
		}
		at, ok := within(dir, local)
		if !ok {
			r.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from %s, which leaves the build context", p, name, local), Path: p})
			continue
		}
		r.read(at)
	}
}
