package symbols_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

func table(content string) *symbols.Table {
	return symbols.New(facts.New("", syntax.Parse(content), facts.Options{}))
}

// told writes each use as NAME@line with what it stands for: the line of the first
// declaration of its symbol, or ? for none.
func told(content string) string {
	doc := syntax.Parse(content)
	var out []string
	for _, u := range table(content).Uses {
		if u.Span.In(content) != u.Name {
			return fmt.Sprintf("%q stands under %q", u.Span.In(content), u.Name)
		}
		what := "?"
		if s := u.Symbol; s != nil {
			what = []string{"stage", "arg", "env", "local"}[s.Kind]
			for _, d := range s.Uses {
				if d.Decl {
					what += fmt.Sprint(doc.Lines.Line(d.Span.Start))
					break
				}
			}
		}
		if u.Decl {
			what += "!"
		}
		out = append(out, u.Name+":"+what)
	}
	return strings.Join(out, " ")
}

func TestUses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a global ARG is one with a stage's": {
			"ARG V=1\nFROM a:$V\nARG V\nRUN echo ${V:-$W}", "V:arg0! V:arg0 V:arg0! V:arg0 W:?",
		},
		"a stage does not see a global ARG": {
			"ARG V=1\nFROM a\nRUN echo $V", "V:arg0! V:?",
		},
		"ENV goes on into a stage FROM it, ARG is overlaid": {
			"FROM a AS b\nARG X=1\nENV X=$X\nFROM b\nRUN echo $X", "b:stage0! X:arg1! X:env2! X:arg1 b:stage0 X:env2",
		},
		"single quotes and escapes": {
			`FROM a` + "\n" + `ENV A=1 B='$A' C="'$A'" D=\$A E=${A}`, "A:env1! B:env1! C:env1! A:? D:env1! E:env1! A:?",
		},
		"a backtick escapes": {
			"# escape=`\nFROM a\nENV A=1\nENV B=`$A C=\\$A", "A:env2! B:env3! C:env3! A:env2",
		},
		"stages by name, number and in mounts": {
			"FROM a AS One\nFROM b\nCOPY --chown=1 --from=ONE x y\nCOPY --from=0 x y\nRUN --mount=from=one,target=/x true\nCOPY --from=c x y",
			"One:stage0! ONE:stage0 0:stage0 one:stage0 c:?",
		},
		"a quoted mount": {
			"FROM a AS one\nFROM b\nRUN --mount=\"type=bind,from=one\" true", "one:stage0! one:stage0",
		},
		"quoted names": {
			"FROM a AS one\nFROM \"one\"\nFROM 'one'\nCOPY --from=\"one\" x y\nRUN --mount=\"from\"='one',target=/x true",
			"one:stage0! one:stage0 one:stage0 one:stage0 one:stage0",
		},
		"a trigger looks for names where it runs": {
			"FROM a AS b\nONBUILD COPY --from=one x y\nFROM a AS one\nFROM b\nFROM a AS c\nONBUILD COPY --from=one x y",
			"b:stage0! one:stage2 one:stage2! b:stage0 c:stage4!",
		},
		"a secret in a variable": {
			"FROM a\nARG X=1\nRUN --mount=type=secret,id=s,env=X echo $X\nRUN --mount=type=secret,id=s,env=Y [\"a\"]\nRUN echo $X",
			"X:arg1! X:local2! X:local2 Y:local3! X:arg1",
		},
		"a shell's own": {
			"FROM a\nENV X=1 Y=2\nRUN for X in 1; do read -r Z; echo $X$Y$Z$((X+Q)); done", "X:env1! Y:env1! X:local2! Z:local2! X:local2 Y:env1 Z:local2 X:local2 Q:?",
		},
		"here-documents": {
			"FROM a\nENV X=1\nCOPY <<A <<\"B\" /x/\n'$X'\nA\n$X\nB\nRUN <<C\necho $X\nC\nRUN cat <<'D'; echo $X\n$X\nD", "X:env1! X:env1 X:env1 X:env1",
		},
		"exec form": {
			"FROM a\nENV X=1\nARG Y=2\nCMD [\"sh\", \"-c\", \"echo $X $Y\"]\nCOPY [\"$Y\", \"/\"]", "X:env1! Y:arg2! X:env1 Y:? Y:arg2",
		},
		"over continuations": {
			"FROM a\nENV X=1\nRUN echo \\\n  # $X\n  $X", "X:env1! X:env1",
		},
	} {
		if diff := cmp.Diff(test.want, told(test.text)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func FuzzUses(f *testing.F) {
	f.Add("FROM a AS b\nENV X=${Y:-${Z}}\nRUN <<E\n$X\nE\n")
	f.Add("# escape=`\nFROM a\nRUN --mount=\"from=a,b=c\" for i in $(x); do echo $i; done")
	f.Fuzz(func(t *testing.T, content string) {
		at := -1
		for _, u := range table(content).Uses {
			if u.Span.Start < at || u.Span.End > len(content) || u.Span.End < u.Span.Start {
				t.Errorf("%q: %+v after %d", content, u.Span, at)
			}
			at = u.Span.Start
		}
	})
}
