package main

import (
	"slices"
	"testing"

	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
)

// Each code has a rule or a reason, not both, and each alias is a code.
func TestHadolintCodes(t *testing.T) {
	stands := map[string]bool{}
	for _, r := range slices.Concat(rules.All(), checks.All()) {
		for _, a := range r.Aliases {
			stands[a] = true
			if !slices.ContainsFunc(hadolintCodes, func(c code) bool { return c.name == a }) {
				t.Errorf("%s stands for %s, which is not in the table", r.Name, a)
			}
		}
	}
	for _, c := range hadolintCodes {
		if (c.none == "") != stands[c.name] {
			t.Errorf("%s: reason %q, but a rule stands for it: %v", c.name, c.none, stands[c.name])
		}
	}
}
