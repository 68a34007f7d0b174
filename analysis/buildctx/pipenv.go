package buildctx

import (
	"encoding/json"
	"fmt"
	"path"

	"github.com/shale-build/shale/analysis/pkgmgr"
)

var pipenv = Installer{
	Name: "pipenv",
	reads: func(c Install) bool {
		return (c.Word == "install" || c.Word == "sync") && c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("-e", "--editable", "-r", "--requirements")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Pipenv(dir, PipenvOptions{Locked: call.Word == "sync" || call.On("--deploy"), Module: call.Program != "pipenv"})
	},
	guess:   files("Pipfile", "Pipfile.lock"),
	options: "--system --deploy --dev -d --python --ignore-pipfile --clear --pre -v --verbose -q --quiet --keep-outdated",
	steers:  []string{"pipenv_", "pip_", "pythonpath", "pythonhome", "virtual_env", "workon_home"},
	idle:    []string{"pipenv_venv_in_project", "pipenv_cache_dir", "pip_no_cache_dir", "pip_cache_dir", "pip_disable_pip_version_check", "pipenv_nospin", "pipenv_verbosity"},
}

// PipenvOptions says how Pipenv is called.
type PipenvOptions struct {
	Locked bool // pipenv sync, or install --deploy, which fails instead of writing the lock
	Module bool // run as "python -m pipenv"
}

// Pipenv is the world of "pipenv install --deploy" in a folder of the context:
// Pipfile and Pipfile.lock, which its documentation copies first as well ("Docker
// containers").
func (c *Context) Pipenv(dir string, o PipenvOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	if !o.Locked {
		b.refuse(Refusal{Reason: "pipenv install may rewrite Pipfile.lock, and a later COPY would bring the old one back", Cure: "give --deploy, or use pipenv sync"})
	}
	if o.Module {
		b.refuse(Refusal{Reason: "python -m pipenv looks for its modules in the working folder first", Cure: "call pipenv itself"})
	}
	// It loads the variables of .env whatever the command (since pypa/pipenv#5338).
	b.dotenv(dir, ".env")
	var pipfile struct {
		Source  []pipSource
		Pipenv  map[string]any
		Scripts map[string]any
	}
	p := path.Join(dir, "Pipfile")
	if !b.manifest(p, &pipfile) {
		return b.done()
	}
	b.keys(p, "pipenv", pipfile.Pipenv, "allow_prereleases", "sort_pipfile", "disable_pip_input", "keep_outdated")
	b.pipSources(p, pipfile.Source)
	b.pipfileLock(path.Join(dir, "Pipfile.lock"))
	b.venv(dir)
	return b.done()
}

// A pipSource is an index of packages, as Pipfile and its lock have it.
type pipSource struct {
	URL string `toml:"url" json:"url"`
}

// pipSources refuses the indexes that may be folders of the project.
func (b *builder) pipSources(p string, sources []pipSource) {
	for _, s := range sources {
		b.index(p, s.URL)
	}
}

// pipfileLock judges where the packages come from.
func (b *builder) pipfileLock(p string) {
	lock, s := b.read(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p, Cure: "run pipenv lock and keep Pipfile.lock", Path: p, Hard: true})
	}
	if s != present {
		return
	}
	var groups map[string]json.RawMessage
	if err := json.Unmarshal([]byte(lock), &groups); err != nil {
		b.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %v", p, err), Path: p, Hard: true})
		return
	}
	for _, group := range sorted(groups) {
		if group == "_meta" {
			var meta struct{ Sources []pipSource }
			if err := json.Unmarshal(groups[group], &meta); err != nil {
				b.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %v", p, err), Path: p, Hard: true})
			}
			b.pipSources(p, meta.Sources)
			continue
		}
		var packages map[string]map[string]json.RawMessage
		if err := json.Unmarshal(groups[group], &packages); err != nil {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %v", p, err), Path: p, Hard: true})
			return
		}
		for _, name := range sorted(packages) {
			k := packages[name]
			file := text(k["file"])
			local := has(k["editable"]) && !has(k["git"]) || has(k["path"]) || file != "" && !npmURL.MatchString(file)
			for _, system := range []string{"git", "hg", "svn", "bzr"} {
				local = local || has(k[system]) && !remoteURL(text(k[system])) && !remote.MatchString(text(k[system]))
			}
			if local {
				b.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from a folder or file of the project", p, name), Path: p})
			}
		}
	}
}
