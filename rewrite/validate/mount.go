package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

// mountTargets are the caches that may be mounted, who fills them, and the images that
// are known to have nothing there that counts; none for all of unused's. Of apt's
// folders no more than these two: /var/lib/apt itself holds what is installed. What is
// missing makes other files with what an earlier build left: pip and its kin use wheels
// again that were built against other libraries, apk and dnf an old index, pnpm and bun
// copy where they linked.
var mountTargets = map[string]struct{ manager, sharing, image string }{
	"/var/lib/apt/lists":           {"apt", "LOCKED", ""},
	"/var/cache/apt":               {"apt", "LOCKED", ""},
	"/root/.npm":                   {"npm", "SHARED", ""},
	"/usr/local/share/.cache/yarn": {"yarn", "LOCKED", ""},
	"/root/.cache/go-build":        {"go", "SHARED", ""},
	"/go/pkg/mod":                  {"go", "SHARED", "golang"},
}

// unused are images of Docker Hub's library whose Dockerfiles leave no cache of a package
// manager behind.
var unused = setOf(officialImages)

// officialImages are those of Docker Hub's library whose Dockerfiles have been read.
const officialImages = `alpine debian ubuntu python node golang ruby php buildpack-deps httpd nginx postgres redis rust openjdk gcc composer
	fedora centos amazonlinux rockylinux almalinux oraclelinux`

// leavesUnused reports whether a mount's folder is known to be unused in an image.
func leavesUnused(source *compile.Source, image string) bool {
	name, ok := strings.CutPrefix(source.Identifier, "docker-image://docker.io/library/")
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	// An argument may make another image of it.
	ok = ok && !strings.Contains(source.Identifier, "arg-")
	return ok && (name == image || image == "" && unused[name])
}

// mountsAdded returns the mounts that a RUN has and the old one has not; each must
// be declared. All others must be the old ones.
func (m *matcher) mountsAdded(is, was *compile.Op) ([]compile.Mount, *Rejection) {
	var added []compile.Mount
	old := was.Exec.Mounts
	for _, mount := range is.Exec.Mounts {
		if len(old) > 0 && mount.Equal(old[0]) {
			if mount.Dest != "/" {
				if r := m.edge(mount.Input, old[0].Input, nil); r != nil {
					return nil, r
				}
			}
			old = old[1:]
			continue
		}
		i := slices.IndexFunc(m.mounts, func(d change.MountAdded) bool { return isMount(mount, d) })
		if i < 0 {
			return nil, reject("the mount at %s is not a declared one", mount.Dest)
		}
		added = append(added, mount)
	}
	if len(old) > 0 {
		return nil, reject("the mount at %s is gone or different", old[0].Dest)
	}
	return added, nil
}

// isMount reports whether a mount is the declared one to the letter.
func isMount(m compile.Mount, d change.MountAdded) bool {
	id := d.ID
	if id == "" {
		id = path.Clean(d.Target)
	}
	if m.Type != "CACHE" || m.Dest != d.Target || m.CacheID != "/"+id || m.ReadOnly || m.Output != -1 || m.Rest != "" {
		return false
	}
	if !strings.EqualFold(m.Sharing, d.Sharing) && !(d.Sharing == "" && m.Sharing == "SHARED") {
		return false
	}
	if d.UID == "" && d.GID == "" && d.Mode == "" {
		return m.Input.Op == nil && m.Selector == ""
	}
	return m.Input.Op != nil && m.Selector == "/cache"
}

// mounted are the conditions of added mounts.
func (m *matcher) mounted(op *compile.Op, s *script, added []compile.Mount) *Rejection {
	if s == nil {
		return reject("a mount was added to a command that is not a shell's script")
	}
	d := m.deriver(op, s)
	p := d.parse(s.text)
	if p.Err != nil || p.Ambiguous {
		return reject("a mount was added to %q, which cannot be read with certainty", brief(s.text))
	}
	list, u := d.spelled(p), m.unseenIn(op, p)
	for _, mount := range added {
		known, ok := mountTargets[mount.Dest]
		switch {
		case op.Exec.Network == "NONE":
			return reject("%q has no network to fill the mount at %s", brief(s.text), mount.Dest)
		case !ok:
			return reject("%s is not a cache that may be mounted", mount.Dest)
		case known.sharing == "LOCKED" && mount.Sharing != "LOCKED":
			return reject("the cache at %s must be locked: %s fails when it is used twice at once", mount.Dest, known.manager)
		}
		if strings.HasPrefix(mount.Dest, "/root/") {
			if r := d.rootsHome("the mount at " + mount.Dest); r != nil {
				return r
			}
		}
		for _, other := range op.Exec.Mounts {
			if other.Dest != "/" && other.Dest != mount.Dest && (under(other.Dest, mount.Dest) || under(mount.Dest, other.Dest)) {
				return reject("the mounts at %s and %s overlap", mount.Dest, other.Dest)
			}
		}
		fills, updated := false, false
		for _, c := range list {
			if c.usesMount(known.manager, mount.Dest) {
				fills = true
				if known.manager == "apt" {
					if v, _ := c.verb(); v == "update" {
						updated = true
					} else if mount.Dest == "/var/lib/apt/lists" && !updated {
						return reject("the mount at %s hides the index that %q reads", mount.Dest, brief(p.Source(c.node.Range)))
					}
				}
				if c.has("--no-cache", "--no-cache-dir", "--offline", "--no-index", "--no-network") {
					return reject("%q does not use the mount at %s", brief(p.Source(c.node.Range)), mount.Dest)
				}
			}
			if !c.tellsVersion() && !harmless(c.name) && !programs[c.name].deletes && !separate[c.name] {
				return reject("%q may delete what the mount at %s holds", brief(p.Source(c.node.Range)), mount.Dest)
			}
			if mount.Dest == "/root/.cache/go-build" && c.usesCache("go") && !withoutCgo(op.Exec, c) {
				return reject("the cache at %s notices no change of a C library, and %q may use one", mount.Dest, brief(p.Source(c.node.Range)))
			}
			if mount.Dest == "/root/.cache/go-build" && c.goesByOldTests() {
				return reject("%q takes from the mount at %s what a test said of files that go does not watch", brief(p.Source(c.node.Range)), mount.Dest)
			}
			if why := c.empties(d, mount.Dest); why != "" {
				return reject("%s would empty the mount at %s", why, mount.Dest)
			}
		}
		if !fills {
			return reject("nothing in %q fills the mount at %s", brief(s.text), mount.Dest)
		}
		if o := m.saying(unsummed, true); o != nil && mount.Dest == "/go/pkg/mod" {
			return reject("%q may have go fetch what can change, and the mount at %s keeps it", o, mount.Dest)
		}
		if known.manager == "npm" {
			if why := d.keptThere(list, mount.Dest); why != "" {
				return reject("%q may install what is kept into the mount at %s", why, mount.Dest)
			}
		}
		if i := slices.IndexFunc(list, func(c command) bool { return u.mayReach(&c, []string{mount.Dest}, true) }); i >= 0 {
			return reject("%q may reach the mount at %s, which is there for this RUN alone", brief(p.Source(list[i].node.Range)), mount.Dest)
		}
		if r := m.unusedBefore(op, mount); r != nil {
			return r
		}
		m.stopped = append(m.stopped, stop{op: op, what: "the mount at " + mount.Dest, manager: known.manager, paths: []string{mount.Dest}, mount: true})
	}
	return nil
}

// unsummed is what says that go fetches modules which no proxy keeps as they were, or
// compares them with no public sum.
var unsummed = lazyregexp.New(`\b(?:GOPRIVATE|GONOSUMDB|GONOSUMCHECK|GONOPROXY|GOINSECURE)\b|\bGOSUMDB["']?[\s=]+["']?(?:off|\$|arg-)|\bGOPROXY["']?[\s=]+["']?direct|\bGOFLAGS["']?[\s=].*-insecure\b`)

// goesByOldTests reports whether go may say of a test what it said in an earlier build.
func (c *command) goesByOldTests() bool {
	v, _ := c.verb()
	return c.name == "go" && v == "test" && !c.has("-count", "--count", "-c")
}

// withoutCgo reports whether a command certainly runs with CGO_ENABLED=0, or is one of
// go's that compiles nothing.
func withoutCgo(x *compile.Exec, c command) bool {
	if v, _ := c.verb(); v == "mod" {
		return true
	}
	off, _ := x.Getenv("CGO_ENABLED")
	for _, a := range c.node.Assigns {
		if a.Name == "CGO_ENABLED" {
			off, _ = literal(a.Value)
		}
	}
	return off == "0"
}

// separate are package managers that are known to leave each other's caches alone, as
// far as they do not run what a project says.
var separate = setOf("composer bundle bundler cargo go mix yarn pnpm bun conda mamba")

// tellsVersion reports whether a command does nothing else.
func (c *command) tellsVersion() bool {
	return len(c.words) == 2 && c.has("-v", "-V", "--version", "-version")
}

// usesMount reports whether a command reads or fills what a manager has in a folder.
func (c *command) usesMount(manager, dir string) bool {
	switch v, _ := c.verb(); {
	case dir == "/root/.cache/go-build" && v == "mod",
		dir == "/var/cache/apt" && v == "update":
		return false // it compiles, or fetches, nothing
	}
	return c.usesCache(manager)
}

// usesCache reports whether a command reads or fills a manager's cache.
func (c *command) usesCache(manager string) bool {
	v, _ := c.verb()
	switch manager {
	case "go":
		return c.name == "go" && slices.Contains([]string{"build", "install", "mod", "test", "get", "generate", "run", "vet"}, v)
	case "pip":
		return c.fills("pip")
	}
	return c.fills(manager)
}

// empties says that a command deletes from a folder, which is a mount then, or the
// folder itself, which fails.
func (c *command) empties(d *deriver, dir string) string {
	v, _ := c.verb()
	args, _ := c.args()
	switch manager := mountTargets[dir].manager; {
	case manager == "apt" && (c.name == "apt-get" || c.name == "apt"):
		if strings.HasSuffix(v, "clean") && v != "build-dep" {
			return c.name + " " + v
		}
	case manager == c.name && (v == "cache" || v == "clean" && c.name == "go"):
		return c.name + " " + strings.Join(args, " ")
	}
	if !programs[c.name].deletes && c.name != "" {
		return ""
	}
	n := newNamer(d.op.Exec, d.parse(d.script.text))
	for _, w := range c.operands() {
		at := []string{}
		if text, known := n.text(w); known && strings.HasPrefix(text, "/") && strings.Contains(text, "\x01") && !strings.Contains(text, "..") {
			// A pattern reaches what begins as it does.
			if start, _, _ := strings.Cut(text, "\x01"); strings.HasPrefix(dir, start) || under(start, dir) {
				return c.name
			}
			continue
		}
		if p := d.place(w, true); p.known {
			at = append(at, p.path)
		} else {
			// From any folder that it may run in.
			text, known := n.text(w)
			text, _, _ = strings.Cut(text, "\x01")
			if !known || n.lost || strings.HasPrefix(text, "/") || strings.Contains(text, "..") {
				return c.name
			}
			for _, from := range n.dirs {
				at = append(at, path.Join(from, text))
			}
		}
		for _, p := range at {
			if under(p, dir) || under(dir, p) {
				return c.name
			}
		}
	}
	return ""
}

// unusedBefore holds a mount to a target that nothing earlier in its stage has
// put anything at, as far as that can be seen: the mount would hide it.
func (m *matcher) unusedBefore(op *compile.Op, mount compile.Mount) *Rejection {
	if m.unused == nil {
		m.unused = map[mountAt]*Rejection{}
	}
	var r *Rejection
	var way []*compile.Op // down to what is known, or to what uses it
	for at := primary(op).Op; at != nil && r == nil; at = primary(at).Op {
		known := false
		if r, known = m.unused[mountAt{at, mount.Dest}]; known {
			break
		}
		way = append(way, at)
		r = m.uses(at, mount.Dest)
	}
	for _, at := range way {
		m.unused[mountAt{at, mount.Dest}] = r
	}
	return r
}

// A mountAt is the target of a mount over what an operation left.
type mountAt struct {
	op   *compile.Op
	dest string
}

// uses refuses that an operation has put something where a mount would hide it.
func (m *matcher) uses(o *compile.Op, dest string) *Rejection {
	switch {
	case o.Exec != nil:
		has := slices.ContainsFunc(o.Exec.Mounts, func(e compile.Mount) bool { return e.Dest == dest })
		manager := mountTargets[dest].manager
		s, ok := readScript(o.Exec)
		switch {
		case has, m.ofTheBase(o):
			return nil
		case !ok && manager == "go":
			return reject("the mount at %s hides what %q may have put there", dest, o)
		case !ok:
			return nil
		}
		p := m.library.parse(s, s.text)
		if manager == "go" && (p.Err != nil || p.Ambiguous) {
			return reject("the mount at %s hides what %q may have put there", dest, brief(s.text))
		}
		u := m.unseenIn(o, p)
		for _, c := range m.library.commands(p) {
			if manager == "go" && !harmless(c.name) && !separate[c.name] && !c.tellsVersion() {
				// It may have fetched what a later command builds from.
				return reject("the mount at %s hides what %q may have put there", dest, brief(s.text))
			}
			if c.usesMount(manager, dest) {
				return reject("the mount at %s hides what %q left there", dest, brief(s.text))
			}
			if u.mayReach(&c, []string{dest}, true) {
				return reject("the mount at %s hides what %q may have put there", dest, brief(s.text))
			}
		}
		if strings.Contains(s.text, dest) {
			return reject("the mount at %s hides what %q may have put there", dest, brief(s.text))
		}
	case o.File != nil:
		for _, a := range o.File.Actions {
			to := a.Made
			if a.Copy != nil {
				to = a.Copy.Dest
			}
			if under(path.Clean(to), dest) {
				return reject("the mount at %s hides what was copied to %s", dest, to)
			}
		}
	case o.Source != nil:
		if !leavesUnused(o.Source, mountTargets[dest].image) {
			return reject("what %q has at %s, which the mount hides, is not known", o, dest)
		}
	}
	return nil
}
