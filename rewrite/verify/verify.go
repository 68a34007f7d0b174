package verify

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
	"golang.org/x/sync/errgroup"
)

// A Request asks for one verification.
type Request struct {
	File, Against string // as the user named them; Against is "" where fixes make after
	Before, After string // the texts
	Other         string // with Against: its path on disk, as Setup.Dockerfile
	Setup         Setup

	// Fixed is what the fixes made of Before; Refix makes a choice of them alone.
	// Both are nil with Against.
	Fixed *rewrite.Result
	Refix func(ctx context.Context, pick func(rewrite.Candidate) bool) (*rewrite.Result, error)

	Stops   []string // paths that may stop shipping, besides those of Fixed
	Rebuild []string // files of the context to change, as paths in it; nil to choose them, empty for none

	Engines  []*Engine // at least one
	Progress Progress
}

// Builds reports whether there is something to build, and so a need for an engine.
func (r *Request) Builds() bool {
	if r.Before != r.After || r.Fixed != nil && len(r.Fixed.Others) > 0 {
		return true
	}
	return r.Against != "" && !r.ignoreAlike()
}

// ignoreAlike reports whether both Dockerfiles are built with the same .dockerignore.
func (r *Request) ignoreAlike() bool {
	var texts [2]string
	for i, path := range []string{r.Setup.Dockerfile, r.Other} {
		side, err := recipeAt(path, "")
		if err != nil {
			return false
		}
		if texts[i], err = r.Setup.ignored(side); err != nil {
			return false
		}
	}
	return texts[0] == texts[1]
}

// Verify builds before twice and after once, without cache, and compares; where
// they differ, each is built once more, for what differs by chance. What
// the builds come to, failures included, is in the Report; the error is of ctx or
// of this machine.
func Verify(ctx context.Context, r Request) (*Report, error) {
	out := &Report{
		Version: 1, File: r.File, Against: r.Against, Context: r.Setup.Context, Verdict: Unchanged,
		Applied: []Fix{}, Config: []ConfigDifference{}, Differences: []Difference{}, Stopped: []Stopped{}, Noise: []Noise{},
		Blame: []Fix{}, Rebuilds: []Rebuild{}, Builds: []Build{},
		Before: Image{Layers: []Layer{}}, After: Image{Layers: []Layer{}},
	}
	if r.Fixed != nil {
		for _, a := range r.Fixed.Applied {
			out.Applied = append(out.Applied, fixOf(a))
		}
	}
	if !r.Builds() {
		if p := syntax.Parse(r.Before).Problems; len(p) > 0 {
			line := source.NewLines(r.Before).Line(p[0].Span.Start) + 1
			out.Verdict, out.Failure = Failed, &Failure{Kind: "before", Message: p[0].Message, Line: line}
		}
		return out, nil
	}
	v := &verifier{Request: r, report: out, known: newLayers(), run: rand.Text()}
	var err error
	if v.before, err = recipeAt(r.Setup.Dockerfile, r.Before); err != nil {
		return nil, err
	}
	if r.Against != "" {
		v.after, err = recipeAt(r.Other, r.After)
	} else {
		v.after, err = v.recipeOf(r.After, r.Fixed)
	}
	if err != nil {
		return nil, err
	}
	if v.temp, err = os.MkdirTemp("", "shale-verify-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(v.temp)
	if v.Setup.Platform == "" && len(r.Engines) > 1 {
		v.Setup.Platform = r.Engines[0].platform // the same on every engine
	}
	v.beforeLines = newLineFinder(v.before.text, r.Setup.Target)
	v.afterLines = newLineFinder(v.after.text, r.Setup.Target)
	err = v.verify(ctx)
	if failure, ok := errors.AsType[*failed](err); ok {
		out.Verdict, out.Failure = failure.verdict, &failure.Failure
		err = nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}

func fixOf(a rewrite.Applied) Fix {
	return Fix{Rule: a.Rule, Title: a.Title, Line: a.Line, Safety: a.Safety.String(), Stops: append([]string{}, a.Stops...)}
}

// A verifier is one verification under way.
type verifier struct {
	Request
	report                  *Report
	known                   *layers
	before, after           recipe
	beforeLines, afterLines *lineFinder
	temp                    string
	run                     string // tells this run's cache mounts from all others

	mu   sync.Mutex
	olds []*built // the builds of before
	news []*built // those of after
}

// recipeOf is a text and the other files that its fixes change.
func (v *verifier) recipeOf(text string, fixed *rewrite.Result) (recipe, error) {
	r, err := recipeAt(v.Setup.Dockerfile, text)
	if err != nil || fixed == nil {
		return r, err
	}
	for _, o := range fixed.Others {
		p, err := filepath.Abs(o.Path)
		if err != nil {
			return r, err
		}
		root, err := filepath.Abs(v.Setup.Context)
		if err != nil {
			return r, err
		}
		rel, err := filepath.Rel(root, p)
		switch {
		case v.Setup.Dockerfile != "" && samePath(p, v.Setup.Dockerfile+".dockerignore"), err == nil && rel == ".dockerignore":
			after := o.After
			r.ignore = &after
		case err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)):
			return r, fmt.Errorf("a fix changes %s, which is outside the build context %s", o.Path, v.Setup.Context)
		default:
			r = r.with(filepath.ToSlash(rel), o.After)
		}
	}
	return r, nil
}

func samePath(a, b string) bool {
	b, err := filepath.Abs(b)
	return err == nil && a == b
}

// failed ends a verification with a report.
type failed struct {
	verdict Verdict
	Failure
}

func (f *failed) Error() string { return f.Message }

// measured is how images are compressed whose size is told.
func (v *verifier) measured() string { return cmp.Or(v.Setup.Compression, "gzip") }

// cold is a request for a build without cache. Only where measured, layers are
// compressed.
func (v *verifier) cold(name string, r recipe, measured bool) request {
	q := request{name: name, recipe: r, cold: true, export: true, compression: "uncompressed", caches: v.run + "-" + strings.ReplaceAll(name, " ", "-")}
	if measured {
		q.compression = v.measured()
	}
	return q
}

const (
	nameBefore = "before"
	nameAgain  = "before, again"
	nameThird  = "before, a third time"
	nameAfter  = "after"
	nameSecond = "after, again"
)

func (v *verifier) verify(ctx context.Context) error {
	first, after, again := v.cold(nameBefore, v.before, true), v.cold(nameAfter, v.after, true), v.cold(nameAgain, v.before, false)
	// What is compared in time is built by one engine, and before first.
	runs, err := v.all(ctx, [][]request{{first, after}, {again}})
	if b, ok := errors.AsType[*broken](err); ok && b.request.name == nameAfter {
		err = v.afterFailed(ctx, runs, b)
		runs = nil
	}
	if err != nil {
		return v.failure(ctx, err)
	}
	if runs != nil {
		v.took(runs)
	}
	found := v.compare(v.news)
	if found.different() {
		third, err := v.one(ctx, v.cold(nameThird, v.before, false))
		if err != nil {
			return v.failure(ctx, err)
		}
		v.olds = append(v.olds, third.image)
		found = v.compare(v.news)
	}
	if found.maybeChance() {
		second, err := v.one(ctx, v.cold(nameSecond, v.after, false))
		if err != nil {
			return v.failure(ctx, err)
		}
		v.news = append(v.news, second.image)
		found = v.compare(v.news)
	}
	found.files.report(v.report)
	v.report.Config = found.config
	v.measure()
	v.report.Verdict = Equal
	if found.different() {
		v.report.Verdict = Different
		if err := v.blame(ctx); err != nil {
			return v.failure(ctx, err)
		}
	}
	return v.rebuilds(ctx)
}

// took keeps what the first builds made.
func (v *verifier) took(runs map[string]*run) {
	v.olds = nil
	for _, name := range []string{nameBefore, nameAgain, nameThird} {
		if r := runs[name]; r != nil && r.image != nil {
			v.olds = append(v.olds, r.image)
		}
	}
	if r := runs[nameAfter]; r != nil {
		v.news = []*built{r.image}
	}
}

// afterFailed finds out whether after really does not build: before is built as
// often as it takes to know that it does, and after once more.
func (v *verifier) afterFailed(ctx context.Context, runs map[string]*run, why *broken) error {
	if f := v.told(ctx, why); f.Kind != "after" {
		return &failed{Failed, f}
	}
	need := []request{v.cold(nameThird, v.before, false)}
	for _, q := range []request{v.cold(nameBefore, v.before, true), v.cold(nameAgain, v.before, false)} {
		if r := runs[q.name]; r == nil || r.image == nil {
			need = append([]request{q}, need...)
		}
	}
	more, err := v.all(ctx, [][]request{need})
	for name, r := range more {
		runs[name] = r
	}
	if err != nil {
		return err
	}
	after, err := v.one(ctx, v.cold(nameAfter, v.after, true))
	if err == nil {
		runs[nameAfter] = after
		v.took(runs)
		return nil
	}
	b, ok := errors.AsType[*broken](err)
	if !ok {
		return err
	}
	f := v.told(ctx, b)
	if f.Kind != "after" {
		return &failed{Failed, f}
	}
	v.took(runs)
	v.measure()
	if err := v.blame(ctx); err != nil {
		return err
	}
	return &failed{Different, f}
}

// found is what a comparison comes to.
type found struct {
	files  *comparison
	config []ConfigDifference
}

func (f found) different() bool { return len(f.files.differences) > 0 || len(f.config) > 0 }

// maybeChance reports whether another build of after could show that nothing is
// different.
func (f found) maybeChance() bool {
	return f.different() && len(f.config) == 0 && !slices.ContainsFunc(f.files.differences, Difference.certain)
}

// compare holds builds of after against those of before.
func (v *verifier) compare(afters []*built) found {
	var trees []*tree
	var configs []imageConfig
	for _, b := range v.olds {
		trees = append(trees, b.tree)
		configs = append(configs, b.config)
	}
	files := compareTrees(trees, afters[0].tree, v.stops())
	for _, again := range afters[1:] {
		files.confirm(compareTrees(trees, again.tree, v.stops()))
	}
	return found{files, compareConfigs(configs, afters[0].config)}
}

// stops are the declared paths, with the home folders that "~" can stand for.
func (v *verifier) stops() []string {
	declared := slices.Clone(v.Stops)
	for _, a := range v.report.Applied {
		declared = append(declared, a.Stops...)
	}
	return resolveHomes(declared, v.homes())
}

// measure fills in the images of the report.
func (v *verifier) measure() {
	fill := func(m *Image, lines *lineFinder, made []*built) {
		if len(made) == 0 {
			return
		}
		lines.layers(made[0])
		cold := m.Cold
		*m = made[0].measure
		m.Cold = cold
	}
	fill(&v.report.Before, v.beforeLines, v.olds)
	fill(&v.report.After, v.afterLines, v.news)
}

// broken is a build that failed.
type broken struct {
	request request
	engine  *Engine
	run     *run
	err     error
}

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// one makes a single build.
func (v *verifier) one(ctx context.Context, q request) (*run, error) {
	runs, err := v.all(ctx, [][]request{{q}})
	return runs[q.name], err
}

// all makes builds: the requests of one list on one engine, one after the other,
// the lists side by side as far as there are engines. The first failure ends all.
// What was built is returned by its name in any case.
func (v *verifier) all(ctx context.Context, lists [][]request) (map[string]*run, error) {
	queues := make([][]request, min(len(v.Engines), len(lists)))
	for i, list := range lists {
		queues[i%len(queues)] = append(queues[i%len(queues)], list...)
	}
	if len(queues) == 1 { // before is known to build before after is tried
		slices.SortStableFunc(queues[0], func(a, b request) int {
			return cmp.Compare(btoi(a.name == nameAfter), btoi(b.name == nameAfter))
		})
	}
	show := v.Progress.open(len(queues) > 1)
	defer show.close()
	runs := map[string]*run{}
	group, ctx := errgroup.WithContext(ctx)
	for i, queue := range queues {
		group.Go(func() error {
			for _, q := range queue {
				r, err := v.build(ctx, v.Engines[i], q, show)
				v.mu.Lock()
				if err == nil {
					runs[q.name] = r
				}
				v.mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return runs, group.Wait()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// build makes one build and writes it down.
func (v *verifier) build(ctx context.Context, e *Engine, q request, show *display) (*run, error) {
	shown, done := show.start(q.name)
	r, err := v.Setup.build(ctx, e, q, v.known, v.temp, shown)
	done()
	if r == nil {
		return nil, err
	}
	v.mu.Lock()
	b := Build{Name: q.name, Engine: e.address, Seconds: r.wall.Seconds(), OK: err == nil}
	if q.cold && err == nil {
		b.Cold = r.steps.cold().Seconds()
		switch q.name {
		case nameBefore, nameAgain, nameThird:
			if now := &v.report.Before.Cold; *now == 0 || b.Cold < *now {
				*now = b.Cold
			}
		case nameAfter:
			v.report.After.Cold = b.Cold
		}
	}
	v.report.Builds = append(v.report.Builds, b)
	v.mu.Unlock()
	if err != nil {
		return r, &broken{q, e, r, err}
	}
	return r, nil
}
