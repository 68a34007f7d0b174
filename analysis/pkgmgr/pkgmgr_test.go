package pkgmgr_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

type call struct {
	Manager, Word string
	Verb          pkgmgr.Verb
	Options       []pkgmgr.Option
	Names         []string
	Unclear       bool
}

func read(t *testing.T, line string) (call, string) {
	t.Helper()
	p := shell.Parse(source.Join(line, source.Span{End: len(line)}), shell.POSIX)
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	inv, ok := p.Root.Children[0].Invocation()
	if !ok {
		t.Fatalf("%s: no invocation", line)
	}
	c, ok := pkgmgr.Read(inv.Name, inv.Args)
	if !ok {
		return call{}, ""
	}
	out := call{Manager: c.Manager.Name, Word: c.Word, Verb: c.Verb, Options: c.Options, Unclear: c.Unclear}
	for _, n := range c.Names {
		out.Names = append(out.Names, line[n.From:n.To])
	}
	return out, line[:c.VerbEnd]
}

func opt(words ...string) []pkgmgr.Option {
	var out []pkgmgr.Option
	for _, w := range words {
		name, value, _ := strings.Cut(w, " ")
		out = append(out, pkgmgr.Option{Name: name, Value: value, Known: true})
	}
	return out
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		line   string
		want   call
		before string // the line up to the end of the verb
	}{
		{"apt-get install -y --no-install-recommends curl git=1:2.39.2-1.1", call{"apt", "install", pkgmgr.Install, opt("-y", "--no-install-recommends"), []string{"curl", "git=1:2.39.2-1.1"}, false}, "apt-get install"},
		{"apt-get -qqy -o Dpkg::Use-Pty=0 update", call{"apt", "update", pkgmgr.Update, opt("-q", "-q", "-y", "-o Dpkg::Use-Pty=0"), nil, false}, "apt-get -qqy -o Dpkg::Use-Pty=0 update"},
		{"apt-get install -yt bookworm-backports golang", call{"apt", "install", pkgmgr.Install, opt("-y", "-t bookworm-backports"), []string{"golang"}, false}, "apt-get install"},
		{"sudo -E apt install ./local.deb", call{"apt", "install", pkgmgr.Install, nil, []string{"./local.deb"}, false}, "sudo -E apt install"},
		{"apt-get $OPTS install x", call{"apt", "install", pkgmgr.Install, nil, []string{"x"}, true}, "apt-get $OPTS install"},
		{"apt-get install $PACKAGES", call{"apt", "install", pkgmgr.Install, nil, []string{"$PACKAGES"}, false}, "apt-get install"},
		{"apk --no-cache add -t .deps gcc", call{"apk", "add", pkgmgr.Install, opt("--no-cache", "-t .deps"), []string{"gcc"}, false}, "apk --no-cache add"},
		{"apk add --repository https://example.com/edge gcc", call{"apk", "add", pkgmgr.Install, opt("--repository https://example.com/edge"), []string{"gcc"}, false}, "apk add"},
		{"npm --loglevel warn ci --omit=dev", call{"npm", "ci", pkgmgr.Install, opt("--loglevel warn", "--omit dev"), nil, false}, "npm --loglevel warn ci"},
		{"npm cache clean --force", call{"npm", "cache clean", pkgmgr.Clean, opt("--force"), nil, false}, "npm cache clean"},
		{"pip3 install -r requirements.txt -c c.txt", call{"pip", "install", pkgmgr.Install, opt("-r requirements.txt", "-c c.txt"), nil, false}, "pip3 install"},
		{"python3 -m pip install --upgrade pip", call{"pip", "install", pkgmgr.Install, opt("--upgrade"), []string{"pip"}, false}, "python3 -m pip install"},
		{"pip install flask==3.0 --no-cache-dir", call{"pip", "install", pkgmgr.Install, opt("--no-cache-dir"), []string{"flask==3.0"}, false}, "pip install"},
		{"go mod download -x", call{"go", "mod download", pkgmgr.Download, opt("-x"), nil, false}, "go mod download"},
		{"go build -o /app ./cmd/app", call{"go", "build", pkgmgr.Other, opt("-o /app"), []string{"./cmd/app"}, false}, "go build"},
		{"curl https://example.com", call{}, ""},
		{"python3 setup.py install", call{}, ""},
	} {
		got, before := read(t, c.line)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.line, diff)
		}
		if before != c.before {
			t.Errorf("%s: the verb ends after %q, want %q", c.line, before, c.before)
		}
	}
}

// Every manager says the same things about itself.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range pkgmgr.Managers {
		if m.Name == "" || len(m.Programs) == 0 || len(m.Caches) == 0 {
			t.Errorf("%+v lacks a name, a program or a cache", m)
		}
		for _, p := range m.Programs {
			if seen[p] {
				t.Errorf("%s stands for two managers", p)
			}
			seen[p] = true
		}
		if pkgmgr.ByName(m.Name) != m {
			t.Errorf("%s is not found by its name", m.Name)
		}
		for _, c := range m.Caches {
			if c.Dir == "" || c.What == "" || c.Mount.Sharing == "" {
				t.Errorf("%s: a cache lacks its folder, its words or its mount: %+v", m.Name, c)
			}
			if (c.Bytes > 0) != (c.Measured != "") {
				t.Errorf("%s: a figure and how it was measured go together", m.Name)
			}
			if c.Cleanup != nil && !slices.Contains(c.Cleanup.Paths, c.Dir) {
				t.Errorf("%s: the clean-up deletes %v, the cache is %s", m.Name, c.Cleanup.Paths, c.Dir)
			}
			if c.Flag != nil && (!slices.Contains(c.Flag.Paths, c.Dir) || m.Verbs[c.Flag.Verb] == pkgmgr.Other) {
				t.Errorf("%s: the flag empties %v after %q, the cache is %s", m.Name, c.Flag.Paths, c.Flag.Verb, c.Dir)
			}
		}
	}
}
