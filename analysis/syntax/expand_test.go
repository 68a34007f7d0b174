package syntax_test

import (
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/syntax"
)

func TestExpand(t *testing.T) {
	set := map[string]string{"NAME": "app", "EMPTY": ""}
	lookup := func(name string) (string, bool) { v, ok := set[name]; return v, ok }
	for _, c := range []struct{ escape, word, want, err string }{
		{`\`, `/srv/"$NAME"/${DIR:-data}`, "/srv/app/data", ""},
		{`\`, `a\ b'$NAME'${EMPTY:+x}`, "a b$NAME", ""},
		{"`", "C:\\$NAME`$x", `C:\app$x`, ""},
		{`\`, `${NAME`, "", "failed to process"},
		{`\`, strings.Repeat("${a:-", 5_000_000), "", "nested too deep"},
	} {
		got, err := syntax.Parse("# escape="+c.escape+"\nFROM a\n").Expand(c.word, lookup)
		if got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%.50s: %q %.200v", c.word, got, err)
		}
	}
}
