//go:build gitea && linux

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A giteaRunner takes jobs of Gitea Actions as a runner does, and runs nothing of them.
type giteaRunner struct {
	p           *giteaPull
	uuid, token string
}

// A giteaJob is one that its runner has taken: its token holds until it ends.
type giteaJob struct {
	ID      int64 `json:",string"`
	Secrets map[string]string
	Context struct {
		Ref        string
		Repository string
		ServerURL  string `json:"server_url"`
		Event      struct {
			Pull struct {
				Number int
				Head   struct{ Sha string }
			} `json:"pull_request"`
		}
	}
}

// call is one of the methods of Gitea's runner API, in JSON.
func (r *giteaRunner) call(method string, in, out any) {
	t := r.p.t
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.p.url+"/api/actions/runner.v1.RunnerService/"+method, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Runner-Uuid", r.uuid)
	req.Header.Set("X-Runner-Token", r.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var why bytes.Buffer
		why.ReadFrom(resp.Body) //nolint:errcheck // what came of it is printed
		t.Fatalf("%s: %s\n%s", method, resp.Status, why.String())
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		t.Fatal(err)
	}
}

// runner registers one for the repository.
func (p *giteaPull) runner() *giteaRunner {
	p.t.Helper()
	var may struct{ Token string }
	p.api(p.owner, "POST", "/repos/octo/shop/actions/runners/registration-token", nil, &may)
	r := &giteaRunner{p: p}
	var made struct {
		Runner struct{ UUID, Token string }
	}
	labels := []string{"ubuntu-latest"}
	r.call("Register", map[string]any{"name": "runner", "token": may.Token, "version": "test", "labels": labels}, &made)
	r.uuid, r.token = made.Runner.UUID, made.Runner.Token
	r.call("Declare", map[string]any{"version": "test", "labels": labels}, &struct{}{})
	return r
}

// take waits for the job of the pull request's newest commit.
func (r *giteaRunner) take() giteaJob {
	p := r.p
	p.t.Helper()
	head := p.git("rev-parse", "HEAD")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var got struct{ Task *giteaJob }
		r.call("FetchTask", map[string]any{"tasksVersion": "0"}, &got)
		switch {
		case got.Task == nil && time.Now().After(deadline):
			p.t.Fatal("no job came")
		case got.Task == nil:
			continue
		case got.Task.Context.Event.Pull.Head.Sha != head: // of an earlier push
			r.end(*got.Task)
			continue
		}
		c := got.Task.Context
		if c.Ref != fmt.Sprintf("refs/pull/%d/head", p.number) || c.Repository != "octo/shop" || strings.TrimSuffix(c.ServerURL, "/") != p.url || c.Event.Pull.Number != p.number {
			p.t.Errorf("a job is told %+v", c)
		}
		if s := got.Task.Secrets; s["GITEA_TOKEN"] == "" || s["GITEA_TOKEN"] != s["GITHUB_TOKEN"] {
			p.t.Fatal("a job has no token")
		}
		return *got.Task
	}
}

func (r *giteaRunner) end(j giteaJob) {
	r.p.t.Helper()
	r.call("UpdateTask", map[string]any{"state": map[string]any{
		"id": fmt.Sprint(j.ID), "result": "RESULT_SUCCESS", "stoppedAt": time.Now().UTC().Format(time.RFC3339),
	}}, &struct{}{})
}

// documented is the workflow that the documentation shows for Gitea.
func documented(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "review.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "## On Gitea and Forgejo\n")
	_, after, _ = strings.Cut(after, "```yaml\n")
	workflow, _, ok := strings.Cut(after, "```\n")
	if !ok || !strings.Contains(workflow, "pull-requests: write") {
		t.Fatalf("docs/review.md shows no workflow for Gitea:\n%s", workflow)
	}
	return workflow
}

// workflow lays one out for the next pull request.
func (p *giteaPull) workflow(text string) {
	p.t.Helper()
	p.git("checkout", "-q", "main")
	path := filepath.Join(p.clone, ".gitea", "workflows", "review.yml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// job: the token that Gitea gives the documented workflow posts, edits and resolves,
// until the job ends.
func (p *giteaPull) job(t *testing.T) {
	defer func(bot string) { p.bot = bot }(p.bot)
	r := p.runner()
	p.workflow(documented(t))
	p.open("job", stands+first+second)
	j := r.take()
	p.bot = j.Secrets["GITEA_TOKEN"]
	p.says("2 posted, 0 edited, 0 closed, 0 as they were")
	p.says("0 posted, 0 edited, 0 closed, 2 as they were")
	r.end(j)
	if _, why := p.run(p.bot, 2); !strings.Contains(why, "the token is wrong or has expired") {
		t.Error(why)
	}
	p.push(stands + first)
	j = r.take()
	p.bot = j.Secrets["GITEA_TOKEN"]
	p.says("0 posted, 1 edited, 1 closed, 0 as they were")
	r.end(j)
	now := p.comments()
	if len(now) != 2 || !strings.HasPrefix(now[1].Body, "*This is mended.*") || now[1].Resolver == nil || now[0].Resolver != nil {
		t.Errorf("%+v", now)
	}
	if !strings.Contains(p.body(), "### Shale: 1 fix\n") {
		t.Error(p.body())
	}
}

// lesserJob: a token that may only read pull requests comments, and resolves nothing;
// one that may not even read them is told what it lacks.
func (p *giteaPull) lesserJob(t *testing.T) {
	defer func(bot string) { p.bot = bot }(p.bot)
	r := p.runner()
	p.workflow(strings.Replace(documented(t), "pull-requests: write", "pull-requests: read", 1))
	p.open("lesser-job", stands+first)
	j := r.take()
	p.bot = j.Secrets["GITEA_TOKEN"]
	p.says("1 posted, 0 edited, 0 closed, 0 as they were")
	r.end(j)
	p.push(stands + "LABEL a=b\n")
	j = r.take()
	p.bot = j.Secrets["GITEA_TOKEN"]
	p.says("0 posted, 0 edited, 1 closed, 0 as they were")
	r.end(j)
	if now := p.comments(); len(now) != 1 || !strings.HasPrefix(now[0].Body, "*This is mended.*") || now[0].Resolver != nil {
		t.Errorf("%+v", now)
	}

	// Whoever may see a public repository may read its pull requests.
	p.api(p.owner, "PATCH", "/repos/octo/shop", map[string]any{"private": true}, nil)
	p.workflow(strings.Replace(documented(t), "      pull-requests: write\n", "", 1))
	p.open("least-job", stands+first)
	j = r.take()
	if _, why := p.run(j.Secrets["GITEA_TOKEN"], 2); !strings.Contains(why, "`permissions: pull-requests: write` and `contents: read`") {
		t.Error(why)
	}
	if n := len(p.comments()); n != 0 {
		t.Errorf("%d comments", n)
	}
	r.end(j)
}
