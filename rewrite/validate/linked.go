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

// linked lists the places below which links may lie in the files of an edge.
func (m *matcher) linked(at compile.Edge) []deletion {
	var out []deletion
	for ; at.Op != nil; at = primary(at.Op) {
		switch op := at.Op; {
		case op.Source != nil:
			if !plainBase(op.Source.Identifier) {
				out = append(out, deletion{path: "/"})
			}
		case op.Exec != nil:
			out = append(out, m.linksOf(op)...)
		case op.File != nil:
			out = append(out, copiedLinks(op)...)
		default:
			for _, in := range op.Inputs[1:] {
				if in.Op == nil || in.Op.File == nil {
					return []deletion{{path: "/"}}
				}
				out = append(out, copiedLinks(in.Op)...)
			}
		}
	}
	return out
}

// plain are images of Docker's library whose links lead to nothing that a clean-up
// may delete.
var plain = setOf(`alpine debian ubuntu busybox buildpack-deps python node golang ruby php httpd nginx postgres redis rust openjdk gcc
	fedora centos amazonlinux rockylinux almalinux oraclelinux`)

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

// linksOf lists where a RUN may make links: all places that its commands name which
// unpack, copy or link, and any place where it is not known what it does.
func (m *matcher) linksOf(op *compile.Op) []deletion {
	anywhere := []deletion{{path: "/"}}
	if from, _ := op.Exec.Root(); m.base == compile.Full && from.Op != nil && from.Op.Source != nil && slices.Contains(op.Exec.Args, "base-trigger") {
		return nil // the made-up base's own trigger; the base is judged by its name
	}
	s, ok := readScript(op.Exec)
	if !ok {
		return anywhere
	}
	p := m.deriver(op, s).parse(s.text)
	if p.Err != nil || p.Ambiguous {
		return anywhere
	}
	n := newNamer(op.Exec, p)
	var out []deletion
	for _, c := range commands(p) {
		switch {
		case c.unknown() != "" || c.foreign():
			return anywhere
		case !setOf("tar unzip git cp mv ln install")[c.name]:
			continue
		case c.inFolder():
			if n.lost {
				return anywhere
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
				return anywhere
			}
			for _, f := range found {
				out = append(out, deletion{path: f.path, pattern: within})
			}
		}
	}
	return out
}

// throughLink names a word of a RUN that may lead through a link.
func throughLink(p *shell.Program, n *namer, links []deletion) string {
	if len(links) == 0 {
		return ""
	}
	for _, c := range commands(p) {
		if c.inFolder() && (n.lost || slices.ContainsFunc(n.dirs, func(dir string) bool { return naming{dir, false}.meets(links) })) {
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
			if word == "" && (any || slices.ContainsFunc(found, func(f naming) bool { return f.meets(links) })) {
				word = p.Source(w.Range)
			}
		}
	})
	return word
}
