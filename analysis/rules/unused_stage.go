package rules

import (
	"fmt"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/stage"
)

// UnusedStage finds stages that no build reaches.
var UnusedStage = analysis.Rule{
	Name: "unused-stage",
	Doc: analysis.Doc{
		Summary: "no build reaches this stage",
		What:    "A stage without a name, not the last one, that no other stage stands on, copies from or mounts.",
		Why: "BuildKit leaves the stage out, so that what is written there is never run or tested; builders without BuildKit (Docker before 23) run all of it at each build. " +
			"Most often the last `FROM` was added to a file that ended before.",
		Silent: "For a stage with a name, which `docker build --target` may ask for; where a later stage stands on a variable.",
		Fix:    "There is none: what is not built may be kept on purpose.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run:      runUnusedStage,
}

func runUnusedStage(p *analysis.Pass) {
	g := p.Stages()
	if len(g.Stages) < 2 {
		return
	}
	reached := g.Reached(func(s *stage.Stage) bool { return s.Ships || s.Name != "" })
	for _, s := range g.Stages {
		if reached[s] || variableReference(p, s) {
			continue
		}
		p.Report(analysis.Diagnostic{
			Span:    s.From.Span,
			Message: fmt.Sprintf("No other stage uses this one, and without a name no build can ask for it: %s never built", lines(p.Line(s.From), lastLine(p, s))),
		})
	}
}

// variableReference reports whether a later stage's reference may mean any stage.
func variableReference(p *analysis.Pass, s *stage.Stage) bool {
	return slices.ContainsFunc(p.Stages().Stages[s.Index+1:], func(o *stage.Stage) bool { return !o.Base.Known() })
}

func lastLine(p *analysis.Pass, s *stage.Stage) int {
	last := s.From
	if n := len(s.Instructions); n > 0 {
		last = s.Instructions[n-1]
	}
	return p.Doc.Lines.Line(last.Span.End) + 1
}

// lines writes which lines something is on, with their verb.
func lines(first, last int) string {
	if first == last {
		return fmt.Sprintf("line %d is", first)
	}
	return fmt.Sprintf("lines %d to %d are", first, last)
}
