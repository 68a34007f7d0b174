package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/reach"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// BroadCopy finds sources copied before steps that have no use for them.
var BroadCopy = analysis.Rule{
	Name: "broad-copy",
	Doc: analysis.Doc{
		Summary: "sources are copied before steps that have no use for them",
		What: "`COPY . .`, or the copy of a folder, with `RUN`s right behind it that do nothing with what it brings: they install packages of the system, add users, or work in other folders; " +
			"and the copy of a folder before an install that the build context tells to read other files, the manifests that are copied on their own: `COPY src ./src` before `RUN npm ci`.",
		Why: "Those steps run again after an edit of any file: `apt-get update && apt-get install` alone takes 30 seconds or more where a cached step takes none. " +
			"Each of them is a step fewer at every rebuild once the copy stands behind them.",
		Silent: "When the first `RUN` behind the copy may use it: a program or script that is not known, a command that works in the folder copied to or names it, or one above it that the copy may make first, a mount other than a cache. " +
			"When another copy, a `VOLUME` or an `ONBUILD` comes first (but for copies to other places, before an install from manifests), or an `ENV` or `WORKDIR` that the copy's own words depend on. When it is not known whether what is copied is a folder. When the copy carries other flags than `--chown` and `--chmod`.",
		Fix: "Moves the copy, with the comments above it, behind the last of these `RUN`s. Safe where they run nothing but the system's package managers on packages by name, `useradd` and its like, `echo`, `mkdir` and `rm` elsewhere; " +
			"where the copy goes to a folder that no package has files in (`/app`, `/usr/src/app`, `/home/node/app`, not `/opt` or `/var/www`); and where no variable, `SHELL`, link or other earlier line may lead into it. Otherwise it is unsafe and says what is not proven. " +
			"The image has the same files in another order of layers.",
	},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Run:      runBroadCopy,
}

func runBroadCopy(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		for i, in := range s.Instructions {
			if !plainCopy(p, in) || !copiesFolder(p, in) {
				continue
			}
			if l := usedLater(p, s.Instructions[i:]); len(l.runs) > 0 {
				l.report(p)
			}
		}
	}
}

// A lateCopy is a copy and the RUNs behind it that have no use for what it brings.
type lateCopy struct {
	copy   *syntax.Instruction
	at     string // where in the image it goes; "" if that is not known
	makes  string // the topmost folder that it may make for that
	stands bool   // there is none: that place is there
	runs   []*facts.Run
	doubts []string            // why it is not proven of them
	folder *syntax.Instruction // a WORKDIR that would make the folder copied to first
	past   int                 // how many other copies stand between
}

// usedLater finds the RUNs right behind a copy that have no use for it.
func usedLater(p *analysis.Pass, from []*syntax.Instruction) *lateCopy {
	l := &lateCopy{copy: from[0]}
	if dest, dir := p.Stages().Expand(l.copy, l.copy.Args[1].Value), p.Stages().Workdir(l.copy); dest.Known() {
		switch {
		case strings.HasPrefix(dest.Text, "/"):
			l.at = path.Clean(dest.Text)
		case dir.Known():
			l.at = path.Join(dir.Text, dest.Text)
		}
	}
	l.makes, l.stands = p.FirstMade(l.copy, l.at), p.Stands(l.copy, l.at)
	for _, in := range from[1:] {
		switch in.Name {
		case "run":
			r := p.Run(in)
			doubt, apart := l.apart(p, r)
			if !apart || l.past > 0 && !slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return l.readsOther(p, r, c) }) {
				return l
			}
			l.runs = append(l.runs, r)
			if doubt != "" && !slices.Contains(l.doubts, doubt) {
				l.doubts = append(l.doubts, doubt)
			}
		case "label", "expose", "cmd", "entrypoint", "healthcheck", "stopsignal", "maintainer", "user", "shell":
		case "env", "arg":
			if strings.Contains(l.copy.Text.String(), "$") {
				return l
			}
		case "workdir":
			// A relative destination would be another one behind it, a folder made
			// elsewhere is a step of its own, one made below may stand where the copy
			// brings a link, and the folder copied to, made first, keeps the mode and
			// the owner that it has then.
			stands := p.InWorkdir(l.copy, l.at)
			if !stands && (len(l.copy.Flags) > 0 || path.Clean("/"+l.copy.Args[0].Value) != "/") {
				return l
			}
			if dir := p.Stages().Expand(in, in.Body.String()); !strings.HasPrefix(l.copy.Args[1].Value, "/") || l.at == "" || !dir.Known() || path.Clean(dir.Text) != l.at {
				return l
			}
			if !stands && l.folder == nil {
				l.folder = in
			}
		case "copy", "add":
			if l.past++; l.past > maxPast || !l.elsewhere(p, in) {
				return l
			}
		default:
			return l
		}
	}
	return l
}

// maxPast bounds the copies that are looked past, so that the work does not grow with the
// square of their number.
const maxPast = 16

// elsewhere reports whether another copy puts things that are no part of what this one
// brings, nor the other way round.
func (l *lateCopy) elsewhere(p *analysis.Pass, in *syntax.Instruction) bool {
	to, ok := p.Dest(in)
	sources, known := p.Sources(in)
	if !ok || !known || l.at == "" || !in.Faithful || len(in.Heredocs) > 0 || len(sources) == 0 {
		return false
	}
	mine := facts.Place{Path: l.at, All: true}
	c, _ := p.Context()
	for _, from := range sources {
		name, at := path.Base(from), to
		if like, err := path.Match(name, path.Base(l.at)); strings.ContainsAny(name, "*?[") && path.Dir(l.at) == to && err == nil && !like {
			continue // into the folder above, by names of their own
		}
		if c != nil && !strings.ContainsAny(from, "*?[") && !c.IsDir(buildctx.Below(from)) && p.IntoFolder(in) {
			at = path.Join(to, name)
		}
		if mine.Meets(facts.Place{Path: at, All: true}) {
			return false
		}
	}
	return true
}

// readsOther reports whether a command is an install that is known to read other files of
// the build context than those that are copied, and to make none among them.
func (l *lateCopy) readsOther(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	context, _ := p.Context()
	if context == nil || l.at == "" || c.Call == nil || c.ByPath() || len(c.Prefix) > 0 {
		return false
	}
	at := slices.IndexFunc(installs(p, r), func(i install) bool { return i.Command == c })
	dir, ok := p.ContextDir(r.In)
	if at < 0 || !ok {
		return false
	}
	i := installs(p, r)[at]
	_, holds := facts.Below(i.home, l.at)
	below, _ := facts.Below(l.at, i.home)
	_, strange := i.by.Strange(i.call)
	_, steers := steered(p, r, i)
	if holds || strange || steers || leadsTo(p, r, l.at) != "" || i.by.Builds(i.call) != "" || i.home != p.Stages().Workdir(r.In).Text || slices.ContainsFunc(strings.Split(below, "/"), func(name string) bool {
		return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor" || name == "patches"
	}) {
		return false
	}
	world := i.by.World(context, dir, i.call)
	takes := func(f string) bool { return p.Takes(l.copy, f) }
	return len(world.Files) > 0 && len(world.With) == 0 && !slices.ContainsFunc(world.Files, takes) && !slices.ContainsFunc(world.Creates, takes) &&
		!slices.ContainsFunc(world.Refusals, func(r buildctx.Refusal) bool { return r.Cure == "" || r.Hard || r.Vain })
}

// byRoot reports whether the user for whom a WORKDIR makes a folder is root: the file says
// so, or he installs packages or makes accounts in a RUN behind it.
func (l *lateCopy) byRoot(p *analysis.Pass) bool {
	user := p.Stages().User(l.folder)
	if user.Root() {
		return true
	}
	return slices.ContainsFunc(l.runs, func(r *facts.Run) bool {
		if p.Stages().User(r.In) != user || !r.Program.Plain() || slices.ContainsFunc(r.Stage.Instructions, func(in *syntax.Instruction) bool {
			return in.Name == "user" && in.Index > l.folder.Index && in.Index < r.In.Index
		}) {
			return false
		}
		return slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
			installs := c.Call != nil && slices.Contains([]pkgmgr.Verb{pkgmgr.Update, pkgmgr.Install, pkgmgr.Upgrade}, c.Call.Verb) && !c.Call.Has("-s", "--simulate", "--just-print", "--dry-run", "--recon", "--no-act", "--print-uris", "-h", "--help", "--version", "--usermode")
			return c.Context.Always && ofTheSystem(c, l) && (installs || accounts[c.Name])
		})
	})
}

// accounts are programs that make users and groups.
var accounts = map[string]bool{"useradd": true, "adduser": true, "groupadd": true, "addgroup": true}

// apart reports whether a RUN has no use for what is copied, and what is not proven of
// that.
func (l *lateCopy) apart(p *analysis.Pass, r *facts.Run) (doubt string, ok bool) {
	if r.Opaque != "" || len(r.Commands) == 0 || r.Program.Ambiguous || len(r.Program.Backgrounds()) > 0 || loudGroup(r) || l.at != "" && !ownFolder(l.at) && !sharedFolder(l.at) {
		return "", false
	}
	place := facts.Place{Path: l.makes, All: true}
	for _, m := range r.Mounts {
		if m.Type != "cache" || l.at == "" || !path.IsAbs(m.Target) || strings.Contains(m.Target, "$") || place.Meets(facts.Place{Path: path.Clean(m.Target)}) {
			return "", false
		}
	}
	system := func(c *facts.Command) bool { return quietRedirs(c) && ofTheSystem(c, l) }
	if slices.ContainsFunc(r.Settings(), reach.Heeded) || slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return !system(c) }) {
		if dir := p.Stages().Workdir(r.In); l.at == "" || !dir.Known() || r.Touches(place) {
			for _, c := range r.Commands {
				if !ofTheSystem(c, l) && !readsNothing(c) && !l.readsOther(p, r, c) || !quietRedirs(c) {
					return "", false
				}
			}
		}
		return fmt.Sprintf("it is not proven that `%s` does without what is copied", short(r)), true
	}
	switch {
	case l.at == "":
		return "the folder that is copied to is the base image's and not known", true
	case !ownFolder(l.at):
		return fmt.Sprintf("packages may have files of their own in %s", l.at), true
	case ownedByName(l.copy) && slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return c.Call != nil }):
		return fmt.Sprintf("a package may make the owner of --chown=%s, without whom the copy fails", l.copy.Flag("chown").Value), true
	case l.makes == "/usr/src" && len(l.copy.Flags) > 0 && slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return c.Call != nil }):
		return "a package may make /usr/src first, with another owner or mode", true
	case l.copy.Name == "add" && path.Clean("/"+l.copy.Args[0].Value) != "/":
		return "ADD may do more than copy", true
	}
	if in := reach.NamedEarlier(p.File, l.copy, l.at); in != nil {
		return fmt.Sprintf("line %d may lead `%s` into %s", p.Line(in), short(r), l.at), true
	}
	if reach.OwnShell(r, l.at) {
		return fmt.Sprintf("the SHELL may lie in %s", l.at), true
	}
	if name := leadsTo(p, r, l.at); name != "" {
		if name == "PATH" {
			return "", false
		}
		return fmt.Sprintf("%s may lead into %s", name, l.at), true
	}
	return "", true
}

// ofTheSystem reports whether a command works on packages of the system by name, on
// users, or on folders apart from the copy, and on nothing else.
func ofTheSystem(c *facts.Command, l *lateCopy) bool {
	if len(c.Prefix) > 0 || c.Script != nil || slices.ContainsFunc(c.Environ, reach.Heeded) {
		return false
	}
	if c.Name == "rm" || c.Name == "mkdir" {
		for _, w := range c.Args {
			text := strings.TrimSuffix(facts.Shape(w), "*")
			switch {
			case strings.HasPrefix(text, "-"):
			case !strings.HasPrefix(text, "/"), strings.ContainsAny(text, "{*?[\x00"), strings.Contains(text, ".."), l.at == "", facts.Place{Path: l.makes}.Meets(facts.Place{Path: path.Clean(text)}):
				return false
			case c.Name == "rm" && !slices.ContainsFunc([]string{"/var/", "/usr/", "/etc/", "/tmp/", "/root/"}, func(dir string) bool { return strings.HasPrefix(text, dir) }):
				return false // a folder of someone's own may be a link to anywhere
			}
		}
		return true
	}
	words, literal := reach.Literals(c)
	switch {
	case !literal:
		return false
	case c.Call != nil:
		return !c.Call.Unclear && !c.Call.Wrapped && c.Name != "aptitude" && reach.ByName(c.Call.Manager.Name, words)
	case c.Name == "echo", c.Name == "true", c.Name == ":", c.Name == "set":
		return true
	case accounts[c.Name]:
		return l.at != "" && l.copy.Flag("chown") == nil && !strings.HasPrefix(l.at, "/home/") && reach.ByName(c.Name, words) &&
			!slices.ContainsFunc(words, l.home)
	}
	return false
}

// home reports whether a word of a program that makes accounts may be a home folder which
// is one that the copy makes or needs, or lies in one. Whoever makes a home that is not
// there fills it, and owns it.
func (l *lateCopy) home(w string) bool {
	at := strings.IndexByte(w, '/')
	if at < 0 {
		return false
	}
	home := path.Clean(w[at:])
	if l.stands {
		_, below := facts.Below(home, l.at)
		return below
	}
	return facts.Place{Path: l.makes}.Meets(facts.Place{Path: home})
}

// ownedByName reports whether a copy gives its files to an owner by another name than root's.
func ownedByName(in *syntax.Instruction) bool {
	f := in.Flag("chown")
	return f != nil && strings.Trim(strings.ReplaceAll(f.Value, "root", ""), "0123456789:") != ""
}

// quietRedirs reports whether all redirections of a command go to a device.
func quietRedirs(c *facts.Command) bool { return !slices.ContainsFunc(c.Node.Redirs, loud) }

// loud reports whether a redirection goes elsewhere than to a device.
func loud(r shell.Redir) bool {
	target, ok := r.Target.Literal()
	return r.Heredoc || !ok || r.Op != ">&" && !strings.HasPrefix(target, "/dev/")
}

// loudGroup reports whether a group of commands has a redirection elsewhere.
func loudGroup(r *facts.Run) bool {
	found := false
	r.Program.Walk(func(n *shell.Node, _ shell.Context) bool {
		found = found || n.Kind != shell.Simple && slices.ContainsFunc(n.Redirs, loud)
		return !found
	})
	return found
}

// ownFolder reports whether a folder is one that no package of a system has files in.
func ownFolder(at string) bool {
	if at == "/" {
		return false
	}
	parts := strings.Split(strings.TrimPrefix(at, "/"), "/")
	switch parts[0] {
	case "usr":
		return len(parts) > 2 && parts[1] == "src" && strings.HasSuffix(parts[2], "app") // googletest, gcc-12-source and modules have folders there
	case "go":
		return len(parts) > 1 && parts[1] != "bin" // golang's image looks for programs there
	case "home":
		return len(parts) > 2 && !strings.HasPrefix(parts[2], ".")
	}
	return !slices.Contains(strings.Fields("bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var"), parts[0])
}

// sharedFolder reports whether a folder is one that packages may have files in, but none
// that the system lives from.
func sharedFolder(at string) bool {
	return slices.ContainsFunc([]string{"/opt", "/srv", "/home", "/mnt", "/media", "/usr/src", "/usr/local/src", "/usr/share/nginx/html", "/var/www", "/var/task", "/var/app"}, func(dir string) bool {
		return at == dir || strings.HasPrefix(at, dir+"/")
	})
}

// leadsTo names a variable in force that leads into a folder; "" if none does.
func leadsTo(p *analysis.Pass, r *facts.Run, at string) string {
	found := ""
	for _, v := range reach.Variables(p.File, r) {
		relative := v.Name == "PATH" && slices.ContainsFunc(strings.Split(v.Written, ":"), func(dir string) bool {
			return !strings.HasPrefix(dir, "/") && !strings.HasPrefix(dir, "$")
		})
		if relative || v.MayLead(at) {
			if found = v.Name; found == "PATH" {
				return found
			}
		}
	}
	return found
}

// short is the first command of a RUN, cut to what a message has room for.
func short(r *facts.Run) string {
	command := r.Program.Source(r.Commands[0].Node.Range)
	line, _, more := strings.Cut(command, "\n")
	if len(line) > 60 {
		line, more = line[:57], true
	}
	line = strings.TrimSpace(strings.TrimSuffix(line, "\\"))
	if more || len(r.Commands) > 1 {
		line += " …"
	}
	return line
}

func (l *lateCopy) report(p *analysis.Pass) {
	if l.folder != nil && l.folder.Index < l.runs[len(l.runs)-1].In.Index && !l.byRoot(p) {
		l.doubts = append(l.doubts, fmt.Sprintf("the WORKDIR of line %d would make %s first, for a user who may not be root", p.Line(l.folder), l.at))
	}
	first := l.runs[0]
	any := "of any file"
	if src := path.Clean("/" + p.Stages().Expand(l.copy, l.copy.Args[0].Value).Text); src != "/" {
		any = "in " + src[1:]
	}
	message := fmt.Sprintf("Every edit %s reruns `%s`", any, short(first))
	if n := len(l.runs); n > 1 {
		message += fmt.Sprintf(" and %d more %s", n-1, plural("step", n-1))
	}
	use := "does nothing with what is copied here"
	if len(l.runs) > 1 {
		use = "do nothing with what is copied here"
	}
	d := analysis.Diagnostic{
		Span:    l.copy.Span,
		Message: message + ", which " + use,
		Gain:    analysis.Gain{Steps: len(l.runs)},
	}
	for _, r := range l.runs {
		d.Relate(r.In.Keyword, "runs again after each edit")
	}
	last := l.runs[len(l.runs)-1]
	fix := analysis.Fix{
		Title:   fmt.Sprintf("Copy behind the RUN of line %d", p.Line(last.In)),
		Safety:  analysis.Safe,
		Relies:  []source.Span{l.copy.Span},
		Changes: []change.Change{change.CopyMoved{}},
		Edits:   l.edits(p, last.In),
	}
	for _, r := range l.runs {
		fix.Relies = append(fix.Relies, r.In.Span)
	}
	if len(l.doubts) > 0 {
		fix.Safety = analysis.Unsafe
		fix.Title += " (" + l.doubts[0] + ")"
		d.Withheld = l.doubts
		d.Severity = analysis.Info
	}
	d.Fixes = []analysis.Fix{fix}
	p.Report(d)
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// edits moves the copy, and the comments right above it, behind a RUN:
//
//	COPY . .
//	^^^^^^^^ goes
//	RUN apt-get install …
//	                     ^ "⏎COPY . ."
func (l *lateCopy) edits(p *analysis.Pass, last *syntax.Instruction) []analysis.Edit {
	text := p.Doc.Content
	out := source.Span{Start: l.copy.Lines.Start, End: l.copy.Lines.End}
	if len(l.copy.Lead) > 0 {
		out.Start = p.Doc.Lines.Full(p.Doc.Lines.Line(l.copy.Lead[0].Span.Start)).Start
	}
	eol := "\n"
	if strings.HasSuffix(text[:l.copy.Lines.End], "\r\n") {
		eol = "\r\n"
	}
	moved := text[out.Start:l.copy.Span.End]
	if strings.HasSuffix(text[:out.Start], eol+eol) && strings.HasPrefix(text[out.End:], eol) {
		out.End += len(eol) // one of two blank lines
	}
	return []analysis.Edit{{Edit: source.Replace(out, "")}, {Edit: source.Insert(last.Span.End, eol+moved)}}
}
