//go:build unix

package rewrite

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asNobody runs this very test again as a user without rights, for root has all.
// It reports whether it was the parent, which has no more to do.
func asNobody(t *testing.T, env ...string) bool {
	if os.Getuid() != 0 {
		return false
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return true
}

// openFolder makes a folder that every user can reach.
func openFolder(t *testing.T) string {
	dir, err := os.MkdirTemp("/tmp", "shale")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func reachable(t *testing.T) {
	if os.Getuid() != 0 {
		return
	}
	// The test binary must be one that another user may run.
	for dir := filepath.Dir(os.Args[0]); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			copyOf := filepath.Join(openFolder(t), "test")
			data, err := os.ReadFile(os.Args[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(copyOf, data, 0o755); err != nil {
				t.Fatal(err)
			}
			old := os.Args[0]
			os.Args[0] = copyOf
			t.Cleanup(func() { os.Args[0] = old })
			return
		}
	}
}

// What the files of a folder do not permit is refused, and nothing is left behind.
func TestWriteFileWithoutRights(t *testing.T) {
	dir := os.Getenv("SHALE_TEST_FOLDER")
	if dir == "" {
		dir = openFolder(t)
		for _, name := range []string{"closed/Dockerfile", "open/foreign", "open/readable"} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(oldText), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for path, mode := range map[string]os.FileMode{
			"closed/Dockerfile": 0o666, "closed": 0o555, "open": 0o777, "open/foreign": 0o666, "open/readable": 0o644,
		} {
			if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	}
	if reachable(t); asNobody(t, "SHALE_TEST_FOLDER="+dir) {
		return
	}

	path := filepath.Join(dir, "closed/Dockerfile")
	refused(t, WriteFile(path, oldText, newText), path, "permission denied", "folder "+filepath.Dir(path), "writable")
	holds(t, path, oldText, "Dockerfile")
	created := filepath.Join(dir, "closed/.dockerignore")
	refused(t, CreateFile(created, "x\n"), created, "permission denied", "folder")
	holds(t, path, oldText, "Dockerfile")

	if os.Getenv("SHALE_TEST_FOLDER") == "" {
		return // the rest needs files of another user
	}
	path = filepath.Join(dir, "open/readable")
	refused(t, WriteFile(path, oldText, newText), path, "permission denied", "make it writable")
	path = filepath.Join(dir, "open/foreign")
	refused(t, WriteFile(path, oldText, newText), path, "cannot keep the file's owner", "run as its owner")
	holds(t, path, oldText, "foreign", "readable")
}

func TestWriteFileKeepsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := dockerfile(t)
	if err := os.Chown(path, 1234, 5678); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, oldText, newText); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 1234 || s.Gid != 5678 {
		t.Errorf("the owner became %d:%d", s.Uid, s.Gid)
	}
	holds(t, path, newText, "Dockerfile")
}
