package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/facts"
)

// MergeRuns joins RUNs where a later one writes again what an earlier one made.
var MergeRuns = analysis.Rule{
	Name: "merge-runs",
	Doc: analysis.Doc{
		Summary: "RUNs in a row of which a later one writes again what an earlier one made, so that it ships twice",
		What: "Consecutive `RUN`s where one downloads, unpacks, clones or copies files and the next changes their mode or owner, or moves them: " +
			"`RUN curl -o /usr/local/bin/tool …` and `RUN chmod +x /usr/local/bin/tool`.",
		Why: "A layer holds whole files: `chmod`, `chown` and `mv` in a layer of their own store every byte of what they touch a 2nd time. " +
			"A tool made executable in the next RUN ships twice; `chown -R` over a project doubles it.",
		Silent: "When nothing is won: merging RUNs that share no file neither shrinks an image nor speeds it up (`when = \"always\"` asks for it all the same, as advice). " +
			"When anything but comments and config (LABEL, EXPOSE, CMD, …) stands between the RUNs, or in a stage that does not ship. " +
			"When it is not certain that a mode or owner becomes another one: `chown root` of what root downloaded, `chmod +x` of what an archive holds. Where what is changed is a single file or folder of a tree, of which nobody knows that it is large. " +
			"What installs from a package index that another RUN fetched is stale-package-index's, and what deletes is late-cleanup's.",
		Fix: "Safe where it is known that the commands do the same in one RUN: they stay byte for byte; `&&` joins them where each is a plain chain of commands, which then fails exactly where the separate RUNs failed, with or without `set -e` in the SHELL. " +
			"Where a body opens with `set -e…` both go on in one such list; where a state would leak, a subshell holds it. " +
			"Unsafe where a command is not known: it may leave a process behind or compare file times. No fix where RUN flags differ, a here-document, a shell comment or a commented-out instruction is in the way, `set -e` would lose its meaning, or a heading would be left over something else. " +
			"It stands on lines 1 to 14 of the soundness list.",
	},
	Aliases:  []string{"DL3059"},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Options: []analysis.Option{{
		Name: "when", Values: []string{"pays", "always"}, Default: "pays",
		Doc: "`pays` merges only where bytes are won; `always` merges whatever can be merged without changing the build, as advice of severity info.",
	}},
	Run: runMergeRuns,
}

// longest is the most RUNs that one fix joins: a bound that keeps the search for
// what pays linear in the number of RUNs.
const longest = 16

func runMergeRuns(p *analysis.Pass) {
	always := p.Option("when") == "always"
	for _, s := range p.Stages().Stages {
		runs := p.Runs(s)
		for i := 0; i < len(runs)-1; {
			n, twice := 1, []rewritten(nil)
			if s.Ships {
				n, twice = pays(p, runs[i:])
			}
			if n == 1 && always {
				n = joinable(p, runs[i:])
			}
			if n > 1 {
				p.Report(merge(p, runs[i:i+n], twice))
			}
			i += n
		}
	}
}

// A rewritten is a file that a later RUN stores again.
type rewritten struct {
	path string // what is stored again: all that was made, or a part
	made facts.Made
	by   *facts.Command
	at   *facts.Run // of by
}

// pays returns how many RUNs from the first on are worth being one, and why.
func pays(p *analysis.Pass, runs []*facts.Run) (n int, twice []rewritten) {
	n = 1
	left := runs[0].Leaves()
	for j := 1; j < len(runs) && j < longest && len(left) > 0; j++ {
		if chain.Between(p.File, runs[j-1], runs[j]) != "" {
			break
		}
		if w, ok := again(p, left, runs[:j+1]); ok {
			n, twice = j+1, append(twice, w)
		}
		left = movedIn(left, runs[j])
	}
	return n, twice
}

// movedIn is what was made as it lies once a RUN has run.
func movedIn(left []facts.Made, r *facts.Run) []facts.Made {
	out := slices.Clone(left)
	for i := range out {
		for _, c := range r.Commands {
			out[i], _ = out[i].Moved(r, c)
		}
	}
	return out
}

// again finds a command of the last RUN that certainly stores a second time what the
// first one left.
func again(p *analysis.Pass, left []facts.Made, runs []*facts.Run) (rewritten, bool) {
	at := runs[len(runs)-1]
	if at.Opaque != "" || len(at.Mounts) > 0 {
		return rewritten{}, false
	}
	for _, c := range at.Commands {
		if !c.Context.Always || c.Name == "touch" || c.Name == "truncate" {
			continue // a new file, or an empty one
		}
		f := at.Files(c)
		touched := f.Changes
		if c.Name == "mv" {
			touched = f.Removes
		}
		for _, place := range touched {
			for _, m := range left {
				again := ""
				switch {
				case !place.Sure:
				case place.Covers(m.Place), place.Path == m.Path && !m.All:
					again = m.Name()
				case m.Sure && m.All && strings.HasPrefix(place.Path, m.Path+"/") && partOfTree(c, place) && !madeSince(runs, m, c, place):
					again = place.Name()
				}
				if again != "" && p.Alters(m, at, c, place) && !setBefore(runs, c, append(slices.Clip(m.Was), place)) {
					return rewritten{again, m, c, at}, true
				}
			}
		}
	}
	return rewritten{}, false
}

// partOfTree reports whether a command certainly stores again what is worth speaking of,
// though no more is known of it than that it is a part of a folder: by its name a folder,
// with all that is in it, or a file that is large as a rule; or a program that is stripped.
func partOfTree(c *facts.Command, place facts.Place) bool {
	return c.Name == "strip" || place.All && path.Ext(place.Path) == "" || facts.Bulky(place.Path)
}

// madeSince reports whether a command between may have made what is at a place of what
// was made.
func madeSince(runs []*facts.Run, m facts.Made, c *facts.Command, place facts.Place) bool {
	after := false
	for _, r := range runs {
		for _, between := range r.Commands {
			if between == c {
				return false
			}
			if after && slices.ContainsFunc(r.Files(between).Makes, place.Meets) {
				return true
			}
			after = after || between == m.By
		}
	}
	return false
}

// setBefore reports whether a command before another may have changed already what
// that one changes of what lies at the last of some places, and lay at the others: its mode
// or its owner.
func setBefore(runs []*facts.Run, c *facts.Command, places []facts.Place) bool {
	sets := map[string]string{"chmod": "mode", "chown": "owner", "chgrp": "owner"}
	for _, r := range runs {
		for _, before := range r.Commands {
			if before == c {
				return false
			}
			if what := sets[before.Name]; what != "" && what == sets[c.Name] && slices.ContainsFunc(r.Files(before).Changes, func(q facts.Place) bool { return slices.ContainsFunc(places, q.Meets) }) {
				return true
			}
		}
	}
	return false
}

// joinable returns how many RUNs from the first on can be one without a doubt.
func joinable(p *analysis.Pass, runs []*facts.Run) int {
	n := 1
	for n < min(len(runs), longest) {
		if c, never := chain.Join(p.File, runs[:n+1]...); never != "" || c.Doubt != "" {
			break
		}
		n++
	}
	return n
}

// merge reports RUNs that are worth joining.
func merge(p *analysis.Pass, runs []*facts.Run, twice []rewritten) analysis.Diagnostic {
	d := analysis.Diagnostic{
		Span:     runs[1].In.Keyword,
		Severity: analysis.Info,
		Message:  fmt.Sprintf("These %d RUNs can be one: fewer layers, the same files", len(runs)),
	}
	for i, w := range twice {
		if i == 0 {
			d.Severity, d.Message = analysis.Off, ""
			d.Span = w.at.Program.Span(w.by.Node.Range)
		} else {
			d.Message += ". "
		}
		d.Message += w.message(p)
		d.Relate(w.made.In.SpanOf(w.made.By), "made here")
	}
	joinFix(p, &d, runs)
	return d
}

func (w rewritten) message(p *analysis.Pass) string {
	does := map[string]string{"chmod": "changes the mode of", "chown": "changes the owner of", "chgrp": "changes the group of", "mv": "moves", "strip": "strips"}[w.by.Name]
	if does == "" {
		does = "changes"
	}
	return fmt.Sprintf("Line %d %s %s, which line %d made: the image ships it twice", p.LineOf(w.at, w.by), does, w.path, p.LineOf(w.made.In, w.made.By))
}
