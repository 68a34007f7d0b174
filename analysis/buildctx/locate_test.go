package buildctx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const monorepo = `
-- .git/HEAD --
-- package.json --
-- web/Dockerfile --
-- web/package.json --
-- web/nginx.conf --
-- web/src/index.js --
-- api/go.mod --
-- api/Dockerfile --
-- api/deep/Dockerfile --
-- api/deep/main.go --
-- docker/Dockerfile --
-- docker/entrypoint.sh --
-- tools/linked/Dockerfile -> ../../web/Dockerfile
`

func TestLocate(t *testing.T) {
	dir := tree(t, monorepo)
	t.Chdir(dir)
	for _, test := range []struct {
		name string
		r    Request
		root string // "" for unknown
		why  string // a part of the reason, or of How
	}{
		{"own folder holds what no parent holds",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"nginx.conf", "."}, Manifests: []Manifest{{Name: "package.json", From: []Origin{{Source: "."}}}}}, "web", "the Dockerfile's own folder"},
		{"a manifest that no parent holds",
			Request{Dockerfile: "api/Dockerfile", Sources: []string{"."}, Manifests: []Manifest{{Name: "go.mod", From: []Origin{{Source: "."}}}}}, "api", ""},
		{"both hold the manifests",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"."}, Manifests: []Manifest{{Name: "package.json", From: []Origin{{Source: "."}}}}}, "",
			"web and . both hold package.json; say which one with --context DIR or with context in .shale.toml"},
		{"only a parent holds the source",
			Request{Dockerfile: "docker/Dockerfile", Sources: []string{"docker/entrypoint.sh", "."}}, "",
			"the Dockerfile's folder docker does not hold docker/entrypoint.sh, and . may be it; say which one with --context DIR"},
		{"nobody holds the source",
			Request{Dockerfile: "docker/Dockerfile", Sources: []string{"/gone"}}, "", "docker does not hold gone; say which"},
		{"nothing tells the folders apart",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{".", "/", "./"}}, "", "nothing in the Dockerfile tells web from ."},
		{"a wildcard",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"nginx.conf", "package*.json"}}, "", "package*.json has a wildcard"},
		{"a variable",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"nginx.conf"}, Opaque: true}, "", "variable without a value"},
		{"a source above",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"../api"}}, "", "../api leaves every build context"},
		{"a manifest above",
			Request{Dockerfile: "web/Dockerfile", Manifests: []Manifest{{Name: "x", From: []Origin{{Source: "a/../.."}}}}}, "", "outside every build context"},
		{"a source in a folder two up",
			Request{Dockerfile: "api/deep/Dockerfile", Sources: []string{"main.go"}}, "api/deep", ""},
		{"held two up, though not one up",
			Request{Dockerfile: "web/src/Dockerfile", Sources: []string{"."}, Manifests: []Manifest{{Name: "package.json", From: []Origin{{Source: "."}}}}}, "", "does not hold package.json, and web may be it"},
		{"a file that is the manifest, and others",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"nginx.conf", "package.json"}, Manifests: []Manifest{{Name: "package.json", From: []Origin{{Source: "package.json"}}}, {Name: "yarn.lock", From: []Origin{{Source: "nginx.conf"}}}}}, "web", ""},
		{"a folder that must hold the manifest, behind a file",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"nginx.conf", "."}, Manifests: []Manifest{{Name: "composer.json", From: []Origin{{Source: "nginx.conf"}, {Source: "."}}}}}, "", "does not hold composer.json"},
		{"a manifest below what is copied",
			Request{Dockerfile: "web/Dockerfile", Sources: []string{"."}, Manifests: []Manifest{{Name: "main.go", From: []Origin{{Source: ".", Below: "deep"}}}}}, "", "does not hold deep/main.go"},
		{"a manifest below what is copied, which the root holds",
			Request{Dockerfile: "Dockerfile", Sources: []string{"."}, Manifests: []Manifest{{Name: "main.go", From: []Origin{{Source: ".", Below: "api/deep"}}}}}, ".", ""},
		{"the root itself",
			Request{Dockerfile: "Dockerfile", Sources: []string{"."}, Manifests: []Manifest{{Name: "package.json", From: []Origin{{Source: "."}}}}}, ".", ""},
		{"the root without any source",
			Request{Dockerfile: "Dockerfile"}, ".", ""},
		{"named",
			Request{Dockerfile: "docker/Dockerfile", Dir: ".", How: "--context", Sources: []string{"*"}, Opaque: true}, ".", "--context"},
		{"named for text without a file",
			Request{Dir: "web", How: "--context"}, "web", "--context"},
		{"named and missing",
			Request{Dockerfile: "docker/Dockerfile", Dir: "gone", How: "context in .shale.toml"}, "", "the build context gone that context in .shale.toml names cannot be read: no such file"},
		{"named and a file",
			Request{Dir: "package.json", How: "--context"}, "", "is not a folder"},
		{"text without a file", Request{Sources: []string{"."}}, "", "name one with --context DIR"},
		{"a linked Dockerfile stands in the folder of the link",
			Request{Dockerfile: "tools/linked/Dockerfile", Sources: []string{"nginx.conf"}}, "", "tools/linked does not hold nginx.conf"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, why := Locate(test.r)
			if test.root == "" {
				if c != nil || !strings.Contains(why, test.why) {
					t.Errorf("got %v, %q\nwant %q", c, why, test.why)
				}
				return
			}
			if c == nil {
				t.Fatal(why)
			}
			if c.Root() != filepath.Join(dir, test.root) || !strings.Contains(c.How(), test.why) {
				t.Errorf("Root = %s, How = %s", c.Root(), c.How())
			}
		})
	}
}

func TestLocateOutsideARepository(t *testing.T) {
	dir := tree(t, "-- package.json --\n-- a/Dockerfile --\n-- a/package.json --\n")
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			t.Skip("the temporary folder is in a repository")
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	c, why := Locate(Request{Dockerfile: filepath.Join(dir, "a/Dockerfile"), Sources: []string{"."}, Manifests: []Manifest{{Name: "package.json", From: []Origin{{Source: "."}}}}})
	if c == nil || c.Root() != filepath.Join(dir, "a") {
		t.Error(c, why)
	}
}

func TestLocateOverLinks(t *testing.T) {
	// The folder is reached over a link; either way up may be the one in use.
	dir := tree(t, "-- real/.git/HEAD --\n-- real/x.txt --\n-- real/app/Dockerfile --\n-- real/app/x.txt --\n-- other/.git/HEAD --\n-- other/app -> ../real/app --\n")
	c, why := Locate(Request{Dockerfile: filepath.Join(dir, "other/app/Dockerfile"), Sources: []string{"x.txt"}})
	if c != nil || !strings.Contains(why, "both hold x.txt") {
		t.Error(c, why)
	}
}

func TestLocateByIgnoreFile(t *testing.T) {
	for _, test := range []struct {
		name, files, file, why string
	}{
		{"a hidden source", "-- .dockerignore --\nconf\n-- conf/x --\n-- Dockerfile --\n", "", "hides conf/x by .dockerignore"},
		{"its own ignore file wins", "-- .dockerignore --\nconf\n-- conf/x --\n-- Dockerfile --\n-- Dockerfile.dockerignore --\n# nothing\n", "Dockerfile.dockerignore", ""},
		{"its own ignore file alone", "-- conf/x --\n-- Dockerfile --\n-- Dockerfile.dockerignore --\n*.md\n", "Dockerfile.dockerignore", ""},
		{"an empty one beside another", "-- .dockerignore --\nnode_modules\n-- conf/x --\n-- Dockerfile --\n-- Dockerfile.dockerignore --\n", "", "Dockerfile.dockerignore is empty, and builders differ"},
		{"an empty one alone", "-- conf/x --\n-- Dockerfile --\n-- Dockerfile.dockerignore --\n", ".dockerignore", ""},
		{"none", "-- conf/x --\n-- Dockerfile --\n", ".dockerignore", ""},
		{"a broken pattern", "-- .dockerignore --\na\n[z-\n-- conf/x --\n-- Dockerfile --\n", "", ".dockerignore does not parse, and no build gets past it: syntax error in pattern"},
		{"a broken class", "-- .dockerignore --\n[z-a]*\n-- conf/x --\n-- Dockerfile --\n", "", "does not parse"},
		{"a lone !", "-- .dockerignore --\n!\n-- conf/x --\n-- Dockerfile --\n", "", "illegal exclusion pattern"},
		{"a folder", "-- .dockerignore/x --\n-- conf/x --\n-- Dockerfile --\n", "", "cannot be read: is a folder"},
		{"a link", "-- ignore --\nconf\n-- .dockerignore -> ignore --\n-- conf/x --\n-- Dockerfile --\n", "", "hides conf/x"},
		{"a link to outside", "-- .dockerignore -> ../../etc/passwd --\n-- conf/x --\n-- Dockerfile --\n", "", "cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := tree(t, test.files)
			t.Chdir(dir)
			c, why := Locate(Request{Dockerfile: "Dockerfile", Sources: []string{"conf/x"}})
			if test.why != "" {
				if c != nil || !strings.Contains(why, test.why) {
					t.Errorf("%v %q, want %q", c, why, test.why)
				}
				return
			}
			if c == nil {
				t.Fatal(why)
			}
			if c.IgnoreFile() != filepath.Join(dir, test.file) {
				t.Errorf("IgnoreFile = %s", c.IgnoreFile())
			}
		})
	}
}

// A Dockerfile outside the context still brings its own ignore file, whose
// patterns count from the context.
func TestIgnoreFileBesideTheDockerfile(t *testing.T) {
	dir := tree(t, "-- docker/prod.Dockerfile --\n-- docker/prod.Dockerfile.dockerignore --\nsecret\n-- .dockerignore --\npublic\n-- secret --\n-- public --\n-- docker/secret --\n")
	c, why := Locate(Request{Dockerfile: filepath.Join(dir, "docker/prod.Dockerfile"), Dir: dir, How: "--context"})
	if c == nil {
		t.Fatal(why)
	}
	if c.Exists("secret") || !c.Exists("public") || !c.Exists("docker/secret") {
		t.Error("the ignore file beside the Dockerfile is not the one in force")
	}
}
