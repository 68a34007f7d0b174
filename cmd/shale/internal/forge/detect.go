package forge

import (
	"cmp"
	"encoding/json"
	"os"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// Detect reads from a CI's environment which pull request it works on. What it does
// not say stays empty. fixed is what the user named, which goes before.
func Detect(fixed Where, getenv func(string) string) Where {
	w := fixed
	actions := func(name string) string { // Gitea's and Forgejo's runners set either
		return cmp.Or(getenv("GITEA_"+name), getenv("FORGEJO_"+name), getenv("GITHUB_"+name))
	}
	if w.Kind == "" {
		switch {
		case getenv("GITLAB_CI") != "":
			w.Kind = GitLab
		case getenv("FORGEJO_ACTIONS") != "":
			w.Kind = Forgejo
		case getenv("GITEA_ACTIONS") != "":
			w.Kind = Gitea
		case getenv("GITHUB_ACTIONS") != "":
			w.Kind = GitHub
		default:
			w.Kind = kindOf(w.API)
		}
	}
	switch w.Kind {
	case GitLab:
		w.API = cmp.Or(w.API, getenv("CI_API_V4_URL"), "https://gitlab.com/api/v4")
		w.Repo = cmp.Or(w.Repo, getenv("CI_MERGE_REQUEST_PROJECT_PATH"), getenv("CI_PROJECT_PATH"))
		w.Pull = cmp.Or(w.Pull, number(getenv("CI_MERGE_REQUEST_IID")))
	case Gitea, Forgejo:
		w.API = cmp.Or(w.API, actions("SERVER_URL"))
		w.Repo = cmp.Or(w.Repo, actions("REPOSITORY"))
		w.Pull = cmp.Or(w.Pull, pullOf(actions("REF")), eventPull(actions("EVENT_PATH")))
	case GitHub:
		w.API = cmp.Or(w.API, getenv("GITHUB_API_URL"), "https://api.github.com")
		w.Repo = cmp.Or(w.Repo, getenv("GITHUB_REPOSITORY"))
		w.Pull = cmp.Or(w.Pull, pullOf(getenv("GITHUB_REF")), eventPull(getenv("GITHUB_EVENT_PATH")))
	}
	for _, name := range tokens[w.Kind] {
		w.Token = cmp.Or(w.Token, strings.TrimSpace(getenv(name)))
	}
	return w
}

// tokens are the variables in which a token is looked for, the first one first.
var tokens = map[string][]string{
	GitHub:  {"SHALE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"},
	GitLab:  {"SHALE_TOKEN", "GITLAB_TOKEN"}, // CI_JOB_TOKEN may not comment
	Gitea:   {"SHALE_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"},
	Forgejo: {"SHALE_TOKEN", "FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"},
}

func tokenNames(kind string) string { return strings.Join(tokens[kind], " or ") }

// kindOf guesses a forge from its address; "" where nothing tells it.
func kindOf(api string) string {
	switch {
	case strings.Contains(api, "github"):
		return GitHub
	case strings.Contains(api, "/api/v4") || strings.Contains(api, "gitlab"):
		return GitLab
	case strings.Contains(api, "codeberg.org") || strings.Contains(api, "forgejo"):
		return Forgejo
	case strings.Contains(api, "gitea"):
		return Gitea
	}
	return ""
}

var pullRef = lazyregexp.New(`^refs/pull/(\d+)/`)

func pullOf(ref string) int {
	if m := pullRef.FindStringSubmatch(ref); m != nil {
		return number(m[1])
	}
	return 0
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// eventPull reads the number from the event that started a workflow.
func eventPull(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	var event struct {
		PullRequest *struct{ Number int } `json:"pull_request"`
		Issue       *struct {
			Number int
			Pull   *struct{} `json:"pull_request"`
		}
	}
	if json.Unmarshal(text, &event) != nil {
		return 0
	}
	switch {
	case event.PullRequest != nil:
		return event.PullRequest.Number
	case event.Issue != nil && event.Issue.Pull != nil:
		return event.Issue.Number
	}
	return 0
}
