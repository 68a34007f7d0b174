package lsp

import (
	"context"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

type selectionParams struct {
	TextDocument textDocument        `json:"textDocument"`
	Positions    []protocol.Position `json:"positions"`
}

func (p *selectionParams) about() string { return p.TextDocument.URI }

type selectionRange struct {
	Range  protocol.Range  `json:"range"`
	Parent *selectionRange `json:"parent,omitempty"`
}

// selections widens each place step by step: name, word, command, list, body,
// instruction, stage, document.
func (v *view) selections(_ context.Context, p *selectionParams) (any, error) {
	out := []*selectionRange{}
	for _, position := range p.Positions {
		var chain *selectionRange
		spans := v.around(v.offset(position))
		for _, s := range spans {
			chain = &selectionRange{Range: v.rangeOf(s), Parent: chain}
		}
		out = append(out, chain)
	}
	return out, nil
}

// around lists the spans that hold a place, the widest first, each truly inside
// the one before.
func (v *view) around(at int) []source.Span {
	spans := []source.Span{{Start: 0, End: len(v.text)}}
	add := func(s source.Span) {
		if within(s, at) && !s.Empty() {
			spans = append(spans, s)
		}
	}
	if s := v.stageAt(at); s != nil {
		add(stageSpan(s))
	}
	if in := v.instruction(at); in != nil {
		if len(in.Lead) > 0 {
			add(in.Span.Cover(in.Lead[0].Span))
		}
		for ; in != nil; in = in.Sub {
			v.parts(in, add)
		}
	} else if piece := v.piece(at); piece.Kind == syntax.Comment || piece.Kind == syntax.Directive {
		end := piece.Span.End
		for end > piece.Span.Start && lineEnd(v.text[end-1]) {
			end--
		}
		add(source.Span{Start: piece.Span.Start, End: end})
	}
	if u := v.symbols().At(at); u != nil {
		add(u.Span)
	}
	slices.SortStableFunc(spans, func(a, b source.Span) int { return b.Len() - a.Len() })
	kept := spans[:1]
	for _, s := range spans[1:] {
		if last := kept[len(kept)-1]; s != last && last.Contains(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func (v *view) parts(in *syntax.Instruction, add func(source.Span)) {
	if in.Index >= 0 {
		add(in.Span)
	} else if n := in.Text.Len(); n > 0 {
		add(in.Text.Span(0, n))
	}
	add(in.Keyword)
	if n := in.Body.Len(); n > 0 {
		add(in.Body.Span(0, n))
	}
	for i := range in.Flags {
		f := &in.Flags[i]
		add(f.Span)
		add(f.NameSpan)
		if n := f.Raw.Len(); n > 0 {
			add(f.Raw.Span(0, n))
		}
		if f.Name == "mount" {
			for _, o := range symbols.Options(f.Raw) {
				key := o.Key.Span(0, o.Key.Len())
				add(key)
				if o.HasValue {
					value := o.Value.Span(0, o.Value.Len())
					add(value)
					add(key.Cover(value))
				}
			}
		}
	}
	for _, a := range in.Args {
		add(a.Span())
		if in.JSON {
			if inner, ok := a.Inside(); ok {
				add(inner.Span(0, inner.Len()))
			}
		}
	}
	for _, p := range in.Pairs {
		add(p.Key.Span())
		add(p.Value.Span())
	}
	for _, h := range in.Heredocs {
		add(h.Opener)
		add(h.Body)
		add(h.Body.Cover(h.End))
	}
	if in.Index < 0 {
		return
	}
	for _, p := range symbols.Programs(v.file, in) {
		p.Walk(func(n *shell.Node, _ shell.Context) bool {
			add(p.Span(n.Range))
			for _, a := range n.Assigns {
				add(p.Span(a.Range))
				v.wordParts(p, a.Value, add)
			}
			for _, w := range n.Words {
				v.wordParts(p, w, add)
			}
			for _, r := range n.Redirs {
				add(p.Span(r.Range))
				v.wordParts(p, r.Target, add)
				v.wordParts(p, r.Body, add)
			}
			return true
		})
	}
}

func (v *view) wordParts(p symbols.Program, w shell.Word, add func(source.Span)) {
	add(p.Span(w.Range))
	for _, part := range w.Parts {
		add(p.Span(part.Range))
	}
}
