//go:build linux || darwin

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// npm installs the packages, and what they install is shale: its output, its exit
// status, its standard input. Without the platform's own package it says so.
func TestNpmPackage(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("packs and installs with npm: set SHALE_TEST_ALL")
	}
	dist, out, dir := packed(t), t.TempDir(), t.TempDir()
	platform := runtime.GOOS + "-" + map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	t.Setenv("npm_config_cache", t.TempDir()) // nothing that is there helps
	t.Setenv("npm_config_update_notifier", "false")
	pack := func(only string) (string, error) {
		cmd := exec.Command("node", "../../.ci/npm/pack.mjs", "v1.2.3", dist, out)
		cmd.Env = append(os.Environ(), "ONLY="+only)
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	if text, err := pack("plan9-x64,win32-arm64"); err == nil || !strings.Contains(text, "shale_windows_arm64.tar.gz is missing") {
		t.Fatalf("%v\n%s", err, text)
	}
	if text, err := pack(platform); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	main, program := filepath.Join(out, "2-shale-build-shale-1.2.3.tgz"), filepath.Join(out, "1-shale-build-shale-"+platform+"-1.2.3.tgz")
	script(t, dir, `printf '{"private":true}' >package.json; npm install --offline --no-audit --no-fund --loglevel=error "$@" >&2`, program, main)
	shale := func(stdin string, status int, args ...string) string {
		t.Helper()
		cmd := exec.Command(filepath.Join(dir, "node_modules", ".bin", "shale"), args...)
		cmd.Dir = dir
		cmd.Stdin = strings.NewReader(stdin)
		text, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != status {
			t.Errorf("%v: exit status %d, want %d\n%s", args, got, status, text)
		}
		return string(text)
	}
	if text := shale("", 0, "version"); !strings.HasPrefix(text, "shale v1.2.3 (") {
		t.Error(text)
	}
	if text := shale(sloppy, 1, "check", "-"); !strings.Contains(text, "[stale-package-index]") {
		t.Error(text)
	}
	shale("", 2, "check", "nowhere")
	script(t, dir, `rm -r node_modules/@shale-build/shale-*`)
	if text := shale("", 2, "version"); !strings.Contains(text, "@shale-build/shale-"+platform+" is not installed") {
		t.Error(text)
	}
}
