package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Run is what is known of one RUN.
type Run struct {
	In       *syntax.Instruction
	Stage    *stage.Stage
	Shell    shell.Interpreter
	Program  *shell.Program // nil when Opaque
	Opaque   string         // why its commands are not known; "" when they are
	Commands []*Command     // in the order of the text, those inside groups and substitutions too
	Mounts   []Mount

	reading *reading

	dirs  map[*shell.Node]string // the folder in which each command runs, where one moves; "" when it is not known
	value func(name string) (text string, known, fixed bool)
	files map[*Command]Files
	start string

	leftovers []Leftover
	judged    bool // leftovers is derived
	leaves    []Made
	left      bool // leaves is
}

// A Command is one simple command of a RUN.
type Command struct {
	shell.Invocation // of which only Node is set when the program is not known
	Context          shell.Context
	Effect           Effect
	Call             *pkgmgr.Call // nil if it is no package manager's
	Fed              bool         // by xargs, with operands that nobody knows; of package managers alone

	// Inside are the commands of its Script, as far as these are sure to be what it
	// runs: Seen says so. They have no place in the file: their nodes and words are those
	// of the call, and nothing may edit there.
	Inside []*Command
	Seen   bool
}

// A Mount is one --mount of a RUN, as written.
type Mount struct {
	Type    string // "bind" by default, as BuildKit has it
	Target  string
	Options map[string]string
}

// Run returns the facts of a RUN. They are derived once.
func (f *File) Run(in *syntax.Instruction) *Run {
	if r, ok := f.runs[in]; ok {
		return r
	}
	if f.runs == nil {
		f.runs = map[*syntax.Instruction]*Run{}
	}
	r := f.newRun(in)
	f.runs[in] = r
	return r
}

func (f *File) newRun(in *syntax.Instruction) *Run {
	g := f.Stages()
	r := &Run{In: in, Stage: g.Of(in), Shell: g.Shell(in), Mounts: mounts(in)}
	switch {
	case in.JSON:
		r.Opaque = "it is in exec form"
	case len(in.Heredocs) > 0:
		r.Opaque = "its commands stand in a here-document"
	case !in.Faithful:
		r.Opaque = "it does not parse"
	default:
		r.reading = f.read(body{in.Body.String(), r.Shell.Dialect})
		if err := r.reading.program.Err; err != nil {
			r.Opaque = "its commands cannot be read: " + err.Error()
			return r
		}
		program := *r.reading.program
		program.Text = in.Body
		r.Program, r.Commands = &program, r.reading.commands
		r.start = f.workdir(in)
		r.readDirs(r.start, func(name string) (string, bool) {
			v := g.Lookup(in, name)
			return v.Text, v.Known()
		})
	}
	return r
}

func command(n *shell.Node, c shell.Context) *Command {
	cmd := &Command{Context: c}
	inv, ok := n.Invocation()
	if !ok {
		cmd.Node = n
		return cmd
	}
	cmd.Invocation = inv
	if cmd.fed() {
		return cmd
	}
	cmd.Call, _ = pkgmgr.Read(inv.Name, inv.Args)
	if !cmd.ByPath() {
		cmd.Effect = EffectOf(inv.Name, inv.Args)
	}
	cmd.Inside, cmd.Seen = cmd.inside()
	return cmd
}

// fed takes what xargs runs for the command, if that certainly is a package manager's
// call. What it does to files is not known, as its operands are not.
func (c *Command) fed() bool {
	inv, sure, ok := c.Invocation.Fed()
	if !ok {
		return false
	}
	call, ok := pkgmgr.Read(inv.Name, inv.Args)
	if !ok || call.Unclear || call.Word == "" && !call.Manager.Operands {
		return false
	}
	c.Invocation, c.Call, c.Fed = inv, call, true
	c.Context.Always = c.Context.Always && sure
	if !c.ByPath() {
		// Where nothing is read it may install what the project lists.
		c.Effect = EffectOf(inv.Name, inv.Args) & EffectOf(inv.Name, inv.Args[:len(inv.Args)-1]) &^ Settled
	}
	return true
}

// inside reads the commands of a script in a shell's call. It is not ok where that may
// end before its last command, or where a word may stand for another program.
func (c *Command) inside() ([]*Command, bool) {
	s := c.Script
	if s == nil || s.Err != nil || s.Ambiguous || !c.started() {
		return nil, false
	}
	var out []*Command
	ok := true
	s.Root.Walk(func(n *shell.Node, at shell.Context) bool {
		for _, a := range n.Assigns {
			ok = ok && (len(n.Words) > 0 && n.Kind == shell.Simple || a.Name != "HOME" && a.Name != "PATH")
		}
		switch n.Kind {
		default: // a subshell, a condition: what of it runs is not told
			ok = false
		case shell.List, shell.And, shell.Pipe:
		case shell.Simple:
			if len(n.Words) == 0 {
				return ok
			}
			in := command(n, at)
			switch in.Name {
			case "exit", "exec", "return", "eval", ".", "source", "trap", "alias", "enable", "hash":
				ok = false
			}
			ok = ok && in.Script == nil && in.Name != ""
			out = append(out, in.home(c))
		}
		return ok
	})
	return out, ok
}

// started reports whether the shell certainly runs the script alone: by its usual name,
// and without start-up files.
func (c *Command) started() bool {
	for _, w := range c.Args {
		if text, _ := w.Literal(); strings.HasPrefix(text, "-") {
			if text == "--login" || text[1:] != "" && text[1] != '-' && strings.ContainsAny(text, "li") {
				return false
			}
			continue
		}
		break
	}
	return !c.ByPath()
}

// home gives a command of a script the place of the call that runs it.
func (c *Command) home(by *Command) *Command {
	at := func(w shell.Word) shell.Word {
		w.Range = by.Node.Range
		w.Parts = slices.Clone(w.Parts)
		for i := range w.Parts {
			w.Parts[i].Range, w.Parts[i].Node, w.Parts[i].Words = by.Node.Range, nil, nil
		}
		return w
	}
	all := func(list []shell.Word) []shell.Word {
		out := slices.Clone(list)
		for i := range out {
			out[i] = at(out[i])
		}
		return out
	}
	c.Program, c.Args = at(c.Program), all(c.Args)
	c.Prefix = slices.Concat(by.Prefix, all(c.Prefix))
	c.Environ = slices.Concat(by.Environ, c.Environ)
	c.Node, c.Before, c.Script = by.Node, by.Before, by.Script
	if c.Call != nil {
		c.Call.Names, c.Call.VerbEnd = all(c.Call.Names), by.Node.To
	}
	c.Context.Always = c.Context.Always && by.Context.Always
	c.Context.Parent, c.Context.Subshell = nil, true
	return c
}

// All lists the commands of the RUN with those that a shell's call runs in the place of
// that call, where they are known.
func (r *Run) All() []*Command {
	if !slices.ContainsFunc(r.Commands, func(c *Command) bool { return c.Seen }) {
		return r.Commands
	}
	var out []*Command
	for _, c := range r.Commands {
		if c.Seen {
			out = append(out, c.Inside...)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// systemFolders hold the programs that go by their base names; another folder may
// hold anything under that name.
var systemFolders = map[string]bool{"/bin": true, "/sbin": true, "/usr/bin": true, "/usr/sbin": true, "/usr/local/bin": true, "/usr/local/sbin": true}

// Workdir is the folder that the RUN starts in, or something that stands for it and lies
// in no folder of the system's.
func (r *Run) Workdir() string { return r.start }

// Dir is the folder that a command of the RUN runs in, in the words of Workdir; "" if it
// is not known.
func (r *Run) Dir(c *Command) string {
	if c.Context.Function {
		return ""
	}
	return r.dir(c.Node)
}

// dir is the folder that the command at a node runs in; "" if it is not known.
func (r *Run) dir(n *shell.Node) string {
	if r.reading != nil && !r.reading.moves {
		return r.start
	}
	return r.dirs[n]
}

// To is the folder that a cd of the RUN leads to, as Dir has it; "" if it is not known.
func (r *Run) To(c *Command) string {
	dir := r.Dir(c)
	if dir == "" || c.Name != "cd" || len(c.Prefix) > 0 {
		return ""
	}
	return walkDir{dirs: r.dirs, value: r.value}.cd(c.Node, dir, true)
}

// Word is the program as written: "/usr/bin/apt-get"; "" when it is not known.
func (c *Command) Word() string {
	w, _ := c.Program.Literal()
	return w
}

// ByPath reports whether a path names the program, of another folder than those that hold
// the system's programs.
func (c *Command) ByPath() bool {
	w := c.Word()
	return strings.Contains(w, "/") && !systemFolders[path.Dir(w)]
}

// Called is how a message names the command: as written, "." with the script that it
// reads.
func (c *Command) Called() string {
	w := c.Word()
	if w == "" {
		return "a command that is not known"
	}
	if w == "." && len(c.Args) > 0 {
		return ". " + strings.ReplaceAll(Shape(c.Args[0]), "\x00", "…")
	}
	return w
}

func mounts(in *syntax.Instruction) []Mount {
	var out []Mount
	for _, flag := range in.Flags {
		if flag.Name == "mount" {
			out = append(out, mountOf(flag))
		}
	}
	return out
}

func mountOf(flag syntax.Flag) Mount {
	m := Mount{Type: "bind", Options: map[string]string{}}
	for part := range strings.SplitSeq(flag.Value, ",") {
		k, v, _ := strings.Cut(part, "=")
		switch k = strings.ToLower(strings.TrimSpace(k)); k {
		case "type":
			m.Type = v
		case "target", "dst", "destination":
			m.Target = v
		default:
			m.Options[k] = v
		}
	}
	return m
}

// Runs returns the facts of the RUNs of a stage in order.
func (f *File) Runs(s *stage.Stage) []*Run {
	return Once(f, runsOf{s}, func() []*Run {
		var out []*Run
		for _, in := range s.Instructions {
			if in.Name == "run" {
				out = append(out, f.Run(in))
			}
		}
		return slices.Clip(out)
	})
}

type runsOf struct{ *stage.Stage }

// RunsCode reports whether the command runs code that the table cannot know: a
// script or program by its path, a shell, or a build tool.
func (c *Command) RunsCode() bool {
	if c.Effect != 0 || c.Call != nil && !c.Call.Wrapped {
		return false
	}
	if len(c.Node.Words) == 0 {
		return false
	}
	switch c.Name {
	case "", "sh", "bash", "ash", "dash", "zsh", "ksh", "busybox", "make", "ninja", "xargs", "find", "eval", "source", ".", "su", "su-exec", "gosu", "chroot", "parallel":
		return true
	}
	return strings.Contains(c.Word(), "/") || strings.Contains(c.Name, "clean")
}

// End is the offset in the file where the program ends, without a trailing
// semicolon or blank.
func (r *Run) End() int {
	text := r.Program.Text
	if t := r.Program.Trailing(); t.From < t.To {
		return text.HomeEnd(t.From)
	}
	return text.HomeEnd(text.Len())
}

// Redirects reports whether a redirection with the operator stands anywhere in
// the program.
func (r *Run) Redirects(op string) bool {
	found := false
	r.Program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
		for _, redir := range n.Redirs {
			found = found || redir.Op == op
		}
		return true
	})
	return found
}

// A Made is a place that a command fills with files of some size, and that the RUN
// leaves in its layer.
type Made struct {
	Place
	By  *Command
	In  *Run    // of By
	Was []Place // where it lay before commands moved it
}

// Moved is what was made once a command has run: that may move it.
func (m Made) Moved(r *Run, c *Command) (Made, bool) {
	to, ok := r.movedTo(c, m.Place)
	if ok {
		m.Was, m.Place = append(slices.Clip(m.Was), m.Place), to
	}
	return m, ok
}

// Leaves returns what the RUN certainly downloads, unpacks, clones or copies and
// does not remove itself.
func (r *Run) Leaves() []Made {
	if !r.left {
		r.leaves, r.left = r.made(), true
	}
	return r.leaves
}

func (r *Run) made() []Made {
	var out []Made
	for i, c := range r.Commands {
		if !sizeable[c.Name] || !c.Context.Always || len(r.Mounts) > 0 {
			continue // what lies below a mount ships nowhere
		}
		for _, p := range r.Files(c).Makes {
			if copies := c.Name == "cp" || c.Name == "mv" || c.Name == "install"; Small(p.Path) || copies && !option(words(c.Args), "r", "--recursive") && !option(words(c.Args), "R", "--archive") && !option(words(c.Args), "a", "--archive") {
				continue
			}
			m, moved := Made{Place: p, By: c, In: r}, false
			if slices.ContainsFunc(r.Commands[i+1:], func(later *Command) bool {
				if m, moved = m.Moved(r, later); moved {
					return false
				}
				return r.MayRemove(later, m.Place)
			}) {
				continue
			}
			out = append(out, m)
		}
	}
	return out
}

// movedTo is where mv puts the file at a place, if it certainly does: by its own name, by one
// of the same kind, or among the programs of the system.
func (r *Run) movedTo(c *Command, from Place) (Place, bool) {
	if c.Name != "mv" || !c.Context.Always || from.All || !from.Sure {
		return Place{}, false
	}
	given, operands := c.args()
	removes := r.Files(c).Removes
	if len(given) > 0 && !(len(given) == 1 && given.has("-f")) || len(operands) != 2 || len(removes) != 1 || removes[0].Path != from.Path || !removes[0].Sure {
		return Place{}, false
	}
	to, ok := namer{dir: r.dir(c.Node), value: r.value}.place(operands[1], false)
	switch {
	case !ok || !to.Sure:
		return Place{}, false
	case strings.HasSuffix(Shape(operands[1]), "/"):
		to.Path = path.Join(to.Path, path.Base(from.Path))
	case systemFolders[path.Dir(to.Path)], path.Ext(to.Path) != "" && path.Ext(to.Path) == path.Ext(from.Path):
	default:
		return Place{}, false // it may be a folder that is there
	}
	return to, true
}

// MayRemove reports whether a command of the RUN deletes what is at a place, or is one of
// which nothing is known.
func (r *Run) MayRemove(c *Command, p Place) bool {
	f := r.Files(c)
	return f.Unknown && (c.Effect == 0 && c.Call == nil || removers[c.Name]) || slices.ContainsFunc(f.Removes, p.Meets)
}

// removers are the known commands that take away what their words name, which in a folder
// that is not known may be anything.
var removers = map[string]bool{"rm": true, "rmdir": true, "unlink": true, "mv": true}

// Small reports whether a file is by its name a text of a few kilobytes: a script, a
// setting, a list, a key.
func Small(name string) bool {
	return smallEnds[strings.ToLower(path.Ext(name))] || smallNames[path.Base(name)] || strings.HasSuffix(name, "SUMS")
}

var smallEnds, smallNames = map[string]bool{}, map[string]bool{}

func init() {
	for end := range strings.FieldsSeq(`.sh .txt .conf .cnf .cf .cfg .ini .yml .yaml .json .toml .xml .list .repo .key .asc .sig .gpg .pem .crt .pub .md5 .sha1 .sha256 .sha512 .rsp .args
		.py .rb .pl .pm .js .ts .lua .r .php .go .rs .java .c .h .cc .cpp .hpp .css .html .md .patch .diff .properties .service .socket .timer .desktop .env .lock .bash .zsh .rules .vcl
		.vim .template .tmpl .tpl .j2 .erb .in .dist .sample .example .bashrc .profile .vimrc .zshrc .gitconfig .npmrc .htaccess .pgpass .netrc`) {
		smallEnds[end] = true
	}
	for name := range strings.FieldsSeq("Makefile Gemfile Pipfile Procfile Rakefile LICENSE README crontab sudoers authorized_keys known_hosts id_rsa") {
		smallNames[name] = true
	}
}

// sizeable are the commands that bring files worth speaking of.
var sizeable = map[string]bool{"curl": true, "wget": true, "git": true, "tar": true, "unzip": true, "cp": true, "mv": true, "install": true}

func words(args []shell.Word) []string {
	var out []string
	for _, a := range args {
		w, _ := a.Literal()
		out = append(out, w)
	}
	return out
}

// Deletes reports whether a command certainly deletes a path, or all that is in
// the folder of that name, when it runs.
func Deletes(c *Command, path string) bool {
	if c.Name != "rm" || !c.Context.Always {
		return false
	}
	for _, w := range c.Args {
		text := Shape(w)
		if strings.HasPrefix(text, "-") || strings.ContainsAny(text, "\x00{") {
			continue
		}
		target := strings.TrimSuffix(strings.TrimSuffix(text, "*"), "/")
		if target == path || target != "" && target != "." && strings.HasPrefix(path, target+"/") {
			return true
		}
	}
	return false
}

// surely reports whether the program fails when one of its commands does: a pure
// chain of &&, or a list that opens with "set -e".
func (r *Run) surely() bool {
	_, errexit := r.Program.OpensWithSet()
	return r.Program.Plain() || errexit && r.Program.LastPlain()
}

// endsIn reports whether the program fails when a command of the list that it ends in
// does, and nothing before leaves it early.
func (r *Run) endsIn(c *Command) bool {
	if c.Script != nil || c.Call.Manager == &pkgmgr.Pacman || r.Program.Ambiguous || slices.ContainsFunc(r.Commands, func(c *Command) bool {
		return slices.Contains([]string{"exit", "return", "exec", "trap", "eval", ".", "source"}, c.Name) || c.Name == "" && len(c.Node.Words) > 0
	}) {
		return false
	}
	last := r.Program.Root.Children[len(r.Program.Root.Children)-1]
	return !last.Background && (last == c.Node || last.Kind == shell.And && slices.Contains(last.Children, c.Node))
}

// behind is what stands behind a command in a list of &&, and runs only where that has
// succeeded.
func (r *Run) behind(first *Command) (at shell.Range, found bool) {
	r.Program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
		if i := slices.Index(n.Children, first.Node); n.Kind == shell.And && i >= 0 && i+1 < len(n.Children) {
			at, found = shell.Range{From: n.Children[i+1].From, To: n.Children[len(n.Children)-1].To}, true
		}
		return !found
	})
	return at, found
}

// SpanOf is where a command of the RUN stands in the file.
func (r *Run) SpanOf(c *Command) source.Span { return r.Program.Span(c.Node.Range) }

// LineOf is the line on which a command of a RUN starts, from 1.
func (f *File) LineOf(r *Run, c *Command) int { return f.Doc.Lines.Line(r.SpanOf(c).Start) + 1 }
