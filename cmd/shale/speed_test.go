//go:build peer

package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis/discover"
)

var speedPeers = []string{"dockerfilelint@1.8.0", "dockerfile-utils@0.16.3"}

// A contender is one line of the table, and what its runs took.
type contender struct {
	name    string
	command []string
	peer    bool // it prints on how many files it fails
	wall    []time.Duration
	user    []time.Duration
	memory  []int64 // kB, at most
	out     string
}

// TestSpeed measures shale beside the least that a linter has to do and beside its
// peers, on the Dockerfiles below SPEED_DIR, in turns, and writes docs/speed.md.
func TestSpeed(t *testing.T) {
	dir, rounds := os.Getenv("SPEED_DIR"), 3
	if dir == "" {
		t.Fatal("SPEED_DIR names no folder: make speed DIR=folder")
	}
	files := discover.Find([]string{dir}, discover.Options{}).Files
	all := contenders(t, dir, files)
	for range rounds {
		for _, c := range all {
			c.run(t)
		}
	}
	if got := strings.TrimSpace(all[0].out); got != fmt.Sprint(len(files)) {
		t.Fatalf("the baseline read %s files, shale %d: .gitignore or a link tells them apart", got, len(files))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Speed\n\nWritten by `make speed DIR=folder`: %d Dockerfiles on %d processors (%s), the medians of %d runs, which take turns. Each is one process for all files. CPU is what the program itself used, on all processors together, and what the ratio is made of: it says less of what else the machine did than time does.\n\n", len(files), runtime.NumCPU(), runtime.GOARCH, rounds)
	b.WriteString("| | time | CPU | of the baseline | memory at most | fails on |\n|---|--:|--:|--:|--:|--:|\n")
	base := median(all[0].user)
	for _, c := range all {
		fails := ""
		if c.peer {
			fails = strings.TrimSpace(c.out) + " files"
		}
		fmt.Fprintf(&b, "| %s | %.2f s | %.2f s | %.1f | %d MB | %s |\n", c.name, median(c.wall).Seconds(), median(c.user).Seconds(), float64(median(c.user))/float64(base), median(c.memory)/1024, fails)
	}
	b.WriteString("\nThe baseline walks the folder, reads each Dockerfile and has BuildKit parse it; the second line has BuildKit run Docker's build checks too, which `shale check` does as well. dockerfile-utils is the linter in dockerfile-language-server-nodejs; `make bench-peer` measures the two servers. dockerfmt is not here: it only formats, and its build for npm takes a quarter of a second a file. hadolint is not here: no package of npm or Debian was found that brings it.\n")
	fmt.Print(b.String())
	if err := os.WriteFile(filepath.Join(root(t), "docs", "speed.md"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// contenders builds what is measured, and fetches the peers from npm once.
func contenders(t *testing.T, dir string, files []discover.File) []*contender {
	t.Helper()
	bin := t.TempDir()
	build := func(name, pkg string) string {
		cmd := exec.Command("go", "build", "-o", filepath.Join(bin, name), pkg)
		cmd.Dir = root(t)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return filepath.Join(bin, name)
	}
	shale := os.Getenv("SHALE_BIN")
	if shale == "" {
		shale = build("shale", "./cmd/shale")
	}
	baseline := build("baseline", "./cmd/shale/testdata/speed/baseline.go")
	all := []*contender{
		{name: "baseline", command: []string{baseline, dir}},
		{name: "baseline with Docker's checks", command: []string{baseline, dir, "checks"}},
		{name: "`shale check`", command: []string{shale, "check", dir}},
		{name: "`shale check --format json`", command: []string{shale, "check", "--format", "json", dir}},
		{name: "`shale fix --diff`", command: []string{shale, "fix", "--diff", dir}},
	}
	cache := filepath.Join(root(t), ".cache", "speed")
	args := append([]string{"install", "--silent", "--no-save", "--prefix", cache}, speedPeers...)
	if out, err := exec.Command("npm", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	for _, p := range speedPeers {
		name := p[:strings.LastIndex(p, "@")]
		command := []string{"node", filepath.Join(root(t), "cmd/shale/testdata/speed/peers.js"), filepath.Join(cache, "node_modules"), name}
		all = append(all, &contender{name: p, command: append(command, paths...), peer: true})
	}
	return all
}

// run runs it once. Status 1 says that something was found.
func (c *contender) run(t *testing.T) {
	t.Helper()
	cmd := exec.Command(c.command[0], c.command[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	c.wall = append(c.wall, time.Since(start))
	if err != nil && !(strings.Contains(c.name, "shale") && cmd.ProcessState.ExitCode() == 1) {
		t.Fatalf("%s: %v\n%s", c.name, err, errs.String())
	}
	c.user = append(c.user, cmd.ProcessState.UserTime())
	c.memory = append(c.memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	c.out = out.String()
}

func median[T interface{ ~int64 }](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
