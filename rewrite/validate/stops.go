package validate

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// A stop is a place in the new graph from which on files are no longer kept. What
// comes after it must not need them.
type stop struct {
	op      *compile.Op
	what    string // for messages
	manager string
	paths   []string
	mount   bool
}

// stops holds what comes after each stop to doing without the files. Stops of one kind
// are looked at together; only where something is found it matters which one it was.
func (m *matcher) stops(g *compile.Graph) *Rejection {
	kinds := map[kind]*after{}
	for _, s := range m.stopped {
		if r := m.contents(s); r != nil {
			return r
		}
		a := kinds[s.kind()]
		if a == nil {
			a = &after{matcher: m, graph: g, stop: s, at: map[*compile.Op]bool{}, asked: map[*compile.Op]need{}}
			kinds[s.kind()] = a
		}
		a.at[s.op] = true
	}
	passed := map[*after]bool{}
	for _, s := range m.stopped {
		a := kinds[s.kind()]
		pass, looked := passed[a]
		if !looked {
			pass = a.look(a.at) == nil
			passed[a] = pass
		}
		if pass {
			continue
		}
		if r := a.look(map[*compile.Op]bool{s.op: true}); r != nil {
			return r
		}
	}
	return nil
}

// A kind is what stops have in common that keep the same files for the same reason.
type kind struct{ what, manager, paths string }

func (s stop) kind() kind { return kind{s.what, s.manager, strings.Join(s.paths, "\x00")} }

// An after looks at what comes after stops of one kind.
type after struct {
	*matcher
	stop
	graph *compile.Graph
	at    map[*compile.Op]bool // the stops
	asked map[*compile.Op]need

	granted map[*compile.Op]*grants // of those whose files come from one that is looked at
}

// A need is what needs found.
type need struct {
	why     string
	renewed bool
}

// look looks at every operation whose files come from one of the stops, the stages
// that are FROM it included, and at what is copied or mounted out of these.
func (a *after) look(at map[*compile.Op]bool) *Rejection {
	state := map[*compile.Op]bool{} // the files come from a stop
	stale := map[*compile.Op]bool{} // and no RUN since has fetched the index anew
	a.granted = map[*compile.Op]*grants{}
	for _, o := range a.graph.Ops {
		if r := a.pass(o, state, stale); r != nil {
			return r
		}
		if at[o] {
			state[o], stale[o] = true, true
			a.granted[o] = a.grant(o, a.granted[o])
		}
	}
	if o := a.linked(at); o != nil {
		return reject("%q links to what %s deletes, where others may read it", o, a.what)
	}
	if state[a.graph.Root.Op] {
		if why := a.atRunTime(a.graph.Image, a.stop); why != "" {
			return reject("%s of the image needs what %s deletes", why, a.what)
		}
	}
	return nil
}

func (a *after) pass(o *compile.Op, state, stale map[*compile.Op]bool) *Rejection {
	switch {
	case o.Exec != nil:
		root, _ := o.Exec.Root()
		for _, mount := range o.Exec.Mounts {
			if mount.Dest != "/" && state[mount.Input.Op] && a.reaches("/"+mount.Selector) {
				return reject("%q mounts what %s deletes", o, a.what)
			}
		}
		if !state[root.Op] {
			return nil
		}
		state[o] = true
		if !stale[root.Op] {
			return nil // what follows finds the new index
		}
		need, ok := a.asked[o]
		if !ok {
			need.why, need.renewed = a.needs(o, a.stop)
			a.asked[o] = need
		}
		if need.why != "" {
			return reject("%s needs what %s deletes", need.why, a.what)
		}
		stale[o] = !need.renewed
		if before := a.granted[root.Op]; before != nil && !need.renewed && a.manager != "apt" {
			lacks, r := a.beyond(o, before)
			if lacks != "" {
				return reject("%q may need what %s let in, and %s deletes", o, lacks, a.what)
			}
			a.granted[o] = r
		}
	case o.File != nil:
		for _, action := range o.File.Actions {
			if from := action.On.Edge.Op; state[from] {
				state[o] = true
				stale[o] = stale[o] || stale[from]
				a.granted[o] = cmp.Or(a.granted[from], a.granted[o])
			}
			if c := action.Copy; c != nil && state[c.From.Edge.Op] && a.reaches(c.Src) && !a.sameFolder(c) {
				return reject("%q copies what %s deletes", o, a.what)
			}
		}
		a.granted[o] = a.granted[o].replacedBy(o)
	default:
		// A merge, of COPY --link: what is copied lies on top.
		for _, in := range o.Inputs {
			if state[in.Op] {
				state[o] = true
				stale[o] = stale[o] || stale[in.Op]
				a.granted[o] = cmp.Or(a.granted[o], a.granted[in.Op])
			}
		}
		for _, in := range o.Inputs {
			a.granted[o] = a.granted[o].replacedBy(in.Op)
		}
	}
	return nil
}

// reaches reports whether a source path may hold some of what is no longer kept.
func (s stop) reaches(src string) bool {
	src = path.Clean(src)
	if i := strings.IndexAny(src, "*?["); i >= 0 {
		src = path.Dir(src[:i] + "x")
	}
	return slices.ContainsFunc(s.paths, func(p string) bool { return under(p, src) || under(src, p) })
}

// sameFolder reports whether a copy takes a folder above the path to the same
// folder, so that what is missing there is what was declared.
func (s stop) sameFolder(c *compile.Copy) bool {
	src, dest := path.Clean(c.Src), path.Clean(c.Dest)
	return src == dest && !slices.ContainsFunc(s.paths, func(p string) bool { return under(src, p) })
}

// needs names what in a RUN after a stop may need the files, and reports whether
// a RUN that has succeeded has made them anew.
func (m *matcher) needs(o *compile.Op, s stop) (why string, renewed bool) {
	for _, mount := range o.Exec.Mounts {
		if slices.Contains(s.paths, mount.Dest) {
			return "", false // it has a cache of its own there
		}
	}
	text, ok := readScript(o.Exec)
	if !ok {
		name := first(o.Exec.Args)
		if systemBin(name) {
			name = path.Base(name)
		}
		c := command{name: name}
		if distributions[s.manager] != nil && (distributions[s.manager][name] || !harmless(name)) || s.manager == "go" && (name == "go" || !harmless(name)) {
			return c.name, false
		}
		return "", false
	}
	p := m.library.parse(text, text.text)
	if p.Err != nil {
		return "a script that does not parse", false
	}
	if text.startup && distributions[s.manager] != nil {
		return "a SHELL with start-up files", false
	}
	if cwd := path.Clean("/" + o.Exec.Cwd); s.around(cwd) {
		return "a script that runs in " + cwd, false
	}
	d := m.deriver(o, text)
	n, u := m.library.namer(o.Exec, p), m.unseenIn(o, p)
	var guarded []shell.Range
	for _, c := range m.library.commands(p) {
		if slices.ContainsFunc(guarded, func(at shell.Range) bool { return at.From <= c.node.From && c.node.To <= at.To }) {
			continue // it finds the new index, or does not run
		}
		list, at := []command{c}, p.Root
		q, within := d.inner(&c)
		if within = within && len(c.node.Redirs) == 0; within {
			list, at = m.library.commands(q), q.Root
		}
		for _, call := range list {
			if v, _ := call.verb(); fetches[s.manager][v] && call.fills(s.manager) {
				// In a condition it might not run, and its failure might not show.
				renewed = renewed || d.surely(p, c.node) && (!within || succeeded(at, call.node))
				if !within {
					guarded = append(guarded, guards(p, c.node)...)
				}
			}
			if renewed {
				// From here on both builds do the same with the same files.
				break
			}
			if call.namesAny(n, s.paths) {
				return call.name + ", which names the folder,", false
			}
			if u.mayReach(&call, s.paths, false) {
				return call.name + ", which may reach the folder,", false
			}
			call, _ = call.fed(p)
			if why := d.needsFiles(&call, ran{}, s.manager); why != "" {
				return why, false
			}
			if o.Exec.Network == "NONE" && call.usesCache(s.manager) {
				return call.name + " without a network", false
			}
			if (s.manager == "pip" || s.manager == "uv") && call.usesCache(s.manager) && m.removesPackages() {
				return call.name + ", which may need a wheel that a package built which is removed,", false
			}
			if call.usesCache(s.manager) && distributions[s.manager] == nil && m.mayBeOffline() {
				return call.name + ", which may work offline,", false
			}
		}
	}
	return "", renewed
}

// mayBeOffline reports whether an option, a variable or a setting may have a manager
// install from its cache alone.
func (m *matcher) mayBeOffline() bool { return m.saying(offline, true) != nil }

// removesPackages reports whether a RUN takes packages of the distribution away.
func (m *matcher) removesPackages() bool { return m.saying(removal, false) != nil }

// saying returns the first RUN of the new graph that has such a text in its script, or
// with env in its environment; nil if none has.
func (m *matcher) saying(text *lazyregexp.Regexp, env bool) *compile.Op {
	op, known := m.said[text]
	if !known {
		if i := slices.IndexFunc(m.fresh.Ops, func(o *compile.Op) bool {
			return o.Exec != nil && (slices.ContainsFunc(o.Exec.Args, text.MatchString) || env && slices.ContainsFunc(o.Exec.Env, text.MatchString))
		}); i >= 0 {
			op = m.fresh.Ops[i]
		}
		if m.said == nil {
			m.said = map[*lazyregexp.Regexp]*compile.Op{}
		}
		m.said[text] = op
	}
	return op
}

var (
	offline = lazyregexp.New(`(?i)offline|^composer_disable_network=|^goproxy=off`)
	removal = lazyregexp.New(`\b(?:apt-get|apt|aptitude|apk|dnf|yum|microdnf|zypper)\b[^;&|]*\s(?:purge|remove|autoremove|autopurge|del|erase|rm)\b`)
)

// fetches are the verbs by which a distribution's package manager fetches its index, and
// does no more.
var fetches = map[string]map[string]bool{
	"apt": setOf("update"), "dnf": setOf("makecache"), "yum": setOf("makecache"), "microdnf": setOf("makecache"), "zypper": setOf("refresh ref"),
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// around reports whether a folder is, or lies in, one that is no longer kept, or
// holds one. Homes and / hold too much else to count.
func (s stop) around(dir string) bool {
	return dir != "/" && slices.ContainsFunc(s.paths, func(p string) bool {
		return under(dir, p) || under(p, dir) && !strings.Contains(p, "/.")
	})
}

// guards is what runs only where a node has succeeded before it: the operands behind it in
// one list of &&, with all that lies in them.
func guards(p *shell.Program, first *shell.Node) (out []shell.Range) {
	walk(p.Root, func(at *shell.Node, _ []*shell.Node) {
		if i := slices.Index(at.Children, first); at.Kind == shell.And && i >= 0 {
			for _, o := range at.Children[i+1:] {
				out = append(out, o.Range)
			}
		}
	})
	return out
}

// surely reports whether a script that has succeeded has run a command, and that
// has succeeded too.
func (d *deriver) surely(p *shell.Program, n *shell.Node) bool {
	for _, c := range d.library.commands(p) {
		if c.node.From < n.From && setOf("exit return exec trap break continue")[c.name] {
			return false
		}
	}
	last := len(p.Root.Children) - 1
	for i, at := range p.Root.Children {
		if i == last || at.From <= n.From && n.To <= at.To {
			return succeeded(at, n) && (i == last || d.certainErrexit(p) && (at == n || lastOf(at) == n))
		}
	}
	return false
}

// succeeded reports whether a node can only have succeeded if n, in it, has.
func succeeded(at, n *shell.Node) bool {
	switch {
	case at.Background:
		return false
	case at == n:
		return true
	case at.Kind == shell.And || at.Kind == shell.Subshell || at.Kind == shell.Block:
		return slices.ContainsFunc(at.Children, func(c *shell.Node) bool { return succeeded(c, n) })
	case at.Kind == shell.List && len(at.Children) > 0:
		return succeeded(at.Children[len(at.Children)-1], n)
	}
	return false
}

func (d *deriver) commandsBelow(p *shell.Program, n *shell.Node) []command {
	var out []command
	for _, c := range d.library.commands(p) {
		if c.node.From >= n.From && c.node.To <= n.To {
			out = append(out, c)
		}
	}
	return out
}

// needsIndex names a command that needs a manager's files, or may.
func (c *command) needsIndex(manager string) string {
	v, _ := c.verb()
	if args, _ := c.args(); len(args) == 1 && slices.Contains([]string{"--version", "-version", "-V"}, args[0]) ||
		len(args) == 1 && args[0] == "-v" && setOf("node nodejs npm yarn ruby perl php")[c.name] {
		return ""
	}
	switch manager {
	case "dnf", "yum", "microdnf", "zypper", "pacman":
		switch {
		case rpms[manager] && (rpms[c.name] || c.name == "dnf5" || c.name == "dnf-3"), distributions[manager][c.name]:
			if setOf("clean cc remove rm erase autoremove makecache refresh ref")[v] || c.name == "pacman" && c.trims() {
				return ""
			}
			return c.name + " " + v
		case c.name == "repoquery" || c.name == "yum-builddep" || c.name == "yumdownloader" || c.name == "debuginfo-install":
			return c.name
		}
		return c.mayInstall()
	case "yarn":
		if c.name == "yarn" && c.has("--offline", "--prefer-offline") || c.name == "yarn" && v == "cache" {
			return c.name
		}
	case "gem":
		if setOf("bundle bundler gem")[c.name] && (c.has("--local", "-l") || setOf("pristine cache package pack fetch")[v]) {
			return c.name + " " + v
		}
	case "uv":
		if c.name == "uv" && (c.has("--offline") || v == "cache") {
			return c.name
		}
	case "apt":
		switch {
		case c.name == "apt-get" || c.name == "apt":
			if slices.Contains([]string{"update", "clean", "autoclean", "dist-clean", "remove", "purge", "autoremove", "autopurge", "check"}, v) {
				return ""
			}
			return c.name + " " + v
		case c.name == "apt-cache" || c.name == "aptitude" || c.name == "apt-file" || c.name == "tasksel" || c.name == "apt-mark" && v == "showauto":
			return c.name
		}
		return c.mayInstall()
	case "go":
		if c.name == "go" && !setOf("version env")[v] || c.name != "go" && !harmless(c.name) {
			return c.name
		}
	case "pip":
		if c.has("--no-index") || c.name == "pip" && v == "cache" {
			return c.name
		}
	case "npm":
		if args, _ := c.args(); c.has("--offline", "--prefer-offline") || c.name == "npm" && v == "cache" && !slices.Contains(args, "clean") && !slices.Contains(args, "clear") {
			return c.name
		}
	case "apk":
		if c.name == "apk" && (c.has("--no-network") || v == "search" || v == "policy" || v == "list") {
			return "apk " + v
		}
	}
	return ""
}

// trims reports whether a call of pacman cleans up or removes packages, which it does
// without an index, too, as long as its folder is there (tried with 6.0.2).
func (c *command) trims() bool {
	args, all := c.args()
	return all && slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-R") || a == "--remove" || strings.HasPrefix(a, "-Sc") || strings.HasPrefix(a, "-S") && strings.HasSuffix(a, "cc")
	})
}

// rpms are the package managers that share folders where one is another's name.
var rpms = setOf("dnf yum microdnf")

// mayInstall names a command that may install packages of the distribution.
func (c *command) mayInstall() string {
	switch v, _ := c.verb(); {
	case c.runsScript():
		return c.name + " " + v + ", which runs a script,"
	case c.name == "":
		return "a command whose name is not literal"
	case !harmless(c.name) && !c.settles():
		return c.name + ", which is not known,"
	}
	return ""
}

// settles reports whether a command of a program that may run anything is one that sets
// the program up, and runs nothing of the project.
func (c *command) settles() bool {
	args, _ := c.args()
	v, at := c.verb()
	switch c.name {
	case "python", "python2", "python3":
		return len(args) > 1 && args[0] == "-m" && setOf("venv virtualenv ensurepip pip")[args[1]]
	case "bundle", "bundler":
		return v == "config"
	case "composer":
		if v == "global" && at < len(args) {
			return setOf("config require")[args[at]]
		}
		return setOf("config self-update selfupdate clear-cache clearcache")[v] || v == "" && c.has("--version", "-V")
	}
	return false
}

// namesAny reports whether a word or redirection names one of the folders, one
// above or one below, from any folder that the command may run in: it could fail or
// differ once the folder is empty. An "rm -f" could not. For a package manager "."
// is the project, not what lies beside it.
func (c *command) namesAny(n *namer, folders []string) bool {
	if c.name == "rm" && slices.ContainsFunc(c.options(), func(o string) bool { return o == "-f" || o == "--force" }) {
		return false
	}
	words := slices.Clone(c.words[min(1, len(c.words)):])
	for _, r := range c.node.Redirs {
		words = append(words, r.Target)
	}
	ops := c.operands()
	return slices.ContainsFunc(words, func(w shell.Word) bool {
		text, known := n.text(w)
		if known && !strings.Contains(text, "/") && (nameUsers[c.name] || owners[c.name] && len(ops) > 0 && w.Range == ops[0].Range) {
			return false // the name of a user or a group
		}
		if !known && slices.ContainsFunc(w.Parts, func(part shell.Part) bool {
			return part.Kind == shell.Parameter && part.Text != "PATH" && slices.ContainsFunc(n.given(part), func(v string) bool { return c.namesOne(n, v, folders) })
		}) {
			return true
		}
		return c.namesOne(n, text, folders)
	})
}

// namesOne is namesAny for a text as a namer reads it.
func (c *command) namesOne(n *namer, text string, folders []string) bool {
	visible := false // a pattern at the start of a name, which fits none that begins with a dot
	if i := strings.IndexAny(text, "\x00\x01"); i >= 0 {
		visible = text[i] == 1 && strings.HasSuffix(text[:i], "/")
		text = text[:i]
	}
	if text == "" {
		return false
	}
	names := []string{path.Clean(text)}
	if !strings.HasPrefix(text, "/") {
		if names[0] == "." && projects[c.name] {
			return false
		}
		names = nil
		for _, dir := range n.dirs {
			names = append(names, path.Join(dir, text))
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return name != "/" && slices.ContainsFunc(folders, func(f string) bool {
			if rest, ok := strings.CutPrefix(f, name+"/"); ok {
				return c.name != "cd" && !(visible && strings.HasPrefix(rest, "."))
			}
			return under(name, f)
		})
	})
}

// nameUsers are programs whose bare words are names of users and groups; those of owners
// begin with one.
var (
	nameUsers = setOf("getent id passwd su gpasswd usermod useradd adduser groupadd groupmod addgroup deluser delgroup userdel")
	owners    = setOf("chown chgrp")
)

// projects are programs that take a folder for a project.
var projects = setOf("pip pip2 pip3 npm yarn pnpm go git bundle composer cargo")

// runsScript reports whether a command is one of a known program's that runs what
// the project, or its own arguments, say.
func (c *command) runsScript() bool {
	v, _ := c.verb()
	switch c.name {
	case "find":
		return c.has("-exec", "-execdir", "-ok", "-okdir")
	case "npm":
		if setOf("ci clean-install ic install i")[v] && !c.has("--ignore-scripts") {
			// Without names it installs the project, whose scripts run.
			_, at := c.verb()
			return !slices.ContainsFunc(c.words[at+1:], func(w shell.Word) bool {
				text, ok := literal(w)
				return !ok || !strings.HasPrefix(text, "-")
			})
		}
		return setOf("run run-script start test t restart stop exec x explore rum urn")[v]
	case "yarn", "pnpm":
		return v != "" && !setOf("install i add global cache config set remove fetch prune store import version")[v]
	case "go":
		return v == "run" || v == "generate" || v == "test"
	case "cargo":
		return v == "run"
	case "composer":
		return v == "run" || v == "run-script" || v == "exec"
	case "bundle":
		return v == "exec"
	case "pipenv", "poetry", "uv", "conda", "mamba", "micromamba":
		return v == "run"
	}
	return false
}

// harmless reports whether a command is known never to install a distribution's
// packages, nor to run a script of the project that might.
func harmless(name string) bool {
	if p, ok := programs[name]; ok {
		return !p.runs && !p.helper || harmlessToo[name]
	}
	return builtinsHarmless[name] || harmlessToo[name] || isPip(name)
}

var builtinsHarmless = setOf("cd export set unset umask readonly local return exit read shift ulimit pushd popd trap type wait kill break continue hash shopt alias time")

var harmlessToo = setOf(`a2enmod a2dismod a2ensite a2dissite a2enconf a2disconf apache2ctl apachectl awk gawk chpasswd cmake conda convert corepack cpan cpanm createuser crontab curl-config
	debconf-set-selections docker-php-ext-configure docker-php-ext-enable docker-php-ext-install docker-php-source dotnet dpkg-reconfigure fc-cache flask gcc g++ cc ld ar
	gpg gpg2 gpgconf groupadd gunicorn helm java javac jar keytool kubectl localectl locale-gen luarocks
	mamba micromamba mkfifo mkpasswd mysql mysql_install_db nginx openssl patch pecl pg_config phpenmod phpdismod
	php5enmod pipenv pipx pnpm poetry psql rbenv rsync rustup rustc setcap getcap ssh-keygen ssh-keyscan strip
	svn terraform unlink update-locale update-rc.d uv virtualenv yarn zip 7z 7za apt-key
	add-apt-repository dpkg-divert gem npm pear service mvn gradle hg start-stop-daemon dbus-uuidgen visudo update-initramfs sdkmanager
	phpize pip-compile setfacl yes`)
