package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// startLinks are symbolic links by which a file may be written that is read when a RUN
// starts.
type startLinks struct {
	named  []string    // those that scripts make to one, or to a folder above it
	places *linkPlaces // where others may lie, through which one may be reached by its name
}

// lead reports whether a path may be such a file by one of the links.
func (l startLinks) lead(p string) bool {
	if strings.ContainsAny(p, "\x00\x01") {
		return slices.Contains(l.named, "/")
	}
	name := path.Base(p)
	return slices.ContainsFunc(l.named, func(link string) bool { return under(p, link) }) ||
		(name == "passwd" || name == "group" || name == "ld.so.preload" || startShells[name]) && l.places.any(func(t deletion) bool { return t.holds(p) })
}

// startLinks finds the links that a script makes, and those below its RUN.
func (m *matcher) startLinks(op *compile.Op, list []command, n *namer) startLinks {
	below := primary(op)
	return startLinks{slices.Concat(linksToStart(list, n), m.linkedToStart(below.Op)), m.linked(below)}
}

// linkedToStart lists the links that the RUNs make from an operation down.
func (m *matcher) linkedToStart(op *compile.Op) []string {
	if op == nil {
		return nil
	}
	if out, ok := m.toStart[op]; ok {
		return out
	}
	out := m.linkedToStart(primary(op).Op)
	if op.Exec != nil {
		if s, ok := readScript(op.Exec); ok {
			if p := m.library.parse(s, s.text); p.Err == nil {
				out = slices.Concat(linksToStart(m.library.commands(p), m.library.namer(op.Exec, p)), out)
			}
		}
	}
	if m.toStart == nil {
		m.toStart = map[*compile.Op][]string{}
	}
	m.toStart[op] = out
	return out
}

// linksToStart lists what the commands link to a file that is read when a RUN starts, or to
// a folder above one: the link, or the folder that it is put into.
func linksToStart(list []command, n *namer) (out []string) {
	for _, c := range list {
		ops := c.operands()
		if c.name != "ln" || len(ops) == 0 {
			continue
		}
		targets := ops
		if len(ops) > 1 && !c.takes("t", "--target-directory") {
			targets = ops[:len(ops)-1]
		}
		if !slices.ContainsFunc(targets, n.leadsToStart) {
			continue
		}
		if len(ops) == 1 {
			out = append(out, n.dirs...)
		}
		for _, p := range n.paths(written{ops[len(ops)-1], false}) {
			if strings.ContainsAny(p, "\x00\x01") || c.takes("t", "--target-directory") {
				p = "/" // it may be anywhere
			}
			out = append(out, p)
		}
	}
	return out
}

// leadsToStart reports whether the target of a link may be such a file, or a folder above
// one. A relative one may begin anywhere.
func (n *namer) leadsToStart(w shell.Word) bool {
	text, _ := n.text(w)
	if strings.HasSuffix(text, "\x00") {
		return false
	}
	if !strings.HasPrefix(text, "/") {
		text = "\x00/" + text
	}
	return meetsStart(shortest(text), true)
}
