package chain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// Fix returns the edits that make the chain one RUN, without a title and as safe as
// the chain is.
func (c Chain) Fix(f *facts.File) analysis.Fix {
	fix := analysis.Fix{Safety: analysis.Safe, Edits: c.edits(f), Changes: []change.Change{change.Joined{}}}
	if c.Doubt != "" {
		fix.Safety = analysis.Unsafe
	}
	for _, r := range c.Runs {
		fix.Relies = append(fix.Relies, r.In.Span)
	}
	return fix
}

// edits joins the RUNs:
//
//	RUN apt-get update⏎RUN apt-get install -y curl
//	                  ^^^^^ becomes " \⏎    && "
//
// Where a config-only instruction stands between, the second body moves up:
//
//	RUN a⏎LABEL x=y⏎RUN b⏎
//	     ^           ^^^^^^
func (c Chain) edits(f *facts.File) []analysis.Edit {
	var edits []analysis.Edit
	put := func(s source.Span, text string) {
		if s.Len() > 0 || text != "" {
			edits = append(edits, analysis.Edit{Edit: source.Replace(s, text)})
		}
	}
	doc := f.Doc
	style := styleOf(f, c.Runs)
	open, closed, connector := "", "", "&&"
	switch c.form {
	case subshell:
		open, closed = "( ", " )"
		start := c.Runs[0].In.Body.Home(0)
		put(source.Span{Start: start, End: start}, open)
	case list:
		connector = ";"
	}
	var anchor *facts.Run // the RUN behind which what moves is put
	moved := ""
	moves := moving(c.Runs)
	for i, next := range c.Runs[1:] {
		start := next.In.Body.Home(0)
		if c.form == list {
			// The second "set -e…;" says what is so already.
			start = next.Program.Text.Home(afterSet(next))
		}
		if !slices.Contains(moves, next.In) {
			gap := source.Span{Start: c.Runs[i].End(), End: start}
			put(gap, closed+style.next(commentsIn(doc, gap), connector, open))
			continue
		}
		if anchor == nil {
			anchor = c.Runs[i]
		}
		lines := own(doc, next.In)
		moved += closed + style.next(commentsIn(doc, source.Span{Start: lines.Start, End: start}), connector, open) + doc.Content[start:next.End()]
		put(tidy(doc, lines), "")
	}
	if anchor == nil {
		// A semicolon at the end goes where something is put behind it, and in a list,
		// where it would stand as no author writes it.
		last := c.Runs[len(c.Runs)-1]
		if c.form != bare {
			put(source.Span{Start: last.End(), End: last.In.Span.End}, closed)
		}
	} else {
		put(source.Span{Start: anchor.End(), End: anchor.In.Span.End}, moved+closed)
	}
	slices.SortStableFunc(edits, func(a, b analysis.Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	return edits
}

// Append returns the edit that puts a command behind the last one of a RUN, with
// the comments that come along. The RUN must end in a list that takes "&&".
func Append(f *facts.File, r *facts.Run, command string, comments []string) analysis.Edit {
	style := styleOf(f, []*facts.Run{r})
	joint := style.next(comments, "&&", "")
	if len(comments) == 0 && !strings.Contains(r.In.Span.In(f.Doc.Content), "\n") && r.In.Span.Len() < 60 {
		joint = " && "
	}
	return analysis.Edit{Edit: source.Replace(source.Span{Start: r.End(), End: r.In.Span.End}, joint+command)}
}

// Remove returns the edit that takes an instruction out of the file, and the
// comments that stood directly above it, which speak of it. never says which
// comment would then stand in the wrong place.
func Remove(f *facts.File, in *syntax.Instruction) (e analysis.Edit, comments []string, never string) {
	lines := own(f.Doc, in)
	if line := commentedOut(f.Doc, lines); line > 0 {
		return e, nil, fmt.Sprintf("the commented-out instruction on line %d stands above it", line)
	}
	return analysis.Edit{Edit: source.Replace(tidy(f.Doc, lines), "")}, commentsIn(f.Doc, lines), orphan(f, in)
}

// tidy takes in a blank line where two would be left, or one at the end.
func tidy(doc *syntax.Document, s source.Span) source.Span {
	before := strings.TrimRight(doc.Content[:s.Start], " \t\r\n")
	blank := strings.Count(doc.Content[len(before):s.Start], "\n") > 1
	rest, _, _ := strings.Cut(doc.Content[s.End:], "\n")
	if blank && strings.TrimSpace(rest) == "" {
		// Back to the end of the line before the blank ones.
		s.Start = len(before) + strings.IndexByte(doc.Content[len(before):], '\n') + 1
	}
	return s
}
