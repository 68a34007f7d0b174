package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"
)

// files writes files, by their path, into a new folder.
func files(t testing.TB, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range all {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A changed file has its new text and size, in the place of the old one, and the
// folder on disk stays as it is.
func TestOverlay(t *testing.T) {
	dir := files(t, map[string]string{"a": "1", "src/main.go": "package main", "src/z": "1"})
	below, err := fsutil.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := newOverlay(below, map[string]string{"src/main.go": "package main\n\n"})
	var got []string
	walk := func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		got = append(got, fmt.Sprintf("%s %d %v", filepath.ToSlash(p), info.Size(), time.Since(info.ModTime()) < time.Hour))
		return err
	}
	if err := os.Chtimes(filepath.Join(dir, "src/main.go"), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := o.Walk(t.Context(), "", walk); err != nil {
		t.Fatal(err)
	}
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "src ") })
	if diff := cmp.Diff([]string{"a 1 true", "src/main.go 14 true", "src/z 1 true"}, got); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"src/main.go": "package main\n\n", "a": "1"} {
		f, err := o.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(f)
		f.Close()
		if string(text) != want {
			t.Errorf("%s: %q", name, text)
		}
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "src/main.go")); string(text) != "package main" {
		t.Errorf("the file on disk is %q", text)
	}
	err = newOverlay(below, map[string]string{"none": ""}).Walk(t.Context(), "", func(string, fs.DirEntry, error) error { return nil })
	if err == nil {
		t.Error("a file that is not in the context is changed")
	}
	// What .dockerignore leaves out is there and not sent.
	err = newOverlay(below, map[string]string{"src/z": "2"}).Walk(t.Context(), "", func(p string, _ fs.DirEntry, _ error) error {
		if p == "src" {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOpenLayout(t *testing.T) {
	one, two := digest.FromString("one"), digest.FromString("two")
	index := func(manifests ...ocispecs.Descriptor) string {
		raw, err := json.Marshal(ocispecs.Index{Manifests: manifests})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	named := func(d digest.Digest, name string) ocispecs.Descriptor {
		return ocispecs.Descriptor{Digest: d, Annotations: map[string]string{refName: name}}
	}
	single := files(t, map[string]string{"index.json": index(ocispecs.Descriptor{Digest: one}), "blobs/sha256/" + one.Encoded(): "one"})
	several := files(t, map[string]string{"index.json": index(named(one, "latest"), named(two, "12"))})
	nameless := files(t, map[string]string{"index.json": index(named(one, "11"), named(two, "12"))})
	broken := files(t, map[string]string{"index.json": "{"})
	for _, tt := range []struct {
		spec string
		want digest.Digest
		err  string
	}{
		{single, one, ""},
		{single + "@" + one.String(), one, ""},
		{single + ":any@" + one.String(), one, ""},
		{single + "@" + two.String(), "", "is not in"},
		{single + "@sha256:12", "", "invalid"},
		{several, one, ""},
		{several + ":12", two, ""},
		{several + ":13", "", `no image is tagged "13"`},
		{nameless, "", "holds 2 images; name one"},
		{broken, "", "index.json is broken"},
		{t.TempDir(), "", "is no OCI layout"},
		{"/nowhere", "", "is no OCI layout"},
	} {
		_, d, err := openLayout(tt.spec)
		if d != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %s, %v; want %s, %q", tt.spec, d, err, tt.want, tt.err)
		}
	}
	l, _, err := openLayout(single)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Writer(t.Context()); err == nil {
		t.Error("a layout is written to")
	}
	r, err := l.ReaderAt(t.Context(), ocispecs.Descriptor{Digest: one})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := make([]byte, 3)
	if _, err := r.ReadAt(text, 0); string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}
}

// A named context is found however the image is spelt.
func TestNamed(t *testing.T) {
	s := Setup{Context: t.TempDir(), Named: []NamedContext{
		{"debian:latest", "docker-image://a"}, {"docker.io/library/node:20", "docker-image://b"}, {"ghcr.test/x:latest", "docker-image://c"},
		{"docker.io/grafana/grafana", "docker-image://d"}, {"assets", "https://e"},
	}}
	opt := client.SolveOpt{}
	if err := s.inputs(&opt, recipe{}); err != nil {
		t.Fatal(err)
	}
	delete(opt.FrontendAttrs, "filename")
	want := map[string]string{
		"context:debian": "docker-image://a", "context:node:20": "docker-image://b", "context:ghcr.test/x": "docker-image://c",
		"context:grafana/grafana": "docker-image://d", "context:assets": "https://e",
	}
	if diff := cmp.Diff(want, opt.FrontendAttrs); diff != "" {
		t.Error(diff)
	}
	s.Named = append(s.Named, NamedContext{"debian", "docker-image://f"})
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "debian is given twice") {
		t.Errorf("%v", err)
	}
}

// Each of two Dockerfiles is built with the .dockerignore that is named after it.
func TestIgnoreFiles(t *testing.T) {
	dir := files(t, map[string]string{
		".dockerignore": "c\n", "plain": "", "other": "", "own": "", "own.dockerignore": "o\n", "same.dockerignore": "c\n", "folder.dockerignore/x": "",
	})
	for _, tt := range []struct {
		file, against string
		builds        bool
	}{
		{"plain", "other", false}, {"plain", "own", true}, {"own", "plain", true}, {"own", "own", false}, {"plain", "same", false},
		{"own", "", true}, {"", "plain", false}, {"plain", "folder", true},
	} {
		path := func(name string) string {
			if name == "" {
				return ""
			}
			return filepath.Join(dir, name)
		}
		r := Request{Against: "x", Other: path(tt.against), Setup: Setup{Context: dir, Dockerfile: path(tt.file)}}
		if got := r.Builds(); got != tt.builds {
			t.Errorf("%q against %q: builds is %v", tt.file, tt.against, got)
		}
	}
	r, err := recipeAt(filepath.Join(dir, "own"), "FROM scratch\n")
	if err != nil {
		t.Fatal(err)
	}
	opt := client.SolveOpt{}
	if err := (&Setup{Context: dir}).inputs(&opt, r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(texts{"Dockerfile": "FROM scratch\n", "Dockerfile.dockerignore": "o\n"}, opt.LocalMounts["dockerfile"]); diff != "" {
		t.Error(diff)
	}
	if err := (&Setup{Context: dir, Dockerfile: filepath.Join(dir, "folder")}).Check(); err == nil {
		t.Error("an ignore file that cannot be read is no error")
	}
}

func TestHomes(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/bash\nnode:x:1000:1000::/home/node:/bin/bash\nbroken\n"
	for user, want := range map[string]string{
		"": "/root", "root": "/root", "0": "/root", "node": "/home/node", "1000": "/home/node", "4711": "/", "nobody": "/",
	} {
		if got := homeOf(passwd, user); got != want {
			t.Errorf("%q: %s, want %s", user, got, want)
		}
	}
	if got := homeOf("root:x:0:0::/var/root:/bin/sh\n", ""); got != "/var/root" {
		t.Errorf("root's own home is %s", got)
	}
	v := &verifier{beforeLines: newLineFinder("FROM a\nENV HOME=/srv\nUSER node:node\nRUN x\n", ""), afterLines: newLineFinder("FROM a\n", "")}
	tr := image(t, "etc/; etc/passwd: "+"root:x:0:0:root:/root:/bin/bash")
	tr.at("etc/passwd").ino.text = passwd
	v.olds = []*built{{tree: tr}}
	got := resolveHomes([]string{"~/.npm", "/var/lib/apt/lists", "~/.npm"}, v.homes())
	if diff := cmp.Diff([]string{"/home/node/.npm", "/root/.npm", "/srv/.npm", "/var/lib/apt/lists"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestStepLines(t *testing.T) {
	const text = `# comment
ARG V=1
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download \
    && true
COPY . .
RUN go build -o /app

FROM build AS test
RUN go test

FROM debian:${V}
COPY --from=build /app /app
RUN true
RUN apt-get update
`
	f := newLineFinder(text, "")
	for name, want := range map[string]int{
		"[build 2/6] WORKDIR /src":                     4,
		"[build 4/6] RUN go mod download     && true":  6,
		"[linux/amd64 build 6/6] RUN go build -o /app": 9,
		"[test 1/1] RUN go test":                       12,
		"[stage-2 2/4] COPY --from=build /app /app":    15,
		"[stage-2 1/4] COPY --from=build /app /app":    15, // where a named context stands for the base
		"[stage-2 3/4] RUN true":                       16,
		"[stage-2 2/4] RUN true":                       16,
		"[stage-2 3/4] RUN apt-get update":             17,
		"[stage-2 3/5] RUN true":                       0, // the base has an ONBUILD
		"[other 1/2] RUN true":                         0,
		"[internal] load build context":                0,
		"exporting to oci image format":                0,
	} {
		if got := f.step(name); got != want {
			t.Errorf("%s: line %d, want %d", name, got, want)
		}
	}
	if got := newLineFinder("FROM scratch\nCOPY a b\n", "").step("[linux/arm64 1/1] COPY a b"); got != 2 {
		t.Errorf("with a platform: line %d", got)
	}
}

func TestLayerLines(t *testing.T) {
	empty := func(by string) ocispecs.History { return ocispecs.History{CreatedBy: by, EmptyLayer: true} }
	full := func(by string) ocispecs.History { return ocispecs.History{CreatedBy: by + " # buildkit"} }
	base := []ocispecs.History{{CreatedBy: "debuerreotype"}, empty("CMD [\"bash\"]")}
	const text = "FROM debian AS a\nENV X=1\nRUN true\nFROM a\nWORKDIR /w\nCOPY . .\n"
	for _, tt := range []struct {
		name    string
		history []ocispecs.History
		layers  int
		want    string
	}{
		{"stage by stage", append(base[:2:2], empty("ENV X=1"), full("RUN /bin/sh -c true"), full("WORKDIR /w"), full("COPY . .")), 4, "0 true, 3 false, 5 false, 6 false"},
		{"an instruction of the base's ONBUILD", append(base[:2:2], full("RUN /bin/sh -c onbuild"), empty("ENV X=1"), full("RUN /bin/sh -c true"), full("RUN x"), full("COPY . .")), 5, "0 false, 0 false, 0 false, 0 false, 0 false"},
		{"no history", nil, 2, "0 false, 0 false"},
	} {
		b := &built{spec: ocispecs.Image{History: tt.history}, measure: Image{Layers: make([]Layer, tt.layers)}}
		newLineFinder(text, "").layers(b)
		var got []string
		for _, l := range b.measure.Layers {
			got = append(got, fmt.Sprint(l.Line, l.Base))
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
}

func TestChoose(t *testing.T) {
	app := map[string]string{
		"Dockerfile": "x", "README.md": "x", "package.json": "{}", "package-lock.json": "{}", "server.js": "x", "logo.js": "\x00\x00",
		"src/app.js": "x", "node_modules/a/index.js": "x", ".dockerignore": "node_modules\n",
	}
	for _, tt := range []struct {
		dockerfile string
		want       []string
	}{
		{"FROM node\nCOPY . .\n", []string{"server.js", "package.json"}},
		{"FROM node\nCOPY package*.json ./\nCOPY src ./src\n", []string{"src/app.js", "package.json"}},
		{"FROM node\nCOPY --from=other . .\nCOPY package-lock.json ./\n", []string{"package-lock.json"}},
		{"FROM node\nCOPY $SRC ./\n", []string{"server.js", "package.json"}},
		{"FROM node\nCOPY README.md ./\n", []string{"README.md"}},
		{"FROM node\nRUN true\n", []string{}},
	} {
		dir := files(t, app)
		v := &verifier{Request: Request{Setup: Setup{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile")}}, beforeLines: newLineFinder(tt.dockerfile, "")}
		if diff := cmp.Diff(tt.want, v.choose()); diff != "" {
			t.Errorf("%q: %s", tt.dockerfile, diff)
		}
	}
}

func TestReadForRebuild(t *testing.T) {
	dir := files(t, map[string]string{"a.txt": "a", "b.bin": "\x00", "d/x": ""})
	v := &verifier{Request: Request{Setup: Setup{Context: dir}}}
	for p, want := range map[string]string{
		"a.txt": "", "b.bin": "no text", "d": "no regular file", "none": "no such file", "../x": "outside", "/etc/passwd": "outside",
	} {
		if _, err := v.read(p); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", p, err, want)
		}
	}
	a, b := blanks(), blanks()
	if a == b || strings.Trim(a, " \n") != "" {
		t.Errorf("changes %q and %q", a, b)
	}
	for _, text := range []string{`{"a":1}`, `[1]`} {
		if !json.Valid([]byte(text + a)) {
			t.Errorf("%q is no JSON any more", text+a)
		}
	}
}

func TestHints(t *testing.T) {
	for message, want := range map[string]string{
		"secret npm: not found": "--secret id=npm,src=FILE",
		`debian:nope: failed to resolve source metadata for docker.io/library/debian:nope: no such host`: "--build-context debian:nope=oci-layout://DIR",
		`failed to compute cache key: failed to calculate checksum of ref a::b: "/x": not found`:         "--context DIR",
		`exporter "oci" could not be found`:                                      "containerd image store",
		"network.host is not allowed":                                            "verify does not grant",
		`process "/bin/sh -c false" did not complete successfully: exit code: 1`: "",
		// What the step runs is no word of the engine.
		`process "/bin/sh -c eval $(ssh-agent) && make" did not complete successfully: exit code: 2`:           "",
		`process "/bin/sh -c echo \"it is not allowed\" && false" did not complete successfully: exit code: 1`: "",
		`process "/bin/sh -c ssh-agent" did not complete successfully: failed to mount secret`:                 "--secret",
	} {
		if got := hint(message, ""); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q", message, got)
		}
	}
	if got := hint("x", "E: Temporary failure resolving 'archive.example.com'"); !strings.Contains(got, "network") {
		t.Error(got)
	}
}

// Times are those of the steps, not of the export or of the base's arrival.
func TestJournal(t *testing.T) {
	at := func(s float64) *time.Time {
		v := time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second)))
		return &v
	}
	j := newJournal()
	vertex := func(name string, from, to *time.Time, cached bool, fault string) {
		j.add(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.FromString(name), Name: name, Started: from}}})
		j.add(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.FromString(name), Name: name, Started: from, Completed: to, Cached: cached, Error: fault}}})
	}
	vertex("[internal] load build definition", at(0), at(1), false, "")
	vertex("[1/4] FROM docker.io/library/debian", at(1), at(5), false, "")
	vertex("[4/4] RUN make", at(8), at(10), false, "")
	vertex("[2/4] COPY . .", at(5), at(6), true, "")
	vertex("[3/4] RUN npm ci", at(6), at(8), false, "")
	vertex("exporting to oci image format", at(10), at(20), false, "")
	if j.cold() != 5*time.Second || j.span() != 4*time.Second {
		t.Errorf("cold %s, span %s", j.cold(), j.span())
	}
	ran, cached := j.reran(newLineFinder("FROM debian\nCOPY . .\nRUN npm ci\nRUN make\n", ""))
	want := []Step{{"[3/4] RUN npm ci", 3, 2}, {"[4/4] RUN make", 4, 2}}
	if diff := cmp.Diff(want, ran); diff != "" || cached != 1 {
		t.Errorf("%s, %d cached", diff, cached)
	}
	vertex("[a 1/1] RUN slow", at(1), at(2), false, "context canceled: x")
	vertex("[b 1/1] RUN bad", at(1), at(2), false, "exit code: 1")
	j.add(&client.SolveStatus{Logs: []*client.VertexLog{{Vertex: digest.FromString("[b 1/1] RUN bad"), Data: []byte("one\n")}, {Vertex: digest.FromString("[b 1/1] RUN bad"), Data: []byte("two\n")}}})
	if name, log := j.failed(); name != "[b 1/1] RUN bad" || log != "one\ntwo\n" {
		t.Errorf("%s: %q", name, log)
	}
}

func TestConnectWithoutEngine(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	dir := t.TempDir()
	notPEM := filepath.Join(files(t, map[string]string{"ca.pem": "x"}), "ca.pem")
	for _, tt := range []struct {
		addresses []string
		secure    TLS
		env       func(string) string
		want      string
	}{
		{nil, TLS{}, env("BUILDKIT_HOST", "unix://"+dir+"/none.sock"), "none.sock: nothing listens there"},
		{[]string{"buildkitd"}, TLS{}, env(), "is no address of a BuildKit"},
		{[]string{"http://localhost"}, TLS{}, env(), "not by http"},
		{[]string{"tcp://127.0.0.1:1"}, TLS{}, env(), "the connection is refused"},
		{[]string{"tcp://h:1"}, TLS{CACert: dir + "/none"}, env(), "--tlscacert: "},
		{[]string{"tcp://h:1"}, TLS{CACert: notPEM}, env(), "holds no certificate"},
		{[]string{"tcp://h:1"}, TLS{Cert: "x"}, env(), "go together"},
		{[]string{"tcp://h:1"}, TLS{Cert: notPEM, Key: notPEM}, env(), "--tlscert, --tlskey: "},
		{[]string{"tcp://h:1"}, TLS{Dir: dir}, env(), "holds neither ca.pem nor ca.crt"},
		{[]string{"tcp://h:1"}, TLS{Dir: dir, Cert: "x"}, env(), "goes without"},
	} {
		_, err := Connect(t.Context(), tt.addresses, tt.secure, tt.env)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v %+v: %v, want %s", tt.addresses, tt.secure, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, []string{"unix://" + dir + "/none.sock"}, TLS{}, env()); err == nil {
		t.Error("connected after the end")
	}
}
