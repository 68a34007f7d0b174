package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// A symbolic link is another way to what a clean-up deletes, and its name says
// nothing of it. Links come with copied folders, with archives and with base images:
// what moves past a use of such a place could move past a use of what it deletes.

// linkPlaces are the places below which links may lie in the files of an edge: those
// that its operation brought, and those of the files that it changed.
type linkPlaces struct {
	own   []deletion
	below *linkPlaces
}

// any reports whether one of the places is as asked for.
func (l *linkPlaces) any(is func(deletion) bool) bool {
	for ; l != nil; l = l.below {
		if slices.ContainsFunc(l.own, is) {
			return true
		}
	}
	return false
}

// meets reports whether what a word names may lead through a link.
func (l *linkPlaces) meets(f naming) bool {
	return l.any(f.meetsOne)
}

var everywhere = []deletion{{path: "/"}}

// linked finds the places below which links may lie in the files of an edge.
func (m *matcher) linked(at compile.Edge) *linkPlaces {
	if m.places == nil {
		m.places = map[*compile.Op]*linkPlaces{nil: nil}
	}
	var way []*compile.Op // down to what is known
	op := at.Op
	for ; ; op = primary(op).Op {
		if _, ok := m.places[op]; ok {
			break
		}
		way = append(way, op)
	}
	below := m.places[op]
	for _, at := range slices.Backward(way) {
		if own := m.linksAt(at); len(own) > 0 {
			below = &linkPlaces{own, below}
		}
		m.places[at] = below
	}
	return below
}

// linksAt lists where one operation may put links.
func (m *matcher) linksAt(op *compile.Op) []deletion {
	switch {
	case op.Source != nil:
		if !plainBase(op.Source.Identifier) {
			return everywhere
		}
		return nil
	case op.Exec != nil:
		return m.linksOf(op)
	case op.File != nil:
		return copiedLinks(op)
	}
	var out []deletion
	for _, in := range op.Inputs[min(1, len(op.Inputs)):] {
		if in.Op == nil || in.Op.File == nil {
			return everywhere
		}
		out = append(out, copiedLinks(in.Op)...)
	}
	return out
}

// plain are images of Docker's library that run as root, and whose links lead to
// nothing that a clean-up may delete.
var plain = setOf(officialImages + " busybox")

func plainBase(identifier string) bool {
	name, ok := strings.CutPrefix(identifier, "docker-image://docker.io/library/")
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return ok && plain[name]
}

// knownBase reports whether a RUN starts from nothing, or from such an image.
func knownBase(op *compile.Op) bool {
	for at := primary(op); at.Op != nil; at = primary(at.Op) {
		if at.Op.Source != nil {
			return plainBase(at.Op.Source.Identifier)
		}
	}
	return true
}

// copiedLinks lists where copies put what may be links: below the place that they
// name, for a link that is copied by its own name is followed.
func copiedLinks(op *compile.Op) []deletion {
	var out []deletion
	for _, a := range op.File.Actions {
		if c := a.Copy; c != nil {
			if dest := lands(c); dest == path.Clean("/"+c.Dest) {
				out = append(out, deletion{path: dest, pattern: "*"})
			}
		}
	}
	return out
}

// ofTheBase reports whether a RUN is the made-up base's own trigger: the base is judged
// by its name.
func (m *matcher) ofTheBase(op *compile.Op) bool {
	from, _ := op.Exec.Root()
	return m.base == compile.Full && from.Op != nil && from.Op.Source != nil && slices.Contains(op.Exec.Args, "base-trigger")
}

// linksOf lists where a RUN may make links: all places that its commands name which
// unpack, copy or link, and any place where it is not known what it does.
func (m *matcher) linksOf(op *compile.Op) []deletion {
	if m.ofTheBase(op) {
		return nil
	}
	s, ok := readScript(op.Exec)
	if !ok {
		return everywhere
	}
	p := m.library.parse(s, s.text)
	if p.Err != nil || p.Ambiguous {
		return everywhere
	}
	n := m.library.namer(op.Exec, p)
	var out []deletion
	for _, c := range m.library.commands(p) {
		switch {
		case c.unknown() != "" || c.foreign():
			return everywhere
		case !setOf("tar unzip git cp mv ln install")[c.name]:
			continue
		case c.inFolder():
			if n.lost {
				return everywhere
			}
			for _, dir := range n.dirs {
				out = append(out, deletion{path: dir, pattern: "*"})
			}
		}
		within := "" // cp, mv and ln may make a link of the very name
		if setOf("tar unzip git install")[c.name] {
			within = "*"
		}
		for _, w := range c.words[1:] {
			found, any := n.names(w)
			if any || slices.ContainsFunc(found, func(f naming) bool { return f.beginning }) {
				return everywhere
			}
			for _, f := range found {
				out = append(out, deletion{path: f.path, pattern: within})
			}
		}
	}
	return out
}

// throughLink names a word of a RUN that may lead through a link.
func (m *matcher) throughLink(p *shell.Program, n *namer, links *linkPlaces) string {
	if links == nil {
		return ""
	}
	for _, c := range m.library.commands(p) {
		if c.inFolder() && (n.lost || slices.ContainsFunc(n.dirs, func(dir string) bool { return links.meets(naming{dir, false}) })) {
			return c.name
		}
	}
	word := ""
	walk(p.Root, func(at *shell.Node, _ []*shell.Node) {
		list, speaks := words(at), false
		if at.Kind == shell.Simple && len(at.Words) > 0 {
			name, _ := literal(at.Words[0])
			list, speaks = list[1:], name == "echo" || name == "printf"
		}
		for i, w := range list {
			if speaks && i < len(at.Words)-1 && !slices.ContainsFunc(w.Parts, func(x shell.Part) bool { return x.Kind == shell.Glob }) {
				continue // what is said is no path
			}
			found, any := n.names(w)
			if word == "" && (any || slices.ContainsFunc(found, links.meets)) {
				word = p.Source(w.Range)
			}
		}
	})
	return word
}
