package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/validate"
)

// A fixKey names a fix within a snapshot's findings, or within what the rules would
// find if they were asked for more.
type fixKey struct {
	Finding int  `json:"finding"`
	Fix     int  `json:"fix"`
	Rewrite bool `json:"rewrite,omitempty"`
}

// actionData travels with a code action whose edit the client asks for later.
type actionData struct {
	URI    string  `json:"uri"`
	Serial uint64  `json:"serial"`          // of the text that the action was offered on
	Fix    *fixKey `json:"fix"`             // nil: all safe fixes
	Rule   string  `json:"rule,omitempty"`  // with no Fix: of this rule alone
	At     int     `json:"at,omitempty"`    // with a Fix: where its finding starts
	Title  string  `json:"title,omitempty"` // and what it says it does
}

// codeAction offers the fixes of the findings that a range touches, ways to silence
// them, what else could be rewritten there, and all safe fixes at once. A client that
// asks for edits later gets them validated later.
func (s *server) codeAction(ctx context.Context, w *workspace, p *codeActionParams) (any, error) {
	actions := []codeAction{}
	doc, ok := w.docs[p.TextDocument.URI]
	if !ok {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s is not open", p.TextDocument.URI)
	}
	f, err := s.inform(ctx, doc, p.Context.TriggerKind == automatic)
	if err != nil {
		return nil, err
	}
	if f.refused || f.file == nil || f.config != nil {
		return actions, nil
	}
	if !s.client.lazyEdits && len(p.WorkDoneToken) > 0 { // each fix is validated now
		var t *task
		ctx, t = s.begin(ctx, p.WorkDoneToken, "Validating fixes")
		defer t.end("")
	}
	at := spanIn(doc.lines, p.Range, s.client.encoding)
	all := doc.named()
	var touched []int
	for i := range all {
		if d := &all[i]; d.Span.Start <= at.End && at.Start <= d.Span.End {
			touched = append(touched, i)
		}
	}
	for _, offer := range []struct {
		kind protocol.CodeActionKind
		make func() ([]codeAction, error)
	}{
		{protocol.QuickFix, func() ([]codeAction, error) { return s.fixesOf(ctx, w, doc, f, all, touched) }},
		{quickFixRule, func() ([]codeAction, error) { return s.fixRules(ctx, w, doc, f, all, touched) }},
		{quickFixIgnore, func() ([]codeAction, error) { return s.silencers(w, doc, f, all, touched) }},
		{refactorRewrite, func() ([]codeAction, error) { return s.rewrites(ctx, w, doc, f, at, p) }},
	} {
		if wants(p.Context.Only, offer.kind) {
			more, err := offer.make()
			if err != nil {
				return nil, err
			}
			actions = append(actions, more...)
		}
	}
	if wants(p.Context.Only, sourceFixAll) && fixable(all) {
		action := codeAction{Title: "Fix everything that Shale can fix safely", Kind: sourceFixAll}
		if s.client.lazyEdits {
			action.Data = &actionData{URI: doc.uri, Serial: doc.serial}
		} else if action.Edit, err = s.fixAll(ctx, w, doc, f, ""); err != nil {
			return nil, err
		}
		if action.Data != nil || action.Edit != nil {
			actions = append(actions, action)
		}
	}
	return actions, nil
}

// wants reports whether the client asked for a kind. Kinds are hierarchical: who
// asks for "source" gets "source.fixAll.shale" too.
func wants(only []protocol.CodeActionKind, kind protocol.CodeActionKind) bool {
	for _, o := range only {
		if o == "" || o == kind || strings.HasPrefix(string(kind), string(o)+".") {
			return true
		}
	}
	return len(only) == 0
}

func fixable(all []analysis.Diagnostic) bool {
	return slices.ContainsFunc(all, func(d analysis.Diagnostic) bool {
		return slices.ContainsFunc(d.Fixes, func(f analysis.Fix) bool { return f.Safety == analysis.Safe })
	})
}

func (s *server) fixesOf(ctx context.Context, w *workspace, doc *snapshot, f *findings, all []analysis.Diagnostic, touched []int) ([]codeAction, error) {
	var out []codeAction
	for _, i := range touched {
		fixes, err := s.quickFixes(ctx, w, doc, f, &all[i], i)
		if err != nil {
			return nil, err
		}
		out = append(out, fixes...)
	}
	return out, nil
}

func (s *server) quickFixes(ctx context.Context, w *workspace, doc *snapshot, f *findings, d *analysis.Diagnostic, finding int) ([]codeAction, error) {
	var out []codeAction
	preferred := false
	for i := range d.Fixes {
		action := codeAction{Title: d.Fixes[i].Title, Kind: protocol.QuickFix, Diagnostics: []protocol.Diagnostic{s.diagnostic(doc, d)}}
		ok, err := s.offer(ctx, w, doc, f, fixKey{Finding: finding, Fix: i}, &action)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if d.Fixes[i].Safety == analysis.Safe && !preferred {
			action.IsPreferred, preferred = true, true
		}
		out = append(out, action)
	}
	return out, nil
}

// offer adds a fix's edit to an action, or what is needed to make it later. It is
// not ok for a fix that cannot be made.
func (s *server) offer(ctx context.Context, w *workspace, doc *snapshot, f *findings, key fixKey, action *codeAction) (bool, error) {
	switch {
	case !doc.offers(doc.fix(key)):
		return false, nil
	case s.client.lazyEdits:
		action.Data = &actionData{URI: doc.uri, Serial: doc.serial, Fix: &key, At: doc.of(key).Span.Start, Title: doc.fix(key).Title}
		return !doc.rejected(key), nil
	}
	edit, err := s.fixEdit(ctx, w, doc, f, key)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	action.Edit = edit
	return err == nil, nil // an error is logged where the fix was held back
}

// offers reports whether a fix is one to offer, if it can be made.
func (d *snapshot) offers(fix *analysis.Fix) bool {
	return fix != nil && fix.Safety != analysis.Display && len(fix.Edits) > 0 && (fix.Safety == analysis.Safe || d.near.Unsafe)
}

// of returns the finding that a key names, or nil.
func (d *snapshot) of(key fixKey) *analysis.Diagnostic {
	all := d.named()
	if key.Rewrite {
		all = d.findings.more
	}
	if key.Finding < 0 || key.Finding >= len(all) {
		return nil
	}
	return &all[key.Finding]
}

func (d *snapshot) fix(key fixKey) *analysis.Fix {
	found := d.of(key)
	if found == nil || key.Fix < 0 || key.Fix >= len(found.Fixes) {
		return nil
	}
	return &found.Fixes[key.Fix]
}

// resolveCodeAction adds the edit to an action that was offered without one. All
// else in the action comes back as the client sent it.
func (s *server) resolveCodeAction(ctx context.Context, w *workspace, p *map[string]json.RawMessage) (any, error) {
	var data actionData
	if raw, ok := (*p)["data"]; !ok {
		return *p, nil // it had its edit from the start
	} else if err := json.Unmarshal(raw, &data); err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "the code action's data is not Shale's: %v", err)
	}
	changed := jsonrpc2.NewError(protocol.CodeContentModified, "the document changed after the fix was offered")
	doc, ok := w.docs[data.URI]
	if !ok || doc.serial != data.Serial {
		return nil, changed
	}
	f, err := s.checkAll(ctx, doc)
	if err != nil {
		return nil, err
	}
	var edit *workspaceEdit
	if data.Fix == nil {
		edit, err = s.fixAll(ctx, w, doc, f, data.Rule)
	} else {
		if data.Fix.Rewrite {
			s.askMore(doc, f)
		}
		// The same text may have been looked at again, and other things be found in it.
		if fix := doc.fix(*data.Fix); fix != nil && (fix.Title != data.Title || doc.of(*data.Fix).Span.Start != data.At) {
			return nil, changed
		}
		edit, err = s.fixEdit(ctx, w, doc, f, *data.Fix)
	}
	if err != nil {
		return nil, jsonrpc2.NewError(codeRequestFailed, err.Error())
	}
	if edit == nil {
		edit = &workspaceEdit{}
	}
	if (*p)["edit"], err = json.Marshal(edit); err != nil {
		return nil, err
	}
	return *p, nil
}

// rejected reports whether the fix is known to be wrong.
func (d *snapshot) rejected(key fixKey) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.verdicts[key] != nil
}

func newProver(f *findings) *rewrite.Prover {
	return rewrite.NewProver(f.input, compile.Of(syntax.Parse(f.input.Content)), rewrite.Validator{})
}

// validate asks the validator once per fix and snapshot, by a prover of the request's own
// if there is one. A request that was cancelled meanwhile leaves no verdict.
func (s *server) validate(ctx context.Context, doc *snapshot, f *findings, key fixKey, prover *rewrite.Prover) error {
	doc.mu.Lock()
	err, known := doc.verdicts[key]
	doc.mu.Unlock()
	if known {
		return err
	}
	if prover == nil {
		prover = newProver(f)
	}
	fix := doc.fix(key)
	err = prover.Validate(ctx, *fix)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	doc.mu.Lock()
	doc.verdicts[key] = err
	doc.mu.Unlock()
	if rejection := (*validate.Rejection)(nil); errors.As(err, &rejection) && !rejection.Before {
		s.heldBack(doc, doc.of(key).Rule, fix.Title, err.Error())
	} else if err != nil {
		s.log.Printf("%s: the fix %q could not be judged: %v", doc.uri, fix.Title, err)
	}
	return err
}

// heldBack tells of a fix that the validator did not let pass.
func (s *server) heldBack(doc *snapshot, rule, title, why string) {
	message := fmt.Sprintf("%s: a fix of %s was held back (%q): %s", doc.uri, rule, title, why)
	s.log.Print(message)
	s.tell(protocol.MessageTypeInfo, message)
}

// fixEdit returns the edit of one fix, validated.
func (s *server) fixEdit(ctx context.Context, w *workspace, doc *snapshot, f *findings, key fixKey) (*workspaceEdit, error) {
	fix := doc.fix(key)
	if fix == nil {
		return nil, fmt.Errorf("the document has no such fix")
	}
	if err := s.validate(ctx, doc, f, key, nil); err != nil {
		return nil, fmt.Errorf("the fix was held back: %w", err)
	}
	return s.workspaceEdit(w, doc, fix.Edits)
}
