package main

import (
	"strings"
	"testing"
)

// A release names its version and its commit; what it does not know it leaves out.
func TestVersionText(t *testing.T) {
	t.Cleanup(func() { version, commit, date = "", "", "" })
	version, commit, date = "v1.2.3", "0123456789abcdef0123456789abcdef01234567", "2026-11-27T10:00:00Z"
	if got, want := versionText(), "shale v1.2.3 (0123456789ab of 2026-11-27, "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q first", got, want)
	}
	date = ""
	if got, want := versionText(), "shale v1.2.3 (0123456789ab, "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q first", got, want)
	}
}
