package rewrite

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWriteFileKeepsAttributes(t *testing.T) {
	path := dockerfile(t)
	if err := syscall.Setxattr(path, "user.note", []byte("kept"), 0); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(path, oldText, newText); err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 64)
	n, err := syscall.Getxattr(path, "user.note", value)
	if err != nil || string(value[:n]) != "kept" {
		t.Errorf("the attribute became %q (%v)", value[:max(n, 0)], err)
	}
}

// A folder's default access list is for new files, not for one that was there.
func TestWriteFileTakesNoAccessListFromFolder(t *testing.T) {
	path := dockerfile(t)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	// Version 2: the owner, user 1000 and the group may read and write, others nothing.
	list := []byte{2, 0, 0, 0,
		0x01, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF,
		0x02, 0, 7, 0, 0xE8, 0x03, 0, 0,
		0x04, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF,
		0x10, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF,
		0x20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
	}
	if err := syscall.Setxattr(filepath.Dir(path), "system.posix_acl_default", list, 0); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(path, oldText, newText); err != nil {
		t.Fatal(err)
	}
	if n, err := syscall.Getxattr(path, "system.posix_acl_access", make([]byte, 256)); err == nil {
		t.Errorf("the file has an access list of %d bytes", n)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o640 {
		t.Errorf("its mode became %v", info.Mode())
	}
}
