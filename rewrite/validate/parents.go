package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// A broad copy that moves behind RUNs, with what it finds where it goes.
type lateCopy struct {
	*compile.Copy
	made  string // the topmost folder that it may make: where it goes, or one above that
	whole bool   // the place itself stands before it
}

func (m *matcher) lateCopy(c *compile.Copy, base compile.Edge) lateCopy {
	l := lateCopy{c, path.Clean(c.Dest), m.stands(base, path.Clean(c.Dest))}
	for l.made != "/" && !m.stands(base, path.Dir(l.made)) {
		l.made = path.Dir(l.made)
	}
	return l
}

// near reports whether a path is, holds or lies in a folder that the copy may make.
func (l lateCopy) near(p string) bool { return under(p, l.made) || under(l.made, p) }

// homes reports whether a program that makes accounts may make a home of a folder that
// the copy makes or needs: whoever makes one fills and owns it.
func (l lateCopy) homes(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		_, rest, ok := strings.Cut(a, "/")
		home := path.Clean("/" + rest)
		return ok && (l.whole && under(home, path.Clean(l.Dest)) || !l.whole && l.near(home))
	})
}

// stands reports whether a folder is there at an edge: every system has it, the image
// below has, or a working folder or a copy made it, and no RUN says that it removes it.
func (m *matcher) stands(at compile.Edge, dir string) bool {
	if setOf("/ /usr /home")[dir] {
		return true
	}
	made := standsBelow(at, dir)
	for ; at.Op != nil; at = primary(at.Op) {
		switch {
		case at.Op.Source != nil:
			made = made || imageHas(at.Op.Source.Identifier, dir)
		case at.Op.Exec != nil && m.mayRemove(at.Op, dir):
			return false
		case at.Op.File != nil:
			made = made || slices.ContainsFunc(at.Op.File.Actions, func(a compile.Action) bool { return a.Copy != nil && under(path.Clean("/"+a.Copy.Dest), dir) })
		}
	}
	return made
}

// mayRemove reports whether a command of a RUN removes a folder, by its name or with the
// account whose home it is.
func (m *matcher) mayRemove(op *compile.Op, dir string) bool {
	text, ok := readScript(op.Exec)
	if !ok {
		return false
	}
	d := m.deriver(op, text)
	p := d.parse(text.text)
	return p.Err == nil && slices.ContainsFunc(m.library.commands(p), func(c command) bool {
		if setOf("userdel deluser usermod")[c.name] && strings.HasPrefix(dir, "/home/") {
			return true
		}
		return setOf("rm rmdir mv")[c.name] && slices.ContainsFunc(c.operands(), func(w shell.Word) bool {
			at := d.place(w, false)
			return at.known && under(dir, at.path) && !(at.glob && at.path == dir)
		})
	})
}

// imageHas reports whether an image of Docker's library brings a folder.
func imageHas(identifier, dir string) bool {
	ref, ok := strings.CutPrefix(identifier, "docker-image://docker.io/library/")
	ref, digest, _ := strings.Cut(ref, "@")
	name, tag, _ := strings.Cut(ref, ":")
	switch {
	case !ok || !plain[name]:
		return false
	case name == "golang":
		return dir == "/go" || dir == "/go/src" || dir == "/usr/src" && notAlpine(tag, digest)
	case name == "node" && dir == "/home/node":
		return true
	}
	return dir == "/usr/src" && name != "alpine" && name != "busybox" && notAlpine(tag, digest)
}

// notAlpine reports whether a tag tells that an image is none of Alpine's variants.
func notAlpine(tag, digest string) bool {
	return !strings.Contains(tag, "alpine") && (digest == "" || tag != "" && tag != "latest")
}
