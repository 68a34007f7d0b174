package main

import (
	"context"
	"slices"
	"testing"

	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/compile"
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

// What the page says that BuildKit refuses, it refuses.
func TestHadolintRefused(t *testing.T) {
	examples := map[string]string{
		"DL3043": "FROM a\nONBUILD ONBUILD RUN x\n",
		"DL3061": "RUN x\nFROM a\n",
	}
	for _, c := range hadolintCodes {
		example, ok := examples[c.name]
		if ok != (c.none == refused) {
			t.Errorf("%s: an example: %v, said to be refused: %v", c.name, ok, c.none == refused)
		}
		if !ok {
			continue
		}
		if _, err := compile.Compile(context.Background(), example, compile.Options{}); err == nil {
			t.Errorf("%s: BuildKit takes it:\n%s", c.name, example)
		}
	}
}
