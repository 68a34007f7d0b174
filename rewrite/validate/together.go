package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// commandsTogether are the conditions that hang on which commands are joined. l
// runs first; same says that one shell runs both.
func (d *deriver) commandsTogether(l, r *shell.Program, same bool) *Rejection {
	for _, p := range []*shell.Program{l, r} {
		if why := processes(p); why != "" {
			return reject("%s may live on into the commands joined after it", why)
		}
	}
	left, right := d.library.commands(l), d.library.commands(r)
	way := d.follow(d.op.Exec, l, d.library.namer(d.op.Exec, l).text)
	for i, list := range [][]command{left, right} {
		for _, c := range list {
			if why := c.unknown(); why != "" {
				return reject("%s, so that it is not known what joining it does", why)
			}
			if p := programs[c.name]; i == 0 {
				switch {
				case p.helper:
					return reject("%s may leave a process that the commands joined after it would meet", c.name)
				case p.users:
					return reject("%s changes users, which are read when a RUN starts", c.name)
				case c.replacesShell(), d.unpacksOverShell(&c, left, way):
					return reject("%s may replace the shell itself", c.name)
				}
			} else if p.times || c.refused() {
				return reject("%s compares the times of files", c.name)
			}
			if c.name == "git" && c.refused() {
				return reject("git may make hard links")
			}
		}
	}
	if why := d.removes(left, d.op.Exec.Cwd, way); why != "" {
		return reject("%s may remove the folder %s, which is made anew for every RUN", why, d.op.Exec.Cwd)
	}
	if why := d.writtenAtStart(l, left); why != "" {
		return reject("%s may write what is read when a RUN starts: users, or the shell", why)
	}
	if why := d.newLocale(left); why != "" {
		return reject("%s may change the locale in force, which a shell reads when it starts", why)
	}
	for _, c := range right {
		if c.linksFiles() {
			return reject("%s makes a hard link: of what was made in the RUN before, another layer holds a copy", c.name)
		}
	}
	if why := d.cutsLinks(left, right, r); why != "" {
		return reject("%s", why)
	}
	if name := renames(left, right); name != "" {
		return reject("%s may rename folders that it made in the RUN before, which fails across layers", name)
	}
	if d.movesFolders(left, right, l, r) {
		return reject("mv may rename a folder of the RUN before, which is copied across layers: where that fails the RUN goes on")
	}
	if name := tellsLayers(r, right); name != "" {
		return reject("%s tells the layers of files apart", name)
	}
	for _, p := range []*shell.Program{l, r} {
		if name := tellsShell(p); name != "" {
			return reject("%s tells how its shell was called", name)
		}
	}
	if same {
		if name := d.shadowed(left, right); name != "" {
			return reject("the shell remembers where it found %s, which may have been replaced", name)
		}
		if v := shellVariable(r); v != "" {
			return reject("$%s tells the joined commands apart", v)
		}
	}
	return nil
}

// processes names what may leave a process behind by the shell's own means.
func processes(p *shell.Program) string {
	found := ""
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		switch {
		case n.Background:
			found = "a command in the background"
		case n.Kind == shell.Other:
			found = "a command of bash's own"
		}
		for _, w := range words(n) {
			for _, part := range w.Parts {
				if part.Kind == shell.Process {
					found = "a process substitution"
				}
			}
		}
	})
	return found
}

// shellState are the builtins whose effect ends with their shell.
var shellState = setOf("cd export set unset umask readonly local return exit read shift ulimit pushd popd break continue trap type")

// unknown says why it is not known what a command does.
func (c *command) unknown() string {
	if c.name == "" {
		return "a command's name is not literal"
	}
	if shellState[c.name] {
		if c.name == "trap" {
			if args, all := c.args(); !all || len(args) > 0 && args[len(args)-1] != "EXIT" && args[len(args)-1] != "0" {
				return "a trap other than EXIT is set"
			}
		}
		return ""
	}
	p, ok := programs[c.name]
	switch {
	case !ok:
		return c.name + " is not a known program"
	case c.name == "find" && c.has("-exec", "-execdir", "-ok", "-okdir"):
		return "find runs what it is told"
	case c.name == "tar" && c.takes("I F", "--to-command --checkpoint-action --use-compress-program --info-script --new-volume-script --rsh-command --remove-files"):
		return "tar runs or removes what it is told"
	case p.runs && !p.times:
		return c.name + " runs what it is told"
	case p.verbs != nil:
		if v, _ := c.verb(); v == "" && !c.has("--version", "-v", "--help") || v != "" && !p.verbs[v] {
			return c.name + " " + v + " is not a known command"
		}
		if c.name == "go" {
			if args, _ := c.args(); len(args) < 2 || args[0] == "mod" && args[1] != "download" && args[1] != "verify" {
				return "go " + strings.Join(args, " ") + " is not a known command"
			}
		}
	}
	return ""
}

// options lists the options of a command, letters that share a dash apart as well.
func (c *command) options() []string {
	args, _ := c.args()
	var out []string
	for _, a := range args {
		name, _, _ := strings.Cut(a, "=")
		out = append(out, name)
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			for _, letter := range a[1:] {
				out = append(out, "-"+string(letter))
			}
		}
	}
	return out
}

var shells = setOf("sh bash dash ash busybox dash-binsh bash-binsh busybox-static zsh")

// replacesShell reports whether a command may write the program that runs it.
func (c *command) replacesShell() bool {
	p := programs[c.name]
	if !p.adds && !p.deletes {
		return false
	}
	switch v, _ := c.verb(); v {
	case "upgrade", "dist-upgrade", "full-upgrade":
		return p.verbs != nil
	case "update":
		if slices.Contains([]string{"yum", "dnf", "microdnf", "tdnf"}, c.name) {
			return true
		}
	}
	args, _ := c.args()
	return slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(path.Base(a), "=")
		return shells[name] || strings.HasPrefix(a, "/etc/alternatives")
	})
}

// unpacksOverShell reports whether a command puts files of its own choice where
// the shell is.
func (d *deriver) unpacksOverShell(c *command, all []command, way *trail) bool {
	if c.name != "tar" && c.name != "unzip" && c.name != "cp" && c.name != "mv" {
		return false
	}
	if _, known := c.args(); c.name == "tar" && known && !c.takes("x", "--extract --get") {
		return false // it makes an archive, or lists one
	}
	cwd, known := way.of(c)
	if !known {
		cwd = path.Clean("/" + d.op.Exec.Cwd)
		for _, other := range all {
			if other.name != "cd" || !c.movedBy([]command{other}) {
				continue
			}
			if args, _ := other.args(); len(args) == 1 && present[path.Clean(args[0])] {
				cwd = path.Clean(args[0])
			} else {
				cwd = "/" // where it stays if it fails, for all that is known
			}
		}
	}
	holdsShell := func(at string) bool {
		from, _, cut := strings.Cut(at, "\x00")
		dirs := []string{"/", "/bin", "/usr", "/usr/bin"}
		if c.name == "tar" || c.name == "unzip" {
			dirs = append(dirs, "/etc") // and the users
		}
		return slices.Contains(dirs, path.Clean(at)) || cut && slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(dir, from) })
	}
	if c.name == "cp" || c.name == "mv" {
		// One file by its own name is told by replacesShell.
		ws := c.operands()
		if len(ws) == 0 {
			return false
		}
		at := d.placeOn(way, c, ws[len(ws)-1], all)
		from, ok := literal(ws[0])
		return !at.known || holdsShell(at.path) && (!ok || c.has("-r", "-R", "-a", "--recursive", "--archive") || strings.HasSuffix(from, "/"))
	}
	args := d.expanded(c.words[1:])
	for i, a := range args {
		dir, joined := "", false
		switch {
		case a == "-C" || a == "--directory" || a == "-d" && c.name == "unzip":
			if i+1 < len(args) {
				dir, joined = args[i+1], true
			}
		case strings.HasPrefix(a, "--directory="):
			dir, joined = strings.TrimPrefix(a, "--directory="), true
		case strings.HasPrefix(a, "-C"):
			dir, joined = a[2:], true
		case c.name == "tar" && len(a) > 2 && a[0] == '-' && a[1] != '-' && strings.HasSuffix(a, "C") && i+1 < len(args):
			dir, joined = args[i+1], true
		}
		if joined {
			if strings.HasPrefix(dir, "/") || strings.HasPrefix(dir, "\x00") {
				cwd = dir
			} else {
				cwd = path.Join(cwd, dir)
			}
		}
	}
	return holdsShell(cwd)
}

// present are folders of every image, so that a cd does not fail.
var present = setOf("/tmp /var/tmp /opt /srv /root /home /usr/local")

// renames names a manager that both sides run and that may rename, on the right,
// a folder made on the left: what rename(2) refuses for a folder of a lower layer
// it does within one.
func renames(left, right []command) string {
	family := map[string]string{"pip": "pip", "pip2": "pip", "pip3": "pip", "npm": "npm", "gem": "gem"}
	quiet := setOf("cache config list show freeze check version ls sources download")
	has := map[string]bool{}
	for _, c := range left {
		if v, _ := c.verb(); family[c.name] != "" && !quiet[v] {
			has[family[c.name]] = true
		}
	}
	for _, c := range right {
		if v, _ := c.verb(); has[family[c.name]] && !quiet[v] {
			return c.name
		}
	}
	return ""
}

// A place is a path that a command names.
type place struct {
	path  string
	known bool
	glob  bool // the rest of the path is a pattern: what lies below path may be meant
}

// place reads a word as a path. Variables that the RUN's environment holds are
// read; with moved, a relative path could be anywhere.
func (d *deriver) place(w shell.Word, moved bool) place {
	if moved {
		return d.placeIn(w, "")
	}
	return d.placeIn(w, path.Clean("/"+d.op.Exec.Cwd))
}

// placeOn reads a word of a command as a path, where cd leads to a folder for certain too.
func (d *deriver) placeOn(way *trail, c *command, w shell.Word, all []command) place {
	if dir, ok := way.of(c); ok {
		return d.placeIn(w, dir)
	}
	return d.place(w, c.movedBy(all))
}

// placeIn reads a word as a path of a command that runs in a folder, "" for one that is
// not known.
func (d *deriver) placeIn(w shell.Word, dir string) place {
	var b strings.Builder
	glob := false
	for _, part := range w.Parts {
		switch {
		case part.Kind == shell.Literal && !glob:
			b.WriteString(part.Text)
		case part.Kind == shell.Glob:
			if !glob {
				glob = true
				// "/app/x*" means things in /app.
				text := b.String()
				b.Reset()
				b.WriteString(text[:strings.LastIndexByte(text, '/')+1])
			}
		case part.Kind == shell.Literal:
		case part.Kind == shell.Parameter && part.Plain && !glob:
			v, ok := d.op.Exec.Getenv(part.Text)
			if !ok || d.sets(part.Text) || strings.ContainsAny(v, " \t*?[") && !part.Quoted {
				return place{}
			}
			b.WriteString(v)
		default:
			return place{}
		}
	}
	text := b.String()
	if !strings.HasPrefix(text, "/") {
		if dir == "" {
			return place{}
		}
		text = path.Join(dir, text)
	}
	return place{path.Clean("/" + text), true, glob}
}

// expanded reads words as far as the environment tells; \x00 stands for what is not known.
func (d *deriver) expanded(words []shell.Word) []string {
	d.sets("") // reads the script
	out := make([]string, 0, len(words))
	for _, w := range words {
		text, _ := d.namer.text(w)
		out = append(out, strings.ReplaceAll(text, "\x01", "\x00"))
	}
	return out
}

// sets reports whether the script may set a variable.
func (d *deriver) sets(name string) bool {
	if d.namer == nil {
		d.namer = d.library.namer(d.op.Exec, d.parse(d.script.text))
	}
	return d.namer.all || d.namer.assigned[name]
}

// moves reports whether the commands change the folder, so that relative paths
// cannot be read.
func moves(list []command) bool {
	return slices.ContainsFunc(list, func(c command) bool {
		return slices.Contains([]string{"cd", "chdir", "pushd", "popd"}, c.name)
	})
}

// folders lists those that commands may run in, by the cd of the list; "" is one that is
// not known.
func (d *deriver) folders(list []command) []string {
	dirs := []string{path.Clean("/" + d.op.Exec.Cwd)}
	for _, c := range list {
		if !moves([]command{c}) {
			continue
		}
		at := place{}
		if c.name == "cd" && len(c.words) == 2 {
			at = d.placeIn(c.words[1], "")
		}
		if !at.known || at.glob {
			return []string{""}
		}
		dirs = append(dirs, at.path)
	}
	return dirs
}

// movedBy reports whether one of the commands may change the folder for this one: the
// cd of a subshell does not for what stands outside of subshells.
func (c *command) movedBy(list []command) bool {
	return slices.ContainsFunc(list, func(o command) bool {
		before := o.node.From < c.node.From || o.again || c.again
		return before && (c.inSub || !o.inSub) && moves([]command{o})
	})
}

// operands are the words of a command that are no options.
func (c *command) operands() []shell.Word {
	var out []shell.Word
	dashes := false
	for _, w := range c.words[1:] {
		text, _ := literal(w)
		if text == "--" && !dashes {
			dashes = true
			continue
		}
		if dashes || !strings.HasPrefix(text, "-") || text == "-" {
			out = append(out, w)
		}
	}
	return out
}

// removes names a command that may remove, rename or replace a folder or one above
// it.
func (d *deriver) removes(list []command, cwd string, way *trail) string {
	if cwd = path.Clean("/" + cwd); cwd == "/" {
		return ""
	}
	for _, c := range list {
		p := programs[c.name]
		if v, _ := c.verb(); uninstalls[v] && p.links == system && systemDir(cwd) && !under(cwd, "/usr/src") {
			return c.name + " " + v // what of a package's folders is empty goes with it
		}
		if !p.deletes || c.name == "find" && !c.has("-delete") {
			continue
		}
		ws := c.operands()
		if c.name == "mv" && len(ws) > 1 && !c.has("-t", "--target-directory") {
			ws = ws[:len(ws)-1]
		}
		for _, w := range ws {
			at := d.placeOn(way, &c, w, list)
			if !at.known || under(cwd, at.path) && !(at.glob && cwd == at.path) {
				return c.name
			}
		}
	}
	return ""
}

var uninstalls = setOf("remove purge autoremove autopurge del erase swap rm")

// under reports whether p is dir or below it.
func under(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// systemDir reports whether distributions' packages may own the path.
func systemDir(p string) bool {
	if under(p, "/usr/local") {
		return false
	}
	for _, dir := range []string{"/usr", "/etc", "/var", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/opt", "/run"} {
		if under(p, dir) {
			return true
		}
	}
	return p == "/"
}

// refused reports whether a command has an option with which it compares times, or
// makes links.
func (c *command) refused() bool {
	for refused := range programs[c.name].refuse {
		if len(refused) == 2 && c.takes(refused[1:], "") || c.has(refused) {
			return true
		}
	}
	return false
}

// tellsShell names what in a program prints, or reads, how many shells stand above it
// or what they were given: a subshell is one more, and bash gives the last command of
// one its own process.
func tellsShell(p *shell.Program) string {
	found := ""
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		for _, w := range words(n) {
			for _, part := range w.Parts {
				if part.Kind == shell.Parameter && slices.Contains([]string{"BASH_SUBSHELL", "BASH_EXECUTION_STRING", "SHLVL", "BASHPID"}, part.Text) {
					found = "$" + part.Text
				}
			}
		}
		if n.Kind != shell.Simple || len(n.Words) == 0 {
			return
		}
		c := command{node: n, words: n.Words}
		c.strip(p)
		switch {
		case c.name == "printenv", c.name == "env" && len(c.words) == 1, c.name == "set" && len(c.words) == 1, c.name == "type":
			found = c.name
		}
	})
	return found
}

// tellsLayers names a command whose output tells of what layers files are, by the
// numbers of their inodes, links or blocks, and is kept.
func tellsLayers(p *shell.Program, list []command) string {
	kept := false
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		for _, r := range n.Redirs {
			target, _ := literal(r.Target)
			kept = kept || strings.Contains(r.Op, ">") && !strings.HasPrefix(target, "/dev/") && !strings.HasSuffix(r.Op, "&")
		}
		kept = kept || n.Kind == shell.Pipe
	})
	for _, c := range list {
		tells := setOf("stat du df")[c.name] || c.name == "mv" && c.takes("v", "--verbose") || c.name == "ls" && c.takes("l i s n o g t c u", "--inode --size --format")
		if tells && (kept || c.inSub) {
			return c.name
		}
	}
	return ""
}

// shellVariable names a variable that a shell itself counts on.
func shellVariable(p *shell.Program) string {
	found := ""
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		for _, w := range words(n) {
			for _, part := range w.Parts {
				if part.Kind == shell.Parameter && slices.Contains([]string{"_", "SECONDS", "LINENO", "OLDPWD", "!", "BASH_COMMAND", "RANDOM", "PPID"}, part.Text) {
					found = part.Text
				}
			}
		}
	})
	return found
}
