package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// NoDocs finds installs that bring documentation, or compiled copies, that no container
// asks for.
var NoDocs = analysis.Rule{
	Name: "no-docs",
	Doc: analysis.Doc{
		Summary: "an install brings documentation or compiled copies that few containers need",
		What: "A `gem install` without `--no-document` on an official image that has no gemrc against it; a `dnf`, `yum` or `microdnf install` without `--nodocs` or `tsflags=nodocs` on amazonlinux; " +
			"and a `pip install` without `--no-compile` where the Dockerfile sets `PYTHONDONTWRITEBYTECODE`, which keeps Python from writing compiled files, and not pip. In a stage that ships, one finding a `RUN` and manager.",
		Why: "RubyGems renders every gem's documentation for `ri` after the install, which takes as much time as some installs and megabytes for a gem such as rails. " +
			"RPM packages bring manual pages and examples. A compiled Python file is a fifth larger than its source: pip 23.2 itself has 5.9 MB of sources, and " + pkgmgr.PipCompiled.String() + " compiled under Python 3.11. How many bytes it is depends on the packages, so that findings name none.",
		Silent: "On the official ruby image, whose gemrc has `--no-document`; on fedora, centos, rockylinux and almalinux, whose images are made with `tsflags=nodocs`; on openSUSE, which excludes documentation; " +
			"on images that are not known. On releases whose RubyGems may be older than 2.0, which knows no `--no-document`: Debian 7, Ubuntu 14.04, CentOS 6. " +
			"Where an `install` of dnf or yum names documentation itself (`man-pages`, `*-doc`), of which `nodocs` would install nothing. Where the Dockerfile speaks of gemrc, nodocs, `/usr/share/doc` or `/usr/share/man`.",
		Fix: "Adds the option to each install of the `RUN`. Always unsafe: what a package counts as documentation can be a licence that must ship, or an example that a script copies; " +
			"without compiled files Python compiles at each start where it cannot write beside them.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Info,
	Run:      runNoDocs,
}

// A docs is how a manager is kept from bringing documentation.
type docs struct {
	brings  func(*analysis.Pass, *facts.Run, *facts.Command) bool
	speaks  []string // words by which a Dockerfile shows that somebody cares
	option  string
	message string
	lost    string
}

var documentation = []docs{
	{gemDocuments, []string{"gemrc", "/usr/share/doc", "ri "}, "--no-document", "gem renders documentation of what it installs", "ri then knows nothing of these gems"},
	{rpmDocuments, []string{"nodocs", "/usr/share/doc", "/usr/share/man", "yum.conf", "dnf.conf"}, "--setopt=tsflags=nodocs", "%s installs manual pages and other documentation", "licences and examples below /usr/share/doc would be missing"},
	{pipCompiles, []string{"compileall", "PIP_NO_COMPILE", "--compile"}, "--no-compile", "pip writes compiled files, whatever PYTHONDONTWRITEBYTECODE says", "Python then compiles at each start"},
}

func runNoDocs(p *analysis.Pass) {
	for _, d := range documentation {
		if slices.ContainsFunc(d.speaks, func(s string) bool { return strings.Contains(p.Doc.Content, s) }) {
			continue
		}
		for _, s := range p.Stages().Stages {
			if !s.Ships {
				continue
			}
			for _, r := range p.Runs(s) {
				d.run(p, r)
			}
		}
	}
}

// run reports the installs of one RUN.
func (d docs) run(p *analysis.Pass, r *facts.Run) {
	calls := slices.DeleteFunc(slices.Clone(r.Commands), func(c *facts.Command) bool { return !d.brings(p, r, c) })
	if len(calls) == 0 {
		return
	}
	fix := analysis.Fix{Title: fmt.Sprintf("Add %s (%s)", d.option, d.lost), Safety: analysis.Unsafe, Relies: []source.Span{r.In.Span}}
	for _, c := range calls {
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(r.Program.Text.HomeEnd(c.Call.VerbEnd), " "+d.option)})
	}
	message := d.message
	if strings.Contains(message, "%s") {
		message = fmt.Sprintf(message, calls[0].Name)
	}
	p.Report(analysis.Diagnostic{Span: r.SpanOf(calls[0]), Message: message, Withheld: []string{d.lost}, Fixes: []analysis.Fix{fix}})
}

// installsOf reports whether a command certainly is an install by a manager, without any
// of some options.
func installsOf(c *facts.Command, m *pkgmgr.Manager, without ...string) bool {
	return c.Call != nil && c.Call.Manager == m && c.Call.Word == "install" && !c.Call.Unclear && c.Script == nil && !c.Call.Has(without...)
}

func gemDocuments(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	// Alpine has no rdoc beside ruby.
	base := p.Base(r.Stage)
	return base != nil && base.Certain && !oldGems(base) && base.Name != "ruby" && base.Name != "alpine" && !strings.Contains(base.Tag, "alpine") &&
		installsOf(c, &pkgmgr.Gem, "-N", "--no-document", "--no-doc", "--no-ri", "--no-rdoc", "--document", "--ri", "--rdoc", "-d", "--help", "--explain")
}

// oldGems reports whether an image's own RubyGems may be older than 2.0.
func oldGems(b *facts.Base) bool {
	if b.Digest && b.Tag == "" {
		return true
	}
	for part := range strings.SplitSeq(b.Tag, "-") {
		if slices.Contains([]string{"squeeze", "wheezy", "lucid", "precise", "quantal", "raring", "saucy", "trusty"}, part) {
			return true
		}
	}
	oldest := map[string]int{"debian": 8, "ubuntu": 15, "centos": 7, "oraclelinux": 7, "fedora": 19}[b.Name]
	major, _, _ := strings.Cut(b.Version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n < oldest
}

// manuals reports whether a package is documentation.
func manuals(w shell.Word) bool {
	name, ok := w.Literal()
	name, _, _ = strings.Cut(name, ".") // .noarch
	return !ok || name == "man" || name == "man-db" || name == "info" || strings.HasPrefix(name, "man-pages") ||
		slices.ContainsFunc([]string{"-doc", "-docs", "-manual", "-javadoc", "-man"}, func(s string) bool { return strings.HasSuffix(name, s) })
}

func rpmDocuments(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	base := p.Base(r.Stage)
	return base != nil && base.Certain && base.Name == "amazonlinux" && slices.ContainsFunc([]*pkgmgr.Manager{&pkgmgr.Dnf, &pkgmgr.Yum, &pkgmgr.Microdnf}, func(m *pkgmgr.Manager) bool {
		return installsOf(c, m, "-c", "--config", "--installroot", "--downloadonly", "--assumeno") && !slices.ContainsFunc(c.Call.Names, manuals)
	})
}

func pipCompiles(p *analysis.Pass, r *facts.Run, c *facts.Command) bool {
	v := p.Stages().Lookup(r.In, "PYTHONDONTWRITEBYTECODE")
	return v.Known() && v.Text != "" && installsOf(c, &pkgmgr.Pip, "--no-compile", "--compile", "--dry-run", "--target", "-t")
}
