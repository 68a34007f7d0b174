// Package rules holds Shale's rules, one file each. A rule knows no other rule.
package rules

import "github.com/shale-build/shale/analysis"

// All returns every rule in the order of their names.
func All() []*analysis.Rule {
	return []*analysis.Rule{
		&CopyBeforeInstall,
		&MergeRuns,
		&PackageCache,
	}
}
