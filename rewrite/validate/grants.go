package validate

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// What a RUN fetches with a secret, a key, a variable of its own or a file that is
// deleted afterwards, a later call finds in the cache, and cannot fetch again: once the
// cache is gone it fails.

// grants are what those that come after a stop must have to fetch all that it fetched.
type grants struct {
	mounts []compile.Mount
	last   *compile.Op // the stop, or the last call since
	taken  string      // what has been taken away since the stop
}

// rightsOf are the mounts of an exec that may let it fetch what others cannot.
func rightsOf(x *compile.Exec) []compile.Mount {
	return slices.DeleteFunc(slices.Clone(x.Mounts), func(m compile.Mount) bool {
		return m.Dest == "/" || m.Type == "CACHE" || m.Type == "TMPFS"
	})
}

// grant notes what a stop could fetch, beside those before it.
func (a *after) grant(o *compile.Op, before *grants) *grants {
	r := &grants{mounts: rightsOf(o.Exec), last: o, taken: takenAway(a.commandsOf(o))}
	if before != nil {
		r.mounts = append(r.mounts, before.mounts...)
		r.taken = cmp.Or(before.taken, r.taken)
	}
	return r
}

func (m *matcher) commandsOf(o *compile.Op) []command {
	text, ok := readScript(o.Exec)
	if !ok {
		return nil
	}
	return m.library.commands(m.library.parse(text, text.text))
}

// beyond names what a RUN behind a stop lacks to fetch what it may take from the cache,
// and what those behind it must have.
func (a *after) beyond(o *compile.Op, before *grants) (lacks string, r *grants) {
	list := a.commandsOf(o)
	r = &grants{mounts: before.mounts, last: before.last, taken: cmp.Or(before.taken, takenAway(list))}
	own := !a.at[o] && slices.ContainsFunc(o.Exec.Mounts, func(e compile.Mount) bool { return slices.Contains(a.paths, e.Dest) })
	if own || !slices.ContainsFunc(list, func(c command) bool { return c.usesCache(a.manager) }) {
		return "", r
	}
	for _, need := range r.mounts {
		if !slices.ContainsFunc(o.Exec.Mounts, need.Equal) {
			return "the mount at " + need.Dest, r
		}
	}
	lacks = cmp.Or(r.taken, a.givenBefore(r.last, o, a.manager))
	r.last = o
	return lacks, r
}

// replacedBy notes that a copy may put another file in the place of one of settings.
func (g *grants) replacedBy(o *compile.Op) *grants {
	if g == nil || o == nil || o.File == nil || g.taken != "" {
		return g
	}
	for _, a := range o.File.Actions {
		if a.Copy == nil {
			continue
		}
		for _, name := range []string{path.Base(a.Copy.Src), path.Base(a.Copy.Dest)} {
			if credentials[name] {
				return &grants{mounts: g.mounts, last: g.last, taken: name}
			}
		}
	}
	return g
}

// givenBefore names a variable that calls of a manager had before and have no more.
func (m *matcher) givenBefore(was, is *compile.Op, manager string) string {
	for _, pair := range was.Exec.Env {
		name, value, _ := strings.Cut(pair, "=")
		if now, ok := is.Exec.Getenv(name); !unhelpful[name] && (!ok || now != value) {
			return "$" + name
		}
	}
	own := func(o *compile.Op) (out []string) {
		for _, c := range m.commandsOf(o) {
			if c.usesCache(manager) {
				for _, a := range c.node.Assigns {
					out = append(out, a.Name)
				}
			}
		}
		return out
	}
	has := own(is)
	for _, name := range own(was) {
		if !unhelpful[name] && !slices.Contains(has, name) {
			return "$" + name
		}
	}
	return ""
}

// unhelpful are variables that let nobody fetch more.
var unhelpful = setOf("NODE_ENV PATH DEBIAN_FRONTEND CGO_ENABLED GOOS GOARCH CI")

// takenAway names a file of settings, by its name, that one of the commands deletes.
func takenAway(list []command) string {
	for _, c := range list {
		if !takers[c.name] {
			continue
		}
		for _, w := range c.operands() {
			var b strings.Builder
			for _, part := range w.Parts {
				if part.Kind == shell.Literal {
					b.WriteString(part.Text)
				}
			}
			if name := path.Base(b.String()); credentials[name] {
				return name
			}
		}
	}
	return ""
}

var (
	takers      = setOf("rm mv unlink shred")
	credentials = setOf(".npmrc .yarnrc .yarnrc.yml .netrc _netrc .git-credentials .gitconfig .ssh id_rsa id_ed25519 pip.conf .pip .pypirc uv.toml bunfig.toml auth.json .docker .config settings.xml")
)
