package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/syntax"
)

// Touches reports whether the RUN may read, make, change or remove what is at a
// place, or name it: a mount may lie over it, the shell itself opens files for groups
// and loops and matches patterns, and a cd needs its folder.
func (r *Run) Touches(p Place) bool {
	if r.Opaque != "" {
		return true
	}
	return slices.ContainsFunc(r.Mounts, func(m Mount) bool { return m.meets(p) }) || r.touches(p, r.Program.Root.To)
}

// TouchesBefore is as Touches, for what the RUN does before one of its commands.
func (r *Run) TouchesBefore(c *Command, p Place) bool { return r.touches(p, c.Node.From) }

func (r *Run) touches(p Place, end int) bool {
	if r.Program.Ambiguous || len(r.Program.Backgrounds()) > 0 {
		return true
	}
	dirs := r.folders()
	for _, c := range r.Commands {
		if c.Node.From >= end {
			break
		}
		if r.Files(c).Unknown || c.fromList() || c.setsUp() {
			return true
		}
		for _, dir := range dirs {
			if c.inFolder() && p.Meets(Place{Path: dir, All: true}) {
				return true
			}
			// After a cd that may fail, or in a loop, any of them may be in force.
			if (dir == r.dir(c.Node) || path.IsAbs(dir)) && slices.ContainsFunc(c.files(namer{dir, r.value}).All(), p.Meets) {
				return true
			}
		}
	}
	found := false
	r.Program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
		found = found || n.From < end && slices.ContainsFunc(dirs, func(dir string) bool { return namer{dir, r.value}.names(n, p) })
		return !found
	})
	return found
}

// folders lists the folders that commands of the RUN may run in.
func (r *Run) folders() []string {
	dirs := []string{r.dir(r.Program.Root)}
	for _, c := range r.Commands {
		if dir := r.dir(c.Node); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// meets reports whether a mount may lie over a place.
func (m Mount) meets(p Place) bool {
	switch {
	case m.Target == "" && (m.Type == "secret" || m.Type == "ssh"):
		return false // in /run
	case !path.IsAbs(m.Target) || strings.Contains(m.Target, "$"):
		return true
	}
	return p.Meets(Place{Path: path.Clean(m.Target), All: true})
}

// setsUp reports whether a command changes how others run, or runs behind one that
// does.
func (c *Command) setsUp() bool {
	switch c.Name {
	case "alias", "hash", "shopt", "wait":
		return true
	}
	return slices.ContainsFunc(c.Prefix, func(w shell.Word) bool {
		s := Shape(w)
		return s != "sudo" && s != "env" && s != "-E" && s != "-H" && s != "-n" && !strings.Contains(s, "=")
	})
}

// fromList reports whether a command may work on files whose names it finds in
// another file, or on its standard input.
func (c *Command) fromList() bool {
	given, operands := c.args()
	switch c.Name {
	case "tar":
		return given.has("-T", "-P", "--files-from", "--absolute-names")
	case "wc", "du", "sort":
		return given.has("--files0-from")
	}
	if !strings.HasSuffix(c.Name, "sum") || !given.has("-c", "--check") {
		return false
	}
	// echo "… /tmp/a.tgz" | sha256sum -c -
	pipe := c.Context.Parent
	told := pipe != nil && pipe.Kind == shell.Pipe && len(pipe.Children) == 2 && len(pipe.Children[0].Words) > 0 && speaks(pipe.Children[0])
	return !told || slices.ContainsFunc(operands, func(w shell.Word) bool { return Shape(w) != "-" })
}

// inFolder reports whether a command works in the folder in force without a word
// that names it.
func (c *Command) inFolder() bool {
	given, operands := c.args()
	switch c.Name {
	case "ls", "du":
		return len(operands) == 0
	case "grep", "egrep", "fgrep":
		return given.has("-r", "-R", "--recursive", "--dereference-recursive")
	case "curl":
		return given.has("-O", "--remote-name", "-J", "--remote-name-all")
	case "wget":
		return !given.has("-O", "--output-document", "-P", "--directory-prefix")
	case "git":
		return len(operands) < 3
	case "tar":
		return !given.has("-C", "--directory")
	}
	return c.Call != nil && c.Call.Verb == pkgmgr.Download
}

// names reports whether a word of a node, or the target of a redirection, may name a
// place.
func (n namer) names(at *shell.Node, p Place) bool {
	meets := func(w shell.Word, speech bool) bool {
		places, any := n.said(w)
		return any && !speech || slices.ContainsFunc(places, p.Meets)
	}
	for i, w := range at.Words {
		if i == 0 && (at.Kind == shell.Simple || at.Kind == shell.Declare) && !strings.Contains(Shape(w), "/") {
			continue // a program of the PATH
		}
		if meets(w, speaks(at)) {
			return true
		}
	}
	for _, a := range at.Assigns {
		if meets(a.Value, false) || slices.ContainsFunc(a.Elems, func(w shell.Word) bool { return meets(w, false) }) {
			return true
		}
	}
	return slices.ContainsFunc(at.Redirs, func(r shell.Redir) bool { return r.Heredoc || meets(r.Target, false) })
}

// speaks reports whether a command only says what its words are.
func speaks(n *shell.Node) bool {
	if n.Kind != shell.Simple || len(n.Words) == 0 {
		return false
	}
	name, _ := n.Words[0].Literal()
	return name == "echo" || name == "printf"
}

// said lists the places that a word may name, wherever in it they stand, and reports
// whether it may name any other.
func (n namer) said(w shell.Word) (out []Place, any bool) {
	for _, piece := range strings.FieldsFunc(n.text(w), func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`|&<>(){};,:=@", r) }) {
		any = any || strings.Contains(piece, "\x00")
		if strings.HasPrefix(piece, "-") {
			// "-C/dir"
			_, after, ok := strings.Cut(piece, "/")
			if !ok {
				continue
			}
			piece = "/" + after
		}
		if !strings.HasPrefix(piece, "/") {
			if n.dir == "" {
				any = true
				continue
			}
			// That of the base is / where nobody says otherwise.
			piece = strings.TrimPrefix(n.dir, workdir) + "/" + piece
		}
		p := Place{Path: path.Clean(piece)}
		if at := strings.IndexAny(piece, "\x00\x01"); at >= 0 {
			p = Place{Path: path.Dir(piece[:at] + "x"), All: true}
		}
		out = append(out, p)
	}
	return out, any
}

// text is a word's text, with "\x00" for what is not known and "\x01" for a pattern.
func (n namer) text(w shell.Word) string {
	var b strings.Builder
	for _, part := range w.Parts {
		v, known := "", false
		if part.Kind == shell.Parameter && part.Plain {
			v, known, _ = n.value(part.Text)
		}
		switch {
		case part.Kind == shell.Literal:
			b.WriteString(part.Text)
		case part.Kind == shell.Glob:
			b.WriteByte(1)
		case known && (part.Quoted || !strings.ContainsAny(v, "*?[")):
			b.WriteString(v)
		default:
			b.WriteByte(0)
		}
	}
	return b.String()
}

// Spelled is a word of a command as the path that it may name, absolute where the folder
// is known: "\x00" stands for what is not known, "\x01" for a pattern. "~" is kept.
func (r *Run) Spelled(c *Command, w shell.Word) string {
	n := namer{r.dir(c.Node), r.value}
	parts := slices.Clone(w.Parts)
	for i, part := range parts {
		home := part.Kind == shell.Parameter && part.Plain && part.Text == "HOME"
		if _, known, _ := r.value(part.Text); part.Kind == shell.Tilde || home && !known {
			parts[i] = shell.Part{Kind: shell.Literal, Text: "/~"}
		}
	}
	w.Parts = parts
	text := n.text(w)
	switch {
	case strings.HasPrefix(text, "-"):
		// "-o/dir/file", "--output=file"
		if at := strings.IndexAny(text, "/\x00\x01"); at >= 0 {
			return text[at:]
		}
		return text
	case strings.HasPrefix(text, "/"), strings.HasPrefix(text, "\x00"):
	case n.dir == "":
		text = "\x00/" + text
	default:
		text = strings.TrimPrefix(n.dir, workdir) + "/" + text
	}
	return Cleaned(text)
}

// Cleaned is the shortest name of a path. "\x00" and "\x01" stand for what is not known: of
// "\x00/../etc" no more is left than that it ends with "/etc".
func Cleaned(text string) string {
	if at := strings.LastIndexAny(text, "\x00\x01"); at >= 0 && strings.Contains(text[at:], "..") {
		return "\x00" + path.Clean("/"+text[at+1:])
	}
	return path.Clean(text)
}

// NamedLater reports whether one of the instructions may use a file or folder.
func (f *File) NamedLater(later []*syntax.Instruction, place Place) bool {
	name := path.Base(place.Path)
	return slices.ContainsFunc(later, func(in *syntax.Instruction) bool {
		text := in.Text.String()
		switch in.Name {
		case "run":
			if f.Run(in).Touches(place) {
				return true
			}
		case "cmd", "entrypoint", "healthcheck", "onbuild", "env", "copy", "add", "workdir", "volume":
		default:
			return false
		}
		// A bare word is a program's name as often as a folder's.
		return strings.Contains(text, place.Path) || path.Ext(name) != "" && strings.Contains(text, name)
	})
}

// takesUsers are programs whose bare words are names of users and groups.
var takesUsers = map[string]bool{"getent": true, "id": true, "passwd": true, "su": true, "gpasswd": true, "usermod": true, "useradd": true, "adduser": true,
	"groupadd": true, "groupmod": true, "addgroup": true, "deluser": true, "delgroup": true, "userdel": true}

// fromHere reports whether a word names a folder, one above or one below, from where the
// command runs: the root, for all that is known, in an image of which nothing is known.
func (r *Run) fromHere(c *Command, of folder) kinship {
	if c.Call != nil || c.Builtin() || c.Name == "rm" && option(words(c.Args), "f", "--force") || strings.HasPrefix(of.dir, "~") {
		return apart
	}
	from := r.Dir(c)
	if !path.IsAbs(from) {
		from = "/"
	}
	most, owner := apart, c.Name == "chown" || c.Name == "chgrp"
	for _, w := range c.Args {
		text, ok := unquoted(w).Literal()
		if ok && !strings.HasPrefix(text, "-") && !strings.Contains(text, "/") && (owner || takesUsers[c.Name]) {
			owner = false
			continue // the name of a user or a group
		}
		if text = strings.TrimRight(text, "/"); !ok || text == "" || strings.ContainsAny(text[:1], "/-~$") {
			continue
		}
		if to := path.Join(from, text); to != "/" {
			most = max(most, of.named(to))
		}
	}
	return most
}
