package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
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
			"dnf's packages without `keepcache`, apk's without a link at `/etc/apk/cache`, a home that is not that of the `USER`, a flag such as `--no-cache-dir` that goes past it), " +
			"that the same RUN empties again, that builds may not use at once (apt, Maven, Gradle) but is not locked, that a USER cannot write to, " +
			"that a later RUN which reads the same cache lacks (`go build`, `dotnet publish --no-restore`), that holds Poetry's virtual environments, " +
			"or that holds a file which a later `COPY --from`, RUN or CMD takes: what lies in a mount is in no layer.",
		Why: "A mount that stays empty saves nothing, and nobody notices: every build downloads everything again. One that is not locked fails now and then, when two builds meet; " +
			"one that holds the result, or the packages that were installed, fails always.",
		Silent: "Where the manager, the folder or the user is not known for certain: variables in the target, a manager's configuration that the Dockerfile changes, " +
			"a base image that may have removed docker-clean or set keepcache (only the official debian and ubuntu images are known to have docker-clean). For mounts of folders that are no package manager's.",
		Fix: "Adds `sharing=locked`, removes the clean-up or the flag, keeps apt's archives in a folder that docker-clean does not empty, sets keepcache for the call, mounts `/etc/apk/cache`, " +
			"gives a later RUN the same mount, leaves the virtual environments out of it, or moves the mount to the user's home. " +
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
			target := m.Target
			if dir := p.Stages().Workdir(r.In); !path.IsAbs(target) && dir.Known() {
				target = path.Join(dir.Text, target)
			}
			if path.IsAbs(target) && !strings.Contains(target, "$") {
				d := doctor{Pass: p, r: r, m: m.Mount, flag: m.flag, target: path.Clean(target)}
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
	if d.lost() || d.r.Opaque != "" || d.taken() {
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
	dirs := []string{c.Dir, c.RootDir, c.Mount.At}
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
		// Composer's lies in a folder that is for all.
		return d.target == dir && dir != "/tmp" || slices.ContainsFunc(c.Mount.Below, func(b string) bool { return d.target == dir+"/"+b })
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
		span := d.r.SpanOf(by)
		message := fmt.Sprintf("Line %d empties the cache mount at %s: the next build starts without it", d.LineOf(d.r, by), d.target)
		if edit, comments, why := chain.TakeOut(d.File, d.r, by, "deletes"); why == "" && len(comments) == 0 && !chain.Whole(d.r, by) {
			d.report(message, "what the mount holds is no part of the image, so that no build can be compared",
				analysis.Fix{Title: fmt.Sprintf("Remove `%s` (without the mount its files would ship)", span.In(d.Doc.Content)), Edits: []analysis.Edit{edit}})
		} else {
			d.report(message, "the clean-up stands in the midst of other commands; remove it")
		}
		return
	}
	if d.wrongHome(m, c) || d.environments(m) {
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
	d.missing(m, c)
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
	if m.Root || !user.Known() || name == "" || name == "root" || name == "0" || d.Stages().SetInFile(d.r.In, "HOME") || slices.ContainsFunc(d.r.Commands, func(c *facts.Command) bool { return len(c.Prefix) > 0 }) ||
		slices.ContainsFunc(c.Moved, func(v string) bool {
			return d.Stages().SetInFile(d.r.In, v) || strings.Contains(d.r.Program.Text.String(), v)
		}) {
		return false
	}
	owner := d.owner(name)
	switch {
	case home && strings.HasPrefix(d.target, "/root/"):
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
		if b == nil || b.Name != "debian" && b.Name != "ubuntu" || !b.Certain || d.Says("docker-clean") || d.Says("Dir::Cache") || d.Says("apt.conf") || d.Says("keep-cache") {
			return
		}
		if !slices.ContainsFunc(calls, func(c *facts.Command) bool { return c.Call.Verb == pkgmgr.Install || c.Call.Verb == pkgmgr.Upgrade }) {
			return
		}
		var fixes []analysis.Fix
		keeps := analysis.Fix{Title: "Add -o Dir::Cache::Archives=keep: what docker-clean does not empty (without the mount the archives would ship)"}
		for _, call := range calls {
			flag := c.Mount.Keep(call.Name, call.Call)
			if call.Call.Verb != pkgmgr.Install && call.Call.Verb != pkgmgr.Upgrade || call.Script != nil {
				continue
			}
			if flag == nil || call.Call.Has("-o", "--option", "-c", "--config-file") {
				keeps.Edits = nil
				break
			}
			keeps.Edits = append(keeps.Edits, analysis.Edit{Edit: source.Insert(d.r.Program.Text.HomeEnd(call.Call.VerbEnd), " "+flag.Text)})
		}
		if len(keeps.Edits) > 0 {
			fixes = append(fixes, keeps)
		}
		first := d.r.Commands[0]
		if !slices.ContainsFunc(calls, func(c *facts.Command) bool { return c.Name != "apt-get" }) && first.Node.From == d.r.Program.Root.From && len(calls[0].Prefix) == 0 {
			fixes = append(fixes, analysis.Fix{
				Title: "Remove docker-clean first (the image then lacks it, and keeps archives in containers)",
				Edits: []analysis.Edit{{Edit: source.Insert(d.r.SpanOf(first).Start, "rm -f /etc/apt/apt.conf.d/docker-clean && ")}},
			})
		}
		d.report(fmt.Sprintf("The cache mount at %s stays empty: /etc/apt/apt.conf.d/docker-clean of the image %s deletes the archives after each install", d.target, b.Name), "what the mount holds is no part of the image, so that no build can be compared", fixes...)
	case m == &pkgmgr.Apk && d.target == "/var/cache/apk":
		if d.Says("/etc/apk/cache") || d.Says("setup-apkcache") || !d.alpine() {
			return
		}
		fix := analysis.Fix{Title: "Mount /etc/apk/cache (apk keeps packages in later layers too where the mount leaves its empty folder)"}
		if at := strings.Index(d.flag.Span.In(d.Doc.Content), "/var/cache/apk"); at >= 0 {
			start := d.flag.Span.Start + at
			fix.Edits = []analysis.Edit{{Edit: source.Replace(source.Span{Start: start, End: start + len("/var/cache/apk")}, "/etc/apk/cache")}}
		}
		d.report("The cache mount at /var/cache/apk keeps no packages: apk keeps them at /etc/apk/cache, which is no link to it here", "what the mount holds is no part of the image, so that no build can be compared", fix)
	case m == &pkgmgr.Dnf && c.Dir == m.Caches[0].Dir:
		if d.Says("keepcache") || d.Says("dnf.conf") || d.Base(d.r.Stage) == nil {
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

// alpine reports whether the stage stands on an official image of Alpine's.
func (d *doctor) alpine() bool {
	b := d.Base(d.r.Stage)
	return b != nil && b.Certain && (b.Name == "alpine" || strings.Contains(b.Tag, "alpine"))
}

// environments reports Poetry's virtual environments in the mount: the packages are then
// in no layer.
func (d *doctor) environments(m *pkgmgr.Manager) bool {
	whole := strings.HasSuffix(d.target, "/pypoetry")
	if m != &pkgmgr.Poetry || !whole && d.Stages().Lookup(d.r.In, "POETRY_CACHE_DIR").Text != d.target || !slices.ContainsFunc(d.r.Commands, func(c *facts.Command) bool {
		return c.Call != nil && c.Call.Manager == m && (c.Call.Word == "install" || c.Call.Word == "sync" || c.Call.Word == "add")
	}) {
		return false
	}
	text := strings.ToLower(d.Doc.Content)
	for _, word := range []string{"virtualenvs", "virtual_env", "poetry.toml", "venv", "poetry env", "activate"} {
		if strings.Contains(text, word) {
			return false // where they lie may be told
		}
	}
	if context, _ := d.Context(); context != nil {
		dir, _ := d.ContextDir(d.r.In)
		if _, err := context.Read(path.Join(dir, "poetry.toml")); err == nil {
			return false
		}
	}
	var fixes []analysis.Fix
	if old := d.flag.Span.In(d.Doc.Content); strings.Count(old, d.m.Target) == 1 && !strings.Contains(old, "id=") {
		var both []string
		for _, below := range pkgmgr.Poetry.Caches[0].Mount.Below {
			both = append(both, strings.Replace(old, d.m.Target, path.Join(d.m.Target, below), 1))
		}
		fixes = append(fixes, analysis.Fix{
			Title: "Mount what Poetry downloads only (the image then has the virtual environment)",
			Edits: []analysis.Edit{{Edit: source.Replace(d.flag.Span, strings.Join(both, " "))}},
		})
	}
	d.report(fmt.Sprintf("Poetry's virtual environments lie in the cache mount at %s by default: what it installs is in no layer", d.target), "the image differs: it has what was installed; or set POETRY_VIRTUALENVS_CREATE=false", fixes...)
	return true
}

// missing reports a later RUN that reads the cache and has no mount there.
func (d *doctor) missing(m *pkgmgr.Manager, c *pkgmgr.Cache) {
	if !c.Mount.Reads {
		return
	}
	for _, later := range d.Runs(d.r.Stage) {
		if later.In.Index <= d.r.In.Index || later.Opaque != "" || later.MountsCache(c) {
			continue
		}
		for _, call := range later.Commands {
			if call.Call == nil || call.Call.Manager != m || !call.Call.Fills(c) || call.Script != nil || d.Disabled(later, call, c) {
				continue
			}
			does := "fetches again what lies in it"
			if call.Call.Has("--no-restore", "--offline", "-o", "-mod") && m != &pkgmgr.Go {
				does = "finds nothing of what lies in it"
			}
			at := later.In.Keyword.End
			for _, flag := range later.In.Flags {
				at = max(at, flag.Span.End)
			}
			d.Report(analysis.Diagnostic{
				Span:     d.flag.Span,
				Message:  fmt.Sprintf("Line %d runs %s %s without the cache mount at %s, and %s", d.Line(later.In), call.Name, call.Call.Word, d.target, does),
				Related:  []analysis.Related{{Span: later.SpanOf(call), Message: "runs without the mount"}},
				Withheld: []string{"what the mount holds is no part of the image, so that no build can be compared"},
				Fixes: []analysis.Fix{{
					Title:  fmt.Sprintf("Give line %d the same mount (what it fetched no longer ships)", d.Line(later.In)),
					Safety: analysis.Unsafe,
					Edits:  []analysis.Edit{{Edit: source.Insert(at, " "+d.flag.Span.In(d.Doc.Content))}},
					Relies: []source.Span{d.r.In.Span, later.In.Span},
				}},
			})
			return
		}
	}
}

// taken reports a later RUN, CMD or ENTRYPOINT that takes a file which lies in the mount.
func (d *doctor) taken() bool {
	for _, s := range d.Stages().Stages {
		own := s
		for own != nil && own != d.r.Stage {
			own = own.Parent
		}
		if own == nil {
			continue
		}
		for _, in := range s.Instructions {
			if in.Index <= d.r.In.Index {
				continue
			}
			file := ""
			switch in.Name {
			case "cmd", "entrypoint":
				if in.JSON && len(in.Args) > 0 {
					file = in.Args[0].Value
				} else if words := strings.Fields(in.Text.String()); len(words) > 1 {
					file = words[1]
				}
				if dir := d.Stages().Workdir(in); strings.HasPrefix(file, "./") && dir.Known() {
					file = path.Join(dir.Text, file)
				}
			case "run":
				file = d.usedBy(d.Run(in))
			}
			if !path.IsAbs(file) || !strings.HasPrefix(path.Clean(file), d.target+"/") || d.madeElsewhere(path.Clean(file), in.Index) {
				continue
			}
			d.Report(analysis.Diagnostic{
				Span:     d.flag.Span,
				Message:  fmt.Sprintf("Line %d uses %s, which lies in the cache mount at %s and so in no layer", d.Line(in), file, d.target),
				Related:  []analysis.Related{{Span: in.Span, Message: "used here"}},
				Withheld: []string{"copy it out of the mount in the same RUN, and use it there"},
			})
			return true
		}
	}
	return false
}

// usedBy is a file in the mount that a RUN without one there runs or copies; "" if none.
func (d *doctor) usedBy(r *facts.Run) string {
	if r.Opaque != "" || slices.ContainsFunc(r.Mounts, func(m facts.Mount) bool {
		return m.Target == "" || strings.Contains(m.Target, "$") || strings.HasPrefix(d.target+"/", path.Clean(m.Target)+"/")
	}) {
		return ""
	}
	for _, c := range r.Commands {
		if !c.Context.Always {
			return ""
		}
		words := []shell.Word{c.Program}
		if c.Name == "cp" || c.Name == "mv" || c.Name == "install" {
			words = c.Args[:max(len(c.Args)-1, 0)]
		}
		for _, w := range words {
			if text, ok := w.Literal(); ok && strings.HasPrefix(text, d.target+"/") {
				return text
			}
		}
	}
	return ""
}

// lost reports a COPY from the stage of what lies in the mount, and so in no layer.
func (d *doctor) lost() bool {
	g := d.Stages()
	for _, s := range g.Stages {
		for _, in := range s.Instructions {
			if in.Name != "copy" { // asked first: a RUN may have thousands of flags
				continue
			}
			from := in.Flag("from")
			if from == nil || len(in.Args) < 2 || g.Find(from.Value) != d.r.Stage {
				continue
			}
			for _, a := range in.Args[:len(in.Args)-1] {
				v := g.Expand(in, a.Value)
				if !v.Known() || !strings.HasPrefix(path.Clean("/"+v.Text)+"/", d.target+"/") || d.madeElsewhere(path.Clean("/"+v.Text), in.Index) {
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
// by an instruction before another that is no RUN with the same mount.
func (d *doctor) madeElsewhere(file string, before int) bool {
	for st := d.r.Stage; st != nil; st = st.Parent {
		for _, in := range st.Instructions {
			if in.Index >= before {
				break
			}
			switch in.Name {
			case "run":
				r := d.Run(in)
				mounted := slices.ContainsFunc(r.Mounts, func(m facts.Mount) bool {
					return m.Type == "cache" && (path.Clean(m.Target) == d.target || !path.IsAbs(m.Target) && strings.HasSuffix(d.target, "/"+path.Clean(m.Target)))
				})
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
