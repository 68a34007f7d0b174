package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/facts"
)

// A phase is where the connection stands in its life.
type phase uint8

const (
	fresh phase = iota // before initialize
	up
	down // after shutdown
)

// server is one connection. Notifications are handled in order on its read loop.
// Each request runs in a goroutine of its own over the workspace as it stood when
// the request arrived.
type server struct {
	state      sync.Mutex // held by the read loop while it handles a message, and by what changes this group later
	phase      phase
	work       *workspace
	opened     uint64              // numbers the snapshots
	initial    settings            // what the client said at first, and of all that it says nothing of by folder
	perFolder  map[string]settings // by path; "" for what is in no folder
	asked      int                 // numbers the questions for settings
	answered   int                 // the newest question whose answer is in force
	folderURIs map[string]string   // the client's folders on this machine: its own URI by path
	rereading  bool                // a reload is near

	client   clientFacts // set by initialize, fixed from then on
	opts     Options
	quick    []*analysis.Rule // that run at each edit
	checks   []*analysis.Rule // that compile, Docker's own among them
	log      *log.Logger
	stream   *stream
	conn     jsonrpc2.Conn
	pub      *publisher
	slots    chan struct{} // bounds the analyses that run at once
	compiles chan struct{} // bounds Docker's checks, apart: no edit waits for them
	settled  chan struct{} // closed when the client's settings are known, or it says none
	settling sync.Once
	walks    buildctx.Walks
	history  *histories // nil for none

	mu      sync.Mutex
	told    map[string]toldTokens // by URI, of open documents
	isOpen  map[string]bool
	kept    map[string]*facts.Kept        // by URI, of open documents
	answers uint64                        // numbers the tokens' answers
	tasks   map[string]context.CancelFunc // what the client shows the progress of, by token
	cancels map[string]context.CancelFunc // of running requests, by identifier
	running sync.WaitGroup
	closing bool        // nothing new is begun
	rest    *time.Timer // till memory is given back
}

func newServer(ctx context.Context, in io.Reader, out io.Writer, o Options, logger *log.Logger) *server {
	s := &server{
		opts:    o,
		log:     logger,
		stream:  newStream(in, out, logger),
		slots:   make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		cancels: map[string]context.CancelFunc{},
		told:    map[string]toldTokens{},
		tasks:   map[string]context.CancelFunc{},
		isOpen:  map[string]bool{},
		kept:    map[string]*facts.Kept{},

		compiles: make(chan struct{}, 1),
		settled:  make(chan struct{}),
		initial:  defaultSettings(),
		// Long enough for typing, short enough for who deletes a folder beside it.
		walks: buildctx.Walks{Keep: 10 * time.Second},
	}
	for _, r := range o.Rules {
		if r.Compiles {
			s.checks = append(s.checks, r)
		} else {
			s.quick = append(s.quick, r)
		}
	}
	s.work = &workspace{docs: map[string]*snapshot{}}
	s.work.folders, s.work.elsewhere = s.surroundAll(nil)
	s.conn = jsonrpc2.NewConn(s.stream)
	s.pub = newPublisher(ctx, s)
	if o.History.Log != nil {
		s.history = &histories{ctx: ctx, s: s, of: map[string]*history{}}
	}
	return s
}

// A request answers over a workspace that does not change under it.
type request func(s *server, ctx context.Context, w *workspace, params json.RawMessage) (any, error)

// A notification changes what the read loop owns; it must not wait.
type notification func(s *server, ctx context.Context, params json.RawMessage) error

var requests = map[string]request{
	protocol.MethodTextDocumentCodeAction:  onRequest((*server).codeAction),
	methodCodeActionResolve:                onRequest((*server).resolveCodeAction),
	methodDiagnostic:                       onRequest((*server).pull),
	protocol.MethodWorkspaceExecuteCommand: onRequest((*server).execute),

	protocol.MethodTextDocumentHover:          reading((*view).hover),
	protocol.MethodTextDocumentDocumentSymbol: reading((*view).outline),
	protocol.MethodTextDocumentFoldingRange:   reading((*view).folds),
	protocol.MethodTextDocumentDocumentLink:   reading((*view).links),
	protocol.MethodTextDocumentCodeLens:       reading((*view).lenses),
	protocol.MethodSemanticTokensFull:         reading((*view).tokensFull),
	protocol.MethodSemanticTokensFullDelta:    reading((*view).tokensDelta),
	protocol.MethodSemanticTokensRange:        reading((*view).tokensRange),
	protocol.MethodWorkspaceSymbol:            onRequest((*server).workspaceSymbols),
	methodSelectionRange:                      reading((*view).selections),
	methodInlayHint:                           reading((*view).hints),

	protocol.MethodTextDocumentDefinition:        reading((*view).definition),
	protocol.MethodTextDocumentReferences:        reading((*view).references),
	protocol.MethodTextDocumentDocumentHighlight: reading((*view).highlights),
	protocol.MethodTextDocumentPrepareRename:     reading((*view).prepareRename),
	protocol.MethodTextDocumentRename:            reading((*view).rename),
	protocol.MethodTextDocumentCompletion:        reading((*view).completion),
	protocol.MethodTextDocumentSignatureHelp:     reading((*view).signatures),
	protocol.MethodTextDocumentFormatting:        reading((*view).format),
	protocol.MethodTextDocumentRangeFormatting:   reading((*view).formatRange),
	protocol.MethodTextDocumentOnTypeFormatting:  reading((*view).onType),
}

var notifications = map[string]notification{
	protocol.MethodInitialized:                     onNotification((*server).initialized),
	protocol.MethodTextDocumentDidOpen:             onNotification((*server).didOpen),
	protocol.MethodTextDocumentDidChange:           onNotification((*server).didChange),
	protocol.MethodTextDocumentDidSave:             onNotification((*server).didSave),
	protocol.MethodTextDocumentDidClose:            onNotification((*server).didClose),
	protocol.MethodWorkspaceDidChangeConfiguration: onNotification((*server).didChangeConfiguration),
	protocol.MethodWorkspaceDidChangeWatchedFiles:  onNotification((*server).didChangeWatchedFiles),
	methodDidChangeFolders:                         onNotification((*server).didChangeFolders),
	methodCancelProgress:                           onNotification((*server).cancelProgress),
}

func onRequest[P any](f func(*server, context.Context, *workspace, *P) (any, error)) request {
	return func(s *server, ctx context.Context, w *workspace, raw json.RawMessage) (any, error) {
		p, err := decodeParams[P](raw)
		if err != nil {
			return nil, err
		}
		return f(s, ctx, w, p)
	}
}

func onNotification[P any](f func(*server, context.Context, *P) error) notification {
	return func(s *server, ctx context.Context, raw json.RawMessage) error {
		p, err := decodeParams[P](raw)
		if err != nil {
			return err
		}
		return f(s, ctx, p)
	}
}

func decodeParams[P any](raw json.RawMessage) (*P, error) {
	p := new(P)
	if len(raw) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "the parameters cannot be read: %v", err)
	}
	return p, nil
}

// handle is called by the read loop, one message after the other. It never
// returns an error: that would end the connection.
func (s *server) handle(ctx context.Context, reply jsonrpc2.Replier, req jsonrpc2.Request) error {
	s.state.Lock()
	defer s.state.Unlock()
	if call, ok := req.(*jsonrpc2.Call); ok {
		s.call(ctx, reply, call)
	} else {
		s.notify(ctx, req)
	}
	return nil
}

func (s *server) notify(ctx context.Context, req jsonrpc2.Request) {
	var err error
	switch method := req.Method(); {
	case method == protocol.MethodExit:
		s.stream.exit = true
	case method == protocol.MethodCancelRequest:
		err = s.cancel(req.Params())
	case s.phase != up:
		s.log.Printf("%s before initialize or after shutdown is ignored", method)
	default:
		if f, ok := notifications[method]; ok {
			_, err = s.guarded(method, func() (any, error) { return nil, f(s, ctx, req.Params()) })
		}
	}
	if err != nil {
		s.log.Printf("%s: %v", req.Method(), err)
	}
}

func (s *server) call(ctx context.Context, reply jsonrpc2.Replier, call *jsonrpc2.Call) {
	method, params := call.Method(), call.Params()
	answer := func(result any, err error) {
		if err := reply(ctx, result, err); err != nil {
			s.log.Printf("%s: the answer was not sent: %v", method, err)
		}
	}
	refuse := func(code jsonrpc2.Code, why string) { answer(nil, jsonrpc2.NewError(code, why)) }
	handler, known := requests[method]
	switch {
	case method == protocol.MethodInitialize && s.phase == fresh:
		answer(s.guarded(method, func() (any, error) { return s.initialize(params) }))
		return
	case method == protocol.MethodInitialize:
		refuse(jsonrpc2.InvalidRequest, "initialize may be sent once only")
		return
	case s.phase == fresh:
		refuse(jsonrpc2.ServerNotInitialized, method+" came before initialize")
		return
	case s.phase == down:
		refuse(jsonrpc2.InvalidRequest, method+" came after shutdown")
		return
	case method == protocol.MethodShutdown: // some clients send params of {}
		s.phase = down
		answer(nil, nil)
		return
	case !known:
		refuse(jsonrpc2.MethodNotFound, "shale does not know the method "+method)
		return
	}

	id := fmt.Sprintf("%s", call.ID())
	work := s.work
	run, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	_, taken := s.cancels[id]
	if !taken {
		s.cancels[id] = cancel
	}
	s.mu.Unlock()
	if taken {
		cancel()
		refuse(jsonrpc2.InvalidRequest, "the id "+id+" belongs to a request that still runs")
		return
	}
	s.running.Go(func() {
		result, err := s.guarded(method, func() (any, error) { return handler(s, run, work, params) })
		if run.Err() != nil {
			result, err = nil, jsonrpc2.NewError(protocol.CodeRequestCancelled, "the request was cancelled")
		}
		// The identifier is free again before the client can know of the answer.
		s.mu.Lock()
		delete(s.cancels, id)
		s.mu.Unlock()
		cancel()
		answer(result, err)
		s.tidyLater()
	})
}

// cancel ends a running request. One that has been answered already is none.
func (s *server) cancel(params json.RawMessage) error {
	p, err := decodeParams[struct {
		ID json.RawMessage `json:"id"`
	}](params)
	if err != nil {
		return err
	}
	id, err := requestID(p.ID)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, ok := s.cancels[string(id)]; ok {
		cancel()
	}
	return nil
}

// guarded keeps a panic inside the message that caused it.
func (s *server) guarded(what string, f func() (any, error)) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Printf("%s failed: %v\n%s", what, r, debug.Stack())
			result, err = nil, jsonrpc2.Errorf(jsonrpc2.InternalError, "%s failed: %v", what, r)
		}
	}()
	return f()
}

// ask puts a request to the client. An answer comes over the read loop, which must
// not wait for it.
func (s *server) ask(ctx context.Context, method string, params, result any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.conn.Done(): // nobody answers any more
			cancel()
		case <-ctx.Done():
		}
	}()
	_, err := s.conn.Call(ctx, method, params, result)
	return err
}

// spawn runs what the server waits for when it ends; not when it is ending.
func (s *server) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.running.Go(f)
	}
	return !s.closing
}

// settle lets findings out.
func (s *server) settle() { s.settling.Do(func() { close(s.settled) }) }

// drain waits for requests and publications that still run.
func (s *server) drain(limit time.Duration) {
	s.mu.Lock()
	s.closing = true // timers may still fire, and nobody may join who is waited for
	if s.rest != nil {
		s.rest.Stop()
	}
	s.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		s.running.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-time.After(limit):
		s.log.Printf("requests still ran after %v and were dropped", limit)
	}
}
