package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"unicode/utf8"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/builds"
	"github.com/shale-build/shale/analysis/gitlog"
	"github.com/shale-build/shale/cmd/shale/internal/pool"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/cmd/shale/internal/review"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/validate"
	"github.com/spf13/cobra"
)

// maxSize is what fits into a message of BuildKit's, 16 MiB: a longer Dockerfile is built by
// nobody.
const maxSize = 16_000_000

const issuesURL = "https://github.com/shale-build/shale/issues"

// A session is one run of `check` or `fix` over many files.
type session struct {
	*app
	ctx     context.Context
	stop    context.CancelFunc
	chosen  []*analysis.Rule
	fail    analysis.Severity // findings from here on fail the command
	format  report.Format
	configs *configs
	context string // --context
	tally   *report.Tally
	stdin   string // --stdin-filename
	known   []knower
	forced  bool                      // --force-exclude
	builds  map[string][]builds.Build // of compose and bake files, by Dockerfile
	paths   builds.Paths
	walks   buildctx.Walks
	changes gitlog.Logs
	writes  bool // files are being written, which goes on whoever reads the report

	fault   bool // something is wrong that is no finding
	refused bool // BuildKit refuses a file
	defects bool // of Shale, told on the way
	told    map[string]bool
}

// outcome is what came of one file.
type outcome struct {
	file    report.File
	fault   bool     // of Shale, not of the file
	defects []string // of Shale, for people, on standard error
	notes   []string // likewise, of what the file says and nobody hears
	diff    string
	text    string // what `fix -` prints

	source *review.Source // for `review`

	fixed, left []string // the rules of the fixes that are or would be made, and of what is left
}

// begin checks the flags that both commands share.
func (a *app) begin(c *cobra.Command, s *selection) (*session, error) {
	if err := oneOf("--format", s.format, formatNames()...); err != nil {
		return nil, err
	}
	fail, err := s.fails()
	if err != nil {
		return nil, err
	}
	chosen, err := s.rules(a.rules)
	if err != nil {
		return nil, err
	}
	if s.context != "" {
		if info, err := os.Stat(s.context); err != nil {
			return nil, fmt.Errorf("--context %s: %w", s.context, reason(err))
		} else if !info.IsDir() {
			return nil, fmt.Errorf("--context %s: it is not a folder", s.context)
		}
	}
	configs, err := newConfigs(s, a.rules)
	if err != nil {
		return nil, err
	}
	if a.hush != nil {
		a.hush()
	}
	a.collectAt(400) // many small texts, little that lives: a fifth faster, in 40 MB still
	ctx, stop := context.WithCancel(c.Context())
	out := &session{
		app: a, ctx: ctx, stop: stop, chosen: chosen, fail: fail, format: report.Format(s.format),
		configs: configs, context: s.context, tally: new(report.Tally), stdin: s.stdinName, forced: s.forced, told: map[string]bool{},
	}
	out.changes.Read = func(root string) (string, error) { return lastCommits(ctx, root) }
	if err := out.knowers(s); err != nil {
		stop()
		return nil, err
	}
	return out, nil
}

func formatNames() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, string(f))
	}
	return names
}

// look is how a report on that stream looks.
func (s *session) look(to *stream) report.Options {
	v, _ := versions()
	return report.Options{Color: s.colored(to), URL: ruleURL, Tally: s.tally, Rules: s.chosen, Version: v, Path: fromHere}
}

// each works on files in parallel and tells of each in order.
func (s *session) each(verb string, files []target, bad []report.File, work func(*outcome, analysis.Input) error, tell func(outcome)) {
	for _, f := range bad {
		s.fault = true
		s.complain(f.Err)
		tell(outcome{file: f})
	}
	bar := startProgress(s.terminal(s.err), verb, len(files))
	s.out.bar, s.err.bar = bar, bar
	defer func() {
		s.out.bar, s.err.bar = nil, nil
		bar.Stop()
	}()
	pool.InOrder(s.ctx, slices.Values(files), func(t target) outcome { return s.one(t, work) }, func(o outcome) {
		bar.Step()
		if errors.Is(o.file.Err, errInterrupted) {
			return // nothing was done to it
		}
		for _, note := range o.notes {
			s.say(note)
		}
		for _, d := range o.defects {
			s.defects = true
			s.say(d)
		}
		if o.file.Err != nil {
			s.fault = true
			// A broken configuration is the error of every file below it.
			if message := o.file.Err.Error(); !s.told[message] {
				s.told[message] = true
				s.complain(o.file.Err)
			}
		}
		s.fault = s.fault || o.fault
		for _, d := range o.file.Diagnostics {
			s.refused = s.refused || d.Rule == analysis.SyntaxRule
		}
		tell(o)
		if s.out.err != nil && !s.writes {
			s.stop() // nobody reads on, or the disk is full
		}
	})
}

// one works on one file. Whatever goes wrong stays with it.
func (s *session) one(t target, work func(*outcome, analysis.Input) error) (o outcome) {
	o.file.Path = t.shown
	defer func() {
		if r := recover(); r != nil {
			o.file.Err = fmt.Errorf("%s: a defect of Shale, please report it with the file at %s: %v\n%s", t.shown, issuesURL, r, debug.Stack())
		}
	}()
	in, err := s.input(t)
	if err == nil {
		err = work(&o, in)
	}
	if err != nil {
		o.file.Err = err
	}
	return o
}

// input reads a Dockerfile, with its configuration and the builds that are known.
func (s *session) input(t target) (analysis.Input, error) {
	content, err := s.read(t)
	if err != nil {
		return analysis.Input{}, err
	}
	config, err := s.configs.of(t)
	return analysis.Input{Path: t.path, Content: content, Config: config, Context: s.context, Builds: s.buildsOf(t), Walks: &s.walks, History: &s.changes}, err
}

// read returns a file's text, or standard input's.
func (s *session) read(t target) (string, error) {
	var b []byte
	var err error
	switch {
	case t.pipe != "" && s.writes:
		return "", fmt.Errorf("%s: it is a pipe or a device, to which nothing is written; with --diff the changes are shown, with - in its place the result is printed", t.shown)
	case t.pipe != "" || t.stdin:
		b, err = s.wait(func() ([]byte, error) { return s.readAll(t) })
	default:
		b, err = s.readAll(t)
	}
	switch {
	case errors.Is(err, errInterrupted):
		return "", err
	case err != nil && t.why != "":
		return "", fmt.Errorf("%s: %w; %s", t.shown, reason(err), t.why)
	case err != nil:
		return "", fmt.Errorf("%s: %w", t.shown, reason(err))
	case len(b) > maxSize:
		return "", fmt.Errorf("%s: more than %s: not read, for no Dockerfile is so large", t.shown, report.Bytes(maxSize))
	}
	return string(b), nil
}

// readAll reads a file to its end, or to where it is too long.
func (s *session) readAll(t target) ([]byte, error) {
	var from io.Reader = s.in
	if !t.stdin {
		f, err := os.Open(cmp.Or(t.pipe, t.path))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, maxSize+1))
}

// wait ends with the command what may wait for ever: nobody need write to a pipe.
func (s *session) wait(read func() ([]byte, error)) (b []byte, err error) {
	done := make(chan struct{})
	var text []byte
	var failed error
	go func() {
		defer close(done)
		text, failed = read()
	}()
	select {
	case <-done:
		return text, failed
	case <-s.ctx.Done():
		return nil, errInterrupted
	}
}

// reason strips the call and the path, which the message already says, from an error.
func reason(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// findings takes over what the rules found. Where the format carries edits, each
// fix is proven before it is shown.
func (s *session) findings(o *outcome, in analysis.Input, r *analysis.Report) error {
	o.file.Content, o.file.Lines = in.Content, r.File.Doc.Lines
	fresh, err := s.fresh(in, o.file.Path, r.Diagnostics)
	if err != nil {
		return err
	}
	o.file.Diagnostics = fresh
	if why := r.File.Doc.NotText(); why != "" && len(fresh) > 0 {
		o.file.Diagnostics = []analysis.Diagnostic{{Rule: analysis.SyntaxRule, Severity: analysis.Error, Message: why}}
	}
	for _, m := range analysis.Misspelts(r.File.Doc, s.app.rules) {
		line := r.File.Doc.Lines.Line(m.Span.Start) + 1
		o.notes = append(o.notes, fmt.Sprintf("warning: %s:%d: there is no rule %q to ignore; did you mean %q?", o.file.Path, line, m.Name, m.Near))
	}
	for _, fault := range r.Faults {
		o.fault = true
		o.defects = append(o.defects, fmt.Sprintf("error: %s: a defect of Shale: %v", o.file.Path, fault))
	}
	if !s.format.CarriesEdits() {
		return nil
	}
	prover := rewrite.NewProver(in, r.File.Dockerfile(), rewrite.Validator{})
	for i := range o.file.Diagnostics {
		d := &o.file.Diagnostics[i]
		var proven []analysis.Fix
		for _, fix := range d.Fixes {
			if fix.Safety != analysis.Display && len(fix.Edits) > 0 {
				err := provable(fix)
				if err == nil {
					err = prover.Validate(s.ctx, fix)
				}
				if s.ctx.Err() != nil {
					return errInterrupted
				}
				rejection, judged := errors.AsType[*validate.Rejection](err)
				if err != nil && !judged {
					return fmt.Errorf("%s: cannot prove a fix: %w", o.file.Path, err)
				}
				if judged && rejection.Before {
					withhold(o.file.Diagnostics, rejection.Error())
					return nil
				}
				if err != nil {
					line := r.File.Doc.Lines.Line(d.Span.Start) + 1
					o.defects = append(o.defects, rejected(o.file.Path, line, d.Rule, fix.Title, err.Error()))
					continue
				}
			}
			proven = append(proven, fix)
		}
		d.Fixes = proven
	}
	return nil
}

// withhold takes back the fixes of a file in which none may be made.
func withhold(ds []analysis.Diagnostic, why string) {
	for i := range ds {
		if len(ds[i].Fixes) > 0 {
			ds[i].Fixes = nil
			ds[i].Withheld = append(slices.Clip(ds[i].Withheld), why)
		}
	}
}

// provable refuses what JSON cannot carry byte for byte.
func provable(fix analysis.Fix) error {
	for _, e := range fix.Edits {
		if !utf8.ValidString(e.New) {
			return &validate.Rejection{Reason: "It writes bytes that are no UTF-8."}
		}
	}
	return nil
}

// rejected tells of a fix that the validator did not pass.
func rejected(path string, line int, rule, title, why string) string {
	return fmt.Sprintf("%s:%d: left out a fix that proved wrong, a defect of Shale: %s [%s]: %s", path, line, title, rule, why)
}

var errInterrupted = errors.New("interrupted")

// status is how the command ends.
func (s *session) status(findings bool) error {
	if s.defects {
		s.say("please report these defects of Shale, with the files, at " + issuesURL)
	}
	switch {
	case s.out.err != nil:
		return s.out.err
	case s.ctx.Err() != nil:
		s.say("interrupted; no file is half written")
		return exit(exitInterrupted)
	case s.fault:
		return exit(exitFault)
	case findings:
		return exit(exitFindings)
	}
	return nil
}
