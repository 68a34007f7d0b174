package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/reach"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/syntax"
)

// An install is a command that installs from manifests in the working folder.
type install struct {
	*facts.Command
	by   *buildctx.Installer
	call buildctx.Install
	home string // the folder of the image that it runs in, in the words of facts.Run.Workdir
}

// installs returns the installs of a RUN whose folder is known.
func installs(p *analysis.Pass, r *facts.Run) []install {
	var out []install
	for _, c := range r.Commands {
		home := r.Dir(c)
		call := buildctx.Install{Call: c.Call, Program: c.Name, Env: func(name string) string {
			if v := p.Stages().Lookup(r.In, name); v.Known() {
				return v.Text
			}
			return ""
		}}
		if path.IsAbs(home) {
			call.Dir = home
		}
		if by := buildctx.InstallerOf(call); by != nil && home != "" {
			out = append(out, install{c, by, call, home})
		}
	}
	return out
}

// named are the manifests that the install's options name.
func (c install) named() []string {
	var out []string
	for _, o := range c.Call.Options {
		if slices.Contains(c.Call.Manager.ManifestOptions, o.Name) && o.Known {
			out = append(out, path.Base(o.Value))
		}
	}
	return out
}

// withoutModules reports whether a call of Go may read no go.mod: told so, or before 1.11,
// which knows none, or before 1.13, which reads none in a folder of GOPATH unless told to.
func withoutModules(p *analysis.Pass, r *facts.Run, c install) bool {
	const name = "GO111MODULE"
	mode := p.Stages().Lookup(r.In, name)
	asked := mode.Text
	if p.Stages().SetInFile(r.In, name) && !mode.Known() {
		return true
	}
	for _, a := range given(r, c.Command) {
		if a.Name == name {
			asked = facts.Shape(a.Value)
		}
	}
	b := p.Base(r.Stage)
	switch {
	case asked != "" && asked != "auto" && asked != "on":
		return true
	case b == nil || b.Name != "golang" || !strings.Contains(b.Version, "."):
		return false
	}
	_, inPath := facts.Below(c.home, "/go/src")
	return !b.AtLeast(1, 11) || !b.AtLeast(1, 13) && inPath && asked != "on"
}

// given lists what the script of a RUN itself puts into the environment of a command.
func given(r *facts.Run, c *facts.Command) []shell.Assign {
	return slices.Concat(c.Environ, r.Settings())
}

// steered returns an environment variable, set in the Dockerfile, that changes
// what an install reads or where it writes.
func steered(p *analysis.Pass, r *facts.Run, c install) (string, bool) {
	for _, a := range given(r, c.Command) {
		if a.Name == "" {
			return "a variable whose name is not known", true
		}
		if c.by.Steered(a.Name) {
			return a.Name, true
		}
	}
	return p.Stages().AnySet(r.In, c.by.Steered)
}

// unjudged names a variable that the script of a RUN sets for an install, and of which it
// is not known what that makes of it; "" if there is none.
func unjudged(r *facts.Run, c install) string {
	for _, a := range given(r, c.Command) {
		if reach.Heeded(a) {
			return a.Name
		}
	}
	return ""
}

// byPath refuses an install whose program is named by a path: the project may bring what
// lies there, and in other folders but the system's anything may go by that name.
func (s *split) byPath(c *buildctx.Context, i install) []buildctx.Refusal {
	word := i.Word()
	if !i.ByPath() || i.Call.Wrapped {
		return nil
	}
	at := word
	if !path.IsAbs(at) {
		at = path.Join(i.home, at)
	}
	if below, inside := facts.Below(path.Clean(at), s.at); inside && (c == nil || c.Exists(path.Join(s.source, below))) {
		return []buildctx.Refusal{{Reason: word + " may be a program of the project"}}
	}
	return []buildctx.Refusal{{Reason: "its path does not tell what " + word + " does", Cure: "look at it once and use --unsafe"}}
}

// unfit refuses a RUN behind which nothing can be put, a folder that is not the
// project's own, and what may lead the install into it.
func (s *split) unfit(p *analysis.Pass) (out []buildctx.Refusal) {
	const look = "look at it once and use --unsafe"
	if s.endsOpen(p) {
		out = append(out, buildctx.Refusal{Reason: "the RUN goes on in a line that is not there, and would take in what is put behind it", Cure: "take the last line continuation away", Hard: true})
	}
	if systemFolder(s.at) {
		out = append(out, buildctx.Refusal{Reason: s.at + " lies among the system's own folders, where a file may change how the install runs", Cure: look})
	}
	if in := reach.NamedEarlier(p.File, s.copy, s.at); in != nil {
		out = append(out, buildctx.Refusal{Reason: fmt.Sprintf("line %d may lead the install into %s", p.Line(in), s.at), Cure: look})
	}
	for _, m := range s.run.Mounts {
		if m.Type == "bind" && reach.Settings(m.Target) {
			out = append(out, buildctx.Refusal{Reason: fmt.Sprintf("what is mounted at %s may lead the install into %s", m.Target, s.at), Cure: look})
		}
	}
	return out
}

// endsOpen reports whether the last line of the RUN goes on, at the end of the file.
func (s *split) endsOpen(p *analysis.Pass) bool {
	lines := strings.Split(strings.TrimSpace(s.run.In.Lines.In(p.Doc.Content)), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	return strings.HasSuffix(last, string(p.Doc.Escape)) || len(lines) > 1 && len(s.run.In.Heredocs) == 0 && strings.HasPrefix(last, "#")
}

// systemFolder reports whether files in a folder may change how the system's programs run.
// Those that people give to a project are none; of the root homeward tells.
func systemFolder(dir string) bool {
	within := func(d string) bool { _, ok := facts.Below(dir, d); return ok }
	switch {
	case slices.ContainsFunc([]string{"/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/etc", "/usr/local/share"}, within):
		return true
	case slices.ContainsFunc([]string{"/usr/src", "/opt", "/var/www", "/var/task", "/var/app"}, within):
		return false
	case within("/usr/local"):
		return dir == "/usr/local"
	}
	return slices.ContainsFunc([]string{"/usr", "/etc", "/var", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/run"}, within)
}

// namesProject reports whether a variable is one by which Dockerfiles name the project's
// folder to themselves, and that no installer reads.
func namesProject(name string) bool {
	switch name {
	case "APP", "APP_HOME", "APP_DIR", "APPDIR", "APP_PATH", "APP_ROOT", "APPROOT", "APP_FOLDER", "APPLICATION_HOME", "WORKDIR", "WORK_DIR", "WORKSPACE",
		"PROJECT_DIR", "PROJECT_PATH", "PROJECT_ROOT", "PROJECT_HOME", "SRC", "SRC_DIR", "SOURCE_DIR", "CODE_DIR", "INSTALL_PATH", "INSTALL_DIR", "RAILS_ROOT":
		return true
	}
	return false
}

// hiddenPath reports whether the folders of PATH that lie in the project are ones that
// .dockerignore leaves out, so that the copy brings no program to them.
func (s *split) hiddenPath(c *buildctx.Context, value string) bool {
	for _, dir := range strings.Split(value, ":") {
		below, inside := facts.Below(path.Clean(dir), s.at)
		switch {
		case inside:
			first, _, _ := strings.Cut(below, "/")
			if c == nil || first == "" || !c.HidesTree(path.Join(s.source, first)) {
				return false
			}
		case strings.Contains(dir, s.at), dir == "", !strings.ContainsAny(dir[:1], "/$"):
			return false
		}
	}
	return true
}

// scriptless are packages of npm's registry that people install for all, and that run
// no script of their own when they are.
var scriptless = []string{"npm", "pnpm", "yarn", "corepack", "node-gyp", "typescript", "serve", "http-server"}

// fromRegistry reports whether words name packages without scripts, with versions or
// without.
func fromRegistry(names []shell.Word) bool {
	for _, n := range names {
		name, version, _ := strings.Cut(facts.Shape(n), "@")
		if !slices.Contains(scriptless, name) || strings.ContainsAny(version, "\x00:/\\") {
			return false
		}
	}
	return len(names) > 0
}

// caches are folders of package managers, none of them of a project.
var caches = []string{"/var/lib/apt/lists", "/var/cache/apk", "~/.npm", "~/.cache", "/root/.npm", "/root/.cache", "/usr/local/share/.cache"}

// readsNothing reports whether a command beside the install reads nothing of the
// context.
func readsNothing(c *facts.Command) bool {
	if len(c.Prefix) > 0 || c.ByPath() || slices.ContainsFunc(c.Environ, reach.Heeded) || !quietRedirs(c) {
		return false
	}
	if c.Call != nil && !c.Call.Unclear {
		switch c.Call.Manager.Name {
		case "apt", "apk":
			words, literal := reach.Literals(c)
			return literal && reach.ByName(c.Call.Manager.Name, words)
		case "yarn":
			return c.Call.Verb == pkgmgr.Clean
		case "npm":
			return c.Call.Verb == pkgmgr.Clean || c.Call.Verb == pkgmgr.Install && c.Call.Has("-g", "--global") && fromRegistry(c.Call.Names)
		case "poetry":
			return strings.HasPrefix(c.Call.Word, "config") && !c.Call.Has("--local")
		case "pip":
			if c.Call.Verb == pkgmgr.Clean {
				return true
			}
			for _, n := range c.Call.Names {
				name, _, _ := strings.Cut(facts.Shape(n), "==")
				if !slices.Contains([]string{"pip", "wheel", "setuptools", "poetry", "pipenv", "uv", "virtualenv", "pip-tools"}, name) {
					return false
				}
			}
			return c.Call.Verb == pkgmgr.Install && len(c.Call.Names) > 0 && !c.Call.Has("-r", "--requirement", "-c", "--constraint", "-e", "--editable")
		}
		return false
	}
	if c.Name == "set" {
		return true
	}
	if c.Name == "corepack" {
		// Without a version it looks for one in package.json.
		var words []string
		for _, a := range c.Args {
			if s := facts.Shape(a); s != "--activate" {
				words = append(words, s)
			}
		}
		return len(words) > 0 && words[0] == "enable" || len(words) == 2 && words[0] == "prepare" && strings.Contains(words[1], "@")
	}
	if c.Name == "rm" {
		for _, a := range c.Args {
			s := facts.Shape(a)
			if !strings.HasPrefix(s, "-") && !slices.ContainsFunc(caches, func(dir string) bool { return strings.HasPrefix(s, dir) }) || strings.Contains(s, "..") {
				return false
			}
		}
		return true
	}
	return false
}

// wideCopy reads a copy out of the context that is no plain one and brings folders all the
// same, and says why nothing splits it; "" for any other copy. source is the folder of the
// context that its files lie in.
func wideCopy(p *analysis.Pass, in *syntax.Instruction) (source, why string) {
	if in.Name != "copy" && in.Name != "add" || !in.Faithful || in.JSON || len(in.Heredocs) > 0 || len(in.Args) < 2 {
		return "", ""
	}
	for _, f := range in.Flags {
		switch f.Name {
		case "chown", "chmod":
		case "link", "parents", "exclude":
			why = "a copy by --" + f.Name + " is not split"
		default:
			return "", ""
		}
	}
	sources, known := p.Sources(in)
	if !known || len(sources) != len(in.Args)-1 {
		return "", ""
	}
	c, _ := p.Context()
	if len(sources) == 1 && !strings.ContainsAny(sources[0], "*?[") {
		source = path.Clean("./" + sources[0])
		if source != "." && (c == nil || !c.IsDir(source)) {
			return "", ""
		}
		return source, why
	}
	folders := false
	for i, src := range sources {
		src = path.Clean("./" + src)
		if i > 0 && path.Dir(src) != source {
			return "", ""
		}
		source = path.Dir(src)
		if c == nil {
			folders = folders || path.Base(src) == "*"
			continue
		}
		found, _ := c.Glob(src)
		folders = folders || slices.ContainsFunc(found, c.IsDir)
	}
	if !folders {
		return "", ""
	}
	if why == "" {
		why = "a copy of several sources, which puts what is in each folder beside the files, is not split"
	}
	return source, why
}

// otherClones refuses files that only this machine has: what a copy names must be there in
// each clone of the project, where a copy of the folder takes what there is. One that a
// .gitignore names and that is not there may be on other machines.
func (s *split) otherClones(c *buildctx.Context, files []string, main []install) (out []buildctx.Refusal) {
	if c == nil {
		return nil
	}
	kept := c.Tracked()
	for _, f := range files {
		if kept.Lacks(f) {
			out = append(out, buildctx.Refusal{Path: f, Reason: f + " is not kept by git, and another clone of the project lacks it", Cure: "add it to git"})
		}
	}
	for _, i := range main {
		for _, name := range ownSettings[i.by.Name] {
			if f := path.Join(s.dir(i), name); c.IgnoredByGit(f) {
				out = append(out, buildctx.Refusal{Path: f, Reason: f + " is in .gitignore, so that other machines may have one, which the install reads", Cure: "add it to git, or take it out of .gitignore"})
			}
		}
	}
	return out
}

// ownSettings are the files of a project by which machines set up an installer, often with a
// token, by its name.
var ownSettings = map[string][]string{
	"npm": {".npmrc"}, "pnpm": {".npmrc"}, "yarn": {".npmrc", ".yarnrc", ".yarnrc.yml"}, "bun": {".npmrc", "bunfig.toml"}, "bundle": {".bundle/config"},
	"composer": {"auth.json"}, "dotnet": {"nuget.config", "NuGet.Config"}, "cargo": {".cargo/config.toml"}, "uv": {"uv.toml"}, "gradle": {"gradle.properties"},
}
