package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite"
	"github.com/spf13/cobra"
)

type fixFlags struct {
	selection
	diff, unsafe, failOnFix bool
	patches, summary        string
	resume                  bool
}

func (a *app) fixCommand() *cobra.Command {
	var f fixFlags
	c := &cobra.Command{
		Use:   "fix [PATH…]",
		Short: "Mend what can be mended without breaking the build",
		Long: `Make every safe fix: the build, the image's configuration and its files stay the
same, except for the caches that a fix says it stops shipping. Each rewritten file
is compiled and compared with the old one before it is written. A PATH is a file,
a folder, or - for standard input, whose result goes to standard output; without
one, the current folder is walked.

Exit status: 0 nothing at or above --fail-on remains, 1 something does (with
--diff: there is a diff, or a file that BuildKit refuses), 2 a file that could not
be read or written, a wrong flag or a broken configuration.`,
		Example: "  shale fix --diff\n  shale fix --diff --format rdjson | reviewdog -f=rdjson -reporter=github-pr-review\n  shale fix\n  shale fix --only merge-runs docker/\n  shale fix - <Dockerfile\n  shale fix --diff --patches patches --summary fleet.json --resume checkouts/*",
		RunE: func(c *cobra.Command, args []string) error {
			return a.fix(c, args, &f)
		},
	}
	f.flags(c, formatNames(), a.rules)
	c.Flags().BoolVar(&f.diff, "diff", false, "print the changes as a unified diff, or in another --format the findings with the fixes that would be made, and write nothing")
	c.Flags().BoolVar(&f.unsafe, "unsafe", false, "make unsafe fixes too; their titles say what could differ")
	c.Flags().BoolVar(&f.failOnFix, "exit-non-zero-on-fix", false, "exit with 1 when something was fixed, even if nothing remains")
	c.Flags().StringVar(&f.patches, "patches", "", "with --diff: write one patch a repository into this `DIR`, under the repository's path, in place of one diff")
	c.Flags().StringVar(&f.summary, "summary", "", "write what was fixed and what is left, by rule and by repository, as JSON to this `FILE`")
	c.Flags().BoolVar(&f.resume, "resume", false, "leave out the repositories that are done by --summary's FILE, and go on with the others")
	if err := c.MarkFlagDirname("patches"); err != nil {
		panic(err)
	}
	return c
}

func (a *app) fix(c *cobra.Command, args []string, f *fixFlags) error {
	f.mends = true
	s, err := a.begin(c, &f.selection)
	if err != nil {
		return err
	}
	defer s.stop()
	files, bad, err := s.find(args)
	if err != nil {
		return err
	}
	stdin := slices.ContainsFunc(files, func(t target) bool { return t.stdin })
	if err := f.fit(s.format, stdin, len(args)); err != nil {
		return err
	}
	nowhere := slices.ContainsFunc(files, func(t target) bool { return t.stdin || t.pipe != "" })
	if nowhere && (f.patches != "" || f.summary != "") {
		return errors.New("standard input is in no repository: --patches and --summary cannot go with it")
	}
	fleet := (*fleet)(nil)
	if f.patches != "" || f.summary != "" {
		if fleet, files, err = newFleet(f, args, files); err != nil {
			return err
		}
	}
	options := rewrite.Options{Rules: s.chosen, Safety: analysis.Safe}
	if f.unsafe {
		options.Safety = analysis.Unsafe
	}
	// Where standard output holds the result, the report goes to standard error.
	tell := s.out
	planned := f.diff && s.format != report.Text
	if (f.diff && f.patches == "" || stdin) && !planned {
		tell = s.err
	}
	look := s.look(tell)
	look.Brief, look.Unsafe = true, f.unsafe
	switch {
	case planned:
	case f.diff:
		look.Fixed = "would fix"
	default:
		look.Fixed = "fixed"
	}
	s.writes = !f.diff && !stdin
	fixer := &fixer{session: s, options: options, diff: f.diff, planned: planned, names: fleet.name}
	diffs := false
	var unwritten error
	w := report.New(s.format, tell, look)
	s.each("worked on", files, bad, fixer.fix, func(o outcome) {
		switch {
		case f.diff && o.diff != "":
			diffs = true
			if !planned && f.patches == "" {
				io.WriteString(s.out, o.diff)
			}
		case stdin && !f.diff:
			io.WriteString(s.out, o.text)
		}
		w.File(o.file)
		if err := fleet.tell(s, o); err != nil && unwritten == nil {
			unwritten = err
			s.stop()
		}
	})
	w.Close()
	if unwritten == nil {
		unwritten = fleet.close()
	}
	if unwritten != nil {
		return unwritten
	}
	switch {
	case f.exitZero:
		return s.status(false)
	case f.diff:
		return s.status(diffs || s.refused)
	}
	return s.status(s.tally.AtLeast(s.fail) > 0 || f.failOnFix && s.tally.Applied > 0)
}

// fit refuses flags that do not go together, or not with standard input or several paths.
func (f *fixFlags) fit(format report.Format, stdin bool, paths int) error {
	switch {
	case stdin && paths > 1:
		return errors.New("`fix -` prints one result; give it no other PATH")
	case format != report.Text && stdin && !f.diff:
		return fmt.Errorf("standard output holds the result here: --format %s cannot go with it", format)
	case f.patches != "" && !f.diff:
		return errors.New("--patches goes with --diff: without it the files themselves are changed")
	case f.resume && f.summary == "":
		return errors.New("--resume goes on from the file of --summary, which is not named")
	}
	return nil
}

// A fixer mends files.
type fixer struct {
	*session
	options rewrite.Options
	diff    bool                                        // only show
	planned bool                                        // as findings with the fixes that would be made, in place of the diff
	names   func(shown string) func(path string) string // how files are called in a file's diff
	// Two Dockerfiles may want to change one file, such as their .dockerignore.
	others sync.Mutex
}

func (f *fixer) fix(o *outcome, in analysis.Input) error {
	options := f.options
	var err error
	if options.Pick, err = f.pick(in, o.file.Path); err != nil {
		return err
	}
	result, err := rewrite.Fix(f.ctx, in, options)
	if f.writes && (errors.Is(err, rewrite.ErrChanged) || err == nil && len(result.Others) > 0) {
		f.others.Lock()
		defer f.others.Unlock()
		result, err = rewrite.Fix(f.ctx, in, options)
	}
	if f.ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.file.Path, err)
	}
	for _, r := range result.Rejected {
		o.defects = append(o.defects, rejected(o.file.Path, r.Line, r.Rule, r.Title, r.Reason))
	}
	if f.writes {
		if err := f.save(in.Path, result); err != nil {
			o.file.Err = err
			return f.findings(o, in, analysis.Check(in, f.chosen))
		}
	}
	o.text = result.After
	for _, a := range result.Applied {
		o.fixed = append(o.fixed, a.Rule)
	}
	if f.diff {
		o.diff = diff(in.Path, result, f.names(o.file.Path))
	}
	if f.planned {
		before := analysis.Check(in, f.chosen)
		if result.Untouchable != "" {
			withhold(before.Diagnostics, result.Untouchable)
		}
		keepPlanned(before.Diagnostics, result.Applied)
		if err := f.findings(o, in, before); err != nil {
			return err
		}
		for _, d := range o.file.Diagnostics {
			if len(d.Fixes) == 0 {
				o.left = append(o.left, d.Rule)
			}
		}
		return nil
	}
	for _, a := range result.Applied {
		o.file.Applied = append(o.file.Applied, report.Applied{Rule: a.Rule, Title: a.Title, Line: a.Line})
	}
	in.Content = result.After
	if err := f.findings(o, in, result.Remaining); err != nil {
		return err
	}
	for _, d := range o.file.Diagnostics {
		o.left = append(o.left, d.Rule)
	}
	if result.Untouchable != "" {
		withhold(o.file.Diagnostics, result.Untouchable)
	}
	return nil
}

// keepPlanned takes away the fixes that would not be made. What is mended on top of
// another fix has no edits of this text: its fix is named and carries none.
func keepPlanned(ds []analysis.Diagnostic, applied []rewrite.Applied) {
	for i := range ds {
		var kept []analysis.Fix
		for _, a := range applied {
			if a.Rule != ds[i].Rule || a.Span != ds[i].Span {
				continue
			}
			fix := analysis.Fix{Title: a.Title, Safety: a.Safety}
			if k := slices.IndexFunc(ds[i].Fixes, func(f analysis.Fix) bool { return f.Title == a.Title }); k >= 0 {
				fix = ds[i].Fixes[k]
			}
			kept = append(kept, fix)
		}
		ds[i].Fixes = kept
	}
}

// save writes what a fix changes, the Dockerfile last: it may need the others. Where
// one cannot be written, those before it are put back.
func (f *fixer) save(path string, r *rewrite.Result) error {
	for i, other := range r.Others {
		err := error(nil)
		if other.New {
			err = rewrite.CreateFile(other.Path, other.After)
		} else {
			err = f.writeFile(other.Path, other.Before, other.After)
		}
		if err != nil {
			return errors.Join(err, f.putBack(r.Others[:i]))
		}
	}
	if err := f.writeFile(path, r.Before, r.After); err != nil {
		return errors.Join(err, f.putBack(r.Others))
	}
	return nil
}

// putBack undoes what was written of other files; what someone changed meanwhile stays.
func (f *fixer) putBack(others []rewrite.OtherFile) error {
	var errs []error
	for _, other := range others {
		var err error
		if !other.New {
			err = f.writeFile(other.Path, other.After, other.Before)
		} else if now, read := os.ReadFile(other.Path); read == nil && string(now) == other.After {
			err = os.Remove(other.Path)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("and %s stays changed: %w", other.Path, err))
		}
	}
	return errors.Join(errs...)
}

// diff is the unified diff of all that a fix changes.
func diff(path string, r *rewrite.Result, called func(path string) string) string {
	var out strings.Builder
	for _, other := range r.Others {
		name := called(other.Path)
		old := name
		if other.New {
			old = ""
		}
		out.WriteString(rewrite.Diff(old, name, other.Before, other.After))
	}
	name := called(cmp.Or(path, "Dockerfile"))
	out.WriteString(rewrite.Diff(name, name, r.Before, r.After))
	return out.String()
}

// fromHere is a path relative to the working folder.
func fromHere(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		if here, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(here, abs); err == nil {
				path = rel
			}
		}
	}
	return filepath.ToSlash(path)
}
