package chain

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
)

// Remains says what stands in the way of what is left behind by a clean-up that moves: a
// RUN in a folder that is deleted, a variable that tells whether it ran, or a link by which
// what stands between may reach what is deleted.
func Remains(f *facts.File, a, b *facts.Run, c *facts.Command, places []facts.Place) string {
	for _, in := range f.Doc.Instructions[a.In.Index+1 : b.In.Index+1] {
		if in.Name == "run" && !(in == b.In && Whole(b, c)) && runsWithin(f, a, f.Run(in), places) {
			return fmt.Sprintf("line %d may run in a folder that is deleted, which is made anew for it", f.Line(in))
		}
	}
	if reads := b.Program.ReadsShell(); b.Commands[0] == c && len(reads) > 0 {
		return fmt.Sprintf("line %d reads the shell's own state: %s", f.Line(b.In), reads[0])
	}
	for s := b.Stage; s != nil; s = s.Parent {
		for _, r := range f.Runs(s) {
			if r.In.Index < b.In.Index && r.Opaque == "" && slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return linksTo(r, c, places) }) {
				return fmt.Sprintf("line %d may make a link to %s", f.Line(r.In), places[0].Name())
			}
		}
	}
	return ""
}

// linksTo reports whether a command may make a link to one of the places.
func linksTo(r *facts.Run, c *facts.Command, places []facts.Place) bool {
	return c.Name == "ln" && slices.ContainsFunc(c.Args, func(w shell.Word) bool {
		if text, _ := w.Literal(); strings.HasPrefix(text, "-") {
			return false
		}
		begins, _, open := strings.Cut(strings.ReplaceAll(r.Spelled(c, w), "\x01", "\x00"), "\x00")
		return slices.ContainsFunc(places, func(p facts.Place) bool {
			return p.Meets(facts.Place{Path: begins, All: true}) || open && strings.HasPrefix(p.Path, begins)
		})
	})
}

// runsWithin reports whether the folder that a RUN starts in may be one that is deleted,
// or lie in it. A file that a RUN made is none.
func runsWithin(f *facts.File, a, r *facts.Run, places []facts.Place) bool {
	folders := slices.DeleteFunc(slices.Clone(places), func(place facts.Place) bool {
		return !place.All || place.Pattern == "" && slices.ContainsFunc(a.Commands, func(c *facts.Command) bool {
			return slices.ContainsFunc(a.Files(c).Makes, func(m facts.Place) bool { return m.Sure && !m.All && m.Path == place.Path })
		})
	})
	dir := r.Workdir()
	if len(folders) == 0 || dir == "/" {
		return false
	}
	if !path.IsAbs(dir) {
		base := f.Base(r.Stage)
		return base == nil || !base.Named // a well-known image sets none of these
	}
	return f.LinkedBelow(r.In).Crosses(dir) || slices.ContainsFunc(folders, func(place facts.Place) bool {
		if place.Pattern == "[]" { // it may match anything
			return strings.HasPrefix(dir, strings.TrimSuffix(place.Path, "/")+"/")
		}
		return place.Covers(facts.Place{Path: dir, All: true})
	})
}
