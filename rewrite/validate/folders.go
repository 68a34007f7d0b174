package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// A trail is the folder that each command of a script runs in, where cd leads through
// through it: `cd web && npm ci && cd ../api && npm ci`. It is known where a cd that
// fails ends the script: in lists of && and subshells of such, and in a plain list under
// errexit, left of no &&.
type trail struct {
	cwd  string
	dirs map[*shell.Node]string
	to   []string // the folders that a cd leads to
	lost bool     // another form stands there
	// read tells where a word of cd leads.
	read func(shell.Word) (text string, known bool)
}

func (d *deriver) follow(x *compile.Exec, p *shell.Program, read func(shell.Word) (string, bool)) *trail {
	t := &trail{cwd: path.Clean("/" + x.Cwd), dirs: map[*shell.Node]string{}, read: read}
	if v, _ := x.Getenv("CDPATH"); v != "" {
		t.lost = true
	}
	if p.Root.Kind != shell.List || len(p.Root.Children) < 2 || !d.certainErrexit(p) {
		t.node(p.Root, t.cwd)
		return t
	}
	dir := t.cwd
	for _, ch := range p.Root.Children {
		known := len(t.to)
		dir = t.node(ch, dir)
		t.lost = t.lost || ch.Kind == shell.And && len(t.to) > known
	}
	return t
}

// node notes the folders of the commands in a node, and returns the one behind it.
func (t *trail) node(n *shell.Node, dir string) string {
	if n.Background || n.Kind != shell.Simple && len(n.Redirs) > 0 {
		t.lost = true
	}
	switch n.Kind {
	case shell.Simple:
		t.dirs[n] = dir
		return t.simple(n, dir)
	case shell.And:
		for _, ch := range n.Children {
			dir = t.node(ch, dir)
		}
		return dir
	case shell.Pipe: // each command has a shell of its own
		known := len(t.to)
		for _, ch := range n.Children {
			t.node(ch, dir)
		}
		t.lost = t.lost || len(t.to) > known
		return dir
	case shell.List, shell.Subshell: // of one element: what fails in it fails it
		if len(n.Children) == 1 {
			after := t.node(n.Children[0], dir)
			if n.Kind == shell.List {
				return after
			}
			return dir
		}
	}
	t.lost = true
	return dir
}

func (t *trail) simple(n *shell.Node, dir string) string {
	if len(n.Words) == 0 {
		t.lost = true
		return dir
	}
	name, known := literal(n.Words[0])
	if !known || slices.Contains([]string{"pushd", "popd", "chdir", "eval", ".", "source", "command", "builtin", "exec", "trap", "alias"}, name) {
		t.lost = true
	}
	if name != "cd" {
		return dir
	}
	if len(n.Words) != 2 || len(n.Assigns)+len(n.Redirs) > 0 {
		t.lost = true
		return dir
	}
	to, known := t.read(n.Words[1])
	if !known || to == "" || strings.ContainsAny(to[:1], "-~") || strings.ContainsAny(to, "\x01 \t\n") {
		t.lost = true
		return dir
	}
	if !path.IsAbs(to) {
		to = path.Join(dir, to)
		t.lost = t.lost || !under(to, t.cwd) // the folder may be a link
	}
	to = path.Clean(to)
	t.to = append(t.to, to)
	return to
}

// of is the folder that a command of the script certainly runs in.
func (t *trail) of(c *command) (string, bool) {
	dir, ok := t.dirs[c.node]
	return dir, ok && !t.lost
}

// stands reports whether every folder that a cd leads to is there before a broad copy as
// it is behind it: it lies apart, or declared files are copied into it or below it.
func (t *trail) stands(broad *compile.Copy, files []string) *Rejection {
	dest := path.Clean(broad.Dest)
	for _, to := range t.to {
		if under(to, dest) && !slices.ContainsFunc(files, func(f string) bool {
			at, ok := landing(broad, path.Clean("/"+f))
			return ok && at != to && under(at, to)
		}) {
			return reject("cd goes to %s, which no file that is copied first makes", to)
		}
	}
	return nil
}
