//go:build linux

package enginetest

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// The engine's module requires the BuildKit that Shale compiles with, and what else
// both require in the same version: so it is compiled once for both.
func TestEngineIsPinned(t *testing.T) {
	read := func(file string) map[string]string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := modfile.Parse(file, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		versions := map[string]string{}
		for _, r := range f.Require {
			versions[r.Mod.Path] = r.Mod.Version
		}
		return versions
	}
	shale, engine := read(filepath.Join("..", "..", "..", "..", "go.mod")), read(filepath.Join("buildkit", "go.mod"))
	if engine["github.com/moby/buildkit"] == "" {
		t.Error("buildkit/go.mod does not require BuildKit")
	}
	for path, version := range shale {
		if other, ok := engine[path]; ok && other != version {
			t.Errorf("go.mod requires %s %s, buildkit/go.mod %s: in buildkit/, run go get %[1]s@%[2]s and go mod tidy -e", path, version, other)
		}
	}
}
