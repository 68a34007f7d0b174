package lsp_test

import (
	"regexp"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// Rules for the tests of the protocol alone. Their safe fixes change how the file
// is written and nothing of what it builds, so the validator takes them.

// gap finds keywords with more than one blank after them.
var gap = &analysis.Rule{
	Name: "gap", Severity: analysis.Info, Best: analysis.Safe,
	Run: func(p *analysis.Pass) {
		for _, m := range regexp.MustCompile(`(?m)^([A-Z]+)(  +)`).FindAllStringSubmatchIndex(p.Doc.Content, -1) {
			keyword, blanks := source.Span{Start: m[2], End: m[3]}, source.Span{Start: m[4], End: m[5]}
			p.Report(analysis.Diagnostic{
				Span: keyword, Message: keyword.In(p.Doc.Content) + " stands apart",
				Related: []analysis.Related{{Span: source.Span{Start: 0, End: 1}, Message: "the file starts here"}},
				Fixes: []analysis.Fix{
					{Title: "show only", Safety: analysis.Display, Edits: edits(source.Delete(blanks))},
					{Title: "write a tab, whatever that does", Safety: analysis.Unsafe, Edits: edits(source.Replace(blanks, "\t"))},
					{Title: "write one blank", Safety: analysis.Safe, Edits: edits(source.Replace(blanks, " "))},
					{Title: "write one blank again", Safety: analysis.Safe, Edits: edits(source.Replace(blanks, " "))},
				},
			})
		}
	},
}

// quotes finds quotes that an ENV does not need: an edit around characters of
// every width.
var quotes = &analysis.Rule{
	Name: "quotes", Severity: analysis.Warning, Best: analysis.Safe,
	Run: func(p *analysis.Pass) {
		for _, m := range regexp.MustCompile(`(?m)^ENV .*?é("(😀+)")`).FindAllStringSubmatchIndex(p.Doc.Content, -1) {
			s := source.Span{Start: m[2], End: m[3]}
			p.Report(analysis.Diagnostic{
				Span: s, Message: "needless quotes", Withheld: []string{"nobody asked", "it is late"},
				Fixes: []analysis.Fix{{Title: "drop the quotes", Safety: analysis.Safe, Edits: edits(
					source.Delete(source.Span{Start: s.Start, End: s.Start + 1}), source.Delete(source.Span{Start: s.End - 1, End: s.End}),
				)}},
			})
		}
	},
}

// wrong claims that another command is the same.
var wrong = &analysis.Rule{
	Name: "wrong", Severity: analysis.Warning, Best: analysis.Safe,
	Run: func(p *analysis.Pass) {
		if i := strings.Index(p.Doc.Content, "curl"); i >= 0 {
			s := source.Span{Start: i, End: i + 4}
			p.Report(analysis.Diagnostic{Span: s, Message: "curl is not wget", Fixes: []analysis.Fix{
				{Title: "a wrong fix", Safety: analysis.Safe, Edits: edits(source.Replace(s, "wget"))},
			}})
		}
	},
}

// echo says the whole text, so that a test sees what the server holds.
var echo = &analysis.Rule{
	Name: "echo", Severity: analysis.Info,
	Run: func(p *analysis.Pass) {
		p.Report(analysis.Diagnostic{Message: p.Doc.Content})
	},
}

func edits(es ...source.Edit) (out []analysis.Edit) {
	for _, e := range es {
		out = append(out, analysis.Edit{Edit: e})
	}
	return out
}
