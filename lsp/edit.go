package lsp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite"
)

// fixAll returns the edit that makes of a document what shale fix would, or with a
// rule what shale fix --only would; nil when that is nothing. No safe fix changes another
// file: the planner takes none.
func (s *server) fixAll(ctx context.Context, w *workspace, doc *snapshot, f *findings, rule string) (*workspaceEdit, error) {
	rules := s.opts.Rules
	if rule != "" {
		rules = slices.DeleteFunc(slices.Clone(rules), func(r *analysis.Rule) bool { return r.Name != rule })
	}
	result, err := rewrite.Fix(ctx, f.input, rewrite.Options{Rules: rules, Safety: analysis.Safe})
	if err != nil {
		return nil, err
	}
	for _, r := range result.Rejected {
		s.heldBack(doc, r.Rule, r.Title, r.Reason)
	}
	edits := differences(result.Before, result.After)
	if len(edits) == 0 {
		return nil, nil
	}
	b := s.startEdit(w)
	return b.out, b.document(doc, edits)
}

// differences returns edits that turn before into after: one for each line where
// a stretch that rewrite.Diff finds changed has as many lines as it had, else one
// for the stretch.
func differences(before, after string) []source.Edit {
	var edits []source.Edit
	var old []source.Span // the stretch's lines before
	var new []string      // and after
	at, line := 0, 1      // the byte and the number of the next line of before
	next := func() source.Span {
		s := source.Span{Start: at, End: len(before)}
		if n := strings.IndexByte(before[at:], '\n'); n >= 0 {
			s.End = at + n + 1
		}
		at, line = s.End, line+1
		return s
	}
	flush := func() {
		switch {
		case len(old) == len(new):
			for i, s := range old {
				edits = append(edits, source.Minimal(before, source.Replace(s, new[i])))
			}
		case len(old) == 0:
			edits = append(edits, source.Insert(at, strings.Join(new, "")))
		default:
			e := source.Replace(old[0].Cover(old[len(old)-1]), strings.Join(new, ""))
			edits = append(edits, source.Minimal(before, e))
		}
		old, new = nil, nil
	}
	lines := strings.SplitAfter(rewrite.Diff("", "", before, after), "\n")
	for i, l := range lines {
		if i < 2 || l == "" { // the names of the two files
			continue
		}
		switch l[0] {
		case '@': // @@ -3,4 +3,5 @@
			flush()
			from, _, _ := strings.Cut(strings.TrimPrefix(l, "@@ -"), " ")
			from, count, ok := strings.Cut(from, ",")
			n, _ := strconv.Atoi(from)
			if ok && count == "0" {
				n++ // an empty stretch names the line before it
			}
			for line < n {
				next()
			}
		case ' ':
			flush()
			next()
		case '-':
			old = append(old, next())
		case '+':
			text := l[1:]
			if i+1 < len(lines) && strings.HasPrefix(lines[i+1], `\`) { // No newline at end of file
				text = strings.TrimSuffix(text, "\n")
			}
			new = append(new, text)
		}
	}
	flush()
	return edits
}

// open returns the document that the editor holds of a file, or nil.
func (w *workspace) open(path string) *snapshot {
	for _, doc := range w.docs {
		if doc.path != "" && doc.path == path {
			return doc
		}
	}
	return nil
}

// workspaceEdit says edits in the client's terms: of the document at its
// version, and of the other files that they name.
func (s *server) workspaceEdit(w *workspace, doc *snapshot, edits []analysis.Edit) (*workspaceEdit, error) {
	byPath, of := map[string][]source.Edit{}, map[string]string{}
	var paths []string
	for _, e := range edits {
		path := e.Path
		if path == doc.path {
			path = "" // the document itself
		}
		if _, ok := byPath[path]; !ok {
			paths = append(paths, path)
		}
		byPath[path] = append(byPath[path], e.Edit)
		of[path] = e.Of
	}
	b := s.startEdit(w)
	slices.Sort(paths)
	for _, path := range paths {
		var err error
		if path == "" {
			err = b.document(doc, byPath[path])
		} else {
			err = b.file(path, of[path], byPath[path])
		}
		if err != nil {
			return nil, err
		}
	}
	return b.out, nil
}

// An editBuilder puts a workspaceEdit together.
type editBuilder struct {
	s    *server
	w    *workspace
	out  *workspaceEdit
	mark string // the annotation of what follows; "" for none
}

func (s *server) startEdit(w *workspace) *editBuilder {
	b := &editBuilder{s: s, w: w, out: &workspaceEdit{}}
	if !s.client.versions {
		b.out.Changes = map[string][]protocol.TextEdit{}
	}
	return b
}

// document adds edits of an open document.
func (b *editBuilder) document(doc *snapshot, edits []source.Edit) error {
	return b.add(versionedDocument{doc.uri, &doc.version}, doc.text, doc.lines, edits)
}

// file adds edits of a file as it is on disk, which is where rules read other files: of
// is the text that they read there.
func (b *editBuilder) file(path, of string, edits []source.Edit) error {
	document := versionedDocument{URI: string(uri.File(path))}
	content, err := os.ReadFile(path)
	if held := b.w.open(path); held != nil {
		if err != nil || held.text != string(content) {
			return fmt.Errorf("%s has changes that are not saved", path)
		}
		document = versionedDocument{held.uri, &held.version}
	}
	switch {
	case errors.Is(err, os.ErrNotExist) && b.s.client.creates:
		b.out.DocumentChanges = append(b.out.DocumentChanges, createFile{Kind: "create", URI: document.URI, Annotation: b.mark})
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the fix creates %s, which this editor cannot do", path)
	case err != nil:
		return err
	case string(content) != of:
		return fmt.Errorf("%s has changed since the fix was made for it; ask for it again", path)
	}
	return b.add(document, string(content), source.NewLines(string(content)), edits)
}

func (b *editBuilder) add(document versionedDocument, content string, lines *source.Lines, edits []source.Edit) error {
	text, err := textEdits(content, lines, edits, b.s.client.encoding)
	if err != nil {
		return err
	}
	if !b.s.client.versions {
		b.out.Changes[document.URI] = text
		return nil
	}
	all := make([]any, 0, len(text))
	for _, e := range text {
		if b.mark != "" {
			all = append(all, annotatedEdit{e, b.mark})
		} else {
			all = append(all, e)
		}
	}
	b.out.DocumentChanges = append(b.out.DocumentChanges, textDocumentEdit{document, all})
	return nil
}

// textEdits says edits of content in lines and columns, none touching a byte
// that it keeps.
func textEdits(content string, lines *source.Lines, edits []source.Edit, enc source.Encoding) ([]protocol.TextEdit, error) {
	if _, err := source.Apply(content, edits); err != nil {
		return nil, err
	}
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b source.Edit) int {
		return cmp.Or(a.Span.Start-b.Span.Start, a.Span.End-b.Span.End)
	})
	var joined []source.Edit // edits that touch become one, so that no line end is cut by two
	for _, e := range sorted {
		if n := len(joined); n > 0 && joined[n-1].Span.End == e.Span.Start {
			joined[n-1].Span.End = e.Span.End
			joined[n-1].New += e.New
		} else {
			joined = append(joined, e)
		}
	}
	out := []protocol.TextEdit{}
	for _, e := range joined {
		e = wholeLineEnds(content, source.Minimal(content, e))
		if e.Span.Empty() && e.New == "" {
			continue
		}
		out = append(out, protocol.TextEdit{Range: rangeIn(lines, e.Span, enc), NewText: e.New})
	}
	return out, nil
}

// wholeLineEnds widens an edit that begins or ends between "\r" and "\n", a place
// that has no position.
func wholeLineEnds(content string, e source.Edit) source.Edit {
	inside := func(offset int) bool {
		return offset > 0 && offset < len(content) && content[offset-1] == '\r' && content[offset] == '\n'
	}
	if e.Span.Empty() && e.New == "" {
		return e
	}
	if inside(e.Span.End) {
		e.Span.End++
		e.New += "\n"
	}
	if inside(e.Span.Start) {
		e.Span.Start--
		e.New = "\r" + e.New
	}
	return e
}
