package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// A deletion is what a clean-up deletes: a path, or what matches a pattern in a folder.
type deletion struct {
	path    string // absolute; the folder of a pattern
	pattern string // "" for the path itself
}

// holds reports whether an absolute path is what is deleted or lies in it.
func (t deletion) holds(p string) bool {
	if t.pattern == "" {
		return under(p, t.path)
	}
	rest, ok := strings.CutPrefix(p, strings.TrimSuffix(t.path, "/")+"/")
	name, _, _ := strings.Cut(rest, "/")
	match, err := path.Match(t.pattern, name)
	return ok && (match || err != nil)
}

// meets reports whether an absolute path is, holds or lies in what is deleted.
func (t deletion) meets(p string) bool { return under(t.path, p) || t.holds(p) }

// start is what the path of everything that what is deleted is begins with.
func (t deletion) start() string {
	if t.pattern == "" {
		return t.path
	}
	name, _, _ := strings.Cut(t.pattern, "*")
	return path.Join(t.path, "x")[:len(path.Join(t.path, "x"))-1] + name
}

// meetsBeginning reports whether an absolute path that begins with a text may be,
// hold or lie in what is deleted.
func (t deletion) meetsBeginning(text string) bool {
	if strings.Contains(text, "..") {
		return true
	}
	clean := path.Clean(text + "x")
	clean = clean[:len(clean)-1]
	return strings.HasPrefix(t.start(), clean) || strings.HasPrefix(clean, t.start())
}

func (t deletion) meetsOther(o deletion) bool {
	if o.pattern == "" {
		return t.meets(o.path)
	}
	return t.meetsBeginning(o.start())
}

// A namer reads which paths the words of a script may name.
type namer struct {
	x        *compile.Exec
	dirs     []string // every folder that a command may run in
	lost     bool     // a folder is not known
	assigned map[string]bool
	values   map[string][]shell.Word // what the script gives variables, as far as words of its own tell
	all      bool                    // what the script itself sets is not known
}

func newNamer(x *compile.Exec, p *shell.Program) *namer {
	n := &namer{x: x, dirs: []string{path.Clean("/" + x.Cwd)}, assigned: map[string]bool{}, values: map[string][]shell.Word{}}
	if v, _ := x.Getenv("CDPATH"); v != "" {
		n.lost = true
	}
	walk(p.Root, func(at *shell.Node, above []*shell.Node) {
		for _, a := range at.Assigns {
			n.assigned[a.Name] = true
			n.values[a.Name] = append(n.values[a.Name], a.Value)
		}
		if at.Kind == shell.For {
			n.assigned[at.Name] = true
			n.values[at.Name] = append(n.values[at.Name], at.Words...)
		}
		for _, w := range words(at) {
			for _, part := range w.Parts {
				n.all = n.all || part.Assigns
			}
		}
		if at.Kind != shell.Simple || len(at.Words) == 0 {
			return
		}
		switch name, _ := literal(at.Words[0]); name {
		case "cd":
			again := slices.ContainsFunc(above, func(a *shell.Node) bool {
				return a.Kind == shell.For || a.Kind == shell.Loop || a.Kind == shell.Function
			})
			n.cd(at.Words[1:], again)
		case "pushd", "popd", "chdir", "eval", ".", "source", "command", "builtin":
			n.lost, n.all = true, true
		case "read", "getopts", "mapfile", "readarray":
			n.all = true
		}
	})
	return n
}

// cd notes the folders that a cd may lead to. again says that it may run more
// than once.
func (n *namer) cd(args []shell.Word, again bool) {
	text, known := "", false
	if len(args) == 1 {
		text, known = n.text(args[0])
	}
	switch {
	case !known || strings.HasPrefix(text, "-") || strings.ContainsAny(text, "\x00\x01") || again && !strings.HasPrefix(text, "/"):
		n.lost = true
	case strings.HasPrefix(text, "/"):
		n.dirs = append(n.dirs, path.Clean(text))
	default:
		for _, dir := range slices.Clone(n.dirs) {
			n.dirs = append(n.dirs, path.Join(dir, text))
		}
	}
}

// text reads a word: what it is known to be, \x00 for each part that is not known,
// \x01 for each pattern.
func (n *namer) text(w shell.Word) (text string, known bool) {
	var b strings.Builder
	known = true
	for _, part := range w.Parts {
		switch {
		case part.Kind == shell.Literal:
			b.WriteString(part.Text)
		case part.Kind == shell.Glob:
			b.WriteByte(1)
		case part.Kind == shell.Parameter && part.Plain && !n.all && !n.assigned[part.Text]:
			if v, ok := n.x.Getenv(part.Text); ok {
				if !part.Quoted {
					v = strings.Map(func(r rune) rune {
						if strings.ContainsRune("*?[", r) {
							return 1
						}
						return r
					}, v)
				}
				b.WriteString(v)
				continue
			}
			fallthrough
		default:
			b.WriteByte(0)
			known = false
		}
	}
	return b.String(), known
}

// given lists what a variable whose value is not certain may have: what the environment
// or the script says.
func (n *namer) given(part shell.Part) (out []string) {
	if v, ok := n.x.Getenv(part.Text); ok {
		out = append(out, v)
	}
	for _, w := range n.values[part.Text] {
		text, _ := n.text(w)
		out = append(out, text)
	}
	return out
}

// remote is a word that names something on another machine.
var remote = lazyregexp.New(`^["'(]?(https?|ftp|git|ssh)://[\w.@:-]+(/|$)`)

// A naming is a path that a word may name.
type naming struct {
	path      string // absolute
	beginning bool   // no more than the beginning is known
}

// names lists the paths that a word may name, wherever in the word they stand, and
// reports whether it could name any other too.
func (n *namer) names(w shell.Word) (out []naming, any bool) {
	text, _ := n.text(w)
	for _, chunk := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`|&<>(){};", r) }) {
		if remote.MatchString(chunk) {
			continue
		}
		for _, piece := range strings.FieldsFunc(chunk, func(r rune) bool { return strings.ContainsRune(",:=@", r) }) {
			if strings.Contains(piece, "\x00") {
				any = true
				piece, _, _ = strings.Cut(piece, "\x00")
				piece += "\x01"
			}
			got, lost := n.piece(piece)
			out, any = append(out, got...), any || lost
		}
	}
	return out, any
}

func (n *namer) piece(piece string) (out []naming, any bool) {
	at := func(p string) {
		if i := strings.IndexByte(p, 1); i >= 0 {
			out = append(out, naming{p[:i], true})
			return
		}
		out = append(out, naming{path.Clean(p), false})
	}
	if strings.HasPrefix(piece, "-") {
		// "-C/dir", "-Cdir"
		if i := strings.Index(piece, "/"); i >= 0 {
			at(piece[i:])
		}
		if len(piece) < 3 || piece[1] == '-' {
			return out, false
		}
		piece = piece[2:]
	}
	if strings.HasPrefix(piece, "/") {
		at(piece)
		return out, false
	}
	for _, dir := range n.dirs {
		at(strings.TrimSuffix(dir, "/") + "/" + piece)
	}
	return out, n.lost
}

// meets reports whether a path is, holds or lies in what is deleted.
func (f naming) meets(what []deletion) bool { return slices.ContainsFunc(what, f.meetsOne) }

func (f naming) meetsOne(t deletion) bool {
	if f.beginning {
		return t.meetsBeginning(f.path)
	}
	return t.meets(f.path)
}

// inFolder reports whether a command reads or writes the folder in force, or what
// is below it, without a word that names it.
func (c *command) inFolder() bool {
	options := c.options()
	has := func(names ...string) bool {
		return slices.ContainsFunc(options, func(o string) bool { return slices.Contains(names, o) })
	}
	args, _ := c.args()
	v, _ := c.verb()
	switch c.name {
	case "tar":
		return !has("-C", "--directory")
	case "unzip":
		return !has("-d")
	case "find":
		return len(args) == 0 || strings.HasPrefix(args[0], "-")
	case "ls", "du":
		return len(c.operands()) == 0
	case "grep", "egrep", "fgrep":
		return has("-r", "-R", "--recursive", "--dereference-recursive")
	case "curl":
		return has("-O", "--remote-name", "-J", "--remote-name-all", "-K", "--config")
	case "wget":
		return !has("-O", "--output-document", "-P", "--directory-prefix")
	case "git":
		return v != "clone" || len(c.operands()) < 3
	case "apt-get", "apt":
		return v == "download"
	case "apk":
		return v == "fetch"
	case "npm", "go", "gem", "pip", "pip2", "pip3", "make", "cmake", "cargo", "rsync", "unxz":
		return true
	}
	return false
}
