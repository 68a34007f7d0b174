package main

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/lsp"
	"github.com/spf13/cobra"
)

func (a *app) lspCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor over standard input and output",
		Long:  "Speak the Language Server Protocol over standard input and output, until the editor says exit.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// Little lives, much is made anew at each edit: a quarter faster, for 5 MB
			// more. The server bounds what long files take.
			a.collectAt(200)
			if a.hush != nil {
				a.hush()
			}
			release, _ := versions()
			err := lsp.Serve(c.Context(), a.in, a.out, lsp.Options{
				Alone:   true,
				History: lsp.History{Head: headCommit, Log: lastCommits},
				Rules:   slices.Concat(rules.All(), checks.All()),
				Others:  a.foreign,
				Version: cmp.Or(release, "(development)"),
				Log:     a.err,
				DocURL:  ruleURL,
			})
			if errors.Is(err, lsp.ErrNoShutdown) || errors.Is(err, context.Canceled) {
				return exit(1) // as the protocol says
			}
			return err
		},
	}
	// Editors add it by habit; there is no other transport.
	c.Flags().Bool("stdio", true, "use standard input and output")
	if err := c.Flags().MarkHidden("stdio"); err != nil {
		panic(err)
	}
	return c
}
