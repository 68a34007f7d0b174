package syntax

import (
	"bufio"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/shale-build/shale/analysis/source"
)

const byteOrderMark = "\xEF\xBB\xBF"

// Parse reads a Dockerfile. It takes any input and costs time linear in its size.
func Parse(content string) *Document { return Reparse(content, nil) }

// Reparse is Parse of what an earlier text was edited to, in less time: BuildKit is only
// asked about the instructions that the edit can have changed. earlier may be nil.
func Reparse(content string, earlier *Document) *Document {
	s := &splitter{doc: &Document{Content: content, Lines: source.NewLines(content), Escape: parser.DefaultEscapeToken}}
	s.split()
	s.grow()
	j := newJudge(s)
	j.earlier = earlier
	j.judge()
	return s.doc
}

// A splitter cuts a file into pieces and instructions as BuildKit's parser reads
// its lines. What it must match there is parser.go's Parse.
type splitter struct {
	doc    *Document
	at     int // where the next line starts
	end    int // where reading ends, of a file too long
	number int // lines read so far as BuildKit counts them: only "\n" ends one

	directives *parser.DirectiveParser // nil after the last one
	failed     []badDirective          // directives that BuildKit refuses
	lead       []CommentLine
	code       []source.Span // of the instruction at hand

	starts []int         // the number of each instruction's first line, from 1
	fences []int         // indexes of instructions before which BuildKit cannot be led: a line too long stands there
	walls  []wall        // instructions that BuildKit must not be shown, in order
	long   []source.Span // lines over BuildKit's limit since they were last looked at
}

type badDirective struct {
	span source.Span
	err  error // nil: ask BuildKit
}

// A wall is an instruction that BuildKit's parser cannot take.
type wall struct {
	index   int
	message string
	span    source.Span
}

// A line is content[start:end]; from text on it is line end, as BuildKit trims it.
type line struct{ start, text, end int }

func (s *splitter) next() (line, bool) {
	c := s.doc.Content
	if s.at == s.end {
		return line{}, false
	}
	l := line{start: s.at, end: len(c)}
	full := bufio.MaxScanTokenSize - 1
	if i := strings.IndexByte(c[s.at:], '\n'); i >= 0 {
		l.end = s.at + i + 1
		full = bufio.MaxScanTokenSize
	}
	l.text = l.end
	for l.text > l.start && isLineEnd(c[l.text-1]) {
		l.text--
	}
	if l.end-l.start > full {
		s.long = append(s.long, source.Span{Start: l.start, End: l.text})
	}
	s.at = l.end
	s.number++
	return l, true
}

func (s *splitter) piece(k Kind, from, to int) {
	if from < to {
		s.doc.Pieces = append(s.doc.Pieces, Piece{k, source.Span{Start: from, End: to}})
	}
}

func (s *splitter) split() {
	c := s.doc.Content
	s.end = lastOffset(c)
	s.doc.Pieces = make([]Piece, 0, strings.Count(c[:s.end], "\n")*5/4+4) // more where lines are indented or joined
	s.directives = &parser.DirectiveParser{}
	for len(s.doc.Instructions) < maxInstructions {
		l, ok := s.next()
		if !ok {
			break
		}
		from := l.start
		if s.number == 1 && strings.HasPrefix(c, byteOrderMark) {
			from = len(byteOrderMark)
			s.piece(BOM, 0, from)
		}
		indent := from + leftBlanks(c[from:l.text])
		switch {
		case s.directive(c[indent:l.text], indent):
			s.piece(Directive, from, l.end)
			s.lead = nil
		case indent == l.text:
			s.piece(Blank, from, l.end)
			s.lead = nil
		case c[indent] == '#':
			s.piece(Comment, from, l.end)
			s.lead = append(s.lead, comment(c, indent, l.text))
		default:
			s.piece(Indent, from, indent)
			s.instruction(from, line{indent, l.text, l.end})
		}
		if len(s.long) > 0 { // instructions take theirs
			s.fences = append(s.fences, len(s.doc.Instructions))
			s.tooLong(s.long[0])
			s.long = nil
		}
	}
	s.leave()
}

// directive reads a line, stripped of blanks and line end, as a parser directive.
func (s *splitter) directive(text string, start int) bool {
	if s.directives == nil {
		return false
	}
	d, err := s.directives.ParseLine([]byte(text))
	if d == nil && err == nil {
		s.directives = nil
		return false
	}
	if err != nil { // a second one of the same name
		again := parser.DirectiveParser{}
		d, _ = again.ParseLine([]byte(text))
	}
	// The value ends the line, but for blanks, unless it is a blank itself.
	end := len(strings.TrimRight(text, " \t\n\f\r"))
	if !strings.HasSuffix(text[:end], d.Value) {
		end = len(text)
	}
	span := source.Span{Start: start, End: start + end}
	s.doc.Directives = append(s.doc.Directives, ParserDirective{
		Name:      d.Name,
		Value:     d.Value,
		Span:      span,
		ValueSpan: source.Span{Start: span.End - len(d.Value), End: span.End},
	})
	switch {
	case err != nil:
		s.failed = append(s.failed, badDirective{span, err})
	case d.Name != "escape":
	case d.Value == "`" || d.Value == `\`:
		s.doc.Escape = d.Value[0]
	default:
		s.failed = append(s.failed, badDirective{span, nil})
	}
	return true
}

// instruction reads the instruction whose first line is l, its indent left out;
// its pieces go on to where its here-documents end.
func (s *splitter) instruction(start int, l line) {
	c := s.doc.Content
	in := &Instruction{Index: len(s.doc.Instructions), Lead: s.lead}
	s.doc.Instructions = append(s.doc.Instructions, in)
	s.starts = append(s.starts, s.number)
	s.lead = nil
	s.code = s.code[:0]
	for home := l.start; ; {
		n, more := continues(c[l.start:l.text], s.doc.Escape)
		if n > 0 {
			s.piece(Code, l.start, l.start+n)
			s.code = append(s.code, source.Span{Start: l.start, End: l.start + n})
		}
		if more {
			s.piece(Continuation, l.start+n, l.end)
			l, more = s.continued(in)
		} else {
			s.piece(LineEnd, l.text, l.end)
		}
		if !more {
			if len(s.code) == 0 {
				s.code = append(s.code, source.Span{Start: home, End: home})
			}
			break
		}
	}
	in.Text = source.Join(c, s.code...)
	d := dissector{escape: s.doc.Escape}
	d.dissect(in, 0)
	if target := heredocTarget(in); target != nil {
		s.heredocs(in, &d)
		for i := range in.Heredocs {
			in.Heredocs[i].Opener = in.Text.Span(in.Heredocs[i].Opener.Start, in.Heredocs[i].Opener.End)
		}
	}

	in.Lines = source.Span{Start: start, End: s.at}
	end := s.at
	for end > in.Keyword.End && isLineEnd(c[end-1]) {
		end--
	}
	for at := in; at != nil; at = at.Sub {
		at.Span = source.Span{Start: at.Keyword.Start, End: max(end, at.Keyword.End)}
		at.Lines = in.Lines
		at.Heredocs = in.Heredocs
		if at != in {
			for _, c := range in.Inside {
				if c.Span.Start > at.Span.Start {
					at.Inside = append(at.Inside, c)
				}
			}
		}
	}

	switch {
	case d.deep != "":
		s.walls = append(s.walls, wall{in.Index, d.deep, codeSpan(in)})
		if len(s.long) > 0 {
			s.tooLong(s.long[0])
		}
	case len(s.long) > 0:
		s.walls = append(s.walls, wall{in.Index, tooLongMessage, s.long[0]})
	}
	s.long = nil
}

// continued reads on to the next line of an instruction's text, over comments and
// blank lines.
func (s *splitter) continued(in *Instruction) (line, bool) {
	c := s.doc.Content
	for {
		l, ok := s.next()
		if !ok {
			return line{}, false
		}
		switch indent := l.start + leftBlanks(c[l.start:l.text]); {
		case indent == l.text:
			s.piece(Blank, l.start, l.end)
		case c[indent] == '#':
			s.piece(Comment, l.start, l.end)
			in.Inside = append(in.Inside, comment(c, indent, l.text))
		default:
			return l, true
		}
	}
}

// heredocs reads the here-documents that an instruction's text opens.
func (s *splitter) heredocs(in *Instruction, d *dissector) {
	c := s.doc.Content
	openers, deep := heredocOpeners(in.Text.String())
	if deep != "" {
		d.deep = deep
		return
	}
	for _, o := range openers {
		h := Heredoc{
			Opener: source.Span{Start: o.from, End: o.to},
			Name:   o.doc.Name,
			FD:     o.doc.FileDescriptor,
			Chomp:  o.doc.Chomp,
			Expand: o.doc.Expand,
		}
		h.Body = source.Span{Start: s.at, End: s.at}
		h.End = h.Body
		for {
			l, ok := s.next()
			if !ok {
				s.piece(HeredocBody, h.Body.Start, h.Body.End)
				break
			}
			last := c[l.start:l.text]
			if h.Chomp {
				last = strings.TrimLeft(last, "\t")
			}
			if last == h.Name {
				h.End = source.Span{Start: l.start, End: l.text}
				s.piece(HeredocBody, h.Body.Start, h.Body.End)
				s.piece(HeredocEnd, l.start, l.end)
				break
			}
			h.Body.End = l.end
			h.End = source.Span{Start: l.end, End: l.end}
		}
		in.Heredocs = append(in.Heredocs, h)
	}
}

// continues reports how many bytes of a line are code, and whether the line goes
// on: it ends in the escape character and blanks, and no second one before it.
func continues(text string, escape byte) (int, bool) {
	end := len(text)
	for end > 0 && (text[end-1] == ' ' || text[end-1] == '\t') {
		end--
	}
	if end > 0 && text[end-1] == escape && (end == 1 || text[end-2] != escape) {
		return end - 1, true
	}
	return len(text), false
}

func comment(c string, from, to int) CommentLine {
	return CommentLine{source.Span{Start: from, End: to}, strings.TrimSpace(c[from+1 : to])}
}

// codeSpan is the place of an instruction without its here-documents.
func codeSpan(in *Instruction) source.Span {
	return source.Span{Start: in.Keyword.Start, End: max(in.Keyword.End, in.Text.HomeEnd(in.Text.Len()))}
}

func isLineEnd(b byte) bool { return b == '\n' || b == '\r' }

// leftBlanks counts the bytes of white space, Unicode's included, that text starts with.
func leftBlanks(text string) int {
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == ' ' || b >= '\t' && b <= '\r':
		case b < utf8.RuneSelf:
			return i
		default:
			return len(text) - len(strings.TrimLeftFunc(text[i:], unicode.IsSpace))
		}
	}
	return len(text)
}
