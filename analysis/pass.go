package analysis

import (
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/facts"
)

// A Pass is one run of one rule over one Dockerfile.
type Pass struct {
	*facts.File
	*checking
	rule     *Rule
	severity Severity
}

// checking is one run of all rules over one Dockerfile.
type checking struct {
	config   *config.Config
	silenced ignores
	remarks  func() []remark
	report   *Report
}

// Report records a finding. Rule and Severity are filled in.
func (p *Pass) Report(d Diagnostic) {
	if p.silenced.at(p.rule, p.Doc.At(d.Span.Start)) {
		return
	}
	if code := d.Rule; code != "" {
		if p.silenced.code(code, p.Doc.At(d.Span.Start)) {
			return
		}
		if name, ok := p.config.Severity(code); ok {
			if d.Severity, _ = ParseSeverity(name); d.Severity == Off {
				return
			}
		} else if configured(p.rule, p.config) {
			d.Severity = p.severity
		}
	} else if d.Rule = p.rule.Name; d.Severity == Off || configured(p.rule, p.config) {
		d.Severity = p.severity
	}
	if len(d.Fixes) > 0 {
		unprove(p.remarks(), &d)
	}
	p.report.Diagnostics = append(p.report.Diagnostics, d)
}

// Option returns the value in force of one of the rule's options.
func (p *Pass) Option(name string) string { return optionOf(p.rule, p.config, name) }

// Table returns the entries of one of the rule's options that is a table.
func (p *Pass) Table(name string) map[string]string { return p.config.Table(p.rule.Name, name) }
