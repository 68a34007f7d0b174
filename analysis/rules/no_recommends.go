package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
)

// NoRecommends finds installs that bring what packages only recommend.
var NoRecommends = analysis.Rule{
	Name: "no-recommends",
	Doc: analysis.Doc{
		Summary: "an install brings packages that are only recommended",
		What:    "An `apt-get install` or `apt install` without `--no-install-recommends`, in a stage that ships. One finding a `RUN`.",
		Why: "Debian's and Ubuntu's packages recommend others that most users of a desktop want and few containers do: documentation viewers, compilers, mail servers. " +
			"On Debian 12 apt counts 40 MB more for `git` and 48 MB more for `curl` with what they recommend (`apt-get install --assume-no`, from an empty system); " +
			"how many bytes it is for others depends on the packages, so that findings name none.",
		Silent: "Where `APT::Install-Recommends` or a file of apt's configuration is spoken of anywhere in the Dockerfile, behind a copy to `/` or `/etc`, on images other than the official ones (they may have switched it off), " +
			"and where nothing is installed by name. For zypper and dnf: their images switch weak dependencies off or not, from release to release, and which ones do is not known here.",
		Fix: "Adds `--no-install-recommends` to each install of the `RUN`. Always unsafe: software may need what its package only recommends. " +
			"`curl` and `git` then come without `ca-certificates` and reach no HTTPS server, `apt-key` without `gnupg` reads no key. Add by name what is missing.",
	},
	Aliases:  []string{"DL3015"},
	Best:     analysis.Unsafe,
	Severity: analysis.Info,
	Run:      runNoRecommends,
}

func runNoRecommends(p *analysis.Pass) {
	if strings.Contains(p.Doc.Content, "Install-Recommends") || strings.Contains(p.Doc.Content, "apt.conf") || strings.Contains(p.Doc.Content, "APT_CONFIG") {
		return
	}
	for _, s := range p.Stages().Stages {
		if !s.Ships || p.Base(s) == nil || !p.Base(s).Certain {
			continue
		}
		from := mayConfigure(p, s)
		for _, r := range p.Runs(s) {
			if r.In.Index > from {
				break
			}
			calls := slices.DeleteFunc(slices.Clone(r.Commands), func(c *facts.Command) bool { return !recommends(c) })
			if len(calls) == 0 {
				continue
			}
			fix := analysis.Fix{
				Title:  "Add --no-install-recommends (what is only recommended, such as ca-certificates or gnupg, would be missing)",
				Safety: analysis.Unsafe,
				Relies: []source.Span{r.In.Span},
			}
			for _, c := range calls {
				fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(r.Program.Text.HomeEnd(c.Call.VerbEnd), " --no-install-recommends")})
			}
			p.Report(analysis.Diagnostic{
				Span:     spanOf(r, calls[0]),
				Message:  fmt.Sprintf("%s installs what these packages only recommend, too", calls[0].Name),
				Withheld: []string{"software may need what its package only recommends"},
				Fixes:    []analysis.Fix{fix},
			})
		}
	}
}

// mayConfigure returns the index of the first copy of a stage, or of those that it is
// FROM, that may bring apt's configuration.
func mayConfigure(p *analysis.Pass, s *stage.Stage) int {
	if s == nil {
		return len(p.Doc.Instructions)
	}
	return facts.Once(p.File, mayConfigureIn{s}, func() int {
		if below := mayConfigure(p, s.Parent); below < len(p.Doc.Instructions) {
			return below
		}
		for _, in := range s.Instructions {
			if in.Name != "copy" && in.Name != "add" || len(in.Args) == 0 {
				continue
			}
			if to := p.Stages().Expand(in, in.Args[len(in.Args)-1].Value); !to.Known() || to.Text == "/" || strings.HasPrefix(to.Text, "/etc") {
				return in.Index
			}
		}
		return len(p.Doc.Instructions)
	})
}

type mayConfigureIn struct{ *stage.Stage }

// recommends reports whether a command is an install by name that brings what is
// recommended.
func recommends(c *facts.Command) bool {
	return c.Call != nil && c.Call.Manager == &pkgmgr.Apt && (c.Name == "apt-get" || c.Name == "apt") && c.Call.Word == "install" && !c.Call.Unclear && c.Script == nil &&
		len(c.Call.Names) > 0 && !c.Call.Has("--no-install-recommends", "--install-recommends", "-s", "--simulate", "--dry-run", "-d", "--download-only", "--print-uris", "--reinstall", "-c", "--config-file")
}
