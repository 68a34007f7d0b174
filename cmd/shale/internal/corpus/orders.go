package main

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/validate"
)

// An order of fixes is a walk as someone takes it in an editor: one safe fix at a time,
// whichever comes to hand, each offered for the text that the one before it left.

// mostSteps ends a walk that finds no rest: by so many fixes for each that the file had
// to begin with.
const mostSteps = 8

// offered is a fix as a code action has it.
type offered struct {
	rule string
	fix  analysis.Fix
}

// name tells a fix from others of its text.
func (o offered) name() string { return o.rule + ": " + o.fix.Title }

// safeFixes lists what an editor would offer, the alternatives too.
func safeFixes(r *analysis.Report) []offered {
	var out []offered
	for _, d := range r.Diagnostics {
		for _, f := range d.Fixes {
			if f.Safety == analysis.Safe {
				out = append(out, offered{d.Rule, f})
			}
		}
	}
	return out
}

// inOrders takes the walks through a file that has fixes enough for them to differ.
func (t *trial) inOrders(in analysis.Input, report *analysis.Report) {
	if t.orders == 0 || len(safeFixes(report)) < 2 {
		return
	}
	t.walked = true
	h := fnv.New64a()
	h.Write([]byte(in.Content))
	random := rand.New(rand.NewPCG(t.seed, h.Sum64()))
	for range t.orders {
		t.walk(in, report, random)
	}
}

// walk makes one fix after the other until none is left, and holds each to its promise.
func (t *trial) walk(in analysis.Input, report *analysis.Report, random *rand.Rand) {
	first, seen := in.Content, map[string]bool{in.Content: true}
	var made []string
	for most := mostSteps * len(safeFixes(report)); ; {
		after, by, ok := t.step(in, safeFixes(report), random, made)
		if !ok {
			break
		}
		made = append(made, by)
		t.steps++
		if seen[after] || len(made) > most {
			t.blame("finds no rest", "%s", strings.Join(made, ", then "))
			return
		}
		seen[after] = true
		in.Content = after
		report = analysis.Check(in, t.rules)
		if problems := report.File.Doc.Problems; len(problems) > 0 {
			t.blame("does not compile", "%s (%s)", problems[0].Message, strings.Join(made, ", then "))
			return
		}
	}
	t.after("one by one", analysis.Safe, first, in.Content, made)
}

// step makes one fix of a text, the first at random that the validator lets pass. It is
// not ok where there is none.
func (t *trial) step(in analysis.Input, fixes []offered, random *rand.Rand, made []string) (after, by string, ok bool) {
	for _, i := range random.Perm(len(fixes)) {
		var rejection *validate.Rejection
		f := fixes[i]
		err := rewrite.ValidateFix(t.ctx, in, f.fix, rewrite.Validator{})
		switch {
		case errors.As(err, &rejection):
			if len(made) > 0 && !t.refusals[f.name()] { // else it is told where each is made alone
				t.blame("rejected later", "%s: %v (after %s)", f.name(), err, strings.Join(made, ", then "))
			}
			t.refusals[f.name()] = true
			continue
		case err != nil:
			t.blame("not judged", "%s: %v", f.name(), err)
			continue
		}
		edits := make([]source.Edit, 0, len(f.fix.Edits))
		for _, e := range f.fix.Edits {
			edits = append(edits, e.Edit)
		}
		if after, err = source.Apply(in.Content, edits); err != nil {
			t.blame("rejected later", "%s: %v", f.name(), err)
			continue
		}
		return after, f.name(), true
	}
	return "", "", false
}
