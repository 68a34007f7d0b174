//go:build unix

package rewrite_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/shell/shelltest"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/internal/sequence"
)

var (
	wanted = flag.Int("sequences", 0, "how many merged `sequences` the property test runs; 0 for 40, 1000 with SHALE_TEST_ALL, 5000 with SHALE_TEST_DEEP")
	seed   = flag.Uint64("seed", 0, "where the property test's random `numbers` start; 0 for 1, or 2 with SHALE_TEST_DEEP")
)

// TestMergedRunsDoTheSame has random sequences of RUNs fixed with all rules, and
// takes what a builder then runs from BuildKit's own compiler: each RUN in a shell
// of its own until one fails. Before and after, both must succeed or both fail and
// leave the same files, in every shell that may be the one of the sequence.
func TestMergedRunsDoTheSame(t *testing.T) {
	count, seed := amount()
	p := newProperty(t)
	var next, merged atomic.Int64
	t.Cleanup(func() { p.log(t) })
	for k := range workers() {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for !t.Failed() && merged.Load() < int64(count) {
				i := uint64(next.Add(1))
				if i > uint64(count)*20+100 {
					t.Fatalf("of %d sequences only %d were merged", i, merged.Load())
				}
				f := sequence.Random(rand.New(rand.NewPCG(seed, i)), 1)
				text, stage := f.String(), f.Stages[0]
				fixed := p.fix(t, text)
				var before, after []*compile.Exec
				if fixed != text {
					before, after = p.runs(t, text, stage), p.runs(t, fixed, stage)
				}
				if len(before) == len(after) {
					p.count(func(s *statistics) { s.alone++ })
					continue
				}
				if d := p.compare(t, w, before, after); d != nil {
					t.Errorf("-seed %d, sequence %d", seed, i)
					p.report(t, w, text, stage, d)
					break
				}
				merged.Add(1)
				p.count(func(s *statistics) { s.merged++; s.form(before, after) })
			}
		})
	}
}

// amount is how many sequences are wanted, and from which numbers: the deep run does
// not repeat the other.
func amount() (count int, from uint64) {
	switch {
	case os.Getenv("SHALE_TEST_DEEP") != "":
		count, from = 5000, 2
	case os.Getenv("SHALE_TEST_ALL") != "":
		count, from = 1000, 1
	default:
		count, from = 40, 1
	}
	return cmp.Or(*wanted, count), cmp.Or(*seed, from)
}

// TestWrongJoinersAreCaught shows that the comparison can fail: joiners that are
// wrong are found out within a few hundred sequences.
func TestWrongJoinersAreCaught(t *testing.T) {
	between := func(open, connector, closed string) func([]string) string {
		return func(bodies []string) string { return open + strings.Join(bodies, closed+connector+open) + closed }
	}
	p := newProperty(t)
	for name, join := range map[string]func([]string) string{
		"a list":                between("", "; ", ""),
		"and":                   between("", " && ", ""),
		"and between subshells": between("( ", " && ", " )"),
		"a list of errexit":     between("set -e; ", "; ", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i := range uint64(400) {
				s := sequence.Random(rand.New(rand.NewPCG(2, i)), 1)
				before := p.runs(t, s.String(), s.Stages[0])
				if slices.ContainsFunc(before, func(x *compile.Exec) bool { return !alike(x, before[0]) }) {
					continue
				}
				var bodies []string
				for _, x := range before {
					bodies = append(bodies, strings.TrimRight(x.Args[len(x.Args)-1], "; \t"))
				}
				joined := *before[0]
				joined.Args = append(slices.Clone(joined.Args[:len(joined.Args)-1]), join(bodies))
				if d := p.compare(t, w, before, []*compile.Exec{&joined}); d != nil {
					t.Logf("caught by sequence %d in %s", i, d.shell)
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// alike reports whether two commands run in the same shell, and hold nothing that
// every joiner would break: a comment, or a line of its own.
func alike(a, b *compile.Exec) bool {
	return !strings.ContainsAny(a.Args[len(a.Args)-1], "#\n") && len(a.Args) == len(b.Args) && len(a.Args) > 2 && slices.Equal(a.Args[:len(a.Args)-1], b.Args[:len(b.Args)-1]) && a.Cwd == b.Cwd && slices.Equal(a.Env, b.Env)
}

// A property is what the workers share.
type property struct {
	config *config.Config
	shells map[string]string // by the name that SHELL has for it: its path
	bin    string            // a folder of programs that start fast

	mu    sync.Mutex
	stats statistics
}

// statistics tell what a run of the test was worth.
type statistics struct {
	alone, merged, raced int
	rejected             int // fixes that the validator held back
	forms, shells        map[string]int
	ends                 map[string]int
}

func newProperty(t *testing.T) *property {
	t.Helper()
	p := &property{config: sequence.Merged(t), shells: map[string]string{}, stats: statistics{forms: map[string]int{}, shells: map[string]int{}, ends: map[string]int{}}}
	for name, program := range map[string]string{"dash": "dash", "bash": "bash", "ash": "busybox"} {
		found, err := exec.LookPath(program)
		switch {
		case err == nil:
			p.shells[name] = found
		case os.Getenv("SHALE_TEST_ALL") != "":
			t.Fatalf("SHALE_TEST_ALL is set, and %v", err)
		default:
			t.Logf("not tested with %s: %v", program, err)
		}
	}
	if len(p.shells) == 0 {
		t.Skip("no shell on this machine")
	}
	p.bin = t.TempDir()
	if busybox, ok := p.shells["ash"]; ok {
		for name := range strings.FieldsSeq("touch rm mkdir rmdir cp mv ln cat grep sed chmod head tail sort tee ls find env unlink wc basename install cut uniq tr") {
			if err := os.Symlink(busybox, filepath.Join(p.bin, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

func (p *property) count(f func(*statistics)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.stats)
}

func (p *property) log(t *testing.T) {
	s := p.stats
	t.Logf("merged: %d sequences %v; run in %v; ends %v; left alone: %d; held back: %d; races: %d", s.merged, s.forms, s.shells, s.ends, s.alone, s.rejected, s.raced)
	if s.rejected > 1+s.merged/100 {
		t.Errorf("the validator held back %d fixes in %d merged sequences", s.rejected, s.merged)
	}
}

// form counts how bodies were joined.
func (s *statistics) form(before, after []*compile.Exec) {
	text := func(x *compile.Exec) string { return strings.TrimRight(x.Args[len(x.Args)-1], "; \t") }
	for _, x := range after {
		if len(before) == 0 {
			return
		}
		first := text(before[0])
		rest, plain := strings.CutPrefix(text(x), first)
		rest = strings.TrimLeft(rest, " \t")
		switch {
		case plain && rest == "":
			before = before[1:]
			continue
		case strings.HasPrefix(text(x), "( "+strings.TrimLeft(first, " \t")):
			s.forms["subshells"]++
		case plain && strings.HasPrefix(rest, "&&"):
			s.forms["bare"]++
		case plain && strings.HasPrefix(rest, ";"):
			s.forms["list"]++
		default:
			s.forms["other"]++
		}
		// The bodies that it took, without the "set -e" that a list has once.
		at := 0
		for len(before) > 0 {
			body := text(before[0])
			if at > 0 {
				body = strings.TrimLeft(opening.ReplaceAllString(body, ""), " \t")
			}
			i := strings.Index(text(x)[at:], strings.TrimLeft(body, " \t"))
			if i < 0 {
				break
			}
			at += i + len(body)
			before = before[1:]
		}
	}
}

var opening = regexp.MustCompile(`^\s*set -[^;]*;`)

// fix makes all safe fixes.
func (p *property) fix(t *testing.T, text string) string {
	t.Helper()
	in := analysis.Input{Path: "Dockerfile", Content: text, Config: p.config}
	r, err := rewrite.Fix(context.Background(), in, rewrite.Options{Rules: rules.All(), Safety: analysis.Safe})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if r.Untouchable != "" && compiles(text) {
		t.Errorf("untouchable: %s\n%s", r.Untouchable, text)
	}
	for _, x := range r.Rejected {
		// The validator is allowed to know less than a rule of what nobody writes, but
		// seldom.
		t.Logf("a fix was held back: %s: %s\n%s", x.Title, x.Reason, text)
		p.count(func(s *statistics) { s.rejected++ })
	}
	return r.After
}

// compiles tells what is random, and BuildKit refuses.
func compiles(text string) bool {
	_, err := compile.Compile(context.Background(), text, compile.Options{})
	return err == nil
}

// runs lists what a build of a stage runs. Over an unknown base it is a base that
// has set all that a base can.
func (p *property) runs(t *testing.T, text string, s sequence.Stage) []*compile.Exec {
	t.Helper()
	g, err := compile.Compile(context.Background(), text, compileOptions(s))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return execs(g)
}

func compileOptions(s sequence.Stage) compile.Options {
	o := compile.Options{Target: s.Name}
	if s.Base == sequence.Unknown {
		o.Base = compile.Full
	}
	return o
}

func execs(g *compile.Graph) []*compile.Exec {
	var out []*compile.Exec
	for _, op := range g.Ops {
		if op.Exec != nil && !slices.Contains(op.Exec.Args, "base-trigger") {
			out = append(out, op.Exec)
		}
	}
	return out
}

// A difference is two outcomes that should be one.
type difference struct {
	shell         string // what stands for /bin/sh, or for the SHELL
	before, after outcome
	commands      [2][]*compile.Exec
}

// compare runs a sequence before and after in every shell that admits it.
func (p *property) compare(t *testing.T, w *world, before, after []*compile.Exec) *difference {
	t.Helper()
	for _, sh := range p.admitted(append(slices.Clone(before), after...)) {
		same := false
		var d *difference
		// What both sides of a pipe do to one file is a matter of luck: a
		// difference is one that is there each time.
		tries := 0
		for ; !same && tries < 12; tries++ {
			d = &difference{sh, w.outcome(t, p, sh, before), w.outcome(t, p, sh, after), [2][]*compile.Exec{before, after}}
			same = d.before == d.after
		}
		if !same {
			return d
		}
		p.count(func(s *statistics) {
			s.shells[sh]++
			s.ends[d.before.status]++
			if tries > 1 {
				s.raced++
			}
		})
	}
	return nil
}

// admitted lists the shells of this machine that may stand for the SHELL of the
// commands.
func (p *property) admitted(list []*compile.Exec) []string {
	sh, other := false, ""
	for _, x := range list {
		switch name := path.Base(x.Args[0]); name {
		case "sh":
			sh = true
		case "bash", "dash", "ash":
			other = cmp.Or(other, name)
			if p.shells[name] == "" {
				return nil
			}
		}
	}
	if !sh {
		return []string{cmp.Or(other, "none")}
	}
	var out []string
	for _, name := range []string{"dash", "bash", "ash"} {
		if p.shells[name] != "" {
			out = append(out, name+" as sh")
		}
	}
	return out
}

// program is what a command's first word stands for.
func (p *property) program(sh, name string) string {
	base := path.Base(name)
	if base == "sh" {
		base, _, _ = strings.Cut(sh, " ")
	}
	if found, ok := p.shells[base]; ok {
		return found
	}
	return filepath.Join(p.bin, base)
}

// An outcome is all that a build keeps of a sequence, and whether it goes on.
type outcome struct {
	status string
	files  string
}

func (o outcome) String() string { return o.status + "\n" + o.files }

// A world is the folder that stands for the root of the image. It lies deep in
// others, so that a body that leaves it by "cd .." does no harm.
type world struct{ top, root string }

func newWorld(t *testing.T) *world {
	t.Helper()
	parent := ""
	if _, err := os.Stat("/dev/shm"); err == nil && os.Getenv("TMPDIR") == "" {
		parent = "/dev/shm" // in memory
	}
	dir, err := os.MkdirTemp(parent, "shale-property-")
	if err != nil {
		dir = t.TempDir()
	}
	w := &world{filepath.Join(dir, "top"), filepath.Join(dir, "top", "above", "above", "above", "root")}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return w
}

// outcome runs commands as a builder does, until one fails.
func (w *world) outcome(t *testing.T, p *property, sh string, list []*compile.Exec) outcome {
	t.Helper()
	w.reset(t, list[0].Cwd)
	status := ""
	for _, x := range list {
		if status = w.run(t, p, sh, x); status == "timed out" {
			return outcome{status, "of no account"}
		}
		if status != "succeeded" {
			break
		}
	}
	files, err := shelltest.Tree(w.root, w.top)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{status, files}
}

func (w *world) reset(t *testing.T, cwd string) {
	t.Helper()
	err := os.RemoveAll(w.top)
	for name, text := range sequence.World() {
		file := filepath.Join(w.root, cwd, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644))
	}
	if err = errors.Join(err, os.MkdirAll(filepath.Join(w.root, sequence.Prefix, "home"), 0o755)); err != nil {
		t.Fatal(err)
	}
}

// run runs one command as a builder does, and says how it ended.
func (w *world) run(t *testing.T, p *property, sh string, x *compile.Exec) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	dir := filepath.Join(w.root, x.Cwd)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "without a working folder"
	}
	cmd := exec.CommandContext(ctx, p.program(sh, x.Args[0]))
	cmd.Args = w.placed(x.Args)
	cmd.Dir = dir
	cmd.Env = w.placed(append(slices.Clone(x.Env), "HOME="+sequence.Prefix+"/home"))
	searched, _ := (&compile.Exec{Env: cmd.Env}).Getenv("PATH")
	cmd.Env = append(cmd.Env, "PATH="+p.bin+":"+searched)
	err := shelltest.Run(cmd)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "timed out"
	case err != nil && !errors.As(err, &exit):
		t.Fatalf("%q: %v", cmd.Args, err)
	case err != nil:
		return "failed"
	}
	return "succeeded"
}

// placed puts the absolute paths of words below the root.
func (w *world) placed(words []string) []string {
	var out []string
	for _, a := range words {
		out = append(out, strings.ReplaceAll(a, sequence.Prefix, w.root+sequence.Prefix))
	}
	return out
}

// report makes the failing sequence as small as it gets, and tells it.
func (p *property) report(t *testing.T, w *world, small string, s sequence.Stage, d *difference) {
	t.Helper()
	fails := func(text string) *difference {
		before, err := compile.Compile(context.Background(), text, compileOptions(s))
		if err != nil || len(execs(before)) < 2 {
			return nil
		}
		in := analysis.Input{Path: "Dockerfile", Content: text, Config: p.config}
		r, err := rewrite.Fix(context.Background(), in, rewrite.Options{Rules: rules.All(), Safety: analysis.Safe})
		if err != nil || r.After == text {
			return nil
		}
		after, err := compile.Compile(context.Background(), r.After, compileOptions(s))
		if err != nil {
			return nil
		}
		return p.compare(t, w, execs(before), execs(after))
	}
	small = shrink(small, func(text string) bool {
		smaller := fails(text)
		if smaller != nil {
			d = smaller
		}
		return smaller != nil
	})
	t.Errorf("%s: the outcomes differ\n-- before --\n%s\n-- after --\n%s\n-- apart: %s\n-- merged: %s", d.shell, small, p.fix(t, small), d.before, d.after)
	for i, name := range []string{"apart", "merged"} {
		for _, x := range d.commands[i] {
			t.Logf("%s: %q", name, x.Args)
		}
	}
}

// shrink drops lines and words while the text still fails.
func shrink(text string, fails func(string) bool) string {
	until := time.Now().Add(time.Minute)
	for again := true; again; {
		again = false
		for _, sep := range []string{"\n", "&&", ";", " "} {
			for width := 8; width > 0; width /= 2 {
				parts := strings.SplitAfter(text, sep)
				for i := 0; i+width <= len(parts) && time.Now().Before(until); {
					less := strings.Join(slices.Delete(slices.Clone(parts), i, i+width), "")
					if fails(less) {
						text, again = less, true
						parts = strings.SplitAfter(text, sep)
					} else {
						i++
					}
				}
			}
		}
	}
	return text
}

// workers is how many sequences run at once: while one waits for its shell, another
// goes on.
func workers() int { return runtime.GOMAXPROCS(0) + 1 }

// TestCounterExamples holds Shale to the cases of testdata/property, where some
// way to merge is wrong: what the property test found, and what its authors knew.
// A case is an archive of "before" and "wrong", a Dockerfile before and merged
// wrongly. Shale leaves it alone, or merges it so that it does the same.
func TestCounterExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/property/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	p := newProperty(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Files) != 2 || a.Files[0].Name != "before" || a.Files[1].Name != "wrong" {
				t.Fatal("a case has before and wrong")
			}
			text, wrong := string(a.Files[0].Data), string(a.Files[1].Data)
			s := sequence.Stage{}
			if strings.Contains(text, "FROM "+sequence.Unknown) {
				s.Base = sequence.Unknown
			}
			w, before := newWorld(t), p.runs(t, text, s)
			after := p.fix(t, text)
			if d := p.compare(t, w, before, p.runs(t, after, s)); d != nil {
				t.Errorf("%s: the outcomes differ\n-- after --\n%s\n-- apart: %s\n-- merged: %s", d.shell, after, d.before, d.after)
			}
			if p.compare(t, w, before, p.runs(t, wrong, s)) == nil {
				t.Error("what is wrong does the same")
			}
		})
	}
}
