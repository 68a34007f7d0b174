package main

import (
	"fmt"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

// figures is the page of the bytes that were measured.
func figures() string {
	var b strings.Builder
	b.WriteString(`# Measured bytes

Every number of bytes that Shale names of package managers, and how it was measured: uncompressed, ` +
		"as the files of a layer or, for what is recommended, as apt itself counts. A finding names one only where it is the same whatever is installed, " +
		"which the last column says; the others show what to expect. Of managers that are missing here nobody has measured any, and Shale names none.\n\n")
	b.WriteString("| manager | after | in | bytes | how it was measured | in findings |\n|---|---|---|---|---|---|\n")
	for _, f := range pkgmgr.Figures {
		dir, finding := "", ""
		if f.Dir != "" {
			dir = "`" + f.Dir + "`"
		}
		if f.Any {
			finding = "yes"
			if len(f.Not) > 0 {
				finding += ", not on " + strings.Join(f.Not, ", ")
			}
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s |\n", f.Manager, f.After, dir, f, f.How, finding)
	}
	b.WriteString("\n## Images\n\nThe official images of which [heavy-base](rules/heavy-base.md) names sizes: uncompressed, as the layers lie on a disk, for linux/amd64, " +
		"as docker-library/repo-info told them from July to September 2026. Of a release that is not here a finding names these as an example, and no gain.\n\n")
	b.WriteString("| measured | full | small |\n|---|---|---|\n")
	for _, v := range facts.VariantTable {
		for _, f := range v.Figures {
			fmt.Fprintf(&b, "| %s | %.0f MB | %.0f MB |\n", f.Of, float64(f.Full)/1e6, float64(f.Slim)/1e6)
		}
	}
	return b.String()
}
