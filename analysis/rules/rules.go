// Package rules holds Shale's rules, one file each. A rule knows no other rule.
package rules

import (
	"fmt"
	"iter"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

// All returns every rule in the order of their names.
func All() []*analysis.Rule {
	return []*analysis.Rule{
		&AddRemote,
		&ArchiveLeft,
		&BroadCopy,
		&BuildError,
		&BuildToolsShipped,
		&CacheMount,
		&ChmodAfterCopy,
		&ChownAfterCopy,
		&CombineInstalls,
		&CopiedTwice,
		&CopyBeforeInstall,
		&CopyLink,
		&DistrolessCandidate,
		&EndOfLifeBase,
		&FloatingTag,
		&HeavyBase,
		&LateCleanup,
		&MergeRuns,
		&MissingDockerignore,
		&NoDocs,
		&NoRecommends,
		&Order,
		&PackageCache,
		&RootUser,
		&SecretInLayer,
		&StalePackageIndex,
		&Sudo,
		&TemporaryFiles,
		&TooManyLayers,
		&UnusedCopy,
		&UnusedStage,
		&UnverifiedDownload,
		&VolatileArg,
		&WorldWritable,
	}
}

// allRuns yields the RUNs of every stage, of those that do not ship too.
func allRuns(p *analysis.Pass) iter.Seq[*facts.Run] {
	return func(yield func(*facts.Run) bool) {
		for _, s := range p.Stages().Stages {
			for _, r := range p.Runs(s) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// joinFix offers to make RUNs one, or says why that is not offered.
func joinFix(p *analysis.Pass, d *analysis.Diagnostic, runs []*facts.Run) {
	c, never := chain.Join(p.File, runs...)
	if never != "" {
		d.Withheld = append(d.Withheld, never)
		return
	}
	fix := c.Fix(p.File)
	fix.Title = fmt.Sprintf("Merge %d RUNs into one", len(runs))
	if c.Doubt != "" {
		d.Withheld = append(d.Withheld, c.Doubt)
		fix.Title += " (" + c.Doubt + ")"
	}
	d.Fixes = append(d.Fixes, fix)
}

// leaves is how many bytes a call of the RUN leaves in a cache, as far as that was
// measured.
func leaves(p *analysis.Pass, r *facts.Run, cache *pkgmgr.Cache) int64 {
	image := ""
	if b := p.Base(r.Stage); b != nil {
		image = b.Name
	}
	return cache.Leaves(image)
}
