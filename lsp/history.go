package lsp

import (
	"context"
	"sync"

	"github.com/shale-build/shale/analysis/gitlog"
)

// A History asks git about the repository at root.
type History struct {
	Head func(ctx context.Context, root string) (string, error) // names the newest commit
	Log  func(ctx context.Context, root string) (string, error) // the last commits, as gitlog.Logs.Read has them
}

// histories are the logs of the repositories that documents lie in. They are read in the
// background, for no edit waits for git: till then they are not known.
type histories struct {
	ctx context.Context
	s   *server

	mu sync.Mutex
	of map[string]*history // by the repository's root
}

type history struct {
	head  string      // the newest commit when it was read
	log   *gitlog.Log // nil where there is none
	busy  bool        // it is being read
	stale bool        // and is to be looked at once more
}

// logs are what is known; nil h knows nothing.
func (h *histories) logs() *gitlog.Logs {
	if h == nil {
		return nil
	}
	return &gitlog.Logs{Known: h.known}
}

func (h *histories) known(root string) *gitlog.Log {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.of[root]
	if r == nil {
		r = &history{}
		h.of[root] = r
		h.start(root, r)
	}
	return r.log
}

// renew has the logs read again of the repositories whose newest commit is another by now.
func (h *histories) renew() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for root, r := range h.of {
		h.start(root, r)
	}
}

// start has a log looked at in the background; h.mu is held.
func (h *histories) start(root string, r *history) {
	if r.stale = r.busy; !r.busy {
		r.busy = h.s.spawn(func() { h.read(root, r) })
	}
}

func (h *histories) read(root string, r *history) {
	for {
		h.mu.Lock()
		was, known := r.head, r.log != nil
		h.mu.Unlock()
		head, err := h.s.opts.History.Head(h.ctx, root)
		changed := err != nil && known || err == nil && head != was
		var log *gitlog.Log
		if err == nil && changed {
			var text string
			if text, err = h.s.opts.History.Log(h.ctx, root); err == nil {
				log = gitlog.Parse(root, text)
			}
		}
		if h.ctx.Err() != nil {
			return
		}
		h.mu.Lock()
		if changed {
			r.head, r.log = head, log
		}
		again := r.stale
		r.busy, r.stale = again, false
		h.mu.Unlock()
		if changed && (known || log != nil) {
			h.s.state.Lock()
			h.s.lookAgain()
			h.s.state.Unlock()
		}
		if !again {
			return
		}
	}
}
