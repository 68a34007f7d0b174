package lsp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	fscopy "github.com/tonistiigi/fsutil/copy"
)

// odd are names that mean something else to BuildKit than what they say, somewhere.
var odd = []string{
	"$post.tsx", "${x}.ts", "a$", "[id].tsx", "i.tsx", "[[...slug]].tsx", "*.js", "what?.md", "a b", "it's", `say "hi"`, `back\s.txt`, "tick`s.txt",
	"-x", "--link", "#hash", "<<EOF", "a,b", "a=b", "é😀", "no\u00a0break", "tab\tbed", "[x", "x]", "{a}", "~", "!n", "a&b;c", "(route)", "@modal", "%20", "+page.svelte",
}

// TestPathsAreReadByBuildKit completes names and has BuildKit's parser, expansion and
// matching say which file they are.
func TestPathsAreReadByBuildKit(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{".", "dir", "[slug]/$x"} {
		for _, name := range odd {
			file := filepath.Join(dir, sub, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".shale.toml"), []byte(`context = [{files = "*", dir = "."}]`), 0o666); err != nil {
		t.Fatal(err)
	}
	c := connect(t)
	c.folder = "file://" + filepath.ToSlash(dir)
	c.initialize(full("utf-8"))
	uri := "file://" + filepath.ToSlash(dir) + "/Dockerfile"
	for name, form := range map[string]struct {
		before, typed, after string
		dir                  string
		without              []string // of what can be written in any form
	}{
		"words":           {"FROM x\nCOPY ", "", " /y/\n", "", []string{"a b", "--link"}},
		"line by line":    {"FROM x\nCOPY dir \\\n  ", "", " /y/\n", "", []string{"a b", "--link", "#hash"}},
		"folder":          {"FROM x\nCOPY ", "dir/", " /y/\n", "dir", []string{"a b"}},
		"odd folder":      {"FROM x\nCOPY ", `[[]slug]/\$x/`, " /y/\n", "[slug]/$x", []string{"a b"}},
		"quotes":          {"FROM x\nCOPY \"", "dir/", "\" /y/\n", "dir", []string{"a b"}},
		"list":            {"FROM x\nCOPY [\"", "", "\", \"/y/\"]\n", "", []string{"--link"}},
		"odd folder list": {"FROM x\nCOPY [\"dir\", \"", `[[]slug]/\\$x/`, "\", \"/y/\"]\n", "[slug]/$x", nil},
		"backtick":        {"# escape=`\nFROM x\nADD ", "[[]slug]/`$x/", " /y/\n", "[slug]/$x", []string{"a b"}},
		"backtick list":   {"# escape=`\nFROM x\nADD [\"", "dir/", "\", \"/y/\"]\n", "dir", nil},
		"mount":           {"FROM x\nRUN --mount=type=bind,source=", "", ",target=/y ls\n", "", []string{"a b", "a,b", "$post.tsx", "${x}.ts", "a$", "--link", "é😀"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := c.open(uri, form.before+form.typed+form.after, "utf-8")
			defer c.notify("textDocument/didClose", map[string]any{"textDocument": d.id()})
			at := strings.Count(form.before, "\n")
			column := len(form.before+form.typed) - strings.LastIndexByte(form.before, '\n') - 1
			var list struct{ Items []struct{ TextEdit textEdit } }
			c.call("textDocument/completion", map[string]any{"textDocument": d.id(), "position": position{at, column}}, &list)
			var got []string
			for _, it := range list.Items {
				if strings.HasSuffix(it.TextEdit.NewText, "/") || strings.HasPrefix(it.TextEdit.NewText, "--") || it.TextEdit.NewText == ".shale.toml" {
					continue
				}
				text := splice(d.text, it.TextEdit, "utf-8")
				for _, source := range sourcesByBuildKit(t, text, dir) {
					if source != "dir" { // which was there before
						got = append(got, strings.TrimPrefix(strings.TrimPrefix(source, form.dir), "/"))
					}
				}
			}
			var want []string
			for _, n := range odd {
				if !slices.Contains(form.without, n) && !strings.ContainsAny(n, "'\"\\<\t\u00a0") && (n != "tick`s.txt" || !strings.Contains(name, "backtick")) {
					want = append(want, n)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestManyPaths asks in a folder of more files than a list holds: what is typed is looked
// for among all of them, and a list that was cut short says so.
func TestManyPaths(t *testing.T) {
	dir := t.TempDir()
	for i := range 600 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%03d", i)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	c := connect(t)
	c.folder = "file://" + filepath.ToSlash(dir)
	c.initialize(full("utf-8"))
	d := c.open(c.folder+"/Dockerfile", "FROM x\nCOPY f\nCOPY f59\n", "utf-8")
	for p, want := range map[position]int{{1, 6}: 500, {2, 8}: 10} {
		var list struct {
			IsIncomplete bool
			Items        []struct{ Label string }
		}
		c.call("textDocument/completion", map[string]any{"textDocument": d.id(), "position": p}, &list)
		if len(list.Items) != want || list.IsIncomplete != (want == 500) {
			t.Errorf("%v: %d items, %t; want %d", p, len(list.Items), list.IsIncomplete, want)
		}
	}
}

// sourcesByBuildKit are the files that the last instruction of a Dockerfile reads.
func sourcesByBuildKit(t *testing.T, text, dir string) (out []string) {
	t.Helper()
	ast, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	stages, _, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	lex := shell.NewLex(ast.EscapeToken)
	expand := func(word string) (string, error) {
		r, err := lex.ProcessWordWithMatches(word, shell.EnvsFromSlice(nil))
		return r.Result, err
	}
	commands := stages[0].Commands
	command := commands[len(commands)-1]
	if err := command.(instructions.SupportsSingleWordExpansion).Expand(expand); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var patterns []string
	switch c := command.(type) {
	case *instructions.CopyCommand:
		patterns = c.SourcePaths
	case *instructions.AddCommand:
		patterns = c.SourcePaths
	case *instructions.RunCommand:
		for _, m := range instructions.GetMounts(c) {
			out = append(out, m.Source)
		}
	}
	for _, p := range patterns {
		matches, err := fscopy.ResolveWildcards(dir, p, true)
		if err != nil || len(matches) != 1 {
			t.Errorf("%q: %q matches %q (%v)", text, p, matches, err)
		}
		for _, m := range matches {
			if _, err := os.Stat(filepath.Join(dir, m)); err != nil {
				t.Errorf("%q: %v", text, err)
			}
			out = append(out, strings.TrimPrefix(m, "/"))
		}
	}
	return out
}
