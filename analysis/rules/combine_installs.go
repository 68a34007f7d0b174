package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// CombineInstalls finds neighbouring installs of one manager in one RUN.
var CombineInstalls = analysis.Rule{
	Name: "combine-installs",
	Doc: analysis.Doc{
		Summary: "one package manager is called several times in a row, with the same options",
		What:    "`apt-get install -y a && apt-get install -y b` in one `RUN`: two calls where one would do.",
		Why: "Each call reads the package lists, resolves and configures anew: on Debian 12 `jq` and `less` took 3.6 s in one call and 6.5 s in two (medians of three, two busy cores). " +
			"One call also resolves all packages together, so that nothing is installed that the next call replaces.",
		Silent: "When the options differ, when anything stands between the calls, when a word of them is not literal, when a package is named by a file, " +
			"and behind a package that may open another archive (`epel-release`, a keyring).",
		Fix: "Unsafe: packages that conflict can be installed one after the other and not together (`exim4`, then `postfix`), and a recommendation may be met by another package. " +
			"The packages keep their order and their comments (line 15 of the soundness list).",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Info,
	Run:      runCombineInstalls,
}

func runCombineInstalls(p *analysis.Pass) {
	for r := range allRuns(p) {
		if r.Opaque != "" || r.Program.Ambiguous {
			continue
		}
		for i := 0; i < len(r.Commands); {
			n := 1
			for i+n < len(r.Commands) && combine(r, r.Commands[i+n-1], r.Commands[i+n]) {
				n++
			}
			if n > 1 {
				p.Report(combined(p, r, r.Commands[i:i+n]))
			}
			i += n
		}
	}
}

// combine reports whether b is the next element of a's "&&" list and could be the
// same call.
func combine(r *facts.Run, a, b *facts.Command) bool {
	if !plainInstall(r, a) || !plainInstall(r, b) || a.Call.Manager != b.Call.Manager || a.Context.Parent != b.Context.Parent || a.Context.Parent.Kind != shell.And {
		return false
	}
	list := a.Context.Parent.Children
	for i, n := range list {
		if n == a.Node {
			return i+1 < len(list) && list[i+1] == b.Node && options(r, a) == options(r, b) && !slices.ContainsFunc(a.Call.Names, opensArchive)
		}
	}
	return false
}

// opensArchive reports whether a package may bring another archive of packages, or
// what it takes to read one: what follows may be found only after it.
func opensArchive(w shell.Word) bool {
	name, _ := w.Literal()
	return slices.ContainsFunc([]string{"release", "repo", "epel", "sources", "keyring", "transport", "certificates", "gnupg"}, func(part string) bool { return strings.Contains(name, part) })
}

// plainInstall reports whether a command is an install whose packages stand last
// and are names.
func plainInstall(r *facts.Run, c *facts.Command) bool {
	if c.Call == nil || c.Call.Verb != pkgmgr.Install || c.Call.Unclear || len(c.Call.Names) == 0 || len(c.Node.Redirs) > 0 || len(c.Environ) > 0 || c.Fed {
		return false
	}
	switch c.Call.Manager.Name {
	case "apt", "apk", "dnf", "yum", "microdnf":
	default:
		return false // for others the order of installs has a meaning
	}
	for i, name := range c.Call.Names {
		text, ok := name.Literal()
		// Options may stand anywhere, but then they are part of the text between.
		if !ok || strings.ContainsAny(text, "/*") || i > 0 && !blank(r, c.Call.Names[i-1].To, name.From) {
			return false
		}
	}
	return c.Call.Names[len(c.Call.Names)-1].To == c.Node.To
}

// blank reports whether nothing but blanks stands between two places.
func blank(r *facts.Run, from, to int) bool {
	return strings.TrimSpace(r.Program.Source(shell.Range{From: from, To: to})) == ""
}

// options is all that stands before the packages, blanks aside.
func options(r *facts.Run, c *facts.Command) string {
	return strings.Join(strings.Fields(r.Program.Source(shell.Range{From: c.Node.From, To: c.Call.Names[0].From})), " ")
}

// combined reports calls that can be one:
//
//	apt-get install -y a && apt-get install -y b
//	                    ^^^^^^^^^^^^^^^^^^^^^^^^  becomes " "
func combined(p *analysis.Pass, r *facts.Run, calls []*facts.Command) analysis.Diagnostic {
	name := calls[0].Name
	d := analysis.Diagnostic{
		Span:     r.SpanOf(calls[1]),
		Message:  fmt.Sprintf("%s is called %d times in a row: one call for all packages reads its lists and resolves once", name, len(calls)),
		Withheld: []string{"packages that conflict can be installed one after the other and not together"},
	}
	fix := analysis.Fix{
		Title:  fmt.Sprintf("Install with one call of %s (packages that conflict would be refused)", name),
		Safety: analysis.Unsafe,
		Relies: []source.Span{r.In.Span},
	}
	for i, c := range calls[1:] {
		start := r.Program.Text.HomeEnd(calls[i].Node.To)
		end := r.Program.Text.Home(c.Call.Names[0].From)
		between := source.Span{Start: start, End: end}
		text := between.In(p.Doc.Content)
		// Lines and comments between the calls stay; only the words go.
		words := r.Program.Source(shell.Range{From: calls[i].Node.To, To: c.Call.Names[0].From})
		if strings.Contains(text, "\n") {
			fix.Edits = append(fix.Edits, cut(p, between)...)
		} else if strings.TrimSpace(words) != "" {
			fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Replace(between, " ")})
		}
	}
	d.Fixes = []analysis.Fix{fix}
	return d
}

// cut takes the words out of a stretch of several lines and leaves its lines, but
// for those of the connector and the command, of which nothing is left:
//
//	curl \⏎    && apt-get install -y \⏎    # for the tests⏎    jq
//	          ^^^^^^^^^^^^^^^^^^^^^^^^^
func cut(p *analysis.Pass, between source.Span) []analysis.Edit {
	text := between.In(p.Doc.Content)
	// The first line break stays, and with it the continuation before it.
	escape := string(p.Doc.Escape)
	var edits []analysis.Edit
	at := between.Start
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		start := at
		at += len(line)
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "#") && i > 0 || trimmed == escape && i == 0 {
			continue
		}
		words := strings.TrimRight(strings.TrimRight(line, " \t\r\n"), escape)
		indent := len(line) - len(strings.TrimLeft(line, " \t"))
		switch {
		case i == 0 && strings.HasSuffix(strings.TrimRight(line, "\r\n \t"), escape) && i+1 < len(lines):
			// "curl && \": the connector goes, the continuation stays.
			edits = append(edits, analysis.Edit{Edit: source.Replace(source.Span{Start: start, End: start + len(words)}, " ")})
		case i+1 < len(lines):
			edits = append(edits, analysis.Edit{Edit: source.Replace(source.Span{Start: start, End: at}, "")})
		default:
			edits = append(edits, analysis.Edit{Edit: source.Replace(source.Span{Start: start + indent, End: at}, "")})
		}
	}
	return edits
}
