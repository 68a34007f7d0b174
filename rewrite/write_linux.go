package rewrite

import (
	"slices"
	"strings"
	"syscall"
)

// keepAttributes gives the file to the extended attributes of from, access lists
// among them, and takes away an access list that its folder gave it. What this
// user may not set is left out: the text matters more.
func keepAttributes(to, from string) {
	want := attributes(from)
	for _, name := range want {
		value := make([]byte, 4096)
		if n, err := syscall.Getxattr(from, name, value); err == nil {
			_ = syscall.Setxattr(to, name, value[:n], 0)
		}
	}
	const accessList = "system.posix_acl_access"
	if !slices.Contains(want, accessList) && slices.Contains(attributes(to), accessList) {
		_ = syscall.Removexattr(to, accessList)
	}
}

func attributes(path string) []string {
	names := make([]byte, 4096)
	n, err := syscall.Listxattr(path, names)
	if err != nil || n == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(names[:n]), "\x00"), "\x00")
}
