// Package attributes finds commands that change the mode or the owner of what a COPY brought,
// in a layer of its own, and gives the COPY its flag instead.
package attributes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// SetLate reports commands that change, in a layer of its own, what a COPY brought.
func SetLate(p *analysis.Pass, commands ...string) {
	for _, s := range p.Stages().Stages {
		if !s.Ships {
			continue
		}
		for _, r := range p.Runs(s) {
			if r.Opaque != "" {
				continue
			}
			for _, c := range r.Commands {
				if l, ok := setterOf(p, r, c); ok && slices.Contains(commands, c.Name) {
					copiedAgain(p, l)
				}
			}
		}
	}
}

// A setter is a command that certainly gives files a mode or an owner.
type setter struct {
	attribute
	r        *facts.Run
	c        *facts.Command
	operands []facts.Operand
}

// setterOf reads a command as a setter. It is not ok where it is none, or where it is not
// certain what it gives to which files.
func setterOf(p *analysis.Pass, r *facts.Run, c *facts.Command) (setter, bool) {
	if kindOf(c) == "" || !c.Context.Always || len(c.Prefix) > 0 {
		return setter{}, false
	}
	s := facts.Once(p.File, setterIn{c}, func() *setter {
		if s, ok := newSetter(r, c); ok {
			return &s
		}
		return nil
	})
	if s == nil {
		return setter{}, false
	}
	return *s, true
}

type setterIn struct{ *facts.Command }

func newSetter(r *facts.Run, c *facts.Command) (setter, bool) {
	operands, ok := r.Operands(c)
	a := attributeOf(c)
	return setter{a, r, c, operands}, ok && a.value != "" && !slices.ContainsFunc(operands, func(o facts.Operand) bool { return o.Pattern == "[]" || !o.Sure && o.Pattern == "" })
}

// kindOf is the flag of COPY that does what a command does; "" for other commands.
func kindOf(c *facts.Command) string {
	switch c.Name {
	case "chmod":
		return "chmod"
	case "chown", "chgrp":
		return "chown"
	}
	return ""
}

// A load is what a COPY or ADD puts where.
type load struct {
	facts.Place
	known  bool
	little bool // too little to speak of
}

func loadOf(p *analysis.Pass, in *syntax.Instruction) load {
	if in.Name != "copy" && in.Name != "add" {
		return load{}
	}
	return facts.Once(p.File, loadIn{in}, func() load {
		place, ok := p.Brings(in)
		return load{place, ok, ok && p.CopiesLittle(in, place)}
	})
}

type loadIn struct{ *syntax.Instruction }

// covers reports whether the command gives its attribute to all that is at a place.
func (s setter) covers(q facts.Place) bool {
	return slices.ContainsFunc(s.operands, func(o facts.Operand) bool { return o.Covers(q) })
}

// meets reports whether the command may give its attribute to some of what is there.
func (s setter) meets(q facts.Place) bool {
	return slices.ContainsFunc(s.operands, func(o facts.Operand) bool { return o.Meets(q) })
}

// copiedAgain reports one such command.
func copiedAgain(p *analysis.Pass, s setter) {
	var copies []*syntax.Instruction
	for _, in := range s.r.Stage.Instructions {
		if in.Index >= s.r.In.Index {
			break
		}
		if (in.Name != "copy" && in.Name != "add") || in.Flag(s.flag) != nil {
			continue
		}
		if l := loadOf(p, in); l.known && !l.little && s.covers(l.Place) && !s.idle(p, in, l.Place) {
			copies = append(copies, in)
		}
	}
	if len(copies) == 0 {
		return
	}
	d := analysis.Diagnostic{Span: s.r.SpanOf(s.c)}
	var lines []string
	for _, in := range copies {
		bytes, _ := p.CopiedBytes(in)
		d.Gain.Bytes += bytes
		lines = append(lines, fmt.Sprint(p.Line(in)))
		d.Relate(in.Span, "copied here")
	}
	what := "line " + lines[0] + " copies"
	if n := len(lines); n > 1 {
		what = "lines " + strings.Join(lines[:n-1], ", ") + " and " + lines[n-1] + " copy"
	}
	d.Message = fmt.Sprintf("%s writes what %s into a second layer: the image ships it twice%s; %s --%s=%s does it at once",
		s.c.Name, what, d.Gain.About(), strings.ToUpper(copies[0].Name), s.flag, s.value)
	fix, why := s.fix(p, copies)
	if why != "" {
		d.Withheld = append(d.Withheld, why)
	} else {
		d.Withheld = append(d.Withheld, "folders that are there before the COPY, such as WORKDIR's, keep what they have")
		d.Fixes = append(d.Fixes, fix)
	}
	p.Report(d)
}

// idle reports whether the command adds nothing to the image for a copy: what it brought
// may be gone by then or has the attribute already, or a later command of the same RUN
// writes it anyway.
func (s setter) idle(p *analysis.Pass, in *syntax.Instruction, brought facts.Place) bool {
	for _, r := range p.Runs(s.r.Stage) {
		if r.In.Index < in.Index || r.Opaque != "" {
			continue
		}
		if r.In.Index > s.r.In.Index {
			break
		}
		for _, c := range r.Commands {
			before := r != s.r || c.Node.From < s.c.Node.From
			if before && slices.ContainsFunc(r.Files(c).Removes, func(q facts.Place) bool {
				return q.Covers(brought) || q.Path == brought.Path && q.Pattern == ""
			}) {
				return true
			}
			if c == s.c || kindOf(c) != s.flag {
				continue
			}
			o, ok := setterOf(p, r, c)
			if same := o.value == s.value; ok && (before && same || !before && !same) && o.covers(brought) {
				return true
			}
		}
	}
	return false
}

// An attribute is what a flag of COPY gives files, and a command afterwards.
type attribute struct{ flag, value string }

// attributeOf reads what chown, chgrp or chmod give; without a value it is not known.
func attributeOf(c *facts.Command) attribute {
	if slices.ContainsFunc(c.Args, func(w shell.Word) bool { return strings.HasPrefix(facts.Shape(w), "-") && !plainOption(w) }) {
		return attribute{}
	}
	for _, w := range c.Args {
		text, ok := w.Literal()
		switch {
		case plainOption(w):
			continue
		case !ok:
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

// plainOption reports whether a word is an option that leaves open only how much is said
// and how deep the command goes.
func plainOption(w shell.Word) bool {
	text, _ := w.Literal()
	return text == "--recursive" || len(text) > 1 && text[0] == '-' && strings.Trim(text[1:], "Rvfch") == ""
}

// fix gives the copies their flag, and takes out of the command what they bring; why says
// what stands in the way.
func (s setter) fix(p *analysis.Pass, copies []*syntax.Instruction) (fix analysis.Fix, why string) {
	taken, kept := s.split(p, copies)
	flagged, why := taken.flagged(p, copies)
	if why == "" {
		why = cmp.Or(taken.between(p, flagged, copies[0]), taken.here(p, flagged), taken.behind(p, copies))
	}
	if why != "" {
		return fix, why
	}
	edits := []source.Edit{}
	if len(kept) > 0 {
		edits, why = taken.without(p)
	} else {
		var removed analysis.Edit
		var comments []string
		removed, comments, why = chain.TakeOut(p.File, s.r, s.c, "has it")
		if edits = append(edits, removed.Edit); why == "" && (len(comments) > 0 || !chain.Whole(s.r, s.c) && chain.Meaningful(s.r) != "") {
			why = "a comment speaks of it"
		}
	}
	if why != "" {
		return fix, why
	}
	fix = analysis.Fix{
		Title:  fmt.Sprintf("Copy with --%s=%s in place of changing it afterwards (folders that are there before, such as WORKDIR's, keep what they have)", s.flag, s.value),
		Safety: analysis.Unsafe,
		Relies: []source.Span{s.r.In.Span},
	}
	for _, in := range flagged {
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(in.Keyword.End, fmt.Sprintf(" --%s=%s", s.flag, s.value))})
		fix.Relies = append(fix.Relies, in.Span)
	}
	for _, e := range edits {
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: e})
	}
	return fix, ""
}

// split tells the operands that hold one of the copies, which take their flag instead,
// from those that the command must keep.
func (s setter) split(p *analysis.Pass, copies []*syntax.Instruction) (taken setter, kept []facts.Operand) {
	taken = s
	taken.operands = nil
	for _, o := range s.operands {
		if slices.ContainsFunc(copies, func(in *syntax.Instruction) bool { return o.Covers(loadOf(p, in).Place) }) {
			taken.operands = append(taken.operands, o)
		} else {
			kept = append(kept, o)
		}
	}
	return taken, kept
}

// flagged lists the copies that must get the flag: those, and the small ones that the
// operands hold as well. why says what else is brought there.
func (s setter) flagged(p *analysis.Pass, copies []*syntax.Instruction) (out []*syntax.Instruction, why string) {
	for _, in := range s.r.Stage.Instructions {
		if in.Index >= s.r.In.Index {
			break
		}
		if in.Name != "copy" && in.Name != "add" && in.Name != "workdir" {
			continue
		}
		if slices.Contains(copies, in) {
			out = append(out, in)
			continue
		}
		before := in.Index < copies[0].Index
		if l := loadOf(p, in); l.known && s.covers(l.Place) {
			switch has := in.Flag(s.flag); {
			case has == nil && !s.idle(p, in, l.Place):
				out = append(out, in)
				continue
			case has == nil || has.Value == s.value:
				continue
			}
			before = false
		}
		if dest, ok := p.Dest(in); !before && (!ok || s.covers(facts.Place{Path: dest, All: true})) {
			return nil, fmt.Sprintf("line %d brings something there too", p.Line(in))
		}
	}
	return out, ""
}

// between says what RUNs before the command are in the way: behind the first copy whatever
// may make or change files there, before it what certainly does.
func (s setter) between(p *analysis.Pass, flagged []*syntax.Instruction, first *syntax.Instruction) string {
	for _, r := range p.Runs(s.r.Stage) {
		if r.In.Index >= s.r.In.Index {
			break
		}
		for _, c := range r.Commands {
			if r.In.Index > flagged[0].Index && s.named() && (c.Effect.Has(facts.Users) || c.RunsCode()) {
				return fmt.Sprintf("line %d may make the user: put it before the %s of line %d", p.Line(r.In), strings.ToUpper(flagged[0].Name), p.Line(flagged[0]))
			}
			if r.In.Index > first.Index && s.setsToo(p, r, c) {
				return fmt.Sprintf("line %d has a %s of some of it as well", p.Line(r.In), c.Name)
			}
			if s.makesFolder(p, r, c, flagged) || slices.ContainsFunc(r.Files(c).Makes, func(q facts.Place) bool {
				unpacked := (c.Name == "tar" || c.Name == "unzip") && q.Path != "/"
				return s.covers(facts.Place{Path: q.Path}) || unpacked && s.meets(q)
			}) {
				return fmt.Sprintf("line %d may make files there, which need it too", p.Line(r.In))
			}
		}
		if r.In.Index > first.Index && slices.ContainsFunc(s.operands, func(o facts.Operand) bool { return r.Touches(o.Place) }) {
			return fmt.Sprintf("line %d may make files there, which need it too", p.Line(r.In))
		}
	}
	return ""
}

// here says what commands before it in its own RUN are in the way.
func (s setter) here(p *analysis.Pass, flagged []*syntax.Instruction) string {
	last := flagged[len(flagged)-1]
	for _, c := range s.r.Commands {
		if c == s.c {
			break
		}
		line := p.LineOf(s.r, c)
		f := s.r.Files(c)
		makes := f.Makes
		if kindOf(c) == "" {
			makes = slices.Concat(makes, f.Changes)
		}
		switch {
		case s.named() && (c.Effect.Has(facts.Users) || c.RunsCode()):
			return fmt.Sprintf("line %d may make the user: put that before the %s of line %d", line, strings.ToUpper(last.Name), p.Line(last))
		case s.setsToo(p, s.r, c):
			return fmt.Sprintf("line %d has a %s of some of it as well", line, c.Name)
		case f.Unknown || slices.ContainsFunc(makes, s.meets) || s.makesFolder(p, s.r, c, flagged):
			return fmt.Sprintf("line %d may make files there, which need it too", line)
		}
	}
	return ""
}

// behind says which later command of the kind writes what is copied all the same.
func (s setter) behind(p *analysis.Pass, copies []*syntax.Instruction) string {
	for _, r := range p.Runs(s.r.Stage) {
		if r.In.Index < s.r.In.Index || r.Opaque != "" {
			continue
		}
		for _, c := range r.Commands {
			if r == s.r && c.Node.From <= s.c.Node.From || kindOf(c) != s.flag {
				continue
			}
			if o, ok := setterOf(p, r, c); ok && o.value != s.value && slices.ContainsFunc(copies, func(in *syntax.Instruction) bool {
				return o.covers(loadOf(p, in).Place)
			}) {
				return fmt.Sprintf("line %d has a %s of it as well", p.LineOf(r, c), c.Name)
			}
		}
	}
	return ""
}

// setsToo reports whether another command may give some of the same files another mode or
// owner, which the flag would not take back.
func (s setter) setsToo(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	clears := s.flag == "chmod" && len(s.value) > 3 && strings.ContainsAny(s.value[:1], "234567") && kindOf(c) == "chown" // chown takes setuid away
	if kindOf(c) != s.flag && !clears {
		return false
	}
	o, ok := setterOf(p, r, c)
	return !(ok && o.attribute == s.attribute) && slices.ContainsFunc(r.Files(c).Changes, s.meets)
}

// makesFolder reports whether mkdir may make a folder there, other than those into which
// the copies go.
func (s setter) makesFolder(p *analysis.Pass, r *facts.Run, c *facts.Command, flagged []*syntax.Instruction) bool {
	if c.Name != "mkdir" {
		return false
	}
	made, ok := r.Operands(c)
	return !ok || slices.ContainsFunc(made, func(o facts.Operand) bool {
		return !o.Place.Literal() || s.covers(facts.Place{Path: o.Path}) && !slices.ContainsFunc(flagged, func(in *syntax.Instruction) bool {
			dest, _ := p.Dest(in)
			_, holds := facts.Below(dest, o.Path)
			return holds
		})
	})
}

// named reports whether the owner is given by a name, which COPY needs to exist.
func (s setter) named() bool {
	return s.flag == "chown" && strings.Trim(s.value, "0123456789:") != ""
}

// without takes the operands out of the command, with the blanks before them.
func (s setter) without(p *analysis.Pass) (out []source.Edit, why string) {
	text := s.r.Program.Text
	end := s.c.Program.Range.To
	for _, w := range s.c.Args {
		if slices.ContainsFunc(s.operands, func(o facts.Operand) bool { return o.Range == w.Range }) {
			gap := source.Span{Start: text.HomeEnd(end), End: text.HomeEnd(w.Range.To)}
			if i := slices.IndexFunc(s.r.In.Inside, func(k syntax.CommentLine) bool { return gap.Contains(k.Span) }); i >= 0 {
				return nil, chain.CommentGoes(p.File, s.r.In.Inside[i])
			}
			out = append(out, source.Replace(gap, ""))
		}
		end = w.Range.To
	}
	return out, ""
}
