package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
)

// WorldWritable finds files that everyone in the container may change.
var WorldWritable = analysis.Rule{
	Name: "world-writable",
	Doc: analysis.Doc{
		Summary: "everyone in the container may change these files",
		What:    "`chmod` of a `RUN`, or `--chmod` of a COPY or ADD, with a mode that lets others write: `777`, `666`, `a+w`, `o+w`.",
		Why: "Whatever runs in the container, as any user, may then change the programs that others run. Where a program of another user must write, its own group or owner is enough: `COPY --chown`, or `chmod 775`. " +
			"In a layer of its own the change also ships each file a second time.",
		Silent: "For folders with the sticky bit (`1777`), which `/tmp` is; where a later command of the stage takes the mode back, or removes the files; for stages that do not ship.",
		Fix:    "There is none: who must write there is not known.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run: func(p *analysis.Pass) {
		const withheld = "who must write there is not known"
		for _, s := range p.Stages().Stages {
			if !s.Ships {
				continue
			}
			for _, in := range s.Instructions {
				if f := in.Flag("chmod"); (in.Name == "copy" || in.Name == "add") && f != nil && othersWrite(f.Value) {
					p.Report(analysis.Diagnostic{Span: f.Span, Message: fmt.Sprintf("Mode %s lets everyone in the container change these files", f.Value), Withheld: []string{withheld}})
				}
			}
			for _, r := range p.Runs(s) {
				for _, c := range r.Commands {
					if c.Name != "chmod" {
						continue
					}
					for _, w := range c.Args {
						text, ok := w.Literal()
						if ok && strings.HasPrefix(text, "-") && len(text) > 1 && strings.Trim(text[1:], "RfvchL") == "" || ok && strings.HasPrefix(text, "--") {
							continue
						}
						if ok && othersWrite(text) && !takenBack(p, r, c) {
							p.Report(analysis.Diagnostic{Span: r.SpanOf(c), Message: fmt.Sprintf("Mode %s lets everyone in the container change these files", text), Withheld: []string{withheld}})
						}
						break
					}
				}
			}
		}
	},
}

// takenBack reports whether a later command of the stage gives all that a chmod names a
// mode that lets others write no more, or removes it.
func takenBack(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	places := r.Files(c).Changes
	if len(places) == 0 || r.Files(c).Unknown {
		return false
	}
	for _, later := range p.Runs(r.Stage) {
		if later.In.Index < r.In.Index || later.Opaque != "" {
			continue
		}
		for _, o := range later.Commands {
			if later == r && o.Node.From <= c.Node.From || !o.Context.Always {
				continue
			}
			f := later.Files(o)
			over := f.Removes
			if o.Name == "chmod" && slices.ContainsFunc(o.Args, func(w shell.Word) bool { text, ok := w.Literal(); return ok && closes(text) }) {
				over = f.Changes
			}
			if len(over) > 0 && !slices.ContainsFunc(places, func(q facts.Place) bool {
				return !slices.ContainsFunc(over, func(o facts.Place) bool {
					return o.Sure && o.Pattern == "" && (o.Path == q.Path && (o.All || !q.All) || o.Covers(q))
				})
			}) {
				return true
			}
		}
	}
	return false
}

// closes reports whether a mode leaves others no right to write.
func closes(mode string) bool {
	if len(mode) >= 3 && strings.Trim(mode, "01234567") == "" {
		return !othersWrite(mode)
	}
	return slices.ContainsFunc(strings.Split(mode, ","), func(part string) bool {
		who, what, ok := strings.Cut(part, "-")
		return ok && strings.Trim(who, "ugoa") == "" && strings.ContainsAny(who, "oa") && strings.Contains(what, "w")
	})
}

// othersWrite reports whether a mode lets others write, without the sticky bit.
func othersWrite(mode string) bool {
	if strings.Trim(mode, "01234567") == "" && len(mode) >= 3 {
		digits := strings.TrimLeft(mode, "0")
		if len(digits) < 3 {
			return len(digits) > 0 && (digits[len(digits)-1]-'0')&2 != 0
		}
		sticky := len(digits) > 3 && (digits[len(digits)-4]-'0')&1 != 0
		return !sticky && (digits[len(digits)-1]-'0')&2 != 0
	}
	others, sticky := false, false
	for part := range strings.SplitSeq(mode, ",") {
		at := strings.IndexAny(part, "+=")
		if at < 0 || strings.Trim(part[:at], "ugoa") != "" {
			continue
		}
		who, what := part[:at], part[at+1:]
		others = others || strings.ContainsAny(who, "oa") && strings.Contains(what, "w")
		sticky = sticky || strings.Contains(what, "t")
	}
	return others && !sticky
}
