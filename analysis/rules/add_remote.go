package rules

import (
	"strings"

	"github.com/shale-build/shale/analysis"
)

// AddRemote finds remote files that are added without a checksum.
var AddRemote = analysis.Rule{
	Name: "add-remote",
	Doc: analysis.Doc{
		Summary: "a remote file is added without a checksum",
		What:    "`ADD https://…` without `--checksum`.",
		Why: "BuildKit asks the server at each build whether the file is still the same: the build needs the network although everything is cached, and whatever the server then answers goes into the image, " +
			"and makes every later step run again. With `--checksum=sha256:…` a file that is at hand is used without a request, and another one fails the build.",
		Silent: "For git repositories, for addresses that hold a variable, and where `--checksum` is given.",
		Fix:    "There is none: the checksum is not known. `curl -fsSL URL | sha256sum` tells it.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run: func(p *analysis.Pass) {
		for _, in := range p.Doc.Instructions {
			if in.Name != "add" || !in.Faithful || in.Flag("checksum") != nil || len(in.Args) < 2 {
				continue
			}
			for _, w := range in.Args[:len(in.Args)-1] {
				url := w.Value
				if (strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")) && !strings.Contains(url, "$") && !gitAddress(url) {
					p.Report(analysis.Diagnostic{
						Span:     w.Span(),
						Message:  "The build asks for this file each time, and takes whatever comes: ADD --checksum=sha256:… pins it",
						Withheld: []string{"the checksum is not known"},
					})
				}
			}
		}
	},
}

// gitAddress reports whether BuildKit clones an address.
func gitAddress(url string) bool {
	url, _, _ = strings.Cut(url, "#")
	url, _, _ = strings.Cut(url, "?")
	return strings.HasSuffix(url, ".git")
}
