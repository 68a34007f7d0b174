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

// LinkPlaces are places below which links may lie in the files that an instruction starts
// from: those that the instruction before it brought, and those before that.
type LinkPlaces struct {
	own      []Linked
	below    *LinkPlaces
	anywhere bool // anything may be a link
}

func link(own []Linked, below *LinkPlaces) *LinkPlaces {
	root := slices.ContainsFunc(own, func(l Linked) bool { return l.Path == "/" })
	return &LinkPlaces{own, below, root || below != nil && below.anywhere}
}

func (l *LinkPlaces) any(is func(Linked) bool) bool {
	for ; l != nil; l = l.below {
		if slices.ContainsFunc(l.own, is) {
			return true
		}
	}
	return false
}

// LinkedBelow finds the places below which links may lie in the files that an
// instruction starts from.
func (f *File) LinkedBelow(in *syntax.Instruction) *LinkPlaces {
	s := f.Stages().Of(in)
	if s == nil {
		return nil
	}
	before := Once(f, linksOf{s}, func() map[*syntax.Instruction]*LinkPlaces { return f.linksBefore(s) })
	if s.From == in {
		return before[nil]
	}
	return before[in]
}

type linksOf struct{ *stage.Stage }

// linksBefore finds them for each instruction of a stage, and for nil those behind all.
func (f *File) linksBefore(s *stage.Stage) map[*syntax.Instruction]*LinkPlaces {
	var links *LinkPlaces
	switch {
	case s.Parent != nil:
		links = Once(f, linksOf{s.Parent}, func() map[*syntax.Instruction]*LinkPlaces { return f.linksBefore(s.Parent) })[nil]
	case !s.Scratch() && !f.plainBase(s):
		links = link(everywhere, nil)
	}
	out := make(map[*syntax.Instruction]*LinkPlaces, len(s.Instructions)+1)
	for _, in := range s.Instructions {
		out[in] = links
		if own := f.links(in); len(own) > 0 {
			links = link(own, links)
		}
	}
	out[nil] = links
	return out
}

var everywhere = []Linked{{Path: "/"}}

// plainBase reports whether a stage starts from a well-known image, whatever
// arguments the build is given: its links lead to its own files.
func (f *File) plainBase(s *stage.Stage) bool {
	b := f.Base(s)
	return b != nil && b.Named
}

// links lists where one instruction may put links.
func (f *File) links(in *syntax.Instruction) []Linked {
	switch in.Name {
	case "copy", "add":
		// A link that a copy names is followed: what it makes is none.
		if dest, ok := f.Dest(in); ok {
			return []Linked{{Path: dest}}
		}
		return everywhere
	case "run":
	default:
		return nil
	}
	r := f.Run(in)
	if r.Opaque != "" {
		return everywhere
	}
	var out []Linked
	for _, c := range r.Commands {
		if c.Builtin() {
			continue
		}
		if !c.Effect.Has(Settled) {
			return everywhere
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
			return everywhere
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

// IntoFolder reports whether a COPY or ADD puts what it copies below its destination,
// by their own names: it says so, copies several, or the folder is there by then. A
// folder that the image brings is not known.
func (f *File) IntoFolder(in *syntax.Instruction) bool {
	if len(in.Args) != 2 {
		return len(in.Args) > 2
	}
	to := f.Stages().Expand(in, in.Args[1].Value).Text
	if to == "." || strings.HasSuffix(to, "/") || strings.HasSuffix(to, "/.") {
		return true
	}
	dest, ok := f.Dest(in)
	dir := f.Stages().Workdir(in)
	return ok && (dest == "/" || dir.Known() && dest == path.Clean(dir.Text))
}

// Crosses reports whether a path may lead through one of the links.
func (l *LinkPlaces) Crosses(dest string) bool {
	return l != nil && l.anywhere || l.any(func(l Linked) bool { return l.holds(dest) })
}

// Follows reports whether one of the commands of a RUN may work through one of the
// links.
func (r *Run) Follows(links *LinkPlaces, commands ...*Command) bool {
	if links == nil {
		return false
	}
	if links.anywhere {
		return slices.ContainsFunc(commands, func(c *Command) bool { return !c.Builtin() })
	}
	return slices.ContainsFunc(commands, func(c *Command) bool {
		files := r.Files(c)
		all := files.All()
		return files.Unknown || links.any(func(l Linked) bool {
			return slices.ContainsFunc(all, Place{Path: l.Path, All: true}.Meets)
		})
	})
}
