package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
)

// mountTargets are the caches that may be mounted, and who fills them. Of apt's
// folders no more than these two: /var/lib/apt itself holds what is installed.
var mountTargets = map[string]struct{ manager, sharing string }{
	"/var/lib/apt/lists":    {"apt", "LOCKED"},
	"/var/cache/apt":        {"apt", "LOCKED"},
	"/var/cache/apk":        {"apk", "LOCKED"},
	"/root/.npm":            {"npm", "SHARED"},
	"/root/.cache/pip":      {"pip", "SHARED"},
	"/root/.cache/go-build": {"go", "SHARED"},
	"/go/pkg/mod":           {"go", "SHARED"},
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
	list := m.library.commands(p)
	for _, mount := range added {
		known, ok := mountTargets[mount.Dest]
		switch {
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
			if c.usesCache(known.manager) {
				fills = true
				if known.manager == "apt" {
					if v, _ := c.verb(); v == "update" {
						updated = true
					} else if mount.Dest == "/var/lib/apt/lists" && !updated {
						return reject("the mount at %s hides the index that %q reads", mount.Dest, brief(p.Source(c.node.Range)))
					}
				}
				if known.manager == "apk" {
					if v, _ := c.verb(); v == "update" || c.has("-U", "--update", "--update-cache") {
						updated = true
					} else if !updated {
						return reject("the mount at %s may hold an old index, and %q does not update it", mount.Dest, brief(p.Source(c.node.Range)))
					}
				}
				if c.has("--no-cache", "--no-cache-dir", "--offline", "--no-index", "--no-network") {
					return reject("%q does not use the mount at %s", brief(p.Source(c.node.Range)), mount.Dest)
				}
			}
			if why := c.empties(d, mount.Dest); why != "" {
				return reject("%s would empty the mount at %s", why, mount.Dest)
			}
		}
		if !fills {
			return reject("nothing in %q fills the mount at %s", brief(s.text), mount.Dest)
		}
		if r := m.unusedBefore(op, mount); r != nil {
			return r
		}
		m.stopped = append(m.stopped, stop{op: op, what: "the mount at " + mount.Dest, manager: known.manager, paths: []string{mount.Dest}, mount: true})
	}
	return nil
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

// empties says that a command deletes from a folder, which is a mount then.
func (c *command) empties(d *deriver, dir string) string {
	v, _ := c.verb()
	args, _ := c.args()
	switch {
	case c.name == "apt-get" || c.name == "apt":
		if strings.HasSuffix(v, "clean") && v != "build-dep" {
			return c.name + " " + v
		}
	case slices.Contains([]string{"npm", "pip", "pip3", "apk"}, c.name) && v == "cache",
		c.name == "go" && v == "clean":
		return c.name + " " + strings.Join(args, " ")
	}
	if programs[c.name].deletes || c.name == "" {
		for _, w := range c.operands() {
			at := d.place(w, true)
			if !at.known {
				// A relative path is below the folder in force, where it is not moved.
				text, ok := literal(w)
				if ok && !strings.HasPrefix(text, "/") && !strings.Contains(text, "..") && !under(dir, path.Clean("/"+d.op.Exec.Cwd)) {
					continue
				}
				return c.name
			}
			if under(at.path, dir) || under(dir, at.path) {
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
		s, ok := readScript(o.Exec)
		if has || !ok {
			return nil
		}
		manager := mountTargets[dest].manager
		for _, c := range m.library.commands(m.library.parse(s, s.text)) {
			if c.usesCache(manager) && !c.has("--no-cache", "--no-cache-dir") {
				return reject("the mount at %s hides what %q left there", dest, brief(s.text))
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
	}
	return nil
}
