package rewrite_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/rewrite"
)

// named tells Dockerfiles by their names.
var named = regexp.MustCompile(`(?i)^(dockerfile([._-][a-z]+)?|.+\.dockerfile)$`)

// corpus reads real Dockerfiles: those that the modules of this build ship, or
// those in the folder that SHALE_CORPUS names.
var corpus = sync.OnceValues(func() (map[string]string, error) {
	var roots []string
	if dir := os.Getenv("SHALE_CORPUS"); dir != "" {
		roots = []string{dir}
	} else {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "all").Output()
		if err != nil {
			return nil, err
		}
		roots = strings.Fields(string(out))
	}
	texts := map[string]string{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == ".cache" {
				return filepath.SkipDir // what other tests build there comes and goes
			}
			if err != nil || d.IsDir() || !named.MatchString(d.Name()) || strings.HasSuffix(path, ".dockerignore") {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil && len(data) < 60<<10 {
				texts[path] = string(data)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return texts, nil
})

// BenchmarkRealFiles measures, over the same real Dockerfiles, BuildKit's parser
// alone and what Shale adds: "x" is how many times the parser's time.
func BenchmarkRealFiles(b *testing.B) {
	texts, err := corpus()
	if err != nil || len(texts) == 0 {
		b.Fatalf("no Dockerfiles: %v", err)
	}
	all := rules.All()
	var parsing time.Duration
	each := func(name string, work func(path, text string)) {
		b.Run(name, func(b *testing.B) {
			start := time.Now()
			for b.Loop() {
				for path, text := range texts {
					work(path, text)
				}
			}
			per := time.Since(start) / time.Duration(b.N)
			if name == "parser" {
				parsing = per
			}
			b.ReportMetric(float64(per.Microseconds())/float64(len(texts)), "µs/file")
			if parsing > 0 {
				b.ReportMetric(float64(per)/float64(parsing), "x")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	each("parser", func(_, text string) {
		_, _ = parser.Parse(strings.NewReader(text))
	})
	each("check", func(path, text string) {
		analysis.Check(analysis.Input{Path: path, Content: text}, all)
	})
	each("plan", func(path, text string) {
		if _, err := rewrite.Fix(b.Context(), analysis.Input{Path: path, Content: text}, rewrite.Options{Rules: all, Safety: analysis.Safe}); err != nil {
			b.Fatal(err)
		}
	})
}

// Over real files no fix may be wrong, and none may be left to make.
func TestRealFiles(t *testing.T) {
	texts, err := corpus()
	if err != nil || len(texts) < 40 {
		t.Fatalf("only %d Dockerfiles: %v", len(texts), err)
	}
	all := rules.All()
	made := 0
	for path, text := range texts {
		in := analysis.Input{Path: path, Content: text}
		once, err := rewrite.Fix(t.Context(), in, rewrite.Options{Rules: all, Safety: analysis.Safe})
		if err != nil {
			t.Fatal(err)
		}
		made += len(once.Applied)
		for _, r := range once.Rejected {
			t.Errorf("%s:%d: %s: %s: %s", path, r.Line, r.Rule, r.Title, r.Reason)
		}
		in.Content = once.After
		twice, err := rewrite.Fix(t.Context(), in, rewrite.Options{Rules: all, Safety: analysis.Safe})
		if err != nil {
			t.Fatal(err)
		}
		if twice.After != once.After {
			t.Errorf("%s changes again:\n%s", path, rewrite.Diff("once", "twice", once.After, twice.After))
		}
	}
	if made == 0 {
		t.Error("no fix was made in any real Dockerfile: the corpus tests nothing")
	}
	t.Logf("%d files, %d fixes", len(texts), made)
}
