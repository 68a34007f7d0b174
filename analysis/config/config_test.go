package config

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var schema = Schema{Rules: map[string]map[string][]string{
	"merge-runs":          {"when": {"pays", "always"}},
	"package-cache":       {"policy": {"clean", "mount"}},
	"copy-before-install": {},
	"FromAsCasing":        {},
}}

// tree writes a txtar archive into a fresh folder and makes it the working one.
func tree(t *testing.T, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		p := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

func loader(t *testing.T, args ...string) *Loader {
	t.Helper()
	l, err := New(Options{Schema: schema, Version: "0.4.1", Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func load(t *testing.T, l *Loader, path string) *Config {
	t.Helper()
	c, err := l.For(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNearestUpward(t *testing.T) {
	dir := tree(t, `
-- .shale.toml --
# the whole repository
exclude = ["third_party/", "**/testdata/**", "*.win.Dockerfile"]
required-version = ">=0.4, <1"
builder = "docker-23"

[[context]]
files = ["docker/*", "build/Dockerfile"]
dir = "."

[[context]]
files = "*.api.Dockerfile"
dir = "services/api"

[rules.merge-runs]
when = "always"
severity = "off"

[rules]
package-cache.policy = "mount"
-- services/.shale.toml --
rules.merge-runs.severity = "info"
-- services/api/Dockerfile --
`)
	l := loader(t)
	c := load(t, l, "docker/Dockerfile")
	if got, want := c.File(), filepath.Join(dir, ".shale.toml"); got != want {
		t.Errorf("File = %q, want %q", got, want)
	}
	if c.Builder() != "docker-23" {
		t.Errorf("Builder = %q", c.Builder())
	}
	for path, want := range map[string]bool{
		"third_party":                   true,
		"third_party/x/Dockerfile":      true,
		"a/third_party/Dockerfile":      true,
		"a/testdata/b/Dockerfile":       true,
		"testdata/Dockerfile":           true,
		"a/x.win.Dockerfile":            true,
		"Dockerfile":                    false,
		"third_party2/Dockerfile":       false,
		"..":                            false,
		".":                             false,
		dir + "/third_party/Dockerfile": true,
		"../third_party/Dockerfile":     false,
	} {
		if got := c.Excluded(path); got != want {
			t.Errorf("Excluded(%q) = %v", path, got)
		}
	}
	for path, want := range map[string]string{
		"docker/Dockerfile":     dir,
		"docker/x/Dockerfile":   dir,
		"build/Dockerfile":      dir,
		"build/Dockerfile.dev":  "",
		"deep/x.api.Dockerfile": filepath.Join(dir, "services/api"),
		"Dockerfile":            "",
	} {
		got, how, ok := c.ContextFor(path)
		if got != want || ok != (want != "") {
			t.Errorf("ContextFor(%q) = %q, %v", path, got, ok)
		}
		if ok && how != "context in .shale.toml" {
			t.Errorf("how = %q", how)
		}
	}
	if s, ok := c.Severity("merge-runs"); !ok || s != "off" {
		t.Errorf("Severity = %q, %v", s, ok)
	}
	if s, ok := c.Option("merge-runs", "when"); !ok || s != "always" {
		t.Errorf("Option when = %q, %v", s, ok)
	}
	if s, ok := c.Option("package-cache", "policy"); !ok || s != "mount" {
		t.Errorf("Option policy = %q, %v", s, ok)
	}
	if _, ok := c.Severity("package-cache"); ok {
		t.Error("a severity that nobody set")
	}

	// The nearest file stands alone: nothing is inherited without extend.
	c = load(t, l, "services/api/Dockerfile")
	if s, _ := c.Severity("merge-runs"); s != "info" || c.Excluded("services/third_party/Dockerfile") || c.Builder() != "" {
		t.Errorf("the file above leaks into %+v", c)
	}
	// A folder that does not exist has the configuration above it.
	if c := load(t, l, "no/such/Dockerfile"); c.Builder() != "docker-23" {
		t.Error("no configuration for a file that does not exist yet")
	}
}

func TestExtend(t *testing.T) {
	dir := tree(t, `
-- org/base.toml --
exclude = ["vendored"]
builder = "0.12"
context = [{files = "docker/*", dir = "."}]
rules.merge-runs.when = "always"
rules.package-cache.policy = "mount"
-- app/.shale.toml --
extend = "../org/base.toml"
builder = "podman"
rules.merge-runs.when = "pays"
-- app/docker/Dockerfile --
`)
	c := load(t, loader(t), "app/docker/Dockerfile")
	if c.Builder() != "podman" {
		t.Errorf("Builder = %q", c.Builder())
	}
	if v, _ := c.Option("merge-runs", "when"); v != "pays" {
		t.Errorf("when = %q", v)
	}
	if v, _ := c.Option("package-cache", "policy"); v != "mount" {
		t.Errorf("policy = %q", v)
	}
	if !c.Excluded("app/vendored/Dockerfile") || c.Excluded("org/vendored/Dockerfile") {
		t.Error("the patterns of an extended file count from the extending one")
	}
	if got, _, _ := c.ContextFor("app/docker/Dockerfile"); got != filepath.Join(dir, "app") {
		t.Errorf("context = %q", got)
	}
}

func TestArguments(t *testing.T) {
	dir := tree(t, `
-- .shale.toml --
builder = "kaniko"
rules.merge-runs.when = "always"
-- ci/shale.toml --
builder = "v0.13.2"
exclude = ["x"]
-- sub/Dockerfile --
`)
	l := loader(t, `rules.merge-runs.when="pays"`, `exclude = ["sub/"]`, `rules."package-cache".severity='error'`)
	c := load(t, l, "sub/Dockerfile")
	if v, _ := c.Option("merge-runs", "when"); v != "pays" || c.Builder() != "kaniko" {
		t.Errorf("when = %q, builder %q", v, c.Builder())
	}
	if v, _ := c.Severity("package-cache"); v != "error" || !c.Excluded("sub/Dockerfile") {
		t.Errorf("severity %q, excluded %v", v, c.Excluded("sub/Dockerfile"))
	}
	c = load(t, loader(t, "ci/shale.toml", `builder="podman"`), "sub/Dockerfile")
	if c.Builder() != "podman" || c.File() != filepath.Join(dir, "ci/shale.toml") {
		t.Errorf("builder %q from %q", c.Builder(), c.File())
	}
	if _, ok := c.Option("merge-runs", "when"); ok {
		t.Error("--config FILE does not stand in the place of the file found")
	}

	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{`rules.merge-runs.when=always`}, `--config 'rules.merge-runs.when=always':1:23: `},
		{[]string{`rules.merge-run.when="always"`}, `--config 'rules.merge-run.when="always"':1:7: there is no rule "merge-run"; did you mean "merge-runs"?`},
		{[]string{`missing.toml`}, `missing.toml: no such file`},
		{[]string{`ci`}, `ci: is a folder, not a file`},
		{[]string{`extend="ci/shale.toml"`}, `extend works in files only`},
		{[]string{`ci/shale.toml`, `.shale.toml`}, `one file is enough`},
		{[]string{`required-version=">9"`}, `required-version is ">9", and this is shale 0.4.1`},
	} {
		_, err := New(Options{Schema: schema, Version: "0.4.1", Args: test.args})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.args, err, test.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ name, toml, want string }{
		{"unknown key", "# é\nexcludes = []\n", `.shale.toml:2:1: the key "excludes" is not known; did you mean "exclude"?`},
		{"nothing like it", "zzz = 1", `.shale.toml:1:1: the key "zzz" is not known`},
		{"unknown table", "[rule.merge-runs]\n", `.shale.toml:1:2: the key "rule" is not known; did you mean "rules"?`},
		{"wrong type", "\"é\" = 1\n\"exclude\" = \"x\"", ".shale.toml:1:1: the key \"é\" is not known\n.shale.toml:2:13: exclude is a string; write a list of patterns: exclude = [\"…\"]"},
		{"number in list", `exclude = ["ü", 7]`, `.shale.toml:1:17: exclude holds an integer; each pattern is a string`},
		{"pattern", `exclude = ["a[b"]`, `.shale.toml:1:12: the pattern "a[b" in exclude is not closed: check [ ] and { }`},
		{"empty pattern", `exclude = ["/"]`, `.shale.toml:1:12: exclude holds an empty pattern`},
		{"rule", "[rules.package-cash]\npolicy = \"mount\"", `.shale.toml:1:8: there is no rule "package-cash"; did you mean "package-cache"?`},
		{"BuildKit's rule", "rules.fromascasing.severity = \"off\"", `.shale.toml:1:7: there is no rule "fromascasing"; did you mean "FromAsCasing"?`},
		{"option", "[rules.merge-runs]\nwen = \"pays\"", `.shale.toml:2:1: the rule merge-runs has no option "wen"; did you mean "when"?`},
		{"value", "rules.merge-runs.when = \"never\"", `.shale.toml:1:25: rules.merge-runs.when is "never"; write "pays" or "always"`},
		{"severity", "rules = {merge-runs = {severity = \"warn\"}}", `.shale.toml:1:35: rules.merge-runs.severity is "warn"; write "error", "warning", "info" or "off"`},
		{"type of option", "rules.merge-runs.when = true", `.shale.toml:1:25: rules.merge-runs.when is a boolean; write a string: rules.merge-runs.when = "…"`},
		{"type of rule", "rules.merge-runs = \"off\"", `.shale.toml:1:20: rules.merge-runs is a string; write rules.merge-runs.severity = "off" or one of its options`},
		{"builder", "builder = \"docker\"", `.shale.toml:1:11: builder "docker" is not known; write "docker-23"`},
		{"context", "context = \".\"", `.shale.toml:1:11: context is a string; write a list: context = [{files = "docker/*", dir = "."}]`},
		{"context key", `context = [{file = "x", dir = "."}]`, `.shale.toml:1:13: the key "file" is not known in context; did you mean "files"?`},
		{"context half", "[[context]]\nfiles = \"x\"", `.shale.toml:1:3: an entry of context needs both files and dir`},
		{"version", `required-version = "^1.2"`, `.shale.toml:1:20: required-version "^1.2": "^1.2" is no version; write for example ">=0.4"`},
		{"version not met", "required-version = \">=1.0\"\nnew-key = 1", `.shale.toml:1:20: required-version is ">=1.0", and this is shale 0.4.1`},
		{"syntax", "exclude = [\"a\"\nbuilder = 1", `.shale.toml:2:1: `},
		{"syntax after an accent", "builder = \"é\" x", `.shale.toml:1:15: `},
		{"twice", "builder = \"podman\"\nbuilder = \"podman\"", `.shale.toml:2:1: `},
		{"not UTF-8", "builder = \"\xff\"", `.shale.toml:1:12: is not valid UTF-8`},
		{"too big", strings.Repeat("# filler\n", 1<<20), `.shale.toml: is bigger than 256 KiB, which no configuration needs`},
		{"bomb", "exclude = " + strings.Repeat("[", 100_000), `.shale.toml:1:211: nests too deep`},
		{"dotted bomb", strings.Repeat("a.", 100_000) + "a = 1", `nests too deep`},
		{"extend nothing", "extend = \"gone.toml\"", `.shale.toml:1:10: extend names gone.toml: no such file`},
		{"cycle", "extend = \"./.shale.toml\"", `.shale.toml:1:10: extend leads back to .shale.toml; break the cycle`},
		{"two at once", "x = 1\nbuilder = 2\n", ".shale.toml:1:1: the key \"x\" is not known\n.shale.toml:2:11: builder is an integer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree(t, "")
			if err := os.WriteFile(Name, []byte(test.toml), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := loader(t).For("a/Dockerfile")
			if err == nil {
				t.Fatal("accepted")
			}
			e, ok := err.(*Error)
			if !ok || len(e.Problems) == 0 {
				t.Fatalf("%T %v", err, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestMistakesElsewhere(t *testing.T) {
	tree(t, `
-- a/.shale.toml --
extend = "b.toml"
-- a/b.toml --
extend = "../c.toml"
-- c.toml --
extend = "a/b.toml"
-- d/.shale.toml --
extend = "e.toml"
-- d/e.toml --
rules.merge-runs.wen = "x"
-- f/.shale.toml/x --
-- g/Dockerfile --
`)
	l := loader(t)
	for path, want := range map[string]string{
		"a/Dockerfile": "c.toml:1:10: extend leads back to a/b.toml; break the cycle",
		"d/Dockerfile": `d/e.toml:1:18: the rule merge-runs has no option "wen"; did you mean "when"?`,
		"f/Dockerfile": "f/.shale.toml: is a folder, not a file",
	} {
		_, err := l.For(path)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if _, err := l.For("g/Dockerfile"); err != nil {
		t.Error("one broken file stops the others:", err)
	}
	if os.Getuid() != 0 {
		if err := os.Chmod("c.toml", 0); err != nil {
			t.Fatal(err)
		}
		if _, err := loader(t).For("a/Dockerfile"); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Error(err)
		}
	}
}

func TestBuilders(t *testing.T) {
	for b, want := range map[string]bool{
		"docker-23": true, "docker-20.10": true, "docker-24.0.7": true, "0.12": true, "v0.12.5": true,
		"buildkit-0.12": true, "podman": true, "kaniko": true,
		"docker": false, "buildkit": false, "12": false, "docker-": false, "": false, "docker-23 ": false, "Podman": false,
	} {
		if got := builder.MatchString(b); got != want {
			t.Errorf("%q: %v", b, got)
		}
	}
}

func TestVersions(t *testing.T) {
	for _, test := range []struct {
		have, want string
		ok         bool
	}{
		{"0.4.1", ">=0.4", true}, {"0.4.1", ">=0.4.2", false}, {"v0.10.0", ">=0.9", true},
		{"0.4.1", "0.4.1", true}, {"0.4.1", "==0.4", false}, {"0.4.0", "=0.4", true},
		{"0.4.1", ">0.3, <0.4", false}, {"0.4.1", "<=0.4.1", true}, {"1.0.0-rc1", "<1", false},
		{"dev", ">=99", true}, {"", ">=99", true},
		{"v0.0.0-20261128010203-0123456789ab", ">=0.1", true}, {"v0.1.1-0.20261128010203-0123456789ab+dirty", ">=2", true},
		{"v0.1.0-rc.1", ">=2", false},
	} {
		if got, err := satisfies(test.have, test.want); err != nil || got != test.ok {
			t.Errorf("%s %s: %v, %v", test.have, test.want, got, err)
		}
	}
	for _, bad := range []string{"", "x", ">=", "1.2.3.4", "1,", "99999999999999999999"} {
		if _, err := satisfies("1.0", bad); err == nil {
			t.Errorf("%q is taken for a version", bad)
		}
	}
}

func TestNilConfig(t *testing.T) {
	var c *Config
	_, _, ok := c.ContextFor("Dockerfile")
	_, sev := c.Severity("x")
	_, opt := c.Option("x", "y")
	if ok || sev || opt || c.Excluded("x") || c.Builder() != "" || c.File() != "" {
		t.Error("a nil Config has settings")
	}
}

func TestConcurrent(t *testing.T) {
	tree(t, "-- .shale.toml --\nbuilder = \"podman\"\n")
	l := loader(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			c, err := l.For(strings.Repeat("d/", i%7) + "Dockerfile")
			if err != nil || c.Builder() != "podman" {
				t.Error(c, err)
			}
		})
	}
	wg.Wait()
}

// The places that the tree gives must agree with the text, whatever the form of
// the value.
func TestPlaces(t *testing.T) {
	const text = "a = 'x'\n[b.c]\n  d = [1,\n \"é\", {e = 2}]\n'k.l' = { m.n = true }\n[[o]]\n[[o]]\np = 1979-05-27\n"
	root, p := parse("x", text)
	if p != nil {
		t.Fatal(p)
	}
	got := map[string]place{}
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		got[path+" "+n.what] = locate(text, n.value)
		for i, item := range n.items {
			walk(path+"["+string(rune('0'+i))+"]", item)
		}
		for _, k := range n.order {
			walk(path+"/"+k, n.fields[k])
		}
	}
	walk("", root)
	want := map[string]place{
		" a table": {1, 1}, "/a a string": {1, 5}, "/b a table": {2, 2}, "/b/c a table": {2, 4},
		"/b/c/d an array": {3, 7}, "/b/c/d[0] an integer": {3, 8}, "/b/c/d[1] a string": {4, 2},
		"/b/c/d[2] a table": {4, 7}, "/b/c/d[2]/e an integer": {4, 12},
		"/b/c/k.l a table": {5, 9}, "/b/c/k.l/m a table": {5, 11}, "/b/c/k.l/m/n a boolean": {5, 17},
		"/o an array": {6, 3}, "/o[0] a table": {6, 3}, "/o[1] a table": {7, 3}, "/o[1]/p a date or time": {8, 5},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(place{})); d != "" {
		t.Error(d)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a = 1", "[[a]]\nb.c=[{d=1}]", "[a]\n[a.b]\n[[a.c]]\n[a.c.d]", "exclude=[\"x\"]", "context=[{files='x',dir='.'}]", "\xef\xbb\xbfrules.merge-runs.when='pays'", "a.b=1\n[a]\nc=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		root, p := parse("x", s)
		if p != nil {
			return
		}
		c := checker{name: "x", text: s, schema: schema}
		c.settings(root)
		for _, p := range c.problems {
			if p.Line < 1 || p.Column < 1 || p.Line > 1+strings.Count(s, "\n") {
				t.Errorf("%q: %v", s, p)
			}
		}
	})
}

// The page of the configuration names every key.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range topKeys {
		if !strings.Contains(string(page), "`"+key+"`") && !strings.Contains(string(page), "`"+key+".") {
			t.Errorf("docs/configuration.md does not name %s", key)
		}
	}
}
