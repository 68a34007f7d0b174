package analysis

import "github.com/shale-build/shale/analysis/facts"

// A Pass is one run of one rule over one Dockerfile.
type Pass struct {
	*facts.File
	report func(Diagnostic)
	option func(name string) string
}

// Report records a finding. Rule and Severity are filled in.
func (p *Pass) Report(d Diagnostic) { p.report(d) }

// Option returns the value in force of one of the rule's options.
func (p *Pass) Option(name string) string { return p.option(name) }
