//go:build linux

package matrix

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What `shale review --verify` builds of a change is measured in the review's body.
// A Dockerfile that does not build gets its comments without figures.
func TestReview(t *testing.T) {
	w := open(t)
	t.Parallel()
	dir := t.TempDir()
	const (
		old   = "FROM alpine:3.20\nRUN wget -q -O /tmp/tool.tar.gz http://files.shale.test/tool-1.2.tar.gz\n"
		added = "RUN tar -xzf /tmp/tool.tar.gz -C /opt\nRUN rm /tmp/tool.tar.gz\n"
	)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	commit := func(api, web string) {
		t.Helper()
		for name, text := range map[string]string{"api": api, "web": web} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "Dockerfile"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git("add", "-A")
		git("commit", "-q", "-m", "state")
	}
	git("init", "-q", "-b", "main")
	commit(old, old)
	git("checkout", "-q", "-b", "change")
	commit(old+added, old+added+"RUN exit 7\n")

	out, errs, status := w.run(t, dir, "review", "--dry-run", "--base", "main", "--verify", "--buildkit", w.engine.Addr,
		"--build-context", "alpine:3.20=oci-layout://"+w.layout(t, "busybox").dir, "--build-arg", "http_proxy="+w.mirror.addr)
	if status != 0 {
		t.Fatalf("exit %d\n%s\n%s", status, out, tail(errs))
	}
	comments, body, ok := strings.Cut(out, "--- the review\n\n")
	if !ok || !strings.Contains(comments, "--- api/Dockerfile, lines 2 to 4\n") || !strings.Contains(comments, "--- web/Dockerfile, lines 2 to 4\n") {
		t.Fatal(out)
	}
	// The download, 4 MB, no longer ships.
	for _, row := range []string{
		`(?m)^#### api/Dockerfile as it is and fixed: the same image config and the same files\n`,
		`(?m)^\| image \| \d+(\.\d)? MB \| \d+(\.\d)? MB \| −\d+ % \|$`,
		`(?m)^\| shipped and dead \| 4\.2 MB \| 0 B \| −100 % \|$`,
		`(?m)^\| layers \| 6 \| 4 \|  \|$`,
		`(?m)^\| build without cache \| [\d.]+ s \| [\d.]+ s \|`,
	} {
		if !regexp.MustCompile(row).MatchString(body) {
			t.Errorf("no %s in\n%s", row, body)
		}
	}
	if strings.Count(body, "\n#### ") != 1 || strings.Count(body, "<details>") != strings.Count(body, "</details>") {
		t.Error(body)
	}
	if !strings.Contains(errs, "web/Dockerfile:5: it does not build as it is, which says nothing about the fixes: ") || !strings.Contains(errs, "exit code: 7") {
		t.Error(errs)
	}
}
