//go:build linux

package verify

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/tonistiigi/fsutil"

	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

var moreFiles = flag.String("dockerfiles", "", "a `folder` of more Dockerfiles for the comparison of Docker's checks")

// ignore leaves out of the build context what some Dockerfiles copy.
const ignore = "Dockerfile\nfoo\nsrc/*.log\n*.json\n"

// dockerfiles are those of BuildKit's own tests, those that the matrix builds, and more
// that a flag names.
func dockerfiles(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "frontend", "dockerfile")
	var texts []string
	names, err := filepath.Glob(filepath.Join(dir, "parser", "testfiles*", "*", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, folder := range []string{".", "dockerfile2llb", "linter", "instructions"} {
		names, err := filepath.Glob(filepath.Join(dir, folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(strings.ToUpper(s), "FROM ") {
						texts = append(texts, s)
					}
				}
				return true
			})
		}
	}
	for _, dir := range []string{"../../testdata", *moreFiles} {
		if dir == "" {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !strings.Contains(strings.ToLower(d.Name()), "dockerfile") {
				return err
			}
			text, err := os.ReadFile(path)
			texts = append(texts, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool {
		doc := syntax.Parse(text)
		_, other := doc.Frontend()
		again := seen[text]
		seen[text] = true
		return again || other || len(doc.Problems) > 0
	})
}

// overNothing puts scratch in the place of images: none can be fetched, and what one
// holds decides which variables are defined.
func overNothing(t *testing.T, text string) string {
	t.Helper()
	doc := syntax.Parse(text)
	stages := map[string]bool{"scratch": true}
	var edits []source.Edit
	for _, in := range doc.Instructions {
		if in.Name != "from" || len(in.Args) == 0 {
			continue
		}
		if base := in.Args[0]; !stages[strings.ToLower(base.Value)] && !strings.Contains(base.Value, "$") {
			edits = append(edits, source.Replace(base.Span(), "scratch"))
		}
		if len(in.Args) == 3 {
			stages[strings.ToLower(in.Args[2].Value)] = true
		}
	}
	out, err := source.Apply(text, edits)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// linted asks a BuildKit to lint texts, which lie in a context of files by their numbers.
func linted(t *testing.T, address string, texts []string, all map[string]string) []lint.LintResults {
	t.Helper()
	local, err := fsutil.NewFS(files(t, all))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answers := make([]lint.LintResults, len(texts))
	_, err = c.Build(t.Context(), client.SolveOpt{LocalMounts: map[string]fsutil.FS{"dockerfile": local, "context": local}}, "", func(ctx context.Context, g gateway.Client) (*gateway.Result, error) {
		for i := range texts {
			res, err := g.Solve(ctx, gateway.SolveRequest{Frontend: "dockerfile.v0", FrontendOpt: map[string]string{
				"requestid": "frontend.lint", "frontend.caps": "moby.buildkit.frontend.subrequests", "filename": fmt.Sprint(i),
			}})
			if err != nil {
				return nil, fmt.Errorf("%w of\n%s", err, texts[i])
			}
			if err := json.Unmarshal(res.Metadata["result.json"], &answers[i]); err != nil {
				return nil, err
			}
		}
		return gateway.NewResult(), nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// Docker's checks say in process what a BuildKit answers when it is asked to lint.
func TestChecksAreBuildKits(t *testing.T) {
	address := engineAddress(t)
	texts := dockerfiles(t)
	all := map[string]string{".dockerignore": ignore}
	for i, text := range texts {
		texts[i] = overNothing(t, text)
		all[fmt.Sprint(i)] = texts[i]
	}
	answers := linted(t, address, texts, all)

	compared, seen := 0, map[string]bool{}
	for i, text := range texts {
		here, err := compile.Lint(t.Context(), text, ignore)
		answer := answers[i]
		if err == nil && answer.Error != nil {
			continue // it asks for an image or a build argument that is not there
		}
		if err != nil && answer.Error == nil {
			t.Errorf("only in process: %v\n%s", err, text)
			continue
		}
		var got, want []string
		for _, w := range here {
			got = append(got, fmt.Sprintf("%d-%d %s %s", w.Start, w.End, w.Name, w.Message))
		}
		for _, w := range answer.Warnings {
			start, end := int32(0), int32(0)
			for _, r := range w.Location.Ranges {
				if start == 0 || r.Start.Line < start {
					start = r.Start.Line
				}
				end = max(end, r.End.Line)
			}
			want = append(want, fmt.Sprintf("%d-%d %s %s", start, end, w.RuleName, w.Detail))
			seen[w.RuleName] = true
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-BuildKit +in process)\n%s%s", diff, text)
		}
		compared++
	}
	if compared < 300 {
		t.Errorf("only %d files were compared", compared)
	}
	var never []string
	for _, r := range checks.All() {
		if !seen[r.Name] {
			never = append(never, r.Name)
		}
	}
	t.Logf("compared %d of %d files", compared, len(texts))
	// It asks for an image of another platform.
	if diff := cmp.Diff([]string{"InvalidBaseImagePlatform"}, never); diff != "" {
		t.Errorf("never found: %s", diff)
	}
}
