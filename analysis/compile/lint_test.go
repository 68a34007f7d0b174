package compile

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/syntax"
)

func TestLint(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"clean", "FROM debian:12\nRUN make\nCMD [\"x\"]\n", ""},
		{"casing, with its line", "# hello\nFROM debian:12 as Build\nRUN make\n", "FromAsCasing 2-2, StageNameCasing 2-2"},
		{"a continued line", "FROM debian:12\nRUN a \\\n\n  b\nMAINTAINER me\n", "NoEmptyContinuation 4-4, MaintainerDeprecated 5-5"},
		{"every stage", "FROM a AS x\nENV k v\nFROM b\nENV k v\n", "LegacyKeyValueFormat 2-2, LegacyKeyValueFormat 4-4"},
		{"silenced", "# check=skip=FromAsCasing\nFROM a as x\n", ""},
		{"silenced above a line", "FROM a\n# check=skip=LegacyKeyValueFormat\nENV k v\n", ""},
		{"a secret", "FROM a\nENV AWS_SECRET_ACCESS_KEY=x\n", "SecretsUsedInArgOrEnv 2-2"},
		// The base may define it: then Docker says nothing.
		{"a variable of the base", "FROM node:20\nENV PATH=$PATH:$NODE_HOME/bin\n", ""},
		{"the base's platform", "FROM --platform=linux/arm64 mcr.microsoft.com/windows/servercore\n", "FromPlatformFlagConstDisallowed 1-1"},
	} {
		list, err := Lint(context.Background(), c.content, "")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		for _, w := range list {
			got = append(got, fmt.Sprintf("%s %d-%d", w.Name, w.Start, w.End))
			if w.Message == "" || !strings.HasPrefix(w.URL, "https://docs.docker.com/") {
				t.Errorf("%s: %+v", c.name, w)
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	list, err := Lint(context.Background(), "FROM a as x\nEXPOSE eighty\n", "")
	if err == nil || len(list) != 1 || !strings.Contains(err.Error(), "eighty") {
		t.Errorf("%v %v", list, err)
	}
}

func BenchmarkLint(b *testing.B) {
	for b.Loop() {
		if _, err := Lint(context.Background(), service, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// What is taken out before the checks run changes nothing that they say.
func TestUnrun(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"plain", "FROM a\nRUN x \\\n # c\n  y\n\nCOPY a b\nRUN z", "FROM a\n\n\n\n\nCOPY a b\n"},
		{"a here-document", "FROM a\nRUN <<E\nCMD x\nE\nCMD y\n", "FROM a\n\n\n\nCMD y\n"},
		{"flags stay", "FROM a\nRUN --mount=type=cache,target=/x y\nRUN z\n", "FROM a\nRUN --mount=type=cache,target=/x y\n\n"},
		{"empty lines stay", "FROM a\nRUN x \\\n\n  y\nRUN z\n", "FROM a\nRUN x \\\n\n  y\n\n"},
		{"mixed case stays", "FROM a\nrun x\n", "FROM a\nrun x\n"},
		{"comments to the checks stay", "FROM a\n# check=skip=all\n\nRUN x\nCMD y\n", "FROM a\n# check=skip=all\n\nRUN x\nCMD y\n"},
		{"refused", "FROM a\nRUN x\nNO y\n", "FROM a\nRUN x\nNO y\n"},
		{"carriage returns", "FROM a\r\nRUN x\r\nCMD y\r\n", "FROM a\r\n\nCMD y\r\n"},
	} {
		if diff := cmp.Diff(c.want, unrun(syntax.Parse(c.content))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
