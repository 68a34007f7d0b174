package syntax_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis/syntax"
	"pgregory.net/rapid"
)

// FuzzParse holds any text against BuildKit.
func FuzzParse(f *testing.F) {
	for _, text := range testfiles(f, "testfiles/*", "testfiles-negative/*") {
		f.Add(text)
	}
	for _, text := range quoted(f) {
		f.Add(text)
	}
	for _, text := range quirks {
		f.Add("FROM a\n" + text)
	}
	for _, c := range cases {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, content string) { judge(t, content) })
}

// words are what Dockerfiles trip over, to be strewn at random.
var words = []string{
	"FROM ", "RUN ", "run ", "COPY ", "ADD ", "ENV ", "LABEL ", "ARG ", "CMD ", "ONBUILD ", "HEALTHCHECK ", "EXPOSE ", "VOLUME ",
	"SHELL ", "WORKDIR ", "USER ", "STOPSIGNAL ", "MAINTAINER ", "ENTRYPOINT ", "NOPE ", "a", "b=c", "k=", "=", "é", "\u2003", "\u00a0",
	"\n", "\n", "\n", "\r\n", "\r", "\\\n", "\\ \t\n", "`\n", "\\", "`", "\\\\\n", " ", "\t", "\v", "\f", "#", "# x\n", "\n# y\n", "\n\n",
	"# escape=`\n", "#syntax=a\n", "# check=skip=all\n", "<<EOF", "<<-E", "<<'E'", "<<\"E\"", "3<<E", "<< EOF", "\nEOF\n", "\nE\n", "\n\tE\n",
	"<<${a:-E}", "${a:-", "}", "${a/b/c}", "$", "<", "\"", "'", "[", "]", ",", "\"a\"", "[\"a\", \"b\"]", "[1]", "[\"<<E\"]", "\\u00e9", "\\n",
	"--", "--a=b", "--from=x ", "--mount=type=cache,target=/x ", "--\"a b\"=c ", "-- ", "CMD ", "NONE", "\x00", "\xff", "\xEF\xBB\xBF",
}

func TestStrewnWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		judge(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 24).Draw(t, "words"), ""))
	})
}

// What BuildKit refuses in one instruction changes nothing for the others.
func TestRefusedKeepsOthers(t *testing.T) {
	bad := []string{"ENV nope\n", "ENV a=b c\n", "CMD [1]\n", "RUN --mont=type=x a\n", "NOPE a\n", "LABEL\n", "ONBUILD ENV x\n", "COPY a\n"}
	rapid.Check(t, func(t *rapid.T) {
		before := "FROM a\nRUN a \\\n # c\n b\nCOPY <<E /x\nenv\nE\nENV k=v\n"
		after := "RUN [\"x\"]\nENV p=q\nRUN <<E\nENV y\nE\n"
		middle := strings.Join(rapid.SliceOf(rapid.SampledFrom(bad)).Draw(t, "bad"), "")
		d := judge(t, before+middle+after)
		want := append(parts(syntax.Parse(before)), parts(syntax.Parse(after))...)
		got := append(parts(d)[:4], parts(d)[len(d.Instructions)-3:]...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for i, in := range d.Instructions {
			if (i < 4 || i >= len(d.Instructions)-3) && !in.Faithful {
				t.Fatalf("%q is not faithful in %q", in.Text, d.Content)
			}
		}
		if len(d.Problems) != strings.Count(middle, "\n") {
			t.Fatalf("%+v in %q", d.Problems, d.Content)
		}
	})
}
