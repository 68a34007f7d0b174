package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// A signpost judges what the words of one RUN say of a folder that a later copy fills: paths
// that are no path from the root, and links.
type signpost struct {
	dest  string
	names *namer
	at    map[*shell.Node][]string // the folders that a command may run in; none where these are not known
}

func signpostOf(x *compile.Exec, p *shell.Program, n *namer, d *deriver, dest string) *signpost {
	s := &signpost{dest, n, map[*shell.Node][]string{}}
	if v, _ := x.Getenv("CDPATH"); v == "" && !n.assigned["CDPATH"] {
		s.follow(p.Root, []string{path.Clean("/" + x.Cwd)}, d.certainErrexit(p))
	}
	return s
}

// dirs lists the folders that a command may run in, and reports whether these are all.
func (s *signpost) dirs(at *shell.Node) ([]string, bool) {
	if dirs := s.at[at]; len(dirs) > 0 {
		return dirs, true
	}
	return s.names.dirs, !s.names.lost
}

// follow notes the folders of the commands in a node and returns those behind it. sure says
// that what follows does not run where one fails.
func (s *signpost) follow(n *shell.Node, dirs []string, sure bool) []string {
	switch n.Kind {
	case shell.Simple:
		s.at[n] = dirs
		return s.behind(n, dirs, sure)
	case shell.List, shell.Block:
		for _, ch := range n.Children {
			dirs = s.follow(ch, dirs, sure)
		}
		return dirs
	case shell.And:
		before := dirs
		for i, ch := range n.Children {
			dirs = s.follow(ch, dirs, sure || i < len(n.Children)-1)
		}
		return both(before, dirs) // a list whose first command fails does not end the script
	case shell.Subshell, shell.Pipe:
		for _, ch := range n.Children {
			s.follow(ch, dirs, sure && n.Kind == shell.Subshell)
		}
		return dirs
	}
	moved := false
	n.Walk(func(at *shell.Node, _ shell.Context) bool {
		moved = moved || at.Kind == shell.Simple && s.behind(at, dirs, false) == nil || slices.Contains(wordsOf(at), "cd")
		return !moved
	})
	if moved {
		dirs = nil
	}
	for _, ch := range n.Children {
		s.follow(ch, dirs, false)
	}
	return dirs
}

// behind lists the folders that the shell may be in behind a command.
func (s *signpost) behind(n *shell.Node, dirs []string, sure bool) []string {
	said := wordsOf(n)
	switch {
	case len(said) == 0:
		return dirs
	case said[0] == "" || setOf("pushd popd chdir eval . source command builtin")[said[0]]:
		return nil
	case said[0] != "cd":
		return dirs
	case len(said) != 2 || said[1] == "" || strings.ContainsAny(said[1][:1], "-~"):
		return nil
	}
	var out []string
	for _, dir := range dirs {
		to := path.Clean(said[1])
		if !path.IsAbs(to) {
			to = path.Join(dir, to)
		}
		out = append(out, to)
		sure = sure || setOf("/ /tmp /opt /etc /root /home /srv /usr /usr/local /usr/local/bin /var /var/tmp /var/lib")[to]
	}
	if sure {
		return out
	}
	return both(dirs, out)
}

func both(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// wordsOf are the words of a command, "" for one that is not literal.
func wordsOf(n *shell.Node) (out []string) {
	if n.Kind != shell.Simple {
		return nil
	}
	for _, w := range n.Words {
		out = append(out, wordText(w))
	}
	return out
}

// leads reports whether a word has a path of several parts that leads into the folder from
// one that lies apart, where the command runs. A script in a word may go anywhere first.
func (s *signpost) leads(said string, at *shell.Node) bool {
	dirs, all := s.dirs(at)
	if strings.ContainsAny(said, " \t\n") {
		all = false
	}
	for _, piece := range strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`|&<>();,:=", r) }) {
		if slash := strings.IndexByte(piece, '/'); slash <= 0 || strings.ContainsRune("~-\x00\x01", rune(piece[0])) {
			continue
		}
		if slices.ContainsFunc(dirs, func(dir string) bool { return !under(dir, s.dest) && under(path.Join(dir, piece), s.dest) }) {
			return true
		}
		for above := s.dest; !all && above != "/"; {
			if above = path.Dir(above); under(path.Join(above, piece), s.dest) {
				return true
			}
		}
	}
	return false
}

// links reports whether a command may make a link into the folder, or in it or above it.
// What a symbolic one says is looked up from the folder of the link.
func (s *signpost) links(c *command) bool {
	if c.name != "ln" {
		return false
	}
	dirs, all := s.dirs(c.node)
	var paths []string
	for _, word := range c.operands() {
		text, _ := s.names.text(word)
		paths = append(paths, text)
		if text != "" && !strings.ContainsRune("/~\x00\x01", rune(text[0])) && !all {
			return true
		}
	}
	for _, o := range c.words[1:] {
		if name, value, ok := strings.Cut(wordText(o), "="); ok && strings.HasPrefix(name, "-") {
			paths = append(paths, value)
		}
	}
	if len(paths) == 0 {
		return true
	}
	options := c.options()
	has := func(names ...string) bool {
		return slices.ContainsFunc(options, func(o string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return abbreviates(o, n) })
		})
	}
	any := has("-r", "--relative", "-t", "--target-directory")
	last := paths[len(paths)-1]
	for _, dir := range dirs {
		near := func(from, p string) bool {
			if p == "" || p[0] == '\x00' || p[0] == '~' {
				return false
			}
			if !path.IsAbs(p) {
				p = from + "/" + p
			}
			if i := strings.IndexAny(p, "\x00\x01"); i >= 0 {
				return strings.HasPrefix(s.dest+"/", p[:i]) || strings.HasPrefix(p, s.dest+"/")
			}
			return under(path.Clean(p), s.dest) || under(s.dest, path.Clean(p))
		}
		switch {
		case any, !has("-s", "--symbolic"):
			if slices.ContainsFunc(paths, func(p string) bool { return near(dir, p) }) {
				return true
			}
		case len(paths) == 1:
			if near(dir, path.Base(last)) || near(dir, last) {
				return true
			}
			continue
		}
		at := last
		switch {
		case at == "" || strings.ContainsRune("~\x00", rune(at[0])): // it may lie anywhere
			if slices.ContainsFunc(paths[:len(paths)-1], func(p string) bool { return p == "" || p[0] != '/' && p[0] != '\x00' || near(dir, p) }) {
				return true
			}
			continue
		case !path.IsAbs(at):
			at = dir + "/" + at
		}
		for _, target := range paths[:len(paths)-1] {
			inside := at + "/" + path.Base(target)
			if !strings.HasSuffix(last, "/") && (near(dir, last) || near(path.Dir(at), target)) || near("/", inside) || near(path.Clean(at), target) {
				return true
			}
		}
	}
	return false
}
