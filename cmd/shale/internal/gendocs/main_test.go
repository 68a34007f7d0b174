package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/cmd/shale/internal/report"
)

const root = "../../../.."

// Pages that are not what the rules say now are stale.
func TestPages(t *testing.T) {
	all, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range all {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Errorf("%v; run `make docs`", err)
		} else if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is stale, run `make docs` (-want +got)\n%s", path, diff)
		}
	}
	stale, err := orphans(root, all)
	if err != nil || len(stale) > 0 {
		t.Errorf("pages of rules that are gone, run `make docs`: %v %v", stale, err)
	}
}

// Each column of the table of rules holds what its heading says.
func TestTable(t *testing.T) {
	rows := strings.Split(table("docs/"), "\n")[2:]
	for i, r := range rules.All() {
		link := "[" + r.Name + "](docs/rules/" + r.Name + ".md)"
		want := "| " + strings.Join([]string{link, r.Doc.Summary, r.Severity.String(), report.FixWord(r)}, " | ") + " |"
		if rows[i] != want {
			t.Errorf("the row of %s is\n%s\nnot\n%s", r.Name, rows[i], want)
		}
	}
}

// The README shows what the command prints now.
func TestReadme(t *testing.T) {
	want, err := readme(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("README.md is stale, run `make docs` (-want +got)\n%s", diff)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err == nil {
		t.Error("wrote outside a repository")
	}
	for path, text := range map[string]string{
		"go.mod":             "module x\n",
		"docs/rules/gone.md": "# gone\n",
		"testdata/rules/merge-runs/example.txtar": "One layer.\n-- before --\nFROM a\nRUN b\n-- after --\nFROM a\nRUN c\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	want, err := pages(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for path := range want {
		b, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Error(err)
		}
		got[path] = string(b)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "docs/rules/gone.md")); err == nil {
		t.Error("the page of a rule that is gone stands")
	}
}
