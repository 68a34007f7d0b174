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
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"
	gqlast "github.com/vektah/gqlparser/v2/ast"
	gqlparser "github.com/vektah/gqlparser/v2/parser"
	gqlvalidator "github.com/vektah/gqlparser/v2/validator"
	gqlrules "github.com/vektah/gqlparser/v2/validator/rules"
)

// GitHub's own descriptions of its two APIs, from npm, and what npm says of their bytes.
var (
	githubREST = described{"openapi", "23.0.2", "generated/api.github.com.json",
		"pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="}
	githubGraph = described{"graphql-schema", "15.26.1", "schema.graphql",
		"RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA=="}
)

// A described is a file of one of Octokit's packages.
type described struct{ name, version, file, digest string }

// A githubSpec holds requests to GitHub's descriptions of its APIs.
type githubSpec struct {
	rest  func(*http.Request) error
	graph func(query string, variables map[string]any) error
}

// describedGitHub is fetched with SHALE_TEST_ALL, once; without, nil: requests are
// held to the fake's own rules alone.
func describedGitHub(t *testing.T) *githubSpec {
	t.Helper()
	if os.Getenv("SHALE_TEST_ALL") == "" {
		return nil
	}
	rest, err := loadGitHub()
	if err != nil {
		t.Fatal(err)
	}
	graph, err := loadGraph()
	if err != nil {
		t.Fatal(err)
	}
	return &githubSpec{rest, graph}
}

var loadGitHub = sync.OnceValues(func() (func(*http.Request) error, error) {
	text, err := githubREST.fetch()
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

// fetch gets a description, and keeps it in the repository's cache.
func (d described) fetch() ([]byte, error) {
	cache, err := filepath.Abs("../../.cache/github-api")
	if err != nil {
		return nil, err
	}
	archive := filepath.Join(cache, "octokit-"+d.name+"-"+d.version+".tgz")
	if _, err := os.Stat(archive); err != nil {
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return nil, err
		}
		cmd := exec.Command("npm", "pack", "--silent", "@octokit/"+d.name+"@"+d.version)
		cmd.Dir = cache
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, errors.New(string(out))
		}
	}
	packed, err := os.ReadFile(archive)
	if err != nil {
		return nil, err
	}
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != d.digest {
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
		if h.Name == "package/"+d.file {
			return io.ReadAll(files)
		}
	}
}

// loadGraph gives what GitHub says of a GraphQL document and its variables.
var loadGraph = sync.OnceValues(func() (func(query string, variables map[string]any) error, error) {
	text, err := githubGraph.fetch()
	if err != nil {
		return nil, err
	}
	document, err := gqlparser.ParseSchemas(gqlvalidator.Prelude, &gqlast.Source{Name: githubGraph.file, Input: string(text)})
	if err != nil {
		return nil, err
	}
	for _, d := range document.Definitions { // it names some fields twice
		names := map[string]bool{}
		d.Fields = slices.DeleteFunc(d.Fields, func(f *gqlast.FieldDefinition) bool {
			twice := names[f.Name]
			names[f.Name] = true
			return twice
		})
	}
	schema, err := gqlvalidator.ValidateSchemaDocument(document)
	if err != nil {
		return nil, err
	}
	return func(query string, variables map[string]any) error {
		document, err := gqlparser.ParseQuery(&gqlast.Source{Input: query})
		if err != nil {
			return err
		}
		if wrong := gqlvalidator.ValidateWithRules(schema, document, gqlrules.NewDefaultRules()); len(wrong) > 0 {
			return wrong
		}
		_, err = gqlvalidator.VariableValues(schema, document.Operations[0], variables)
		return err
	}, nil
})

// The description is in force: it refuses what GitHub would.
func TestGitHubSpec(t *testing.T) {
	spec := describedGitHub(t)
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
		if err := spec.rest(r); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	const resolve = `mutation($thread: ID!) { resolveReviewThread(input: {threadId: $thread}) { thread { isResolved } } }`
	for _, tt := range []struct {
		query     string
		variables map[string]any
		good      bool
	}{
		{resolve, map[string]any{"thread": "T1"}, true},
		{resolve, map[string]any{"thread": nil}, false},
		{resolve, map[string]any{}, false},
		{strings.Replace(resolve, "isResolved", "isSolved", 1), map[string]any{"thread": "T1"}, false},
		{strings.Replace(resolve, "threadId", "id", 1), map[string]any{"thread": "T1"}, false},
		{strings.Replace(resolve, "ID!", "Int!", 1), map[string]any{"thread": 1}, false},
		{`query { repository(owner: "a") { id } }`, nil, false},
	} {
		if err := spec.graph(tt.query, tt.variables); (err == nil) != tt.good {
			t.Errorf("%s %v: %v", tt.query, tt.variables, err)
		}
	}
}
