package facts

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A cache also holds what only some RUNs may fetch: with a secret, a key or a variable of
// their own, or a file that is deleted afterwards. A later call finds it there, and does
// not get it from the registry.

// beyondRights says which later RUN may need a cache because it could not fetch again
// what a RUN put into it; "" where each can.
func (f *File) beyondRights(r *Run, cache *pkgmgr.Cache) string {
	k := &callers{f, cache, managerOf(cache)}
	if k.manager == &pkgmgr.Apt {
		return "" // its later calls fetch the index anew, or are refused for that
	}
	if own := r.rights(); len(own) > 0 {
		if why := k.lacksMounts(r, own); why != "" {
			return why
		}
	}
	return k.lacks(r)
}

// callers are the RUNs with calls of a manager that may take things from its cache.
type callers struct {
	*File
	cache   *pkgmgr.Cache
	manager *pkgmgr.Manager
}

type callersOf struct {
	*stage.Stage
	*pkgmgr.Cache
}

// in lists those of a stage.
func (k *callers) in(s *stage.Stage) []*Run {
	return Once(k.File, callersOf{s, k.cache}, func() []*Run {
		return slices.DeleteFunc(slices.Clone(k.Runs(s)), func(r *Run) bool {
			return r.MountsCache(k.cache) || !slices.ContainsFunc(r.All(), k.calls)
		})
	})
}

func (k *callers) calls(c *Command) bool {
	if c.Call == nil || c.Call.Verb == pkgmgr.Clean || c.Call.Verb == pkgmgr.Remove {
		return false
	}
	ruby := func(m *pkgmgr.Manager) bool { return m == &pkgmgr.Gem || m == &pkgmgr.Bundler }
	return c.Call.Manager == k.manager || ruby(c.Call.Manager) && ruby(k.manager)
}

// after lists the callers that come next after a RUN: one of its stage, or the first of
// each stage FROM it.
func (k *callers) after(r *Run) []*Run {
	all := k.in(r.Stage)
	if i := slices.IndexFunc(all, func(o *Run) bool { return o.In.Index > r.In.Index }); i >= 0 {
		return all[i : i+1]
	}
	return k.above(r.Stage)
}

// above lists the first callers of each stage FROM one.
func (k *callers) above(s *stage.Stage) (out []*Run) {
	for _, child := range k.mayStandOn(s) {
		out = append(out, k.first(child)...)
	}
	return out
}

type firstOf struct {
	*stage.Stage
	*pkgmgr.Cache
}

func (k *callers) first(s *stage.Stage) []*Run {
	return Once(k.File, firstOf{s, k.cache}, func() []*Run {
		if all := k.in(s); len(all) > 0 {
			return all[:1]
		}
		return k.above(s)
	})
}

// rights are the mounts of a RUN that may let it fetch what others cannot, as written.
func (r *Run) rights() []string {
	var out []string
	for _, flag := range r.In.Flags {
		if flag.Name == "mount" {
			if m := mountOf(flag); m.Type != "cache" && m.Type != "tmpfs" {
				out = append(out, flag.Value)
			}
		}
	}
	slices.Sort(out)
	return out
}

type mountsLacked struct {
	*syntax.Instruction
	*pkgmgr.Cache
	rights string
}

// lacksMounts says which of the callers behind a RUN has not all of the mounts.
func (k *callers) lacksMounts(r *Run, rights []string) string {
	return Once(k.File, mountsLacked{r.In, k.cache, strings.Join(rights, "\n")}, func() string {
		for _, next := range k.after(r) {
			has := next.rights()
			for _, m := range rights {
				if !slices.Contains(has, m) {
					return fmt.Sprintf("line %d, without --mount=%s, may need what that let in", k.Line(next.In), m)
				}
			}
			if why := k.lacksMounts(next, rights); why != "" {
				return why
			}
		}
		return ""
	})
}

type lacked struct {
	*syntax.Instruction
	*pkgmgr.Cache
}

// lacks says which of the callers behind a RUN may fetch less than the one before it.
func (k *callers) lacks(r *Run) string {
	return Once(k.File, lacked{r.In, k.cache}, func() string {
		for _, next := range k.after(r) {
			if what := k.lost(r, next); what != "" {
				return fmt.Sprintf("line %d may need what %s let in", k.Line(next.In), what)
			}
			if why := k.lacks(next); why != "" {
				return why
			}
		}
		return ""
	})
}

// lost names what a RUN, or one on the way from it to another, has or takes away that may
// let it fetch what the other cannot.
func (k *callers) lost(from, to *Run) string {
	own := to.environs(k)
	for _, name := range from.environs(k) {
		if !slices.Contains(own, name) {
			return name
		}
	}
	var way []*syntax.Instruction
	for s := to.Stage; s != nil; s = s.Parent {
		for _, in := range slices.Backward(s.Instructions) {
			if (s != to.Stage || in.Index <= to.In.Index) && (s != from.Stage || in.Index >= from.In.Index) {
				way = append(way, in)
			}
		}
		if s == from.Stage {
			break
		}
	}
	for _, in := range way {
		switch in.Name {
		case "run":
			for _, c := range k.Run(in).All() {
				if w := takenAway(c); w != "" {
					return w
				}
			}
		case "copy", "add":
			for _, a := range in.Args {
				if credentials[path.Base(a.Value)] {
					return "the " + path.Base(a.Value) + " that line " + strconv.Itoa(k.Line(in)) + " replaces"
				}
			}
		case "env", "arg":
			for _, p := range in.Pairs {
				name := p.Key.Value
				before, now := k.Stages().Lookup(from.In, name), k.Stages().Lookup(to.In, name)
				if !sameFor[name] && k.Stages().SetInFile(from.In, name) && (before.Text != now.Text || before.Is != now.Is) {
					return "$" + name
				}
			}
		}
	}
	return ""
}

// sameFor are variables that let nobody fetch more.
var sameFor = map[string]bool{"NODE_ENV": true, "PATH": true, "DEBIAN_FRONTEND": true, "CGO_ENABLED": true, "GOOS": true, "GOARCH": true, "CI": true}

// environs lists the variables that a RUN itself gives its calls, with their values.
func (r *Run) environs(k *callers) (out []string) {
	for _, c := range r.All() {
		switch {
		case c.Name == "export":
			for _, w := range c.Args {
				out = append(out, "export "+Shape(w))
			}
		case k.calls(c):
			for _, a := range c.Environ {
				if !sameFor[a.Name] {
					out = append(out, a.Name)
				}
			}
			for _, w := range c.Prefix {
				if name, _, ok := strings.Cut(Shape(w), "="); ok && !sameFor[name] {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// takenAway names what a command deletes, or writes over, that may be what let others
// fetch: a file of settings, or what is not known.
func takenAway(c *Command) string {
	var words []shell.Word
	says := func(is func(string) bool) bool {
		return slices.ContainsFunc(c.Args, func(w shell.Word) bool { return is(Shape(w)) })
	}
	unsets := false
	switch c.Name {
	case "rm", "mv", "unlink", "shred", "truncate":
		words = append(words, c.Args...)
	case "sed":
		if c.Effect.Has(InPlace) {
			words = append(words, c.Args...)
		}
	case "git":
		unsets = says(func(w string) bool { return strings.HasPrefix(w, "--unset") || strings.HasPrefix(w, "--remove") })
	case "npm", "yarn", "pnpm":
		unsets = says(func(w string) bool { return w == "logout" || w == "delete" })
	}
	if unsets {
		return c.Name + "'s settings"
	}
	for _, redir := range c.Node.Redirs {
		if redir.Op == ">" || redir.Op == ">|" {
			words = append(words, redir.Target)
		}
	}
	for _, w := range words {
		if text := Shape(w); settings(text) {
			if strings.Contains(text, "\x00") {
				return "a file that " + cmp.Or(c.Name, "a redirection") + " may take away"
			}
			return text
		}
	}
	return ""
}

// settings reports whether a path may be, or hold, a file of settings, by its name.
func settings(text string) bool {
	base := path.Base(text)
	home := strings.HasPrefix(text, "~") || strings.HasPrefix(text, "/root") || strings.HasPrefix(text, "/home")
	switch {
	case strings.HasPrefix(text, "-"), plainDots[base]:
		return false
	case base == "*":
		return home || text == "*"
	}
	return settingsFiles[base] || base[0] == '.' || base[0] == '~' || strings.HasPrefix(base, "\x00")
}

// credentials are files and folders that let package managers in, by their names.
var settingsFiles, plainDots, credentials = map[string]bool{}, map[string]bool{}, map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(".npmrc .yarnrc .yarnrc.yml .netrc _netrc .git-credentials .gitconfig .ssh id_rsa id_ed25519 pip.conf .pip .pypirc uv.toml bunfig.toml auth.json .docker .config settings.xml") {
		credentials[name] = true
	}
	for name := range strings.FieldsSeq("pip.conf uv.toml bunfig.toml auth.json settings.xml NuGet.config nuget.config config.toml netrc _netrc id_rsa id_ed25519 root home") {
		settingsFiles[name] = true
	}
	// Folders that hold what is fetched or made, and no settings.
	for name := range strings.FieldsSeq(". .. .cache .npm .venv .yarn .bundle .gem .cargo .pnpm-store .next .git .m2 .gradle .nuget") {
		plainDots[name] = true
	}
}
