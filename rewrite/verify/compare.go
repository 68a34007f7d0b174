package verify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// always names the attributes that are compared whatever differs between builds
// of before: after must have a value that one of them had.
var always = map[string]bool{"type": true, "mode": true, "owner": true}

const maxPaths = 1000 // of a list of paths in a report

// A comparison holds several builds of before against one of after.
type comparison struct {
	befores []*tree
	after   *tree
	stops   []string            // absolute
	links   map[*inode][]string // the paths of every file with several, in all trees

	differences []Difference
	noise       map[string]map[string]bool
	stopped     map[string]*Stopped
	counted     map[*inode]bool // files whose bytes stand in stopped
}

// compareTrees compares the files of after with those of one or more builds of
// before. Below stops, after may hold less and other things.
func compareTrees(befores []*tree, after *tree, stops []string) *comparison {
	c := &comparison{
		befores: befores, after: after, stops: stops,
		links: map[*inode][]string{}, noise: map[string]map[string]bool{}, stopped: map[string]*Stopped{}, counted: map[*inode]bool{},
	}
	for _, t := range slices.Concat(befores, []*tree{after}) {
		t.linkSets(c.links)
	}
	roots := make([]*node, 0, len(befores))
	for _, t := range befores {
		roots = append(roots, t.root)
	}
	c.nodes("", roots, after.root)
	return c
}

// nodes compares one path that is there in all builds.
func (c *comparison) nodes(p string, befores []*node, after *node) {
	c.attributes(cmp.Or(p, "/"), befores, after)
	folders := after.dir()
	for _, b := range befores {
		folders = folders && b.dir()
	}
	if folders {
		c.folder(p, befores, after)
	}
}

// attributes compares what one path is, but for its children.
func (c *comparison) attributes(p string, befores []*node, after *node) {
	var old []map[string]string
	names := map[string]bool{}
	for _, b := range befores {
		a := attributes(b.ino, c.links)
		old = append(old, a)
		for name := range a {
			names[name] = true
		}
	}
	now := attributes(after.ino, c.links)
	for name := range now {
		names[name] = true
	}
	var differ []Attribute
	for _, name := range slices.Sorted(maps.Keys(names)) {
		noisy, seen := false, false
		for _, o := range old {
			noisy = noisy || o[name] != old[0][name]
			seen = seen || o[name] == now[name]
		}
		if noisy {
			c.noisy(p, name)
		}
		if !seen && (!noisy || always[name]) {
			differ = append(differ, Attribute{name, old[0][name], now[name]})
		}
	}
	if len(differ) == 0 {
		return
	}
	if stop := c.below(p); stop != "" {
		c.changed(stop, p)
		return
	}
	c.differences = append(c.differences, Difference{Path: p, Kind: "changed", Type: typeNames[after.ino.typ], Attributes: differ})
}

// attributes tells what is compared of an inode.
func attributes(ino *inode, links map[*inode][]string) map[string]string {
	a := map[string]string{
		"type":  typeNames[ino.typ],
		"owner": fmt.Sprintf("%d:%d", ino.uid, ino.gid),
	}
	switch ino.typ {
	case typeSymlink:
		a["target"] = ino.target
	case typeChar, typeBlock:
		a["device"] = fmt.Sprintf("%d:%d", ino.major, ino.minor)
	case typeFile:
		a["content"] = fmt.Sprintf("%d bytes, sha256:%x", ino.size, ino.sum)
	}
	if ino.typ != typeSymlink {
		a["mode"] = fmt.Sprintf("%04o", ino.mode)
	}
	for name, value := range ino.xattrs {
		a["xattr "+name] = fmt.Sprintf("%q", value)
	}
	if set := links[ino]; len(set) > 0 {
		a["links"] = strings.Join(set, " ")
	}
	return a
}

// folder compares the names in a folder that all builds have.
func (c *comparison) folder(p string, befores []*node, after *node) {
	count := map[string]int{}
	for _, b := range befores {
		for name := range b.children {
			count[name]++
		}
	}
	var unsteady []string // names that some builds of before have
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if count[name] < len(befores) {
			unsteady = append(unsteady, name)
			c.noisy(p+"/"+name, "name")
			continue
		}
		var old []*node
		for _, b := range befores {
			old = append(old, b.children[name])
		}
		if now := after.children[name]; now != nil {
			c.nodes(p+"/"+name, old, now)
		} else {
			c.missing(p+"/"+name, old[0])
		}
	}
	var fresh []string // names of after that not every build of before has
	for _, name := range after.names() {
		if count[name] < len(befores) {
			fresh = append(fresh, name)
		}
	}
	same, everywhere := renamed(befores, after, unsteady, fresh)
	for _, name := range fresh {
		switch {
		case same:
			c.noisy(p+"/"+name, "name")
		case count[name] == 0:
			c.fresh(p+"/"+name, after.children[name])
		}
	}
	if same || !everywhere {
		return
	}
	// Every build of before has some such names, and after has not its share.
	for _, name := range unsteady {
		if n := befores[0].children[name]; n != nil && after.children[name] == nil {
			c.missing(p+"/"+name, n)
		}
	}
}

// renamed reports whether the names that come and go are of one kind: a program
// that makes up names makes as many, of the same type, mode and owner, in after
// as in a build of before. everywhere says that each build of before has some.
func renamed(befores []*node, after *node, unsteady, fresh []string) (same, everywhere bool) {
	if len(unsteady) == 0 {
		return len(fresh) == 0, false
	}
	shapes := func(dir *node, names []string) string {
		var all []string
		for _, name := range names {
			if n := dir.children[name]; n != nil {
				all = append(all, shape(n))
			}
		}
		slices.Sort(all)
		return strings.Join(all, ";")
	}
	now := shapes(after, fresh)
	known := true // after has no name that no build of before has
	for _, name := range fresh {
		known = known && slices.Contains(unsteady, name)
	}
	everywhere = true
	for _, b := range befores {
		old := shapes(b, unsteady)
		same = same || old == now
		everywhere = everywhere && old != ""
	}
	return same && (known || everywhere), everywhere
}

// shape is what is always compared of a node and all below it, without names.
func shape(n *node) string {
	var below []string
	for _, child := range n.children {
		below = append(below, shape(child))
	}
	slices.Sort(below)
	return fmt.Sprintf("%c%o %d:%d(%s)", n.ino.typ, n.ino.mode, n.ino.uid, n.ino.gid, strings.Join(below, ";"))
}

// missing tells of a path that after does not have.
func (c *comparison) missing(p string, n *node) {
	if stop := c.at(p); stop != "" {
		c.gone(stop, p, n)
		return
	}
	if inside := c.holds(p, n); inside != "" {
		c.gone(inside, p, n)
		return
	}
	below := -1
	walk(p, n, func(string, *node) { below++ })
	c.differences = append(c.differences, Difference{Path: p, Kind: "missing", Type: typeNames[n.ino.typ], Below: below})
}

// fresh tells of a path that no build of before has.
func (c *comparison) fresh(p string, n *node) {
	if stop := c.below(p); stop != "" {
		walk(p, n, func(p string, _ *node) { c.changed(stop, p) })
		return
	}
	// The folder that a cache mount leaves, and those above it.
	if stop := c.holds(p, n); stop != "" {
		empty := true
		walk(p, n, func(p string, n *node) {
			empty = empty && n.dir() && (p == stop && len(n.children) == 0 || strings.HasPrefix(stop, p+"/") && len(n.children) == 1)
		})
		if empty {
			walk(p, n, func(p string, _ *node) { c.changed(stop, p) })
			return
		}
	}
	below := -1
	walk(p, n, func(string, *node) { below++ })
	c.differences = append(c.differences, Difference{Path: p, Kind: "new", Type: typeNames[n.ino.typ], Below: below})
}

// certain reports whether no build by chance makes such a difference.
func (d Difference) certain() bool {
	return slices.ContainsFunc(d.Attributes, func(a Attribute) bool { return always[a.Name] })
}

// confirm keeps what another build of after shows too. What it does not show,
// chance made: that is noise. A name may be made up anew each time, so that a new
// one is confirmed by any in its folder.
func (c *comparison) confirm(again *comparison) {
	kept := c.differences[:0:0]
	for _, d := range c.differences {
		switch d.Kind {
		case "changed":
			d.Attributes = slices.DeleteFunc(slices.Clone(d.Attributes), func(a Attribute) bool {
				chance := !always[a.Name] && !slices.ContainsFunc(again.differences, func(o Difference) bool {
					if o.Kind != "changed" {
						return o.within(d.Path)
					}
					return o.Path == d.Path && slices.ContainsFunc(o.Attributes, func(b Attribute) bool { return b.Name == a.Name })
				})
				if chance {
					c.noisy(d.Path, a.Name)
				}
				return chance
			})
			if len(d.Attributes) == 0 {
				continue
			}
		default:
			if !slices.ContainsFunc(again.differences, func(o Difference) bool {
				return o.within(d.Path) || o.Kind == d.Kind && d.Kind == "new" && path.Dir(o.Path) == path.Dir(d.Path)
			}) {
				c.noisy(d.Path, "name")
				continue
			}
		}
		kept = append(kept, d)
	}
	c.differences = kept
}

// within reports whether the difference is at a path, above it or below it.
func (d Difference) within(p string) bool {
	return d.Path == p || strings.HasPrefix(p, d.Path+"/") || strings.HasPrefix(d.Path, p+"/")
}

// at returns the declared path that p is or lies below, "" if none.
func (c *comparison) at(p string) string {
	for _, s := range c.stops {
		if p == s || strings.HasPrefix(p, s+"/") {
			return s
		}
	}
	return ""
}

// below returns the declared path that p lies below, "" if none.
func (c *comparison) below(p string) string {
	for _, s := range c.stops {
		if strings.HasPrefix(p, s+"/") {
			return s
		}
	}
	return ""
}

// holds returns a declared path if a folder holds nothing but such paths and the
// folders above them: they come and go together.
func (c *comparison) holds(p string, n *node) string {
	if c.at(p) != "" {
		return c.at(p)
	}
	if !n.dir() || len(n.children) == 0 {
		return ""
	}
	found := ""
	for _, name := range n.names() {
		stop := c.holds(p+"/"+name, n.children[name])
		if stop == "" {
			return ""
		}
		found = cmp.Or(found, stop)
	}
	return found
}

func (c *comparison) noisy(p, attribute string) {
	if c.noise[p] == nil {
		c.noise[p] = map[string]bool{}
	}
	c.noise[p][attribute] = true
}

func (c *comparison) stop(path string) *Stopped {
	if c.stopped[path] == nil {
		c.stopped[path] = &Stopped{Path: path, Paths: []string{}}
	}
	return c.stopped[path]
}

func (c *comparison) gone(stop, p string, n *node) {
	s := c.stop(stop)
	walk(p, n, func(p string, n *node) {
		if n.ino.typ == typeFile && !c.counted[n.ino] {
			c.counted[n.ino] = true
			s.Files++
			s.Bytes += n.ino.size
		}
		if len(s.Paths) < maxPaths {
			s.Paths = append(s.Paths, p)
		}
	})
}

func (c *comparison) changed(stop, p string) {
	if s := c.stop(stop); len(s.Changed) < maxPaths {
		s.Changed = append(s.Changed, p)
	}
}

// report writes down what was found.
func (c *comparison) report(r *Report) {
	r.Differences = append([]Difference{}, c.differences...)
	slices.SortStableFunc(r.Differences, func(a, b Difference) int { return cmp.Compare(a.Path, b.Path) })
	r.Stopped = []Stopped{}
	for _, s := range slices.Sorted(maps.Keys(c.stopped)) {
		r.Stopped = append(r.Stopped, *c.stopped[s])
	}
	r.Noise = []Noise{}
	for _, p := range slices.Sorted(maps.Keys(c.noise)) {
		r.Noise = append(r.Noise, Noise{p, slices.Sorted(maps.Keys(c.noise[p]))})
	}
}

// compareConfigs compares the image configs, but for history, times and layers.
// A field differs if no build of before has its value.
func compareConfigs(befores []imageConfig, after imageConfig) []ConfigDifference {
	names := map[string]bool{}
	for _, c := range append(befores[:len(befores):len(befores)], after) {
		for name := range c {
			names[name] = true
		}
	}
	out := []ConfigDifference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.ContainsFunc(befores, func(b imageConfig) bool { return b[name] == after[name] }) {
			out = append(out, ConfigDifference{name, befores[0][name], after[name]})
		}
	}
	return out
}

// An imageConfig is what is compared of an image's config: each field of its
// config object, the platform and the author, as JSON.
type imageConfig map[string]string

func readConfig(raw []byte) (imageConfig, error) {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("the image's config is broken: %w", err)
	}
	out := imageConfig{}
	put := func(name string, value json.RawMessage) error {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return err
		}
		text, err := json.Marshal(v) // in one spelling
		out[name] = string(text)
		return err
	}
	for name, value := range file {
		switch name {
		case "created", "history", "rootfs", "moby.buildkit.buildinfo.v1", "moby.buildkit.cache.v0":
		case "config":
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(value, &fields); err != nil {
				return nil, fmt.Errorf("the image's config is broken: %w", err)
			}
			for field, value := range fields {
				if err := put(field, value); err != nil {
					return nil, err
				}
			}
		default:
			if err := put(name, value); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
