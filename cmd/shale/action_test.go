//go:build linux || darwin

package main_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// An action is action.yml as a runner reads it.
type action struct {
	Inputs  map[string]struct{ Description, Default string }
	Outputs map[string]struct{ Description, Value string }
	Runs    struct{ Steps []step }
}

type step struct {
	ID, Name, If, Shell, Run, Uses string
	Dir                            string `yaml:"working-directory"`
	Env, With                      map[string]string
}

// A job is one use of the action.
type job struct {
	t       *testing.T
	action  action
	dir     string // the workspace
	temp    string
	path    string
	inputs  map[string]string
	ref     string // the tag, branch or commit of the action
	steps   map[string]map[string]string
	summary string
	log     string
	used    []string // other actions, with what they were given
	status  int
}

// run runs the action's steps as a runner does, up to the first that fails.
func (j *job) run() {
	for i, s := range j.action.Runs.Steps {
		if s.If != "" && !j.holds(s.If) {
			continue
		}
		if s.Uses != "" {
			with := ""
			for _, k := range sortedKeys(s.With) {
				with += fmt.Sprintf(" %s=%s", k, j.expand(s.With[k]))
			}
			j.used = append(j.used, s.Uses+with)
			continue
		}
		if s.Shell != "bash" {
			j.t.Fatalf("step %q: a composite action's step must name its shell", s.Name)
		}
		file := func(name string) string {
			p := filepath.Join(j.temp, fmt.Sprintf("%s-%d", name, i))
			if err := os.WriteFile(p, nil, 0o644); err != nil {
				j.t.Fatal(err)
			}
			return p
		}
		script, output, path, summary := file("script"), file("output"), file("path"), file("summary")
		if err := os.WriteFile(script, []byte(j.expand(s.Run)), 0o644); err != nil {
			j.t.Fatal(err)
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
		cmd.Dir = filepath.Join(j.dir, j.expand(s.Dir))
		cmd.Env = append(os.Environ(), "PATH="+j.path, "RUNNER_TEMP="+j.temp, "GITHUB_OUTPUT="+output, "GITHUB_PATH="+path, "GITHUB_STEP_SUMMARY="+summary,
			"RUNNER_OS="+map[string]string{"linux": "Linux", "darwin": "macOS"}[runtime.GOOS], "RUNNER_ARCH="+map[string]string{"amd64": "X64", "arm64": "ARM64"}[runtime.GOARCH])
		for k, v := range s.Env {
			cmd.Env = append(cmd.Env, k+"="+j.expand(v))
		}
		out, err := cmd.CombinedOutput()
		j.log += string(out)
		j.summary += read(j.t, summary)
		if s.ID != "" {
			j.steps[s.ID] = map[string]string{}
			for line := range strings.Lines(read(j.t, output)) {
				k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				if !ok {
					j.t.Fatalf("step %q: an output without =: %q", s.Name, line)
				}
				j.steps[s.ID][k] = v
			}
		}
		for line := range strings.Lines(read(j.t, path)) {
			j.path = strings.TrimSuffix(line, "\n") + ":" + j.path
		}
		if err != nil {
			if cmd.ProcessState == nil {
				j.t.Fatal(err)
			}
			j.status = cmd.ProcessState.ExitCode()
			return
		}
	}
}

func (j *job) output(name string) string {
	o, ok := j.action.Outputs[name]
	if !ok {
		j.t.Fatalf("no output %q", name)
	}
	return j.expand(o.Value)
}

var expression = regexp.MustCompile(`\$\{\{(.*?)\}\}`)

func (j *job) expand(s string) string {
	return expression.ReplaceAllStringFunc(s, func(e string) string {
		return j.value(strings.TrimSpace(e[3 : len(e)-2]))
	})
}

// holds decides a condition of the one form that action.yml uses.
func (j *job) holds(cond string) bool {
	m := regexp.MustCompile(`^\$\{\{ (\S+) == '(\w*)' \}\}$`).FindStringSubmatch(cond)
	if m == nil {
		j.t.Fatalf("a condition that this test cannot read: %s", cond)
	}
	return j.value(m[1]) == m[2]
}

func (j *job) value(name string) string {
	part := strings.Split(name, ".")
	if m := regexp.MustCompile(`^(\S+) == '(\w*)' && (\S+) \|\| ''$`).FindStringSubmatch(name); m != nil {
		if j.value(m[1]) != m[2] {
			return ""
		}
		return j.value(m[3])
	}
	switch {
	case name == "github.action_ref":
		return j.ref
	case name == "github.action_path":
		dir, err := filepath.Abs("../..")
		if err != nil {
			j.t.Fatal(err)
		}
		return dir
	case len(part) == 2 && part[0] == "inputs":
		in, ok := j.action.Inputs[part[1]]
		if !ok {
			j.t.Fatalf("no input %q", part[1])
		}
		if v, ok := j.inputs[part[1]]; ok {
			return v
		}
		return in.Default
	case len(part) == 4 && part[0] == "steps" && part[2] == "outputs":
		return j.steps[part[1]][part[3]]
	}
	j.t.Fatalf("an expression that this test cannot read: %s", name)
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, "../../action.yml")), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// release is an archive with shale v1.2.3 for this machine, made once.
var release = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "shale-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	exe := filepath.Join(dir, "shale")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", exe, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	program, err := os.ReadFile(exe)
	if err != nil {
		return nil, err
	}
	return archive(program)
})

// packed is a release for this machine, under the names of .goreleaser.yaml.
func packed(t *testing.T) string {
	t.Helper()
	zip, err := release()
	if err != nil {
		t.Fatal(err)
	}
	dist := filepath.Join(t.TempDir(), "v1.2.3")
	if err := os.Mkdir(dist, 0o755); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("shale_%s_%s.tar.gz", runtime.GOOS, runtime.GOARCH)
	for file, data := range map[string][]byte{name: zip, "checksums.txt": fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(zip), name)} {
		if err := os.WriteFile(filepath.Join(dist, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dist
}

// releases serves releases as GitHub does.
func releases(t *testing.T, dist string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/download/v1.2.3/", http.StripPrefix("/download/v1.2.3/", http.FileServer(http.Dir(dist))))
	mux.HandleFunc("/latest/download/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(r.URL.Path, "/latest/download/", "/download/v1.2.3/", 1), http.StatusFound)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

const sloppy = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends git\n"

// The tests of an action share a release and the place where it is found.
type actions struct {
	action
	dist, url string
}

func newActions(t *testing.T) *actions {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("packs a release and runs the action in full: set SHALE_TEST_ALL")
	}
	dist := packed(t)
	return &actions{readAction(t), dist, releases(t, dist)}
}

// use is the action as a workflow of a repository with two Dockerfiles uses it.
func (a *actions) use(t *testing.T, ref string, inputs ...string) *job {
	t.Helper()
	j := &job{t: t, action: a.action, dir: t.TempDir(), temp: t.TempDir(), path: os.Getenv("PATH"), ref: ref,
		inputs: map[string]string{"releases": a.url}, steps: map[string]map[string]string{}}
	for _, in := range inputs {
		k, v, _ := strings.Cut(in, "=")
		if _, ok := a.Inputs[k]; !ok {
			t.Fatalf("no input %q", k)
		}
		j.inputs[k] = v
	}
	script(t, j.dir, `git init -q . && mkdir -p "a b" ok && printf "$1" >"a b/Dockerfile" && printf 'FROM debian:12\n' >ok/Dockerfile`, sloppy)
	return j
}

// want holds a job that has run to its exit status and its log.
func (j *job) want(status int, log ...string) {
	j.t.Helper()
	if j.status != status {
		j.t.Errorf("exit status %d, want %d\n%s", j.status, status, j.log)
	}
	for _, text := range log {
		if !strings.Contains(j.log, text) {
			j.t.Errorf("%q is not in the log:\n%s", text, j.log)
		}
	}
}

// The action's steps do what its inputs say.
func TestAction(t *testing.T) {
	a := newActions(t)
	t.Run("check", func(t *testing.T) {
		j := a.use(t, "v1.2.3")
		j.run()
		j.want(1, "shale v1.2.3", "\n::warning title=shale%3A stale-package-index,file=a b/Dockerfile,line=3,")
		if n := j.output("findings"); n != fmt.Sprint(strings.Count(j.log, "\n::")) || n == "0" || j.output("exit-code") != "1" {
			t.Errorf("outputs: %v", j.steps)
		}
		if !strings.Contains(j.summary, "a b/Dockerfile") {
			t.Errorf("summary: %s", j.summary)
		}
		if len(j.used) > 0 || j.output("sarif-file") != "" {
			t.Errorf("more than was asked for: %v %v", j.used, j.steps)
		}
		if text := read(t, filepath.Join(j.dir, "a b/Dockerfile")); text != sloppy {
			t.Errorf("changed: %s", text)
		}
	})
	t.Run("latest, what does not fail, and code scanning", func(t *testing.T) {
		j := a.use(t, "v1", "fail-on=never", "annotations=false", "summary=false", "upload-sarif=true", "paths=a b/Dockerfile\nok\n")
		j.run()
		j.want(0, "shale v1.2.3", "a b/Dockerfile:3:5: warning:")
		if strings.Contains(j.log, "\n::") || j.summary != "" {
			t.Errorf("more than was asked for: %s%s", j.log, j.summary)
		}
		sarif := j.output("sarif-file")
		if len(j.used) != 1 || j.used[0] != "github/codeql-action/upload-sarif@v4 category=shale sarif_file="+sarif {
			t.Errorf("used %v", j.used)
		}
		if !strings.Contains(read(t, sarif), `"uri":"a%20b/Dockerfile"`) {
			t.Error(read(t, sarif))
		}
	})
	t.Run("inputs", func(t *testing.T) {
		j := a.use(t, "v1.2.3", "working-directory=a b", "args=--only=merge-runs\n--config=exclude=[]\n", "sarif-file=out.sarif")
		j.run()
		j.want(0)
		if j.output("findings") != "0" || j.output("sarif-file") != filepath.Join(j.dir, "a b", "out.sarif") {
			t.Errorf("outputs: %v", j.steps)
		}
		if !strings.Contains(read(t, j.output("sarif-file")), `"version":"2.1.0"`) {
			t.Error("no SARIF")
		}
	})
	t.Run("only what is new", func(t *testing.T) {
		j := a.use(t, "v1.2.3", "new-from=HEAD")
		script(t, j.dir, `git add . && git -c user.name=a -c user.email=a@example.org commit -qm one`)
		j.run()
		j.want(0)
		j = a.use(t, "v1.2.3", "baseline=known.json")
		script(t, j.dir, `printf '{"version":1,"findings":[]}' >known.json`)
		j.run()
		j.want(1)
	})
}

// What the action changes, or would have changed.
func TestActionFixes(t *testing.T) {
	a := newActions(t)
	t.Run("fix", func(t *testing.T) {
		j := a.use(t, "v1.2.3", "command=fix")
		j.run()
		j.want(0)
		if j.output("changed") != "true" || !strings.Contains(j.summary, "-RUN apt-get update\n") {
			t.Errorf("outputs: %v\n%s", j.steps, j.summary)
		}
		// The patch is what was done.
		after := read(t, filepath.Join(j.dir, "a b/Dockerfile"))
		if after == sloppy {
			t.Error("nothing was changed")
		}
		script(t, j.dir, `printf "$1" >"a b/Dockerfile" && git apply "$2"`, sloppy, j.output("patch"))
		if text := read(t, filepath.Join(j.dir, "a b/Dockerfile")); text != after {
			t.Errorf("the patch makes\n%swant\n%s", text, after)
		}
		j = a.use(t, "v1.2.3", "command=fix", "paths=ok")
		j.run()
		j.want(0)
		if j.output("changed") != "false" || !strings.Contains(j.summary, "Nothing to fix.") {
			t.Errorf("outputs: %v\n%s", j.steps, j.summary)
		}
		// What is told is what is left by the arguments, which are fix's.
		j = a.use(t, "v1.2.3", "command=fix", "args=--only=merge-runs\n--unsafe\n--exit-non-zero-on-fix", "sarif-file=out.sarif")
		j.run()
		j.want(0)
		if j.output("findings") != "0" || j.output("changed") != "false" || strings.Contains(read(t, j.output("sarif-file")), "a%20b/Dockerfile") {
			t.Errorf("outputs: %v\n%s", j.steps, j.log)
		}
	})
	t.Run("review", func(t *testing.T) {
		j := a.use(t, "v1.2.3", "command=review", "token=secret", "args=--dry-run\n--forge=github", "new-from=HEAD", "fail-on=never")
		script(t, j.dir, `git add ok && git -c user.name=a -c user.email=a@example.org commit -qm one && git add .`)
		j.run()
		j.want(0, "--- a b/Dockerfile, lines 2 to 3", "```suggestion\nRUN apt-get update \\")
		if j.output("findings") != "" || !strings.Contains(j.summary, "```suggestion") || strings.Contains(j.log+j.summary, "secret") {
			t.Errorf("summary: %s", j.summary)
		}
		// With nothing but git, it fails as it says; without a pull request it asks for one.
		j = a.use(t, "v1.2.3", "command=review", "token=secret", "args=--forge=github\n--repo=o/n\n--api=http://127.0.0.1:1")
		j.run()
		j.want(2, "which pull request?")
	})
}

// Where the action finds no release it builds Shale; one that was tampered with it refuses.
func TestActionInstalls(t *testing.T) {
	a := newActions(t)
	t.Run("no release", func(t *testing.T) {
		// A go that only says what it was asked.
		j := a.use(t, "v1.2.3", "version=v9.9.9")
		bin := t.TempDir()
		script(t, bin, `printf '#!/bin/sh\necho go "$@"; printf "#!/bin/sh\necho installed" >"$GOBIN/shale"; chmod +x "$GOBIN/shale"\n' >go && chmod +x go`)
		j.path = bin + ":" + j.path
		j.run()
		j.want(0, "go install -trimpath github.com/shale-build/shale/cmd/shale@v9.9.9", "installed")
		j = a.use(t, "v1.2.3", "version=v9.9.9")
		j.path = without(t, "go")
		j.run()
		j.want(1, "::error title=shale::No release could be downloaded from "+a.url+"/download/v9.9.9, and Go is not installed.")
	})
	t.Run("a branch", func(t *testing.T) {
		j := a.use(t, "main", "paths=ok")
		j.run()
		j.want(0, "Building main;", "BuildKit v")
		j = a.use(t, "main", "paths=ok")
		j.path = without(t, "go")
		j.run()
		j.want(0, "shale v1.2.3")
	})
	t.Run("a wrong checksum", func(t *testing.T) {
		bad := t.TempDir()
		name := fmt.Sprintf("shale_%s_%s.tar.gz", runtime.GOOS, runtime.GOARCH)
		if err := os.WriteFile(filepath.Join(bad, "checksums.txt"), []byte(read(t, filepath.Join(a.dist, "checksums.txt"))), 0o644); err != nil {
			t.Fatal(err)
		}
		stolen, err := archive([]byte("#!/bin/sh\necho stolen\n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bad, name), stolen, 0o644); err != nil {
			t.Fatal(err)
		}
		j := a.use(t, "v1.2.3", "releases="+releases(t, bad))
		j.run()
		j.want(1, name+" is not what its checksum says: not installed.")
		if strings.Contains(j.log, "stolen") {
			t.Error("it was run")
		}
		script(t, bad, "echo 'abc  other.tar.gz' >checksums.txt")
		j = a.use(t, "v1.2.3", "releases="+releases(t, bad))
		j.run()
		j.want(1, "checksums.txt does not name "+name)
	})
}

func TestActionFaults(t *testing.T) {
	a := newActions(t)
	t.Run("faults", func(t *testing.T) {
		j := a.use(t, "v1.2.3", "paths=nowhere")
		j.run()
		j.want(2, "no such file or folder")
		j = a.use(t, "v1.2.3", "command=mend")
		j.run()
		j.want(2, `::error title=shale::command is "mend"; it may be check, fix or review.`)
		// Nothing of an input is run.
		j = a.use(t, "v1.2.3", "paths=$(touch ran)`touch ran`\n--write-baseline=ran", "args=--only=$(touch ran)")
		j.run()
		j.want(2)
		if _, err := os.Stat(filepath.Join(j.dir, "ran")); err == nil {
			t.Error("an input was run")
		}
	})
}

// archive packs a program as a release does.
func archive(program []byte) ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(zip)
	err = w.WriteHeader(&tar.Header{Name: "shale", Mode: 0o755, Size: int64(len(program))})
	if err == nil {
		_, err = w.Write(program)
	}
	for _, close := range []func() error{w.Close, zip.Close} {
		if err == nil {
			err = close()
		}
	}
	return out.Bytes(), err
}

// without is a PATH on which a program is not found, and all others are.
func without(t *testing.T, program string) string {
	t.Helper()
	bin := t.TempDir()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.Name() != program {
				os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(bin, e.Name())) //nolint:errcheck // the first one counts
			}
		}
	}
	return bin
}
