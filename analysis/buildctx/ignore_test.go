package buildctx

import (
	"context"
	"io"
	gofs "io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"golang.org/x/tools/txtar"
)

// tree writes a txtar archive into a fresh folder. A file whose name holds " -> "
// is a symbolic link.
func tree(t testing.TB, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name, target, isLink := strings.Cut(f.Name, " -> ")
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		switch {
		case isLink:
			err = os.Symlink(target, p)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(p, 0o755)
		default:
			err = os.WriteFile(p, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func at(t testing.TB, dir string) *Context {
	t.Helper()
	c, why := Locate(Request{Dir: dir, How: "--context"})
	if c == nil {
		t.Fatal(why)
	}
	return c
}

// walkedByBuildKit lists what fsutil, which sends the context to BuildKit, walks.
func walkedByBuildKit(t testing.TB, fsys fsutil.FS, ignore string) (paths []string, err error) {
	t.Helper()
	patterns, err := ignorefile.ReadAll(strings.NewReader(ignore))
	if err != nil {
		return nil, err
	}
	f, err := fsutil.NewFilterFS(fsys, &fsutil.FilterOpt{ExcludePatterns: patterns})
	if err != nil {
		return nil, err
	}
	err = f.Walk(context.Background(), "/", func(p string, d gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		paths = append(paths, filepath.ToSlash(p))
		return nil
	})
	sort.Strings(paths)
	return paths, err
}

// memory is a tree of names for fsutil, without a disk: a path that ends in "/"
// is a folder.
type memory []string

func (m memory) Open(string) (io.ReadCloser, error) { return nil, os.ErrNotExist }

func (m memory) Walk(_ context.Context, _ string, fn gofs.WalkDirFunc) error {
	skip := ""
	for _, p := range m {
		name := strings.TrimSuffix(p, "/")
		if skip != "" && strings.HasPrefix(p, skip) {
			continue
		}
		mode := uint32(0o644)
		if name != p {
			mode = uint32(os.ModeDir) | 0o755
		}
		err := fn(name, &fsutil.DirEntryInfo{Stat: &types.Stat{Path: name, Mode: mode}}, nil)
		if err == filepath.SkipDir {
			if name == p {
				skip = path.Dir(p) + "/"
			} else {
				skip = p
			}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// newMemory makes a tree of the paths and of all folders above them, in the order
// of a walk.
func newMemory(paths []string) memory {
	seen := map[string]bool{}
	for _, p := range paths {
		seen[p] = true
		for d := path.Dir(strings.TrimSuffix(p, "/")); d != "."; d = path.Dir(d) {
			seen[d+"/"] = true
		}
	}
	m := sorted(seen)
	slices.SortFunc(m, func(a, b string) int {
		return strings.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
	})
	return m
}

var ignorePieces = []string{
	"a", "b", "c", "node_modules", "src", "a.md", "*", "*", "**", "**", "*.md", "n*", "?", "?ode_modules", "[an]*", "[^x]", ".", "..", `\a`, "**a", "a**", "node_modules*", "foo^",
}

func randomIgnore(rng *rand.Rand, hides bool) string {
	var b strings.Builder
	if rng.IntN(3) == 0 {
		b.WriteString("*\n")
	}
	for range 1 + rng.IntN(5) {
		if rng.IntN(3) == 0 {
			b.WriteString("!")
		}
		if rng.IntN(6) == 0 {
			b.WriteString("/")
		}
		for i := range 1 + rng.IntN(3) {
			if i > 0 {
				b.WriteString("/")
			}
			b.WriteString(ignorePieces[rng.IntN(len(ignorePieces))])
		}
		b.WriteString([]string{"\n", "/\n", " \n", "\r\n"}[rng.IntN(4)])
		if hides && rng.IntN(2) == 0 {
			b.WriteString([]string{"**/node_modules\n", "**/node_modules/**\n", "node_modules\n*/**/node_modules\n", "**/n*_modules/\n"}[rng.IntN(4)])
		}
	}
	return b.String()
}

// onDisk makes empty files, and folders, whose names end in a slash.
func onDisk(t *testing.T, paths []string) string {
	dir := tree(t, "")
	for _, p := range paths {
		var err error
		if strings.HasSuffix(p, "/") {
			err = os.MkdirAll(filepath.Join(dir, p), 0o755)
		} else {
			err = os.WriteFile(filepath.Join(dir, p), nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestIgnoreAgainstBuildKit compares random ignore files over a tree with the walk
// that BuildKit's client makes.
func TestIgnoreAgainstBuildKit(t *testing.T) {
	names := []string{"a", "b", "node_modules", "src", "a.md"}
	var paths []string
	for _, x := range names {
		paths = append(paths, x+"/")
		for _, y := range names {
			paths = append(paths, x+"/"+y+"/", x+"/"+y+"/f")
			for _, z := range names[:3] {
				paths = append(paths, x+"/"+y+"/"+z+"/a.md")
			}
		}
	}
	paths = append(paths, "c", "x.md")
	dir := onDisk(t, newMemory(paths))
	disk, err := fsutil.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	compared, hidden := 0, 0
	for range 120 {
		text := randomIgnore(rng, false)
		if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		want, err := walkedByBuildKit(t, disk, text)
		c, why := Locate(Request{Dir: dir})
		if err != nil {
			if c != nil {
				t.Fatalf("%q: BuildKit fails with %v", text, err)
			}
			continue
		}
		if c == nil { // a pattern that BuildKit never reached may be broken
			if !strings.Contains(why, "does not parse") {
				t.Fatal(why)
			}
			continue
		}
		compared++
		visible := map[string]bool{}
		for _, p := range want {
			visible[p] = true
		}
		for _, p := range append(newMemory(paths), ".dockerignore") {
			p = strings.TrimSuffix(p, "/")
			if got := c.Exists(p); got != visible[p] {
				t.Fatalf("%q: Exists(%s) = %v", text, p, got)
			}
			if !visible[p] {
				hidden++
				if !c.Ignored(p) {
					t.Fatalf("%q: %s is hidden but not Ignored", text, p)
				}
			}
		}
		files, err := c.WalkFiles()
		if err != nil {
			t.Fatal(err)
		}
		want = slices.DeleteFunc(want, func(p string) bool {
			fi, err := os.Lstat(filepath.Join(dir, p))
			return err != nil || fi.IsDir()
		})
		if d := cmp.Diff(want, files); d != "" && len(want)+len(files) > 0 {
			t.Fatalf("%q: %s", text, d)
		}
	}
	if compared < 60 || hidden < 500 {
		t.Errorf("only %d ignore files compared, %d paths hidden", compared, hidden)
	}
}

// TestHidesEverywhereIsSound puts a node_modules everywhere, with things in it
// that exceptions may bring back, and asks fsutil whether one is sent.
func TestHidesEverywhereIsSound(t *testing.T) {
	names := []string{"a", "b", "c", "src", "a.md", "node_modules", "x", "foo"}
	inside := []string{"", "a", "a/f", "src/a.md", "x.md", "a.md", "node_modules/b", "c/d/e.md", "src/c/a"}
	var paths []string
	var add func(prefix string, depth int)
	add = func(prefix string, depth int) {
		for _, in := range inside {
			paths = append(paths, prefix+"node_modules/"+in)
		}
		if depth == 0 {
			return
		}
		for _, n := range names {
			add(prefix+n+"/", depth-1)
		}
	}
	add("", 2)
	m := newMemory(paths)
	empty := tree(t, "")
	rng := rand.New(rand.NewPCG(5, 6))
	yes, couldBe := 0, 0
	for range 1000 {
		text := randomIgnore(rng, true)
		if err := os.WriteFile(filepath.Join(empty, ".dockerignore"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		c, _ := Locate(Request{Dir: empty})
		if c == nil {
			continue
		}
		hides := c.HidesEverywhere("node_modules")
		if !hides && rng.IntN(20) > 0 {
			continue
		}
		sent, err := walkedByBuildKit(t, m, text)
		if err != nil {
			continue
		}
		shown := slices.ContainsFunc(sent, func(p string) bool { return strings.Contains("/"+p+"/", "/node_modules/") })
		switch {
		case hides && shown:
			i := slices.IndexFunc(sent, func(p string) bool { return strings.Contains("/"+p+"/", "/node_modules/") })
			t.Fatalf("%q: BuildKit is sent %s", text, sent[i])
		case hides:
			yes++
		case !shown:
			couldBe++
		}
	}
	t.Logf("%d hide for certain; of a twentieth of the others %d hid too", yes, couldBe)
	if yes < 100 {
		t.Errorf("only %d of 1000 ignore files hide node_modules", yes)
	}
}

// TestHidesTreeIsSound does the same for one path, a folder full of things or a file.
func TestHidesTreeIsSound(t *testing.T) {
	const at = "src/node_modules"
	var full []string
	for _, in := range []string{"", "a", "a/f", "src/a.md", "x.md", "a.md", "node_modules/b", "c/d/e.md", "src/c/a", "b/"} {
		full = append(full, at+"/"+in)
	}
	folder, file := newMemory(append(full, "src/a.md")), newMemory([]string{at, "src/a.md"})
	empty := tree(t, "")
	rng := rand.New(rand.NewPCG(7, 8))
	yes := 0
	for range 2000 {
		text := randomIgnore(rng, true)
		if err := os.WriteFile(filepath.Join(empty, ".dockerignore"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		c, _ := Locate(Request{Dir: empty})
		if c == nil || !c.HidesTree(at) {
			continue
		}
		yes++
		for _, m := range []memory{folder, file} {
			sent, err := walkedByBuildKit(t, m, text)
			if err != nil {
				continue
			}
			if i := slices.IndexFunc(sent, func(p string) bool { return p == at || strings.HasPrefix(p, at+"/") }); i >= 0 {
				t.Fatalf("%q: BuildKit is sent %s", text, sent[i])
			}
		}
	}
	if yes < 200 {
		t.Errorf("only %d of 2000 ignore files hide %s", yes, at)
	}
}

func TestHidesEverywhere(t *testing.T) {
	for _, test := range []struct {
		name, ignore string
		want         bool
	}{
		{"none", "", false},
		{"top only", "node_modules\n", false},
		{"top only, as a folder", "/node_modules/\n", false},
		{"every depth", "**/node_modules\n", true},
		{"with slash, comment and CRLF", "# deps\r\n **/node_modules/ \r\n", true},
		{"content only", "**/node_modules/**\n", false},
		{"both halves", "node_modules\n*/**/node_modules\n", true},
		{"two depths", "node_modules\n*/node_modules\n", false},
		{"everything", "**\n", true},
		{"everything at the top", "*\n", true},
		{"allow list before", "*\n!src\n!package.json\n**/node_modules\n", true},
		{"allow list of content before", "*\n!src/**\n!package*.json\n**/node_modules\n", true},
		{"allow list after", "*\n**/node_modules\n!src\n", false},
		{"allow list that reaches in", "*\n!**/package.json\n**/node_modules\n", false},
		{"closed again", "*\n!**/package.json\n**/node_modules\n**/node_modules/**\n", true},
		{"allow list by one level", "*\n!packages/*/package.json\n**/node_modules\n", false},
		{"brought back", "**/node_modules\n!node_modules/keep\n", false},
		{"brought back by a wildcard", "**/node_modules\n!**/*.js\n", false},
		{"README after", "**/node_modules\n*.md\n!README.md\n", true}, // it is a file
		{"a folder after", "**/node_modules\n*.d\n!etc.d\n", false},
		{"an unknown name after", "**/node_modules\n*.x\n!gone.x\n", false},
		{"an exception without effect", "**/node_modules\n!gone.x\n", true},
		{"class", "**/[n]ode_modules\n", false},
		{"name by wildcard", "**/node_*\n", true},
		{"escaped", "**/node\\_modules\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tree(t, "-- README.md --\n-- etc.d/x --\n")
			if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte(test.ignore), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := at(t, dir).HidesEverywhere("node_modules"); got != test.want {
				t.Errorf("%q: %v", test.ignore, got)
			}
		})
	}
	if at(t, tree(t, "-- .dockerignore --\n**\n")).HidesEverywhere("a/b") {
		t.Error("a path is no name")
	}
}
