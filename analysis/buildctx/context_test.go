package buildctx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	fscopy "github.com/tonistiigi/fsutil/copy"
)

const links = `
-- .dockerignore --
Dockerfile
.dockerignore
hidden
*.log
!keep.log
deep
!deep/in/shown.txt
-- Dockerfile --
FROM scratch
-- hidden/file --
-- keep.log --
-- drop.log --
-- sub/x.log --
-- deep/in/shown.txt --
shown
-- deep/in/other.txt --
-- deep/out/x --
-- real/file.txt --
content
-- toreal -> real --
-- tofile -> real/file.txt --
-- up -> ../.. --
-- abs -> /etc/passwd --
-- loop -> loop --
-- chain -> tofile --
-- dangling -> gone --
-- tohidden -> hidden/file --
-- x.log -> real --
-- within -> real/../real/./file.txt --
`

func TestVisible(t *testing.T) {
	c := at(t, tree(t, links))
	for p, want := range map[string]bool{
		".": true, "/": true, "": true, "./real": true, "/real/file.txt": true, "real/": true,
		"Dockerfile": false, ".dockerignore": false, "hidden": false, "hidden/file": false,
		"keep.log": true, "drop.log": false, "sub/x.log": true, "sub": true,
		"deep": true, "deep/in": true, "deep/in/shown.txt": true, "deep/in/other.txt": false, "deep/out": false, "deep/out/x": false,
		"toreal": true, "toreal/file.txt": true, "tofile": true, "chain": true, "within": true,
		"up": false, "up/x": false, "abs": false, "loop": false, "dangling": false, "tohidden": false, "x.log": false,
		"..": false, "../x": false, "real/../..": false, "real/file.txt/x": false, "gone": false, "a\x00b": false,
	} {
		if got := c.Exists(p); got != want {
			t.Errorf("Exists(%q) = %v", p, got)
		}
	}
	for p, want := range map[string]bool{"real": true, "toreal": true, "tofile": false, "deep": true, "hidden": false, ".": true, "up": false} {
		if got := c.IsDir(p); got != want {
			t.Errorf("IsDir(%q) = %v", p, got)
		}
	}
	for p, want := range map[string]bool{"new.log": true, "sub/new.log": false, "hidden/not/yet": true, "src/new": false, "..": true} {
		if got := c.Ignored(p); got != want {
			t.Errorf("Ignored(%q) = %v", p, got)
		}
	}
	for p, want := range map[string]error{"hidden/file": fs.ErrNotExist, "gone": fs.ErrNotExist, "up": ErrOutside, "../x": ErrOutside, "abs": ErrOutside} {
		if _, err := c.Read(p); !errors.Is(err, want) {
			t.Errorf("Read(%q): %v", p, err)
		}
	}
	for _, p := range []string{"tofile", "chain", "within", "toreal/file.txt"} {
		if text, err := c.Read(p); err != nil || string(text) != "content\n" {
			t.Errorf("Read(%q) = %q, %v", p, text, err)
		}
	}
	if _, err := c.Read("real"); err == nil {
		t.Error("a folder was read")
	}
	got, err := c.ReadDir(".")
	want := []Entry{
		{Name: "abs", Link: true}, {Name: "chain", Link: true}, {Name: "dangling", Link: true}, {Name: "deep", Dir: true},
		{Name: "keep.log"}, {Name: "loop", Link: true}, {Name: "real", Dir: true}, {Name: "sub", Dir: true},
		{Name: "tofile", Link: true}, {Name: "tohidden", Link: true}, {Name: "toreal", Link: true}, {Name: "up", Link: true}, {Name: "within", Link: true},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	got, err = c.ReadDir("deep/in")
	if d := cmp.Diff([]Entry{{Name: "shown.txt"}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := c.ReadDir("hidden"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestReadIsLimited(t *testing.T) {
	dir := tree(t, "")
	f, err := os.Create(filepath.Join(dir, "big"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(maxRead + 1); err != nil {
		t.Skip(err)
	}
	f.Close()
	if _, err := at(t, dir).Read("big"); !errors.Is(err, ErrTooBig) {
		t.Error(err)
	}
}

// TestGlob compares with the code by which BuildKit's COPY selects sources.
func TestGlob(t *testing.T) {
	dir := tree(t, `
-- a.json --
-- package.json --
-- package-lock.json --
-- .hidden --
-- web/package.json --
-- web/src/a.js --
-- web/src/b/a.js --
-- api/package.json --
-- [odd]/x --
-- link -> web --
`)
	c := at(t, dir)
	for _, p := range []string{
		"package*.json", "*", "*/package.json", "web/*", "w?b/src", "*/*/*", "[ap]*", "[^x]*", "[^x]*b", "w[^x]*", "web/src/*.js",
		"no*", "*/", "./*.json", "/*.json", `\[odd\]`, `[[]odd]`, "[", "web", "web/", ".", "link/*", "l*k/src", "*.json/x", "a**", "**/a.js",
	} {
		got, err := c.Glob(p)
		clean, _ := inside(p)
		found, wantErr := fscopy.ResolveWildcards(dir, clean, true)
		want := []string{}
		for _, f := range found {
			f = filepath.ToSlash(f)
			if _, err := os.Lstat(filepath.Join(dir, f)); err != nil {
				wantErr = err // COPY fails on it when it comes to copying
				continue
			}
			want = append(want, f)
		}
		if got == nil {
			got = []string{}
		}
		if (err != nil) != (wantErr != nil) {
			t.Errorf("%s: %v, BuildKit %v", p, err, wantErr)
			continue
		}
		if d := cmp.Diff(want, got); d != "" && err == nil && !strings.HasPrefix(p, "link") {
			t.Errorf("%s: %s", p, d)
		}
	}
	if _, err := c.Glob("../*"); !errors.Is(err, ErrOutside) {
		t.Error(err)
	}
}

func TestGlobSeesNothingIgnored(t *testing.T) {
	c := at(t, tree(t, "-- .dockerignore --\n**/*.md\ndrop\n-- a.md --\n-- a.js --\n-- drop/a.js --\n-- keep/a.js --\n-- keep/a.md --\n"))
	got, err := c.Glob("*/a.*")
	if d := cmp.Diff([]string{"keep/a.js"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestWalkFiles(t *testing.T) {
	dir := tree(t, "-- .dockerignore --\nlocked\n-- a --\n-- b/c --\n-- b/self -> . --\n-- locked/x --\n-- shut/x --\n")
	c := at(t, dir)
	got, err := c.WalkFiles()
	want := []string{".dockerignore", "a", "b/c", "b/self", "shut/x"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	got[0] = "changed"
	if again, _ := c.WalkFiles(); again[0] != ".dockerignore" {
		t.Error("the caller's slice is the Context's own")
	}
	if os.Getuid() == 0 {
		return
	}
	for _, d := range []string{"locked", "shut"} {
		if err := os.Chmod(filepath.Join(dir, d), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, d), 0o755) })
	}
	got, err = at(t, dir).WalkFiles()
	if d := cmp.Diff(want[:4], got); d != "" || !errors.Is(err, fs.ErrPermission) {
		t.Error(d, err)
	}
}

func TestConcurrent(t *testing.T) {
	c := at(t, tree(t, links))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if !c.Exists("deep/in/shown.txt") || c.Exists("hidden/file") || !c.Ignored("x.log") || c.HidesEverywhere("node_modules") {
				t.Error("a wrong answer under load")
			}
			if _, err := c.Glob("*/in/*"); err != nil {
				t.Error(err)
			}
			if _, err := c.WalkFiles(); err != nil {
				t.Error(err)
			}
			c.NPM(".", NPMOptions{CI: true})
			c.Go(".")
			c.Pip(".", PipOptions{Requirements: []string{"x"}})
		})
	}
	wg.Wait()
}

func TestWalkLimit(t *testing.T) {
	dir := tree(t, "-- .dockerignore --\nb\n-- a/1 --\n-- a/2 --\n-- b/1 --\n-- c/1 --\n")
	c := at(t, dir)
	c.limit = 6 // .dockerignore, a, 1, 2, b, c
	if files, err := c.WalkFiles(); err == nil || !strings.Contains(err.Error(), "holds more than 6 files") || len(files) != 3 {
		t.Error(files, err)
	}
	c.limit = 5
	if _, err := c.Glob("[^x]*/2"); err == nil || !strings.Contains(err.Error(), "holds more than 5 files") {
		t.Error(err)
	}
	c = at(t, dir)
	c.limit = 7
	if files, err := c.WalkFiles(); err != nil || len(files) != 4 {
		t.Error(files, err)
	}
}

func BenchmarkWalkFiles(b *testing.B) {
	dir := tree(b, "-- .dockerignore --\n**/node_modules\n*.md\n.git\n**/*.log\n")
	for i := range 20 {
		for j := range 500 {
			p := filepath.Join(dir, fmt.Sprintf("d%d", i), fmt.Sprintf("file%d.js", j))
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(p, nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		if files, err := at(b, dir).WalkFiles(); err != nil || len(files) != 10_001 {
			b.Fatal(len(files), err)
		}
	}
}
