package lsp

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/pkgmgr"
)

// Emacs's eglot refuses the whole registration for one wildcard in braces.
func TestWatchedBraces(t *testing.T) {
	nested := regexp.MustCompile(`\{[^}]*[*?\[{]`)
	for _, glob := range watched() {
		if nested.MatchString(glob) {
			t.Errorf("%s has a wildcard in braces", glob)
		}
	}
}

// What the rules read of a build context is watched.
func TestWatchedManifests(t *testing.T) {
	as := strings.NewReplacer(".", `\.`, "**/", "(?:.*/)?", "*", "[^/]*", "{", "(?:", ",", "|", "}", ")")
	matched := func(file string) bool {
		return slices.ContainsFunc(watched(), func(glob string) bool {
			return regexp.MustCompile("^" + as.Replace(glob) + "$").MatchString(file)
		})
	}
	for _, m := range pkgmgr.Managers {
		for _, file := range slices.Concat(m.Manifests, m.ManifestGlobs) {
			file = strings.ReplaceAll(file, "*", "x")
			if !matched("a/" + file) {
				t.Errorf("%s of %s is not watched", file, m.Name)
			}
		}
	}
	for _, file := range []string{"Directory.Build.targets", "NuGet.config", "gradle.properties", "App.slnx", "a.gemspec", "build.gradle.kts", "rust-toolchain.toml", "go.work.sum", "api/Dockerfile.dockerignore", "docker-compose.dev.yml"} {
		if !matched(file) {
			t.Errorf("%s is not watched", file)
		}
	}
	if matched("main.go") || matched("xpom.xml") {
		t.Error("sources are watched")
	}
}
