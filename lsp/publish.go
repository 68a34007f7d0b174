package lsp

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// publisher sends each document's findings, in two steps: those of the rules at
// once, and all once it has been quiet and Docker's checks have run. A document has at
// most one worker, which always takes up the newest text: edits that come faster than
// findings are folded together without a delay, and what an edit has overtaken is
// never sent.
type publisher struct {
	ctx    context.Context
	server *server

	mu     sync.Mutex
	queue  map[string]*snapshot   // the next to publish, by URI; nil for a document that was closed
	active map[string]bool        // URIs that have a worker
	newest map[string]*snapshot   // what was last to be published, of open documents
	later  map[string]*time.Timer // the second steps to come
}

func newPublisher(ctx context.Context, s *server) *publisher {
	return &publisher{
		ctx: ctx, server: s, queue: map[string]*snapshot{}, active: map[string]bool{},
		newest: map[string]*snapshot{}, later: map[string]*time.Timer{},
	}
}

// publish has the findings of doc sent, or none when doc is nil. It does not wait.
func (p *publisher) publish(uri string, doc *snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.later[uri]; t != nil {
		t.Stop()
		delete(p.later, uri)
	}
	if p.newest[uri] = doc; doc == nil {
		delete(p.newest, uri)
	}
	if p.server.client.pulls {
		return // the client comes for them
	}
	p.enqueue(uri, doc)
}

func (p *publisher) enqueue(uri string, doc *snapshot) {
	p.queue[uri] = doc
	if !p.active[uri] {
		p.active[uri] = p.server.spawn(func() { p.work(uri) })
	}
}

func (p *publisher) work(uri string) {
	select {
	case <-p.server.settled:
	case <-p.ctx.Done():
	}
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

// one sends what is known of a document now, and sees to the rest.
func (p *publisher) one(uri string, doc *snapshot) {
	params := publishDiagnosticsParams{URI: uri, Diagnostics: []protocol.Diagnostic{}}
	complete := true
	if doc != nil {
		params.Version = &doc.version
		complete = doc.complete()
		p.server.checkHere(doc)
		found, err := p.server.found(p.ctx, doc)
		switch {
		case p.ctx.Err() != nil:
			return
		case err != nil: // findings of an older text would stand in wrong places
			p.server.tell(protocol.MessageTypeError, "Shale could not check "+uri+": "+err.Error())
			complete = true
		default:
			params.Diagnostics = found
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
	if complete {
		return
	}
	p.afterwards(doc, func() {
		if found, err := p.server.found(p.ctx, doc); err == nil && !reflect.DeepEqual(found, params.Diagnostics) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.newest[uri] == doc {
				p.enqueue(uri, doc)
			}
		}
	})
}

// afterwards runs Docker's checks on a document if no edit comes, and then what is
// to be done with them.
func (p *publisher) afterwards(doc *snapshot, do func()) {
	if len(p.server.checks) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.newest[doc.uri] != doc || p.later[doc.uri] != nil {
		return
	}
	p.later[doc.uri] = time.AfterFunc(p.server.opts.Quiet, func() {
		if _, err := p.server.checkAll(p.ctx, doc); err != nil {
			return
		}
		p.mu.Lock()
		newest := p.newest[doc.uri] == doc
		if newest {
			delete(p.later, doc.uri)
		}
		p.mu.Unlock()
		if newest {
			do()
		}
	})
}

// found says what is known of a document, in the client's terms; a fault stays with it.
func (s *server) found(ctx context.Context, doc *snapshot) ([]protocol.Diagnostic, error) {
	out, err := s.guarded("publishing", func() (any, error) {
		f, err := s.check(ctx, doc)
		if err != nil {
			return nil, err
		}
		return s.diagnostics(doc, f), nil
	})
	if err != nil {
		return nil, err
	}
	return out.([]protocol.Diagnostic), nil
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
	all := s.shown(doc, f)
	out := make([]protocol.Diagnostic, 0, len(all))
	for i := range all {
		out = append(out, s.diagnostic(doc, &all[i]))
	}
	return out
}

// shown is what is known to be found and not left to another tool, in order of place.
func (s *server) shown(doc *snapshot, f *findings) []analysis.Diagnostic {
	all := f.diagnostics
	if known := doc.known(); len(known) > 0 && !f.silent {
		all = slices.Concat(all, known)
		slices.SortStableFunc(all, func(a, b analysis.Diagnostic) int {
			return cmp.Or(a.Span.Start-b.Span.Start, a.Span.End-b.Span.End)
		})
	}
	if len(doc.near.Defer) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(d analysis.Diagnostic) bool { return s.deferred(doc.near, &d) })
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
	if s.client.tags[d.Tag] {
		out.Tags = []protocol.DiagnosticTag{tags[d.Tag]}
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

var tags = map[analysis.Tag]protocol.DiagnosticTag{
	analysis.Unnecessary: protocol.DiagnosticTagUnnecessary,
	analysis.Deprecated:  protocol.DiagnosticTagDeprecated,
}

func (s *server) rangeOf(lines *source.Lines, span source.Span) protocol.Range {
	return rangeIn(lines, span, s.client.encoding)
}
