// Package layout says how a Dockerfile is laid out: blanks at line ends, the
// indentation of continued lines, the case of keywords. It changes nothing else,
// and nothing that a shell or BuildKit reads as part of a word.
package layout

import (
	"errors"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// defaultIndent is for files that indent nothing yet.
const defaultIndent = "    "

// Edits returns what lays a Dockerfile out, in the order of the text. Comments and
// here-documents stay as they are, and so does an instruction that BuildKit refuses, and
// all of a file that is no text.
func Edits(doc *syntax.Document) []source.Edit {
	if doc.NotText() != "" {
		return nil
	}
	f := &formatter{doc: doc, graph: stage.New(doc)}
	f.lower = f.mostlyLower()
	var all []lines
	for _, in := range doc.Instructions {
		all = append(all, f.continued(in))
	}
	f.indent = unit(all)
	for i, in := range doc.Instructions {
		f.keywords(in)
		f.shift(all[i])
	}
	f.trailing()
	slices.SortFunc(f.edits, func(a, b source.Edit) int { return a.Span.Start - b.Span.Start })
	return f.edits
}

// Indent is what a Dockerfile puts before a continued line.
func Indent(doc *syntax.Document) string {
	f := &formatter{doc: doc, graph: stage.New(doc)}
	var all []lines
	for _, in := range doc.Instructions {
		all = append(all, f.continued(in))
	}
	return unit(all)
}

// Format returns the text laid out, and refuses what is no text.
func Format(content string) (string, error) {
	doc := syntax.Parse(content)
	if why := doc.NotText(); why != "" {
		return "", errors.New(why)
	}
	out, err := source.Apply(content, Edits(doc))
	if err != nil {
		return content, nil // edits that overlap: a defect, and no text is better than a wrong one
	}
	return out, nil
}

type formatter struct {
	doc    *syntax.Document
	graph  *stage.Graph
	lower  bool
	indent string
	edits  []source.Edit
}

func (f *formatter) replace(s source.Span, text string) {
	if s.In(f.doc.Content) != text {
		f.edits = append(f.edits, source.Replace(s, text))
	}
}

// mostlyLower reports whether more keywords are in lower case than in capitals.
func (f *formatter) mostlyLower() bool {
	upper, lower := 0, 0
	for _, in := range f.doc.Instructions {
		switch word := in.Keyword.In(f.doc.Content); word {
		case strings.ToUpper(word):
			upper++
		case strings.ToLower(word):
			lower++
		}
	}
	return lower > upper
}

func (f *formatter) keywords(in *syntax.Instruction) {
	for ; in != nil && in.Faithful && syntax.IsKeyword(in.Name); in = in.Sub {
		f.keyword(in.Keyword)
		if in.Name == "from" && len(in.Args) == 3 {
			f.keyword(in.Args[1].Span())
		}
		if in.Name == "healthcheck" && len(in.Args) > 0 {
			f.keyword(in.Args[0].Span())
		}
	}
}

func (f *formatter) keyword(s source.Span) {
	word := s.In(f.doc.Content)
	if strings.ContainsFunc(word, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) {
		return // a keyword that goes on over two lines
	}
	if f.lower {
		f.replace(s, strings.ToLower(word))
	} else {
		f.replace(s, strings.ToUpper(word))
	}
}

// trailing removes the blanks at line ends that no word holds.
func (f *formatter) trailing() {
	c := f.doc.Content
	for _, p := range f.doc.Pieces {
		switch p.Kind {
		case syntax.Blank:
			end := p.Span.End
			for end > p.Span.Start && (c[end-1] == '\n' || c[end-1] == '\r') {
				end--
			}
			if blanks(p.Span.Start, end, c) {
				f.replace(source.Span{Start: p.Span.Start, End: end}, "")
			}
		case syntax.Continuation:
			end := p.Span.End
			for end > p.Span.Start+1 && (c[end-1] == '\n' || c[end-1] == '\r') {
				end--
			}
			f.replace(source.Span{Start: p.Span.Start + 1, End: end}, "")
		}
	}
	for _, in := range f.doc.Instructions {
		if !in.Faithful {
			continue
		}
		end := in.Text.HomeEnd(in.Text.Len())
		line := f.doc.Lines.Span(f.doc.Lines.Line(max(end-1, 0)))
		from := line.End
		for from > line.Start && (c[from-1] == ' ' || c[from-1] == '\t') {
			from--
		}
		// BuildKit trims an instruction; what a backslash would hold on to stays.
		if from < line.End && from > in.Keyword.End && line.End >= end && from > line.Start && c[from-1] != f.doc.Escape && c[from-1] != '\\' && blanks(from, line.End, c) {
			f.replace(source.Span{Start: from, End: line.End}, "")
		}
	}
}

func blanks(from, to int, c string) bool {
	return strings.Trim(c[from:to], " \t") == ""
}

// lines are the indentations of an instruction's continued lines that may change.
type lines struct {
	indents []source.Span
	base    string // what they have in common
}

// continued finds the lines below an instruction's first one whose indentation
// stands between words. An instruction where one of two such lines is indented by
// tabs and the other by blanks is left alone.
func (f *formatter) continued(in *syntax.Instruction) lines {
	var out lines
	if !in.Faithful || in.Name == "" {
		return out
	}
	c := f.doc.Content
	var taken []source.Span
	known := false
	first := f.doc.Lines.Line(in.Keyword.Start)
	last := f.doc.Lines.Line(max(in.Keyword.Start, in.Text.HomeEnd(in.Text.Len())-1))
	if first == last {
		return out
	}
	for n := first + 1; n <= last; n++ {
		line := f.doc.Lines.Span(n)
		end := line.Start
		for end < line.End && (c[end] == ' ' || c[end] == '\t') {
			end++
		}
		indent := source.Span{Start: line.Start, End: end}
		if end == line.End || c[end] == '#' || f.kindAt(end) == syntax.Comment || f.kindAt(end) == syntax.Blank {
			continue
		}
		if !known {
			taken, known = f.words(in), true
			if taken == nil {
				return lines{}
			}
		}
		if !between(taken, indent) {
			continue
		}
		if text := indent.In(c); len(out.indents) == 0 {
			out.base = text
		} else if strings.HasPrefix(out.base, text) {
			out.base = text
		} else if !strings.HasPrefix(text, out.base) {
			return lines{}
		}
		out.indents = append(out.indents, indent)
	}
	return out
}

func (f *formatter) kindAt(offset int) syntax.Kind {
	i, _ := slices.BinarySearchFunc(f.doc.Pieces, offset, func(p syntax.Piece, at int) int {
		if p.Span.End <= at {
			return -1
		}
		return 1
	})
	if i == len(f.doc.Pieces) {
		return syntax.LineEnd
	}
	return f.doc.Pieces[i].Kind
}

// between reports whether an indentation touches the inside of no word: both of
// its sides are outside, or at an edge.
func between(taken []source.Span, indent source.Span) bool {
	i, _ := slices.BinarySearchFunc(taken, indent.End, func(w source.Span, at int) int { return w.End - at })
	for ; i < len(taken) && taken[i].Start < indent.End; i++ {
		if taken[i].End > indent.Start {
			return false
		}
	}
	for ; i > 0 && taken[i-1].End > indent.Start; i-- {
		return false
	}
	return true
}

// words lists, in order, the places in an instruction where a blank has a meaning;
// nil where they are not known.
func (f *formatter) words(in *syntax.Instruction) []source.Span {
	taken := []source.Span{in.Keyword}
	for _, flag := range in.Flags {
		taken = append(taken, flag.Span)
	}
	if in.Sub != nil {
		inner := f.words(in.Sub)
		if inner == nil {
			return nil
		}
		return append(taken, inner...)
	}
	args := in.Args
	switch in.Name {
	case "run", "cmd", "entrypoint", "healthcheck":
		if in.JSON || in.Name == "healthcheck" && len(args) < 2 {
			break
		}
		text := in.Body
		if in.Name == "healthcheck" {
			taken = append(taken, args[0].Span())
			text = args[1].Text
		}
		program := f.program(in, text)
		if program == nil {
			return nil
		}
		return append(taken, program...)
	case "user", "workdir", "stopsignal", "maintainer", "shell":
		if !in.JSON {
			return nil // the whole of it is one word
		}
	}
	for _, p := range in.Pairs {
		if p.Legacy {
			return nil
		}
	}
	for _, a := range args {
		taken = append(taken, a.Span())
	}
	return taken
}

// program lists the words of a shell program. One that two shells read in two ways
// is not known.
func (f *formatter) program(in *syntax.Instruction, text source.Text) []source.Span {
	if len(in.Heredocs) > 0 {
		return nil
	}
	p := shell.Parse(text, f.graph.Shell(in).Dialect)
	if p.Err != nil || p.Ambiguous || len(p.Comments) > 0 {
		return nil
	}
	spans := []source.Span{}
	p.Walk(func(n *shell.Node, _ shell.Context) bool {
		for _, a := range n.Assigns {
			spans = append(spans, p.Span(a.Range))
		}
		for _, w := range n.Words {
			spans = append(spans, p.Span(w.Range))
		}
		for _, r := range n.Redirs {
			spans = append(spans, p.Span(r.Range))
		}
		return true
	})
	slices.SortFunc(spans, func(a, b source.Span) int { return a.Start - b.Start })
	// Words in substitutions stand inside others.
	outer := []source.Span{}
	for _, s := range spans {
		if n := len(outer); n > 0 && s.Start < outer[n-1].End {
			outer[n-1].End = max(outer[n-1].End, s.End)
		} else {
			outer = append(outer, s)
		}
	}
	return outer
}

// unit is the indentation that most instructions give their continued lines; of
// two that are as frequent the first.
func unit(all []lines) string {
	times := map[string]int{}
	best := ""
	for _, l := range all {
		if len(l.indents) > 0 && l.base != "" {
			times[l.base]++
		}
	}
	for _, l := range all {
		if times[l.base] > times[best] {
			best = l.base
		}
	}
	if best == "" {
		return defaultIndent
	}
	return best
}

// shift gives the lines of an instruction the file's indentation and keeps what
// one is indented more than another.
func (f *formatter) shift(l lines) {
	for _, indent := range l.indents {
		f.replace(indent, f.indent+strings.TrimPrefix(indent.In(f.doc.Content), l.base))
	}
}
