package validate

import (
	"context"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Before is a text that rewrites start from: it is compiled once for all of them. It
// is for use by one goroutine.
type Before struct {
	*compile.Dockerfile
	graphs   map[compile.Options]compiled
	compiles map[compile.Options]error
	library  *library
}

type compiled struct {
	graph *compile.Graph
	err   error
}

// From takes the text before.
func From(text *compile.Dockerfile) *Before {
	return &Before{text, map[compile.Options]compiled{}, map[compile.Options]error{}, newLibrary()}
}

// Of reads the text before.
func Of(text string) *Before { return From(compile.Of(syntax.Parse(text))) }

// After reads a text that the one before was rewritten to.
func (b *Before) After(text string) *compile.Dockerfile {
	return compile.Of(syntax.Reparse(text, b.Doc()))
}

// Compile is a Dockerfile's, once for each target and base.
func (b *Before) Compile(ctx context.Context, o compile.Options) (*compile.Graph, error) {
	if c, ok := b.graphs[o]; ok {
		return c.graph, c.err
	}
	g, err := b.Dockerfile.Compile(ctx, o)
	if ctx.Err() == nil {
		b.graphs[o] = compiled{g, err}
	}
	return g, err
}

// Compiles is a Dockerfile's, once for each target and base.
func (b *Before) Compiles(ctx context.Context, o compile.Options) error {
	if c, ok := b.graphs[o]; ok {
		return c.err
	}
	if err, ok := b.compiles[o]; ok {
		return err
	}
	err := b.Dockerfile.Compiles(ctx, o)
	if ctx.Err() == nil {
		b.compiles[o] = err
	}
	return err
}
