package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
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

// A githubSpec holds requests, and what is answered to them, to GitHub's descriptions
// of its APIs.
type githubSpec struct {
	rest  *restSpec
	graph *graphSpec
}

// A restSpec is the one of the REST API. An answer may lack fields, for a fake knows few;
// those that it has must be GitHub's, by name and type.
type restSpec struct{ requests, answers routers.Router }

// A graphSpec is the one of the GraphQL API.
type graphSpec struct{ schema *gqlast.Schema }

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

var loadGitHub = sync.OnceValues(func() (*restSpec, error) {
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
	requests, err := routerOf(whole)
	if err != nil {
		return nil, err
	}
	loosen(whole, false)
	answers, err := routerOf(whole)
	return &restSpec{requests, answers}, err
})

func routerOf(description map[string]any) (routers.Router, error) {
	text, err := json.Marshal(description)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaPatternValidation(), openapi3.DisableSchemaDefaultsValidation())
}

// loosen asks for no field of a schema, and takes none that it does not name. part says
// that the schema is one of several that hold together.
func loosen(v any, part bool) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			loosen(x, part)
		}
	case map[string]any:
		if _, list := v["required"].([]any); list {
			delete(v, "required")
		}
		if fields, ok := v["properties"].(map[string]any); ok && len(fields) > 0 && v["additionalProperties"] == nil && !part {
			v["additionalProperties"] = false
		}
		for key, x := range v {
			if fields, ok := x.(map[string]any); ok && key == "properties" {
				for _, field := range fields { // whose names are no words of the description's
					loosen(field, false)
				}
				continue
			}
			loosen(x, key == "allOf")
		}
	}
}

// request says why GitHub's description does not allow a request.
func (s *restSpec) request(r *http.Request) error {
	in, err := input(s.requests, r)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(r.Context(), in)
}

// answer says why GitHub would not answer a request so.
func (s *restSpec) answer(r *http.Request, got *httptest.ResponseRecorder) error {
	in, err := input(s.answers, r)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: got.Code, Header: got.Header(),
		Body: io.NopCloser(bytes.NewReader(got.Body.Bytes())), Options: in.Options,
	})
}

func input(router routers.Router, r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	if at, path, ok := strings.Cut(r.URL.Path, "/contents/"); ok {
		// A path with folders, which the description cannot tell.
		r = r.Clone(r.Context())
		r.URL.Path = at + "/contents/" + strings.ReplaceAll(path, "/", "~")
	}
	route, params, err := router.FindRoute(r)
	if err != nil {
		return nil, err
	}
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}, nil
}

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

var loadGraph = sync.OnceValues(func() (*graphSpec, error) {
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
	return &graphSpec{schema}, nil
})

// request says why GitHub would not take a document and its variables.
func (s *graphSpec) request(query string, variables map[string]any) error {
	document, err := gqlparser.ParseQuery(&gqlast.Source{Input: query})
	if err != nil {
		return err
	}
	if wrong := gqlvalidator.ValidateWithRules(s.schema, document, gqlrules.NewDefaultRules()); len(wrong) > 0 {
		return wrong
	}
	_, err = gqlvalidator.VariableValues(s.schema, document.Operations[0], variables)
	return err
}

// answer says why data is not what GitHub gives for a document that it takes: each field
// that was asked for, no other, and of its type.
func (s *graphSpec) answer(query string, data any) error {
	document, err := gqlparser.ParseQuery(&gqlast.Source{Input: query})
	if err != nil {
		return err
	}
	if wrong := gqlvalidator.ValidateWithRules(s.schema, document, gqlrules.NewDefaultRules()); len(wrong) > 0 {
		return wrong
	}
	return s.object("data", document.Operations[0].SelectionSet, data)
}

// holds fails a test whose fake gives other data than GitHub.
func (s *githubSpec) holds(t *testing.T, query string, data any) {
	text, err := json.Marshal(data)
	var plain any
	if err == nil {
		err = json.Unmarshal(text, &plain)
	}
	if err == nil {
		err = s.graph.answer(query, plain)
	}
	if err != nil {
		t.Errorf("GitHub answers otherwise: %v\n%s", err, query)
	}
}

func (s *graphSpec) object(at string, asked gqlast.SelectionSet, v any) error {
	fields, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %v, not an object", at, v)
	}
	for _, a := range asked {
		f, ok := a.(*gqlast.Field)
		if !ok {
			return fmt.Errorf("%s asks for a fragment, which this test does not read", at)
		}
		value, there := fields[f.Alias]
		if !there {
			return fmt.Errorf("%s has no %s", at, f.Alias)
		}
		if err := s.value(at+"."+f.Alias, f.Definition.Type, f.SelectionSet, value); err != nil {
			return err
		}
	}
	if len(fields) != len(asked) {
		return fmt.Errorf("%s has %d fields, and %d were asked for", at, len(fields), len(asked))
	}
	return nil
}

func (s *graphSpec) value(at string, of *gqlast.Type, asked gqlast.SelectionSet, v any) error {
	switch items, list := v.([]any); {
	case v == nil && of.NonNull:
		return fmt.Errorf("%s is null, and never is", at)
	case v == nil:
		return nil
	case of.Elem != nil && !list:
		return fmt.Errorf("%s is %v, not a list", at, v)
	case of.Elem != nil:
		for i, item := range items {
			if err := s.value(fmt.Sprintf("%s[%d]", at, i), of.Elem, asked, item); err != nil {
				return err
			}
		}
		return nil
	case len(asked) > 0:
		return s.object(at, asked, v)
	}
	_, isText := v.(string)
	_, isTruth := v.(bool)
	_, isNumber := v.(float64)
	ok := isText
	switch of.NamedType {
	case "Boolean":
		ok = isTruth
	case "Int", "Float":
		ok = isNumber
	}
	if !ok {
		return fmt.Errorf("%s is %v, not a %s", at, v, of.NamedType)
	}
	return nil
}

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
		if err := spec.rest.request(r); (err == nil) != good {
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
		if err := spec.graph.request(tt.query, tt.variables); (err == nil) != tt.good {
			t.Errorf("%s %v: %v", tt.query, tt.variables, err)
		}
	}
	for body, good := range map[string]bool{
		`{"id":1,"body":"x","state":"COMMENTED"}`: true,
		`{"id":"1"}`:          false,
		`{"id":1,"text":"x"}`: false,
	} {
		got := httptest.NewRecorder()
		got.Header().Set("Content-Type", "application/json")
		got.WriteString(body)
		if err := spec.rest.answer(httptest.NewRequest("POST", "/repos/o/n/pulls/1/reviews", nil), got); (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
	}
	for data, good := range map[string]bool{
		`{"resolveReviewThread":{"thread":{"isResolved":true}}}`:          true,
		`{"resolveReviewThread":{"thread":null}}`:                         true,
		`{"resolveReviewThread":{"thread":{"isResolved":null}}}`:          false,
		`{"resolveReviewThread":{"thread":{"isResolved":"yes"}}}`:         false,
		`{"resolveReviewThread":{"thread":{"isResolved":true,"id":"1"}}}`: false,
		`{}`: false,
	} {
		var v any
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Fatal(err)
		}
		if err := spec.graph.answer(resolve, v); (err == nil) != good {
			t.Errorf("%s: %v", data, err)
		}
	}
}
