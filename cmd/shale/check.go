package main

import (
	"errors"
	"fmt"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	var s selection
	var write string // --write-baseline
	c := &cobra.Command{
		Use:   "check [PATH…]",
		Short: "Show what could be better",
		Long: `Show what wastes bytes and cache in Dockerfiles, and what BuildKit refuses.
Nothing is written. A PATH is a file, a folder, or - for standard input; without
one, the current folder is walked.

Exit status: 0 nothing at or above --fail-on, 1 something, 2 a file that could
not be read, a wrong flag or a broken configuration.`,
		Example: "  shale check\n  shale check docker/ web/Dockerfile\n  shale check --only merge-runs --format sarif >shale.sarif",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case write != "" && (s.baseline != "" || s.newFrom != ""):
				return errors.New("--write-baseline notes all that is found: neither --baseline nor --new-from goes with it")
			case write != "":
				return a.writeBaseline(c, args, &s, write)
			}
			return a.check(c, args, &s)
		},
	}
	s.flags(c, formatNames(), a.rules)
	c.Flags().StringVar(&write, "write-baseline", "", "write what is found to this `FILE` instead of reporting it, for --baseline")
	return c
}

func (a *app) check(c *cobra.Command, args []string, sel *selection) error {
	s, err := a.begin(c, sel)
	if err != nil {
		return err
	}
	defer s.stop()
	files, bad, err := s.find(args)
	if err != nil {
		return err
	}
	w := report.New(s.format, s.out, s.look(s.out))
	s.each("checked", files, bad, func(o *outcome, in analysis.Input) error {
		return s.findings(o, in, analysis.Check(in, s.chosen))
	}, func(o outcome) {
		w.File(o.file)
	})
	w.Close()
	return s.status(s.tally.AtLeast(s.fail) > 0)
}

// writeBaseline notes what is found, so that later runs leave it out.
func (a *app) writeBaseline(c *cobra.Command, args []string, sel *selection, path string) error {
	sel.format = string(report.Text) // nothing is printed, and no fix is proven
	s, err := a.begin(c, sel)
	if err != nil {
		return err
	}
	defer s.stop()
	files, bad, err := s.find(args)
	if err != nil {
		return err
	}
	w, err := newBaselineWriter(path)
	if err != nil {
		return err
	}
	s.each("checked", files, bad, func(o *outcome, in analysis.Input) error {
		return s.findings(o, in, analysis.Check(in, s.chosen))
	}, func(o outcome) {
		s.tally.Add(o.file)
		w.add(o.file)
	})
	if s.fault || s.ctx.Err() != nil {
		s.say(path + ": not written, for not every file could be checked")
		return s.status(false)
	}
	if err := w.write(); err != nil {
		return err
	}
	s.say(fmt.Sprintf("%s: %s noted in %s; --baseline leaves them out", path, report.Plural(s.tally.Findings(), "finding"), report.Plural(s.tally.Found, "file")))
	return s.status(false)
}
