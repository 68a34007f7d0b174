// Command gendocs writes the rules' pages under docs/ from the rules' own Doc and
// from their fixtures, and the parts of the README that the command itself prints.
// Run it at the root of the repository.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/shellcheck"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"golang.org/x/tools/txtar"
)

func main() {
	err := write(".")
	if err == nil {
		err = writeReadme(".")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return fmt.Errorf("run it at the root of the repository: %w", err)
	}
	all, err := pages(root)
	if err != nil {
		return err
	}
	stale, err := orphans(root, all)
	if err != nil {
		return err
	}
	for _, path := range stale {
		if err := os.Remove(filepath.Join(root, path)); err != nil {
			return err
		}
	}
	for path, text := range all {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pages returns each page by its path below root.
func pages(root string) (map[string]string, error) {
	out := map[string]string{}
	for _, r := range rules.All() {
		example, err := example(filepath.Join(root, "testdata", "rules", r.Name, "example.txtar"))
		if err != nil {
			return nil, err
		}
		out["docs/rules/"+r.Name+".md"] = report.RulePage(r, example)
	}
	sc := new(shellcheck.Checker).Rule()
	out["docs/rules/"+sc.Name+".md"] = report.RulePage(sc, nil)
	out["docs/rules.md"] = "# Rules\n\n" + table("")
	out["docs/from-hadolint.md"] = fromHadolint()
	out["docs/figures.md"] = figures()
	return out, nil
}

// orphans returns pages of rules that are gone.
func orphans(root string, pages map[string]string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "rules", "*.md"))
	var out []string
	for _, f := range files {
		path := "docs/rules/" + filepath.Base(f)
		if _, ok := pages[path]; !ok {
			out = append(out, path)
		}
	}
	return out, err
}

// finding is one in a fixture: where, how bad, the rule, and what is said.
var finding = regexp.MustCompile(`(?m)^(\d+):\d+-\S+ \w+ \S+: (.+)$`)

// said is what a fixture's findings say, a line each.
func said(diagnostics string) []string {
	var out []string
	for _, m := range finding.FindAllStringSubmatch(diagnostics, -1) {
		out = append(out, "line "+m[1]+": "+m[2])
	}
	return out
}

// commits tells a fixture's history in words.
func commits(history string) string {
	var out []string
	for line := range strings.Lines(history) {
		if n, files, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			out = append(out, fmt.Sprintf("%s commits changed `%s`", n, strings.ReplaceAll(files, " ", "` and `")))
		}
	}
	return " In its repository " + strings.Join(out, ", ") + "."
}

// example reads the fixture that a rule shows on its page; nil when it has none.
func example(path string) (*report.Example, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	archive := txtar.Parse(data)
	e := &report.Example{Prose: strings.TrimSpace(string(archive.Comment))}
	for _, f := range archive.Files {
		switch f.Name {
		case "before":
			e.Before = string(f.Data)
		case "after":
			e.After = string(f.Data)
		case "diagnostics":
			e.Says = said(string(f.Data))
		case "history":
			e.Prose += commits(string(f.Data))
		case "after unsafe":
			// What is shown where there is no safe fix.
			if e.After == "" {
				e.After = string(f.Data)
			}
		}
		if path, ok := strings.CutPrefix(f.Name, "after unsafe context/"); ok {
			e.Others = append(e.Others, report.OtherFile{Path: path, Text: string(f.Data)})
		}
		if path, ok := strings.CutPrefix(f.Name, "context/"); ok {
			e.Beside = append(e.Beside, path)
		}
	}
	if e.Before == "" {
		return nil, fmt.Errorf("%s: an example has a file before", path)
	}
	return e, nil
}
