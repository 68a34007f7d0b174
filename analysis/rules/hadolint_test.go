package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/rules"
)

var compared = regexp.MustCompile("(?s)```dockerfile\n(.*?)```\n\nhadolint: [^\n]*? Shale: ([^\n(]*)")

// What the page that compares Shale with hadolint says of Shale is so, and it leaves out
// no code that the rule answers to.
func TestHadolint(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "hadolint.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range rules.PackageCache.Aliases {
		if !strings.Contains(string(page), code) {
			t.Errorf("%s is not spoken of", code)
		}
	}
	cases := compared.FindAllStringSubmatch(string(page), -1)
	if n := strings.Count(string(page), "```dockerfile"); len(cases) != n {
		t.Errorf("%d of %d examples say what Shale says", len(cases), n)
	}
	for _, c := range cases {
		report := analysis.Check(analysis.Input{Content: c[1]}, []*analysis.Rule{&rules.PackageCache})
		var said []string
		for _, d := range report.Diagnostics {
			said = append(said, d.Message)
		}
		got, want := strings.Join(said, "; "), strings.TrimSpace(c[2])
		if want == "silent" && got != "" || want != "silent" && !strings.HasPrefix(got, want) {
			t.Errorf("of\n%sShale says %q, not %q", c[1], got, want)
		}
	}
}
