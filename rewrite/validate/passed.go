package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// passes holds an operation to leaving alone, and doing without, what clean-ups
// delete that move to before it.
func (m *matcher) passes(e compile.Edge, p lates) *Rejection {
	if len(p) == 0 {
		return nil
	}
	op := e.Op
	switch {
	case op.Exec != nil:
		s, ok := readScript(op.Exec)
		if _, output := op.Exec.Root(); !ok || e.Output != output {
			return p[0].over(op, "it is not a shell's script")
		}
		if r := m.mountsApart(op, p); r != nil {
			return r
		}
		return m.leaves(op, s, p)
	case op.File != nil:
		return m.brings(op, primary(op), p)
	case op.Source != nil:
		return nil // nothing is below, where the clean-ups would be found lost
	}
	for _, in := range op.Inputs[1:] {
		if in.Op == nil || in.Op.File == nil {
			return p[0].over(op, "what it brings is not known")
		}
		if r := m.brings(in.Op, op.Inputs[0], p); r != nil {
			return r
		}
	}
	return nil
}

// brings holds copies and new folders to places apart from what clean-ups delete,
// and from what they run.
func (m *matcher) brings(op *compile.Op, below compile.Edge, p lates) *Rejection {
	links := m.linked(below)
	for _, a := range op.File.Actions {
		for _, l := range p {
			dest := path.Clean("/" + a.Made)
			if c := a.Copy; c != nil {
				dest = lands(c)
				own := c.From.Edge.Op != nil && c.From.Edge.Key() == below.Key()
				if src := (naming{path.Clean(c.Src), false}); own && (strings.ContainsAny(c.Src, "*?[\\") || src.meets(l.deletes)) {
					return l.over(op, "it copies what is deleted")
				}
				if programFolder(dest) || path.Base(dest) == l.program || shells[path.Base(dest)] {
					return l.over(op, "it may replace the programs that run")
				}
			}
			if slices.ContainsFunc(l.deletes, func(t deletion) bool { return t.meets(dest) }) {
				return l.over(op, "it makes %s", dest)
			}
			if links.any(func(t deletion) bool { return t.holds(dest) }) {
				return l.over(op, "a link may lead from %s to what is deleted", dest)
			}
		}
	}
	return nil
}

// lands is where a copy puts things: the file itself where that is certain.
func lands(c *compile.Copy) string {
	dest := path.Clean("/" + c.Dest)
	switch path.Ext(c.Src) {
	case ".sh", ".py", ".pl", ".rb", ".js":
		// No folder has such a name.
		if strings.HasSuffix(c.Dest, "/") && !c.Unpack && !strings.ContainsAny(c.Src, "*?[\\") {
			return path.Join(dest, path.Base(c.Src))
		}
	}
	return dest
}

// programFolder reports whether a path is, holds or lies in a folder of the
// system's own programs and libraries.
func programFolder(p string) bool {
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64"} {
		if under(p, dir) || under(dir, p) {
			return true
		}
	}
	return p == "/etc" || strings.HasPrefix(p, "/etc/ld.so")
}

// leaves holds a body of a RUN to leaving alone, and doing without, what clean-ups
// delete. Every command must be known and no word may name it.
func (m *matcher) leaves(op *compile.Op, body *script, p lates) *Rejection {
	if len(p) == 0 {
		return nil
	}
	d := m.deriver(op, body)
	prog := d.parse(body.text)
	first := p[0]
	if prog.Err != nil || prog.Ambiguous {
		return first.over(op, "it cannot be read with certainty")
	}
	if why := processes(prog); why != "" {
		return first.over(op, "%s", why)
	}
	if r := d.startUp(); r != nil {
		return first.over(op, "%s", r.Reason)
	}
	if r := m.startsThroughLink(op, p); r != nil {
		return r
	}
	n := m.library.namer(op.Exec, prog)
	list := m.library.commands(prog)
	_, checks := sums(prog)
	for _, c := range list {
		if c.fromList() && !checks[c.node] {
			return first.over(op, "%s takes the names of files from a file", c.name)
		}
	}
	for _, l := range p {
		if r := m.ranWithout(op, n, l); r != nil {
			return r
		}
		if why := m.keepsFolder(op, body, l); why != "" {
			return l.over(op, "%s may remove the folder %s, which the RUN that is gone made anew", why, l.op.Exec.Cwd)
		}
		for _, c := range list {
			if r := m.unconcerned(op, n, c, l); r != nil {
				return r
			}
		}
		var r *Rejection
		walk(prog.Root, func(at *shell.Node, _ []*shell.Node) {
			if r == nil {
				r = wordsApart(op, prog, n, at, l)
			}
		})
		if r != nil {
			return r
		}
	}
	if word := m.throughLink(prog, n, m.linked(primary(op))); word != "" {
		return first.over(op, "%q may lead through a link to what is deleted", brief(word))
	}
	return nil
}

const inDeleted = "it runs in a folder that is deleted"

// startsApart refuses a RUN that starts in what clean-ups delete that ran in it: the
// folder is made anew for what is left of it.
func (m *matcher) startsApart(op *compile.Op, p lates) *Rejection {
	cwd := path.Clean("/" + op.Exec.Cwd)
	for _, l := range p {
		if slices.ContainsFunc(l.deletes, func(t deletion) bool { return t.holds(cwd) }) {
			return l.over(op, "%s", inDeleted)
		}
	}
	return m.startsThroughLink(op, p)
}

// startsThroughLink refuses a RUN whose folder may by a link be one that is deleted.
func (m *matcher) startsThroughLink(op *compile.Op, p lates) *Rejection {
	cwd := path.Clean("/" + op.Exec.Cwd)
	if len(p) > 0 && cwd != "/" && m.linked(primary(op)).any(func(t deletion) bool { return t.holds(cwd) }) {
		return p[0].over(op, "its folder may lead through a link to what is deleted")
	}
	return nil
}

// ranWithout are the conditions on how a RUN runs.
func (m *matcher) ranWithout(op *compile.Op, n *namer, l late) *Rejection {
	for _, t := range l.deletes {
		if slices.ContainsFunc(n.dirs, t.holds) {
			return l.over(op, "%s", inDeleted)
		}
		for _, pair := range op.Exec.Env {
			name, value, _ := strings.Cut(pair, "=")
			for _, v := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" :;,=", r) }) {
				if strings.HasPrefix(v, "/") && t.holds(path.Clean(v)) {
					return l.over(op, "%s names what is deleted", name)
				}
			}
		}
	}
	return nil
}

// unconcerned are the conditions on one command: it is known, and reaches what is
// deleted neither through the folder it runs in nor by what it is.
func (m *matcher) unconcerned(op *compile.Op, n *namer, c command, l late) *Rejection {
	if why := c.unknown(); why != "" {
		return l.over(op, "%s", why)
	}
	if c.foreign() {
		return l.over(op, "%s may run what is not known", c.name)
	}
	if programs[c.name].users && (c.prefix != "" || op.Exec.User != l.op.Exec.User) {
		// By the user of the clean-up itself it works for root alone, for whom it
		// changes nothing.
		return l.over(op, "%s changes users", c.name)
	}
	search, _ := op.Exec.Getenv("PATH")
	for _, t := range l.deletes {
		for _, dir := range strings.Split(search, ":") {
			if t.holds(path.Join("/", dir, c.name)) {
				return l.over(op, "%s may be what is deleted", c.name)
			}
		}
		if c.inFolder() && (n.lost || slices.ContainsFunc(n.dirs, t.meets)) {
			return l.over(op, "%s works in a folder that holds what is deleted", c.name)
		}
		if !quiet[c.name] && !t.private() {
			return l.over(op, "%s may need or fill %s", c.name, path.Join(t.path, t.pattern))
		}
	}
	if !quiet[c.name] {
		if why := m.noted(l, true); why != "" {
			return l.over(op, "%s may have been told of it by %s", c.name, why)
		}
	}
	return nil
}

// wordsApart refuses words and redirections that may name what is deleted, or the
// program that deletes it.
func wordsApart(op *compile.Op, p *shell.Program, n *namer, at *shell.Node, l late) *Rejection {
	list, speaks := words(at), false
	if at.Kind == shell.Simple && len(at.Words) > 0 {
		name, _ := literal(at.Words[0])
		if !strings.Contains(name, "/") {
			list = list[1:]
		}
		speaks = name == "echo" || name == "printf"
	}
	for _, r := range at.Redirs {
		if r.Heredoc {
			return l.over(op, "it has a here-document")
		}
	}
	for i, w := range list {
		found, any := n.names(w)
		// What echo says is no path, unless a pattern makes it one.
		any = any && !(speaks && i < len(at.Words)-1)
		meets := slices.ContainsFunc(found, func(f naming) bool { return f.meets(l.deletes) })
		if any || meets {
			return l.over(op, "%q may name what is deleted", brief(p.Source(w.Range)))
		}
		if slices.ContainsFunc(found, func(f naming) bool { return path.Base(f.path) == l.program && strings.Contains(f.path, "bin/") }) {
			return l.over(op, "it may replace %s", l.program)
		}
	}
	return nil
}
