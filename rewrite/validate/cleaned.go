package validate

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// prefixes are those that an install and its clean-up may share.
var prefixes = []string{"sudo", "sudo -E", "sudo -H", "sudo -n", "sudo -E -H"}

// An insertion is text that a new body has and the old one has not, or what is gone.
type insertion struct {
	at      int // in the old text
	flag    *change.Flag
	cleanup *change.Cleanup
	prefix  string // of the clean-up: "sudo "
	end     bool   // of a clean-up: at the end of the text, by "&&"
	fresh   int    // where it ends in the new text
	gone    *gone
}

// body explains text by one old body: the same bytes, but for flags and clean-ups
// that were inserted, and clean-ups that a mount has made needless.
func (d *deriver) body(text string, old *script) *Rejection {
	was := old.trimmed()
	if text == was || text == old.text {
		return nil
	}
	nothing := reject("%sthat %q took the place of %q", unexplained, brief(text), brief(was))
	if len(d.flags)+len(d.cleanups)+len(d.dropped) == 0 || len(text) <= len(was) && len(d.dropped) == 0 {
		return nothing
	}
	if len(d.dropped)+len(d.flags) > 0 {
		text = (&script{text: text}).trimmed() // of what stood before the last piece
	}
	places := d.places(d.parse(was), was)
	found, ok := align(text, was, places, d.droppable(d.parse(was)))
	if !ok {
		return nothing
	}
	for _, in := range found {
		var r *Rejection
		switch {
		case in.gone != nil:
			r = d.cleanupDropped(was, in.gone)
		case in.flag != nil:
			r = d.flagAdded(was, in)
		case in.end:
			r = d.cleanedAtEnd(was, text, *in.cleanup, in.prefix)
		default:
			r = d.cleanedWithin(was, text, in)
		}
		if r != nil {
			return r
		}
		d.inserted = true
	}
	return nil
}

// places lists what may be inserted where: candidates by their texts.
func (d *deriver) places(p *shell.Program, was string) map[int][]candidate {
	out := map[int][]candidate{}
	if p.Err != nil || p.Root == nil {
		return out
	}
	for _, f := range d.flags {
		for _, at := range d.flagPlaces(p, f) {
			out[at] = append(out[at], candidate{" " + f.Text, insertion{at: at, flag: &f}})
		}
	}
	for _, k := range d.cleanups {
		for _, prefix := range append([]string{""}, prefixes...) {
			if prefix != "" {
				prefix += " "
			}
			out[len(was)] = append(out[len(was)], candidate{"&&" + prefix + k.Command, insertion{at: len(was), cleanup: &k, prefix: prefix, end: true}})
			for i := 0; i+1 < len(p.Root.Children); i++ {
				at := p.Root.Children[i].To
				out[at] = append(out[at], candidate{";" + prefix + k.Command, insertion{at: at, cleanup: &k, prefix: prefix}})
			}
		}
	}
	return out
}

// A candidate is a text that may be inserted. That of a clean-up begins with its
// connector, around which blanks are free.
type candidate struct {
	text string
	insertion
}

// match returns how much of s the candidate is, or 0.
func (c candidate) match(s string) int {
	if c.flag != nil {
		if strings.HasPrefix(s, c.text) && (len(s) == len(c.text) || strings.ContainsRune(" \t;&|)", rune(s[len(c.text)]))) {
			return len(c.text)
		}
		return 0
	}
	connector, rest := "&&", strings.TrimPrefix(c.text, "&&")
	if !c.end {
		connector, rest = ";", strings.TrimPrefix(c.text, ";")
	}
	t := strings.TrimLeft(s, " \t")
	t, ok := strings.CutPrefix(t, connector)
	if !ok {
		return 0
	}
	t, ok = strings.CutPrefix(strings.TrimLeft(t, " \t"), rest)
	if !ok || t != "" && !strings.ContainsRune(" \t;&|)", rune(t[0])) {
		return 0
	}
	return len(s) - len(t)
}

// align finds insertions, and pieces that are gone, that make was into text. What is
// tried and does not fit is bounded, by far more than texts hold that were not made to
// be hard.
func align(text, was string, places map[int][]candidate, pieces map[int][]gone) ([]insertion, bool) {
	budget := 1_000
	var from func(i, j int) ([]insertion, bool)
	from = func(i, j int) ([]insertion, bool) {
		for {
			for _, g := range pieces[j] {
				if budget < 0 {
					return nil, false
				}
				if found, ok := from(i, g.to); ok {
					return append([]insertion{{at: j, gone: &g}}, found...), true
				}
				budget--
			}
			for _, c := range places[j] {
				if n := c.match(text[i:]); n > 0 {
					if budget < 0 {
						return nil, false
					}
					// The same candidate is not inserted twice at one place.
					rest := places[j]
					places[j] = slices.DeleteFunc(slices.Clone(rest), func(o candidate) bool { return o.text == c.text })
					found, ok := from(i+n, j)
					places[j] = rest
					if ok {
						c.insertion.fresh = i + n
						return append([]insertion{c.insertion}, found...), true
					}
					budget--
				}
			}
			if i == len(text) || j == len(was) {
				return nil, i == len(text) && j == len(was)
			}
			if text[i] != was[j] {
				return nil, false
			}
			i++
			j++
		}
	}
	return from(0, 0)
}

// cleanedAtEnd are the conditions of a clean-up that is the last element of the
// list that ends a script. was is the script without it.
func (d *deriver) cleanedAtEnd(was, text string, k change.Cleanup, prefix string) *Rejection {
	p, q := d.parse(was), d.parse(text)
	if r := d.cleanable(p, q, k); r != nil {
		return r
	}
	n := p.Root.Children
	end := n[len(n)-1]
	if len(q.Root.Children) != len(n) || q.Root.Children[len(n)-1].Kind != shell.And {
		return reject("the clean-up %q is not the last element of the RUN's last list", k.Command)
	}
	if end.Background || !pure(p, lastOf(end)) {
		// Left of "&&" errexit is ignored, which it is already in the list but for its
		// last element, and what only runs in some cases is a condition.
		return reject("the list that the clean-up %q is appended to can go on after a failure", k.Command)
	}
	install, ok := d.install(p, end, k)
	if !ok && d.certainErrexit(p) {
		for _, s := range n[:len(n)-1] {
			if c, found := d.install(p, lastOf(s), k); found {
				install, ok = c, true
			}
		}
	}
	byRoot := setOf("root 0 root:root 0:0")[d.op.Exec.User] || d.inheritsUser() && knownBase(d.op)
	if !ok && byRoot && strings.HasPrefix(k.Command, "rm -rf /") {
		// Whatever the install did, root can delete what is there, and that cannot fail.
		for _, s := range n[:len(n)-1] {
			if c, found := d.install(p, s, k); found {
				install, ok = c, true
			}
		}
	}
	if !ok {
		return reject("the clean-up %q does not follow the success of an install of %s", k.Command, k.Manager)
	}
	return d.cleanedAfter(install, k, prefix)
}

// otherAliases reports whether an alias command names none of the clean-up's words.
func otherAliases(n *shell.Node, k change.Cleanup) bool {
	for _, w := range n.Words[1:] {
		text, ok := literal(w)
		name, _, found := strings.Cut(text, "=")
		if !ok || !found || name == "sudo" || slices.Contains(strings.Fields(k.Command), name) {
			return false
		}
	}
	return true
}

// npmMoves are settings that move npm's cache, or stop it from deleting.
var npmMoves = setOf("npm_config_cache npm_config_prefix npm_config_userconfig npm_config_globalconfig npm_config_dry_run npm_config_offline")

// lastOf is what a statement's failure under errexit is certain to end the script
// for: a command, or the last one of an "&&" list.
func lastOf(n *shell.Node) *shell.Node {
	if n.Kind == shell.And && !n.Background {
		return n.Children[len(n.Children)-1]
	}
	return n
}

// cleanedWithin are the conditions of a clean-up between two statements, by ";".
func (d *deriver) cleanedWithin(was, text string, in insertion) *Rejection {
	k := *in.cleanup
	p, q := d.parse(was), d.parse(text)
	if r := d.cleanable(p, q, k); r != nil {
		return r
	}
	if !d.certainErrexit(p) {
		return reject("the clean-up %q stands behind a \";\", so that a failure before it is lost", k.Command)
	}
	for i, n := range p.Root.Children {
		if n.To != in.at {
			continue
		}
		if n.Background || len(q.Root.Children) <= len(p.Root.Children) {
			break
		}
		install, ok := d.install(p, lastOf(n), k)
		if !ok || n.Kind != shell.Simple && n.Kind != shell.And {
			return reject("the clean-up %q does not stand behind an install of %s", k.Command, k.Manager)
		}
		rest := was[n.To:]
		if strings.Contains(rest, "$?") || strings.Contains(rest, "${?") || strings.Contains(rest, "PIPESTATUS") {
			return reject("what follows the clean-up %q reads the status of the command before it", k.Command)
		}
		for _, later := range p.Root.Children[i+1:] {
			for _, c := range d.commandsBelow(p, later) {
				c, _ := c.fed(p)
				if why := d.needsFiles(&c, ran{p, c.node.From}, k.Manager); why != "" {
					return reject("%s needs what the clean-up %q deletes", why, k.Command)
				}
			}
		}
		return d.cleanedAfter(install, k, in.prefix)
	}
	return reject("the clean-up %q does not stand between two statements", k.Command)
}

// certainErrexit reports whether a script runs under errexit from its start to its
// end.
func (d *deriver) certainErrexit(p *shell.Program) bool {
	for _, c := range d.library.commands(p) {
		args, _ := c.args()
		if c.name == "set" && slices.ContainsFunc(args, func(a string) bool {
			return strings.HasPrefix(a, "+") && strings.ContainsAny(a, "eo") || strings.Contains(a, "\x00")
		}) || c.name == "eval" || c.name == "." || c.name == "source" || c.name == "shopt" {
			return false
		}
	}
	if d.script.errexit {
		return true
	}
	n := p.Root.Children
	return len(n) > 1 && n[0].Kind == shell.Simple && setErrexit.MatchString(p.Source(n[0].Range)) && setsErrexit(n[0])
}

// cleanable are the conditions on the whole script.
func (d *deriver) cleanable(p, q *shell.Program, k change.Cleanup) *Rejection {
	switch {
	case p.Err != nil || q.Err != nil || len(p.Root.Children) == 0 || len(q.Root.Children) == 0:
		return reject("a script that is cleaned up does not parse")
	case p.Ambiguous || q.Ambiguous:
		return reject("sh and bash read %q as different programs", brief(d.script.text))
	case len(q.Comments) > 0:
		return reject("a shell comment would hide the clean-up %q", k.Command)
	case strings.Contains(d.script.text, "\n"):
		return reject("a script of several lines is not cleaned up")
	case len(d.script.text) >= maxJoined:
		return reject("the text is longer than 100 KiB")
	case d.script.noglob && strings.Contains(k.Command, "*"):
		return reject("the SHELL expands no patterns (-f)")
	}
	for _, name := range []string{"SHELLOPTS", "BASHOPTS"} {
		if v, _ := d.op.Exec.Getenv(name); v != "" {
			return reject("%s sets options of bash, by which the clean-up %q may do nothing, or fail", name, k.Command)
		}
	}
	if by := d.broughtInto(k); by != nil {
		return reject("%q brings files that the clean-up %q would delete", by, k.Command)
	}
	if why := processes(p); why != "" {
		return reject("%s may still use what the clean-up %q deletes", why, k.Command)
	}
	var r *Rejection
	walk(p.Root, func(n *shell.Node, above []*shell.Node) {
		switch n.Kind {
		case shell.Function:
			r = reject("a function may stand for a command of the clean-up %q", k.Command)
		case shell.Simple, shell.Declare:
			for _, a := range n.Assigns {
				if len(n.Words) == 0 || n.Kind == shell.Declare {
					if name := strings.ToLower(a.Name); name == "path" || name == "home" && !strings.HasPrefix(k.Command, "rm ") || name == "globignore" || npmMoves[name] {
						r = reject("%s is set before the clean-up %q", a.Name, k.Command)
					}
				}
			}
			if len(n.Words) == 0 {
				return
			}
			name, ok := literal(n.Words[0])
			switch {
			case (name == "." || name == "source") && (!strings.Contains(k.Command, "*") || substituted(n, above)):
				// The install that follows finds its program as the clean-up does.
			case name == "alias" && ok && otherAliases(n, k):
			case !ok || slices.Contains([]string{"alias", "shopt", "trap", "eval", ".", "source", "exec", "enable", "hash"}, name):
				r = reject("%q may change what the clean-up %q does", brief(p.Source(n.Range)), k.Command)
			case name == "unset" && slices.ContainsFunc(n.Words[1:], func(w shell.Word) bool {
				text, ok := literal(w)
				return !ok || text == "PATH" || text == "HOME"
			}):
				r = reject("%q may take away what the clean-up %q is found by", brief(p.Source(n.Range)), k.Command)
			case name == "set":
				for _, w := range n.Words[1:] {
					text, ok := literal(w)
					if !ok || text == "noglob" || len(text) > 1 && (text[0] == '-' || text[0] == '+') && strings.ContainsAny(text[1:], "f") || text == "--" {
						r = reject("set %s may change what the clean-up %q does", text, k.Command)
					}
				}
			}
		}
	})
	return r
}

// substituted reports whether a node stands in a command substitution, which changes
// nothing in the shell around it.
func substituted(n *shell.Node, above []*shell.Node) bool {
	return slices.ContainsFunc(above, func(at *shell.Node) bool {
		return slices.ContainsFunc(words(at), func(w shell.Word) bool {
			return slices.ContainsFunc(w.Parts, func(part shell.Part) bool {
				return part.Node != nil && part.Node.From <= n.From && n.To <= part.Node.To
			})
		})
	})
}

// broughtInto finds a copy before the RUN into a folder that a clean-up empties.
func (d *deriver) broughtInto(k change.Cleanup) *compile.Op {
	brings := func(op *compile.Op) bool {
		return op != nil && op.File != nil && slices.ContainsFunc(op.File.Actions, func(a compile.Action) bool {
			return a.Copy != nil && slices.ContainsFunc(k.Paths, func(dir string) bool { return under(path.Clean("/"+a.Copy.Dest), dir) })
		})
	}
	for at := primary(d.op); at.Op != nil; at = primary(at.Op) {
		if brings(at.Op) {
			return at.Op
		}
		if at.Op.Exec != nil || at.Op.File != nil {
			continue
		}
		for _, linked := range at.Op.Inputs {
			if brings(linked.Op) {
				return linked.Op
			}
		}
	}
	return nil
}

// install finds the call that fills what k deletes, in a place that is reached
// and that has succeeded when the node has.
func (d *deriver) install(p *shell.Program, n *shell.Node, k change.Cleanup) (command, bool) {
	if n == nil || n.Background {
		return command{}, false
	}
	switch n.Kind {
	case shell.Simple:
		if len(n.Words) == 0 {
			return command{}, false
		}
		c := command{node: n, words: n.Words}
		c.strip(p)
		if q, ok := d.inner(&c); ok && distributions[k.Manager] != nil && strings.HasPrefix(k.Command, "rm ") {
			// What is set in there the clean-up out here does not see.
			in, ok := d.install(q, q.Root, k)
			if in.prefix == "" || strings.HasPrefix(in.prefix, "env") {
				in.prefix = c.prefix
			} else if c.prefix != "" {
				return in, false
			}
			return in, ok
		}
		c, sure := c.fed(p)
		return c, sure && c.fills(k.Manager)
	case shell.Pipe:
		// It succeeds only when its last command does: yes | pecl install x.
		if n.Children[len(n.Children)-1].Kind == shell.Simple {
			return d.install(p, n.Children[len(n.Children)-1], k)
		}
	case shell.And, shell.Subshell, shell.Block, shell.List:
		if n.Kind == shell.List && len(n.Children) != 1 {
			return command{}, false
		}
		for i := len(n.Children) - 1; i >= 0; i-- {
			if c, ok := d.install(p, n.Children[i], k); ok {
				return c, true
			}
		}
	}
	return command{}, false
}

// fills reports whether a command leaves behind what a manager's clean-up deletes.
func (c *command) fills(manager string) bool {
	v, _ := c.verb()
	if args, _ := c.args(); slices.ContainsFunc(args, func(a string) bool {
		return (strings.HasPrefix(a, "Dir") || strings.Contains(strings.ToLower(a), "dir::")) && a != keptArchives || a == "--root" || strings.Contains(a, "cachedir") || strings.Contains(a, "installroot")
	}) {
		return false // its files are somewhere else
	}
	if distributions[manager] != nil && !distributions[manager][c.name] || slices.ContainsFunc(c.options(), func(o string) bool { return elsewhere[manager][o] }) {
		return false
	}
	switch manager {
	case "dnf", "yum", "microdnf":
		return setOf("makecache install localinstall groupinstall group groups reinstall update upgrade distro-sync")[v]
	case "zypper":
		return setOf("refresh ref install in source-install si install-new-recommends inr update up patch dist-upgrade dup")[v]
	case "pacman", pacmanArchives:
		return c.name == "pacman" && c.syncs()
	case "yarn":
		return c.name == "yarn" && (v == "" && !c.has("-v", "--version") || setOf("install add global upgrade up workspaces")[v])
	case "gem":
		_, at := c.verb()
		return c.name == "gem" && setOf("install i update")[v] ||
			(c.name == "bundle" || c.name == "bundler") && (setOf("install update add")[v] || at == 0 && v == "")
	case "pecl":
		return (c.name == "pecl" || c.name == "pear") && setOf("install upgrade")[v]
	case "uv":
		return c.name == "uv" && setOf("sync pip add lock run tool")[v]
	case "apt":
		return (c.name == "apt-get" || c.name == "apt" || c.name == "aptitude") && slices.Contains([]string{"update", "install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep"}, v)
	case "apk":
		return c.name == "apk" && slices.Contains([]string{"add", "update", "upgrade"}, v)
	case "npm":
		return c.name == "npm" && slices.Contains([]string{"ci", "clean-install", "ic", "install-clean", "install", "i", "in", "ins", "inst", "add", "update", "up", "upgrade"}, v)
	case "pip":
		return isPip(c.name) && v == "install"
	}
	return false
}

// distributions lists the programs of the distributions' package managers, whose index a
// later install reads.
var distributions = map[string]map[string]bool{
	"apt": setOf("apt-get apt aptitude"), "dnf": setOf("dnf dnf5 dnf-3"), "yum": setOf("yum"), "microdnf": setOf("microdnf"),
	"zypper": setOf("zypper"), "pacman": setOf("pacman"),
}

// elsewhere are options by which a call's files are somewhere else.
var elsewhere = map[string]map[string]bool{
	"dnf": setOf("-c --config"), "yum": setOf("-c --config"), "microdnf": setOf("-c --config"),
	"zypper": setOf("--installroot -R --cache-dir -C --raw-cache-dir --solv-cache-dir --pkg-cache-dir -c --config"),
	"pacman": setOf("-r -b --dbpath --cachedir --config"),
	"yarn":   setOf("--cache-folder --use-yarnrc --global-folder"),
	"gem":    setOf("-i --install-dir --user-install --build-root --path --deployment"),
	"pecl":   setOf("-R --installroot -c -C"),
}

// syncs reports whether a call of pacman installs what it fetches: its verb is an
// option, alone or before other letters.
func (c *command) syncs() bool {
	args, _ := c.args()
	return slices.ContainsFunc(args, func(a string) bool {
		return a == "--sync" || strings.HasPrefix(a, "-S") && !strings.ContainsAny(a, "csilgph")
	}) && !slices.ContainsFunc(args, func(a string) bool {
		return setOf("--clean --search --info --list --groups --print --help -c -s -i -l -g -p -h")[a]
	})
}

func isPip(name string) bool {
	rest, ok := strings.CutPrefix(name, "pip")
	return ok && strings.Trim(rest, "0123456789.") == ""
}

// cleanedAfter are the conditions on who runs the clean-up, and where.
//
// Root need not be known: the clean-up is reached only when the install has
// succeeded, which writes what only root, or the owner of these files, can write.
func (d *deriver) cleanedAfter(install command, k change.Cleanup, prefix string) *Rejection {
	own := install.prefix
	if strings.HasPrefix(own, "env") {
		own = ""
	}
	if strings.TrimSpace(prefix) != own {
		return reject("the clean-up %q does not carry the install's own %q", k.Command, own)
	}
	what := "the clean-up " + k.Command
	if r := cmp.Or(d.cacheMoved(what, k.Paths), d.setUp(what, k.Manager)); r != nil {
		return r
	}
	x := d.op.Exec
	user, _, _ := strings.Cut(x.User, ":")
	if _, set := x.Getenv("HOME"); !set && slices.ContainsFunc(k.Paths, inHome) && user != "0" && user != "" && strings.Trim(user, "0123456789") == "" {
		return reject("%s acts on the home of the user %s, which is not known", what, x.User)
	}
	if setOf("yarn gem pecl")[k.Manager] && prefix == "" {
		// Where another user installs, what others have put there cannot be deleted.
		if r := d.rootRuns(what); r != nil {
			return r
		}
		if d.inheritsUser() && !knownBase(d.op) {
			return reject("%s is root's, and which user the base image has is not known", what)
		}
	}
	paths := d.homes(k.Paths)
	if m, ok := d.mountAt(paths); ok {
		return reject("the clean-up %q would empty the mount at %s", k.Command, m.Dest)
	}
	if k.Manager == "npm" && slices.ContainsFunc(install.options(), func(o string) bool { return o == "--cache" || o == "--offline" }) {
		return reject("npm is told where its cache is")
	}
	if k.Manager == "npm" && install.bringsNpm() {
		return reject("npm may install another npm, and the clean-up %q may not run with it", k.Command)
	}
	manager := k.Manager
	if k.Command == change.PacmanPackages.Command {
		manager = pacmanArchives
	}
	d.stops = append(d.stops, stop{op: d.op, what: what, manager: manager, paths: paths})
	return nil
}

// bringsNpm reports whether a call of npm may install npm itself.
func (c *command) bringsNpm() bool {
	value := false
	for _, w := range c.words[1:] {
		text, known := literal(w)
		if !known { // foo@$VERSION is foo
			text = beginning(w)
			known = versioned.MatchString(text)
		}
		if !value && (!known || anotherNpm.MatchString(text)) {
			return true
		}
		value = programs["npm"].values[text]
	}
	return false
}

// versioned is the beginning of a package's name in a registry, up to its version or into
// it.
var versioned = lazyregexp.New(`^(?:@[\w.~-]+/)?[\w.~-]+@[\w.~^-]*$`)

// anotherNpm is a package, an archive or a repository of npm itself.
var anotherNpm = lazyregexp.New(`(?i)(?:^|[/:@])npm(?:@|$|-\d|\.(?:git|tgz))|\bnpm/cli\b`)

// pacmanArchives stands for pacman where what is deleted is no index, but packages that
// it fetches again.
const pacmanArchives = "pacman's archives"
