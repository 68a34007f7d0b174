//go:build linux

package enginetest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The engine's module requires the BuildKit that Shale compiles with.
func TestEngineIsPinned(t *testing.T) {
	version := regexp.MustCompile(`(?m)^(?:require |\t)(github\.com/moby/buildkit \S+)`)
	var have []string
	for _, file := range []string{filepath.Join("..", "..", "..", "..", "go.mod"), filepath.Join("buildkit", "go.mod")} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := version.FindSubmatch(data)
		if m == nil {
			t.Fatalf("%s does not require BuildKit", file)
		}
		have = append(have, string(m[1]))
	}
	if have[0] != have[1] {
		t.Errorf("go.mod requires %s, buildkit/go.mod %s: in buildkit/, run go get github.com/moby/buildkit@… and go mod tidy", have[0], have[1])
	}
}
