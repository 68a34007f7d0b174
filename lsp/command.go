package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite"
)

type executeParams struct {
	Command       string            `json:"command"`
	Arguments     []json.RawMessage `json:"arguments"`
	WorkDoneToken json.RawMessage   `json:"workDoneToken"`
}

// argument reads the first argument, if there is one.
func (p *executeParams) argument(to any) error {
	if len(p.Arguments) == 0 || string(p.Arguments[0]) == "null" {
		return nil
	}
	if err := json.Unmarshal(p.Arguments[0], to); err != nil {
		return jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s: the argument cannot be read: %v", p.Command, err)
	}
	return nil
}

// commands are what a client may run by name.
var commands = map[string]func(*server, context.Context, *workspace, *executeParams) (any, error){
	"shale.fixFile":      (*server).fixFile,
	"shale.fixWorkspace": (*server).fixWorkspace,
	"shale.showRule":     (*server).showRule,
}

func commandNames() []string { return slices.Sorted(maps.Keys(commands)) }

func (s *server) execute(ctx context.Context, w *workspace, p *executeParams) (any, error) {
	f, ok := commands[p.Command]
	if !ok {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "there is no command %q; there are %s", p.Command, strings.Join(commandNames(), ", "))
	}
	return f(s, ctx, w, p)
}

// fixed tells what came of a command that fixes.
type fixed struct {
	Applied bool     `json:"applied"`
	Files   int      `json:"files"` // that the edit changes
	Fixes   int      `json:"fixes"`
	Left    []string `json:"left,omitempty"` // files that were left as they are, and why
}

// fixFile makes every safe fix in an open document: its argument is the URI.
func (s *server) fixFile(ctx context.Context, w *workspace, p *executeParams) (any, error) {
	var name string
	if err := p.argument(&name); err != nil {
		return nil, err
	}
	doc, ok := w.docs[name]
	if !ok || !doc.dockerfile() {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%q is no Dockerfile that is open", name)
	}
	return s.fixTargets(ctx, w, p, []fixTarget{{doc.path, doc}}, false)
}

// fixWorkspace makes every safe fix in the Dockerfiles of the client's folders. Where
// the client can, it shows the edits first; the argument {"preview": false} makes them
// at once.
func (s *server) fixWorkspace(ctx context.Context, w *workspace, p *executeParams) (any, error) {
	o := struct {
		Preview bool `json:"preview"`
	}{true}
	if err := p.argument(&o); err != nil {
		return nil, err
	}
	var targets []fixTarget
	for _, path := range w.dockerfiles() {
		targets = append(targets, fixTarget{path, w.open(path)})
	}
	for _, doc := range w.sorted() {
		if doc.dockerfile() && !w.excluded(doc.path) && !slices.ContainsFunc(targets, func(t fixTarget) bool { return t.doc == doc }) {
			targets = append(targets, fixTarget{doc.path, doc})
		}
	}
	return s.fixTargets(ctx, w, p, targets, o.Preview && s.client.annotates)
}

// dockerfiles are those in the client's folders that the configuration and the settings
// leave in.
func (w *workspace) dockerfiles() (paths []string) {
	folders := w.paths()
	if len(folders) == 0 {
		return nil
	}
	for _, f := range discover.Find(folders, discover.Options{Excluded: w.excluded}).Files {
		if w.around(f.Path).Enable {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// excluded reports whether the configuration leaves a file or folder out. A broken one
// is told when a file below it is worked on.
func (w *workspace) excluded(path string) bool {
	if path == "" {
		return false
	}
	c, err := w.around(path).configFor(path)
	return err == nil && c.Excluded(path)
}

// A fixTarget is a Dockerfile on disk, or open, or both.
type fixTarget struct {
	path string
	doc  *snapshot
}

func (s *server) fixTargets(ctx context.Context, w *workspace, p *executeParams, targets []fixTarget, preview bool) (_ any, err error) {
	ctx, t := s.begin(ctx, p.WorkDoneToken, "Fixing Dockerfiles")
	var out fixed
	defer func() {
		switch {
		case err != nil:
			t.end("")
		case out.Files > 0 && !out.Applied:
			t.end("nothing was changed")
		default:
			t.end(fmt.Sprintf("%s in %s", count(out.Fixes, "fix"), count(out.Files, "file")))
		}
	}()
	b := s.startEdit(w)
	if preview {
		b.out.Annotations = map[string]changeAnnotation{}
	}
	for i, target := range targets {
		t.step(i, len(targets), shortPath(w, target))
		result, err := s.fixOne(ctx, w, target)
		switch {
		case ctx.Err() != nil:
			return nil, jsonrpc2.NewError(protocol.CodeRequestCancelled, "the fixes were called off")
		case err == nil:
			err = s.collect(b, w, target, result, preview)
		}
		if err != nil {
			why := shortPath(w, target) + ": " + err.Error()
			s.log.Print(why)
			out.Left = append(out.Left, why)
			continue
		}
		if result.Before != result.After {
			out.Files++
		}
		out.Fixes += len(result.Applied)
	}
	if out.Files == 0 {
		return out, nil
	}
	var answer struct {
		Applied bool   `json:"applied"`
		Why     string `json:"failureReason"`
	}
	edit := map[string]any{"label": "Shale: fix everything that can be fixed safely", "edit": b.out}
	if err := s.ask(ctx, protocol.MethodWorkspaceApplyEdit, edit, &answer); err != nil {
		return nil, jsonrpc2.Errorf(codeRequestFailed, "the editor did not take the edit: %v", err)
	}
	if out.Applied = answer.Applied; !answer.Applied && answer.Why != "" {
		return nil, jsonrpc2.Errorf(codeRequestFailed, "the editor did not make the edit: %s", answer.Why)
	}
	return out, nil
}

// fixOne plans the safe fixes of one Dockerfile.
func (s *server) fixOne(ctx context.Context, w *workspace, t fixTarget) (*rewrite.Result, error) {
	var text string
	if t.doc != nil {
		text = t.doc.text
	} else {
		content, err := os.ReadFile(t.path)
		if err != nil {
			return nil, reason(err)
		}
		text = string(content)
	}
	in, err := s.input(w.around(t.path), t.path, text)
	if err != nil {
		return nil, err
	}
	result, err := rewrite.Fix(ctx, in, rewrite.Options{Rules: s.opts.Rules, Safety: analysis.Safe})
	if err != nil {
		return nil, err
	}
	for _, r := range result.Rejected {
		s.log.Printf("%s: a fix of %s was held back (%q): %s", t.path, r.Rule, r.Title, r.Reason)
	}
	return result, nil
}

// collect adds what becomes of one Dockerfile to the edit.
func (s *server) collect(b *editBuilder, w *workspace, t fixTarget, r *rewrite.Result, preview bool) error {
	if r.Before == r.After {
		return nil
	}
	if preview {
		b.mark = fmt.Sprintf("shale/%d", len(b.out.Annotations)+1)
		var titles []string
		for _, a := range r.Applied {
			titles = append(titles, fmt.Sprintf("line %d: %s", a.Line, a.Title))
		}
		b.out.Annotations[b.mark] = changeAnnotation{
			Label: "Shale: " + shortPath(w, t), NeedsConfirmation: true, Description: strings.Join(titles, "\n"),
		}
	}
	edits := differences(r.Before, r.After)
	if t.doc != nil {
		return b.document(t.doc, edits)
	}
	return b.add(versionedDocument{URI: string(uri.File(t.path))}, r.Before, source.NewLines(r.Before), edits)
}

// shortPath names a Dockerfile below the client's folder.
func shortPath(w *workspace, t fixTarget) string {
	if t.path == "" {
		return t.doc.uri
	}
	for _, a := range w.folders {
		if rel, err := filepath.Rel(a.folder, t.path); err == nil && inFolder(t.path, a.folder) {
			return filepath.ToSlash(rel)
		}
	}
	return t.path
}

// reason is an error without the call and the path, which are said elsewhere.
func reason(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// shownRule is a rule for a client that shows it itself.
type shownRule struct {
	Name     string `json:"name"`
	URL      string `json:"url,omitempty"`
	Markdown string `json:"markdown"`
}

// showRule opens a rule's page, where the client can, and returns what stands on it.
// Its argument is the name of the rule, or a code of another tool that it stands for.
func (s *server) showRule(ctx context.Context, _ *workspace, p *executeParams) (any, error) {
	var name string
	if err := p.argument(&name); err != nil {
		return nil, err
	}
	rule := s.rule(name)
	if rule == nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "there is no rule %q", name)
	}
	out := shownRule{Name: rule.Name, Markdown: page(rule)}
	if s.opts.DocURL != nil {
		out.URL = s.opts.DocURL(rule.Name)
	}
	if out.URL != "" && s.client.shows {
		if err := s.ask(ctx, protocol.MethodShowDocument, map[string]any{"uri": out.URL, "external": true}, nil); err != nil {
			s.log.Printf("%s was not shown: %v", out.URL, err)
		}
	}
	return out, nil
}

// page is what a rule says of itself.
func page(r *analysis.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n", r.Name, strings.ToUpper(r.Doc.Summary[:min(1, len(r.Doc.Summary))])+r.Doc.Summary[min(1, len(r.Doc.Summary)):])
	for _, s := range r.Doc.Sections() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.Title, s.Text)
	}
	return b.String()
}
