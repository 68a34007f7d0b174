// Package stage knows the stages of a Dockerfile: which of them ship, what each
// builds on, and the ARG, ENV, USER, WORKDIR and SHELL in force at each line.
package stage

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/syntax"
)

// A Graph is the stages of one Dockerfile.
type Graph struct {
	Doc     *syntax.Document
	Globals []*syntax.Instruction // the ARGs before the first FROM
	Stages  []*Stage

	of      map[*syntax.Instruction]*Stage
	named   map[string]*Stage // the last one of each name
	globals *scope
	args    map[string]string
}

// A Stage is a FROM and what follows it up to the next one.
type Stage struct {
	Index        int
	Name         string // lower case, as BuildKit compares it; "" if it has none
	From         *syntax.Instruction
	Base         Value                 // the image or stage after FROM, variables expanded
	Parent       *Stage                // the earlier stage that it is FROM; nil for an image
	Platform     *syntax.Flag          // --platform, or nil
	Windows      bool                  // it stands on an image of Windows
	Instructions []*syntax.Instruction // those after the FROM
	Ships        bool                  // its layers are in an image that somebody builds by name or by default
	Reads        []*Stage              // stages that it copies or mounts from
	Children     []*Stage              // stages FROM this one

	scope *scope
}

// Scratch reports whether the stage starts from nothing.
func (s *Stage) Scratch() bool { return s.Parent == nil && s.Base.Known() && s.Base.Text == "scratch" }

// Root is the stage at the bottom of the chain of FROMs.
func (s *Stage) Root() *Stage {
	for s.Parent != nil {
		s = s.Parent
	}
	return s
}

// Untaken yields the stages that ship, that no other stage stands on, and that none takes
// anything from.
func (g *Graph) Untaken() iter.Seq[*Stage] {
	return func(yield func(*Stage) bool) {
		for _, s := range g.Stages {
			taken := len(s.Children) > 0 || slices.ContainsFunc(g.Stages, func(o *Stage) bool { return slices.Contains(o.Reads, s) })
			if s.Ships && !taken && !yield(s) {
				return
			}
		}
	}
}

// External reports whether the chain of FROMs ends in an image that is not in
// this Dockerfile, of which nothing is known.
func (s *Stage) External() bool { return !s.Root().Scratch() }

// Options say how the Dockerfile is known to be built.
type Options struct {
	Targets []string          // the stages that are built by name, besides the last one
	Args    map[string]string // values that build arguments have, as a default: another build may give others
}

// New reads the stages. Targets are the stages that are built by name, besides
// the last one, which a build without a target makes.
func New(doc *syntax.Document, targets ...string) *Graph {
	return With(doc, Options{Targets: targets})
}

// With reads the stages of a Dockerfile of which more is known.
func With(doc *syntax.Document, o Options) *Graph {
	g := &Graph{Doc: doc, of: make(map[*syntax.Instruction]*Stage, len(doc.Instructions)), args: o.Args}
	g.globals = newScope(doc, nil)
	g.globals.args = o.Args
	byName := map[string]*Stage{}
	g.named = byName
	var current *Stage
	for _, in := range doc.Instructions {
		switch {
		case in.Name == "from":
			current = g.open(in, byName)
		case current == nil:
			if in.Name == "arg" {
				g.Globals = append(g.Globals, in)
				g.globals.argument(in, nil)
			}
		default:
			g.of[in] = current
			current.Instructions = append(current.Instructions, in)
			current.scope.apply(in, g.globals)
			g.read(current, in, byName)
		}
	}
	if n := len(g.Stages); n > 0 {
		ship(g.Stages[n-1])
	}
	for _, t := range o.Targets {
		if s := g.Find(t); s != nil {
			ship(s)
		}
	}
	return g
}

// ship marks the stage and those whose layers it contains.
func ship(s *Stage) {
	for ; s != nil && !s.Ships; s = s.Parent {
		s.Ships = true
	}
}

func (g *Graph) open(in *syntax.Instruction, byName map[string]*Stage) *Stage {
	s := &Stage{Index: len(g.Stages), From: in, Platform: in.Flag("platform")}
	if len(in.Args) > 0 {
		s.Base = g.globals.expand(in.Args[0].Value, in.Index)
	}
	// BuildKit looks for a stage by the name after expansion; where that may be
	// overridden it may be a stage or an image.
	if parent := byName[strings.ToLower(s.Base.Text)]; parent != nil && s.Base.Known() {
		s.Parent = parent
		parent.Children = append(parent.Children, s)
	}
	s.Windows = g.onWindows(s)
	if len(in.Args) == 3 && strings.EqualFold(in.Args[1].Value, "as") {
		s.Name = strings.ToLower(in.Args[2].Value)
		byName[s.Name] = s
	}
	var below *scope
	if s.Parent != nil {
		below = s.Parent.scope
	}
	s.scope = newScope(g.Doc, below)
	s.scope.args = g.args
	s.scope.scratch = s.Scratch()
	g.of[in] = s
	g.Stages = append(g.Stages, s)
	if s.Parent != nil {
		for _, below := range s.Parent.Instructions {
			if sub := below.Sub; sub != nil {
				s.scope.triggered(sub, in.Index)
				g.read(s, sub, byName)
			}
		}
	}
	return s
}

// read notes the stages that a COPY or a mount takes files from.
func (g *Graph) read(s *Stage, in *syntax.Instruction, byName map[string]*Stage) {
	for _, f := range in.Flags {
		switch {
		case f.Name == "from":
			g.addRead(s, f.Value, byName)
		case f.Name == "mount":
			// BuildKit reads a record of CSV, with names in any case.
			for part := range strings.SplitSeq(f.Value, ",") {
				if key, from, _ := strings.Cut(strings.Trim(part, `"`), "="); strings.EqualFold(key, "from") {
					g.addRead(s, from, byName)
				}
			}
		}
	}
}

func (g *Graph) addRead(s *Stage, name string, byName map[string]*Stage) {
	from := byName[strings.ToLower(name)]
	if i, err := strconv.Atoi(name); err == nil && from == nil && i >= 0 && i < s.Index {
		from = g.Stages[i]
	}
	if from != nil && from != s {
		s.Reads = append(s.Reads, from)
	}
}

// Reached returns the stages that a build of the last stage needs, or of one that is asked
// for.
func (g *Graph) Reached(asked func(*Stage) bool) map[*Stage]bool {
	reached := map[*Stage]bool{}
	var add func(s *Stage)
	add = func(s *Stage) {
		if s == nil || reached[s] {
			return
		}
		reached[s] = true
		add(s.Parent)
		for _, o := range s.Reads {
			add(o)
		}
	}
	for i, s := range g.Stages {
		if i == len(g.Stages)-1 || asked(s) {
			add(s)
		}
	}
	return reached
}

// Of returns the stage that an instruction belongs to, or nil before the first FROM.
func (g *Graph) Of(in *syntax.Instruction) *Stage { return g.of[in] }

// Find returns the stage with that name or index, or nil.
func (g *Graph) Find(name string) *Stage {
	if s := g.named[strings.ToLower(name)]; s != nil && s.Name != "" {
		return s
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(g.Stages) {
		return g.Stages[i]
	}
	return nil
}
