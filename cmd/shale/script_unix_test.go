//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

const posix = true

// dropPrivileges becomes nobody, for whom rights count.
func dropPrivileges() {
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	for _, err := range []error{syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)} {
		if err != nil {
			fmt.Fprintln(os.Stderr, "cannot give up root's rights:", err)
			os.Exit(99)
		}
	}
}

func interruptSelf() error { return syscall.Kill(os.Getpid(), syscall.SIGINT) }
