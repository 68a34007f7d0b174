//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// What an input may cost, however it was made: processor time of one command, which
// another's load does not change much, and memory. An ordinary Dockerfile takes a
// hundredth of either.
const (
	maxCPU    = 30 * time.Second
	maxMemory = 1500 << 20
)

// A hostile input is a folder that somebody made to hurt, and what is to come of it.
type hostile struct {
	name string
	big  bool // only with SHALE_TEST_DEEP
	make func(*hostileFolder)
	args []string // checked and fixed without; the folder is where it runs
	raw  bool     // it holds what must not reach a terminal, in any format
	exit string   // the statuses that are right, as "01"; "" for any of 0, 1 and 2
	says string   // what stands in the output, as a regular expression
}

// A hostileFolder is written to piece by piece: what its writer held in memory would
// count as the command's, which starts as a copy of it.
type hostileFolder struct {
	t   *testing.T
	dir string
}

func (f *hostileFolder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *hostileFolder) write(name string, pieces ...piece) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755); err != nil {
		f.t.Fatal(err)
	}
	file, err := os.Create(f.path(name))
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	for _, piece := range pieces {
		for s := range piece {
			w.WriteString(s)
		}
	}
	if err := w.Flush(); err != nil {
		f.t.Fatal(err)
	}
}

// A piece is a part of a file's text, made as it is written.
type piece = iter.Seq[string]

// text is s, once.
func text(s string) piece { return times(1, s) }

// times is s, n times; %d in it is the number of the turn, from 0.
func times(n int, s string) piece {
	return func(yield func(string) bool) {
		numbers := strings.Count(s, "%d")
		for i := range n {
			piece := s
			if numbers > 0 {
				piece = strings.ReplaceAll(s, "%d", fmt.Sprint(i))
			}
			if !yield(piece) {
				return
			}
		}
	}
}

// TestHostileInput holds the command to its bounds, whatever it is given: no panic,
// nothing raw, an exit status that says what happened.
func TestHostileInput(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("takes its time: set SHALE_TEST_ALL")
	}
	deep := os.Getenv("SHALE_TEST_DEEP") != ""
	for _, h := range append(hostileTexts(), hostileFolders()...) {
		if h.big && !deep {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			f := &hostileFolder{t, t.TempDir()}
			if err := os.Mkdir(f.path(".git"), 0o755); err != nil {
				t.Fatal(err)
			}
			h.make(f)
			runtime.GC()
			commands := [][]string{{"check"}}
			if deep {
				commands = append(commands, []string{"fix", "--diff"}, []string{"check", "--format=sarif"})
			}
			if deep && !h.big { // these hold to what the others do
				commands = append(commands, []string{"check", "--format=json"}, []string{"fmt", "--diff"})
			}
			for _, format := range formatNames() {
				if h.raw {
					commands = append(commands, []string{"check", "--format=" + format})
				}
			}
			if h.args != nil {
				commands = [][]string{h.args}
			}
			for _, args := range commands {
				h.run(t, f.dir, args)
			}
		})
	}
}

func (h *hostile) run(t *testing.T, dir string, args []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*maxCPU)
	defer cancel()
	// The shell sees to it that a defect ends here, and not with the machine.
	const bounded = `ulimit -t 60; ulimit -v 6000000 2>/dev/null; exec shale "$@"`
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", bounded, "sh"}, args...)...)
	cmd.Dir = dir
	out := &careful{left: 4096}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	name := "shale " + strings.Join(args, " ")
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	memory := int64(used.Maxrss)
	if runtime.GOOS != "darwin" {
		memory <<= 10 // kilobytes
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.Logf("%-22s status %d, %5.2f s, %4d MB, %d bytes written", name, cmd.ProcessState.ExitCode(), cpu.Seconds(), memory>>20, out.n)
	if cpu > maxCPU || ctx.Err() != nil {
		t.Errorf("%s: %v of processor time, more than %v", name, cpu, maxCPU)
	}
	if memory > maxMemory {
		t.Errorf("%s: %d MB of memory, more than %d", name, memory>>20, maxMemory>>20)
	}
	status := fmt.Sprint(cmd.ProcessState.ExitCode())
	right := h.exit
	if right == "" {
		right = "012"
	}
	if !strings.Contains(right, status) {
		t.Errorf("%s: status %s, not one of %s\n%s", name, status, right, out.head)
	}
	if out.bad != "" {
		t.Errorf("%s: writes %s", name, out.bad)
	}
	// Formatting finds nothing, and SARIF begins with the rules.
	if args[0] != "fmt" && args[len(args)-1] != "--format=sarif" && !regexp.MustCompile(h.says).Match(out.head) {
		t.Errorf("%s: does not say %q:\n%s", name, h.says, out.head)
	}
}

// careful keeps the beginning of what is written, and what must not stand in it.
type careful struct {
	head []byte
	left int
	n    int
	tail []byte
	bad  string
}

var crashes = regexp.MustCompile(`panic:|goroutine \d+ \[|defect of Shale|runtime error|fatal error:`)

func (c *careful) Write(b []byte) (int, error) {
	c.n += len(b)
	c.head = append(c.head, b[:min(len(b), c.left)]...)
	c.left -= min(len(b), c.left)
	all := append(c.tail, b...)
	if m := crashes.Find(all); m != nil && c.bad == "" {
		c.bad = fmt.Sprintf("%q: %.2000s", m, all[bytes.Index(all, m):])
	}
	if raw := rawControl(all); raw != "" && c.bad == "" {
		c.bad = raw
	}
	c.tail = append([]byte(nil), all[max(0, len(all)-64):]...)
	return len(b), nil
}

var _ io.Writer = (*careful)(nil)

// rawControl finds what drives a terminal or turns its text around.
func rawControl(b []byte) string {
	for i := 0; i < len(b); {
		if b[i] >= ' ' && b[i] < 0x7F || b[i] == '\n' || b[i] == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && (i < utf8.UTFMax || len(b)-i < utf8.UTFMax) {
			i++ // may be half of one
			continue
		}
		if r < ' ' || r >= 0x7F && r <= 0x9F || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError && size == 1 {
			return fmt.Sprintf("%q raw, in %.200q", b[i:i+size], b[max(0, i-60):min(len(b), i+60)])
		}
		i += size
	}
	return ""
}
