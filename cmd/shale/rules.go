package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/moby/buildkit/util/suggest"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shellcheck"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/spf13/cobra"
)

func (a *app) rulesCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "rules [NAME…]",
		Short: "List the rules, or explain one",
		Long: `List the rules with their default severity and the most that their fixes
promise; or, given names, explain them. A code of hadolint or of Docker's build
checks names the rule that it silences.`,
		Example: "  shale rules\n  shale rules merge-runs",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleNames(a.rules), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, names []string) error {
			if err := oneOf("--format", format, "text", "json", "markdown"); err != nil {
				return err
			}
			chosen, err := findRules(names, a.rules)
			if err != nil {
				return err
			}
			switch {
			case format == "json":
				return a.rulesJSON(chosen)
			case format == "markdown":
				for _, r := range chosen {
					fmt.Fprint(a.out, report.RulePage(r, nil))
				}
			case len(names) == 0:
				w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "RULE\tSEVERITY\tFIX\tWHAT IT FINDS")
				for _, r := range chosen {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Name, r.Severity, report.FixWord(r), r.Doc.Summary)
				}
				w.Flush()
			default:
				for _, r := range chosen {
					fmt.Fprint(a.out, report.RuleText(r, ruleURL(r.Name), a.colored(a.out)))
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, json or markdown")
	complete(c, "format", "text", "json", "markdown")
	return c
}

// findRules returns the rules of these names or aliases; without names, all.
func findRules(names []string, all []*analysis.Rule) ([]*analysis.Rule, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []*analysis.Rule
	for _, name := range names {
		found := false
		if name == analysis.SyntaxRule {
			found, out = true, append(out, refusals)
		}
		for _, r := range all {
			if standsFor(r, name) {
				found = true
				out = append(out, r)
			}
		}
		if !found {
			return nil, unknownRule(name, all)
		}
	}
	return out, nil
}

// standsFor reports whether a name is a rule's own, or a code that silences it.
func standsFor(r *analysis.Rule, name string) bool {
	return r.Owns(name) || slices.ContainsFunc(r.Aliases, func(a string) bool { return strings.EqualFold(a, name) })
}

func ruleNames(all []*analysis.Rule) []string {
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return names
}

var hadolintCode = lazyregexp.New(`^(?i)DL\d{4}$`)

// unknownRule says that a name is no rule's, and what may be meant.
func unknownRule(name string, all []*analysis.Rule) error {
	names := ruleNames(all)
	var own []string
	for _, r := range all {
		if standsFor(r, name) {
			own = append(own, r.Name)
		}
	}
	if len(own) > 0 {
		return fmt.Errorf("there is no rule %q; for that code there is: %s", name, strings.Join(own, ", "))
	}
	if near, ok := suggest.Search(name, names, false); ok {
		// It answers in lower case.
		near = names[slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, near) })]
		return fmt.Errorf("there is no rule %q; did you mean %q?", name, near)
	}
	if hadolintCode.MatchString(name) {
		return fmt.Errorf("no rule of Shale's stands for %s; https://github.com/shale-build/shale/blob/main/docs/from-hadolint.md says why", name)
	}
	return fmt.Errorf("there is no rule %q; `shale rules` lists them", name)
}

// refusals explains what is no rule, and cannot be turned off.
var refusals = &analysis.Rule{
	Name: analysis.SyntaxRule, Severity: analysis.Error,
	Doc: analysis.Doc{
		Summary: "BuildKit refuses the Dockerfile",
		What:    "A line that BuildKit's parser does not take, in BuildKit's own words. The other lines keep their findings; no fix is made in such a file.",
		Why:     "The build would stop there.",
		Fix:     "There is none: what is meant is not known.",
	},
}

func (a *app) rulesJSON(chosen []*analysis.Rule) error {
	type option struct {
		Name    string   `json:"name"`
		Doc     string   `json:"doc"`
		Values  []string `json:"values"`
		Default string   `json:"default"`
	}
	type rule struct {
		Name     string   `json:"name"`
		Summary  string   `json:"summary"`
		Severity string   `json:"severity"`
		Best     string   `json:"fix"`
		Aliases  []string `json:"aliases"`
		Options  []option `json:"options"`
		URL      string   `json:"url"`
	}
	out := []rule{}
	for _, r := range chosen {
		j := rule{r.Name, r.Doc.Summary, r.Severity.String(), r.Best.String(), append([]string{}, r.Aliases...), []option{}, ruleURL(r.Name)}
		for _, o := range r.Options {
			j.Options = append(j.Options, option{o.Name, o.Doc, append([]string{}, o.Values...), o.Default})
		}
		out = append(out, j)
	}
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// ruleURL is the page that explains a rule.
func ruleURL(name string) string {
	if name == analysis.SyntaxRule {
		return "https://docs.docker.com/reference/dockerfile/"
	}
	if url := cmp.Or(checks.URL(name), shellcheck.URL(name)); url != "" {
		return url
	}
	return "https://github.com/shale-build/shale/blob/main/docs/rules/" + name + ".md"
}
