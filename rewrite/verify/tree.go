package verify

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// An inode is what one or several paths hold.
type inode struct {
	typ          byte // one of the letters below
	mode         uint32
	uid, gid     int
	size         int64
	sum          [sha256.Size]byte // of a regular file's content
	target       string            // of a symbolic link
	major, minor int64
	xattrs       map[string]string
	text         string // the content, of the few files that are read here

	layer int // that shipped it
	links int // paths in the tree that hold it
}

const (
	typeFile    = 'f'
	typeDir     = 'd'
	typeSymlink = 'l'
	typeChar    = 'c'
	typeBlock   = 'b'
	typeFIFO    = 'p'
)

var typeNames = map[byte]string{
	typeFile: "file", typeDir: "dir", typeSymlink: "symlink", typeChar: "char", typeBlock: "block", typeFIFO: "fifo",
}

// A node is a path of an image; children are those of a folder.
type node struct {
	ino      *inode
	children map[string]*node
}

func (n *node) dir() bool { return n.ino.typ == typeDir }

// names lists the children in order.
func (n *node) names() []string { return slices.Sorted(maps.Keys(n.children)) }

// A tree is the merged files of an image.
type tree struct{ root *node }

// A record is one entry of a layer: a path that is there, or one that is gone.
type record struct {
	path   string // clean, without a leading slash; "" for the root
	ino    *inode // nil for a hard link and for what is gone
	hard   bool   // it is a hard link
	link   string // the path that it shares its inode with; "" for the root, which is no file
	gone   bool   // the path of the layers below is gone
	opaque bool   // all that the layers below have in the folder is gone
}

func newTree() *tree { return &tree{newDir(-1)} }

// newDir is a folder that no layer describes, as container runtimes make it.
func newDir(layer int) *node {
	return &node{&inode{typ: typeDir, mode: 0o755, layer: layer, links: 1}, map[string]*node{}}
}

// apply puts a layer's records over the tree, as a container runtime does. died
// is told of every file that the layer takes away or replaces: the layer that
// shipped it and its bytes.
func (t *tree) apply(number int, records []record, died func(from int, bytes int64)) error {
	// What is gone are paths of the layers below, whatever the order in the archive.
	for _, r := range records {
		switch {
		case r.gone:
			if dir := t.plain(path.Dir(r.path)); dir != nil {
				if n := dir.children[path.Base(r.path)]; n != nil {
					drop(n, died)
					delete(dir.children, path.Base(r.path))
				}
			}
		case r.opaque:
			if dir := t.plain(r.path); dir != nil {
				for _, n := range dir.children {
					drop(n, died)
				}
				clear(dir.children)
			}
		}
	}
	for _, r := range records {
		if r.gone || r.opaque {
			continue
		}
		if r.path == "" {
			if r.ino != nil && r.ino.typ == typeDir {
				t.root.ino = placed(r.ino, number)
			}
			continue
		}
		dir, err := t.folder(path.Dir(r.path), number, died)
		if err != nil {
			return fmt.Errorf("/%s: %w", r.path, err)
		}
		name := path.Base(r.path)
		old := dir.children[name]
		if r.hard {
			from, err := t.folder(path.Dir(r.link), number, died)
			if err != nil {
				return fmt.Errorf("/%s: %w", r.path, err)
			}
			shared := from.children[path.Base(r.link)]
			if shared == nil || shared.dir() {
				return fmt.Errorf("/%s is a hard link to /%s, which is no file", r.path, r.link)
			}
			if shared == old {
				continue
			}
			shared.ino.links++
			dir.children[name] = &node{ino: shared.ino}
			if old != nil {
				drop(old, died)
			}
			continue
		}
		n := &node{ino: placed(r.ino, number)}
		if n.dir() {
			n.children = map[string]*node{}
			if old != nil && old.dir() {
				n.children = old.children
				old = nil
			}
		}
		dir.children[name] = n
		if old != nil {
			drop(old, died)
		}
	}
	return nil
}

// placed is an inode of a layer as a tree holds it: the records are shared by all
// images with this layer.
func placed(ino *inode, layer int) *inode {
	own := *ino
	own.layer, own.links = layer, 1
	return &own
}

// drop takes a node and all below it out of the tree.
func drop(n *node, died func(from int, bytes int64)) {
	if n.ino.links--; n.ino.links == 0 && n.ino.typ == typeFile && died != nil {
		died(n.ino.layer, n.ino.size)
	}
	for _, c := range n.children {
		drop(c, died)
	}
}

// plain returns a folder of the tree, nil where there is none. Symbolic links are
// not followed: a layer names what is gone by its real path.
func (t *tree) plain(p string) *node {
	n := t.root
	for _, name := range split(p) {
		if n = n.children[name]; n == nil {
			return nil
		}
	}
	if !n.dir() {
		return nil
	}
	return n
}

// at returns the node of a path, nil where there is none.
func (t *tree) at(p string) *node {
	n := t.root
	for _, name := range split(p) {
		if n = n.children[name]; n == nil {
			return nil
		}
	}
	return n
}

const maxLinks = 255

// folder returns the folder that a record lies in. It is made where it is
// missing, and symbolic links to folders are followed inside the image.
func (t *tree) folder(p string, number int, died func(from int, bytes int64)) (*node, error) {
	todo := split(p)
	at := []*node{t.root}
	for followed := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		dir := at[len(at)-1]
		if name == ".." {
			at = at[:max(len(at)-1, 1)]
			continue
		}
		n := dir.children[name]
		switch {
		case n == nil:
			n = newDir(number)
			dir.children[name] = n
		case n.ino.typ == typeSymlink:
			if followed++; followed > maxLinks {
				return nil, fmt.Errorf("too many symbolic links on the way")
			}
			if strings.HasPrefix(n.ino.target, "/") {
				at = at[:1]
			}
			todo = append(split(n.ino.target), todo...)
			continue
		case !n.dir():
			drop(n, died)
			n = newDir(number)
			dir.children[name] = n
		}
		at = append(at, n)
	}
	return at[len(at)-1], nil
}

// split lists the names on a path, without those that stay where they are.
func split(p string) []string {
	names := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	return slices.DeleteFunc(names, func(name string) bool { return name == "." })
}

// linkSets notes for every inode with several paths which they are.
func (t *tree) linkSets(sets map[*inode][]string) {
	walk("", t.root, func(p string, n *node) {
		if n.ino.links > 1 {
			sets[n.ino] = append(sets[n.ino], p)
		}
	})
}

// walk calls f for a node and all below it, in order.
func walk(p string, n *node, f func(string, *node)) {
	if p == "" {
		f("/", n)
	} else {
		f(p, n)
	}
	for _, name := range n.names() {
		walk(p+"/"+name, n.children[name], f)
	}
}
