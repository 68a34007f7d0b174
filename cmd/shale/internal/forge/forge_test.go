package forge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/cmd/shale/internal/review"
)

// The second line of the file is new, the first and the third were there.
const (
	hunk  = "@@ -1,2 +1,3 @@\n FROM a\n+RUN b\n RUN c\n"
	whole = "diff --git a/Dockerfile b/Dockerfile\n--- a/Dockerfile\n+++ b/Dockerfile\n" + hunk
	head  = "1111111111111111111111111111111111111111"
)

func said(key string, line, old int, text string) review.Comment {
	return review.Comment{Key: key, Path: "Dockerfile", Old: "Dockerfile", Start: line, End: line, OldStart: old, OldEnd: old, Text: text + "\n" + review.Mark(key) + "\n"}
}

// A server answers by method and path; what it does not know is a 404.
type server map[string]func(body map[string]any, q map[string][]string) (int, any)

func (s server) start(t *testing.T) string {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Private-Token")+r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		f, ok := s[r.Method+" "+r.URL.Path]
		if !ok {
			t.Logf("404: %s %s", r.Method, r.URL.Path)
			w.WriteHeader(http.StatusNotFound)
			return
		}
		body := map[string]any{}
		if r.Method != http.MethodGet {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil && err != io.EOF {
				t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			}
		}
		code, v := f(body, r.URL.Query())
		if text, ok := v.(string); ok {
			w.WriteHeader(code)
			fmt.Fprint(w, text)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		json.NewEncoder(w).Encode(v) //nolint:errcheck // a test's server
	}))
	t.Cleanup(h.Close)
	return h.URL
}

func publish(t *testing.T, f Forge, want string, cs ...review.Comment) {
	t.Helper()
	r := review.Review{Comments: cs}
	if len(cs) > 0 {
		r.Body = fmt.Sprintf("%d fixes\n\n%s\n", len(cs), review.Summary)
	}
	out, err := Publish(context.Background(), f, head, r)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d posted, %d edited, %d closed, %d kept", out.Posted, out.Edited, out.Closed, out.Kept); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// the same story on each forge
func play(t *testing.T, f Forge) {
	t.Helper()
	d, err := f.Changes(context.Background())
	if err != nil || len(d.Files) != 1 || len(d.Files[0].Hunk) != 1 || d.Files[0].Hunk[0].Old[3] != 2 {
		t.Fatalf("%v %v", d, err)
	}
	if text, err := f.Text(context.Background(), head, "Dockerfile"); err != nil || text != "FROM a\n" {
		t.Errorf("%q %v", text, err)
	}
	if _, err := f.Text(context.Background(), head, "nothing"); err != ErrNoFile {
		t.Errorf("%v", err)
	}
	publish(t, f, "2 posted, 0 edited, 0 closed, 0 kept", said("aa", 2, 0, "one"), said("bb", 3, 2, "two"))
	publish(t, f, "0 posted, 0 edited, 0 closed, 2 kept", said("aa", 2, 0, "one"), said("bb", 3, 2, "two"))
	publish(t, f, "0 posted, 1 edited, 0 closed, 1 kept", said("aa", 2, 0, "one, again"), said("bb", 3, 2, "two"))
	publish(t, f, "0 posted, 0 edited, 1 closed, 1 kept", said("bb", 3, 2, "two"))
	publish(t, f, "0 posted, 0 edited, 0 closed, 1 kept", said("bb", 3, 2, "two"))
	publish(t, f, "0 posted, 0 edited, 1 closed, 0 kept")
	publish(t, f, "0 posted, 0 edited, 0 closed, 0 kept")
}

func TestGitLab(t *testing.T) {
	var discussions []map[string]any
	add := func(note map[string]any) map[string]any {
		n := len(discussions) + 1
		note["id"], note["author"] = n, map[string]any{"id": 5}
		d := map[string]any{"id": fmt.Sprintf("d%d", n), "notes": []any{note}}
		discussions = append(discussions, d)
		return d
	}
	const m = "/api/v4/projects/group/sub/shop/merge_requests/7"
	s := server{
		"GET " + m: func(map[string]any, map[string][]string) (int, any) {
			return 200, map[string]any{"iid": 7, "state": "opened", "diff_refs": map[string]any{"base_sha": "b", "head_sha": head, "start_sha": "s"}}
		},
		"GET " + m + "/diffs": func(map[string]any, map[string][]string) (int, any) {
			return 200, []any{map[string]any{"old_path": "Dockerfile", "new_path": "Dockerfile", "diff": hunk}}
		},
		"GET /api/v4/user": func(map[string]any, map[string][]string) (int, any) { return 200, map[string]any{"id": 5} },
		"GET /api/v4/projects/group/sub/shop/repository/files/Dockerfile": func(map[string]any, map[string][]string) (int, any) {
			return 200, map[string]any{"content": "RlJPTSBhCg=="}
		},
		"GET " + m + "/discussions": func(map[string]any, map[string][]string) (int, any) { return 200, discussions },
		"POST " + m + "/discussions": func(in map[string]any, _ map[string][]string) (int, any) {
			p := in["position"].(map[string]any)
			// GitLab finds a line that did not change by both its numbers, a new one by
			// one: https://docs.gitlab.com/api/discussions/
			line, old := p["new_line"], p["old_line"]
			fits := line == 2.0 && old == nil || line == 3.0 && old == 2.0 || line == 1.0 && old == 1.0
			if !fits || p["base_sha"] != "b" || p["start_sha"] != "s" || p["head_sha"] != head || p["position_type"] != "text" {
				t.Errorf("%v", in)
				return 400, map[string]any{"message": "line_code can't be blank"}
			}
			return 201, add(map[string]any{"body": in["body"], "resolvable": true, "position": p})
		},
		"POST " + m + "/notes": func(in map[string]any, _ map[string][]string) (int, any) {
			return 201, add(map[string]any{"body": in["body"]})["notes"].([]any)[0]
		},
	}
	for i := 1; i < 9; i++ {
		note := func() map[string]any { return discussions[i-1]["notes"].([]any)[0].(map[string]any) }
		change := func(in map[string]any, _ map[string][]string) (int, any) {
			note()["body"] = in["body"]
			return 200, note()
		}
		s[fmt.Sprintf("PUT %s/discussions/d%d/notes/%d", m, i, i)] = change
		s[fmt.Sprintf("PUT %s/notes/%d", m, i)] = change
		s[fmt.Sprintf("PUT %s/discussions/d%d", m, i)] = func(in map[string]any, _ map[string][]string) (int, any) {
			note()["resolved"] = in["resolved"]
			return 200, discussions[i-1]
		}
	}
	f, err := Open(Where{Kind: GitLab, API: s.start(t) + "/api/v4", Repo: "group/sub/shop", Pull: 7, Token: "hush"})
	if err != nil {
		t.Fatal(err)
	}
	play(t, f)
	if len(discussions) != 3 {
		t.Errorf("%v", discussions)
	}
	for _, d := range discussions[:2] {
		if n := d["notes"].([]any)[0].(map[string]any); n["resolved"] != true || !strings.Contains(n["body"].(string), "mended") {
			t.Errorf("%v", n)
		}
	}
	if above("```suggestion:-12+0\nRUN a\n```\n") != 12 {
		t.Error("a suggestion's lines are not counted")
	}
}

func TestGitea(t *testing.T) {
	var comments, bodies []map[string]any
	resolved := 0
	const m = "/api/v1/repos/octo/shop"
	user := map[string]any{"id": 5, "login": "bot"}
	s := server{
		"GET " + m + "/pulls/7": func(map[string]any, map[string][]string) (int, any) {
			return 200, map[string]any{"number": 7, "state": "open", "merge_base": "b", "head": map[string]any{"sha": head}, "base": map[string]any{}}
		},
		"GET " + m + "/pulls/7.diff":      func(map[string]any, map[string][]string) (int, any) { return 200, whole },
		"GET " + m + "/raw/Dockerfile":    func(map[string]any, map[string][]string) (int, any) { return 200, "FROM a\n" },
		"GET /api/v1/user":                func(map[string]any, map[string][]string) (int, any) { return 200, user },
		"GET " + m + "/issues/7/comments": func(map[string]any, map[string][]string) (int, any) { return 200, bodies },
		"GET " + m + "/pulls/7/reviews": func(map[string]any, map[string][]string) (int, any) {
			return 200, []any{map[string]any{"id": 1, "user": user, "comments_count": len(comments)}}
		},
		"GET " + m + "/pulls/7/reviews/1/comments": func(map[string]any, map[string][]string) (int, any) { return 200, comments },
		"POST " + m + "/issues/7/comments": func(in map[string]any, _ map[string][]string) (int, any) {
			bodies = append(bodies, map[string]any{"id": 1, "body": in["body"], "user": user})
			return 201, bodies[0]
		},
		"POST " + m + "/pulls/7/reviews": func(in map[string]any, _ map[string][]string) (int, any) {
			if in["event"] != "COMMENT" || in["commit_id"] != head {
				t.Errorf("%v", in)
			}
			for _, c := range in["comments"].([]any) {
				c := c.(map[string]any)
				comments = append(comments, map[string]any{"id": 20 + len(comments), "body": c["body"], "path": c["path"], "position": c["new_position"]})
			}
			return 200, map[string]any{"id": 1}
		},
		"PATCH " + m + "/issues/comments/1": func(in map[string]any, _ map[string][]string) (int, any) {
			bodies[0]["body"] = in["body"]
			return 200, bodies[0]
		},
	}
	for i := range 2 {
		s[fmt.Sprintf("PATCH %s/issues/comments/%d", m, 20+i)] = func(in map[string]any, _ map[string][]string) (int, any) {
			comments[i]["body"] = in["body"]
			return 200, comments[i]
		}
	}
	// One comment can be resolved; an older server knows no such thing.
	s["POST "+m+"/pulls/comments/20/resolve"] = func(map[string]any, map[string][]string) (int, any) {
		resolved++
		return 204, ""
	}
	for _, kind := range []string{Gitea, Forgejo} {
		comments, bodies = nil, nil
		f, err := Open(Where{Kind: kind, API: s.start(t), Repo: "octo/shop", Pull: 7, Token: "hush"})
		if err != nil {
			t.Fatal(err)
		}
		play(t, f)
		if len(comments) != 2 || len(bodies) != 1 {
			t.Errorf("%v %v", comments, bodies)
		}
	}
}

// What Gitea does that play does not show: it tells of reviews in pages with their
// number alone, keeps what it could not post as a draft, and lets readers of a
// repository comment but not resolve.
func TestGiteaPagesDraftsReaders(t *testing.T) {
	const m = "/api/v1/repos/octo/shop"
	user, other := map[string]any{"id": 5}, map[string]any{"id": 6}
	reviews := []map[string]any{
		{"id": 1, "user": other, "state": "COMMENT", "comments_count": 1},
		{"id": 2, "user": user, "state": "PENDING", "comments_count": 1},
		{"id": 3, "user": user, "state": "COMMENT", "comments_count": 1},
		{"id": 4, "user": user, "state": "PENDING", "comments_count": 2},
	}
	comment := func(id int, text string) map[string]any {
		return map[string]any{"id": id, "path": "Dockerfile", "position": 2, "body": text}
	}
	comments := map[string][]any{
		"2": {comment(12, said("aa", 2, 0, "one").Text)},
		"3": {comment(13, said("bb", 2, 0, "two").Text)},
		"4": {comment(14, said("cc", 2, 0, "three").Text), comment(15, "a person's")},
	}
	var done []string
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, isReview := strings.CutPrefix(r.URL.Path, m+"/pulls/7/reviews/")
		var v any = map[string]any{"id": 13}
		switch {
		case r.URL.Path == m+"/pulls/7" && r.Method == http.MethodGet:
			v = map[string]any{"number": 7, "state": "open", "merge_base": "b", "head": map[string]any{"sha": head}, "base": map[string]any{}}
		case r.URL.Path == "/api/v1/user":
			v = user
		case r.URL.Path == m+"/issues/7/comments" && r.Method == http.MethodGet:
			v = []any{}
		case r.URL.Path == m+"/pulls/7/reviews" && r.Method == http.MethodGet:
			w.Header().Set("X-Total-Count", fmt.Sprint(len(reviews)))
			page, err := strconv.Atoi(r.URL.Query().Get("page"))
			if err != nil || page > len(reviews) {
				t.Errorf("page %d is asked for: %v", page, err)
				page = len(reviews)
			}
			v = reviews[page-1 : page]
		case isReview && r.Method == http.MethodGet:
			v = comments[strings.TrimSuffix(path, "/comments")]
		case strings.HasSuffix(r.URL.Path, "/resolve"):
			done = append(done, r.Method+" "+r.URL.Path)
			w.WriteHeader(http.StatusForbidden)
			v = map[string]any{"message": "user should have permission to resolve comment"}
		default:
			done = append(done, r.Method+" "+r.URL.Path)
		}
		json.NewEncoder(w).Encode(v) //nolint:errcheck // a test's server
	}))
	defer h.Close()
	f, err := Open(Where{Kind: Gitea, API: h.URL, Repo: "octo/shop", Pull: 7, Token: "hush"})
	if err != nil {
		t.Fatal(err)
	}
	// A draft of the person whose token it is would go with what is posted.
	_, err = Publish(context.Background(), f, head, review.Review{Comments: []review.Comment{said("aa", 2, 0, "one")}})
	if err == nil || !strings.Contains(err.Error(), "a review of yours is begun") || len(done) > 0 {
		t.Errorf("%v, %q", err, done)
	}
	reviews = reviews[:3]
	publish(t, f, "1 posted, 0 edited, 1 closed, 0 kept", said("aa", 2, 0, "one"))
	want := []string{
		"DELETE " + m + "/pulls/7/reviews/2", "POST " + m + "/pulls/7/reviews", "POST " + m + "/issues/7/comments",
		"PATCH " + m + "/issues/comments/13", "POST " + m + "/pulls/comments/13/resolve",
	}
	if !slices.Equal(done, want) {
		t.Errorf("%q, want %q", done, want)
	}
}

// An answer that is none of an API's is told in a line, without what its reader says.
func TestForeignAnswers(t *testing.T) {
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{200, "<html>\n<p>Log in", "its answer is no JSON; a page of a proxy or a log-in, perhaps"},
		{501, "oops", "oops (501); the forge itself has a fault; run it again later"},
		{501, "<!doctype html>\n<html>\n<p>Bad gateway", "a page of HTML (501); "},
	} {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		defer h.Close()
		for _, kind := range []string{GitHub, GitLab, Gitea} {
			f, err := Open(Where{Kind: kind, API: h.URL, Repo: "octo/shop", Pull: 7, Token: "hush"})
			if err == nil {
				_, err = f.Pull(context.Background())
			}
			want := c.want
			if kind == GitHub && c.status != 200 { // its client keeps no answer but JSON
				want = "refused (501); the forge"
			}
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want %q", kind, err, want)
			}
		}
	}
}

// What a dry run shows is what would be posted.
func TestShow(t *testing.T) {
	var posted map[string]any
	s := server{"POST /repos/octo/shop/pulls/7/reviews": func(in map[string]any, _ map[string][]string) (int, any) {
		posted = in
		return 200, map[string]any{"id": 1}
	}}
	f, err := Open(Where{Kind: GitHub, API: s.start(t), Repo: "octo/shop", Pull: 7, Token: "hush"})
	if err != nil {
		t.Fatal(err)
	}
	several := said("bb", 3, 2, "two <lines>")
	several.Start = 2
	made := review.Review{Body: "2 fixes", Comments: []review.Comment{said("aa", 2, 0, "one"), several}}
	if err := f.Post(context.Background(), Pull{Head: head}, made.Body, made.Comments); err != nil {
		t.Fatal(err)
	}
	var shown map[string]any
	var text strings.Builder
	if err := Show(&text, head, made); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text.String()), &shown); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(posted, shown); diff != "" || len(shown["comments"].([]any)) != 2 {
		t.Errorf("%s\n%s", text.String(), diff)
	}
	text.Reset()
	if err := Show(&text, "", review.Review{}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"body\": \"\",\n  \"event\": \"COMMENT\",\n  \"comments\": []\n}\n"; text.String() != want {
		t.Errorf("%s", text.String())
	}
}

func TestDetect(t *testing.T) {
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"issue":{"number":9,"pull_request":{}}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		fixed Where
		env   map[string]string
		want  Where
	}{
		{"GitHub", Where{}, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_API_URL": "https://h/api/v3", "GITHUB_REPOSITORY": "o/n", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_TOKEN": "t"},
			Where{GitHub, "https://h/api/v3", "o/n", 7, "t"}},
		{"an event", Where{}, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "o/n", "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_PATH": event},
			Where{GitHub, "https://api.github.com", "o/n", 9, ""}},
		{"GitLab", Where{}, map[string]string{"GITLAB_CI": "true", "CI_API_V4_URL": "https://h/api/v4", "CI_PROJECT_PATH": "g/s/n", "CI_MERGE_REQUEST_IID": "3", "CI_JOB_TOKEN": "j", "GITLAB_TOKEN": "t"},
			Where{GitLab, "https://h/api/v4", "g/s/n", 3, "t"}},
		{"Gitea", Where{}, map[string]string{"GITEA_ACTIONS": "true", "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://h", "GITHUB_REPOSITORY": "o/n", "GITHUB_REF": "refs/pull/2/head", "GITHUB_TOKEN": "t"},
			Where{Gitea, "https://h", "o/n", 2, "t"}},
		{"Forgejo", Where{}, map[string]string{"FORGEJO_ACTIONS": "true", "GITHUB_ACTIONS": "true", "FORGEJO_SERVER_URL": "https://h", "FORGEJO_REPOSITORY": "o/n", "FORGEJO_REF": "refs/pull/2/head", "FORGEJO_TOKEN": "t"},
			Where{Forgejo, "https://h", "o/n", 2, "t"}},
		{"flags go before", Where{Kind: GitHub, Repo: "a/b", Pull: 1, API: "https://x"}, map[string]string{"GITLAB_CI": "true", "GITHUB_REPOSITORY": "o/n", "SHALE_TOKEN": "s", "GITHUB_TOKEN": "t"},
			Where{GitHub, "https://x", "a/b", 1, "s"}},
		{"by address", Where{API: "https://codeberg.org"}, nil, Where{Kind: Forgejo, API: "https://codeberg.org"}},
		{"nothing", Where{}, nil, Where{}},
	} {
		if got := Detect(test.fixed, func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// How long is waited, by what the forge asks for.
func TestPatience(t *testing.T) {
	answer := func(code int, header ...string) *http.Response {
		r := &http.Response{StatusCode: code, Header: http.Header{}, Body: http.NoBody}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	soon := time.Now().Add(20 * time.Second)
	for _, test := range []struct {
		resp     *http.Response
		attempt  int
		from, to time.Duration
	}{
		{answer(429, "Retry-After", "7"), 0, 7 * time.Second, 7 * time.Second},
		{answer(503, "Retry-After", soon.UTC().Format(http.TimeFormat)), 0, 18 * time.Second, 20 * time.Second},
		{answer(403, "X-RateLimit-Reset", fmt.Sprint(soon.Unix())), 0, 18 * time.Second, 21 * time.Second},
		{answer(429, "RateLimit-Reset", fmt.Sprint(soon.Unix())), 0, 18 * time.Second, 21 * time.Second},
		{answer(403), 1, 2 * time.Minute, 2 * time.Minute},
		{answer(500), 0, time.Second, 1250 * time.Millisecond},
		{nil, 3, 8 * time.Second, 10 * time.Second},
	} {
		if got := patience(0, 0, test.attempt, test.resp); got < test.from || got > test.to {
			t.Errorf("%+v: %v, want %v to %v", test.resp, got, test.from, test.to)
		}
	}
}

// A token goes to nobody else, whoever a forge redirects to.
func TestTokenStays(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s arrived with %v", r.Method, r.URL, r.Header)
	}))
	defer thief.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL+"/?token=hush", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	for _, kind := range Kinds() {
		f, err := Open(Where{Kind: kind, API: s.URL, Repo: "octo/shop", Pull: 7, Token: "hush"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Pull(context.Background()); err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "another host") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// What a client says of a fault names no token.
func TestErrorsHoldNoToken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"message":"no: %s"}`, r.Header.Get("Authorization")+r.Header.Get("Private-Token"))
	}))
	defer s.Close()
	for _, kind := range Kinds() {
		f, err := Open(Where{Kind: kind, API: s.URL, Repo: "octo/shop", Pull: 7, Token: "hush-hush"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Pull(context.Background())
		if err == nil || strings.Contains(err.Error(), "hush-hush") || !strings.Contains(err.Error(), "(403)") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
