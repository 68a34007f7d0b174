//go:build linux

package verify

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Shale's own image has the program, certificates and a folder to work in, and runs
// as nobody. Its stage `build` is another's work: here stands what that one makes.
func TestOwnImage(t *testing.T) {
	if os.Getenv(engineVariable) != "" {
		t.Skip("builds with an engine of its own: unset " + engineVariable)
	}
	engineAddress(t)
	root, made, out := filepath.Join("..", ".."), t.TempDir(), t.TempDir()
	exe := filepath.Join(made, "out", "shale")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", exe, "./cmd/shale")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	program, err := os.Stat(exe)
	if err != nil {
		t.Fatal(err)
	}
	certs := filepath.Join(made, "etc", "ssl", "certs")
	if err := os.MkdirAll(certs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(certs, "ca-certificates.crt"), []byte("-----BEGIN CERTIFICATE-----\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The syntax line names an image; the frontend of the engine stands in for it.
	dir := files(t, map[string]string{"Dockerfile": strings.Replace(readText(t, filepath.Join(root, "cmd", "shale", "Dockerfile")), "# syntax=docker/dockerfile:1\n", "", 1)})
	if text, err := ours.engine.Build(t.Context(), "--local", "context="+dir, "--local", "dockerfile="+dir,
		"--local", "build="+made, "--opt", "context:build=local:build", "--output", "type=oci,tar=false,dest="+out); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var index ocispecs.Index
	var manifest ocispecs.Manifest
	var image ocispecs.Image
	blob := func(digest string) string {
		return filepath.Join(out, "blobs", strings.Replace(digest, ":", "/", 1))
	}
	unmarshal(t, filepath.Join(out, "index.json"), &index)
	digest := index.Manifests[0].Digest.String()
	unmarshal(t, blob(digest), &manifest)
	unmarshal(t, blob(manifest.Config.Digest.String()), &image)
	c := image.Config
	if c.User != "65532:65532" || c.WorkingDir != "/work" || !slices.Equal(c.Entrypoint, []string{"/usr/bin/shale"}) || len(c.Cmd) > 0 {
		t.Errorf("config: %+v", c)
	}
	var size int64
	for _, l := range manifest.Layers {
		size += l.Size
	}
	t.Logf("%d layers, %.1f MB to pull; the program is %.1f MB", len(manifest.Layers), float64(size)/1e6, float64(program.Size())/1e6)
	if len(manifest.Layers) != 3 || size > program.Size()/2 {
		t.Errorf("%d layers, %d bytes: more than the program, certificates and a folder", len(manifest.Layers), size)
	}
	// It runs where nothing else is.
	dir = files(t, map[string]string{"Dockerfile": "FROM own\nCOPY Dockerfile .\nRUN [\"/usr/bin/shale\", \"check\"]\n"})
	text, err := ours.engine.Build(t.Context(), "--local", "context="+dir, "--local", "dockerfile="+dir,
		"--oci-layout", "own="+out, "--opt", "context:own=oci-layout://own@"+digest)
	if err != nil || !strings.Contains(text, "1 finding in 1 file") {
		t.Errorf("%v\n%s", err, text)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func unmarshal(t *testing.T, path string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(readText(t, path)), to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
