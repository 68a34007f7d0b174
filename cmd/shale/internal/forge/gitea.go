package forge

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"code.gitea.io/sdk/gitea"
	"github.com/shale-build/shale/cmd/shale/internal/review"
)

// giteaDialect: neither Gitea nor Forgejo can accept a suggestion, so that fixes come
// as patches.
var giteaDialect = review.Dialect{Body: 65535}

// onGitea is a pull request on Gitea or Forgejo. A comment stands at one line; the
// body is a comment of its own, for a review's text cannot be edited there.
type onGitea struct {
	client      *gitea.Client
	owner, name string
	pull        int64
	// Reviews that are begun and not posted, which Earlier finds: Shale's, and whether
	// there is one by a person with the same token.
	drafts []int64
	begun  bool
}

func openGitea(w Where) (Forge, error) {
	owner, name, err := owner(w.Repo)
	if err != nil {
		return nil, err
	}
	// Without the question for a version, which some servers hide.
	c, err := gitea.NewClient(w.API, gitea.SetToken(w.Token), gitea.SetHTTPClient(httpClient()), gitea.SetGiteaVersion(""))
	if err != nil {
		return nil, err
	}
	return &onGitea{client: c, owner: owner, name: name, pull: int64(w.Pull)}, nil
}

// A giteaError is an error with the status that the client leaves out.
type giteaError struct {
	code int
	err  error
}

func (e *giteaError) Error() string { return e.err.Error() }

func withStatus(resp *gitea.Response, err error) error {
	if err == nil || resp == nil || resp.Response == nil {
		return err
	}
	return &giteaError{resp.StatusCode, err}
}

func (g *onGitea) Dialect() review.Dialect { return giteaDialect }

func (g *onGitea) Pull(ctx context.Context) (Pull, error) {
	g.client.SetContext(ctx)
	p, resp, err := g.client.GetPullRequest(g.owner, g.name, g.pull)
	if err != nil {
		return Pull{}, withStatus(resp, err)
	}
	return Pull{Head: p.Head.Sha, Base: p.MergeBase, Done: p.State != gitea.StateOpen}, nil
}

func (g *onGitea) Changes(ctx context.Context) (review.Diff, error) {
	g.client.SetContext(ctx)
	text, resp, err := g.client.GetPullRequestDiff(g.owner, g.name, g.pull, gitea.PullRequestDiffOptions{})
	if err != nil {
		return review.Diff{}, withStatus(resp, err)
	}
	return review.ParseDiff(string(text))
}

func (g *onGitea) Text(ctx context.Context, commit, path string) (string, error) {
	g.client.SetContext(ctx)
	text, resp, err := g.client.GetFile(g.owner, g.name, commit, path)
	if resp != nil && resp.Response != nil && resp.StatusCode == http.StatusNotFound {
		return "", ErrNoFile
	}
	return string(text), withStatus(resp, err)
}

func (g *onGitea) Earlier(ctx context.Context) (review.Earlier, error) {
	g.client.SetContext(ctx)
	var out review.Earlier
	me, resp, err := g.client.GetMyUserInfo()
	if err != nil {
		return out, withStatus(resp, err)
	}
	if out.Body, err = g.summary(me.ID); err != nil {
		return out, err
	}
	out.Comments, err = g.comments(me.ID)
	return out, err
}

// summary finds the comment that tells of all.
func (g *onGitea) summary(me int64) (*review.Posted, error) {
	var found *review.Posted
	for page, seen := 1, 0; ; page++ {
		comments, resp, err := g.client.ListIssueComments(g.owner, g.name, g.pull, gitea.ListIssueCommentOptions{ListOptions: gitea.ListOptions{Page: page}})
		if err != nil {
			return nil, withStatus(resp, err)
		}
		for _, c := range comments {
			if c.Poster != nil && c.Poster.ID == me && review.IsSummary(c.Body) {
				found = &review.Posted{ID: strconv.FormatInt(c.ID, 10), Text: c.Body}
			}
		}
		if seen += len(comments); len(comments) == 0 || !more(resp, seen) {
			return found, nil
		}
	}
}

// comments finds those at lines. A server that broke off while it took a review keeps
// it as a draft, which nobody else sees: what it holds was not said.
func (g *onGitea) comments(me int64) ([]review.Posted, error) {
	var out []review.Posted
	g.drafts, g.begun = nil, false
	for page, seen := 1, 0; ; page++ {
		reviews, resp, err := g.client.ListPullReviews(g.owner, g.name, g.pull, gitea.ListPullReviewsOptions{ListOptions: gitea.ListOptions{Page: page}})
		if err != nil {
			return nil, withStatus(resp, err)
		}
		for _, r := range reviews {
			if r.Reviewer == nil || r.Reviewer.ID != me || r.CodeCommentsCount == 0 {
				continue
			}
			all, resp, err := g.client.ListPullReviewComments(g.owner, g.name, g.pull, r.ID)
			if err != nil {
				return nil, withStatus(resp, err)
			}
			ours := postedOf(all)
			switch {
			case r.State != gitea.ReviewStatePending:
				out = append(out, ours...)
			case len(ours) == len(all):
				g.drafts = append(g.drafts, r.ID)
			default:
				g.begun = true
			}
		}
		if seen += len(reviews); len(reviews) == 0 || !more(resp, seen) {
			return out, nil
		}
	}
}

func postedOf(all []*gitea.PullReviewComment) []review.Posted {
	var out []review.Posted
	for _, c := range all {
		if review.KeyOf(c.Body) == "" {
			continue
		}
		line := int(c.LineNum) //nolint:gosec // a line of a file
		out = append(out, review.Posted{ID: strconv.FormatInt(c.ID, 10), Text: c.Body, Path: c.Path, Start: line, End: line, Closed: c.Resolver != nil})
	}
	return out
}

// more reports whether a list goes on after a page: Gitea tells of reviews without a
// link to the next page, but with their number.
func more(resp *gitea.Response, seen int) bool {
	total, err := strconv.Atoi(resp.Header.Get("X-Total-Count"))
	return resp.NextPage > 0 || err == nil && seen < total
}

func (g *onGitea) Post(ctx context.Context, p Pull, body string, cs []review.Comment) error {
	g.client.SetContext(ctx)
	if len(cs) > 0 {
		// What is begun would take the comments in and be posted with them.
		if g.begun {
			return &Fault{Status: http.StatusConflict, text: "a review of yours is begun on this pull request, and would be posted with Shale's: post or discard it, and run this again"}
		}
		for _, id := range g.drafts {
			if resp, err := g.client.DeletePullReview(g.owner, g.name, g.pull, id); err != nil {
				return withStatus(resp, err)
			}
		}
		o := gitea.CreatePullReviewOptions{State: gitea.ReviewStateComment, CommitID: p.Head}
		for _, c := range cs {
			o.Comments = append(o.Comments, gitea.CreatePullReviewComment{Path: c.Path, Body: c.Text, NewLineNum: int64(c.End)})
		}
		if _, resp, err := g.client.CreatePullReview(g.owner, g.name, g.pull, o); err != nil {
			return withStatus(resp, err)
		}
	}
	if !review.IsSummary(body) {
		return nil // there is one already
	}
	_, resp, err := g.client.CreateIssueComment(g.owner, g.name, g.pull, gitea.CreateIssueCommentOption{Body: body})
	return withStatus(resp, err)
}

func (g *onGitea) Edit(ctx context.Context, e review.Edit) error {
	g.client.SetContext(ctx)
	id, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return err
	}
	_, resp, err := g.client.EditIssueComment(g.owner, g.name, id, gitea.EditIssueCommentOption{Body: e.New})
	return withStatus(resp, err)
}

func (g *onGitea) Tell(ctx context.Context, e review.Edit) error { return g.Edit(ctx, e) }

// Retire resolves the thread where the server can, Gitea since 1.26, Forgejo not yet,
// and where the token's owner may: who only reads the repository may comment, but not
// resolve. The text tells in any case.
func (g *onGitea) Retire(ctx context.Context, e review.Edit) error {
	if err := g.Edit(ctx, e); err != nil {
		return err
	}
	id, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return err
	}
	resp, err := g.client.ResolvePullReviewComment(g.owner, g.name, id)
	if resp != nil && resp.Response != nil && slices.Contains([]int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}, resp.StatusCode) {
		return nil
	}
	return withStatus(resp, err)
}
