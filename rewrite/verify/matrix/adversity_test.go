//go:build linux

package matrix

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shale-build/shale/rewrite/verify/internal/enginetest"
)

// A ran is what became of one run of shale verify over busybox, as a user sees it.
type ran struct {
	dir    string // with the Dockerfile
	temp   string // TMPDIR
	status int
	out    string
	errs   string
	took   time.Duration // since the text of at came
}

// A trial says how shale verify is run, and what happens meanwhile.
type trial struct {
	dockerfile string // FROM busybox:1 goes in front
	engine     *enginetest.Engine
	temp       string            // TMPDIR; "" for an empty folder
	files      map[string]string // beside the Dockerfile
	flags      []string
	at         string                // a line of a step's log
	then       func(run *os.Process) // done when it comes
}

// verifies runs shale verify against a Dockerfile that differs by a comment.
func (w *world) verifies(t *testing.T, try trial) ran {
	t.Helper()
	s := ran{dir: t.TempDir(), temp: try.temp}
	if s.temp == "" {
		s.temp = t.TempDir()
	}
	engine := w.engine
	if try.engine != nil {
		engine = try.engine
	}
	text := "FROM busybox:1\n" + try.dockerfile
	for name, content := range map[string]string{"Dockerfile": text, "other": text + "# other\n"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range try.files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"verify", "Dockerfile", "--against", "other", "--buildkit", engine.Addr, "--progress", "plain",
		"--compression", "uncompressed", "--rebuild", "none", "--build-context", "busybox:1=oci-layout://" + w.layout(t, "busybox").dir}, try.flags...)
	cmd := exec.CommandContext(t.Context(), w.shale, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+s.temp)
	var out bytes.Buffer
	cmd.Stdout = &out
	shown, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	var came time.Time
	lines := bufio.NewReader(shown)
	for {
		line, err := lines.ReadString('\n')
		errs.WriteString(line)
		// A step's own output, and not the command that BuildKit shows.
		if try.then != nil && came.IsZero() && strings.HasSuffix(strings.TrimSpace(line), try.at) && !strings.Contains(line, "RUN") {
			came = time.Now()
			try.then(cmd.Process)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd.Wait() //nolint:errcheck // the status tells
	s.status, s.out, s.errs = cmd.ProcessState.ExitCode(), out.String(), errs.String()
	if try.then != nil {
		if came.IsZero() {
			t.Fatalf("%q was never shown:\n%s", try.at, s.errs)
		}
		s.took = time.Since(came)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("exit %d\n%s\n%s", s.status, s.out, tail(s.errs))
		}
	})
	return s
}

// clean checks that nothing is left of a run, and that it wrote nothing.
func (s ran) clean(t *testing.T) {
	t.Helper()
	for _, dir := range []string{s.temp, s.dir} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if dir == s.temp || strings.Contains(e.Name(), "shale") {
				t.Errorf("left behind in %s: %s", dir, e.Name())
			}
		}
	}
}

// says checks the exit status and what is said on standard error.
func (s ran) says(t *testing.T, status int, parts ...string) {
	t.Helper()
	if s.status != status {
		t.Errorf("exit %d, want %d", s.status, status)
	}
	for _, p := range parts {
		if !strings.Contains(s.errs, p) {
			t.Errorf("nothing says %q", p)
		}
	}
}

// startEngine starts one that a test may maltreat.
func startEngine(t *testing.T, o enginetest.Options) *enginetest.Engine {
	t.Helper()
	e, err := enginetest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// tmpfs mounts a small disk in memory.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := scratch(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) }) //nolint:errcheck // or the end does
	return dir
}

func TestEngineKilled(t *testing.T) {
	w := open(t)
	t.Parallel()
	e := startEngine(t, enginetest.Options{})
	s := w.verifies(t, trial{dockerfile: "RUN echo it is running; sleep 15\n", engine: e, at: "it is running", then: func(*os.Process) { e.Kill() }})
	s.says(t, 2, "the BuildKit at "+e.Addr+" went away during the build of before", "hint: look at its log, start it again")
	s.clean(t)
	if s.took > 10*time.Second {
		t.Errorf("noticed after %s", s.took)
	}
}

func TestInterrupted(t *testing.T) {
	w := open(t)
	t.Parallel()
	e := startEngine(t, enginetest.Options{})
	s := w.verifies(t, trial{dockerfile: "RUN echo it is running; sleep 40\n", engine: e, at: "it is running", then: func(run *os.Process) {
		if n := len(running(t, e)); n != 1 {
			t.Errorf("%d containers run, want 1", n)
		}
		run.Signal(os.Interrupt) //nolint:errcheck // the status tells
	}})
	s.says(t, 130, "interrupted; the builds are stopped, and nothing is left behind")
	s.clean(t)
	if s.took > 10*time.Second {
		t.Errorf("it took %s to end", s.took)
	}
	for deadline := time.Now().Add(10 * time.Second); len(running(t, e)) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the step still runs in the engine")
		}
	}
}

func running(t *testing.T, e *enginetest.Engine) []string {
	t.Helper()
	all, err := e.Containers()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A full disk is the engine's, noticed by the engine or by a step, or this
// machine's.
func TestFullDisk(t *testing.T) {
	w := open(t)
	t.Parallel()
	full := func() *enginetest.Engine { return startEngine(t, enginetest.Options{Root: tmpfs(t, "24m")}) }
	big := map[string]string{"big": string(noise(40 << 20))}
	for _, tt := range []struct {
		name string
		try  trial
		want []string
	}{
		{"the engine's, in a copy", trial{dockerfile: "COPY big /\n", engine: full(), files: big},
			[]string{"no space left on device", "hint: the engine's disk is full; `buildctl prune`"}},
		{"the engine's, in a step", trial{dockerfile: "RUN dd if=/dev/zero of=/big bs=1M count=40\n", engine: full()},
			[]string{"No space left on device", "hint: the step found no space left: the engine's disk may be full"}},
		{"this machine's", trial{dockerfile: "RUN dd if=/dev/zero of=/big bs=1M count=40\n", temp: tmpfs(t, "4m")},
			[]string{"no space left on device", "hint: this machine's folder for temporary files is full; TMPDIR names another"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := w.verifies(t, tt.try)
			s.says(t, 2, tt.want...)
			s.clean(t)
		})
	}
}

// What is wrong with a build, and what to do, is told in words.
func TestBuildFails(t *testing.T) {
	w := open(t)
	t.Parallel()
	for _, tt := range []struct {
		name, dockerfile string
		flags            []string
		status           int
		want             []string
	}{
		{"a step", "RUN echo one; exit 3\n", nil, 2,
			[]string{"shale: error: Dockerfile:2: it does not build as it is, which says nothing about the fixes: ", "exit code: 3", "shale: the step that failed: [", "] RUN echo one; exit 3\n  one\n"}},
		{"no secret", "RUN --mount=type=secret,id=token,required cat /run/secrets/token\n", nil, 2,
			[]string{"secret token: not found", "hint: give the secret with --secret id=token,src=FILE"}},
		{"a secret", "RUN --mount=type=secret,id=token,required cat /run/secrets/token\n", []string{"--secret", "id=token,src=Dockerfile"}, 0, nil},
		{"a secret's file is missing", "RUN true\n", []string{"--secret", "id=token,src=nowhere"}, 2, []string{"--secret: ", "nowhere"}},
		{"no base", "FROM 127.0.0.1:1/base:2\nRUN true\n", nil, 2,
			[]string{"connection refused", "hint: the engine cannot fetch the image", "--build-context 127.0.0.1:1/base:2=oci-layout://DIR"}},
		{"no source", "COPY nowhere /\n", nil, 2, []string{"/nowhere", "hint: a source of COPY or ADD is not there"}},
		{"no Dockerfile", "RUNN true\n", nil, 2, []string{"Dockerfile:2: ", "unknown instruction: RUNN"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := w.verifies(t, trial{dockerfile: tt.dockerfile, flags: tt.flags})
			s.says(t, tt.status, tt.want...)
			s.clean(t)
		})
	}
}

// Machines get the cause of a failure as data.
func TestFailureAsJSON(t *testing.T) {
	w := open(t)
	t.Parallel()
	s := w.verifies(t, trial{dockerfile: "RUN echo one; exit 3\n", flags: []string{"--format", "json"}})
	var r report
	if err := json.Unmarshal([]byte(s.out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Verdict != "failed" || r.Failure == nil || r.Failure.Kind != "before" || r.Failure.Log != "one\n" || s.status != 2 {
		t.Errorf("exit %d, %s, %+v", s.status, r.Verdict, r.Failure)
	}
}

// Without any engine, the message has the command that starts one. In a root folder
// of its own the command sees no engine of the machine.
func TestNoEngine(t *testing.T) {
	w := open(t)
	dir := t.TempDir()
	copyFile(t, w.shale, filepath.Join(dir, "shale"))
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM debian:12\nRUN apt-get update && apt-get install -y jq\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/shale", "verify")
	cmd.Env = []string{"HOME=/"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "no BuildKit is running where Shale looks") || !strings.Contains(string(out), "--buildkit docker-container://buildkitd") {
		t.Errorf("%v\n%s", err, out)
	}
}
