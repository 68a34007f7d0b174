package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A symbolic link is another way to a file, and its name says nothing of it. Links
// come with copied folders, with archives, with what runs, and with base images.

// A Linked is a place below which symbolic links may lie that lead anywhere.
type Linked struct {
	Path   string // absolute; "/" where anything may be a link
	Itself bool   // Path itself may be one
}

// holds reports whether a link may stand in a path, the path itself included.
func (l Linked) holds(p string) bool {
	return under(p, l.Path) && (l.Itself || p != l.Path || p == "/")
}

// LinkedBelow lists the places below which links may lie in the files that an
// instruction starts from.
func (f *File) LinkedBelow(in *syntax.Instruction) []Linked {
	var out []Linked
	s := f.Stages().Of(in)
	for ; s != nil; s = s.Parent {
		for _, earlier := range s.Instructions {
			if earlier == in {
				break
			}
			out = append(out, f.links(earlier)...)
		}
		if s.Parent == nil && !s.Scratch() && !f.plainBase(s) {
			out = append(out, Linked{Path: "/"})
		}
	}
	return out
}

// plainBase reports whether a stage starts from a well-known image, whatever
// arguments the build is given: its links lead to its own files.
func (f *File) plainBase(s *stage.Stage) bool {
	b := f.Base(s)
	if b == nil || len(s.From.Args) == 0 {
		return false
	}
	name, tag, _ := strings.Cut(s.From.Args[0].Value, ":")
	return b.Certain || tag != "" && !strings.Contains(name, "$")
}

// links lists where one instruction may put links.
func (f *File) links(in *syntax.Instruction) []Linked {
	anywhere := []Linked{{Path: "/"}}
	switch in.Name {
	case "copy", "add":
		// A link that a copy names is followed: what it makes is none.
		if dest, ok := f.Dest(in); ok {
			return []Linked{{Path: dest}}
		}
		return anywhere
	case "run":
	default:
		return nil
	}
	r := f.Run(in)
	if r.Opaque != "" {
		return anywhere
	}
	var out []Linked
	for _, c := range r.Commands {
		if c.Builtin() {
			continue
		}
		if !c.Effect.Has(Settled) {
			return anywhere
		}
		switch c.Name {
		case "tar", "unzip", "git", "install", "cp", "mv", "ln":
		default:
			continue
		}
		files := r.Files(c)
		for _, p := range files.All() {
			files.Unknown = files.Unknown || !p.Literal()
			out = append(out, Linked{p.Path, c.Name == "cp" || c.Name == "mv" || c.Name == "ln"})
		}
		if files.Unknown {
			return anywhere
		}
	}
	return out
}

// Dest is the absolute path where a COPY, ADD or WORKDIR puts things.
func (f *File) Dest(in *syntax.Instruction) (string, bool) {
	to := in.Body.String()
	if in.Name != "workdir" {
		if len(in.Args) == 0 {
			return "", false
		}
		to = in.Args[len(in.Args)-1].Value
	}
	g := f.Stages()
	dest, dir := g.Expand(in, to), g.Workdir(in)
	if !dest.Known() || !path.IsAbs(dest.Text) && !dir.Known() {
		return "", false
	}
	if path.IsAbs(dest.Text) {
		return path.Clean(dest.Text), true
	}
	return path.Join("/", dir.Text, dest.Text), true
}

// Crosses reports whether a path may lead through one of the links.
func Crosses(dest string, links []Linked) bool {
	return slices.ContainsFunc(links, func(l Linked) bool { return l.holds(dest) })
}

// Follows reports whether one of the commands of a RUN may work through one of the
// links.
func (r *Run) Follows(links []Linked, commands ...*Command) bool {
	if len(links) == 0 {
		return false
	}
	if slices.ContainsFunc(links, func(l Linked) bool { return l.Path == "/" }) {
		return slices.ContainsFunc(commands, func(c *Command) bool { return !c.Builtin() })
	}
	return slices.ContainsFunc(commands, func(c *Command) bool {
		files := r.Files(c)
		return files.Unknown || slices.ContainsFunc(links, func(l Linked) bool {
			return slices.ContainsFunc(files.All(), Place{Path: l.Path, All: true}.Meets)
		})
	})
}
