package compile

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		list, err := Lint(context.Background(), c.content)
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
	list, err := Lint(context.Background(), "FROM a as x\nEXPOSE eighty\n")
	if err == nil || len(list) != 1 || !strings.Contains(err.Error(), "eighty") {
		t.Errorf("%v %v", list, err)
	}
}

func BenchmarkLint(b *testing.B) {
	for b.Loop() {
		if _, err := Lint(context.Background(), service); err != nil {
			b.Fatal(err)
		}
	}
}
