package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// attributesSetLate reports commands that change, in a layer of its own, what a COPY brought.
func attributesSetLate(p *analysis.Pass, commands ...string) {
	for _, s := range p.Stages().Stages {
		if !s.Ships {
			continue
		}
		for _, r := range p.Runs(s) {
			if r.Opaque != "" {
				continue
			}
			for _, c := range r.Commands {
				if slices.Contains(commands, c.Name) && c.Context.Always && len(c.Prefix) == 0 {
					copiedAgain(p, r, c)
				}
			}
		}
	}
}

// copiedAgain reports one such command.
func copiedAgain(p *analysis.Pass, r *facts.Run, c *facts.Command) {
	f := r.Files(c)
	attribute, places := attributeOf(c), f.Changes
	if attribute.value == "" || f.Unknown || len(places) == 0 || slices.ContainsFunc(places, func(q facts.Place) bool { return q.Pattern == "[]" || !q.Sure && q.Pattern == "" }) {
		return
	}
	var copies []*syntax.Instruction
	for _, in := range r.Stage.Instructions {
		if in.Index >= r.In.Index {
			break
		}
		if (in.Name != "copy" && in.Name != "add") || in.Flag(attribute.flag) != nil {
			continue
		}
		if brought, ok := p.Brings(in); ok && slices.ContainsFunc(places, func(q facts.Place) bool { return q.Covers(brought) }) && !p.CopiesLittle(in, brought) {
			copies = append(copies, in)
		}
	}
	if len(copies) == 0 {
		return
	}
	d := analysis.Diagnostic{Span: spanOf(r, c)}
	var lines []string
	for _, in := range copies {
		bytes, _ := p.CopiedBytes(in)
		d.Gain.Bytes += bytes
		lines = append(lines, fmt.Sprint(p.Line(in)))
		relate(&d, in.Span, "copied here")
	}
	what := "line " + lines[0] + " copies"
	if n := len(lines); n > 1 {
		what = "lines " + strings.Join(lines[:n-1], ", ") + " and " + lines[n-1] + " copy"
	}
	d.Message = fmt.Sprintf("%s writes what %s into a second layer: the image ships it twice%s; %s --%s=%s does it at once",
		c.Name, what, size(d.Gain.Bytes), strings.ToUpper(copies[0].Name), attribute.flag, attribute.value)
	fix, why := attributeFix(p, r, c, copies, attribute)
	if why != "" {
		d.Withheld = append(d.Withheld, why)
	} else {
		d.Withheld = append(d.Withheld, "folders that are there before the COPY, such as WORKDIR's, keep what they have")
		d.Fixes = append(d.Fixes, fix)
	}
	p.Report(d)
}

// An attribute is what a flag of COPY gives files, and a command afterwards.
type attribute struct{ flag, value string }

// attributeOf reads what chown, chgrp or chmod give; without a value it is not known.
func attributeOf(c *facts.Command) attribute {
	for _, w := range c.Args {
		text, ok := w.Literal()
		switch {
		case text == "-R" || text == "--recursive" || text == "-v" || text == "-f" || text == "-Rf" || text == "-Rv" || text == "-h" || text == "-hR" || text == "-Rh":
			continue
		case strings.HasPrefix(text, "-") || !ok:
			return attribute{}
		case c.Name == "chmod":
			if len(text) < 3 || strings.Trim(text, "01234567") != "" {
				return attribute{}
			}
			return attribute{"chmod", text}
		case c.Name == "chgrp":
			return attribute{}
		}
		user, group, has := strings.Cut(text, ":")
		if old, g, dotted := strings.Cut(text, "."); !has && dotted {
			user, group, has = old, g, true
		}
		if user == "" || user == "root" || user == "0" || has && group == "" {
			return attribute{}
		}
		if has { // COPY knows no dot between the two
			user += ":" + group
		}
		return attribute{"chown", user}
	}
	return attribute{}
}

// attributeFix gives the copies their flag, and takes the command out; why says what
// stands in the way.
func attributeFix(p *analysis.Pass, r *facts.Run, c *facts.Command, copies []*syntax.Instruction, a attribute) (fix analysis.Fix, why string) {
	first, last := copies[0], copies[len(copies)-1]
	places := r.Files(c).Changes
	named := a.flag == "chown" && strings.Trim(a.value, "0123456789:") != ""
	for _, in := range p.Doc.Instructions[first.Index+1 : r.In.Index] {
		switch in.Name {
		case "run":
			other := p.Run(in)
			if slices.ContainsFunc(places, other.Touches) {
				return fix, fmt.Sprintf("line %d may make files there, which need it too", p.Line(in))
			}
			if named && slices.ContainsFunc(other.Commands, func(c *facts.Command) bool { return c.Effect.Has(facts.Users) || c.RunsCode() }) {
				return fix, fmt.Sprintf("line %d may make the user: put it before the %s of line %d", p.Line(in), strings.ToUpper(first.Name), p.Line(first))
			}
		case "copy", "add", "workdir":
			dest, ok := p.Dest(in)
			if !slices.Contains(copies, in) && (!ok || slices.ContainsFunc(places, func(q facts.Place) bool { return q.Covers(facts.Place{Path: dest, All: true}) })) {
				return fix, fmt.Sprintf("line %d brings something there too", p.Line(in))
			}
		}
	}
	for _, other := range r.Commands {
		if other == c {
			break
		}
		if named && (other.Effect.Has(facts.Users) || other.RunsCode()) {
			return fix, fmt.Sprintf("line %d may make the user: put that before the %s of line %d", lineOf(p, r, other), strings.ToUpper(last.Name), p.Line(last))
		}
		if f := r.Files(other); f.Unknown || slices.ContainsFunc(f.Makes, func(m facts.Place) bool { return slices.ContainsFunc(places, m.Meets) }) {
			return fix, fmt.Sprintf("line %d may make files there, which need it too", lineOf(p, r, other))
		}
	}
	removed, comments, why := takeOut(p, r, c, "has it")
	if why != "" {
		return fix, why
	}
	if len(comments) > 0 || !whole(r, c) && chain.Meaningful(r) != "" {
		return fix, "a comment speaks of it"
	}
	fix = analysis.Fix{
		Title:  fmt.Sprintf("Copy with --%s=%s in place of changing it afterwards (folders that are there before, such as WORKDIR's, keep what they have)", a.flag, a.value),
		Safety: analysis.Unsafe,
		Relies: []source.Span{r.In.Span},
	}
	for _, in := range copies {
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(in.Keyword.End, fmt.Sprintf(" --%s=%s", a.flag, a.value))})
		fix.Relies = append(fix.Relies, in.Span)
	}
	fix.Edits = append(fix.Edits, removed)
	return fix, ""
}
