package syntax_test

import (
	"maps"
	"slices"
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

// What is read of an edited text does not depend on how it came about.
func FuzzReparse(f *testing.F) {
	for i, text := range slices.Sorted(maps.Values(testfiles(f, "testfiles/*"))) {
		f.Add(text, uint(i*37), uint(i%5), words[i*7%len(words)])
	}
	f.Add("FROM a\nRUN b\nRUN c\nRUN d\n", uint(13), uint(0), "\\")
	f.Add("# escape=`\nFROM a\nRUN b\nRUN c `\nRUN d\n", uint(0), uint(1), "")
	f.Add("FROM a\nRUN b\n# x\nRUN <<E\nc\nE\nRUN d\n", uint(18), uint(2), "")
	f.Fuzz(func(t *testing.T, text string, at, drop uint, with string) {
		from := int(at % uint(len(text)+1))
		to := min(from+int(drop%64), len(text))
		reparse(t, syntax.Parse(text), text[:from]+with+text[to:])
	})
}

func TestReparse(t *testing.T) {
	var texts []string
	for _, text := range testfiles(t, "testfiles/*") {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(texts).Draw(t, "text")
		d := syntax.Parse(text)
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			from := rapid.IntRange(0, len(text)).Draw(t, "from")
			with := rapid.SampledFrom(words).Draw(t, "with")
			to := min(len(text), from+rapid.SampledFrom([]int{0, 0, 1, 2, 20, len(with)}).Draw(t, "drop"))
			text = text[:from] + with + text[to:]
			d = reparse(t, d, text)
		}
	})
}

func reparse(t tester, earlier *syntax.Document, content string) *syntax.Document {
	t.Helper()
	got, want := syntax.Reparse(content, earlier), syntax.Parse(content)
	if diff := cmp.Diff(parts(want), parts(got)); diff != "" {
		t.Fatalf("%q\nedited to\n%q\n%s", earlier.Content, content, diff)
	}
	for i, in := range want.Instructions {
		if in.Faithful != got.Instructions[i].Faithful || in.Sub != nil && in.Sub.Faithful != got.Instructions[i].Sub.Faithful {
			t.Fatalf("%q\nedited to\n%q\nfaithful: %t, not %t: %q", earlier.Content, content, in.Faithful, got.Instructions[i].Faithful, in.Text)
		}
	}
	if diff := cmp.Diff(want.Problems, got.Problems); diff != "" {
		t.Fatalf("%q\nedited to\n%q\n%s", earlier.Content, content, diff)
	}
	return got
}
