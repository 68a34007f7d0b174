package rules

import (
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// Sudo finds sudo where the RUN has root's rights anyway.
var Sudo = analysis.Rule{
	Name: "sudo",
	Doc: analysis.Doc{
		Summary: "sudo is used where root runs already",
		What:    "`sudo` before a command of a `RUN` that is certain to run as root, because a `USER` of the Dockerfile says so.",
		Why: "It changes nothing there but needs sudo in the image, which is 1 more program with root's rights in what ships; " +
			"and sudo takes variables out of the environment, so that `http_proxy` or a build argument is missing for that command.",
		Silent: "Where the user is not known: an outside image may have set one. For `sudo -u` and the like, which become another user.",
		Fix:    "There is none yet that is right in each case: sudo resets the environment, so that the command may do something else without it.",
	},
	Aliases:  []string{"DL3004"},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run: func(p *analysis.Pass) {
		for r := range allRuns(p) {
			if !p.Stages().User(r.In).Root() {
				continue
			}
			for _, c := range r.Commands {
				for i, w := range c.Prefix {
					if text, _ := w.Literal(); text == "sudo" && asRoot(c.Prefix[i+1:]) {
						p.Report(analysis.Diagnostic{
							Span:     source.Span{Start: r.Program.Text.Home(w.From), End: r.Program.Text.HomeEnd(w.To)},
							Message:  "This RUN is root's already: sudo adds nothing but a program with root's rights to the image",
							Withheld: []string{"sudo resets the environment: without it the command may see other variables"},
						})
					}
				}
			}
		}
	},
}

// asRoot reports whether sudo, by the words behind it, runs a command as root, in this
// folder and with this home: by no option, or by such as say nothing of a user.
func asRoot(words []shell.Word) bool {
	for _, w := range words {
		text, ok := w.Literal()
		switch {
		case !ok:
			return false
		case strings.HasPrefix(text, "--"):
			if name, _, _ := strings.Cut(text, "="); name != "--" && name != "--preserve-env" && name != "--set-home" && name != "--non-interactive" && name != "--stdin" {
				return false
			}
		case strings.HasPrefix(text, "-"):
			if strings.Trim(text[1:], "EHnSPk") != "" {
				return false
			}
		case !strings.Contains(text, "="):
			return true
		}
	}
	return true
}
