package chain

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/syntax"
)

// A style is how the author of a Dockerfile continues a RUN over several lines.
type style struct {
	indent   string // before a continued command
	trailing bool   // "&& \" ends a line instead of "&&" opening the next one
	eol      string
	escape   string
}

// styleOf finds the style of the given RUNs or, where they have a
// single line each, of the other RUNs of the file.
func styleOf(f *facts.File, runs []*facts.Run) style {
	common := facts.Once(f, styleOfFile{}, func() style { return commonStyle(f.Doc) })
	for _, r := range runs {
		if own := common; own.learn(f.Doc, r.In) {
			return own
		}
	}
	return common
}

type styleOfFile struct{}

// commonStyle is that of the first RUN that has more than one line.
func commonStyle(doc *syntax.Document) style {
	s := style{indent: "    ", eol: doc.LineEnd(), escape: string(doc.Escape)}
	for _, in := range doc.Instructions {
		if in.Name == "run" && s.learn(doc, in) {
			break
		}
	}
	return s
}

// learn reads the style of one RUN, if it has more than one line.
func (s *style) learn(doc *syntax.Document, in *syntax.Instruction) bool {
	if in.JSON || len(in.Heredocs) > 0 {
		return false
	}
	// Blank lines and comments in between teach nothing.
	lines := slices.DeleteFunc(strings.SplitAfter(in.Lines.In(doc.Content), "\n"), func(line string) bool {
		text := strings.TrimSpace(line)
		return text == "" || text[0] == '#'
	})
	if len(lines) == 0 {
		return false
	}
	for _, line := range lines[1:] {
		text := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(text, "&&") {
			s.indent, s.trailing = line[:len(line)-len(text)], false
			return true
		}
	}
	for i, line := range lines[:len(lines)-1] {
		before := strings.TrimRight(strings.TrimRight(line, "\r\n\t "), s.escape)
		next := lines[i+1]
		text := strings.TrimLeft(next, " \t")
		if strings.HasSuffix(strings.TrimRight(before, " \t"), "&&") {
			s.indent, s.trailing = next[:len(next)-len(text)], true
			return true
		}
	}
	return false
}

// next breaks the line and starts the next command, with the comments that come
// before it. joint is "&&" or ";", which stays on its line.
func (s style) next(comments []string, joint, open string) string {
	var b strings.Builder
	leads := joint == "&&" && !s.trailing
	if joint == ";" {
		b.WriteString(";")
	} else if !leads {
		b.WriteString(" &&")
	}
	b.WriteString(" " + s.escape + s.eol)
	for _, comment := range comments {
		b.WriteString(comment + s.eol)
	}
	b.WriteString(s.indent)
	if leads {
		b.WriteString("&& ")
	}
	return b.String() + open
}
