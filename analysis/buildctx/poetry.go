package buildctx

import (
	"fmt"
	"path"
	"slices"

	"github.com/shale-build/shale/analysis/pkgmgr"
)

var poetry = Installer{
	Name: "poetry",
	reads: func(c Install) bool {
		return (c.Word == "install" || c.Word == "sync") && c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("-C", "--directory", "-P", "--project")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Poetry(dir, PoetryOptions{
			NoRoot: call.On("--no-root"), NoDirectory: call.On("--no-directory"), Module: call.Program != "poetry",
		})
	},
	guess: files("pyproject.toml", "poetry.lock"),
	told: func(c Install) World {
		if c.On("--no-root") {
			return World{}
		}
		return World{With: []string{"--no-root"}, Refusals: []Refusal{{
			Reason: "poetry install installs the project itself where that is a package, which needs its sources", Cure: "give --no-root, and install the project after the copy",
		}}}
	},
	options: "--no-root --no-directory --no-interaction -n --no-ansi --no-dev --only --with --without --all-extras -E --extras --all-groups --sync " +
		"--no-cache -q --quiet -v -vv -vvv --compile",
	steers: []string{"poetry_", "pythonpath", "pythonhome", "virtual_env", "pip_"},
	idle: []string{"poetry_version", "poetry_home", "poetry_cache_dir", "poetry_no_interaction", "poetry_virtualenvs_create", "poetry_virtualenvs_in_project",
		"poetry_installer_max_workers", "poetry_installer_parallel", "pip_no_cache_dir", "pip_disable_pip_version_check", "pip_default_timeout", "poetry_no_ansi"},
}

// PoetryOptions says how Poetry is called.
type PoetryOptions struct {
	NoRoot      bool // --no-root: the project itself is left out
	NoDirectory bool // --no-directory: dependencies that are folders are left out
	Module      bool // run as "python -m poetry"
}

// Poetry is the world of "poetry install --no-root" in a folder of the context:
// pyproject.toml, poetry.lock and poetry.toml. Its documentation copies the first two
// before the sources as well ("Poetry Docker best practices").
func (c *Context) Poetry(dir string, o PoetryOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	var project pyproject
	p := path.Join(dir, "pyproject.toml")
	if !b.manifest(p, &project) {
		return b.done()
	}
	if o.Module {
		b.refuse(Refusal{Reason: "python -m poetry looks for its modules in the working folder first", Cure: "call poetry itself", Path: p})
	}
	packaged := project.tool("poetry")["package-mode"] != false
	if packaged && !o.NoRoot {
		b.refuse(Refusal{Reason: "poetry install installs the project itself, which needs its sources", Path: p,
			Cure: "give --no-root, and install the project after the copy"})
		b.world.With = []string{"--no-root"}
	}
	if _, ok := project.tool("poetry")["requires-plugins"]; ok {
		b.refuse(Refusal{Reason: p + " asks for plugins of Poetry, which may read any file", Path: p})
	}
	for _, plugin := range []string{"poetry-dynamic-versioning", "poetry-version-plugin", "poetry-monorepo-dependency-plugin", "poetry-multiproject-plugin"} {
		if _, ok := project.Tool[plugin]; ok {
			b.refuse(Refusal{Reason: p + " sets up " + plugin + ", which may read the project's history or files", Path: p})
		}
	}
	b.poetryTOML(path.Join(dir, "poetry.toml"))
	b.poetryLock(path.Join(dir, "poetry.lock"), o)
	b.venv(dir)
	return b.done()
}

// poetryTOML judges the project's settings: "Configuration" in Poetry's documentation.
func (b *builder) poetryTOML(p string) {
	text, s := b.read(p)
	if s != present {
		return
	}
	var all map[string]any
	if !b.toml(p, text, &all) {
		return
	}
	b.keys(p, "poetry.toml", all, "virtualenvs", "installer", "solver", "requests", "keyring", "python")
	if venvs, ok := all["virtualenvs"].(map[string]any); ok {
		b.keys(p, "virtualenvs", venvs, "create", "in-project", "prefer-active-python", "use-poetry-python", "options", "prompt")
	}
}

// poetryLock judges where the packages come from. Without it Poetry resolves and
// writes one.
func (b *builder) poetryLock(p string, o PoetryOptions) {
	var lock struct {
		Package []struct {
			Name   string
			Source struct{ Type, URL string }
		}
		Metadata map[string]any
	}
	text, s := b.read(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p + ", which the install would write", Cure: "run poetry lock and keep poetry.lock", Path: p, Hard: true})
	}
	if s != present || !b.toml(p, text, &lock) {
		return
	}
	for _, k := range lock.Package {
		switch {
		case k.Source.Type == "directory" && o.NoDirectory:
		case k.Source.Type == "directory" || k.Source.Type == "file":
			b.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from the folder or file %s", p, k.Name, k.Source.URL), Path: p})
		case !slices.Contains([]string{"", "legacy", "git", "url"}, k.Source.Type):
			b.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from a source of the kind %q, which Shale does not know", p, k.Name, k.Source.Type), Path: p})
		}
	}
}
