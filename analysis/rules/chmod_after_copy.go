package rules

import (
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/attributes"
)

// ChmodAfterCopy finds copied files whose mode a RUN changes.
var ChmodAfterCopy = analysis.Rule{
	Name: "chmod-after-copy",
	Doc: analysis.Doc{
		Summary: "files are copied, and a RUN changes their mode: they ship twice",
		What:    "In a stage that ships: `chmod` with a mode in figures, of what a COPY or ADD of the same stage brought, where that gave it no mode.",
		Why: "A layer holds a file again, whole, as soon as its mode changes: a binary is 2 times as large in the image. " +
			"`COPY --chmod` gives the mode at once. It needs BuildKit, which is Docker's builder since version 23.",
		Silent: "For scripts, settings and whatever is not known to be large, by its size where the build context is known, or else by its name: one layer more costs nothing worth a warning. " +
			"For modes in letters (`+x`), which depend on the mode that the file had; where it is not certain that the command runs or which files it means; where the COPY has `--chmod`.",
		Fix: "Adds `--chmod` to the COPY, and to the small ones beside it, and takes the `chmod` out of its `RUN`; what no COPY brings stays its operand. Unsafe: folders that were there before, and files that other lines put there, keep the mode that they have; COPY gives the mode to all in a folder, whether `chmod` was told to or not; " +
			"and builders without BuildKit refuse the flag. Not offered where a `RUN` makes files there, or another `chmod` meets some of the same.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      func(p *analysis.Pass) { attributes.SetLate(p, "chmod") },
}
