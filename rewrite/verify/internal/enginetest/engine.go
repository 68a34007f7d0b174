//go:build linux

package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Need ends a test that builds where that is not possible or not asked for. With
// SHALE_TEST_ALL set, what is missing is a failure; without, the test is skipped:
// it takes minutes, the network and root. tools are programs that it needs besides
// those of every engine.
func Need(t testing.TB, tools ...string) {
	t.Helper()
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("builds real images, as root: set SHALE_TEST_ALL")
	}
	if os.Geteuid() != 0 {
		t.Fatal("buildkitd mounts and runs containers: run as root")
	}
	for _, tool := range append(tools, "runc", "busybox") {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: .ci/tools installs it", err)
		}
	}
}

// An Options says how an engine is started.
type Options struct {
	Root  string // where it keeps what it builds; "" for a folder of the cache, which goes with it
	Proxy string // what it fetches URLs through
}

// An Engine is a buildkitd of a test's own.
type Engine struct {
	Addr  string
	ctl   string // buildctl
	state string // removed at the end
	root  string // of the daemon
	log   string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
	once  sync.Once
}

// Start starts an engine. Its state lies below the cache, and is removed by Close,
// or by a later Start if this process is killed.
func Start(o Options) (*Engine, error) {
	cache, err := Cache()
	if err != nil {
		return nil, err
	}
	buildkitd, buildctl, err := binaries(cache)
	if err != nil {
		return nil, err
	}
	sweep(cache)
	state, err := Scratch()
	if err != nil {
		return nil, err
	}
	// The address must fit into a socket's 107 bytes.
	sock := filepath.Join(state, "s")
	if len(sock) > 100 {
		dir, err := os.MkdirTemp("", "shale-engine-")
		if err != nil {
			return nil, err
		}
		sock = filepath.Join(dir, "s")
	}
	e := &Engine{Addr: "unix://" + sock, ctl: buildctl, state: state, log: filepath.Join(state, "log"), ended: make(chan struct{})}
	if e.root = o.Root; e.root == "" {
		e.root = filepath.Join(state, "root")
	}
	log, err := os.Create(e.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	e.cmd = exec.Command(buildkitd, "--root", e.root, "--addr", e.Addr, "--containerd-worker=false",
		"--oci-worker-gc=false")
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.cmd.Env = append(os.Environ(), "http_proxy="+o.Proxy, "HTTP_PROXY="+o.Proxy, "no_proxy=", "NO_PROXY=")
	// It is in no terminal's group, so that Ctrl-C first ends the builds; and it
	// ends when this process does, however that comes about.
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig watches the thread
		err := e.cmd.Start()
		started <- err
		if err == nil {
			e.cmd.Wait() //nolint:errcheck // its log tells
			close(e.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	running.add(e)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if exec.Command(e.ctl, "--addr", e.Addr, "debug", "workers").Run() == nil {
			return e, nil
		}
		select {
		case <-e.ended:
			return nil, e.fails("buildkitd ended")
		default:
		}
		if time.Now().After(deadline) {
			return nil, e.fails("buildkitd is not ready after a minute")
		}
	}
}

// fails closes an engine that did not start, and tells its log.
func (e *Engine) fails(why string) error {
	text, _ := os.ReadFile(e.log)
	e.Close()
	return fmt.Errorf("%s:\n%s", why, text)
}

// Kill ends the daemon as a crash does.
func (e *Engine) Kill() {
	e.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-e.ended
}

// Close ends the daemon and removes what it kept.
func (e *Engine) Close() {
	e.once.Do(func() {
		e.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		select {
		case <-e.ended:
		case <-time.After(20 * time.Second):
			e.Kill()
		}
		discard(e.state)
	})
}

// Build builds a Dockerfile with buildctl: nothing of Shale is involved. What it
// prints is returned.
func (e *Engine) Build(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--addr", e.Addr, "build", "--frontend", "dockerfile.v0", "--progress", "plain"}, args...)
	out, err := exec.CommandContext(ctx, e.ctl, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("buildctl: %w", err)
	}
	return string(out), err
}

// Containers lists the containers that run in the engine, by their bundles.
func (e *Engine) Containers() ([]string, error) {
	return filepath.Glob(filepath.Join(e.root, "runc-*", "executor", "*", "config.json"))
}

// running are the engines of this process.
var running engines

type engines struct {
	mu  sync.Mutex
	all []*Engine
}

func (r *engines) add(e *Engine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

// close ends them all, and removes the scratch folders.
func (r *engines) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.all {
		e.Close()
	}
	if cache, err := Cache(); err == nil {
		discard(own(cache))
	}
}

// Main runs the tests of a package, for its TestMain, and then ends the engines
// that they started: also where the user interrupts them.
func Main(m *testing.M) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		running.close()
		os.Exit(130)
	}()
	defer running.close()
	return m.Run()
}

// Cache is the repository's folder for what tests build once.
func Cache() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working folder")
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, ".cache", "verify")
	return dir, os.MkdirAll(dir, 0o755)
}

// own is the folder of this process in the cache.
func own(cache string) string { return filepath.Join(cache, fmt.Sprintf("run-%d", os.Getpid())) }

// Scratch makes a folder in the cache that goes when this process ends.
func Scratch() (string, error) {
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(own(cache), 0o755); err != nil {
		return "", err
	}
	return os.MkdirTemp(own(cache), "")
}

// Settle gives a finished folder its name. Another run may have been faster.
func Settle(part, dir string) error {
	if err := os.Rename(part, dir); err != nil {
		if _, err2 := os.Stat(dir); err2 != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o755)
}

// sweep removes what runs that were killed have left.
func sweep(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, ok := strings.CutPrefix(entry.Name(), "run-")
		n, err := strconv.Atoi(pid)
		if ok && err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			discard(filepath.Join(cache, entry.Name()))
		}
	}
}

// discard removes a folder, but first whatever is still mounted below it.
func discard(dir string) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return
	}
	var below []string
	for line := range bytes.Lines(mounts) {
		if f := strings.Fields(string(line)); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			below = append(below, f[1])
		}
	}
	slices.Reverse(below)
	for _, m := range below {
		if syscall.Unmount(m, syscall.MNT_DETACH) != nil {
			return
		}
	}
	os.RemoveAll(dir)
}
