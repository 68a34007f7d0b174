package discover

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// tree writes a txtar archive into a fresh folder and makes it the working one.
func tree(t testing.TB, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	if tt, ok := t.(*testing.T); ok {
		tt.Chdir(dir)
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME="+dir, "XDG_CONFIG_HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func paths(r *Result) []string {
	var out []string
	for _, f := range r.Files {
		out = append(out, f.Path)
	}
	return out
}

const repository1 = `
-- .git/HEAD --
-- .git/info/exclude --
excluded/
-- .git/Dockerfile --
-- .gitignore --
*.dev
/build/
vendor/
!keep/vendor/
-- Dockerfile --
-- Dockerfile.dev --
-- Dockerfile.j2 --
-- Dockerfile.dockerignore --
-- .dockerignore --
-- README.md --
-- build/Dockerfile --
-- deep/build/Dockerfile --
-- excluded/Dockerfile --
-- deep/vendor/Dockerfile --
-- deep/.gitignore --
!Dockerfile.dev
x/Dockerfile
-- deep/Dockerfile.dev --
-- deep/x/Dockerfile --
-- deep/x/web.Dockerfile --
-- deep/y/x/Dockerfile --
-- .devcontainer/Dockerfile --
-- keep/vendor/Containerfile --
-- node_modules/a/Dockerfile --
`

func TestWalk(t *testing.T) {
	dir := tree(t, repository1)
	for _, test := range []struct {
		args, want []string
	}{
		{nil, []string{
			".devcontainer/Dockerfile", "Dockerfile", "deep/Dockerfile.dev", "deep/build/Dockerfile",
			"deep/x/web.Dockerfile", "deep/y/x/Dockerfile", "keep/vendor/Containerfile", "node_modules/a/Dockerfile",
		}},
		{[]string{"./deep/"}, []string{"deep/Dockerfile.dev", "deep/build/Dockerfile", "deep/x/web.Dockerfile", "deep/y/x/Dockerfile"}},
		{[]string{"deep/x"}, []string{"deep/x/web.Dockerfile"}},
		// A named folder is walked though it is ignored, and a named file taken.
		{[]string{"build", "deep/x/Dockerfile", "Dockerfile.j2"}, []string{"build/Dockerfile", "deep/x/Dockerfile", "Dockerfile.j2"}},
		// Each file once, where it is named first.
		{[]string{"deep/x/web.Dockerfile", "deep/x", dir + "/deep/x/web.Dockerfile", "deep/../deep/x"}, []string{"deep/x/web.Dockerfile"}},
	} {
		r := Find(test.args, Options{})
		if d := cmp.Diff(test.want, paths(r)); d != "" || len(r.Problems) > 0 || len(r.Empty) > 0 {
			t.Errorf("%q: %s%v %v", test.args, d, r.Problems, r.Empty)
		}
	}
}

func TestParentPath(t *testing.T) {
	dir := tree(t, repository1)
	t.Chdir(filepath.Join(dir, "deep/x"))
	got := paths(Find([]string{".."}, Options{}))
	want := []string{"../Dockerfile.dev", "../build/Dockerfile", "../x/web.Dockerfile", "../y/x/Dockerfile"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExcluded(t *testing.T) {
	tree(t, "-- a/Dockerfile --\n-- b/c/Dockerfile --\n-- b/d.Dockerfile --\n")
	var asked []string
	o := Options{Excluded: func(p string) bool {
		asked = append(asked, p)
		return p == "b/c" || p == "a/Dockerfile"
	}}
	if d := cmp.Diff([]string{"b/d.Dockerfile"}, paths(Find([]string{"."}, o))); d != "" {
		t.Error(d)
	}
	if slices.Contains(asked, "b/c/Dockerfile") {
		t.Error("an excluded folder was walked")
	}
	asked = nil
	r := Find([]string{"a/Dockerfile"}, o)
	if len(r.Files) != 1 || !r.Files[0].Named || len(asked) > 0 {
		t.Errorf("a named file was asked about: %v %v", r.Files, asked)
	}
	// Everything excluded is a folder without Dockerfiles.
	if r := Find([]string{"b/c", "a"}, o); len(r.Files) != 1 || !slices.Equal(r.Empty, []string{"a"}) {
		t.Errorf("%v %v", r.Files, r.Empty)
	}
}

func TestProblems(t *testing.T) {
	tree(t, "-- a/Dockerfile --\n-- b/readme --\n-- c/secret/Dockerfile --\n")
	if err := os.Symlink("gone", "a/Dockerfile.x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop.Dockerfile", "a/loop.Dockerfile"); err != nil {
		t.Fatal(err)
	}
	r := Find([]string{"missing", "b", "a", ""}, Options{})
	var got []string
	for _, p := range r.Problems {
		got = append(got, p.Error())
	}
	want := []string{
		"missing: no such file or folder",
		"a/Dockerfile.x: no such file or folder",
		"a/loop.Dockerfile: too many levels of symbolic links",
		`"": an empty path names no file`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a/Dockerfile"}, paths(r)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"b"}, r.Empty); d != "" {
		t.Error(d)
	}
	if os.Getuid() == 0 {
		t.Log("root reads everything: the unreadable folder is not tried")
		return
	}
	if err := os.Chmod("c/secret", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod("c/secret", 0o755) })
	r = Find([]string{"c", "a/Dockerfile"}, Options{})
	if len(r.Problems) != 1 || r.Problems[0].Error() != "c/secret: permission denied" || len(r.Files) != 1 || len(r.Empty) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestLinks(t *testing.T) {
	tree(t, "-- real/Dockerfile --\n-- other/Dockerfile.x --\n")
	for name, to := range map[string]string{"real/up": "..", "real/Dockerfile.link": "../other/Dockerfile.x", "linked": "other"} {
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	// A link to a folder is not followed, unless it is named; a link to a file is
	// the file.
	if d := cmp.Diff([]string{"other/Dockerfile.x", "real/Dockerfile"}, paths(Find([]string{"."}, Options{}))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"real/Dockerfile", "real/Dockerfile.link"}, paths(Find([]string{"real"}, Options{}))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"linked/Dockerfile.x"}, paths(Find([]string{"linked"}, Options{}))); d != "" {
		t.Error(d)
	}
}

func TestNamed(t *testing.T) {
	for name, want := range map[string]bool{
		"Dockerfile": true, "Containerfile": true, "Dockerfile.prod": true, "Containerfile.ci": true,
		"web.Dockerfile": true, "web.dockerfile": true, "Dockerfile.alpine3.19": true,
		"dockerfile": false, "Dockerfile.dockerignore": false, ".dockerignore": false, "web.Dockerfile.dockerignore": false,
		"Dockerfile.j2": false, "Dockerfile.jinja": false, "Dockerfile.jinja2": false, "Dockerfile.tmpl": false,
		"Dockerfile.tpl": false, "Dockerfile.template": false, "Dockerfile.erb": false, "Dockerfile.in": false,
		"Dockerfile.md": false, "Dockerfile.bak": false, "Dockerfile.prod.bak": false, "Dockerfile-template": false,
		"web.Dockerfile.j2": false, "Dockerfiles": false, "MyDockerfile": false, "web.Containerfile": false,
	} {
		if got := Named(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNestedRepositories(t *testing.T) {
	dir := tree(t, `
-- .gitignore --
*.x
-- README --
-- sub/a/Dockerfile.x --
-- tree/Dockerfile.x --
-- tree/Dockerfile.y --
`)
	git(t, dir, "init", "-q")
	git(t, filepath.Join(dir, "sub"), "init", "-q")
	// A submodule and a work tree keep their .git elsewhere.
	write(t, filepath.Join(dir, ".git/worktrees/w/commondir"), "../..\n")
	write(t, filepath.Join(dir, "tree/.git"), "gitdir: ../.git/worktrees/w\n")
	write(t, filepath.Join(dir, ".git/info/exclude"), "*.y\n")
	got := paths(Find([]string{"."}, Options{}))
	if d := cmp.Diff([]string{"sub/a/Dockerfile.x", "tree/Dockerfile.x"}, got); d != "" {
		t.Error(d)
	}
}

// TestAgainstGit compares random ignore files with what the real git says, path by
// path.
func TestAgainstGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	names := []string{"a", "b", "ab", "a.b", "Dockerfile", "foo", "-", "[x]", "a b", "x*", `b\`}
	pieces := []string{
		"a", "b", "ab", "a.b", "Dockerfile", "foo", "*", "**", "?", "/", "/", "[ab]", "[!a]", "[^b]*", "[a-c]", "[]x]", "[[:alpha:]]",
		"[[:bogus:]]", "[", "]", "-", "[a-]", "[a\\-c]", "\\", "\\*", "\\a", "\\ ", " ", "!", "#", ".", "x", "[[x]]", "[[:x]", "**/", "/**", "*/", "*.*",
	}
	rng := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	var all []string
	var isDir []bool
	for _, x := range names {
		for _, y := range append(names, "") {
			for _, z := range []string{"", "a", "foo"} {
				if y == "" && z != "" {
					continue
				}
				all = append(all, strings.TrimRight(x+"/"+y+"/"+z, "/"))
			}
		}
	}
	for _, p := range all {
		if err := os.MkdirAll(filepath.Join(dir, p), 0o755); err != nil {
			t.Fatal(err)
		}
		isDir = append(isDir, true)
	}
	for _, p := range append([]string{}, all...) {
		f := p + "/file"
		if strings.Count(f, "/") > 2 {
			continue
		}
		write(t, filepath.Join(dir, f), "")
		all = append(all, f)
		isDir = append(isDir, false)
	}
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	for range rounds {
		var files [3]string
		for i := range files {
			var b strings.Builder
			for range rng.IntN(5) {
				if rng.IntN(4) == 0 {
					b.WriteString("!")
				}
				for range 1 + rng.IntN(4) {
					b.WriteString(pieces[rng.IntN(len(pieces))])
				}
				b.WriteString([]string{"\n", "\r\n", " \n", "/\n"}[rng.IntN(4)])
			}
			files[i] = b.String()
		}
		write(t, filepath.Join(dir, ".gitignore"), files[0])
		write(t, filepath.Join(dir, "a/.gitignore"), files[1])
		write(t, filepath.Join(dir, ".git/info/exclude"), files[2])

		cmd := exec.Command("git", "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "XDG_CONFIG_HOME="+dir)
		cmd.Stdin = strings.NewReader(strings.Join(all, "\x00") + "\x00")
		out, err := cmd.Output()
		if err != nil && len(out) == 0 {
			t.Fatal(err)
		}
		ignored := map[string]bool{}
		fields := strings.Split(string(out), "\x00")
		for i := 0; i+3 < len(fields); i += 4 {
			ignored[fields[i+3]] = fields[i+2] != "" && !strings.HasPrefix(fields[i+2], "!")
		}
		for i, p := range all {
			if got := judged(dir, p, isDir[i]); got != ignored[p] {
				t.Fatalf("%q: ignored = %v, git says %v\n.gitignore %q\na/.gitignore %q\nexclude %q", p, got, ignored[p], files[0], files[1], files[2])
			}
		}
	}
}

// judged walks down to a path as the walker does.
func judged(root, p string, isDir bool) bool {
	at := root
	var rules *ignores
	parts := strings.Split(p, "/")
	for i, part := range parts {
		entries, err := os.ReadDir(at)
		if err != nil {
			return true
		}
		rules = rules.enter(at, entries)
		at = filepath.Join(at, part)
		if rules.ignored(at, isDir || i < len(parts)-1) {
			return true
		}
	}
	return false
}

func BenchmarkWalk(b *testing.B) {
	dir := tree(b, repository1)
	for i := range 100 {
		for j := range 20 {
			write(b, filepath.Join(dir, "many", string(rune('a'+i%26))+strings.Repeat("x", i/26), "Dockerfile."+string(rune('a'+j))), "")
		}
	}
	for b.Loop() {
		Find([]string{dir}, Options{})
	}
}

// A pattern of many stars must not take exponential time.
func TestCostlyPattern(t *testing.T) {
	p := pattern{text: strings.Repeat("*a", 40) + "b", anywhere: true}
	if p.match(strings.Repeat("a", 300), strings.Repeat("a", 300), false) {
		t.Error("matched")
	}
	p = pattern{text: strings.Repeat("**/a/", 12) + "b"}
	if p.match(strings.Repeat("a/", 120)+"c", "c", false) {
		t.Error("matched")
	}
}
