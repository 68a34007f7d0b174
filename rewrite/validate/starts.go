package validate

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// atStart are files that are read when a RUN starts, and not again in it: those of users,
// that the loader reads, and the shell. Programs are those of the folders in front.
var (
	atStart     = setOf("/etc/passwd /etc/group /etc/alternatives/sh /etc/ld.so.preload")
	startShells = setOf("sh bash dash ash busybox zsh")
)

// startFile reports whether a path is such a file.
func startFile(p string) bool {
	dir := path.Dir(p)
	return atStart[p] || startShells[path.Base(p)] && (dir == "/bin" || dir == "/usr/bin")
}

// startPaths are all of them.
var startPaths = func() []string {
	out := slices.Collect(maps.Keys(atStart))
	for name := range startShells {
		out = append(out, "/bin/"+name, "/usr/bin/"+name)
	}
	return out
}()

// writtenAtStart names a command of a script that may write or remove what is read when
// a RUN starts.
func (d *deriver) writtenAtStart(p *shell.Program, list []command) string {
	n := d.library.namer(d.op.Exec, p)
	links := d.startLinks(d.op, list, n)
	atStart := func(w written) bool {
		return n.atStart(w) || slices.ContainsFunc(n.paths(w), func(p string) bool { return links.lead(p) })
	}
	for _, c := range list {
		for _, w := range c.written() {
			if atStart(w) {
				return c.name
			}
		}
	}
	found := ""
	walk(p.Root, func(at *shell.Node, _ []*shell.Node) {
		for _, r := range at.Redirs {
			if strings.Contains(r.Op, ">") && r.Op != ">&" && !r.Heredoc && atStart(written{r.Target, false}) {
				found = "a redirection"
			}
		}
	})
	return found
}

// A written is a word that names what a command writes, with all that is in it or not.
type written struct {
	word shell.Word
	all  bool
}

// written lists what a command writes or removes, as far as its words say it.
func (c *command) written() []written {
	ops := c.operands()
	tree := c.takes("r R a", "--recursive")
	each := func(ws []shell.Word, all bool) (out []written) {
		for _, w := range ws {
			out = append(out, written{w, all})
		}
		return out
	}
	switch c.name {
	case "chmod", "chown", "chgrp":
		if len(ops) > 0 && !c.has("--reference") {
			ops = ops[1:]
		}
		return each(ops, tree)
	case "rm", "rmdir", "unlink", "touch", "truncate", "tee", "gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz", "zstd":
		return each(ops, tree)
	case "sed":
		if c.takes("i", "--in-place") {
			return each(ops, false)
		}
	case "find":
		if c.has("-delete") {
			return each(ops, true)
		}
	case "git":
		return each(ops[min(2, len(ops)):], true)
	case "cp", "mv", "ln", "install":
		return c.put(ops, tree)
	case "tar":
		if c.takes("c r u A", "--create --append --update --catenate") {
			return each(ops, false) // the archive is one of them
		}
	case "curl", "wget":
		return each(c.saved(), false)
	}
	return nil
}

// put lists what a command puts somewhere by the names that it has, and what it takes
// away from where it was.
func (c *command) put(ops []shell.Word, tree bool) (out []written) {
	if len(ops) < 2 || c.has("-t", "--target-directory") {
		for _, w := range ops {
			out = append(out, written{w, true})
		}
		return out
	}
	to := ops[len(ops)-1]
	out = append(out, written{to, false})
	for _, from := range ops[:len(ops)-1] {
		if c.name == "mv" {
			out = append(out, written{from, true})
		}
		out = append(out, written{below(to, from), tree || c.name == "mv"})
	}
	return out
}

// below is the word for what lies in a folder by the last name of another word.
func below(dir, from shell.Word) shell.Word {
	parts := append(slices.Clone(dir.Parts), shell.Part{Kind: shell.Literal, Text: "/"})
	return shell.Word{Range: dir.Range, Parts: append(parts, lastName(from).Parts...)}
}

// lastName is what a word says behind its last slash.
func lastName(w shell.Word) shell.Word {
	start := 0
	for i, p := range w.Parts {
		if p.Kind == shell.Literal && strings.Contains(p.Text, "/") {
			start = i
		}
	}
	w.Parts = w.Parts[start:]
	return behind(w, strings.LastIndexByte(beginning(w), '/')+1)
}

// beginning is the text that a word begins with, as far as it stands for itself.
func beginning(w shell.Word) string {
	if len(w.Parts) > 0 && w.Parts[0].Kind == shell.Literal {
		return w.Parts[0].Text
	}
	return ""
}

// behind is a word without so many bytes of its beginning.
func behind(w shell.Word, n int) shell.Word {
	if n > 0 {
		w.Parts = slices.Clone(w.Parts)
		w.Parts[0].Text = w.Parts[0].Text[n:]
	}
	return w
}

// saved lists the files to which a download goes, and what else it writes. What is named
// after an address lands in the folder in force.
func (c *command) saved() []shell.Word {
	out := c.outputs()
	for i, w := range c.words[1:] {
		switch text := beginning(w); {
		case remote.MatchString(text):
			out = append(out, lastName(w))
		case c.name == "wget" && (text == "-P" || text == "--directory-prefix") && i+2 < len(c.words):
			out = append(out, c.words[i+2])
			for _, address := range c.operands() {
				out = append(out, below(c.words[i+2], address))
			}
		}
	}
	return out
}

// writing are the options of downloads that name a file which is written: letters, names.
var writing = map[string][2]string{
	"curl": {"oDc", "--output --dump-header --stderr --trace --trace-ascii --cookie-jar --etag-save --hsts --alt-svc --libcurl"},
	"wget": {"Ooa", "--output-document --output-file --append-output --save-cookies --hsts-file --rejected-log --warc-file"},
}

// outputs lists the files that such options name.
func (c *command) outputs() (out []shell.Word) {
	letters, names := writing[c.name][0], strings.Fields(writing[c.name][1])
	for i, w := range c.words[1:] {
		text, rest := beginning(w), c.words[i+2:]
		if len(text) < 2 || text[0] != '-' {
			continue
		}
		name, _, joined := strings.Cut(text, "=")
		at := strings.IndexAny(text, letters)
		long := text[1] == '-'
		switch {
		case long && !slices.ContainsFunc(names, func(full string) bool { return abbreviates(text, full) }), !long && at < 0:
		case long && joined:
			out = append(out, behind(w, len(name)+1))
		case !long && (at+1 < len(text) || len(w.Parts) > 1):
			out = append(out, behind(w, at+1))
		case len(rest) > 0:
			out = append(out, rest[0])
		}
	}
	return slices.DeleteFunc(out, func(w shell.Word) bool { text, _ := literal(w); return text == "-" })
}

// atStart reports whether a word may name what is read when a RUN starts.
func (n *namer) atStart(w written) bool {
	return slices.ContainsFunc(n.paths(w), func(p string) bool { return meetsStart(p, w.all) })
}

// paths lists what a word may name, clean; \x00 and \x01 stand in it for what is not
// known. A home is none of the folders in which the files lie, but they may lie above it.
func (n *namer) paths(w written) (out []string) {
	first := shell.Part{}
	if len(w.word.Parts) > 0 {
		first = w.word.Parts[0]
	}
	text, _ := n.text(w.word)
	if home := first.Kind == shell.Tilde || first.Kind == shell.Parameter && first.Plain && first.Text == "HOME" && !n.assigned["HOME"]; home {
		if !strings.Contains(text, "..") {
			return nil
		}
		rest, _ := n.text(shell.Word{Parts: w.word.Parts[1:]})
		text = "\x00" + rest
	}
	switch {
	case strings.HasPrefix(text, "/"), strings.HasPrefix(text, "\x00"):
		out = append(out, text)
	case n.lost:
		out = append(out, "\x00/"+text)
	default:
		for _, dir := range n.dirs {
			out = append(out, strings.TrimSuffix(dir, "/")+"/"+text)
		}
	}
	for i, p := range out {
		out[i] = shortest(p)
	}
	return out
}

// shortest is the shortest name of a path: what ".." takes off what is not known is not
// known either.
func shortest(p string) string {
	if i := strings.LastIndexAny(p, "\x00\x01"); i >= 0 && strings.Contains(p[i:], "..") {
		return "\x00" + path.Clean("/"+p[i+1:])
	}
	return path.Clean(p)
}

// meetsStart is atStart for a text, with all that is below it.
func meetsStart(text string, all bool) bool {
	i := strings.IndexAny(text, "\x00\x01")
	if i < 0 {
		return startFile(text) || all && slices.ContainsFunc(startPaths, func(f string) bool { return under(f, text) })
	}
	begins, ends := text[:i], text[strings.LastIndexAny(text, "\x00\x01")+1:]
	fits := func(f string) bool {
		return len(f) >= len(begins)+len(ends) && strings.HasPrefix(f, begins) && strings.HasSuffix(f, ends)
	}
	return slices.ContainsFunc(startPaths, func(f string) bool {
		for ; f != "/"; f = path.Dir(f) {
			if fits(f) {
				return true
			}
			if !all {
				return false
			}
		}
		return fits("/")
	})
}
