package lsp

import (
	"context"
	"runtime/debug"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// checkAll returns what the rules find, once Docker's checks have run too, which
// compiles the document. No edit may wait for it.
func (s *server) checkAll(ctx context.Context, d *snapshot) (*findings, error) {
	f, err := s.check(ctx, d)
	if err != nil {
		return nil, err
	}
	d.check2.Do(func() {
		go func() {
			defer close(d.checked)
			defer func() {
				if r := recover(); r != nil {
					s.log.Printf("%s: Docker's checks failed: %v\n%s", d.uri, r, debug.Stack())
				}
			}()
			switch {
			case len(s.checks) == 0 || f.silent || f.file == nil:
				return
			case f.refused: // a line half typed hides nothing of the others
				d.checks = d.carried
				return
			}
			s.compiles <- struct{}{}
			defer func() { <-s.compiles }()
			if s.overtaken(d) { // while it waited for another text's
				d.checks = d.carried
				return
			}
			defer s.tidyLater()
			in := f.input
			in.Earlier = s.earlier(d.uri) // as a rule of this very text
			report := analysis.Check(in, s.checks)
			for _, err := range report.Faults {
				s.log.Printf("%s: %v", d.uri, err)
			}
			d.checks = report.Diagnostics
		}()
	})
	select {
	case <-d.checked:
		return f, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// overtaken reports whether a document has a newer text, or is closed.
func (s *server) overtaken(d *snapshot) bool {
	s.state.Lock()
	defer s.state.Unlock()
	return s.work.docs[d.uri] != d
}

// complete reports whether Docker's checks have run.
func (d *snapshot) complete() bool { return closed(d.checked) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// known is what Docker's checks are known to find: in this text, or before they have
// run in an earlier one.
func (d *snapshot) known() []analysis.Diagnostic {
	if d.complete() {
		return d.checks
	}
	return d.carried
}

// named are the findings by the index that fixes name them with: those of the rules
// first, then those of Docker's checks once they have run.
func (d *snapshot) named() []analysis.Diagnostic {
	if !d.complete() {
		return d.findings.diagnostics
	}
	return slices.Concat(d.findings.diagnostics, d.checks)
}

// carry returns the findings of a text that stand in what another has unchanged,
// where they stand there, so that they do not come and go with each key. No fix of
// theirs is known to fit.
func carry(before, after string, found []analysis.Diagnostic) []analysis.Diagnostic {
	if len(found) == 0 {
		return nil
	}
	head, tail := source.Common(before, after)
	move := func(s *source.Span) bool {
		switch {
		case s.End <= head:
		case s.Start >= len(before)-tail:
			s.Start += len(after) - len(before)
			s.End += len(after) - len(before)
		default:
			return false
		}
		return true
	}
	var out []analysis.Diagnostic
	for _, d := range found {
		if d.Fixes = nil; !move(&d.Span) {
			continue
		}
		var related []analysis.Related
		for _, r := range d.Related {
			if move(&r.Span) {
				related = append(related, r)
			}
		}
		d.Related = related
		out = append(out, d)
	}
	return out
}

// inform returns the findings with those of Docker's checks for one who asks by hand;
// an editor that asks by itself, at each move of the cursor, gets what there is.
func (s *server) inform(ctx context.Context, d *snapshot, automatic bool) (*findings, error) {
	if automatic {
		return s.check(ctx, d)
	}
	return s.checkAll(ctx, d)
}
