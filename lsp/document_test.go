package lsp_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

type position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type span struct {
	Start position `json:"start"`
	End   position `json:"end"`
}

type textEdit struct {
	Range   span   `json:"range"`
	NewText string `json:"newText"`
}

type diagnostic struct {
	Range              span
	Severity           int
	Code               string
	CodeDescription    struct{ Href string }
	Source, Message    string
	Tags               []int
	RelatedInformation []struct {
		Location struct {
			URI   string
			Range span
		}
		Message string
	}
}

type published struct {
	URI         string
	Version     *int
	Diagnostics []diagnostic
}

// findings waits until the findings of a version are published; nil is a
// document that was closed.
func (c *client) findings(uri string, version *int) published {
	c.t.Helper()
	var found published
	c.until(fmt.Sprintf("findings of %s", uri), func() bool {
		for _, m := range slices.Backward(c.notified) {
			if m.Method != "textDocument/publishDiagnostics" {
				continue
			}
			var p published
			if err := json.Unmarshal(m.Params, &p); err != nil {
				c.t.Errorf("%s: %v", m.Params, err)
			}
			if p.URI != uri {
				continue
			}
			if (p.Version == nil) != (version == nil) || p.Version != nil && *p.Version != *version {
				return false // the newest is what counts
			}
			found = p
			return true
		}
		return false
	})
	return found
}

// document is the client's own model of a text.
type document struct {
	c        *client
	uri      string
	version  int
	text     string
	encoding string
}

func (c *client) open(uri, text, encoding string) *document {
	c.t.Helper()
	d := &document{c, uri, 1, text, encoding}
	c.notify("textDocument/didOpen", map[string]any{
		"textDocument": map[string]any{"uri": uri, "languageId": "dockerfile", "version": 1, "text": text},
	})
	return d
}

func (d *document) id() map[string]any { return map[string]any{"uri": d.uri} }

// edit makes edits one after the other, here and there.
func (d *document) edit(edits ...textEdit) {
	d.c.t.Helper()
	var changes []any
	for _, e := range edits {
		d.text = splice(d.text, e, d.encoding)
		changes = append(changes, map[string]any{"range": e.Range, "text": e.NewText})
	}
	d.change(changes)
}

func (d *document) change(changes []any) {
	d.c.t.Helper()
	d.version++
	d.c.notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": d.uri, "version": d.version},
		"contentChanges": changes,
	})
}

func (d *document) findings() []diagnostic {
	d.c.t.Helper()
	return d.c.findings(d.uri, &d.version).Diagnostics
}

type action struct {
	Title       string          `json:"title"`
	Kind        string          `json:"kind"`
	Diagnostics json.RawMessage `json:"diagnostics,omitempty"`
	IsPreferred bool            `json:"isPreferred,omitempty"`
	Edit        *workspaceEdit  `json:"edit,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
}

type workspaceEdit struct {
	Changes         map[string][]textEdit `json:"changes,omitempty"`
	DocumentChanges []struct {
		Kind, URI    string
		TextDocument struct {
			URI     string
			Version *int
		}
		Edits []textEdit
	} `json:"documentChanges,omitempty"`
}

// actions are the fixes: what is offered without the ways to silence a finding and
// to mend others like it.
func (d *document) actions(at span, only ...string) []action {
	d.c.t.Helper()
	return slices.DeleteFunc(d.offered(at, only...), func(a action) bool { return strings.HasPrefix(a.Kind, "quickfix.") })
}

func (d *document) offered(at span, only ...string) []action {
	d.c.t.Helper()
	var out []action
	ctx := map[string]any{"diagnostics": []any{}}
	if only != nil {
		ctx["only"] = only
	}
	d.c.call("textDocument/codeAction", map[string]any{"textDocument": d.id(), "range": at, "context": ctx}, &out)
	if out == nil {
		d.c.t.Error("the code actions are null")
	}
	return out
}

func (c *client) resolve(a action) action {
	c.t.Helper()
	var out action
	c.call("codeAction/resolve", a, &out)
	return out
}

// apply makes an action's edits as an editor does: all positions are of the text
// before.
func (d *document) apply(a action) string {
	d.c.t.Helper()
	if a.Edit == nil {
		d.c.t.Fatalf("%q has no edit", a.Title)
	}
	edits := a.Edit.Changes[d.uri]
	for _, dc := range a.Edit.DocumentChanges {
		if dc.TextDocument.URI == d.uri {
			if dc.TextDocument.Version == nil || *dc.TextDocument.Version != d.version {
				d.c.t.Errorf("%q edits version %v of version %d", a.Title, dc.TextDocument.Version, d.version)
			}
			edits = append(edits, dc.Edits...)
		}
	}
	text := d.text
	for _, e := range slices.Backward(edits) { // the server sends them in order of place
		text = splice(text, e, d.encoding)
	}
	return text
}

func all(text string) span {
	return span{End: position{Line: strings.Count(text, "\n") + 1}}
}

func at(line, from, to int) span {
	return span{position{line, from}, position{line, to}}
}

// splice makes one edit, counting on its own.
func splice(text string, e textEdit, encoding string) string {
	start, end := offset(text, e.Range.Start, encoding), offset(text, e.Range.End, encoding)
	return text[:start] + e.NewText + text[end:]
}

// endOfLine returns the bytes of text's first line, and those of its line end.
func endOfLine(text string) (line, end int) {
	i := strings.IndexAny(text, "\r\n")
	switch {
	case i < 0:
		return len(text), 0
	case strings.HasPrefix(text[i:], "\r\n"):
		return i, 2
	}
	return i, 1
}

func offset(text string, p position, encoding string) int {
	start := 0
	for range p.Line {
		line, end := endOfLine(text[start:])
		if end == 0 {
			return len(text)
		}
		start += line + end
	}
	n, _ := endOfLine(text[start:])
	line := text[start : start+n]
	units := 0
	for i, r := range line {
		switch encoding {
		case "utf-8":
			units += len(string(r))
		case "utf-16":
			units += len(utf16.Encode([]rune{r}))
		default:
			units++
		}
		if units > p.Character { // a place inside a character is before it
			return start + i
		}
	}
	return start + len(line)
}
