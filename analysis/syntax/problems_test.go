package syntax_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

var run = regexp.MustCompile("x{100,}")

func TestProblems(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	tooLong := ": dockerfile line greater than max allowed size of 65535"
	for _, c := range []struct {
		name, text string
		problems   []string
		unfaithful []int
	}{
		{
			name:     "a directive twice",
			text:     "# escape=`\n# syntax=docker/dockerfile:1\n# escape=\\\nFROM alpine\nRUN a `\n b\n",
			problems: []string{`"# escape=\\": only one escape parser directive can be used`},
		},
		{
			name:     "an escape that is none",
			text:     "# escape=^\nFROM alpine\nRUN a \\\n b\n",
			problems: []string{`"# escape=^": invalid escape token '^' does not match ` + "` or \\"},
		},
		{
			name:     "an escape that is a blank",
			text:     "# escape= \nFROM alpine\n",
			problems: []string{`"# escape= ": invalid escape token ' ' does not match ` + "` or \\"},
		},
		{
			name: "several, each at its place",
			text: "FROM node:20\nENV PORT\nRUN --mont=type=cache,target=/x npm ci\nWORKDIR\nCOPY --from=build --from=build a b\n" +
				"CMD [\"node\", 1]\nEXPOSE 80\nENV A=b C D=e\nRUNN a\nCOPY --link=perhaps a b\nHEALTHCHECK --interval=soon CMD a\n",
			problems: []string{
				`"ENV PORT": ENV must have two arguments`,
				`"--mont=type=cache,target=/x": unknown flag: --mont (did you mean mount?)`,
				`"WORKDIR": WORKDIR requires exactly one argument`,
				`"--from=build": duplicate flag specified: --from`,
				`"CMD [\"node\", 1]": when using JSON array syntax, arrays must be comprised of strings only`,
				`"C": Syntax error - can't find = in "C". Must be of the form: name=value`,
				`"RUNN": unknown instruction: RUNN (did you mean RUN?)`,
				`"--link=perhaps": expecting boolean value for flag --link, not: perhaps`,
				`"HEALTHCHECK --interval=soon CMD a": time: invalid duration "soon"`,
			},
			unfaithful: []int{1, 5, 7},
		},
		{
			name:       "a here-document without an end",
			text:       "FROM alpine\nRUN cat <<A <<B\na\nA\nUSER x\n",
			problems:   []string{`"<<B": unterminated heredoc`},
			unfaithful: []int{1},
		},
		{
			name:       "the same in ONBUILD",
			text:       "FROM alpine\nONBUILD RUN <<A\na\n",
			problems:   []string{`"<<A": unterminated heredoc`},
			unfaithful: []int{1},
		},
		{
			name:     "what ONBUILD may not hold",
			text:     "FROM alpine\nONBUILD ONBUILD RUN a\nONBUILD FROM b\n",
			problems: []string{`"ONBUILD ONBUILD RUN a": Chaining ONBUILD via ` + "`ONBUILD ONBUILD`" + ` isn't allowed`, `"ONBUILD FROM b": FROM isn't allowed as an ONBUILD trigger`},
		},
		{
			name:     "no FROM, said once",
			text:     "ARG A\nRUN a\nRUN b\n",
			problems: []string{`"RUN a": no build stage in current context`},
		},
		{
			name:       "a FROM that is refused is still one",
			text:       "FROM a b\nRUN a\n",
			problems:   []string{`"FROM a b": FROM requires either one or three arguments`},
			unfaithful: nil,
		},
		{
			name:       "one that is too long as well",
			text:       "FROM " + long + "\nRUN a\n",
			problems:   []string{`"FROM x…"` + tooLong},
			unfaithful: []int{0},
		},
		{
			name:     "nothing but blank lines",
			text:     "\n  \n\n",
			problems: []string{`"  ": file with no instructions`},
		},
		{
			name:       "a line too long",
			text:       "FROM alpine\nRUN a\nRUN " + long + "\nRUN b\nENV nope\n",
			problems:   []string{`"RUN x…"` + tooLong, `"ENV nope": ENV must have two arguments`},
			unfaithful: []int{2, 4},
		},
		{
			name:       "too long inside a continuation and a here-document",
			text:       "FROM alpine\nRUN a \\\n # " + long + "\n b\nRUN <<E\n" + long + "\nE\nUSER x\n",
			problems:   []string{`" # x…"` + tooLong, `"x…"` + tooLong},
			unfaithful: []int{1, 2},
		},
		{
			name:     "comments too long",
			text:     "# " + long + "\nFROM alpine\n# " + long + "\n\nUSER x\n# " + long,
			problems: []string{`"# x…"` + tooLong, `"# x…"` + tooLong, `"# x…"` + tooLong},
		},
		{
			name: "just short enough",
			text: "FROM alpine\nRUN " + strings.Repeat("x", 65536-5) + "\nCMD " + strings.Repeat("x", 65535-4),
		},
		{
			name:       "one byte too many",
			text:       "FROM alpine\nCMD " + strings.Repeat("x", 65536-4),
			problems:   []string{`"CMD x…"` + tooLong},
			unfaithful: []int{1},
		},
		{
			name:     "a comment for linters does not matter",
			text:     "FROM alpine\n# check=skip=JSONArgsRecommended\nCMD a\n",
			problems: nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := judge(t, c.text)
			got := problems(d)
			for i, p := range got {
				got[i] = run.ReplaceAllString(p, "x…")
			}
			if diff := cmp.Diff(c.problems, got); diff != "" {
				t.Errorf("problems (-want +got)\n%s", diff)
			}
			var unfaithful []int
			for _, in := range d.Instructions {
				if !in.Faithful {
					unfaithful = append(unfaithful, in.Index)
				}
			}
			if diff := cmp.Diff(c.unfaithful, unfaithful); diff != "" {
				t.Errorf("unfaithful (-want +got)\n%s", diff)
			}
		})
	}
}

// BuildKit would overflow its stack on these, which nothing can catch.
func TestNestedTooDeep(t *testing.T) {
	for message, text := range map[string]string{
		"ONBUILD is nested too deep": strings.Repeat(strings.Repeat("ONBUILD ", 25)+"\\\n", 80_000) + "RUN a\n",
		"${…} is nested too deep":    "RUN cat <<E " + strings.Repeat("\\\n"+strings.Repeat("${a:-", 25), 80_000) + "\n",
	} {
		d := syntax.Parse("FROM a\n" + text + "USER b\n")
		checkPieces(t, d)
		if len(d.Problems) != 1 || d.Problems[0].Message != message {
			t.Errorf("problems: %.200v", d.Problems)
		}
		if in := d.Instructions; len(in) != 3 || !in[0].Faithful || in[1].Faithful || !in[2].Faithful {
			t.Errorf("%d instructions", len(in))
		}
	}
}

// What is no Dockerfile at all costs no more than one.
func TestHugeInput(t *testing.T) {
	size := 20 << 20
	if os.Getenv("SHALE_TEST_ALL") == "" {
		size = 2 << 20
	}
	noise := make([]byte, size/10)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for name, text := range map[string]string{
		"one line":    "FROM a\nRUN " + strings.Repeat("x", size),
		"zeros":       strings.Repeat("\x00", size),
		"noise":       string(noise),
		"returns":     "FROM a\nRUN x \\\n" + strings.Repeat("\r", size),
		"refused":     strings.Repeat("ENV nope\n", size/40),
		"unknown":     strings.Repeat("NOPE nope\n", size/40),
		"JSON":        "FROM a\nCMD " + strings.Repeat("[\\\n", size/40),
		"one ENV":     "FROM a\nENV a=b" + strings.Repeat(" \\\n a=\"b c\"", size/200),
		"heredocs":    "FROM a\nRUN a" + strings.Repeat(" <<E", 10_000) + "\n" + strings.Repeat("E\n", 10_000),
		"substitutes": "FROM a\nRUN <<E" + strings.Repeat(" \\\n ${a:-${b:-\"c\"}}", size/200) + "\nE\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := syntax.Parse(text)
			checkPieces(t, d)
			if len(d.Problems) > 200 {
				t.Errorf("%d problems", len(d.Problems))
			}
		})
	}
}

func TestDirectives(t *testing.T) {
	d := syntax.Parse("\xEF\xBB\xBF#syntax = docker/dockerfile:1 \r\n  #  ESCAPE=`\n# check=error=true;skip=A,B\n# other=x\n# escape=\\\nFROM a\n")
	var got []string
	for _, p := range d.Directives {
		got = append(got, fmt.Sprintf("%s %q %q %q", p.Name, p.Value, p.Span.In(d.Content), p.ValueSpan.In(d.Content)))
	}
	want := []string{
		`syntax "docker/dockerfile:1" "#syntax = docker/dockerfile:1" "docker/dockerfile:1"`,
		"escape \"`\" \"#  ESCAPE=`\" \"`\"",
		`check "error=true;skip=A,B" "# check=error=true;skip=A,B" "error=true;skip=A,B"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if v, ok := d.Directive("check"); !ok || v != "error=true;skip=A,B" {
		t.Errorf("check: %q %v", v, ok)
	}
	if v, ok := d.Directive("other"); ok {
		t.Errorf("other: %q", v)
	}
}

func TestFrontend(t *testing.T) {
	for text, want := range map[string]string{
		"# syntax=docker/dockerfile:1.7-labs\nFROM a\n":                 "docker/dockerfile:1.7-labs",
		"#!/usr/bin/env -S docker build -f\n# syntax=me/mine\nFROM a\n": "me/mine",
		"// syntax=me/mine\nFROM a\n":                                   "me/mine",
		"{\"syntax\": \"me/mine\"}":                                     "me/mine",
		"FROM a\n# syntax=me/mine\n":                                    "",
	} {
		if got, ok := syntax.Parse(text).Frontend(); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v", text, got, ok)
		}
	}
}

func TestAt(t *testing.T) {
	text := "# a\nFROM a\n\nRUN <<E\nx\nE\n# b\nUSER c"
	d := syntax.Parse(text)
	for offset, want := range map[int]int{
		-1: -1, 0: -1, 4: 0, 10: 0, 11: -1, 12: 1, strings.Index(text, "x"): 1, strings.Index(text, "# b"): -1,
		strings.Index(text, "USER"): 2, len(text): 2, len(text) + 1: -1,
	} {
		got := -1
		if in := d.At(offset); in != nil {
			got = in.Index
		}
		if got != want {
			t.Errorf("At(%d) is instruction %d, want %d", offset, got, want)
		}
	}
	d = syntax.Parse("FROM a\n")
	if in := d.At(7); in != nil {
		t.Errorf("the empty last line holds %q", in.Text)
	}
}

// Lines and Span of an instruction are whole lines, and all without the last line end.
func TestLinesAndSpan(t *testing.T) {
	text := "\xEF\xBB\xBF  FROM a \r\n# lead\nRUN <<E \\\n # in\n cat\nx\nE\r\n\nONBUILD RUN a \\\n"
	d := judge(t, text)
	var got []string
	for _, in := range d.Instructions {
		for at := in; at != nil; at = at.Sub {
			got = append(got, fmt.Sprintf("%q %q", at.Lines.In(text), at.Span.In(text)))
		}
	}
	want := []string{
		`"  FROM a \r\n" "FROM a "`,
		`"RUN <<E \\\n # in\n cat\nx\nE\r\n" "RUN <<E \\\n # in\n cat\nx\nE"`,
		`"ONBUILD RUN a \\\n" "ONBUILD RUN a \\"`,
		`"ONBUILD RUN a \\\n" "RUN a \\"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKeywords(t *testing.T) {
	if got := syntax.Keywords(); len(got) != 18 || got[0] != "ADD" || got[17] != "WORKDIR" {
		t.Error(got)
	}
	if !syntax.IsKeyword("Run") || syntax.IsKeyword("include") || syntax.IsKeyword("") {
		t.Error("IsKeyword")
	}
	in := syntax.Parse("FROM a\nRUN --mount=a --mount=b x\n").Instructions[1]
	if f := in.Flag("mount"); f == nil || f.Value != "b" || in.Flag("network") != nil {
		t.Errorf("%+v", f)
	}
	if in.Flags[0].Raw.Span(0, 1) != (source.Span{Start: 19, End: 20}) {
		t.Errorf("%v", in.Flags[0].Raw.Span(0, 1))
	}
}
