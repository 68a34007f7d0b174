package cleanup

import (
	"fmt"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/source"
)

// Pointless reports whether a RUN does nothing but fetch what nothing later needs:
// with a clean-up behind it, it would do nothing at all.
func Pointless(f *facts.File, r *facts.Run, left facts.Leftover) bool {
	return f.LaterUse(r, left.Cache).Why == "" && !slices.ContainsFunc(r.All(), func(c *facts.Command) bool {
		return c.Call == nil || c.Call.Manager != left.By.Call.Manager || c.Call.Unclear || c.Call.Verb != pkgmgr.Update
	})
}

// remove makes the fix that takes a pointless RUN out of the file, where no comment
// stands with it. It is not safe: the build no longer fails where the RUN does.
func remove(f *facts.File, r *facts.Run, left facts.Leftover) (fix analysis.Fix, withheld []string) {
	call := r.Program.Source(left.By.Node.Range)
	withheld = []string{fmt.Sprintf("nothing needs what `%s` fetches, but a build that fails there would go on without it", call)}
	edit, comments, never := chain.Remove(f, r.In)
	if never != "" || len(comments) > 0 || len(r.In.Inside) > 0 {
		return fix, withheld // a comment would be lost with it
	}
	return analysis.Fix{
		Title:  fmt.Sprintf("Remove `%s`, which nothing needs (a build that fails there would go on)", call),
		Safety: analysis.Unsafe,
		Edits:  []analysis.Edit{edit},
		Relies: []source.Span{r.In.Span},
	}, withheld
}
