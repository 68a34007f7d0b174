package cleanup_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
)

// A stub stands for a package manager. It writes down its call with what its cache
// holds, and fills the cache; with FAIL in its arguments it fails instead.
const stub = `#!/bin/sh
echo "$(basename "$0") $* [$(ls "$CACHE" 2>/dev/null | tr '\n' ' ')]" >> "$LOG"
case "$*" in *FAIL*) exit 100;; *clean*) rm -rf "$CACHE"/*; exit 0;; esac
mkdir -p "$CACHE" && : > "$CACHE/$(echo "$1" | tr -d -)"
`

// Before and after a fix a RUN calls its managers in the same order with the same
// words, fails where it failed, and the fixed one leaves nothing in the cache, or all of
// it where that is a mount. Real shells run it, over a folder that stands for the root.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name, policy, image, cache, run string
		added                           string // what the fix adds to calls
	}{
		{name: "apt", image: "debian:12", cache: "/var/lib/apt/lists", run: `apt-get update && apt-get install -y curl`},
		{name: "apt that fails", image: "debian:12", cache: "/var/lib/apt/lists", run: `apt-get update && apt-get install -y FAIL`},
		{name: "apt in a list", image: "debian:12\nUSER root", cache: "/var/lib/apt/lists", run: `set -e; apt-get update; apt-get install -y curl; curl --version`},
		{name: "apt in a list that fails", image: "debian:12\nUSER root", cache: "/var/lib/apt/lists", run: `set -e; apt-get update; apt-get install -y FAIL; curl --version`},
		{name: "npm", image: "node:20", cache: "/root/.npm", run: `npm ci --omit=dev`},
		{name: "dnf", image: "rockylinux:9", cache: "/var/cache/dnf", run: `dnf install -y git && dnf install -y tar`},
		{name: "pacman", image: "archlinux", cache: "/var/cache/pacman/pkg", run: `pacman -Sy --noconfirm git`},
		{name: "apt behind xargs", image: "debian:12", cache: "/var/lib/apt/lists", run: `apt-get update && echo curl git | xargs apt-get install -y`},
		{name: "apt behind xargs that fails", image: "debian:12", cache: "/var/lib/apt/lists", run: `apt-get update && echo FAIL | xargs apt-get install -y`},
		{name: "dnf behind xargs", image: "rockylinux:9", cache: "/var/cache/dnf", run: `printf 'git\ntar\n' | xargs -n 1 dnf install -y`},
		{name: "dnf behind xargs that fails once", image: "rockylinux:9", cache: "/var/cache/dnf", run: `printf 'FAIL\ntar\n' | xargs -n 1 dnf install -y`},
		{name: "apt in another shell", image: "debian:12", cache: "/var/lib/apt/lists", run: `sh -c "apt-get update && apt-get install -y curl" && curl --version`},
		{name: "apt in another shell that fails", image: "debian:12", cache: "/var/lib/apt/lists", run: `sh -c "apt-get update && apt-get install -y FAIL" && curl --version`},
		{name: "apt behind xargs, mounted", policy: "mount", image: "debian:12", cache: "/var/lib/apt/lists", added: " -o Dir::Cache::Archives=keep",
			run: `apt-get update && echo curl | xargs apt-get install -y && rm -rf /var/lib/apt/lists/*`},
		{name: "apt, mounted", policy: "mount", image: "debian:12", cache: "/var/lib/apt/lists", added: " -o Dir::Cache::Archives=keep",
			run: `apt-get update && apt-get install -y curl && apt-get clean && rm -rf /var/lib/apt/lists/*`},
		{name: "apt that fails, mounted", policy: "mount", image: "debian:12", cache: "/var/lib/apt/lists", added: " -o Dir::Cache::Archives=keep",
			run: `apt-get update && apt-get install -y FAIL && rm -rf /var/lib/apt/lists/*`},
		{name: "apt in a list, mounted", policy: "mount", image: "debian:12", cache: "/var/lib/apt/lists", added: " -o Dir::Cache::Archives=keep",
			run: `set -ex; apt-get update; apt-get install -y curl; rm -rf /var/lib/apt/lists/*; curl --version`},
		{name: "npm, mounted", policy: "mount", image: "node:20", cache: "/root/.npm", run: `npm ci && npm cache clean --force`},
	} {
		shells := []string{"dash", "bash"}
		if os.Getenv("SHALE_TEST_ALL") == "" {
			shells = shells[:1]
		}
		for _, sh := range shells {
			t.Run(tt.name+", "+sh, func(t *testing.T) {
				before := "FROM " + tt.image + "\nRUN " + tt.run + "\n"
				after := fixed(t, before, tt.policy)
				if after == before {
					t.Fatalf("nothing is fixed:\n%s", before)
				}
				was, is := simulate(t, sh, tt.cache, before), simulate(t, sh, tt.cache, after)
				if was.failed != is.failed {
					t.Errorf("failed %t, and %t when fixed:\n%s", was.failed, is.failed, after)
				}
				own := func(calls []string) (out []string) {
					for _, c := range calls {
						words, _, _ := strings.Cut(c, " [")
						if tt.policy == "mount" {
							c = words // the clean-ups in between are gone, and it holds more
						}
						if !strings.Contains(words, " clean") {
							out = append(out, strings.Replace(c, tt.added, "", 1))
						}
					}
					return out
				}
				if d := cmp.Diff(own(was.calls), own(is.calls)); d != "" {
					t.Errorf("the calls, with what the cache held (-before +after):\n%s", d)
				}
				if full := len(is.left) > 0; full != (tt.policy == "mount" || was.failed) {
					t.Errorf("the cache holds %v", is.left)
				}
			})
		}
	}
}

// fixed is what package-cache makes of a Dockerfile.
func fixed(t *testing.T, text, policy string) string {
	t.Helper()
	in := analysis.Input{Content: text}
	if policy != "" {
		load, err := config.New(config.Options{Schema: config.Schema{Rules: map[string]map[string][]string{"package-cache": {"policy": {"clean", "mount"}}}}, Args: []string{`rules.package-cache.policy="` + policy + `"`}})
		if err != nil {
			t.Fatal(err)
		}
		if in.Config, err = load.For(""); err != nil {
			t.Fatal(err)
		}
	}
	r, err := rewrite.Fix(context.Background(), in, rewrite.Options{Rules: []*analysis.Rule{&rules.PackageCache}, Safety: analysis.Safe})
	if err != nil {
		t.Fatal(err)
	}
	return r.After
}

// A simulation is what became of a RUN's script.
type simulation struct {
	calls  []string
	left   []string
	failed bool
}

// simulate runs the script of the one RUN with stubs, and the cache's folder moved.
func simulate(t *testing.T, sh, cache, text string) simulation {
	t.Helper()
	if _, err := exec.LookPath(sh); err != nil {
		t.Skip(sh + " is not here")
	}
	dir := t.TempDir()
	for _, name := range []string{"apt-get", "npm", "dnf", "pacman", "curl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(stub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	doc := syntax.Parse(text)
	script := doc.Instructions[len(doc.Instructions)-1].Body.String()
	moved := filepath.Join(dir, "root", cache)
	script = strings.ReplaceAll(script, cache, moved)
	cmd := exec.Command(sh, "-c", script)
	log := filepath.Join(dir, "log")
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "LOG=" + log, "CACHE=" + moved, "HOME=" + filepath.Join(dir, "root")}
	out, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", script, out)
	s := simulation{failed: err != nil}
	data, _ := os.ReadFile(log)
	s.calls = strings.Split(strings.TrimSpace(string(data)), "\n")
	entries, _ := os.ReadDir(moved)
	for _, e := range entries {
		s.left = append(s.left, e.Name())
	}
	return s
}
