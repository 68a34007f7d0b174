package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
)

// split explains a broad copy that moved behind an install, with the manifests
// copied first:
//
//	before                    after
//	COPY . .                  COPY package.json package-lock.json ./
//	RUN npm ci                RUN npm ci
//	                          COPY . .
//
// is is the broad copy, was the result of the last RUN that it moved behind.
//
// What the text cannot show the rule must know: that the install reads no other
// file of the context, and makes nothing that the broad copy brings.
func (m *matcher) split(is, was compile.Edge, p lates) *Rejection {
	nothing := reject("%sthat %q took the place of %q", unexplained, is.Op, was.Op)
	if len(m.splits) == 0 || is.Op == nil || is.Op.File == nil || was.Op.Exec == nil {
		return nothing
	}
	broad, ok := broadCopy(is)
	if !ok {
		return nothing
	}
	// Down the RUNs of both, to the old copy and to the new ones.
	top := is.Op.File.Actions[0].On.Edge
	plain := m.plainFolders(broad)
	newAt, moved := runs(top, plain)
	oldAt, _ := runs(was, plain)
	if oldAt.Op == nil || oldAt.Op.Own != is.Op.Own || oldAt.Output != is.Output || len(moved) == 0 {
		return nothing
	}
	oldBroad, ok := broadCopy(oldAt)
	if !ok || oldBroad.From.Edge.Key() != broad.From.Edge.Key() {
		return nothing
	}
	best := nothing
	for _, s := range m.splits {
		base, r := manifests(newAt, broad, is.Op.File.Actions[0].Rest, s)
		if r != nil {
			if !strings.HasPrefix(r.Reason, unexplained) {
				best = r
			}
			continue
		}
		if r := intoOwnFolder(broad); r != nil {
			return r
		}
		if r := madeAlike(base, broad, s.Files); r != nil {
			return r
		}
		for _, op := range moved {
			if r := m.installOnly(op, broad, s); r != nil {
				return r
			}
		}
		if r := m.ledInto(base, broad.Dest); r != nil {
			return r
		}
		if r := m.passes(is, p); r != nil {
			return r
		}
		return m.between(top, was, newAt, base, oldAt, p)
	}
	return best
}

// between explains the RUNs between the place of an old copy and a new one: they are the
// old ones, or explained themselves, if what they start from, start and the old copy, is
// taken for the same. So it is where base is what the old copy was made on. Only here
// that is assumed: what is found under the assumption is not remembered.
func (m *matcher) between(top, was, start, base, oldCopy compile.Edge, p lates) *Rejection {
	memo, outer := m.memo, m.meeting
	m.memo = map[question]*Rejection{}
	m.meeting = &meeting{start.Key(), oldCopy.Key(), func(p lates) *Rejection {
		if r := m.passes(oldCopy, p); r != nil {
			return r
		}
		inner, here := m.memo, m.meeting
		m.memo, m.meeting = memo, outer
		r := m.edge(base, oldCopy.Op.File.Actions[0].On.Edge, p)
		m.memo, m.meeting = inner, here
		return r
	}}
	r := m.edge(top, was, p)
	m.memo, m.meeting = memo, outer
	return r
}

// runs follows the RUNs that end in an edge down to what the first one starts from,
// past the working folders made between them that are plain ones: making one that is there
// changes nothing, and the copy gives a folder that it brings its own mode and owner.
func runs(at compile.Edge, plain []string) (compile.Edge, []*compile.Op) {
	var out []*compile.Op
	for at.Op != nil {
		switch {
		case at.Op.Exec != nil:
			root, output := at.Op.Exec.Root()
			if at.Output != output {
				return at, out
			}
			out = append(out, at.Op)
			at = root
		case folderOn(at, plain):
			at = at.Op.File.Actions[0].On.Edge
		default:
			return at, out
		}
	}
	return at, out
}

// folderOn reports whether an edge is a working folder made at one of some places.
func folderOn(at compile.Edge, places []string) bool {
	made, ok := folderMade(at)
	return ok && slices.Contains(places, made)
}

// folderMade is the working folder that an edge makes.
func folderMade(at compile.Edge) (string, bool) {
	if at.Op.File == nil || len(at.Op.File.Actions) != 1 || !at.Op.File.Actions[0].Folder {
		return "", false
	}
	return path.Clean(at.Op.File.Actions[0].Made), true
}

// plainFolders lists the folders below a copy's destination that no link of the context
// takes the place of: the destination itself, and those of files that are copied first.
// Where a WORKDIR made a folder in a link's place, the copy behind it would fail.
func (m *matcher) plainFolders(broad *compile.Copy) []string {
	dest := path.Clean(broad.Dest)
	out := []string{dest}
	for _, s := range m.splits {
		for _, f := range s.Files {
			below, ok := strings.CutPrefix("/"+f, strings.TrimSuffix(path.Clean("/"+broad.Src), "/")+"/")
			for dir := path.Dir(below); ok && dir != "."; dir = path.Dir(dir) {
				out = append(out, path.Join(dest, dir))
			}
		}
	}
	return out
}

// broadCopy reads a copy of one folder, whole, out of the build context. ADD unpacks
// archives that it is given, but the context itself is a folder.
func broadCopy(e compile.Edge) (*compile.Copy, bool) {
	if e.Op.File == nil || len(e.Op.File.Actions) != 1 {
		return nil, false
	}
	c := e.Op.File.Actions[0].Copy
	if c == nil || c.Unpack && c.Src != "/" || len(c.Include)+len(c.Exclude) > 0 || strings.ContainsAny(c.Src, "*?[\\") {
		return nil, false
	}
	from := c.From.Edge.Op
	return c, from != nil && from.Source != nil && from.Source.Local() == "context"
}

// intoOwnFolder holds the copy to a folder that belongs to the project.
func intoOwnFolder(c *compile.Copy) *Rejection {
	dest := path.Clean(c.Dest)
	for _, dir := range []string{"/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/etc", "/usr/local/share"} {
		if under(dest, dir) || dest == "/usr/local" {
			return reject("the copy to %s may change how the commands before it run", c.Dest)
		}
	}
	if systemDir(dest) && !under(dest, "/usr/src") && !under(dest, "/opt") && !under(dest, "/var/www") && !under(dest, "/var/task") && !under(dest, "/var/app") {
		return reject("the copy to %s may change how the commands before it run", c.Dest)
	}
	return nil
}

// madeAlike holds a split to folders that the copies of the files make as the broad copy
// does. A copy that finds its destination leaves that its mode; one that makes it gives it
// the mode of the folder copied, and --chmod, where the copy of a file makes it with
// 0755. The folders below get theirs from the broad copy, but the commands before it find
// the other one.
func madeAlike(base compile.Edge, broad *compile.Copy, files []string) *Rejection {
	if !standsBelow(base, broad.Dest) && (path.Clean(broad.Src) != "/" || broad.Chmod) {
		return reject("the copies of the files would make %s with another mode than the broad copy", broad.Dest)
	}
	if broad.Chmod {
		for _, f := range files {
			if at, _ := landing(broad, path.Clean("/"+f)); path.Dir(at) != path.Clean(broad.Dest) {
				return reject("the copies of the files would make %s with another mode than the broad copy", path.Dir(at))
			}
		}
	}
	return nil
}

// manifests reads the copies below at, newest first, and returns what they were
// made on. Together they must bring the declared files, each to the place where
// the broad copy puts it, with the broad copy's own flags.
func manifests(at compile.Edge, broad *compile.Copy, flags string, s change.CopySplit) (compile.Edge, *Rejection) {
	left := map[string]bool{}
	for _, f := range s.Files {
		left[path.Clean("/"+f)] = true
	}
	if len(left) == 0 {
		return at, reject("a split names no file")
	}
	for len(left) > 0 {
		op := at.Op
		if op == nil || op.File == nil {
			return at, reject("%sthat %d of the files that a split names are not copied", unexplained, len(left))
		}
		for _, a := range op.File.Actions {
			c := a.Copy
			if c == nil {
				return at, reject("%sthat %q stands among the copies of a split", unexplained, op)
			}
			src := path.Clean(c.Src)
			switch {
			case c.Unpack:
				return at, reject("the split would unpack %s", src)
			case strings.ContainsAny(c.Src, "*?[\\"):
				return at, reject("the split copies a pattern, %s", c.Src)
			case !left[src]:
				return at, reject("the split copies %s, which is not declared", strings.TrimPrefix(src, "/"))
			case c.From.Edge.Key() != broad.From.Edge.Key():
				return at, reject("the split copies %s from elsewhere", strings.TrimPrefix(src, "/"))
			case c.Owner != broad.Owner:
				return at, reject("the split copies %s with the owner %q, not %q", strings.TrimPrefix(src, "/"), c.Owner, broad.Owner)
			case a.Rest != flags:
				return at, reject("the split copies %s with other flags than the broad copy", strings.TrimPrefix(src, "/"))
			}
			want, ok := landing(broad, src)
			if !ok {
				return at, reject("the broad copy does not bring %s", strings.TrimPrefix(src, "/"))
			}
			if got := arrives(c, src); got != want {
				return at, reject("the split copies %s to %s, the broad copy to %s", strings.TrimPrefix(src, "/"), got, want)
			}
			delete(left, src)
		}
		at = op.File.Actions[0].On.Edge
	}
	return at, nil
}

// landing is where the broad copy puts a file of the context.
func landing(broad *compile.Copy, file string) (string, bool) {
	src := path.Clean(broad.Src)
	if !under(file, src) || file == src {
		return "", false
	}
	return path.Join(broad.Dest, strings.TrimPrefix(strings.TrimPrefix(file, src), "/")), true
}

// arrives is where the copy of one file puts it. A destination without a slash at
// its end is the file itself, unless a folder stands there, and then the broad
// copy would have failed too.
func arrives(c *compile.Copy, file string) string {
	if strings.HasSuffix(c.Dest, "/") {
		return path.Join(c.Dest, path.Base(file))
	}
	return path.Clean(c.Dest)
}

// installOnly holds a RUN that the copy moved behind to commands that read the
// manifests and nothing else of the project.
func (m *matcher) installOnly(op *compile.Op, broad *compile.Copy, s change.CopySplit) *Rejection {
	text, ok := readScript(op.Exec)
	if !ok {
		return reject("%q is not an install that is known", op)
	}
	d := m.deriver(op, text)
	p := d.parse(text.text)
	if p.Err != nil || p.Ambiguous || processes(p) != "" {
		return reject("%q is not an install that is known", op)
	}
	list := m.library.commands(p)
	if r := ownPrograms(op.Exec, broad); r != nil {
		return r
	}
	if name, ok := sets(p); ok {
		return reject("%s is set, which may make an install read other files", name)
	}
	moved := moves(list)
	cwd := path.Clean("/" + op.Exec.Cwd)
	dirs := &trail{cwd: cwd}
	if moves(list) {
		if dirs = d.follow(op.Exec, p, literal); dirs.lost {
			return reject("%q changes its folder", op)
		}
		if r := dirs.stands(broad, s.Files); r != nil {
			return r
		}
	}
	have := func(file string) bool {
		return slices.ContainsFunc(s.Files, func(f string) bool {
			at, ok := landing(broad, path.Clean("/"+f))
			return ok && at == file
		})
	}
	for _, c := range list {
		v, _ := c.verb()
		args, all := c.args()
		if dir, ok := dirs.dirs[c.node]; ok {
			cwd = dir
		} else if dirs.dirs != nil {
			return reject("the folder of %s is not known", c.name)
		}
		if c.prefix != "" {
			return reject("%q runs behind %s", c.name, c.prefix)
		}
		switch {
		case c.setsFile(path.Clean(broad.Dest)):
			return reject("%s config may name a file of the project", c.name)
		case installers[c.name] != nil:
			if r := installers[c.name].judge(&c, op.Exec.Env, cwd, have); r != nil {
				return r
			}
		case isPip(c.name) && v == "cache":
		case isPip(c.name) && v == "install":
			if r := pipReads(&c, args, all, cwd, have); r != nil {
				return r
			}
		case slices.Contains([]string{"apt-get", "apt", "apk"}, c.name):
			if r := c.onPlainNames(); r != nil {
				return r
			}
		case c.name == "corepack" && all && len(args) > 0 && (args[0] == "enable" || args[0] == "prepare" && len(args) > 1 && strings.Contains(args[1], "@")):
		case slices.Contains([]string{"echo", "true", ":", "update-ca-certificates"}, c.name) && all:
		case (c.name == "rm" || c.name == "mkdir") && !moved:
			for _, w := range c.operands() {
				if at := d.place(w, false); !at.known || under(at.path, path.Clean(broad.Dest)) || under(path.Clean(broad.Dest), at.path) {
					return reject("%s may touch what the broad copy brings", c.name)
				}
			}
		case c.name == "set", c.name == "cd": // where it leads is known
		default:
			return reject("%s may read a file of the project that is not copied first", strings.TrimSpace(c.name+" "+v))
		}
	}
	if redirected(p) {
		return reject("a redirection may touch a file of the project")
	}
	return nil
}

// ownPrograms holds the shell, PATH and variables that name files to folders that the broad
// copy does not fill: apart from it, or of those that installs fill.
func ownPrograms(x *compile.Exec, broad *compile.Copy) *Rejection {
	dest := path.Clean(broad.Dest)
	if foreignShell(x) {
		return reject("the shell %s may be one that the broad copy brings", x.Args[0])
	}
	if name := steersInto(x, dest); name != "" {
		return reject("%s may lead into %s", name, dest)
	}
	value, _ := x.Getenv("PATH")
	for _, dir := range strings.Split(value, ":") {
		if value != "" && !path.IsAbs(dir) {
			return reject("programs are looked for in the folder that a command runs in")
		}
		made := slices.ContainsFunc(strings.Split(dir, "/"), func(part string) bool {
			return part == "node_modules" || part == ".venv" || part == "vendor"
		})
		if value != "" && under(path.Clean(dir), dest) && !made {
			return reject("programs are looked for in %s, which the broad copy may fill", dir)
		}
	}
	return nil
}

// pipReads holds a pip install to requirement files that are copied first.
func pipReads(c *command, args []string, all bool, cwd string, have func(string) bool) *Rejection {
	if !all {
		return reject("an argument of pip is not literal")
	}
	args = unbundled(args, pipFlags, setOf("-r -c -i"))
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		next := func() string {
			if joined {
				return value
			}
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		switch {
		case slices.Contains([]string{"-r", "--requirement", "-c", "--constraint"}, name):
			file := next()
			if strings.Contains(file, "://") {
				continue
			}
			if !strings.HasPrefix(file, "/") {
				file = path.Join(cwd, file)
			}
			if !have(path.Clean(file)) {
				return reject("pip reads %s, which is not copied first", file)
			}
		case slices.Contains([]string{"-e", "--editable", "-t", "--target", "--prefix", "--root", "-f", "--find-links", "--src"}, name):
			return reject("pip install %s touches the project", name)
		case slices.Contains([]string{"-i", "--index-url", "--extra-index-url", "--trusted-host", "--timeout", "--default-timeout", "--retries", "--proxy", "--progress-bar", "--upgrade-strategy", "--root-user-action", "--no-binary", "--only-binary"}, name):
			next()
		case strings.HasPrefix(name, "-"):
			if !pipFlags[name] {
				return reject("pip install %s is not known", name)
			}
		case name == "install":
		case strings.Contains(name, "/") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".whl") || strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zip"):
			return reject("pip installs %s, a file of the project", name)
		}
	}
	return nil
}

// unbundled writes letters that share a dash apart, -Ur FILE or -rFILE: those of options
// that are known to stand alone, and one that takes a value behind them.
func unbundled(args []string, alone, valued map[string]bool) (out []string) {
	for _, a := range args {
		for len(a) > 2 && alone[a[:2]] && !alone[a] {
			out = append(out, a[:2])
			a = "-" + a[2:]
		}
		if len(a) > 2 && valued[a[:2]] && a[2] != '=' {
			out = append(out, a[:2])
			a = a[2:]
		}
		out = append(out, a)
	}
	return out
}

var pipFlags = setOf(`--no-cache-dir --upgrade -U --user -q --quiet -v --verbose --no-deps --require-hashes --pre
	--no-compile --compile --no-warn-script-location --disable-pip-version-check --break-system-packages
	--no-input --prefer-binary --force-reinstall -I --ignore-installed --no-build-isolation --no-color
	--no-warn-conflicts --use-pep517 -qq --isolated`)
