package lsp

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/symbols"
)

func (v *view) location(s source.Span) protocol.Location {
	return protocol.Location{URI: protocol.DocumentURI(v.uri), Range: v.rangeOf(s)}
}

// definition leads to the FROM of a stage, and to the ARG or ENV whose value a
// variable has here.
func (v *view) definition(_ context.Context, p *placed) (any, error) {
	u := v.symbols().At(v.offset(p.Position))
	if u == nil || u.Symbol == nil {
		return nil, nil
	}
	if u.Symbol.Kind == symbols.Stage {
		return v.location(stagePlace(u.Symbol)), nil
	}
	if found := v.declaration(u); found != nil {
		return v.location(found.Span), nil
	}
	return nil, nil
}

// stagePlace is the name of a stage; its image where it has none.
func stagePlace(s *symbols.Symbol) source.Span {
	from := s.Stage.From
	if s.Stage.Name != "" {
		return from.Args[2].Span()
	}
	return from.Args[0].Span()
}

// declaration is the place that gives a variable the value that a use reads: of
// those that reach it the last before it, or the use itself.
func (v *view) declaration(u *symbols.Use) *symbols.Use {
	if u.Decl && u.Symbol.Kind != symbols.Local {
		if global := v.globalOf(u, u.In); global != nil {
			for _, d := range u.Symbol.Uses {
				if d.Decl && d.In == global {
					return d
				}
			}
		}
		return u
	}
	var found *symbols.Use
	for _, d := range u.Symbol.Uses {
		switch {
		case !d.Decl:
		case u.Symbol.Kind == symbols.Local:
			if found == nil || d.Span.Start <= u.Span.Start {
				found = d
			}
		case d.In.Index < u.In.Index && v.reaches(d.In, u.In):
			found = d
		}
	}
	return found
}

type referenceParams struct {
	placed
	Context struct {
		IncludeDeclaration bool `json:"includeDeclaration"`
	} `json:"context"`
}

func (v *view) references(_ context.Context, p *referenceParams) (any, error) {
	out := []protocol.Location{}
	if u := v.symbols().At(v.offset(p.Position)); u != nil {
		for _, other := range v.same(u) {
			if p.Context.IncludeDeclaration || !other.Decl {
				out = append(out, v.location(other.Span))
			}
		}
	}
	return out, nil
}

func (v *view) highlights(_ context.Context, p *placed) (any, error) {
	out := []protocol.DocumentHighlight{}
	if u := v.symbols().At(v.offset(p.Position)); u != nil {
		for _, other := range v.same(u) {
			kind := protocol.DocumentHighlightKindRead
			if other.Decl {
				kind = protocol.DocumentHighlightKindWrite
			}
			out = append(out, protocol.DocumentHighlight{Range: v.rangeOf(other.Span), Kind: kind})
		}
	}
	return out, nil
}

// same are the uses of what a use names; of a name that this file gives to
// nothing, those that are written alike.
func (v *view) same(u *symbols.Use) []*symbols.Use {
	if u.Symbol != nil {
		return u.Symbol.Uses
	}
	var out []*symbols.Use
	for _, other := range v.symbols().Uses {
		if other.Symbol == nil && other.Name == u.Name && other.Stage == u.Stage {
			out = append(out, other)
		}
	}
	return out
}
