package syntax

import (
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/shale-build/shale/analysis/source"
)

// How much of a file is read. An image has 127 layers at most, and the longest
// Dockerfiles in the wild some thousands of lines; what goes beyond was made to hurt,
// or is no Dockerfile.
const (
	maxLines        = 100_000
	maxInstructions = 10_000
)

// maxGrowth is how many bytes a file's words and the environments of its steps may
// come to once variables stand for their values. Each line may double the one before
// it, so that sixty lines would fill any memory: BuildKit's compiler has no limit.
const maxGrowth = 128 << 20

var errGrown = errors.New("its variables grow too long")

// lastOffset is where reading ends: after maxLines lines.
func lastOffset(content string) int {
	if len(content) <= maxLines {
		return len(content)
	}
	at := 0
	for range maxLines {
		i := strings.IndexByte(content[at:], '\n')
		if i < 0 {
			return len(content)
		}
		at += i + 1
	}
	return at
}

// leave makes what was not read a piece of its own.
func (s *splitter) leave() {
	c := s.doc.Content
	if s.at == len(c) {
		return
	}
	what := fmt.Sprintf("%d instructions", maxInstructions)
	if s.at == s.end {
		what = fmt.Sprintf("%d lines", maxLines)
	}
	first := source.Span{Start: s.at, End: s.at + len(strings.TrimRight(firstLine(c[s.at:]), "\r\n"))}
	s.problem("the file is longer than "+what+", and Shale reads no further; split it into several files", first)
	s.piece(Code, s.at, len(c))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// grow finds the instruction up to which the file's variables come to more than
// maxGrowth bytes. What it counts is never less than what BuildKit makes of them.
func (s *splitter) grow() {
	g := growth{values: map[string]int{}, stage: &growing{own: map[string]int{}}, named: map[string]*growing{}}
	for _, in := range s.doc.Instructions {
		g.add(s.doc.Content, in)
		if g.total > maxGrowth {
			s.doc.grown = true
			s.problem(fmt.Sprintf("up to here the variables come to more than %d MB once they are expanded, and no build would end; shorten what ENV and ARG hold", maxGrowth>>20), in.Span)
			return
		}
	}
}

// A growth counts bytes, and stops counting beyond maxGrowth.
type growth struct {
	values map[string]int // the longest that each variable has been
	stage  *growing       // the one at hand
	named  map[string]*growing
	most   *growing // of those, the one with the largest environment
	total  int
}

// A growing is the environment of a stage.
type growing struct {
	below *growing
	own   map[string]int // lengths of what it sets
	total int            // of all, those below included
}

func (e *growing) set(name string, n int) {
	for s := e; s != nil; s = s.below {
		if was, ok := s.own[name]; ok {
			e.total -= was
			break
		}
	}
	e.own[name] = len(name) + n
	e.total = capped(e.total + len(name) + n)
}

// unset is the length of what the file does not set: it may come from a base image,
// or be a made-up argument's.
const unset = 128

func (g *growth) add(content string, in *Instruction) {
	if in.Sub != nil {
		in = in.Sub
	}
	switch in.Name {
	case command.From:
		g.from(in)
	case command.Env, command.Arg:
		for _, p := range in.Pairs {
			n := g.size(p.Value.Value, 0)
			if in.Name == command.Arg {
				n += len(p.Key.Value) + unset // a build argument's value in place of it
			}
			g.stage.set(p.Key.Value, n)
			g.total = capped(g.total + n)
			g.values[p.Key.Value] = max(g.values[p.Key.Value], n)
		}
	case command.Run, command.Cmd, command.Entrypoint, command.Healthcheck, command.Shell:
		for _, f := range in.Flags {
			g.total = capped(g.total + g.size(f.Raw.String(), 0))
		}
	default:
		g.total = capped(g.total + g.size(in.Text.String(), 0))
		for _, h := range in.Heredocs {
			if h.Expand {
				g.total = capped(g.total + g.size(h.Body.In(content), 0))
			}
		}
	}
	g.total = capped(g.total + g.stage.total)
}

// from begins a stage with the environment of the one that it is built from.
func (g *growth) from(in *Instruction) {
	g.total = capped(g.total + g.size(in.Text.String(), 0))
	g.stage = &growing{own: map[string]int{}}
	if len(in.Args) == 0 {
		return
	}
	base := in.Args[0].Value
	below := g.named[lower(base)]
	if below == nil && strings.Contains(base, "$") {
		below = g.most
	}
	if g.stage.below = below; below != nil {
		g.stage.total = below.total
	}
	if len(in.Args) == 3 {
		g.named[lower(in.Args[2].Value)] = g.stage
	}
	if g.most == nil || g.most.total < g.stage.total {
		g.most = g.stage
	}
}

// size is the most that a text comes to. ${a//b/c} may put c for each byte of a.
func (g *growth) size(text string, depth int) int {
	n := len(text)
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || n > maxGrowth {
			return capped(n)
		}
		text = text[i+1:]
		braced := strings.HasPrefix(text, "{")
		if braced {
			text = text[1:]
		}
		end := 0
		for end < len(text) && source.NameByte(text[end]) {
			end++
		}
		value, ok := g.values[text[:end]]
		if !ok {
			value = unset
		}
		text = text[end:]
		if braced && strings.HasPrefix(text, "/") {
			inside := text[:closing(text)]
			put := maxGrowth
			if depth < maxNested {
				put = g.size(inside, depth+1)
			}
			value = capped(value * put)
			text = text[len(inside):]
		}
		n += value
	}
}

// closing is where the brace closes that was opened before a text.
func closing(text string) int {
	open := 1
	for i := range len(text) {
		switch text[i] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return i
			}
		}
	}
	return len(text)
}

func capped(n int) int { return min(n, maxGrowth+1) }
