//go:build linux || darwin

package main_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// What the image's Dockerfile is given is enough to build shale, and makes the same
// bytes as the repository does, elsewhere on the disk.
func TestReproducible(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("links shale twice: set SHALE_TEST_ALL")
	}
	repo, elsewhere := root(t), t.TempDir()
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, "Dockerfile.dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	copied := 0
	err = fs.WalkDir(os.DirFS(repo), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || path != "." && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		if left, err := ignored.MatchesOrParentMatches(path); err != nil || left {
			return err
		}
		copied++
		to := filepath.Join(elsewhere, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(read(t, filepath.Join(repo, path))), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "cmd", "shale", "main_test.go")); err == nil || copied < 100 {
		t.Fatalf("%d files copied", copied)
	}
	build := func(dir string) []byte {
		exe := filepath.Join(t.TempDir(), "shale")
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", exe, "./cmd/shale")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", dir, err, out)
		}
		return []byte(read(t, exe))
	}
	here, there := build(repo), build(elsewhere)
	if !bytes.Equal(here, there) {
		t.Errorf("%d bytes in %s, other %d bytes in %s", len(here), repo, len(there), elsewhere)
	}
	if bytes.Contains(here, []byte(repo)) {
		t.Errorf("%s stands in the program", repo)
	}
}
