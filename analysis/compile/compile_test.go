package compile

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustCompile(t testing.TB, content string, o Options) *Graph {
	t.Helper()
	g, err := Compile(context.Background(), content, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	return g
}

const service = `ARG VERSION=3.18
FROM --platform=$BUILDPLATFORM golang:1.22-alpine AS build
ARG COMMIT
WORKDIR /src
COPY --chown=1000:1000 go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod,uid=1000 --mount=type=secret,id=token go mod download
COPY . .
RUN --network=none go build -o /out/app .

FROM alpine:$VERSION
RUN apk add curl
COPY --from=build /out/app /usr/local/bin/
COPY --link conf /etc/app/
ADD https://example.com/ca.pem /etc/ca.pem
ADD https://github.com/moby/buildkit.git#v0.10.1 /src
USER app
ENV A=1 \
    B=2
ENTRYPOINT ["app"]
`

func TestGraph(t *testing.T) {
	g := mustCompile(t, service, Options{})
	var told []string
	for _, o := range g.Ops {
		told = append(told, o.String())
	}
	want := []string{
		"FROM docker.io/library/alpine:3.18",
		"RUN apk add curl",
		"FROM docker.io/library/golang:1.22-alpine",
		"COPY a folder or file /src",
		"FROM local://context",
		"COPY go.mod to /src/, go.sum to /src/",
		"COPY a folder or file /cache",
		"RUN go mod download",
		"COPY to /src/",
		"RUN go build -o /out/app .",
		"COPY out/app to /usr/local/bin/",
		"COPY conf to /etc/app/",
		"an operation",
		"FROM https://example.com/ca.pem",
		"COPY ca.pem to /etc/ca.pem",
		"FROM git://github.com/moby/buildkit.git#v0.10.1",
		"COPY to /src",
	}
	slices.Sort(told)
	slices.Sort(want)
	if d := cmp.Diff(want, told); d != "" {
		t.Error(d)
	}
	run := find(t, g, "RUN go mod download").Exec
	if diff := cmp.Diff([]string{"/bin/sh", "-c", "go mod download"}, run.Args); diff != "" || run.Cwd != "/src" || run.User != "" {
		t.Errorf("%+v", run)
	}
	var mounts []string
	for _, m := range run.Mounts {
		mounts = append(mounts, strings.Join([]string{m.Dest, m.Type, m.CacheID, m.Sharing, m.Selector}, " "))
	}
	if diff := cmp.Diff([]string{"/ BIND   ", "/go/pkg/mod CACHE //go/pkg/mod SHARED /cache", "/run/secrets/token SECRET   "}, mounts); diff != "" {
		t.Error(diff)
	}
	if n := find(t, g, "RUN go build -o /out/app .").Exec.Network; n != "NONE" {
		t.Errorf("network %s", n)
	}
	if c := find(t, g, "COPY go.mod to /src/, go.sum to /src/").Copies(); len(c) != 2 || c[0].Owner != "1000:1000" || c[0].Src != "/go.mod" || c[0].Dest != "/src/" || c[0].From.Edge.Op.Source.Local() != "context" {
		t.Errorf("%+v", c)
	}
	var image struct {
		Config   struct{ User, Entrypoint, Env any }
		Platform map[string]string
	}
	if err := json.Unmarshal([]byte(g.Image), &image); err != nil || image.Config.User != "app" || image.Platform["architecture"] != "amd64" {
		t.Errorf("%v %s", err, g.Image)
	}
}

func find(t testing.TB, g *Graph, told string) *Op {
	t.Helper()
	for _, o := range g.Ops {
		if o.String() == told {
			return o
		}
	}
	t.Fatalf("no operation %q", told)
	return nil
}

// What does not change the build changes no key; what does changes one.
func TestKeys(t *testing.T) {
	base := "FROM debian:12\nWORKDIR /app\nCOPY a b ./\nENV A=1 B=2\nRUN make\nLABEL x=y\n"
	root := func(content string) string { return mustCompile(t, content, Options{}).Root.Key() }
	for name, same := range map[string]string{
		"comments, case, place, blank lines": "# hello\n\nfrom debian:12\n\nworkdir /app\nCOPY a \\\n # inside\n b ./\nENV A=1 B=2\nRUN make\nLABEL x=y\n",
		"config only":                        strings.Replace(base, "LABEL x=y", "CMD [\"x\"]", 1),
		"the stage's name":                   strings.Replace(base, "debian:12", "debian:12 AS x", 1),
		"ENV in two":                         strings.Replace(base, "ENV A=1 B=2", "ENV A=1\nENV B=2", 1),
	} {
		if root(same) != root(base) {
			t.Errorf("%s: another key", name)
		}
	}
	for name, other := range map[string]string{
		"ENV's order":     strings.Replace(base, "A=1 B=2", "B=2 A=1", 1),
		"the base":        strings.Replace(base, "debian:12", "debian:13", 1),
		"a blank":         strings.Replace(base, "make", "make  x", 1),
		"WORKDIR's place": strings.Replace(base, "WORKDIR /app\nCOPY a b ./", "COPY a b /app/\nWORKDIR /app", 1),
		"a flag":          strings.Replace(base, "RUN make", "RUN --network=host make", 1),
		"an owner":        strings.Replace(base, "COPY a", "COPY --chown=1 a", 1),
		"ADD":             strings.Replace(base, "COPY a", "ADD a", 1),
		"an ARG":          strings.Replace(base, "RUN make", "ARG X=1\nRUN make", 1),
		"a mount":         strings.Replace(base, "RUN make", "RUN --mount=type=cache,target=/c make", 1),
		"a mount's mode":  strings.Replace(base, "RUN make", "RUN --mount=type=secret,id=x,mode=0444 make", 1),
		"a source":        strings.Replace(base, "COPY a b", "COPY a c", 1),
		"an exclude":      strings.Replace(base, "COPY a", "COPY --exclude=*.md a", 1),
		"the USER":        strings.Replace(base, "RUN make", "USER x\nRUN make", 1),
		"security":        strings.Replace(base, "RUN make", "RUN --security=insecure make", 1),
	} {
		if root(other) == root(base) {
			t.Errorf("%s: the same key", name)
		}
	}
	// Twice the same text gives twice the same keys, progress groups or not.
	linked := "FROM debian:12\nCOPY --link a /b\n"
	if root(linked) != root(linked) {
		t.Error("the key of a linked copy is random")
	}
}

func TestBases(t *testing.T) {
	content := "FROM debian:12\nRUN make\n"
	bare, full := mustCompile(t, content, Options{}), mustCompile(t, content, Options{Base: Full})
	if got := find(t, bare, "RUN make").Exec; got.User != "" || got.Cwd != "/" || got.Args[0] != "/bin/sh" {
		t.Errorf("%+v", got)
	}
	got := find(t, full, "RUN make").Exec
	home, _ := got.Getenv("HOME")
	if got.User != FullUser || got.Cwd != FullDir || home != FullHome || !slices.Equal(got.Args, []string{"/bin/bash", "-eo", "pipefail", "-c", "make"}) {
		t.Errorf("%+v", got)
	}
	find(t, full, "RUN base-trigger")
	for _, field := range []string{"Entrypoint", "Cmd", "Healthcheck", "Labels", "Volumes", "ExposedPorts", "StopSignal", "Shell", "base-author"} {
		if !strings.Contains(full.Image, field) {
			t.Errorf("the full base sets no %s: %s", field, full.Image)
		}
	}
	// Two images never look the same, and one for Windows has no sh.
	if a, b := mustCompile(t, "FROM a\n", Options{}), mustCompile(t, "FROM b\n", Options{}); a.Root.Key() == b.Root.Key() {
		t.Error("two bases have one key")
	}
	win := mustCompile(t, "FROM mcr.microsoft.com/windows/servercore:ltsc2022\nRUN dir\n", Options{})
	if got := find(t, win, "RUN dir").Exec.Args[0]; got != "cmd" {
		t.Errorf("a Windows base runs %s", got)
	}
}

func TestArgs(t *testing.T) {
	for _, content := range []string{
		"ARG BASE\nFROM $BASE\nRUN x\n",
		"ARG BASE\nFROM ${BASE:-debian}\nRUN x\n",
		"ARG TAG\nARG REPO\nFROM example.com/$REPO:$TAG AS x\nFROM x\nRUN y\n",
		"ARG PLATFORM\nFROM --platform=$PLATFORM debian\n",
		"ARG PLATFORM=linux/amd64\nFROM --platform=$PLATFORM debian\n",
		"FROM debian\nARG PORT=8080\nEXPOSE $PORT\n",
		"FROM debian\nARG MODE=755\nCOPY --chmod=$MODE a b\n",
		"FROM debian\nARG URL=https://example.com/x.tgz\nADD $URL /x\n",
		"FROM debian\nARG SUM=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nADD --checksum=$SUM https://example.com/x /x\n",
		"FROM debian\nARG SOURCE_DATE_EPOCH=x\nRUN y\n",
		"ARG V=1\nFROM debian:$V\nARG V\nRUN echo $V\n",
	} {
		for _, args := range []bool{false, true} {
			mustCompile(t, content, Options{Args: args})
		}
	}
	// Every ARG has a value, and no two the same.
	g := mustCompile(t, "FROM debian\nARG A\nARG B=b\nARG C=80\nARG D=81\nRUN x\n", Options{Args: true})
	seen := map[string]string{}
	for _, kv := range find(t, g, "RUN x").Exec.Env {
		k, v, _ := strings.Cut(kv, "=")
		if other, ok := seen[v]; ok || v == "b" || v == "80" {
			t.Errorf("%s has the value of %s: %s", k, other, v)
		}
		seen[v] = k
	}
	if len(seen) != 5 {
		t.Errorf("not every ARG has a value: %v", seen)
	}
	for _, s := range []Shape{Word, Numeric} {
		mustCompile(t, "FROM debian\nARG PORT\nRUN --mount=type=cache,target=/x x\n", Options{Args: true, Shape: s})
	}
	mustCompile(t, "FROM debian\nARG PORT\nEXPOSE $PORT\n", Options{Args: true, Shape: Numeric})
}

// An argument may make any image of a base, but for one of which it is only the tag.
func TestBaseArgs(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for from, want := range map[string]string{
		"ARG B=debian:12\nFROM $B\n":                              "docker.io/library/debian-arg-b:12",
		"ARG B=debian:12" + digest + "\nFROM $B\n":                "docker.io/library/debian-arg-b:12" + digest,
		"ARG B=debian" + digest + "\nFROM $B\n":                   "docker.io/library/debian-arg-b" + digest,
		"ARG B=debian\nFROM $B\n":                                 "docker.io/library/debian-arg-b:latest",
		"ARG B=localhost:5000/debian:12\nFROM $B\n":               "localhost:5000/debian-arg-b:12",
		"ARG R=localhost:5000\nFROM $R/debian:12\n":               "localhost-arg-r:5000/debian:12",
		"ARG S=:12\nFROM debian$S\n":                              "docker.io/library/debian-arg-s:12",
		"ARG T=bookworm\nFROM debian:$T\n":                        "docker.io/library/debian:bookworm-arg-t",
		"ARG V=12\nARG B=debian:$V\nFROM $B\n":                    "docker.io/library/arg-b:latest",
		"ARG P=8080:80\nFROM debian:12\nARG P\nEXPOSE ${P%%:*}\n": "docker.io/library/debian:12",
	} {
		find(t, mustCompile(t, from+"RUN x\n", Options{Args: true}), "FROM "+want)
	}
}

func TestPlatforms(t *testing.T) {
	for content, want := range map[string]int{
		"FROM debian\n": 1,
		"FROM --platform=$BUILDPLATFORM debian\n":                                              2,
		"FROM base-${TARGETARCH}\n":                                                            2,
		"ARG ARCH=$TARGETARCH\nFROM debian:$ARCH\n":                                            2,
		"FROM debian\nARG TARGETARCH\nRUN x\n":                                                 1,
		"FROM debian AS base-amd64\nRUN x\nFROM debian AS base-arm64\nFROM base-$TARGETARCH\n": 2,
	} {
		if got := New(content).Platforms(); len(got) != want {
			t.Errorf("%q: %v", content, got)
		}
	}
	content := "FROM a AS base-amd64\nRUN x\nFROM b AS base-arm64\nRUN y\nFROM base-$TARGETARCH\n"
	find(t, mustCompile(t, content, Options{}), "RUN x")
	find(t, mustCompile(t, content, Options{Platform: "linux/arm64"}), "RUN y")
}

func TestTargets(t *testing.T) {
	content := "# syntax=docker/dockerfile:1\nFROM a AS Build\nRUN one\nFROM b\nRUN two\nRUN <<EOF\nFROM c\nEOF\nFROM --platform=linux/arm64 c AS build\nRUN three\nFROM d\nCOPY --from=1 /x /y\n"
	got, err := Targets(content)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, x := range got {
		told = append(told, strings.Join([]string{x.Name, x.Base, x.Platform, map[bool]string{true: "own"}[x.Own]}, "|"))
	}
	if diff := cmp.Diff([]string{"build|a||", "|b||", "build|c|linux/arm64|own", "|d||"}, told); diff != "" {
		t.Error(diff)
	}
	find(t, mustCompile(t, content, Options{Target: "0"}), "RUN one")
	find(t, mustCompile(t, content, Options{Target: "1"}), "RUN two")
	find(t, mustCompile(t, content, Options{Target: "build"}), "RUN three")
	find(t, mustCompile(t, content, Options{}), "RUN two")
	for _, o := range []Options{{Target: "nowhere"}, {Target: "7"}} {
		if _, err := Compile(context.Background(), content, o); err == nil {
			t.Errorf("%+v compiled", o)
		}
	}
}

// What is no FROM is taken out before the stages are listed, and they are the same.
func TestStaged(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"plain", "# escape=`\n\nARG V=1 `\n X\nFROM a AS b\nRUN x `\n  y\n# c\nFROM `\n # d\n c\nCMD z", "# escape=`\n\n\n\nFROM a AS b\n\n\n\nFROM `\n # d\n c\n"},
		{"a comment to the checks", "# check=skip=all\nFROM a\n# check=skip=x\nRUN y\nFROM b", "# check=skip=all\nFROM a\n\n\nFROM b"},
		{"a here-document", "FROM a\nRUN <<E\nFROM b\nE\nFROM c\n", "FROM a\n\n\n\nFROM c\n"},
		{"refused", "FROM a\nNO y\n", "FROM a\nNO y\n"},
		{"nothing", "# a\n", "# a\n"},
	} {
		d := New(c.content)
		if diff := cmp.Diff(c.want, staged(d.Doc())); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		want, _ := Targets(c.content)
		got, err := d.Targets()
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Target{})); diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
}

// An operation that two texts share is made once, and means in either what it means
// where it is made anew.
func TestBeside(t *testing.T) {
	d := New(strings.Replace(service, "apk add curl", "apk add git", 1))
	old := New(service)
	d.Beside(old)
	was, err := old.Compile(t.Context(), Options{Base: Full})
	if err != nil {
		t.Fatal(err)
	}
	is, err := d.Compile(t.Context(), Options{Base: Full})
	if err != nil {
		t.Fatal(err)
	}
	alone := mustCompile(t, d.Content(), Options{Base: Full})
	if diff := cmp.Diff(alone, is, cmp.Comparer(func(a, b *Op) bool {
		return a == nil && b == nil || a != nil && b != nil && a.Key == b.Key && a.Own == b.Own && a.Rest == b.Rest && a.String() == b.String() && len(a.Inputs) == len(b.Inputs)
	})); diff != "" {
		t.Error(diff)
	}
	if find(t, was, "RUN go mod download") != find(t, is, "RUN go mod download") || find(t, was, "RUN apk add curl").Key == find(t, is, "RUN apk add git").Key {
		t.Error("the wrong operations are shared")
	}
}

// Arguments that BuildKit sets have the same values with Args and without.
func TestArguments(t *testing.T) {
	for content, want := range map[string]bool{
		"FROM a\n": false, "FROM a\nARG TARGETARCH\n": false, "ARG SOURCE_DATE_EPOCH\nFROM a\n": false,
		"FROM a\nARG TARGETARCH X=1\n": true, "ARG X\nFROM a:$X\n": false, "ARG X=1\nFROM a:$X\n": true,
	} {
		if got := New(content).Arguments(); got != want {
			t.Errorf("%q: %v", content, got)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, content := range map[string]string{
		"empty":                   "",
		"no stage":                "ARG X\n",
		"no FROM":                 "RUN x\n",
		"an unknown instruction":  "FROM a\nFROBNICATE\n",
		"a later stage":           "FROM a AS y\nCOPY --from=x /a /b\nFROM b AS x\nFROM y\n",
		"a bad port":              "FROM a\nEXPOSE eighty\n",
		"a heredoc without end":   "FROM a\nRUN <<EOF\nx\n",
		"binary":                  "\x00\x01\x02\xff\n",
		"a long line":             "FROM a\nRUN " + strings.Repeat("x", 70_000) + "\n",
		"a template":              "FROM {{ base }}\n{% if x %}\nRUN y\n{% endif %}\n",
		"a variable in COPY from": "FROM a\nARG X=y\nCOPY --from=$X /a /b\n",
	} {
		if _, err := Compile(context.Background(), content, Options{}); err == nil || errors.Is(err, ErrInternal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a check stops compiles, and does not build.
func TestFailingCheck(t *testing.T) {
	d := New("# check=error=true\nFROM a AS X\nmaintainer me\n")
	if _, err := d.Compile(context.Background(), Options{}); err != nil {
		t.Error(err)
	}
	if err := d.Compiles(context.Background(), Options{}); err == nil {
		t.Error("it builds")
	}
	if found, err := d.Lint(context.Background(), ""); err != nil || len(found) != 3 {
		t.Error(found, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Compile(ctx, service, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Lint(ctx, service, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		mustCompile(b, service, Options{})
	}
}

// A comment for Docker's checks may stand above any instruction.
func TestTargetsWithCheckComments(t *testing.T) {
	list, err := Targets("# check=skip=all\nFROM a AS x\n  #  Check = skip=StageNameCasing\nRUN b\nFROM x\n# check=error=true\nRUN c\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Name != "x" || list[0].Line != 2 || list[1].Line != 5 {
		t.Errorf("%+v", list)
	}
}
