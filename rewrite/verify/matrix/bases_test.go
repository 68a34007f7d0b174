//go:build linux

package matrix

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/shale-build/shale/rewrite/verify/internal/enginetest"
)

// A base is an image that cases stand on, an OCI layout made here because no
// registry can be counted on. Its recipe is bases/NAME/Dockerfile.
type base struct {
	name   string
	parent string                                            // the base that its recipe is FROM; "" for none
	as     string                                            // how the recipe names the parent
	inputs func(t testing.TB, w *world, dir string) []string // puts files beside the recipe; more arguments of buildctl
	key    func(t testing.TB) string                         // what of the machine goes into it

	once sync.Once
	dir  string // the layout
	id   string // names its content
}

// baseOf tells which base stands in for an image that a Dockerfile names. The rest
// of the name is for the rules to read.
func baseOf(t testing.TB, image string) string {
	t.Helper()
	m := imageName.FindStringSubmatch(image)
	if m == nil || named[m[1]] == "" {
		t.Fatalf("no base stands in for %s", image)
	}
	if m[1] == "debian" && strings.HasSuffix(image, "-slim") {
		return "slim"
	}
	return named[m[1]]
}

var named = map[string]string{
	"busybox": "busybox",
	"alpine":  "busybox", // for its shell; there is no apk
	"debian":  "debian",
	"node":    "node",
	"golang":  "golang",
	"python":  "python",
}

func newBases() map[string]*base {
	all := map[string]*base{}
	for _, b := range []*base{
		{name: "busybox", key: busyboxKey, inputs: func(t testing.TB, w *world, dir string) []string {
			copyFile(t, lookPath(t, "busybox"), filepath.Join(dir, "host", "busybox"))
			return []string{"--local", "host=" + filepath.Join(dir, "host"), "--opt", "context:host=local:host"}
		}},
		{name: "debian", inputs: func(t testing.TB, w *world, dir string) []string {
			// Through the mirror, by the variable that no file of the system keeps.
			cmd := exec.Command("mmdebstrap", "--quiet", "--variant=apt", "bookworm", filepath.Join(dir, "rootfs.tar"),
				"deb http://"+debianHost+" bookworm main",
				"deb http://"+debianHost+" bookworm-updates main",
				"deb http://"+securityHost+" bookworm-security main")
			cmd.Env = append(os.Environ(), "http_proxy="+w.mirror.addr)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("mmdebstrap: %v\n%s", err, out)
			}
			return nil
		}},
		{name: "slim", parent: "debian", as: "debian:bookworm"},
		{name: "node", parent: "debian", as: "debian:bookworm"},
		{name: "python", parent: "debian", as: "debian:bookworm"},
		{name: "golang", parent: "busybox", as: "busybox:shale", key: func(testing.TB) string { return runtime.Version() }, inputs: func(t testing.TB, w *world, dir string) []string {
			out, err := exec.Command("go", "env", "GOROOT").Output()
			if err != nil {
				t.Fatal(err)
			}
			return []string{"--local", "goroot=" + strings.TrimSpace(string(out)), "--opt", "context:goroot=local:goroot"}
		}},
	} {
		all[b.name] = b
	}
	return all
}

// layout makes a base, or takes it from the cache, and returns its folder.
func (w *world) layout(t testing.TB, name string) *base {
	t.Helper()
	b := w.bases[name]
	b.once.Do(func() { w.makeBase(t, b) })
	if b.dir == "" {
		t.Fatalf("the base %s could not be made", name)
	}
	return b
}

func (w *world) makeBase(t testing.TB, b *base) {
	t.Helper()
	recipe := filepath.Join("bases", b.name)
	sum := sha256.New()
	var from []string
	if b.parent != "" {
		p := w.layout(t, b.parent)
		from = []string{"--oci-layout", "parent=" + p.dir, "--opt", "context:" + b.as + "=oci-layout://parent@" + w.digest(t, p.dir)}
		fmt.Fprintln(sum, p.id)
	}
	if b.key != nil {
		fmt.Fprintln(sum, b.key(t))
	}
	err := filepath.WalkDir(recipe, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(sum, runtime.GOARCH)
	b.id = fmt.Sprintf("%x", sum.Sum(nil)[:8])
	dir := filepath.Join(w.cache, "base-"+b.name+"-"+b.id)
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err == nil {
		b.dir = dir
		return
	}
	t.Logf("making the base %s, once", b.name)
	build := scratch(t)
	if err := os.CopyFS(build, os.DirFS(recipe)); err != nil {
		t.Fatal(err)
	}
	var more []string
	if b.inputs != nil {
		more = b.inputs(t, w, build)
	}
	part := scratch(t)
	args := append([]string{
		"--local", "context=" + build, "--local", "dockerfile=" + build,
		"--opt", "build-arg:http_proxy=" + w.mirror.addr,
		"--output", "type=oci,tar=false,compression=uncompressed,dest=" + part,
	}, from...)
	if out, err := w.engine.Build(t.Context(), append(args, more...)...); err != nil {
		t.Fatalf("base %s: %v\n%s", b.name, err, out)
	}
	if err := enginetest.Settle(part, dir); err != nil {
		t.Fatal(err)
	}
	b.dir = dir
}

func scratch(t testing.TB) string {
	t.Helper()
	dir, err := enginetest.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// digest is what the index of a layout names.
func (w *world) digest(t testing.TB, dir string) string {
	t.Helper()
	var index struct {
		Manifests []struct{ Digest string }
	}
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("%s: %d manifests, want 1", dir, len(index.Manifests))
	}
	return index.Manifests[0].Digest
}

func busyboxKey(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(lookPath(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

func lookPath(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
