package syntax

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/util/suggest"
	"github.com/shale-build/shale/analysis/source"
)

// maxProblems bounds the work on what is no Dockerfile at all: after so many
// refusals BuildKit is not asked again, and what it was not asked is not Faithful.
const maxProblems = 100

var tooLongMessage = fmt.Sprintf("dockerfile line greater than max allowed size of %d", bufio.MaxScanTokenSize-1)

// A judge has BuildKit read the file and compares. BuildKit stops at the first
// instruction that it refuses, so after one it is led on to the next, and reads
// each byte two or three times.
type judge struct {
	*splitter
	parser func(io.Reader) (*parser.Result, error)
	prefix string         // gives BuildKit our escape character, and keeps a BOM from being a first line's
	nodes  []*parser.Node // what BuildKit read of each instruction; nil where it refused, or was not asked

	earlier *Document      // nil for none
	kept    []*Instruction // of an earlier text, by index here: BuildKit's word on it holds here too; nil where it was asked
}

func newJudge(s *splitter) *judge {
	return &judge{
		splitter: s,
		parser:   parser.Parse,
		prefix:   "# escape=" + string(rune(s.doc.Escape)) + "\n",
		nodes:    make([]*parser.Node, len(s.doc.Instructions)),
	}
}

func (s *splitter) problem(message string, span source.Span) {
	s.doc.Problems = append(s.doc.Problems, Problem{message, span})
}

func (s *splitter) tooLong(span source.Span) { s.problem(tooLongMessage, span) }

func (j *judge) judge() {
	d := j.doc
	for _, bad := range j.failed {
		err := bad.err
		if err == nil {
			_, err = j.parse(bad.span.In(d.Content))
		}
		j.problem(err.Error(), bad.span)
	}
	all := len(d.Instructions)
	switch {
	case all == 0:
		if len(d.Problems) == 0 {
			_, err := j.parse(d.Content)
			j.problem(err.Error(), lastLine(d.Content))
		}
	case len(d.Problems) == 0 && len(j.walls) == 0 && len(j.fences) == 0:
		if j.again() {
			d.whole = true
			break
		}
		result, err := j.parse(d.Content)
		if err == nil {
			j.compare(result, 0, all, 0)
			d.whole = j.agree(result, 0, all)
			break
		}
		j.stretches(j.named(err, 0, all, 0), err)
	default:
		j.stretches(-1, nil)
	}
	j.instructions()
	slices.SortStableFunc(d.Problems, func(a, b Problem) int { return a.Span.Start - b.Span.Start })
}

// parse has BuildKit's parser read texts as one. A fault inside it is an error like another.
func (j *judge) parse(text ...string) (result *parser.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, fmt.Errorf("BuildKit's parser fails on this: %v", p)
		}
	}()
	readers := make([]io.Reader, len(text))
	for i, t := range text {
		readers[i] = strings.NewReader(t)
	}
	return j.parser(io.MultiReader(readers...))
}

// feed has BuildKit read the instructions from a up to b. It returns by how much
// its line numbers are less than the file's.
func (j *judge) feed(a, b int) (*parser.Result, error, int) {
	c := j.doc.Content[j.doc.Instructions[a].Lines.Start:j.doc.Instructions[b-1].Lines.End]
	result, err := j.parse(j.prefix, c)
	return result, err, j.starts[a] - 2
}

// stretches leads BuildKit over the instructions between walls and fences. An
// instruction that is known to be refused, if any, has been named with its error.
func (j *judge) stretches(bad int, err error) {
	all := len(j.doc.Instructions)
	from := 0
	walls, fences := j.walls, j.fences
	for i := 0; i <= all; i++ {
		for len(fences) > 0 && fences[0] == i {
			fences = fences[1:]
			j.stretch(from, i, bad, err)
			from = max(from, i)
		}
		if len(walls) > 0 && walls[0].index == i {
			j.problem(walls[0].message, walls[0].span)
			walls = walls[1:]
			j.stretch(from, i, bad, err)
			from = i + 1
		}
	}
	j.stretch(from, all, bad, err)
}

func (j *judge) stretch(a, b, bad int, err error) {
	base := 0
	for a < b && len(j.doc.Problems) < maxProblems {
		if bad < a || bad >= b {
			var result *parser.Result
			result, err, base = j.feed(a, b)
			if err == nil {
				j.compare(result, a, b, base)
				return
			}
			bad = j.named(err, a, b, base)
		}
		if bad < 0 {
			j.singly(a, b)
			return
		}
		if a < bad {
			result, err, base := j.feed(a, bad)
			if err != nil {
				j.singly(a, bad)
			} else {
				j.compare(result, a, bad, base)
			}
		}
		j.refused(j.doc.Instructions[bad], err)
		a, bad = bad+1, -1
	}
}

// singly asks about each instruction alone, where BuildKit's error names none.
func (j *judge) singly(a, b int) {
	found := len(j.doc.Problems)
	for i := a; i < b && len(j.doc.Problems) < maxProblems; i++ {
		result, err, base := j.feed(i, i+1)
		if err != nil {
			j.refused(j.doc.Instructions[i], err)
		} else {
			j.compare(result, i, i+1, base)
		}
	}
	if found == len(j.doc.Problems) {
		if _, err, _ := j.feed(a, b); err != nil {
			j.problem(err.Error(), j.doc.Instructions[a].Keyword)
		}
	}
}

// named returns the instruction at whose first line BuildKit's error stands, or -1.
func (j *judge) named(err error, a, b, base int) int {
	var at *parser.LocationError
	if !errors.As(err, &at) || len(at.Locations) == 0 || len(at.Locations[0]) == 0 {
		return -1
	}
	number := at.Locations[0][0].Start.Line + base
	i := a + sort.SearchInts(j.starts[a:b], number)
	if i < b && j.starts[i] == number {
		return i
	}
	return -1
}

// refused carries why BuildKit's parser does not take an instruction, at the part
// that it means.
func (j *judge) refused(in *Instruction, err error) {
	span := codeSpan(in)
	for at := in; at != nil; at = at.Sub {
		for _, h := range at.Heredocs {
			if h.End.Empty() && h.End.Start == len(j.doc.Content) && err.Error() == "unterminated heredoc" {
				j.problem(err.Error(), h.Opener)
				return
			}
		}
		if len(at.Pairs) > 1 && strings.HasPrefix(err.Error(), "Syntax error - can't find =") {
			for i, p := range at.Pairs {
				if !p.HasValue {
					span = at.Args[i].Span()
					break
				}
			}
		}
	}
	j.problem(err.Error(), span)
}

// compare says which of the instructions from a up to b BuildKit reads as we do.
func (j *judge) compare(result *parser.Result, a, b, base int) {
	i := a
	for _, n := range result.AST.Children {
		for i < b && j.starts[i] < n.StartLine+base {
			i++
		}
		if i == b {
			return
		}
		if j.starts[i] != n.StartLine+base {
			continue
		}
		in := j.doc.Instructions[i]
		j.nodes[i] = n
		faithful := same(in, n) && sameHeredocs(in, n, j.doc.Content)
		for at := in; at != nil; at = at.Sub {
			at.Faithful = faithful
		}
		i++
	}
}

// same reports whether BuildKit's text, flags and arguments are ours.
func same(in *Instruction, n *parser.Node) bool {
	if in.Text.String() != n.Original || in.Name != lower(n.Value) || len(in.Flags) != len(n.Flags) {
		return false
	}
	for i, f := range in.Flags {
		word, ok := strings.CutPrefix(n.Flags[i], "--")
		name, value, has := strings.Cut(word, "=")
		if !ok || f.Name != name || f.Value != value || f.HasValue != has {
			return false
		}
	}
	if in.JSON != n.Attributes["json"] {
		return false
	}
	next := n.Next
	is := func(value string) bool {
		ok := next != nil && next.Value == value && len(next.Children) == 0
		if ok {
			next = next.Next
		}
		return ok
	}
	switch in.Name {
	case command.Onbuild:
		if next == nil || len(next.Children) == 0 {
			return in.Sub == nil
		}
		return in.Sub != nil && len(next.Children) == 1 && same(in.Sub, next.Children[0])
	case command.Env, command.Label:
		for _, p := range in.Pairs {
			separator := "="
			if p.Legacy {
				separator = ""
			}
			if !is(p.Key.Value) || !is(p.Value.Value) || !is(separator) {
				return false
			}
		}
	default:
		if !IsKeyword(in.Name) { // BuildKit drops its arguments
			return true
		}
		for _, w := range in.Args {
			if !is(w.Value) {
				return false
			}
		}
	}
	return next == nil
}

func sameHeredocs(in *Instruction, n *parser.Node, content string) bool {
	if len(in.Heredocs) != len(n.Heredocs) {
		return false
	}
	for i, h := range in.Heredocs {
		o := n.Heredocs[i]
		if h.Name != o.Name || h.FD != o.FileDescriptor || h.Chomp != o.Chomp || h.Expand != o.Expand || h.Body.In(content) != o.Content {
			return false
		}
	}
	return true
}

// instructions carries what BuildKit's next stage refuses: unknown instructions
// and flags, missing arguments, and what stands before the first FROM.
func (j *judge) instructions() {
	staged := false
	for i, in := range j.doc.Instructions {
		if len(j.doc.Problems) >= maxProblems {
			j.doc.whole = false // not all were asked
			return
		}
		n := j.nodes[i]
		var kept *Instruction
		if j.kept != nil {
			kept = j.kept[i]
		}
		if n == nil && kept == nil {
			staged = staged || in.Name == command.From
			continue
		}
		refusal := ""
		if kept != nil {
			refusal = j.earlier.refusals[kept]
		} else {
			refusal = j.instruction(n)
		}
		if refusal != "" {
			if j.doc.refusals == nil {
				j.doc.refusals = map[*Instruction]string{}
			}
			j.doc.refusals[in] = refusal
		}
		switch {
		case !IsKeyword(in.Name):
			j.problem(refusal, in.Keyword)
			continue
		case refusal != "":
			j.problem(worded(in, refusal))
		case !staged && in.Name != command.From && in.Name != command.Arg:
			_, err := instructions.CurrentStage(nil)
			j.problem(err.Error(), codeSpan(in))
			staged = true // said once
		}
		staged = staged || in.Name == command.From
	}
}

// instruction says why BuildKit refuses what its parser took; "" if it does not.
func (j *judge) instruction(n *parser.Node) (refusal string) {
	defer func() {
		if p := recover(); p != nil {
			refusal = fmt.Sprintf("BuildKit fails on this: %v", p)
		}
	}()
	if !IsKeyword(lower(n.Value)) {
		return unknown(n.Value)
	}
	n.PrevComment = nil // of use to a linter only, and "# check=" fails without one
	if _, err := instructions.ParseInstruction(n); err != nil {
		return err.Error()
	}
	return ""
}

// unknown is BuildKit's message. Its own choice between two names that are equally
// near is random.
func unknown(keyword string) string {
	err := &instructions.UnknownInstructionError{Instruction: keyword}
	return didYouMean(err.Error(), keyword, keywords, false)
}

func didYouMean(message, word string, options []string, caseSensitive bool) string {
	if len(word) > 64 { // nothing is near, and BuildKit's search would be long
		return message
	}
	return suggest.WrapError(errors.New(message), word, options, caseSensitive).Error()
}

// worded gives BuildKit's message about an instruction the same words each time,
// and its place: the flag that it names, or the whole instruction.
func worded(in *Instruction, message string) (string, source.Span) {
	for _, about := range []string{"unknown flag: --", "duplicate flag specified: --", "missing a value on flag: --", "expecting boolean value for flag --"} {
		rest, ok := strings.CutPrefix(message, about)
		if !ok {
			continue
		}
		for _, f := range slices.Backward(in.Flags) {
			after, ok := strings.CutPrefix(rest, f.Name)
			if !ok || after != "" && after[0] != ' ' && after[0] != ',' {
				continue
			}
			if about == "unknown flag: --" {
				message = didYouMean(about+f.Name, f.Name, flags[in.Name], true)
			}
			return message, f.Span
		}
	}
	return message, codeSpan(in)
}

// lastLine is the last line of content that BuildKit counts.
func lastLine(content string) source.Span {
	end := len(content)
	for end > 0 && isLineEnd(content[end-1]) {
		end--
	}
	return source.Span{Start: strings.LastIndexByte(content[:end], '\n') + 1, End: end}
}
