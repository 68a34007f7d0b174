package gitlog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{".git", "app/src", "other"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const printed = "\x01\x00\napp/src/a\x00app/go.mod\x00\x01\x00\nother/x\x00\x01\x00\napp/src/b\x00\x01\x00\x01\x00\napp/src/a\x00"

func TestIn(t *testing.T) {
	root := repository(t)
	reads := 0
	h := &Logs{Read: func(string) (string, error) { reads++; return printed, nil }}
	l := h.Of(filepath.Join(root, "app"))
	if l == nil || h.Of(filepath.Join(root, "other")) != l || reads != 1 {
		t.Fatalf("%v after %d readings", l, reads)
	}
	src := func(p string) bool { return strings.HasPrefix(p, "src/") }
	mod := func(p string) bool { return p == "go.mod" }
	in := func(last int, is func(string) bool) Changes { return l.In(filepath.Join(root, "app"), last, is) }
	for _, c := range []struct {
		name  string
		got   Changes
		n, of int
	}{
		{"all", in(100, src), 3, 3},
		{"the newest", in(2, src), 2, 2},
		{"one", in(100, mod), 1, 3},
		{"less", in(100, src).Minus(in(100, mod)), 2, 3},
		{"more", in(100, mod).Plus(in(100, src)), 3, 3},
		{"of the root", l.In(root, 100, func(p string) bool { return p == "other/x" }), 1, 4},
		{"outside", l.In(filepath.Dir(root), 100, src), 0, 0},
	} {
		if c.got.N() != c.n || c.got.Of != c.of {
			t.Errorf("%s: %d of %d, want %d of %d", c.name, c.got.N(), c.got.Of, c.n, c.of)
		}
	}
}

func TestNone(t *testing.T) {
	root := repository(t)
	fails := &Logs{Read: func(string) (string, error) { return printed, errors.New("shallow") }}
	if fails.Of(root) != nil || (&Logs{}).Of(root) != nil || (*Logs)(nil).Of(root) != nil {
		t.Error("a log from nowhere")
	}
	if l := (&Logs{Read: func(string) (string, error) { return "", nil }}).Of(root); l.In(root, 10, func(string) bool { return true }).Of != 0 {
		t.Error("commits of an empty history")
	}
}
