package buildctx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func found(l Locals) (out []string) {
	for _, f := range l.Found {
		s := fmt.Sprintf("%s %d", f.Path, f.Bytes)
		if f.Tracked {
			s += " tracked"
		}
		out = append(out, s)
	}
	return out
}

func TestLocals(t *testing.T) {
	dir := tree(t, `
-- .git/HEAD --
ref
-- .git/objects/a --
12345
-- Dockerfile --
-- docker/prod.Dockerfile --
-- docker/prod.Dockerfile.dockerignore --
-- hidden/Dockerfile.x --
-- hidden/node_modules/a --
-- node_modules/a/index.js --
1
-- node_modules/a/node_modules/b --
1
-- node_modules/Dockerfile --
1
-- .venv/pyvenv.cfg --
1
-- venv/no-environment --
1
-- target/x --
no project beside it
-- api/Cargo.toml --
-- api/target/x --
1
-- web/package.json --
-- web/dist/x --
1
-- lib/obj/x --
no project beside it
-- net/a.csproj --
-- net/obj/x --
1
-- tool/.cache-of-it/CACHEDIR.TAG --
Signature: 8a477f597d28d172789f06886806bc55
-- tool/.other/CACHEDIR.TAG --
something else
-- py/__pycache__/a.pyc --
1
-- .env --
A=1
-- .env.example --
A=1
-- .env.empty --
-- .environment --
A=1
-- id_rsa --
-----BEGIN RSA PRIVATE KEY-----
-- a.pem --
-----BEGIN CERTIFICATE-----
-- .dockerignore --
hidden
node_modules/a/node_modules
`)
	c := contextOf(t, dir)
	l := c.Locals(nil)
	want := []string{".env 4", ".git 10", ".venv 2", "api/target 2", "id_rsa 32", "net/obj 2", "node_modules 4", "py/__pycache__ 2", "tool/.cache-of-it 44", "web/dist 2"}
	if diff := cmp.Diff(want, found(l)); diff != "" || l.Why != "" {
		t.Errorf("%s (-want +got)\n%s", l.Why, diff)
	}
	if diff := cmp.Diff([]string{"Dockerfile", "docker/prod.Dockerfile", "hidden/Dockerfile.x"}, l.Dockerfiles); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// The text of .dockerignore that is to come.
	next, err := c.With("**/node_modules\n.git\n.env\n!.env\nid_*\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(found(next.Locals(nil)), " "); strings.Contains(got, "node_modules") || strings.Contains(got, ".git") || strings.Contains(got, "id_rsa") || !strings.Contains(got, ".env 4") {
		t.Error(got)
	}
}

func contextOf(t *testing.T, dir string) *Context {
	t.Helper()
	c, why := Locate(Request{Dir: dir, Dockerfile: filepath.Join(dir, "Dockerfile")})
	if c == nil {
		t.Fatal(why)
	}
	return c
}

// One walk serves all who ask, until it is too old or .dockerignore changes.
func TestWalks(t *testing.T) {
	dir := tree(t, "-- a/node_modules/x --\n1\n")
	walks := &Walks{Keep: time.Hour}
	n := func() int { return len(contextOf(t, dir).Locals(walks).Found) }
	if n() != 1 {
		t.Fatal(n())
	}
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if n() != 1 {
		t.Error("walked again")
	}
	if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if n() != 0 {
		t.Error("another .dockerignore, and not walked again")
	}
	walks.Keep = time.Nanosecond
	if err := os.MkdirAll(filepath.Join(dir, "b/__pycache__"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b/__pycache__/x"), []byte("x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if n() != 1 {
		t.Error("too old, and not walked again")
	}
}

// The folders above one are looked for once, unless what is found holds for a while only.
func TestWalksKnowFolders(t *testing.T) {
	dir := tree(t, "-- .git/HEAD --\n-- a/b/c/x --\n-- a/b/d/x --\n")
	walks := &Walks{}
	for _, below := range []string{"a/b/c", "a/b/d", "a/b", "."} {
		own := filepath.Join(dir, below)
		if got, want := walks.parents(own), parents(own, rooted); !slices.Equal(got, want) {
			t.Errorf("%s: %q, %q", below, got, want)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "a/.git"), 0o777); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "a/b/c")
	if n := len(walks.parents(own)); n != 3 {
		t.Errorf("looked again: %d folders", n)
	}
	if n := len((&Walks{Keep: time.Hour}).parents(own)); n != 2 {
		t.Errorf("for a while only: %d folders", n)
	}
	walks.Forget()
	if n := len(walks.parents(own)); n != 2 {
		t.Errorf("forgotten: %d folders", n)
	}
}

func TestLocalsOfTooMuch(t *testing.T) {
	dir := tree(t, "-- a/b/x --\n-- a/c/y --\n-- z/node_modules/x --\n1\n")
	w := &localWalk{Context: contextOf(t, dir), left: 4}
	w.folder(".", verdict{})
	if !strings.Contains(w.found.Why, "holds more than") || len(w.found.Found) > 0 {
		t.Errorf("%+v", w.found)
	}
}

// What git keeps is no machine's own, whatever version its index has.
func TestTracked(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	for _, version := range []string{"2", "4"} {
		dir := tree(t, `
-- app/.env --
A=1
-- app/.env.local --
A=1
-- app/node_modules/a/index.js --
1
-- app/node_modules-other/x --
1
-- app/web/node_modules/x --
1
-- app/très/long/name/of/a/file --
1
`)
		git := gitIn(t, dir)
		if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
			t.Fatal(err)
		}
		git("init", "-q")
		git("update-index", "--index-version", version)
		git("add", "-f", "app/.env", "app/node_modules", "app/node_modules-other", "app/très")
		git("update-index", "--index-version", version)
		got := found(contextOf(t, filepath.Join(dir, "app")).Locals(nil))
		want := []string{".env 4 tracked", ".env.local 4", "node_modules 2 tracked", "web/node_modules 2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("version %s (-want +got)\n%s", version, diff)
		}
		// Broken: nothing is known, so all may be git's.
		if err := os.WriteFile(filepath.Join(dir, ".git/index"), []byte("DIRC nonsense and more of it, as long as it takes"), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := found(contextOf(t, filepath.Join(dir, "app")).Locals(nil)); slices.ContainsFunc(got, func(s string) bool { return !strings.HasSuffix(s, " tracked") }) {
			t.Errorf("of a broken index: %q", got)
		}
	}
}

// gitIn runs git in a folder.
func gitIn(t *testing.T, dir string) func(args ...string) {
	return func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// With names of SHA-256, and where folders stand for what is in them, nothing is known.
func TestTrackedInAnotherForm(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	for _, form := range [][]string{{"init", "-q", "--object-format=sha256"}, {"init", "-q"}} {
		dir := tree(t, "-- a/x --\n1\n-- b/.env --\nA=1\n-- c/y --\n1\n")
		git := gitIn(t, dir)
		if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
			t.Fatal(err)
		}
		git(form...)
		git("add", "-f", ".")
		if len(form) == 2 {
			git("commit", "-qm", "x")
			git("sparse-checkout", "set", "--cone", "--sparse-index", "a")
		}
		if !contextOf(t, dir).Tracked().Has("b/.env") {
			t.Errorf("%q: b/.env is taken for a file that git does not keep", form)
		}
	}
}

func BenchmarkLocals(b *testing.B) {
	dir := b.TempDir()
	for i := range 400 {
		at := filepath.Join(dir, fmt.Sprintf("src/%d/node_modules/p", i))
		if i%2 == 0 {
			at = filepath.Join(dir, fmt.Sprintf("src/%d/code", i))
		}
		if err := os.MkdirAll(at, 0o777); err != nil {
			b.Fatal(err)
		}
		for j := range 500 {
			if err := os.WriteFile(filepath.Join(at, fmt.Sprintf("f%d.js", j)), nil, 0o666); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte(".git\n*.md\n**/dist\n"), 0o666); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, why := Locate(Request{Dir: dir})
		if c == nil {
			b.Fatal(why)
		}
		if n := len(c.Locals(nil).Found); n != 200 {
			b.Fatal(n)
		}
	}
}
