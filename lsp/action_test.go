package lsp_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

func titles(actions []action) (out []string) {
	for _, a := range actions {
		kind := a.Kind
		if a.IsPreferred {
			kind += "*"
		}
		out = append(out, kind+": "+a.Title)
	}
	return out
}

const fixAllTitle = "source.fixAll.shale: Fix everything that Shale can fix safely"

var gapTitles = []string{
	"quickfix: write a tab, whatever that does",
	"quickfix*: write one blank",
	"quickfix: write one blank again",
}

func TestCodeActions(t *testing.T) {
	for name, caps := range map[string]capabilities{"lazy": full("utf-16"), "eager": nil} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, gap, wrong)
			c.initialize(caps)
			doc := c.open("file:///x/Dockerfile", "FROM  alpine\nRUN  echo é😀\nCOPY  a b\n", "utf-16")
			for _, test := range []struct {
				at   span
				only []string
				want []string
			}{
				{at(0, 2, 2), nil, append(gapTitles[:3:3], fixAllTitle)},
				{at(0, 4, 4), []string{"quickfix"}, gapTitles},
				{at(0, 5, 5), []string{"quickfix"}, nil},
				{span{position{0, 11}, position{1, 0}}, []string{""}, append(gapTitles[:3:3], fixAllTitle)},
				{all(doc.text), []string{"quickfix"}, append(append(gapTitles[:3:3], gapTitles...), gapTitles...)},
				{at(0, 0, 0), []string{"source"}, []string{fixAllTitle}},
				{at(0, 0, 0), []string{"source.fixAll"}, []string{fixAllTitle}},
				{at(0, 0, 0), []string{"source.fixAll.shale"}, []string{fixAllTitle}},
				{at(0, 0, 0), []string{"source.fixAll.shale.more"}, nil},
				{at(0, 0, 0), []string{"source.fixAl"}, nil},
				{at(0, 0, 0), []string{"source.organizeImports", "refactor"}, nil},
				{at(0, 0, 0), []string{"refactor", "quickfix"}, gapTitles},
			} {
				if diff := cmp.Diff(test.want, titles(doc.actions(test.at, test.only...))); diff != "" {
					t.Errorf("%v %q: -want +got\n%s", test.at, test.only, diff)
				}
			}
			for _, a := range doc.actions(all(doc.text)) {
				if (a.Edit == nil) != (name == "lazy") || (a.Data == nil) != (name == "eager") {
					t.Errorf("%+v", a)
				}
				if (a.Kind == "quickfix") != strings.Contains(string(a.Diagnostics), `"code":"gap"`) {
					t.Errorf("%q mends %s", a.Title, a.Diagnostics)
				}
				a = c.resolve(a)
				want := strings.Replace(doc.text, "COPY  a", "COPY a", 1)
				switch {
				case a.Kind != "quickfix":
					want = strings.ReplaceAll(doc.text, "  ", " ")
				case !strings.Contains(string(a.Diagnostics), "COPY") || !a.IsPreferred:
					continue
				}
				if got := doc.apply(a); got != want {
					t.Errorf("%q gives %q", a.Title, got)
				}
				if len(a.Edit.Changes) > 0 != (name == "eager") || len(a.Edit.DocumentChanges) > 0 != (name == "lazy") {
					t.Errorf("%+v", a.Edit)
				}
			}
		})
	}
}

func TestStaleResolve(t *testing.T) {
	c := connect(t, gap)
	c.initialize(full("utf-8"))
	doc := c.open("file:///Dockerfile", "FROM  scratch\n", "utf-8")
	offered := doc.actions(all(doc.text))
	refused := func(when string) {
		t.Helper()
		for _, a := range offered {
			t.Log(when, a.Title)
			c.wantError(c.send("codeAction/resolve", a), contentModified)
		}
	}
	for range 2 { // the same text, looked at again
		c.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{}})
		c.notify("textDocument/didSave", map[string]any{"textDocument": doc.id()})
		for _, a := range offered[1:] {
			if got := doc.apply(c.resolve(a)); got != "FROM scratch\n" {
				t.Errorf("%q makes %q", a.Title, got)
			}
		}
	}
	moved := offered[0]
	moved.Data = json.RawMessage(strings.Replace(string(moved.Data), `"title":"`, `"title":"not `, 1))
	c.wantError(c.send("codeAction/resolve", moved), contentModified)
	doc.edit(textEdit{at(0, 0, 0), "#\n"})
	refused("after an edit")
	doc.edit(textEdit{span{position{0, 0}, position{1, 0}}, ""}) // as it was, but another version
	refused("after the edit was undone")
	c.notify("textDocument/didClose", map[string]any{"textDocument": doc.id()})
	refused("after it was closed")
	c.open(doc.uri, "FROM  scratch\n", "utf-8")
	refused("after it was opened again")
}

func TestRejectedFix(t *testing.T) {
	c := connect(t, wrong)
	c.initialize(nil)
	text := "FROM alpine\nRUN curl https://example.org\n"
	doc := c.open("file:///eager/Dockerfile", text, "utf-16")
	if got := doc.actions(all(text), "quickfix"); len(got) != 0 {
		t.Errorf("a wrong fix was offered: %+v", got)
	}
	if !strings.Contains(c.log.String(), "was held back") {
		t.Errorf("the log says:\n%s", c.log)
	}

	c = connect(t, wrong)
	c.initialize(full("utf-16"))
	doc = c.open("file:///lazy/Dockerfile", text, "utf-16")
	offered := doc.actions(all(text), "quickfix")
	if len(offered) != 1 {
		t.Fatalf("offered: %+v", offered)
	}
	for range 2 {
		c.wantError(c.send("codeAction/resolve", offered[0]), requestFailed)
	}
	if got := doc.actions(all(text), "quickfix"); len(got) != 0 {
		t.Errorf("a fix that was rejected is offered again: %+v", got)
	}
	if n := strings.Count(c.log.String(), "was held back"); n != 1 {
		t.Errorf("the log tells it %d times:\n%s", n, c.log)
	}
}

// Fixes may change other files: those that are open, those that are not, and
// those that are still to be made.
func TestOtherFiles(t *testing.T) {
	dir := t.TempDir()
	texts := map[string]string{"notes": "é one\n", "open": "é two\n", "unsaved": "é three\n"}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	fix := func(title, name, old, new string) analysis.Fix {
		path, at := filepath.Join(dir, name), len("é ")
		if old == "" {
			at = 0
		}
		return analysis.Fix{Title: title, Safety: analysis.Unsafe, Edits: []analysis.Edit{
			{Edit: source.Insert(0, "# see "+name+"\n")},
			{Path: path, Of: texts[name], Edit: source.Replace(source.Span{Start: at, End: at + len(old)}, new)},
		}}
	}
	beside := &analysis.Rule{Name: "beside", Severity: analysis.Info, Run: func(p *analysis.Pass) {
		p.Report(analysis.Diagnostic{Message: "x", Fixes: []analysis.Fix{
			fix("in a closed file", "notes", "one", "1"),
			fix("in an open file", "open", "two", "2"),
			fix("in an unsaved file", "unsaved", "three", "3"),
			fix("in a new file", "new", "", "node_modules\n"),
		}})
	}}
	uri := func(name string) string { return "file://" + filepath.ToSlash(dir) + "/" + name }
	c := connect(t, beside)
	c.initialize(full("utf-16"))
	doc := c.open(uri("Dockerfile"), "FROM scratch\n", "utf-16")
	held := c.open(uri("open"), "é two\n", "utf-16")
	c.open(uri("unsaved"), "é 3\n", "utf-16")
	for _, a := range doc.actions(at(0, 0, 0), "quickfix") {
		if a.Title == "in an unsaved file" {
			c.wantError(c.send("codeAction/resolve", a), requestFailed)
			continue
		}
		a = c.resolve(a)
		if got, name := doc.apply(a), a.Edit.DocumentChanges; !strings.HasPrefix(got, "# see ") {
			t.Errorf("%s: %q %v", a.Title, got, name)
		}
		other := a.Edit.DocumentChanges[len(a.Edit.DocumentChanges)-1]
		switch a.Title {
		case "in a closed file":
			if other.TextDocument.URI != uri("notes") || other.TextDocument.Version != nil || other.Edits[0].Range != at(0, 2, 5) {
				t.Errorf("%s: %+v", a.Title, other)
			}
		case "in an open file":
			if other.TextDocument.URI != held.uri || *other.TextDocument.Version != held.version || splice(held.text, other.Edits[0], "utf-16") != "é 2\n" {
				t.Errorf("%s: %+v", a.Title, other)
			}
		case "in a new file":
			made := a.Edit.DocumentChanges[1]
			if made.Kind != "create" || made.URI != uri("new") || other.TextDocument.URI != uri("new") || other.Edits[0].NewText != "node_modules\n" {
				t.Errorf("%s: %+v", a.Title, a.Edit)
			}
		}
	}

	c = connect(t, beside) // an editor that creates no files
	c.initialize(nil)
	doc = c.open(uri("Dockerfile"), "FROM scratch\n", "utf-16")
	want := []string{"quickfix: in a closed file", "quickfix: in an open file", "quickfix: in an unsaved file"}
	if diff := cmp.Diff(want, titles(doc.actions(at(0, 0, 0), "quickfix"))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A fix is of the text that its rule read: what was written since stays.
func TestOtherFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".dockerignore")
	hide := &analysis.Rule{Name: "hide", Severity: analysis.Info, Run: func(p *analysis.Pass) {
		p.Report(analysis.Diagnostic{Message: "x", Fixes: []analysis.Fix{{Title: "Hide", Safety: analysis.Unsafe, Edits: []analysis.Edit{
			{Path: path, Edit: source.Insert(0, "node_modules\n")}, // of none
		}}}})
	}}
	c := connect(t, hide)
	c.initialize(full("utf-16"))
	doc := c.open("file:///x/Dockerfile", "FROM scratch\n", "utf-16")
	offered := doc.actions(at(0, 0, 0), "quickfix")
	if err := os.WriteFile(path, []byte("node_modules\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, a := range offered {
		if a.Title == "Hide" {
			c.wantError(c.send("codeAction/resolve", a), requestFailed)
			return
		}
	}
	t.Errorf("not offered: %q", titles(offered))
}

func TestHalfTyped(t *testing.T) {
	c := connect(t, gap)
	c.initialize(full("utf-8"))
	doc := c.open("file:///Dockerfile", "FROM  alpine\nRUN  true\n", "utf-8")
	doc.edit(textEdit{at(1, 0, 9), "BAD thing\nRUN  true"})
	var codes []string
	for _, d := range doc.findings() {
		codes = append(codes, d.Code)
	}
	if diff := cmp.Diff([]string{"gap", "syntax", "gap"}, codes); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := doc.actions(all(doc.text)); len(got) != 0 {
		t.Errorf("fixes of a file that BuildKit refuses: %q", titles(got))
	}
	doc.edit(textEdit{span{position{1, 0}, position{2, 0}}, ""})
	if got := doc.actions(all(doc.text)); len(got) != 7 {
		t.Errorf("after the line was mended: %q", titles(got))
	}
}

// A fix beside and inside characters of every width, with CRLF, counted in
// each encoding.
func TestEditsInEveryEncoding(t *testing.T) {
	for _, encoding := range []string{"utf-8", "utf-16", "utf-32"} {
		c := connect(t, quotes, gap)
		c.initialize(full(encoding))
		text := "FROM  scratch\r\n# 😀é中\r\nENV A=😀é中é\"😀😀\"中 B=中é\"😀\"\r\nENV C=é\"😀\""
		doc := c.open("file:///Dockerfile", text, encoding)
		fixes := doc.actions(all(text), "source.fixAll.shale")
		if len(fixes) != 1 {
			t.Fatalf("%s: %+v", encoding, fixes)
		}
		fix := c.resolve(fixes[0])
		want := "FROM scratch\r\n# 😀é中\r\nENV A=😀é中é😀😀中 B=中é😀\r\nENV C=é😀"
		if got := doc.apply(fix); got != want {
			t.Errorf("%s: got %q, want %q\n%+v", encoding, got, want, fix.Edit)
		}
		if n := len(fix.Edit.DocumentChanges[0].Edits); n < 3 {
			t.Errorf("%s: %d edits", encoding, n)
		}
		for _, e := range fix.Edit.DocumentChanges[0].Edits {
			if strings.ContainsAny(e.NewText, "#\r\n") {
				t.Errorf("%s: an edit is larger than what it changes: %+v", encoding, e)
			}
		}
		for _, a := range doc.actions(span{position{3, 7}, position{3, 99}}, "quickfix") {
			if got, want := doc.apply(c.resolve(a)), strings.Replace(text, `C=é"😀"`, `C=é😀`, 1); got != want {
				t.Errorf("%s: got %q", encoding, got)
			}
		}
	}
}
