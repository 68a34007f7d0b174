package lsp_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv("SHALE_LSP_TEST_SERVER") != "" {
		os.Exit(serveForTests())
	}
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

var buildDir string

// shale builds the command, once a test run.
var shale = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "shale-lsp")
	if err != nil {
		return "", err
	}
	buildDir = dir
	exe := filepath.Join(dir, "shale")
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", exe, "../cmd/shale")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return exe, nil
})

// spawn starts a server as a process of its own.
func spawn(t *testing.T, name string, args ...string) *client {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "SHALE_LSP_TEST_SERVER=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW := io.Pipe()
	c := &client{t: t, in: in, log: &syncBuffer{}, done: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = outW, c.log
	c.listen(outR)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.pid = cmd.Process.Pid
	go func() {
		err := cmd.Wait()
		outW.Close()
		c.done <- err
	}()
	t.Cleanup(func() {
		in.Close()
		timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer timer.Stop()
		c.wait()
		if t.Failed() {
			t.Logf("server's log:\n%s", c.log)
		}
	})
	return c
}

func exitStatus(err error) int {
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return e.ExitCode()
	} else if err != nil {
		return -1
	}
	return 0
}

func TestProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("session", func(t *testing.T) {
		c := spawn(t, self)
		if got := c.initialize(full("utf-16")); got != "utf-16" {
			t.Errorf("the encoding is %s", got)
		}
		doc := c.open("file:///Dockerfile", "FROM  scratch\r\nENV A=😀é\r\n", "utf-16")
		doc.findings()
		doc.edit(textEdit{at(1, 6, 8), "中😀é\"😀\""})
		if got := doc.findings(); len(got) != 2 || got[1].Range != at(1, 10, 14) {
			t.Errorf("got %+v", got)
		}
		fixes := doc.actions(all(doc.text), "source.fixAll")
		if len(fixes) != 1 {
			t.Fatalf("got %+v", fixes)
		}
		if got, want := doc.apply(c.resolve(fixes[0])), "FROM scratch\r\nENV A=中😀é😀é\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.shutdown()
		if got := exitStatus(c.wait()); got != 0 {
			t.Errorf("exit status %d", got)
		}
	})
	for name, leave := range map[string]func(*client){
		"exit without shutdown": func(c *client) { c.notify("exit", nil) },
		"end of input":          func(c *client) { c.in.Close() },
		"broken header":         func(c *client) { io.WriteString(c.in, "hello\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			c := spawn(t, self)
			c.initialize(nil)
			leave(c)
			if got := exitStatus(c.wait()); got != 1 {
				t.Errorf("exit status %d", got)
			}
			if c.log.String() == "" {
				t.Error("nothing was said")
			}
		})
	}
}

// The command itself, with the real rules.
func TestCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	exe, err := shale()
	if err != nil {
		t.Fatal(err)
	}
	c := spawn(t, exe, "lsp")
	var r struct {
		ServerInfo struct{ Name, Version string }
	}
	c.call("initialize", map[string]any{"capabilities": full("utf-8")}, &r)
	if r.ServerInfo.Name != "shale" || r.ServerInfo.Version == "" {
		t.Errorf("serverInfo is %+v", r.ServerInfo)
	}
	c.notify("initialized", map[string]any{})
	text := "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl\nCMD [\"é\"]\n"
	doc := c.open("untitled:1", text, "utf-8")
	got := doc.findings()
	found := false
	for _, d := range got {
		found = found || d.Code == "package-cache" && d.CodeDescription.Href != ""
	}
	if !found {
		t.Fatalf("got %+v", got)
	}
	fixes := doc.actions(all(text), "source.fixAll.shale")
	if len(fixes) != 1 {
		t.Fatalf("got %+v", fixes)
	}
	after := doc.apply(c.resolve(fixes[0]))

	// What shale fix makes of the same text.
	cmd := exec.Command(exe, "fix", "-")
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(text)
	out, _ := cmd.Output()
	if string(out) == text || string(out) != after {
		t.Errorf("the editor gets\n%s\nshale fix gives\n%s", after, out)
	}
	c.shutdown()
	if got := exitStatus(c.wait()); got != 0 {
		t.Errorf("exit status %d\n%s", got, c.log)
	}
}

func runIn(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}
