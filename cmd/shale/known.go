package main

import (
	"cmp"
	"maps"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite"
)

// knower tells which findings of a file were there before, by fingerprint: only
// the others are reported and mended.
type knower interface {
	known(in analysis.Input, shown string) (map[string]bool, error)
}

// knowers are what --baseline and --new-from name.
func (s *session) knowers(sel *selection) error {
	if sel.baseline != "" {
		b, err := readBaseline(sel.baseline)
		if err != nil {
			return err
		}
		s.known = append(s.known, b)
	}
	if sel.newFrom != "" {
		s.known = append(s.known, newHistory(s.ctx, sel.newFrom, s.chosen))
	}
	return nil
}

// fresh leaves out the findings that were there before.
func (s *session) fresh(in analysis.Input, shown string, ds []analysis.Diagnostic) ([]analysis.Diagnostic, error) {
	if len(s.known) == 0 || len(ds) == 0 {
		return ds, nil
	}
	before := map[string]bool{}
	for _, k := range s.known {
		known, err := k.known(in, shown)
		if err != nil {
			return nil, err
		}
		maps.Copy(before, known)
	}
	var left []analysis.Diagnostic
	for i, name := range report.Fingerprints(in.Content, ds) {
		if !before[name] {
			left = append(left, ds[i])
		}
	}
	return left, nil
}

// A place is a finding as the planner knows it.
type place struct {
	rule string
	span source.Span
}

// pick chooses the fixes of findings that were not there before, and of those
// that only another fix brings to light; nil chooses all.
func (s *session) pick(in analysis.Input, shown string) (func(rewrite.Candidate) bool, error) {
	if len(s.known) == 0 {
		return nil, nil
	}
	old := map[place]bool{}
	all := analysis.Check(in, s.chosen).Diagnostics
	for _, d := range all {
		old[place{d.Rule, d.Span}] = true
	}
	fresh, err := s.fresh(in, shown, all)
	for _, d := range fresh {
		delete(old, place{d.Rule, d.Span})
	}
	return func(c rewrite.Candidate) bool { return !old[place{c.Rule, c.Span}] }, err
}

// onDisk is where a file lies, or would lie.
func onDisk(in analysis.Input, shown string) string { return cmp.Or(in.Path, shown) }
