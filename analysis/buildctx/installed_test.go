//go:build consumers

package buildctx_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shale-build/shale/analysis/buildctx"
)

// A real is a context in which a real installer is run twice: with the files of its
// world alone, over which the rest is then copied, and with all of them.
type real struct {
	name    string
	tool    string // as npm installs it: "pnpm@10.34.9"; "" for one of this machine
	lock    string // the command that makes the lock
	install string // the command that is judged
	world   func(*buildctx.Context) buildctx.World
	files   string // an archive
}

const (
	yarn1  = "yarn@1.22.22"
	yarn4  = "@yarnpkg/cli-dist@4.10.3"
	pnpm8  = "pnpm@8.15.9"
	pnpm9  = "pnpm@9.15.9"
	pnpm10 = "pnpm@10.34.9"
	bun1   = "@oven/bun-linux-x64@1.4.5"
)

// goDownload also tells what came into the module cache.
const goDownload = `go mod download && find "$HOME/go/pkg/mod" -type f -not -name "*.lock" | sort > made.txt`

const nodeWorkspace = `
-- package.json --
{"name": "root", "version": "1.0.0", "private": true, "packageManager": "PM", "workspaces": ["packages/*"], "dependencies": {"ms": "2.1.3"}}
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "dependencies": {"b": "1.0.0", "is-odd": "3.0.1"}}
-- packages/a/index.js --
module.exports = require('b')
-- packages/b/package.json --
{"name": "b", "version": "1.0.0"}
-- packages/b/index.js --
module.exports = 1
-- README.md --
A project.
-- .dockerignore --
**/node_modules
`

func workspaceOf(manager string) string { return strings.Replace(nodeWorkspace, "PM", manager, 1) }

func frozenYarn(c *buildctx.Context) buildctx.World {
	return c.Yarn(".", buildctx.YarnOptions{Frozen: true, IgnoreScripts: true, SkipBuild: true})
}

func frozenPnpm(c *buildctx.Context) buildctx.World {
	return c.Pnpm(".", buildctx.PnpmOptions{Frozen: true})
}

var reals = []real{
	{"npm", "", "npm install --package-lock-only", "npm ci", func(c *buildctx.Context) buildctx.World { return c.NPM(".", buildctx.NPMOptions{CI: true}) },
		`
-- package.json --
{"name": "x", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1"}}
-- index.js --
require('is-odd')
-- .dockerignore --
**/node_modules
`},
	{"npm workspaces", "", "npm install --package-lock-only", "npm ci", func(c *buildctx.Context) buildctx.World { return c.NPM(".", buildctx.NPMOptions{CI: true}) }, workspaceOf("npm@11.0.0")},
	{"yarn 1", yarn1, "yarn install", "yarn install --frozen-lockfile --ignore-scripts", frozenYarn, `
-- package.json --
{"name": "x", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1", "left-pad": "^1.3.0"}, "resolutions": {"kind-of": "6.0.3"}}
-- .yarnrc --
registry "https://registry.npmjs.org"
-- .npmrc --
save-exact=true
-- index.js --
require('is-odd')
-- .dockerignore --
**/node_modules
`},
	{"yarn 1 workspaces", yarn1, "yarn install", "yarn install --frozen-lockfile --ignore-scripts", frozenYarn, workspaceOf("yarn@1.22.22")},
	{"yarn 4 with node_modules", yarn4, "yarn install", "yarn install --immutable --mode=skip-build", frozenYarn, strings.Replace(workspaceOf("yarn@4.10.3"), `"b": "1.0.0"`, `"b": "workspace:^"`, 1) + `**/.yarn/install-state.gz
.yarn/build-state.yml
.yarn/unplugged
.yarn/install-state.gz
-- .yarnrc.yml --
nodeLinker: node-modules
enableGlobalCache: true
enableTelemetry: false
-- yarn.lock --
`},
	{"yarn 4 plug and play", yarn4, "yarn install", "yarn install --immutable --mode=skip-build", frozenYarn, `
-- package.json --
{"name": "x", "version": "1.0.0", "packageManager": "yarn@4.10.3", "dependencies": {"is-odd": "3.0.1"}}
-- index.js --
require('is-odd')
-- yarn.lock --
-- .yarnrc.yml --
enableGlobalCache: true
enableTelemetry: false
-- .dockerignore --
.pnp.*
.yarn/*
`},
	{"yarn 4 patch", yarn4, "yarn install", "yarn install --immutable --mode=skip-build", frozenYarn, `
-- package.json --
{"name": "x", "version": "1.0.0", "packageManager": "yarn@4.10.3", "dependencies": {"is-odd": "patch:is-odd@npm%3A3.0.1#~/.yarn/patches/is-odd.patch"}}
-- .yarn/patches/is-odd.patch --
diff --git a/README.md b/README.md
deleted file mode 100644
-- yarn.lock --
-- index.js --
require('is-odd')
-- .yarnrc.yml --
nodeLinker: node-modules
enableGlobalCache: true
enableTelemetry: false
-- .dockerignore --
**/node_modules
.yarn/install-state.gz
.yarn/build-state.yml
.yarn/unplugged
`},
	{"pnpm 8", pnpm8, "pnpm install --lockfile-only", "pnpm install --frozen-lockfile", frozenPnpm, `
-- package.json --
{"name": "x", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1"}}
-- index.js --
require('is-odd')
-- .npmrc --
shamefully-hoist=true
-- .dockerignore --
**/node_modules
`},
	{"pnpm 10 workspace", pnpm10, "pnpm install --lockfile-only", "pnpm install --frozen-lockfile", frozenPnpm, `
-- package.json --
{"name": "x", "version": "1.0.0", "packageManager": "pnpm@10.34.9", "dependencies": {"is-odd": "3.0.1"}}
-- pnpm-workspace.yaml --
packages:
  - packages/*
  - "!packages/z"
catalog:
  ms: 2.1.3
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "dependencies": {"b": "workspace:*", "ms": "catalog:"}}
-- packages/a/index.js --
module.exports = require('b')
-- packages/b/package.json --
{"name": "b", "version": "1.0.0"}
-- packages/z/package.json --
{"name": "z", "version": "1.0.0"}
-- .dockerignore --
**/node_modules
`},
	{"bun", bun1, "bun install --lockfile-only", "bun install --frozen-lockfile --ignore-scripts", func(c *buildctx.Context) buildctx.World {
		return c.Bun(".", buildctx.BunOptions{Frozen: true, IgnoreScripts: true})
	}, workspaceOf("bun@1.4.5") + `-- bunfig.toml --
[install]
exact = true
`},
	{"go with a local replacement", "", "go mod tidy", goDownload, func(c *buildctx.Context) buildctx.World { return c.Go(".") }, `
-- go.mod --
module example.com/app

go 1.22

require (
	example.com/lib v0.0.0
	golang.org/x/text v0.14.0
)

replace example.com/lib => ./lib
-- lib/go.mod --
module example.com/lib

go 1.22

require rsc.io/quote v1.5.2
-- lib/lib.go --
package lib

import _ "rsc.io/quote"
-- main.go --
package main

import _ "example.com/lib"
import _ "golang.org/x/text/language"

func main() {}
-- .dockerignore --
made.txt
`},
	{"go workspace", "", "cd app && go mod tidy && cd ../lib && go mod tidy && cd .. && go work sync", "cd app && " + goDownload, func(c *buildctx.Context) buildctx.World { return c.Go("app") }, `
-- go.work --
go 1.22

use (
	./app
	./lib
)
-- app/go.mod --
module example.com/app

go 1.22

require golang.org/x/text v0.14.0
-- app/main.go --
package main

import _ "golang.org/x/text/language"

func main() {}
-- lib/go.mod --
module example.com/lib

go 1.22

require rsc.io/quote v1.5.2
-- lib/lib.go --
package lib

import _ "rsc.io/quote"
-- .dockerignore --
**/made.txt
`},
	{"pnpm 9 without scripts", pnpm9, "pnpm install --lockfile-only", "pnpm install --frozen-lockfile --ignore-scripts", func(c *buildctx.Context) buildctx.World {
		return c.Pnpm(".", buildctx.PnpmOptions{Frozen: true, IgnoreScripts: true})
	}, `
-- package.json --
{"name": "x", "version": "1.0.0", "scripts": {"postinstall": "node index.js"}, "dependencies": {"is-odd": "3.0.1"},
 "pnpm": {"overrides": {"is-number": "6.0.0"}, "patchedDependencies": {"is-odd@3.0.1": "patches/is-odd@3.0.1.patch"}}}
-- patches/is-odd@3.0.1.patch --
diff --git a/extra.js b/extra.js
new file mode 100644
--- /dev/null
+++ b/extra.js
@@ -0,0 +1 @@
+module.exports = 1
-- index.js --
require('is-odd')
-- .dockerignore --
**/node_modules
`},
}

// TestRealInstallers holds worlds to what real installers do: what they make out of
// the manifests alone is what they make out of the whole context.
func TestRealInstallers(t *testing.T) {
	for _, r := range reals {
		t.Run(r.name, func(t *testing.T) {
			home := filepath.Join(t.TempDir(), "home") // some write its path down
			app := filepath.Join(t.TempDir(), "app")
			extract(t, r.files, app)
			run(t, r, home, app, r.lock)
			clear(t, app)
			disk := readTree(t, app)

			c, why := buildctx.Locate(buildctx.Request{Dir: app})
			if c == nil {
				t.Fatal(why)
			}
			w := r.world(c)
			for _, refusal := range w.Refusals {
				t.Errorf("refused: %s", refusal.Reason)
			}
			visible, err := c.WalkFiles()
			if err != nil {
				t.Fatal(err)
			}
			install := func(first []string) map[string]string {
				for _, dir := range []string{app, home} {
					if err := os.RemoveAll(dir); err != nil {
						t.Fatal(err)
					}
				}
				write(t, app, disk, first)
				run(t, r, home, app, r.install)
				write(t, app, disk, visible)
				return sums(t, app)
			}
			if diff := cmp.Diff(install(visible), install(w.Files)); diff != "" {
				t.Errorf("with %q alone the installer makes something else (-all +alone):\n%s", w.Files, diff)
			}
		})
	}
}

// clear deletes what making the lock left behind.
func clear(t *testing.T, app string) {
	for _, made := range []string{"node_modules", "packages/a/node_modules", "packages/b/node_modules", ".yarn/install-state.gz", ".yarn/unplugged", ".pnp.cjs", ".pnp.loader.mjs"} {
		if err := os.RemoveAll(filepath.Join(app, made)); err != nil {
			t.Fatal(err)
		}
	}
}

var tools struct {
	sync.Mutex
	dirs map[string]string
}

// toolDir installs a tool once, and returns the folder of its programs.
func toolDir(t *testing.T, tool string) string {
	tools.Lock()
	defer tools.Unlock()
	if dir, ok := tools.dirs[tool]; ok {
		return dir
	}
	prefix, err := os.MkdirTemp("", "installer")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("npm", "install", "--silent", "--ignore-scripts", "--prefix", prefix, tool).CombinedOutput(); err != nil {
		t.Fatalf("npm install %s: %v\n%s", tool, err, out)
	}
	dir := filepath.Join(prefix, "node_modules", ".bin")
	if strings.HasPrefix(tool, "@oven/") {
		dir = filepath.Join(prefix, "node_modules", "@oven", "bun-linux-x64", "bin")
	}
	if tools.dirs == nil {
		tools.dirs = map[string]string{}
	}
	tools.dirs[tool] = dir
	return dir
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range tools.dirs {
		os.RemoveAll(dir[:strings.Index(dir, string(filepath.Separator)+"node_modules")])
	}
	os.Exit(code)
}

func run(t *testing.T, r real, home, dir, command string) {
	t.Helper()
	if command == "" {
		return
	}
	if err := os.MkdirAll(home, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	path := os.Getenv("PATH")
	if r.tool != "" {
		path = toolDir(t, r.tool) + string(filepath.ListSeparator) + path
	}
	cmd.Env = []string{"PATH=" + path, "HOME=" + home, "YARN_ENABLE_IMMUTABLE_INSTALLS=0", "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local"}
	for _, kept := range os.Environ() {
		name, _, _ := strings.Cut(kept, "=")
		if low := strings.ToLower(name); strings.HasSuffix(low, "_proxy") || low == "goproxy" || low == "gosumdb" || low == "npm_config_registry" || low == "ssl_cert_file" || low == "node_extra_ca_certs" {
			cmd.Env = append(cmd.Env, kept)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

func extract(t *testing.T, archive, dir string) {
	for _, f := range txtar.Parse([]byte(archive)).Files {
		p := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func readTree(t *testing.T, dir string) map[string][]byte {
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		out[filepath.ToSlash(rel)], err = os.ReadFile(p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, dir string, tree map[string][]byte, names []string) {
	for _, name := range names {
		text, ok := tree[name]
		if !ok {
			t.Fatalf("%s is no file of the context", name)
		}
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// clocks are times that installers write down.
var clocks = regexp.MustCompile(`"?lastValidatedTimestamp"?: ?[0-9]+|"?prunedAt"?: ?[^\n]*`)

// sums tells a folder: what each file holds, or where each link leads.
func sums(t *testing.T, dir string) map[string]string {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.Type()&fs.ModeSymlink != 0:
			out[rel], err = os.Readlink(p)
		case d.Type().IsRegular():
			var text []byte
			text, err = os.ReadFile(p)
			if strings.HasPrefix(filepath.Base(rel), ".modules.yaml") || strings.HasPrefix(filepath.Base(rel), ".pnpm-workspace-state") {
				text = clocks.ReplaceAll(text, nil)
			}
			out[rel] = fmt.Sprintf("%v %x", info.Mode(), sha256.Sum256(text))
		default:
			out[rel] = info.Mode().String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
