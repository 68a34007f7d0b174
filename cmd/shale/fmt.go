package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/layout"
	"github.com/spf13/cobra"
)

func (a *app) fmtCommand() *cobra.Command {
	var sel selection
	var diff bool
	c := &cobra.Command{
		Use:   "fmt [PATH…]",
		Short: "Lay Dockerfiles out",
		Long: `Lay Dockerfiles out as most of each file already is: blanks at line ends go,
continued lines are indented alike, keywords have one case. Nothing else changes;
comments and here-documents stay as they are, and so does what BuildKit refuses. A RUN
whose lines move is built once more, for its text is the key of its cache. The image has
the same files and runs the same commands; but it holds the text of a CMD, ENTRYPOINT or
HEALTHCHECK in shell form and of an ONBUILD, blanks before continued lines and the
keyword behind ONBUILD included.

A PATH is a file, a folder, or - for standard input, whose result goes to standard
output; without one, the current folder is walked.

Exit status: 0, with --diff 1 if there is a diff, 2 a file that could not be read
or written, or that is no text.`,
		Example: "  shale fmt\n  shale fmt --diff docker/\n  shale fmt - <Dockerfile",
		RunE: func(c *cobra.Command, args []string) error {
			return a.fmt(c, args, &sel, diff)
		},
	}
	c.Flags().BoolVar(&diff, "diff", false, "print the changes as a unified diff and write nothing")
	c.Flags().StringArrayVar(&sel.config, "config", nil, "a configuration `FILE` in place of .shale.toml, or a KEY=VALUE that goes before it; may be repeated")
	c.Flags().StringVar(&sel.stdinName, "stdin-filename", "", "with -: the `PATH` that it stands for")
	sel.force(c)
	sel.format, sel.failOn = string(report.Text), "never"
	return c
}

func (a *app) fmt(c *cobra.Command, args []string, sel *selection, diff bool) error {
	s, err := a.begin(c, sel)
	if err != nil {
		return err
	}
	defer s.stop()
	files, bad, err := s.find(args)
	if err != nil {
		return err
	}
	stdin := slices.ContainsFunc(files, func(t target) bool { return t.stdin })
	if stdin && len(args) > 1 {
		return errors.New("`fmt -` prints one result; give it no other PATH")
	}
	s.writes = !diff && !stdin
	diffs := false
	s.each("laid out", files, bad, func(o *outcome, in analysis.Input) error {
		var err error
		if o.text, err = layout.Format(in.Content); err != nil {
			return fmt.Errorf("%s: %w", o.file.Path, err)
		}
		if diff {
			o.diff = rewrite.Diff(fromHere(o.file.Path), fromHere(o.file.Path), in.Content, o.text)
		} else if s.writes {
			if err := a.writeFile(in.Path, in.Content, o.text); err != nil {
				return err
			}
			if o.text != in.Content {
				o.diff = "changed"
			}
		}
		return nil
	}, func(o outcome) {
		switch {
		case o.file.Err != nil:
		case diff:
			diffs = diffs || o.diff != ""
			io.WriteString(s.out, o.diff)
		case stdin:
			io.WriteString(s.out, o.text)
		case o.diff != "":
			fmt.Fprintln(s.out, report.Visible(o.file.Path))
		}
	})
	return s.status(diffs)
}
