//go:build gitea && linux

package main_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	stands = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends git\nENV A=b\nENV C=d\nENV E=f\nENV G=h\nENV I=j\nENV K=l\n"
	first  = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends curl\nFROM debian:12\n"
	second = "RUN apt-get update && apt-get install -y --no-install-recommends wget\n"
)

// A giteaPull is a pull request on a Gitea, with a clone of it.
type giteaPull struct {
	*giteaServer
	shale      string
	clone      string
	number     int
	owner, bot string // tokens
}

type giteaComment struct {
	ID       int64
	Body     string
	Path     string
	Position int
	Hunk     string `json:"diff_hunk"`
	Resolver *struct{ Login string }
	Updated  string `json:"updated_at"`
}

func (p *giteaPull) git(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "http.extraHeader=Authorization: token " + p.owner}, args...)...)
	cmd.Dir = p.clone
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// push gives the checked out branch a Dockerfile, and waits until the pull request
// has the commit.
func (p *giteaPull) push(text string, force ...string) {
	p.t.Helper()
	path := filepath.Join(p.clone, "api", "Dockerfile")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.git("add", "-A")
	commit := []string{"commit", "-q", "-m", "state"}
	if len(force) > 0 {
		commit = append(commit, "--amend")
	}
	p.git(commit...)
	p.git(append([]string{"push", "-q", "origin", "HEAD"}, force...)...)
	p.arrived()
}

func (p *giteaPull) arrived() {
	p.t.Helper()
	if p.number == 0 {
		return
	}
	head := p.git("rev-parse", "HEAD")
	var pull struct{ Head struct{ Sha string } }
	for deadline := time.Now().Add(30 * time.Second); pull.Head.Sha != head; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("pull request %d has %s and not %s", p.number, pull.Head.Sha, head)
		}
		p.api(p.owner, "GET", fmt.Sprintf("/repos/octo/shop/pulls/%d", p.number), nil, &pull)
	}
}

// run is `shale review` in a workflow of Gitea. Nothing that it prints holds a token.
func (p *giteaPull) run(token string, want int, args ...string) (stdout, stderr string) {
	p.t.Helper()
	cmd := exec.Command(p.shale, append([]string{"review"}, args...)...)
	cmd.Dir = p.clone
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "GIT") && !strings.HasPrefix(name, "FORGEJO") && name != "SHALE_TOKEN" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "GITEA_ACTIONS=true", "GITHUB_ACTIONS=true", "GITHUB_SERVER_URL="+p.url+"/", "GITHUB_REPOSITORY=octo/shop",
		fmt.Sprintf("GITHUB_REF=refs/pull/%d/head", p.number), "GITEA_TOKEN="+token)
	var out, why bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &why
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		p.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		p.t.Errorf("shale review %v: exit status %d, want %d\n%s%s", args, got, want, out.String(), why.String())
	}
	if strings.Contains(out.String()+why.String(), token) {
		p.t.Errorf("shale review %v prints its token", args)
	}
	return out.String(), why.String()
}

// says runs it with the bot's token and holds it to its one line.
func (p *giteaPull) says(want string) {
	p.t.Helper()
	if out, why := p.run(p.bot, 0); out != "comments: "+want+"\n" || why != "" {
		p.t.Errorf("%s%s\nwant %s", out, why, want)
	}
}

// comments are those at lines, of all reviews, as the server has them.
func (p *giteaPull) comments() []giteaComment {
	p.t.Helper()
	var all []giteaComment
	for page := 1; ; page++ {
		var reviews []struct {
			ID    int64
			State string
			Count int `json:"comments_count"`
		}
		p.api(p.owner, "GET", fmt.Sprintf("/repos/octo/shop/pulls/%d/reviews?limit=20&page=%d", p.number, page), nil, &reviews)
		if len(reviews) == 0 {
			slices.SortFunc(all, func(a, b giteaComment) int { return cmp.Compare(a.ID, b.ID) })
			return all
		}
		for _, r := range reviews {
			var some []giteaComment
			p.api(p.owner, "GET", fmt.Sprintf("/repos/octo/shop/pulls/%d/reviews/%d/comments", p.number, r.ID), nil, &some)
			if r.State != "COMMENT" || r.Count != len(some) {
				p.t.Errorf("%+v with %d comments", r, len(some))
			}
			all = append(all, some...)
		}
	}
}

// body is what Shale says of the whole.
func (p *giteaPull) body() string {
	p.t.Helper()
	var all []struct{ Body string }
	p.api(p.owner, "GET", fmt.Sprintf("/repos/octo/shop/issues/%d/comments", p.number), nil, &all)
	if len(all) != 1 {
		p.t.Fatalf("%d comments on the whole: %v", len(all), all)
	}
	return all[0].Body
}

// What Shale says on a pull request stands on a real Gitea as --dry-run prints it, at
// the lines that it is about, once.
func TestReviewOnGitea(t *testing.T) {
	g := startGitea(t)
	p := &giteaPull{giteaServer: g, shale: filepath.Join(t.TempDir(), "shale"), clone: t.TempDir()}
	script(t, root(t), `go build -o "$1" ./cmd/shale`, p.shale)
	p.owner = g.user("octo", "all", "--admin")
	p.bot = g.user("bot", "write:repository,write:issue,read:user")
	g.api(p.owner, "POST", "/user/repos", map[string]any{"name": "shop", "default_branch": "main"}, nil)
	g.api(p.owner, "PUT", "/repos/octo/shop/collaborators/bot", map[string]any{"permission": "write"}, nil)
	p.git("init", "-q", "-b", "main")
	p.git("remote", "add", "origin", g.url+"/octo/shop.git")
	p.push(stands)
	p.open("change", stands+first+second)

	// As --dry-run says it.
	var want struct {
		CommitID string `json:"commit_id"`
		Body     string
		Comments []struct {
			Path string
			Line int
			Body string
		}
	}
	out, _ := p.run(p.bot, 0, "--dry-run", "--format", "json")
	if err := json.Unmarshal([]byte(out), &want); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(want.Comments) != 2 || want.CommitID != p.git("rev-parse", "HEAD") {
		t.Fatalf("%+v", want)
	}
	p.says("2 posted, 0 edited, 0 closed, 0 as they were")
	said := p.comments()
	if len(said) != 2 || strings.TrimSpace(p.body()) != strings.TrimSpace(want.Body) {
		t.Errorf("%+v\n%s\nwant\n%s", said, p.body(), want.Body)
	}
	lines := strings.Split(stands+first+second, "\n")
	for i, c := range said {
		w := want.Comments[i]
		if c.Path != w.Path || c.Position != w.Line || strings.TrimSpace(c.Body) != strings.TrimSpace(w.Body) || c.Resolver != nil {
			t.Errorf("%+v\nwant %+v", c, w)
		}
		// What Gitea shows above the comment ends with the line that it stands at.
		if !strings.HasSuffix(strings.TrimRight(c.Hunk, "\n"), "\n+"+lines[c.Position-1]) {
			t.Errorf("line %d, %q, and\n%s", c.Position, lines[c.Position-1], c.Hunk)
		}
	}

	step := func(name string, do func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			defer func(whole *testing.T) { p.t = whole }(p.t)
			p.t = t
			do(t)
		})
	}
	p.story(step, said)
	step("shallow", func(t *testing.T) { p.shallow(t) })
	step("many reviews", func(t *testing.T) { p.manyReviews(t) })
	step("a draft", func(t *testing.T) { p.draft(t) })
	step("who may only read", func(t *testing.T) { p.reader(t) })
	step("tokens", func(t *testing.T) { p.tokens(t) })
	step("a job's token", func(t *testing.T) { p.job(t) })
	step("a job's lesser token", func(t *testing.T) { p.lesserJob(t) })
}

// story is what becomes of two comments with each push.
func (p *giteaPull) story(step func(string, func(*testing.T)), said []giteaComment) {
	step("again", func(t *testing.T) {
		p.says("0 posted, 0 edited, 0 closed, 2 as they were")
		if now := p.comments(); fmt.Sprint(now) != fmt.Sprint(said) {
			t.Errorf("%+v\nwere %+v", now, said)
		}
	})
	step("mended", func(t *testing.T) {
		p.push(stands + first)
		// The patch of the other one showed the line that is gone.
		p.says("0 posted, 1 edited, 1 closed, 0 as they were")
		now := p.comments()
		if len(now) != 2 || !strings.HasPrefix(now[1].Body, "*This is mended.*") || now[1].Resolver == nil || now[1].Resolver.Login != "bot" || strings.Contains(now[0].Body, "wget") || now[0].ID != said[0].ID || now[0].Resolver != nil {
			t.Errorf("%+v", now)
		}
		if !strings.Contains(p.body(), "### Shale: 1 fix\n") {
			t.Error(p.body())
		}
	})
	step("the same, as another commit", func(t *testing.T) {
		p.push(stands+first, "--force")
		p.says("0 posted, 0 edited, 0 closed, 1 as they were")
	})
	step("other lines", func(t *testing.T) {
		p.push("# A comment.\n" + stands + first)
		p.says("1 posted, 0 edited, 1 closed, 0 as they were")
		now := p.comments()
		if len(now) != 3 || !strings.HasPrefix(now[0].Body, "*This stands at other lines now.*") || now[2].Position != said[0].Position+1 {
			t.Errorf("%+v", now)
		}
	})
	step("closed by hand", func(t *testing.T) {
		p.api(p.owner, "POST", fmt.Sprintf("/repos/octo/shop/pulls/comments/%d/resolve", p.comments()[2].ID), nil, nil)
		p.push("# Two\n# comments.\n" + stands + first)
		p.says("0 posted, 0 edited, 0 closed, 0 as they were")
	})
	step("all is mended", func(t *testing.T) {
		p.push(stands + "LABEL a=b\n")
		p.says("0 posted, 0 edited, 0 closed, 0 as they were")
		if !strings.Contains(p.body(), "everything is mended") {
			t.Error(p.body())
		}
	})
}

// open pushes a branch from main and makes a pull request of it.
func (p *giteaPull) open(branch, text string) {
	p.t.Helper()
	p.number = 0
	p.git("checkout", "-q", "-b", branch, "main")
	p.push(text)
	var pull struct{ Number int }
	p.api(p.owner, "POST", "/repos/octo/shop/pulls", map[string]any{"base": "main", "head": branch, "title": branch}, &pull)
	p.number = pull.Number
	p.arrived()
}

// shallow: the diff and the texts of before come from the server.
func (p *giteaPull) shallow(t *testing.T) {
	p.open("shallow", stands+first)
	full := p.clone
	defer func() { p.clone = full }()
	p.clone = filepath.Join(t.TempDir(), "clone")
	if err := os.Mkdir(p.clone, 0o755); err != nil {
		t.Fatal(err)
	}
	p.git("clone", "-q", "--depth", "1", "-b", "shallow", p.url+"/octo/shop.git", ".")
	p.says("1 posted, 0 edited, 0 closed, 0 as they were")
	p.says("0 posted, 0 edited, 0 closed, 1 as they were")
}

// manyReviews: Gitea tells of reviews in pages, and links no next one.
func (p *giteaPull) manyReviews(t *testing.T) {
	p.open("talk", stands+first)
	for i := range 31 {
		p.api(p.owner, "POST", fmt.Sprintf("/repos/octo/shop/pulls/%d/reviews", p.number), map[string]any{"event": "COMMENT", "body": fmt.Sprintf("no. %d", i)}, nil)
	}
	p.says("1 posted, 0 edited, 0 closed, 0 as they were")
	p.says("0 posted, 0 edited, 0 closed, 1 as they were")
	if n := len(p.comments()); n != 1 {
		t.Errorf("%d comments", n)
	}
}

// draft: a review that was not posted is nothing said, and is not posted with others.
func (p *giteaPull) draft(t *testing.T) {
	p.open("draft", stands+first)
	out, _ := p.run(p.bot, 0, "--dry-run", "--format", "json")
	var want struct {
		Comments []struct {
			Path string
			Line int
			Body string
		}
	}
	if err := json.Unmarshal([]byte(out), &want); err != nil || len(want.Comments) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	c := want.Comments[0]
	p.api(p.bot, "POST", fmt.Sprintf("/repos/octo/shop/pulls/%d/reviews", p.number), map[string]any{
		"event": "PENDING", "body": "begun", "comments": []any{map[string]any{"path": c.Path, "new_position": c.Line, "body": c.Body}},
	}, nil)
	p.says("1 posted, 0 edited, 0 closed, 0 as they were")
	if n := len(p.comments()); n != 1 {
		t.Errorf("%d comments", n)
	}
	p.says("0 posted, 0 edited, 0 closed, 1 as they were")
}

// reader: who may only read may comment, and not resolve.
func (p *giteaPull) reader(t *testing.T) {
	defer func(bot string) { p.bot = bot }(p.bot)
	p.bot = p.user("guest", "write:repository,write:issue,read:user")
	p.open("guest", stands+first)
	p.says("1 posted, 0 edited, 0 closed, 0 as they were")
	p.push(stands + "LABEL a=b\n")
	p.says("0 posted, 0 edited, 1 closed, 0 as they were")
	p.says("0 posted, 0 edited, 0 closed, 0 as they were")
	if now := p.comments(); len(now) != 1 || !strings.HasPrefix(now[0].Body, "*This is mended.*") || now[0].Resolver != nil {
		t.Errorf("%+v", now)
	}
}

// tokens that may not do what is asked for are told what they lack.
func (p *giteaPull) tokens(t *testing.T) {
	p.open("tokens", stands+first)
	for scopes, want := range map[string]string{
		"read:repository,read:issue,read:user": "required=[write:repository]",
		"write:repository,write:issue":         "required=[read:user]",
		"write:repository,read:user":           "required=[read:issue]",
	} {
		token := p.token("bot", scopes, scopes)
		if _, why := p.run(token, 2); !strings.Contains(why, "(403)") || !strings.Contains(why, want) {
			t.Errorf("%s: %s", scopes, why)
		}
	}
	if _, why := p.run("0123456789abcdef0123456789abcdef01234567", 2); !strings.Contains(why, "the token is wrong or has expired") {
		t.Error(why)
	}
	if n := len(p.comments()); n != 0 {
		t.Errorf("%d comments", n)
	}
}
