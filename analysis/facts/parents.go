package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// FirstMade is the topmost folder that a copy may make on its way to where it goes, with
// its owner and mode, and there for what comes behind it. It is that place itself where
// all above it stands.
func (f *File) FirstMade(in *syntax.Instruction, at string) string {
	for at != "" && at != "/" {
		parent := path.Dir(at)
		if f.Stands(in, parent) {
			break
		}
		at = parent
	}
	return at
}

// Stands reports whether a folder is certain to be there before an instruction: every
// system has it, the base image has, or an earlier line made it and none removed it.
func (f *File) Stands(in *syntax.Instruction, dir string) bool {
	return dir == "/" || dir == "/usr" || dir == "/home" || (f.baseHas(in, dir) || f.InWorkdir(in, dir) || f.copiedEarlier(in, dir)) && !f.removedEarlier(in, dir)
}

// InWorkdir reports whether a folder is there before an instruction because it is, or
// holds, the WORKDIR that the file has set by then.
func (f *File) InWorkdir(in *syntax.Instruction, at string) bool {
	dir := f.Stages().Workdir(in)
	_, below := Below(dir.Text, at)
	return dir.Known() && at != "" && below && f.setsWorkdir(in)
}

// setsWorkdir reports whether a WORKDIR stands before an instruction, in its stage or in
// those that this is FROM.
func (f *File) setsWorkdir(in *syntax.Instruction) bool {
	return f.before(in, func(g *ground) bool { return g.workdir >= 0 && g.workdir < in.Index })
}

// baseHas reports whether a well-known image has a folder.
func (f *File) baseHas(in *syntax.Instruction, dir string) bool {
	b := f.Base(f.Stages().Of(in))
	switch {
	case b == nil:
		return false
	case dir == "/usr/src": // Alpine has none
		return b.Certain && b.Name != "alpine" && !strings.Contains(b.Tag, "alpine") && !(b.Digest && b.Tag == "")
	case b.Name == "golang":
		return b.Named && (dir == "/go" || dir == "/go/src")
	case b.Name == "node":
		return b.Named && dir == "/home/node"
	}
	return false
}

// copiedEarlier reports whether a copy that goes there or below made a folder.
func (f *File) copiedEarlier(in *syntax.Instruction, dir string) bool {
	return f.before(in, func(g *ground) bool {
		first, ok := g.copied[dir]
		return ok && first < in.Index
	})
}

// removedEarlier reports whether a RUN removes a folder, as a home may go with its account.
func (f *File) removedEarlier(in *syntax.Instruction, dir string) bool {
	return f.before(in, func(g *ground) bool {
		return slices.ContainsFunc(g.gone, func(r removal) bool {
			return r.at < in.Index && (r.home && strings.HasPrefix(dir, "/home/") || !r.home && r.Covers(Place{Path: dir}))
		})
	})
}

// before reports whether what an instruction's stage, or one that this is FROM, does to
// folders is as asked for.
func (f *File) before(in *syntax.Instruction, is func(*ground) bool) bool {
	for s := f.Stages().Of(in); s != nil; s = s.Parent {
		if is(Once(f, groundOf{s}, func() *ground { return f.groundOf(s) })) {
			return true
		}
	}
	return false
}

// A ground is what a stage does to folders; what does it is named by its index.
type ground struct {
	workdir int            // the first WORKDIR; -1 for none
	copied  map[string]int // the first copy that goes to a folder, or below it
	gone    []removal
}

// A removal is what a RUN removes: a place, or perhaps a home.
type removal struct {
	at   int
	home bool
	Place
}

type groundOf struct{ *stage.Stage }

func (f *File) groundOf(s *stage.Stage) *ground {
	g := &ground{workdir: -1, copied: map[string]int{}}
	for _, in := range s.Instructions {
		switch in.Name {
		case "workdir":
			if g.workdir < 0 {
				g.workdir = in.Index
			}
		case "copy", "add":
			to, ok := f.Dest(in)
			for ok && to != "/" {
				if _, ok := g.copied[to]; ok {
					break
				}
				g.copied[to] = in.Index
				to = path.Dir(to)
			}
		case "run":
			r := f.Run(in)
			if r.Opaque != "" {
				continue
			}
			for _, c := range r.Commands {
				if c.Name == "userdel" || c.Name == "deluser" || c.Name == "usermod" {
					g.gone = append(g.gone, removal{in.Index, true, Place{}})
				}
				for _, p := range r.Files(c).Removes {
					g.gone = append(g.gone, removal{in.Index, false, p})
				}
			}
		}
	}
	return g
}
