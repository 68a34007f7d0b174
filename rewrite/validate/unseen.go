package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/syntax"
)

// An unseen finds what words of a script may name without spelling it out: by a variable
// that the image sets, or by what a command says.
type unseen struct {
	*namer
	image   string // the official image; "" for another
	blind   bool   // a script that it reads may set any variable,
	sourced bool   // which counts
	values  map[string][]shell.Word
	open    map[string]bool // the variables that are being looked at
	left    int             // how many words may still be read: each of a variable's values may be of others
}

// imageFolders are the folders that official images name by variables, where a package
// manager keeps its cache there or below.
var imageFolders = map[string]string{
	"golang GOPATH": "/go",
	"ruby GEM_HOME": "/usr/local/bundle", "ruby BUNDLE_PATH": "/usr/local/bundle", "ruby BUNDLE_APP_CONFIG": "/usr/local/bundle",
	"rust CARGO_HOME": "/usr/local/cargo", "rust RUSTUP_HOME": "/usr/local/rustup",
	"composer COMPOSER_HOME": "/tmp",
}

// ledInto refuses a clean-up or a mount in whose folder, or above, a WORKDIR has a later RUN
// stand by a variable of an official image, which no made-up base sets.
func (d *declared) ledInto(doc *syntax.Document) *Rejection {
	given := map[string]bool{} // by the file
	stands := ""
	for _, in := range doc.Instructions {
		switch in.Name {
		case "from":
			stands = ""
		case "env", "arg":
			for _, p := range in.Pairs {
				given[p.Key.Value] = true
			}
		case "workdir":
			stands = ""
			for key, folder := range imageFolders {
				_, name, _ := strings.Cut(key, " ")
				text := strings.ReplaceAll(in.Body.String(), "${"+name+"}", "$"+name)
				if rest, ok := strings.CutPrefix(text, "$"+name); ok && !given[name] && (rest == "" || rest[0] == '/') {
					stands = path.Clean(folder + rest)
				}
			}
		case "run":
			if stands == "" {
				continue
			}
			for _, k := range d.cleanups {
				if !strings.Contains(in.Text.String(), k.Command) && slices.ContainsFunc(k.Paths, func(p string) bool { return under(p, stands) || under(stands, p) }) {
					return reject("WORKDIR leads %q to %s, which the clean-up %q empties", brief(in.Text.String()), stands, k.Command)
				}
			}
			if slices.ContainsFunc(d.mounts, func(m change.MountAdded) bool { return under(stands, m.Target) }) {
				return reject("WORKDIR leads %q to %s, which a mount hides", brief(in.Text.String()), stands)
			}
		}
	}
	return nil
}

// unseenIn reads a program of an operation.
func (m *matcher) unseenIn(op *compile.Op, p *shell.Program) *unseen {
	n := m.library.namer(op.Exec, p)
	u := &unseen{namer: n, image: officialBase(op), values: map[string][]shell.Word{}, open: map[string]bool{}}
	for name, words := range n.values {
		u.values[name] = words
	}
	for _, c := range m.library.commands(p) {
		switch c.name {
		case "eval", ".", "source":
			u.blind = true
		case "read", "getopts", "mapfile", "readarray":
			for _, w := range c.operands() {
				if text, ok := literal(w); ok {
					u.values[text] = append(u.values[text], shell.Word{Parts: []shell.Part{{Kind: shell.Parameter, Text: "@"}}})
				}
			}
		}
	}
	return u
}

// officialBase is the image of Docker Hub's library that an operation stands on, where it
// is one whose Dockerfile has been read.
func officialBase(op *compile.Op) string {
	for at := op; at != nil; at = primary(at).Op {
		if at.Source == nil {
			continue
		}
		name, ok := strings.CutPrefix(at.Source.Identifier, "docker-image://docker.io/library/")
		name, _, _ = strings.Cut(name, "@")
		if name, _, _ = strings.Cut(name, ":"); ok && unused[name] {
			return name
		}
	}
	return ""
}

// mayReach reports whether a command may read what is in one of the folders, or go there,
// by such a word; all counts what it writes to, too.
func (u *unseen) mayReach(c *command, folders []string, all bool) bool {
	u.left = 1000
	u.sourced = u.blind && !all
	return slices.ContainsFunc(c.lookedAt(all), func(w shell.Word) bool {
		if !slices.ContainsFunc(w.Parts, func(p shell.Part) bool { return p.Kind != shell.Literal && (p.Kind != shell.Tilde || !all) }) {
			return false // others look at what is spelled out
		}
		return slices.ContainsFunc(u.spellings(w), func(text string) bool {
			return slices.ContainsFunc(strings.Fields(text), func(t string) bool { return u.reaches(t, folders) })
		})
	})
}

// reaches reports whether a text may be a path to one of the folders, in one or above:
// \x00 is anything, \x01 a pattern, \x02 what leads to none of them.
func (u *unseen) reaches(text string, folders []string) bool {
	if name, value, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(name, "/\x00\x01\x02") {
		text = value
	} else if strings.HasPrefix(text, "-") {
		if text = text[min(2, len(text)):]; text == "" || !strings.ContainsAny(text[:1], "/\x00") {
			return false
		}
	}
	switch {
	case text == "" || text[0] == 2:
		return false
	case text[0] == 0:
		return true
	case text[0] == '/':
		return meetsAny(text, folders)
	}
	return slices.ContainsFunc(u.dirs, func(dir string) bool { return meetsAny(strings.TrimSuffix(dir, "/")+"/"+text, folders) })
}

func meetsAny(text string, folders []string) bool {
	head, whole := text, true
	if i := strings.IndexAny(text, "\x00\x01\x02"); i >= 0 {
		head, whole = text[:i], false
	}
	if path.Clean(head) == "/" {
		return false
	}
	if strings.Contains(head, "/..") {
		open := strings.HasSuffix(head, "/")
		if head = path.Clean(head); open {
			head += "/"
		}
	}
	return slices.ContainsFunc(folders, func(f string) bool {
		if whole {
			return under(f, path.Clean(head)) || under(path.Clean(head), f)
		}
		return strings.HasPrefix(f, head) || strings.HasPrefix(head, f+"/")
	})
}

// spellings lists what a word may be.
func (u *unseen) spellings(w shell.Word) []string {
	if u.left--; u.left < 0 {
		return []string{"\x00"}
	}
	out := []string{""}
	for _, part := range w.Parts {
		var next []string
		for _, end := range u.ofPart(part) {
			for _, start := range out {
				next = append(next, start+end)
			}
		}
		if out = next; len(out) > 100 {
			return []string{"\x00"}
		}
	}
	return out
}

func (u *unseen) ofPart(p shell.Part) []string {
	switch {
	case p.Kind == shell.Literal:
		return []string{p.Text}
	case p.Kind == shell.Tilde:
		return u.home()
	case p.Kind == shell.Glob || p.Kind == shell.Brace:
		return []string{"\x01"}
	case p.Kind == shell.Command && u.asksGo(p.Node):
		out := u.ofVariable("GOPATH")
		if i := slices.Index(out, ""); i >= 0 {
			out[i] = "/root/go"
		}
		return out
	case p.Kind == shell.Command && !u.speaksOfNone(p.Node):
		return []string{"\x00"}
	case p.Kind == shell.Parameter && p.Plain:
		return u.ofVariable(p.Text)
	case p.Kind == shell.Parameter:
		// What an operator makes of a path may be anything above it.
		list := u.ofVariable(p.Text)
		for _, w := range p.Words {
			list = append(slices.Clip(list), u.spellings(w)...)
		}
		if slices.ContainsFunc(list, func(t string) bool { return strings.ContainsAny(t, "/\x00") }) {
			return []string{"\x00"}
		}
	}
	return []string{"\x02"}
}

func (u *unseen) home() []string {
	out := []string{"/root"}
	if home, ok := u.x.Getenv("HOME"); ok && home != compile.FullHome {
		out = append(out, home)
	}
	return out
}

func (u *unseen) ofVariable(name string) (out []string) {
	switch {
	case name == "HOME":
		return u.home()
	case shellGives[name]:
		return []string{"\x02"}
	case name == "" || strings.Trim(name[:1], "0123456789@*") == "" || u.sourced || u.open[name]:
		return []string{"\x00"}
	}
	words, ours := u.values[name]
	u.open[name] = true
	for _, w := range words {
		if out = append(out, u.spellings(w)...); u.left < 0 {
			break
		}
	}
	delete(u.open, name)
	if v, ok := u.x.Getenv(name); ok {
		return append(out, v)
	}
	switch folder := imageFolders[u.image+" "+name]; {
	case folder != "":
		return append(out, folder)
	case u.image != "":
		return append(out, "", "\x02")
	case ours:
		return out
	}
	return []string{"\x00"}
}

// shellGives are variables that the shell, or BuildKit, gives a value that is no cache.
var shellGives = setOf(`PWD OLDPWD RANDOM SRANDOM SECONDS LINENO PPID UID EUID BASHPID OPTARG OPTIND HOSTNAME ? # $ ! -
	TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDOS BUILDARCH BUILDVARIANT`)

// speaksOfNone reports whether what commands print is known to be no path to a cache.
func (u *unseen) speaksOfNone(n *shell.Node) bool {
	sure := n != nil
	walk(n, func(at *shell.Node, _ []*shell.Node) {
		if at.Kind != shell.Simple || len(at.Words) == 0 {
			return
		}
		switch name, _ := literal(at.Words[0]); {
		case name == "echo" || name == "printf":
			for _, w := range at.Words[1:] {
				sure = sure && !slices.ContainsFunc(u.spellings(w), func(t string) bool { return strings.ContainsAny(t, "/\x00") })
			}
		case !printsNone[name]:
			sure = false
		}
	})
	return sure
}

// asksGo reports whether commands are no more than "go env GOPATH".
func (u *unseen) asksGo(n *shell.Node) bool {
	var said []string
	walk(n, func(at *shell.Node, _ []*shell.Node) {
		for _, w := range at.Words {
			text, _ := literal(w)
			said = append(said, text)
		}
	})
	return slices.Equal(said, []string{"go", "env", "GOPATH"})
}

// printsNone are commands that print numbers, names or where a program lies, and filters.
var printsNone = setOf(`nproc uname arch dpkg dpkg-architecture date id whoami hostname which command type lsb_release getconf mktemp pwd
	expr seq curl wget sed grep egrep awk cut tr head tail sort uniq jq`)

// readsNone are programs that read no file which an operand names.
var readsNone = setOf(`true false : pwd sleep date uname id whoami hostname arch nproc expr seq basename dirname mkdir rmdir mktemp touch tee chmod chown chgrp
	useradd adduser usermod groupadd addgroup groupmod userdel deluser groupdel delgroup chpasswd curl wget git which type env apt-mark dpkg-query apt-key gpg gpgconf
	set export unset read readonly local shift exit return umask ulimit alias hash shopt wait break continue`)

// lookedAt are the words of a command that name what it reads, or a folder that it goes
// to; with all also what it writes to.
func (c *command) lookedAt(all bool) (out []shell.Word) {
	for _, r := range c.node.Redirs {
		if r.Op == "<" || all && !r.Heredoc {
			out = append(out, r.Target)
		}
	}
	if len(c.words) < 2 {
		return out
	}
	args := c.words[1:]
	switch c.name {
	case "echo", "printf", "npm", "yarn", "go", "gem", "apt-get", "apt", "apk", "dnf", "yum", "microdnf", "zypper", "pacman", "bundle", "composer", "pip", "pip2", "pip3", "pecl", "uv":
		return out
	case "rm":
		if c.has("-f", "--force") || slices.Contains(c.options(), "-f") {
			return out
		}
	case "[", "test":
		for i := 1; i < len(args); i++ {
			if before, _ := literal(args[i-1]); setOf("-d -e -f -s -r -w -x -L -h")[before] {
				out = append(out, args[i])
			}
		}
		return out
	}
	switch {
	case all && readsNone[c.name]:
		return append(out, c.writesTo()...)
	case all:
		return append(out, args...)
	}
	operands := c.operands()
	switch c.name {
	case "cp", "mv", "ln", "install":
		if len(operands) > 1 && !slices.Contains(c.options(), "-t") && !c.has("--target-directory") {
			last := operands[len(operands)-1]
			args = slices.DeleteFunc(slices.Clone(args), func(w shell.Word) bool { return w.From == last.From })
		}
	case "grep", "egrep", "fgrep", "sed", "awk", "gawk", "jq":
		if len(operands) > 0 {
			args = slices.DeleteFunc(slices.Clone(args), func(w shell.Word) bool { return w.From == operands[0].From })
		}
	case "tar", "unzip", "bsdtar":
		first, _ := literal(args[0])
		if c.name != "unzip" && !slices.Contains(c.options(), "-x") && !c.has("--extract", "--get") && (strings.HasPrefix(first, "-") || !strings.Contains(first, "x")) {
			break
		}
		for i, w := range args {
			before := ""
			if i > 0 {
				before, _ = literal(args[i-1])
			}
			if !setOf("-C --directory -d")[before] && !strings.HasPrefix(beginning(w), "-C") && !strings.HasPrefix(beginning(w), "--directory") {
				out = append(out, w)
			}
		}
		return out
	default:
		if readsNone[c.name] {
			return out
		}
	}
	return append(out, args...)
}

// writesTo are the words of a command that reads none of them which name what it writes to.
func (c *command) writesTo() (out []shell.Word) {
	v, _ := c.verb()
	switch operands := c.operands(); {
	case setOf("mkdir rmdir touch tee")[c.name]:
		return operands
	case c.name == "git" && v == "clone":
		return operands[len(operands)-1:]
	case c.name == "curl" || c.name == "wget":
		for i, w := range c.words[1:] {
			before, _ := literal(c.words[i])
			if strings.HasPrefix(beginning(w), "--output") || setOf("-o -O -P --output --output-document --directory-prefix")[before] {
				out = append(out, w)
			}
		}
	}
	return out
}
