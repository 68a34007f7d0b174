package rules

import (
	"fmt"
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

// StalePackageIndex finds installs that lean on a package index of another layer.
var StalePackageIndex = analysis.Rule{
	Name: "stale-package-index",
	Doc: analysis.Doc{
		Summary: "packages are installed from an index that another RUN fetched, or from none",
		What: "`apt-get update`, `apk update` or `yum makecache` in one `RUN` and the install in a later one; and an install with apt where no index can be there: " +
			"on an image of Debian or Ubuntu that nobody has updated, or behind a RUN that deleted it.",
		Why: "A cached `apt-get update` is not run again when the list of packages changes: weeks later the install asks for versions that the archive no longer has, and the build fails with 404, " +
			"or it installs versions with holes that have long been closed. Docker's own advice is one RUN for both. Its index, " + pkgmgr.IndexOnDebian.String() + " on Debian 12, stays in a layer of its own besides.",
		Silent: "Where the RUN of the install fetches the index itself, where a script or a program that is not known may have fetched it, where a mount holds it, and where packages come from files. " +
			"With `apk add` that finds no index, or has `--no-cache`: it fetches one itself.",
		Fix: "RUNs in a row become one: safe, where it is known that the commands do the same in one RUN (lines 1 to 14 of the soundness list). " +
			"Otherwise `apt-get update` is put before the install, which is unsafe: a build that failed may then succeed, and newer versions may be installed.",
	},
	Aliases:  []string{"DL3009"},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Run:      runStalePackageIndex,
}

func runStalePackageIndex(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		runs := p.Runs(s)
		found := map[facts.Leftover][]lean{}
		var order []facts.Leftover
		for i, r := range runs {
			c := leansOnIndex(r)
			if c == nil {
				continue
			}
			if from, left := findIndex(p, runs[:i+1], c); from >= 0 {
				if found[left] == nil {
					order = append(order, left)
				}
				found[left] = append(found[left], lean{runs[from : i+1], c})
			}
		}
		for _, left := range order {
			p.Report(stale(p, left, found[left]))
		}
	}
}

// A lean is an install from an index that another RUN fetched.
type lean struct {
	runs []*facts.Run // from the one that fetched it to the one that installs
	c    *facts.Command
}

func (l lean) run() *facts.Run { return l.runs[len(l.runs)-1] }

// leansOnIndex returns the first install of a RUN that needs a package index which
// the RUN itself does not fetch.
func leansOnIndex(r *facts.Run) *facts.Command {
	if r.Opaque != "" {
		return nil
	}
	for _, c := range r.All() {
		if c.RunsCode() {
			return nil // it may have fetched the index
		}
		if c.Call == nil || indexOf(c.Call.Manager) == nil {
			continue
		}
		switch c.Call.Verb {
		case pkgmgr.Update:
			return nil
		case pkgmgr.Install, pkgmgr.Upgrade:
			if c.Call.Manager == &pkgmgr.Apk && c.Call.Has("--no-cache") {
				return nil // it fetches one for itself
			}
			if c.Call.Unclear || !c.Context.Always || r.Mounted(indexOf(c.Call.Manager).Dir) || !fromArchive(r, c) {
				return nil
			}
			return c
		}
	}
	return nil
}

// indexOf is the cache of a manager that holds its package index, or nil.
func indexOf(m *pkgmgr.Manager) *pkgmgr.Cache {
	for i := range m.Caches {
		if m.Caches[i].Index {
			return &m.Caches[i]
		}
	}
	return nil
}

// fromArchive reports whether a call installs something by its name. Options such
// as -f may need nothing from the archive. What xargs reads is names, unless the RUN
// speaks of files.
func fromArchive(r *facts.Run, by *facts.Command) bool {
	c := by.Call
	names := c.Names
	if text := r.Program.Text.String(); by.Fed && len(names) > 0 && !strings.Contains(text, ".deb") && !strings.Contains(text, ".rpm") && !strings.Contains(text, ".apk") {
		names = slices.DeleteFunc(slices.Clone(names), func(w shell.Word) bool { return facts.Shape(w) == "\x00" })
	}
	if c.Verb == pkgmgr.Upgrade {
		return true
	}
	return len(c.Names) > 0 && !c.Has("-f", "--fix-broken", "--no-download", "--print-uris", "-s", "--simulate", "--dry-run", "--no-network", "--root", "-p", "--installroot", "-U", "--update-cache", "--update", "-d", "--no-act") &&
		!slices.ContainsFunc(names, func(w shell.Word) bool {
			name := facts.Shape(w)
			return strings.ContainsAny(name, "/*\x00") || strings.HasSuffix(name, ".deb") || strings.HasSuffix(name, ".rpm") || strings.HasSuffix(name, ".apk")
		})
}

// findIndex looks for the index that an install of the last RUN finds: the place of
// the RUN that left it, or -1. Where there surely is none it reports so.
func findIndex(p *analysis.Pass, runs []*facts.Run, c *facts.Command) (from int, left facts.Leftover) {
	manager := c.Call.Manager
	r := runs[len(runs)-1]
	before := indexBefore(p, r.Stage, manager)[len(runs)-1]
	switch {
	case before.deleted != nil && manager == &pkgmgr.Apt:
		a := runs[before.at]
		d := missing(p, r, c, fmt.Sprintf("line %d deleted it", p.LineOf(a, before.deleted)))
		d.Related = []analysis.Related{{Span: a.SpanOf(before.deleted), Message: "deleted here"}}
		p.Report(d)
	case before.none && manager == &pkgmgr.Apt && bare(p, r):
		p.Report(missing(p, r, c, "the base image has none"))
	case before.left.By != nil:
		return before.at, before.left
	}
	return -1, left
}

// A before is what RUNs before another did last to a package index.
type before struct {
	none    bool           // nothing
	at      int            // which of them did it
	left    facts.Leftover // it left the index there
	deleted *facts.Command // it deleted it
}

type indexBeforeIn struct {
	*stage.Stage
	*pkgmgr.Manager
}

// indexBefore tells it for each RUN of a stage.
func indexBefore(p *analysis.Pass, s *stage.Stage, manager *pkgmgr.Manager) []before {
	return facts.Once(p.File, indexBeforeIn{s, manager}, func() []before {
		last := before{none: true}
		var out []before
		for i, r := range p.Runs(s) {
			out = append(out, last)
			if b, ok := does(p, r, manager); ok {
				last, last.at = b, i
			}
		}
		return out
	})
}

// does tells what a RUN does to a package index, or may do.
func does(p *analysis.Pass, r *facts.Run, manager *pkgmgr.Manager) (b before, ok bool) {
	index := indexOf(manager)
	if r.Opaque != "" || slices.ContainsFunc(r.All(), (*facts.Command).RunsCode) {
		return b, true // it may have fetched the index, or deleted it
	}
	for _, left := range p.Leftovers(r) {
		if left.Cache == index && left.By.Call.Verb == pkgmgr.Update {
			return before{left: left}, true
		}
	}
	by := lastTouch(r, manager, index)
	if by != nil && by.Cleans(index) {
		b.deleted = by
	}
	return b, by != nil
}

// lastTouch returns the last command of a RUN that updates or deletes an index, or
// may do so.
func lastTouch(r *facts.Run, manager *pkgmgr.Manager, index *pkgmgr.Cache) *facts.Command {
	all := r.All()
	for i := len(all) - 1; i >= 0; i-- {
		c := all[i]
		if c.Call != nil && c.Call.Manager == manager && (c.Call.Verb == pkgmgr.Update || c.Call.Verb == pkgmgr.Clean && c.Cleans(index)) || c.Call == nil && c.MayClean(index) {
			return c
		}
	}
	return nil
}

// bare reports whether a RUN is known to stand on an image of Debian or Ubuntu to
// which nobody has added a package index.
func bare(p *analysis.Pass, r *facts.Run) bool {
	base := p.Base(r.Stage)
	if base == nil || !base.Certain || base.Name != "debian" && base.Name != "ubuntu" {
		return false
	}
	return r.In.Index <= bareUntil(p, r.Stage)
}

type bareUntilIn struct{ *stage.Stage }

// bareUntil returns the index of the first instruction of a stage, or of those that it
// is FROM, that may bring a package index.
func bareUntil(p *analysis.Pass, s *stage.Stage) int {
	if s == nil {
		return len(p.Doc.Instructions)
	}
	return facts.Once(p.File, bareUntilIn{s}, func() int {
		if below := bareUntil(p, s.Parent); below < len(p.Doc.Instructions) {
			return below
		}
		for _, in := range s.Instructions {
			if bringsIndex(p, in) {
				return in.Index
			}
		}
		return len(p.Doc.Instructions)
	})
}

// bringsIndex reports whether an instruction may bring a package index.
func bringsIndex(p *analysis.Pass, in *syntax.Instruction) bool {
	switch in.Name {
	case "run":
		r := p.Run(in)
		return r.Opaque != "" || slices.ContainsFunc(r.All(), func(c *facts.Command) bool {
			return c.Effect == 0 && !c.Builtin() && (c.Call == nil || c.Call.Verb != pkgmgr.Install) || c.Call != nil && c.Call.Verb == pkgmgr.Update
		})
	case "copy", "add":
		if len(in.Args) == 0 {
			return true
		}
		// What goes to "/" may bring an index.
		to := p.Stages().Expand(in, in.Args[len(in.Args)-1].Value)
		return !to.Known() || to.Text == "/" || strings.HasPrefix("/var/lib/apt/lists", strings.TrimSuffix(to.Text, "/"))
	}
	return false
}

// stale reports installs from an index that another RUN fetched.
func stale(p *analysis.Pass, left facts.Leftover, all []lean) analysis.Diagnostic {
	first := all[0]
	a, r, c := first.runs[0], first.run(), first.c
	manager := left.By.Call.Manager
	d := analysis.Diagnostic{
		Span:    r.SpanOf(c),
		Related: []analysis.Related{{Span: a.SpanOf(left.By), Message: "fetched here"}},
		Codes:   []string{},
	}
	who := fmt.Sprintf("Line %d installs", p.LineOf(r, c))
	if n := len(all); n > 1 {
		last := p.LineOf(all[n-1].run(), all[n-1].c)
		who = fmt.Sprintf("Lines %d and %d install", p.LineOf(r, c), last)
		if n > 2 {
			who = fmt.Sprintf("%d RUNs of the lines %d to %d install", n, p.LineOf(r, c), last)
		}
	}
	if manager.Refetches {
		d.Severity = analysis.Info
		d.Message = fmt.Sprintf("%s with the %s that line %d fetched and the build cache keeps: once it is too old, %s fetches it again and the image ships both", who, left.Cache.What, p.LineOf(a, left.By), manager.Name)
	} else {
		d.Message = fmt.Sprintf("%s from the %s that line %d fetched and the build cache keeps: once it is stale, the build fails or installs old versions", who, left.Cache.What, p.LineOf(a, left.By))
	}
	for i, next := range first.runs[1:] {
		if between := chain.Between(p.File, first.runs[i], next); between != "" {
			d.Withheld = append(d.Withheld, between+"; update and install in one RUN")
			updateFix(p, &d, r, c)
			return d
		}
	}
	// As many of them as can be one without a doubt, or else the first.
	runs := first.runs
	for _, l := range all[1:] {
		if joined, never := chain.Join(p.File, l.runs...); never != "" || joined.Doubt != "" || len(l.runs) > longest {
			break
		}
		runs = l.runs
	}
	joinFix(p, &d, runs)
	if len(d.Fixes) == 0 {
		updateFix(p, &d, r, c)
	}
	return d
}

// missing reports an install where there is no index.
func missing(p *analysis.Pass, r *facts.Run, c *facts.Command, why string) analysis.Diagnostic {
	d := analysis.Diagnostic{
		Span:     r.SpanOf(c),
		Codes:    []string{},
		Message:  fmt.Sprintf("Line %d installs without a package index (%s): %s finds nothing that is not installed yet", p.LineOf(r, c), why, c.Name),
		Withheld: []string{fmt.Sprintf("a build that fails today would succeed with %s update before the install", c.Name)},
	}
	updateFix(p, &d, r, c)
	return d
}

// updateFix offers an update right before the install:
//
//	RUN apt-get install -y curl
//	    ^ "apt-get update && "
func updateFix(p *analysis.Pass, d *analysis.Diagnostic, r *facts.Run, c *facts.Command) {
	parent := c.Context.Parent
	if flag := r.In.Flag("network"); flag != nil && flag.Value != "default" {
		return
	}
	if parent == nil || parent.Kind != shell.And && parent.Kind != shell.List || c.Call.Manager.Refetches {
		return
	}
	if c.Fed {
		return
	}
	update := r.Program.Source(shell.Range{From: c.Node.From, To: c.Program.To}) + " update"
	d.Fixes = append(d.Fixes, analysis.Fix{
		Title:  fmt.Sprintf("Put `%s` before the install (a build that failed may succeed, and newer versions may be installed)", update),
		Safety: analysis.Unsafe,
		Edits:  []analysis.Edit{{Edit: source.Insert(r.SpanOf(c).Start, update+" && ")}},
		Relies: []source.Span{r.In.Span},
	})
}
