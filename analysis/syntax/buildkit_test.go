package syntax_test

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/shale-build/shale/analysis/syntax"
)

func TestBuildKitTestfiles(t *testing.T) {
	files := testfiles(t, "testfiles/*", "testfile-line")
	if len(files) < 30 {
		t.Fatalf("only %d files", len(files))
	}
	for name, text := range files {
		t.Run(name, func(t *testing.T) {
			judge(t, text)
			judge(t, strings.TrimRight(text, "\n"))
			judge(t, strings.ReplaceAll(text, "\n", "\r\n"))
			judge(t, "\xEF\xBB\xBF"+text)
		})
	}
}

func TestBuildKitRefuses(t *testing.T) {
	want := map[string]struct{ message, at string }{
		"empty_dockerfile":   {"file with no instructions", ""},
		"env_no_value":       {"ENV must have two arguments", "ENV PATH"},
		"only_comments":      {"file with no instructions", "# These are just comments"},
		"shykes-nested-json": {"when using JSON array syntax, arrays must be comprised of strings only", `CMD [ "echo", [ "nested json" ] ]`},
	}
	for name, text := range testfiles(t, "testfiles-negative/*") {
		t.Run(name, func(t *testing.T) {
			d := judge(t, text)
			if len(d.Problems) != 1 {
				t.Fatalf("problems: %+v", d.Problems)
			}
			p := d.Problems[0]
			if at := p.Span.In(text); p.Message != want[name].message || at != want[name].at {
				t.Errorf("%q at %q", p.Message, at)
			}
		})
	}
}

// Every Dockerfile that BuildKit's Go tests hold, and each cut short at some line.
func TestBuildKitStrings(t *testing.T) {
	texts := quoted(t)
	if len(texts) < 500 {
		t.Fatalf("only %d strings", len(texts))
	}
	for _, text := range texts {
		judge(t, text)
		judge(t, strings.ReplaceAll(text, "\n", "\r\n"))
		judge(t, "# escape=`\n"+text)
		if i := strings.LastIndexByte(strings.TrimSpace(text), '\n'); i > 0 {
			judge(t, text[:i])
		}
	}
}

// quirks are texts that BuildKit reads otherwise than one would think.
var quirks = []string{
	"RUN 3<<E${x:-y} <<F\nF\nE\n", // a substitution with a word in it loses what stands before it
	"RUN \"${x:-y}\"<<E\nE\n",     // in quotes as well
	"RUN <<\"a\\\"b\"\na\"b\n",    // an escaped quote in a delimiter
	"RUN <<\"a\\nb\"\na\\nb\n",    // a backslash that escapes nothing
	"RUN ${x- <<\\\\E }\nE\n",     // whose escapes are resolved
	"RUN ${x- <<\\\"E }\nE\n",     // a word inside a substitution opens a here-document
	"RUN ${x:- <<E }\n}\nE\n",
	"RUN ${x#<<\\E} ${y// /<<E }\nE\n",
	"RUN $((1 << 3)) << 4\n3))\n4\n", // an arithmetic shift opens one
	"RUN \"unbalanced <<E\nE\n",      // nothing is opened
	"RUN ${ } <<E\nE\n",
	"RUN <<E\\ F\nE F\n",   // an escaped blank
	"RUN <<-E\n  E\n\tE\n", // tabs are chomped, blanks are not
	"RUN <<E\n\tE\nE\n",
	"RUN <<\xff\n\xff\n\uFFFD\n",   // an invalid byte becomes U+FFFD
	"ONBUILD ONBUILD RUN <<E\nE\n", // only one ONBUILD is looked into
	"ONBUILD COPY [\"<<E\", \"x\"]\nE\n",
	"HEALTHCHECK CMDà x\n", // a byte of a letter is taken for a blank
	"RUN --mount=à b\n",
	"HEALTHCHECK CMD \u2003[\"a\"]\n", // one parser strips what another leaves
	"CMD \u2003[\"a\"]\n",
	"CMD [\"a\tb\"]\nCMD [\"\\x\"]\nCMD [\"\\ud800\"]\n", // JSON's own rules
	"CMD [\"a\",]\nCMD [,]\nCMD [\"a\" \"b\"]\nCMD [\"a\"] b\nCMD [\n",
	"ENV a\u00a0b=c d\nENV \"a=b\" c=d\nENV =\nENV a= =b\n",
	"WORKD\u0130R /a\nwor\u212Adir /b\n", // letters beyond ASCII whose lower case is in it
	"\u2028RUN a \\\n\u2028# b\n\u2028\n c\n",
	"RUN a \\\u00a0\n# b\n",
}

func TestQuirks(t *testing.T) {
	for _, text := range quirks {
		judge(t, "FROM a\n"+text)
		judge(t, "# escape=`\nFROM a\n"+strings.ReplaceAll(text, "\\", "`"))
	}
}

// The flags that Shale lists are those that BuildKit knows.
func TestFlags(t *testing.T) {
	declared := 0
	for _, keyword := range syntax.Keywords() {
		known := map[string]bool{}
		for _, name := range syntax.Flags(keyword) {
			known[name] = true
		}
		for _, name := range []string{
			"mount", "network", "security", "device", "chown", "chmod", "link", "keep-git-dir", "checksum", "unpack",
			"exclude", "from", "parents", "platform", "interval", "timeout", "start-period", "start-interval", "retries",
		} {
			args := "a b"
			switch keyword {
			case "ENV", "LABEL":
				args = "a=b"
			case "FROM", "MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR":
				args = "a"
			case "HEALTHCHECK":
				args = "CMD a"
			case "SHELL":
				args = `["a"]`
			}
			result, err := parser.Parse(strings.NewReader(keyword + " --" + name + " " + args))
			if err != nil {
				t.Fatal(err)
			}
			_, err = instructions.ParseInstruction(result.AST.Children[0])
			refused := err != nil && strings.Contains(err.Error(), "unknown flag")
			unread := keyword == "ARG" || keyword == "STOPSIGNAL" // BuildKit does not look at their flags
			if known[name] == refused && !unread {
				t.Errorf("%s --%s: listed %v, BuildKit says %v", keyword, name, known[name], err)
			}
			if known[name] {
				declared++
			}
		}
	}
	total := 0
	for _, keyword := range syntax.Keywords() {
		total += len(syntax.Flags(strings.ToLower(keyword)))
	}
	if total != declared {
		t.Errorf("%d flags listed, %d tried", total, declared)
	}
}
