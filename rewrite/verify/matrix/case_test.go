//go:build linux

package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A want is a case's want.json: what must hold.
//
// A case is a folder of testdata/verify: want.json, context/ with the Dockerfile
// and whatever it copies, and after.Dockerfile where the case is a trap, a wrong
// rewrite that must be caught, or advice, which is followed by hand. A new case is one
// folder more:
//
//	go test ./rewrite/verify/matrix -run TestFixes -update   # fills in which fixes it gets
//	SHALE_TEST_ALL=1 go test ./rewrite/verify/matrix -run 'TestMatrix/cases/NAME$' -v
//
// A slow one needs SHALE_TEST_DEEP=1 too.
type want struct {
	// Why says what the case is about: what a rewrite must mind, or a user's habit.
	Why string `json:"why"`
	// Verdict is "equal" (the default), "different" for a trap, or "fails": before
	// does not build, so neither may what Shale makes of it.
	Verdict string `json:"verdict"`
	// Fixes are the rules whose fixes are applied, by line.
	Fixes []string `json:"fixes"`
	// Advice is a rule that speaks of the Dockerfile and has no fix: after.Dockerfile
	// does by hand what it says, and builds the same image.
	Advice string `json:"advice"`
	// History is that of the build context: lines "N PATH…", N commits that changed
	// the paths.
	History []string `json:"history"`
	// Slow cases take minutes. make test-deep runs them, and make test does not.
	Slow bool `json:"slow"`
	// Unsafe says that the fixes are unsafe ones, which Shale cannot prove and this
	// case does.
	Unsafe bool `json:"unsafe"`
	// Flags go to shale verify as they stand.
	Flags []string `json:"flags"`
	// Saves is the least number of bytes by which the layers' tar streams shrink.
	Saves int64 `json:"saves"`
	// Layers is by how many layers the image shrinks.
	Layers int `json:"layers"`
	// Stops are the paths declared to stop shipping, with the least number of bytes
	// that are gone below each.
	Stops map[string]int64 `json:"stops"`
	// Rebuild tells, by a file of the context that changes, which steps no longer
	// run again: a part of each step's name.
	Rebuild map[string][]string `json:"rebuild"`
	// Noise are paths that may differ between two builds of before, as patterns
	// of path.Match, where "/..." at the end means all below. Elsewhere it is an
	// error: it could hide a difference.
	Noise []string `json:"noise"`

	// Of a trap: the paths that must be reported, and no others; the fields of the
	// image config; a part of the failing build's message or log.
	Differs []differs `json:"differs"`
	Config  []string  `json:"config"`
	Failure string    `json:"failure"`
	// Own is what Shale does with a trap's Dockerfile: "unchanged" (the default),
	// or "equal", with Fixes.
	Own string `json:"own"`
}

type differs struct {
	Path string `json:"path"` // a pattern as in Noise
	Kind string `json:"kind"` // "missing", "new", "changed"
	// Attributes are all those reported, of a changed path.
	Attributes []string `json:"attributes"`
}

// A kase is one case.
type kase struct {
	name  string
	dir   string // its folder of testdata/verify
	want  want
	file  string // its Dockerfile's text
	after string // that of after.Dockerfile, where it is a trap
}

// cases reads them all.
func cases(t *testing.T) []kase {
	t.Helper()
	dir, err := filepath.Abs("../../../testdata/verify")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []kase
	for _, e := range entries {
		k := kase{name: e.Name(), dir: filepath.Join(dir, e.Name())}
		data, err := os.ReadFile(filepath.Join(k.dir, "want.json"))
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&k.want); err != nil {
			t.Fatalf("%s/want.json: %v", k.name, err)
		}
		file, err := os.ReadFile(filepath.Join(k.dir, "context", "Dockerfile"))
		if err != nil {
			t.Fatal(err)
		}
		k.file = string(file)
		after, err := os.ReadFile(filepath.Join(k.dir, "after.Dockerfile"))
		k.after = string(after)
		if (k.trap() || k.want.Advice != "") != (err == nil) && k.want.Verdict != "fails" {
			t.Errorf("%s: after.Dockerfile belongs to a trap or advice, and to nothing else", k.name)
		}
		if k.want.Why == "" {
			t.Errorf("%s/want.json says no why", k.name)
		}
		all = append(all, k)
	}
	return all
}

func (k kase) trap() bool { return k.want.Verdict == "different" }

var (
	fromLine  = regexp.MustCompile(`(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*([^\s$]+)(?:[ \t]+AS[ \t]+(\S+))?`)
	copyFrom  = regexp.MustCompile(`(?i)--from=([^\s,$]+)`)
	imageName = regexp.MustCompile(`^(?:docker\.io/library/)?([a-z]+)(?:[:@]|$)`)
)

// images names what a Dockerfile takes from outside.
func (k kase) images() []string {
	stages := map[string]bool{"scratch": true}
	var images []string
	note := func(name string) {
		if !stages[strings.ToLower(name)] && !slices.Contains(images, name) {
			images = append(images, name)
		}
	}
	for _, m := range fromLine.FindAllStringSubmatch(k.file, -1) {
		note(m[1])
		if m[2] != "" {
			stages[strings.ToLower(m[2])] = true
		}
	}
	for _, m := range copyFrom.FindAllStringSubmatch(k.file, -1) {
		if m[1][0] < '0' || m[1][0] > '9' {
			note(m[1])
		}
	}
	return images
}

// contexts are the flags by which shale verify finds the bases.
func (w *world) contexts(t *testing.T, k kase) []string {
	t.Helper()
	var flags []string
	for _, image := range k.images() {
		flags = append(flags, "--build-context", image+"=oci-layout://"+w.layout(t, baseOf(t, image)).dir)
	}
	return flags
}

// A report is what shale verify prints, as far as the cases look at it.
type report struct {
	Verdict string
	Failure *struct{ Kind, Message, Log string }
	Applied []struct {
		Rule   string
		Safety string
		Line   int
	}
	Before, After image
	Config        []struct{ Field, Before, After string }
	Differences   []struct {
		Path, Kind string
		Attributes []struct{ Name, Before, After string }
	}
	Stopped []struct {
		Path    string
		Bytes   int64
		Files   int
		Changed []string
	}
	Noise []struct {
		Path       string
		Attributes []string
	}
	Blame    []struct{ Rule string }
	Rebuilds []struct {
		Path          string
		Before, After rerun
	}
	Builds []struct {
		Name    string
		Seconds float64
	}
}

type image struct {
	Layers       []struct{ Uncompressed int64 }
	Uncompressed int64
	Dead         int64
	Cold         float64 `json:"coldSeconds"`
}

type rerun struct {
	Steps []struct{ Name string }
	Error string
}

// names reports whether a step with the text in its name ran again.
func (r rerun) names(text string) bool {
	return slices.ContainsFunc(r.Steps, func(s struct{ Name string }) bool { return strings.Contains(s.Name, text) })
}

// match matches a path by a pattern of want.json.
func match(pattern, name string) bool {
	if top, all := strings.CutSuffix(pattern, "/..."); all {
		for dir := name; dir != "/" && dir != "."; dir = path.Dir(dir) {
			if ok, _ := path.Match(top, dir); ok {
				return true
			}
		}
		return false
	}
	ok, _ := path.Match(pattern, name)
	return ok
}

// verify runs shale verify on a copy of the case.
func (w *world) verify(t *testing.T, k kase, r *report, more ...string) (status int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(k.dir)); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"verify", filepath.Join("context", "Dockerfile"), "--context", "context", "--buildkit", w.engine.Addr,
		"--format", "json", "--progress", "plain", "--compression", "uncompressed",
		"--build-arg", "http_proxy=" + w.mirror.addr}, w.contexts(t, k)...)
	args = append(append(args, k.want.Flags...), more...)
	out, errs, status := w.run(t, dir, args...)
	if err := json.Unmarshal([]byte(out), r); err != nil {
		t.Fatalf("shale %s\nexit %d, standard output %q: %v\n%s", strings.Join(args, " "), status, out, err, tail(errs))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("shale %s\nexit %d, verdict %s", strings.Join(args, " "), status, r.Verdict)
			text, _ := json.MarshalIndent(r, "", " ")
			t.Logf("%s\n%s", head(string(text)), tail(errs))
		}
	})
	return status
}

func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}

func head(s string) string {
	const most = 8000
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// holds checks a report of equal images against what the case wants.
func (k kase) holds(t *testing.T, r report, status int) {
	t.Helper()
	if r.Verdict != "equal" || status != 0 {
		t.Fatalf("verdict %s, exit %d: want equal, 0", r.Verdict, status)
	}
	var fixes []string
	for _, f := range r.Applied {
		fixes = append(fixes, f.Rule)
		if (f.Safety != "safe") != k.want.Unsafe {
			t.Errorf("a fix of %s, line %d, is %s", f.Rule, f.Line, f.Safety)
		}
	}
	if !slices.Equal(fixes, k.want.Fixes) {
		t.Errorf("fixes %v, want %v", fixes, k.want.Fixes)
	}
	if saved := r.Before.Uncompressed - r.After.Uncompressed; saved < k.want.Saves {
		t.Errorf("%d bytes saved, want at least %d", saved, k.want.Saves)
	}
	if fewer := len(r.Before.Layers) - len(r.After.Layers); fewer != k.want.Layers {
		t.Errorf("%d layers fewer (%d, %d), want %d", fewer, len(r.Before.Layers), len(r.After.Layers), k.want.Layers)
	}
	for _, s := range r.Stopped {
		least, ok := k.want.Stops[s.Path]
		if !ok {
			t.Errorf("%s stops shipping, which the case does not want", s.Path)
		} else if s.Bytes < least {
			t.Errorf("%s stops shipping %d bytes, want at least %d", s.Path, s.Bytes, least)
		}
	}
	if len(r.Stopped) < len(k.want.Stops) {
		t.Errorf("stopped: %v, want %v", r.Stopped, k.want.Stops)
	}
	for touched, spared := range k.want.Rebuild {
		i := slices.IndexFunc(r.Rebuilds, func(r struct {
			Path          string
			Before, After rerun
		}) bool {
			return r.Path == touched
		})
		if i < 0 {
			t.Errorf("no rebuild after a change of %s was measured", touched)
			continue
		}
		b := r.Rebuilds[i]
		if b.Before.Error+b.After.Error != "" {
			t.Errorf("rebuild after %s: %s%s", touched, b.Before.Error, b.After.Error)
		}
		for _, step := range spared {
			if !b.Before.names(step) || b.After.names(step) {
				t.Errorf("after a change of %s, %q ran again: before %t, after %t; want true, false", touched, step, b.Before.names(step), b.After.names(step))
			}
		}
	}
	k.quiet(t, r)
}

// quiet checks that nothing but what the case expects is noise.
func (k kase) quiet(t *testing.T, r report) {
	t.Helper()
	for _, n := range r.Noise {
		if !slices.ContainsFunc(k.want.Noise, func(p string) bool { return match(p, n.Path) }) && !common(n.Path) {
			t.Errorf("noise at %s (%s), which the case does not expect", n.Path, strings.Join(n.Attributes, ", "))
		}
	}
}

// common reports whether a path holds times or caches wherever a package manager
// ran.
func common(name string) bool {
	return slices.ContainsFunc([]string{
		"/var/log/...", "/var/cache/ldconfig/aux-cache", "/var/cache/debconf/...", "/etc/shadow", "/etc/shadow-", "/var/lib/apt/lists/...",
		"/root/.npm/_logs/...", "/home/*/.npm/_logs/...", "/root/.config/go/telemetry/...",
	}, func(p string) bool { return match(p, name) })
}

// caught checks that a trap's wrong rewrite is reported, and for what it does.
func (k kase) caught(t *testing.T, r report, status int) {
	t.Helper()
	if r.Verdict != "different" || status != 1 {
		t.Fatalf("verdict %s, exit %d: want different, 1", r.Verdict, status)
	}
	if k.want.Failure != "" {
		if r.Failure == nil || r.Failure.Kind != "after" || !strings.Contains(r.Failure.Message+"\n"+r.Failure.Log, k.want.Failure) {
			t.Errorf("failure %+v, want one of after with %q", r.Failure, k.want.Failure)
		}
		return
	}
	if r.Failure != nil {
		t.Errorf("failure %+v, want none", r.Failure)
	}
	if len(k.want.Differs)+len(k.want.Config) == 0 {
		t.Error("want.json names no difference")
	}
	seen := map[string]bool{}
	for _, d := range r.Differences {
		var names []string
		for _, a := range d.Attributes {
			names = append(names, a.Name)
		}
		i := slices.IndexFunc(k.want.Differs, func(w differs) bool { return match(w.Path, d.Path) })
		if i < 0 {
			// Noise that came out the same twice.
			if !slices.ContainsFunc(k.want.Noise, func(p string) bool { return match(p, d.Path) }) {
				t.Errorf("%s is %s (%v), which the case does not expect", d.Path, d.Kind, names)
			}
			continue
		}
		w := k.want.Differs[i]
		seen[w.Path] = true
		slices.Sort(names)
		slices.Sort(w.Attributes)
		if d.Kind != w.Kind || d.Kind == "changed" && !slices.Equal(names, w.Attributes) {
			t.Errorf("%s is %s (%v), want %s (%v)", d.Path, d.Kind, names, w.Kind, w.Attributes)
		}
	}
	for _, w := range k.want.Differs {
		if !seen[w.Path] {
			t.Errorf("%s is not reported: want %s", w.Path, w.Kind)
		}
	}
	var fields []string
	for _, c := range r.Config {
		fields = append(fields, c.Field)
	}
	if !slices.Equal(fields, k.want.Config) {
		t.Errorf("config differs in %v, want %v", fields, k.want.Config)
	}
	k.quiet(t, r)
}

// build builds one Dockerfile of a case with buildctl alone.
func (w *world) build(t *testing.T, k kase, dockerfile string, more ...string) (string, error) {
	t.Helper()
	return w.engine.Build(t.Context(), append(append(w.buildArgs(t, k, dockerfile), "--no-cache"), more...)...)
}

// buildArgs are buildctl's arguments to build a case's context with a Dockerfile.
func (w *world) buildArgs(t *testing.T, k kase, dockerfile string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"--local", "context=" + filepath.Join(k.dir, "context"), "--local", "dockerfile=" + dir,
		"--opt", "build-arg:http_proxy=" + w.mirror.addr}
	for i, image := range k.images() {
		b := w.layout(t, baseOf(t, image))
		args = append(args, "--oci-layout", fmt.Sprintf("base%d=%s", i, b.dir),
			"--opt", fmt.Sprintf("context:%s=oci-layout://base%d@%s", image, i, w.digest(t, b.dir)))
	}
	return args
}
