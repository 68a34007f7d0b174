package forge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"code.gitea.io/sdk/gitea"
	"github.com/google/go-github/v92/github"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/cmd/shale/internal/review"
	gitlab "gitlab.com/gitlab-org/api/client-go"
)

// A Fault is a forge's refusal, in the user's terms.
type Fault struct {
	Status int // of HTTP; 0 if no answer came
	text   string
}

func (f *Fault) Error() string { return f.text }

// unsure reports whether nobody knows if what was sent was done.
func unsure(err error) bool {
	f, ok := errors.AsType[*Fault](err)
	return ok && (f.Status == 0 || f.Status >= 500)
}

func status(err error) int {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Status
	}
	return 0
}

// A guard stands before a forge: no error leaves with a token in it, and each says
// what to do.
type guard struct {
	Forge
	where Where
}

func (g guard) Pull(ctx context.Context) (Pull, error) {
	p, err := g.Forge.Pull(ctx)
	return p, g.clean("reading the pull request", err)
}

func (g guard) Changes(ctx context.Context) (review.Diff, error) {
	d, err := g.Forge.Changes(ctx)
	return d, g.clean("reading its diff", err)
}

func (g guard) Text(ctx context.Context, commit, path string) (string, error) {
	s, err := g.Forge.Text(ctx, commit, path)
	return s, g.clean("reading "+path, err)
}

func (g guard) Earlier(ctx context.Context) (review.Earlier, error) {
	e, err := g.Forge.Earlier(ctx)
	return e, g.clean("reading earlier comments", err)
}

func (g guard) Post(ctx context.Context, p Pull, body string, cs []review.Comment) error {
	return g.clean("posting the review", g.Forge.Post(ctx, p, body, cs))
}

func (g guard) Edit(ctx context.Context, e review.Edit) error {
	return g.clean("editing a comment", g.Forge.Edit(ctx, e))
}

func (g guard) Retire(ctx context.Context, e review.Edit) error {
	return g.clean("closing a comment", g.Forge.Retire(ctx, e))
}

func (g guard) Tell(ctx context.Context, e review.Edit) error {
	return g.clean("editing the review", g.Forge.Tell(ctx, e))
}

// clean makes a Fault of a client's error.
func (g guard) clean(doing string, err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrNoFile):
		return err
	}
	if _, done := errors.AsType[*Fault](err); done {
		return err
	}
	code, said := statusOf(err)
	said = short(said)
	text := fmt.Sprintf("%s %s #%d: %s: %s", g.where.Kind, g.where.Repo, g.where.Pull, cmp.Or(doing, "opening it"), said)
	if code != 0 {
		text += fmt.Sprintf(" (%d)", code)
	}
	if hint := g.hint(code, said); hint != "" {
		text += "; " + hint
	}
	if g.where.Token != "" {
		text = strings.ReplaceAll(text, g.where.Token, "***")
	}
	return &Fault{Status: code, text: text}
}

// hint says what to do about a refusal.
func (g guard) hint(code int, said string) string {
	switch code {
	case http.StatusUnauthorized:
		return "the token is wrong or has expired; it is read from " + tokenNames(g.where.Kind)
	case http.StatusForbidden, http.StatusTooManyRequests:
		if strings.Contains(said, "rate limit") || code == http.StatusTooManyRequests {
			return "the limit ends later than a job should wait; run it again then"
		}
		switch g.where.Kind {
		case GitHub:
			return "the job needs `permissions: pull-requests: write` and `contents: read`; for a pull request from a fork GitHub gives out no such token, see docs/review.md"
		case GitLab:
			return "the token needs the scope api and the role Reporter or above"
		}
		return "the token needs the scopes write:repository, write:issue and read:user; one of a job needs `permissions: pull-requests: write` and `contents: read`"
	case http.StatusNotFound:
		if g.where.Kind == Gitea || g.where.Kind == Forgejo {
			return "there is no such pull request there, or the token may not see it; one of a job needs `permissions: pull-requests: write` and `contents: read`"
		}
		return "there is no such pull request there, or the token may not see it"
	case 0:
		return "is " + g.where.API + " the address of its API?"
	}
	if code >= 500 {
		return "the forge itself has a fault; run it again later"
	}
	return ""
}

// statusOf takes what matters out of a client's error: never its URL.
func statusOf(err error) (code int, said string) {
	if e, ok := errors.AsType[*github.RateLimitError](err); ok {
		return e.Response.StatusCode, "the rate limit is reached until " + e.Rate.Reset.UTC().Format("15:04 MST")
	}
	if e, ok := errors.AsType[*github.AbuseRateLimitError](err); ok {
		return e.Response.StatusCode, "a secondary rate limit is reached"
	}
	if e, ok := errors.AsType[*github.ErrorResponse](err); ok {
		said = e.Message
		for _, one := range e.Errors {
			said += "; " + strings.TrimSpace(cmp.Or(one.Message, strings.Join([]string{one.Resource, one.Field, one.Code}, " ")))
		}
		return e.Response.StatusCode, cmp.Or(said, "refused")
	}
	if e, ok := errors.AsType[*gitlab.ErrorResponse](err); ok {
		if e.Response != nil {
			code = e.Response.StatusCode
		}
		// Of what is no JSON its client says this before it quotes it.
		return code, cmp.Or(strings.TrimPrefix(e.Message, "failed to parse unknown error format: "), "refused")
	}
	if errors.Is(err, gitlab.ErrNotFound) {
		return http.StatusNotFound, "not found"
	}
	if e, ok := errors.AsType[*giteaError](err); ok {
		return e.code, cmp.Or(giteaSays.ReplaceAllString(words(e.err), "$1"), "refused")
	}
	if e, ok := errors.AsType[*gitea.ErrUnknownVersion](err); ok {
		return 0, e.Error()
	}
	return 0, words(innermost(err))
}

// giteaSays is what Gitea's client makes of an answer that is no JSON, which it quotes.
var giteaSays = lazyregexp.New(`(?s)^unknown API error: \d+\nRequest: .* method and '(.*)' body$`)

// words are an error's own, but for those of a reader of JSON.
func words(err error) string {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "its answer is no JSON; a page of a proxy or a log-in, perhaps"
	}
	return err.Error()
}

// short puts on one line what a forge says, and no page of HTML.
func short(said string) string {
	said = strings.Join(strings.Fields(said), " ")
	if at := strings.Index(said, "<"); at >= 0 && strings.Contains(strings.ToLower(said), "<html") {
		said = strings.TrimSpace(said[:at]) + " a page of HTML"
	}
	if r := []rune(said); len(r) > 300 {
		said = string(r[:300]) + "…"
	}
	return strings.TrimSpace(said)
}

// innermost strips what wraps an error, such as a URL.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
