package main

import (
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	var s selection
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
			return a.check(c, args, &s)
		},
	}
	s.flags(c, formatNames(), a.rules)
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
