//go:build unix

// Package shelltest runs the shells of tests, and lists what they leave.
package shelltest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Run runs a command that was made with a context, and ends with it whatever it
// started.
func Run(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	err := cmd.Run()
	if cmd.Process != nil {
		_ = end()
	}
	return err
}

// Tree lists all that is in a folder, the folder too: paths below root, types, modes,
// content, where links lead, and which names are one file.
func Tree(root, dir string) (string, error) {
	var out strings.Builder
	names := map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		fmt.Fprintf(&out, "%s %s", info.Mode(), name)
		switch {
		case info.Mode().IsRegular():
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %q", text)
			if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
				if other := names[st.Ino]; other != "" {
					out.WriteString(" is " + other)
				}
				names[st.Ino] = name
			}
		case info.Mode().Type() == fs.ModeSymlink:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			out.WriteString(" -> " + to)
		}
		out.WriteByte('\n')
		return nil
	})
	return out.String(), err
}
