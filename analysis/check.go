package analysis

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/builds"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/gitlog"
)

// SyntaxRule names the findings that are BuildKit's own refusals.
const SyntaxRule = "syntax"

// Input is one Dockerfile to analyse and where it comes from.
type Input struct {
	Path    string // on disk; for messages, configuration and context; "" for text alone
	Content string
	Config  *config.Config // nil for the defaults
	Context string         // the build context that the user named; "" to find it
	Builds  []builds.Build // how compose and bake files build it

	Files map[string]string // what files beside it will hold that are to be written, by path on disk
	Walks *buildctx.Walks   // what walks of build contexts found; nil to walk anew

	History *gitlog.Logs // of the repositories that build contexts lie in; nil for none
	Earlier *facts.Kept  // of the text that Content was edited from; nil to read anew
}

// A Report is what the rules found in one Dockerfile.
type Report struct {
	File        *facts.File
	Diagnostics []Diagnostic // in order of position; silenced ones are left out
	Faults      []error      // rules that failed: defects of Shale, not of the Dockerfile
}

// Check runs the rules over one Dockerfile. What BuildKit refuses is reported as
// an error; the rules run all the same, over what can be read, but offer no fix.
func Check(in Input, rules []*Rule) *Report {
	doc := in.Earlier.Parse(in.Content)
	report := &Report{File: facts.New(in.Path, doc, facts.Options{Context: in.Context, Config: in.Config, Builds: in.Builds, Files: in.Files, Walks: in.Walks, History: in.History, Earlier: in.Earlier})}
	for _, p := range doc.Problems {
		report.Diagnostics = append(report.Diagnostics, Diagnostic{
			Rule: SyntaxRule, Severity: Error, Span: p.Span, Message: p.Message,
		})
	}
	all := &checking{in.Config, readIgnores(doc), sync.OnceValue(func() []remark { return remarks(doc) }), report}
	for _, rule := range rules {
		severity := severityOf(rule, in.Config)
		if severity == Off || all.silenced.everywhere(rule) {
			continue
		}
		pass := &Pass{report.File, all, rule, severity}
		if err := run(rule, pass); err != nil {
			report.Faults = append(report.Faults, err)
		}
	}
	if report.File.KnownRefused() {
		report.withhold("BuildKit refuses this file; mend that first")
	}
	if why := report.File.Replaced(); why != "" {
		report.doubt(why)
	}
	slices.SortStableFunc(report.Diagnostics, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Span.End, b.Span.End))
	})
	return report
}

// withhold takes all fixes back: nothing can be proven of a text that does not compile.
func (r *Report) withhold(why string) {
	for i := range r.Diagnostics {
		if d := &r.Diagnostics[i]; len(d.Fixes) > 0 {
			d.Fixes = nil
			d.Withheld = append(slices.Clip(d.Withheld), why)
		}
	}
}

// doubt leaves no fix safe.
func (r *Report) doubt(why string) {
	for i := range r.Diagnostics {
		d := &r.Diagnostics[i]
		safe := false
		d.Fixes = slices.Clone(d.Fixes)
		for j := range d.Fixes {
			safe = safe || d.Fixes[j].Safety == Safe
			d.Fixes[j].Safety = Unsafe
		}
		if safe {
			d.Withheld = append(slices.Clip(d.Withheld), why)
		}
	}
}

// run keeps a rule's panic from taking the other rules and files with it.
func run(rule *Rule, pass *Pass) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rule %s failed: %v\n%s", rule.Name, r, debug.Stack())
		}
	}()
	rule.Run(pass)
	return nil
}

// Schema tells a configuration which rules there are, and their options.
func Schema(rules []*Rule) config.Schema {
	s := config.Schema{Rules: map[string]map[string][]string{}, Codes: map[string][]string{}, Tables: map[[2]string]config.Entry{}}
	for _, r := range rules {
		if r.Codes != "" {
			s.Owners = append(s.Owners, r.Owns)
		}
		s.Rules[r.Name] = map[string][]string{}
		for _, o := range r.Options {
			s.Rules[r.Name][o.Name] = o.Values
			if o.Entry != nil {
				s.Tables[[2]string{r.Name, o.Name}] = o.Entry
			}
		}
		for _, code := range r.Aliases {
			s.Codes[code] = append(s.Codes[code], r.Name)
		}
	}
	return s
}

// configured reports whether the user set the rule's severity.
func configured(rule *Rule, c *config.Config) bool {
	if c == nil {
		return false
	}
	_, ok := c.Severity(rule.Name)
	return ok
}

func severityOf(rule *Rule, c *config.Config) Severity {
	if c != nil {
		if name, ok := c.Severity(rule.Name); ok {
			s, _ := ParseSeverity(name)
			return s
		}
	}
	return rule.Severity
}

func optionOf(rule *Rule, c *config.Config, name string) string {
	for _, o := range rule.Options {
		if o.Name != name {
			continue
		}
		if c != nil {
			if v, ok := c.Option(rule.Name, name); ok {
				return v
			}
		}
		return o.Default
	}
	panic("rule " + rule.Name + " has no option " + name)
}

// ParseSeverity reads "error", "warning", "info" or "off".
func ParseSeverity(name string) (Severity, bool) {
	for s := Off; s <= Error; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return Off, false
}
