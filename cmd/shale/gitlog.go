package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

const (
	// readsCommits bounds how far back a history is read: a monorepo has many commits
	// that change nothing of a build context.
	readsCommits = "1000"
	// readsFor and readsBytes bound how long and how much.
	readsFor   = 5 * time.Second
	readsBytes = 64 << 20
)

// lastCommits asks git for the files that a repository's last commits changed, in the
// form of gitlog.Logs. A shallow clone has a history that is cut off, which tells
// that all its files changed once: it is none. Nothing is fetched.
func lastCommits(ctx context.Context, root string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, readsFor)
	defer stop()
	git := func(args ...string) (string, error) {
		cmd := gitCommand(ctx, root, append([]string{"-c", "protocol.allow=never"}, args...)...)
		cmd.Env = append(cmd.Env, "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0")
		out := &limited{left: readsBytes}
		cmd.Stdout = out
		err := cmd.Run()
		return out.String(), err
	}
	dir, err := git("rev-parse", "--git-common-dir")
	if err != nil {
		return "", err
	}
	if dir = string(bytes.TrimSpace([]byte(dir))); !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "shallow")); err == nil {
		return "", errors.New("the clone is shallow")
	}
	return git("log", "-z", "--no-merges", "--no-renames", "--no-ext-diff", "--no-show-signature", "--name-only", "--format=%x01", "-n", readsCommits, "HEAD", "--")
}

// headCommit names the newest commit of a repository.
func headCommit(ctx context.Context, root string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, readsFor)
	defer stop()
	out, err := gitCommand(ctx, root, "rev-parse", "--verify", "HEAD").Output()
	return string(bytes.TrimSpace(out)), err
}

// limited keeps what is written to it up to a size, and fails behind that.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, errors.New("too much")
	}
	return l.Buffer.Write(b)
}
