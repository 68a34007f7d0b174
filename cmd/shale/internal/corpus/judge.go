package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/validate"
)

// The kinds of fixes that are made of a file.
const (
	safely   = "safe"
	unsafely = "unsafe"
)

// A verdict is what came of one file.
type verdict struct {
	path        string
	refused     bool           // BuildKit does not read it
	untouchable bool           // no fix may be made
	findings    map[string]int // by rule
	made        map[string]map[string]int
	rejected    []string // rules whose fixes the planner found wrong
	wrong       []wrong
	took        time.Duration // to fix it
	walked      bool          // its fixes were made in random orders
	steps       int           // that these took
}

// wrong is a defect of Shale.
type wrong struct{ kind, what string }

// A judge fixes files and looks at what comes out.
type judge struct {
	ctx    context.Context
	rules  []*analysis.Rule
	alone  bool
	orders int    // random ones, a file
	seed   uint64 // of these
}

// A trial is one file before a judge.
type trial struct {
	*judge
	verdict
	refusals map[string]bool // fixes that the validator let not pass, by name
}

func (t *trial) blame(kind, format string, args ...any) {
	t.wrong = append(t.wrong, wrong{kind, fmt.Sprintf(format, args...)})
}

// look judges what was read.
func (j *judge) look(f read) verdict {
	if f.err != nil {
		return verdict{path: f.path, wrong: []wrong{{"unreadable", f.err.Error()}}}
	}
	return j.file(f.path, f.content)
}

// file judges one file. A panic is a defect like others.
func (j *judge) file(path, content string) (v verdict) {
	t := &trial{judge: j, verdict: verdict{path: path, findings: map[string]int{}, made: map[string]map[string]int{}}}
	defer func() {
		if r := recover(); r != nil {
			t.blame("panic", "%v\n%s", r, debug.Stack())
		}
		v = t.verdict
	}()
	in := analysis.Input{Path: path, Content: content}
	report := analysis.Check(in, j.rules)
	for _, err := range report.Faults {
		t.blame("fault", "%v", err)
	}
	for _, d := range report.Diagnostics {
		t.findings[d.Rule]++
	}
	t.refused = len(report.File.Doc.Problems) > 0
	if t.refused {
		return v
	}
	// Where the file itself does not compile, no fix is to blame.
	if (j.alone || j.orders > 0) && validate.CheckCompiles(t.ctx, in.Content, in.Content, validate.Options{}) == nil {
		t.eachAlone(in, report)
		t.inOrders(in, report)
	}
	if offers(report, analysis.Safe) {
		report = t.fix(in, safely, analysis.Safe)
	}
	if report != nil && offers(report, analysis.Unsafe) { // else it is the same again
		t.fix(in, unsafely, analysis.Unsafe)
	} else {
		t.made[unsafely] = t.made[safely]
	}
	return v
}

// offers reports whether a finding would get a fix of that safety.
func offers(r *analysis.Report, safety analysis.Safety) bool {
	return slices.ContainsFunc(r.Diagnostics, func(d analysis.Diagnostic) bool {
		return slices.ContainsFunc(d.Fixes, func(f analysis.Fix) bool { return f.Safety == safety })
	})
}

// eachAlone makes each fix alone, as an editor does, and notes which are refused. Unless
// they are to be held to that, the unsafe ones, which no walk makes, are left out.
func (t *trial) eachAlone(in analysis.Input, report *analysis.Report) {
	t.refusals = map[string]bool{}
	prover := rewrite.NewProver(in, report.File.Dockerfile(), rewrite.Validator{})
	for _, d := range report.Diagnostics {
		for _, f := range d.Fixes {
			var rejection *validate.Rejection
			if f.Safety == analysis.Display || !t.alone && f.Safety != analysis.Safe {
				continue
			}
			err := prover.Validate(t.ctx, f)
			if err == nil {
				continue
			}
			t.refusals[offered{d.Rule, f}.name()] = true
			switch {
			case !t.alone:
			case errors.As(err, &rejection):
				t.blame("rejected alone", "%s: %s: %q: %v", d.Rule, f.Safety, f.Title, err)
			default:
				t.blame("not judged", "%s: %q: %v", d.Rule, f.Title, err)
			}
		}
	}
}

// fix makes the fixes of one kind, and holds the outcome to what is promised. It returns
// what is left.
func (t *trial) fix(in analysis.Input, mode string, safety analysis.Safety) *analysis.Report {
	o := rewrite.Options{Rules: t.rules, Safety: safety}
	start := time.Now()
	r, err := rewrite.Fix(t.ctx, in, o)
	took := time.Since(start)
	if err != nil {
		t.blame("not judged", "%s: %v", mode, err)
		return nil
	}
	t.took = max(t.took, took)
	t.untouchable = t.untouchable || r.Untouchable != ""
	t.made[mode] = map[string]int{}
	for _, a := range r.Applied {
		t.made[mode][a.Rule]++
	}
	for _, x := range r.Rejected {
		t.rejected = append(t.rejected, x.Rule)
		t.blame("rejected", "%s: %s: line %d: %q: %s", mode, x.Rule, x.Line, x.Title, x.Reason)
	}
	if r.After == r.Before && len(r.Others) == 0 {
		return r.Remaining
	}
	t.after(mode, safety, r.Before, r.After, rulesOf(r))
	in.Content, in.Files = r.After, map[string]string{}
	for _, f := range r.Others {
		in.Files[f.Path] = f.After
	}
	again, err := rewrite.Fix(t.ctx, in, o)
	if err != nil {
		t.blame("not judged", "%s, again: %v", mode, err)
	} else if again.After != r.After || len(again.Others) > 0 {
		t.blame("changed again", "%s: %v\n%s", mode, rulesOf(again), rewrite.Diff("once", "twice", r.After, again.After))
	}
	return r.Remaining
}

// again measures once more, with nothing beside it, how long a file takes to fix: the
// least of three times.
func (j *judge) again(path string) time.Duration {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	least := time.Hour
	for range 3 {
		start := time.Now()
		o := rewrite.Options{Rules: j.rules, Safety: analysis.Unsafe}
		if _, err := rewrite.Fix(j.ctx, analysis.Input{Path: path, Content: string(content)}, o); err != nil {
			return 0
		}
		least = min(least, time.Since(start))
	}
	return least
}

// after looks at a fixed text. by tells what was made of the old one.
func (t *trial) after(mode string, safety analysis.Safety, old, fresh string, by []string) {
	doc := syntax.Parse(fresh)
	if len(doc.Problems) > 0 {
		t.blame("does not compile", "%s: %s (%v)", mode, doc.Problems[0].Message, by)
		return
	}
	for _, c := range rewrite.LostComments(old, fresh) {
		t.blame("comment lost", "%s: %q (%v)", mode, c, by)
	}
	before, after := compile.New(old), compile.New(fresh)
	targets, err := before.Targets()
	now, err2 := after.Targets()
	if err != nil || err2 != nil || len(targets) != len(now) {
		t.blame("does not compile", "%s: %d targets (%v), then %d (%v)", mode, len(targets), err, len(now), err2)
		return
	}
	for i, target := range targets {
		name := fmt.Sprint(i)
		if target.Own {
			name = target.Name
		}
		for _, base := range []compile.Base{compile.Bare, compile.Full} {
			o := compile.Options{Target: name, Base: base, Args: true}
			was, err := before.Compile(t.ctx, o)
			if err != nil {
				continue // it did not before either
			}
			is, err := after.Compile(t.ctx, o)
			switch {
			case err != nil:
				t.blame("does not compile", "%s: stage %s: %v (%v)", mode, name, err, by)
				return
			case was.Image != is.Image && safety == analysis.Safe:
				t.blame("config changed", "%s: stage %s: %s, then %s (%v)", mode, name, was.Image, is.Image, by)
				return
			}
		}
	}
}

// rulesOf names the rules whose fixes were made.
func rulesOf(r *rewrite.Result) []string {
	var out []string
	for _, a := range r.Applied {
		out = append(out, fmt.Sprintf("%s on line %d", a.Rule, a.Line))
	}
	return out
}
