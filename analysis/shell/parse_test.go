package shell

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/source"
)

var kindNames = [...]string{"list", "and", "or", "pipe", "not", "simple", "subshell", "block", "if", "loop", "for", "case", "function", "test", "arithmetic", "declare", "other"}
var partNames = [...]string{"lit", "param", "cmd", "proc", "expr", "glob", "tilde", "brace"}

// dump writes a tree on one line: (kind words…), a word as its parts, a part as
// kind:text with a trailing q if it is quoted.
func dump(n *Node) string {
	var b strings.Builder
	b.WriteString("(" + kindNames[n.Kind])
	if n.Name != "" {
		b.WriteString(":" + n.Name)
	}
	if n.Background {
		b.WriteString(" &")
	}
	for _, a := range n.Assigns {
		op := "="
		if a.Append {
			op = "+="
		}
		b.WriteString(" " + a.Name + op + dumpWord(a.Value))
		for _, e := range a.Elems {
			b.WriteString("[" + dumpWord(e) + "]")
		}
	}
	for _, w := range n.Words {
		b.WriteString(" " + dumpWord(w))
	}
	for _, r := range n.Redirs {
		b.WriteString(" " + r.FD + r.Op + dumpWord(r.Target))
		if r.Heredoc {
			b.WriteString("{" + dumpWord(r.Body) + "}")
		}
	}
	for _, c := range n.Children {
		b.WriteString(" " + dump(c))
	}
	return b.String() + ")"
}

func dumpWord(w Word) string {
	var out []string
	for _, p := range w.Parts {
		s := partNames[p.Kind] + ":" + p.Text
		if p.Kind == Literal {
			s = p.Text
		}
		if p.Quoted {
			s += "'q"
		}
		if p.Kind == Parameter && !p.Plain {
			s += "!"
		}
		if p.Assigns {
			s += "="
		}
		for _, i := range p.Words {
			s += "<" + dumpWord(i) + ">"
		}
		if p.Node != nil {
			s += dump(p.Node)
		}
		out = append(out, s)
	}
	return strings.Join(out, "~")
}

func TestTree(t *testing.T) {
	for _, test := range []struct {
		d          Dialect
		text, want string
	}{
		{POSIX, "apt-get update && apt-get install -y curl   && rm -rf /var/lib/apt/lists/*",
			"(list (and (simple apt-get update) (simple apt-get install -y curl) (simple rm -rf /var/lib/apt/lists/~glob:*)))"},
		{POSIX, "a || b && c && ! d | e; f &", "(list (and (or (simple a) (simple b)) (simple c) (not (pipe (simple d) (simple e)))) (simple & f))"},
		{POSIX, "! a | b && c", "(list (and (not (pipe (simple a) (simple b))) (simple c)))"},
		{POSIX, `set -eux; savedAptMark="$(apt-mark showmanual)"; wget -O a.tgz "https://x/$V.tgz"`,
			"(list (simple set -eux) (simple savedAptMark=cmd:'q(list (simple apt-mark showmanual))) (simple wget -O a.tgz https://x/'q~param:V'q~.tgz'q))"},
		{POSIX, `echo "a\"b\$c\d" 'e\f' g\ h "" x''y`, `(list (simple echo a"b$c\d'q e\f'q g h 'q x~'q~y))`},
		{POSIX, `DEBIAN_FRONTEND=noninteractive apt-get -y install "$P" >/dev/null 2>&1 </dev/null`,
			"(list (simple DEBIAN_FRONTEND=noninteractive apt-get -y install param:P'q >/dev/null 2>&1 </dev/null))"},
		{POSIX, `export PATH=/opt:$PATH A B="x y" && readonly C`, "(list (and (declare PATH=/opt:~param:PATH B=x y'q export A) (declare readonly C)))"},
		{Bash, `export PATH=/opt:$PATH A B="x y" && readonly C`, "(list (and (declare PATH=/opt:~param:PATH B=x y'q export A) (declare readonly C)))"},
		{POSIX, "if [ -f x ]; then a; elif b; then c; else d; fi > log", "(list (if >log (list (simple [ -f x ])) (list (simple a)) (list (simple b)) (list (simple c)) (list (simple d))))"},
		{POSIX, "for p in a *.so ~/x; do echo $p; done", "(list (for:p a glob:*~.so tilde:~~/x (list (simple echo param:p))))"},
		{POSIX, "until ping; do sleep 1; done", "(list (loop:until (list (simple ping)) (list (simple sleep 1))))"},
		{POSIX, `case "$(uname -m)" in x86_64|amd64) A=1;; *) exit 1 ;; esac`,
			"(list (case cmd:'q(list (simple uname -m)) x86_64 amd64 glob:* (list (simple A=1)) (list (simple exit 1))))"},
		{POSIX, "x || f() { a; } > b | c && d", "(list (and (or (simple x) (pipe (function:f (block >b (list (simple a)))) (simple c))) (simple d)))"},
		{POSIX, "! f() { a; } && d & e", "(list (and & (not (function:f (block (list (simple a))))) (simple d)) (simple e))"},
		{POSIX, "f() { a; }; ( f )", "(list (function:f (block (list (simple a)))) (subshell (list (simple f))))"},
		{POSIX, "echo ${A:-$(b)} ${C:=d} ${#E} `g \\`h\\``",
			"(list (simple echo param:A!<cmd:(list (simple b))> param:C!=<d> param:E! cmd:(list (simple g cmd:(list (simple h))))))"},
		{POSIX, "echo $((i+1)) $((j=2))", "(list (simple echo expr:<param:i!><1> expr:=<param:j!><2>))"},
		{POSIX, "cat > f <<E && b\n$x `y` \\$z\nE\nc", "(list (and (simple cat >f <<E{param:x~ 'q~cmd:(list (simple y))~ $z\n'q}) (simple b)) (simple c))"},
		{POSIX, "cat <<'E'\n$x\nE\n", "(list (simple cat <<E'q{$x\n'q}))"},
		{POSIX, "echo {a,b} {} {x}", "(list (simple echo {a,b} {} {x}))"},
		{Bash, "echo {a,b} {} {x} p{1..3}s A=~/x", "(list (simple echo brace:{a,b}<a,b> {} {x} p~brace:{1..3}<1..3>~s A=~tilde:~~/x))"},
		{Bash, `echo $'a\tb\'\x41\101' $"c"`, "(list (simple echo a\tb'AA'q c'q))"},
		{Bash, `echo $'\x{41}'`, "(list (simple echo expr:'q))"},
		{Bash, "[[ -f x && $a == y* ]] && (( i++ )) && let j=1", "(list (and (test -f x && param:a == y~glob:*) (arithmetic expr:=<param:i!>) (arithmetic:let expr:=<param:j!><1>)))"},
		{Bash, "a=(x 'y z' $w) b[i]=1; c+=d", "(list (simple a=[x][y z'q][param:w] b=1[expr:<param:i!>]) (simple c+=d))"},
		{Bash, "diff <(a) >(b) &> log; time c; coproc d", "(list (simple diff proc:(list (simple a)) proc:(list (simple b)) &>log) (other:time (simple c)) (other:coproc (simple d)))"},
		{Bash, "function f { a; }; for ((i=0; i<3; i++)); do b; done", "(list (function:f (block (list (simple a)))) (for expr:=<param:i!><0> expr:<param:i!><3> expr:=<param:i!> (list (simple b))))"},
		{POSIX, "echo a\rb\r", "(list (simple echo a\rb\r))"}, // no blank to a shell
		{POSIX, "echo \xff'\xfe'", "(list (simple echo \xff~\xfe'q))"},
		{POSIX, "echo a\\\nb \\\n c", "(list (simple echo ab c))"},
		{POSIX, "", "(list)"},
		{POSIX, "echo a#b # c", "(list (simple echo a#b))"},
	} {
		p := parseString(test.text, test.d)
		if p.Err != nil {
			t.Errorf("%q: %v", test.text, p.Err)
			continue
		}
		if diff := cmp.Diff(test.want, dump(p.Root)); diff != "" {
			t.Errorf("%q: %s", test.text, diff)
		}
		if err := check(p); err != nil {
			t.Errorf("%q: %v", test.text, err)
		}
	}
}

// check says what is wrong with the ranges of a program: they lie in the text,
// children in their parents and one behind the other.
func check(p *Program) error {
	size := p.Text.Len()
	within := func(what string, r, outer Range) error {
		if r.From < outer.From || r.To < r.From || r.To > outer.To {
			return fmt.Errorf("%s %v is not within %v", what, r, outer)
		}
		return nil
	}
	all := Range{0, size}
	var node func(n *Node, outer Range) error
	var word func(w Word, outer Range) error
	word = func(w Word, outer Range) error {
		err := within("word", w.Range, outer)
		at := w.From
		for _, x := range w.Parts {
			err = errors.Join(err, within("part", x.Range, Range{at, w.To}))
			at = x.To
			if x.Node != nil {
				err = errors.Join(err, node(x.Node, x.Range))
			}
			for _, i := range x.Words {
				err = errors.Join(err, word(i, x.Range))
			}
		}
		return err
	}
	node = func(n *Node, outer Range) error {
		err := within("node", n.Range, outer)
		at := n.From
		for _, c := range n.Children {
			if c.Kind == List && len(c.Children) == 0 {
				continue
			}
			err = errors.Join(err, node(c, Range{at, max(at, n.To)}))
			at = c.To
		}
		for _, w := range n.Words {
			err = errors.Join(err, word(w, n.Range))
		}
		for _, a := range n.Assigns {
			err = errors.Join(err, within("assign", a.Range, n.Range), word(a.Value, a.Range))
			for _, e := range a.Elems {
				err = errors.Join(err, word(e, a.Range))
			}
		}
		for _, r := range n.Redirs {
			err = errors.Join(err, within("redir", r.Range, n.Range), word(r.Target, r.Range), word(r.Body, all))
		}
		return err
	}
	if (p.Err == nil) != (p.Root != nil) {
		return fmt.Errorf("error %v and root %v", p.Err, p.Root)
	}
	if p.Root == nil {
		return nil
	}
	err := node(p.Root, all)
	for _, c := range p.Comments {
		err = errors.Join(err, within("comment", c, all))
		if err == nil && p.Text.String()[c.From] != '#' {
			err = fmt.Errorf("comment %v does not start at a #", c)
		}
	}
	return err
}

func TestRanges(t *testing.T) {
	// The text of a RUN over three lines with a comment in it, in a file with an
	// accent before it.
	file := "# é\nRUN apt-get update \\\n  # why\n  && echo \"ünïcode $V\" > /é \\\n  && V=x:~ cmd `a \\`b\\`` # end\n"
	lines := []string{"apt-get update ", "  && echo \"ünïcode $V\" > /é ", "  && V=x:~ cmd `a \\`b\\`` # end"}
	var spans []source.Span
	for _, l := range lines {
		at := strings.Index(file, l)
		spans = append(spans, source.Span{Start: at, End: at + len(l)})
	}
	p := Parse(source.Join(file, spans...), POSIX)
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	var got []string
	p.Walk(func(n *Node, _ Context) bool {
		got = append(got, kindNames[n.Kind]+" "+p.Span(n.Range).In(file))
		for _, a := range n.Assigns {
			got = append(got, "assign "+p.Span(a.Range).In(file))
		}
		for _, w := range n.Words {
			got = append(got, "word "+p.Span(w.Range).In(file))
			for _, x := range w.Parts {
				got = append(got, "part "+p.Source(x.Range))
			}
		}
		for _, r := range n.Redirs {
			got = append(got, "redir "+p.Span(r.Range).In(file))
		}
		return true
	})
	chain := "apt-get update \\\n  # why\n  && echo \"ünïcode $V\" > /é \\\n  && V=x:~ cmd `a \\`b\\``"
	want := []string{
		"list " + chain, "and " + chain,
		"simple apt-get update", "word apt-get", "part apt-get", "word update", "part update",
		`simple echo "ünïcode $V" > /é`, "word echo", "part echo", `word "ünïcode $V"`, "part ünïcode ", "part $V", "redir > /é",
		"simple V=x:~ cmd `a \\`b\\``", "assign V=x:~", "word cmd", "part cmd", "word `a \\`b\\``", "part `a \\`b\\``",
		"list a \\`b\\`", "simple a \\`b\\`", "word a", "part a", "word `b\\`", "part `b\\`", "list b", "simple b", "word b", "part b",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(p.Comments) != 1 || p.Span(p.Comments[0]).In(file) != "# end" {
		t.Errorf("comments %v", p.Comments)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		d    Dialect
		text string
		want string
	}{
		{Opaque, "Write-Host hi", "the SHELL is none whose language is known"},
		{POSIX, strings.Repeat("a", maxLen+1), "the text is longer than the 128 KiB that Linux takes as one argument"},
		{POSIX, "a\x00b", "the text holds a NUL byte"},
		{POSIX, "-e x", "the shell takes a text that starts with - or + for options"},
		{POSIX, "a && ", "`&&` must be followed by a statement"},
		{POSIX, "echo 'a", "reached EOF without closing quote `'`"},
		{POSIX, "in x", "a reserved word where a command should start"},
		{Bash, "echo @(a|b)", "an extended pattern, which bash reads so only under extglob"},
		{Bash, "f() echo", "a function whose body is no compound command"},
		{POSIX, "cat << E", "unclosed here-document `E`"},
		{POSIX, strings.Repeat("$(", 10000), "the text is nested too deeply"},
		{POSIX, strings.Repeat("(", 100000), "the text is nested too deeply"},
		{Bash, "echo $((" + strings.Repeat("- ", 50000), "the text is nested too deeply"},
		{Bash, strings.Repeat("time ", 20000), "the text is nested too deeply"},
		{POSIX, "echo " + strings.Repeat("${a:-", 20000), "the text is nested too deeply"},
	} {
		p := parseString(test.text, test.d)
		if p.Err == nil || p.Err.Error() != test.want {
			t.Errorf("%.40q: error %v, want %s", test.text, p.Err, test.want)
		}
		if p.Root != nil || p.Plain() || p.Chain() || p.LastPlain() || len(p.Leaks()) == 0 || !p.TurnsOnErrexit() || !p.TrapsErrors() ||
			!p.ErrexitSensitive() || len(p.Backgrounds()) == 0 || p.Unfit() == "" {
			t.Errorf("%.40q does not parse, and a predicate allows something", test.text)
		}
	}
	if err := parseString("a && && b", POSIX).Err; err.(*SyntaxError).At != 2 {
		t.Errorf("the error stands at %d", err.(*SyntaxError).At)
	}
}

// long makes a text of one shape, size bytes long or a little less.
func long(shape string, size int) string {
	return strings.TrimRight(strings.Repeat("a"+shape, size/(1+len(shape))), " &|;")
}

var shapes = []string{" && ", " || ", "; ", " | ", " && a || ", "~", "${x}", "`b`", "\"c\"", "{},", "*[", ":~", "=", " 2>&1 "}

// TestLong parses texts as long as an argument can be, some of which nest in the
// parser.
func TestLong(t *testing.T) {
	for _, shape := range shapes {
		p := parseString(long(shape, maxLen), Unknown)
		if p.Err != nil {
			t.Errorf("%q: %v", shape, p.Err)
		}
		exercise(p)
	}
}

// BenchmarkShapes shows that no shape costs more a byte when it is longer.
func BenchmarkShapes(b *testing.B) {
	for _, shape := range shapes {
		for _, size := range []int{4 << 10, 128<<10 - 1} {
			text := long(shape, size)
			b.Run(fmt.Sprintf("%q/%d", shape, size), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					exercise(parseString(text, Unknown))
				}
			})
		}
	}
}

func TestAmbiguous(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  bool
		reads string // which dialects parse it
	}{
		{"[ -f x ] && echo ok || echo no", false, "pb"},
		{"apt-get update && apt-get install -y a b", false, "pb"},
		{"cd /a && { b || exit 1; }", false, "pb"},
		{"find . -name '*.pyc' -exec rm {} \\;", false, "pb"},
		{"export A=~/x:~ B=$C", false, "pb"},
		{"echo \"${A:-b}\" ${C#d} ${E%%f*}", false, "pb"},
		{"for f in *.deb; do dpkg -i \"$f\" > /dev/null 2>&1; done", false, "pb"},
		{"pip install 'a[b]' \"c>=1\" 2>/dev/null", false, "pb"},
		{"f() { echo $1; }; f", false, "pb"},
		{"cat <<E\nx\nE\n", false, "pb"},
		{"echo {a,b}", true, "pb"},
		{"mkdir -p /a/{b,c}/d", true, "pb"},
		{"a &> b", true, "b"},
		{"a >& b", true, "b"},
		{"a |& b", true, "b"},
		{"((i=1))", true, "pb"},
		{"[[ -f x ]] && y", true, "pb"},
		{"function f { a; }", true, "b"},
		{"diff <(a) b", true, "b"},
		{"a=(b c)", true, "b"},
		{"echo $'a\\n'", true, "pb"},
		{"echo $\"a\"", true, "pb"},
		{"echo ${a/b/c}", true, "b"},
		{"a <<< b", true, "b"},
		{"time a", true, "pb"},
		{"a+=b", true, "pb"},
		{"declare x=1", true, "pb"},
		{"env A=~/x cmd", true, "pb"},
		{"echo \"${a:-'b'}\"", true, "b"},
		{"foo-bar() { a; }", true, "b"},
		{"echo 'a", false, ""},
	} {
		for d, letter := range map[Dialect]string{POSIX: "p", Bash: "b", Unknown: ""} {
			p := parseString(test.text, d)
			if p.Ambiguous != test.want {
				t.Errorf("%q in dialect %d: ambiguous is %v", test.text, d, p.Ambiguous)
			}
			if reads := strings.Contains(test.reads, letter) && test.reads != ""; reads != (p.Err == nil) {
				t.Errorf("%q in dialect %d: %v", test.text, d, p.Err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"apt-get update && apt-get install -y a", "a || b && ! c | d; e &", "case x in (a|b) c;; *) d; esac", "echo \"${a:-`b \\`c\\``}\" $'x\\'y' $\"z\"",
		"cat <<E <<-'F' > g\n$a\\\nE\nE\n\tb\nF\n", "a=(b [1]=c) d[e]=f g+=h", "[[ a =~ b(c)* && ! -f d ]]", "((a++, b)) || let c=1", "f() { a; } > b; f",
		"if a; then b # c\nelif d; then e; fi", "echo {a,{b,c}}{1..2} ~x/y A=~:~ *[a-z]? \\*", "echo $((a ? b : c)) ${x//a/b} ${y:1:2} ${!z} ${w[@]}",
		"echo \\\n a\r\n\xff `# b`", "time -p a | b; coproc c; select x in y; do z; done", "a 2>&1 >&- <&3 {v}>w &>> x", "export A=\"b\"c B", "# only", "<<''\n\n",
	} {
		f.Add(s, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, d uint8) {
		dialect := Dialect(d % 3)
		p := parseString(text, dialect)
		if err := check(p); err != nil {
			t.Fatal(err)
		}
		exercise(p)
		if len(text) <= maxLen && !strings.Contains(text, "\x00") && alike(text) {
			a, b := parseAs(text, mask(text), false), parseAs(text, mask(text), true)
			if (a.err == nil) != (b.err == nil) || a.err == nil && !equalNodes(a.root, b.root) {
				t.Fatalf("said to be alike: %v, %v", a.err, b.err)
			}
		}
		if p.Err != nil || p.Unfit() != "" {
			return
		}
		// What fits a wrapper is the same program inside it.
		body := text[:p.Trailing().From]
		open, end := "( ", " )"
		if len(p.Heredocs()) > 0 {
			open, end = "(\n", "\n)"
		}
		if len(body) > maxLen-len(open+end) {
			return
		}
		w := parseString(open+body+end, dialect)
		if w.Err != nil && strings.Contains(body, "#") {
			return // inside parentheses the parser takes 'a'#b for a word and a comment
		}
		if w.Err != nil || len(w.Root.Children) != 1 || w.Root.Children[0].Kind != Subshell {
			t.Fatalf("%q wrapped: %v", body, w.Err)
		}
		if in, out := dump(p.Root), dump(w.Root.Children[0].Children[0]); in != out {
			t.Fatalf("%q is\n%s and wrapped\n%s", body, in, out)
		}
	})
}

// exercise asks everything that can be asked of a program.
func exercise(p *Program) {
	p.Walk(func(n *Node, _ Context) bool {
		n.Invocation()
		for _, w := range n.Words {
			w.Literal()
			w.Parameters()
			w.Resolve(func(string) (string, bool) { return "v", true })
		}
		return true
	})
	p.Plain()
	p.Chain()
	p.LastPlain()
	p.Leaks()
	p.LeaksAfterSet()
	p.TurnsOnErrexit()
	p.TrapsErrors()
	p.ErrexitSensitive()
	p.ReadsShell()
	p.Lookups()
	p.Backgrounds()
	p.Heredocs()
}

func BenchmarkParse(b *testing.B) {
	text := "set -eux; apt-get update; apt-get install -y --no-install-recommends ca-certificates curl \"$PKG\"; " +
		"curl -fsSL \"https://example.com/v${VERSION}.tar.gz\" | tar -xz -C /usr/local --strip-components=1; rm -rf /var/lib/apt/lists/*"
	for _, size := range []int{1, 8, 64, 512} {
		body := strings.TrimSuffix(strings.Repeat(text+" && ", size), " && ")
		t := source.Join(body, source.Span{End: len(body)})
		b.Run(fmt.Sprint(len(body)), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if p := Parse(t, POSIX); p.Err != nil {
					b.Fatal(p.Err)
				}
			}
		})
	}
}
