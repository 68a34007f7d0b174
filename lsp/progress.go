package lsp

import (
	"context"
	"encoding/json"
	"fmt"

	"go.lsp.dev/protocol"
)

// A task is work that takes long. Its progress goes to where the client shows it; nil
// and a task without a token show nothing.
type task struct {
	s      *server
	token  json.RawMessage
	cancel context.CancelFunc
	shown  int // percent
}

type progressParams struct {
	Token json.RawMessage `json:"token"`
	Value progressValue   `json:"value"`
}

type progressValue struct {
	Kind        string `json:"kind"` // begin, report or end
	Title       string `json:"title,omitempty"`
	Message     string `json:"message,omitempty"`
	Cancellable bool   `json:"cancellable,omitempty"`
	Percentage  *int   `json:"percentage,omitempty"`
}

// begin starts to show a task: under the token of the request, or else under one that
// the client is asked for. The context ends when the user calls the task off.
func (s *server) begin(ctx context.Context, token json.RawMessage, title string) (context.Context, *task) {
	ctx, cancel := context.WithCancel(ctx)
	t := &task{s: s, token: token, cancel: cancel}
	if len(token) == 0 || string(token) == "null" {
		t.token = nil
		if !s.client.progress {
			return ctx, t
		}
		s.mu.Lock()
		s.answers++
		own := json.RawMessage(fmt.Sprintf(`"shale/%d"`, s.answers))
		s.mu.Unlock()
		if err := s.ask(ctx, protocol.MethodWorkDoneProgressCreate, map[string]any{"token": own}, nil); err != nil {
			return ctx, t // the work is done all the same
		}
		t.token = own
	}
	s.mu.Lock()
	s.tasks[string(t.token)] = cancel
	s.mu.Unlock()
	zero := 0
	t.send(progressValue{Kind: "begin", Title: title, Cancellable: true, Percentage: &zero})
	return ctx, t
}

func (t *task) send(v progressValue) {
	if t.token == nil {
		return
	}
	if err := t.s.conn.Notify(context.Background(), protocol.MethodProgress, progressParams{t.token, v}); err != nil {
		t.s.log.Printf("the progress was not sent: %v", err)
	}
}

// step tells that so many parts of all are done, where that makes a difference.
func (t *task) step(done, all int, what string) {
	if percent := done * 100 / max(all, 1); percent > t.shown {
		t.shown = percent
		t.send(progressValue{Kind: "report", Message: what, Percentage: &percent})
	}
}

func (t *task) end(message string) {
	t.send(progressValue{Kind: "end", Message: message})
	t.cancel()
	if t.token != nil {
		t.s.mu.Lock()
		delete(t.s.tasks, string(t.token))
		t.s.mu.Unlock()
	}
}

// cancelProgress calls a task off. One that has ended is none.
func (s *server) cancelProgress(_ context.Context, p *struct {
	Token json.RawMessage `json:"token"`
}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.tasks[string(p.Token)]; cancel != nil {
		cancel()
	}
	return nil
}
