package lsp

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite/validate"
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

// The manual knows the options that BuildKit takes for each type of mount, and no other.
func TestMountOptionsAreBuildKits(t *testing.T) {
	values := map[string]string{
		"target": "/x", "dst": "/x", "destination": "/x", "source": "s", "src": "s", "from": "a", "id": "i", "env": "E",
		"sharing": "locked", "required": "true", "size": "1m", "mode": "0644", "uid": "1", "gid": "1",
		"readonly": "true", "ro": "true", "rw": "true", "readwrite": "true", "nonesuch": "1",
	}
	for _, m := range mountTypes {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			option := mountOption(m.name, key)
			for _, bare := range []bool{false, true} {
				mount := "type=" + m.name
				if full := mountAliases[key]; key != "target" && full != "target" {
					mount += ",target=/y"
				}
				mount += "," + key
				if !bare {
					mount += "=" + values[key]
				}
				text := "FROM scratch AS a\nFROM scratch\nRUN --mount=" + mount + " [\"x\"]\n"
				err := validate.CheckCompiles(context.Background(), text, text, validate.Options{})
				if known := option != nil && (!bare || option.bare); known != (err == nil) {
					t.Errorf("%s: known is %v, and BuildKit says %v", mount, known, err)
				}
			}
		}
	}
}
