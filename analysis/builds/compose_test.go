package builds

import (
	"context"
	"flag"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var composeDir = flag.String("compose", "", "a folder whose compose files are read, too")

// loaded is what compose-go's loader makes of a compose file.
func loaded(ctx context.Context, path string) ([]Build, error) {
	quiet()
	dir := filepath.Dir(path)
	details := types.ConfigDetails{WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: path}}, Environment: types.Mapping{}}
	ext := filepath.Ext(path)
	for _, f := range beside(dir, strings.TrimSuffix(filepath.Base(path), ext)+".override"+ext) {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: f})
	}
	if text, err := os.ReadFile(filepath.Join(dir, ".env")); err == nil {
		if v, err := dotenv.Parse(strings.NewReader(string(text))); err == nil {
			details.Environment = v
		}
	}
	env := maps.Clone(details.Environment)
	model, err := loader.LoadModelWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName("project", true)
		o.SkipValidation, o.SkipConsistencyCheck, o.SkipNormalization = true, true, true
		o.SkipResolveEnvironment, o.SkipResolveLabels, o.SkipDefaultValues = true, true, true
		o.ResolvePaths = true
		o.Interpolate = &interpolation.Options{
			LookupValue:     func(name string) (string, bool) { v, ok := env[name]; return v, ok },
			TypeCastMapping: map[tree.Path]interpolation.Cast{},
			Substitute:      func(s string, l template.Mapping) (string, error) { return substitute(s, l), nil },
		}
	})
	if err != nil {
		return nil, err
	}
	var said []described
	services, _ := model["services"].(mapping)
	for name, one := range services {
		s, _ := one.(mapping)
		b, ok := s["build"].(mapping)
		if !ok {
			continue
		}
		for _, key := range []string{"args", "additional_contexts"} {
			b[key] = arguments(b[key])
		}
		said = append(said, service(name, s, b))
	}
	out := resolved(said, dir)
	for i := range out {
		out[i].File, out[i].Dockerfile = path, Real(out[i].Dockerfile)
	}
	slices.SortFunc(out, func(a, b Build) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// same compares what we read with what compose-go loads. What it refuses, for a
// reason that is no business of builds, may be read.
func same(t *testing.T, path string) (builds int) {
	t.Helper()
	want, err := loaded(t.Context(), path)
	if err != nil {
		t.Logf("%s: not loaded: %v", path, err)
		_, _ = Read(t.Context(), path)
		return 0
	}
	got, err := Read(t.Context(), path)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-compose-go +got)\n%s", path, diff)
	}
	return len(got)
}

// Projects as their authors write them, with what the reader has to follow.
var projects = map[string]string{
	"images that stand on others": `
-- compose.yaml --
services:
  base: {build: base, image: "acme/base:${TAG:-latest}"}
  app: {build: {context: ., additional_contexts: {base: "service:base", "node:20": "docker-image://acme/node:20"}}}
  web: {build: {context: web, additional_contexts: ["python:3.12=docker-image://python:3.6", "more=../more"]}}
  job: {build: {context: job, args: {BASE: acme/base}}}
  low: {build: {context: low, tags: [docker.io/acme/low:1]}}
  high: {build: high}
  more: {extends: web, build: {additional_contexts: {other: ./other}}}
-- high/Dockerfile --
ARG LOW="acme/low:1"
FROM --platform=$BUILDPLATFORM ${LOW}
-- compose.override.yaml --
services:
  base: {image: !override acme/base}
`,
	"anchors and merge keys": `
-- compose.yaml --
x-build: &build
  context: .
  args: &args {A: 1, B: two}
x-more: &more {target: run, context: other}
services:
  a: {build: *build}
  b: {build: {<<: *build, target: dev}}
  c: {build: {<<: [*build, *more], args: {<<: *args, B: three, C: 1.10, D: true, E: }}}
  d: &d
    build: {<<: *more}
    image: x
  e: {<<: *d, image: y}
`,
	"two documents": `
-- compose.yaml --
services:
  a: {build: {context: a, args: [X=1, Y, Z=]}}
---
services:
  a: {build: {dockerfile: other.Dockerfile, args: {X: 2}}}
  b: {build: b}
`,
	"reset and override": `
-- compose.yaml --
services:
  a: {build: {context: a, dockerfile: x, target: t, args: {K: v, L: w}}}
  b: {build: {context: b, args: {K: v}}}
  c: {build: c}
  d: {build: d}
-- compose.override.yaml --
services:
  a: {build: {target: !reset null, args: !override {M: x}}}
  b: !override {build: {context: bb}}
  c: {build: !reset null}
  d: !reset null
`,
	"extends": `
-- shared/base.yaml --
services:
  root: {build: {context: ., target: root, args: {A: 1}}}
  base: {extends: root, build: {dockerfile: base.Dockerfile, args: {B: 2}}}
  far: {extends: {service: deep, file: deeper/deep.yaml}}
-- shared/deeper/deep.yaml --
services:
  deep: {build: {context: .., target: deep}}
-- compose.yaml --
services:
  a: {extends: {service: base, file: shared/base.yaml}, build: {args: [C=3]}}
  b: {extends: a, build: {target: mine}}
  c: {extends: {service: far, file: ./shared/base.yaml}, build: {dockerfile: c}}
  d: {extends: {service: c}, build: .}
  e: {extends: {service: base, file: shared/base.yaml}, build: {args: !reset null, context: e}}
  f: {extends: {service: base, file: shared/base.yaml}, build: !override {context: f}}
  empty:
  g: {extends: empty, build: g}
`,
	"include": `
-- .env --
NAME=outer
ROOT=app
-- compose.yaml --
include:
  - one/compose.yaml
  - path: [two/compose.yaml, two/more.yaml]
    project_directory: ${ROOT}
    env_file: two/values.env
  - path: three/compose.yaml
services:
  a: {build: {args: {A: "1"}}}
  z: {extends: b, build: {target: z}}
-- one/compose.yaml --
services:
  a: {build: {context: a, target: one}}
  b: {build: {context: "${NAME}", args: {N: "${NAME}", O: "${ONLY}"}}}
-- one/.env --
NAME=inner
ONLY=inner
-- two/compose.yaml --
services:
  c: {build: {context: ., args: {V: "${V:-none}"}}}
  d: {build: {context: ../x}}
-- two/more.yaml --
services:
  c: {build: {target: more}}
-- two/values.env --
V=given
-- app/Dockerfile --
FROM a
-- three/compose.yaml --
include: [../four/compose.yaml]
services:
  e: {extends: {service: s, file: ext.yaml}}
-- three/ext.yaml --
services: {s: {build: {context: ./s}}}
-- four/compose.yaml --
services: {f: {build: .}}
`,
	"contexts": `
-- compose.yaml --
services:
  a: {build: {context: "https://example.org/a.git#main:x"}}
  b: {build: "git@example.org:a.git"}
  c: {build: github.com/a/b}
  d: {build: {context: "service:a", dockerfile: cwd://x}}
  e: {build: {dockerfile: /abs/Dockerfile}}
  f: {build: {context: /abs, dockerfile: ../f}}
  g: {build: {context: "${LOST}/x"}}
  h: {build: {context: "a$$b"}}
  i: {build: {dockerfile_inline: "FROM a", context: .}}
  j: {image: x}
  k: {build: {target: t}}
`,
	"variables": `
-- .env --
A=1
B="two words"
EMPTY=
-- compose.yaml --
services:
  a:
    build:
      context: ./${A}
      dockerfile: ${B}.Dockerfile
      target: ${T:-run}
      args:
        - ONE=$A
        - TWO=${EMPTY:-x}${EMPTY-y}
        - THREE=${A:+set}
        - FOUR=${LOST:?must}
        - FIVE=$$A
        - ${A}=key
        - PLAIN
`,
	"values": `
-- compose.yaml --
services:
  a:
    build:
      context: .
      args: {A: 0755, B: 0o755, C: 1_000, D: 0x10, E: 1e3, F: .5, G: on, H: yes, J: ~, K: "007", L: 007, M: 1.10, N: +1, O: 12:30:45, P: !!str 5, Q: .inf, R: 1.0, S: 08, U: True, V: 123456789012345678901, W: !!float 3, X: 1e21, Y: 0b11}
  b: {build: {context: "007", dockerfile: 1.10, target: 010}}
`,
	"nothing": `
-- compose.yaml --
services: {}
volumes: {x: }
`,
}

func TestComposeAsCompose(t *testing.T) {
	for name, archive := range projects {
		t.Run(name, func(t *testing.T) {
			n := same(t, filepath.Join(folder(t, archive), "compose.yaml"))
			if n == 0 && name != "nothing" {
				t.Error("no builds")
			}
		})
	}
}

// The compose files that compose-go is tested with, and those of a folder.
func TestComposeFiles(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/compose-spec/compose-go/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, builds := 0, 0
	for _, dir := range []string{strings.TrimSpace(string(out)), *composeDir} {
		if dir == "" {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && e.Type().IsRegular() && (ext == ".yml" || ext == ".yaml") && !strings.Contains(path, ".override.") {
				files++
				builds += same(t, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d builds in %d files", builds, files)
	if files < 50 || builds < 10 {
		t.Errorf("only %d builds in %d files", builds, files)
	}
}

// What cannot be read is said with the file, and ends.
func TestComposeRefused(t *testing.T) {
	for name, c := range map[string]struct{ archive, want string }{
		"a list":           {"-- compose.yaml --\nservices: [a]\n", `compose\.yaml: line 1: services must be a mapping$`},
		"a text":           {"-- compose.yaml --\nservices: {a: b}\n", `line 1: services\.a must be a mapping$`},
		"twice":            {"-- compose.yaml --\nservices:\n  a: {build: .}\n  a: {build: b}\n", `line 3: a is said twice$`},
		"itself":           {"-- compose.yaml --\ninclude: [./compose.yaml]\n", `compose\.yaml: it includes itself$`},
		"each other":       {"-- compose.yaml --\ninclude: [a.yaml]\n-- a.yaml --\ninclude: [compose.yaml]\n", `compose\.yaml: it includes itself$`},
		"no include":       {"-- compose.yaml --\ninclude: [gone.yaml]\n", `gone\.yaml: no such file`},
		"extends itself":   {"-- compose.yaml --\nservices:\n  a: {extends: b}\n  b: {extends: {service: a, file: compose.yaml}}\n", `extends itself$`},
		"extends no other": {"-- compose.yaml --\nservices:\n  a: {extends: b}\n", `service "a" extends "b", which compose\.yaml does not have$`},
		"aliases": {"-- compose.yaml --\na: &a {x: y}\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nservices: {s: {build: {args: [*e,*e,*e,*e]}}}\n", `comes to more than 100000 nodes`},
		"a loop":        {"-- compose.yaml --\nservices: &s\n  a: {build: {args: &x [*x]}}\n", `nested more than 100 deep`},
		"broken":        {"-- compose.yaml --\nservices:\n  a: [\n", `compose\.yaml: line \d`},
		"variables":     {"-- compose.yaml --\ninclude: [a/compose.yaml]\n-- a/compose.yaml --\n-- a/.env --\n\"=\n", `\.env: `},
		"many includes": {"-- compose.yaml --\ninclude: [" + strings.Repeat("a.yaml,", 2000) + "]\n-- a.yaml --\nservices: {}\n", `more than 1000 files`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(t.Context(), filepath.Join(folder(t, c.archive), "compose.yaml"))
			if err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func FuzzCompose(f *testing.F) {
	for _, archive := range projects {
		for _, file := range txtar.Parse([]byte(archive)).Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "compose.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, _ = Read(t.Context(), path)
	})
}
