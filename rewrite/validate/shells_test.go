package validate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/compile"
)

// The shells that are tried, those that the machine has.
var tried = [][]string{
	{"dash", "-c"}, {"dash", "-ec"}, {"bash", "-c"}, {"bash", "-eo", "pipefail", "-c"},
}

// TestJoinedInShells joins random bodies in every form, asks the validator, and
// runs what it accepts apart and joined: both must succeed or both fail, and leave
// the same files.
func TestJoinedInShells(t *testing.T) {
	wanted := 60 // accepted joins for each shell
	if os.Getenv("SHALE_TEST_ALL") == "" {
		wanted = 12
	}
	for _, argv := range tried {
		t.Run(strings.Join(argv, " "), func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(argv[0]); err != nil {
				t.Skip(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			accepted, forms := 0, map[string]int{}
			for try := 0; accepted < wanted; try++ {
				if try > 100_000 {
					t.Fatalf("only %d of %d joins were accepted", accepted, wanted)
				}
				bodies := make([]string, 2+r.IntN(2))
				for i := range bodies {
					bodies[i] = randomBody(r, 0)
				}
				// One of them opens with the same options, as people write it.
				if r.IntN(3) == 0 {
					for i := range bodies {
						bodies[i] = "set -eu; " + bodies[i]
					}
				}
				form, text := joinedAs(r, bodies)
				if r := judge(argv, text, bodies); r != nil {
					continue
				}
				accepted++
				forms[form]++
				apart, joined := runIn(t, argv, bodies), runIn(t, argv, []string{text})
				if apart != joined {
					t.Fatalf("%s differs:\n%q\njoined as\n%q\napart:\n%s\njoined:\n%s", form, bodies, text, apart, joined)
				}
			}
			t.Log(forms)
		})
	}
}

// judge asks the deriver alone: what is joined, under a SHELL that is certain.
func judge(argv []string, text string, bodies []string) *Rejection {
	exec := func(text string) *compile.Exec {
		return &compile.Exec{Args: append(append([]string{}, argv...), text), Cwd: "/work", Env: []string{"BASH_ENV="}}
	}
	var olds []*script
	for _, b := range bodies {
		s, _ := readScript(exec(b))
		olds = append(olds, s)
	}
	m := &matcher{declared: &declared{joined: true}, budget: maxSteps}
	op := &compile.Op{Exec: exec(text)}
	s, _ := readScript(op.Exec)
	return m.deriver(op, s).derive(text, olds)
}

func joinedAs(r *rand.Rand, bodies []string) (form, text string) {
	wrap := func(open, end, connector string) string {
		out := make([]string, len(bodies))
		for i, b := range bodies {
			out[i] = open + b + end
		}
		return strings.Join(out, connector)
	}
	n := r.IntN(6)
	if strings.HasPrefix(bodies[0], "set -eu; ") && r.IntN(3) > 0 {
		n = 3
	}
	switch n {
	case 0:
		return "bare", wrap("", "", " && ")
	case 1:
		return "subshells", wrap("( ", " )", " && ")
	case 2:
		return "braces", wrap("{ ", "; }", " && ")
	case 3:
		text := strings.Join(bodies, "; ")
		first, rest, ok := strings.Cut(text, "set -eu; ")
		if ok {
			text = first + "set -eu; " + strings.ReplaceAll(rest, "set -eu; ", "")
		}
		return "one set -e", text
	case 4:
		return "subshells by ;", wrap("( ", " )", "; ")
	}
	return "set -e and subshells", "set -e; " + wrap("( set +e; ", " )", "; ")
}

var randomCommands = []string{
	"true", "false", "touch a", "touch b", "rm -f a", "ls a", "echo x > a", "echo y > b", "cat a > c", "mkdir -p d",
	"mkdir d", "cd d", "export V=1", `[ "$V" = 1 ]`, `echo "v$V" > v`, "echo a | grep a > g", "echo a | grep b", "umask 077",
	"test -f a", "V=2", "exit 0", "exit 3", "set -e", `echo $(false; echo x) > s`, `echo $(ls a) > s`, "rmdir d", "mv a b", "cp b a", `echo ${W:=1} > w`,
	`[ -n "${W:-}" ]`, "set -f", "echo * > stars",
}

func randomBody(r *rand.Rand, depth int) string {
	command := func() string { return randomCommands[r.IntN(len(randomCommands))] }
	if depth > 2 {
		return command()
	}
	inner := func() string { return randomBody(r, depth+1) }
	switch r.IntN(13) {
	case 0, 1, 2, 3:
		return command() + " && " + command()
	case 4:
		return command() + " || " + command()
	case 5:
		return command() + "; " + inner()
	case 6:
		return "( " + inner() + " )"
	case 7:
		return "{ " + inner() + "; }"
	case 8:
		return fmt.Sprintf("if %s; then %s; fi", command(), inner())
	case 9:
		return "! " + command()
	case 10:
		return inner() + " && " + inner()
	case 11:
		return command() + "; " + command() + "; " + command()
	}
	return command()
}

// runIn runs bodies one after the other, as RUNs, until one fails, and tells what
// is left.
func runIn(t *testing.T, argv []string, bodies []string) string {
	t.Helper()
	dir := t.TempDir()
	for _, b := range bodies {
		cmd := exec.Command(argv[0], append(append([]string{}, argv[1:]...), b)...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "BASH_ENV="}
		if cmd.Run() != nil {
			return "failed"
		}
	}
	var out strings.Builder
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		fmt.Fprintf(&out, "%s %s", info.Mode(), name)
		if info.Mode().IsRegular() {
			dt, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %q", dt)
		}
		out.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
