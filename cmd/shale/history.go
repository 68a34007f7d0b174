package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/cmd/shale/internal/report"
)

// A history knows what was found in files at an earlier revision of the
// repositories that they lie in. Renamed files are followed.
type history struct {
	ctx   context.Context
	rev   string
	rules []*analysis.Rule

	mu    sync.Mutex
	repos map[string]*pastRepo // by root
}

// A pastRepo is one repository as it was.
type pastRepo struct {
	once  sync.Once
	err   error
	blobs map[string]string // object by path
	moved map[string]string // earlier path by path
}

func newHistory(ctx context.Context, rev string, rules []*analysis.Rule) *history {
	return &history{ctx: ctx, rev: rev, rules: rules, repos: map[string]*pastRepo{}}
}

func (h *history) known(in analysis.Input, shown string) (map[string]bool, error) {
	before, found, err := h.before(in, shown)
	if err != nil || !found {
		return nil, err // a new file: all of it is new
	}
	in.Content = before
	return fingerprints(in, h.rules), nil
}

// fingerprints are those of what is found in a file.
func fingerprints(in analysis.Input, rules []*analysis.Rule) map[string]bool {
	out := map[string]bool{}
	for _, f := range report.Fingerprints(in.Content, analysis.Check(in, rules).Diagnostics) {
		out[f] = true
	}
	return out
}

// before is a file's text at the revision; found is false if there was none.
func (h *history) before(in analysis.Input, shown string) (text string, found bool, err error) {
	fail := func(err error) (string, bool, error) {
		return "", false, fmt.Errorf("%s: --new-from %s: %w", shown, h.rev, err)
	}
	path, err := filepath.Abs(onDisk(in, shown))
	if err != nil {
		return fail(err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	root, ok := discover.Repository(filepath.Dir(path))
	if !ok {
		return fail(errors.New("the file is in no git repository"))
	}
	repo := h.repo(root)
	repo.once.Do(func() { repo.err = h.read(root, repo) })
	if repo.err != nil {
		return "", false, repo.err // the same for every file of the repository
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return fail(err)
	}
	name = filepath.ToSlash(name)
	if old, ok := repo.moved[name]; ok {
		name = old
	}
	blob, ok := repo.blobs[name]
	if !ok {
		return "", false, nil
	}
	if blob == blobOf(in.Content) {
		return in.Content, true, nil
	}
	text, err = h.git(root, "cat-file", "blob", blob)
	if err != nil {
		return fail(err)
	}
	return text, true, nil
}

func (h *history) repo(root string) *pastRepo {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.repos[root] == nil {
		h.repos[root] = &pastRepo{blobs: map[string]string{}, moved: map[string]string{}}
	}
	return h.repos[root]
}

// read lists a repository's files at the revision, and what was renamed since.
func (h *history) read(root string, repo *pastRepo) error {
	commit, err := h.git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", h.rev+"^{commit}")
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return errors.New("--new-from needs git, which is not installed")
		}
		return fmt.Errorf("--new-from %s: no such revision in %s; a shallow clone may lack it", h.rev, fromHere(root))
	}
	commit = strings.TrimSpace(commit)
	tree, err := h.git(root, "ls-tree", "-r", "-z", commit)
	if err != nil {
		return err
	}
	for entry := range strings.SplitSeq(tree, "\x00") {
		meta, name, _ := strings.Cut(entry, "\t")
		if f := strings.Fields(meta); len(f) == 3 && f[1] == "blob" {
			repo.blobs[name] = f[2]
		}
	}
	moved, err := h.git(root, "diff", "--no-ext-diff", "--name-status", "-z", "-M", "--diff-filter=R", commit, "--")
	if err != nil {
		return err
	}
	for f := strings.Split(moved, "\x00"); len(f) >= 3; f = f[3:] {
		repo.moved[f[2]] = f[1]
	}
	return nil
}

func (h *history) git(root string, args ...string) (string, error) { return git(h.ctx, root, args...) }

// gitCommand is git on a repository and on none around it, with nothing of its
// configuration that would run other programs.
func gitCommand(ctx context.Context, root string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root, "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C", "GIT_CEILING_DIRECTORIES="+filepath.Dir(root))
	return cmd
}

// git returns what git prints.
func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := gitCommand(ctx, root, args...)
	var out, why bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &why
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(why.String()); text != "" {
			return "", fmt.Errorf("git %s: %s", args[0], text)
		}
		return "", err
	}
	return out.String(), nil
}

// blobOf is git's name for a text.
func blobOf(content string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
	return hex.EncodeToString(sum[:])
}
