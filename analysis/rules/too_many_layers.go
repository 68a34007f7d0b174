package rules

import (
	"fmt"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/stage"
)

// TooManyLayers finds images near the number of layers at which they no longer start.
var TooManyLayers = analysis.Rule{
	Name: "too-many-layers",
	Doc: analysis.Doc{
		Summary: "the image has so many layers that it may build and not start",
		What:    "A stage that ships with more than 100 `RUN`, `COPY`, `ADD` and `WORKDIR` instructions, those of the stages that it stands on included.",
		Why: "Docker's overlay2 driver takes at most 128 layers, those of the base image among them; a container of an image with more fails with \"max depth exceeded\", after the build succeeded. " +
			"A base image has 1 to 15.",
		Silent: "Up to 100 layers.",
		Fix:    "There is none of its own: merge-runs with `when = \"always\"` joins what may be joined.",
	},
	Best:     analysis.Display,
	Severity: analysis.Warning,
	Run: func(p *analysis.Pass) {
		const most = 100
		layers := map[*stage.Stage]int{}
		for _, s := range p.Stages().Stages {
			n := 0
			if s.Parent != nil {
				n = layers[s.Parent]
			}
			for _, in := range s.Instructions {
				switch in.Name {
				case "run", "copy", "add", "workdir":
					n++
				}
			}
			layers[s] = n
			if s.Ships && n > most {
				p.Report(analysis.Diagnostic{
					Span:     s.From.Span,
					Message:  fmt.Sprintf("This image has %d layers besides those of its base: from 128 on it builds, and does not start", n),
					Withheld: []string{"which steps belong together is yours to say; rules.merge-runs.when = \"always\" joins RUNs"},
				})
			}
		}
	},
}
