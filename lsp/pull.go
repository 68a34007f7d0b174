package lsp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// A report answers a client that comes for a document's findings.
type report struct {
	Kind     string                `json:"kind"` // full or unchanged
	ResultID string                `json:"resultId"`
	Items    []protocol.Diagnostic `json:"items"`
}

type unchangedReport struct {
	Kind     string `json:"kind"`
	ResultID string `json:"resultId"`
}

// pull gives a document's findings. A client that can be told to come again gets those
// of the rules at once, and is told when Docker's checks have more to say; another
// waits for all.
func (s *server) pull(ctx context.Context, w *workspace, p *struct {
	TextDocument     textDocument `json:"textDocument"`
	PreviousResultID string       `json:"previousResultId"`
}) (any, error) {
	doc, ok := w.docs[p.TextDocument.URI]
	if !ok {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s is not open", p.TextDocument.URI)
	}
	if doc = s.settledOn(ctx, doc); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if !s.client.refreshes {
		if _, err := s.checkAll(ctx, doc); err != nil {
			return nil, err
		}
	}
	complete := doc.complete()
	items, err := s.found(ctx, doc)
	if err != nil {
		return nil, err
	}
	id := idOf(items)
	if !complete {
		s.pub.afterwards(doc, func() {
			if all, err := s.found(s.pub.ctx, doc); err == nil && idOf(all) != id {
				s.refresh()
			}
		})
	}
	if p.PreviousResultID == id {
		return unchangedReport{"unchanged", id}, nil
	}
	return report{"full", id, items}, nil
}

// settledOn waits until the client's settings are known, as what is published does, and
// returns the document as it is read with them.
func (s *server) settledOn(ctx context.Context, doc *snapshot) *snapshot {
	select {
	case <-s.settled:
	case <-ctx.Done():
		return doc
	}
	s.state.Lock()
	defer s.state.Unlock()
	// The request may have come before they were known, and be looked at behind them.
	if now := s.work.docs[doc.uri]; now != nil && now.version == doc.version {
		return now
	}
	return doc // closed or edited meanwhile
}

// idOf names findings by what they are, so that those that an edit or a reload leaves
// as they were need not be sent again.
func idOf(items []protocol.Diagnostic) string {
	text, err := json.Marshal(items)
	if err != nil {
		panic(err) // they are plain data
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// refresh has the client come for findings again, after something else than an edit
// changed them.
func (s *server) refresh() {
	if !s.client.pulls || !s.client.refreshes {
		return
	}
	go func() {
		if err := s.ask(s.pub.ctx, methodRefresh, nil, nil); err != nil && s.pub.ctx.Err() == nil {
			s.log.Printf("the findings were not refreshed: %v", err)
		}
	}()
}
