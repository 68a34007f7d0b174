package lsp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
)

// fixRules offers to mend all findings of a rule at once, where there are several
// with a safe fix.
func (s *server) fixRules(ctx context.Context, w *workspace, doc *snapshot, f *findings, all []analysis.Diagnostic, touched []int) ([]codeAction, error) {
	var out []codeAction
	var done []string
	for _, i := range touched {
		rule := all[i].Rule
		if slices.Contains(done, rule) {
			continue
		}
		done = append(done, rule)
		var mended []protocol.Diagnostic
		for j := range all {
			if d := &all[j]; d.Rule == rule && fixable(all[j:j+1]) {
				mended = append(mended, s.diagnostic(doc, d))
			}
		}
		if len(mended) < 2 {
			continue
		}
		action := codeAction{Title: fmt.Sprintf("Fix all of %s that can be fixed safely", rule), Kind: quickFixRule, Diagnostics: mended}
		if s.client.lazyEdits {
			action.Data = &actionData{URI: doc.uri, Serial: doc.serial, Rule: rule}
		} else {
			edit, err := s.fixAll(ctx, w, doc, f, rule)
			if err != nil {
				return nil, err
			}
			if edit == nil {
				continue
			}
			action.Edit = edit
		}
		out = append(out, action)
	}
	return out, nil
}

// silencers offers the comments that silence a finding: above its instruction, and
// for the whole file.
func (s *server) silencers(w *workspace, doc *snapshot, f *findings, all []analysis.Diagnostic, touched []int) ([]codeAction, error) {
	var out []codeAction
	var done []string
	for _, i := range touched {
		d := &all[i]
		in := f.file.Doc.At(d.Span.Start)
		if d.Rule == analysis.SyntaxRule || in == nil {
			continue
		}
		add := func(title string, e source.Edit) error {
			if slices.Contains(done, title) {
				return nil
			}
			done = append(done, title)
			edit, err := s.workspaceEdit(w, doc, []analysis.Edit{{Edit: e}})
			if err == nil {
				out = append(out, codeAction{Title: title, Kind: quickFixIgnore, Diagnostics: []protocol.Diagnostic{s.diagnostic(doc, d)}, Edit: edit})
			}
			return err
		}
		here := silence(f.file.Doc, in, "ignore", d.Rule)
		if err := add(fmt.Sprintf("Ignore %s here, on line %d", d.Rule, f.file.Doc.Lines.Line(in.Keyword.Start)+1), here); err != nil {
			return nil, err
		}
		everywhere := silence(f.file.Doc, f.file.Doc.Instructions[0], "ignore-file", d.Rule)
		if err := add(fmt.Sprintf("Ignore %s in this file", d.Rule), everywhere); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// silence is the edit that names a rule in a comment above an instruction: in one
// that is there, or in a new one.
func silence(doc *syntax.Document, in *syntax.Instruction, key, rule string) source.Edit {
	for _, c := range in.Lead {
		names, _ := analysis.IgnoreComment(c.Text)
		head, rest, ok := strings.Cut(c.Text, "=")
		tool, _ := strings.CutPrefix(head, "shale")
		if !ok || len(names) == 0 || !strings.HasPrefix(head, "shale") || strings.Trim(tool, ": ") != key {
			continue
		}
		// "# shale ignore=a,b why": the new name goes behind the last one, before
		// the remark.
		text := c.Span.In(doc.Content)
		last := names[len(names)-1]
		at := strings.LastIndex(text[:len(text)-len(rest)+lastName(rest, names)], last) + len(last)
		return source.Insert(c.Span.Start+at, ","+rule)
	}
	at := in.Lines.Start
	if key == "ignore-file" && len(in.Lead) > 0 {
		at = doc.Lines.Full(doc.Lines.Line(in.Lead[0].Span.Start)).Start
	}
	indent := ""
	if key == "ignore" {
		indent = source.Span{Start: in.Lines.Start, End: in.Keyword.Start}.In(doc.Content)
	}
	return source.Insert(at, indent+"# shale "+key+"="+rule+doc.LineEnd())
}

// lastName is where the last of some names ends in a list of them.
func lastName(list string, names []string) int {
	at := 0
	for _, name := range names {
		at += strings.Index(list[at:], name) + len(name)
	}
	return at
}

// mostAsked bounds how often one list of rewrites asks the validator.
const mostAsked = 20

// rewrites offers what rules could do at a place if they were asked for all they
// can: with their other settings, and with those that are off by default. It is for
// who asks, not for each move of the cursor, so that the validator is asked at once: it
// refuses more of these than of what a rule proposes by itself.
func (s *server) rewrites(ctx context.Context, w *workspace, doc *snapshot, f *findings, at source.Span, p *codeActionParams) ([]codeAction, error) {
	if p.Context.TriggerKind == automatic && len(p.Context.Only) == 0 {
		return nil, nil
	}
	s.askMore(doc, f)
	prover := sync.OnceValue(func() *rewrite.Prover { return newProver(f) })
	var out []codeAction
	asked := 0
	for i := range f.more {
		d := &f.more[i]
		if d.Span.Start > at.End || at.Start > d.Span.End {
			continue
		}
		for j := range d.Fixes {
			if slices.ContainsFunc(out, func(a codeAction) bool { return a.Title == d.Fixes[j].Title }) {
				continue
			}
			action := codeAction{Title: d.Fixes[j].Title, Kind: refactorRewrite}
			key := fixKey{Finding: i, Fix: j, Rewrite: true}
			if doc.offers(&d.Fixes[j]) {
				if asked++; asked > mostAsked {
					return out, nil
				}
				_ = s.validate(ctx, doc, f, key, prover()) // whose word stands from now on
			}
			ok, err := s.offer(ctx, w, doc, f, key, &action)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, action)
			}
		}
	}
	return out, nil
}

// askMore runs the rules with the settings that are not in force, once a snapshot.
func (s *server) askMore(doc *snapshot, f *findings) {
	f.asked.Do(func() {
		variants := variants(s.quick, f.input.Config)
		if len(variants) == 0 || f.file == nil || f.input.Config.Excluded(doc.path) {
			return
		}
		s.slots <- struct{}{}
		defer func() { <-s.slots }()
		report := analysis.Check(f.input, variants)
		for _, err := range report.Faults {
			s.log.Printf("%s: %v", doc.uri, err)
		}
		for _, d := range report.Diagnostics {
			if d.Rule != analysis.SyntaxRule && !slices.ContainsFunc(f.diagnostics, func(o analysis.Diagnostic) bool { return o.Rule == d.Rule && o.Span == d.Span }) {
				f.more = append(f.more, d)
			}
		}
	})
}

// variants are the rules with each setting that is not in force. One that the user
// chose stands.
func variants(rules []*analysis.Rule, c *config.Config) []*analysis.Rule {
	var out []*analysis.Rule
	for _, r := range rules {
		if r.Severity == analysis.Off {
			on := *r
			on.Severity = analysis.Info
			out = append(out, &on)
		}
		for i, o := range r.Options {
			if _, chosen := c.Option(r.Name, o.Name); chosen {
				continue
			}
			for _, value := range o.Values {
				if value == o.Default {
					continue
				}
				other := *r
				other.Options = slices.Clone(r.Options)
				other.Options[i].Default = value
				out = append(out, &other)
			}
		}
	}
	return out
}
