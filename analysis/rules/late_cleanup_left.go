package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
)

// runsWithin reports whether the folder that a RUN starts in may be one that is deleted,
// or lie in it. A file that a RUN made is none.
func runsWithin(p *analysis.Pass, a, r *facts.Run, places []facts.Place) bool {
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
		base := p.Base(r.Stage)
		return base == nil || !base.Named // a well-known image sets none of these
	}
	return p.LinkedBelow(r.In).Crosses(dir) || slices.ContainsFunc(folders, func(place facts.Place) bool {
		if place.Pattern == "[]" { // it may match anything
			return strings.HasPrefix(dir, strings.TrimSuffix(place.Path, "/")+"/")
		}
		return place.Covers(facts.Place{Path: dir, All: true})
	})
}
