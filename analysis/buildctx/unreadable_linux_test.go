package buildctx

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestNPMUnreadable(t *testing.T) {
	dir := tree(t, npmProject)
	if err := os.Chmod(filepath.Join(dir, "package-lock.json"), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	// Root reads everything: one thread reads files as nobody, and ends.
	done := make(chan World, 1)
	go func() {
		defer close(done)
		runtime.LockOSThread()
		const nobody = 65534
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); errno != 0 {
			t.Error(errno)
		}
		done <- at(t, dir).NPM(".", NPMOptions{CI: true})
	}()
	judged(t, <-done, []string{"package.json"}, []string{"node_modules"},
		[]string{"[hard] package-lock.json cannot be read: permission denied"})
}
