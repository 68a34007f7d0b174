package rules_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/rules"
)

var (
	amount = regexp.MustCompile(`\d+(?:\.\d+)? (?:bytes|kB|MB|GB)\b`)
	gain   = regexp.MustCompile(`gain: (\d+) bytes`)
	about  = regexp.MustCompile(`about (\d+ (?:kB|MB))`)
)

// No rule names bytes that are not in the table of measured figures: neither its page
// nor, as far as fixtures show, a finding. What a finding tells of a file of the build
// context is the size of those files.
func TestFiguresAreMeasured(t *testing.T) {
	for _, f := range pkgmgr.Figures {
		if f.Manager == "" || f.After == "" || f.Bytes <= 0 || f.How == "" {
			t.Errorf("a figure lacks what it is of, or how it was measured: %+v", f)
		}
		m := pkgmgr.ByName(f.Manager)
		if m == nil || f.Dir != "" && !slices.ContainsFunc(m.Caches, func(c pkgmgr.Cache) bool { return f.Dir == c.Dir || f.Dir == c.RootDir }) {
			t.Errorf("%s has no cache in %s", f.Manager, f.Dir)
		}
		if f.Any && f.Dir == "" {
			t.Errorf("no finding could name %+v", f)
		}
	}
	for _, r := range rules.All() {
		for _, text := range []string{r.Doc.Summary, r.Doc.What, r.Doc.Why, r.Doc.Silent, r.Doc.Fix} {
			for _, n := range amount.FindAllString(text, -1) {
				if !slices.ContainsFunc(pkgmgr.Figures, func(f pkgmgr.Figure) bool { return f.String() == n || strings.Contains(f.How, n) }) &&
					!slices.ContainsFunc(variants(), func(f facts.VariantFigure) bool { return slices.Contains(amount.FindAllString(f.String(), -1), n) }) {
					t.Errorf("the page of %s says %s, which is in no table", r.Name, n)
				}
			}
		}
	}
	found := 0
	err := filepath.WalkDir(filepath.Join("..", "..", "testdata"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" || !strings.Contains(path, "rules") && !strings.Contains(path, "managers") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var bytes, sizes []string
		for _, f := range pkgmgr.Figures {
			if f.Any {
				bytes = append(bytes, fmt.Sprint(f.Bytes))
				sizes = append(sizes, fmt.Sprintf("%.0f MB", float64(f.Bytes)/1e6), fmt.Sprintf("%.0f kB", float64(f.Bytes)/1e3))
			}
		}
		for _, f := range variants() {
			bytes = append(bytes, fmt.Sprint(f.Less()))
		}
		a := txtar.Parse(data)
		sums := []int{0}
		for _, f := range a.Files {
			for _, n := range slices.Clone(sums) {
				if n += len(f.Data); !slices.Contains(sums, n) {
					sums = append(sums, n)
				}
			}
		}
		for _, n := range sums[1:] {
			bytes = append(bytes, fmt.Sprint(n))
			sizes = append(sizes, fmt.Sprintf("%.0f kB", float64(n)/1e3))
		}
		for _, f := range a.Files {
			if f.Name != "diagnostics" && f.Name != "report" {
				continue
			}
			for _, m := range gain.FindAllStringSubmatch(string(f.Data), -1) {
				if found++; !slices.Contains(bytes, m[1]) {
					t.Errorf("%s: a gain of %s bytes is in no table", path, m[1])
				}
			}
			for _, m := range about.FindAllStringSubmatch(string(f.Data), -1) {
				if !slices.Contains(sizes, m[1]) {
					t.Errorf("%s: a finding says about %s, which is in no table", path, m[1])
				}
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d gains in fixtures: %v", found, err)
	}
}

// variants are the sizes of images that were measured.
func variants() []facts.VariantFigure {
	var out []facts.VariantFigure
	for _, v := range facts.VariantTable {
		out = append(out, v.Figures...)
	}
	return out
}
