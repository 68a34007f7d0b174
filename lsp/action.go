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
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/validate"
)

// A fixKey names a fix within a snapshot's findings.
type fixKey struct {
	Finding int `json:"finding"`
	Fix     int `json:"fix"`
}

// actionData travels with a code action whose edit the client asks for later.
type actionData struct {
	URI    string  `json:"uri"`
	Serial uint64  `json:"serial"` // of the snapshot that the action was offered on
	Fix    *fixKey `json:"fix"`    // nil: all safe fixes
}

// codeAction offers the fixes of the findings that a range touches, and all safe
// fixes at once. A client that asks for edits later gets them validated later.
func (s *server) codeAction(ctx context.Context, w *workspace, p *codeActionParams) (any, error) {
	actions := []codeAction{}
	doc, ok := w.docs[p.TextDocument.URI]
	if !ok {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%s is not open", p.TextDocument.URI)
	}
	f, err := s.check(ctx, doc)
	if err != nil {
		return nil, err
	}
	if f.refused {
		return actions, nil
	}
	if wants(p.Context.Only, protocol.QuickFix) {
		at := source.Span{
			Start: doc.lines.Offset(position(p.Range.Start), s.client.encoding),
			End:   doc.lines.Offset(position(p.Range.End), s.client.encoding),
		}
		for i := range f.diagnostics {
			d := &f.diagnostics[i]
			if d.Span.Start <= at.End && at.Start <= d.Span.End {
				fixes, err := s.quickFixes(ctx, w, doc, f, i)
				if err != nil {
					return nil, err
				}
				actions = append(actions, fixes...)
			}
		}
	}
	if wants(p.Context.Only, sourceFixAll) && fixable(f.diagnostics) {
		all := codeAction{Title: "Fix everything that Shale can fix safely", Kind: sourceFixAll}
		if s.client.lazyEdits {
			all.Data = &actionData{URI: doc.uri, Serial: doc.serial}
		} else if all.Edit, err = s.fixAll(ctx, w, doc, f); err != nil {
			return nil, err
		}
		if all.Data != nil || all.Edit != nil {
			actions = append(actions, all)
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

func (s *server) quickFixes(ctx context.Context, w *workspace, doc *snapshot, f *findings, finding int) ([]codeAction, error) {
	var out []codeAction
	d := &f.diagnostics[finding]
	preferred := false
	for i := range d.Fixes {
		fix := &d.Fixes[i]
		if fix.Safety == analysis.Display || len(fix.Edits) == 0 {
			continue
		}
		key := fixKey{finding, i}
		action := codeAction{Title: fix.Title, Kind: protocol.QuickFix, Diagnostics: []protocol.Diagnostic{s.diagnostic(doc, d)}}
		if s.client.lazyEdits {
			if doc.rejected(key) {
				continue
			}
			action.Data = &actionData{URI: doc.uri, Serial: doc.serial, Fix: &key}
		} else {
			edit, err := s.fixEdit(ctx, w, doc, f, key)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				continue // logged where it was held back
			}
			action.Edit = edit
		}
		if fix.Safety == analysis.Safe && !preferred {
			action.IsPreferred, preferred = true, true
		}
		out = append(out, action)
	}
	return out, nil
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
	doc, ok := w.docs[data.URI]
	if !ok || doc.serial != data.Serial {
		return nil, jsonrpc2.NewError(protocol.CodeContentModified, "the document changed after the fix was offered")
	}
	f, err := s.check(ctx, doc)
	if err != nil {
		return nil, err
	}
	var edit *workspaceEdit
	if data.Fix == nil {
		edit, err = s.fixAll(ctx, w, doc, f)
	} else {
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

// validate asks the validator once per fix and snapshot. A request that was
// cancelled meanwhile leaves no verdict.
func (s *server) validate(ctx context.Context, doc *snapshot, f *findings, key fixKey) error {
	doc.mu.Lock()
	err, known := doc.verdicts[key]
	doc.mu.Unlock()
	if known {
		return err
	}
	fix := f.diagnostics[key.Finding].Fixes[key.Fix]
	err = rewrite.ValidateFix(ctx, f.input, fix, rewrite.Validator{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	doc.mu.Lock()
	doc.verdicts[key] = err
	doc.mu.Unlock()
	if rejection := (*validate.Rejection)(nil); errors.As(err, &rejection) && !rejection.Before {
		s.heldBack(doc, f.diagnostics[key.Finding].Rule, fix.Title, err.Error())
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
	if key.Finding < 0 || key.Finding >= len(f.diagnostics) || key.Fix < 0 || key.Fix >= len(f.diagnostics[key.Finding].Fixes) {
		return nil, fmt.Errorf("the document has no such fix")
	}
	if err := s.validate(ctx, doc, f, key); err != nil {
		return nil, fmt.Errorf("the fix was held back: %w", err)
	}
	return s.workspaceEdit(w, doc, f.diagnostics[key.Finding].Fixes[key.Fix].Edits)
}
