package shell

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlainAndLeaks(t *testing.T) {
	for _, test := range []struct {
		text  string
		plain bool
		leaks string
	}{
		{"apt-get update", true, ""},
		{"apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \"$PKG\" > /dev/null 2>&1", true, ""},
		{"curl -fsSL https://x | tar xz && rm -rf /tmp/*;", true, ""},
		{"echo a > b && printf '%s' x && test -f b && [ -d c ] && command -v curl", true, ""},
		{"$HOME/bin/x", false, unknownProgram},
		{"\"$HOME\"/bin/x && /opt/$V/bin/y && ~/z", true, ""},
		{"make -j$((1+2)) \"$(nproc)\"", true, ""},
		{"make -j$((N+1))", false, "variable of an arithmetic expression"},
		{"$SUDO apt-get update", false, unknownProgram},
		{"cd /x && make", false, "working folder"},
		{"( cd /x && make )", false, ""},
		{"a || b", false, ""},
		{"a; b", false, ""},
		{"! a", false, ""},
		{"cd /x | b", false, ""}, // a pipeline's elements are subshells, but Plain is not to depend on that
		{"V=1", false, "variable V"},
		{"V=1 :", false, "variable V"},
		{"PATH=/x:$PATH cmd", false, "variable PATH"},
		{"export V=1 W", false, "variable V, variable W"},
		{": ${V:=1}", false, "variable V"},
		{"echo $((V=1))", false, "variable of an arithmetic expression"},
		{"echo ${A:-${B:=x}}", false, "variable B"},
		{"command cd x", false, "working folder"},
		{"builtin export V=1", false, "variable of export"},
		{"umask 022", false, "umask"},
		{"umask", true, ""},
		{"printf -v V x", false, "variable of printf"},
		{"printf \"$F\"", false, "variable of printf"},
		{"f() { a; }", false, "function f"},
		{". /etc/os-release && echo $ID", false, "unknown: a sourced file"},
		{"eval \"$X\"", false, "unknown: eval"},
		{"exec > log", false, "exec"},
		{"exit 0", false, "exit"},
		{"a &", false, "background job"},
		{"for f in a b; do c; done", false, "variable f"},
		{"while read l; do a; done < b", false, "variable of read"},
		{"a | while read l; do b; done", false, ""},
		{"x {fd}> f", false, "file descriptor"},
		{"[[ a =~ b ]]", false, "variable of a test"},
		{"[[ -f a ]]", false, ""},
		{"(( 1 ))", false, "variable of an arithmetic expression"},
		{"set -e", false, "shell options or arguments"},
		{"trap 'x' EXIT", false, "trap"},
		{"x $(set -e; y)", false, ""},
		{"cat <<E\nx\nE", false, ""},
		{"nohup x", false, ""},
		{"a # b", false, ""},
	} {
		p := parseString(test.text, Bash)
		if p.Err != nil {
			t.Errorf("%s: %v", test.text, p.Err)
			continue
		}
		if p.Plain() != test.plain {
			t.Errorf("%s: plain is %v", test.text, p.Plain())
		}
		if diff := cmp.Diff(test.leaks, strings.Join(p.Leaks(), ", ")); diff != "" {
			t.Errorf("%s leaks %s", test.text, diff)
		}
	}
}

func TestErrexit(t *testing.T) {
	for _, test := range []struct {
		text                                 string
		turnsOn, sensitive, opens, lastPlain bool
	}{
		{"a && b", false, false, false, false},
		{"a | b", false, false, false, true},
		{"a $(b && c)", false, false, false, true},
		{"a $(b; c)", false, true, false, true},
		{"a; b", false, true, false, true},
		{"a || b", false, true, false, false},
		{"! a", false, true, false, false},
		{"( a )", false, true, false, false},
		{"set -e; a", true, true, true, true},
		{"set -eux; a && b; c", true, true, true, true},
		{"set -euo pipefail; a; b && c", true, true, true, false},
		{"set -o errexit; a", true, true, true, true},
		{"set -x -e; a", true, true, true, true},
		{"set -x; a", false, true, false, true},
		{"set -e -- x; a", true, true, false, true},
		{"set -ef; a", true, true, false, true},
		{"set -e && a; b", true, true, false, true},
		{"set -u", false, true, false, true},
		{"set $OPTS; a", true, true, false, true},
		{"( set -e; a )", true, true, false, false},
		{"a $(set -o errexit; b)", true, true, false, true},
		{"f() { set -e; }; f", true, true, false, true},
		{"sh -c 'set -e; a; b'", false, false, false, true},
		{". ./x", true, true, false, true},
		{"eval a", true, true, false, true},
		{"command set -e", true, true, false, true},
		{"shopt -so errexit", true, true, false, true},
		{"shopt -s extglob", false, true, false, true},
		{"trap 'set -e' EXIT", true, true, false, true},
		{"trap 'rm x' EXIT", false, true, false, true},
		{"$CMD", true, true, false, true},
		{"a &", false, true, false, false},
	} {
		p := parseString(test.text, Bash)
		if p.Err != nil {
			t.Errorf("%s: %v", test.text, p.Err)
			continue
		}
		_, opens := p.OpensWithSet()
		if p.TurnsOnErrexit() != test.turnsOn || p.ErrexitSensitive() != test.sensitive || opens != test.opens || p.LastPlain() != test.lastPlain {
			t.Errorf("%s: turns on %v, sensitive %v, opens %v, last plain %v", test.text, p.TurnsOnErrexit(), p.ErrexitSensitive(), opens, p.LastPlain())
		}
	}
	for text, want := range map[string]bool{"trap x ERR": true, "trap x SIGINT DEBUG": true, "trap x EXIT": false, "trap x $S": true, "a": false} {
		if got := parseString(text, Bash).TrapsErrors(); got != want {
			t.Errorf("%s: traps errors %v", text, got)
		}
	}
	p := parseString("set -eux;  a; cd /b", POSIX)
	if r, _ := p.OpensWithSet(); p.Source(r) != "set -eux" {
		t.Errorf("opens with %q", p.Source(r))
	}
	if diff := cmp.Diff([]string{"working folder"}, p.LeaksAfterSet()); diff != "" {
		t.Error(diff)
	}
}

func TestEnds(t *testing.T) {
	for _, test := range []struct{ text, trailing, unfit string }{
		{"a", "", ""},
		{"a;", ";", ""},
		{"a ; ", " ; ", ""},
		{"a &", "", ""},
		{"a & ", " ", ""},
		{`a \`, "", "it ends in a backslash"},
		{`a \\`, "", ""},
		{`a "\\"`, "", ""},
		{"a # b", "", "a shell comment in it would swallow what follows"},
		{"a `# b` && c `d # e`", "", ""},
		{"# b", "", "it holds no command"},
		{"", "", "it holds no command"},
		{"a 'b", "", "it does not parse: reached EOF without closing quote `'`"},
		{"return", "", "it returns outside of a function, which shells treat in ways of their own"},
		{"f() { return 1; }; f", "", ""},
		{"cat <<E\nx\nE", "", ""},
	} {
		p := parseString(test.text, POSIX)
		if got := p.Source(p.Trailing()); got != test.trailing {
			t.Errorf("%q: trailing %q", test.text, got)
		}
		if got := p.Unfit(); got != test.unfit {
			t.Errorf("%q: unfit %q", test.text, got)
		}
	}
}

func TestBackgrounds(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"apt-get update && x", ""},
		{"a & b", "&"},
		{"a $(b &)", "&"},
		{"f() { a & }", "&"},
		{"coproc a", "coproc"},
		{"a <(b) > >(c)", "process substitution"},
		{"nohup a", "nohup"},
		{"sudo setsid a", "setsid"},
		{"sudo -b a", "sudo"},
		{"sudo -Eb -u root a", "sudo"},
		{"service mysql start && x", "service"},
		{"service --status-all", ""},
		{"/etc/init.d/postgresql start", "postgresql"},
		{"systemctl enable x", ""},
		{"systemctl enable --now x", "systemctl"},
		{"bash -c 'a & b'", "&"},
		{"service x $ACTION", "service"},
	} {
		if got := strings.Join(parseString(test.text, Bash).Backgrounds(), ", "); got != test.want {
			t.Errorf("%s: %q", test.text, got)
		}
	}
}

func TestReadsShell(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"mkdir a && cd $_ && echo $?", "_"},
		{"set -e; a", ""},
		{"set", "set"},
		{"echo $RANDOM ${PIPESTATUS[0]}", "RANDOM, PIPESTATUS"},
		{"trap -p", "trap"},
		{"trap x EXIT", ""},
	} {
		if got := strings.Join(parseString(test.text, Bash).ReadsShell(), ", "); got != test.want {
			t.Errorf("%s: %q", test.text, got)
		}
	}
	names, ok := parseString("set -e; apt-get x && (npm y) | pip z; command make; command cd /; /bin/w && a $(b); test a = b && pushd x", POSIX).Lookups()
	if diff := cmp.Diff([]string{"apt-get", "make", "a", "pushd"}, names); diff != "" || !ok {
		t.Error(diff, ok)
	}
}

func TestChain(t *testing.T) {
	for text, want := range map[string]bool{
		"a": true, "a && b": true, "a | b && ! c": true, "{ a; b; }": true, "if a; then b; fi": true, "a && b;": true,
		"a || b": false, "a || b && c": false, "a && b || c": false, "a; b": false, "a &": false, "": false, "a && { b || c; }": true,
	} {
		if got := parseString(text, POSIX).Chain(); got != want {
			t.Errorf("%s: chain is %v", text, got)
		}
	}
}
