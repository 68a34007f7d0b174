package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/gitlog"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// Order finds files that often change, copied before steps that rarely do.
var Order = analysis.Rule{
	Name: "order",
	Doc: analysis.Doc{
		Summary: "files that often change are copied before a step that has no use for them",
		What: "A COPY or ADD out of the build context above a `RUN` that installs or downloads something and does nothing with what is copied, " +
			"where git tells that what is copied changed in many of the last 100 commits to the build context in which nothing else did that the `RUN` stands behind.",
		Why: "The step runs again after each of these commits, on every machine that builds them: with `COPY src /app/src`, changed in 84 of 100 commits, above an `apt-get install`, 84 times instead of once. " +
			"Behind it, a build after such a commit begins with the copy.",
		Silent: "Where no git history can be read: outside a repository, in a shallow clone, as pipelines often make one, and without git; in an editor until it is read, for which nothing waits. With fewer than 20 commits to the build context. " +
			"Where the difference is not large: fewer than 10 commits, or than a fifth of them. Where the `RUN` may use what is copied, or that is not known, and where it neither installs nor downloads. " +
			"Where the build context is not known, and where broad-copy, which needs no history, says it already.",
		Fix: "There is none: that the step does without the files is likely and not proven.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run:      runOrder,
}

func runOrder(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		for i, in := range s.Instructions {
			if e := (early{p: p, copy: in}); e.fits() {
				e.look(s, s.Instructions[i+1:])
				e.report()
			}
		}
	}
}

const (
	fewestCommits = 20 // that tell something
	fewestReruns  = 10
	leastShare    = 5 // one in so many
)

// An early copy is one above steps that have no use for it.
type early struct {
	p      *analysis.Pass
	copy   *syntax.Instruction
	late   *lateCopy
	places []facts.Place
	own    gitlog.Changes

	runs   []*facts.Run
	works  bool           // one of them installs or downloads
	others gitlog.Changes // what they run again for anyhow
}

// fits reports whether a copy brings files of the build context to known places that
// no package has files in.
func (e *early) fits() bool {
	in := e.copy
	if in.Name != "copy" && in.Name != "add" || !in.Faithful || in.Flag("from") != nil || len(in.Args) < 2 || len(in.Heredocs) > 0 {
		return false
	}
	sources, known := e.p.Sources(in)
	to, ok := e.p.Dest(in)
	if !known || !ok || len(sources) == 0 || plainCopy(e.p, in) && copiesFolder(e.p, in) && len(usedLater(e.p, e.rest()).runs) > 0 {
		return false
	}
	folder := e.p.IntoFolder(in)
	for _, from := range sources {
		at := facts.Place{Path: to, All: true}
		if strings.Contains(path.Base(from), ".") && !strings.ContainsAny(from, "*?[") && path.Clean(from) != "." {
			at = facts.Place{Path: to}
			if folder {
				at.Path = path.Join(to, path.Base(from))
			}
		}
		if !ownFolder(at.Path) && !sharedFolder(at.Path) {
			return false
		}
		if made := e.p.FirstMade(in, at.Path); made != at.Path {
			at = facts.Place{Path: made, All: true}
		}
		e.places = append(e.places, at)
	}
	e.late = &lateCopy{copy: in, at: to, makes: e.p.FirstMade(in, to), stands: e.p.Stands(in, to)}
	return true
}

func (e *early) rest() []*syntax.Instruction {
	all := e.p.Stages().Of(e.copy).Instructions
	return all[slices.Index(all, e.copy):]
}

// look gathers the RUNs behind the copy up to the first that may use it, as long as the
// history says that they would run less often without it.
func (e *early) look(s *stage.Stage, later []*syntax.Instruction) {
	first := slices.IndexFunc(later, func(in *syntax.Instruction) bool { return in.Name == "run" })
	if first < 0 || !e.apart(e.p.Run(later[first])) {
		return // before git is asked: beyond the first RUN that may use the copy nothing counts
	}
	var ok bool
	if e.own, ok = e.p.Changes(e.copy); !ok || e.own.Of < fewestCommits || !large(e.own) {
		return
	}
	if e.others, ok = e.before(s, e.copy.Index, nil); !ok {
		return
	}
	for _, in := range later {
		switch in.Name {
		case "copy", "add":
			changes, ok := e.changes(s, in, nil)
			to, known := e.p.Dest(in)
			if !ok || !known || slices.ContainsFunc(e.places, facts.Place{Path: to}.Meets) {
				return
			}
			e.others = e.others.Plus(changes)
		case "run":
			r := e.p.Run(in)
			if !e.apart(r) || !large(e.own.Minus(e.others)) {
				return
			}
			e.runs = append(e.runs, r)
			e.works = e.works || slices.ContainsFunc(r.Commands, works)
		case "volume", "onbuild":
			return
		}
	}
}

func large(c gitlog.Changes) bool { return c.N() >= fewestReruns && c.N()*leastShare >= c.Of }

// works reports whether a command takes a while: it installs or downloads.
func works(c *facts.Command) bool {
	if c.Call != nil {
		return c.Call.Verb == pkgmgr.Install || c.Call.Verb == pkgmgr.Update || c.Call.Verb == pkgmgr.Upgrade || c.Call.Verb == pkgmgr.Download
	}
	return c.Name == "curl" || c.Name == "wget" || c.Name == "git"
}

// before is what changes in a stage up to an instruction.
func (e *early) before(s *stage.Stage, index int, seen []*stage.Stage) (out gitlog.Changes, ok bool) {
	if seen = append(seen, s); len(seen) > 50 {
		return out, false
	}
	if s.Parent != nil {
		if out, ok = e.before(s.Parent, len(e.p.Doc.Instructions), seen); !ok {
			return out, false
		}
	}
	for _, in := range s.Instructions {
		if in.Index >= index {
			break
		}
		changes, ok := e.changes(s, in, seen)
		if !ok {
			return out, false
		}
		out = out.Plus(changes)
	}
	return out, true
}

// changes is what has an instruction run again.
func (e *early) changes(s *stage.Stage, in *syntax.Instruction, seen []*stage.Stage) (out gitlog.Changes, ok bool) {
	switch in.Name {
	case "copy", "add":
	case "run":
		return out, !slices.ContainsFunc(e.p.Run(in).Mounts, func(m facts.Mount) bool { return m.Type == "bind" })
	default:
		return out, true
	}
	if from := in.Flag("from"); from != nil {
		source := e.p.Stages().Find(from.Value)
		if source == nil {
			return out, !strings.Contains(from.Value, "$")
		}
		return e.before(source, len(e.p.Doc.Instructions), seen)
	}
	if sources, known := e.p.Sources(in); known && len(sources) == 0 {
		return out, true
	}
	return e.p.Changes(in)
}

// apart reports whether a RUN does nothing with what is copied.
func (e *early) apart(r *facts.Run) bool {
	if r.Opaque != "" || len(r.Commands) == 0 || r.Program.Ambiguous || len(r.Program.Backgrounds()) > 0 ||
		slices.ContainsFunc(r.Mounts, func(m facts.Mount) bool { return m.Type == "bind" }) {
		return false
	}
	for _, at := range e.places {
		dir := at.Path
		if !at.All {
			dir = path.Dir(dir)
		}
		if leadsTo(e.p, r, dir) == "PATH" {
			return false
		}
	}
	if slices.ContainsFunc(e.places, r.Touches) {
		for _, c := range r.Commands {
			if (len(c.Node.Redirs) > 0 && !quietRedirs(c) || !ofTheSystem(c, e.late)) && !c.Builtin() && !e.readsOther(r, c) {
				return false
			}
		}
	}
	return true
}

// readsOther reports whether a command is an install that is known to read other files
// of the build context only.
func (e *early) readsOther(r *facts.Run, c *facts.Command) bool {
	context, _ := e.p.Context()
	dir, ok := e.p.ContextDir(r.In)
	call := buildctx.Install{Call: c.Call, Program: c.Name}
	by := buildctx.InstallerOf(call)
	if context == nil || !ok || by == nil {
		return false
	}
	world := by.World(context, dir, call)
	return len(world.Files) > 0 && len(world.Refusals) == 0 && !slices.ContainsFunc(world.Files, func(f string) bool { return e.p.Takes(e.copy, f) })
}

func (e *early) report() {
	if len(e.runs) == 0 || !e.works {
		return
	}
	p, gain := e.p, e.own.Minus(e.others)
	first := e.runs[0]
	which := fmt.Sprintf("`%s` of line %d", short(first), p.Line(first.In))
	does, it := "does nothing with it and runs again", "it"
	if n := len(e.runs); n > 1 {
		which += fmt.Sprintf(" and %d more %s", n-1, plural("step", n-1))
		does, it = "do nothing with it and run again", "them"
	}
	what := strings.ToUpper(e.copy.Name) + " " + strings.Join(wordsOf(e.copy), " ")
	if len(what) > 60 {
		what = what[:57] + "…"
	}
	d := analysis.Diagnostic{
		Span: e.copy.Span,
		Message: fmt.Sprintf("%s (changed in %d of the last %d commits) stands before %s, which %s each time; behind %s, %d of these commits would not have run %s",
			what, e.own.N(), e.own.Of, which, does, it, gain.N(), it),
		Gain:     analysis.Gain{Steps: len(e.runs)},
		Withheld: []string{"that the step does without the files is not proven"},
	}
	for _, r := range e.runs {
		d.Relate(r.In.Keyword, "runs again after each of them")
	}
	p.Report(d)
}

// wordsOf are the sources of a copy as written.
func wordsOf(in *syntax.Instruction) []string {
	var out []string
	for _, w := range in.Args[:len(in.Args)-1] {
		out = append(out, w.Value)
	}
	return out
}
