package rules

import (
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/attributes"
)

// ChownAfterCopy finds copied files that a RUN gives to another owner.
var ChownAfterCopy = analysis.Rule{
	Name: "chown-after-copy",
	Doc: analysis.Doc{
		Summary: "files are copied, and a RUN changes their owner: they ship twice",
		What:    "In a stage that ships: `chown` or `chgrp`, recursive or of one file, of what a COPY or ADD of the same stage brought, where that gave it no owner.",
		Why: "A layer holds a file again, whole, as soon as its owner changes: copied files are 2 times as large in the image, and the step takes the time to write them. " +
			"`COPY --chown` gives them the owner at once.",
		Silent: "Where the owner is root, whom copied files belong to anyway; for scripts, settings and whatever is not known to be large, by its size where the build context is known, or else by its name; where it is not certain that the command runs or which files it means; where the COPY has `--chown`.",
		Fix: "Adds `--chown` to the COPY, and to the small ones beside it, and takes the `chown` out of its `RUN`; what no COPY brings stays its operand. Unsafe, for builds differ where the destination was there before: it keeps its owner, as WORKDIR's folder does, and so do files in it; " +
			"where folders above it are made by the COPY, which get the owner too; and where a program runs with its owner's rights (setuid), which `chown` takes from it and `COPY --chown` does not. " +
			"That none of this is so an outside base image does not tell. Where the folder is new, its parent is there and nothing in it is setuid, two builds are the same. " +
			"Not offered where a `RUN` makes files there, where another `chown` meets some of the same, and where the user or group is named and a `RUN` between the two may have made it: COPY needs it to exist.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      func(p *analysis.Pass) { attributes.SetLate(p, "chown", "chgrp") },
}
