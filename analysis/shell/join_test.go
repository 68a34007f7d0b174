//go:build unix

package shell

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis/shell/shelltest"
)

// A testShell is a real shell that the tests run.
type testShell struct {
	name    string
	argv    []string
	dialect Dialect
}

// realShells returns the shells of the machine and says which are missing.
func realShells(t *testing.T) []testShell {
	var out []testShell
	for _, s := range []testShell{
		{"dash", []string{"dash"}, POSIX},
		{"bash", []string{"bash"}, Bash},
		{"busybox", []string{"busybox", "sh"}, POSIX},
		{"bash as sh", []string{"bash", "--posix"}, Bash},
	} {
		path, err := exec.LookPath(s.argv[0])
		if err != nil {
			t.Logf("no %s on this machine: not tested with it", s.name)
			continue
		}
		s.argv[0] = path
		out = append(out, s)
	}
	if len(out) == 0 {
		t.Skip("no shell on this machine")
	}
	return out
}

// A world is the folder that bodies run in.
type world struct{ dir string }

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{t.TempDir()}
	w.reset(t)
	return w
}

func (w world) reset(t *testing.T) {
	t.Helper()
	names, err := os.ReadDir(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := os.RemoveAll(filepath.Join(w.dir, n.Name())); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"a": "one\n", "b": "", "d/x": "in d\n", "lib": "L=lib\nset -e\n"} {
		path := filepath.Join(w.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs one body in a fresh shell, as a RUN does, and says whether it succeeded.
func (w world) run(t *testing.T, shell []string, body string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell[0], append(slices.Clone(shell[1:]), "-c", body)...)
	cmd.Dir = w.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "E=from env"}
	err := shelltest.Run(cmd)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%q: %v, %v", body, err, ctx.Err())
	}
	return err == nil
}

// A generator makes bodies that do everything to a shell which matters for joining.
type generator struct{ *rand.Rand }

// pick chooses a template and fills it in: @f is a file, @v a variable, @t a word
// with what a shell expands in it, @> a redirection's operator.
func (g generator) pick(templates ...string) string {
	s := templates[g.IntN(len(templates))]
	for {
		i := strings.IndexByte(s, '@')
		if i < 0 {
			return s
		}
		var fill string
		switch s[i+1] {
		case 'f':
			fill = g.file()
		case 'v':
			fill = g.pick("V", "W", "E")
		case 't':
			fill = g.text()
		case '>':
			fill = g.pick(">", ">>", ">>")
		}
		s = s[:i] + fill + s[i+2:]
	}
}

func (g generator) file() string {
	return g.pick("a", "b", "c", "d/x", "d/y", "e", "f", "f", `"n o"`, `n\ o`, `'a'`, `"d"/x`)
}

func (g generator) text() string {
	if g.IntN(8) == 0 {
		return "$(" + g.list(0) + ")"
	}
	return g.pick("x", "two words", `"$@v"`, "$@v", "${@v}", `"${@v:-none}"`, "${@v:=set}", `"$?"`, "$?", "$#", `"$*"`, "*", "[a-c]", "?",
		`"a'b"`, `'a"b'`, `a\;b`, "$((1+2))", "$((@v=7))", `"$(pwd | sed 's,.*/,,')"`, "`echo q`", "~x", "a=b", `""`, "{p,q}", `"$(umask)"`)
}

// plain is a command that leaves the shell as it is.
func (g generator) plain() string {
	return g.pick(
		"true", "true", "false", "false", ":", "touch @f", "rm @f", "rm -f @f", "mkdir @f", "mkdir -p @f", "rmdir @f",
		"test -f @f", "[ -s @f ]", "[ -d @f ]", "cat @f", "grep -q one @f", "cp @f @f", "mv @f @f", "ln -s @f @f",
		"chmod 600 @f", "ls @f", "nosuch @f", "./@f", "sh -c 'exit 3'", "sh -c 'set -e; false; true'", "env V=1 sh -c 'echo $V'",
		"echo @t @> @f", "echo @t @> @f", `printf '%s\n' @t @> @f`, "echo @t @t @>@f 2>&1",
		"V=1 sh -c 'echo $V' @>@f", "command -v sh", "kill -0 $$", "cat < @f", "> @f", "2>/dev/null cat @f",
	)
}

// stateful is a command that changes the shell, or might seem to.
func (g generator) stateful() string { return g.pick(statefuls...) }

var statefuls = []string{
	"@v=@t", "@v=@t", "export @v=@t", "export @v", "unset @v", "readonly @v=r", "cd d", "cd @f", "cd nosuch",
	"set -e", "set -e", "set -ex", "set -u", "set -f", "set +e", "set -- one two", "set -o errexit", "set -o nounset", "umask 077", "umask 022",
	"trap 'echo bye >> @f' EXIT", "trap 'echo err >> e' ERR", "trap - EXIT", "exit 0", "exit 1", "exit", "return", "exec true", "exec > e", "exec 3> e", "exec sh -c 'echo x >> c'",
	"eval false", "eval 'set -e'", "eval @v=1", ". ./lib", "shift", "read @v < @f", "alias ls=false", "V=1 :", "W=2 true", "command cd d", "command set -e", "command exit 1",
	"wait", "hash -r", "ulimit -c 0", "getopts ab V -a", "printf -v V x", "local V=1", "IFS=o", "PATH=/nosuch", "PATH=/nosuch true", "unset E; : ${E=x}",
	"times", "type sh", "break", "continue", "builtin cd d", "pushd d", "declare V=1", "let V=1", "shopt -s nullglob", "set -o pipefail", ": ${V:=1}", ": $((V=2))", "umask", "trap", "set",
}

func (g generator) simple() string {
	if g.IntN(4) == 0 {
		return g.stateful()
	}
	return g.plain()
}

func (g generator) command(depth int) string {
	if depth <= 0 || g.IntN(5) > 0 {
		return g.simple()
	}
	l := func() string { return g.list(depth - 1) }
	switch g.IntN(13) {
	case 0, 1:
		return "( " + l() + " )"
	case 2, 3:
		return "{ " + l() + "; }"
	case 4:
		return "if " + l() + "; then " + l() + "; else " + l() + "; fi"
	case 5:
		return "if " + l() + "; then " + l() + "; fi"
	case 6:
		return "for " + g.pick("@v") + " in 1 2; do " + l() + "; done"
	case 7:
		return "case $V in 1) " + l() + ";; x*) " + l() + ";; *) " + l() + " ;; esac"
	case 8:
		f := fmt.Sprint("f", depth) // not its own inside: no recursion
		return f + "() { " + l() + "; }; " + f
	case 9:
		return "! " + g.simple()
	case 10:
		return "{ " + l() + "; } > " + g.file()
	case 11:
		f := fmt.Sprint("f", depth)
		return f + "() ( " + l() + " ); " + f + " || " + g.simple()
	default:
		return "for i in 1 2; do " + g.simple() + "; until [ -e w ]; do echo w > w || break 2; done; done"
	}
}

func (g generator) pipeline(depth int) string {
	out := g.command(depth)
	for g.IntN(8) == 0 {
		out += " | " + g.command(depth)
	}
	return out
}

func (g generator) andOr(depth int) string {
	out := g.pipeline(depth)
	for g.IntN(2) == 0 {
		out += g.pick(" && ", " && ", " && ", " || ") + g.pipeline(depth)
	}
	return out
}

func (g generator) list(depth int) string {
	out := g.andOr(depth)
	for g.IntN(3) == 0 {
		out += "; " + g.andOr(depth)
	}
	return out
}

// observer is a list that shows most of what a body may have left in the shell.
func (g generator) observer() string {
	out := g.pick("true", `echo "$V|$W|${E-unset}|$#" >> c`) + " && " +
		g.pick(`echo "$V|$W|${E-unset}|$#" >> c`, "touch z && umask >> c", `sh -c 'echo "$V|$W|$E"' >> c`, "echo out", "echo [a-c]*",
			"ls && echo * >> c", `echo $(echo x:y o z) >> c`, "nosuch || true", "false", `echo ${U-unset} >> c`, "false | true", "f1 >> c", "touch y && cat y >&3")
	if g.IntN(3) == 0 {
		out += g.pick("; ", " || ") + g.pick("echo end >> c", "echo $? >> c", "false; echo went on >> c")
	}
	return out
}

// chain is a list of && as most RUNs are.
func (g generator) chain(stateful int) string {
	var parts []string
	for range 1 + g.IntN(3) {
		c := g.plain()
		if g.IntN(12) < stateful {
			c = g.stateful()
		}
		if g.IntN(8) == 0 {
			c += " | " + g.plain()
		}
		parts = append(parts, c)
	}
	return strings.Join(parts, " && ")
}

// body is what a RUN holds, in one of the styles that people write.
func (g generator) body() string {
	var out string
	switch g.IntN(8) {
	case 0, 1:
		out = g.chain(1)
	case 2:
		out = g.chain(6)
	case 3:
		out = g.observer()
	case 4, 5:
		out = g.setList(g.pick("set -e", "set -e", "set -eu", "set -ex", "set -o errexit"))
	default:
		out = g.list(2)
	}
	return g.dressed(out)
}

func (g generator) setList(set string) string {
	parts := []string{set}
	for range 1 + g.IntN(3) {
		parts = append(parts, g.pick(g.plain(), g.plain(), g.plain(), g.simple(), g.pipeline(0), g.andOr(0), g.command(1)))
	}
	return strings.Join(parts, "; ")
}

// sequence is two or three bodies: any, or such as suit one form of joining.
func (g generator) sequence() []string {
	var out []string
	style := g.IntN(4)
	set := g.pick("set -e", "set -e", "set -eux", "set -o errexit")
	for range 1 + g.IntN(2) {
		switch style {
		case 0:
			out = append(out, g.dressed(g.chain(4)))
		case 1:
			out = append(out, g.setList(set))
		default:
			out = append(out, g.body())
		}
	}
	switch {
	case style == 1:
		out = append(out, set+"; "+g.pick(g.observer(), g.chain(1), g.list(1)))
	case g.IntN(2) == 0:
		out = append(out, g.dressed(g.observer()))
	default:
		out = append(out, g.body())
	}
	return out
}

// dressed adds what stands around a body now and then.
func (g generator) dressed(out string) string {
	switch g.IntN(24) {
	case 0:
		out += ";"
	case 1:
		out += " ;"
	case 2:
		out = "cat > " + g.file() + " <<E\n$V here\nE\n" + out
	case 3:
		out += " # comment"
	case 4:
		out += ` \`
	}
	return out
}

// A joining is a text that ought to do what bodies do one after the other.
type joining struct{ form, text string }

// joinings lists every form whose conditions the bodies meet.
func joinings(ps []*Program, in Interpreter) []joining {
	last := len(ps) - 1
	all := func(list []*Program, f func(*Program) bool) bool {
		return !slices.ContainsFunc(list, func(p *Program) bool { return !f(p) })
	}
	body := func(p *Program) string { return p.Text.String()[:p.Trailing().From] }
	wrap := func(open, close string) func(p *Program) string {
		return func(p *Program) string {
			if len(p.Heredocs()) > 0 {
				return strings.TrimRight(open, " ") + "\n" + body(p) + "\n" + strings.TrimLeft(close, " ;")
			}
			return open + body(p) + close
		}
	}
	texts := func(list []*Program, f func(*Program) string) []string {
		var out []string
		for _, p := range list {
			out = append(out, f(p))
		}
		return out
	}
	fits := func(p *Program) bool { return p.Unfit() == "" && len(p.Backgrounds()) == 0 && len(p.ReadsShell()) == 0 }
	if !all(ps, fits) {
		return nil
	}
	var out []joining
	quiet := in.Errexit == No || all(ps[:last], func(p *Program) bool { return !p.ErrexitSensitive() })
	if quiet && all(ps[:last], (*Program).Plain) && all(ps[1:last], (*Program).Chain) {
		front := strings.Join(texts(ps[:last], body), " && ") + " && "
		if ps[last].Chain() && len(ps[last].Heredocs()) == 0 {
			out = append(out, joining{"bare", front + body(ps[last])})
		}
		out = append(out, joining{"bare and braces", front + wrap("{ ", "; }")(ps[last])})
	}
	if quiet && all(ps[:last], func(p *Program) bool { return !p.TurnsOnErrexit() && !p.TrapsErrors() }) {
		out = append(out, joining{"subshells", strings.Join(texts(ps, wrap("( ", " )")), " && ")})
	}
	if in.Errexit == Yes {
		out = append(out, joining{"subshells under -e", strings.Join(texts(ps, wrap("( ", " )")), "; ")})
	} else {
		out = append(out, joining{"set -e and subshells", "set -e; " + strings.Join(texts(ps, wrap("( set +e; ", " )")), "; ")})
	}
	first, opens := ps[0].OpensWithSet()
	opens = opens && all(ps, func(p *Program) bool {
		r, ok := p.OpensWithSet()
		return ok && p.Source(r) == ps[0].Source(first) && len(p.Heredocs()) == 0
	})
	if opens && all(ps[:last], func(p *Program) bool { return len(p.LeaksAfterSet()) == 0 && p.LastPlain() }) {
		out = append(out, joining{"list", strings.Join(texts(ps, body), "; ")})
		rest := func(p *Program) string {
			r, _ := p.OpensWithSet()
			return strings.TrimLeft(body(p)[r.To:], " ;")
		}
		out = append(out, joining{"list with one set", body(ps[0]) + "; " + strings.Join(texts(ps[1:], rest), "; ")})
	}
	return out
}

// TestJoin runs random sequences of bodies apart, each in a shell of its own, and
// joined in every form that the predicates allow: the status and all files must
// be the same. SHALE_JOIN=5000 runs as many sequences, SHALE_JOIN_SEED starts
// elsewhere.
func TestJoin(t *testing.T) {
	count, seed := 240, uint64(1)
	if os.Getenv("SHALE_TEST_ALL") == "" {
		count = 80
	}
	if s := os.Getenv("SHALE_JOIN"); s != "" {
		count, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("SHALE_JOIN_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	shells := realShells(t)
	options := [][]string{nil, nil, nil, {"-e"}, {"-u"}, {"-eu"}}
	var mu sync.Mutex
	forms := map[string]int{}
	t.Cleanup(func() { t.Logf("%d sequences; joined: %v", count, forms) })
	const workers = 4
	for k := range workers {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i := k; i < count; i += workers {
				g := generator{rand.New(rand.NewPCG(seed, uint64(i)))}
				s := shells[g.IntN(len(shells))]
				argv := append(slices.Clone(s.argv), options[g.IntN(len(options))]...)
				if s.dialect == Bash && g.IntN(3) == 0 {
					argv = append(argv, "-o", "pipefail")
				}
				var ps []*Program
				bodies := g.sequence()
				for _, b := range bodies {
					ps = append(ps, parseString(b, s.dialect))
				}
				in := Read(append(slices.Clone(argv), "-c"))
				forms := checkJoin(t, w, argv, bodies, joinings(ps, in), forms, &mu)
				if forms > 0 {
					t.Logf("sequence %d of seed %d, %s", i, seed, s.name)
				}
			}
		})
	}
}

// TestJoinState joins each command that changes the shell, alone and in company,
// with bodies that show every change. SHALE_JOIN makes it try all pairs in all
// shells, not one of each.
func TestJoinState(t *testing.T) {
	observers := []string{
		`echo "$V|$W|${E-unset}|$#|$1" >> c && echo [a-c]* >> c && umask >> c && sh -c 'echo "$V|$W|$E"' >> c && touch z && ls && pwd | sed 's,.*/,,' >> c && echo $(echo x:y o z) >> c`,
		`echo x${U}x >> c`,
		`echo y >&3 && touch y`,
		`false && true; echo went on >> c`,
		`echo out && nosuch`,
	}
	one := 7 // of as many
	switch {
	case os.Getenv("SHALE_JOIN") != "":
		one = 1
	case os.Getenv("SHALE_TEST_ALL") == "":
		one = 59
	}
	for nth, s := range realShells(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			g := generator{rand.New(rand.NewPCG(1, 1))}
			forms := map[string]int{}
			var mu sync.Mutex
			for i, template := range append(slices.Clone(statefuls), "f1() { false; }", "V=f; for V in 1 2; do :; done", "touch f1 && { V=1; }", "sleep 0 &") {
				state := g.pick(template)
				for k, pair := range [][]string{
					{state, observers[0]}, {state, observers[1+i%4]}, {"true && " + state, observers[1+(i+1)%4]},
					{"set -e; " + state + "; true", "set -e; " + observers[0]}, {"set -e; true; " + state, "set -e; " + observers[1+(i+2)%4]},
					{"V=w " + state, observers[0]}, {"touch " + "$(" + state + "; echo k; false; echo l)", observers[0]},
				} {
					if (i+k+nth)%one != 0 {
						continue
					}
					var ps []*Program
					for _, b := range pair {
						ps = append(ps, parseString(b, s.dialect))
					}
					checkJoin(t, w, s.argv, pair, joinings(ps, Read(append(slices.Clone(s.argv), "-c"))), forms, &mu)
					if i%3 == 0 {
						argv := append(slices.Clone(s.argv), "-e")
						checkJoin(t, w, argv, pair, joinings(ps, Read(append(slices.Clone(argv), "-c"))), forms, &mu)
					}
				}
			}
			t.Logf("joined: %v", forms)
		})
	}
}

// outcome is all that a build would see of a sequence.
type outcome struct {
	succeeded bool
	tree      string
}

func (w world) outcome(t *testing.T, shell []string, bodies ...string) outcome {
	t.Helper()
	w.reset(t)
	ok := true
	for _, b := range bodies {
		if ok = w.run(t, shell, b); !ok {
			break
		}
	}
	files, err := shelltest.Tree(w.dir, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{ok, files}
}

func checkJoin(t *testing.T, w world, argv, bodies []string, js []joining, forms map[string]int, mu *sync.Mutex) (failed int) {
	if len(js) == 0 {
		return 0
	}
	want := w.outcome(t, argv, bodies...)
	for _, j := range js {
		got := w.outcome(t, argv, j.text)
		mu.Lock()
		forms[j.form]++
		mu.Unlock()
		if got == want || w.races(t, argv, bodies, j.text) {
			continue
		}
		failed++
		t.Errorf("%s, %v:\n  apart:  %q: %v\n%s\n  joined: %s: %v\n%s", j.form, argv, bodies, want.succeeded, want.tree, j.text, got.succeeded, got.tree)
	}
	return failed
}

// races reports that a difference comes from a race inside the bodies, as between
// the elements of a pipeline: both ways of running them can have one outcome.
func (w world) races(t *testing.T, argv, bodies []string, joined string) bool {
	t.Helper()
	apart := map[outcome]bool{}
	for range 12 {
		apart[w.outcome(t, argv, bodies...)] = true
	}
	for range 12 {
		if apart[w.outcome(t, argv, joined)] {
			return true
		}
	}
	return false
}
