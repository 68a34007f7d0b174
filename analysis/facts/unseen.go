package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// What a word names that does not spell it out: by a variable that the image sets, or by
// what a substitution says.

// imageVariables are those by which an official image names a folder where a package
// manager keeps its cache, or one above. Source: their Dockerfiles.
var imageVariables = map[string]map[string]string{
	"golang":   {"GOPATH": "/go"},
	"ruby":     {"GEM_HOME": "/usr/local/bundle", "BUNDLE_APP_CONFIG": "/usr/local/bundle", "BUNDLE_PATH": "/usr/local/bundle"},
	"rust":     {"CARGO_HOME": "/usr/local/cargo", "RUSTUP_HOME": "/usr/local/rustup"},
	"composer": {"COMPOSER_HOME": "/tmp"},
}

// imageSets is what the image that a stage stands on gives a variable which the file does
// not set. It is not ok where nobody knows; "" is a value that leads to no cache.
func (f *File) imageSets(s *stage.Stage, name string) (value string, ok bool) {
	b := f.Base(s)
	if b == nil || !b.Named {
		return "", false
	}
	return imageVariables[b.Name][name], true
}

// Standing is the folder that a WORKDIR leads a RUN to, by variables of the image too; ""
// where none does.
func (f *File) Standing(r *Run) string { return f.standings(r.Stage)[r.In] }

type standingIn struct{ *stage.Stage }

// standings finds it for each RUN of a stage, and for nil what it is behind all.
func (f *File) standings(s *stage.Stage) map[*syntax.Instruction]string {
	return Once(f, standingIn{s}, func() map[*syntax.Instruction]string {
		out, dir := map[*syntax.Instruction]string{}, ""
		if s.Parent != nil {
			dir = f.standings(s.Parent)[nil]
		}
		for _, in := range s.Instructions {
			switch in.Name {
			case "workdir":
				text, err := f.Doc.Expand(in.Body.String(), func(name string) (string, bool) {
					if v := f.Stages().Lookup(in, name); v.Is != stage.Unknown {
						return v.Text, v.Is != stage.Unset
					}
					value, _ := f.imageSets(s, name)
					return value, value != ""
				})
				if dir = path.Join(dir, text); err != nil || path.IsAbs(text) {
					dir = path.Clean(text)
				}
			case "run":
				out[in] = dir
			}
		}
		out[nil] = dir
		return out
	})
}

// What stands in a text for what the words do not say.
const (
	anything = "\x00" // any path
	pattern  = "\x01"
	other    = "\x02" // what leads to no cache: a number, a version, a program
)

// An unseen reads words of a RUN for what they may name.
type unseen struct {
	*File
	*Run
	deep int  // how many variables led here
	left *int // how many words may still be read: each of a variable's values may be of others
}

// mostRead bounds the words that are read for one command.
const mostRead = 1000

// MayName reports whether a command may read what is in a folder, or go there, by a word
// that does not say so. all asks for words that it only writes to, too.
func (f *File) MayName(r *Run, c *Command, dir string, all bool) bool {
	left := mostRead
	u, dirs := unseen{f, r, 0, &left}, f.homes(r, dir)
	return slices.ContainsFunc(c.paths(all), func(w shell.Word) bool {
		// What spells all out others look at.
		return slices.ContainsFunc(w.Parts, func(p shell.Part) bool { return p.Kind != shell.Literal && p.Kind != shell.Tilde }) &&
			slices.ContainsFunc(u.texts(w), func(text string) bool {
				return slices.ContainsFunc(strings.Fields(text), func(t string) bool {
					return slices.ContainsFunc(dirs, func(dir string) bool { return leads(t, r.Dir(c), dir) })
				})
			})
	})
}

// homes lists where a folder below "~" may lie; another folder is where it is.
func (f *File) homes(r *Run, dir string) []string {
	below, ok := strings.CutPrefix(dir, "~")
	if !ok {
		return []string{dir}
	}
	out := []string{"/root" + below, below}
	if user, _, _ := strings.Cut(f.Stages().User(r.In).Text, ":"); user != "" {
		out = append(out, "/home/"+user+below)
	}
	if home := f.Stages().Lookup(r.In, "HOME").Text; path.IsAbs(home) {
		out = append(out, path.Join(home, below))
	}
	return out
}

// fromHome reports whether a word names a folder below "~", or one above, from where the
// command runs.
func (f *File) fromHome(r *Run, c *Command, dir string) bool {
	return strings.HasPrefix(dir, "~") && slices.ContainsFunc(f.homes(r, dir), func(dir string) bool { return r.fromHere(c, folder{dir: dir}) != apart })
}

// leads reports whether a text, as seen from a folder, may lead to another, to one above
// or to one below.
func leads(text, from, dir string) bool {
	if name, value, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(name, "/\x00\x01\x02") {
		text = value // --directory=…, if=…
	} else if strings.HasPrefix(text, "-") {
		if len(text) < 3 || !strings.ContainsAny(text[2:3], "/~\x00") {
			return false
		}
		text = text[2:] // -C…
	}
	switch {
	case strings.HasPrefix(text, anything):
		return true
	case text == "" || strings.HasPrefix(text, other):
		return false
	case strings.HasPrefix(text, "~"):
		text = "/root" + strings.TrimPrefix(strings.TrimPrefix(text, "~"), "root")
	case !strings.HasPrefix(text, "/"):
		if !path.IsAbs(from) {
			return false
		}
		text = strings.TrimSuffix(from, "/") + "/" + text
	}
	at := strings.IndexAny(text, anything+pattern+other)
	if at < 0 {
		text = path.Clean(text)
		return text != "/" && near(text, dir)
	}
	head := climbed(text[:at])
	return head != "/" && (strings.HasPrefix(dir, head) || strings.HasPrefix(head, dir+"/"))
}

// climbed is the beginning of a path without "..".
func climbed(head string) string {
	if !strings.Contains(head, "/..") {
		return head
	}
	out := path.Clean(head)
	if out != "/" && strings.HasSuffix(head, "/") {
		out += "/"
	}
	return out
}

// texts lists what a word may be.
func (u unseen) texts(w shell.Word) []string {
	if *u.left--; *u.left < 0 {
		return []string{anything}
	}
	out := []string{""}
	for _, part := range w.Parts {
		var longer []string
		for _, more := range u.part(part) {
			for _, text := range out {
				longer = append(longer, text+more)
			}
		}
		if out = longer; len(out) > 64 {
			return []string{anything}
		}
	}
	return out
}

func (u unseen) part(p shell.Part) []string {
	switch p.Kind {
	case shell.Literal, shell.Tilde:
		return []string{p.Text}
	case shell.Glob, shell.Brace:
		return []string{pattern}
	case shell.Command:
		switch {
		case u.saysNoPath(p.Node):
			return []string{other}
		case u.asksGo(p.Node):
			out := u.variable("GOPATH")
			if i := slices.Index(out, ""); i >= 0 {
				out[i] = "~/go"
			}
			return out
		}
		return []string{anything}
	case shell.Parameter:
		if p.Plain {
			return u.variable(p.Text)
		}
		// An operator may cut it down to anything above.
		for _, text := range u.variable(p.Text) {
			if strings.HasPrefix(text, anything) || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~") {
				return []string{anything}
			}
		}
		for _, w := range p.Words {
			if slices.ContainsFunc(u.texts(w), func(t string) bool { return strings.Contains(t, anything) || strings.Contains(t, "/") }) {
				return []string{anything}
			}
		}
	}
	return []string{other}
}

// variable lists what a variable may be.
func (u unseen) variable(name string) []string {
	switch {
	case name == "HOME":
		return []string{"~"}
	case slices.Contains(ofTheShell, name) && name != "_" && name != "REPLY", strings.Trim(name, "?#$!-") == "",
		ofThePlatform[strings.TrimPrefix(strings.TrimPrefix(name, "TARGET"), "BUILD")]:
		return []string{other}
	case !identifier(name), u.deep > 3:
		return []string{anything}
	}
	var out []string
	if words, ours := u.reading.assigned[name]; ours {
		if u.deep++; len(words) == 0 {
			return []string{anything}
		}
		for _, w := range words {
			if out = append(out, u.texts(w)...); *u.left < 0 {
				return []string{anything}
			}
		}
	}
	switch v := u.Stages().Lookup(u.In, name); {
	case v.Is != stage.Unknown:
		return append(out, v.Text) // of an ARG its default
	case u.Stages().SetInFile(u.In, name):
		return append(out, anything)
	}
	if value, ok := u.imageSets(u.Stage, name); value != "" {
		return append(out, value)
	} else if ok {
		return append(out, "", other)
	}
	if out != nil {
		return out
	}
	return []string{anything}
}

// ofThePlatform are the ends of the names of arguments that BuildKit itself gives.
var ofThePlatform = map[string]bool{"PLATFORM": true, "OS": true, "ARCH": true, "VARIANT": true}

// saysNoPath reports whether what a substitution says is certainly no path to a cache.
func (u unseen) saysNoPath(n *shell.Node) bool {
	ok := n != nil
	if ok {
		n.Walk(func(x *shell.Node, _ shell.Context) bool {
			if x.Kind == shell.Simple && len(x.Words) > 0 {
				name, _ := x.Words[0].Literal()
				repeats := name == "echo" || name == "printf"
				ok = ok && (pathless[name] || repeats && !slices.ContainsFunc(x.Words, func(w shell.Word) bool {
					return slices.ContainsFunc(u.texts(w), func(t string) bool { return strings.ContainsAny(t, "/~"+anything) })
				}))
			}
			return ok
		})
	}
	return ok
}

// asksGo reports whether a substitution is $(go env GOPATH).
func (u unseen) asksGo(n *shell.Node) bool {
	return n != nil && slices.Equal(strings.Fields(u.Program.Source(n.Range)), []string{"go", "env", "GOPATH"})
}

// pathless are commands that say no folder of a cache: where programs lie, names, numbers,
// and what filters make of such, of an address or of a file.
var pathless = map[string]bool{}

// unread are known commands that read no file which their words name, but for options.
var unread = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`nproc uname arch dpkg dpkg-architecture date id whoami hostname which command type lsb_release getconf mktemp pwd expr seq curl wget
		sed grep egrep awk cut tr head tail sort uniq jq`) {
		pathless[name] = true
	}
	for name := range strings.FieldsSeq(`echo printf true false : pwd sleep date uname id whoami hostname arch nproc expr seq basename dirname mkdir rmdir mktemp touch tee chmod chown chgrp
		useradd adduser usermod groupadd addgroup groupmod userdel deluser groupdel delgroup chpasswd curl wget git which type env apt-mark dpkg-query apt-key gpg gpgconf`) {
		unread[name] = true
	}
}

// paths are the words of a command that name what it reads, or where it goes; with all
// also where it writes.
func (c *Command) paths(all bool) (out []shell.Word) {
	for _, r := range c.Node.Redirs {
		if r.Op == "<" || all && !r.Heredoc {
			out = append(out, r.Target)
		}
	}
	switch {
	case c.Name == "cd", c.Name == "pushd", c.Name == ".", c.Name == "source":
		return append(out, c.Args...)
	case c.Call != nil, c.Builtin(), c.Name == "rm" && option(words(c.Args), "f", "--force"):
		return out
	case c.Name == "test", c.Name == "[":
		for i, w := range c.Args {
			if i > 0 && asksForFile[Shape(c.Args[i-1])] {
				out = append(out, w)
			}
		}
		return out
	case all && unread[c.Name]:
		return append(out, c.writesTo()...)
	case all:
		return append(out, c.Args...)
	case unread[c.Name]:
		return out
	}
	args := c.Args
	switch c.Name {
	case "cp", "mv", "ln", "install":
		if n := len(args); n > 1 && !option(words(args), "t", "--target-directory") {
			args = args[:n-1]
		}
	case "grep", "egrep", "fgrep", "sed", "awk", "gawk", "jq":
		// The first one is what is looked for, or a script.
		if i := slices.IndexFunc(args, func(w shell.Word) bool { return !strings.HasPrefix(Shape(w), "-") }); i >= 0 {
			args = slices.Concat(args[:i:i], args[i+1:])
		}
	case "tar", "unzip", "bsdtar":
		if !c.extracts() {
			break
		}
		for i, w := range args {
			if text := Shape(w); strings.HasPrefix(text, "-C") || strings.HasPrefix(text, "--directory") || i > 0 && toFolder[Shape(args[i-1])] {
				continue
			}
			out = append(out, w)
		}
		return out
	}
	return append(out, args...)
}

// writesTo are the words of a command that reads no file which name what it writes to.
func (c *Command) writesTo() (out []shell.Word) {
	switch c.Name {
	case "mkdir", "rmdir", "touch", "tee":
		return c.Args
	case "git":
		if len(c.Args) > 1 && Shape(c.Args[0]) == "clone" {
			return c.Args[len(c.Args)-1:]
		}
	case "curl", "wget":
		for i, w := range c.Args {
			if text := Shape(w); strings.HasPrefix(text, "--output") || i > 0 && toFile[Shape(c.Args[i-1])] {
				out = append(out, w)
			}
		}
	}
	return out
}

// toFile are options of what fetches that say where to write.
var toFile = map[string]bool{"-o": true, "-O": true, "-P": true, "--output": true, "--output-document": true, "--directory-prefix": true}

// extracts reports whether tar or its like unpacks.
func (c *Command) extracts() bool {
	first := ""
	if len(c.Args) > 0 {
		first = Shape(c.Args[0])
	}
	list := words(c.Args)
	return c.Name == "unzip" || option(list, "x", "--extract") || among(list, "--get") || !strings.HasPrefix(first, "-") && strings.Contains(first, "x")
}

// toFolder are options that say where to unpack.
var toFolder = map[string]bool{"-C": true, "--directory": true, "-d": true}

// asksForFile are tests of a file.
var asksForFile = map[string]bool{"-d": true, "-e": true, "-f": true, "-s": true, "-r": true, "-w": true, "-x": true, "-L": true, "-h": true}
