package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// CacheMount finds cache mounts that do not help, or do harm.
var CacheMount = analysis.Rule{
	Name: "cache-mount",
	Doc: analysis.Doc{
		Summary: "a cache mount never helps, or does harm",
		What: "A `RUN --mount=type=cache` over a package manager's cache that stays empty (apt's archives while `docker-clean` deletes them, " +
			"dnf's packages without `keepcache`, a home that is not that of the `USER`, a flag such as `--no-cache-dir` that goes past it), " +
			"that the same RUN empties again, that builds may not use at once (apt, Maven, Gradle) but is not locked, " +
			"or that holds a file which a later `COPY --from` takes: what lies in a mount is in no layer.",
		Why: "A mount that stays empty saves nothing, and nobody notices: every build downloads everything again. One that is not locked fails now and then, when two builds meet; " +
			"one that holds the result fails always.",
		Silent: "Where the manager, the folder or the user is not known for certain: variables in the target, a manager's configuration that the Dockerfile changes, " +
			"a base image that may have removed docker-clean or set keepcache (only the official debian and ubuntu images are known to have docker-clean). For mounts of folders that are no package manager's.",
		Fix: "Adds `sharing=locked`, removes the clean-up or the flag, removes docker-clean, sets keepcache for the call, or moves the mount to the user's home. " +
			"All are unsafe and say what could differ: they change what the mount holds, which no comparison of two images shows, or configuration that ships. " +
			"It stands on line 19 of the soundness list.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      runCacheMount,
}

func runCacheMount(p *analysis.Pass) {
	for r := range allRuns(p) {
		for _, m := range cacheMounts(r) {
			if path.IsAbs(m.Target) && !strings.Contains(m.Target, "$") {
				d := doctor{Pass: p, r: r, m: m.Mount, flag: m.flag, target: path.Clean(m.Target)}
				d.examine()
			}
		}
	}
}

// A flagged is a mount with the flag that asks for it.
type flagged struct {
	facts.Mount
	flag syntax.Flag
}

// cacheMounts lists the cache mounts of a RUN.
func cacheMounts(r *facts.Run) []flagged {
	var out []flagged
	at := 0
	for _, flag := range r.In.Flags {
		if flag.Name != "mount" {
			continue
		}
		if m := r.Mounts[at]; m.Type == "cache" {
			out = append(out, flagged{m, flag})
		}
		at++
	}
	return out
}

// A doctor examines one cache mount.
type doctor struct {
	*analysis.Pass
	r      *facts.Run
	m      facts.Mount
	flag   syntax.Flag
	target string
}

func (d *doctor) report(message, withheld string, fixes ...analysis.Fix) {
	for i := range fixes {
		fixes[i].Safety = analysis.Unsafe
		fixes[i].Relies = []source.Span{d.r.In.Span}
	}
	d.Report(analysis.Diagnostic{Span: d.flag.Span, Message: message, Withheld: []string{withheld}, Fixes: fixes})
}

func (d *doctor) examine() {
	if d.lost() || d.r.Opaque != "" {
		return
	}
	for _, m := range pkgmgr.Managers {
		calls := d.calls(m)
		for i := range m.Caches {
			if c := &m.Caches[i]; len(calls) > 0 && d.holds(c) {
				d.harmed(m, c, calls)
				return
			}
		}
	}
}

// calls lists the calls of a manager that fill one of its caches, flags against it
// aside.
func (d *doctor) calls(m *pkgmgr.Manager) []*facts.Command {
	var out []*facts.Command
	for _, c := range d.r.Commands {
		if c.Call != nil && c.Call.Manager == m && !c.Call.Unclear && (c.Call.Verb == pkgmgr.Update || c.Call.Verb == pkgmgr.Install || c.Call.Verb == pkgmgr.Upgrade || c.Call.Verb == pkgmgr.Download || fills(c.Call)) {
			out = append(out, c)
		}
	}
	return out
}

// fills reports whether a call puts files into its manager's first cache.
func fills(c *pkgmgr.Call) bool {
	return len(c.Manager.Caches) > 0 && c.Fills(&c.Manager.Caches[0])
}

// holds reports whether the mount is the cache's folder, or one that the table says
// to mount in it.
func (d *doctor) holds(c *pkgmgr.Cache) bool {
	dirs := []string{c.Dir, c.RootDir}
	for _, dir := range c.In {
		dirs = append(dirs, dir)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		if dir == "" {
			return false
		}
		if below, home := strings.CutPrefix(dir, "~"); home {
			return strings.HasSuffix(d.target, below) || slices.ContainsFunc(c.Mount.Below, func(b string) bool { return strings.HasSuffix(d.target, below+"/"+b) })
		}
		return d.target == dir || slices.ContainsFunc(c.Mount.Below, func(b string) bool { return d.target == dir+"/"+b })
	})
}

// harmed reports what keeps the mount of a cache from its work.
func (d *doctor) harmed(m *pkgmgr.Manager, c *pkgmgr.Cache, calls []*facts.Command) {
	var past analysis.Fix
	flag := ""
	for _, call := range calls {
		if option, ok := bypass(call); ok {
			at := d.r.Program.Span(option.Range)
			flag = at.In(d.Doc.Content)
			past.Edits = append(past.Edits, analysis.Edit{Edit: source.Replace(source.Span{Start: at.Start - 1, End: at.End}, "")})
		}
	}
	if len(past.Edits) == len(calls) {
		past.Title = fmt.Sprintf("Remove %s (without the mount the cache would ship)", flag)
		d.report(fmt.Sprintf("%s goes past the cache mount at %s: nothing is ever kept in it", flag, d.target), "what the mount holds is no part of the image, so that no build can be compared", past)
		return
	}
	if by := d.emptied(c); by != nil {
		span := spanOf(d.r, by)
		message := fmt.Sprintf("Line %d empties the cache mount at %s: the next build starts without it", lineOf(d.Pass, d.r, by), d.target)
		if edit, comments, why := takeOut(d.Pass, d.r, by); why == "" && len(comments) == 0 && !whole(d.r, by) {
			d.report(message, "what the mount holds is no part of the image, so that no build can be compared",
				analysis.Fix{Title: fmt.Sprintf("Remove `%s` (without the mount its files would ship)", span.In(d.Doc.Content)), Edits: []analysis.Edit{edit}})
		} else {
			d.report(message, "the clean-up stands in the midst of other commands; remove it")
		}
		return
	}
	if d.wrongHome(m, c) {
		return
	}
	sharing := d.m.Options["sharing"]
	if fails := atOnce[m]; fails != "" && sharing != "locked" && sharing != "private" && !strings.Contains(sharing, "$") {
		fix := analysis.Fix{Title: "Add sharing=locked (builds that use the cache at once then wait for each other)"}
		if sharing == "" {
			fix.Edits = []analysis.Edit{{Edit: source.Insert(d.flag.Span.End, ",sharing=locked")}}
		} else if at := strings.Index(d.flag.Span.In(d.Doc.Content), "sharing="+sharing); at >= 0 {
			at += d.flag.Span.Start + len("sharing=")
			fix.Edits = []analysis.Edit{{Edit: source.Replace(source.Span{Start: at, End: at + len(sharing)}, "locked")}}
		}
		if len(fix.Edits) > 0 && !strings.ContainsAny(d.flag.Span.In(d.Doc.Content), "\"'") {
			d.report(fmt.Sprintf("The cache mount at %s is not locked: %s", d.target, fails), "how long a build waits for another is no part of the image", fix)
			return
		}
	}
	d.dead(m, c, calls)
}

// atOnce says what happens when two builds use a manager's cache at once.
var atOnce = map[*pkgmgr.Manager]string{
	&pkgmgr.Apt:    "two builds at once fail, as apt holds a lock of its own in it",
	&pkgmgr.Maven:  "Maven's repository is not made for two builds at once",
	&pkgmgr.Gradle: "Gradle's caches are not made for two containers at once",
}

// bypass finds the option by which a call does not use its cache.
func bypass(c *facts.Command) (shell.Word, bool) {
	for _, w := range c.Args {
		switch text, _ := w.Literal(); {
		case (c.Call.Manager == &pkgmgr.Pip || c.Call.Manager == &pkgmgr.Uv) && (text == "--no-cache-dir" || text == "--no-cache"),
			c.Call.Manager == &pkgmgr.Apk && text == "--no-cache",
			c.Call.Manager == &pkgmgr.Composer && text == "--no-cache", c.Call.Manager == &pkgmgr.Poetry && text == "--no-cache":
			return w, c.Script == nil
		}
	}
	return shell.Word{}, false
}

// emptied finds the command of the RUN that certainly deletes what the mount holds.
func (d *doctor) emptied(c *pkgmgr.Cache) *facts.Command {
	for _, by := range d.r.Commands {
		cleans := by.Cleans(c) || facts.Deletes(by, d.target) || facts.Deletes(by, c.Dir)
		if by.Call != nil && by.Call.Manager == &pkgmgr.Apt && by.Context.Always {
			cleans = cleans || by.Call.Word == "clean" && d.target == "/var/cache/apt"
		}
		if cleans && by.Script == nil {
			return by
		}
	}
	return nil
}

// wrongHome reports a mount in root's home where another user runs, and one in the
// user's that is root's.
func (d *doctor) wrongHome(m *pkgmgr.Manager, c *pkgmgr.Cache) bool {
	user := d.Stages().User(d.r.In)
	name, _, _ := strings.Cut(user.Text, ":")
	below, home := strings.CutPrefix(c.Dir, "~")
	if !home || !user.Known() || name == "" || name == "root" || name == "0" || d.Stages().SetInFile(d.r.In, "HOME") || slices.ContainsFunc(d.r.Commands, func(c *facts.Command) bool { return len(c.Prefix) > 0 }) ||
		slices.ContainsFunc(c.Moved, func(v string) bool {
			return d.Stages().SetInFile(d.r.In, v) || strings.Contains(d.r.Program.Text.String(), v)
		}) {
		return false
	}
	owner := d.owner(name)
	switch {
	case strings.HasPrefix(d.target, "/root/"):
		var fixes []analysis.Fix
		if at := strings.Index(d.flag.Span.In(d.Doc.Content), "/root/"); at >= 0 && owner != "" && d.m.Options["uid"] == "" {
			start := d.flag.Span.Start + at
			fixes = append(fixes, analysis.Fix{
				Title: fmt.Sprintf("Mount the home of %s (which is /home/%s unless the image says otherwise)", name, name),
				Edits: []analysis.Edit{{Edit: source.Replace(source.Span{Start: start, End: start + len("/root/")}, "/home/"+name+"/")}, {Edit: source.Insert(d.flag.Span.End, owner)}},
			})
		}
		d.report(fmt.Sprintf("The cache mount at %s stays empty: %s runs as %s, whose cache is ~%s", d.target, m.Name, name, below), "where the home of a user lies stands in the image", fixes...)
		return true
	case d.m.Options["uid"] == "" && (d.m.Options["mode"] == "" || d.m.Options["mode"] == "0755"):
		var fixes []analysis.Fix
		if owner != "" {
			fixes = append(fixes, analysis.Fix{Title: fmt.Sprintf("Add %s", strings.TrimPrefix(owner, ",")+" (a cache that is there already keeps its owner)"), Edits: []analysis.Edit{{Edit: source.Insert(d.flag.Span.End, owner)}}})
		}
		d.report(fmt.Sprintf("The cache mount at %s is root's, and %s runs as %s, who cannot write to it", d.target, m.Name, name), "which number a user has stands in the image; give the mount uid= and gid=", fixes...)
		return true
	}
	return false
}

// owner is what makes a mount a user's, where the number is known: a number itself,
// and node of the official node image.
func (d *doctor) owner(name string) string {
	if name == "node" {
		if b := d.Base(d.r.Stage); b == nil || b.Name != "node" {
			return ""
		}
		name = "1000"
	}
	if strings.Trim(name, "0123456789") != "" {
		return ""
	}
	return ",uid=" + name + ",gid=" + name
}

// dead reports what a mount lacks to be filled.
func (d *doctor) dead(m *pkgmgr.Manager, c *pkgmgr.Cache, calls []*facts.Command) {
	switch {
	case m == &pkgmgr.Apt && d.target == "/var/cache/apt":
		b := d.Base(d.r.Stage)
		if b == nil || b.Name != "debian" && b.Name != "ubuntu" || !b.Certain || d.says("docker-clean") || d.says("apt.conf") || d.says("keep-cache") {
			return
		}
		if !slices.ContainsFunc(calls, func(c *facts.Command) bool { return c.Call.Verb == pkgmgr.Install || c.Call.Verb == pkgmgr.Upgrade }) {
			return
		}
		var fixes []analysis.Fix
		first := d.r.Commands[0]
		if !slices.ContainsFunc(calls, func(c *facts.Command) bool { return c.Name != "apt-get" }) && first.Node.From == d.r.Program.Root.From && len(calls[0].Prefix) == 0 {
			fixes = append(fixes, analysis.Fix{
				Title: "Remove docker-clean first (the image then lacks it, and keeps archives in containers)",
				Edits: []analysis.Edit{{Edit: source.Insert(spanOf(d.r, first).Start, "rm -f /etc/apt/apt.conf.d/docker-clean && ")}},
			})
		}
		d.report(fmt.Sprintf("The cache mount at %s stays empty: /etc/apt/apt.conf.d/docker-clean of the image %s deletes the archives after each install", d.target, b.Name), "docker-clean is configuration that ships", fixes...)
	case m == &pkgmgr.Dnf && c.Dir == m.Caches[0].Dir:
		if d.says("keepcache") || d.says("dnf.conf") || d.Base(d.r.Stage) == nil {
			return
		}
		var fix analysis.Fix
		for _, call := range calls {
			if call.Call.Verb != pkgmgr.Install && call.Call.Verb != pkgmgr.Upgrade || call.Script != nil {
				continue
			}
			fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(d.r.Program.Text.HomeEnd(call.Call.VerbEnd), " --setopt=keepcache=1")})
		}
		if len(fix.Edits) > 0 {
			fix.Title = "Add --setopt=keepcache=1 (without the mount the packages would ship)"
			d.report(fmt.Sprintf("The cache mount at %s keeps no packages: keepcache is off by default", d.target), "what the mount holds is no part of the image, so that no build can be compared", fix)
		}
	}
}

// says reports whether the Dockerfile speaks of something.
func (d *doctor) says(text string) bool { return strings.Contains(d.Doc.Content, text) }

// lost reports a COPY from the stage of what lies in the mount, and so in no layer.
func (d *doctor) lost() bool {
	g := d.Stages()
	for _, s := range g.Stages {
		for _, in := range s.Instructions {
			from := in.Flag("from")
			if in.Name != "copy" || from == nil || len(in.Args) < 2 || g.Find(from.Value) != d.r.Stage {
				continue
			}
			for _, a := range in.Args[:len(in.Args)-1] {
				v := g.Expand(in, a.Value)
				if !v.Known() || !strings.HasPrefix(path.Clean("/"+v.Text)+"/", d.target+"/") || d.madeElsewhere(path.Clean("/"+v.Text)) {
					continue
				}
				d.Report(analysis.Diagnostic{
					Span:     d.flag.Span,
					Message:  fmt.Sprintf("Line %d copies %s, which lies in the cache mount at %s and so in no layer", d.Line(in), v.Text, d.target),
					Related:  []analysis.Related{{Span: in.Span, Message: "copied here"}},
					Withheld: []string{"copy it out of the mount in the same RUN, and from there"},
				})
				return true
			}
		}
	}
	return false
}

// madeElsewhere reports whether the stage, or one that it is FROM, may have the path
// by another instruction than a RUN with the same mount.
func (d *doctor) madeElsewhere(file string) bool {
	for st := d.r.Stage; st != nil; st = st.Parent {
		for _, in := range st.Instructions {
			switch in.Name {
			case "run":
				r := d.Run(in)
				mounted := slices.ContainsFunc(r.Mounts, func(m facts.Mount) bool { return m.Type == "cache" && path.Clean(m.Target) == d.target })
				if !mounted && (r.Opaque != "" || slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
					return c.Effect == 0 && c.Call == nil && !c.Builtin() || c.Name != "rm" && slices.ContainsFunc(c.Args, func(w shell.Word) bool { return strings.Contains(facts.Shape(w), path.Base(file)) }) || c.Call != nil && fills(c.Call)
				})) {
					return true
				}
			case "copy", "add":
				to := d.Stages().Expand(in, in.Args[len(in.Args)-1].Value)
				if to.Is == stage.Unknown || strings.HasPrefix(file+"/", path.Clean("/"+to.Text)+"/") && in.Flag("from") != nil || strings.HasPrefix(path.Clean("/"+to.Text), d.target) {
					return true
				}
			}
		}
	}
	return d.r.Stage.Root().External() && d.Base(d.r.Stage) == nil
}
