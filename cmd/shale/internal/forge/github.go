package forge

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/go-github/v92/github"
	"github.com/shale-build/shale/cmd/shale/internal/review"
)

// githubDialect: https://docs.github.com/en/pull-requests, "Incorporating feedback in
// your pull request"; the length is that of any comment there.
var githubDialect = review.Dialect{Suggest: func(int) string { return "suggestion" }, Body: 65536}

const (
	githubBatch = 30   // comments of one request; with many more GitHub answers too late
	githubFiles = 3000 // of a pull request that the API lists
	githubPage  = 100
)

// onGitHub is a pull request on github.com or an Enterprise server.
type onGitHub struct {
	client      *github.Client
	owner, name string
	pull        int
	graphql     string
}

func openGitHub(w Where) (Forge, error) {
	owner, name, err := owner(w.Repo)
	if err != nil {
		return nil, err
	}
	api := strings.TrimSuffix(w.API, "/") + "/"
	c, err := github.NewClient(github.WithHTTPClient(httpClient()), github.WithAuthToken(w.Token), github.WithURLs(&api, nil), github.WithDisableRateLimitCheck())
	if err != nil {
		return nil, err
	}
	// https://api.github.com/graphql, but https://HOST/api/graphql beside /api/v3/.
	return &onGitHub{c, owner, name, w.Pull, strings.TrimSuffix(api, "v3/") + "graphql"}, nil
}

func (g *onGitHub) Dialect() review.Dialect { return githubDialect }

func (g *onGitHub) Pull(ctx context.Context) (Pull, error) {
	p, _, err := g.client.PullRequests.Get(ctx, g.owner, g.name, g.pull)
	if err != nil {
		return Pull{}, err
	}
	out := Pull{Head: p.GetHead().GetSHA(), Base: p.GetBase().GetSHA(), Done: p.GetState() == "closed"}
	// The base's newest commit is not where the branches parted.
	cmp, _, err := g.client.Repositories.CompareCommits(ctx, g.owner, g.name, out.Base, out.Head, &github.ListOptions{PerPage: 1})
	if err != nil {
		return out, err
	}
	out.Base = cmp.GetMergeBaseCommit().GetSHA()
	return out, nil
}

func (g *onGitHub) Changes(ctx context.Context) (review.Diff, error) {
	var d review.Diff
	for f, err := range g.client.PullRequests.ListFilesIter(ctx, g.owner, g.name, g.pull, &github.ListOptions{PerPage: githubPage}) {
		if err != nil {
			return d, err
		}
		c := review.ChangedFile{Path: f.GetFilename(), Old: f.GetFilename(), Gone: f.GetStatus() == "removed"}
		switch f.GetStatus() {
		case "renamed":
			c.Old = f.GetPreviousFilename()
		case "added", "copied":
			c.Old = ""
		}
		if c.Hunk, err = review.ParseHunks(f.GetPatch()); err != nil {
			return d, err
		}
		d.Files = append(d.Files, c)
	}
	d.Short = len(d.Files) >= githubFiles
	return d, nil
}

func (g *onGitHub) Text(ctx context.Context, commit, path string) (string, error) {
	text, _, resp, err := g.client.Repositories.GetContents(ctx, g.owner, g.name, path, &github.RepositoryContentGetOptions{Ref: commit})
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return "", ErrNoFile
	}
	if err != nil {
		return "", err
	}
	if text == nil {
		return "", ErrNoFile // a folder
	}
	return text.GetContent()
}

func (g *onGitHub) Earlier(ctx context.Context) (review.Earlier, error) {
	var out review.Earlier
	mine, err := g.mine(ctx)
	if err != nil {
		return out, err
	}
	for r, err := range g.client.PullRequests.ListReviewsIter(ctx, g.owner, g.name, g.pull, &github.ListOptions{PerPage: githubPage}) {
		if err != nil {
			return out, err
		}
		if mine(r.GetUser()) && review.IsSummary(r.GetBody()) {
			out.Body = &review.Posted{ID: strconv.FormatInt(r.GetID(), 10), Text: r.GetBody()}
		}
	}
	for c, err := range g.client.PullRequests.ListCommentsIter(ctx, g.owner, g.name, g.pull, &github.PullRequestListCommentsOptions{ListOptions: github.ListOptions{PerPage: githubPage}}) {
		if err != nil {
			return out, err
		}
		if !mine(c.GetUser()) || c.InReplyTo != nil || review.KeyOf(c.GetBody()) == "" {
			continue
		}
		p := review.Posted{ID: strconv.FormatInt(c.GetID(), 10), Node: c.GetNodeID(), Text: c.GetBody(), Path: c.GetPath(), Start: c.GetStartLine(), End: c.GetLine()}
		if p.Start == 0 {
			p.Start = p.End
		}
		out.Comments = append(out.Comments, p)
	}
	if len(out.Comments) == 0 {
		return out, nil
	}
	return out, g.threads(ctx, out.Comments)
}

// mine tells the token's own comments. An app's token may not ask who it is: then
// the comments of all apps count, of which only Shale's have its markers.
func (g *onGitHub) mine(ctx context.Context) (func(*github.User) bool, error) {
	me, resp, err := g.client.Users.Get(ctx, "")
	switch {
	case err == nil:
		return func(u *github.User) bool { return u.GetLogin() == me.GetLogin() }, nil
	case resp != nil && (resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusNotFound):
		return func(u *github.User) bool { return u.GetType() == "Bot" }, nil
	}
	return nil, err
}

func (g *onGitHub) Post(ctx context.Context, p Pull, body string, cs []review.Comment) error {
	for {
		n := min(len(cs), githubBatch)
		if err := g.post(ctx, p, body, cs[:n]); err != nil {
			return err
		}
		if cs = cs[n:]; len(cs) == 0 {
			return nil
		}
		body = "Further comments by Shale.\n\n" + review.Further + "\n"
	}
}

func (g *onGitHub) post(ctx context.Context, p Pull, body string, cs []review.Comment) error {
	_, _, err := g.client.PullRequests.CreateReview(ctx, g.owner, g.name, g.pull, githubReview(p.Head, body, cs))
	return err
}

// githubReview is a review of a commit as GitHub's API takes it.
func githubReview(commit, body string, cs []review.Comment) *github.PullRequestReviewRequest {
	r := &github.PullRequestReviewRequest{Body: &body, Event: github.Ptr("COMMENT")}
	if commit != "" {
		r.CommitID = &commit
	}
	for _, c := range cs {
		d := &github.DraftReviewComment{Path: &c.Path, Body: &c.Text, Line: &c.End, Side: github.Ptr("RIGHT")}
		if c.Start < c.End {
			d.StartLine, d.StartSide = &c.Start, github.Ptr("RIGHT")
		}
		r.Comments = append(r.Comments, d)
	}
	return r
}

// Show writes a review of a commit, "" for one that is not known, as the JSON that
// GitHub's API takes. Its list of comments is there when it is empty, too.
func Show(w io.Writer, commit string, made review.Review) error {
	r := githubReview(commit, made.Body, made.Comments)
	out := struct {
		*github.PullRequestReviewRequest
		Comments []*github.DraftReviewComment `json:"comments"`
	}{r, append([]*github.DraftReviewComment{}, r.Comments...)}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func (g *onGitHub) Edit(ctx context.Context, e review.Edit) error {
	id, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return err
	}
	_, _, err = g.client.PullRequests.UpdateComment(ctx, g.owner, g.name, id, github.UpdatePullRequestCommentRequest{Body: e.New})
	return err
}

func (g *onGitHub) Tell(ctx context.Context, e review.Edit) error {
	id, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return err
	}
	_, _, err = g.client.PullRequests.UpdateReview(ctx, g.owner, g.name, g.pull, id, e.New)
	return err
}

// Retire resolves the thread where the token may, which takes the permission to
// write contents, and hides the comment where it may not.
func (g *onGitHub) Retire(ctx context.Context, e review.Edit) error {
	if err := g.Edit(ctx, e); err != nil {
		return err
	}
	if e.Thread != "" {
		err := g.ask(ctx, resolveThread, map[string]any{"thread": e.Thread}, &struct{}{})
		if err == nil {
			return nil
		}
		if !errors.Is(err, errGraphQL) {
			return err
		}
	}
	err := g.ask(ctx, hideComment, map[string]any{"comment": e.Node}, &struct{}{})
	if errors.Is(err, errGraphQL) {
		return nil // the comment says that it is mended, which is what counts
	}
	return err
}
