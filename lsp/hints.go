package lsp

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

type inlayHint struct {
	Position    protocol.Position       `json:"position"`
	Label       string                  `json:"label"`
	Tooltip     *protocol.MarkupContent `json:"tooltip,omitempty"`
	PaddingLeft bool                    `json:"paddingLeft"`
}

// hints says what ships, what variables stand for, and which RUNs run again when
// the sources change.
func (v *view) hints(_ context.Context, p *placed) (any, error) {
	out := []inlayHint{}
	shown := v.span(p.Range)
	add := func(at int, label, tip string) {
		if !within(shown, at) {
			return
		}
		h := inlayHint{Position: v.at(at), Label: label, PaddingLeft: true}
		if tip != "" {
			m := v.s.markup(tip)
			h.Tooltip = &m
		}
		out = append(out, h)
	}
	needed := v.needed()
	for _, s := range v.graph.Stages {
		if !shown.Overlaps(stageSpan(s)) && !stageSpan(s).Overlaps(shown) {
			continue
		}
		v.shippingHint(s, needed[s], add)
		v.rerunHints(s, add)
	}
	for _, u := range v.symbols().Uses {
		if !u.Stage && !u.Shell && !u.Decl && u.Symbol != nil {
			v.valueHint(u, add)
		}
	}
	return out, nil
}

// endOfLine is the end of the line on which a span ends.
func (v *view) endOfLine(s source.Span) int {
	return v.lines.Span(v.lines.Line(s.End)).End
}

func (v *view) shippingHint(s *stage.Stage, needed bool, add func(int, string, string)) {
	at := v.endOfLine(s.From.Span)
	switch {
	case s.Ships:
		add(at, "ships", "The image holds the layers of this stage.")
	case needed:
		add(at, "does not ship", "The image holds none of this stage's layers, only what other stages copy from it. Caches need no cleaning here.")
	default:
		add(at, "not built by default", "The last stage needs nothing of this one: it is built only by `--target`.")
	}
}

// needed are the stages that the last one needs, directly or not.
func (v *view) needed() map[*stage.Stage]bool {
	all := v.graph.Stages
	needed := map[*stage.Stage]bool{}
	for i := len(all) - 1; i >= 0; i-- {
		if i < len(all)-1 && !needed[all[i]] {
			continue
		}
		needed[all[i]] = true
		for _, other := range all[i].Reads {
			needed[other] = true
		}
		if all[i].Parent != nil {
			needed[all[i].Parent] = true
		}
	}
	return needed
}

// rerunHints marks the RUNs below a COPY or ADD from the build context.
func (v *view) rerunHints(s *stage.Stage, add func(int, string, string)) {
	cause := v.cause(s.Parent)
	for _, in := range s.Instructions {
		if cause == nil && v.fromContext(in) {
			cause = in
			continue
		}
		if in.Name == "run" && cause != nil {
			line := v.line(cause)
			first := in.Span.Start
			add(v.lines.Span(v.lines.Line(first)).End, fmt.Sprintf("reruns with line %d", line),
				fmt.Sprintf("This RUN runs again when a file that line %d copies has changed:\n%s", line, code(short(cause.Body.String()))))
		}
	}
}

// cause is the first instruction of a stage, or of one below it, that depends on
// the build context.
func (v *view) cause(s *stage.Stage) *syntax.Instruction {
	if s == nil {
		return nil
	}
	if in := v.cause(s.Parent); in != nil {
		return in
	}
	for _, in := range s.Instructions {
		if v.fromContext(in) {
			return in
		}
	}
	return nil
}

func (v *view) fromContext(in *syntax.Instruction) bool {
	if in.Name != "copy" && in.Name != "add" || in.Flag("from") != nil {
		return false
	}
	paths, known := v.file.Sources(in)
	return len(paths) > 0 || !known
}

// maxHint is the most characters of a value that stand beside it.
const maxHint = 40

func (v *view) valueHint(u *symbols.Use, add func(int, string, string)) {
	value := v.graph.Lookup(u.In, u.Name)
	if value.Is != stage.Set && value.Is != stage.Overridable || value.Text == "" {
		return
	}
	// Only a variable alone, or with a default that its value stands before, is its value.
	switch rest := u.Rest.In(v.text); {
	case u.Rest.End == 0:
		return
	case rest == "" || rest == "}" || strings.HasPrefix(rest, ":-") || strings.HasPrefix(rest, "-"):
	default:
		return
	}
	text := strings.ToValidUTF8(value.Text, "�")
	if utf8.RuneCountInString(text) > maxHint {
		text = string([]rune(text)[:maxHint-1]) + "…"
	}
	tip := ""
	if value.Is == stage.Overridable {
		tip = "The default; a build argument may say otherwise."
	}
	add(u.Rest.End, "= "+text, tip)
}

// lenses stand above each stage: its layers and what was found in it.
func (v *view) lenses(context.Context, *placed) (any, error) {
	out := []codeLens{}
	shown := v.s.shown(v.snapshot, v.found)
	for _, s := range v.graph.Stages {
		span := stageSpan(s)
		found := 0
		for _, d := range shown {
			if span.Contains(d.Span) {
				found++
			}
		}
		parts := []string{count(layers(s), "layer")}
		if found > 0 {
			parts = append(parts, count(found, "finding"))
		}
		if s.Ships {
			parts = append(parts, "ships")
		}
		at := source.Span{Start: s.From.Keyword.Start, End: s.From.Keyword.End}
		out = append(out, codeLens{Range: v.rangeOf(at), Command: lensCommand{Title: strings.Join(parts, " · ")}})
	}
	return out, nil
}

type codeLens struct {
	Range   protocol.Range `json:"range"`
	Command lensCommand    `json:"command"`
}

// lensCommand is a title alone: there is nothing to run.
type lensCommand struct {
	Title   string `json:"title"`
	Command string `json:"command"`
}
