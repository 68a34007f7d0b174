package rules

import (
	"fmt"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/cleanup"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

// PackageCache finds package caches and indexes that an image ships for nothing.
var PackageCache = analysis.Rule{
	Name: "package-cache",
	Doc: analysis.Doc{
		Summary: "a layer ships a package manager's cache or index that nothing later needs",
		What:    "A `RUN` of a stage that ships which installs with apt, apk, npm or pip and leaves the manager's index or download cache in its layer.",
		Why: "Every pull and every registry carries it. `apt-get update` on Debian 12 leaves 19.9 MB in `/var/lib/apt/lists`; " +
			"npm and pip keep a second copy of what they install.",
		Silent: "In a stage that does not ship. When the same RUN cleans the cache, may clean it (it runs a script, or names the folder), mounts it, " +
			"or the environment moves it or turns it off. When the next RUN installs from the index: then the two belong together first. " +
			"For pip on an image that may set `PIP_NO_CACHE_DIR` itself.",
		Fix: "Adds the clean-up as the last command of the RUN's `&&` chain, or the manager's own flag. Only the cache named in the title stops shipping. " +
			"Safe when nothing later can need the index: no install without an update and no program that is not known, in this stage or one `FROM` it, " +
			"no `COPY --from` of the folder, and no ENTRYPOINT or CMD script that installs or cannot be read. Otherwise the fix is unsafe and says which line stands in the way. " +
			"pip before 19.1 installs source packages in another form with `--no-cache-dir`: safe on `python:3.8` and later. " +
			"apk before Alpine 3.8 fails without an index where `--no-cache` does not: safe on `alpine:3.8` and later. " +
			"What people run later in a container, or build on the image in another repository, is outside the promise. It stands on lines 16 to 18 of the soundness list.",
	},
	Aliases:  []string{"DL3009", "DL3019", "DL3042"},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Run:      runPackageCache,
}

func runPackageCache(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		if !s.Ships {
			continue
		}
		shipped := map[string]bool{} // folders that an earlier layer of the stage ships already
		for _, r := range p.Runs(s) {
			for _, left := range p.Leftovers(r) {
				if later, _ := p.CleanedLater(r, left.Cache); later != nil {
					continue // deleted too late, which is another rule's
				}
				if shipped[left.Cache.Dir] || left.Cache.Cleanup == nil && left.Cache.Flag == nil {
					continue // shipped already, or nothing is known to help
				}
				shipped[left.Cache.Dir] = true
				if d, ok := leftover(p, r, left); ok {
					p.Report(d)
				}
			}
		}
	}
}

// leftover reports one cache that a RUN leaves in its layer.
func leftover(p *analysis.Pass, r *facts.Run, left facts.Leftover) (analysis.Diagnostic, bool) {
	cache := left.Cache
	use := p.LaterUse(r, cache)
	if use.Certain && use.Next && left.By.Call.Verb == pkgmgr.Update {
		return analysis.Diagnostic{}, false // merge first
	}
	manager := left.By.Call.Manager
	d := analysis.Diagnostic{
		Span:    r.Program.Span(left.By.Node.Range),
		Message: fmt.Sprintf("%s leaves its %s in %s, and the image ships it%s", manager.Name, cache.What, cache.Dir, size(cache.Bytes)),
		Gain:    analysis.Gain{Bytes: cache.Bytes},
	}
	if use.Certain {
		d.Withheld = []string{use.Why + "; clean after the last use, or join the RUNs"}
		return d, true
	}
	fix, why := cleanup.Mend(p.File, r, left)
	d.Withheld = append(d.Withheld, why...)
	if len(fix.Edits) == 0 {
		return d, true
	}
	d.Fixes = []analysis.Fix{fix}
	return d, true
}
