package lsp

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
)

// others are the tools that Shale can stand beside, and which findings are theirs.
// Theirs are not shown twice; what mends them is offered all the same.
var others = map[string]func(s *server, d *analysis.Diagnostic) bool{
	"hadolint": func(s *server, d *analysis.Diagnostic) bool {
		if d.Rule == analysis.SyntaxRule {
			return true
		}
		codes := d.Codes
		if codes == nil {
			if r := s.rule(d.Rule); r != nil {
				codes = r.Aliases
			}
		}
		return slices.ContainsFunc(codes, func(c string) bool { return strings.HasPrefix(c, "DL") || strings.HasPrefix(c, "SC") })
	},
	// Its validator reads each instruction as BuildKit does, and knows some of
	// Docker's checks.
	dockerls: func(s *server, d *analysis.Diagnostic) bool {
		return d.Rule == analysis.SyntaxRule || slices.Contains([]string{
			"ConsistentInstructionCasing", "DuplicateStageName", "ExposeInvalidFormat", "MaintainerDeprecated",
			"MultipleInstructionsDisallowed", "NoEmptyContinuation", "WorkdirRelativePath",
		}, d.Rule)
	},
	// Docker's own server runs Docker's checks.
	"docker": func(s *server, d *analysis.Diagnostic) bool {
		return d.Rule == analysis.SyntaxRule || slices.ContainsFunc(s.checks, func(r *analysis.Rule) bool { return r.Name == d.Rule })
	},
}

// dockerls is dockerfile-language-server-nodejs, which many editors start by
// themselves. What it proposes and explains is left to it, too.
const dockerls = "dockerls"

// beside reports whether the client says that another tool runs beside this server.
func (a *surroundings) beside(name string) bool { return slices.Contains(a.Defer, name) }

// deferred reports whether another tool shows a finding.
func (s *server) deferred(a *surroundings, d *analysis.Diagnostic) bool {
	return slices.ContainsFunc(a.Defer, func(name string) bool {
		covers := others[name]
		return covers != nil && covers(s, d)
	})
}
