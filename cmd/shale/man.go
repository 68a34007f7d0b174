//go:build man

package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// What writes the manual pages is in no release, nor is its library. `go run -tags man ./cmd/shale man DIR` writes a page for each command.
func init() {
	more = append(more, func(a *app) *cobra.Command {
		return &cobra.Command{
			Use:    "man DIR",
			Short:  "Write the manual pages into a folder",
			Hidden: true,
			Args:   cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				if err := os.MkdirAll(args[0], 0o755); err != nil {
					return err
				}
				shale, _ := versions()
				c.Root().DisableAutoGenTag = true
				// SOURCE_DATE_EPOCH is the time that they name.
				return doc.GenManTree(c.Root(), &doc.GenManHeader{Section: "1", Source: strings.TrimSpace("shale " + shale), Manual: "Shale"}, args[0])
			},
		}
	})
}
