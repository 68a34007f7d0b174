package rules

import (
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/stage"
)

// FloatingTag finds base images of no certain version.
var FloatingTag = analysis.Rule{
	Name: "floating-tag",
	Doc: analysis.Doc{
		Summary: "the base image has no version: another day builds on another image",
		What:    "`FROM` of an outside image without a tag or digest, or with the tag `latest`.",
		Why: "The tag moves to the next major release on a day that nobody here chooses: `FROM node` was Node 24 in September 2025 and 25 two months later. " +
			"The build changes, or breaks, without a change of the Dockerfile, and with the base all layers above it are built again.",
		Silent: "For stages and `scratch`, for images with a digest, and where a variable holds the tag.",
		Fix:    "There is none: which version is wanted is not known.",
	},
	Aliases:  []string{"DL3006", "DL3007"},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run: func(p *analysis.Pass) {
		for _, s := range p.Stages().Stages {
			_, tag, digest := facts.Image(s.Base.Text)
			if s.Parent != nil || s.Base.Is != stage.Set || s.Base.Text == "scratch" || digest || len(s.From.Args) == 0 {
				continue
			}
			d := analysis.Diagnostic{Span: s.From.Args[0].Span(), Withheld: []string{"which version is wanted is not known"}}
			switch tag {
			case "":
				d.Message = s.Base.Text + " has no tag, which means latest: another day builds on another release"
			case "latest":
				d.Message = s.Base.Text + " moves: another day builds on another release"
			default:
				continue
			}
			p.Report(d)
		}
	},
}
