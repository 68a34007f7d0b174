package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A pastTree lays out folders of a repository as they were at a commit.
type pastTree struct {
	ctx       context.Context
	root, rev string

	mu   sync.Mutex
	dir  string            // temporary
	done map[string]string // by folder
}

// wholeUpTo is the size up to which a file's bytes are laid out; of larger ones,
// which are no manifests, only the size is right.
const wholeUpTo = 4 << 20

// folder returns where a folder of the commit lies now. One that was not there is
// empty.
func (t *pastTree) folder(name string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.done[name]; ok {
		return at, nil
	}
	if t.dir == "" {
		dir, err := os.MkdirTemp("", "shale-review-*")
		if err != nil {
			return "", err
		}
		t.dir, t.done = dir, map[string]string{}
	}
	into, err := os.MkdirTemp(t.dir, "tree-*")
	if err != nil {
		return "", err
	}
	if err := t.lay(name, into); err != nil {
		return "", err
	}
	at := filepath.Join(into, filepath.FromSlash(name))
	t.done[name] = at
	return at, os.MkdirAll(at, 0o700)
}

// lay unpacks what git archives.
func (t *pastTree) lay(name, into string) error {
	if out, err := git(t.ctx, t.root, "ls-tree", "-d", t.rev, "--", name); name != "." && (err != nil || out == "") {
		return err
	}
	cmd := gitCommand(t.ctx, t.root, "archive", "--format=tar", t.rev, "--", name)
	var why bytes.Buffer
	cmd.Stderr = &why
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// What lies in the archive was written by whoever wrote the repository.
	root, err := os.OpenRoot(into)
	if err == nil {
		err = unpack(root, tar.NewReader(out))
		root.Close()
	}
	_, drained := io.Copy(io.Discard, out)
	if failed := cmd.Wait(); err == nil && failed != nil {
		err = errors.New("git archive: " + strings.TrimSpace(why.String()))
	}
	return errors.Join(err, drained)
}

func unpack(root *os.Root, from *tar.Reader) error {
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.FromSlash(strings.TrimSuffix(h.Name, "/"))
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o700)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, name)
		case tar.TypeReg:
			err = writeEntry(root, name, h.Size, from)
		}
		if err != nil {
			return err
		}
	}
}

func writeEntry(root *os.Root, name string, size int64, from io.Reader) error {
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if size > wholeUpTo {
		return f.Truncate(size)
	}
	_, err = io.Copy(f, from)
	return err
}

// remove takes everything away again.
func (t *pastTree) remove() {
	if t.dir != "" {
		os.RemoveAll(t.dir)
	}
}
