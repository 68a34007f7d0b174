package lsp

import (
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/syntax"
)

// The manual knows every instruction and flag that BuildKit does, and no other.
func TestManualIsComplete(t *testing.T) {
	if len(manual) != len(syntax.Keywords()) {
		t.Errorf("%d entries for %d instructions", len(manual), len(syntax.Keywords()))
	}
	for _, k := range syntax.Keywords() {
		e, ok := manual[strings.ToLower(k)]
		if !ok || e.what == "" || len(e.forms) == 0 {
			t.Errorf("%s is not explained", k)
		}
		var names []string
		for _, f := range e.flags {
			names = append(names, f.name)
			if f.what == "" {
				t.Errorf("%s --%s is not explained", k, f.name)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, syntax.Flags(strings.ToLower(k))) {
			t.Errorf("%s has the flags %v, explained are %v", k, syntax.Flags(strings.ToLower(k)), names)
		}
	}
	for _, s := range snippets {
		for _, escape := range []string{`\`, "`"} {
			text := plainSnippet(s.with(escape[0]))
			if doc := syntax.Parse("# escape=" + escape + "\nFROM a\n" + text + "\n"); len(doc.Problems) > 0 || strings.Contains(text, "${") {
				t.Errorf("the snippet %s gives %q: %v", s.label, text, doc.Problems)
			}
		}
	}
}
