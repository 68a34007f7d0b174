package lsp

import (
	"context"
	"strings"
	"sync"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// publisher sends each document's findings. A document has at most one worker,
// which always takes up the newest text: edits that come faster than findings
// are folded together without a delay, and what an edit has overtaken is never
// sent.
type publisher struct {
	ctx    context.Context
	server *server

	mu     sync.Mutex
	queue  map[string]*snapshot // the next to publish, by URI; nil for a document that was closed
	active map[string]bool      // URIs that have a worker
}

func newPublisher(ctx context.Context, s *server) *publisher {
	return &publisher{ctx: ctx, server: s, queue: map[string]*snapshot{}, active: map[string]bool{}}
}

// publish has the findings of doc sent, or none when doc is nil. It does not wait.
func (p *publisher) publish(uri string, doc *snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue[uri] = doc
	if !p.active[uri] {
		p.active[uri] = true
		p.server.running.Go(func() { p.work(uri) })
	}
}

func (p *publisher) work(uri string) {
	for {
		p.mu.Lock()
		doc, ok := p.queue[uri]
		delete(p.queue, uri)
		if !ok {
			delete(p.active, uri)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.one(uri, doc)
	}
}

func (p *publisher) one(uri string, doc *snapshot) {
	params := publishDiagnosticsParams{URI: uri, Diagnostics: []protocol.Diagnostic{}}
	if doc != nil {
		params.Version = &doc.version
		found, err := p.server.guarded("publishing", func() (any, error) {
			f, err := p.server.check(p.ctx, doc)
			if err != nil {
				return nil, err
			}
			return p.server.diagnostics(doc, f), nil
		})
		switch {
		case p.ctx.Err() != nil:
			return
		case err != nil: // findings of an older text would stand in wrong places
			p.server.tell(protocol.MessageTypeError, "Shale could not check "+uri+": "+err.Error())
		default:
			params.Diagnostics = found.([]protocol.Diagnostic)
		}
	}
	p.mu.Lock()
	_, overtaken := p.queue[uri]
	p.mu.Unlock()
	if overtaken {
		return
	}
	if err := p.server.conn.Notify(p.ctx, protocol.MethodTextDocumentPublishDiagnostics, params); err != nil {
		p.server.log.Printf("%s: the findings were not sent: %v", uri, err)
	}
}

// tell shows a line in the client's log.
func (s *server) tell(kind protocol.MessageType, message string) {
	params := protocol.LogMessageParams{Type: kind, Message: message}
	if err := s.conn.Notify(context.Background(), protocol.MethodWindowLogMessage, params); err != nil {
		s.log.Printf("%s (not sent: %v)", message, err)
	}
}

// diagnostics says the findings in the client's terms.
func (s *server) diagnostics(doc *snapshot, f *findings) []protocol.Diagnostic {
	if f.config != nil {
		return []protocol.Diagnostic{{
			Severity: protocol.DiagnosticSeverityError, Source: "shale", Code: "configuration",
			Message: "nothing was checked: " + f.config.Error(),
		}}
	}
	out := make([]protocol.Diagnostic, 0, len(f.diagnostics))
	for i := range f.diagnostics {
		out = append(out, s.diagnostic(doc, &f.diagnostics[i]))
	}
	return out
}

func (s *server) diagnostic(doc *snapshot, d *analysis.Diagnostic) protocol.Diagnostic {
	out := protocol.Diagnostic{
		Range:    s.rangeOf(doc.lines, d.Span),
		Severity: severities[d.Severity],
		Code:     d.Rule,
		Source:   "shale",
		Message:  d.Message,
	}
	if len(d.Withheld) > 0 {
		out.Message += "\nNo safe fix: " + strings.Join(d.Withheld, "; ")
	}
	if s.opts.DocURL != nil {
		if page := s.opts.DocURL(d.Rule); page != "" {
			out.CodeDescription = &protocol.CodeDescription{Href: protocol.URI(page)}
		}
	}
	if s.client.related {
		for _, r := range d.Related {
			out.RelatedInformation = append(out.RelatedInformation, protocol.DiagnosticRelatedInformation{
				Location: protocol.Location{URI: protocol.DocumentURI(doc.uri), Range: s.rangeOf(doc.lines, r.Span)},
				Message:  r.Message,
			})
		}
	}
	return out
}

var severities = map[analysis.Severity]protocol.DiagnosticSeverity{
	analysis.Info:    protocol.DiagnosticSeverityInformation,
	analysis.Warning: protocol.DiagnosticSeverityWarning,
	analysis.Error:   protocol.DiagnosticSeverityError,
}

func (s *server) rangeOf(lines *source.Lines, span source.Span) protocol.Range {
	at := func(offset int) protocol.Position {
		p := lines.Position(offset, s.client.encoding)
		return protocol.Position{Line: uint32(p.Line), Character: uint32(p.Column)}
	}
	return protocol.Range{Start: at(span.Start), End: at(span.End)}
}
