package sequence

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

func random(seed uint64) File { return Random(rand.New(rand.NewPCG(1, seed)), 1) }

// TestEverythingAppears holds the generator to what the tests that use it promise.
func TestEverythingAppears(t *testing.T) {
	patterns := map[string]*regexp.Regexp{}
	for name, p := range map[string]string{
		"list": `[^;]; `, "and": ` && `, "or": ` \|\| `, "not": `! \w`, "pipeline": ` \| `, "subshell": `\( \w`, "tight subshell": `\(\w[^)]*\)(;|$| )`, "braces": `\{ \w.*; \}`,
		"function": `fn\d+\(\) \{`, "function in a subshell": `fn\d+\(\) \(`, "if": `\bif .*; then .*; fi`, "else": `; else `, "elif": `; elif `, "for": `\bfor .* in .*; do .*; done`, "while": `\bwhile `, "until": `\buntil `, "case": `\bcase .* in .*esac`,
		"assignment": `\bV=1 && `, "assignment before a command": `V=1 echo`, "assigning expansion": `\$\{V:=`, "assigning arithmetic": `\$\(\(V=7\)\)`, "export": `\bexport `, "unset": `\bunset `, "readonly": `readonly `, "cd": `\bcd d\b`,
		"set -e": `\bset -e\b`, "set -u": `set -u\b`, "set -x": `set -x\b`, "set -f": `set -f\b`, "set +e": `set \+e\b`, "set -o pipefail": `set -o pipefail`, "set --": `set -- `, "umask": `umask 077`,
		"trap EXIT": `trap '.*' EXIT`, "trap ERR": `ERR\b`, "trap TERM": `' TERM`, "kill": `kill -TERM`, "exit": `\bexit 3`, "return": `\breturn\b`, "exec": `\bexec `, "eval": `\beval `, "dot": `(^|\s)\. \./`, "source": `\bsource `,
		"read": `\bread `, "shift": `\bshift\b`, "getopts": `getopts `, "alias": `\balias `, "command": `command -v`, "type": `\btype `, "background": ` & `,
		"heredoc": `cat <<E\b`, "heredoc body": `(?m)^RUN <<-?'?EOF`, "truncating": `[^>]> ?\w`, "appending": `>> ?\w`, "duplicating": `2>&1`, "reading": ` < \w`, "glob": `\becho \*`, "status": `\$\?`, "escaped quote": `\\"`, "backquotes": "`echo q`", "substitution": `\$\(echo`, "nested quotes": `"\$\(echo "\$V"\)"`, "single quotes": `'a"b'`,
		"comment inside a RUN": `(?m)\\\n[ \t]*#.*\n`, "comment between RUNs": `(?m)^# a comment`, "shell comment": ` # a comment`, "blank after the escape": `(?m)\\[ \t]+$`, "escape ends a comment": `(?m)^ *# ends in \\$`,
		"several lines": `(?m) \\\n +&& `, "trailing and": `(?m)&& \\\n`, "tab": `(?m)\\\n\t`, "line broken in quotes": `(?m)two \\\n`, "trailing semicolon": `(?m);$`, "trailing blank": `(?m)\w +$`, "CRLF": "\r\n", "backquote escapes": "(?m)^# escape=`",
		"SHELL bash": `SHELL \["/bin/bash", "-eo", "pipefail", "-c"\]`, "SHELL dash": `SHELL \["/bin/dash", "-c"\]`, "SHELL sh -e": `SHELL \["/bin/sh", "-ec"\]`, "SHELL ash": `SHELL \["/bin/ash"`, "unknown base": `FROM example\.com/base`, "exec form": `RUN \["`, "flag": `RUN\s+--network`,
		"LABEL": `(?m)^LABEL`, "EXPOSE": `(?m)^EXPOSE`, "CMD": `(?m)^CMD`, "HEALTHCHECK": `(?m)^HEALTHCHECK`, "ENV": `(?m)^ENV`, "ARG": `(?m)^ARG`, "WORKDIR": `(?m)^WORKDIR d`, "USER": `(?m)^USER`, "blank line": `(?m)^$`,
		"rm": `\brm -f `, "mkdir": `\bmkdir -p`, "mv": `\bmv `, "cp": `\bcp `, "ln": `\bln \w`, "ln -s": `\bln -s `, "sed -i": `\bsed -i `, "chmod": `\bchmod `, "tee": `\btee `, "find": `\bfind `, "test": `\btest `, "bracket": `\[ -f`,
	} {
		patterns[name] = regexp.MustCompile(p)
	}
	for seed := range uint64(3000) {
		text := random(seed).String()
		for name, p := range patterns {
			if p.MatchString(text) {
				delete(patterns, name)
			}
		}
	}
	for name := range patterns {
		t.Errorf("no file has %s", name)
	}
}

func TestRandomIsRepeatable(t *testing.T) {
	if a, b := random(5).String(), random(5).String(); a != b {
		t.Errorf("%s\nand\n%s", a, b)
	}
	if a, b := random(5).String(), random(6).String(); a == b {
		t.Errorf("two sources make %s", a)
	}
}

// outside matches an absolute path that is neither below Prefix nor one that no
// command can harm.
var outside = regexp.MustCompile(`(?:^|[\s=<>(:]["']?)(/[\w.*]*)`)

func TestNothingOutsideIsTouched(t *testing.T) {
	harmless := map[string]bool{Prefix: true, "/dev": true, "/bin": true, "/nosuch": true, "/root": true, "/data": true, "/e": true}
	for seed := range uint64(3000) {
		text := random(seed).String()
		for _, m := range outside.FindAllStringSubmatch(text, -1) {
			if !harmless[m[1]] {
				t.Fatalf("%q in\n%s", m[1], text)
			}
		}
	}
}
