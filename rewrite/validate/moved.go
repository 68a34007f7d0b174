package validate

import (
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// A clean-up that moved:
//
//	before                              after
//	RUN curl -o /tmp/a … && tar …       RUN curl -o /tmp/a … && tar … && rm -rf /tmp/a
//	COPY app /app                       COPY app /app
//	RUN rm -rf /tmp/a && ldconfig       RUN ldconfig
//
// On the way down from the image, a declared clean-up is taken out of the old RUN
// that has it, and goes along as one that the old files below still lack. It passes
// each operation that neither needs nor makes what it deletes, to the end of an
// older RUN, which then must be these two joined, under all the conditions of a join.

// A late is a clean-up on its way.
type late struct {
	op      *compile.Op // the old RUN that it was in
	script  *script     // it alone
	deletes []deletion  // what it deletes, and for a manager's own what it looks at
	program string      // what it runs
	manager bool        // it is a package manager's own
	gone    bool        // nothing is left of the old RUN
}

func (l late) key() string { return l.op.Key + l.script.text }

// over refuses to let a clean-up pass what stands before it.
func (l late) over(op *compile.Op, format string, args ...any) *Rejection {
	args = append([]any{brief(l.script.text), op}, args...)
	return reject("the clean-up %q cannot move to before %q: "+format, args...)
}

// lates are clean-ups on their way, those that ran first first.
type lates []late

func (p lates) key() string {
	var b strings.Builder
	for _, l := range p {
		b.WriteString(l.key() + "\x00")
	}
	return b.String()
}

// lost refuses that the way ends with clean-ups still on it.
func (p lates) lost() *Rejection {
	if len(p) == 0 {
		return nil
	}
	return reject("the clean-up %q is gone, and no earlier RUN ends with it", brief(p[0].script.text))
}

// apart holds clean-ups that may pass one another to different files: the first n,
// and these and all others.
func (p lates) apart(n int) *Rejection {
	for i, a := range p[:n] {
		for _, b := range p[i+1:] {
			for _, t := range a.deletes {
				if slices.ContainsFunc(b.deletes, t.meetsOther) {
					return reject("the clean-ups %q and %q meet on their way", brief(a.script.text), brief(b.script.text))
				}
			}
		}
	}
	return nil
}

// in leaves the clean-ups that stand in a text, as whole commands.
func (p lates) in(text string) lates {
	return slices.DeleteFunc(slices.Clone(p), func(l late) bool {
		_, rest, ok := strings.Cut(text, l.script.text)
		return !ok || rest != "" && !strings.ContainsRune(" \t;&)", rune(rest[0]))
	})
}

// maxChoices bounds the choices out of clean-ups that are tried.
const maxChoices = 64

// choices yields choices out of them: all of them, none, and then others.
func (p lates) choices() iter.Seq[lates] {
	return func(yield func(lates) bool) {
		if !yield(p) || len(p) == 0 || !yield(nil) {
			return
		}
		n := uint(min(len(p), 62))
		for i := range min(1<<n-2, maxChoices) {
			var some lates
			for j, l := range p {
				// From all but the last one on.
				if uint(j) >= n || (1<<n-2-i)>>(n-1-uint(j))&1 != 0 {
					some = append(some, l)
				}
			}
			if !yield(some) {
				return
			}
		}
	}
}

func (p lates) without(some lates) lates {
	return slices.DeleteFunc(slices.Clone(p), func(l late) bool {
		return slices.ContainsFunc(some, func(o late) bool { return o.key() == l.key() })
	})
}

func (p lates) scripts() []*script {
	var out []*script
	for _, l := range p {
		out = append(out, l.script)
	}
	return out
}

// A way is one reading of an old RUN: clean-ups moved out of it, and the rest did not.
type way struct {
	rest   *script // nil when nothing is left
	moved  lates
	behind lates // those of moved that ran after the rest
}

// ways lists the readings of an old RUN, as it is first. What it returns beside is
// why a declared clean-up that stands there did not move.
func (m *matcher) ways(op *compile.Op, s *script) ([]way, *Rejection) {
	out := []way{{rest: s}}
	if len(m.moved) == 0 {
		return out, nil
	}
	var why *Rejection
	note := func(r *Rejection) {
		if why == nil {
			why = r
		}
	}
	for _, command := range m.movedFrom(s.trimmed()) {
		front, rest, ok := m.cut(op, s, command)
		if !ok {
			continue
		}
		l, r := m.late(op, s, command)
		if r == nil && rest == nil {
			l.gone = true
			if len(op.Exec.Mounts) > 1 {
				r = reject("%q is gone, and its mounts would leave no folder", op)
			}
		}
		if r == nil && rest != nil {
			r = m.remains(op, s, rest, front)
		}
		if r != nil {
			note(r)
			continue
		}
		if rest == nil {
			out = append(out, way{moved: lates{l}})
			continue
		}
		further, r := m.ways(op, rest)
		note(r)
		for _, w := range further {
			if w.rest == nil {
				l.gone = true
			}
			if front {
				w.moved = append(lates{l}, w.moved...)
			} else {
				w.moved, w.behind = append(w.moved, l), append(w.behind, l)
			}
			out = append(out, w)
		}
	}
	return out, why
}

// cut takes a command off a script, which it is, or the one "&&" list of which it
// begins or ends. The rest is nil when there is none.
func (m *matcher) cut(op *compile.Op, s *script, command string) (front bool, rest *script, ok bool) {
	text := s.trimmed()
	if text == command {
		return false, nil, true
	}
	if !strings.HasPrefix(text, command) && !strings.HasSuffix(text, command) {
		return false, nil, false
	}
	n := only(m.library.parse(s, text))
	if n == nil || n.Kind != shell.And || n.Background {
		return false, nil, false
	}
	left := *s
	for i, c := range n.Children[1:] {
		before := n.Children[i]
		switch {
		case text[:before.To] == command:
			left.text = text[c.From:]
			return true, &left, true
		case text[c.From:] == command:
			left.text = text[:before.To]
			return false, &left, true
		}
	}
	return false, nil, false
}

// remains holds what is left of a RUN to doing what it did beside the clean-up.
func (m *matcher) remains(op *compile.Op, s, rest *script, front bool) *Rejection {
	whole := m.library.parse(s, s.trimmed())
	switch {
	case whole.Ambiguous:
		return reject("sh and bash read %q as different programs", brief(s.text))
	case len(whole.Comments) > 0 || strings.Contains(s.text, "\n"):
		return reject("a clean-up moved out of a script with comments, or of several lines")
	}
	if why := processes(whole); why != "" {
		return reject("%s may still use what the clean-up deletes", why)
	}
	p := m.library.parse(rest, rest.text)
	n := only(p)
	if n == nil {
		return reject("the rest of %q is not one list of commands", brief(s.text))
	}
	if front {
		if v := shellVariable(p); v != "" {
			return reject("$%s tells whether the clean-up ran before %q", v, brief(rest.text))
		}
		return nil
	}
	last := n
	if n.Kind == shell.And {
		last = n.Children[len(n.Children)-1]
	}
	if s.errexit && !pure(p, last) {
		return reject("errexit was ignored left of the clean-up, and %q can go on after a failure", brief(rest.text))
	}
	if why := leaks(p, n); why != "" {
		return reject("%s before the clean-up may change what it does", why)
	}
	return nil
}

// late reads a clean-up of the closed kinds: rm of literal paths, a package
// manager's own, or an "&&" list of these.
func (m *matcher) late(op *compile.Op, s *script, command string) (late, *Rejection) {
	alone := *s
	alone.text, alone.cleanup = command, true
	l := late{op: op, script: &alone}
	p := m.library.parse(&alone, command)
	n := only(p)
	if n == nil || p.Ambiguous || len(p.Comments) > 0 || n.Background || n.Kind != shell.Simple && n.Kind != shell.And {
		return l, reject("%q is not a clean-up that is known", brief(command))
	}
	list := []*shell.Node{n}
	if n.Kind == shell.And {
		list = n.Children
	}
	for _, c := range list {
		if c.Kind != shell.Simple || c.Background || len(c.Words) == 0 || len(c.Assigns)+len(c.Redirs) > 0 {
			return l, reject("%q is not a clean-up that is known", brief(command))
		}
		if own, ok := managersOwn[strings.Join(strings.Fields(p.Source(c.Range)), " ")]; ok {
			l.manager = true
			for _, dir := range own {
				l.deletes = append(l.deletes, deletion{path: dir})
			}
		} else if name, _ := literal(c.Words[0]); name != "rm" {
			return l, reject("%q is not a clean-up that is known", brief(p.Source(c.Range)))
		} else if r := l.removes(c.Words[1:]); r != nil {
			return l, r
		}
		l.program, _ = literal(c.Words[0])
	}
	if s.noglob && slices.ContainsFunc(l.deletes, func(t deletion) bool { return t.pattern != "" }) {
		return l, reject("the SHELL expands no patterns (-f)")
	}
	return l, nil
}

// managersOwn are the clean-ups of package managers of which everything is known:
// the folders that they empty, or read to know what to delete.
var managersOwn = map[string][]string{}

func init() {
	for commands, dirs := range map[string]string{
		"apt-get clean, apt-get autoclean, apt-get dist-clean, apt clean":                      "/var/cache/apt /var/lib/apt /var/lib/dpkg /etc/apt",
		"yum clean all, yum -y clean all, dnf clean all, dnf -y clean all, microdnf clean all": "/var/cache/yum /var/cache/dnf /var/cache/libdnf5 /var/lib/yum /var/lib/dnf /var/lib/rpm /etc/yum /etc/yum.conf /etc/yum.repos.d /etc/dnf",
		"apk cache clean": "/var/cache/apk /var/lib/apk /lib/apk /etc/apk",
	} {
		for _, c := range strings.Split(commands, ", ") {
			managersOwn[c] = strings.Fields(dirs)
		}
	}
}

// removes reads the arguments of an rm.
func (l *late) removes(args []shell.Word) *Rejection {
	paths := 0
	for _, w := range args {
		t := deletion{}
		for _, part := range w.Parts {
			if part.Kind != shell.Literal && !(part.Kind == shell.Glob && strings.Trim(part.Text, "*") == "") {
				return reject("the clean-up %q does not name literal paths", brief(l.script.text))
			}
			if part.Kind == shell.Literal && strings.ContainsAny(part.Text, "*?[\\") {
				return reject("the clean-up %q has a quoted pattern", brief(l.script.text))
			}
			t.path += part.Text
		}
		if paths == 0 && strings.HasPrefix(t.path, "-") {
			if t.path != "--recursive" && t.path != "--force" && t.path != "--verbose" && (len(t.path) < 2 || strings.Trim(t.path[1:], "rRfv") != "") {
				return reject("rm %s is not known", t.path)
			}
			continue
		}
		paths++
		if !deletable(t.path) {
			return reject("the clean-up %q deletes %q, which is not a path that may be deleted earlier", brief(l.script.text), t.path)
		}
		if strings.Contains(t.path, "*") {
			t.path, t.pattern = path.Split(t.path)
			t.path = path.Clean(t.path)
		}
		l.deletes = append(l.deletes, t)
	}
	if paths == 0 {
		return reject("the clean-up %q deletes nothing", brief(l.script.text))
	}
	return nil
}

// deletable reports whether a path is one that no program of the system counts on,
// and is no folder that others have things in: absolute, clean, and no pattern but
// in its last part.
func deletable(p string) bool {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p || strings.Contains(path.Dir(p), "*") {
		return false
	}
	parts := strings.Split(p[1:], "/")
	for prefix, least := range map[string]int{
		"/tmp": 2, "/root": 2, "/opt": 2, "/srv": 2, "/mnt": 2, "/media": 2, "/home": 3,
		"/var/tmp": 3, "/var/cache": 3, "/var/lib/apt/lists": 4, "/usr/src": 3, "/usr/local/src": 4,
	} {
		if under(p, prefix) {
			return len(parts) >= least
		}
	}
	if setOf("bin sbin lib lib32 lib64 libx32 etc usr var dev proc sys run boot nix base")[parts[0]] {
		return false
	}
	return parts[0] != "" && !strings.Contains(parts[0], "*")
}

// private reports whether what is deleted is of no use but to those who name it: no
// program keeps anything there, and none leaves anything there by itself.
func (t deletion) private() bool {
	switch {
	case under(t.path, "/tmp"), under(t.path, "/var/tmp"):
		return t.pattern == "" || t.path != "/tmp" && t.path != "/var/tmp"
	case systemDir(t.path), under(t.path, "/usr/local"), under(t.path, "/root"), under(t.path, "/home"):
		return false
	}
	return !strings.Contains(t.path, "/.")
}

// quiet are programs that touch no file but those that their arguments name, and
// leave nothing else behind.
var quiet = setOf(`echo printf cat head tail tr cut sort uniq wc ls true false : id whoami uname date sleep basename dirname
	readlink realpath sha1sum sha256sum sha512sum md5sum pwd env printenv expr seq grep egrep fgrep hostname nproc arch
	file du stat diff cmp base64 mkdir xxd od nl rev tac fold paste join comm sed gzip gunzip bzip2 bunzip2 xz unxz zcat
	bzcat xzcat zstd sync test [ rm rmdir mv cp ln install chmod chown chgrp touch truncate tee tar unzip find
	cd export set unset umask readonly local return exit shift break continue`)

// foreign says that a command runs what its program did not bring: scripts of
// projects and of registries' packages.
func (c *command) foreign() bool {
	v, _ := c.verb()
	p := programs[c.name]
	switch {
	case p.runs, p.helper, c.runsScript(), c.name == "trap":
		return true
	case isPip(c.name):
		return v != "list" && v != "show" && v != "freeze" && v != "check" && v != "cache" && v != "config"
	case c.name == "npm":
		return v != "cache" && v != "config" && v != "set" && v != "version" && v != "ls" && !c.has("--ignore-scripts")
	case c.name == "gem":
		return v != "list" && v != "sources"
	case c.name == "tar":
		return c.takes("I F", "--to-command --checkpoint-action --use-compress-program --info-script --new-volume-script --rsh-command")
	}
	return false
}

// fromList says that a command may work on files whose names it finds in a file,
// or in an archive as they stand there.
func (c *command) fromList() bool {
	switch c.name {
	case "tar":
		return c.takes("T P", "--files-from --absolute-names")
	case "wc", "du", "sort", "find":
		return c.takes("", "--files0-from -files0-from")
	case "sed":
		return c.takes("f", "--file")
	case "curl":
		return c.takes("K", "--config")
	case "wget":
		return c.takes("i", "--input-file")
	}
	return strings.HasSuffix(c.name, "sum") && c.takes("c", "--check")
}

// takes reports whether a command has one of the options, letters alone or with
// others: the first word of a tar may be letters without a dash.
func (c *command) takes(letters, names string) bool {
	options := c.options()
	if args, _ := c.args(); c.name == "tar" && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		for _, letter := range args[0] {
			options = append(options, "-"+string(letter))
		}
	}
	return slices.ContainsFunc(options, func(o string) bool {
		return slices.ContainsFunc(strings.Fields(letters), func(l string) bool { return o == "-"+l }) ||
			slices.ContainsFunc(strings.Fields(names), func(n string) bool { return abbreviates(o, n) })
	})
}

// gone explains that an old RUN was nothing but clean-ups that moved.
func (m *matcher) gone(is, was compile.Edge, p lates) *Rejection {
	best := reject("%sthat %q took the place of %q", unexplained, is.Op, was.Op)
	if len(m.moved) == 0 || was.Op.Exec == nil {
		return best
	}
	s, ok := readScript(was.Op.Exec)
	root, output := was.Op.Exec.Root()
	if !ok || was.Output != output {
		return best
	}
	ways, why := m.ways(was.Op, s)
	if why != nil {
		best = why
	}
	for _, w := range ways {
		if w.rest != nil {
			continue
		}
		q := slices.Concat(w.moved, p)
		r := q.apart(len(w.moved))
		if r == nil {
			r = m.edge(is, root, q)
		}
		if r == nil {
			return nil
		}
		if strings.HasPrefix(best.Reason, unexplained) {
			best = r
		}
	}
	return best
}

// placed are the conditions of what an old RUN is in a guess: which clean-ups moved
// to its end, and which pass it on their way on.
func (e *execs) placed(at *compile.Op, w way, here, on lates) *Rejection {
	for _, l := range here {
		if r := e.endsWith(at, w.rest, l); r != nil {
			return r
		}
	}
	front := w.moved.without(w.behind)
	if r := e.startsApart(e.is, front); r != nil {
		return r
	}
	on = on.without(front)
	if r := e.mountsApart(e.is, on); r != nil {
		return r
	}
	return e.leaves(at, w.rest, on)
}

// endsWith are the conditions of a clean-up at the end of an old RUN, beside those
// of a join: it runs there as it ran in its own.
func (e *execs) endsWith(at *compile.Op, body *script, l late) *Rejection {
	x, was := e.is.Exec, l.op.Exec
	what := brief(l.script.text)
	switch {
	case e.text.prefix() != l.script.prefix():
		return reject("the clean-up %q ran in another SHELL", what)
	case x.User != was.User:
		return reject("the clean-up %q ran as the user %q, not as %q", what, was.User, x.User)
	case e.is.Rest != l.op.Rest:
		return reject("the clean-up %q ran with other security, devices or limits", what)
	case l.manager && (x.Network != was.Network || !slices.Equal(x.Env, was.Env)):
		return reject("the clean-up %q ran in another environment", what)
	}
	if name := differs(x, was); name != "" {
		return reject("the clean-up %q ran with another %s", what, name)
	}
	if r := e.mountsApart(e.is, lates{l}); r != nil {
		return r
	}
	if why := e.keepsFolder(at, body, l); why != "" {
		return reject("%s may remove the folder %s, which the RUN that is gone made anew", why, was.Cwd)
	}
	if why := e.noted(l, false); why != "" {
		return reject("%s may have left a link to what the clean-up %q deletes", why, what)
	}
	return nil
}

// differs names a variable that could make a clean-up do something else and is not
// the same in two environments.
func differs(a, b *compile.Exec) string {
	for _, list := range [][]string{a.Env, b.Env} {
		for _, pair := range list {
			name, _, _ := strings.Cut(pair, "=")
			x, inA := a.Getenv(name)
			y, inB := b.Getenv(name)
			if x == y && inA == inB {
				continue
			}
			if decisive[name] || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "BASH") || strings.HasPrefix(name, "MALLOC_") {
				return name
			}
		}
	}
	return ""
}

// decisive are variables that the shell, the loader or rm obey. A pattern is "*"
// alone, which is the same in every locale.
var decisive = setOf("PATH ENV IFS GLOBIGNORE GLOBSORT SHELLOPTS POSIXLY_CORRECT PS4 HOME GLIBC_TUNABLES GCONV_PATH LOCPATH")

// mountsApart refuses a mount that holds or lies in what clean-ups delete.
func (m *matcher) mountsApart(op *compile.Op, p lates) *Rejection {
	below := primary(op).Key()
	for _, l := range p {
		for _, mount := range op.Exec.Mounts {
			if mount.Dest == "/" {
				continue
			}
			for _, t := range l.deletes {
				if t.meets(path.Clean(mount.Dest)) {
					return l.over(op, "its mount at %s is in the way", mount.Dest)
				}
				if mount.Input.Op != nil && mount.Input.Key() == below && t.meets(path.Clean("/"+mount.Selector)) {
					return l.over(op, "it mounts what is deleted")
				}
			}
		}
	}
	return nil
}

// keepsFolder names a command that may remove the folder in which a RUN that is
// gone ran: that RUN made it anew.
func (m *matcher) keepsFolder(op *compile.Op, body *script, l late) string {
	if !l.gone {
		return ""
	}
	d := m.deriver(op, body)
	p := d.parse(body.text)
	return d.removes(m.library.commands(p), l.op.Exec.Cwd, d.follow(op.Exec, p, m.library.namer(op.Exec, p).text))
}

// primary is what an operation changes: the files that its result has but for
// what it did.
func primary(op *compile.Op) compile.Edge {
	switch {
	case op.Exec != nil:
		root, _ := op.Exec.Root()
		return root
	case op.File != nil:
		return op.File.Actions[0].On.Edge
	case len(op.Inputs) > 0:
		return op.Inputs[0] // a merge, of COPY --link
	}
	return compile.Edge{}
}
