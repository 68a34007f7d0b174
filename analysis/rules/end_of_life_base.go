package rules

import (
	"fmt"
	"time"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
)

// EndOfLifeBase finds base images that get no updates any more.
var EndOfLifeBase = analysis.Rule{
	Name: "end-of-life-base",
	Doc: analysis.Doc{
		Summary: "the base image gets no security updates any more",
		What: "`FROM` of an official image with a release that has ended: of Debian, Ubuntu, Alpine, CentOS, Fedora, Node.js, Python, Go, PHP, Ruby, PostgreSQL, MySQL or MongoDB; " +
			"or a tag that names an ended release of the system below it, such as `python:3.12-buster`.",
		Why: "Holes that are found from then on stay open. And the build itself ends some day: the packages of an ended Debian move to archive.debian.org, " +
			"and those of CentOS 7 left their mirrors within days of its end, from which on `apt-get update` and `yum install` fail.",
		Silent: "For images that are not official, for releases that Shale's table does not have, and where a variable without a default holds the tag. " +
			"The table holds what had ended when this version of Shale was made: no clock and no network is asked, so that a build machine says the same each day. The option `releases` adds to it, other images too, and keeps a release that a vendor still supports; a day that it gives to come is waited for, by the clock.",
		Fix: "There is none: another release may need other packages.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Options: []analysis.Option{{
		Name:  "releases",
		Doc:   "what you know of releases, which goes over Shale's table: by image and version the day on which updates end, or `\"supported\"`, as in `releases = { \"debian:11\" = \"2031-06-30\", \"example.com/base:3\" = \"2026-01-31\" }`.",
		Entry: facts.CheckRelease,
	}},
	Run: func(p *analysis.Pass) {
		own, today := facts.Releases(p.Table("releases")), ""
		if len(own) > 0 {
			today = time.Now().Format(time.DateOnly)
		}
		for _, s := range p.Stages().Stages {
			if s.Parent != nil || len(s.From.Args) == 0 {
				continue
			}
			for _, e := range p.Ended(s, own, today) {
				message := fmt.Sprintf("%s has had no updates since %s", e.Release, e.Since)
				if e.Next != "" {
					message += "; " + e.Next + " still gets them"
				}
				p.Report(analysis.Diagnostic{Span: s.From.Args[0].Span(), Message: message, Withheld: []string{"another release may need other packages"}})
				break
			}
		}
	},
}
