package lsp_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/lsp"
)

var update = flag.Bool("update", false, "fill in what the scenarios expect")

// TestScenarios plays testdata/lsp/*.txtar: a session with an editor, told by the
// archive's sections in order.
//
//	settings           lines of: encoding NAME, eager, crlf, replaces (proposals may replace a whole word), plain (no Markdown), protocol (the rules of these tests), pull (findings
//	                   are come for, those of Docker's checks among them), options JSON
//	file NAME          a file beside the document
//	open               the document
//	edit               lines of FROM-TO "text": one change of the client's
//	diagnostics        where what is found in the text as it stands
//	actions [KIND…]    what is offered for the whole document
//	apply TITLE        an offered action is made, named by the start of its title; the text after it
//	writes TITLE       what an offered action does to other files; it is done, and the client says that they changed
//	text               the text as it stands
//	hover LINE:COLUMN  and the other requests of scenario_reading_test.go and scenario_writing_test.go
//
// Places are line:column from 0 in the encoding in force. The words of rules are
// left to their own tests. With -update what the server says is written anew.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../testdata/lsp/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := scenario{t: t, dir: t.TempDir(), encoding: "utf-16", rules: rules.All()}
			for i := range ar.Files {
				f := &ar.Files[i]
				verb, arg, _ := strings.Cut(f.Name, " ")
				got, checked := s.section(verb, arg, string(f.Data))
				if !checked {
					continue
				}
				if *update {
					f.Data = []byte(got)
				} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
					t.Errorf("section %q: -want +got\n%s", f.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type scenario struct {
	t           *testing.T
	dir         string
	encoding    string
	eager, crlf bool
	replaces    bool
	markless    bool
	pulls       bool
	options     json.RawMessage
	rules       []*analysis.Rule
	doc         *document
}

// section plays one; it returns what stands in it if that is an expectation.
func (s *scenario) section(verb, arg, body string) (got string, checked bool) {
	s.t.Helper()
	switch verb {
	case "settings":
		s.set(body)
	case "file":
		path := filepath.Join(s.dir, arg)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o666); err != nil {
			s.t.Fatal(err)
		}
	case "open":
		s.open(body)
	case "edit":
		var es []textEdit
		for _, line := range lines(body) {
			es = append(es, s.parseEdit(line))
		}
		s.doc.edit(es...)
	case "diagnostics":
		return s.diagnostics(), true
	case "actions":
		return s.actions(strings.Fields(arg)), true
	case "apply":
		for _, a := range s.doc.offered(all(s.doc.text)) {
			if !strings.HasPrefix(a.Title, arg) {
				continue
			}
			if a.Edit == nil {
				a = s.doc.c.resolve(a)
			}
			after := s.doc.apply(a)
			s.doc.text = after
			s.doc.change([]any{map[string]any{"text": after}})
			return s.plain(), true
		}
		s.t.Errorf("no action is called %q", arg)
		return body, true
	case "writes":
		for _, a := range s.doc.offered(all(s.doc.text)) {
			if strings.HasPrefix(a.Title, arg) {
				if a.Edit == nil {
					a = s.doc.c.resolve(a)
				}
				out := s.write(a)
				s.doc.c.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{}})
				return out, true
			}
		}
		s.t.Errorf("no action is called %q", arg)
		return body, true
	case "text":
		return s.plain(), true
	default:
		if got, ok := s.reading(verb, arg); ok {
			return got, true
		}
		if got, ok := s.writing(verb, arg); ok {
			return got, true
		}
		s.t.Fatalf("no section is called %q", verb)
	}
	return "", false
}

func (s *scenario) set(body string) {
	s.t.Helper()
	for _, line := range lines(body) {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "encoding":
			s.encoding = value
		case "eager":
			s.eager = true
		case "crlf":
			s.crlf = true
		case "plain":
			s.markless = true
		case "replaces":
			s.replaces = true
		case "pull":
			s.pulls = true
		case "options":
			s.options = json.RawMessage(value)
		case "protocol":
			s.rules = []*analysis.Rule{gap, quotes, wrong}
		default:
			s.t.Fatalf("no setting is called %q", key)
		}
	}
}

func (s *scenario) open(body string) {
	s.t.Helper()
	o := lsp.Options{Rules: s.rules, Version: "test", DocURL: func(rule string) string { return "https://example.org/" + rule }}
	if s.pulls {
		o.Rules = slices.Concat(o.Rules, checks.All())
	}
	c := connectWith(s.t, o)
	if s.options != nil {
		c.options = s.options
	}
	c.folder = "file://" + filepath.ToSlash(s.dir)
	caps := full(s.encoding)
	if s.eager {
		delete(caps, "textDocument")
	}
	if s.replaces {
		caps.with("textDocument.completion.completionItem.insertReplaceSupport")
	}
	if s.markless {
		delete(caps["textDocument"].(map[string]any), "hover")
	}
	if s.pulls {
		caps.object("textDocument.diagnostic")
		delete(caps["textDocument"].(map[string]any), "publishDiagnostics")
	}
	if got := c.initialize(caps); got != s.encoding {
		s.t.Fatalf("the encoding is %s", got)
	}
	body = strings.ReplaceAll(body, "§", " ") // a blank at a line end
	s.doc = c.open("file://"+filepath.ToSlash(s.dir)+"/Dockerfile", s.ends(body), s.encoding)
}

func (s *scenario) diagnostics() string {
	s.t.Helper()
	var out strings.Builder
	found := s.doc.found(s.pulls)
	for _, d := range found {
		severity := []string{"", "error", "warning", "info", "hint"}[d.Severity]
		fmt.Fprintf(&out, "%s %s %s", place(d.Range), severity, d.Code)
		if strings.Contains(d.Message, "\nNo safe fix: ") {
			out.WriteString(", no safe fix")
		}
		for _, r := range d.RelatedInformation {
			fmt.Fprintf(&out, ", see %s", place(r.Location.Range))
		}
		out.WriteString("\n")
	}
	return out.String()
}

func (s *scenario) actions(only []string) string {
	s.t.Helper()
	var out strings.Builder
	for _, a := range s.doc.offered(all(s.doc.text), only...) {
		out.WriteString(a.Kind)
		if strings.HasPrefix(a.Kind, "quickfix.") || strings.HasPrefix(a.Kind, "refactor") {
			out.WriteString(": " + a.Title)
		}
		var mends []diagnostic
		_ = json.Unmarshal(a.Diagnostics, &mends)
		for _, d := range mends {
			fmt.Fprintf(&out, " of %s at %s", d.Code, place(d.Range))
		}
		if a.IsPreferred {
			out.WriteString(", preferred")
		}
		out.WriteString("\n")
	}
	return out.String()
}

// write does to the files on disk what an action does to others than the document, and
// tells it.
func (s *scenario) write(a action) string {
	var out strings.Builder
	for _, dc := range a.Edit.DocumentChanges {
		name := func(uri string) string { return strings.TrimPrefix(uri, "file://"+filepath.ToSlash(s.dir)+"/") }
		if dc.Kind != "" {
			fmt.Fprintf(&out, "%s %s\n", dc.Kind, name(dc.URI))
			if err := os.WriteFile(filepath.Join(s.dir, name(dc.URI)), nil, 0o666); err != nil {
				s.t.Fatal(err)
			}
			continue
		}
		file := filepath.Join(s.dir, name(dc.TextDocument.URI))
		before, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		text := string(before)
		for _, e := range slices.Backward(dc.Edits) {
			text = splice(text, e, s.encoding)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s, version %v:\n%s", name(dc.TextDocument.URI), dc.TextDocument.Version, text)
	}
	return strings.ReplaceAll(out.String(), "<nil>", "of the disk")
}

func (d *document) found(pulled bool) []diagnostic {
	if pulled {
		return d.pull("").Items
	}
	return d.findings()
}

// plain is the text with the line ends of the archive.
func (s *scenario) plain() string {
	text := s.doc.text
	if s.crlf {
		if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			s.t.Errorf("line ends are mixed: %q", text)
		}
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	return text
}

func (s *scenario) ends(text string) string {
	if s.crlf {
		return strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

var editLine = regexp.MustCompile(`^(\d+):(\d+)-(\d+):(\d+) (".*")$`)

func (s *scenario) parseEdit(line string) textEdit {
	m := editLine.FindStringSubmatch(line)
	if m == nil {
		s.t.Fatalf("%q is no edit", line)
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1])
	}
	var text string
	if err := json.Unmarshal([]byte(m[5]), &text); err != nil {
		s.t.Fatalf("%q: %v", line, err)
	}
	return textEdit{span{position{n[0], n[1]}, position{n[2], n[3]}}, s.ends(text)}
}

func place(r span) string {
	return fmt.Sprintf("%d:%d-%d:%d", r.Start.Line, r.Start.Character, r.End.Line, r.End.Character)
}

func lines(body string) []string { return strings.Split(strings.TrimSuffix(body, "\n"), "\n") }
