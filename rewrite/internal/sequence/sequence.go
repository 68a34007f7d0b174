// Package sequence makes random RUN sequences for tests.
package sequence

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A File is a random Dockerfile. Its stages do not know of each other: each is one
// sequence, and stands for a Dockerfile of its own.
type File struct {
	Escape byte // what continues a line: a backslash or a backquote
	CRLF   bool
	Stages []Stage
}

// A Stage is one sequence: RUNs, and what stands between them.
type Stage struct {
	Name         string
	Base         string // as FROM names it; an image of which nothing is known when it is Unknown
	Instructions []string
}

// Unknown is the base of which nothing is known: its SHELL may be any.
const Unknown = "example.com/base"

// Prefix begins every absolute path that a RUN names, and every absolute WORKDIR.
const Prefix = "/srv"

// World lists the files that the RUNs of a stage find in the folder where its
// first RUN starts, by their names.
func World() map[string]string {
	return map[string]string{"a": "one\ntwo\n", "b": "", "d/x": "in d\n", "p": "", "d/p": "", "lib": "L=lib\nset -e\n", "v.sh": "V=sourced\n"}
}

// Random makes a Dockerfile of so many stages, s0 and on. The same source makes
// the same file.
//
// What its RUNs change is below Prefix, in the folder where they start and in the
// folder above it. They read nothing from outside, are soon over, and end alike
// each time: no clock, no chance, no process number is seen in a file.
func Random(r *rand.Rand, stages int) File {
	g := &generator{Rand: r, escape: '\\', deep: 2}
	if g.one(12) {
		g.escape = '`'
	}
	f := File{Escape: g.escape, CRLF: g.one(12)}
	for i := range stages {
		s := g.stage()
		s.Name = fmt.Sprint("s", i)
		f.Stages = append(f.Stages, s)
	}
	return f
}

// String is the text of the Dockerfile.
func (f File) String() string {
	var b strings.Builder
	if f.Escape != '\\' {
		fmt.Fprintf(&b, "# escape=%c\n", f.Escape)
	}
	for _, s := range f.Stages {
		fmt.Fprintf(&b, "FROM %s AS %s\n", s.Base, s.Name)
		for _, in := range s.Instructions {
			b.WriteString(in + "\n")
		}
	}
	text := b.String()
	if f.CRLF {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// shells are what SHELL is set to.
var shells = [][]string{
	{"/bin/bash", "-c"}, {"/bin/dash", "-c"}, {"/bin/dash", "-ec"}, {"/bin/ash", "-c"},
	{"/bin/bash", "-eo", "pipefail", "-c"}, {"/bin/bash", "-c"}, {"/bin/dash", "-c"}, {"/bin/ash", "-ec"}, {"/bin/bash", "-o", "pipefail", "-c"}, {"/bin/bash", "-c"}, {"bash", "-euxo", "pipefail", "-c"},
	{"/bin/dash", "-c"}, {"/bin/dash", "-ec"}, {"/bin/dash", "-e", "-u", "-c"}, {"/bin/ash", "-c"}, {"/bin/ash", "-eo", "pipefail", "-c"},
	{"/bin/sh", "-ec"}, {"/bin/sh", "-exc"}, {"/bin/sh", "-c"}, {"/bin/sh", "-uc"},
}

// A generator makes bodies that do everything to a shell which matters for joining.
type generator struct {
	*rand.Rand
	escape byte
	deep   int
	set    string // what opens the careful bodies of a stage
	bash   bool   // the stage's SHELL is bash
	called int    // functions so far
}

func (g *generator) one(in int) bool { return g.IntN(in) == 0 }

func (g *generator) of(list []string) string { return list[g.IntN(len(list))] }

// pick chooses a template and fills it in: @f is a file, @r one
// that is there, @v a variable, @t a word
// with what a shell expands in it, @q such a word in double quotes, @> the operator
// of a redirection.
func (g *generator) pick(templates ...string) string {
	s := g.of(templates)
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(s, "@")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		if after == "" {
			return out.String() + "@"
		}
		s = after[1:]
		switch after[0] {
		case 'f':
			out.WriteString(g.file())
		case 'r':
			out.WriteString(g.of([]string{"a", "a", "a", "b", "d/x", "lib", "c", `"a"`, "./a"}))
		case 'v':
			out.WriteString(g.of([]string{"V", "V", "W", "E"}))
		case 't':
			out.WriteString(g.text())
		case 'q':
			out.WriteString(`"` + g.quoted() + `"`)
		case '>':
			out.WriteString(g.of([]string{">", ">", "> ", ">>", ">> "}))
		default:
			out.WriteString("@" + after[:1])
		}
	}
}

// A break is where a line may be continued: before or after what joins commands,
// between words, and inside double quotes.
const (
	breakBefore = "\x01"
	breakAfter  = "\x02"
	breakWords  = "\x03"
)

// stage makes a sequence of two to five RUNs.
func (g *generator) stage() Stage {
	s := Stage{Base: g.of([]string{"scratch", "scratch", "scratch", "debian:12", "alpine:3.20", Unknown})}
	if s.Base == Unknown && g.one(3) || s.Base != Unknown && !g.one(6) {
		argv := shells[g.IntN(len(shells))]
		if strings.HasSuffix(argv[0], "bash") && !g.one(8) {
			s.Base = "scratch" // what bash reads at its start, another base may have set
		}
		s.put(shellInstruction(argv))
	}
	for g.one(5) {
		s.put(g.setting())
	}
	if !g.one(3) {
		s.put("WORKDIR " + g.of([]string{"/srv/w", "/srv/w", "/srv/w", "/srv"}))
	}
	style := g.style()
	g.set = g.of(setErrexit)
	n := 2
	for n < 5 && g.one(4) {
		n++
	}
	flags := ""
	if g.one(25) {
		flags = g.of([]string{"--network=none ", "--mount=type=cache,target=/root/.cache ", "--network=default "})
	}
	for i := range n {
		if i > 0 {
			s.put(g.between()...)
		}
		if g.one(60) {
			s.put(g.pick(`RUN ["touch", "a"]`, `RUN ["sh", "-c", "echo x > b"]`))
			continue
		}
		if g.one(50) {
			s.put(g.heredoc(style))
			continue
		}
		last := i == n-1
		s.put(g.run(flags, g.dressed(g.body(style, last))))
	}
	_, end, _ := cutLast(s.Instructions[len(s.Instructions)-1], "\n")
	if end = strings.Trim(end, " \t"); end == "" || end[0] == '#' || end[len(end)-1] == g.escape {
		s.put("LABEL swallowed=yes") // not the next FROM
	}
	return s
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

func (s *Stage) put(instructions ...string) {
	s.Instructions = append(s.Instructions, instructions...)
}

func shellInstruction(argv []string) string {
	text, err := json.Marshal(argv)
	if err != nil {
		panic(err) // of strings
	}
	return "SHELL " + strings.ReplaceAll(string(text), `","`, `", "`)
}

// setting is an instruction that changes how the RUNs after it start.
func (g *generator) setting() string {
	return g.pick("ENV V=env", "ENV V=env W=2", "ENV E env", "ARG W=arg", "ARG V", "WORKDIR d", "WORKDIR /srv/w", "USER root", "ENV Q='a b'")
}

// between is what stands between two RUNs: mostly nothing.
func (g *generator) between() []string {
	var out []string
	for g.one(5) {
		switch g.IntN(12) {
		case 0, 1, 2:
			out = append(out, g.pick("# a comment", "    # indented && touch never", "#", "# it's \"open", "# ends in \\", "# RUN touch never"))
		case 3, 4:
			out = append(out, "")
		case 5, 6, 7, 8:
			out = append(out, g.pick("LABEL k=v", `LABEL "a b"="c d" e=f`, "EXPOSE 80", "CMD true", `CMD ["a", "b"]`, `ENTRYPOINT ["/e"]`,
				"HEALTHCHECK CMD test -e a", "HEALTHCHECK NONE", "STOPSIGNAL SIGTERM", "VOLUME /data", "MAINTAINER me"))
		case 9:
			argv := shells[g.IntN(len(shells))]
			out = append(out, shellInstruction(argv))
		default:
			out = append(out, g.setting())
		}
	}
	return out
}

// run writes a body as one instruction, on one line or on several.
func (g *generator) run(flags, body string) string {
	keyword := g.of([]string{"RUN ", "RUN ", "RUN ", "RUN ", "RUN ", "RUN  ", "run ", "RUN\t"})
	next := " " + string(g.escape) + "\n"
	if g.one(10) {
		next = string(g.escape) + g.of([]string{"", " ", "  \t"}) + "\n"
		if next[1] == '\n' {
			next = " " + next
		}
	}
	indent := g.of([]string{"    ", "    ", "  ", "\t", "     ", " ", "        "})
	broken := func() string {
		out := next
		for g.one(8) {
			out += g.pick("# a comment\n", indent+"# && touch never\n", "#\n", "\n", indent+"# ends in "+string(g.escape)+"\n", "# don't\n")
		}
		return out
	}
	style := g.IntN(6)
	if strings.Contains(body, "\n") {
		style = 0
	}
	var out strings.Builder
	for i := range len(body) {
		mark := body[i : i+1]
		switch {
		case mark > breakWords || mark < breakBefore:
			out.WriteString(mark)
		case style == 1 && mark == breakBefore, style == 2 && mark == breakBefore && !g.one(3):
			out.WriteString(broken() + indent)
		case style == 3 && mark == breakAfter:
			out.WriteString(broken() + indent)
		case style == 4 && (mark != breakWords || g.one(3)) && g.one(2):
			out.WriteString(broken() + g.of([]string{"", indent, indent, " "}))
			if mark == breakWords {
				out.WriteString(" ")
			}
		default:
			out.WriteString(" ")
		}
	}
	opening := ""
	if g.one(30) {
		opening = string(g.escape) + "\n" + indent
	}
	return keyword + flags + opening + out.String()
}

// heredoc is a RUN whose body stands in a here-document.
func (g *generator) heredoc(style int) string {
	var lines []string
	for range 1 + g.IntN(3) {
		lines = append(lines, marks.Replace(g.body(style, false)))
	}
	return "RUN " + g.of([]string{"<<EOF", "<<'EOF'", "<<-EOF"}) + "\n" + strings.Join(lines, "\n") + "\nEOF"
}

var marks = strings.NewReplacer(breakBefore, " ", breakAfter, " ", breakWords, " ")

// The styles of a sequence.
const (
	chains  = iota // lists of && as most RUNs are
	careful        // lists that open with set -e
	mixed          // a chain here, anything there
	wild           // anything
)

func (g *generator) style() int {
	return []int{chains, chains, chains, chains, careful, careful, mixed, mixed, mixed, wild}[g.IntN(10)]
}

// body is what a RUN holds.
func (g *generator) body(style int, last bool) string {
	if last && g.one(3) {
		return g.observer()
	}
	switch style {
	case chains:
		return g.chain(g.of2(1, 4))
	case careful:
		if last && g.one(3) {
			return g.set + "; " + g.of([]string{g.observer(), g.list(1)})
		}
		return g.setList()
	case mixed:
		if g.one(2) {
			return g.chain(1)
		}
	}
	switch g.IntN(8) {
	case 0:
		return g.chain(6)
	case 1:
		return g.setList()
	case 2:
		return g.observer()
	case 3, 4:
		return g.command(g.deep)
	default:
		return g.list(g.deep)
	}
}

func (g *generator) of2(a, b int) int {
	if g.one(2) {
		return a
	}
	return b
}

// dressed adds what stands around a body now and then.
func (g *generator) dressed(body string) string {
	switch g.IntN(50) {
	case 0, 1:
		return body + ";"
	case 2:
		return body + " ;"
	case 3, 4:
		return body + g.of([]string{" ", "  ", "\t", "\t "})
	case 5:
		return "cat <<E > " + g.file() + " && " + marks.Replace(body) + "\n$V here\nE"
	case 6:
		return body + " # a comment"
	case 7:
		return body + ` \`
	case 8:
		return "  " + body
	case 9:
		return body + " ; # end"
	case 10:
		return g.pick("# only a comment", "true & wait", "echo x > f & wait", "true &")
	}
	return body
}

func (g *generator) file() string {
	return g.of([]string{"a", "a", "b", "b", "c", "c", "d/x", "d/y", "e", "f", "f", "f", "d", `"n o"`, `n\ o`, `'a'`, `"d"/x`, "./b", "/srv/w/c", "/srv/g", "h.txt", "${V}f", `"x$W"`})
}

func (g *generator) text() string {
	switch {
	case g.one(24):
		return "$(" + g.list(0) + ")"
	case g.one(24):
		return `"$(` + g.list(0) + `)"`
	case g.one(4):
		return `"` + g.quoted() + `"`
	}
	return g.pick("x", "x", "x", "two words", "$@v", "${@v}", "${@v:=set}", "${@v=set}", "${@v:+set}", "${@v%n*}", "$?", "$#", "*", "[a-c]", "?", "d/*",
		"'a\"b'", `a\;b`, "$((1+2))", "$((@v=7))", "$((W+1))", "`echo q`", "`cat a`", "~x", "a=b", `""`, "''", "{p,q}", "'$V'", `\$V`, "$0", "-n", "$-", "a#b", `\\`, `'\'`, "$1", "$@")
}

// quoted is what stands in double quotes.
func (g *generator) quoted() string {
	return g.pick("$@v", "${@v:-none}", "$?", "$*", "a'b", `a\"b`, "$(umask)", "`echo q`", "two"+breakWords+"words", "$(cat a)", "${@v:=set}", "it's && not; a | list",
		"$(echo \"$@v\")", `$(pwd | sed 's,.*/,,')`, "# no comment", `\$V`, `\\`, "${V:-\"x\"}", "$(cd d && echo *)", "a  b", ")", "( ", "$(false; echo on)")
}

// cheap are commands that a shell runs itself, and leaves it as it is.
var cheap = []string{
	"true", "true", ":", "echo @t @> @f", "echo @t @> @f", "echo @t @> @f", "echo @t @t @>@f 2>&1", `printf '%s\n' @t @> @f`, `printf "%s|" @t @t @> @f`, "> @f",
	"[ -f @r ]", "[ -e @r ]", "test -d d", "test -n @q", "[ ! -e nosuch ]", "[ @q = x ] || true", "echo on > @f", "echo @q >> c", "echo @q > e",
	"pwd > @f", "echo", "echo @t", "type echo > @f", "command -v true >> @f", "command echo @t > f", "echo * > f", `test "$(echo x)" = x`,
	"echo out 2> @f", "2>/dev/null echo x > @f", "echo x 2>&1 > @f", "V=1 echo @q @> @f", "echo x 1>&2", ": > @f", "cd d >/dev/null || true", "test 1 -eq 1", `echo "$BASH_SUBSHELL|$BASH_EXECUTION_STRING" >> c`,
}

// failing fail, most of them.
var failing = []string{
	"false", "false", "test -e nosuch", "[ -d a ]", "rm nosuch", "mkdir d", "nosuch", "cat nosuch", "grep -q nosuch a", "test -n \"\"", "echo x > nosuch/x", "ls nosuch > f", "[", "echo ${NONE?unset}", "cat < nosuch", "/srv/nosuch", "rmdir d",
}

// programs are commands of the system, which a shell has to start. None appends to
// a file what it reads from a file: that may be the same one, and never end.
var programs = []string{
	"touch @f", "touch @f @f", "rm -f @f", "rm -f @f", "rm @r", "rm -rf @f", "mkdir g", "mkdir -p @f", "mkdir -p d/e/f", "cp @r @f", "cp @r @f", "cp -r d c", "mv @f @f", "ln -s @f @f", "ln -sf a @f", "ln a @f", "ln b @f",
	"cat @r > @f", "cat < a > @f", "cat a b > c", "grep -q one a", "grep -v one a > c", "sed -i s/one/1/ @r", "sed s/o/0/ @r > e", "chmod 600 @r", "chmod +x @r", "chmod a-w @r", "head -n 1 @r > c", "tail -n 1 a @> f", "sort -u a > @f",
	"echo x | tee @f", "echo @t | tee p", "echo x | tee -a c > f", "ls > f", "ls @r", "find . -name c > f", "find d -type f -exec cat {} + > f", "cat a | grep one > p", "echo b a | tr a-b A-B | sort @> f", "env V=1 cat a > c",
	"sh -c 'exit 3'", "sh -c 'echo $V' > c", "rm -rf /srv/w", "rm -rf d/*", "rm -rf ../w", "unlink a", "wc -l < a > c", "basename /srv/w > c", "install -d g", "cut -c 1 a > f", "printf x | cat - a > f", "mkdir -m 700 k", "ls a b c d 2>/dev/null | cat > f", "cat lib >&2",
}

// plain is a command that leaves the shell as it is.
func (g *generator) plain() string {
	switch n := g.IntN(40); {
	case n == 0:
		return g.pick(failing...)
	case n < 7:
		return g.pick(programs...)
	}
	return g.pick(cheap...)
}

// stateful are commands that change the shell, or might seem to.
var stateful = []string{
	"@v=@t", "@v=1", "V=1 W=$V", "export @v=@t", "export @v", "unset @v", "readonly @v=r", "cd d", "cd d", "cd @f", "cd nosuch", "cd", "cd - > f", "cd d/..", "cd ../w", "cd /srv", "test -e lib && cd ..",
	"set -e", "set -e", "set -ex", "set -u", "set -u", "set -f", "set +e", "set +f", "set -x", "set +x", "set -C", "set -a", "set -n", "set -v", "set -- one two", "set one", "set -o errexit", "set -o nounset", "set -o pipefail", "set +o errexit", "set -eu", "set -euo pipefail",
	"umask 077", "umask 077", "umask 022", "umask 027 && touch k", "trap 'echo bye >> @f' EXIT", "trap 'echo bye >> @f' 0", "trap 'echo err >> e' ERR", "trap 'echo term >> e; exit 0' TERM", "trap '' TERM", "trap - EXIT", "trap 'exit 0' EXIT", "trap 'rm -f a' INT EXIT", "trap 'exit 3' EXIT",
	"kill -TERM $$", "exit 0", "exit 1", "exit", "exit 3", "return", "return 1", "exec true", "exec > e", "exec 3> e", "exec echo x > c", "exec 2>&1", "exec cat a",
	"eval false", "eval 'set -e'", "eval @v=1", `eval "echo @v > c"`, "eval 'cd d'", ". ./lib", ". ./v.sh", ". ./nosuch", "shift", "read @v < @f", "read V W < a", "read -r @v < a", "alias ls=false", "alias echo=false", "V=1 :", "W=2 true", "V=1 eval true", "V=1 export W", "V=1 . ./v.sh", "command cd d", "command set -e", "command exit 1", "command eval V=3",
	"wait", "hash -r", "ulimit -c 0", "getopts ab V -a", "printf -v V x", "local V=1", "IFS=o", "IFS=", "PATH=/nosuch", "PATH=/nosuch true", "HOME=/srv", "CDPATH=/srv", "unset E; : ${E=x}", "OPTIND=1",
	"type cat > c", "break", "continue", "builtin cd d", "pushd d", "declare V=1", "let V=1", "shopt -s nullglob", "shopt -s failglob", "[ -d d ] && cd d", ": ${V:=1}", ": $((V=2))", ": $((V+=1))", "echo $((V=7)) > c", "echo ${V:=x} > c", "umask", "umask > c", "trap", "set", "set > /dev/null", "V=$(false)", "V=$(cat a)", "export V=$(false)", "V=`echo q`", "readonly V", "true $((W=3))", "test ${W:=w} = w", "echo x > ${W:=f}", "for V in x y; do :; done",
	"[[ a = a ]]", "[[ ab =~ a(.) ]]", "((V=1))", "V=(1 2)", "V+=x", "echo ${V/x/y} > c", "source ./v.sh", "function fn { V=1; }", "select x in 1; do break; done", "mapfile V < a", "true {fd}> c",
}

func (g *generator) simple() string {
	if g.one(6) {
		return g.pick(stateful...)
	}
	return g.plain()
}

func (g *generator) command(depth int) string {
	if depth <= 0 || !g.one(4) {
		return g.simple()
	}
	l := func() string { return g.list(depth - 1) }
	and := func() string { return g.andOr(depth - 1) }
	switch g.IntN(20) {
	case 0, 1:
		return "( " + l() + " )"
	case 2:
		return "(" + l() + ")"
	case 3, 4:
		return "{ " + l() + "; }"
	case 5:
		return "if " + l() + "; then " + l() + "; else " + l() + "; fi"
	case 6:
		return "if " + l() + "; then " + l() + "; fi"
	case 7:
		return "if " + and() + "; then " + and() + "; elif " + and() + "; then " + and() + "; fi"
	case 8, 9:
		return "for " + g.pick("@v", "i") + " in " + g.of([]string{"1 2", "a b", "*", `"$@"`, "x"}) + "; do " + l() + "; done"
	case 10:
		return "case $V in 1) " + l() + ";; x*) " + l() + ";; *) " + l() + " ;; esac"
	case 11:
		return "case " + g.text1() + " in (x|set) " + and() + ";; [a-e]*) " + and() + " ;; esac"
	case 12:
		return "! " + g.simple()
	case 13:
		return "{ " + l() + "; } > " + g.file()
	case 14, 15:
		g.called++
		f := fmt.Sprint("fn", g.called) // not its own inside: no recursion
		open := g.of2(0, 1)
		return f + []string{"() { ", "() ( "}[open] + l() + []string{"; }", " )"}[open] + g.of([]string{"", "; " + f, " && " + f, "; " + f + " || " + g.simple(), "; " + f + " x y"})
	case 16:
		return "while [ ! -e w ]; do " + g.simple() + "; echo w > w || break; done"
	case 17:
		return "until [ -e w ]; do echo w > w || break; " + g.simple() + "; done"
	case 18:
		// What no body writes to, so that it ends.
		return "while read -r " + g.pick("@v", "l") + "; do " + l() + "; done < v.sh"
	default:
		return "( " + l() + " ) || " + g.simple()
	}
}

func (g *generator) text1() string { return g.pick("$@v", "x", `"$V"`, "${W:-x}", "$?") }

// filters read all that they are given.
// They write to p alone, which is there, and which nothing before a pipe removes:
// both sides run at once.
var filters = []string{"cat > p", "cat >> p", "grep one > p", "grep -c . > p", "sort > p", "tee p", "while read V; do echo \"<$V>\" >> p; done", "{ read W; echo \"$W\" > p; cat > /dev/null; }", "sed s/x/y/ > p", "( cat > p )", "cat", "sort | uniq -c > p"}

func (g *generator) pipeline(depth int) string {
	out := g.command(depth)
	for g.one(20) && !strings.Contains(out, "rm -rf ") {
		out += breakBefore + "|" + breakAfter + g.pick(filters...)
	}
	if g.one(24) {
		out = g.of([]string{"false", "true", ":", "! true", "exit 3", "cd d"}) + " | " + g.pick(append(slices.Clone(filters), "true", "false", "V=1", "exit 0")...)
	}
	return out
}

func (g *generator) andOr(depth int) string {
	out := g.pipeline(depth)
	for g.one(2) {
		out += breakBefore + g.of([]string{"&&", "&&", "&&", "||"}) + breakAfter + g.pipeline(depth)
	}
	return out
}

func (g *generator) list(depth int) string {
	out := g.andOr(depth)
	for g.one(3) {
		out += ";" + breakAfter + g.andOr(depth)
	}
	return out
}

// observer is a list that shows most of what a body may have left in the shell.
func (g *generator) observer() string {
	show := `echo "$V|$W|${E-unset}|$#|$1" >> c`
	out := g.of([]string{"true", show}) + breakBefore + "&&" + breakAfter +
		g.of([]string{show, show, "touch z && umask >> c", "echo x > z", "env | grep -c ^V= >> c", "echo out", "echo [a-c]* >> c", "echo x > e",
			"ls && echo * >> c", `echo $(echo x:y o z) >> c`, "nosuch || true", "false", `echo ${U-unset} >> c`, "echo ${U} >> c", "false | true", "fn1 >> c", "touch y && cat y >&3",
			"set -o | grep errexit >> c", "type ls >> c", "type cat >> c", "command -V cat > z", "env > z", "printenv >> c", "exit", "pwd >> c", "cd - >> c", "wait", "echo > b", "mkdir y", "trap > c", "echo $L >> c", "echo x >> a"})
	if g.one(3) {
		out += g.of([]string{";", breakBefore + "||"}) + breakAfter + g.of([]string{"echo end >> c", "echo $? >> c", "false; echo went on >> c", "exit $?"})
	}
	return out
}

// chain is a list of && as most RUNs are; of twelve commands so many are stateful.
func (g *generator) chain(of12 int) string {
	var out strings.Builder
	for i := range 1 + g.IntN(3) {
		if i > 0 {
			out.WriteString(breakBefore + "&&" + breakAfter)
		}
		c := g.plain()
		if g.IntN(24) < of12 {
			c = g.pick(stateful...)
		}
		out.WriteString(c)
		if g.one(20) {
			out.WriteString(" | " + g.pick(filters...))
		}
	}
	return out.String()
}

var setErrexit = []string{"set -e", "set -e", "set -ex", "set -eu", "set -o errexit", "set -eux"}

func (g *generator) setList() string {
	out := g.set
	if g.one(12) {
		out = g.of(setErrexit)
	}
	for range 1 + g.IntN(3) {
		next := g.plain()
		switch g.IntN(14) {
		case 0:
			next = g.simple()
		case 1:
			next = g.pipeline(0)
		case 2:
			next = g.andOr(0)
		case 3:
			next = g.command(1)
		}
		out += ";" + breakAfter + next
	}
	return out
}
