//go:build engine

package verify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite"
)

const (
	engineVariable = "SHALE_TEST_BUILDKIT"
	busybox        = "/usr/bin/busybox"
)

// engineAddress is the BuildKit that tests build with.
func engineAddress(t testing.TB) string {
	t.Helper()
	address := os.Getenv(engineVariable)
	if address == "" {
		t.Skipf("%s names no BuildKit (unix:///run/buildkit/buildkitd.sock), so nothing is built", engineVariable)
	}
	if _, err := os.Stat(busybox); err != nil {
		t.Skipf("%s is missing (Debian: busybox-static): %v", busybox, err)
	}
	return address
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
		{"before", "RUN echo one; echo two >&2; exit 3\n", "RUN true\n", Failed, Failure{Kind: "before", Message: "exit code: 3", Step: "RUN echo one", Line: 6, Log: "one\ntwo\n"}},
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

// A wire is a way to the engine that a test can cut.
type wire struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (w *wire) cut() {
	w.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
}

// newWire listens and passes on; wrap may put TLS around a connection.
func newWire(t testing.TB, to string, l net.Listener) *wire {
	t.Helper()
	w := &wire{Listener: l}
	t.Cleanup(w.cut)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", strings.TrimPrefix(to, "unix://"))
			if err != nil {
				in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			go splice(in, out)
			go splice(out, in)
		}
	}()
	return w
}

func splice(to, from net.Conn) {
	io.Copy(to, from) //nolint:errcheck // one of them is gone
	to.Close()
	from.Close()
}

func socket(t testing.TB) (net.Listener, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "shale-wire-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return l, "unix://" + l.Addr().String()
}

func unixOnly(t testing.TB) string {
	t.Helper()
	address := engineAddress(t)
	if !strings.HasPrefix(address, "unix://") {
		t.Skipf("%s=%s is no unix:// address, in front of which a test can stand", engineVariable, address)
	}
	return address
}

// An engine that goes away in the middle says nothing about the Dockerfile,
// neither of before nor of after.
func TestEngineDies(t *testing.T) {
	address := unixOnly(t)
	dir := buildContext(t, nil)
	for _, at := range []string{nameBefore, nameAfter} {
		l, through := socket(t)
		w := newWire(t, address, l)
		before, after := "RUN true\n", "RUN true\n# other\n"
		if at == nameBefore {
			before = "RUN echo it is running; sleep 20\n"
		} else {
			after = "RUN echo it is running; sleep 21\n"
		}
		shown, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var cut time.Time
		done := make(chan struct{})
		go func() {
			defer close(done)
			for lines := bufio.NewScanner(shown); lines.Scan(); {
				if strings.HasSuffix(lines.Text(), " it is running") && cut.IsZero() {
					cut = time.Now()
					w.cut()
				}
			}
		}()
		r := against(t, dir, before, after, func(r *Request) {
			r.Engines = connect(t, through)
			r.Progress = Progress{Out: out, Mode: "plain"}
		})
		out.Close()
		<-done
		if r.Verdict != Failed || r.Failure.Kind != "engine" || !strings.Contains(r.Failure.Message, "went away during the build of "+at) {
			t.Errorf("%s: %s, %+v", at, r.Verdict, r.Failure)
		}
		if cut.IsZero() || time.Since(cut) > 15*time.Second {
			t.Errorf("%s: cut at %s, noticed at %s", at, cut, time.Now())
		}
	}
}

// A run that is cancelled ends at once and leaves nothing behind.
func TestEngineCancelled(t *testing.T) {
	e := connect(t, engineAddress(t))
	dir := buildContext(t, nil)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(2*time.Second, cancel)
	start := time.Now()
	text := shellBase + "RUN sleep 30\n"
	_, err := Verify(ctx, Request{File: "Dockerfile", Against: "o", Before: text, After: text + "# other\n", Setup: Setup{Context: dir}, Engines: e})
	if !errors.Is(err, context.Canceled) || time.Since(start) > 15*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Two addresses share the builds, and before and after are built by the same.
func TestEnginesShare(t *testing.T) {
	address := unixOnly(t)
	l, through := socket(t)
	newWire(t, address, l)
	dir := buildContext(t, nil)
	var shown bytes.Buffer
	r := against(t, dir, "RUN true\n", "RUN true\n# other\n", func(r *Request) {
		r.Engines = connect(t, address, through)
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { io.Copy(&shown, in); close(done) }() //nolint:errcheck // a test's pipe
		t.Cleanup(func() { out.Close(); <-done })
		r.Progress = Progress{Out: out, Mode: "plain"}
	})
	at := map[string]string{}
	for _, b := range r.Builds {
		at[b.Name] = b.Engine
	}
	want := map[string]string{nameBefore: address, nameAfter: address, nameAgain: through}
	if diff := cmp.Diff(want, at); diff != "" || r.Verdict != Equal {
		t.Errorf("%s %+v\n%s", r.Verdict, r.Failure, diff)
	}
}

// authority makes certificates that a test signs.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB, dir, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert, key, filepath.Join(dir, name+".pem")}
	writePEM(t, a.file, "CERTIFICATE", raw)
	return a
}

// issue writes a certificate and its key.
func (a *authority) issue(t testing.TB, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.CreateCertificate(crand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+"-cert.pem"), filepath.Join(dir, name+"-key.pem")
	writePEM(t, cert, "CERTIFICATE", raw)
	writePEM(t, key, "EC PRIVATE KEY", secret)
	return cert, key
}

func writePEM(t testing.TB, file, kind string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEngineTLS(t *testing.T) {
	address := unixOnly(t)
	dir := t.TempDir()
	ours, others := newAuthority(t, dir, "ours"), newAuthority(t, dir, "others")
	serverCert, serverKey := ours.issue(t, dir, "server")
	cert, key := ours.issue(t, dir, "client")
	badCert, badKey := others.issue(t, dir, "stranger")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	newWire(t, address, l)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	newWire(t, address, plain)
	secured, open := "tcp://"+l.Addr().String(), "tcp://"+plain.Addr().String()
	for _, tt := range []struct {
		name, address string
		tls           TLS
		want          string
	}{
		{"right", secured, TLS{CACert: ours.file, Cert: cert, Key: key}, ""},
		{"by its name", secured, TLS{CACert: ours.file, Cert: cert, Key: key, ServerName: "server"}, ""},
		{"another name", secured, TLS{CACert: ours.file, Cert: cert, Key: key, ServerName: "elsewhere"}, "not one that --tlscacert vouches for"},
		{"no TLS", open, TLS{}, ""},
		{"the engine speaks TLS", secured, TLS{}, "if it speaks TLS, give --tlscacert"},
		{"the engine speaks none", open, TLS{CACert: ours.file, Cert: cert, Key: key}, "does not speak TLS"},
		{"another authority", secured, TLS{CACert: others.file, Cert: cert, Key: key}, "not one that --tlscacert vouches for"},
		{"no client certificate", secured, TLS{CACert: ours.file}, "client certificate"},
		{"a stranger's", secured, TLS{CACert: ours.file, Cert: badCert, Key: badKey}, "client certificate"},
	} {
		all, err := Connect(t.Context(), []string{tt.address}, tt.tls, os.Getenv)
		for _, e := range all {
			e.Close()
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// A Docker engine hands its socket over to BuildKit.
func TestEngineOfDocker(t *testing.T) {
	address := unixOnly(t)
	behind := connect(t, address)[0]
	l, through := socket(t)
	sessions := 0
	var mu sync.Mutex
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var to net.Conn
		var err error
		switch r.URL.Path {
		case "/grpc":
			to, err = net.Dial("unix", strings.TrimPrefix(address, "unix://"))
		case "/session":
			mu.Lock()
			sessions++
			mu.Unlock()
			meta := map[string][]string{}
			for name, values := range r.Header {
				meta[strings.ToLower(name)] = values
			}
			delete(meta, "connection")
			to, err = behind.client.Dialer()(context.Background(), r.Header.Get("Upgrade"), meta)
		default:
			http.NotFound(w, r)
			return
		}
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Connection") != "Upgrade" {
			http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
			return
		}
		in, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(in, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		go splice(to, &early{in, rw.Reader})
		splice(in, to)
	})}
	go server.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	r := against(t, buildContext(t, nil), "RUN touch /x\n", "RUN touch /x && chmod 600 /x\n", func(r *Request) {
		r.Engines = connect(t, "docker://"+strings.TrimPrefix(through, "unix://"))
	})
	if diff := cmp.Diff([]string{"changed /x mode"}, brief(r)); diff != "" || sessions == 0 {
		t.Errorf("%d sessions, %+v\n%s", sessions, r.Failure, diff)
	}
}

// early is a connection of which a server has read the first bytes.
type early struct {
	net.Conn
	in *bufio.Reader
}

func (e *early) Read(b []byte) (int, error) { return e.in.Read(b) }

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
