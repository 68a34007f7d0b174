package lsp

import (
	"regexp"
	"testing"
)

// Emacs's eglot refuses the whole registration for one wildcard in braces.
func TestWatchedBraces(t *testing.T) {
	nested := regexp.MustCompile(`\{[^}]*[*?\[{]`)
	for _, glob := range watched {
		if nested.MatchString(glob) {
			t.Errorf("%s has a wildcard in braces", glob)
		}
	}
}
