package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/spf13/cobra"
)

// A selection is the flags that `check` and `fix` share.
type selection struct {
	only, except []string
	config       []string // files, and KEY=VALUE
	context      string
	stdinName    string
	format       string
	failOn       string
	exitZero     bool
	baseline     string
	newFrom      string
	forced       bool // --force-exclude
	mends        bool // what can mend nothing need not run
}

var failLevels = []string{"error", "warning", "info", "never"}

func (s *selection) flags(c *cobra.Command, formats []string, all []*analysis.Rule) {
	f := c.Flags()
	f.StringSliceVar(&s.only, "only", nil, "use only these `RULE`s, even if they are off by default")
	f.StringSliceVar(&s.except, "except", nil, "leave these `RULE`s out")
	f.StringArrayVar(&s.config, "config", nil, "a configuration `FILE` in place of .shale.toml, or a KEY=VALUE that goes before it; may be repeated")
	f.StringVar(&s.context, "context", "", "the `DIR` that is the build context of every file")
	f.StringVar(&s.stdinName, "stdin-filename", "", "with -: the `PATH` whose configuration and context hold")
	f.StringVar(&s.format, "format", formats[0], "how to report: "+strings.Join(formats[:len(formats)-1], ", ")+" or "+formats[len(formats)-1])
	f.StringVar(&s.failOn, "fail-on", "warning", "exit with 1 when a finding of this severity or above remains: error, warning, info or never")
	f.BoolVar(&s.exitZero, "exit-zero", false, "exit with 0 whatever is found")
	f.StringVar(&s.baseline, "baseline", "", "leave out the findings that were noted in this `FILE`, which check can write")
	f.StringVar(&s.newFrom, "new-from", "", "leave out the findings that were there at this git `REV`, wherever their lines are now")
	s.force(c)
	complete(c, "format", formats...)
	complete(c, "fail-on", failLevels...)
	for _, flag := range []string{"only", "except"} {
		err := c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleNames(all), cobra.ShellCompDirectiveNoFileComp
		})
		if err != nil {
			panic(err)
		}
	}
	if err := c.MarkFlagDirname("context"); err != nil {
		panic(err)
	}
}

// force is the flag that hooks need, which name every file that changed.
func (s *selection) force(c *cobra.Command) {
	c.Flags().BoolVar(&s.forced, "force-exclude", false, "leave out what the configuration excludes even where a PATH names it, for hooks")
}

// fails returns the severity from which on findings fail the command; one above
// Error when none does.
func (s *selection) fails() (analysis.Severity, error) {
	if err := oneOf("--fail-on", s.failOn, failLevels...); err != nil {
		return 0, err
	}
	if severity, ok := analysis.ParseSeverity(s.failOn); ok && !s.exitZero {
		return severity, nil
	}
	return analysis.Error + 1, nil
}

// rules returns the rules to run. BuildKit's refusals are always reported: they
// may be named, but not left out.
func (s *selection) rules(all []*analysis.Rule) ([]*analysis.Rule, error) {
	for _, name := range slices.Concat(s.only, s.except) {
		if name != analysis.SyntaxRule && !slices.Contains(ruleNames(all), name) {
			return nil, unknownRule(name, all)
		}
	}
	if slices.Contains(s.except, analysis.SyntaxRule) {
		return nil, fmt.Errorf("%q cannot be left out: BuildKit refuses such a file", analysis.SyntaxRule)
	}
	var out []*analysis.Rule
	for _, r := range all {
		asked := slices.Contains(s.only, r.Name)
		if len(s.only) > 0 && !asked || slices.Contains(s.except, r.Name) || s.mends && r.Codes != "" {
			continue
		}
		if asked && r.Severity == analysis.Off {
			on := *r
			on.Severity = analysis.Warning
			r = &on
		}
		out = append(out, r)
	}
	return out, nil
}
