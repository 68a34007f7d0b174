package facts

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// NeedsLocal says why a Dockerfile may need what belongs to one machine and lies in its build
// context; "" if it does not.
func (f *File) NeedsLocal(c *buildctx.Context, l buildctx.Local) string {
	for _, s := range f.Stages().Stages {
		for _, in := range s.Instructions {
			if why := needsAt(f, c, s, in, l); why != "" {
				return fmt.Sprintf("line %d %s", f.Line(in), why)
			}
		}
	}
	return ""
}

func needsAt(f *File, c *buildctx.Context, s *stage.Stage, in *syntax.Instruction, l buildctx.Local) string {
	if in.Name == "onbuild" && in.Sub != nil {
		in = in.Sub
	}
	name := path.Base(l.Path)
	switch in.Name {
	case "copy", "add":
		sources, known := f.Sources(in)
		if !known {
			return "copies a source that is not known"
		}
		if in.Flag("from") != nil {
			return ""
		}
		broad := false
		for _, src := range sources {
			clean := buildctx.Below(src)
			matches := []string{clean}
			if strings.ContainsAny(src, "*?[") {
				matches, _ = c.Glob(src)
				if clean == "*" || strings.HasPrefix(clean, "*/") {
					// Whoever takes all there is names none of it.
					matches = slices.DeleteFunc(matches, func(m string) bool { return Within(m, l.Path) })
					broad = true
				}
			}
			for _, m := range matches {
				if m != "" && m != "." && Within(m, l.Path) {
					return "copies it"
				}
				broad = broad || m == "" || Within(l.Path, m)
			}
		}
		if broad {
			return reliedOn(f, c, s, in, l)
		}
	case "run":
		for _, src := range BoundSources(in) {
			clean := buildctx.Below(src)
			if strings.Contains(src, "$") || clean != "" && Within(clean, l.Path) {
				return "mounts it"
			}
			if clean == "" || Within(l.Path, clean) {
				if why := reliedOn(f, c, s, in, l); why != "" {
					return why
				}
			}
		}
	}
	switch l.Kind {
	case buildctx.Settings, buildctx.Key, buildctx.History, buildctx.Environment:
		if in.Name != "label" && Names(in.Text.String(), name) && !(l.Kind == buildctx.Environment && in.Name != "cmd" && in.Name != "entrypoint") {
			return "names " + name
		}
	}
	return ""
}

// reliedOn says why what a stage copies with all the rest may be needed in it.
func reliedOn(f *File, c *buildctx.Context, s *stage.Stage, in *syntax.Instruction, l buildctx.Local) string {
	name := path.Base(l.Path)
	switch {
	case l.Kind == buildctx.Packages:
		if !installsIn(f, s, "node_modules", nodeInstall, &pkgmgr.Npm, &pkgmgr.Yarn, &pkgmgr.Pnpm, &pkgmgr.Bun) {
			return "copies it, and nothing installs it there"
		}
	case l.Kind == buildctx.Environment:
		if !installsIn(f, s, name, pythonInstall, &pkgmgr.Pip, &pkgmgr.Uv, &pkgmgr.Poetry, &pkgmgr.Pipenv) {
			return "copies it, and nothing installs it there"
		}
	case l.Kind == buildctx.Output, l.Kind == buildctx.Cache && builders[name] != nil:
		for _, r := range f.Runs(s) {
			if r.In.Index >= in.Index && builders[name](f, r, c, l) {
				return ""
			}
		}
		return "copies it, and nothing builds it there"
	case l.Kind == buildctx.History:
		for st := s; st != nil; st = st.Parent {
			for _, r := range f.Runs(st) {
				if readsHistory(r) {
					return "copies it, and git may read it"
				}
			}
		}
		for _, file := range buildFiles {
			if text, err := c.Read(path.Join(path.Dir(l.Path), file)); err == nil && historyReader.Match(text) {
				return fmt.Sprintf("copies it, and %s may read it", file)
			}
		}
	}
	return ""
}

var (
	nodeInstall   = lazyregexp.New(`\b(npm +(ci|i|install)|yarn( +install)?|pnpm +(i|install)|bun +(i|install))\b`)
	pythonInstall = lazyregexp.New(`\b(pip3? +install|uv +(sync|pip)|poetry +install|pipenv +(install|sync))\b`)
	historyReader = lazyregexp.New(`git +(rev-parse|describe|log|show|status|rev-list|tag|ls-files)|git-commit-id|GitVersion|Nerdbank\.GitVersioning|MinVer|vergen|setuptools[_-]scm|setuptools-git|hatch-vcs|versioneer|versioningit|poetry-dynamic-versioning|dunamai|\bpbr\b|git-revision|axion-release|grgit|palantir\.git|gitproperties|jgitver|shadow-rs|git-describe|SourceLink`)
)

// buildFiles are those in which a project says that its build reads the history.
var buildFiles = []string{"pyproject.toml", "setup.py", "setup.cfg", "package.json", "Makefile", "build.gradle", "build.gradle.kts", "pom.xml", "build.rs", "Cargo.toml", "Directory.Build.props",
	"vite.config.js", "vite.config.ts", "next.config.js", "next.config.mjs", "webpack.config.js", "vue.config.js", "nuxt.config.ts", "Rakefile", "CMakeLists.txt", "mix.exs", "build.sbt", "Taskfile.yml", "justfile", "build.sh", "magefile.go"}

// installsIn reports whether a stage, or one that it is FROM, installs packages of one
// of the managers, or copies the folder from another stage.
func installsIn(f *File, s *stage.Stage, folder string, hidden *lazyregexp.Regexp, managers ...*pkgmgr.Manager) bool {
	for st := s; st != nil; st = st.Parent {
		for _, r := range f.Runs(st) {
			if r.Opaque != "" && hidden.MatchString(r.In.Text.String()) {
				return true
			}
			for _, c := range r.Commands {
				if c.Call != nil && c.Call.Verb == pkgmgr.Install && slices.Contains(managers, c.Call.Manager) && !c.Call.Has("-g", "--global") &&
					(len(c.Call.Names) == 0 || folder != "node_modules") {
					return true
				}
			}
		}
		for _, in := range st.Instructions {
			if in.Name == "copy" && in.Flag("from") != nil && Names(in.Text.String(), folder) {
				return true
			}
		}
	}
	return false
}

// builders tell whether a RUN makes a folder of build outputs, by the folder's name.
var builders = map[string]func(*File, *Run, *buildctx.Context, buildctx.Local) bool{
	"dist": buildsNode, "out": buildsNode, ".next": buildsNode, ".nuxt": buildsNode, ".output": buildsNode,
	"build": func(f *File, r *Run, c *buildctx.Context, l buildctx.Local) bool {
		return buildsNode(f, r, c, l) || calls(r, "gradle", "gradlew")
	},
	"target": func(_ *File, r *Run, _ *buildctx.Context, _ buildctx.Local) bool {
		return calls(r, "cargo", "mvn", "mvnw")
	},
	"bin": buildsDotnet, "obj": buildsDotnet,
	"_build": func(_ *File, r *Run, _ *buildctx.Context, _ buildctx.Local) bool { return calls(r, "mix") },
}

func buildsDotnet(_ *File, r *Run, _ *buildctx.Context, _ buildctx.Local) bool {
	return calls(r, "dotnet", "msbuild")
}

// buildsNode reports whether a RUN builds a project of Node, that at the root of the
// context: of the parts of a workspace it may build some.
func buildsNode(_ *File, r *Run, _ *buildctx.Context, l buildctx.Local) bool {
	return !strings.Contains(l.Path, "/") && slices.ContainsFunc(r.Commands, func(c *Command) bool {
		switch c.Name {
		case "npm", "yarn", "pnpm", "bun", "npx", "bunx", "ng", "vite", "next", "nuxt", "turbo", "nx":
			return slices.ContainsFunc(c.Args, func(w shell.Word) bool {
				text := Shape(w)
				return text == "build" || text == "generate" || strings.HasPrefix(text, "build:")
			})
		}
		return false
	})
}

func calls(r *Run, programs ...string) bool {
	return slices.ContainsFunc(r.Commands, func(c *Command) bool { return slices.Contains(programs, c.Name) && len(c.Args) > 0 })
}

// readsHistory reports whether a RUN may ask git about the project.
func readsHistory(r *Run) bool {
	if r.Opaque != "" {
		return Names(r.In.Text.String(), "git")
	}
	return slices.ContainsFunc(r.Commands, func(c *Command) bool {
		if c.Name != "git" {
			return false
		}
		for _, w := range c.Args {
			switch text := Shape(w); {
			case strings.HasPrefix(text, "-"):
			default:
				return text != "clone" && text != "config" && text != "lfs" && text != "init"
			}
		}
		return false
	})
}

// Within reports whether a path of a build context is a folder or lies below it.
func Within(p, dir string) bool {
	return dir == "." || p == dir || strings.HasPrefix(p, dir+"/")
}

// BoundSources lists the paths of the context that a RUN mounts.
func BoundSources(in *syntax.Instruction) []string {
	var out []string
	for _, flag := range in.Flags {
		if flag.Name != "mount" {
			continue
		}
		kind, from, src := "bind", "", "/"
		for part := range strings.SplitSeq(flag.Value, ",") {
			switch k, v, _ := strings.Cut(part, "="); strings.ToLower(strings.TrimSpace(k)) {
			case "type":
				kind = v
			case "from":
				from = v
			case "source", "src":
				src = v
			}
		}
		if kind == "bind" && from == "" {
			out = append(out, src)
		}
	}
	return out
}
