package discover

import (
	"os"
	"path/filepath"
)

// Repository is the nearest folder upward that git knows.
func Repository(dir string) (root string, ok bool) {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// Upward lists the folders from dir to its repository's root; outside a repository
// only dir.
func Upward(dir string) []string {
	out := []string{dir}
	root, inside := Repository(dir)
	for inside && dir != root {
		dir = filepath.Dir(dir)
		out = append(out, dir)
	}
	return out
}
