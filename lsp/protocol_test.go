package lsp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/lsp"
)

const (
	parseError           = -32700
	invalidRequest       = -32600
	methodNotFound       = -32601
	invalidParams        = -32602
	internalError        = -32603
	serverNotInitialized = -32002
	requestFailed        = -32803
	contentModified      = -32801
	requestCancelled     = -32800
)

func (c *client) wantError(id string, code int) {
	c.t.Helper()
	m := c.reply(id)
	if m.Error == nil || m.Error.Code != code {
		c.t.Errorf("request %s: got %s, error %+v; want the code %d", id, m.Result, m.Error, code)
	}
}

func TestLife(t *testing.T) {
	c := connect(t)
	c.wantError(c.send("textDocument/codeAction", map[string]any{}), serverNotInitialized)
	c.wantError(c.send("shutdown", nil), serverNotInitialized)
	c.notify("textDocument/didOpen", map[string]any{}) // dropped
	c.initialize(nil)
	c.wantError(c.send("initialize", map[string]any{}), invalidRequest)
	c.wantError(c.send("textDocument/moniker", map[string]any{}), methodNotFound)
	c.wantError(c.send("$/unknown", nil), methodNotFound)
	c.wantError(c.send("textDocument/codeAction", []int{1}), invalidParams)
	c.wantError(c.send("textDocument/codeAction", map[string]any{"textDocument": map[string]any{"uri": "file:///none"}}), invalidParams)
	c.notify("$/setTrace", map[string]any{"value": "off"})
	c.notify("no/such", []int{1, 2})
	c.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": "file:///none", "version": 1}})
	c.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": "file:///none"}})
	c.notify("textDocument/didOpen", 5)
	m := c.reply(c.send("shutdown", map[string]any{}))
	if m.Error != nil || string(m.Result) != "null" {
		t.Errorf("shutdown with params {} gives %s, %+v", m.Result, m.Error)
	}
	c.wantError(c.send("textDocument/codeAction", map[string]any{}), invalidRequest)
	c.notify("exit", nil)
	if err := c.wait(); err != nil {
		t.Errorf("exit after shutdown: %v", err)
	}
}

func TestEndWithoutShutdown(t *testing.T) {
	for name, leave := range map[string]func(*client){
		"exit":        func(c *client) { c.notify("exit", nil) },
		"end":         func(c *client) { c.in.Close() },
		"exit before": func(c *client) { c.notify("exit", nil) },
	} {
		c := connect(t)
		if name != "exit before" {
			c.initialize(nil)
		}
		leave(c)
		if err := c.wait(); !errors.Is(err, lsp.ErrNoShutdown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := connect(t)
	c.initialize(nil)
	c.call("shutdown", nil, nil)
	c.in.Close()
	if err := c.wait(); err != nil {
		t.Errorf("the input's end after shutdown: %v", err)
	}
	// What was asked before the input ended is answered.
	c = connect(t, gap)
	c.initialize(full("utf-8"))
	doc := c.open("file:///Dockerfile", "FROM  scratch\n", "utf-8")
	id := c.send("textDocument/codeAction", map[string]any{"textDocument": doc.id(), "range": at(0, 0, 0), "context": map[string]any{}})
	c.in.Close()
	if m := c.reply(id); m.Error != nil || !strings.Contains(string(m.Result), "write one blank") {
		t.Errorf("got %s, %+v", m.Result, m.Error)
	}
	doc.findings()
}

func TestEncodings(t *testing.T) {
	for _, test := range []struct {
		offered []string
		want    string
	}{
		{nil, "utf-16"},
		{[]string{}, "utf-16"},
		{[]string{"utf-8", "utf-16"}, "utf-8"},
		{[]string{"utf-32", "utf-8"}, "utf-32"},
		{[]string{"utf-7", "utf-16"}, "utf-16"},
		{[]string{"utf-7"}, "utf-16"},
	} {
		c := connect(t)
		if got := c.initialize(full(test.offered...)); got != test.want {
			t.Errorf("%q: got %s, want %s", test.offered, got, test.want)
		}
	}
}

func TestOddClients(t *testing.T) {
	c := connect(t)
	c.call("initialize", json.RawMessage(`{
		"initializationOptions": {"shale": {"path": "x"}},
		"capabilities": {"general": {"positionEncodings": ["utf-8"]}, "textDocument": {"codeAction": {"resolveSupport": false}, "publishDiagnostics": 7}, "window": []},
		"workspaceFolders": 3, "trace": false}`), nil)
	if log := c.log.String(); !strings.Contains(log, "shale.path is no setting of the server's") || !strings.Contains(log, "capabilities are odd") {
		t.Errorf("the log says:\n%s", log)
	}
	c.shutdown()
	if err := c.wait(); err != nil {
		t.Error(err)
	}
}

func TestMalformedMessages(t *testing.T) {
	c := connect(t)
	c.initialize(nil)
	for _, test := range []struct {
		body string
		id   string
		code int
	}{
		{`{`, "null", parseError},
		{``, "null", parseError},
		{`{"jsonrpc":"2.0","id":1,"method":"x"} more`, "null", parseError},
		{`[]`, "null", invalidRequest},
		{`[{"jsonrpc":"2.0","id":"b1","method":"shutdown"}]`, "null", invalidRequest},
		{`7`, "null", invalidRequest},
		{`null`, "null", invalidRequest},
		{`{"jsonrpc":"2.0"}`, "null", invalidRequest},
		{`{"jsonrpc":"1.0","id":"v","method":"x"}`, `"v"`, invalidRequest},
		{`{"id":"w","method":"x"}`, `"w"`, invalidRequest},
		{`{"jsonrpc":"2.0","id":"m","method":5}`, `"m"`, invalidRequest},
		{`{"jsonrpc":"2.0","id":{},"method":"x"}`, "null", invalidRequest},
		{`{"jsonrpc":"2.0","id":true,"method":"x"}`, "null", invalidRequest},
		{`{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}`, "9007199254740993", methodNotFound},
		{`{"jsonrpc":"2.0","id":-1.5,"method":"x"}`, "-1.5", methodNotFound},
		{`{"jsonrpc":"2.0","id":"","method":"x"}`, `""`, methodNotFound},
		{`{"jsonrpc":"2.0","id":"\u0061<","method":"x"}`, `"a\u003c"`, methodNotFound},
		{`{"jsonrpc":"2.0","id":"nil params","method":"textDocument/codeAction"}`, `"nil params"`, invalidParams},
	} {
		c.mu.Lock()
		delete(c.replies, test.id)
		delete(c.replies, "")
		c.mu.Unlock()
		c.raw(test.body)
		c.wantError(test.id, test.code)
	}
	c.raw(`{"jsonrpc":"2.0","id":99,"result":null}`) // an answer that nobody waits for
	c.raw(`{"jsonrpc":"2.0","id":"x","error":5}`)
	c.shutdown()
	if err := c.wait(); err != nil {
		t.Errorf("after malformed messages: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	// What every server must read.
	c := connect(t)
	body := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
	fmt.Fprintf(c.in, "content-type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-LENGTH:%d\r\n\r\n%s", len(body), body)
	if m := c.reply("1"); m.Error != nil {
		t.Error(m.Error)
	}
	// What ends a connection.
	for _, broken := range []string{
		"{\"jsonrpc\":\"2.0\"}\r\n",
		"Content-Length: none\r\n\r\n",
		"Content-Length: -1\r\n\r\n",
		"Content-Length: 99999999999\r\n\r\n",
		"X: y\r\n\r\n",
		strings.Repeat("x", 10000) + "\r\n",
	} {
		c := connect(t)
		c.initialize(nil)
		io.WriteString(c.in, broken)
		if err := c.wait(); err == nil || errors.Is(err, lsp.ErrNoShutdown) || !strings.Contains(c.log.String(), "the connection is lost") {
			t.Errorf("%.40q: %v\n%s", broken, err, c.log)
		}
	}
	// An input that ends inside a message.
	for _, cut := range []string{"Content-Length: 10\r\n", "Content-Length: 10\r\n\r\n{}", "Conten"} {
		c := connect(t)
		io.WriteString(c.in, cut)
		c.in.Close()
		if err := c.wait(); err == nil || !strings.Contains(err.Error(), "ended") {
			t.Errorf("%q: %v", cut, err)
		}
	}
}

// block is a rule that waits; it says when it started.
func block() (rule *analysis.Rule, started chan struct{}, release func()) {
	started, gate := make(chan struct{}, 100), make(chan struct{})
	var once atomic.Bool
	rule = &analysis.Rule{Name: "block", Severity: analysis.Warning, Run: func(p *analysis.Pass) {
		if strings.Contains(p.Doc.Content, "slow") {
			started <- struct{}{}
			<-gate
		}
	}}
	return rule, started, func() {
		if once.CompareAndSwap(false, true) {
			close(gate)
		}
	}
}

func TestCancel(t *testing.T) {
	rule, started, release := block()
	c := connect(t, rule, gap)
	defer release()
	c.initialize(full("utf-8"))
	slow := c.open("file:///slow/Dockerfile", "FROM  slow\n", "utf-8")
	<-started
	params := encode(t, map[string]any{"textDocument": slow.id(), "range": at(0, 0, 0), "context": map[string]any{}})
	for _, id := range []string{`77`, `"text"`} {
		c.raw(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"textDocument/codeAction","params":%s}`, id, params))
		c.raw(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"textDocument/codeAction","params":%s}`, id, params))
		c.wantError(id, invalidRequest) // the id is taken
		c.mu.Lock()
		delete(c.replies, id)
		c.mu.Unlock()
		c.raw(fmt.Sprintf(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":%s}}`, id))
		c.wantError(id, requestCancelled)
	}
	c.notify("$/cancelRequest", map[string]any{"id": 4711})
	c.notify("$/cancelRequest", map[string]any{"id": []int{}})

	// Nobody waits for the slow document.
	quick := c.open("file:///quick/Dockerfile", "FROM  scratch\n", "utf-8")
	if got := quick.findings(); len(got) != 1 {
		t.Errorf("the findings beside a slow document: %+v", got)
	}
	if got := quick.actions(at(0, 0, 0), "quickfix"); len(got) == 0 {
		t.Error("no code action beside a slow document")
	}
	release()
	slow.findings()
}

// An edit overtakes what its forerunner would have said, and a closed document
// ends with no findings.
func TestOvertaken(t *testing.T) {
	rule, started, release := block()
	c := connect(t, rule, gap)
	defer release()
	c.initialize(full("utf-8"))
	doc := c.open("file:///Dockerfile", "FROM  slow\n", "utf-8")
	<-started
	for range 10 {
		doc.edit(textEdit{at(0, 0, 0), "#"})
	}
	doc.edit(textEdit{at(0, 0, 20), "FROM  scratch"})
	closed := c.open("file:///closed/Dockerfile", "FROM  slow\n", "utf-8")
	c.notify("textDocument/didClose", map[string]any{"textDocument": closed.id()})
	c.wantError(c.send("$/now", nil), methodNotFound) // all has been read
	release()
	if got := doc.findings(); len(got) != 1 || got[0].Range != at(0, 0, 4) {
		t.Errorf("got %+v", got)
	}
	if got := c.findings(closed.uri, nil); got.Diagnostics == nil || len(got.Diagnostics) != 0 {
		t.Errorf("a closed document has %+v", got)
	}
	c.shutdown()
	c.wait()
	for _, m := range c.notified {
		var p published
		if err := json.Unmarshal(m.Params, &p); err != nil || p.Diagnostics == nil {
			t.Errorf("%s: %v", m.Params, err)
		}
		if p.URI == doc.uri && *p.Version != doc.version || p.URI == closed.uri && p.Version != nil {
			t.Errorf("overtaken findings were published: %s", m.Params)
		}
	}
}

// A fault answers the message that met it and ends nothing else.
func TestPanic(t *testing.T) {
	var faulty atomic.Bool
	bomb := &analysis.Rule{Name: "bomb", Severity: analysis.Warning, Run: func(p *analysis.Pass) {
		if strings.Contains(p.Doc.Content, "boom") {
			panic("boom")
		}
	}}
	c := connectWith(t, lsp.Options{Rules: []*analysis.Rule{bomb, gap}, Version: "test", DocURL: func(string) string {
		if faulty.Load() {
			panic("no page")
		}
		return ""
	}})
	c.initialize(full("utf-8"))
	doc := c.open("file:///Dockerfile", "FROM  scratch\n# boom\n", "utf-8")
	if got := doc.findings(); len(got) != 1 || got[0].Code != "gap" || !strings.Contains(c.log.String(), "boom") {
		t.Errorf("beside a rule that fails: %+v", got)
	}

	faulty.Store(true)
	doc.edit(textEdit{at(1, 0, 6), ""})
	if got := doc.findings(); len(got) != 0 {
		t.Errorf("findings in spite of a fault: %+v", got)
	}
	params := map[string]any{"textDocument": doc.id(), "range": at(0, 0, 0), "context": map[string]any{}}
	c.wantError(c.send("textDocument/codeAction", params), internalError)
	told := false
	for _, m := range c.notified {
		told = told || m.Method == "window/logMessage" && strings.Contains(string(m.Params), "no page")
	}
	if !told {
		t.Error("the client was not told")
	}

	faulty.Store(false)
	if got := doc.actions(at(0, 0, 0)); len(got) == 0 {
		t.Error("no code action after the fault")
	}
	for _, key := range []map[string]any{{"finding": 1 << 40, "fix": 0}, {"finding": 0, "fix": -1}, {"finding": -1, "fix": 0}, {"finding": 0, "fix": 9}} {
		c.wantError(c.send("codeAction/resolve", map[string]any{"title": "x", "data": map[string]any{
			"uri": doc.uri, "serial": 2, "fix": key,
		}}), requestFailed)
	}
	c.wantError(c.send("codeAction/resolve", map[string]any{"data": "somebody else's"}), invalidParams)
	c.shutdown()
	if err := c.wait(); err != nil {
		t.Error(err)
	}
}

func TestDocumentNames(t *testing.T) {
	c := connect(t, gap)
	c.initialize(full("utf-8"))
	for _, uri := range []string{
		"file:///c%3A/Users/Jos%C3%A9/Dockerfile", "file:///C:/x/Dockerfile", "file://server/share/Dockerfile",
		"file:///tmp/a%20b/Dockerfile", "file:///tmp/a b/Dockerfile", "file:///tmp/%zz/Dockerfile",
		"untitled:Untitled-1", "vscode-remote://ssh-remote%2Bhost/work/Dockerfile", "git:/x/Dockerfile?{\"ref\":\"\"}",
		"Dockerfile", "::", "file:", "file://", "\u0000",
	} {
		doc := c.open(uri, "FROM  scratch\n", "utf-8")
		if got := doc.findings(); len(got) != 1 || got[0].RelatedInformation[0].Location.URI != uri {
			t.Errorf("%s: %+v", uri, got)
		}
		var fix action
		for _, a := range doc.actions(at(0, 0, 0), "source.fixAll") {
			fix = c.resolve(a)
		}
		if got := doc.apply(fix); got != "FROM scratch\n" {
			t.Errorf("%s: %q", uri, got)
		}
		c.notify("textDocument/didClose", map[string]any{"textDocument": doc.id()})
		c.findings(uri, nil)
	}
}

func TestPublish(t *testing.T) {
	c := connect(t, gap, quotes)
	c.initialize(full("utf-16"))
	doc := c.open("file:///Dockerfile", "FROM  scratch\nENV A=😀é\"😀😀\"\n", "utf-16")
	got := doc.findings()
	want := []diagnostic{
		{Range: at(0, 0, 4), Severity: 3, Code: "gap", Source: "shale", Message: "FROM stands apart"},
		{Range: at(1, 9, 15), Severity: 2, Code: "quotes", Source: "shale", Message: "needless quotes\nNo safe fix: nobody asked; it is late"},
	}
	want[0].CodeDescription.Href = "https://example.org/gap"
	want[1].CodeDescription.Href = "https://example.org/quotes"
	if len(got) == 2 && len(got[0].RelatedInformation) == 1 {
		related := got[0].RelatedInformation[0]
		if related.Location.URI != doc.uri || related.Location.Range != at(0, 0, 1) || related.Message == "" {
			t.Errorf("related: %+v", related)
		}
		got[0].RelatedInformation = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// An empty change and the same version once more are no harm.
	doc.change(nil)
	doc.findings()
	doc.version = 0
	doc.edit(textEdit{all(doc.text), ""})
	if got := doc.findings(); len(got) != 1 || got[0].Code != "syntax" || !strings.Contains(c.log.String(), "came after version") {
		t.Errorf("an empty document: %+v\n%s", got, c.log)
	}
	// Opened twice: the second text counts.
	doc = c.open(doc.uri, "RUN  x\nRUN  y\n", "utf-16")
	doc.version = 10
	doc.edit()
	if got := doc.findings(); len(got) < 2 {
		t.Errorf("opened again: %+v", got)
	}
	c.shutdown()
	c.wait()
	for _, m := range c.notified {
		if m.Method == "textDocument/publishDiagnostics" && strings.Contains(string(m.Params), "null") {
			t.Errorf("published: %s", m.Params)
		}
	}
}

func TestFullReplacementAndInsertion(t *testing.T) {
	c := connect(t, echo)
	c.initialize(full("utf-8"))
	doc := c.open("file:///Dockerfile", "FROM a\n", "utf-8")
	text := func() string {
		t.Helper()
		for _, d := range doc.findings() {
			if d.Code == "echo" {
				return d.Message
			}
		}
		t.Fatal("no echo")
		return ""
	}
	doc.change([]any{map[string]any{"text": "FROM b\n"}})
	if got := text(); got != "FROM b\n" {
		t.Errorf("a change without a range: %q", got)
	}
	doc.change([]any{map[string]any{"text": "# top\n", "range": at(0, 0, 0), "rangeLength": 0}})
	if got := text(); got != "# top\nFROM b\n" {
		t.Errorf("an insertion at the start: %q", got)
	}
	doc.change([]any{map[string]any{"range": nil, "text": "FROM c\nRUN x\n"}, map[string]any{"range": at(1, 4, 5), "text": "y"}})
	if got := text(); got != "FROM c\nRUN y\n" {
		t.Errorf("a replacement and an edit: %q", got)
	}
	doc.change([]any{map[string]any{"range": span{position{1, 5}, position{0, 5}}, "text": "d\n"}})
	if got := text(); got != "FROM d\n\n" {
		t.Errorf("swapped ends: %q", got)
	}
}

// The server's text is the client's, whatever is typed.
func TestRandomEdits(t *testing.T) {
	words := []string{"", "a", "é", "😀", "中", "\n", "\r\n", "\r", "RUN x", "e\u0301", "\t", "from b\n", "\U0010FFFF", "\u2028"}
	for _, encoding := range []string{"utf-8", "utf-16", "utf-32"} {
		c := connect(t, echo)
		c.initialize(full(encoding))
		rng := rand.New(rand.NewPCG(1, uint64(len(encoding))))
		doc := c.open("file:///Dockerfile", "FROM a # é😀\r\nRUN b\n", encoding)
		for i := range 300 {
			var es []textEdit
			for range 1 + rng.IntN(3) {
				lines := strings.Count(doc.text, "\n") + strings.Count(doc.text, "\r") + 2
				a := position{rng.IntN(lines), rng.IntN(12)}
				b := a
				if rng.IntN(2) == 0 {
					b = position{a.Line + rng.IntN(2), rng.IntN(12)}
				}
				if b.Line == a.Line && b.Character < a.Character {
					a, b = b, a
				}
				new := words[rng.IntN(len(words))] + words[rng.IntN(len(words))]
				es = append(es, textEdit{span{a, b}, new})
			}
			doc.edit(es...)
			if i%10 != 9 && i != 299 {
				continue
			}
			got := ""
			for _, d := range doc.findings() {
				if d.Code == "echo" {
					got = d.Message
				}
			}
			if got != doc.text {
				t.Fatalf("%s, after %d changes\nserver %q\nclient %q\nlast %+v", encoding, i, got, doc.text, es)
			}
		}
	}
}

func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, ".shale.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("not toml [")
	c := connect(t, gap)
	c.initialize(full("utf-8"))
	doc := c.open("file://"+dir+"/Dockerfile", "FROM  scratch\n", "utf-8")
	got := doc.findings()
	if len(got) != 1 || got[0].Code != "configuration" || got[0].Severity != 1 || !strings.Contains(got[0].Message, ".shale.toml") {
		t.Fatalf("a broken .shale.toml: %+v", got)
	}
	if got := doc.actions(all(doc.text)); len(got) != 0 {
		t.Errorf("fixes under a broken .shale.toml: %+v", got)
	}
	write("")
	await := func(severity int) {
		t.Helper()
		c.until("other findings", func() bool {
			var p published
			_ = json.Unmarshal(c.notified[len(c.notified)-1].Params, &p)
			return len(p.Diagnostics) == 1 && p.Diagnostics[0].Severity == severity
		})
	}
	c.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": "file://" + file, "type": 2}}})
	await(3)
	write("[rules.gap]\nseverity = \"warning\"\n")
	c.notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
	await(2)
	write("exclude = [\"Docker*\"]\n")
	c.notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": "file://" + file}})
	c.until("no findings", func() bool {
		var p published
		_ = json.Unmarshal(c.notified[len(c.notified)-1].Params, &p)
		return p.URI == doc.uri && len(p.Diagnostics) == 0
	})
	write("[rules.gap]\nseverity = \"error\"\n")
	c.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": "file://" + file, "languageId": "toml", "version": 1, "text": "RUN  x"}})
	c.notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": "file://" + file}})
	c.until("other findings", func() bool {
		for _, m := range c.notified {
			var p published
			_ = json.Unmarshal(m.Params, &p)
			if len(p.Diagnostics) == 1 && p.Diagnostics[0].Severity == 1 && p.Diagnostics[0].Code == "gap" {
				return true
			}
			if strings.HasSuffix(p.URI, ".toml") && len(p.Diagnostics) > 0 {
				t.Errorf("the configuration was checked as a Dockerfile: %+v", p)
			}
		}
		return false
	})
}

func TestWatchesFiles(t *testing.T) {
	c := connect(t)
	caps := full("utf-8")
	caps["workspace"] = map[string]any{"didChangeWatchedFiles": map[string]any{"dynamicRegistration": true}}
	c.initialize(caps)
	var ask message
	c.until("a registration", func() bool {
		if len(c.notified) == 0 {
			return false
		}
		ask = c.notified[0]
		return true
	})
	if ask.Method != "client/registerCapability" || len(ask.ID) == 0 || !strings.Contains(string(ask.Params), ".shale.toml") {
		t.Errorf("got %+v", ask)
	}
	c.raw(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}`, ask.ID))
	deadline := time.Now().Add(patience)
	for !strings.Contains(c.log.String(), "files are not watched: no") && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if !strings.Contains(c.log.String(), "files are not watched: no") {
		t.Errorf("the log says:\n%s", c.log)
	}
}

// No other combination of the three compiles: go get -u must not move one alone.
func TestPins(t *testing.T) {
	data, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range mod.Require {
		if strings.HasPrefix(r.Mod.Path, "go.lsp.dev/") && !r.Indirect {
			got[r.Mod.Path] = r.Mod.Version
		}
	}
	want := map[string]string{"go.lsp.dev/protocol": "v0.12.0", "go.lsp.dev/jsonrpc2": "v0.10.0", "go.lsp.dev/uri": "v0.3.0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
