package analysis

import "github.com/shale-build/shale/analysis/facts"

// A Pass is one run of one rule over one Dockerfile.
type Pass struct {
	*facts.File
	report func(Diagnostic)
	option func(name string) string
	table  func(name string) map[string]string
}

// Report records a finding. Rule and Severity are filled in.
func (p *Pass) Report(d Diagnostic) { p.report(d) }

// Option returns the value in force of one of the rule's options.
func (p *Pass) Option(name string) string { return p.option(name) }

// Table returns the entries of one of the rule's options that is a table.
func (p *Pass) Table(name string) map[string]string { return p.table(name) }
