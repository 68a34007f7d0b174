package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// copyLater explains a broad copy that moved behind RUNs that know nothing of it:
//
//	before                      after
//	COPY . .                    RUN apt-get install …
//	RUN apt-get install …       COPY . .
//
// is is the copy, was the result of the last RUN that it moved behind.
func (m *matcher) copyLater(is, was compile.Edge, p lates) *Rejection {
	nothing := reject("%sthat %q took the place of %q", unexplained, is.Op, was.Op)
	if !m.later || is.Op == nil || is.Op.File == nil || was.Op.Exec == nil {
		return nothing
	}
	broad, ok := broadCopy(is)
	if !ok {
		return nothing
	}
	dest := []string{path.Clean(broad.Dest)}
	oldAt, passed := runs(was, dest)
	if oldAt.Op == nil || oldAt.Op.Own != is.Op.Own || oldAt.Output != is.Output || len(passed) == 0 {
		return nothing
	}
	oldBroad, ok := broadCopy(oldAt)
	if !ok || oldBroad.From.Edge.Key() != broad.From.Edge.Key() {
		return nothing
	}
	top, below := is.Op.File.Actions[0].On.Edge, oldAt.Op.File.Actions[0].On.Edge
	base, moved, made := m.runsDownTo(top, dest, below, len(passed))
	if len(moved) == 0 {
		return nothing
	}
	if len(made) > 0 && !standsBelow(base, broad.Dest) && (path.Clean(broad.Src) != "/" || broad.Owner != "" || broad.Chmod || !m.byRoot(made, moved)) {
		return reject("a WORKDIR would make %s before the copy does, with another mode or owner", broad.Dest)
	}
	if r := projectFolder(broad); r != nil {
		return r
	}
	late := m.lateCopy(broad, base)
	for _, op := range moved {
		if r := m.knowsNothing(op, late); r != nil {
			return r
		}
	}
	if r := m.ledInto(base, broad.Dest); r != nil {
		return r
	}
	if r := m.passes(is, p); r != nil {
		return r
	}
	return m.between(top, was, base, base, oldAt, p)
}

// runsDownTo follows RUNs, and working folders between them, down to what the old copy
// was made on: that very edge, or else what lies below as many RUNs.
// made are the owners of such folders: one of them may be the one that is copied to,
// which a copy that finds it leaves its mode and owner.
func (m *matcher) runsDownTo(at compile.Edge, dest []string, below compile.Edge, count int) (base compile.Edge, out []*compile.Op, made []string) {
	var counted compile.Edge
	var those []*compile.Op
	var then []string
	for at.Op != nil {
		if at.Key() == below.Key() {
			return at, out, made
		}
		if len(out) == count && counted.Op == nil {
			counted, those, then = at, slices.Clone(out), slices.Clone(made)
		}
		switch {
		case at.Op.Exec != nil:
			root, output := at.Op.Exec.Root()
			if at.Output != output {
				return counted, those, then
			}
			out = append(out, at.Op)
			at = root
		case folderOn(at, dest):
			made = append(made, at.Op.File.Actions[0].Owner)
			at = at.Op.File.Actions[0].On.Edge
		default:
			return counted, those, then
		}
	}
	return counted, those, then
}

// byRoot reports whether the owners of folders are root. An outside base's own user is
// not known, but in a build that succeeds he is root where he installs packages or makes
// accounts.
func (m *matcher) byRoot(owners []string, runs []*compile.Op) bool {
	for _, owner := range owners {
		if name, group, _ := strings.Cut(owner, ":"); setOf("root 0")[name] && (group == "" || setOf("root 0")[group]) {
			continue
		}
		if owner != "" && !slices.ContainsFunc(runs, func(o *compile.Op) bool { return o.Exec.User == owner && m.needsRoot(o) }) {
			return false
		}
	}
	return true
}

// needsRoot reports whether a RUN can only have succeeded as root.
func (m *matcher) needsRoot(o *compile.Op) bool {
	text, ok := readScript(o.Exec)
	if !ok {
		return false
	}
	d := m.deriver(o, text)
	p := d.parse(text.text)
	return slices.ContainsFunc(m.library.commands(p), func(c command) bool {
		installs := systemManagers[c.name] && !c.has("-s", "--simulate", "--just-print", "--dry-run", "--recon", "--no-act", "--print-uris", "-h", "--help", "--version", "--usermode") &&
			slices.ContainsFunc([]string{"apt", "apk", "dnf", "yum", "microdnf"}, c.fills)
		return c.prefix == "" && (installs || accounts[c.name]) && d.surely(p, c.node)
	})
}

// standsBelow reports whether a working folder at or below a place was made at an edge
// or before, so that the place is there.
func standsBelow(at compile.Edge, dest string) bool {
	for at.Op != nil {
		if made, ok := folderMade(at); ok && under(made, path.Clean(dest)) {
			return true
		}
		at = primary(at.Op)
	}
	return false
}

// projectFolder holds a copy to a folder that no package and no program of the system
// has anything in.
func projectFolder(c *compile.Copy) *Rejection {
	dest := path.Clean(c.Dest)
	parts := strings.Split(strings.TrimPrefix(dest, "/"), "/")
	own := !ofTheSystem[parts[0]]
	switch parts[0] {
	case "usr":
		own = len(parts) > 2 && parts[1] == "src" && strings.HasSuffix(parts[2], "app") // googletest, gcc-12-source and modules have folders there
	case "go":
		own = len(parts) > 1 && parts[1] != "bin" // golang's image looks for programs there
	case "home":
		own = len(parts) > 2 && !strings.HasPrefix(parts[2], ".")
	}
	if !own || dest == "/" {
		return reject("the system may have files of its own in %s", c.Dest)
	}
	return nil
}

var ofTheSystem = setOf("bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var")

// knowsNothing holds a RUN that a copy moved behind to commands that neither read nor
// write what it brings, whatever that is.
func (m *matcher) knowsNothing(op *compile.Op, broad lateCopy) *Rejection {
	x, dest := op.Exec, path.Clean(broad.Dest)
	for _, pair := range x.Env {
		name, value, _ := strings.Cut(pair, "=")
		if strings.Contains(value, dest) {
			return reject("%s leads into %s", name, dest)
		}
		if name == "PATH" {
			for _, dir := range strings.Split(value, ":") {
				if !strings.HasPrefix(dir, "/") {
					return reject("programs are looked for in the folder that is copied")
				}
			}
		}
	}
	if name := steersInto(x, dest); name != "" {
		return reject("%s may lead into %s", name, dest)
	}
	if foreignShell(x) {
		return reject("the shell %s may come with what is copied", x.Args[0])
	}
	for _, mount := range x.Mounts {
		if at := path.Clean(mount.Dest); at != "/" && (mount.Type != "CACHE" || broad.near(at)) {
			return reject("the mount at %s may hold or hide what is copied", mount.Dest)
		}
	}
	text, ok := readScript(x)
	if !ok {
		return reject("%q is no shell's script", op)
	}
	d := m.deriver(op, text)
	p := d.parse(text.text)
	if p.Err != nil || p.Ambiguous || processes(p) != "" {
		return reject("%q cannot be read with certainty", op)
	}
	list := m.library.commands(p)
	if moves(list) {
		return reject("%q changes its folder", op)
	}
	if name, ok := sets(p); ok {
		return reject("%s is set, which may lead into what is copied", name)
	}
	for _, c := range list {
		if c.prefix != "" {
			return reject("%q runs behind %s", c.name, c.prefix)
		}
		if r := m.systemOnly(&c, d, broad); r != nil {
			return r
		}
	}
	if redirected(p) {
		return reject("a redirection may touch what is copied")
	}
	return nil
}

// redirected reports whether a command or a group of them reads or writes by a redirection
// what is no device.
func redirected(p *shell.Program) bool {
	found := false
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		for _, r := range n.Redirs {
			target, ok := literal(r.Target)
			found = found || !ok || r.Heredoc || r.Op != ">&" && !strings.HasPrefix(target, "/dev/")
		}
	})
	return found
}

// sets names a variable that a script sets, for one command or for all that follow, and in
// which a program may find a path.
func sets(p *shell.Program) (name string, found bool) {
	note := func(s string) {
		if !speech[s] && !found {
			name, found = s, true
		}
	}
	walk(p.Root, func(n *shell.Node, _ []*shell.Node) {
		for _, a := range n.Assigns {
			note(a.Name)
		}
		for _, w := range n.Words {
			if _, ok := literal(w); !ok && n.Kind == shell.Declare {
				note(p.Source(w.Range)) // export $x
			}
		}
		for _, w := range words(n) {
			for _, part := range w.Parts {
				if part.Assigns {
					note(p.Source(part.Range))
				}
			}
		}
		switch n.Kind {
		case shell.For:
			note(n.Name)
		case shell.Arithmetic:
			note(p.Source(n.Range))
		}
	})
	return name, found
}

// speech are variables in which neither the system's package managers nor installers look
// for a path.
var speech = setOf(`DEBIAN_FRONTEND DEBCONF_NONINTERACTIVE_SEEN ACCEPT_EULA LC_ALL LANG TZ
	NODE_ENV CI NO_COLOR FORCE_COLOR HUSKY PUPPETEER_SKIP_DOWNLOAD PUPPETEER_SKIP_CHROMIUM_DOWNLOAD COREPACK_ENABLE_DOWNLOAD_PROMPT
	PIP_NO_CACHE_DIR PIP_DISABLE_PIP_VERSION_CHECK PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE UV_LINK_MODE UV_COMPILE_BYTECODE
	HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy CGO_ENABLED GOOS GOARCH GOPROXY`)

// systemOnly holds one command to the system's packages, users, and paths apart from
// what is copied.
func (m *matcher) systemOnly(c *command, d *deriver, broad lateCopy) *Rejection {
	args, all := c.args()
	v, _ := c.verb()
	switch {
	case c.name == "rm" || c.name == "mkdir":
		for _, w := range c.operands() {
			at := d.place(w, false)
			if text := d.script.text[w.From:w.To]; !at.known || strings.Contains(text, "..") || strings.Contains(text, "{") || broad.near(at.path) {
				return reject("%s may touch what is copied, or a folder that the copy makes", c.name)
			}
			// A folder of someone's own may be a link to anywhere.
			if c.name == "rm" && !systemDir(at.path) && !under(at.path, "/tmp") && !under(at.path, "/root") {
				return reject("rm may delete what is copied, through a link at %s", at.path)
			}
		}
		return nil
	case !all || c.prefix != "":
		return reject("%q is not literal", c.name)
	case systemManagers[c.name]:
		if r := c.onPlainNames(); r != nil {
			return r
		}
		// A package may make the user: then the copy fails before it, and not behind it.
		if strings.Trim(strings.ReplaceAll(broad.Owner, "root", ""), "0123456789:") != "" {
			return reject("%s may install the user %s", c.name, broad.Owner)
		}
		if broad.made == "/usr/src" && (broad.Owner != "" || broad.Chmod) {
			return reject("%s may make /usr/src with another owner or mode than the copy", c.name)
		}
		return nil
	case c.name == "echo" || c.name == "true" || c.name == ":" || c.name == "set":
		return nil
	case accounts[c.name]:
		// An owner by name is looked up when the copy is made.
		if broad.Owner != "" || under(path.Clean(broad.Dest), "/home") || broad.homes(args) {
			return reject("%s may make or own the folder that is copied to", c.name)
		}
		return c.onPlainNames()
	}
	return reject("%s may read or write what is copied", strings.TrimSpace(c.name+" "+v))
}

var (
	systemManagers = setOf("apt-get apt apk dnf microdnf yum")
	accounts       = setOf("useradd adduser groupadd addgroup")
)
