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
		if s != nil && s.Parent != nil {
			b.add(&Use{Span: named(base.Text, s.Base.Text), Name: s.Base.Text, In: in, Symbol: b.stage(s.Parent), Stage: true})
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

// named is the place of a name that a word stands for: between the quotes around it,
// or the whole word where quotes or escapes stand inside.
func named(word source.Text, name string) source.Span {
	text := word.String()
	if from, to := unquoted(text, 0, len(text)); text[from:to] == name {
		return word.Span(from, to)
	}
	return word.Span(0, word.Len())
}

func (b *builder) flags(in *syntax.Instruction) {
	for i := range in.Flags {
		if f := &in.Flags[i]; f.HasValue {
			b.read(in, f.Raw, false)
		}
	}
	own := b.graph.Of(in)
	if own == nil {
		return
	}
	flagged, at := in, []*stage.Stage{own}
	if in.Sub != nil {
		// BuildKit runs it in the stages that are FROM this one, and looks for names there.
		flagged, at = in.Sub, own.Children
	}
	for i := range flagged.Flags {
		f := &flagged.Flags[i]
		switch {
		case !f.HasValue:
		case f.Name == "from":
			b.source(in, f.Raw, f.Value, at)
		case f.Name == "mount":
			for _, o := range Options(f.Raw) {
				if strings.EqualFold(plain(o.Name), "from") {
					b.source(in, o.Value, plain(o.Value.String()), at)
				}
			}
		}
	}
}

// plain is a part of a flag's value without its quotes and escapes.
func plain(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			continue
		case c == '\\' && i+1 < len(text):
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// source notes what a --from or a mount's from= names in the stages where it runs.
func (b *builder) source(in *syntax.Instruction, text source.Text, name string, at []*stage.Stage) {
	if name == "" || len(at) == 0 || strings.Contains(name, "$") {
		return
	}
	use := &Use{Span: named(text, name), Name: name, In: in, Stage: true}
	for _, own := range at {
		found, index := b.above(own, name)
		if found != nil {
			use.Symbol, use.Index = b.stage(found), index
			break
		}
	}
	b.add(use)
}

// above returns the stage above another that a name stands for, and whether it is a
// number.
func (b *builder) above(own *stage.Stage, name string) (found *stage.Stage, index bool) {
	for _, s := range b.graph.Stages[:own.Index] {
		if s.Name != "" && strings.EqualFold(s.Name, name) {
			found = s
		}
	}
	if i, err := strconv.Atoi(name); found == nil && err == nil && i >= 0 && i < own.Index {
		return b.graph.Stages[i], true
	}
	return found, false
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
