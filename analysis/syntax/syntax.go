// Package syntax reads a Dockerfile as a partition of its bytes: every byte belongs
// to exactly one piece, every instruction knows where its parts stand, and BuildKit's
// own parser is the judge of both.
package syntax

import (
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/shale-build/shale/analysis/source"
)

// A Kind says what a Piece of a file is.
type Kind uint8

const (
	BOM          Kind = iota // the byte order mark at the start of the file
	Directive                // a line "# syntax=…", "# escape=…" or "# check=…" at the top, its line end included
	Comment                  // a comment line, its indent and line end included, between or inside instructions
	Blank                    // a line of white space, its line end included, between or inside instructions
	Indent                   // white space before the keyword, which is no part of the joined text
	Code                     // bytes of an instruction's joined text
	Continuation             // an escape character at a line's end, the blanks after it, and the line end
	LineEnd                  // the line end that ends an instruction's last line
	HeredocBody              // the lines of a here-document
	HeredocEnd               // the line that ends a here-document, its line end included
)

var kindNames = [...]string{"BOM", "Directive", "Comment", "Blank", "Indent", "Code", "Continuation", "LineEnd", "HeredocBody", "HeredocEnd"}

func (k Kind) String() string { return kindNames[k] }

// A Piece is a stretch of the file of one kind.
type Piece struct {
	Kind Kind
	Span source.Span
}

// A Document is a Dockerfile read without loss. It stands for any input; what
// BuildKit refuses is in Problems. It is immutable.
type Document struct {
	Content      string
	Lines        *source.Lines
	Escape       byte // '\\' or '`'
	Directives   []ParserDirective
	Pieces       []Piece // in order, without gaps: concatenated they are Content
	Instructions []*Instruction
	// Problems says why BuildKit would refuse the file, in the order of the text;
	// it is empty when BuildKit's parser and instructions accept it. BuildKit stops
	// at the first; here each instruction has its own, up to a hundred or so in all.
	Problems []Problem

	grown    bool                    // its variables come to more than maxGrowth: nothing expands them
	whole    bool                    // BuildKit's parser takes it as one, and reads each instruction as it is here
	refusals map[*Instruction]string // what BuildKit's next stage says against single instructions

	frontend struct { // looked for once
		sync.Once
		ref   string
		named bool
	}
}

// A ParserDirective is a "# name=value" line at the top of the file.
type ParserDirective struct {
	Name      string // lower case
	Value     string
	Span      source.Span // from the # to the value's end; of two of one name the second counts for nothing
	ValueSpan source.Span
}

// A Problem is a reason, in BuildKit's words, why it refuses the file.
type Problem struct {
	Message string
	Span    source.Span
}

// A CommentLine is one comment.
type CommentLine struct {
	Span source.Span // from the # to the end of the line, without the line end
	Text string      // what follows the #, trimmed
}

// An Instruction is one instruction with the place of each of its parts.
type Instruction struct {
	Index   int         // position in Document.Instructions; -1 for the inner one of ONBUILD
	Name    string      // lower case: "run"; "" for a line that is only a continuation
	Keyword source.Span // as written
	Span    source.Span // from the keyword to the last byte of the last line, here-documents included, without the final line end
	Lines   source.Span // whole lines: from the start of its first line, after a BOM, to the start of the line after its last; lead comments are outside

	Text source.Text // the joined text: BuildKit's Original
	Body source.Text // what follows keyword and flags, trimmed: BuildKit's arguments

	Flags    []Flag
	JSON     bool   // the arguments are a JSON array (exec form)
	Args     []Word // JSON strings; or the words, as BuildKit splits them for this instruction; for RUN, CMD, ENTRYPOINT, USER, WORKDIR … in shell form a single word, the Body; for HEALTHCHECK the type (CMD or NONE) and then its command as for CMD
	Pairs    []Pair // ENV, LABEL, ARG
	Heredocs []Heredoc
	Inside   []CommentLine // comments between its continued lines
	Lead     []CommentLine // the comments directly above, no blank line between, directives excluded
	Sub      *Instruction  // what ONBUILD holds

	// Faithful says that BuildKit's parser accepts the instruction and that its
	// text, flags, arguments and here-documents are the ones here. Where it is false
	// nothing may edit the instruction.
	Faithful bool
}

// A Flag is "--name=value" or "--name".
type Flag struct {
	Span     source.Span
	Name     string // without the dashes, quotes and escapes resolved as BuildKit does
	NameSpan source.Span
	HasValue bool
	Value    string      // quotes and escapes resolved as BuildKit does; variables are not expanded
	Raw      source.Text // the value as written
}

// A Word is one argument.
type Word struct {
	Text  source.Text // as written, quotes included
	Value string      // the argument as BuildKit's parser holds it: a JSON string decoded; otherwise Text, but for what BuildKit drops (an escape at the very end) or replaces (invalid UTF-8 in ENV, LABEL, ARG)
}

// Span is the word's place in the file.
func (w Word) Span() source.Span { return w.Text.Span(0, w.Text.Len()) }

// Inside is what stands between the quotes of a JSON string; false if it holds escapes,
// and so is not what it stands for.
func (w Word) Inside() (source.Text, bool) {
	n := w.Text.Len()
	if n < 2 || w.Text.String()[1:n-1] != w.Value {
		return source.Text{}, false
	}
	return w.Text.Slice(1, n-1), true
}

// A Pair is KEY=value, the legacy "KEY value", or an ARG's lone KEY.
type Pair struct {
	Key      Word
	Value    Word // as written, quotes included, not expanded
	HasValue bool
	Legacy   bool // "ENV key value": the rest of the line is the value
}

// A Heredoc is one here-document of an instruction.
type Heredoc struct {
	Opener source.Span // the word "<<-'EOF'" with its file descriptor, in the instruction's text
	Name   string
	FD     uint
	Chomp  bool        // <<-
	Expand bool        // the delimiter is not quoted
	Body   source.Span // its lines, line ends included
	End    source.Span // the terminator's line, without its line end
}

// At returns the instruction whose lines hold the offset, or nil. The end of the
// file belongs to its last line.
func (d *Document) At(offset int) *Instruction {
	i := sort.Search(len(d.Instructions), func(i int) bool { return d.Instructions[i].Lines.Start > offset }) - 1
	if i < 0 {
		return nil
	}
	in := d.Instructions[i]
	if offset < in.Lines.End || offset == in.Lines.End && offset == len(d.Content) && !isLineEnd(d.Content[offset-1]) {
		return in
	}
	return nil
}

// OnLine returns the instruction on a line, from 1, or nil.
func (d *Document) OnLine(line int) *Instruction {
	if line < 1 || line > d.Lines.Count() {
		return nil
	}
	return d.At(d.Lines.Full(line - 1).Start)
}

// ErrorLines lists the lines, from 1, that an error of BuildKit's is about, as it orders
// them; none where it names none.
func ErrorLines(err error) []int {
	var out []int
	var at *parser.LocationError
	if errors.As(err, &at) {
		for _, ranges := range at.Locations {
			for _, r := range ranges {
				if !slices.Contains(out, r.Start.Line) {
					out = append(out, r.Start.Line)
				}
			}
		}
	}
	return out
}

// Flag returns the last flag of that name, or nil.
func (in *Instruction) Flag(name string) *Flag {
	for i := len(in.Flags) - 1; i >= 0; i-- {
		if in.Flags[i].Name == name {
			return &in.Flags[i]
		}
	}
	return nil
}

// LineEnd is what ends the first line, "\n" where there is none.
func (d *Document) LineEnd() string { return source.LineEnd(d.Content) }

// Directive returns the value of a parser directive.
func (d *Document) Directive(name string) (string, bool) {
	for _, p := range d.Directives {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// Frontend returns the image that BuildKit hands the file to, as written after
// "syntax=", and whether one is named. Beyond the directive, BuildKit looks behind
// a "#!" line, for "// syntax=…" and for JSON with a "syntax" key.
func (d *Document) Frontend() (string, bool) {
	f := &d.frontend
	f.Do(func() { f.ref, _, _, f.named = parser.DetectSyntax([]byte(d.Content)) })
	return f.ref, f.named
}

// OfficialFrontend returns the tag of docker/dockerfile, or of its upstream builds, that
// a syntax directive names. It is not ok for another image.
func OfficialFrontend(ref string) (tag string, ok bool) {
	image, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(ref), "docker.io/"), "@")
	name, tag, _ := strings.Cut(image, ":")
	return tag, name == "docker/dockerfile" || name == "docker/dockerfile-upstream"
}
