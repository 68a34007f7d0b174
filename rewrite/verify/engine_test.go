//go:build linux

package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/verify/internal/enginetest"
)

// engineVariable may name a BuildKit for the tests; without it they start one.
const engineVariable = "SHALE_TEST_BUILDKIT"

func TestMain(m *testing.M) { os.Exit(enginetest.Main(m)) }

// ours is the engine that the tests start unless the variable names another.
var ours struct {
	once   sync.Once
	engine *enginetest.Engine
	err    error
}

// engineAddress is the BuildKit that tests build with.
func engineAddress(t testing.TB) string {
	t.Helper()
	if address := os.Getenv(engineVariable); address != "" {
		return address
	}
	enginetest.Need(t)
	ours.once.Do(func() { ours.engine, ours.err = enginetest.Start(enginetest.Options{}) })
	if ours.err != nil {
		t.Fatal(ours.err)
	}
	return ours.engine.Addr
}

func connect(t testing.TB, addresses ...string) []*Engine {
	t.Helper()
	all, err := Connect(t.Context(), addresses, TLS{}, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, e := range all {
			e.Close()
		}
	})
	return all
}

// shellBase makes a stage with a shell out of nothing.
const shellBase = `FROM scratch AS shell
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin && mkdir -p /tmp /etc && echo root:x:0:0::/root:/bin/sh >/etc/passwd"]
ENV PATH=/bin
FROM shell
`

// buildContext is a folder with busybox and these files.
func buildContext(t testing.TB, all map[string]string) string {
	t.Helper()
	dir := files(t, all)
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "busybox"), in, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// against compares two Dockerfiles over a context.
func against(t *testing.T, dir, before, after string, change func(*Request)) *Report {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	r := Request{
		File: "Dockerfile", Against: "other", Before: shellBase + before, After: shellBase + after,
		Setup: Setup{Context: dir, Compression: "gzip"}, Rebuild: []string{},
	}
	if change != nil {
		change(&r)
	}
	if r.Engines == nil {
		r.Engines = connect(t, engineAddress(t))
	}
	out, err := Verify(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return out
}

// brief is a report's differences as lines.
func brief(r *Report) []string {
	out := []string{}
	for _, c := range r.Config {
		out = append(out, "config "+c.Field)
	}
	for _, d := range r.Differences {
		line := d.Kind + " " + d.Path
		for _, a := range d.Attributes {
			line += " " + a.Name
		}
		out = append(out, line)
	}
	return out
}

func TestEngineCompare(t *testing.T) {
	engineAddress(t)
	dir := buildContext(t, map[string]string{"a": "1"})
	for _, tt := range []struct {
		name, before, after string
		verdict             Verdict
		want                []string
	}{
		{"joined", "RUN mkdir /d && date +%s%N >/d/stamp\nRUN ln /d/stamp /d/link\nRUN mktemp\n",
			"RUN mkdir /d && date +%s%N >/d/stamp && ln /d/stamp /d/link && mktemp\n", Different,
			// A layer does not tell that its file is one with a file of the layer below.
			[]string{"changed /d/link links", "changed /d/stamp links"}},
		{"mode and owner", "RUN touch /x && mkdir /y\n", "RUN touch /x && chmod 600 /x && mkdir /y && chown 7:8 /y\n", Different, []string{"changed /x mode", "changed /y owner"}},
		{"links, devices, content", "RUN ln -s a /l && mknod /n c 1 3 && echo 1 >/x\n", "RUN ln -s b /l && mknod /n c 1 5 && echo 2 >/x\n", Different,
			[]string{"changed /l target", "changed /n device", "changed /x content"}},
		{"a step that is lost", "RUN touch /x\nRUN mkdir /y && touch /y/z\n", "RUN touch /x\n", Different, []string{"missing /y"}},
		{"config", "ENV A=1\nCMD [\"a\"]\nRUN true\n", "ENV A=2\nCMD [\"a\"]\nLABEL b=c\nRUN true\n", Different, []string{"config Env", "config Labels"}},
		{"order of layers", "COPY a /a\nRUN rm /a\n", "RUN true\n", Equal, []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := against(t, dir, tt.before, tt.after, nil)
			if r.Failure != nil {
				t.Fatalf("%+v", r.Failure)
			}
			if diff := cmp.Diff(tt.want, brief(r)); diff != "" || r.Verdict != tt.verdict {
				t.Errorf("%s, want %s\n%s", r.Verdict, tt.verdict, diff)
			}
		})
	}
}

// What an image holds by its layers is what a container sees, after random steps;
// but for hard links, which end at a layer.
func TestEngineMerge(t *testing.T) {
	e := connect(t, engineAddress(t))[0]
	dir := buildContext(t, nil)
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 7))
		var text strings.Builder
		text.WriteString(shellBase)
		name := func() string {
			return "/w" + []string{"", "/a", "/b", "/a/c", "/b/c", "/d"}[random.IntN(6)] + "/" + string(rune('p'+random.IntN(5)))
		}
		text.WriteString("RUN mkdir -p /w/a/c /w/b/c /w/d\n")
		for range 8 {
			text.WriteString("RUN cd /w")
			for range 1 + random.IntN(6) {
				a, b := name(), name()
				text.WriteString("; " + []string{
					fmt.Sprintf("[ -p %s ] || echo %d >%s", a, random.IntN(100), a), "rm -rf " + a, "mkdir -p " + a, "ln -f " + a + " " + b,
					"ln -sfn " + a + " " + b, "mv -f " + a + " " + b, "chmod 0700 " + a, "chown 5:6 " + a, "mkfifo " + a,
					"cd " + filepath.Dir(a) + " && rm -rf ../d ../c && mkdir -p ../c; cd /w", "mknod " + a + " c 1 3", "[ -p " + b + " ] || cp -a " + a + " " + b,
				}[random.IntN(12)] + " 2>/dev/null")
			}
			text.WriteString("; true\n")
		}
		// The last step looks and writes nothing.
		text.WriteString(`RUN echo BEGIN; find /w | sort | while read -r f; do stat -c '%n|%f|%u:%g' "$f"; if [ -L "$f" ]; then readlink "$f"; elif [ -f "$f" ]; then sha256sum <"$f"; fi; done; echo END` + "\n")

		setup := Setup{Context: dir}
		var log strings.Builder
		got, err := setup.build(t.Context(), e, request{name: "x", recipe: recipe{text: text.String()}, cold: true, export: true, compression: "zstd"},
			newLayers(), t.TempDir(), func(s *client.SolveStatus) {
				for _, l := range s.Logs {
					log.Write(l.Data)
				}
			})
		if err != nil {
			t.Fatal(err)
		}
		_, seen, _ := strings.Cut(log.String(), "BEGIN\n")
		seen, _, _ = strings.Cut(seen, "END\n")
		var ours strings.Builder
		kinds := map[byte]uint32{typeFile: 0o100000, typeDir: 0o040000, typeSymlink: 0o120000, typeChar: 0o020000, typeFIFO: 0o010000}
		var lines []string
		walk("/w", got.image.tree.at("w"), func(p string, n *node) {
			mode := n.ino.mode
			if n.ino.typ == typeSymlink {
				mode = 0o777
			}
			line := fmt.Sprintf("%s|%x|%d:%d\n", p, kinds[n.ino.typ]|mode, n.ino.uid, n.ino.gid)
			switch n.ino.typ {
			case typeFile:
				line += fmt.Sprintf("%x  -\n", n.ino.sum)
			case typeSymlink:
				line += n.ino.target + "\n"
			}
			lines = append(lines, line)
		})
		slices.SortFunc(lines, func(a, b string) int {
			return strings.Compare(a[:strings.Index(a, "|")], b[:strings.Index(b, "|")])
		})
		for _, l := range lines {
			ours.WriteString(l)
		}
		if diff := cmp.Diff(seen, ours.String()); diff != "" || len(lines) < 5 {
			t.Errorf("seed %d, %d paths\n%s\n%s", seed, len(lines), text.String(), diff)
		}
	}
}

// The files that go with a Dockerfile: a .dockerignore of its own, arguments, a
// target, secrets, named contexts.
func TestEngineInputs(t *testing.T) {
	engineAddress(t)
	dir := buildContext(t, map[string]string{
		"docker/app.Dockerfile.dockerignore": "hidden\n", ".dockerignore": "shown\n", "hidden": "x", "shown": "x", "more/file": "x", "token": "s3cret",
	})
	const text = `COPY . /src
ARG V
RUN test ! -e /src/hidden && test -e /src/shown && echo "$V" >/v
FROM scratch AS named
FROM shell AS wanted
COPY --from=named file /file
RUN --mount=type=secret,id=tok,required test "$(cat /run/secrets/tok)" = s3cret && touch /ok
FROM shell
RUN false
`
	r := against(t, dir, text, text+"# another text\n", func(r *Request) {
		r.Setup = Setup{
			Dockerfile: filepath.Join(dir, "docker/app.Dockerfile"), Context: dir, Target: "wanted", BuildArgs: map[string]string{"V": "1"},
			Named: []NamedContext{{"named", filepath.Join(dir, "more")}}, Secrets: []Secret{{ID: "tok", File: filepath.Join(dir, "token")}}, Platform: "linux/amd64",
		}
	})
	if r.Verdict != Equal || r.Before.Platform != "linux/amd64" {
		t.Errorf("%s %q %+v", r.Verdict, r.Before.Platform, r.Failure)
	}
	if n := len(r.Before.Layers); n != 4 || r.Before.Layers[3].Line == 0 || r.Before.Compressed >= r.Before.Uncompressed {
		t.Errorf("%+v", r.Before)
	}
}

func TestEngineFailures(t *testing.T) {
	engineAddress(t)
	dir := buildContext(t, nil)
	for _, tt := range []struct {
		name, before, after string
		verdict             Verdict
		want                Failure // parts of it
	}{
		{"before", "RUN echo one; echo two; exit 3\n", "RUN true\n", Failed, Failure{Kind: "before", Message: "exit code: 3", Step: "RUN echo one", Line: 6, Log: "one\ntwo\n"}},
		{"after", "RUN true\n", "RUN true\nRUN echo one; exit 3\n", Different, Failure{Kind: "after", Message: "exit code: 3", Step: "RUN echo one", Line: 7, Log: "one\n"}},
		{"syntax", "RUN true\n", "RUNN true\n", Different, Failure{Kind: "after", Message: "unknown instruction: RUNN", Line: 6}},
		{"secret", "RUN --mount=type=secret,id=tok,required true\n", "RUN true\n", Failed, Failure{Kind: "before", Message: "secret tok: not found", Hint: "--secret id=tok,src=FILE"}},
		{"base", "FROM nowhere.invalid/base:1\nRUN true\n", "RUN true\n", Failed, Failure{Kind: "before", Hint: "--build-context nowhere.invalid/base:1=oci-layout://DIR"}},
		{"source", "COPY nothing /\n", "RUN true\n", Failed, Failure{Kind: "before", Message: "/nothing", Hint: "--context DIR", Line: 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := against(t, dir, tt.before, tt.after, nil)
			if r.Failure == nil || r.Verdict != tt.verdict {
				t.Fatalf("%s, %+v", r.Verdict, r.Failure)
			}
			f := *r.Failure
			for _, pair := range [][2]string{{f.Kind, tt.want.Kind}, {f.Message, tt.want.Message}, {f.Step, tt.want.Step}, {f.Hint, tt.want.Hint}, {f.Log, tt.want.Log}} {
				if !strings.Contains(pair[0], pair[1]) {
					t.Errorf("%q, want %q", pair[0], pair[1])
				}
			}
			if tt.want.Line != 0 && f.Line != tt.want.Line {
				t.Errorf("line %d, want %d", f.Line, tt.want.Line)
			}
			// A fix is not blamed before before has been built three times.
			thirds := slices.IndexFunc(r.Builds, func(b Build) bool { return b.Name == nameThird && b.OK })
			if (tt.verdict == Different) != (thirds >= 0) {
				t.Errorf("%+v", r.Builds)
			}
		})
	}
}

// What a build of after shows once, and the next does not, is noise: the three
// builds of before may agree by luck.
func TestEngineChance(t *testing.T) {
	engineAddress(t)
	for _, tt := range []struct {
		name    string
		after   []string // what its builds get, one after the other
		verdict Verdict
		want    []string
	}{
		{"once", []string{"odd", "even"}, Equal, []string{}},
		{"each time", []string{"odd", "strange"}, Different, []string{"changed /x content"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				answer := "even"
				if r.URL.Path == "/after" && r.Method == http.MethodGet {
					answer = tt.after[min(asked, len(tt.after)-1)]
					asked++
				}
				fmt.Fprint(w, answer)
			}))
			defer server.Close()
			r := against(t, buildContext(t, nil), "ADD "+server.URL+"/before /x\n", "ADD "+server.URL+"/after /x\n", nil)
			if diff := cmp.Diff(tt.want, brief(r)); diff != "" || r.Verdict != tt.verdict {
				t.Errorf("%s %s", r.Verdict, diff)
			}
			if asked != len(tt.after) {
				t.Errorf("after was fetched %d times: %+v", asked, r.Builds)
			}
			if noise := slices.ContainsFunc(r.Noise, func(n Noise) bool { return n.Path == "/x" }); noise != (tt.verdict == Equal) {
				t.Errorf("noise %+v", r.Noise)
			}
		})
	}
}

func TestEngineRebuild(t *testing.T) {
	engineAddress(t)
	dir := buildContext(t, map[string]string{"package.json": "{}", "src/main.js": "1", "logo.png": "\x00"})
	r := against(t, dir, "COPY package.json src /app/\nRUN sleep 0.3 && touch /installed\n", "COPY package.json /app/\nRUN sleep 0.3 && touch /installed\nCOPY src /app/\n", func(r *Request) {
		r.Rebuild = []string{"src/main.js", "package.json", "logo.png"}
	})
	if r.Verdict != Equal || len(r.Rebuilds) != 3 {
		t.Fatalf("%s %v %+v", r.Verdict, brief(r), r.Rebuilds)
	}
	steps := func(x Rerun) (out []string) {
		for _, s := range x.Steps {
			words := strings.Fields(s.Name[strings.Index(s.Name, "]")+1:])
			out = append(out, fmt.Sprintf("%d %s", s.Line, words[0]))
		}
		return out
	}
	main, manifest := r.Rebuilds[0], r.Rebuilds[1]
	for _, tt := range []struct {
		run  Rerun
		want []string
	}{
		{main.Before, []string{"6 COPY", "7 RUN"}}, {main.After, []string{"8 COPY"}},
		{manifest.Before, []string{"6 COPY", "7 RUN"}}, {manifest.After, []string{"6 COPY", "7 RUN", "8 COPY"}},
	} {
		if diff := cmp.Diff(tt.want, steps(tt.run)); diff != "" {
			t.Error(diff)
		}
	}
	if main.Before.Seconds < 0.3 || main.After.Seconds > 0.3 {
		t.Errorf("%+v", main)
	}
	if !strings.Contains(r.Rebuilds[2].Before.Error, "no text") {
		t.Errorf("%+v", r.Rebuilds[2])
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "src/main.js")); string(text) != "1" {
		t.Errorf("the context was changed: %q", text)
	}
}

// Of several fixes the one that is wrong is found, and one that only drops what it
// says is not blamed.
func TestEngineBlame(t *testing.T) {
	engineAddress(t)
	dir := buildContext(t, nil)
	before := shellBase + "RUN touch /a\nRUN touch /b\nRUN mkdir -p /var/lib/apt/lists && echo 12345 >/var/lib/apt/lists/x\nRUN touch /d\nRUN touch /e\n"
	swap := func(name, old, new string, changes ...change.Change) *analysis.Rule {
		return &analysis.Rule{Name: name, Severity: analysis.Warning, Best: analysis.Safe, Run: func(p *analysis.Pass) {
			if i := strings.Index(p.Doc.Content, old); i >= 0 {
				span := source.Span{Start: i, End: i + len(old)}
				p.Report(analysis.Diagnostic{Span: span, Message: "x", Fixes: []analysis.Fix{{
					Title: name, Safety: analysis.Safe, Edits: []analysis.Edit{{Edit: source.Edit{Span: span, New: new}}}, Changes: changes,
				}}})
			}
		}}
	}
	options := rewrite.Options{
		Rules: []*analysis.Rule{
			swap("right-one", "touch /a\n", "touch  /a\n"), swap("wrong-mode", "touch /b\n", "touch  /b && chmod 600 /b\n"),
			swap("lists", ">/var/lib/apt/lists/x\n", "> /var/lib/apt/lists/x && rm /var/lib/apt/lists/x\n", change.Cleaned{Cleanup: change.AptLists}),
			swap("right-two", "touch /d\n", "touch  /d\n"), swap("wrong-file", "touch /e\n", "touch /f\n"),
		},
		Safety: analysis.Safe,
		Validator: rewrite.Validator{Check: func(context.Context, string, string, []change.Change) error {
			return nil // passes what it should not
		}},
	}
	in := analysis.Input{Content: before}
	fixed, err := rewrite.Fix(t.Context(), in, options)
	if err != nil || len(fixed.Applied) != 5 {
		t.Fatal(err, fixed.Applied)
	}
	r := against(t, dir, "", "", func(r *Request) {
		r.Against, r.Before, r.After, r.Fixed = "", before, fixed.After, fixed
		r.Refix = func(ctx context.Context, pick func(rewrite.Candidate) bool) (*rewrite.Result, error) {
			o := options
			o.Pick = pick
			return rewrite.Fix(ctx, in, o)
		}
	})
	var blamed []string
	for _, f := range r.Blame {
		blamed = append(blamed, f.Rule)
	}
	slices.Sort(blamed)
	if diff := cmp.Diff([]string{"wrong-file", "wrong-mode"}, blamed); diff != "" || r.Verdict != Different {
		t.Errorf("%s %v\n%s", r.Verdict, brief(r), diff)
	}
	if diff := cmp.Diff([]string{"changed /b mode", "missing /e", "new /f"}, brief(r)); diff != "" {
		t.Error(diff)
	}
	if len(r.Stopped) != 1 || r.Stopped[0].Path != "/var/lib/apt/lists" || r.Stopped[0].Bytes != 6 {
		t.Errorf("%+v", r.Stopped)
	}
}

// A layer's digest and sizes are those of the archive that the engine stores.
func TestEngineLayers(t *testing.T) {
	e := connect(t, engineAddress(t))[0]
	setup := Setup{Context: buildContext(t, nil)}
	known := newLayers()
	got, err := setup.build(t.Context(), e, request{name: "x", recipe: recipe{text: shellBase + "RUN echo 1 >/x\n"}, cold: true, export: true, compression: "gzip"}, known, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range got.image.measure.Layers {
		if want := got.image.spec.RootFS.DiffIDs[i].String(); l.DiffID != want {
			t.Errorf("layer %d: %s, its archive is %s", i, want, l.DiffID)
		}
	}
	if x := got.image.tree.at("x"); x == nil || x.ino.sum != sha256.Sum256([]byte("1\n")) || x.ino.size != 2 {
		t.Errorf("%+v", x)
	}
}
