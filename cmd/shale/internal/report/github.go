package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// githubWriter writes the commands by which a step annotates a GitHub workflow run.
type githubWriter struct {
	w io.Writer
	o Options
}

func (g *githubWriter) File(f File) error {
	g.o.Tally.Add(f)
	var b strings.Builder
	path := githubProperty(g.o.path(f.Path))
	if f.Err != nil {
		fmt.Fprintf(&b, "::error title=shale,file=%s::%s\n", path, githubText(problem(f)))
	}
	for _, d := range f.Diagnostics {
		from, to := f.Lines.Position(d.Span.Start, source.UTF16), f.Lines.Position(d.Span.End, source.UTF16)
		place := fmt.Sprintf("line=%d,endLine=%d", from.Line+1, to.Line+1)
		if from.Line == to.Line { // GitHub knows columns only within a line
			place += fmt.Sprintf(",col=%d,endColumn=%d", from.Column+1, to.Column+1)
		}
		fmt.Fprintf(&b, "::%s title=%s,file=%s,%s::%s\n", githubLevel(d.Severity), githubProperty("shale: "+d.Rule), path, place, githubText(advice(d)))
	}
	_, err := io.WriteString(g.w, b.String())
	return err
}

func (g *githubWriter) Close() error { return nil }

func githubLevel(s analysis.Severity) string {
	return [...]string{"debug", "notice", "warning", "error"}[s]
}

// githubText is what may stand after the last "::".
func githubText(s string) string {
	return strings.ReplaceAll(Visible(s), "%", "%25")
}

// githubProperty is what may stand between the commas before it.
func githubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubText(s))
}
