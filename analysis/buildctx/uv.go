package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/shale-build/shale/analysis/pkgmgr"
)

var uv = Installer{
	Name: "uv",
	reads: func(c Install) bool {
		if c.Verb != pkgmgr.Install || c.Has("--project", "--directory", "--script") {
			return false
		}
		return c.Word == "sync" && len(c.Names) == 0 || c.Word == "pip install" && len(c.manifests("-r", "--requirement", "--requirements")) > 0
	},
	world: func(c *Context, dir string, call Install) World {
		if call.Word == "pip install" {
			return c.uvPip(dir, call)
		}
		return c.Uv(dir, UvOptions{
			Frozen: call.On("--frozen"), Locked: call.On("--locked"),
			NoProject: uvLeavesProject(call), NoWorkspace: call.Has("--no-install-workspace", "--no-install-local"),
			Module: call.Program != "uv",
		})
	},
	guess: func(c Install) []string {
		if c.Word == "pip install" {
			return c.manifests("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints")
		}
		return []string{"pyproject.toml", "uv.lock"}
	},
	told: func(c Install) World {
		if c.Word == "pip install" {
			return World{Refusals: localPackages(shapes(c.Names), "")}
		}
		if uvLeavesProject(c) {
			return World{}
		}
		return World{With: []string{"--no-install-project"}, Refusals: []Refusal{{
			Reason: "uv sync installs the project itself where that is a package, which needs its sources", Cure: "give --no-install-project, and sync again after the copy",
		}}}
	},
	options: "--frozen --locked --no-install-project --no-install-workspace --no-install-local --no-dev --dev --all-groups --all-extras --extra --group --no-group --only-group --only-dev " +
		"--no-default-groups --no-cache -n --compile-bytecode --link-mode --no-editable --no-progress -q --quiet -v --verbose --no-python-downloads --python -p --inexact " +
		"--no-managed-python --managed-python --system -r --requirement --requirements -c --constraint --constraints --no-deps --require-hashes --index-url -i --extra-index-url " +
		"--default-index --index --index-strategy --prerelease --only-binary --no-binary --break-system-packages --upgrade -U --no-verify-hashes --strict",
	steers: []string{"uv_", "pythonpath", "pythonhome", "virtual_env"},
	idle: []string{"uv_cache_dir", "uv_no_cache", "uv_link_mode", "uv_compile_bytecode", "uv_python_downloads", "uv_system_python", "uv_no_dev", "uv_no_progress",
		"uv_http_timeout", "uv_concurrent_downloads", "uv_tool_bin_dir", "uv_python_preference", "uv_break_system_packages", "uv_index_url", "uv_default_index"},
}

// uvLeavesProject reports whether a call of "uv sync" is told not to install the project.
func uvLeavesProject(c Install) bool {
	return c.Has("--no-install-project", "--no-install-workspace", "--no-install-local", "--only-group", "--only-dev")
}

// UvOptions says how uv is called.
type UvOptions struct {
	Frozen      bool // --frozen
	Locked      bool // --locked
	NoProject   bool // --no-install-project: the project itself is left out
	NoWorkspace bool // --no-install-workspace: all members of the workspace are
	Module      bool // run as "python -m uv"
}

// Uv is the world of "uv sync --frozen --no-install-project" in a folder of the
// context: "Intermediate layers" of "Using uv in Docker" in its documentation.
func (c *Context) Uv(dir string, o UvOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	u := uvReader{builder: b, dir: dir, o: o}
	u.run()
	return b.done()
}

type uvReader struct {
	*builder
	dir string
	o   UvOptions
}

func (u *uvReader) run() {
	var project pyproject
	p := path.Join(u.dir, "pyproject.toml")
	if !u.manifest(p, &project) {
		return
	}
	for _, up := range upward(u.dir)[1:] {
		for _, f := range []string{"pyproject.toml", "uv.toml"} {
			if above := path.Join(up, f); u.c.Exists(above) {
				u.refuse(Refusal{Reason: fmt.Sprintf("%s may be a part of the workspace %s", u.dir, above), Path: above})
			}
		}
	}
	if u.o.Module {
		u.refuse(Refusal{Reason: "python -m uv looks for its modules in the working folder first", Cure: "call uv itself", Path: p})
	}
	switch {
	case u.o.Frozen:
	case u.o.Locked && len(project.Project.Dynamic) == 0:
	case u.o.Locked:
		u.refuse(Refusal{Reason: p + " has dynamic metadata, which uv sync --locked builds from the sources", Cure: "give --frozen", Path: p})
	default:
		u.refuse(Refusal{Reason: "uv sync may rewrite uv.lock, and a later COPY would bring the old one back", Cure: "give --frozen", Path: p})
		u.world.With = append(u.world.With, "--frozen")
	}
	u.uvSettings(p, project.tool("uv"))
	for _, f := range []string{"uv.toml"} {
		at := path.Join(u.dir, f)
		var all map[string]any
		if text, s := u.read(at); s == present && u.toml(at, text, &all) {
			u.uvSettings(at, all)
		}
	}
	for _, up := range upward(u.dir) {
		u.read(path.Join(up, ".python-version"))
		u.read(path.Join(up, ".python-versions"))
	}
	u.lock(path.Join(u.dir, "uv.lock"), u.members(p, project.tool("uv")))
	u.venv(u.dir)
}

// uvHarmless are the settings that name no file and move no output: "Settings" in uv's
// documentation. Where sources lead is in the lock.
var uvHarmless = []string{
	"package", "managed", "sources", "index", "workspace", "dev-dependencies", "default-groups", "dependency-groups", "required-version", "constraint-dependencies",
	"override-dependencies", "build-constraint-dependencies", "conflicts", "environments", "required-environments", "exclude-newer", "exclude-newer-package", "index-strategy",
	"index-url", "extra-index-url", "resolution", "prerelease", "fork-strategy", "link-mode", "compile-bytecode", "no-build", "no-build-package", "no-binary", "no-binary-package",
	"no-build-isolation", "no-build-isolation-package", "keyring-provider", "python-downloads", "python-preference", "native-tls", "concurrent-downloads", "concurrent-builds",
	"concurrent-installs", "cache-keys", "build-backend", "dependency-metadata", "extra-build-dependencies", "preview", "publish-url", "pip", "exclude-dependencies", "allow-insecure-host",
}

// uvPipHarmless are those of the table "pip", which "uv pip" alone reads.
var uvPipHarmless = []string{
	"index-url", "extra-index-url", "index-strategy", "system", "break-system-packages", "compile-bytecode", "link-mode", "resolution", "prerelease", "fork-strategy",
	"keyring-provider", "no-build", "no-binary", "only-binary", "no-build-isolation", "no-build-isolation-package", "no-deps", "strict", "require-hashes", "verify-hashes",
	"generate-hashes", "exclude-newer", "upgrade", "upgrade-package", "reinstall", "reinstall-package", "annotation-style", "no-annotate", "no-header",
	"custom-compile-command", "emit-index-url", "emit-find-links", "emit-build-options", "emit-marker-expression", "emit-index-annotation", "universal", "output-file",
	"no-emit-package", "no-strip-extras", "no-strip-markers", "python-version", "allow-empty-requirements", "no-sources",
}

// uvSettings judges the settings of uv, of which some name indexes, or requirements.
func (b *builder) uvSettings(p string, all map[string]any) {
	b.keys(p, "tool.uv", all, uvHarmless...)
	pip, isTable := all["pip"].(map[string]any)
	if all["pip"] != nil && !isTable {
		b.refuse(Refusal{Reason: p + " has tool.uv.pip that is no table", Path: p, Hard: true})
	}
	b.keys(p, "tool.uv.pip", pip, uvPipHarmless...)
	var addresses []any
	indexes, _ := all["index"].([]any)
	for _, i := range indexes {
		table, _ := i.(map[string]any)
		addresses = append(addresses, table["url"])
	}
	for _, table := range []map[string]any{all, pip} {
		if one := table["index-url"]; one != nil {
			addresses = append(addresses, one)
		}
		more, _ := table["extra-index-url"].([]any)
		addresses = append(addresses, more...)
	}
	for _, a := range addresses {
		b.index(p, a)
	}
	for _, key := range []string{"constraint-dependencies", "override-dependencies", "build-constraint-dependencies"} {
		list, _ := all[key].([]any)
		for _, r := range list {
			s, _ := r.(string)
			if why := localRequirement(s); why != "" {
				b.refuse(Refusal{Reason: fmt.Sprintf("%s has %q in %s, which %s", p, s, key, why), Path: p})
			}
		}
	}
}

// members lists the folders that the patterns of the workspace match, those that are
// left out aside. uv fails on one without a manifest.
func (u *uvReader) members(p string, settings map[string]any) map[string]bool {
	workspace, _ := settings["workspace"].(map[string]any)
	found := map[string]bool{}
	if workspace == nil {
		return found
	}
	match := func(key, dir string) bool {
		patterns, _ := workspace[key].([]any)
		return slices.ContainsFunc(patterns, func(g any) bool {
			pattern, _ := g.(string)
			ok, err := doublestar.Match(path.Join(u.dir, pattern), dir)
			return ok || err != nil
		})
	}
	all, err := u.c.WalkFiles()
	if err != nil {
		u.refuse(Refusal{Reason: fmt.Sprintf("the members of %s are not known: %v", p, err), Path: p, Hard: true})
	}
	for _, f := range all {
		for dir := path.Dir(f); dir != "."; dir = path.Dir(dir) {
			if !found[dir] && match("members", dir) && !match("exclude", dir) {
				found[dir] = true
			}
		}
	}
	return found
}

// lock judges where the packages come from: "source" of each in uv.lock. A virtual
// package is not built.
func (u *uvReader) lock(p string, folders map[string]bool) {
	var lock struct {
		Manifest struct{ Members []string }
		Package  []struct {
			Name   string
			Source map[string]any
		}
	}
	text, s := u.read(p)
	if s == missing {
		u.refuse(Refusal{Reason: "the build context holds no " + p, Cure: "run uv lock and keep uv.lock", Path: p, Hard: true})
	}
	if s != present || !u.toml(p, text, &lock) {
		return
	}
	for _, k := range lock.Package {
		member := slices.Contains(lock.Manifest.Members, k.Name)
		for _, kind := range sorted(k.Source) {
			at := str(k.Source, kind)
			switch {
			case kind == "registry" && !npmURL.MatchString(at):
				u.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from the folder %s", p, k.Name, at), Path: p})
			case kind == "registry", kind == "git", kind == "url", kind == "subdirectory":
			case (kind == "editable" || kind == "virtual" || kind == "directory") && (at == "." || member):
				u.member(p, k.Name, kind, at)
				delete(folders, path.Join(u.dir, at))
			default:
				u.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from the folder or file %s", p, k.Name, at), Path: p})
			}
		}
	}
	for _, dir := range sorted(folders) {
		u.refuse(Refusal{Reason: fmt.Sprintf("%s does not know the folder %s, which is a member of the workspace", p, dir), Cure: "run uv lock", Path: p, Hard: true})
	}
}

// member judges the project itself, or a member of its workspace, whose manifest uv
// reads wherever it is.
func (u *uvReader) member(p, name, kind, at string) {
	dir, ok := within(u.dir, at)
	if !ok {
		u.refuse(Refusal{Reason: fmt.Sprintf("%s has the member %s outside the build context", p, at), Path: p})
		return
	}
	if dir != u.dir {
		manifest := path.Join(dir, "pyproject.toml")
		var m pyproject
		if !u.manifest(manifest, &m) {
			return
		}
		u.uvSettings(manifest, m.tool("uv"))
		if !u.o.Frozen && len(m.Project.Dynamic) > 0 {
			u.refuse(Refusal{Reason: manifest + " has dynamic metadata, which uv sync --locked builds from the sources", Cure: "give --frozen", Path: manifest})
		}
	}
	left := u.o.NoWorkspace || u.o.NoProject && dir == u.dir
	if kind == "virtual" || left {
		return
	}
	flag := "--no-install-project"
	if dir != u.dir {
		flag = "--no-install-workspace"
	}
	if !slices.Contains(u.world.With, flag) {
		u.world.With = append(u.world.With, flag)
		u.refuse(Refusal{Reason: fmt.Sprintf("uv sync installs %s itself, which needs its sources", name), Cure: "give " + flag + ", and sync again after the copy", Path: p})
	}
}

// uvPip is the world of "uv pip install -r": that of pip, whose files it reads alike,
// and the settings of the folder and of those above.
func (c *Context) uvPip(dir string, call Install) World {
	o := PipOptions{Requirements: call.manifests("-r", "--requirement", "--requirements"), Constraints: call.manifests("-c", "--constraint", "--constraints")}
	o.Packages = shapes(call.Names)
	w := c.Pip(dir, o)
	if slices.ContainsFunc(w.Files, func(f string) bool { return strings.HasSuffix(f, ".toml") }) {
		w.Refusals = append(w.Refusals, Refusal{Reason: "uv pip install reads a project's metadata, which may need its sources"})
	}
	b := newBuilder(c)
	for _, up := range upward(path.Clean(dir)) {
		for _, f := range []string{"uv.toml", "pyproject.toml"} {
			p := path.Join(up, f)
			var project pyproject
			text, s := b.read(p)
			if s != present || !b.toml(p, text, &project) {
				continue
			}
			settings := project.tool("uv")
			if f == "uv.toml" {
				_ = b.toml(p, text, &settings)
			}
			b.uvSettings(p, settings)
		}
	}
	if call.Program != "uv" {
		b.refuse(Refusal{Reason: "python -m uv looks for its modules in the working folder first", Cure: "call uv itself"})
	}
	for _, up := range upward(path.Clean(dir)) {
		b.read(path.Join(up, ".python-version"))
		b.read(path.Join(up, ".python-versions"))
	}
	if !call.Has("--system") {
		b.venv(dir)
	}
	more := b.done()
	w.Files = append(w.Files, more.Files...)
	w.Creates = append(w.Creates, more.Creates...)
	w.Refusals = append(w.Refusals, more.Refusals...)
	return w
}
