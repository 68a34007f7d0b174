package cleanup

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/syntax"
)

// installsThere says why npm may install into its own folder, where the mount would be: its
// global packages, a project, or what npm exec fetches to run.
func (b *mounter) installsThere() string {
	if b.manager != &pkgmgr.Npm || len(b.dirs) == 0 {
		return ""
	}
	for st := b.runs[len(b.runs)-1].Stage; st != nil; st = st.Parent {
		for _, in := range st.Instructions {
			if in.Name != "run" && in.Name != "copy" && in.Name != "add" {
				continue
			}
			text := in.Span.In(b.Doc.Content)
			if to, ok := b.settings(in); ok {
				kept, known := b.ContextFile(st, to)
				if text += "\n" + kept; !known {
					return fmt.Sprintf("line %d copies settings of npm that could not be read", b.Line(in))
				}
			}
			for _, m := range npmPrefix.FindAllStringSubmatch(text, -1) {
				if b.there(m[1], "") {
					return fmt.Sprintf("line %d may have npm install into the mount", b.Line(in))
				}
			}
		}
	}
	for _, r := range b.runs {
		if name, ok := b.Stages().AnySet(r.In, isNpmPrefix); ok {
			if v := b.Stages().Lookup(r.In, name); !v.Known() || b.there(v.Text, "") {
				return fmt.Sprintf("%s may have npm install into the mount", name)
			}
		}
		for _, c := range r.All() {
			if slices.ContainsFunc(c.Node.Redirs, func(d shell.Redir) bool {
				to := facts.Shape(d.Target)
				return strings.Contains(d.Op, ">") && !strings.Contains(to, "\x00") && b.there(to, r.Dir(c))
			}) {
				return fmt.Sprintf("line %d writes a file into the mount", b.Line(r.In))
			}
			if c.Call != nil && c.Call.Manager == b.manager && b.callThere(r, c) {
				return fmt.Sprintf("line %d may have npm install into the mount", b.Line(r.In))
			}
		}
	}
	return ""
}

// archives says which archive of the project npm or Yarn 1 installs: made anew with the same
// version, it is what the cache kept of the old one that a lock, or its name, finds.
func (b *mounter) archives() string {
	if b.manager != &pkgmgr.Npm && b.manager != &pkgmgr.Yarn {
		return ""
	}
	context, _ := b.Context()
	for _, r := range b.runs {
		for _, c := range r.All() {
			if c.Call == nil || c.Call.Manager != b.manager {
				continue
			}
			if b.manager == &pkgmgr.Yarn && slices.ContainsFunc(c.Call.Names, func(w shell.Word) bool { return buildctx.LocalArchive(facts.Shape(w)) }) {
				return fmt.Sprintf("line %d installs an archive, of which the mount keeps what an earlier one of its version had in it", b.Line(r.In))
			}
			if context == nil || c.Call.Verb != pkgmgr.Install || c.Call.Has("-g", "--global") || slices.Contains(b.manager.UnreadBy, c.Call.Word) {
				continue // it reads no project
			}
			dir, _ := b.ProjectDir(r, c)
			if archive, file := context.NodeArchive(dir); archive != "" {
				return fmt.Sprintf("%s installs %s, of which the mount keeps what an earlier one of its version had in it", file, archive)
			}
		}
	}
	return ""
}

// settings returns where an instruction copies the user's settings of npm to.
func (b *mounter) settings(in *syntax.Instruction) (string, bool) {
	if in.Name == "run" || len(in.Args) == 0 || len(in.Heredocs) > 0 {
		return "", false
	}
	to := b.Stages().Expand(in, in.Args[len(in.Args)-1].Value).Text
	return to, slices.ContainsFunc(b.dirs, func(dir string) bool { return to == path.Join(path.Dir(dir), ".npmrc") })
}

// callThere reports whether a call of npm may install into the mount.
func (b *mounter) callThere(r *facts.Run, c *facts.Command) bool {
	switch c.Call.Word {
	case "exec", "x":
		return true // below _npx
	case "init", "create", "innit":
		if len(c.Call.Names) > 0 {
			return true
		}
	}
	dir := r.Dir(c)
	if path.IsAbs(dir) && b.there(dir, "") || dir == "" && slices.ContainsFunc(r.Commands, b.leadsThere) {
		return true
	}
	if slices.ContainsFunc(c.Call.Options, func(o pkgmgr.Option) bool {
		return (o.Name == "--prefix" || o.Name == "-C") && (!o.Known || b.there(o.Value, dir))
	}) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(c.Environ, r.Settings()), func(a shell.Assign) bool {
		return isNpmPrefix(a.Name) && b.there(facts.Shape(a.Value), dir)
	})
}

// leadsThere reports whether a command may change the folder in force to one that is to be
// mounted.
func (b *mounter) leadsThere(c *facts.Command) bool {
	switch c.Name {
	case "pushd", "popd", "eval", ".", "source":
		return true
	case "cd":
		return len(c.Args) != 1 || strings.HasPrefix(facts.Shape(c.Args[0]), "-") || b.there(facts.Shape(c.Args[0]), "")
	}
	return false
}

// there reports whether a path may lie in a folder that is to be mounted.
func (b *mounter) there(p, from string) bool {
	return slices.ContainsFunc(b.dirs, func(dir string) bool {
		p := p
		for _, home := range []string{"~", "$HOME", "${HOME}"} {
			if rest, ok := strings.CutPrefix(p, home+"/"); ok {
				p = path.Join(path.Dir(dir), rest)
			}
		}
		if !path.IsAbs(p) && path.IsAbs(from) {
			p = path.Join(from, p)
		}
		known, _, unknown := strings.Cut(strings.ReplaceAll(p, "$", "\x00"), "\x00")
		return unknown && (strings.HasPrefix(dir, known) || strings.HasPrefix(known, dir+"/")) || strings.HasPrefix(path.Clean(p)+"/", dir+"/")
	})
}

// isNpmPrefix reports whether a variable says where npm installs what is global.
func isNpmPrefix(name string) bool {
	return strings.EqualFold(name, "npm_config_prefix") || name == "PREFIX"
}

// npmPrefix is a setting of that.
var npmPrefix = lazyregexp.New(`\bprefix[\s=]+["']?([^\s"';&|]+)`)
