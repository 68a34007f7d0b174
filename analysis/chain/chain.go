// Package chain joins RUNs that follow each other: whether they may be one, in which
// form, and its text in the author's own style.
package chain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Chain is RUNs of one stage that can be written as one.
type Chain struct {
	Runs []*facts.Run // two or more, in order; config-only instructions may stand between
	// Doubt says why it is not known that the build stays the same, in words that
	// follow a title; "" when it is known.
	Doubt string

	form form
}

// A form is how bodies are joined. Later forms hold where earlier ones do not.
type form uint8

const (
	bare     form = iota // A && B
	subshell             // ( A ) && ( B )
	list                 // set -e; A; B
)

// Join decides on RUNs of one stage, in order. never says why they cannot be one
// RUN whatever they do; it is "" where they can, and then the chain holds.
func Join(f *facts.File, runs ...*facts.Run) (c Chain, never string) {
	c.Runs = runs
	length := runs[0].In.Span.Len()
	for i, b := range runs[1:] {
		a := runs[i]
		// Near 64 KiB BuildKit refuses a line, near 128 KiB execve an argument.
		if length += b.In.Span.Len(); length > 60<<10 {
			return Chain{}, "together they are longer than a command line may be"
		}
		form, never := neighbours(f, a, b)
		if never != "" {
			return Chain{}, never
		}
		// A list with one "set -e" does not mix with the other forms.
		if i > 0 && (form == list) != (c.form == list) {
			return Chain{}, fmt.Sprintf("line %d sets -e in another way than the lines before it", f.Line(b.In))
		}
		c.form = max(c.form, form)
		for _, earlier := range runs[:i+1] {
			if c.Doubt != "" {
				break
			}
			c.Doubt = differs(runs[0], neighbourFor(f, earlier), neighbourFor(f, b))
		}
	}
	if never := misplaced(f, runs); never != "" {
		return Chain{}, never
	}
	return c, ""
}

// neighbours says in which form b may follow a, by what the shell makes of their
// texts, or why it may not.
func neighbours(f *facts.File, a, b *facts.Run) (form, string) {
	if between := Between(f, a, b); between != "" {
		return 0, between
	}
	for _, r := range []*facts.Run{a, b} {
		line, p := f.Line(r.In), r.Program
		switch {
		case r.Opaque != "":
			return 0, fmt.Sprintf("line %d cannot be joined: %s", line, r.Opaque)
		case p.Unfit() != "":
			return 0, fmt.Sprintf("line %d cannot be joined: %s", line, p.Unfit())
		case p.Ambiguous:
			return 0, fmt.Sprintf("sh and bash read line %d as different programs", line)
		case len(p.Heredocs()) > 0:
			return 0, fmt.Sprintf("line %d holds a here-document", line)
		case len(p.Backgrounds()) > 0:
			return 0, fmt.Sprintf("%s on line %d leaves a process that the next RUN would meet", p.Backgrounds()[0], line)
		case p.TrapsErrors():
			return 0, fmt.Sprintf("line %d may set a trap on errors, by trap, eval or a sourced file, which && would hide", line)
		case r.Shell.Startup == shell.Yes:
			return 0, "the shell reads start-up files once in every RUN"
		case len(p.ReadsShell()) > 0:
			return 0, fmt.Sprintf("line %d reads the shell's own state: %s", line, p.ReadsShell()[0])
		}
		if why := startup(f, r); why != "" {
			return 0, why
		}
	}
	if flags := differentFlags(a, b); flags != "" {
		return 0, flags
	}
	if comment := Meaningful(a, b); comment != "" {
		return 0, fmt.Sprintf("the comment %q speaks of one of them", comment)
	}
	switch pa, pb := a.Program, b.Program; {
	case pa.Plain() && (!pa.ErrexitSensitive() || a.Shell.Errexit == shell.No) && pb.Chain() && !pb.TurnsOnErrexit() && !shadows(f, a, b):
		return bare, ""
	case pa.TurnsOnErrexit():
		if sameSet(a, b) && len(pa.LeaksAfterSet()) == 0 && pa.LastPlain() && !shadows(f, a, b) {
			return list, ""
		}
		return 0, fmt.Sprintf("line %d sets -e, which loses its meaning left of &&", f.Line(a.In))
	case !pa.ErrexitSensitive(), a.Shell.Errexit == shell.No:
		return subshell, ""
	}
	return 0, fmt.Sprintf("line %d may go on after a failure, or not, as the base image's SHELL says; a SHELL instruction would settle it", f.Line(a.In))
}

// Between says what stands between two RUNs of a stage so that they do not follow
// each other; "" when nothing does.
func Between(f *facts.File, a, b *facts.Run) string {
	for _, between := range f.Doc.Instructions[a.In.Index+1 : b.In.Index] {
		if !configOnly[between.Name] {
			return fmt.Sprintf("%s on line %d stands between them", strings.ToUpper(between.Name), f.Line(between))
		}
		// BuildKit keeps what later RUNs change there.
		if builder := f.OtherBuilder(); between.Name == "volume" && builder != "" {
			return fmt.Sprintf("VOLUME on line %d stands between them, and %s may keep no change that a RUN behind it makes there", f.Line(between), builder)
		}
	}
	return ""
}

// startup says by which variable the shell of a RUN may be told to read a file first, or to
// take options that its words do not show: those of bash an outside base may have set.
func startup(f *facts.File, r *facts.Run) string {
	g := f.Stages()
	set := func(name string) bool {
		v := g.Lookup(r.In, name)
		return g.SetInFile(r.In, name) && !(v.Known() && v.Text == "")
	}
	open := r.Shell.Dialect == shell.Bash && r.Stage.External()
	may := func(name string) bool { return set(name) || open && !g.SetInFile(r.In, name) }
	why := ""
	switch {
	case may("BASH_ENV"):
		why = "BASH_ENV may name a file that the shell reads once in every RUN; "
	case set("ENV"):
		return `ENV may name a file that the shell reads once in every RUN; ENV ENV="" would settle it`
	case may("SHELLOPTS"), may("BASHOPTS"): // sh may be bash
		why = "SHELLOPTS or BASHOPTS may set options of the shell; "
	default:
		return ""
	}
	settle := "ENV"
	for _, name := range []string{"BASH_ENV", "SHELLOPTS", "BASHOPTS"} {
		if may(name) {
			settle += " " + name + `=""`
		}
	}
	return why + settle + " would settle it"
}

// configOnly are the instructions that change the image config and nothing that a
// RUN sees.
var configOnly = map[string]bool{"label": true, "expose": true, "healthcheck": true, "cmd": true, "entrypoint": true, "stopsignal": true, "volume": true, "maintainer": true}

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

// differentFlags says why the flags of two RUNs forbid that they are one.
func differentFlags(a, b *facts.Run) string {
	same := slices.EqualFunc(a.In.Flags, b.In.Flags, func(f, g syntax.Flag) bool {
		return f.Name == g.Name && f.Value == g.Value && f.HasValue == g.HasValue
	})
	if !same {
		return "their flags differ"
	}
	for _, m := range a.Mounts {
		if m.Type == "tmpfs" || m.Type == "bind" {
			return fmt.Sprintf("the %s mount is fresh in every RUN", m.Type)
		}
	}
	return ""
}

// Meaningful returns a comment that a tool reads on one of the RUNs: joined it
// would speak for all of them, or for none.
func Meaningful(runs ...*facts.Run) string {
	for _, r := range runs {
		for _, c := range slices.Concat(r.In.Lead, r.In.Inside) {
			if analysis.ToolComment(c.Text) {
				return c.Text
			}
		}
	}
	return ""
}

// Removes reports whether a RUN may remove a working folder, which the next RUN in it
// makes anew.
func Removes(f *facts.File, r *facts.Run, dir stage.Value) bool {
	return slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return removesFolder(f, r, c, dir) })
}

// Takes says why a command of b cannot simply follow a's by "&&"; "" when it can.
func Takes(f *facts.File, a, b *facts.Run, c *facts.Command) string {
	line, p := f.Line(a.In), a.Program
	switch {
	case a.Opaque != "":
		return fmt.Sprintf("nothing can be put behind line %d: %s", line, a.Opaque)
	case p.Unfit() != "":
		return fmt.Sprintf("nothing can be put behind line %d: %s", line, p.Unfit())
	case p.Ambiguous:
		return fmt.Sprintf("sh and bash read line %d as different programs", line)
	case len(p.Heredocs()) > 0:
		return fmt.Sprintf("line %d holds a here-document", line)
	case len(p.Backgrounds()) > 0:
		return fmt.Sprintf("%s on line %d leaves a process that may still use it", p.Backgrounds()[0], line)
	case !p.Plain() || p.ErrexitSensitive() && a.Shell.Errexit != shell.No:
		return fmt.Sprintf("line %d is no plain chain of commands, behind which a clean-up could be put", line)
	case a.Shell.Startup == shell.Yes:
		return "the shell reads start-up files once in every RUN"
	}
	if why := startup(f, a); why != "" {
		return why
	}
	if comment := Meaningful(b); comment != "" {
		return fmt.Sprintf("the comment %q speaks of line %d", comment, f.Line(b.In))
	}
	moved := *b
	moved.Commands = []*facts.Command{c}
	return differs(a, neighbourFor(f, a), newNeighbour(f, &moved))
}
