package checks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/rewrite/fixture"
)

func TestFixtures(t *testing.T) { fixture.Run(t, "../../testdata/checks", checks.All()) }

// Every check of BuildKit's linter is there, with its own link. The linter lists
// them in its source only.
func TestAllOfDockersChecks(t *testing.T) {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/moby/buildkit/frontend/dockerfile/linter").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "ruleset.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, rule := range regexp.MustCompile(`LinterRule\[`).Split(string(source), -1)[1:] {
		if m := regexp.MustCompile(`Name: +"(\w+)"`).FindStringSubmatch(rule); m != nil {
			want[m[1]] = "https://docs.docker.com/reference/build-checks/"
			if u := regexp.MustCompile(`URL: +"(.+)"`).FindStringSubmatch(rule); u != nil {
				want[m[1]] = u[1]
			}
		}
	}
	got := map[string]string{}
	var names []string
	for _, r := range checks.All() {
		names = append(names, r.Name)
		got[r.Name] = checks.URL(r.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-linter +here)\n%s", diff)
	}
	if !slices.IsSorted(names) {
		t.Errorf("not in order: %v", names)
	}
}
