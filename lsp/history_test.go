package lsp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.lsp.dev/uri"

	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/lsp"
)

// repository writes files to a folder of their own.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// What git tells is known once it is read, which no edit waits for, and read again after
// a commit, when a document is saved.
func TestHistory(t *testing.T) {
	text := "FROM debian:13\nCOPY app.py /app/\nRUN apt-get update\n"
	root := repository(t, map[string]string{".git/HEAD": "ref: refs/heads/main\n", "app.py": "print(1)\n", "Dockerfile": text})
	var mu sync.Mutex
	head, log, asked := "1", strings.Repeat("\x01\x00\napp.py\x00", 24)+"\x01\x00\nDockerfile\x00", 0
	git, commit := make(chan struct{}), make(chan struct{}, 10)
	history := lsp.History{
		Head: func(_ context.Context, dir string) (string, error) {
			<-git
			defer func() { commit <- struct{}{} }()
			mu.Lock()
			defer mu.Unlock()
			if dir != root {
				return "", errors.New("no repository")
			}
			return head, nil
		},
		Log: func(context.Context, string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			return log, nil
		},
	}
	c := connectWith(t, lsp.Options{Rules: rules.All(), History: history, Version: "test"})
	c.initialize(full("utf-16"))
	doc := c.open(string(uri.File(filepath.Join(root, "Dockerfile"))), text, "utf-16")
	order := func() bool {
		return slices.ContainsFunc(doc.findings(), func(d diagnostic) bool { return d.Code == "order" })
	}
	until := func(want bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); order() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("order is found: %t", !want)
			}
		}
	}
	doc.edit(textEdit{at(2, 18, 18), " "}) // is answered while git is not
	if order() {
		t.Error("found without a history")
	}
	close(git)
	until(true)
	<-commit

	save := func() { c.notify("textDocument/didSave", map[string]any{"textDocument": doc.id()}) }
	save()
	<-commit
	mu.Lock()
	if asked != 1 {
		t.Errorf("the log was read %d times", asked)
	}
	head, log = "2", strings.Repeat("\x01\x00\nDockerfile\x00", 100)+log
	mu.Unlock()
	doc.edit(textEdit{at(2, 18, 19), ""})
	if !order() {
		t.Error("an edit reads the history")
	}
	save()
	until(false)
	if mu.Lock(); asked != 2 {
		t.Errorf("the log was read %d times", asked)
	}
	mu.Unlock()
}
