package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/shale-build/shale/cmd/shale/internal/review"
)

// A fakeGitHub serves one pull request of a repository on disk, and refuses what
// GitHub refuses: each request that its own description does not allow, where that
// is loaded, and comments that do not stand in the diff.
type fakeGitHub struct {
	t    *testing.T
	dir  string // the repository; main is the base, change the head
	app  bool   // the token is an app's, as in a workflow
	url  string
	spec *githubSpec // nil if it is not loaded

	mu       sync.Mutex
	requests []string
	faults   []func(w http.ResponseWriter, r *http.Request) bool // each is used once, when it is true
	before   func(r *http.Request)
	files    func() []map[string]any // in place of the repository's
	seen     string                  // the head of diff
	diff     []map[string]any
	reviews  []map[string]any
	comments []map[string]any
	hidden   map[string]bool // by node
	resolved map[string]bool // by thread
	mayWrite bool            // contents, which resolving a thread takes
}

const token = "ghs_a1B2c3D4e5F6"

func newFakeGitHub(t *testing.T, dir string) *fakeGitHub {
	g := &fakeGitHub{t: t, dir: dir, app: true, hidden: map[string]bool{}, resolved: map[string]bool{}, spec: describedGitHub(t)}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

func (g *fakeGitHub) git(args ...string) string {
	g.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", g.dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	var why bytes.Buffer
	cmd.Stderr = &why
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("git %v: %v\n%s", args, err, why.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

func (g *fakeGitHub) head() string { return g.git("rev-parse", "change") }
func (g *fakeGitHub) base() string { return g.git("merge-base", "main", "change") }

func (g *fakeGitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		g.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.requests = append(g.requests, r.Method+" "+r.URL.String())
	if strings.Contains(r.URL.String(), token) {
		g.t.Errorf("the token is in %s", r.URL)
	}
	if r.Header.Get("Authorization") != "Bearer "+token {
		refuse(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	if g.before != nil {
		g.before(r)
	}
	for i, fault := range g.faults {
		if fault(w, r) {
			g.faults = slices.Delete(g.faults, i, i+1)
			return
		}
	}
	if g.spec != nil && r.URL.Path != "/graphql" {
		if err := g.spec.rest.request(r); err != nil {
			g.t.Errorf("%s %s is not in GitHub's description: %v\n%s", r.Method, r.URL, err, body)
			refuse(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if g.spec == nil {
		g.route(w, r, body)
		return
	}
	got := httptest.NewRecorder()
	g.route(got, r, body)
	if r.URL.Path != "/graphql" {
		if err := g.spec.rest.answer(r, got); err != nil {
			g.t.Errorf("GitHub answers %s %s otherwise: %v\n%s", r.Method, r.URL, err, got.Body)
		}
	}
	maps.Copy(w.Header(), got.Header())
	w.WriteHeader(got.Code)
	w.Write(got.Body.Bytes()) //nolint:errcheck // a test's server
}

func refuse(w http.ResponseWriter, code int, message string, errs ...string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	said := map[string]any{"message": message}
	if len(errs) > 0 {
		said["errors"] = errs
	}
	json.NewEncoder(w).Encode(said) //nolint:errcheck // a test's server
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // a test's server
}

func (g *fakeGitHub) route(w http.ResponseWriter, r *http.Request, body []byte) {
	const pull = "/repos/octo/shop/pulls/7"
	path := r.URL.Path
	contents, isFile := strings.CutPrefix(path, "/repos/octo/shop/contents/")
	switch {
	case path == "/user" && g.app:
		refuse(w, http.StatusForbidden, "Resource not accessible by integration")
	case path == "/user":
		answer(w, map[string]any{"login": "bot", "user_view_type": "private"})
	case path == pull:
		answer(w, map[string]any{"number": 7, "state": "open", "head": map[string]any{"sha": g.head()}, "base": map[string]any{"sha": g.git("rev-parse", "main")}})
	case strings.HasPrefix(path, "/repos/octo/shop/compare/"):
		answer(w, map[string]any{"merge_base_commit": map[string]any{"sha": g.base()}})
	case path == pull+"/files":
		page(w, r, g.url, g.changed())
	case isFile:
		g.contents(w, r.URL.Query().Get("ref"), contents)
	case path == pull+"/reviews" && r.Method == "POST":
		g.postReview(w, body)
	case path == pull+"/reviews":
		page(w, r, g.url, g.reviews)
	case path == pull+"/comments":
		page(w, r, g.url, g.comments)
	case strings.HasPrefix(path, "/repos/octo/shop/pulls/comments/") && r.Method == "PATCH":
		edit(w, g.comments, path, body)
	case strings.HasPrefix(path, pull+"/reviews/") && r.Method == "PUT":
		edit(w, g.reviews, path, body)
	case path == "/graphql":
		g.graphql(w, body)
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

// page serves a part of a list, with the link to the next.
func page(w http.ResponseWriter, r *http.Request, url string, all []map[string]any) {
	size, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if size == 0 {
		size = 30
	}
	number = max(number, 1)
	from, to := min((number-1)*size, len(all)), min(number*size, len(all))
	if to < len(all) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(number+1))
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, url, r.URL.Path, q.Encode()))
	}
	if from == to {
		answer(w, []int{})
		return
	}
	answer(w, all[from:to])
}

func edit(w http.ResponseWriter, all []map[string]any, path string, body []byte) {
	var in struct{ Body string }
	if json.Unmarshal(body, &in) != nil || in.Body == "" || len(in.Body) > 65536 {
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	for _, c := range all {
		if strings.HasSuffix(path, fmt.Sprintf("/%v", c["id"])) {
			c["body"] = in.Body
			answer(w, c)
			return
		}
	}
	refuse(w, http.StatusNotFound, "Not Found")
}

// changed is the list of files as GitHub gives it: with git's hunks, without its heads.
func (g *fakeGitHub) changed() []map[string]any {
	if g.files != nil {
		return g.files()
	}
	if head := g.head(); head != g.seen {
		g.seen, g.diff = head, g.changedFiles()
	}
	return g.diff
}

func (g *fakeGitHub) changedFiles() []map[string]any {
	var out []map[string]any
	fields := strings.Split(strings.TrimSuffix(g.git("diff", "-M", "--name-status", "-z", g.base(), "change"), "\x00"), "\x00")
	for len(fields) > 1 {
		old, name := fields[1], fields[1]
		f := map[string]any{"status": map[string]string{"A": "added", "D": "removed", "M": "modified"}[fields[0]]}
		if fields[0][0] == 'R' {
			name = fields[2]
			f["status"], f["previous_filename"] = "renamed", old
			fields = fields[1:]
		}
		fields = fields[2:]
		patch := g.git("diff", "-M", g.base(), "change", "--", old, name)
		if i := strings.Index(patch, "\n@@ "); i >= 0 {
			f["patch"] = patch[i+1:]
		}
		f["filename"] = name
		out = append(out, f)
	}
	return out
}

func (g *fakeGitHub) contents(w http.ResponseWriter, ref, name string) {
	out, err := exec.Command("git", "-C", g.dir, "cat-file", "blob", ref+":"+name).Output()
	if err != nil {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	answer(w, map[string]any{"type": "file", "encoding": "base64", "content": base64.StdEncoding.EncodeToString(out)})
}

type postedComment struct {
	Path, Body, Side string
	Line             int
	StartLine        int    `json:"start_line"`
	StartSide        string `json:"start_side"`
}

// postReview takes a review by GitHub's rules: all of it, or nothing.
func (g *fakeGitHub) postReview(w http.ResponseWriter, body []byte) {
	var in struct {
		CommitID string `json:"commit_id"`
		Body     string
		Event    string
		Comments []postedComment
	}
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	bad := ""
	switch {
	case in.CommitID != g.head():
		bad = "commit_id is not part of the pull request"
	case in.Event != "COMMENT":
		bad = "a bot only comments"
	case in.Body == "":
		bad = "body is required for COMMENT"
	case len(in.Body) > 65536:
		bad = "body is too long"
	}
	for _, c := range in.Comments {
		if why := g.misplaced(c); why != "" {
			bad = why
		}
	}
	if bad != "" {
		refuse(w, http.StatusUnprocessableEntity, "Unprocessable Entity", bad)
		return
	}
	user := map[string]any{"login": "bot", "type": map[bool]string{true: "Bot", false: "User"}[g.app]}
	id := 1000 + len(g.reviews)
	g.reviews = append(g.reviews, map[string]any{"id": id, "body": in.Body, "user": user, "state": "COMMENTED"})
	for _, c := range in.Comments {
		n := len(g.comments)
		posted := map[string]any{"id": 2000 + n, "node_id": fmt.Sprintf("C%d", n), "body": c.Body, "path": c.Path, "line": c.Line, "side": c.Side, "user": user}
		if c.StartLine > 0 {
			posted["start_line"] = c.StartLine
		}
		g.comments = append(g.comments, posted)
	}
	answer(w, g.reviews[len(g.reviews)-1])
}

var hunkHead = regexp.MustCompile(`(?m)^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@`)

// misplaced says why GitHub would not take a comment where it is to stand.
func (g *fakeGitHub) misplaced(c postedComment) string {
	if c.Body == "" || len(c.Body) > 65536 {
		return "body is empty or too long"
	}
	if c.Side != "RIGHT" || c.Line < 1 || c.StartLine != 0 && (c.StartSide != "RIGHT" || c.StartLine >= c.Line) {
		return "start_line must precede the end line"
	}
	for _, f := range g.changed() {
		if f["filename"] != c.Path {
			continue
		}
		patch, _ := f["patch"].(string)
		for _, m := range hunkHead.FindAllStringSubmatch(patch, -1) {
			start, _ := strconv.Atoi(m[1])
			count := 1
			if m[2] != "" {
				count, _ = strconv.Atoi(m[2])
			}
			first := c.StartLine
			if first == 0 {
				first = c.Line
			}
			if start <= first && c.Line < start+count {
				return ""
			}
		}
		return "pull_request_review_thread.line must be part of the diff"
	}
	return "pull_request_review_thread.path is invalid"
}

func (g *fakeGitHub) graphql(w http.ResponseWriter, body []byte) {
	var in struct {
		Query     string
		Variables map[string]any
	}
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	if g.spec != nil {
		if err := g.spec.graph.request(in.Query, in.Variables); err != nil {
			g.t.Errorf("GitHub's schema refuses: %v\n%s", err, body)
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	data := func(v map[string]any) {
		if g.spec != nil {
			g.spec.holds(g.t, in.Query, v)
		}
		answer(w, map[string]any{"data": v})
	}
	fail := func(message string) {
		answer(w, map[string]any{"data": nil, "errors": []map[string]any{{"type": "FORBIDDEN", "message": message}}})
	}
	switch {
	case strings.Contains(in.Query, "reviewThreads"):
		nodes := []any{}
		for i, c := range g.comments {
			thread := fmt.Sprintf("T%d", i)
			nodes = append(nodes, map[string]any{"id": thread, "isResolved": g.resolved[thread], "comments": map[string]any{
				"nodes": []any{map[string]any{"databaseId": c["id"], "isMinimized": g.hidden[c["node_id"].(string)]}}}})
		}
		data(map[string]any{"repository": map[string]any{"pullRequest": map[string]any{"reviewThreads": map[string]any{
			"pageInfo": map[string]any{"hasNextPage": false, "endCursor": nil}, "nodes": nodes}}}})
	case strings.Contains(in.Query, "resolveReviewThread"):
		if !g.mayWrite {
			fail("Resource not accessible by integration")
			return
		}
		g.resolved[in.Variables["thread"].(string)] = true
		data(map[string]any{"resolveReviewThread": map[string]any{"thread": map[string]any{"isResolved": true}}})
	case strings.Contains(in.Query, "minimizeComment"):
		g.hidden[in.Variables["comment"].(string)] = true
		data(map[string]any{"minimizeComment": map[string]any{"minimizedComment": map[string]any{"isMinimized": true}}})
	default:
		fail("what?")
	}
}

// count is how many requests there were of one kind.
func (g *fakeGitHub) count(prefix string) int {
	n := 0
	for _, r := range g.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

// accepted applies all open suggestions as GitHub does, and returns the files.
func (g *fakeGitHub) accepted() map[string]string {
	g.t.Helper()
	out := map[string]string{}
	open := slices.Clone(g.comments)
	slices.Reverse(open) // from the end on, so that lines stay where they are
	for _, c := range open {
		text, ok := review.Suggestion(c["body"].(string))
		if !ok || review.KeyOf(c["body"].(string)) == "" {
			continue
		}
		path, line := c["path"].(string), c["line"].(int)
		if out[path] == "" {
			out[path] = g.git("show", "change:"+path) + "\n"
		}
		first := line
		if n, ok := c["start_line"].(int); ok {
			first = n
		}
		lines := strings.SplitAfter(out[path], "\n")
		out[path] = strings.Join(slices.Replace(lines, first-1, line, text), "")
	}
	return out
}
