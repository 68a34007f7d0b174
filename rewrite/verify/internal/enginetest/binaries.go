//go:build linux

package enginetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// binaries builds the daemon and its client once a version, for all packages that
// ask at the same time. The first time takes minutes.
func binaries(cache string) (buildkitd, buildctl string, err error) {
	src := filepath.Join(cache, "..", "..", "rewrite", "verify", "internal", "enginetest", "buildkit")
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			return "", "", err
		}
		sum.Write(data)
	}
	fmt.Fprint(sum, runtime.Version(), runtime.GOARCH)
	dir := filepath.Join(cache, fmt.Sprintf("bin-%x", sum.Sum(nil)[:8]))
	buildkitd, buildctl = filepath.Join(dir, "buildkitd"), filepath.Join(dir, "buildctl")
	unlock, err := lock(filepath.Join(cache, "bin.lock"))
	if err != nil {
		return "", "", err
	}
	defer unlock()
	if _, err := os.Stat(buildctl); err == nil {
		return buildkitd, buildctl, nil
	}
	part, err := Scratch()
	if err != nil {
		return "", "", err
	}
	cmd := exec.Command("go", "build", "-C", src, "-trimpath", "-ldflags=-s -w", "-o", part+"/",
		"github.com/moby/buildkit/cmd/buildkitd", "github.com/moby/buildkit/cmd/buildctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("building BuildKit: %w\n%s", err, out)
	}
	return buildkitd, buildctl, Settle(part, dir)
}

// lock waits for a file's lock, which ends with the process.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
