package validate

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// A teller is an operation that may have made another way to what a clean-up deletes, a
// link to it, or have written its path where programs look that are not told of it.
// Most operations are none, so that a clean-up asks the few that are.
type teller struct {
	op     *compile.Op
	links  []naming // what its commands may have linked to
	writes []naming // what they may have written down
	unread string   // the text of a script that cannot be read: it tells all that stands in it
	copies bool     // a copy to where programs look
	below  *teller  // the next one that ran before it
}

// noted names what below the old place of a clean-up may have made another way to
// what it deletes: a link to it. With told, also what may have written its path
// where programs look that are not told of it: into their configuration.
func (m *matcher) noted(l late, told bool) string {
	key := hearing{l.op, l.script.text, told}
	if why, ok := m.heard[key]; ok {
		return why
	}
	if m.heard == nil {
		m.heard = map[hearing]string{}
	}
	why := m.hears(l, told)
	m.heard[key] = why
	return why
}

// A hearing is a question to the tellers below the old place of a clean-up.
type hearing struct {
	op    *compile.Op
	text  string
	tells bool
}

func (m *matcher) hears(l late, told bool) string {
	root, _ := l.op.Exec.Root()
	for t := m.tellers(root.Op); t != nil; t = t.below {
		switch {
		case t.unread != "":
			if slices.ContainsFunc(l.deletes, func(d deletion) bool { return strings.Contains(t.unread, d.start()) }) {
				return t.op.String()
			}
		case told && t.copies, t.tells(t.links, l), told && t.tells(t.writes, l):
			return t.op.String()
		}
	}
	return ""
}

func (t *teller) tells(list []naming, l late) bool {
	return slices.ContainsFunc(list, func(f naming) bool { return f.meets(l.deletes) })
}

// tellers returns the first teller from an operation down.
func (m *matcher) tellers(op *compile.Op) *teller {
	if m.told == nil {
		m.told = map[*compile.Op]*teller{nil: nil}
	}
	var way []*compile.Op // down to what is known
	for at := op; ; at = primary(at).Op {
		if _, ok := m.told[at]; ok {
			op = at
			break
		}
		way = append(way, at)
	}
	below := m.told[op]
	for _, at := range slices.Backward(way) {
		if t := m.teller(at); t != nil {
			t.below = below
			below = t
		}
		m.told[at] = below
	}
	return below
}

// teller reads one operation; it is nil for one that tells nothing.
func (m *matcher) teller(op *compile.Op) *teller {
	t := &teller{op: op}
	switch {
	case op.Exec != nil:
		m.readTeller(t)
	case op.File != nil:
		for _, a := range op.File.Actions {
			if c := a.Copy; c != nil {
				dest := lands(c)
				t.copies = t.copies || under("/etc", dest) || under(dest, "/etc") || under(dest, "/root") || under(dest, "/home")
			}
		}
	}
	if len(t.links)+len(t.writes) == 0 && t.unread == "" && !t.copies {
		return nil
	}
	return t
}

func (m *matcher) readTeller(t *teller) {
	x := t.op.Exec
	s, ok := readScript(x)
	if !ok {
		s = &script{text: strings.Join(x.Args, " ")}
	}
	p := m.library.parse(s, s.text)
	if p.Err != nil || strings.Contains(s.text, "<<") {
		t.unread = s.text
		return
	}
	said, _ := sums(p)
	for _, c := range m.library.commands(p) {
		if len(c.words) == 0 {
			continue
		}
		_, known := programs[c.name]
		var list *[]naming
		switch {
		case c.name == "ln":
			list = &t.links
		case !known && !shellState[c.name], programs[c.name].runs && !programs[c.name].times, writers[c.name] && !said[c.node]:
			list = &t.writes
		default:
			continue
		}
		n := m.library.namer(x, p)
		for _, w := range c.words[1:] {
			found, _ := n.names(w)
			*list = append(*list, found...)
		}
	}
}

// writers are known programs that write what they are told into files.
var writers = setOf("echo printf tee sed update-alternatives git pip pip3 npm apt-config")

// sums finds what is said to a program that compares checksums, and that program:
// echo "… /tmp/a.tgz" | sha256sum -c -
func sums(p *shell.Program) (said, checks map[*shell.Node]bool) {
	said, checks = map[*shell.Node]bool{}, map[*shell.Node]bool{}
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		if n.Kind != shell.Pipe || len(n.Children) != 2 || n.Children[0].Kind != shell.Simple || n.Children[1].Kind != shell.Simple {
			return
		}
		from, to := command{words: n.Children[0].Words}, command{words: n.Children[1].Words}
		if len(from.words) == 0 || len(to.words) == 0 {
			return
		}
		from.strip(p)
		to.strip(p)
		files := slices.ContainsFunc(to.operands(), func(w shell.Word) bool { text, _ := literal(w); return text != "-" })
		if (from.name == "echo" || from.name == "printf") && strings.HasSuffix(to.name, "sum") && !files {
			said[n.Children[0]], checks[n.Children[1]] = true, true
		}
	})
	return said, checks
}
