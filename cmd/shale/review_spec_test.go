package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// GitHub's own description of its API, from npm, and what npm says of its bytes.
const (
	githubAPI       = "@octokit/openapi@23.0.2"
	githubAPIDigest = "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="
)

// githubSpec holds requests to GitHub's description of its API. It is fetched with
// SHALE_TEST_ALL, once; without, nil: requests are held to the fake's own rules alone.
func githubSpec(t *testing.T) func(*http.Request) error {
	t.Helper()
	if os.Getenv("SHALE_TEST_ALL") == "" {
		return nil
	}
	spec, err := loadGitHub()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

var loadGitHub = sync.OnceValues(func() (func(*http.Request) error, error) {
	text, err := fetchGitHub()
	if err != nil {
		return nil, err
	}
	// Of its thousand paths those that are used.
	var whole map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, err
	}
	paths, _ := whole["paths"].(map[string]any)
	used := map[string]any{}
	for name, p := range paths {
		if name == "/user" || strings.HasPrefix(name, "/repos/{owner}/{repo}/pulls") || strings.HasPrefix(name, "/repos/{owner}/{repo}/co") {
			used[name] = p
		}
	}
	whole["paths"] = used
	whole["servers"] = []map[string]string{{"url": "/"}}
	delete(whole, "x-webhooks")
	delete(whole, "webhooks")
	if text, err = json.Marshal(whole); err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaPatternValidation(), openapi3.DisableSchemaDefaultsValidation())
	if err != nil {
		return nil, err
	}
	return func(r *http.Request) error {
		if at, path, ok := strings.Cut(r.URL.Path, "/contents/"); ok {
			// A path with folders, which the description cannot tell.
			r = r.Clone(r.Context())
			r.URL.Path = at + "/contents/" + strings.ReplaceAll(path, "/", "~")
		}
		route, params, err := router.FindRoute(r)
		if err != nil {
			return err
		}
		return openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
	}, nil
})

// fetchGitHub gets the description, and keeps it in the repository's cache.
func fetchGitHub() ([]byte, error) {
	cache, err := filepath.Abs("../../.cache/github-api")
	if err != nil {
		return nil, err
	}
	archive := filepath.Join(cache, "octokit-openapi-23.0.2.tgz")
	if _, err := os.Stat(archive); err != nil {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return nil, err
		}
		cmd := exec.Command("npm", "pack", "--silent", githubAPI)
		cmd.Dir = cache
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, errors.New(string(out))
		}
	}
	packed, err := os.ReadFile(archive)
	if err != nil {
		return nil, err
	}
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != githubAPIDigest {
		return nil, errors.New(archive + " is not what its digest says")
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if err != nil {
			return nil, err
		}
		if h.Name == "package/generated/api.github.com.json" {
			return io.ReadAll(files)
		}
	}
}

// The description is in force: it refuses what GitHub would.
func TestGitHubSpec(t *testing.T) {
	spec := githubSpec(t)
	if spec == nil {
		t.Skip("fetches GitHub's description of its API: set SHALE_TEST_ALL")
	}
	for body, good := range map[string]bool{
		`{"event":"COMMENT","body":"x","comments":[{"path":"a","body":"b","line":2,"side":"RIGHT","start_line":1,"start_side":"RIGHT"}]}`: true,
		`{"event":"SHOUT","body":"x"}`:                         false,
		`{"event":"COMMENT","comments":[{"path":"a"}]}`:        false,
		`{"event":"COMMENT","comments":[{"path":1,"body":2}]}`: false,
	} {
		r, err := http.NewRequest("POST", "/repos/o/n/pulls/1/reviews", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if err := spec(r); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
}
