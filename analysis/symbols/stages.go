package symbols

import (
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

func (b *builder) from(in *syntax.Instruction) {
	s := b.graph.Of(in)
	if len(in.Args) > 0 {
		base := in.Args[0]
		b.read(in, base.Text, false)
		if s != nil && s.Parent != nil && strings.EqualFold(base.Value, s.Parent.Name) {
			b.add(&Use{Span: base.Span(), Name: base.Value, In: in, Symbol: b.stage(s.Parent), Stage: true})
		}
	}
	if s != nil && s.Name != "" {
		name := in.Args[2]
		b.add(&Use{Span: name.Span(), Name: name.Value, In: in, Symbol: b.stage(s), Stage: true, Decl: true})
	}
}

// stage returns the symbol of a stage; its name is as written.
func (b *builder) stage(s *stage.Stage) *Symbol {
	if b.stages[s] == nil {
		symbol := &Symbol{Kind: Stage, Stage: s}
		if s.Name != "" {
			symbol.Name = s.From.Args[2].Value
		}
		b.stages[s] = symbol
	}
	return b.stages[s]
}

func (b *builder) flags(in *syntax.Instruction) {
	for i := range in.Flags {
		f := &in.Flags[i]
		if !f.HasValue {
			continue
		}
		b.read(in, f.Raw, false)
		if in.Name == "onbuild" {
			continue
		}
		switch f.Name {
		case "from":
			b.source(in, f.Raw)
		case "mount":
			for _, o := range Options(f.Raw) {
				if strings.EqualFold(o.Name, "from") {
					b.source(in, o.Value)
				}
			}
		}
	}
}

// source notes what a --from or a mount's from= names, where that is a stage.
func (b *builder) source(in *syntax.Instruction, text source.Text) {
	name := text.String()
	own := b.graph.Of(in)
	if own == nil || name == "" || strings.Contains(name, "$") {
		return
	}
	var found *stage.Stage
	for _, s := range b.graph.Stages[:own.Index] {
		if s.Name != "" && strings.EqualFold(s.Name, name) {
			found = s
		}
	}
	index := false
	if i, err := strconv.Atoi(name); found == nil && err == nil && i >= 0 && i < own.Index {
		found, index = b.graph.Stages[i], true
	}
	use := &Use{Span: text.Span(0, text.Len()), Name: name, In: in, Stage: true, Index: index}
	if found != nil {
		use.Symbol = b.stage(found)
	}
	b.add(use)
}

// An Option is a part of a --mount's value.
type Option struct {
	Name     string
	Key      source.Text
	Value    source.Text
	HasValue bool
}

// Options reads the value of a --mount as written; quotes around it or one of its
// parts are left out.
func Options(raw source.Text) []Option {
	text := raw.String()
	from, to := unquoted(text, 0, len(text))
	var out []Option
	for from <= to {
		end := strings.IndexByte(text[from:to], ',')
		if end < 0 {
			end = to
		} else {
			end += from
		}
		a, z := unquoted(text, from, end)
		o := Option{Key: raw.Slice(a, z), Value: raw.Slice(z, z)}
		if eq := strings.IndexByte(text[a:z], '='); eq >= 0 {
			v, w := unquoted(text, a+eq+1, z)
			o.Key, o.Value, o.HasValue = raw.Slice(a, a+eq), raw.Slice(v, w), true
		}
		o.Name = strings.ToLower(o.Key.String())
		out = append(out, o)
		from = end + 1
	}
	return out
}

func unquoted(text string, from, to int) (int, int) {
	if to-from >= 2 && (text[from] == '"' || text[from] == '\'') && text[to-1] == text[from] {
		return from + 1, to - 1
	}
	return from, to
}
