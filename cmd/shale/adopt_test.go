package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/discover"
)

// adopted are repositories with Dockerfiles of their own that the build needs anyway.
var adopted = []string{
	"github.com/compose-spec/compose-go/v2",
	"github.com/containerd/containerd/v2",
	"github.com/containerd/nydus-snapshotter",
	"github.com/docker/cli",
	"github.com/docker/docker-credential-helpers",
	"github.com/moby/buildkit",
	"github.com/moby/policy-helpers",
	"github.com/sigstore/sigstore",
	"github.com/tonistiigi/fsutil",
	"github.com/tonistiigi/go-csvvalue",
}

// Real repositories take Shale up with a baseline, and compared with a revision: an
// unchanged tree has no finding, nor have moved lines, and a planted flaw is one.
func TestAdoptedRepositories(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("takes its time: set SHALE_TEST_ALL")
	}
	for _, module := range adopted {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			r := adopt(t, module)
			noted := len(r.findings(t))
			r.shale(t, 0, "check", "--write-baseline", "shale.json")
			for _, since := range [][]string{{"--baseline", "shale.json"}, {"--new-from", "HEAD"}} {
				if got := r.findings(t, since...); len(got) > 0 {
					t.Errorf("%v: unchanged, and found: %v", since, got)
				}
			}
			for _, name := range r.dockerfiles {
				// Directives stand on the first lines alone.
				head, rest := "", r.read(t, name)
				for strings.HasPrefix(rest, "#") {
					line, after, _ := strings.Cut(rest, "\n")
					head, rest = head+line+"\n", after
				}
				if strings.TrimSpace(rest) == "" {
					continue // no instruction has moved
				}
				r.write(t, name, head+"\n# Kept by the platform team.\n\n"+rest)
			}
			for _, since := range [][]string{{"--baseline", "shale.json"}, {"--new-from", "HEAD"}} {
				if got := r.findings(t, since...); len(got) > 0 {
					t.Errorf("%v: moved lines, and found: %v", since, got)
				}
			}
			r.write(t, r.dockerfiles[0], strings.TrimRight(r.read(t, r.dockerfiles[0]), "\n")+"\nMAINTAINER somebody new\n")
			for _, since := range [][]string{{"--baseline", "shale.json"}, {"--new-from", "HEAD"}} {
				if got := r.findings(t, since...); len(got) != 1 || got[0] != r.dockerfiles[0]+" MaintainerDeprecated" {
					t.Errorf("%v: one flaw was planted, and found: %v", since, got)
				}
			}
			t.Logf("%d Dockerfiles, %d findings noted", len(r.dockerfiles), noted)
		})
	}
}

// A repository is a folder under git.
type repository struct {
	dir         string
	dockerfiles []string
}

// adopt makes a repository of a module, without its Go files, which are most of it.
func adopt(t *testing.T, module string) repository {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	var m struct{ Dir string }
	if err = errors.Join(err, json.Unmarshal(out, &m)); err != nil {
		t.Fatalf("%s: %v\n%s", module, err, out)
	}
	r := repository{dir: t.TempDir()}
	err = filepath.WalkDir(m.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".go") {
			return err
		}
		name, err := filepath.Rel(m.Dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if discover.Named(d.Name()) {
			r.dockerfiles = append(r.dockerfiles, name)
		}
		to := filepath.Join(r.dir, name)
		return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, 0o644))
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.dockerfiles) == 0 {
		t.Fatalf("%s has no Dockerfile", module)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-f", "."}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = r.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return r
}

// findings lists what check finds, by path and rule.
func (r repository) findings(t *testing.T, flags ...string) []string {
	t.Helper()
	var report struct {
		Files []struct {
			Path        string
			Diagnostics []struct{ Rule string }
		}
	}
	out := r.shale(t, 0, append([]string{"check", "--exit-zero", "--format", "json"}, flags...)...)
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var found []string
	for _, f := range report.Files {
		for _, d := range f.Diagnostics {
			found = append(found, f.Path+" "+d.Rule)
		}
	}
	return found
}

func (r repository) shale(t *testing.T, status int, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("shale", args...)
	cmd.Dir = r.dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != status {
		t.Fatalf("shale %v: %v\n%s\n%s", args, err, out, &stderr)
	}
	return out
}

func (r repository) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (r repository) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
