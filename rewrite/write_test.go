package rewrite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	oldText = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\n"
	newText = "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n"
)

// dockerfile writes oldText to a file of a new folder.
func dockerfile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(path, []byte(oldText), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// holds checks a file's text and that its folder holds nothing but the names.
func holds(t *testing.T, path, text string, names ...string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("%s holds %q, want %q", path, got, text)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	if strings.Join(have, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %q, want %q", have, names)
	}
}

// refused checks that err names the path and says something.
func refused(t *testing.T, err error, path string, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, s := range append(says, path+": ") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
	if strings.Contains(err.Error(), ".tmp") {
		t.Errorf("error %q names a file that the user does not know", err)
	}
}

func TestWriteFile(t *testing.T) {
	path := dockerfile(t)
	if err := WriteFile(path, oldText, newText); err != nil {
		t.Fatal(err)
	}
	holds(t, path, newText, "Dockerfile")
}

func TestWriteFileKeepsMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o644, 0o664, 0o755, 0o666 | fs.ModeSetgid} {
		path := dockerfile(t)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(path, oldText, newText); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if before.Mode() != after.Mode() {
			t.Errorf("mode %v became %v", before.Mode(), after.Mode())
		}
	}
}

func TestWriteFileLeavesUnchangedFileAlone(t *testing.T) {
	path := dockerfile(t)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, oldText, oldText); err != nil {
		t.Fatal(err)
	}
	// The same file by another name was fixed already.
	if err := WriteFile(path, newText, oldText); err != nil {
		t.Fatal(err)
	}
	// What is not to be written may well be read-only.
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, oldText, oldText); err != nil {
		t.Error(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || before.ModTime() != after.ModTime() {
		t.Error("the file was written")
	}
	holds(t, path, oldText, "Dockerfile")
}

func TestWriteFileThatChanged(t *testing.T) {
	path := dockerfile(t)
	edited := oldText + "USER nobody\n"
	if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, oldText, newText)
	refused(t, err, path, "changed while it was being fixed")
	if !errors.Is(err, ErrChanged) {
		t.Errorf("%v is not ErrChanged", err)
	}
	holds(t, path, edited, "Dockerfile")
}

func TestWriteFileThroughSymlinks(t *testing.T) {
	path := dockerfile(t)
	elsewhere := t.TempDir()
	first, second := filepath.Join(elsewhere, "first"), filepath.Join(elsewhere, "second")
	symlink(t, path, second)
	symlink(t, "second", first)
	if err := WriteFile(first, oldText, newText); err != nil {
		t.Fatal(err)
	}
	holds(t, path, newText, "Dockerfile")
	holds(t, first, newText, "first", "second")
	if to, err := os.Readlink(first); err != nil || to != "second" {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
}

func symlink(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skip(err)
	}
}

func TestWriteFileRefuses(t *testing.T) {
	dir := t.TempDir()
	dangling, loop := filepath.Join(dir, "dangling"), filepath.Join(dir, "loop")
	symlink(t, "nowhere/Dockerfile", dangling)
	symlink(t, "loop", loop)
	readOnly := dockerfile(t)
	if err := os.Chmod(readOnly, 0o444); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		says       []string
	}{
		{"missing", filepath.Join(dir, "missing"), []string{"no such file"}},
		{"dangling link", dangling, []string{"nowhere/Dockerfile", "leads to no file"}},
		{"link to itself", loop, []string{"leads to no file"}},
		{"folder", dir, []string{"not a regular file"}},
		{"read-only file", readOnly, []string{"read-only", "chmod u+w"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			refused(t, WriteFile(test.path, oldText, newText), test.path, test.says...)
		})
	}
	holds(t, readOnly, oldText, "Dockerfile")
}

func TestWriteFileBreaksHardLinks(t *testing.T) {
	path := dockerfile(t)
	other := filepath.Join(filepath.Dir(path), "backup")
	if err := os.Link(path, other); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(path, oldText, newText); err != nil {
		t.Fatal(err)
	}
	holds(t, path, newText, "Dockerfile", "backup")
	holds(t, other, oldText, "Dockerfile", "backup")
}

func TestWriteFileWithLongName(t *testing.T) {
	name := strings.Repeat("d", 244) + ".Dockerfile"
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(oldText), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, oldText, newText); err != nil {
		t.Fatal(err)
	}
	holds(t, path, newText, name)
}

// A reader sees the old text or the new one, never a part.
func TestWriteFileIsAtomic(t *testing.T) {
	path := dockerfile(t)
	long := oldText + strings.Repeat("# a long comment\n", 1<<16)
	done := make(chan error)
	go func() {
		defer close(done)
		was, next := oldText, long
		for range 20 {
			if err := WriteFile(path, was, next); err != nil {
				done <- err
				return
			}
			was, next = next, was
		}
	}()
	for reading := true; reading; {
		select {
		case err, ok := <-done:
			if ok {
				t.Fatal(err)
			}
			reading = false
		default:
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != oldText && string(got) != long {
			t.Fatalf("read %d bytes, which are neither text", len(got))
		}
	}
}

func TestCreateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".dockerignore")
	for range 2 { // again: it holds that text already
		if err := CreateFile(path, "node_modules\n"); err != nil {
			t.Fatal(err)
		}
		holds(t, path, "node_modules\n", ".dockerignore")
	}
	err := CreateFile(path, "**/node_modules\n")
	refused(t, err, path, "changed while")
	if !errors.Is(err, ErrChanged) {
		t.Errorf("%v is not ErrChanged", err)
	}
	holds(t, path, "node_modules\n", ".dockerignore")

	path = filepath.Join(t.TempDir(), "missing", ".dockerignore")
	refused(t, CreateFile(path, "node_modules\n"), path, "folder")
}

// It is no file of anybody's who wrote it meanwhile: running again would not help.
func TestCreateFileAtDanglingLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".dockerignore")
	symlink(t, "nowhere", path)
	err := CreateFile(path, "node_modules\n")
	refused(t, err, path, "nowhere", "leads to no file", "mend or remove")
	if errors.Is(err, ErrChanged) {
		t.Errorf("%v is ErrChanged", err)
	}
}

// What a killed Shale left is removed by the next one that writes there, and nothing
// else is: not what another one works on now, and not what only looks like it.
func TestWriteFileSweeps(t *testing.T) {
	path := dockerfile(t)
	dir := filepath.Dir(path)
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{".shale-abc123.tmp", ".shale-ABC.tmp", ".shale-notes.tmp.md", "x.shale-abc.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".shale-fresh1.tmp"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".shale-folder.tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, ".shale-folder.tmp"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, oldText, newText); err != nil {
		t.Fatal(err)
	}
	holds(t, path, newText, ".shale-ABC.tmp", ".shale-folder.tmp", ".shale-fresh1.tmp", ".shale-notes.tmp.md", "Dockerfile", "x.shale-abc.tmp")
}
