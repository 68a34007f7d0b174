package buildctx

import (
	"strings"
	"testing"
)

const goModule = `
-- go.mod --
module example.com/app

go 1.22.3

toolchain go1.23.1

require (
	example.com/direct v1.2.3
	example.com/local v0.0.0
)

require example.com/indirect v0.5.0 // indirect

replace (
	example.com/local => ./libs/local
	example.com/indirect v0.5.0 => example.com/fork v0.6.0
)

exclude example.com/direct v1.2.2

tool example.com/direct/cmd/x
-- go.sum --
example.com/direct v1.2.3 h1:aaaa
example.com/direct v1.2.3/go.mod h1:bbbb
example.com/fork v0.6.0 h1:cccc
example.com/fork v0.6.0/go.mod h1:dddd
example.com/older v1.0.0/go.mod h1:eeee
-- libs/local/go.mod --
module example.com/local
-- libs/local/x.go --
-- main.go --
`

func TestGo(t *testing.T) {
	all := []string{"go.mod", "go.sum", "libs/local/go.mod"}
	sum := goModule[strings.Index(goModule, "-- go.sum"):strings.Index(goModule, "-- libs")]
	for _, test := range []struct {
		name     string
		archive  string
		files    []string
		refusals []string
	}{
		{"closed", goModule, all, nil},
		{"no go.mod", "-- main.go --\n", nil, []string{"[hard] the build context holds no go.mod"}},
		{"broken go.mod", edit(t, goModule, "module example.com/app", "modul example.com/app"), []string{"go.mod"}, []string{"[hard] go.mod does not parse: go.mod:1: unknown directive: modul"}},
		{"no go.sum", strings.Replace(goModule, sum, "", 1), []string{"go.mod", "libs/local/go.mod"}, []string{"[hard] go.mod requires modules, and the build context holds no go.sum; run go mod tidy"}},
		{"a hidden go.sum", goModule + "-- .dockerignore --\n*.sum\n", []string{"go.mod", "libs/local/go.mod"}, []string{"[hard] go.mod requires modules"}},
		{"broken go.sum", edit(t, goModule, "v1.2.3 h1:aaaa", "v1.2.3"), all, []string{"[hard] go.sum:1 does not parse: it has 2 fields, not 3"}},
		{"a zip's sum is missing", edit(t, goModule, "example.com/direct v1.2.3 h1:aaaa\n", ""), all,
			[]string{"go.sum lacks the checksums of example.com/direct@v1.2.3, which the download would add and a later COPY would take away; run go mod download"}},
		{"a go.mod's sum is missing", edit(t, goModule, "example.com/fork v0.6.0/go.mod h1:dddd\n", ""), all, []string{"go.sum lacks the checksums of example.com/fork@v0.6.0"}},
		{"a sum of another version", edit(t, goModule, "direct v1.2.3 h1", "direct v1.2.4 h1", "direct v1.2.3/go", "direct v1.2.4/go"), all, []string{"of example.com/direct@v1.2.3"}},
		{"a replacement of another version does not count", edit(t, goModule, "indirect v0.5.0 =>", "indirect v0.4.0 =>"), all, []string{"of example.com/indirect@v0.5.0"}},
		{"old go", edit(t, goModule, "go 1.22.3\n", "go 1.16\n"), all, []string{`go.mod does not say "go 1.17" or higher`}},
		{"no go line", edit(t, goModule, "go 1.22.3\n", "", "toolchain go1.23.1\n", ""), all, []string{`go.mod does not say "go 1.17" or higher`}},
		{"a release candidate", edit(t, goModule, "go 1.22.3\n", "go 1.23rc1\n"), all, nil},
		{"nothing required", "-- go.mod --\nmodule x\n\ngo 1.22\n", []string{"go.mod"}, []string{"[hard] go.mod needs no module from outside"}},
		{"only local modules required", "-- go.mod --\nmodule x\n\ngo 1.22\n\nrequire example.com/l v0.0.0\n\nreplace example.com/l => ./l\n-- l/go.mod --\nmodule example.com/l\n",
			[]string{"go.mod", "l/go.mod"}, []string{"[hard] go.mod needs no module from outside"}},
		{"replace leaves the context", edit(t, goModule, "=> ./libs/local", "=> ../local"), all[:2],
			[]string{"go.mod:15 replaces example.com/local by ../local, which leaves the build context"}},
		{"replace by an absolute path", edit(t, goModule, "=> ./libs/local", "=> /src/local"), all[:2], []string{"which leaves the build context"}},
		{"a replacing folder without go.mod", edit(t, goModule, "=> ./libs/local", "=> ./libs"), all[:2], []string{"[hard] the build context holds no libs/go.mod"}},
		{"a replacing folder that is hidden", goModule + "-- .dockerignore --\nlibs\n", all[:2], []string{"[hard] the build context holds no libs/local/go.mod"}},
		{"go.work", goModule + "-- go.work --\ngo 1.22\nuse .\nuse ./libs/local\n-- go.work.sum --\n", []string{"go.mod", "go.sum", "go.work", "go.work.sum", "libs/local/go.mod"}, nil},
		{"go.work leaves the context", goModule + "-- go.work --\ngo 1.22\nuse .\nuse ../x\n", []string{"go.mod", "go.sum", "go.work", "libs/local/go.mod"}, []string{"go.work:3 uses ../x, which leaves the build context"}},
		{"a broken go.work", goModule + "-- go.work --\nuse (\n", []string{"go.work"}, []string{"[hard] go.work does not parse"}},
		{"a vendored workspace", goModule + "-- go.work --\ngo 1.22\nuse .\n-- vendor/modules.txt --\n", []string{"go.mod", "go.sum", "go.work", "libs/local/go.mod"}, []string{"[hard] vendor/modules.txt vendors"}},
		{"a hidden go.work", goModule + "-- go.work --\n-- .dockerignore --\ngo.work\n", all, nil},
		{"vendored", goModule + "-- vendor/modules.txt --\n", all, []string{"[hard] vendor/modules.txt vendors the modules, so there is nothing to download"}},
		{"a linked go.sum", strings.Replace(goModule, "-- go.sum --", "-- sums --", 1) + "-- go.sum -> sums --\n", []string{"go.mod", "libs/local/go.mod"}, []string{"go.sum is reached over a symbolic link"}},
		{"go.mod is a folder", "-- go.mod/x --\n", nil, []string{"[hard] go.mod is not a regular file"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			judged(t, at(t, tree(t, test.archive)).Go("."), test.files, nil, test.refusals)
		})
	}
	if w := at(t, tree(t, goModule)).Go("."); len(w.Assumes) != 1 || !strings.Contains(w.Assumes[0], "whole module graph") {
		t.Errorf("Assumes = %q", w.Assumes)
	}
	c := at(t, tree(t, strings.NewReplacer("-- go.", "-- svc/go.", "=> ./libs", "=> ../libs").Replace(goModule)))
	judged(t, c.Go("svc"), []string{"libs/local/go.mod", "svc/go.mod", "svc/go.sum"}, nil, nil)
	c = at(t, tree(t, strings.NewReplacer("-- go.", "-- svc/go.", "=> ./libs", "=> ../libs").Replace(goModule)+"-- go.work --\nuse ./svc\n"))
	judged(t, c.Go("svc"), []string{"go.work", "libs/local/go.mod", "svc/go.mod", "svc/go.sum"}, nil, nil)
}
