package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// What a fix of this folder writes: a new .dockerignore, then the Dockerfile.
const (
	faultyBefore = "FROM node:20-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
	faultyAfter  = "FROM node:20-slim\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n"
	faultyIgnore = ".git\n**/node_modules\n"
)

var faultyFix = []string{"fix", "--unsafe", "--only", "missing-dockerignore,copy-before-install"}

// faultyFolder makes that folder, with its .dockerignore or without.
func faultyFolder(t *testing.T, dir string, ignore bool) {
	t.Helper()
	files := map[string]string{
		".git/HEAD": "ref: refs/heads/main\n", "Dockerfile": faultyBefore, "node_modules/x": "1\n",
		"package.json":      `{"name":"shop","version":"1.0.0"}`,
		"package-lock.json": `{"name":"shop","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{"":{"name":"shop","version":"1.0.0"}}}`,
	}
	if ignore {
		files[".dockerignore"] = faultyIgnore
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var leftover = regexp.MustCompile(`^\.shale-[0-9a-z]+\.tmp$`)

// whole checks that each file is the old one or the new one, and counts what else
// was left, which has a name of its own.
func whole(t *testing.T, dir string) (ignore, dockerfile string, left []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch name := e.Name(); name {
		case ".git", "node_modules", "package.json", "package-lock.json":
		case "Dockerfile", ".dockerignore":
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if name == "Dockerfile" {
				dockerfile = string(b)
			} else {
				ignore = string(b)
			}
		default:
			if !leftover.MatchString(name) {
				t.Errorf("%s was left", name)
			}
			left = append(left, name)
		}
	}
	if dockerfile != faultyBefore && dockerfile != faultyAfter {
		t.Errorf("the Dockerfile is neither the old nor the new one: %q", dockerfile)
	}
	if ignore != "" && ignore != faultyIgnore {
		t.Errorf(".dockerignore is not whole: %q", ignore)
	}
	return ignore, dockerfile, left
}

// ends checks that a run without faults brings the folder where it should be.
func ends(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("shale", faultyFix...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the next run: %v\n%s", err, out)
	}
	if ignore, dockerfile, _ := whole(t, dir); ignore != faultyIgnore || dockerfile != faultyAfter {
		t.Errorf("the next run leaves %q and %q", ignore, dockerfile)
	}
}

// traced runs the fix under strace, which interferes as it is told.
func traced(t *testing.T, dir, inject string) (stderr string, state *os.ProcessState) {
	t.Helper()
	shale, err := exec.LookPath("shale")
	if err != nil {
		t.Fatal(err)
	}
	call, _, _ := strings.Cut(inject, ":")
	args := append([]string{"-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=" + inject, shale}, faultyFix...)
	cmd := exec.Command("strace", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOMAXPROCS=1")
	var messages bytes.Buffer
	cmd.Stderr = &messages
	err = cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	if crashes.MatchString(messages.String()) {
		t.Errorf("%s: %s", inject, messages.String())
	}
	return messages.String(), cmd.ProcessState
}

func needStrace(t *testing.T) {
	t.Helper()
	out, err := exec.Command("strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true").CombinedOutput()
	if err != nil {
		t.Skipf("strace does not work: %v\n%s", err, out)
	}
}

// Killed before any system call of a write, each file is the old one or the new one.
func TestKilledWhileWriting(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("kills a hundred runs: set SHALE_TEST_ALL")
	}
	needStrace(t)
	// Those that a write makes once: killed at the first, wherever it runs.
	once := []string{"fsync", "fchmod", "listxattr", "linkat", "renameat", "unlinkat", "getdents64"}
	several := []string{"openat", "write", "close", "read", "newfstatat", "fstat", "fcntl"}
	if os.Getenv("SHALE_TEST_DEEP") == "" {
		several = nil
	}
	for _, ignore := range []bool{false, true} {
		made := map[string]bool{}
		kill := func(inject string) (killed bool) {
			dir := t.TempDir()
			faultyFolder(t, dir, ignore)
			_, state := traced(t, dir, inject)
			status := state.Sys().(syscall.WaitStatus)
			killed = status.Signaled() && status.Signal() == syscall.SIGKILL
			had, now, left := whole(t, dir)
			if ignore && had == "" {
				t.Errorf("%s: .dockerignore is gone", inject)
			}
			if !killed && (now != faultyAfter || len(left) > 0) {
				t.Errorf("%s: not killed, and left %q with %q", inject, now, left)
			}
			if now == faultyAfter && had == "" {
				t.Errorf("%s: the Dockerfile is written before what it needs", inject)
			}
			made[fmt.Sprint("dockerfile ", now == faultyAfter)], made[fmt.Sprint("left ", len(left) > 0)] = true, true
			ends(t, dir)
			return killed
		}
		for _, call := range once {
			if killed := kill(call + ":signal=KILL:when=1"); !killed && (call != "linkat" || !ignore) {
				t.Errorf("%s is never called", call)
			}
		}
		for _, call := range several {
			for n := 1; kill(fmt.Sprintf("%s:signal=KILL:when=%d", call, n)); n++ {
			}
		}
		for _, want := range []string{"dockerfile true", "dockerfile false", "left true", "left false"} {
			if !made[want] && (ignore || !strings.HasSuffix(want, "dockerfile true")) {
				t.Errorf("with .dockerignore %v: no run came to %q", ignore, want)
			}
		}
	}
}

// A call that fails is told with the file, and nothing is changed or left.
func TestFailingWrites(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("fails a hundred writes: set SHALE_TEST_ALL")
	}
	needStrace(t)
	for _, test := range []struct{ inject, says string }{
		{"fsync:error=ENOSPC", "no space left on device"},
		{"fsync:error=EIO", "input/output error"},
		{"renameat:error=EACCES", "permission denied"},
		{"renameat:error=EROFS", "read-only file system"},
		{"renameat:error=ENOSPC", "no space left on device"},
		{"fchmod:error=EPERM", "operation not permitted"},
	} {
		for _, ignore := range []bool{false, true} {
			if !ignore && strings.HasPrefix(test.inject, "renameat") && os.Getenv("SHALE_TEST_DEEP") == "" && test.says != "permission denied" {
				continue
			}
			dir := t.TempDir()
			faultyFolder(t, dir, ignore)
			stderr, state := traced(t, dir, test.inject)
			if state.ExitCode() != exitFault || !strings.Contains(stderr, test.says) || !strings.Contains(stderr, "ockerfile: ") && !strings.Contains(stderr, ".dockerignore: ") {
				t.Errorf("%s: status %d, %q", test.inject, state.ExitCode(), stderr)
			}
			had, now, left := whole(t, dir)
			if now != faultyBefore || (had != "") != ignore || len(left) > 0 {
				t.Errorf("%s: .dockerignore %q, Dockerfile %q, left %q", test.inject, had, now, left)
			}
			ends(t, dir)
		}
	}
}

// A full disk, and one that became read-only.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("only root can mount a small file system: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	run := func(says string) {
		t.Helper()
		cmd := exec.Command("shale", faultyFix...)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != exitFault || !bytes.Contains(out, []byte(says)) || crashes.Match(out) {
			t.Errorf("status %d\n%s", cmd.ProcessState.ExitCode(), out)
		}
		os.Remove(filepath.Join(dir, "package.json~"))
		if had, now, left := whole(t, dir); had != "" || now != faultyBefore || len(left) > 0 {
			t.Errorf(".dockerignore %q, Dockerfile %q, left %q", had, now, left)
		}
	}
	faultyFolder(t, dir, false)
	fill := filepath.Join(dir, "node_modules/fill")
	if err := os.WriteFile(fill, make([]byte, 1<<20), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	run("no space left on device")
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	run("read-only file system")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	ends(t, dir)
}

// Two Shales at once on the same files do what one does.
func TestTwoAtOnce(t *testing.T) {
	rounds := 2
	if os.Getenv("SHALE_TEST_DEEP") != "" {
		rounds = 40
	}
	for range rounds {
		root := t.TempDir()
		var dirs []string
		for _, name := range []string{"a", "b", "c", "d"} {
			dirs = append(dirs, filepath.Join(root, name))
			faultyFolder(t, dirs[len(dirs)-1], name == "d")
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				cmd := exec.Command("shale", slices.Concat(faultyFix, dirs)...)
				cmd.Dir = root
				out, err := cmd.CombinedOutput()
				// One may meet what the other has half done, and say so.
				if err != nil && (cmd.ProcessState.ExitCode() != exitFault || !bytes.Contains(out, []byte("changed while it was being fixed"))) || crashes.Match(out) {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		wg.Wait()
		for _, dir := range dirs {
			if _, _, left := whole(t, dir); len(left) > 0 {
				t.Errorf("left %q", left)
			}
			ends(t, dir)
		}
	}
}
