package forge

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/cmd/shale/internal/review"
	gitlab "gitlab.com/gitlab-org/api/client-go"
)

// gitlabDialect: https://docs.gitlab.com/user/project/merge_requests/reviews/suggestions
// A suggestion says how many lines above the comment's it begins, up to 100.
var gitlabDialect = review.Dialect{
	Suggest: func(lines int) string { return fmt.Sprintf("suggestion:-%d+0", lines-1) },
	Lines:   101,
	Body:    1000000,
}

// onGitLab is a merge request. Its comments stand at one line each, the last of those
// that their suggestion replaces.
type onGitLab struct {
	client  *gitlab.Client
	project string
	request int64
}

func openGitLab(w Where) (Forge, error) {
	// Its own retries would come on top of ours.
	c, err := gitlab.NewClient(w.Token, gitlab.WithBaseURL(w.API), gitlab.WithHTTPClient(httpClient()), gitlab.WithoutRetries())
	if err != nil {
		return nil, err
	}
	return &onGitLab{c, w.Repo, int64(w.Pull)}, nil
}

func (g *onGitLab) Dialect() review.Dialect { return gitlabDialect }

func (g *onGitLab) Pull(ctx context.Context) (Pull, error) {
	m, _, err := g.client.MergeRequests.GetMergeRequest(g.project, g.request, nil, gitlab.WithContext(ctx))
	if err != nil {
		return Pull{}, err
	}
	r := m.DiffRefs
	return Pull{Head: r.HeadSha, Base: r.BaseSha, Start: r.StartSha, Done: m.State == "merged" || m.State == "closed"}, nil
}

func (g *onGitLab) Changes(ctx context.Context) (review.Diff, error) {
	var d review.Diff
	o := &gitlab.ListMergeRequestDiffsOptions{ListOptions: gitlab.ListOptions{PerPage: 100, Page: 1}}
	for {
		page, resp, err := g.client.MergeRequests.ListMergeRequestDiffs(g.project, g.request, o, gitlab.WithContext(ctx))
		if err != nil {
			return d, err
		}
		for _, f := range page {
			c := review.ChangedFile{Path: f.NewPath, Old: f.OldPath, Gone: f.DeletedFile}
			if f.NewFile {
				c.Old = ""
			}
			if c.Hunk, err = review.ParseHunks(f.Diff); err != nil {
				return d, err
			}
			d.Files = append(d.Files, c)
		}
		if resp.NextPage == 0 {
			return d, nil
		}
		o.Page = resp.NextPage
	}
}

func (g *onGitLab) Text(ctx context.Context, commit, path string) (string, error) {
	f, resp, err := g.client.RepositoryFiles.GetFile(g.project, path, &gitlab.GetFileOptions{Ref: &commit}, gitlab.WithContext(ctx))
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return "", ErrNoFile
	}
	if err != nil {
		return "", err
	}
	text, err := base64.StdEncoding.DecodeString(f.Content)
	return string(text), err
}

func (g *onGitLab) Earlier(ctx context.Context) (review.Earlier, error) {
	var out review.Earlier
	me, _, err := g.client.Users.CurrentUser(gitlab.WithContext(ctx))
	if err != nil {
		return out, err
	}
	o := &gitlab.ListMergeRequestDiscussionsOptions{ListOptions: gitlab.ListOptions{PerPage: 100, Page: 1}}
	for {
		page, resp, err := g.client.Discussions.ListMergeRequestDiscussions(g.project, g.request, o, gitlab.WithContext(ctx))
		if err != nil {
			return out, err
		}
		for _, d := range page {
			if len(d.Notes) == 0 || d.Notes[0].Author.ID != me.ID {
				continue
			}
			n := d.Notes[0]
			p := review.Posted{ID: strconv.FormatInt(n.ID, 10), Thread: d.ID, Text: n.Body, Closed: n.Resolved}
			switch {
			case review.IsSummary(n.Body):
				out.Body = &p
			case n.Position != nil && review.KeyOf(n.Body) != "":
				p.Path, p.End = n.Position.NewPath, int(n.Position.NewLine)
				p.Start = p.End - above(n.Body)
				out.Comments = append(out.Comments, p)
			}
		}
		if resp.NextPage == 0 {
			return out, nil
		}
		o.Page = resp.NextPage
	}
}

var suggested = lazyregexp.New("(?m)^```+suggestion:-([0-9]+)\\+0")

// above is how many lines above its own a comment's suggestion begins.
func above(text string) int {
	if m := suggested.FindStringSubmatch(text); m != nil {
		return number(m[1])
	}
	return 0
}

func (g *onGitLab) Post(ctx context.Context, p Pull, body string, cs []review.Comment) error {
	for _, c := range cs {
		old := c.Old
		if old == "" {
			old = c.Path
		}
		at := &gitlab.PositionOptions{
			BaseSHA: &p.Base, HeadSHA: &p.Head, StartSHA: &p.Start, PositionType: gitlab.Ptr("text"),
			NewPath: &c.Path, OldPath: &old, NewLine: gitlab.Ptr(int64(c.End)),
		}
		if c.OldEnd != 0 { // a line that did not change is known by both its numbers
			at.OldLine = gitlab.Ptr(int64(c.OldEnd))
		}
		_, _, err := g.client.Discussions.CreateMergeRequestDiscussion(g.project, g.request,
			&gitlab.CreateMergeRequestDiscussionOptions{Body: &c.Text, Position: at}, gitlab.WithContext(ctx))
		if err != nil {
			return err
		}
	}
	if !review.IsSummary(body) {
		return nil // there is one already, and comments need no review to stand in
	}
	_, _, err := g.client.Notes.CreateMergeRequestNote(g.project, g.request, &gitlab.CreateMergeRequestNoteOptions{Body: &body}, gitlab.WithContext(ctx))
	return err
}

func (g *onGitLab) Edit(ctx context.Context, e review.Edit) error {
	id, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return err
	}
	_, _, err = g.client.Discussions.UpdateMergeRequestDiscussionNote(g.project, g.request, e.Thread, id,
		&gitlab.UpdateMergeRequestDiscussionNoteOptions{Body: &e.New}, gitlab.WithContext(ctx))
	return err
}

func (g *onGitLab) Retire(ctx context.Context, e review.Edit) error {
	if err := g.Edit(ctx, e); err != nil {
		return err
	}
	_, _, err := g.client.Discussions.ResolveMergeRequestDiscussion(g.project, g.request, e.Thread,
		&gitlab.ResolveMergeRequestDiscussionOptions{Resolved: gitlab.Ptr(true)}, gitlab.WithContext(ctx))
	return err
}

func (g *onGitLab) Tell(ctx context.Context, e review.Edit) error {
	id, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return err
	}
	_, _, err = g.client.Notes.UpdateMergeRequestNote(g.project, g.request, id, &gitlab.UpdateMergeRequestNoteOptions{Body: &e.New}, gitlab.WithContext(ctx))
	return err
}
