//go:build unix

package source_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis/source"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"fits": "12345678", "long": "123456789", "empty": ""} {
		if err := os.WriteFile(path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(path("pipe"), 0o644); err != nil {
		t.Skip(err)
	}
	for _, test := range []struct{ path, text, says string }{
		{path("fits"), "12345678", ""},
		{path("empty"), "", ""},
		{path("long"), "", "too big to read: more than 8 bytes"},
		{path("missing"), "", "no such file"},
		{path("pipe"), "", "is not a regular file"},
		{"/dev/zero", "", "is not a regular file"},
		{dir, "", "is a folder"},
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			text, err := source.ReadFile(test.path, 8)
			if text != test.text || (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %q, %v", test.path, text, err)
			}
			if big := strings.Contains(test.says, "too big"); errors.Is(err, source.ErrTooBig) != big {
				t.Errorf("%s: too big is %v", test.path, !big)
			}
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: still reading", test.path)
		}
	}
}
