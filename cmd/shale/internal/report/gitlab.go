package report

import (
	"fmt"
	"io"

	"github.com/shale-build/shale/analysis"
)

// GitLab's Code Quality report.
type (
	gitlabIssue struct {
		Description string         `json:"description"`
		CheckName   string         `json:"check_name"`
		Fingerprint string         `json:"fingerprint"`
		Severity    string         `json:"severity"`
		Location    gitlabLocation `json:"location"`
	}
	gitlabLocation struct {
		Path  string      `json:"path"`
		Lines gitlabLines `json:"lines"`
	}
	gitlabLines struct {
		Begin int `json:"begin"`
		End   int `json:"end"`
	}
)

type gitlabWriter struct {
	w io.Writer
	o Options
	n int
}

func (g *gitlabWriter) File(f File) error {
	g.o.Tally.Add(f)
	path := g.o.path(f.Path)
	names := Fingerprints(f.Content, f.Diagnostics)
	for i, d := range f.Diagnostics {
		b, err := encode(gitlabIssue{
			Description: advice(d), CheckName: d.Rule, Fingerprint: Digest(path, names[i]), Severity: gitlabSeverity(d.Severity),
			Location: gitlabLocation{path, gitlabLines{f.Lines.Line(d.Span.Start) + 1, f.Lines.Line(d.Span.End) + 1}},
		})
		if err != nil {
			return err
		}
		lead := ",\n"
		if g.n == 0 {
			lead = "[\n"
		}
		g.n++
		if _, err := fmt.Fprintf(g.w, "%s%s", lead, b); err != nil {
			return err
		}
	}
	return nil
}

func (g *gitlabWriter) Close() error {
	end := "\n]\n"
	if g.n == 0 {
		end = "[]\n"
	}
	_, err := io.WriteString(g.w, end)
	return err
}

func gitlabSeverity(s analysis.Severity) string {
	return [...]string{"info", "info", "minor", "critical"}[s]
}
