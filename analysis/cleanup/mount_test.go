package cleanup_test

import (
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/cleanup"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/syntax"
)

// The fix that mounts a cache is one for all RUNs on a base, and is made once.
func TestMountOnce(t *testing.T) {
	doc := syntax.Parse("FROM python:3.12\n" + strings.Repeat("RUN pip install flask\nENV A=1\n", 3))
	f := facts.New("Dockerfile", doc, facts.Options{})
	runs := f.Runs(f.Stages().Stages[0])
	first, _ := cleanup.Mount(f, runs[0], &pkgmgr.Pip)
	for _, r := range runs {
		fix, _ := cleanup.Mount(f, r, &pkgmgr.Pip)
		if len(fix.Edits) != len(runs) || &fix.Edits[0] != &first.Edits[0] {
			t.Errorf("line %d: another fix, of %d edits", f.Line(r.In), len(fix.Edits))
		}
	}
}
