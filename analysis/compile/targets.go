package compile

import (
	"context"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Target is a stage.
type Target struct {
	Index    int    // from 0
	Name     string // "" for none
	Own      bool   // it has a name, and no later stage has the same
	Base     string // as written
	Platform string // of FROM --platform, as written
	Line     int    // of its FROM, from 1
	end      int    // where the stage ends in the text
}

// Targets lists the stages in order. The error is BuildKit's.
func (d *Dockerfile) Targets() ([]Target, error) {
	list, err := d.targets()
	return slices.Clone(list), err
}

// Targets lists the stages of a text in order. The error is BuildKit's.
func Targets(content string) ([]Target, error) { return targets(content, content) }

// staged takes all but FROM out of a text, line for line, if BuildKit takes the rest:
// nothing else says what the stages are.
func staged(doc *syntax.Document) string {
	if len(doc.Problems) > 0 || len(doc.Instructions) == 0 {
		return doc.Content
	}
	var out strings.Builder
	done := doc.Instructions[0].Lines.Start // directives stand above
	out.WriteString(doc.Content[:done])
	for _, in := range doc.Instructions {
		if !in.Faithful {
			return doc.Content
		}
		if in.Name == "from" {
			out.WriteString(newlines(doc.Content[done:in.Lines.Start]))
			out.WriteString(doc.Content[in.Lines.Start:in.Lines.End])
			done = in.Lines.End
		}
	}
	return out.String()
}

// newlines are a text's line ends alone.
func newlines(text string) string { return strings.Repeat("\n", strings.Count(text, "\n")) }

// withoutCheckComments takes the comments that speak to Docker's checks out of a
// text, line for line. ListTargets fails on a nil pointer where one stands above an
// instruction: it reads instructions without a linter (BuildKit v0.34.2). The
// directives at the top stay: the parser needs them.
func withoutCheckComments(content string) []byte {
	at := firstCode.FindStringIndex(content)
	if at == nil {
		return []byte(content)
	}
	return append([]byte(content[:at[0]]), checkComment.ReplaceAllString(content[at[0]:], "$1")...)
}

var (
	firstCode    = lazyregexp.New(`(?m)^[ \t]*[^#\s]`)
	checkComment = lazyregexp.New(`(?mi)^([ \t]*#)[ \t]*check[ \t]*=.*$`)
)

// targets lists the stages of a text, which are those of stages.
func targets(content, stages string) (_ []Target, err error) {
	defer recovered(&err)
	list, err := dockerfile2llb.ListTargets(context.Background(), withoutCheckComments(stages))
	if err != nil {
		return nil, err
	}
	starts := lineStarts(content)
	var out []Target
	for i, t := range list.Targets {
		one := Target{Index: i, Name: t.Name, Own: t.Name != "", Base: t.Base, Platform: t.Platform, end: len(content)}
		if t.Location != nil && len(t.Location.Ranges) > 0 {
			one.Line = int(t.Location.Ranges[0].Start.Line)
		}
		if i > 0 && one.Line > 0 && one.Line <= len(starts) {
			out[i-1].end = starts[one.Line-1]
		}
		out = append(out, one)
	}
	last := map[string]int{}
	for i := range out {
		key := strings.ToLower(out[i].Name)
		if j, ok := last[key]; ok {
			out[j].Own = false
		}
		last[key] = i
	}
	return out, nil
}

// lineStarts counts lines as BuildKit's parser does: by "\n" alone.
func lineStarts(content string) []int {
	starts := []int{0}
	for i := 0; i < len(content); i++ {
		if content[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// An arg is one declaration of an ARG.
type arg struct {
	name  string
	value *string // its default as written
	meta  bool    // before the first FROM
}

// declarations are the ARGs of a text, and what the FROMs are that use them.
type declarations struct {
	args         []arg
	froms, plats []string
}

// declared reads a text.
func declared(doc *syntax.Document) (d declarations) {
	for _, in := range doc.Instructions {
		switch in.Name {
		case "from":
			base, platform := "", ""
			if len(in.Args) > 0 {
				base = in.Args[0].Value
			}
			if f := in.Flag("platform"); f != nil {
				platform = f.Value
			}
			d.froms = append(d.froms, base)
			d.plats = append(d.plats, platform)
		case "arg":
			for _, p := range in.Pairs {
				one := arg{name: p.Key.Value, meta: len(d.froms) == 0}
				if p.HasValue {
					one.value = &p.Value.Value
				}
				d.args = append(d.args, one)
			}
		}
	}
	return d
}
