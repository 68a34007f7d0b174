package lsp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/lsp"
)

// client is the other end of the protocol, written without the server's own
// framing, types and positions.
type client struct {
	t    testing.TB
	in   io.WriteCloser
	log  *syncBuffer
	done chan error // Serve's or the process's answer
	pid  int        // of a process

	mu       sync.Mutex
	changed  *sync.Cond
	replies  map[string]message
	notified []message
	dead     error
	nextID   int

	initialized json.RawMessage // the answer to initialize
	folder      string          // the workspace's, told by initialize; "" for none
	folders     []string        // more of them
	options     any             // initializationOptions
	answers     map[string]func(json.RawMessage) any
	asked       map[string]string // methods of requests, by id
	measured    bool              // messages are not held to the model
}

type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *wireError      `json:"error,omitempty"`
}

type wireError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

const patience = 20 * time.Second

// connect starts a server in this process.
func connect(t testing.TB, rules ...*analysis.Rule) *client {
	t.Helper()
	return connectWith(t, lsp.Options{
		Rules: rules, Version: "test",
		DocURL: func(rule string) string { return "https://example.org/" + rule },
	})
}

func connectWith(t testing.TB, o lsp.Options) *client {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := &client{t: t, in: inW, log: &syncBuffer{}, done: make(chan error, 1)}
	c.listen(outR)
	go func() {
		o.Log = c.log
		err := lsp.Serve(context.Background(), inR, outW, o)
		inR.Close()
		outW.Close()
		c.done <- err
	}()
	t.Cleanup(func() {
		c.in.Close()
		c.wait()
		if t.Failed() {
			t.Logf("server's log:\n%s", c.log)
		}
	})
	return c
}

func (c *client) listen(out io.Reader) {
	_, c.measured = c.t.(*testing.B)
	c.replies, c.asked = map[string]message{}, map[string]string{}
	shapes, err := readModel()
	if err != nil {
		c.t.Fatal(err)
	}
	c.changed = sync.NewCond(&c.mu)
	go func() {
		r := bufio.NewReader(out)
		for {
			m, err := readMessage(r)
			c.mu.Lock()
			if err == nil && !c.measured {
				if err := shapes.message(m, c.asked[string(m.ID)]); err != nil {
					c.t.Errorf("a message is not as the protocol has it: %v", err)
				}
			}
			switch {
			case err != nil:
				c.dead = err
			case m.Method != "":
				c.notified = append(c.notified, m)
				if answer := c.answers[m.Method]; answer != nil && m.ID != nil {
					go c.answer(m, answer)
				}
			default:
				id := string(m.ID)
				if _, twice := c.replies[id]; twice && id != "null" {
					c.t.Errorf("id %s was answered twice", id)
				}
				c.replies[id] = m
			}
			c.changed.Broadcast()
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// answer is what an editor does with a request of the server's.
func (c *client) answer(m message, f func(json.RawMessage) any) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": f(m.Params)})
	if err == nil {
		fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
}

func readMessage(r *bufio.Reader) (m message, err error) {
	head, err := r.ReadString('\n')
	if err != nil {
		return m, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(head, "Content-Length: "), "\r\n"))
	if err != nil {
		return m, fmt.Errorf("%q is not the protocol's", head)
	}
	if end, err := r.ReadString('\n'); end != "\r\n" || err != nil {
		return m, fmt.Errorf("%q after the header (%v)", end, err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("%s: %v", body, err)
	}
	if m.Version != "2.0" {
		return m, fmt.Errorf("%s has no version", body)
	}
	return m, nil
}

func (c *client) wait() error {
	c.t.Helper()
	select {
	case err := <-c.done:
		c.done <- err
		return err
	case <-time.After(patience):
		c.t.Errorf("the server did not end\n%s", c.log)
		return nil
	}
}

// raw writes one message's body.
func (c *client) raw(body string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, "Content-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		c.t.Fatalf("%v\n%s", err, c.log)
	}
}

func (c *client) notify(method string, params any) {
	c.t.Helper()
	c.raw(encode(c.t, map[string]any{"jsonrpc": "2.0", "method": method, "params": params}))
}

// send starts a request and returns its id.
func (c *client) send(method string, params any) string {
	c.t.Helper()
	c.nextID++
	c.mu.Lock()
	c.asked[strconv.Itoa(c.nextID)] = method
	c.mu.Unlock()
	c.raw(encode(c.t, map[string]any{"jsonrpc": "2.0", "id": c.nextID, "method": method, "params": params}))
	return strconv.Itoa(c.nextID)
}

// reply waits for the answer to a request.
func (c *client) reply(id string) message {
	c.t.Helper()
	var m message
	c.until("the answer to "+id, func() (ok bool) {
		m, ok = c.replies[id]
		return ok
	})
	return m
}

func (c *client) call(method string, params, result any) {
	c.t.Helper()
	m := c.reply(c.send(method, params))
	if m.Error != nil {
		c.t.Fatalf("%s: %+v\n%s", method, *m.Error, c.log)
	}
	if result != nil {
		if err := json.Unmarshal(m.Result, result); err != nil {
			c.t.Fatalf("%s: %s: %v", method, m.Result, err)
		}
	}
}

// until waits for a state that the listener brings about.
func (c *client) until(what string, f func() bool) {
	c.t.Helper()
	timer := time.AfterFunc(patience, func() {
		c.mu.Lock()
		c.dead = fmt.Errorf("no news for %v", patience)
		c.changed.Broadcast()
		c.mu.Unlock()
	})
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !f() {
		if c.dead != nil {
			c.t.Fatalf("waiting for %s: %v\n%s", what, c.dead, c.log)
		}
		c.changed.Wait()
	}
}

type capabilities map[string]any

// with adds what a client can do: "workspace.configuration".
func (c capabilities) with(paths ...string) capabilities {
	for _, path := range paths {
		at := map[string]any(c)
		keys := strings.Split(path, ".")
		for _, k := range keys[:len(keys)-1] {
			below, ok := at[k].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[k] = below
			}
			at = below
		}
		last := keys[len(keys)-1]
		if at[last] == nil {
			at[last] = true
		}
	}
	return c
}

// object is a capability that is told by being there.
func (c capabilities) object(path string) capabilities {
	c.with(path + ".dynamicRegistration")
	return c
}

// pulling is an editor that comes for findings.
func pulling() capabilities {
	return full("utf-16").object("textDocument.diagnostic").with("workspace.diagnostics.refreshSupport")
}

// full is what a modern editor says of itself.
func full(encodings ...string) capabilities {
	return capabilities{
		"general": map[string]any{"positionEncodings": encodings},
		"textDocument": map[string]any{
			"codeAction": map[string]any{
				"dataSupport":    true,
				"resolveSupport": map[string]any{"properties": []string{"edit"}},
			},
			"publishDiagnostics": map[string]any{"relatedInformation": true, "tagSupport": map[string]any{"valueSet": []int{1, 2}}},
			"hover":              map[string]any{"contentFormat": []string{"markdown", "plaintext"}},
			"completion":         map[string]any{"completionItem": map[string]any{"snippetSupport": true}},
			"rename":             map[string]any{"prepareSupport": true},
			"documentSymbol":     map[string]any{"hierarchicalDocumentSymbolSupport": true},
		},
		"workspace": map[string]any{
			"workspaceEdit": map[string]any{"documentChanges": true, "resourceOperations": []string{"create"}},
		},
	}
}

func (c *client) initialize(caps capabilities) (encoding string) {
	c.t.Helper()
	var r struct {
		Capabilities struct{ PositionEncoding string }
		ServerInfo   struct{ Name, Version string }
	}
	params := map[string]any{"processId": nil, "rootUri": nil, "capabilities": caps}
	var folders []any
	for _, uri := range append([]string{c.folder}, c.folders...) {
		if uri != "" {
			folders = append(folders, map[string]any{"uri": uri, "name": "test"})
		}
	}
	if folders != nil {
		params["workspaceFolders"] = folders
	}
	if c.options != nil {
		params["initializationOptions"] = c.options
	}
	c.call("initialize", params, &c.initialized)
	if err := json.Unmarshal(c.initialized, &r); err != nil {
		c.t.Fatal(err)
	}
	if r.ServerInfo.Name != "shale" || r.ServerInfo.Version != "test" {
		c.t.Errorf("serverInfo is %+v", r.ServerInfo)
	}
	c.notify("initialized", map[string]any{})
	return r.Capabilities.PositionEncoding
}

func (c *client) shutdown() {
	c.t.Helper()
	c.call("shutdown", nil, nil)
	c.notify("exit", nil)
}

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// serveForTests is what the test binary does when it is started as a server.
func serveForTests() int {
	err := lsp.Serve(context.Background(), os.Stdin, os.Stdout, lsp.Options{
		Rules: []*analysis.Rule{gap, quotes, wrong}, Version: "test", Log: os.Stderr,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
