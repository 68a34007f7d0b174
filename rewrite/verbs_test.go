package rewrite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/rewrite"
)

// What the rules take for a known command of a package manager the validator knows too.
func TestVerbs(t *testing.T) {
	loader, err := config.New(config.Options{Schema: analysis.Schema(rules.All()), Args: []string{`rules.merge-runs.when="always"`}})
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := loader.For("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(`add audit autoclean autopurge autoremove build-dep cache check check-update clean del deplist
		dist-clean dist-upgrade distclean distro-sync dot download downgrade erase fetch fix full-upgrade group groupinstall history hold index
		info ins install list localinstall makecache manifest mark moo policy provides purge reinstall remove repolist repoquery
		safe-upgrade satisfy search shell show source stats swap update upgrade verify version why --version -v --help -V -y $X`)
	for _, base := range []struct{ image, programs string }{
		{"debian:12", "apt-get apt aptitude"}, {"alpine:3.20", "apk"}, {"rockylinux:9", "yum dnf microdnf tdnf"},
	} {
		for _, program := range strings.Fields(base.programs) {
			merged := 0
			for _, word := range append(words, "", "$X install", "-y install", "clean all", "cache clean", "group install", "changelog") {
				in := analysis.Input{Content: fmt.Sprintf("FROM %s\nRUN mkdir /a\nRUN %s %s x\nRUN mkdir /b\n", base.image, program, word), Config: cfg}
				r, err := rewrite.Fix(t.Context(), in, rewrite.Options{Rules: rules.All(), Safety: analysis.Safe})
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range r.Rejected {
					t.Errorf("%s %s: %s", program, word, x.Reason)
				}
				if len(r.Applied) > 0 && strings.Count(r.After, "RUN") == 1 {
					merged++
				}
			}
			if merged < 8 {
				t.Errorf("%s: %d known commands", program, merged)
			}
		}
	}
}
