package rules

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/cleanup"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// LateCleanup finds clean-ups that come a layer too late.
var LateCleanup = analysis.Rule{
	Name: "late-cleanup",
	Doc: analysis.Doc{
		Summary: "a RUN deletes what an earlier layer made, so that the image ships it all the same",
		What: "`rm`, a package manager's own clean-up (`yum clean all`, `npm cache clean`) or the removal of packages (`apk del`, `apt-get purge`, `npm prune`) " +
			"in a later `RUN` than the one that made, downloaded or installed what it removes; and `rm` of a file that a COPY or ADD brought.",
		Why: "A layer keeps what the next one deletes: on Debian 12 an index of " + pkgmgr.IndexOnDebian.String() + " ships although `rm -rf /var/lib/apt/lists/*` follows in a RUN of its own, " +
			"and `apk del` or `apt-get purge` of a compiler in a later RUN leaves all of it in the image. The clean-up adds a layer and frees nothing.",
		Silent: "In a stage that does not ship, and where it is not certain that the earlier layer holds what is removed. " +
			"For `apt-get clean`: the images of Debian and Ubuntu delete package archives after each install.",
		Fix: "Where nothing between needs what is deleted, the clean-up moves into the RUN that made it; where the RUNs follow each other they become one. " +
			"Both are safe where it is known that the commands do the same there, which the soundness list's lines 1 to 14 say; otherwise merging is unsafe, and the title says which line is not known. " +
			"A RUN that only fetches an index which nothing needs is removed, which is unsafe: a build that fails there would go on. " +
			"Where nothing can be done, the finding says what stands in the way.",
	},
	Aliases:  []string{"DL3009"},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Run:      runLateCleanup,
}

func runLateCleanup(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		if !s.Ships {
			continue
		}
		runs := p.Runs(s)
		for i, r := range runs {
			if r.Opaque != "" {
				continue
			}
			var found []analysis.Diagnostic
			for _, c := range r.Commands {
				if !c.Context.Always || c.Name != "rm" && (c.Call == nil || c.Call.Verb != pkgmgr.Remove && c.Call.Verb != pkgmgr.Clean) {
					continue
				}
				if kept := keeps(p, runs[:i], r, c); len(kept) > 0 {
					found = append(found, late(p, runs[:i+1], kept, c))
				}
			}
			for _, d := range byFix(found) {
				p.Report(d)
			}
		}
	}
}

// byFix makes one finding of those of a RUN that the same edits mend.
func byFix(found []analysis.Diagnostic) []analysis.Diagnostic {
	var out []analysis.Diagnostic
	for _, d := range found {
		i := slices.IndexFunc(out, func(o analysis.Diagnostic) bool {
			return len(o.Fixes) > 0 && len(d.Fixes) > 0 && slices.Equal(o.Fixes[0].Edits, d.Fixes[0].Edits)
		})
		if i < 0 {
			out = append(out, d)
			continue
		}
		first := &out[i]
		first.Message += ". " + d.Message
		first.Gain.Bytes += d.Gain.Bytes
		for _, r := range d.Related {
			first.Relate(r.Span, r.Message)
		}
	}
	return out
}

// late reports a clean-up, the last of the RUNs', of what earlier layers keep.
func late(p *analysis.Pass, runs []*facts.Run, all []kept, c *facts.Command) analysis.Diagnostic {
	r := runs[len(runs)-1]
	slices.SortStableFunc(all, func(a, b kept) int { return a.in.Index - b.in.Index })
	first := all[0]
	d := analysis.Diagnostic{Span: r.SpanOf(c), Codes: []string{}}
	verb := "deletes"
	if c.Call != nil && c.Call.Verb == pkgmgr.Remove {
		verb = "removes"
	}
	for i, k := range all {
		d.Gain.Bytes += k.bytes
		d.Relate(k.by, "made here")
		if i == 0 {
			d.Message = fmt.Sprintf("Line %d %s %s, but the layer of line %d still ships %s%s", p.LineOf(r, c), verb, k.what, p.Doc.Lines.Line(k.by.Start)+1, k.ships, analysis.Gain{Bytes: k.bytes}.About())
		} else if i < 3 {
			d.Message += fmt.Sprintf("; line %d ships %s", p.Doc.Lines.Line(k.by.Start)+1, k.what)
		}
	}
	if first.run == nil {
		d.Withheld = append(d.Withheld, fmt.Sprintf("%s of line %d brings it: give the RUN that needs it a bind mount instead (RUN --mount=type=bind,target=…)", strings.ToUpper(first.in.Name), p.Line(first.in)))
		return d
	}
	from := slices.Index(runs, first.run)
	only := !slices.ContainsFunc(all, func(k kept) bool { return k.run != first.run })
	if only && first.left != nil && cleanup.Pointless(p.File, first.run, *first.left) {
		var fix analysis.Fix
		if fix, d.Withheld = cleanup.Mend(p.File, first.run, *first.left); len(fix.Edits) > 0 {
			d.Fixes = append(d.Fixes, onLine(p, first.run, fix))
		}
		return d
	}
	follows := from == len(runs)-2 && chain.Between(p.File, first.run, r) == ""
	why := ""
	if only && c.Name == "rm" && !(follows && chain.Whole(r, c)) {
		var fix analysis.Fix
		if fix, why = moveCleanup(p, first.run, r, c); why == "" {
			d.Fixes = append(d.Fixes, fix)
			return d
		}
	}
	for i := from; i+1 < len(runs); i++ {
		if between := chain.Between(p.File, runs[i], runs[i+1]); between != "" {
			if fix, ok := cleanThere(p, all); ok {
				d.Fixes = append(d.Fixes, fix)
			} else if use := laterUse(p, first); use != "" {
				d.Withheld = append(d.Withheld, use+"; fetch, install and clean up in one RUN")
			} else if c.Call != nil && c.Call.Verb == pkgmgr.Remove {
				d.Withheld = append(d.Withheld, between+"; install, use and remove in one RUN, or build in a stage of its own")
			} else {
				d.Withheld = append(d.Withheld, cmp.Or(why, between)+"; clean up in the RUN of line "+fmt.Sprint(p.Line(first.in)))
			}
			return d
		}
	}
	joinFix(p, &d, runs[from:])
	if len(d.Fixes) == 0 || d.Fixes[0].Safety < analysis.Safe {
		if fix, ok := cleanThere(p, all); ok {
			d.Fixes, d.Withheld = append([]analysis.Fix{fix}, d.Fixes...), nil
		}
	}
	return d
}

// laterUse says which line needs the cache that something kept is.
func laterUse(p *analysis.Pass, k kept) string {
	if k.left == nil {
		return ""
	}
	if use := p.LaterUse(k.run, k.left.Cache); use.Certain {
		return use.Why
	}
	return ""
}

// cleanThere cleans a package manager's cache in the RUN that fills it, and leaves
// the late clean-up where it is.
func cleanThere(p *analysis.Pass, all []kept) (analysis.Fix, bool) {
	k := all[len(all)-1]
	if k.left == nil || p.LaterUse(k.run, k.left.Cache).Why != "" {
		return analysis.Fix{}, false
	}
	fix, withheld := cleanup.Mend(p.File, k.run, *k.left)
	return onLine(p, k.run, fix), len(fix.Edits) > 0 && len(withheld) == 0
}

// onLine tells in a fix's title which RUN it edits: the finding stands at another.
func onLine(p *analysis.Pass, r *facts.Run, fix analysis.Fix) analysis.Fix {
	if fix.Title != "" {
		fix.Title = fmt.Sprintf("On line %d, %s%s", p.Line(r.In), strings.ToLower(fix.Title[:1]), fix.Title[1:])
	}
	return fix
}

// moveCleanup moves a command of b to the end of a, or says what stands in the way:
//
//	RUN curl … && tar …⏎COPY app /app⏎RUN rm -rf /tmp/a.tgz⏎
//	                   ^ " && rm -rf /tmp/a.tgz"   ^^^^^^^^^^^^^^^^^^^^^^^^^
func moveCleanup(p *analysis.Pass, a, b *facts.Run, c *facts.Command) (analysis.Fix, string) {
	line := p.LineOf(b, c)
	places, why := deletes(b, c)
	switch {
	case why != "":
		return analysis.Fix{}, fmt.Sprintf("line %d %s", line, why)
	case len(b.In.Flags) > 0 || len(a.Mounts) > 0:
		return analysis.Fix{}, "the RUNs have flags"
	case b.Program.Unfit() != "" || b.Program.Ambiguous:
		return analysis.Fix{}, fmt.Sprintf("line %d cannot be read for certain", p.Line(b.In))
	}
	if why := chain.Takes(p.File, a, b, c); why != "" {
		return analysis.Fix{}, why
	}
	if why := cmp.Or(needed(p, a, b, c, places), hinders(p, a, b, c, places), chain.Remains(p.File, a, b, c, places)); why != "" {
		return analysis.Fix{}, why
	}
	removed, comments, why := chain.TakeOut(p.File, b, c, "deletes")
	if why != "" {
		return analysis.Fix{}, why
	}
	written := b.SpanOf(c).In(p.Doc.Content)
	return analysis.Fix{
		Title:   fmt.Sprintf("Move `%s` into the RUN of line %d", brief(b.Program.Source(c.Node.Range)), p.Line(a.In)),
		Safety:  analysis.Safe,
		Edits:   []analysis.Edit{chain.Append(p.File, a, written, comments), removed},
		Relies:  []source.Span{a.In.Span, b.In.Span},
		Changes: []change.Change{change.CleanupMoved{Command: b.Program.Source(c.Node.Range)}},
	}, ""
}

func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

// deletes lists what an rm deletes, if it does so by literal absolute paths; why says
// what is not so.
func deletes(r *facts.Run, c *facts.Command) (places []facts.Place, why string) {
	const unknown = "does not delete by paths that are known"
	if c.Name != "rm" || c.Word() != "rm" || len(c.Prefix) > 0 || len(c.Environ) > 0 || len(c.Node.Redirs) > 0 || r.Files(c).Unknown {
		return nil, unknown
	}
	relative := false
	for _, w := range c.Args {
		shape := facts.Shape(w)
		if strings.HasPrefix(shape, "-") {
			if strings.Trim(shape[1:], "rRfv") != "" || len(shape) == 1 {
				return nil, "has options that are not known"
			}
			continue
		}
		if strings.ContainsAny(shape, "\x00{~") || strings.Contains(shape, "..") {
			return nil, unknown
		}
		relative = relative || !strings.HasPrefix(shape, "/")
	}
	places = r.Files(c).Removes
	i := slices.IndexFunc(places, func(p facts.Place) bool { return !disposable(p) })
	switch {
	case len(places) == 0:
		return nil, unknown
	case i >= 0 && path.IsAbs(places[i].Path):
		return nil, fmt.Sprintf("deletes %s, which is not known to be there for a while only", path.Join(places[i].Path, strings.TrimSuffix(places[i].Pattern, "[]")))
	case relative && len(places) == 1 && places[0].Sure && path.IsAbs(places[0].Path):
		return nil, "deletes by a relative path; write " + places[0].Path
	case relative:
		return nil, "deletes by relative paths; write absolute ones"
	}
	return places, ""
}

// disposable reports whether a place lies where files are put down for a while, and
// not among those of the system.
func disposable(p facts.Place) bool {
	dirs := strings.Split(strings.TrimPrefix(p.Path, "/"), "/")
	switch {
	case strings.HasPrefix(p.Path+"/", "/var/lib/apt/lists/"):
		return true
	case slices.Contains([]string{"tmp", "root", "opt", "srv", "mnt", "media"}, dirs[0]):
		return len(dirs) > 1 || !p.Sure
	case dirs[0] == "home", dirs[0] == "var" && len(dirs) > 1 && (dirs[1] == "tmp" || dirs[1] == "cache"), dirs[0] == "usr" && len(dirs) > 1 && dirs[1] == "src":
		return len(dirs) > 2 || !p.Sure && dirs[0] != "home"
	}
	return !slices.Contains([]string{"", "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr", "var"}, dirs[0])
}

// private reports whether no program of the system has a reason to look at a place.
func private(p facts.Place) bool {
	return p.Sure && !strings.Contains(p.Path, "/.") && !slices.ContainsFunc([]string{"/root", "/home", "/var/", "/usr/", "/opt/"}, func(dir string) bool { return strings.HasPrefix(p.Path, dir) })
}

// needed says what between two RUNs may need or make anew what a clean-up of the
// second one deletes.
func needed(p *analysis.Pass, a, b *facts.Run, c *facts.Command, places []facts.Place) string {
	for _, in := range p.Doc.Instructions[a.In.Index+1 : b.In.Index] {
		line := p.Line(in)
		switch in.Name {
		case "run":
			r := p.Run(in)
			for _, place := range places {
				if r.Touches(place) || !private(place) && busy(r.Commands) {
					return fmt.Sprintf("line %d stands between them and may need %s", line, place.Name())
				}
			}
			if r.Follows(p.LinkedBelow(in), r.Commands...) {
				return fmt.Sprintf("line %d stands between them and may follow a symbolic link to %s", line, places[0].Name())
			}
		case "copy", "add", "workdir":
			dest, ok := p.Dest(in)
			if !ok {
				return fmt.Sprintf("where line %d puts its files is not known", line)
			}
			for _, place := range places {
				if place.Meets(facts.Place{Path: dest, All: true}) {
					return fmt.Sprintf("line %d stands between them and may write to %s", line, place.Path)
				}
			}
			if p.LinkedBelow(in).Crosses(dest) {
				return fmt.Sprintf("line %d stands between them, and a symbolic link in %s may lead to %s", line, dest, places[0].Name())
			}
		case "user", "shell", "onbuild":
			return fmt.Sprintf("%s on line %d stands between them", strings.ToUpper(in.Name), line)
		case "env", "arg":
			for _, pair := range in.Pairs {
				if name := pair.Key.Value; steers(name) {
					return fmt.Sprintf("%s of line %d stands between them", name, line)
				}
			}
		}
	}
	for _, other := range b.Commands {
		if other.Node.From >= c.Node.From {
			break
		}
		f := b.Files(other)
		if f.Unknown || busy([]*facts.Command{other}) && slices.ContainsFunc(places, func(p facts.Place) bool { return !private(p) }) || slices.ContainsFunc(f.All(), func(q facts.Place) bool { return slices.ContainsFunc(places, q.Meets) }) {
			return fmt.Sprintf("a command before it on line %d may need what it deletes", p.LineOf(b, other))
		}
		if b.Follows(p.LinkedBelow(b.In), other) {
			return fmt.Sprintf("a command before it on line %d may follow a symbolic link to what it deletes", p.LineOf(b, other))
		}
	}
	return ""
}

// hinders says what else is in the way of the move: a command between that may remove
// the folder which the clean-up's RUN makes, one before it in its own RUN that needs
// what it deletes or changes the shell for it, or a variable that names it.
func hinders(p *analysis.Pass, a, b *facts.Run, c *facts.Command, places []facts.Place) string {
	g := p.Stages()
	if name, ok := g.AnySet(b.In, func(name string) bool {
		return slices.ContainsFunc(strings.FieldsFunc(g.Lookup(b.In, name).Text, func(r rune) bool { return strings.ContainsRune(" :;,=", r) }), func(v string) bool {
			return path.IsAbs(v) && slices.ContainsFunc(places, func(place facts.Place) bool { return place.Covers(facts.Place{Path: path.Clean(v), All: true}) })
		})
	}); ok {
		return name + " names what is deleted"
	}
	if chain.Whole(b, c) {
		for _, in := range p.Doc.Instructions[a.In.Index:b.In.Index] {
			if in.Name == "run" && chain.Removes(p.File, p.Run(in), g.Workdir(b.In)) {
				return fmt.Sprintf("line %d may remove the WORKDIR, which line %d makes anew", p.Line(in), p.Line(b.In))
			}
		}
		return ""
	}
	first := b.Commands[0] == c
	switch leaks := b.Program.Leaks(); {
	case !first && len(leaks) > 0:
		return fmt.Sprintf("line %d changes its shell before it deletes: %s", p.Line(b.In), leaks[0])
	case slices.ContainsFunc(places, func(place facts.Place) bool { return b.TouchesBefore(c, place) }):
		return fmt.Sprintf("a command before it on line %d may need what it deletes", p.Line(b.In))
	}
	return ""
}

// busy reports whether a command may do more than its words say: package managers,
// and what reads settings from home folders.
func busy(commands []*facts.Command) bool {
	return slices.ContainsFunc(commands, func(c *facts.Command) bool { return len(c.Node.Words) > 0 && !quiet[c.Name] })
}

// quiet are the commands that touch no file but those that their words name.
var quiet = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`echo printf cat head tail tr cut sort uniq wc ls true false : id whoami uname date sleep basename dirname
		readlink realpath sha1sum sha256sum sha512sum md5sum pwd env printenv expr seq grep egrep fgrep hostname nproc arch
		file du stat diff cmp base64 mkdir xxd od nl rev tac sed gzip gunzip bzip2 bunzip2 xz unxz zcat bzcat xzcat zstd
		test [ rm rmdir mv cp ln install chmod chown chgrp touch truncate tee tar unzip
		cd export set unset umask readonly local return exit shift break continue`) {
		quiet[name] = true
	}
}

// steers reports whether a variable may change what rm does.
func steers(name string) bool {
	switch name {
	case "PATH", "IFS", "ENV", "GLOBIGNORE", "GLOBSORT", "POSIXLY_CORRECT", "HOME", "SHELLOPTS", "PS4", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH":
		return true
	}
	return slices.ContainsFunc([]string{"LD_", "BASH", "MALLOC_"}, func(p string) bool { return strings.HasPrefix(name, p) }) || strings.Contains(name, "$")
}

// A kept is something that a layer ships although a later RUN removes it.
type kept struct {
	run   *facts.Run // that made it; nil for a COPY or ADD
	in    *syntax.Instruction
	left  *facts.Leftover // the cache that it is; nil for others
	by    source.Span     // what in it did
	what  string          // "/tmp/a.tgz", "apt's package index"
	bytes int64
	ships string // the verb's object in a message: "it", "them"
}

// keeps lists what earlier instructions of the stage made and c removes.
func keeps(p *analysis.Pass, earlier []*facts.Run, r *facts.Run, c *facts.Command) []kept {
	out := slices.Clone(cachesKept(p, r.Stage)[c])
	for _, a := range earlier {
		if c.Call == nil {
			break
		}
		if a.Opaque != "" {
			continue
		}
		if names := a.Uninstalled(c); len(names) > 0 {
			k := kept{run: a, in: a.In, by: a.SpanOf(names[0].By), what: list(names), ships: "it"}
			if len(names) > 1 || names[0].Name == facts.Development {
				k.ships = "them"
			}
			out = append(out, k)
		}
	}
	if c.Name != "rm" || len(r.Mounts) > 0 {
		return out
	}
	for _, place := range r.Files(c).Removes {
		k, ok := lastMaker(p, earlier, r, place)
		if !ok {
			k, ok = lastCopy(p, r, place)
		}
		if ok && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// cachesKept lists, for each command of a stage that cleans caches up too late, what
// earlier layers keep of them.
func cachesKept(p *analysis.Pass, s *stage.Stage) map[*facts.Command][]kept {
	return facts.Once(p.File, cachesKeptIn{s}, func() map[*facts.Command][]kept {
		out := map[*facts.Command][]kept{}
		for _, a := range p.Runs(s) {
			if a.Opaque != "" {
				continue
			}
			for _, left := range p.Leftovers(a) {
				if _, by := p.CleanedLater(a, left.Cache); by != nil {
					out[by] = append(out[by], kept{run: a, in: a.In, left: &left, by: a.SpanOf(left.By), what: left.By.Call.Manager.Name + "'s " + left.Cache.What, bytes: leaves(p, a, left.Cache), ships: "it"})
				}
			}
		}
		return out
	})
}

type cachesKeptIn struct{ *stage.Stage }

// lastMaker finds the RUN that last made what r removes, and whose layer ships it.
func lastMaker(p *analysis.Pass, earlier []*facts.Run, r *facts.Run, place facts.Place) (kept, bool) {
	for i := len(earlier) - 1; i >= 0; i-- {
		a := earlier[i]
		if a.Opaque != "" || !place.Literal() && lastSetting(p, r.In) >= a.In.Index {
			return kept{}, false
		}
		for _, m := range a.Leaves() {
			if place.Covers(m.Place) || place.Sure && place.Path == m.Path {
				return kept{run: a, in: a.In, by: a.SpanOf(m.By), what: m.Name(), ships: "it"}, true
			}
		}
		if slices.ContainsFunc(a.Commands, func(c *facts.Command) bool { return slices.ContainsFunc(a.Files(c).Removes, place.Meets) }) {
			return kept{}, false
		}
	}
	return kept{}, false
}

// lastSetting is the index of the last instruction before another that may change a
// variable or the folder in force; -1 for none.
func lastSetting(p *analysis.Pass, before *syntax.Instruction) int {
	last := facts.Once(p.File, lastSettings{}, func() []int {
		out, at := make([]int, len(p.Doc.Instructions)), -1
		for i, in := range p.Doc.Instructions {
			out[i] = at
			if in.Name == "env" || in.Name == "arg" || in.Name == "workdir" {
				at = i
			}
		}
		return out
	})
	return last[before.Index]
}

type lastSettings struct{}

// lastCopy finds the COPY or ADD that brought the file which r removes, and that
// no RUN between removes.
func lastCopy(p *analysis.Pass, r *facts.Run, place facts.Place) (kept, bool) {
	if !place.Sure || !place.Literal() {
		return kept{}, false
	}
	for _, c := range slices.Backward(p.CopiesTo(r.Stage)[place.Path]) {
		if c.In.Index > r.In.Index {
			continue
		}
		if bytes, ok := p.Worth(c); ok && !removed(p, r.Stage, c.In.Index, r.In.Index, place) {
			return kept{in: c.In, by: c.In.Span, what: place.Path, bytes: bytes, ships: "it"}, true
		} else if ok {
			break
		}
	}
	return kept{}, false
}

// removed reports whether a RUN between two instructions may remove what is at a place.
func removed(p *analysis.Pass, s *stage.Stage, from, to int, place facts.Place) bool {
	runs := facts.Once(p.File, removersIn{s}, func() []*facts.Run {
		return slices.DeleteFunc(slices.Clone(p.Runs(s)), func(r *facts.Run) bool {
			return r.Opaque == "" && !slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return len(r.Files(c).Removes) > 0 })
		})
	})
	first, _ := slices.BinarySearchFunc(runs, from, func(r *facts.Run, index int) int { return r.In.Index - index })
	for _, r := range runs[first:] {
		if r.In.Index >= to {
			break
		}
		if r.Opaque != "" || slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return slices.ContainsFunc(r.Files(c).Removes, place.Meets) }) {
			return true
		}
	}
	return false
}

type removersIn struct{ *stage.Stage }

func list(names []facts.Named) string {
	var out []string
	for _, n := range names {
		out = append(out, n.Name)
	}
	if len(out) > 3 {
		return strings.Join(out[:2], ", ") + fmt.Sprintf(" and %d more packages", len(out)-2)
	}
	if len(out) > 1 {
		return strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1]
	}
	return out[0]
}
