package forge

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/shale-build/shale/cmd/shale/internal/review"
)

// What REST does not offer: the state of threads, and closing them.
const (
	listThreads = `query($owner: String!, $name: String!, $pull: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $pull) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved comments(first: 1) { nodes { databaseId isMinimized } } }
      }
    }
  }
}`
	resolveThread = `mutation($thread: ID!) {
  resolveReviewThread(input: {threadId: $thread}) { thread { isResolved } }
}`
	hideComment = `mutation($comment: ID!) {
  minimizeComment(input: {subjectId: $comment, classifier: RESOLVED}) { minimizedComment { isMinimized } }
}`
)

// errGraphQL is an answer that refuses what was asked.
var errGraphQL = errors.New("GraphQL")

// ask sends a GraphQL document.
func (g *onGitHub) ask(ctx context.Context, document string, variables map[string]any, into any) error {
	r, err := g.client.NewRequest(ctx, "POST", g.graphql, map[string]any{"query": document, "variables": variables})
	if err != nil {
		return err
	}
	answer := struct {
		Data   any
		Errors []struct{ Message string }
	}{Data: into}
	if _, err := g.client.Do(r, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("%w: %s", errGraphQL, answer.Errors[0].Message)
	}
	return nil
}

// threads looks up which comments somebody closed, and the threads that they began.
// A server that does not tell leaves all of them open.
func (g *onGitHub) threads(ctx context.Context, cs []review.Posted) error {
	after := any(nil)
	for {
		var got struct {
			Repository struct {
				PullRequest struct {
					ReviewThreads struct {
						PageInfo struct {
							HasNextPage bool
							EndCursor   string
						}
						Nodes []struct {
							ID         string
							IsResolved bool
							Comments   struct {
								Nodes []struct {
									DatabaseID  int64 `json:"databaseId"`
									IsMinimized bool
								}
							}
						}
					}
				}
			}
		}
		err := g.ask(ctx, listThreads, map[string]any{"owner": g.owner, "name": g.name, "pull": g.pull, "after": after}, &got)
		if errors.Is(err, errGraphQL) {
			return nil
		}
		if err != nil {
			return err
		}
		threads := got.Repository.PullRequest.ReviewThreads
		for _, t := range threads.Nodes {
			for _, first := range t.Comments.Nodes {
				for i := range cs {
					if cs[i].ID == strconv.FormatInt(first.DatabaseID, 10) {
						cs[i].Thread, cs[i].Closed = t.ID, t.IsResolved || first.IsMinimized
					}
				}
			}
		}
		if !threads.PageInfo.HasNextPage {
			return nil
		}
		after = threads.PageInfo.EndCursor
	}
}
