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
		What: "An `apt-get install` or `apt install` without `--no-install-recommends`, a `dnf install` on the official fedora image without `--setopt=install_weak_deps=False`, " +
			"and a `zypper install --recommends`, in a stage that ships. One finding a `RUN` and manager.",
		Why: "Debian's and Ubuntu's packages recommend others that most users of a desktop want and few containers do: documentation viewers, compilers, mail servers. " +
			"On Debian 12 apt counts " + pkgmgr.GitRecommends.String() + " more for `git`, " + pkgmgr.CurlRecommends.String() + " for `curl` and " + pkgmgr.CompilerRecommends.String() + " for `build-essential` with what they recommend; " +
			"how many bytes it is for others depends on the packages, so that findings name none.",
		Silent: "Where `APT::Install-Recommends` or a file of apt's configuration is spoken of anywhere in the Dockerfile, behind a copy to `/` or `/etc`, on images other than the official ones (they may have switched it off), " +
			"and where nothing is installed by name. For dnf where `install_weak_deps` or `dnf.conf` is spoken of, and on other images than fedora: whether they have switched weak dependencies off is not known here. " +
			"For zypper without `--recommends`: openSUSE's images have `solver.onlyRequires = true` (openSUSE's own tests hold them to it).",
		Fix: "Adds `--no-install-recommends`, or `--setopt=install_weak_deps=False`, to each install of the `RUN`, or takes `--recommends` out. Always unsafe: software may need what its package only recommends. " +
			"`curl` and `git` then come without `ca-certificates` and reach no HTTPS server, `apt-key` without `gnupg` reads no key. Add by name what is missing.",
	},
	Aliases:  []string{"DL3015"},
	Best:     analysis.Unsafe,
	Severity: analysis.Info,
	Run:      runNoRecommends,
}

// A weakness is how a manager is kept from what is only recommended.
type weakness struct {
	installs func(*analysis.Pass, *facts.Run, *facts.Command) bool
	settings []string // of which the Dockerfile may speak
	add      string   // an option
	lost     string   // what is often missed then
	remove   string   // or one that goes
}

var weaknesses = []weakness{
	{recommends, []string{"Install-Recommends", "apt.conf", "APT_CONFIG"}, "--no-install-recommends", ", such as ca-certificates or gnupg,", ""},
	{weakDependencies, []string{"install_weak_deps", "dnf.conf"}, "--setopt=install_weak_deps=False", "", ""},
	{asksForRecommended, nil, "", "", "--recommends"},
}

func runNoRecommends(p *analysis.Pass) {
	for _, w := range weaknesses {
		if slices.ContainsFunc(w.settings, func(s string) bool { return strings.Contains(p.Doc.Content, s) }) {
			continue
		}
		for _, s := range p.Stages().Stages {
			if s.Ships {
				w.stage(p, p.Runs(s))
			}
		}
	}
}

// stage reports the RUNs of a stage that install what is only recommended.
func (w weakness) stage(p *analysis.Pass, runs []*facts.Run) {
	for _, r := range runs {
		if w.remove == "" && r.In.Index > mayConfigure(p, r.Stage) {
			return
		}
		calls := slices.DeleteFunc(slices.Clone(r.Commands), func(c *facts.Command) bool { return !w.installs(p, r, c) })
		if len(calls) == 0 {
			continue
		}
		fix := analysis.Fix{
			Title:  fmt.Sprintf("Add %s (what is only recommended%s would be missing)", w.add, w.lost),
			Safety: analysis.Unsafe,
			Relies: []source.Span{r.In.Span},
		}
		if w.remove != "" {
			fix.Title = fmt.Sprintf("Remove %s (what is only recommended would be missing)", w.remove)
		}
		for _, c := range calls {
			if w.remove == "" {
				fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(r.Program.Text.HomeEnd(c.Call.VerbEnd), " "+w.add)})
				continue
			}
			before := c.Program.To
			for _, a := range c.Args {
				if text, _ := a.Literal(); text == w.remove {
					fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Replace(source.Span{Start: r.Program.Text.HomeEnd(before), End: r.Program.Text.HomeEnd(a.To)}, "")})
				}
				before = a.To
			}
		}
		p.Report(analysis.Diagnostic{
			Span:     r.SpanOf(calls[0]),
			Message:  fmt.Sprintf("%s installs what these packages only recommend, too", calls[0].Name),
			Withheld: []string{"software may need what its package only recommends"},
			Fixes:    []analysis.Fix{fix},
		})
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
func recommends(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	base := p.Base(r.Stage)
	return base != nil && base.Certain && c.Call != nil && c.Call.Manager == &pkgmgr.Apt && (c.Name == "apt-get" || c.Name == "apt") && c.Call.Word == "install" && !c.Call.Unclear && c.Script == nil &&
		len(c.Call.Names) > 0 && !c.Call.Has("--no-install-recommends", "--install-recommends", "-s", "--simulate", "--dry-run", "-d", "--download-only", "--print-uris", "--reinstall", "-c", "--config-file")
}

// weakDependencies reports whether a command is an install of dnf's on an image that has
// weak dependencies on.
func weakDependencies(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	base := p.Base(r.Stage)
	return base != nil && base.Certain && base.Name == "fedora" && c.Call != nil && c.Call.Manager == &pkgmgr.Dnf && c.Call.Word == "install" && !c.Call.Unclear && c.Script == nil &&
		len(c.Call.Names) > 0 && !c.Call.Has("-c", "--config", "--installroot", "--downloadonly", "--assumeno")
}

// asksForRecommended reports whether a command asks zypper for what is recommended.
func asksForRecommended(_ *analysis.Pass, _ *facts.Run, c *facts.Command) bool {
	return c.Call != nil && c.Call.Manager == &pkgmgr.Zypper && c.Call.Verb == pkgmgr.Install && !c.Call.Unclear && c.Script == nil && c.Call.Has("--recommends") && !c.Call.Has("--dry-run", "-D", "--root", "-R", "--installroot")
}
