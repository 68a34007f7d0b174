package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// UnusedCopy finds files copied to a stage from which nobody takes them.
var UnusedCopy = analysis.Rule{
	Name: "unused-copy",
	Doc: analysis.Doc{
		Summary: "files are copied to a stage that nothing reads them from",
		What:    "A COPY or ADD behind the last `RUN` of a stage that does not ship, to a place that no `COPY --from` of this stage takes.",
		Why: "The step is built for nothing: with `COPY . .` at the end of a build stage each edit of any file makes 1 copy more, and all that is taken from the stage is looked at anew. " +
			"Most often the copy stands one line too low, or what should take it is missing.",
		Silent: "In a stage that ships, or that another one stands on or mounts; in one that nobody takes anything from, or that starts a program, which is likely built by name; " +
			"above a `RUN`, which may read anything; where a path is not known; on images that are not well known, and where a `RUN` makes links, which may lead elsewhere.",
		Fix: "There is none: the step that should use the files may be missing.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run:      runUnusedCopy,
}

func runUnusedCopy(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		if s.Ships || len(s.Children) > 0 || variableReference(p, s) || slices.ContainsFunc(s.Instructions, startsProgram) || mayLink(p, s) {
			continue
		}
		taken, ok := takenFrom(p, s)
		if !ok || len(taken) == 0 {
			continue
		}
		for _, in := range slices.Backward(s.Instructions) {
			if in.Name == "run" {
				break
			}
			if in.Name != "copy" && in.Name != "add" {
				continue
			}
			to, known := p.Dest(in)
			if !known || to == "/" || !in.Faithful || slices.ContainsFunc(taken, facts.Place{Path: to, All: true}.Meets) {
				continue
			}
			d := analysis.Diagnostic{
				Span:     in.Span,
				Message:  fmt.Sprintf("No RUN follows in this stage, and no other stage takes %s from it: these files are copied for nothing", to),
				Withheld: []string{"the step that should use the files may be missing"},
			}
			for _, o := range p.Stages().Stages {
				for _, c := range o.Instructions {
					if f := c.Flag("from"); f != nil && p.Stages().Find(f.Value) == s {
						d.Relate(c.Span, "takes other files from this stage")
					}
				}
			}
			p.Report(d)
		}
	}
}

// mayLink reports whether a folder of the stage may be a link to another one.
func mayLink(p *analysis.Pass, s *stage.Stage) bool {
	if p.Base(s) == nil && !s.Root().Scratch() {
		return true
	}
	for at := s; at != nil; at = at.Parent {
		if slices.ContainsFunc(p.Runs(at), func(r *facts.Run) bool {
			return slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return c.Name == "ln" })
		}) {
			return true
		}
	}
	return false
}

func startsProgram(in *syntax.Instruction) bool {
	return slices.Contains([]string{"cmd", "entrypoint", "onbuild", "healthcheck", "volume"}, in.Name)
}

// takenFrom lists the places that copies take from a stage. It is not ok where one is
// not known, or a RUN mounts the stage.
func takenFrom(p *analysis.Pass, s *stage.Stage) (taken []facts.Place, ok bool) {
	for _, o := range p.Stages().Stages {
		if !slices.Contains(o.Reads, s) {
			continue
		}
		for _, in := range o.Instructions {
			if in.Name == "run" && strings.Contains(in.Text.String(), "from=") {
				return nil, false
			}
			from := in.Flag("from")
			if from == nil {
				continue
			}
			if strings.Contains(from.Value, "$") {
				return nil, false
			}
			if p.Stages().Find(from.Value) != s || len(in.Args) < 2 {
				continue
			}
			for _, w := range in.Args[:len(in.Args)-1] {
				v := p.Stages().Expand(in, w.Value)
				if !v.Known() {
					return nil, false
				}
				at := path.Clean("/" + v.Text)
				if i := strings.IndexAny(at, "*?[\\"); i >= 0 {
					at = path.Dir(at[:i] + "x")
				}
				taken = append(taken, facts.Place{Path: at, All: true})
			}
		}
	}
	return taken, true
}
