package lsp_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/lsp"
)

// slowly is Docker's checks, with a gate before them.
func slowly() (all []*analysis.Rule, gate chan struct{}) {
	gate = make(chan struct{}, 100)
	wait := &analysis.Rule{Name: "wait", Severity: analysis.Info, Compiles: true, Run: func(*analysis.Pass) { <-gate }}
	return append([]*analysis.Rule{wait}, checks.All()...), gate
}

func codes(ds []diagnostic) (out []string) {
	for _, d := range ds {
		out = append(out, d.Code)
	}
	return out
}

// published are what was published of a document, in order.
func (c *client) published(uri string) (out []published) {
	for _, m := range c.notified {
		var p published
		if m.Method == "textDocument/publishDiagnostics" && json.Unmarshal(m.Params, &p) == nil && p.URI == uri {
			out = append(out, p)
		}
	}
	return out
}

// awaitCodes waits until just these are the newest findings of a document.
func (d *document) awaitCodes(want ...string) []diagnostic {
	d.c.t.Helper()
	var got []diagnostic
	d.c.until(strings.Join(want, ", "), func() bool {
		all := d.c.published(d.uri)
		if len(all) == 0 {
			return false
		}
		got = all[len(all)-1].Diagnostics
		return slices.Equal(codes(got), want)
	})
	return got
}

// The rules' findings come at once, those of Docker's checks when they have run; an
// edit in the meantime waits for nothing.
func TestTwoSteps(t *testing.T) {
	slow, gate := slowly()
	c := connectWith(t, lsp.Options{Rules: append(slow, gap), Quiet: time.Millisecond, Version: "test"})
	c.initialize(full("utf-16"))
	doc := c.open("file:///x/Dockerfile", "FROM  alpine as a\nMAINTAINER é\nRUN true\n", "utf-16")
	doc.awaitCodes("gap")
	doc.edit(textEdit{at(2, 3, 3), " "}) // while the checks of the first text stand at the gate
	doc.awaitCodes("gap", "gap")
	gate <- struct{}{}
	gate <- struct{}{}
	got := doc.awaitCodes("gap", "FromAsCasing", "MaintainerDeprecated", "gap")
	if got[1].Range != at(0, 13, 15) || got[2].Tags == nil || got[2].Tags[0] != 2 || got[2].CodeDescription.Href != "" {
		t.Errorf("%+v", got)
	}
	// What stands in unchanged text stays while the next run is to come.
	doc.edit(textEdit{at(0, 0, 0), "# é\n"})
	got = doc.awaitCodes("gap", "FromAsCasing", "MaintainerDeprecated", "gap")
	c.until("the new version", func() bool {
		all := c.published(doc.uri)
		got = all[len(all)-1].Diagnostics
		return *all[len(all)-1].Version == doc.version
	})
	if got[1].Range != at(1, 13, 15) {
		t.Errorf("moved: %+v", got[1])
	}
	doc.edit(textEdit{at(1, 13, 15), "AS"})
	doc.awaitCodes("gap", "MaintainerDeprecated", "gap")
	for range 10 {
		gate <- struct{}{}
	}
	for _, p := range c.published(doc.uri) {
		if *p.Version < doc.version && slices.Contains(codes(p.Diagnostics), "FromAsCasing") && p.Diagnostics[0].Range.Start.Line > 1 {
			t.Errorf("overtaken: %+v", p)
		}
	}
	// Who asks by hand gets fixes of the checks, and all of them together.
	doc.edit(textEdit{at(1, 13, 15), "as"})
	var fix, all action
	for _, a := range doc.offered(at(1, 14, 14)) {
		switch {
		case a.Kind == "quickfix" && strings.Contains(string(a.Diagnostics), "FromAsCasing"):
			fix = c.resolve(a)
		case a.Kind == "source.fixAll.shale":
			all = c.resolve(a)
		}
	}
	if got, want := doc.apply(fix), strings.Replace(doc.text, " as ", " AS ", 1); got != want {
		t.Errorf("got %q", got)
	}
	if got, want := doc.apply(all), "# é\nFROM alpine AS a\nMAINTAINER é\nRUN true\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// An editor that asks by itself does not wait for a compile.
func TestAutomaticActions(t *testing.T) {
	slow, gate := slowly()
	c := connectWith(t, lsp.Options{Rules: append(slow, gap), Version: "test"})
	c.initialize(full("utf-16"))
	doc := c.open("file:///x/Dockerfile", "FROM  alpine as a\n", "utf-16")
	var out []action
	c.call("textDocument/codeAction", map[string]any{"textDocument": doc.id(), "range": all(doc.text), "context": map[string]any{"diagnostics": []any{}, "triggerKind": 2}}, &out)
	if len(out) == 0 || strings.Contains(encode(t, out), "FromAsCasing") {
		t.Errorf("%+v", out)
	}
	gate <- struct{}{}
	if got := doc.offered(all(doc.text)); !strings.Contains(encode(t, got), "FromAsCasing") {
		t.Errorf("%+v", got)
	}
}

type pulled struct {
	Kind, ResultID string
	Items          []diagnostic
}

func (d *document) pull(previous string) (out pulled) {
	d.c.t.Helper()
	params := map[string]any{"textDocument": d.id(), "identifier": "shale"}
	if previous != "" {
		params["previousResultId"] = previous
	}
	d.c.call("textDocument/diagnostic", params, &out)
	return out
}

// While the checks of one text run, those of texts that come and go are left out.
func TestOvertakenChecks(t *testing.T) {
	slow, gate := slowly()
	ran := make(chan struct{}, 100)
	slow[0] = &analysis.Rule{Name: "wait", Severity: analysis.Info, Compiles: true, Run: func(*analysis.Pass) { ran <- struct{}{}; <-gate }}
	c := connectWith(t, lsp.Options{Rules: append(slow, gap), Quiet: time.Millisecond, Version: "test"})
	c.initialize(full("utf-16"))
	doc := c.open("file:///x/Dockerfile", "FROM alpine as a\nRUN  true\n", "utf-16")
	<-ran
	for range 5 {
		doc.edit(textEdit{at(1, 3, 3), " "})
		c.until("the new version", func() bool {
			all := c.published(doc.uri)
			return *all[len(all)-1].Version == doc.version
		})
		time.Sleep(20 * time.Millisecond) // its checks wait for those that run
	}
	gate <- struct{}{}
	gate <- struct{}{}
	doc.awaitCodes("FromAsCasing", "gap")
	if n := len(ran); n != 1 {
		t.Errorf("the checks of %d more texts ran, want those of the last", n)
	}
}

// count is how often the server has sent something.
func (c *client) count(method string) (n int) {
	for _, m := range c.notified {
		if m.Method == method {
			n++
		}
	}
	return n
}

func TestPull(t *testing.T) {
	slow, gate := slowly()
	c := connectWith(t, lsp.Options{Rules: append(slow, gap), Quiet: time.Millisecond, Version: "test"})
	c.answers = map[string]func(json.RawMessage) any{"workspace/diagnostic/refresh": func(json.RawMessage) any { return nil }}
	c.initialize(pulling())
	if !strings.Contains(string(c.initialized), `"diagnosticProvider":{"identifier":"shale","interFileDependencies":false,"workspaceDiagnostics":false}`) {
		t.Errorf("%s", c.initialized)
	}
	doc := c.open("file:///x/Dockerfile", "FROM  alpine as a\nRUN true\n", "utf-16")
	first := doc.pull("")
	if diff := cmp.Diff([]string{"gap"}, codes(first.Items)); diff != "" || first.Kind != "full" || first.ResultID == "" {
		t.Errorf("%+v", first)
	}
	if again := doc.pull(first.ResultID); again.Kind != "unchanged" || again.ResultID != first.ResultID || again.Items != nil {
		t.Errorf("%+v", again)
	}
	gate <- struct{}{}
	c.until("a refresh", func() bool { return c.count("workspace/diagnostic/refresh") == 1 })
	second := doc.pull(first.ResultID)
	if diff := cmp.Diff([]string{"gap", "FromAsCasing"}, codes(second.Items)); diff != "" || second.ResultID == first.ResultID {
		t.Errorf("%+v", second)
	}
	// An edit that changes nothing of what is found.
	doc.edit(textEdit{at(1, 8, 8), " # é"})
	if same := doc.pull(second.ResultID); same.Kind != "unchanged" {
		t.Errorf("%+v", same)
	}
	gate <- struct{}{}
	doc.edit(textEdit{at(0, 4, 6), " "})
	if got := doc.pull(second.ResultID); got.Kind != "full" || len(got.Items) != 1 {
		t.Errorf("%+v", got)
	}
	gate <- struct{}{}
	c.wantError(c.send("textDocument/diagnostic", map[string]any{"textDocument": map[string]any{"uri": "file:///none"}}), invalidParams)
	c.shutdown()
	c.wait()
	if n := c.count("textDocument/publishDiagnostics"); n > 0 {
		t.Errorf("%d publications beside", n)
	}
}

// A client that cannot be told to come again gets all at once, and one that takes
// publications too gets these: files on disk change findings as well.
func TestPullWithoutRefresh(t *testing.T) {
	caps := full("utf-16").object("textDocument.diagnostic")
	c := connectWith(t, lsp.Options{Rules: append(checks.All(), gap), Version: "test"})
	c.initialize(caps)
	doc := c.open("file:///x/Dockerfile", "FROM  alpine as a\n", "utf-16")
	doc.awaitCodes("gap", "FromAsCasing")
	if strings.Contains(string(c.initialized), "diagnosticProvider") {
		t.Errorf("%s", c.initialized)
	}

	caps = full("utf-16").object("textDocument.diagnostic")
	delete(caps["textDocument"].(map[string]any), "publishDiagnostics")
	c = connectWith(t, lsp.Options{Rules: append(checks.All(), gap), Version: "test"})
	c.initialize(caps)
	doc = c.open("file:///x/Dockerfile", "FROM  alpine as a\n", "utf-16")
	if got := codes(doc.pull("").Items); !slices.Equal(got, []string{"gap", "FromAsCasing"}) {
		t.Errorf("%q", got)
	}
}
