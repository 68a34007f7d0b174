package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// MergeRuns joins RUNs where that frees bytes or keeps a package index fresh.
var MergeRuns = analysis.Rule{
	Name: "merge-runs",
	Doc: analysis.Doc{
		Summary: "RUNs that share a package index or a file that is deleted again, in layers of their own",
		What: "Consecutive `RUN`s where a later one installs from the package index that an earlier one fetched, " +
			"or deletes what an earlier one made: an index or a download.",
		Why: "A layer keeps what the next one deletes: on Debian 12 an index of 19.9 MB ships although `rm -rf /var/lib/apt/lists/*` follows in a RUN of its own. " +
			"And a cached `apt-get update` is not run again when the list of packages changes: weeks later the install asks for versions that the archive no longer has, and fails.",
		Silent: "When nothing is won: merging RUNs that share nothing neither shrinks an image nor speeds it up (`when = \"always\"` asks for it all the same). " +
			"When anything but comments stands between the RUNs, or their flags differ. " +
			"When a RUN is in exec form, holds a here-document or a shell comment, or reads differently in sh and bash. " +
			"When a command in them is not known to leave no process, to make no hard links that the next one writes through, and to compare no file times. " +
			"In a stage that does not ship, unless a stale index is at stake.",
		Fix: "Safe. The commands stay byte for byte; `&&` joins them where each is a plain chain of commands, which then fails exactly where the separate RUNs failed, with or without `set -e` in the SHELL. " +
			"Where a body opens with `set -e…` both go on in one such list; where a state would leak, a subshell holds it. " +
			"It stands on lines 1 to 14 of the soundness list.",
	},
	Aliases:  []string{"DL3059"},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Options: []analysis.Option{{
		Name: "when", Values: []string{"pays", "always"}, Default: "pays",
		Doc: "`pays` merges only where bytes or a fresh index are won; `always` merges whatever can be merged without changing the build, as advice of severity info.",
	}},
	Run: runMergeRuns,
}

// longest is the most RUNs that one fix joins: a bound that keeps the search for
// what pays linear in the number of RUNs.
const longest = 16

func runMergeRuns(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		runs := p.Runs(s)
		joints := make([]joint, len(runs))
		for i := range max(len(runs)-1, 0) {
			joints[i] = join(p, runs[i], runs[i+1])
		}
		for i := 0; i < len(runs)-1; {
			last, gains := worth(p, runs[i:], joints[i:], s.Ships)
			if last == 0 {
				i++
				continue
			}
			p.Report(merge(p, runs[i:i+last+1], joints[i:i+last], gains))
			i += last + 1
		}
	}
}

// A won is why joining two RUNs pays.
type won struct {
	message string
	bytes   int64
	by      *facts.Run  // the later RUN
	made    source.Span // what the earlier one made
}

// worth returns how many RUNs after the first are worth joining to it, and why.
func worth(p *analysis.Pass, runs []*facts.Run, joints []joint, ships bool) (last int, gains []won) {
	length := runs[0].In.Span.Len()
	end := 0
	for j := 1; j < len(runs) && j <= longest && joints[j-1].ok; j++ {
		// Near 64 KiB BuildKit refuses a line, near 128 KiB execve an argument.
		if length += runs[j].In.Span.Len(); length > 60<<10 || j > 1 && joints[j-1].form.list() != joints[0].form.list() {
			break
		}
		if slices.ContainsFunc(runs[:j], func(r *facts.Run) bool { return !settled(p, r, runs[j]) }) {
			break
		}
		end = j
		if w, ok := pays(p, runs[0], runs[j], ships); ok {
			last, gains = j, append(gains, w)
		}
	}
	if last == 0 && p.Option("when") == "always" {
		return end, nil
	}
	return last, gains
}

// pays says what is won when b follows a in one RUN.
func pays(p *analysis.Pass, a, b *facts.Run, ships bool) (won, bool) {
	line := p.Line(a.In)
	for _, left := range p.Leftovers(a) {
		if !left.Cache.Index || left.By.Call.Verb != pkgmgr.Update {
			continue
		}
		manager := left.By.Call.Manager
		w := won{by: b, made: a.Program.Span(left.By.Node.Range)}
		for _, c := range b.Commands {
			if ships && facts.Deletes(c, left.Cache.Dir) {
				w.bytes = left.Cache.Bytes
				w.message = fmt.Sprintf("Line %d deletes %s's %s, but the layer of line %d still ships it%s", p.Line(b.In), manager.Name, left.Cache.What, line, size(w.bytes))
				return w, true
			}
			if c.Call == nil || c.Call.Manager != manager {
				continue
			}
			switch c.Call.Verb {
			case pkgmgr.Update:
				return won{}, false
			case pkgmgr.Install, pkgmgr.Upgrade:
				w.message = fmt.Sprintf("Line %d installs from the %s that line %d fetched and the build cache keeps: once it is stale, the build fails or installs old versions", p.Line(b.In), left.Cache.What, line)
				return w, true
			}
		}
	}
	if ships {
		for _, d := range a.Downloads() {
			if a.Mounted(d.Path) || len(a.Mounts) > 0 {
				continue // what is below a mount ships nowhere
			}
			if slices.ContainsFunc(b.Commands, func(c *facts.Command) bool { return facts.Deletes(c, d.Path) }) {
				return won{
					message: fmt.Sprintf("Line %d deletes %s, but the layer of line %d still ships it", p.Line(b.In), d.Path, line),
					by:      b, made: a.Program.Span(d.By.Node.Range),
				}, true
			}
		}
	}
	return won{}, false
}

// merge reports RUNs that are worth joining.
func merge(p *analysis.Pass, runs []*facts.Run, joints []joint, gains []won) analysis.Diagnostic {
	d := analysis.Diagnostic{
		Span:     runs[1].In.Keyword,
		Severity: analysis.Info,
		Message:  fmt.Sprintf("These %d RUNs can be one: fewer layers, the same files", len(runs)),
	}
	for i, w := range gains {
		if i == 0 {
			d.Span, d.Severity, d.Message = w.by.In.Keyword, analysis.Off, w.message
			d.Related = []analysis.Related{{Span: w.made, Message: "made here"}}
		} else {
			d.Message += ". " + w.message
		}
		d.Gain.Bytes += w.bytes
	}
	fix := analysis.Fix{
		Title:   fmt.Sprintf("Merge %d RUNs into one", len(runs)),
		Safety:  analysis.Safe,
		Edits:   mergeEdits(p, runs, joints),
		Changes: []change.Change{change.Joined{}},
	}
	for _, r := range runs {
		fix.Relies = append(fix.Relies, r.In.Span)
	}
	d.Fixes = []analysis.Fix{fix}
	return d
}

// mergeEdits joins the RUNs:
//
//	RUN apt-get update⏎RUN apt-get install -y curl
//	                  ^^^^^ becomes " \⏎    && "
func mergeEdits(p *analysis.Pass, runs []*facts.Run, joints []joint) []analysis.Edit {
	var edits []analysis.Edit
	put := func(start, end int, text string) {
		edits = append(edits, analysis.Edit{Edit: source.Replace(source.Span{Start: start, End: end}, text)})
	}
	style := continuationStyle(p.Doc, runs)
	form := bare
	for _, j := range joints {
		form = max(form, j.form)
	}
	open, closed, connector := "", "", "&&"
	switch form {
	case subshell:
		open, closed = "( ", " )"
		start := runs[0].In.Body.Home(0)
		put(start, start, open)
	case list:
		connector = ";"
	}
	for i, next := range runs[1:] {
		gap := source.Span{Start: runs[i].End(), End: next.In.Body.Home(0)}
		if form == list {
			// The second "set -e…;" says what is so already.
			gap.End = next.Program.Text.Home(afterSet(next))
		}
		put(gap.Start, gap.End, closed+style.next(p.Doc, gap, connector, open))
	}
	if form == subshell {
		last := runs[len(runs)-1]
		put(last.End(), last.In.Span.End, closed)
	}
	return edits
}

func size(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf(" (about %.0f MB)", float64(bytes)/1e6)
}

// A form is how two bodies are joined. Later forms hold where earlier ones do not.
type form uint8

const (
	bare     form = iota // A && B
	subshell             // ( A ) && ( B )
	list                 // set -e; A; B
)

// list reports a form that does not mix with the others.
func (f form) list() bool { return f == list }

// A joint is whether and how two neighbours can be joined.
type joint struct {
	ok   bool
	form form
}

// join decides on two neighbours by what they are; whether b meets the same
// files as before is for settled to say.
func join(p *analysis.Pass, a, b *facts.Run) joint {
	if a.Opaque != "" || b.Opaque != "" || a.In.Index+1 != b.In.Index || !sameFlags(a, b) || meaningfulComments(a, b) {
		return joint{}
	}
	for _, r := range []*facts.Run{a, b} {
		pr := r.Program
		if pr.Unfit() != "" || pr.Ambiguous || len(pr.Heredocs()) > 0 || len(pr.Backgrounds()) > 0 || pr.TrapsErrors() || !known(r) {
			return joint{}
		}
		if r.Shell.Startup == shell.Yes || p.Stages().SetInFile(r.In, "BASH_ENV") || p.Stages().SetInFile(r.In, "ENV") {
			return joint{}
		}
	}
	if len(b.Program.ReadsShell()) > 0 {
		return joint{}
	}
	switch pa, pb := a.Program, b.Program; {
	case pa.Plain() && (!pa.ErrexitSensitive() || a.Shell.Errexit == shell.No) && pb.Chain() && !pb.TurnsOnErrexit() && !shadows(a, b):
		return joint{true, bare}
	case pa.TurnsOnErrexit():
		if sameSet(a, b) && len(pa.LeaksAfterSet()) == 0 && pa.LastPlain() && !shadows(a, b) {
			return joint{true, list}
		}
	case !pa.ErrexitSensitive(), a.Shell.Errexit == shell.No:
		return joint{true, subshell}
	}
	return joint{}
}

// sameSet reports whether both bodies open with the same "set -e…".
func sameSet(a, b *facts.Run) bool {
	open, ok := a.Program.OpensWithSet()
	again, ok2 := b.Program.OpensWithSet()
	return ok && ok2 && a.Program.Source(open) == b.Program.Source(again)
}

// afterSet is the offset in a program of what follows its opening "set -e…;".
func afterSet(r *facts.Run) int {
	open, _ := r.Program.OpensWithSet()
	text := r.Program.Text.String()
	rest := strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(text[open.To:], " \t"), ";"), " \t")
	return len(text) - len(rest)
}

func sameFlags(a, b *facts.Run) bool {
	if len(a.In.Flags) != len(b.In.Flags) {
		return false
	}
	for i, f := range a.In.Flags {
		g := b.In.Flags[i]
		if f.Name != g.Name || f.Value != g.Value || f.HasValue != g.HasValue {
			return false
		}
	}
	for _, m := range a.Mounts {
		if m.Type == "tmpfs" || m.Type == "bind" {
			return false
		}
	}
	return true
}

// meaningfulComments reports whether a tool reads a comment on one of the RUNs:
// merged it would speak for all of them, or for none.
func meaningfulComments(runs ...*facts.Run) bool {
	for _, r := range runs {
		for _, c := range append(r.In.Lead, r.In.Inside...) {
			if names, _ := analysis.IgnoreComment(c.Text); len(names) > 0 {
				return true
			}
			word, _, _ := strings.Cut(strings.ToLower(c.Text), "=")
			if word == "check" || strings.HasPrefix(word, "hadolint") || strings.HasPrefix(word, "shale") || strings.Contains(word, "nosec") || strings.Contains(word, "nolint") || strings.Contains(word, "trivy:") || strings.Contains(word, "checkov:") || strings.Contains(word, "kics-scan") || strings.HasPrefix(word, "shellcheck") || strings.HasPrefix(word, "tally") || strings.HasPrefix(word, "renovate") {
				return true
			}
		}
	}
	return false
}

// known reports whether all that a RUN does to files and processes is known.
func known(r *facts.Run) bool {
	for _, c := range r.Commands {
		if c.Builtin() {
			continue
		}
		if !c.Effect.Has(facts.Settled) || c.Script != nil {
			return false
		}
		if word := c.Word(); strings.Contains(word, "/") && path.Dir(word) != "/bin" && path.Dir(word) != "/usr/bin" {
			return false
		}
		for _, w := range c.Args {
			if s := facts.Shape(w); strings.HasPrefix(s, "/dev/") && s != "/dev/null" || strings.HasPrefix(s, "/proc") || strings.HasPrefix(s, "/sys") {
				return false
			}
		}
	}
	return len(r.Commands) > 0
}

// settled reports whether b meets the same files after a in one layer as in two.
func settled(p *analysis.Pass, a, b *facts.Run) bool {
	var ea, eb facts.Effect
	for _, c := range a.Commands {
		ea |= c.Effect
		// groupadd, useradd: groups and HOME are read when a RUN starts.
		if c.Effect.Has(facts.Users) && c.Call == nil || replacesShell(c) || unpacksAnywhere(p, a, c) {
			return false
		}
		if rewritesSystem(c) {
			return false
		}
		// BuildKit makes the working folder anew before each RUN. A link may lead
		// there from elsewhere.
		if removesTree(c) && !absoluteElsewhere(c) {
			if dir := p.Stages().Workdir(a.In); !dir.Known() || dir.Text != "/" {
				return false
			}
		}
		if dir := p.Stages().Workdir(a.In); removes(c) && (!dir.Known() || facts.Deletes(c, dir.Text)) {
			if !dir.Known() && !absoluteElsewhere(c) {
				return false
			}
			if dir.Known() {
				return false
			}
		}
	}
	for _, c := range b.Commands {
		eb |= c.Effect
	}
	if a.Redirects(">>") || b.Redirects(">>") {
		eb |= facts.InPlace
	}
	return !eb.Has(facts.Times) && !eb.Has(facts.Renames) && !(ea.Has(facts.Links) && eb.Has(facts.InPlace))
}

// replacesShell reports whether a command may write the shell that runs it.
func replacesShell(c *facts.Command) bool {
	if c.Call != nil {
		return c.Call.Verb == pkgmgr.Upgrade || slices.ContainsFunc(c.Call.Names, shellPackage)
	}
	switch c.Name {
	case "ln", "cp", "mv", "rm", "tar", "install", "curl", "wget", "tee":
		return slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			return shellPackage(w) || strings.HasPrefix(facts.Shape(w), "/etc/alternatives")
		})
	}
	return false
}

// unpacksAnywhere reports whether an archive may be unpacked over the folders of
// the system, its shell among them.
func unpacksAnywhere(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	if c.Name != "tar" && c.Name != "unzip" && c.Name != "cp" {
		return false
	}
	for i, w := range c.Args {
		option := facts.Shape(w)
		if option != "-C" && option != "--directory" && option != "-d" || i+1 == len(c.Args) {
			continue
		}
		to := facts.Shape(c.Args[i+1])
		return !strings.HasPrefix(to, "/") || !owned(to)
	}
	if c.Name == "cp" {
		to := facts.Shape(c.Args[max(len(c.Args)-1, 0)])
		return strings.HasPrefix(to, "/") && !owned(to)
	}
	dir := p.Stages().Workdir(r.In)
	return !dir.Known() || !owned(dir.Text)
}

// owned reports whether a folder is one that holds no program of the system.
func owned(dir string) bool {
	top, _, _ := strings.Cut(strings.TrimPrefix(path.Clean(dir), "/"), "/")
	return top != "" && top != "bin" && top != "sbin" && top != "etc" && !strings.ContainsAny(top, "\x00*?[{~") &&
		(top != "usr" || strings.HasPrefix(dir, "/usr/local/") || strings.HasPrefix(dir, "/usr/share/") || strings.HasPrefix(dir, "/usr/src"))
}

// shellPackage reports whether a word names a shell, as a package or a path.
func shellPackage(w shell.Word) bool {
	name, _, _ := strings.Cut(path.Base(facts.Shape(w)), "=")
	switch name {
	case "sh", "bash", "dash", "ash", "zsh", "busybox", "busybox-static", "dash-binsh", "busybox-binsh", "bash-binsh":
		return true
	}
	return false
}

// rewritesSystem reports whether a command names a file that decides how the next
// RUN starts: the users, or a shell.
func rewritesSystem(c *facts.Command) bool {
	words := slices.Clone(c.Args)
	for _, r := range c.Node.Redirs {
		words = append(words, r.Target)
	}
	return slices.ContainsFunc(words, func(w shell.Word) bool {
		s := facts.Shape(w)
		switch {
		case strings.HasPrefix(s, "/etc/passwd"), strings.HasPrefix(s, "/etc/group"), strings.HasPrefix(s, "/etc/shadow"), strings.HasPrefix(s, "/etc/gshadow"), strings.HasPrefix(s, "/etc/alternatives"):
			return true
		case c.Call != nil:
			return strings.Contains(s, "/") && strings.HasSuffix(s, ".deb")
		}
		return strings.Contains(s, "/") && shellPackage(w)
	})
}

func removesTree(c *facts.Command) bool {
	return c.Name == "rmdir" || c.Name == "rm" && slices.ContainsFunc(c.Args, func(w shell.Word) bool {
		s := facts.Shape(w)
		return strings.HasPrefix(s, "-") && (strings.ContainsAny(s, "rR") || s == "--recursive")
	})
}

func removes(c *facts.Command) bool {
	return c.Name == "rm" || c.Name == "rmdir" || c.Name == "unlink"
}

// absoluteElsewhere reports whether rm names only folders of the system, which
// hold no working folder that anybody sets.
func absoluteElsewhere(c *facts.Command) bool {
	for _, w := range c.Args {
		s := facts.Shape(w)
		if strings.HasPrefix(s, "-") {
			continue
		}
		if !strings.HasPrefix(s, "/var/lib/apt/lists") && !strings.HasPrefix(s, "/var/cache/") && !strings.HasPrefix(s, "/tmp/") && !strings.HasPrefix(s, "/var/tmp/") && !strings.HasPrefix(s, "/usr/share/doc") && !strings.HasPrefix(s, "/usr/share/man") && !strings.HasPrefix(s, "/etc/apt/") {
			return false
		}
	}
	return true
}

// shadows reports whether a may have moved, replaced or shadowed a program that
// both call: the shell remembers where it found it. A package manager that both
// call is where it was.
func shadows(a, b *facts.Run) bool {
	if !slices.ContainsFunc(a.Commands, func(c *facts.Command) bool {
		return c.Effect.Has(facts.Installs) && !indexOnly(c) || writesPath(c)
	}) {
		return false
	}
	before, ok := a.Program.Lookups()
	after, ok2 := b.Program.Lookups()
	return !ok || !ok2 || slices.ContainsFunc(after, func(name string) bool {
		return name != "sudo" && slices.Contains(before, name) && !facts.EffectOf(name, nil).Has(facts.Installs)
	})
}

// writesPath reports whether a command names a folder that programs are looked up
// in, and so may put one there.
func writesPath(c *facts.Command) bool {
	words := slices.Clone(c.Args)
	for _, r := range c.Node.Redirs {
		words = append(words, r.Target)
	}
	return slices.ContainsFunc(words, func(w shell.Word) bool {
		s := facts.Shape(w)
		for _, dir := range []string{"/bin", "/sbin", "/usr", "/opt", "\x00"} {
			if strings.HasPrefix(s, dir) {
				return true
			}
		}
		return s == "/"
	})
}

// indexOnly reports whether a package manager's call installs no program.
func indexOnly(c *facts.Command) bool {
	return c.Call != nil && (c.Call.Verb == pkgmgr.Update || c.Call.Verb == pkgmgr.Clean)
}
