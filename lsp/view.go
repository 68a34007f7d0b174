package lsp

import (
	"context"
	"encoding/json"
	"sort"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

// A view is a Dockerfile that one request reads, alone.
type view struct {
	*snapshot
	s     *server
	work  *workspace
	found *findings
	file  *facts.File
	doc   *syntax.Document
	graph *stage.Graph
}

// placed is what the parameters of requests about a document have in common.
type placed struct {
	TextDocument textDocument      `json:"textDocument"`
	Position     protocol.Position `json:"position"`
	Range        protocol.Range    `json:"range"`
	Context      struct {
		TriggerKind int `json:"triggerKind"`
	} `json:"context"`
}

func (p *placed) about() string { return p.TextDocument.URI }

// reading makes a request of a function that reads one Dockerfile. What a
// function gives of another document, such as .dockerignore, is null.
func reading[P any, T interface {
	*P
	about() string
}](f func(*view, context.Context, *P) (any, error)) request {
	return func(s *server, ctx context.Context, w *workspace, raw json.RawMessage) (any, error) {
		p, err := decodeParams[P](raw)
		if err != nil {
			return nil, err
		}
		doc, ok := w.docs[T(p).about()]
		if !ok {
			return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s is not open", T(p).about())
		}
		if !doc.dockerfile() {
			return nil, nil
		}
		found, err := s.check(ctx, doc)
		if err != nil {
			return nil, err
		}
		doc.reading.Lock()
		defer doc.reading.Unlock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v := &view{snapshot: doc, s: s, work: w, found: found, file: found.file, doc: found.file.Doc}
		v.graph = v.file.Stages()
		return f(v, ctx, p)
	}
}

// symbols are the names of the document, read once.
func (v *view) symbols() *symbols.Table {
	if v.names == nil {
		v.names = symbols.New(v.file)
	}
	return v.names
}

func (v *view) offset(p protocol.Position) int {
	return offsetIn(v.lines, p, v.s.client.encoding)
}

func (v *view) span(r protocol.Range) source.Span { return spanIn(v.lines, r, v.s.client.encoding) }

func (v *view) at(offset int) protocol.Position {
	return positionIn(v.lines, offset, v.s.client.encoding)
}

func (v *view) rangeOf(s source.Span) protocol.Range { return v.s.rangeOf(v.lines, s) }

// instruction returns the instruction whose text goes on at an offset, the empty
// line below a last continuation included; nil if there is none.
func (v *view) instruction(offset int) *syntax.Instruction {
	all := v.doc.Instructions
	i := sort.Search(len(all), func(i int) bool { return all[i].Lines.Start > offset }) - 1
	if i < 0 {
		return nil
	}
	in := all[i]
	if offset < in.Lines.End || v.piece(in.Lines.End-1).Kind == syntax.Continuation && v.text[in.Lines.End:offset] == "" {
		return in
	}
	if offset == in.Lines.End && offset == len(v.text) && !lineEnd(v.text[offset-1]) {
		return in
	}
	return nil
}

func lineEnd(c byte) bool { return c == '\n' || c == '\r' }

// piece returns the piece of the file that holds a byte; the last one for the end.
func (v *view) piece(offset int) syntax.Piece {
	all := v.doc.Pieces
	if len(all) == 0 {
		return syntax.Piece{}
	}
	i := sort.Search(len(all), func(i int) bool { return all[i].Span.End > offset })
	return all[min(i, len(all)-1)]
}

// within reports whether a place touches a span, its end included.
func within(s source.Span, offset int) bool { return s.Start <= offset && offset <= s.End }

// stageSpan is a stage from its FROM to its last instruction.
func stageSpan(s *stage.Stage) source.Span {
	span := s.From.Span
	if n := len(s.Instructions); n > 0 {
		span = span.Cover(s.Instructions[n-1].Span)
	}
	return span
}

// stageAt returns the stage in whose lines a place stands, or nil.
func (v *view) stageAt(offset int) *stage.Stage {
	all := v.graph.Stages
	i := sort.Search(len(all), func(i int) bool { return all[i].From.Lines.Start > offset }) - 1
	if i < 0 {
		return nil
	}
	return all[i]
}
