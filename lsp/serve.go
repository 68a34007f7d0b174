// Package lsp is the language server: it keeps the documents that an editor has
// open, publishes what the rules find in them, and hands out fixes as code actions.
package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/shale-build/shale/analysis"
)

// Options is what the command hands to the server.
type Options struct {
	Rules   []*analysis.Rule         // run at each edit; those that compile, once it is quiet
	Quiet   time.Duration            // for how long; 0 is a third of a second
	Others  []*analysis.Rule         // that do not run here, and that a configuration may name
	History History                  // of the repositories that build contexts lie in; zero for none
	Alone   bool                     // the process is the server's alone, which keeps its memory small
	Version string                   // told to the client
	Log     io.Writer                // for people; nil discards. Never the protocol's output
	DocURL  func(rule string) string // the page of a finding's rule; nil or "" for none
}

// ErrNoShutdown is Serve's answer to a client that leaves without asking for a
// shutdown first.
var ErrNoShutdown = errors.New("the client left without asking for a shutdown")

// Serve speaks the Language Server Protocol over in and out until the client
// says exit, in ends, or ctx is done. It returns nil, an exit status of 0, only
// when the client had asked for a shutdown.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Quiet == 0 {
		o.Quiet = 300 * time.Millisecond
	}
	logger := log.New(o.Log, "shale lsp: ", log.Ltime|log.Lmicroseconds|log.Lmsgprefix)
	work, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := newServer(work, in, out, o, logger)
	s.conn.Go(work, s.handle)

	select {
	case <-s.conn.Done():
	case <-ctx.Done():
		s.stream.shut()
		return ctx.Err()
	}
	err := s.conn.Err()
	switch {
	case errors.Is(err, errExit):
		cancel() // nobody reads the answers any more
	case errors.Is(err, io.EOF):
		// A script that pipes its requests in closes its end before it reads
		// the answers.
		err = nil
	default:
		logger.Printf("the connection is lost: %v", err)
		cancel()
	}
	s.drain(5 * time.Second)
	s.stream.shut()

	s.state.Lock()
	defer s.state.Unlock()
	if s.phase == down {
		return nil
	}
	if err == nil || errors.Is(err, errExit) {
		return ErrNoShutdown
	}
	return fmt.Errorf("the connection to the client is lost: %w", err)
}
