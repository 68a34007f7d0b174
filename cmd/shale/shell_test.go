package main_test

import (
	"os"
	"os/exec"
	"testing"
)

// script runs a shell script and returns what it prints.
func script(t *testing.T, dir, text string, args ...string) string {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"-euo", "pipefail", "-c", text, "bash"}, args...)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", text, err, out)
	}
	return string(out)
}
