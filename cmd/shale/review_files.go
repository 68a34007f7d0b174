package main

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/cmd/shale/internal/forge"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/cmd/shale/internal/review"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/verify"
)

// work looks at the Dockerfiles that the change touches, below the paths that were
// named or in all of the repository.
func (r *reviewer) work(args []string) error {
	if len(args) == 0 {
		args = []string{fromHere(r.root)}
	}
	files, bad, err := r.find(args)
	if err != nil {
		return err
	}
	if !r.flags.all {
		r.known = append(r.known, r.past)
	}
	engines, err := r.connect()
	if err != nil {
		return err
	}
	defer func() {
		for _, e := range engines {
			e.Close()
		}
	}()
	found := map[string]review.Source{}
	r.each("looked at", files, bad, func(o *outcome, in analysis.Input) error {
		source, err := r.examine(o, in)
		if err == nil && source != nil {
			o.source = source
		}
		return err
	}, func(o outcome) {
		if o.file.Err != nil {
			r.unseen = append(r.unseen, r.name(o.file.Path))
		}
		if o.source == nil {
			return
		}
		found[o.file.Path] = *o.source
		for _, d := range o.source.Findings {
			r.worst = max(r.worst, d.Severity)
		}
	})
	for _, t := range files {
		source, ok := found[t.shown]
		if !ok {
			continue
		}
		if len(engines) > 0 && len(source.Parts) > 0 {
			if err := r.measure(t, &source, engines); err != nil {
				return err
			}
		}
		r.sources = append(r.sources, source)
	}
	return nil
}

// examine looks at one Dockerfile; nil if the change has nothing to do with it.
func (r *reviewer) examine(o *outcome, in analysis.Input) (*review.Source, error) {
	name := r.name(in.Path)
	if r.diff.File(name) == nil {
		if _, changed := r.past.changedContext(in, name); !changed {
			return nil, nil
		}
	}
	if same, err := r.asPushed(in, name); err != nil || !same {
		if err == nil {
			err = fmt.Errorf("%s: not reviewed: its text here is not that of commit %.12s; check out the pull request's newest commit, not its merge", o.file.Path, r.head)
		}
		return nil, err
	}
	options, err := r.options(in, o.file.Path)
	if err != nil {
		return nil, err
	}
	whole, err := rewrite.Fix(r.ctx, in, options)
	if err != nil {
		if r.ctx.Err() != nil {
			return nil, errInterrupted
		}
		return nil, fmt.Errorf("%s: %w", o.file.Path, err)
	}
	for _, x := range whole.Rejected {
		o.defects = append(o.defects, rejected(o.file.Path, x.Line, x.Rule, x.Title, x.Reason))
	}
	source := &review.Source{Path: name, Before: in.Content, Name: r.name}
	if len(whole.Applied) > 0 {
		if source.Parts, err = review.Split(r.ctx, in, options, whole); err != nil {
			return nil, err
		}
		source.Whole = whole
	}
	found := analysis.Check(in, r.chosen)
	if err := r.findings(o, in, found); err != nil {
		return nil, err
	}
	source.Findings = o.file.Diagnostics
	if whole.Untouchable != "" {
		withhold(source.Findings, whole.Untouchable)
	}
	return source, nil
}

// asPushed reports whether a file on disk is the one under review: a merge with the
// other branch may have given it other lines.
func (r *reviewer) asPushed(in analysis.Input, name string) (bool, error) {
	if r.head == "" {
		return true, nil
	}
	blob, err := git(r.ctx, r.root, "rev-parse", "--verify", "--quiet", "--end-of-options", r.head+":"+name)
	if err == nil {
		return strings.TrimSpace(blob) == blobOf(in.Content), nil
	}
	text, err := r.forge.Text(r.ctx, r.head, name)
	if errors.Is(err, forge.ErrNoFile) {
		return false, nil
	}
	return text == in.Content, err
}

// connect finds the engines of --verify.
func (r *reviewer) connect() ([]*verify.Engine, error) {
	if !r.flags.verify {
		return nil, nil
	}
	return verify.Connect(r.ctx, r.flags.engines, verify.TLS{}, r.getenv)
}

// measure builds a Dockerfile as it is and with all that is suggested. Fixes that
// make a difference which they did not declare are not suggested.
func (r *reviewer) measure(t target, source *review.Source, engines []*verify.Engine) error {
	in, err := r.input(t)
	if err != nil {
		return err
	}
	options, err := r.options(in, t.shown)
	if err != nil {
		return err
	}
	flags := &verifyFlags{selection: r.flags.selection, unsafe: r.flags.unsafe, given: r.flags.given, compression: "gzip"}
	setup, err := r.setup(in, flags)
	if err != nil {
		return err
	}
	request := verify.Request{File: source.Path, Before: in.Content, After: source.Whole.After, Fixed: source.Whole, Setup: *setup, Engines: engines, Progress: r.buildProgress("quiet")}
	request.Refix = r.refix(in, options)
	made, err := verify.Verify(r.ctx, request)
	if err != nil {
		return err
	}
	switch made.Verdict {
	case verify.Failed:
		r.tellFailure(made)
		return nil
	case verify.Different:
		r.defects = true
		r.say(fmt.Sprintf("%s: left out its fixes, a defect of Shale: building showed a difference that they do not declare", t.shown))
		source.Parts = nil
		return nil
	}
	var text strings.Builder
	verifyMarkdown(&text, made)
	source.Measured = strings.Replace(text.String(), "###", "####", 1)
	return nil
}

// past knows the change's Dockerfiles as they were, with the build context of then
// where that changed.
type past struct {
	r    *reviewer
	hist *history // nil where git does not have the commit
	tree pastTree
}

func newPast(r *reviewer, rev string) *past {
	p := &past{r: r}
	if rev != "" {
		p.hist = newHistory(r.ctx, rev, r.chosen)
		p.tree = pastTree{ctx: r.ctx, root: r.root, rev: rev}
	}
	return p
}

func (p *past) known(in analysis.Input, shown string) (map[string]bool, error) {
	name := p.r.name(onDisk(in, shown))
	if p.hist == nil {
		return p.asked(in, name)
	}
	before, found, err := p.hist.before(in, shown)
	if err != nil || !found {
		return nil, err
	}
	was := in
	was.Content = before
	dir, changed := p.changedContext(in, name)
	if !changed {
		return fingerprints(was, p.r.chosen), nil
	}
	if was.Context, err = p.tree.folder(dir); err != nil {
		return nil, err
	}
	was.Files, was.Walks = nil, &buildctx.Walks{}
	// What the context made mendable is new, though it was found before.
	out, now := p.mendable(was), p.mendable(in)
	known := map[string]bool{}
	for name, safety := range out {
		known[name] = safety >= now[name]
	}
	return known, nil
}

// mendable tells of each finding, by fingerprint, how safe its best fix is.
func (p *past) mendable(in analysis.Input) map[string]analysis.Safety {
	all := analysis.Check(in, p.r.chosen).Diagnostics
	out := map[string]analysis.Safety{}
	for i, name := range report.Fingerprints(in.Content, all) {
		out[name] = analysis.Display
		for _, fix := range all[i].Fixes {
			out[name] = max(out[name], fix.Safety)
		}
	}
	return out
}

// asked gets the earlier text from the forge.
func (p *past) asked(in analysis.Input, name string) (map[string]bool, error) {
	f := p.r.diff.File(name)
	if f != nil && f.Old == "" {
		return nil, nil // a new file
	}
	if f != nil {
		text, err := p.r.forge.Text(p.r.ctx, p.r.base, f.Old)
		if errors.Is(err, forge.ErrNoFile) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		in.Content = text
	}
	return fingerprints(in, p.r.chosen), nil
}

// changedContext reports whether the change touches a file of a Dockerfile's build
// context, or its .dockerignore, and where the context lies from the repository's root.
func (p *past) changedContext(in analysis.Input, name string) (dir string, changed bool) {
	c, _ := analysis.Check(in, nil).File.Context()
	if c == nil {
		return "", false
	}
	dir = p.r.name(filepath.Join(c.Root(), "x"))
	dir = cmp.Or(strings.TrimSuffix(strings.TrimSuffix(dir, "x"), "/"), ".")
	if !filepath.IsLocal(filepath.FromSlash(dir)) {
		return "", false
	}
	ignore := p.r.name(c.IgnoreFile())
	return dir, p.r.diff.Below(dir, name, func(rel string) bool {
		full := path.Join(dir, rel)
		return full == ignore || buildctx.IgnoreFile(full) || !c.Ignored(rel)
	})
}
