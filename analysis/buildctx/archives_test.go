package buildctx_test

import (
	"testing"

	"github.com/shale-build/shale/analysis/buildctx"
)

func TestLocalArchive(t *testing.T) {
	for spec, want := range map[string]bool{
		"file:dep-1.0.0.tgz": true, "dep.tar.gz": true, "./dep.tgz": true, "../lib/dep.tgz": true, "/srv/dep.tgz": true, "FILE:Dep.TGZ": true,
		"file:../dep": false, "^1.0.0": false, "https://example.com/dep.tgz": false, "git+ssh://git@example.com/dep.tgz": false, "npm:other@1": false, "": false,
	} {
		if got := buildctx.LocalArchive(spec); got != want {
			t.Errorf("%q: %v", spec, got)
		}
	}
}
