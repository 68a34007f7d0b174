package shell

import (
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// words parses text as the arguments of a command.
func words(t *testing.T, text string, d Dialect) []Word {
	t.Helper()
	p := parseString("x "+text, d)
	if p.Err != nil {
		t.Fatalf("%q: %v", text, p.Err)
	}
	return p.Root.Children[0].Words[1:]
}

func TestLiteral(t *testing.T) {
	for _, test := range []struct {
		text string
		want string
		ok   bool
	}{
		{`curl`, "curl", true},
		{`"a b"c\ d'e'`, "a bc de", true},
		{`""`, "", true},
		{`"\$HOME \q \\"`, `$HOME \q \`, true},
		{`'\$'`, `\$`, true},
		{`\*\?\[`, "*?[", true},
		{`"*"'?'`, "*?", true},
		{`[`, "[", true},
		{`a]`, "a]", true},
		{`--opt=~/x`, "--opt=~/x", true},
		{`a~b`, "a~b", true},
		{`"~"/x`, "~/x", true},
		{`{}`, "{}", true},
		{`Dpkg::Options::="--force-confdef"`, "Dpkg::Options::=--force-confdef", true},
		{`/var/lib/apt/lists/*`, "", false},
		{`a[b]`, "", false},
		{`~/x`, "", false},
		{`~root`, "", false},
		{`$x`, "", false},
		{`"${x}"`, "", false},
		{"`x`", "", false},
		{`"$((1))"`, "", false},
		{`{a,b}`, "", false},
		{`<(x)`, "", false},
	} {
		got, ok := words(t, test.text, Bash)[0].Literal()
		if got != test.want || ok != test.ok {
			t.Errorf("%s: %q, %v", test.text, got, ok)
		}
	}
}

func TestResolve(t *testing.T) {
	lookup := func(name string) (string, bool) {
		v, ok := map[string]string{"V": "1.2", "SPACE": "a b", "STAR": "*", "EMPTY": ""}[name]
		return v, ok
	}
	for _, test := range []struct {
		text string
		want string
		ok   bool
	}{
		{`$V`, "1.2", true},
		{`go${V}.tar`, "go1.2.tar", true},
		{`"$SPACE"`, "a b", true},
		{`$SPACE`, "", false},
		{`"$STAR"`, "*", true},
		{`x$STAR`, "", false},
		{`$EMPTY`, "", false}, // no argument at all
		{`"$EMPTY"`, "", true},
		{`x$EMPTY`, "x", true},
		{`$NONE`, "", false},
		{`${V:-3}`, "", false},
		{`$1`, "", false},
		{`$V*`, "", false},
	} {
		got, ok := words(t, test.text, POSIX)[0].Resolve(lookup)
		if got != test.want || ok != test.ok {
			t.Errorf("%s: %q, %v", test.text, got, ok)
		}
	}
}

func TestParameters(t *testing.T) {
	got := words(t, `a$b"${c:-${d}x$(e $f)}"$((g+1))`, POSIX)[0].Parameters()
	if diff := cmp.Diff([]string{"b", "c", "d", "g"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestWordsInShells compares what Literal says with the arguments that real
// shells pass, for random words of every kind of quoting.
func TestWordsInShells(t *testing.T) {
	pieces := []string{"a", "B", "1", " ", " ", `\`, `'`, `'`, `"`, `"`, "$'", "$x", "~", "*", "?", "[", "]", "{", "}", ",", "..", "=", ":", "/", "#", "!", "%", "n", "x41", "é", "-", "+", "^", "@", "\t", `\"`, `\'`, `\\`, "`", "$"}
	for _, s := range []namedShell{{"dash", nil, POSIX}, {"bash", nil, Bash}, {"busybox", []string{"sh"}, POSIX}} {
		path, err := exec.LookPath(s.name)
		if err != nil {
			t.Logf("no %s on this machine: not tested with it", s.name)
			continue
		}
		r := rand.New(rand.NewPCG(7, 7))
		dir := t.TempDir()
		compared := 0
		for range 25 {
			// Many words go to one shell, each on a line of its own.
			var script strings.Builder
			var want []string
			for range 60 {
				var b strings.Builder
				for range 1 + r.IntN(7) {
					b.WriteString(pieces[r.IntN(len(pieces))])
				}
				text := b.String()
				p := parseString("x "+text, s.dialect)
				if p.Err != nil || p.Ambiguous && s.name == "busybox" || p.Unfit() != "" || len(p.Root.Children) != 1 || p.Root.Children[0].Kind != Simple {
					continue
				}
				var line []string
				known := true
				for _, w := range p.Root.Children[0].Words[1:] {
					v, ok := w.Literal()
					known = known && ok
					line = append(line, "<"+v+">")
				}
				if !known || len(line) == 0 {
					continue
				}
				compared++
				want = append(want, text+" "+strings.Join(line, ""))
				script.WriteString("printf '%s ' '" + strings.ReplaceAll(text, "'", `'\''`) + "'; printf '<%s>' " + text + "\necho; printf '\\0'\n")
			}
			cmd := exec.Command(path, append(slices.Clone(s.args), "-c", script.String())...)
			cmd.Dir = dir
			cmd.Env = []string{"LC_ALL=C.UTF-8"}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v: %s\n%s", s.name, err, out, script.String())
			}
			var got []string
			for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\n\x00"), "\n\x00") {
				got = append(got, line)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", s.name, diff)
			}
		}
		if compared < 200 {
			t.Errorf("%s: only %d words compared", s.name, compared)
		}
	}
}

type namedShell struct {
	name    string
	args    []string
	dialect Dialect
}
