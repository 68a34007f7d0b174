package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// linksFiles reports whether a command gives files that are there a second name.
func (c *command) linksFiles() bool {
	options := c.options()
	switch c.name {
	case "ln":
		return !slices.Contains(options, "-s") && !slices.Contains(options, "--symbolic")
	case "cp":
		return slices.ContainsFunc(options, func(o string) bool { return o == "-l" || abbreviates(o, "--link") })
	}
	return false
}

// cutsLinks says that the right commands change in place what the left ones may
// have hard-linked: apart, the copy that a layer makes of a file cuts the link.
func (d *deriver) cutsLinks(left, right []command, r *shell.Program) string {
	links, maker := nowhere, ""
	for _, c := range left {
		s := c.linksMade()
		if c.name == "mv" && !d.movesDownload(&c, left) {
			// busybox's links in the copy of a lower layer's folder what was linked.
			s = anywhere
		}
		if s > links {
			links, maker = s, c.name
		}
	}
	if links == nowhere {
		return ""
	}
	dirs := d.folders(right)
	if slices.ContainsFunc(left, func(c command) bool { return setOf("ln cp mv tar unzip rsync")[c.name] }) {
		dirs = []string{""} // a link may stand where a cd leads
	}
	bad := func(w shell.Word) bool { return links == anywhere || d.mayBeSystems(w, dirs) }
	why := func(what string) string {
		return what + " changes in place what " + maker + " may have hard-linked: another layer would cut the link"
	}
	for _, c := range right {
		switch programs[c.name].writes {
		case operands:
			ws := c.operands()
			if slices.Contains([]string{"chmod", "chown", "chgrp"}, c.name) && len(ws) > 0 && !c.has("--reference") {
				ws = ws[1:]
			}
			if slices.ContainsFunc(ws, bad) {
				return why(c.name)
			}
		case last:
			if ws := c.operands(); len(ws) > 0 && bad(ws[len(ws)-1]) {
				return why(c.name)
			}
		case output:
			if slices.ContainsFunc(c.outputs(), bad) {
				return why(c.name)
			}
		case own:
			if links == anywhere {
				return why(c.name)
			}
		}
	}
	found := ""
	walk(r.Root, func(n *shell.Node, _ []*shell.Node) {
		for _, redir := range n.Redirs {
			if target, _ := literal(redir.Target); strings.Contains(redir.Op, ">") && !strings.HasPrefix(target, "/dev/") && redir.Op != ">&" && bad(redir.Target) {
				found = why("a redirection")
			}
		}
	})
	return found
}

// mayBeSystems reports whether a word may name a file of a distribution's package, from one
// of the folders: in no home, whose ever it is.
func (d *deriver) mayBeSystems(w shell.Word, dirs []string) bool {
	if rest, ok := d.belowHome(w); ok {
		return slices.ContainsFunc(d.homes([]string{"~/" + rest}), func(p string) bool { return systemDir(path.Clean(p)) })
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		at := d.placeIn(w, dir)
		return !at.known || systemDir(at.path)
	})
}

// belowHome is what a word says behind the home that it begins with, if that is known.
func (d *deriver) belowHome(w shell.Word) (string, bool) {
	if len(w.Parts) == 0 || d.sets("HOME") {
		return "", false
	}
	first := w.Parts[0]
	if !(first.Kind == shell.Tilde && first.Text == "~") && !(first.Kind == shell.Parameter && first.Plain && first.Text == "HOME") {
		return "", false
	}
	rest, known := d.namer.text(shell.Word{Parts: w.Parts[1:]})
	return strings.TrimPrefix(rest, "/"), known && !strings.ContainsAny(rest, "\x00\x01") && (rest == "" || strings.HasPrefix(rest, "/"))
}

// movesDownload reports whether an mv moves nothing but files that a command before
// it downloaded.
func (d *deriver) movesDownload(c *command, list []command) bool {
	var files []place
	for _, o := range list {
		if o.node == c.node {
			break
		}
		files = append(files, d.downloads(&o, list)...)
	}
	return d.movesOnly(c, list, files)
}

// downloads lists the files that a command downloads.
func (d *deriver) downloads(o *command, list []command) (files []place) {
	for i, w := range o.words[1:] {
		text, _ := literal(w)
		named := o.name == "curl" && setOf("-o --output")[text] || o.name == "wget" && setOf("-O --output-document")[text] ||
			text != "" && (o.name == "curl" && strings.HasSuffix(text, "o") || o.name == "wget" && strings.HasSuffix(text, "O")) && text[0] == '-' && text[1] != '-'
		if named && i+2 < len(o.words) {
			files = append(files, d.place(o.words[i+2], o.movedBy(list)))
		}
		byItsName := o.name == "wget" && !slices.Contains(o.options(), "-O") || o.name == "curl" && slices.ContainsFunc(o.options(), func(f string) bool { return f == "-O" || f == "--remote-name" })
		if at := strings.LastIndexByte(text, '/'); byItsName && remote.MatchString(text) && at >= 0 {
			files = append(files, d.place(shell.Word{Parts: []shell.Part{{Kind: shell.Literal, Text: text[at+1:]}}}, o.movedBy(list)))
		}
	}
	return files
}

// movesOnly reports whether an mv moves nothing but these files.
func (d *deriver) movesOnly(c *command, list []command, files []place) bool {
	if c.has("-t", "--target-directory") {
		return false
	}
	ws := c.operands()
	return len(ws) > 1 && !slices.ContainsFunc(ws[:len(ws)-1], func(w shell.Word) bool {
		at := d.place(w, c.movedBy(list))
		return !at.known || !slices.ContainsFunc(files, func(f place) bool { return f.known && !f.glob && f.path == at.path })
	})
}

func (c *command) linksMade() scope {
	s := programs[c.name].links
	options := c.options()
	v, _ := c.verb()
	switch c.name {
	case "ln":
		if slices.Contains(options, "-s") || slices.Contains(options, "--symbolic") {
			return nowhere
		}
	case "cp":
		if !slices.ContainsFunc(options, func(o string) bool {
			// busybox keeps hard links whenever it does not follow symbolic ones.
			return slices.ContainsFunc([]string{"-a", "-d", "-l", "-r", "-R", "-P", "--archive", "--link", "--preserve", "--recursive", "--no-dereference"}, func(full string) bool { return abbreviates(o, full) })
		}) {
			return nowhere
		}
	case "apt-get", "apt", "apk", "yum", "dnf", "microdnf", "tdnf":
		if slices.Contains([]string{"update", "clean", "autoclean", "dist-clean", "makecache", "remove", "purge", "autoremove", "del", "info", "cache", "check"}, v) && !(v == "update" && s == system && c.name != "apt-get" && c.name != "apt" && c.name != "apk") {
			return nowhere
		}
	}
	return s
}

// core are commands that nothing puts into another folder of the PATH.
var core = setOf(`apt-get apt apk dpkg rm rmdir mkdir cp mv ln chmod chown echo printf cat test [ true : touch ls tr
	cut sort head tail grep sed find ldconfig id uname date basename dirname readlink wc tee sleep yum dnf microdnf`)

// ownCommands are those of dash, busybox ash and bash alike, which no shell looks up.
var ownCommands = setOf(`: . [ alias break cd command continue echo eval exec exit export false getopts hash jobs local
	printf pwd read readonly return set shift test times trap true type ulimit umask unalias unset wait`)

// shadowed names a command that both sides run and that the left one may have
// moved, replaced or put another before.
func (d *deriver) shadowed(left, right []command) string {
	names := map[string]bool{}
	for _, c := range left {
		if !c.inSub {
			names[c.name] = true
		}
	}
	both := map[string]bool{}
	for _, c := range right {
		if names[c.name] && !shellState[c.name] && !ownCommands[c.name] {
			both[c.name] = true
		}
	}
	if len(both) == 0 {
		return ""
	}
	for _, c := range left {
		if !programs[c.name].adds && programs[c.name].writes == nothing {
			if c.name != "rm" && c.name != "update-alternatives" {
				continue
			}
		}
		args, all := c.args()
		for name := range both {
			named := slices.ContainsFunc(args, func(a string) bool { return path.Base(a) == name && strings.Contains(a, "/") })
			if named {
				return name
			}
			if core[name] {
				continue
			}
			v, _ := c.verb()
			switch c.name {
			case "apt-get", "apt", "apk", "dpkg", "yum", "dnf", "microdnf", "tdnf", "rpm", "zypper", "go":
				// Packages of the distribution share one folder: what is replaced
				// stays where it was.
				continue
			case "pip", "pip2", "pip3", "npm", "gem":
				if !slices.Contains([]string{"cache", "config", "list", "show", "freeze", "check", "version", "ls", "sources", "set"}, v) {
					return name
				}
			case "tar", "unzip", "cp", "mv", "install", "ln", "curl", "wget":
				if !all || slices.ContainsFunc(args, inPath) || c.name != "curl" && c.name != "wget" && d.inPathFolder() || d.fillsPath(&c) {
					return name
				}
			case "git":
				if d.fillsPath(&c) {
					return name
				}
			}
		}
	}
	return ""
}

// fillsPath reports whether a command may put something into a folder of the PATH in force,
// or with a tree of its own such a folder.
func (d *deriver) fillsPath(c *command) bool {
	d.sets("") // reads the script
	search, _ := d.op.Exec.Getenv("PATH")
	tree := setOf("git tar unzip mv")[c.name] || c.takes("r R a", "--recursive --archive")
	hit := func(f naming) bool {
		return slices.ContainsFunc(strings.Split(search, ":"), func(dir string) bool {
			dir = path.Clean("/" + dir)
			return under(f.path, dir) || tree && under(dir, f.path) || f.beginning && strings.HasPrefix(dir+"/", f.path)
		})
	}
	if c.inFolder() && c.name != "git" && slices.ContainsFunc(d.namer.dirs, func(dir string) bool { return hit(naming{dir, false}) }) {
		return true
	}
	_, verb := c.verb()
	for i, w := range c.words[1:] {
		if c.name == "git" && i+1 == verb {
			continue
		}
		found, any := d.namer.names(w)
		if name := strings.TrimSuffix(beginning(lastName(w)), ".git"); c.name == "git" && c.inFolder() && remote.MatchString(beginning(w)) {
			for _, dir := range d.namer.dirs {
				found = append(found, naming{path.Join(dir, name), false})
			}
		}
		if rest, ok := d.belowHome(w); ok {
			any = false
			for _, dir := range d.homes([]string{"~/" + rest}) {
				found = append(found, naming{path.Clean(dir), false})
			}
		}
		if any || slices.ContainsFunc(found, hit) {
			return true
		}
	}
	return false
}

// inPath reports whether something put at a path could land in the PATH.
func inPath(a string) bool {
	a = path.Clean(a)
	return a == "/" || a == "/usr" || a == "/usr/local" || strings.HasSuffix(a, "bin") || strings.Contains(a, "bin/")
}

func (d *deriver) inPathFolder() bool {
	return inPath(orRoot(d.op.Exec.Cwd)) && d.op.Exec.Cwd != "/" && d.op.Exec.Cwd != ""
}

func orRoot(s string) string {
	if s == "" {
		return "/"
	}
	return s
}
