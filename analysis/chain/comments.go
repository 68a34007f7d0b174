package chain

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// A comment directly above a RUN speaks of it and goes where it goes. Others have a
// meaning where they stand, and a RUN that would take them along, or leave them over
// something else, stays.

// misplaced says which comment would stand in the wrong place once RUNs are one; ""
// when none would.
func misplaced(f *facts.File, runs []*facts.Run) string {
	moves := moving(runs)
	for i, next := range runs[1:] {
		taken := source.Span{Start: runs[i].In.Lines.End, End: next.In.Lines.Start}
		if slices.Contains(moves, next.In) {
			taken = own(f.Doc, next.In)
		}
		if line := commentedOut(f.Doc, taken); line > 0 {
			return fmt.Sprintf("the commented-out instruction on line %d stands between them", line)
		}
	}
	return orphan(f, moves...)
}

// moving lists those of the RUNs that must move up to be one with the first: behind
// instructions that stand between.
func moving(runs []*facts.Run) []*syntax.Instruction {
	var out []*syntax.Instruction
	for i, next := range runs[1:] {
		if len(out) > 0 || runs[i].In.Index+1 != next.In.Index {
			out = append(out, next.In)
		}
	}
	return out
}

// own is an instruction's lines with the comments directly above it.
func own(doc *syntax.Document, in *syntax.Instruction) source.Span {
	lines := in.Lines
	if len(in.Lead) > 0 {
		at := in.Lead[0].Span.Start
		lines.Start = strings.LastIndexByte(doc.Content[:at], '\n') + 1
	}
	return lines
}

// orphan says which comment would be left over something else, or nothing, if
// instructions went:
//
//	# Clean up⏎⏎RUN rm -rf /tmp/a⏎⏎CMD ["app"]
//
// It is a heading, which may speak of more than one instruction. Over what else of
// them stays in its paragraph it still is one.
func orphan(f *facts.File, gone ...*syntax.Instruction) string {
	for _, in := range gone {
		heading := above(f.Doc, own(f.Doc, in).Start)
		if heading.Len() == 0 || commentedOut(f.Doc, heading) > 0 {
			continue
		}
		last := in
		for next := following(f.Doc, last); next != nil; next = following(f.Doc, last) {
			if last = next; !slices.Contains(gone, next) {
				break
			}
		}
		if slices.Contains(gone, last) {
			return fmt.Sprintf("the comment on line %d may speak of line %d alone; without the blank line it would move along", f.Doc.Lines.Line(heading.Start)+1, f.Line(in))
		}
	}
	return ""
}

// above is the last block of comments that ends before a blank line at an offset, or
// nothing where an instruction stands there.
func above(doc *syntax.Document, at int) source.Span {
	i := piecesBefore(doc, at)
	for i > 0 && doc.Pieces[i-1].Kind == syntax.Blank {
		i--
	}
	end := i
	for i > 0 && doc.Pieces[i-1].Kind == syntax.Comment {
		i--
	}
	if i == end {
		return source.Span{Start: at, End: at}
	}
	return source.Span{Start: doc.Pieces[i].Span.Start, End: doc.Pieces[end-1].Span.End}
}

// following is the instruction on the line after one, or nil.
func following(doc *syntax.Document, in *syntax.Instruction) *syntax.Instruction {
	if in.Index+1 < len(doc.Instructions) {
		if next := doc.Instructions[in.Index+1]; next.Lines.Start == in.Lines.End {
			return next
		}
	}
	return nil
}

// commentedOut is the line, from 1, of an instruction that somebody commented out in
// a stretch of the file, or 0.
func commentedOut(doc *syntax.Document, s source.Span) int {
	for i := piecesBefore(doc, s.Start); i < len(doc.Pieces) && doc.Pieces[i].Span.Start < s.End; i++ {
		piece := doc.Pieces[i]
		if piece.Kind != syntax.Comment {
			continue
		}
		text := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(piece.Span.In(doc.Content)), "#"))
		keyword, rest, _ := strings.Cut(text, " ")
		// In small letters it is a word of a sentence.
		if syntax.IsKeyword(keyword) && keyword == strings.ToUpper(keyword) && strings.TrimSpace(rest) != "" {
			return doc.Lines.Line(piece.Span.Start) + 1
		}
	}
	return 0
}

// commentsIn lists the comment lines in a stretch of the file.
func commentsIn(doc *syntax.Document, s source.Span) []string {
	var out []string
	for i := piecesBefore(doc, s.Start); i < len(doc.Pieces) && doc.Pieces[i].Span.End <= s.End; i++ {
		if piece := doc.Pieces[i]; piece.Kind == syntax.Comment && s.Contains(piece.Span) {
			out = append(out, strings.TrimRight(piece.Span.In(doc.Content), "\r\n"))
		}
	}
	return out
}

// piecesBefore counts the pieces that start before an offset.
func piecesBefore(doc *syntax.Document, at int) int {
	return sort.Search(len(doc.Pieces), func(i int) bool { return doc.Pieces[i].Span.Start >= at })
}
