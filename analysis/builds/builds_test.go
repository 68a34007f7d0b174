package builds

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// folder unpacks an archive.
func folder(t *testing.T, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		p := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read reads a file of a folder; paths in the result are relative to it.
func read(t *testing.T, dir, name string) []Build {
	t.Helper()
	all, err := Read(t.Context(), filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	short := func(p string) string {
		if p == dir {
			return "."
		}
		return filepath.ToSlash(strings.TrimPrefix(p, dir+string(filepath.Separator)))
	}
	for i := range all {
		all[i].Dockerfile, all[i].File = short(all[i].Dockerfile), ""
		if all[i].Context != "" {
			all[i].Context = short(all[i].Context)
		}
		if len(all[i].Args) == 0 {
			all[i].Args = nil
		}
	}
	return all
}

func TestCompose(t *testing.T) {
	dir := folder(t, `
-- .env --
DIR=worker
-- base.yaml --
services:
  base:
    build: {context: ./base, args: {A: one, B: two}}
-- deploy/compose.yaml --
services:
  up: {build: {context: .., dockerfile: docker/Up.dockerfile}}
-- compose.yaml --
version: "3"
include: [deploy/compose.yaml]
services:
  api: {build: api}
  web:
    build:
      context: .
      dockerfile: web/Dockerfile
      target: prod
      args: [VERSION=1, "NAME=${NAME}", FROM_ENV]
    ports: ["${PORT}:80"]
    deploy: {replicas: "${N}"}
  worker: {build: {context: "./${DIR}", target: "${TARGET:-run}"}}
  lost: {build: "./${NOWHERE}"}
  must: {build: "./${NOWHERE:?}"}
  image: {image: nginx}
  inline: {build: {context: ., dockerfile_inline: FROM a}}
  far: {build: "https://example.org/a.git"}
  child: {extends: {file: base.yaml, service: base}, build: {args: {B: three, C: 4}}}
-- compose.override.yaml --
services:
  api: {build: {target: dev}}
`)
	want := []Build{
		{Name: "api", Dockerfile: "api/Dockerfile", Context: "api", Target: "dev"},
		{Name: "child", Dockerfile: "base/Dockerfile", Context: "base", Args: map[string]string{"A": "one", "B": "three", "C": "4"}},
		{Name: "up", Dockerfile: "docker/Up.dockerfile", Context: "."},
		{Name: "web", Dockerfile: "web/Dockerfile", Context: ".", Target: "prod", Args: map[string]string{"VERSION": "1"}},
		{Name: "worker", Dockerfile: "worker/Dockerfile", Context: "worker", Target: "run"},
	}
	if diff := cmp.Diff(want, read(t, dir, "compose.yaml")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := read(t, dir, "compose.override.yaml"); got != nil {
		t.Errorf("an override alone: %v", got)
	}
}

func TestBake(t *testing.T) {
	dir := folder(t, `
-- docker-bake.hcl --
variable "TAG" { default = "v${MAJOR}" }
variable "MAJOR" { default = 2 }
variable "NONE" {}
function "twice" {
  params = [x]
  result = "${x}${x}"
}
group "default" { targets = ["app", "matrix"] }
target "_common" { args = { GO = "1.23", TAG = TAG, WHO = NONE } }
target "base" {
  inherits = ["_common"]
  context = "src"
}
target "app" {
  inherits = ["base"]
  dockerfile = "../app.Dockerfile"
  target = "run"
  args = { GO = "1.24" }
}
target "matrix" {
  name = "m-${os}-${n}"
  matrix = { os = ["a", "b"], n = ["1"] }
  context = os
  args = { N = n }
}
target "plain" {}
target "far" { context = "https://example.org/a.git" }
target "near" {
  context = "https://example.org/a.git"
  dockerfile = "cwd://near.Dockerfile"
}
target "lost" { context = NONE }
target "odd" { context = twice("a") }
target "inline" { dockerfile-inline = "FROM a" }
target "loop" { inherits = ["loop"] }
target "joined" { inherits = concat(["_common"], ["base"]) }
target "unsaid" {
  inherits = concat(["base"], twice("x"))
  args = { GO = "1.25" }
}
target "unsaid-but-here" {
  inherits = ["base", NONE]
  context = "here"
  dockerfile = "Dockerfile"
}
-- docker-bake.override.json --
{"target": {"plain": {"context": "plain"}}}
`)
	want := []Build{
		{Name: "app", Dockerfile: "app.Dockerfile", Context: "src", Target: "run", Args: map[string]string{"GO": "1.24", "TAG": "v2"}},
		{Name: "joined", Dockerfile: "src/Dockerfile", Context: "src", Args: map[string]string{"GO": "1.23", "TAG": "v2"}},
		{Name: "m-a-1", Dockerfile: "a/Dockerfile", Context: "a", Args: map[string]string{"N": "1"}},
		{Name: "m-b-1", Dockerfile: "b/Dockerfile", Context: "b", Args: map[string]string{"N": "1"}},
		{Name: "near", Dockerfile: "near.Dockerfile"},
		{Name: "plain", Dockerfile: "plain/Dockerfile", Context: "plain"},
		{Name: "unsaid-but-here", Dockerfile: "here/Dockerfile", Context: "here", Contexts: map[string]string{anyName: ""}},
	}
	if diff := cmp.Diff(want, read(t, dir, "docker-bake.hcl")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := read(t, dir, "docker-bake.override.json"); got != nil {
		t.Errorf("an override alone: %v", got)
	}
}

func TestBroken(t *testing.T) {
	dir := folder(t, `
-- compose.yaml --
services: {a: [}
-- docker-bake.hcl --
target "a" {
  context =
}
-- docker-bake.x.json --
{"target": [
`)
	for _, name := range []string{"compose.yaml", "docker-bake.hcl", "docker-bake.x.json", "nowhere.yaml", "nowhere.hcl"} {
		if all, err := Read(t.Context(), filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: %v, want an error", name, all)
		} else if strings.Count(err.Error(), "\n") > 1 {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Log(err)
		}
	}
}

// What a build puts in the place of images, and which other builds stand on its own.
func TestContexts(t *testing.T) {
	dir := folder(t, `
-- docker-bake.hcl --
variable "NONE" {}
target "default" {
  dockerfile = "../Dockerfile"
  context = "b"
}
target "a" {
  inherits = ["default"]
  context = "a"
}
target "base" { tags = ["acme/base:latest", "acme/base:1"] }
target "app" {
  dockerfile = "app.Dockerfile"
  contexts = { base = "target:base", "node:20" = NONE }
}
target "image" { dockerfile = "image.Dockerfile" }
target "any" { contexts = { "${NONE}" = "x" } }
target "outside" {
  context = NONE
  dockerfile = "../Outside"
}
-- image.Dockerfile --
FROM docker.io/acme/base:1 AS x
`)
	want := []Build{
		{Name: "a", Dockerfile: "Dockerfile", Context: "a"},
		{Name: "any", Dockerfile: "Dockerfile", Context: ".", Contexts: map[string]string{anyName: ""}},
		{Name: "app", Dockerfile: "app.Dockerfile", Context: ".", Contexts: map[string]string{"base": "target:base", "node:20": ""}},
		{Name: "base", Dockerfile: "Dockerfile", Context: ".", Above: []string{"app", "image"}},
		{Name: "default", Dockerfile: "Dockerfile", Context: "b"},
		{Name: "image", Dockerfile: "image.Dockerfile", Context: "."},
		{Name: "outside", Dockerfile: "Outside"},
	}
	got := read(t, dir, "docker-bake.hcl")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	app, other := got[2], got[1]
	for name, is := range map[string]bool{"node:20": true, "docker.io/library/node:20": true, "node": false, "BASE": true, "node:20-slim": false} {
		if app.Replaces(name) != is || !other.Replaces(name) {
			t.Errorf("%s is replaced: want %v, and true where a name is not known", name, is)
		}
	}
}

// An error is said of the file that it stands in, as the user would name it, once.
func TestErrorsNameTheirFile(t *testing.T) {
	t.Chdir(folder(t, `
-- a/compose.yaml --
include: [../b/services.yaml]
-- b/services.yaml --
services:
  a: b
-- a/docker-bake.hcl --
target "a" {}
-- a/docker-bake.override.hcl --

target "a" {
`))
	for name, want := range map[string]string{
		"a/compose.yaml":    "b/services.yaml: line 2: services.a must be a mapping",
		"b/services.yaml":   "b/services.yaml: line 2: services.a must be a mapping",
		"a/docker-bake.hcl": "a/docker-bake.override.hcl: line 2: Unclosed configuration block",
		"b/compose.yaml":    "b/compose.yaml: no such file or directory",
	} {
		if _, err := Read(t.Context(), name); err == nil || filepath.ToSlash(err.Error()) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"compose.yaml": true, "compose.yml": true, "docker-compose.yml": true, "docker-compose.prod.yaml": true, "compose.override.yaml": true,
		"docker-bake.hcl": true, "docker-bake.json": true, "docker-bake.override.hcl": true,
		"mycompose.yaml": false, "compose.txt": false, "bake.hcl": false, "docker-bake.yaml": false,
	} {
		if Named(name) != want {
			t.Errorf("Named(%q) = %v", name, !want)
		}
	}
}

// Paths follows the links of a folder once, and comes to where Real does.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	for _, made := range []error{
		os.MkdirAll(filepath.Join(dir, "real/below"), 0o777),
		os.WriteFile(filepath.Join(dir, "real/a"), nil, 0o666),
		os.Symlink("a", filepath.Join(dir, "real/to-a")),
		os.Symlink("nowhere", filepath.Join(dir, "real/lost")),
		os.Symlink("real", filepath.Join(dir, "folder")),
	} {
		if made != nil {
			t.Skip(made)
		}
	}
	var p Paths
	for _, path := range []string{"real/a", "real/to-a", "real/lost", "real/none", "none/a", "folder/a", "folder/to-a", "folder", "folder/below", "folder/below/../a", ""} {
		path = filepath.Join(dir, filepath.FromSlash(path))
		for range 2 {
			if got, want := p.Real(path), Real(path); got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
	}
	if p.Real("x") != Real("x") || p.Real("/") != Real("/") {
		t.Error("a path from here, or the root")
	}
}

func TestSeveralBuilds(t *testing.T) {
	a := Build{File: "compose.yaml", Name: "a", Context: "/x", Target: "run", Args: map[string]string{"V": "1", "W": "1"}}
	b := Build{File: "docker-bake.hcl", Name: "b", Context: "/x", Args: map[string]string{"V": "1", "W": "2"}}
	if dir, how, why := Context([]Build{a, b}); dir != "/x" || how != "compose.yaml" || why != "" {
		t.Error(dir, how, why)
	}
	if diff := cmp.Diff(map[string]string{"V": "1"}, Args([]Build{a, b})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"run"}, Targets([]Build{a, b, a})); diff != "" {
		t.Error(diff)
	}
	b.Context = "/y"
	if _, _, why := Context([]Build{a, b}); why != "the build context is not known: compose.yaml and docker-bake.hcl name different ones" {
		t.Error(why)
	}
	b.Context = ""
	if _, _, why := Context([]Build{a, b}); why != "docker-bake.hcl builds b from a context that is no folder here, or not known" {
		t.Error(why)
	}
}
