package lsp_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite/validate"
)

// atPlace are the requests about a place in a document, with what else they want.
var atPlace = map[string]map[string]any{
	"textDocument/hover":             {},
	"textDocument/definition":        {},
	"textDocument/references":        {"context": map[string]any{"includeDeclaration": true}},
	"textDocument/documentHighlight": {},
	"textDocument/prepareRename":     {},
	"textDocument/rename":            {"newName": "another"},
	"textDocument/completion":        {},
	"textDocument/signatureHelp":     {},
	"textDocument/onTypeFormatting":  {"ch": "\n", "options": map[string]any{"tabSize": 4, "insertSpaces": true}},
}

// aboutAll are the requests about a whole document or a part of it.
var aboutAll = []string{
	"textDocument/documentSymbol", "textDocument/foldingRange", "textDocument/documentLink", "textDocument/codeLens", "textDocument/inlayHint",
	"textDocument/semanticTokens/full", "textDocument/semanticTokens/range", "textDocument/formatting", "textDocument/rangeFormatting", "textDocument/codeAction",
}

// documents are those of the scenarios, and one that has everything.
func documents(t testing.TB) []string {
	var out []string
	for _, pattern := range []string{"../testdata/lsp/*.txtar", "../testdata/rules/*/example.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, file := range files {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range ar.Files {
				if f.Name == "open" || f.Name == "before" {
					out = append(out, string(f.Data))
				}
			}
		}
	}
	return append(out, "", "\r\n", "FROM", "FROM a\\", "# escape=`\nFROM a `\n", "\xef\xbb\xbfFROM a AS b\nFROM b\n", "FROM a\nRUN <<E\n$A é", "FROM a\rRUN b \\\r c\n")
}

// Every request is answered at every place of every document, and each range in an
// answer is one that the client can find, in its own encoding.
func TestEveryRequestEverywhere(t *testing.T) {
	for i, text := range documents(t) {
		encoding := []string{"utf-8", "utf-16", "utf-32"}[i%3]
		if i%2 == 1 {
			text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
		}
		c := connect(t, rules.All()...)
		c.initialize(full(encoding))
		doc := c.open("file:///nowhere/Dockerfile", text, encoding)
		doc.askAll(t)
		r := rand.New(rand.NewPCG(uint64(i), 1))
		for range 30 {
			doc.askAt(t, doc.anywhere(r))
		}
		// Half a line is typed somewhere.
		for range 3 {
			p := doc.anywhere(r)
			doc.edit(textEdit{span{p, p}, []string{"\nRUN --mount=type=", "$", "é😀 <<X", "\nFROM "}[r.IntN(4)]})
			doc.askAll(t)
			doc.askAt(t, p)
		}
	}
}

func (d *document) anywhere(r *rand.Rand) position {
	lines := strings.Split(d.text, "\n")
	line := r.IntN(len(lines))
	return position{line, r.IntN(len(lines[line]) + 2)}
}

func (d *document) askAll(t testing.TB) {
	t.Helper()
	for _, method := range aboutAll {
		d.check(t, method, map[string]any{"textDocument": d.id(), "range": all(d.text), "context": map[string]any{}, "options": map[string]any{"tabSize": 4, "insertSpaces": true}})
	}
}

func (d *document) askAt(t testing.TB, p position) {
	t.Helper()
	for method, more := range atPlace {
		params := map[string]any{"textDocument": d.id(), "position": p}
		for k, v := range more {
			params[k] = v
		}
		d.check(t, method, params)
	}
	d.check(t, "textDocument/selectionRange", map[string]any{"textDocument": d.id(), "positions": []position{p}})
}

// check asks and looks at the answer's ranges.
func (d *document) check(t testing.TB, method string, params map[string]any) {
	t.Helper()
	m := d.c.reply(d.c.send(method, params))
	if m.Error != nil {
		if m.Error.Code != requestFailed && !(method == "textDocument/rename" && m.Error.Code == invalidParams) {
			t.Errorf("%s of %v in %q: %+v", method, params["position"], d.text, *m.Error)
		}
		return
	}
	var answer any
	if err := json.Unmarshal(m.Result, &answer); err != nil {
		t.Fatal(err)
	}
	d.ranges(t, method, answer)
}

func (d *document) ranges(t testing.TB, method string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			d.ranges(t, method, e)
		}
	case map[string]any:
		if start, ok := v["start"].(map[string]any); ok && v["end"] != nil {
			if from, to := d.place(t, method, start), d.place(t, method, v["end"].(map[string]any)); from > to {
				t.Errorf("%s: %v ends before it starts", method, v)
			}
			return
		}
		if p, ok := v["position"].(map[string]any); ok {
			d.place(t, method, p)
		}
		for _, e := range v {
			d.ranges(t, method, e)
		}
	}
}

// place is the byte at a position, which must be the very position of that byte.
func (d *document) place(t testing.TB, method string, p map[string]any) int {
	t.Helper()
	line, character := int(p["line"].(float64)), int(p["character"].(float64))
	at := offset(d.text, position{line, character}, d.encoding)
	start := offset(d.text, position{Line: line}, d.encoding)
	s := scenario{encoding: d.encoding}
	if got := s.width(strings.ToValidUTF8(d.text[start:at], "?")); got != character && strings.ToValidUTF8(d.text, "?") == d.text {
		t.Errorf("%s: there is no place %d:%d in %q", method, line, character, d.text)
	}
	return at
}

// What is announced is answered, and nothing else.
func TestCapabilitiesAreTrue(t *testing.T) {
	providers := map[string][]string{
		"hoverProvider": {"textDocument/hover"}, "definitionProvider": {"textDocument/definition"}, "referencesProvider": {"textDocument/references"},
		"documentHighlightProvider": {"textDocument/documentHighlight"}, "documentSymbolProvider": {"textDocument/documentSymbol"},
		"workspaceSymbolProvider": {"workspace/symbol"}, "foldingRangeProvider": {"textDocument/foldingRange"}, "selectionRangeProvider": {"textDocument/selectionRange"},
		"documentLinkProvider": {"textDocument/documentLink"}, "codeLensProvider": {"textDocument/codeLens"}, "inlayHintProvider": {"textDocument/inlayHint"},
		"semanticTokensProvider": {"textDocument/semanticTokens/full", "textDocument/semanticTokens/full/delta", "textDocument/semanticTokens/range"},
		"renameProvider":         {"textDocument/rename", "textDocument/prepareRename"}, "completionProvider": {"textDocument/completion"},
		"signatureHelpProvider": {"textDocument/signatureHelp"}, "documentFormattingProvider": {"textDocument/formatting"},
		"documentRangeFormattingProvider": {"textDocument/rangeFormatting"}, "documentOnTypeFormattingProvider": {"textDocument/onTypeFormatting"},
		"codeActionProvider": {"textDocument/codeAction", "codeAction/resolve"}, "diagnosticProvider": {"textDocument/diagnostic"},
		"executeCommandProvider": {"workspace/executeCommand"},
		// Of the protocol, and not of this server.
		"": {"textDocument/declaration", "textDocument/typeDefinition", "textDocument/implementation", "textDocument/documentColor", "completionItem/resolve", "codeLens/resolve",
			"documentLink/resolve", "inlayHint/resolve", "workspace/diagnostic", "textDocument/linkedEditingRange", "textDocument/moniker", "textDocument/inlineValue", "workspaceSymbol/resolve"},
	}
	c := connect(t)
	c.initialize(pulling())
	var answer struct {
		Capabilities map[string]json.RawMessage
	}
	if err := json.Unmarshal(c.initialized, &answer); err != nil {
		t.Fatal(err)
	}
	for name := range answer.Capabilities {
		if _, ok := providers[name]; !ok && strings.HasSuffix(name, "Provider") {
			t.Errorf("%s is announced and not tested", name)
		}
	}
	for name, methods := range providers {
		_, announced := answer.Capabilities[name]
		if name != "" && !announced {
			t.Errorf("%s is not announced", name)
		}
		for _, method := range methods {
			params := map[string]any{"textDocument": map[string]any{"uri": "file:///none"}}
			if method == "codeAction/resolve" {
				params = map[string]any{"title": "x"} // comes back as it is
			}
			m := c.reply(c.send(method, params))
			if known := m.Error == nil || m.Error.Code != methodNotFound; known != announced {
				t.Errorf("%s: announced %v, known %v", method, announced, known)
			}
		}
	}
}

// A part's tokens are those of the whole, and a difference makes of the old ones
// the new.
func TestTokensInParts(t *testing.T) {
	for i, text := range documents(t) {
		c := connect(t)
		c.initialize(full("utf-16"))
		doc := c.open("file:///nowhere/Dockerfile", text, "utf-16")
		type tokens struct {
			ResultID string
			Data     []int
			Edits    []struct {
				Start, DeleteCount int
				Data               []int
			}
		}
		ask := func(method string, more map[string]any) (out tokens) {
			params := map[string]any{"textDocument": doc.id()}
			for k, v := range more {
				params[k] = v
			}
			c.call("textDocument/semanticTokens/"+method, params, &out)
			return out
		}
		whole := ask("full", nil)
		var parts [][5]int
		for line := range strings.Count(text, "\n") + 1 {
			parts = append(parts, absolute(ask("range", map[string]any{"range": at(line, 0, 1)}).Data)...)
		}
		if !strings.Contains(text, "\r") && !slices.Equal(parts, absolute(whole.Data)) {
			t.Errorf("%q: the parts are %v, the whole %v", text, parts, absolute(whole.Data))
		}
		r := rand.New(rand.NewPCG(uint64(i), 2))
		for range 3 {
			p := doc.anywhere(r)
			doc.edit(textEdit{span{p, p}, []string{"x", "\n", "# é\n", "RUN echo $A\n"}[r.IntN(4)]})
			delta := ask("full/delta", map[string]any{"previousResultId": whole.ResultID})
			data := slices.Clone(whole.Data)
			for _, e := range slices.Backward(delta.Edits) {
				data = slices.Replace(data, e.Start, e.Start+e.DeleteCount, e.Data...)
			}
			whole = ask("full", nil)
			if !slices.Equal(data, whole.Data) {
				t.Errorf("%q: the difference gives %v, the whole is %v", doc.text, data, whole.Data)
			}
		}
		if got := ask("full/delta", map[string]any{"previousResultId": "none"}); !slices.Equal(got.Data, whole.Data) {
			t.Errorf("an unknown result gives %v", got)
		}
	}
}

func absolute(data []int) (out [][5]int) {
	line, column := 0, 0
	for i := 0; i+4 < len(data); i += 5 {
		if data[i] > 0 {
			line, column = line+data[i], 0
		}
		column += data[i+1]
		out = append(out, [5]int{line, column, data[i+2], data[i+3], data[i+4]})
	}
	return out
}

// What is no Dockerfile, and what is not open, has nothing to read.
func TestOtherDocuments(t *testing.T) {
	c := connect(t)
	c.initialize(full("utf-8"))
	doc := c.open("file:///x/.dockerignore", "node_modules\n", "utf-8")
	for method := range atPlace {
		if m := c.reply(c.send(method, map[string]any{"textDocument": doc.id(), "position": position{}})); m.Error != nil || string(m.Result) != "null" {
			t.Errorf("%s: %s %+v", method, m.Result, m.Error)
		}
		c.wantError(c.send(method, map[string]any{"textDocument": map[string]any{"uri": "file:///none"}}), invalidParams)
	}
}

// An editor that shows neither Markdown nor trees nor snippets gets none.
func TestPlainClient(t *testing.T) {
	c := connect(t)
	c.initialize(nil)
	doc := c.open("untitled:Dockerfile", "FROM alpine AS a\nRUN true\n\n", "utf-16")
	var h struct {
		Contents struct{ Kind, Value string }
	}
	c.call("textDocument/hover", map[string]any{"textDocument": doc.id(), "position": position{0, 15}}, &h)
	if h.Contents.Kind != "plaintext" || strings.ContainsAny(h.Contents.Value, "*`") {
		t.Errorf("%+v", h)
	}
	var symbols []struct {
		Name, ContainerName string
		Location            struct{ URI string }
	}
	c.call("textDocument/documentSymbol", map[string]any{"textDocument": doc.id()}, &symbols)
	if len(symbols) != 2 || symbols[1].ContainerName != "a" || symbols[1].Location.URI != doc.uri {
		t.Errorf("%+v", symbols)
	}
	m := c.reply(c.send("textDocument/completion", map[string]any{"textDocument": doc.id(), "position": position{2, 0}}))
	if strings.Contains(string(m.Result), `"insertTextFormat":2`) {
		t.Errorf("%s", m.Result)
	}
	if !strings.Contains(string(c.initialized), `"renameProvider":true`) {
		t.Errorf("%s", c.initialized)
	}
}

var named = regexp.MustCompile(`(?im)^FROM\b.*\sAS\s+(\S+)`)

// With a stage by another name the file still compiles, and by its old name it is
// the old one again.
func TestRenamedStages(t *testing.T) {
	renamed := 0
	for _, text := range documents(t) {
		if len(syntax.Parse(text).Problems) > 0 {
			continue
		}
		c := connect(t)
		c.initialize(full("utf-16"))
		doc := c.open("file:///nowhere/Dockerfile", text, "utf-16")
		for _, m := range named.FindAllStringSubmatchIndex(text, -1) {
			line := strings.Count(text[:m[2]], "\n")
			p := position{line, (&scenario{encoding: "utf-16"}).width(text[strings.LastIndexByte(text[:m[2]], '\n')+1 : m[2]])}
			answer := c.reply(c.send("textDocument/rename", map[string]any{"textDocument": doc.id(), "position": p, "newName": "zz-9"}))
			if answer.Error != nil {
				continue // refused
			}
			var a action
			if err := json.Unmarshal([]byte(`{"edit":`+string(answer.Result)+`}`), &a); err != nil {
				t.Fatal(err)
			}
			after := doc.apply(a)
			if !strings.Contains(after, "zz-9") {
				t.Errorf("nothing is renamed in %q", text)
			}
			if err := validate.CheckCompiles(context.Background(), text, after, validate.Options{}); err != nil {
				t.Errorf("%v\n%s", err, after)
			}
			back := strings.ReplaceAll(after, "zz-9", text[m[2]:m[3]])
			if plain := strings.NewReplacer(`b\u`, "bu"); !strings.EqualFold(plain.Replace(back), plain.Replace(text)) {
				t.Errorf("the old name gives %q", back)
			}
			renamed++
		}
	}
	if renamed < 8 {
		t.Errorf("%d stages were renamed", renamed)
	}
}
