package lsp_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/lsp"
)

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func fileURI(path string) string { return "file://" + filepath.ToSlash(path) }

// where is a rule that says which build context it sees, and what builds the file.
var where = &analysis.Rule{Name: "where", Severity: analysis.Info, Run: func(p *analysis.Pass) {
	c, why := p.Context()
	message := why
	if c != nil {
		message = filepath.Base(c.Root()) + " by " + c.How()
	}
	var ships []string
	for _, s := range p.Stages().Stages {
		if s.Ships {
			ships = append(ships, s.Name)
		}
	}
	p.Report(analysis.Diagnostic{Message: message + "; ships " + strings.Join(ships, ", ")})
}}

func (d *document) awaitMessage(want string) {
	d.c.t.Helper()
	d.c.until(want, func() bool {
		all := d.c.published(d.uri)
		return len(all) > 0 && slices.ContainsFunc(all[len(all)-1].Diagnostics, func(f diagnostic) bool { return strings.Contains(f.Message, want) })
	})
}

// The client's settings are asked for, of each folder; nothing is published before,
// and everything anew when they change.
func TestSettingsAreAsked(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"one/app/x": "", "one/x": "", "two/other.toml": "[rules.gap]\nseverity = \"error\"\n"})
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	settings := map[string]any{
		"":           nil,
		fileURI(one): map[string]any{"context": "app", "unsafeFixes": false, "path": "/usr/bin/shale", "defer": []string{"hadolint", "nothing"}},
		fileURI(two): map[string]any{"config": "other.toml", "context": map[string]string{"*": "nowhere", "**/deep/*": "two"}},
	}
	c := connect(t, gap, where)
	gate := make(chan struct{}, 10)
	c.answers = map[string]func(json.RawMessage) any{
		"workspace/configuration": func(raw json.RawMessage) any {
			<-gate
			var p struct {
				Items []struct{ ScopeURI, Section string }
			}
			_ = json.Unmarshal(raw, &p)
			var out []any
			for _, item := range p.Items {
				if item.Section != "shale" {
					t.Errorf("%s", raw)
				}
				out = append(out, settings[item.ScopeURI])
			}
			return out
		},
		"client/registerCapability": func(raw json.RawMessage) any {
			if !strings.Contains(string(raw), `"workspace/didChangeConfiguration","registerOptions":{"section":"shale"}`) {
				t.Errorf("%s", raw)
			}
			return nil
		},
	}
	c.folder, c.folders = fileURI(one), []string{fileURI(two)}
	c.initialize(full("utf-8").with("workspace.configuration", "workspace.didChangeConfiguration.dynamicRegistration"))
	a := c.open(fileURI(one)+"/Dockerfile", "FROM  scratch\nCOPY x /\n", "utf-8")
	b := c.open(fileURI(two)+"/Dockerfile", "FROM  scratch\n", "utf-8")
	c.wantError(c.send("$/now", nil), methodNotFound)
	gate <- struct{}{}
	a.awaitMessage("app by the editor's settings")
	b.awaitMessage("nowhere")
	if got := c.published(a.uri); len(got) != 1 {
		t.Errorf("published before the settings were known: %+v", got)
	}
	if got := c.published(b.uri)[0].Diagnostics; got[len(got)-1].Code != "gap" || got[len(got)-1].Severity != 1 {
		t.Errorf("the folder's configuration: %+v", got)
	}
	if got := titles(a.actions(at(0, 0, 0), "quickfix")); slices.Contains(got, gapTitles[0]) || !slices.Contains(got, gapTitles[1]) {
		t.Errorf("unsafe fixes in spite of the setting: %q", got)
	}
	if log := c.log.String(); !strings.Contains(log, `shale.defer names "nothing"; known are docker, dockerls, hadolint`) || !strings.Contains(log, "shale.path is no setting") {
		t.Errorf("%s", log)
	}
	settings[fileURI(one)] = map[string]any{"enable": false}
	gate <- struct{}{}
	c.notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
	a.awaitCodes()
	m := c.reply(c.send("textDocument/hover", map[string]any{"textDocument": a.id(), "position": position{}}))
	if string(m.Result) != "null" {
		t.Errorf("a server that is off explains %s", m.Result)
	}
	// Another folder comes, and one goes.
	settings[fileURI(one)] = map[string]any{"context": 7, "enable": "yes"}
	gate <- struct{}{}
	c.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{
		"added": []any{}, "removed": []any{map[string]any{"uri": fileURI(two), "name": "two"}},
	}})
	a.awaitMessage("one by")
	b.awaitMessage("two by")
	if log := c.log.String(); !strings.Contains(log, "shale.context is ignored") || !strings.Contains(log, "shale.enable is ignored") {
		t.Errorf("%s", log)
	}
}

// Settings come with initialize, and with the notification of clients that push.
func TestSettingsAreTold(t *testing.T) {
	c := connect(t, gap)
	c.options = map[string]any{"shale": map[string]any{"enable": false, "odd": 1}}
	c.initialize(full("utf-8"))
	doc := c.open("file:///x/Dockerfile", "FROM  scratch\n", "utf-8")
	doc.awaitCodes()
	if !strings.Contains(c.log.String(), "shale.odd is no setting") {
		t.Errorf("%s", c.log)
	}
	c.notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"shale": map[string]any{}, "other": 1}})
	doc.awaitCodes("gap")
	c.notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"shale": map[string]any{"config": "/no/such.toml"}}})
	doc.awaitCodes("configuration")
	doc.awaitMessage("such.toml")
}

// A client that does not answer keeps nobody waiting for long.
func TestSettingsThatNeverCome(t *testing.T) {
	c := connect(t, gap)
	c.initialize(full("utf-8").with("workspace.configuration"))
	c.open("file:///x/Dockerfile", "FROM  scratch\n", "utf-8").awaitCodes("gap")
}

// What other tools show is not shown twice; its fixes are offered all the same.
func TestDefer(t *testing.T) {
	text := "from debian:12\nMAINTAINER x\nRUN apt-get update && apt-get install -y --no-install-recommends curl\nRUN apt-get install -y git\nRUN npm install -g x\nWORKDIR x\n"
	found := func(names ...string) []string {
		c := connectWith(t, lsp.Options{Rules: slices.Concat(rules.All(), checks.All()), Quiet: time.Millisecond, Version: "test"})
		c.options = map[string]any{"defer": names}
		c.initialize(full("utf-8"))
		doc := c.open("file:///nowhere/Dockerfile", text, "utf-8")
		var kinds []string
		for _, a := range doc.offered(all(text)) {
			kinds = append(kinds, a.Kind)
		}
		if n := len(slices.DeleteFunc(kinds, func(k string) bool { return k != "quickfix" })); n < 5 {
			t.Errorf("%q: %d fixes", names, n)
		}
		// All that is known is published now or has been.
		doc.edit()
		doc.findings()
		return codes(doc.findings())
	}
	everything := found()
	for _, want := range []string{"MaintainerDeprecated", "package-cache", "no-recommends", "WorkdirRelativePath", "ConsistentInstructionCasing"} {
		if !slices.Contains(everything, want) {
			t.Fatalf("%s is not among %q", want, everything)
		}
	}
	for name, leaves := range map[string][]string{
		"hadolint": {"ConsistentInstructionCasing", "package-cache"}, // npm's cache is nothing to hadolint
		"dockerls": {"package-cache", "no-recommends"},
		"docker":   {"package-cache", "no-recommends"},
	} {
		got := found(name)
		for _, code := range leaves {
			if !slices.Contains(got, code) {
				t.Errorf("beside %s %s is not among %q", name, code, got)
			}
		}
		if slices.Contains(got, "MaintainerDeprecated") || len(got) >= len(everything) {
			t.Errorf("beside %s: %q", name, got)
		}
	}
}

// Beside dockerls neither its proposals nor its explanations stand twice.
func TestBesideDockerls(t *testing.T) {
	c := connect(t, rules.All()...)
	c.options = map[string]any{"defer": []string{"dockerls"}}
	c.initialize(full("utf-8"))
	doc := c.open("file:///nowhere/Dockerfile", "FROM debian:12 AS a\nENV A=1\nCOPY --from=a x y\nRUN --mount=type=cache,target=/x true\nWORKDIR $A\n\nA", "utf-8")
	ask := func(method string, line, character int) string {
		return string(c.reply(c.send("textDocument/"+method, map[string]any{"textDocument": doc.id(), "position": position{line, character}})).Result)
	}
	for what, got := range map[string][2]string{
		"symbols":          {ask("documentSymbol", 0, 0), "[]"},
		"a keyword":        {ask("hover", 1, 1), "null"},
		"a flag":           {ask("hover", 2, 8), "null"},
		"values of a flag": {ask("completion", 2, 12), `{"isIncomplete":false,"items":[]}`},
		"variables":        {ask("completion", 4, 9), `{"isIncomplete":false,"items":[]}`},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s", what, got[0])
		}
	}
	if got := ask("completion", 6, 1); strings.Contains(got, `"label":"ADD"`) || !strings.Contains(got, `"kind":15`) {
		t.Errorf("instructions are theirs, patterns are not: %s", got)
	}
	if got := ask("hover", 0, 6); !strings.Contains(got, "debian") {
		t.Errorf("the base: %s", got)
	}
	if got := ask("completion", 3, 17); !strings.Contains(got, "cache") {
		t.Errorf("types of mounts: %s", got)
	}
}

// Compose and bake files say how a file is built; they, manifests and .dockerignore
// are looked at again when they change.
func TestFilesAround(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		".git/HEAD":        "",
		"compose.yaml":     "services:\n  web:\n    build: {context: ., dockerfile: docker/Dockerfile, target: base}\n",
		"docker/package.x": "",
	})
	c := connect(t, where)
	c.folder = fileURI(dir)
	c.initialize(full("utf-8"))
	doc := c.open(fileURI(dir)+"/docker/Dockerfile", "FROM scratch AS base\nCOPY package.x /\nFROM base AS top\n", "utf-8")
	doc.awaitMessage("compose.yaml; ships base, top")
	writeFiles(t, dir, map[string]string{"compose.yaml": "services: [\n"})
	changed := func(paths ...string) {
		var changes []any
		for _, p := range paths {
			changes = append(changes, map[string]any{"uri": fileURI(dir) + "/" + p, "type": 2})
		}
		c.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": changes})
	}
	changed("compose.yaml")
	doc.awaitMessage("docker by")
	if !strings.Contains(c.log.String(), "compose.yaml is left out") {
		t.Errorf("%s", c.log)
	}
	// What an install leaves is no source, and much at once is looked at once.
	before := len(c.published(doc.uri))
	changed("node_modules/a/package.json", "x/.git/config")
	changed("package.json", "a/package.json")
	changed("package-lock.json")
	c.until("another look", func() bool { return len(c.published(doc.uri)) > before })
	time.Sleep(300 * time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.published(doc.uri)); n != before+1 {
		t.Errorf("%d looks", n-before)
	}
}

// An answer that comes late does not undo that to a later question.
func TestSettingsAnsweredOutOfOrder(t *testing.T) {
	c := connect(t, gap)
	first, late := make(chan struct{}), make(chan struct{})
	n := 0
	c.answers = map[string]func(json.RawMessage) any{"workspace/configuration": func(json.RawMessage) any {
		c.mu.Lock()
		n++
		question := n
		c.mu.Unlock()
		if question == 1 {
			close(first)
			<-late
			return []any{map[string]any{"enable": true}}
		}
		return []any{map[string]any{"enable": false}}
	}}
	c.initialize(full("utf-8").with("workspace.configuration"))
	<-first
	c.notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
	doc := c.open("file:///x/Dockerfile", "FROM  scratch\n", "utf-8")
	doc.awaitCodes()
	close(late)
	for range 20 {
		time.Sleep(10 * time.Millisecond)
		if m := c.reply(c.send("textDocument/hover", map[string]any{"textDocument": doc.id(), "position": position{}})); string(m.Result) != "null" {
			t.Fatalf("the settings of before are back: %s", m.Result)
		}
	}
}

// Who comes for findings gets none either before the settings are known.
func TestPullBeforeSettings(t *testing.T) {
	c := connect(t, gap)
	gate := make(chan struct{})
	c.answers = map[string]func(json.RawMessage) any{
		"workspace/diagnostic/refresh": func(json.RawMessage) any { return nil },
		"workspace/configuration": func(json.RawMessage) any {
			<-gate
			return []any{map[string]any{"enable": false}}
		},
	}
	c.initialize(pulling().with("workspace.configuration"))
	doc := c.open("file:///x/Dockerfile", "FROM  scratch\n", "utf-16")
	id := c.send("textDocument/diagnostic", map[string]any{"textDocument": doc.id()})
	hover := c.send("textDocument/hover", map[string]any{"textDocument": doc.id(), "position": position{}})
	c.reply(hover) // which waits for the same analysis
	close(gate)
	var got pulled
	if m := c.reply(id); m.Error != nil || json.Unmarshal(m.Result, &got) != nil || len(got.Items) != 0 {
		t.Errorf("%+v: %s", m.Error, m.Result)
	}
}

// A save may come with other files of the context: who comes for findings is told to.
func TestPullAfterSave(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, where)
	c.answers = map[string]func(json.RawMessage) any{"workspace/diagnostic/refresh": func(json.RawMessage) any { return nil }}
	c.initialize(pulling())
	doc := c.open(fileURI(dir)+"/Dockerfile", "FROM scratch\nCOPY package.x /\n", "utf-16")
	first := doc.pull("")
	writeFiles(t, dir, map[string]string{"package.x": ""})
	c.notify("textDocument/didSave", map[string]any{"textDocument": doc.id()})
	c.until("a refresh", func() bool { return c.count("workspace/diagnostic/refresh") == 1 })
	if second := doc.pull(first.ResultID); second.Kind != "full" || second.Items[0].Message == first.Items[0].Message {
		t.Errorf("%+v, then %+v", first, second)
	}
}
