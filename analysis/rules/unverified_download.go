package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
)

// UnverifiedDownload finds code that is fetched and run unseen.
var UnverifiedDownload = analysis.Rule{
	Name: "unverified-download",
	Doc: analysis.Doc{
		Summary: "a script from the network is run as it comes",
		What:    "`curl … | sh`, `wget -O- … | bash`: what a server sends is run, and nothing holds it to a checksum or signature.",
		Why: "Whoever controls the server or the name runs code in the build, and from then on in the image; and the step installs whatever version the script has that day. " +
			"In `/bin/sh` the status of `curl` is lost as well: half a script is run, and the build goes on. Of 4,001 public Dockerfiles 155 lines do it.",
		Silent: "Where the pipe goes through a program that is no shell, and for addresses of the container itself (`localhost`).",
		Fix:    "There is none: the checksum is not known. Save the file, hold it to `sha256sum -c`, and then run it.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run: func(p *analysis.Pass) {
		for r := range allRuns(p) {
			for i, c := range r.Commands {
				if c.Name != "curl" && c.Name != "wget" {
					continue
				}
				if by := runBy(r, i, c); by != "" && !local(c) {
					p.Report(analysis.Diagnostic{
						Span:     r.SpanOf(c),
						Message:  fmt.Sprintf("%s runs whatever the server sends: no checksum or signature is asked for", by),
						Withheld: []string{"the checksum is not known"},
					})
				}
			}
		}
	},
}

// shells run what comes on their standard input.
var shells = []string{"sh", "bash", "dash", "ash", "zsh", "ksh"}

// runBy names the shell that a download is piped to.
func runBy(r *facts.Run, at int, c *facts.Command) string {
	pipe := c.Context.Parent
	if pipe == nil || pipe.Kind != shell.Pipe || !slices.Contains(pipe.Children, c.Node) {
		return ""
	}
	for _, other := range r.Commands[at+1:] {
		if other.Context.Parent != pipe {
			continue
		}
		if slices.Contains(shells, other.Name) {
			if slices.ContainsFunc(other.Args, func(w shell.Word) bool {
				text, ok := w.Literal()
				return !ok || text == "-c" || !strings.HasPrefix(text, "-") && text != "/dev/stdin"
			}) && !slices.ContainsFunc(other.Args, func(w shell.Word) bool { text, _ := w.Literal(); return text == "-s" || text == "-" || text == "--" }) {
				return ""
			}
			return other.Name
		}
		if other.Name != "tee" {
			return ""
		}
	}
	return ""
}

// local reports whether a download comes from the container itself.
func local(c *facts.Command) bool {
	return slices.ContainsFunc(c.Args, func(w shell.Word) bool {
		text := facts.Shape(w)
		return strings.Contains(text, "//localhost") || strings.Contains(text, "//127.") || strings.HasPrefix(text, "localhost")
	})
}
