package lsp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"go.lsp.dev/jsonrpc2"
)

// maxBody bounds one message. A Dockerfile is far smaller; a length beyond it is
// a broken header.
const maxBody = 512 << 20

// errExit ends the read loop after the client said exit.
var errExit = errors.New("exit")

// stream frames messages. The library's own stream ends the connection at the
// first message that is not well-formed, refuses identifiers beyond 32 bits, and
// sends errors of other packages with the code 0; this one answers a bad message
// and reads on, and keeps each identifier as the client wrote it.
type stream struct {
	in  *bufio.Reader
	log *log.Logger

	exit bool // owned by the read loop

	mu   sync.Mutex // one message at a time
	out  io.Writer
	dead atomic.Bool
}

func newStream(in io.Reader, out io.Writer, logger *log.Logger) *stream {
	return &stream{in: bufio.NewReader(in), out: out, log: logger}
}

// Read returns the next message that is well-formed. Its error ends the
// connection: the input ended, or its framing is lost.
func (s *stream) Read(context.Context) (jsonrpc2.Message, int64, error) {
	for {
		if s.exit {
			return nil, 0, errExit
		}
		body, err := s.frame()
		if err != nil {
			return nil, 0, err
		}
		msg, id, err := decode(body)
		if err == nil {
			return msg, int64(len(body)), nil
		}
		s.log.Printf("a message was refused: %v", err)
		s.send(reply{ID: id, Error: wireError(err)})
	}
}

// frame reads the headers and the body of one message.
func (s *stream) frame() ([]byte, error) {
	length := -1
	for first := true; ; first = false {
		line, err := s.in.ReadSlice('\n')
		switch {
		case err == io.EOF && first && len(line) == 0:
			return nil, io.EOF
		case err == io.EOF:
			return nil, errors.New("the input ended inside a message header")
		case err == bufio.ErrBufferFull:
			return nil, fmt.Errorf("a message header line is longer than %d bytes", len(line))
		case err != nil:
			return nil, fmt.Errorf("the input cannot be read: %w", err)
		}
		text := strings.TrimSpace(string(line))
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || strings.ContainsAny(name, "{}[]\" ") {
			return nil, fmt.Errorf("%.80q is not a message header", text)
		}
		if strings.EqualFold(name, jsonrpc2.HdrContentLength) {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxBody {
				return nil, fmt.Errorf("%.80q is not a message length", text)
			}
		}
	}
	if length < 0 {
		return nil, errors.New("a message header names no Content-Length")
	}
	var body bytes.Buffer // grows with what arrives, not with what the header claims
	if n, err := io.CopyN(&body, s.in, int64(length)); err == io.EOF {
		return nil, fmt.Errorf("the input ended after %d of a message's %d bytes", n, length)
	} else if err != nil {
		return nil, fmt.Errorf("the input cannot be read: %w", err)
	}
	return body.Bytes(), nil
}

// decode reads one message. With an error it returns the identifier to answer
// to, null when there is none.
func decode(body []byte) (jsonrpc2.Message, json.RawMessage, error) {
	var m struct {
		Version *string         `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  *string         `json:"method"`
		Params  json.RawMessage `json:"params"`
	}
	err := json.Unmarshal(body, &m)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return nil, nil, jsonrpc2.Errorf(jsonrpc2.ParseError, "the message is not JSON: %v", err)
	}
	id, idErr := requestID(m.ID)
	switch {
	case bytes.TrimSpace(body)[0] != '{':
		return nil, nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the message is not a JSON object")
	case err != nil:
		return nil, id, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "the message is not a request: %v", err)
	case idErr != nil:
		return nil, nil, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "%v", idErr)
	case m.Version == nil || *m.Version != jsonrpc2.Version:
		return nil, id, jsonrpc2.NewError(jsonrpc2.InvalidRequest, `the message has no "jsonrpc": "2.0"`)
	case m.Method == nil && id == nil:
		return nil, nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the message has neither a method nor an id")
	case m.Method == nil:
		msg, err := jsonrpc2.DecodeMessage(body)
		if err != nil {
			return nil, nil, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "the response cannot be read: %v", err)
		}
		return msg, nil, nil
	}
	var params any
	if m.Params != nil {
		params = m.Params
	}
	var msg jsonrpc2.Message
	if id == nil {
		msg, err = jsonrpc2.NewNotification(*m.Method, params)
	} else {
		msg, err = jsonrpc2.NewCall(jsonrpc2.NewStringID(string(id)), *m.Method, params)
	}
	if err != nil {
		return nil, id, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "the parameters cannot be read: %v", err)
	}
	return msg, id, nil
}

// requestID returns an identifier as canonical JSON text, so that a cancellation
// finds its request; nil when there is none.
func requestID(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	switch c := raw[0]; {
	case c == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
		return json.Marshal(s)
	case c == '-' || '0' <= c && c <= '9':
		return raw, nil
	}
	return nil, fmt.Errorf("the id %.80s is neither a number nor a string", raw)
}

// reply is a response on the wire; exactly one of Result and Error stands.
type reply struct {
	ID     json.RawMessage // nil for null
	Result json.RawMessage
	Error  *jsonrpc2.Error
}

// Write sends a message. A reply goes out even when its request was cancelled.
func (s *stream) Write(_ context.Context, msg jsonrpc2.Message) (int64, error) {
	switch msg := msg.(type) {
	case *jsonrpc2.Response:
		// %s of an ID is the JSON text that decode made it of.
		out := reply{ID: json.RawMessage(fmt.Sprintf("%s", msg.ID())), Result: msg.Result()}
		if err := msg.Err(); err != nil {
			out.Result, out.Error = nil, wireError(err)
		}
		return s.send(out)
	case *jsonrpc2.Notification:
		return s.write(message(nil, msg.Method(), msg.Params()))
	case *jsonrpc2.Call:
		id := msg.ID()
		text, err := json.Marshal(&id)
		if err != nil {
			return 0, err
		}
		return s.write(message(text, msg.Method(), msg.Params()))
	}
	return 0, fmt.Errorf("a message of the type %T", msg)
}

// message puts what is JSON already together: to marshal it as a part of something
// would read all of it twice more.
func message(id json.RawMessage, method string, params json.RawMessage) []byte {
	body := append(make([]byte, 0, len(method)+len(params)+96), `{"jsonrpc":"2.0",`...)
	if id != nil {
		body = append(append(append(body, `"id":`...), id...), ',')
	}
	body = append(append(body, `"method":`...), strconv.Quote(method)...)
	if len(params) > 0 && string(params) != "null" {
		body = append(append(body, `,"params":`...), params...)
	}
	return append(body, '}')
}

func wireError(err error) *jsonrpc2.Error {
	if e := (*jsonrpc2.Error)(nil); errors.As(err, &e) {
		return e
	}
	return jsonrpc2.NewError(jsonrpc2.InternalError, err.Error())
}

// send answers.
func (s *stream) send(r reply) (int64, error) {
	body := make([]byte, 0, len(r.ID)+len(r.Result)+64)
	body = append(append(body, `{"jsonrpc":"2.0","id":`...), r.ID...)
	if r.ID == nil {
		body = append(body, "null"...)
	}
	if r.Error != nil {
		text, err := json.Marshal(r.Error)
		if err != nil {
			return 0, err
		}
		body = append(append(body, `,"error":`...), text...)
	} else {
		body = append(append(body, `,"result":`...), r.Result...)
		if len(r.Result) == 0 {
			body = append(body, "null"...)
		}
	}
	return s.write(append(body, '}'))
}

// write sends one message whole, in one piece.
func (s *stream) write(body []byte) (int64, error) {
	head := fmt.Appendf(nil, "%s: %d\r\n\r\n", jsonrpc2.HdrContentLength, len(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead.Load() {
		return 0, io.ErrClosedPipe
	}
	n, err := s.out.Write(append(head, body...))
	if err != nil {
		s.dead.Store(true)
		s.log.Printf("the output cannot be written: %v", err)
	}
	return int64(n), err
}

// shut keeps late answers of running requests from the output.
func (s *stream) shut() { s.dead.Store(true) }

// Close is called by the connection when its read loop ends. Requests that still
// run may answer, so the output stays open until shut.
func (s *stream) Close() error { return nil }
