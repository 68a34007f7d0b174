package lsp_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/lsp"
)

// made are the edits that the server asks for, and what is answered.
func (c *client) made(t *testing.T, applied bool) func() []json.RawMessage {
	if c.answers == nil {
		c.answers = map[string]func(json.RawMessage) any{}
	}
	var all []json.RawMessage
	c.answers["workspace/applyEdit"] = func(raw json.RawMessage) any {
		c.mu.Lock()
		defer c.mu.Unlock()
		all = append(all, raw)
		if !applied {
			return map[string]any{"applied": false, "failureReason": "nobody wants it"}
		}
		return map[string]any{"applied": true}
	}
	return func() []json.RawMessage {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.Clone(all)
	}
}

func TestFixFile(t *testing.T) {
	c := connect(t, gap)
	made := c.made(t, true)
	c.initialize(full("utf-16"))
	doc := c.open("untitled:Dockerfile", "FROM  scratch\nENV  A=é\n", "utf-16")
	var out struct {
		Applied      bool
		Files, Fixes int
	}
	c.call("workspace/executeCommand", map[string]any{"command": "shale.fixFile", "arguments": []any{doc.uri}}, &out)
	if !out.Applied || out.Files != 1 || out.Fixes != 2 {
		t.Errorf("%+v", out)
	}
	var edit struct {
		Label string
		action
	}
	if err := json.Unmarshal(made()[0], &edit); err != nil || edit.Label == "" {
		t.Errorf("%s", made()[0])
	}
	if got := doc.apply(edit.action); got != "FROM scratch\nENV A=é\n" {
		t.Errorf("%q", got)
	}
	// Nothing to do asks nothing of the editor.
	clean := c.open("file:///y/Dockerfile", "FROM scratch\n", "utf-16")
	c.call("workspace/executeCommand", map[string]any{"command": "shale.fixFile", "arguments": []any{clean.uri}}, &out)
	if len(made()) != 1 || out.Files != 0 {
		t.Errorf("%+v", out)
	}
	for _, bad := range []map[string]any{
		{"command": "shale.fixFile", "arguments": []any{"file:///none"}},
		{"command": "shale.fixFile", "arguments": []any{7}},
		{"command": "shale.fixFile"},
		{"command": "shale.nothing"},
		{"command": "shale.showRule", "arguments": []any{"nothing"}},
	} {
		c.wantError(c.send("workspace/executeCommand", bad), invalidParams)
	}
}

func TestFixFileRefused(t *testing.T) {
	c := connect(t, gap)
	c.made(t, false)
	c.initialize(full("utf-16"))
	doc := c.open("untitled:Dockerfile", "FROM  scratch\n", "utf-16")
	m := c.reply(c.send("workspace/executeCommand", map[string]any{"command": "shale.fixFile", "arguments": []any{doc.uri}}))
	if m.Error == nil || m.Error.Code != requestFailed || !strings.Contains(m.Error.Message, "nobody wants it") {
		t.Errorf("%+v", m)
	}
}

type annotated struct {
	Edit struct {
		ChangeAnnotations map[string]struct {
			Label, Description string
			NeedsConfirmation  bool
		}
		DocumentChanges []struct {
			Kind, URI, AnnotationID string
			TextDocument            struct {
				URI     string
				Version *int
			}
			Edits []struct {
				textEdit
				AnnotationID string
			}
		}
	}
}

func TestFixWorkspace(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		".git/HEAD":           "",
		".shale.toml":         "exclude = [\"left\"]\n",
		"a/Dockerfile":        "FROM  scratch\n# é\nENV  A=1\n",
		"b/Dockerfile":        "FROM  on.disk\n",
		"c/Dockerfile":        "FROM scratch\n",
		"left/Dockerfile":     "FROM  scratch\n",
		"broken/Dockerfile":   "FROM  scratch\nNO\n",
		"bare/.shale.toml":    "odd = 1\n",
		"bare/Dockerfile":     "FROM  scratch\n",
		"elsewhere/package.x": "",
	})
	c := connect(t, gap)
	c.folder = fileURI(dir)
	made := c.made(t, true)
	c.answers["window/workDoneProgress/create"] = func(json.RawMessage) any { return nil }
	c.initialize(full("utf-16").object("workspace.workspaceEdit.changeAnnotationSupport").with("window.workDoneProgress"))
	open := c.open(fileURI(dir)+"/b/Dockerfile", "FROM  in.editor\n", "utf-16")
	c.open(fileURI(dir)+"/left/Dockerfile", "FROM  scratch\n", "utf-16") // is left out all the same
	var out struct {
		Applied      bool
		Files, Fixes int
		Left         []string
	}
	c.call("workspace/executeCommand", map[string]any{"command": "shale.fixWorkspace"}, &out)
	if !out.Applied || out.Files != 2 || out.Fixes != 3 || len(out.Left) != 1 || !strings.Contains(out.Left[0], "bare/Dockerfile: ") {
		t.Errorf("%+v", out)
	}
	var got annotated
	if err := json.Unmarshal(made()[0], &got); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, d := range got.Edit.DocumentChanges {
		name := strings.TrimPrefix(d.TextDocument.URI+d.URI, c.folder+"/")
		if d.Kind != "" {
			name = d.Kind + " " + name
		} else if (d.TextDocument.URI == open.uri) != (d.TextDocument.Version != nil) {
			t.Errorf("%s has the version %v", name, d.TextDocument.Version)
		}
		mark := d.AnnotationID
		for _, e := range d.Edits {
			mark = e.AnnotationID
		}
		a := got.Edit.ChangeAnnotations[mark]
		if !a.NeedsConfirmation || a.Description == "" {
			t.Errorf("%s is marked %q: %+v", name, mark, a)
		}
		files = append(files, name+" for "+a.Label)
	}
	if diff := cmp.Diff([]string{
		"a/Dockerfile for Shale: a/Dockerfile", "b/Dockerfile for Shale: b/Dockerfile",
	}, files); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// Its progress begins and ends, and is told in between.
	var kinds []string
	for _, m := range c.notified {
		var p struct {
			Token string
			Value struct{ Kind, Message string }
		}
		if m.Method == "$/progress" && json.Unmarshal(m.Params, &p) == nil {
			kinds = append(kinds, p.Value.Kind)
			if p.Value.Kind == "end" && p.Value.Message != "3 fixes in 2 files" {
				t.Errorf("%s", m.Params)
			}
		}
	}
	if len(kinds) < 3 || kinds[0] != "begin" || kinds[1] != "report" || kinds[len(kinds)-1] != "end" {
		t.Errorf("%q", kinds)
	}
	// At once, for who wants no preview.
	c.call("workspace/executeCommand", map[string]any{"command": "shale.fixWorkspace", "arguments": []any{map[string]any{"preview": false}}}, &out)
	if strings.Contains(string(made()[1]), "nnotation") {
		t.Errorf("%s", made()[1])
	}
}

// A task can be called off, under the client's own token too.
func TestCallOff(t *testing.T) {
	rule, started, release := block()
	defer release()
	dir := t.TempDir()
	for i := range 5 {
		writeFiles(t, dir, map[string]string{fmt.Sprintf("%d/Dockerfile", i): "FROM  slow\n"})
	}
	c := connect(t, rule, gap)
	c.folder = fileURI(dir)
	made := c.made(t, true)
	c.initialize(full("utf-16"))
	id := c.send("workspace/executeCommand", map[string]any{"command": "shale.fixWorkspace", "workDoneToken": "mine"})
	<-started
	c.notify("window/workDoneProgress/cancel", map[string]any{"token": "nobody's"})
	c.notify("window/workDoneProgress/cancel", map[string]any{"token": "mine"})
	c.wantError(c.send("$/now", nil), methodNotFound)
	release()
	c.wantError(id, requestCancelled)
	if len(made()) > 0 {
		t.Errorf("%s", made())
	}
	last := c.notified[len(c.notified)-1]
	if !strings.Contains(string(last.Params), `"token":"mine","value":{"kind":"end"`) {
		t.Errorf("%s", last.Params)
	}
}

func TestShowRule(t *testing.T) {
	shown := &analysis.Rule{Name: "shown", Aliases: []string{"DL1"}, Doc: analysis.Doc{Summary: "it shows", What: "A thing.", Why: "1 reason."}}
	c := connectWith(t, lsp.Options{Rules: []*analysis.Rule{shown}, Version: "test", DocURL: func(name string) string { return "https://example.org/" + name }})
	pages := make(chan string, 1)
	c.answers = map[string]func(json.RawMessage) any{"window/showDocument": func(raw json.RawMessage) any {
		pages <- string(raw)
		return map[string]any{"success": true}
	}}
	c.initialize(full("utf-16").with("window.showDocument.support"))
	var out struct{ Name, URL, Markdown string }
	c.call("workspace/executeCommand", map[string]any{"command": "shale.showRule", "arguments": []any{"dl1"}}, &out)
	if out.Name != "shown" || out.URL != "https://example.org/shown" || !strings.HasPrefix(out.Markdown, "# shown\n\nIt shows.\n\n## What it finds\n\nA thing.\n") {
		t.Errorf("%+v", out)
	}
	if got := <-pages; !strings.Contains(got, "https://example.org/shown") || !strings.Contains(got, `"external":true`) {
		t.Errorf("%s", got)
	}
}

// The workspace's fixes are those of shale fix, file by file.
func TestFixWorkspaceIsShaleFix(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	exe, err := shale()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		".git/HEAD":      "",
		"a/Dockerfile":   "FROM debian:12 as x\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends curl\n",
		"b/Dockerfile":   "FROM alpine\nRUN apk add curl\nENV a b\n",
		"compose.yaml":   "services:\n  a:\n    build: a\n",
		"c/app.js":       "",
		"c/Dockerfile":   "FROM node:22\nCOPY . .\nRUN npm ci\n",
		"c/package.json": "{}\n",
	})
	c := spawn(t, exe, "lsp")
	c.folder = fileURI(dir)
	made := c.made(t, true)
	params := map[string]any{"capabilities": full("utf-16"), "workspaceFolders": []any{map[string]any{"uri": c.folder, "name": "x"}}}
	c.call("initialize", params, nil)
	c.notify("initialized", map[string]any{})
	c.call("workspace/executeCommand", map[string]any{"command": "shale.fixWorkspace"}, nil)
	var a struct{ Edit workspaceEdit }
	if err := json.Unmarshal(made()[0], &a); err != nil {
		t.Fatal(err)
	}
	edited := map[string]string{}
	for _, dc := range a.Edit.DocumentChanges {
		path := strings.TrimPrefix(dc.TextDocument.URI, "file://")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		after := string(text)
		for _, e := range slices.Backward(dc.Edits) {
			after = splice(after, e, "utf-16")
		}
		edited[path] = after
	}
	if len(edited) < 2 {
		t.Errorf("%d files are changed", len(edited))
	}
	runIn(t, dir, exe, "fix", "--exit-zero")
	for path, after := range edited {
		if text, _ := os.ReadFile(path); string(text) != after {
			t.Errorf("%s: the editor gets\n%s\nshale fix writes\n%s", path, after, text)
		}
	}
	c.shutdown()
}

// Stages are found where fixes are made: not in what is excluded, nor in a folder whose
// settings turn the server off.
func TestWorkspaceSymbolsOfWhatIsOn(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		".git/HEAD": "", ".shale.toml": "exclude = [\"vendor\"]\n",
		"on/Dockerfile": "FROM scratch AS stage\n", "on/vendor/Dockerfile": "FROM scratch AS stage\n", "off/Dockerfile": "FROM scratch AS stage\n",
	})
	c := connect(t)
	c.answers = map[string]func(json.RawMessage) any{"workspace/configuration": func(raw json.RawMessage) any {
		var p struct{ Items []struct{ ScopeURI string } }
		_ = json.Unmarshal(raw, &p)
		var out []any
		for _, item := range p.Items {
			out = append(out, map[string]any{"enable": !strings.HasSuffix(item.ScopeURI, "/off")})
		}
		return out
	}}
	c.folder, c.folders = fileURI(dir)+"/on", []string{fileURI(dir) + "/off"}
	c.initialize(full("utf-8").with("workspace.configuration"))
	c.open(fileURI(dir)+"/on/x.Dockerfile", "FROM scratch\n", "utf-8").awaitCodes() // the settings are there
	var found []struct{ Location struct{ URI string } }
	c.call("workspace/symbol", map[string]any{"query": "stage"}, &found)
	if len(found) != 1 || found[0].Location.URI != fileURI(dir)+"/on/Dockerfile" {
		t.Errorf("%+v", found)
	}
}

// An edit that the user does not want is told as such.
func TestFixFileDiscarded(t *testing.T) {
	c := connect(t, gap)
	c.answers = map[string]func(json.RawMessage) any{
		"workspace/applyEdit": func(json.RawMessage) any { return map[string]any{"applied": false} },
	}
	c.initialize(full("utf-16"))
	doc := c.open("untitled:Dockerfile", "FROM  scratch\n", "utf-16")
	var out struct{ Applied bool }
	c.call("workspace/executeCommand", map[string]any{"command": "shale.fixFile", "arguments": []any{doc.uri}, "workDoneToken": "mine"}, &out)
	last := c.notified[len(c.notified)-1]
	if out.Applied || !strings.Contains(string(last.Params), `"message":"nothing was changed"`) {
		t.Errorf("%+v %s", out, last.Params)
	}
}
