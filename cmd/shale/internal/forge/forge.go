// Package forge reads pull requests from GitHub, GitLab, Gitea and Forgejo, and
// posts reviews there.
package forge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/shale-build/shale/cmd/shale/internal/review"
)

// A Forge is one pull request on its forge. What its methods return as an error
// holds no token.
type Forge interface {
	Dialect() review.Dialect
	Pull(ctx context.Context) (Pull, error)
	// Changes is the pull request's diff as the forge shows it.
	Changes(ctx context.Context) (review.Diff, error)
	// Text is a file at a commit; ErrNoFile if there is none.
	Text(ctx context.Context, commit, path string) (string, error)
	// Earlier is what the token's owner posted with Shale's markers.
	Earlier(ctx context.Context) (review.Earlier, error)
	// Post posts one review, in more than one request where there are many comments.
	Post(ctx context.Context, p Pull, body string, cs []review.Comment) error
	Edit(ctx context.Context, e review.Edit) error   // a comment's text
	Retire(ctx context.Context, e review.Edit) error // the same, and closes its thread
	Tell(ctx context.Context, e review.Edit) error   // the text of the body
}

// A Pull is the state of a pull request.
type Pull struct {
	Head  string // the newest commit
	Base  string // the commit that it is compared with: where the branches parted
	Start string // the newest commit of the branch that it goes to; GitLab asks for it
	Done  bool   // merged or closed
}

// Kinds of forges.
const (
	GitHub  = "github"
	GitLab  = "gitlab"
	Gitea   = "gitea"
	Forgejo = "forgejo"
)

// Kinds lists the forges that there are.
func Kinds() []string { return []string{GitHub, GitLab, Gitea, Forgejo} }

// A Where says which pull request is meant.
type Where struct {
	Kind  string
	API   string // the address of the forge's API
	Repo  string // OWNER/NAME; GitLab takes longer paths and numbers too
	Pull  int
	Token string // never told to anybody but API
}

// ErrNoFile is the error for a file that a commit does not have.
var ErrNoFile = errors.New("no such file in that commit")

// Open gets ready to talk to a forge; nothing is sent yet.
func Open(w Where) (Forge, error) {
	if w.Token == "" {
		return nil, fmt.Errorf("no token for %s: give one in the environment, as %s", w.Kind, tokenNames(w.Kind))
	}
	if w.Repo == "" || w.Pull <= 0 {
		return nil, errors.New("which pull request? The environment does not say; name it by --repo OWNER/NAME and --pull NUMBER")
	}
	var f Forge
	var err error
	switch w.Kind {
	case GitHub:
		f, err = openGitHub(w)
	case GitLab:
		f, err = openGitLab(w)
	case Gitea, Forgejo:
		f, err = openGitea(w)
	default:
		err = fmt.Errorf("no such forge: %q", w.Kind)
	}
	if err != nil {
		return nil, guard{nil, w}.clean("", err)
	}
	return guard{f, w}, nil
}

// DialectOf is a forge's dialect, for those who only look.
func DialectOf(kind string) review.Dialect {
	switch kind {
	case GitLab:
		return gitlabDialect
	case Gitea, Forgejo:
		return giteaDialect
	}
	return githubDialect
}

// owner parts OWNER/NAME.
func owner(repo string) (string, string, error) {
	owner, name, ok := strings.Cut(repo, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return "", "", fmt.Errorf("the repository %q is not OWNER/NAME", repo)
	}
	return owner, name, nil
}
