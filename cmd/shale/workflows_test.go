//go:build linux || darwin

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/shale-build/shale/analysis/discover"
)

// The job of the GitLab template runs as GitLab runs it, and the report is there
// whether it fails or not.
func TestGitLabTemplate(t *testing.T) {
	var template map[string]struct {
		Variables map[string]string
		Script    []string
		Artifacts struct{ Reports map[string]string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../docs/ci/gitlab.yml")), &template); err != nil {
		t.Fatal(err)
	}
	j, ok := template["shale"]
	if !ok {
		t.Fatal("no job")
	}
	url := releases(t, packed(t))
	run := func(status int, want string, env ...string) {
		t.Helper()
		dir := t.TempDir()
		script(t, dir, `git init -q . && printf "$1" >Dockerfile && git add . && git -c user.name=a -c user.email=a@example.org commit -qm one`, sloppy)
		cmd := exec.Command("sh", "-ec", strings.Join(j.Script, "\n"))
		cmd.Dir = dir
		cmd.Env = os.Environ()
		for k, v := range j.Variables {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		cmd.Env = append(append(cmd.Env, "SHALE_RELEASES="+url), env...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != status || !strings.Contains(string(out), want) {
			t.Errorf("%v: exit status %d, want %d and %q\n%s", env, got, status, want, out)
		}
		if status < 2 {
			report := read(t, filepath.Join(dir, j.Artifacts.Reports["codequality"]))
			if !strings.Contains(report, `"check_name":"stale-package-index"`) {
				t.Errorf("%v: %s", env, report)
			}
		}
	}
	run(1, "[stale-package-index]")
	run(1, "[stale-package-index]", "SHALE_VERSION=v1.2.3", "SHALE_ARGS=--fail-on=warning --except=merge-runs")
	run(0, "nothing found in 1 file", "CI_MERGE_REQUEST_DIFF_BASE_SHA=HEAD")
	run(0, "", "SHALE_ARGS=--fail-on=never")
}

// Our workflows, and the examples, are right by the linter of such files; with
// ./ in place of our action's name it looks at our inputs, and at action.yml.
func TestWorkflowsAreRight(t *testing.T) {
	repo, bin := root(t), t.TempDir()
	// Its library needs another yaml than ours does.
	script(t, bin, `GOBIN="$1" go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12`, bin)
	lint := func(name, text string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, "actionlint"), "-oneline", "-no-color", "-shellcheck=", "-pyflakes=", "-stdin-filename", name, "-")
		cmd.Dir = repo
		cmd.Stdin = strings.NewReader(strings.ReplaceAll(text, "uses: shale-build/shale@v1", "uses: ./"))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	}
	for _, glob := range []string{".github/workflows/*.yml", "docs/ci/github*.yml"} {
		files, err := filepath.Glob(filepath.Join(repo, glob))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v %v", glob, files, err)
		}
		for _, f := range files {
			lint(f, read(t, f))
		}
	}
	// A step with every input: none that action.yml does not know, none that needs
	// more than it says.
	every := "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: ./\n        with:\n"
	a := readAction(t)
	for _, name := range sortedKeys(a.Inputs) {
		every += fmt.Sprintf("          %s: x\n", name)
		if a.Inputs[name].Description == "" {
			t.Errorf("input %s is not described", name)
		}
	}
	lint(filepath.Join(repo, ".github", "workflows", "every.yml"), every)
	// The pages' own examples.
	pages, err := filepath.Glob(filepath.Join(repo, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, filepath.Join(repo, "README.md")) {
		for _, m := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```").FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "uses: ") {
				found++
				workflow := m[1]
				if !strings.HasPrefix(workflow, "on:") { // the steps of one
					workflow = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n" + regexp.MustCompile(`(?m)^`).ReplaceAllString(strings.TrimSpace(workflow), "      ") + "\n"
				}
				lint(page, workflow)
			}
		}
	}
	if found == 0 {
		t.Error("no page shows the action")
	}
}

// The hooks run on the files that a walk finds.
func TestHooks(t *testing.T) {
	var hooks []struct{ ID, Name, Description, Entry, Language, Files, Exclude string }
	if err := yaml.Unmarshal([]byte(read(t, "../../.pre-commit-hooks.yaml")), &hooks); err != nil {
		t.Fatal(err)
	}
	if len(hooks) != 3 {
		t.Fatal(hooks)
	}
	for _, h := range hooks {
		files, exclude := regexp.MustCompile(h.Files), regexp.MustCompile(h.Exclude)
		for _, name := range []string{
			"Dockerfile", "Containerfile", "Dockerfile.dev", "Containerfile.dev", "api.Dockerfile", "api.dockerfile", ".dockerfile",
			"dockerfile", "Dockerfile-dev", "myDockerfile", "Dockerfile.dockerignore", ".dockerignore", "Dockerfile.j2", "Dockerfile.jinja2",
			"Dockerfile.tmpl", "Dockerfile.tpl", "Dockerfile.template", "Dockerfile.erb", "Dockerfile.in", "Dockerfile.md", "Dockerfile.bak", "Dockerfile.a.bak", "Dockerfile.in.dev", "a.Containerfile",
		} {
			for _, dir := range []string{"", "a/b/"} {
				path := dir + name
				if got, want := files.MatchString(path) && !exclude.MatchString(path), discover.Named(name); got != want {
					t.Errorf("%s: %s: %v, a walk %v", h.ID, path, got, want)
				}
			}
		}
	}
}
