//go:build linux

package matrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/shale-build/shale/rewrite/verify/internal/enginetest"
)

// A world is what all cases share.
type world struct {
	cache  string // <repository>/.cache/verify
	mirror *mirror
	engine *enginetest.Engine
	bases  map[string]*base
	shale  string // the binary
}

func TestMain(m *testing.M) {
	flag.Parse()
	// A case waits most of its time, for the engine and for packages.
	if !given("test.parallel") {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.NumCPU())) //nolint:errcheck // it exists
	}
	code := enginetest.Main(m)
	if shared.world != nil {
		shared.mirror.close()
	}
	os.Exit(code)
}

func given(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

var shared struct {
	once sync.Once
	*world
}

// open makes the world, once for all tests.
func open(t *testing.T) *world {
	t.Helper()
	enginetest.Need(t, "mmdebstrap", "npm")
	shared.once.Do(func() { shared.world = newWorld(t) })
	if shared.world == nil {
		t.Fatal("there is no engine; an earlier test tells why")
	}
	return shared.world
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cache, err := enginetest.Cache()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{cache: cache, bases: newBases(), mirror: newMirror(t, filepath.Join(cache, "mirror"))}
	serveOwn(t, w.mirror)
	w.mirror.own[slimHost] = newSlim(w.mirror, cases(t))
	if w.engine, err = enginetest.Start(enginetest.Options{Proxy: w.mirror.addr}); err != nil {
		t.Fatal(err)
	}
	if w.shale = os.Getenv("SHALE_BIN"); w.shale == "" {
		w.shale = filepath.Join(scratch(t), "shale")
		cmd := exec.Command("go", "build", "-C", filepath.Join(cache, "..", ".."), "-o", w.shale, "./cmd/shale")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building shale: %v\n%s", err, out)
		}
	}
	return w
}

// run runs a command of shale and returns what it printed and its exit status.
func (w *world) run(t *testing.T, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.shale, args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
