package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/cmd/shale/internal/forge"
	"github.com/shale-build/shale/cmd/shale/internal/review"
	"github.com/shale-build/shale/rewrite"
	"github.com/spf13/cobra"
)

type reviewFlags struct {
	selection
	base                string
	dryRun, all, unsafe bool
	verify              bool
	engines             []string
	given               given
	where               forge.Where
}

func (a *app) reviewCommand() *cobra.Command {
	var f reviewFlags
	c := &cobra.Command{
		Use:   "review [PATH…]",
		Short: "Suggest fixes on a pull request, at the lines that it changes",
		Long: `Look at the Dockerfiles that a pull request changes, and at those whose build
context it changes, and post one review: each safe fix of what the change brought is
a suggestion that a click accepts. What earlier runs posted is edited, closed or left
as it is; nothing is said twice.

In a CI job of GitHub, GitLab, Gitea or Forgejo the pull request is known; a token is
read from the environment: SHALE_TOKEN, or GITHUB_TOKEN, GITLAB_TOKEN, GITEA_TOKEN,
FORGEJO_TOKEN. Check out the pull request's own newest commit, with its history.
With --dry-run and --base nothing but git is asked, and nothing is posted.

Exit status: 0 the pull request says what there is to say; 1 with --fail-on, a
finding that the change brought; 2 a wrong flag, no token, a forge that refuses.`,
		Example: "  shale review\n  shale review --dry-run --base origin/main\n  shale review --forge github --repo octo/shop --pull 12",
		RunE: func(c *cobra.Command, args []string) error {
			return a.review(c, args, &f)
		},
	}
	f.ruleFlags(c, a.rules, "baseline")
	flags := c.Flags()
	flags.StringVar(&f.failOn, "fail-on", "never", "exit with 1 when the change brings a finding of this severity or above: error, warning, info or never")
	flags.StringVar(&f.base, "base", "", "take the diff from git: what the pull request changes since it left this `REV`")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the review and post nothing")
	flags.BoolVar(&f.all, "all", false, "tell what was there before the change too, in the Dockerfiles that it touches")
	flags.BoolVar(&f.unsafe, "unsafe", false, "suggest unsafe fixes too; their titles say what could differ")
	flags.BoolVar(&f.verify, "verify", false, "build each Dockerfile as it is and fixed, and put what was measured into the review; see shale verify")
	flags.StringSliceVar(&f.engines, "buildkit", nil, "with --verify: the `ADDR` of a BuildKit; several share the builds")
	f.given.flags(c, "with --verify: ")
	flags.StringVar(&f.where.Kind, "forge", "", "the kind of forge: "+strings.Join(forge.Kinds(), ", "))
	flags.StringVar(&f.where.Repo, "repo", "", "the repository, as `OWNER/NAME`")
	flags.IntVar(&f.where.Pull, "pull", 0, "the `NUMBER` of the pull request")
	flags.StringVar(&f.where.API, "api", "", "the `URL` of the forge's API, such as https://github.example.org/api/v3")
	flags.StringVar(&f.format, "format", "text", "how --dry-run prints: text or json")
	complete(c, "format", "text", "json")
	complete(c, "forge", forge.Kinds()...)
	complete(c, "fail-on", failLevels...)
	return c
}

func (a *app) review(c *cobra.Command, args []string, f *reviewFlags) error {
	if err := oneOf("--format", f.format, "text", "json"); err != nil {
		return err
	}
	if f.where.Kind != "" {
		if err := oneOf("--forge", f.where.Kind, forge.Kinds()...); err != nil {
			return err
		}
	}
	for _, name := range []string{"buildkit", "build-arg", "build-context", "secret"} {
		if c.Flags().Changed(name) && !f.verify {
			return fmt.Errorf("--%s goes with --verify", name)
		}
	}
	printed := f.format
	f.format = "text"
	s, err := a.begin(c, &f.selection)
	if err != nil {
		return err
	}
	defer s.stop()
	r := &reviewer{session: s, flags: f}
	if err := r.open(); err != nil {
		return err
	}
	if err = r.read(); err == nil {
		defer r.past.tree.remove()
		err = r.work(args)
	}
	if s.ctx.Err() != nil { // which err may be of, too
		s.say("interrupted; nothing was posted")
		return exit(exitInterrupted)
	}
	if err != nil {
		return err
	}
	made := review.Build(r.sources, r.diff, review.Options{Dialect: r.dialect, URL: ruleURL, Unseen: r.unseen})
	if f.dryRun {
		if err := r.show(made, printed); err != nil {
			return err
		}
		return s.status(r.worst >= s.fail)
	}
	if err := r.publish(made); err != nil {
		return err
	}
	return s.status(r.worst >= s.fail)
}

// A reviewer looks at one change.
type reviewer struct {
	*session
	flags   *reviewFlags
	root    string // of the repository
	forge   forge.Forge
	dialect review.Dialect
	head    string // the commit under review; "" for the working tree
	base    string // where the change began; "" if git does not know it
	diff    review.Diff
	past    *past
	sources []review.Source
	unseen  []string // files of the change that could not be looked at
	worst   analysis.Severity
}

// open finds the repository and, unless only git is to be asked, the forge.
func (r *reviewer) open() error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(here); err == nil {
		here = real
	}
	root, ok := discover.Repository(here)
	if !ok {
		return errors.New("this folder is in no git repository; run it where the pull request is checked out")
	}
	r.root = root
	where := forge.Detect(r.flags.where, r.getenv)
	r.dialect = forge.DialectOf(where.Kind)
	if r.flags.dryRun && r.flags.base != "" {
		return nil
	}
	if where.Kind == "" {
		return errors.New("which forge? This is no CI job that Shale knows; name the pull request by --forge, --repo and --pull, or look at what would be said with --dry-run --base REV")
	}
	r.forge, err = forge.Open(where)
	return err
}

// read gets the diff, and the commits that it stands between.
func (r *reviewer) read() (err error) {
	if r.forge != nil {
		pull, err := r.forge.Pull(r.ctx)
		if err != nil {
			return err
		}
		r.head, r.base = pull.Head, pull.Base
	}
	if r.flags.base == "" {
		if r.diff, err = r.forge.Changes(r.ctx); err != nil {
			return err
		}
		if _, err := git(r.ctx, r.root, "cat-file", "-e", r.base+"^{commit}"); err != nil {
			r.past = newPast(r, "")
			return nil
		}
		r.past = newPast(r, r.base)
		return nil
	}
	if r.base, err = r.forkPoint(); err != nil {
		return err
	}
	r.past = newPast(r, r.base)
	args := []string{
		"diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "-M", "-U3",
		"--inter-hunk-context=0", "--ignore-submodules=all", r.base,
	}
	if r.head != "" {
		args = append(args, r.head)
	}
	text, err := git(r.ctx, r.root, append(args, "--")...)
	if err != nil {
		return fmt.Errorf("git cannot make the diff: %w; is the pull request's newest commit checked out, with its history?", err)
	}
	r.diff, err = review.ParseDiff(text)
	return err
}

// forkPoint is where the change left the branch that it goes to.
func (r *reviewer) forkPoint() (string, error) {
	base := r.flags.base
	if _, err := git(r.ctx, r.root, "rev-parse", "--verify", "--quiet", "--end-of-options", base+"^{commit}"); err != nil {
		return "", fmt.Errorf("--base %s: no such revision in %s; a shallow clone may lack it", base, fromHere(r.root))
	}
	commit, err := git(r.ctx, r.root, "merge-base", "--end-of-options", base, cmp.Or(r.head, "HEAD"))
	if err != nil {
		return "", fmt.Errorf("--base %s: no commit is known that it and the change have in common; a shallow clone may lack it", base)
	}
	return strings.TrimSpace(commit), nil
}

// name is a file's path from the repository's root, with slashes.
func (r *reviewer) name(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(real, filepath.Base(abs))
	}
	if rel, err := filepath.Rel(r.root, abs); err == nil {
		path = rel
	}
	return filepath.ToSlash(path)
}

// show prints what would be posted.
func (r *reviewer) show(made review.Review, format string) error {
	if format == "json" {
		return forge.Show(r.out, r.head, made) // whichever forge it is for
	}
	for _, c := range made.Comments {
		lines := fmt.Sprintf("line %d", c.Start)
		if c.Start < c.End {
			lines = fmt.Sprintf("lines %d to %d", c.Start, c.End)
		}
		fmt.Fprintf(r.out, "--- %s, %s\n\n%s\n", c.Path, lines, c.Text)
	}
	if made.Body == "" {
		fmt.Fprintln(r.out, "nothing to say on this change")
		return nil
	}
	fmt.Fprintf(r.out, "--- the review\n\n%s", made.Body)
	return nil
}

// publish posts the review and tells what came of it.
func (r *reviewer) publish(made review.Review) error {
	out, err := forge.Publish(r.ctx, r.forge, r.head, made)
	switch {
	case r.ctx.Err() != nil:
		r.say("interrupted; the next run takes up what is left")
		return exit(exitInterrupted)
	case err != nil:
		return err
	case out.Moved != "":
		r.say(fmt.Sprintf("the pull request went on from %.12s to %.12s meanwhile: nothing was posted; the run for that commit will", r.head, out.Moved))
		return nil
	case out.Done:
		r.say("the pull request is closed: nothing was posted")
		return nil
	}
	fmt.Fprintf(r.out, "comments: %d posted, %d edited, %d closed, %d as they were\n", out.Posted, out.Edited, out.Closed, out.Kept)
	return nil
}

// options say which fixes are suggested.
func (r *reviewer) options(in analysis.Input, shown string) (rewrite.Options, error) {
	o := rewrite.Options{Rules: r.chosen, Safety: analysis.Safe}
	if r.flags.unsafe {
		o.Safety = analysis.Unsafe
	}
	var err error
	o.Pick, err = r.pick(in, shown)
	return o, err
}
