package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const (
	oldFile = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends git\nENV A=b\nENV C=d\nENV E=f\nENV G=h\nENV I=j\nENV PATTERN=0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\n"
	newPart = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends curl\nFROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends wget\n"
)

// template is a repository, made once and kept in memory: git takes longer than a copy.
var template fstest.MapFS

func makeTemplate(t *testing.T) {
	t.Helper()
	if template != nil {
		return
	}
	g := &fakeGitHub{t: t, dir: t.TempDir()}
	g.git("init", "-q", "-b", "main")
	g.write("api/Dockerfile", oldFile)
	g.write("web/Dockerfile", oldFile)
	g.commit("one")
	g.git("checkout", "-q", "-b", "change")
	g.write("api/Dockerfile", oldFile+newPart)
	g.commit("two")
	files := fstest.MapFS{}
	err := filepath.WalkDir(g.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(path, ".sample") {
			return err
		}
		name, err := filepath.Rel(g.dir, path)
		if err != nil || d.IsDir() {
			files[filepath.ToSlash(name)] = &fstest.MapFile{Mode: os.ModeDir | 0o755}
			return err
		}
		text, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = &fstest.MapFile{Data: text, Mode: 0o644}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	template = files
}

// pullRequest is a repository with a branch main and a branch change, checked out.
func pullRequest(t *testing.T) *fakeGitHub {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	g := newFakeGitHub(t, dir)
	makeTemplate(t)
	if err := os.CopyFS(dir, template); err != nil {
		t.Fatal(err)
	}
	g.requests = nil
	t.Chdir(dir)
	return g
}

func (g *fakeGitHub) write(name, text string) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

func (g *fakeGitHub) commit(message string) {
	g.t.Helper()
	g.git("add", "-A")
	g.git("commit", "-q", "-m", message)
}

// run is `shale review` in a workflow of GitHub, at a server.
func (g *fakeGitHub) run(want int, args ...string) (stdout, stderr string) {
	g.t.Helper()
	env := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_API_URL": g.url, "GITHUB_REPOSITORY": "octo/shop", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_TOKEN": token,
	}
	return runReview(g.t, env, want, args...)
}

func runReview(t *testing.T, env map[string]string, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, why bytes.Buffer
	a := newApp()
	a.out, a.err, a.color = &stream{w: &out}, &stream{w: &why}, "never"
	a.getenv = func(name string) string { return env[name] }
	if got := a.run(context.Background(), append([]string{"review"}, args...)); got != want {
		t.Errorf("exit status %d, want %d\n%s%s", got, want, out.String(), why.String())
	}
	for _, text := range []string{out.String(), why.String()} {
		if strings.Contains(text, token) {
			t.Errorf("the token is told: %s", text)
		}
	}
	return out.String(), why.String()
}

// The suggestions, accepted, make of the file what `shale fix` makes of it.
func TestReviewOnGitHub(t *testing.T) {
	g := pullRequest(t)
	stdout, _ := g.run(0)
	if stdout != "comments: 2 posted, 0 edited, 0 closed, 0 as they were\n" {
		t.Error(stdout)
	}
	if len(g.reviews) != 1 || len(g.comments) != 2 {
		t.Fatalf("%d reviews, %d comments", len(g.reviews), len(g.comments))
	}
	if body := g.reviews[0]["body"].(string); !strings.Contains(body, "### Shale: 2 fixes\n\nGain: ") {
		t.Error(body)
	}
	got := g.accepted()["api/Dockerfile"]
	a := newApp()
	a.out, a.err = &stream{w: &bytes.Buffer{}}, &stream{w: &bytes.Buffer{}}
	a.run(context.Background(), []string{"fix", "--new-from", "main", "api"})
	want, err := os.ReadFile("api/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) || got == oldFile+newPart {
		t.Errorf("accepted they make\n%s\nshale fix makes\n%s", got, want)
	}
	g.git("checkout", "-q", "--", ".")

	// A second run finds all as it should be, and writes nothing.
	g.requests = nil
	if stdout, _ = g.run(0); stdout != "comments: 0 posted, 0 edited, 0 closed, 2 as they were\n" {
		t.Error(stdout)
	}
	if n := g.count("POST /repos") + g.count("PATCH") + g.count("PUT"); n > 0 {
		t.Errorf("%d writing requests: %v", n, g.requests)
	}
	if stdout, _ = g.run(1, "--fail-on", "warning", "--dry-run"); !strings.Contains(stdout, "--- api/Dockerfile, lines 11 to 12\n") {
		t.Error(stdout)
	}
}

// What earlier runs said is edited, moved, closed, or left to whoever closed it.
func TestReviewAgain(t *testing.T) {
	for _, mayWrite := range []bool{false, true} {
		g := pullRequest(t)
		g.mayWrite = mayWrite
		g.run(0)
		// Somebody edits what Shale said; a reply quotes it.
		g.comments[0]["body"] = "spoilt\n" + g.comments[0]["body"].(string)
		g.comments = append(g.comments, map[string]any{"id": 9, "node_id": "C9", "in_reply_to_id": 2000, "body": g.comments[1]["body"], "user": map[string]any{"type": "Bot"}})
		stdout, _ := g.run(0)
		if stdout != "comments: 0 posted, 1 edited, 0 closed, 1 as they were\n" || strings.Contains(g.comments[0]["body"].(string), "spoilt") {
			t.Error(stdout, g.comments[0]["body"])
		}
		g.comments = g.comments[:2]
		// One fix is made; the other's lines move.
		g.write("api/Dockerfile", "# A comment.\n"+oldFile+strings.Replace(newPart, "RUN apt-get update && apt-get install -y --no-install-recommends wget\n", "", 1))
		g.commit("three")
		for _, c := range g.comments {
			delete(c, "line") // GitHub: outdated
			delete(c, "start_line")
		}
		stdout, _ = g.run(0)
		if stdout != "comments: 1 posted, 0 edited, 2 closed, 0 as they were\n" {
			t.Error(stdout)
		}
		if len(g.comments) != 3 || g.comments[2]["start_line"] != 12 || g.comments[2]["line"] != 13 {
			t.Errorf("%v", g.comments)
		}
		if closed := map[bool]int{false: len(g.hidden), true: len(g.resolved)}[mayWrite]; closed != 2 || len(g.hidden)+len(g.resolved) != 2 {
			t.Errorf("hidden %v, resolved %v", g.hidden, g.resolved)
		}
		said := fmt.Sprint(g.comments[0]["body"], g.comments[1]["body"])
		if !strings.Contains(said, "*This is mended.*") || !strings.Contains(said, "*This stands at other lines now.*") || strings.Contains(said, "```suggestion") {
			t.Error(said)
		}
		if body := g.reviews[0]["body"].(string); !strings.Contains(body, "### Shale: 1 fix\n") {
			t.Error(body)
		}
		// Somebody closes what is left: it is not said again, though its lines move.
		g.resolved["T2"] = true
		g.write("api/Dockerfile", "# Two\n# comments.\n"+oldFile+strings.Replace(newPart, "RUN apt-get update && apt-get install -y --no-install-recommends wget\n", "", 1))
		g.commit("four")
		delete(g.comments[2], "line")
		if stdout, _ = g.run(0); stdout != "comments: 0 posted, 0 edited, 0 closed, 0 as they were\n" {
			t.Error(stdout)
		}
		// All is mended.
		g.write("api/Dockerfile", oldFile)
		g.commit("five")
		g.run(0)
		if body := g.reviews[0]["body"].(string); !strings.Contains(body, "everything is mended") {
			t.Error(body)
		}
		g.requests = nil
		g.run(0)
		if n := g.count("POST /repos") + g.count("PATCH") + g.count("PUT"); n > 0 {
			t.Errorf("%d writing requests: %v", n, g.requests)
		}
	}
}

// A pull request that needs nothing gets nothing.
func TestReviewOfNothing(t *testing.T) {
	g := pullRequest(t)
	g.git("checkout", "-q", "main", "--", "api")
	g.write("README", "x")
	g.commit("three")
	g.run(0)
	if n := g.count("POST") + g.count("PATCH") + g.count("PUT"); n > 0 {
		t.Errorf("%d writing requests: %v", n, g.requests)
	}
	// A person's token knows itself.
	g.app = false
	g.write("web/Dockerfile", oldFile+newPart)
	g.commit("four")
	g.run(0)
	g.run(0)
	if len(g.comments) != 2 {
		t.Errorf("%d comments", len(g.comments))
	}
}

// once is a fault at the first request of a kind.
func once(method, part string, do func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.HasSuffix(r.URL.Path, part) {
			return false
		}
		do(w)
		return true
	}
}

func code(n int, message string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		refuse(w, n, message)
	}
}

func torn(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		c.Close()
	}
}

func TestReviewFaults(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("waits and tries again: set SHALE_TEST_ALL")
	}
	in := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	for _, test := range []struct {
		name   string
		faults []func(http.ResponseWriter, *http.Request) bool
		status int
		stderr string
	}{
		{"a wrong token", faults(once("GET", "/pulls/7", code(401, "Bad credentials"))), 2,
			"reading the pull request: Bad credentials (401); the token is wrong or has expired; it is read from SHALE_TOKEN or GITHUB_TOKEN"},
		{"no pull request", faults(once("GET", "/pulls/7", code(404, "Not Found"))), 2, "(404); there is no such pull request there, or the token may not see it"},
		{"a fork's token", faults(once("POST", "/reviews", code(403, "Resource not accessible by integration"))), 2, "`permissions: pull-requests: write`"},
		{"a limit that ends", faults(once("GET", "/files", code(403, "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(-time.Second)))), 0, ""},
		{"a limit that does not", faults(once("GET", "/files", code(403, "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", in(time.Hour)))), 2,
			"the rate limit is reached until "},
		{"a secondary limit", faults(once("POST", "/reviews", code(403, "You have exceeded a secondary rate limit", "Retry-After", "0"))), 0, ""},
		{"too many requests", faults(once("POST", "/reviews", code(429, "Slow down", "Retry-After", "0"))), 0, ""},
		{"a limit of a day", faults(once("POST", "/reviews", code(429, "Slow down", "Retry-After", "86400"))), 2, "the limit ends later than a job should wait"},
		{"refused", faults(once("POST", "/reviews", code(422, "no")), once("POST", "/reviews", code(422, "no")), once("POST", "/reviews", code(422, "no"))), 2, "posting the review: no (422)"},
		{"a fault of the server", faults(once("GET", "/comments", code(500, "oops"))), 0, ""},
		{"a fault in posting", faults(once("POST", "/reviews", code(502, "oops"))), 0, ""},
		{"a torn connection", faults(once("GET", "/files", torn)), 0, ""},
		{"a torn connection in posting", faults(once("POST", "/reviews", torn)), 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := pullRequest(t)
			g.faults = test.faults
			_, stderr := g.run(test.status)
			if !strings.Contains(stderr, test.stderr) || test.stderr == "" && stderr != "" {
				t.Errorf("%s\nwant %q", stderr, test.stderr)
			}
			if want := map[int]int{0: 2, 2: 0}[test.status]; len(g.comments) != want || len(g.faults) > 0 {
				t.Errorf("%d comments, want %d; %d faults are left", len(g.comments), want, len(g.faults))
			}
		})
	}
}

func faults(fs ...func(http.ResponseWriter, *http.Request) bool) []func(http.ResponseWriter, *http.Request) bool {
	return fs
}

// What was posted before a connection broke is not posted again.
func TestReviewTornAfterPosting(t *testing.T) {
	g := pullRequest(t)
	done := false
	g.before = func(r *http.Request) {
		if !done && r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/reviews") {
			done = true
			body := new(bytes.Buffer)
			if _, err := body.ReadFrom(r.Body); err != nil {
				t.Error(err)
			}
			g.postReview(discard{}, body.Bytes())
			g.faults = faults(once("POST", "/reviews", torn))
		}
	}
	stdout, _ := g.run(0)
	if len(g.comments) != 2 || len(g.reviews) != 1 {
		t.Errorf("%d comments, %d reviews\n%s", len(g.comments), len(g.reviews), stdout)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// A push between reading and posting: nothing is said about lines that are gone.
func TestReviewForcePush(t *testing.T) {
	g := pullRequest(t)
	read := g.head()
	g.before = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/files") {
			g.git("branch", "-q", "-f", "kept", "change")
			g.git("checkout", "-q", "--detach")
			g.git("branch", "-q", "-f", "change", "main")
		}
	}
	_, stderr := g.run(0)
	if !strings.Contains(stderr, fmt.Sprintf("went on from %.12s to %.12s meanwhile: nothing was posted", read, g.git("rev-parse", "main"))) || len(g.reviews) > 0 {
		t.Error(stderr)
	}
	// In the very moment of posting: GitHub refuses the commit.
	g = pullRequest(t)
	g.before = func(r *http.Request) {
		if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/reviews") {
			g.git("checkout", "-q", "--detach")
			g.git("branch", "-q", "-f", "change", "main")
		}
	}
	if _, stderr = g.run(0); !strings.Contains(stderr, "nothing was posted") || len(g.reviews) > 0 {
		t.Error(stderr)
	}
}

// A pull request of more files than the API lists.
func TestReviewManyFiles(t *testing.T) {
	g := pullRequest(t)
	real := g.changed()
	g.files = func() []map[string]any {
		var out []map[string]any
		for i := range 2999 {
			out = append(out, map[string]any{"filename": fmt.Sprintf("doc/%d", i), "status": "added", "patch": "@@ -0,0 +1 @@\n+x"})
		}
		return append(out, real...)
	}
	g.run(0)
	if len(g.comments) != 2 || g.count("GET /repos/octo/shop/pulls/7/files") != 30 {
		t.Errorf("%d comments, %d requests", len(g.comments), g.count("GET /repos/octo/shop/pulls/7/files"))
	}
	if body := g.reviews[0]["body"].(string); !strings.Contains(body, "more files than could be read") {
		t.Error(body)
	}
}

// Many comments come in more than one request, and none twice.
func TestReviewManyComments(t *testing.T) {
	g := pullRequest(t)
	for i := range 29 {
		g.write(fmt.Sprintf("many/%02d/Dockerfile", i), "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends git\n")
	}
	g.commit("three")
	g.run(0)
	g.run(0)
	if len(g.comments) != 31 || g.count("POST /repos") != 2 {
		t.Errorf("%d comments, %d requests", len(g.comments), g.count("POST /repos"))
	}
}

// The diff and the earlier texts come from the forge where the clone is shallow, and
// the file under review must be the one that was pushed.
func TestReviewCheckouts(t *testing.T) {
	g := pullRequest(t)
	g.git("mv", "api", "server")
	g.commit("three")
	shallow := filepath.Join(t.TempDir(), "shallow")
	g.git("clone", "-q", "--depth", "1", "-b", "change", "file://"+g.dir, shallow)
	t.Chdir(shallow)
	g.run(0)
	if len(g.comments) != 2 || g.comments[0]["path"] != "server/Dockerfile" || g.count("GET /repos/octo/shop/contents/") == 0 {
		t.Errorf("%v\n%v", g.comments, g.requests)
	}
	if _, stderr := g.run(2, "--base", "main"); !strings.Contains(stderr, "no such revision") {
		t.Error(stderr)
	}
	// A merge with the base, which gave the file other lines.
	if err := os.WriteFile("server/Dockerfile", []byte("# merged\n"+oldFile+newPart), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr := g.run(2); !strings.Contains(stderr, "check out the pull request's newest commit, not its merge") {
		t.Error(stderr)
	}
	// From git, with the whole history.
	t.Chdir(g.dir)
	g.requests = nil
	if stdout, _ := g.run(0, "--base", "main"); !strings.HasSuffix(stdout, " 2 as they were\n") || g.count("GET /repos/octo/shop/pulls/7/files") > 0 {
		t.Error(stdout, g.requests)
	}
	// Objects that are missing.
	if err := os.RemoveAll(filepath.Join(g.dir, ".git", "objects")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(g.dir, ".git", "objects"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, stderr := runReview(t, nil, 2, "--base", "main", "--dry-run"); stderr == "" {
		t.Error("no word on a repository without objects")
	}
}

// A review that is broken off says so, whatever it was waiting for.
func TestReviewInterrupted(t *testing.T) {
	g := pullRequest(t)
	ctx, cancel := context.WithCancel(t.Context())
	g.before = func(*http.Request) { cancel() }
	var out, why bytes.Buffer
	a := newApp()
	a.out, a.err = &stream{w: &out}, &stream{w: &why}
	a.getenv = func(name string) string {
		return map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_API_URL": g.url, "GITHUB_REPOSITORY": "octo/shop", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_TOKEN": token}[name]
	}
	if status := a.run(ctx, []string{"review"}); status != exitInterrupted || why.String() != "shale: interrupted; nothing was posted\n" {
		t.Errorf("status %d: %s%s", status, out.String(), why.String())
	}
}
