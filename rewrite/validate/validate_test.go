package validate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/syntax"
)

func TestCheckCompiles(t *testing.T) {
	ctx := context.Background()
	if err := CheckCompiles(ctx, phpApp, strings.Replace(phpApp, "8.2", "8.3", 1), Options{}); err != nil {
		t.Error(err)
	}
	for reason, after := range map[string]string{
		"eighty":                   strings.Replace(phpApp, "EXPOSE 80", "EXPOSE eighty", 1),
		"unknown instruction":      phpApp + "FROBNICATE\n",
		"needs docker/dockerfile":  strings.Replace(phpApp, "COPY . ", "COPY --parents a ", 1),
		"target stage":             "", // an empty file has no stage at all
		"empty continuation lines": "",
	} {
		if after == "" {
			continue
		}
		r := (*Rejection)(nil)
		if err := CheckCompiles(ctx, phpApp, after, Options{}); !errors.As(err, &r) || !strings.Contains(r.Error(), reason) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

// A judgement that was not reached is no rejection.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithDeadline(context.Background(), time.Now())
	defer cancel()
	for name, err := range map[string]error{
		"Check":         Check(ctx, phpApp, phpApp, nil, Options{}),
		"CheckCompiles": CheckCompiles(ctx, phpApp, phpApp, Options{}),
	} {
		if r := (*Rejection)(nil); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &r) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRejectionNamesTheStage(t *testing.T) {
	err := Check(context.Background(), nodeApp, strings.Replace(nodeApp, "npm ci", "npm install", 1), nil, Options{})
	r := (*Rejection)(nil)
	if !errors.As(err, &r) || r.Target != "build" || !strings.HasPrefix(r.Error(), "stage build: ") {
		t.Errorf("%+v", err)
	}
}

// A build that a failing check stops may be mended, and no other is stopped.
func TestFailingChecks(t *testing.T) {
	const before, after = "# check=error=true\nFROM debian:12 as x\nRUN true\n", "# check=error=true\nFROM debian:12 AS x\nRUN true\n"
	if err := Check(context.Background(), before, after, nil, Options{}); err != nil {
		t.Error(err)
	}
	r := (*Rejection)(nil)
	if err := Check(context.Background(), after, before, nil, Options{}); !errors.As(err, &r) || !strings.Contains(r.Reason, "Docker's checks would warn anew: FromAsCasing") {
		t.Error(err)
	}
}

func TestBroken(t *testing.T) {
	for name, before := range map[string]string{
		"empty":            "",
		"no stage":         "# nothing\n",
		"binary":           "\x00\xff\n",
		"a template":       "FROM {{ base }}\nRUN x\n{% endif %}\n",
		"an open heredoc":  "FROM a\nRUN <<EOF\nx\n",
		"a long line":      "FROM a\nRUN " + strings.Repeat("x", 100<<10) + "\n",
		"a later stage":    "FROM a AS y\nCOPY --from=x /a /b\nFROM b AS x\nFROM y\n",
		"a missing target": "FROM a AS x\nCOPY --from=7 /a /b\n",
	} {
		r := (*Rejection)(nil)
		if err := Check(context.Background(), before, before, nil, Options{}); !errors.As(err, &r) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFrontend(t *testing.T) {
	plain := "FROM a\nRUN x\nCOPY a b\n"
	for _, c := range []struct {
		pin, after string
		o          Options
		reason     string
	}{
		{"", "FROM a\nRUN --mount=type=cache,target=/x x\nCOPY a b\n", Options{}, ""},
		{"", "FROM a\nRUN x\nCOPY --link a b\n", Options{}, ""},
		{"", "FROM a\nRUN <<EOF\nx\nEOF\nCOPY a b\n", Options{}, ""},
		{"", "FROM a\nRUN x\nCOPY --parents a b\n", Options{}, "--parents needs docker/dockerfile 1.20, and the file is read by 1.4"},
		{"", "FROM a\nRUN x\nCOPY --parents a b\n", Options{Frontend: "1.20"}, ""},
		{"", "FROM a\nRUN x\nCOPY --chmod=u+x a b\n", Options{}, "symbolic chmod needs docker/dockerfile 1.14"},
		{"", "FROM a\nRUN --device=x x\nCOPY a b\n", Options{Frontend: "1.26"}, "--device needs docker/dockerfile 1.27"},
		{"docker/dockerfile:1", "FROM a\nRUN x\nCOPY --parents a b\n", Options{}, ""},
		{"docker/dockerfile", "FROM a\nRUN x\nCOPY --exclude=c a b\n", Options{}, ""},
		{"docker.io/docker/dockerfile-upstream:master", "FROM a\nRUN x\nCOPY --parents a b\n", Options{}, ""},
		{"docker/dockerfile:1.2", "FROM a\nRUN x\nCOPY --link a b\n", Options{Frontend: "1.20"}, "--link needs docker/dockerfile 1.4, and the file is read by 1.2"},
		{"docker/dockerfile:1.0-experimental", "FROM a\nRUN --mount=type=cache,target=/x x\nCOPY a b\n", Options{}, "--mount needs docker/dockerfile 1.2"},
		{"docker/dockerfile:1.7-labs", "FROM a\nRUN x\nCOPY --link a b\n", Options{}, ""},
		{"docker/dockerfile:1.4.3@sha256:aa", "FROM a\nRUN x\nCOPY --link a b\n", Options{}, ""},
		{"docker/dockerfile@sha256:aa", plain, Options{}, "version of the frontend"},
		{"docker/dockerfile:edge", plain, Options{}, "version of the frontend"},
		{"r2d4/mockerfile", plain, Options{}, "frontend r2d4/mockerfile"},
		{"tonistiigi/dockerfile:runmount20180618", plain, Options{}, "frontend tonistiigi"},
	} {
		pin := ""
		if c.pin != "" {
			pin = "# syntax=" + c.pin + "\n"
		}
		r := frontend(syntax.Parse(pin+plain), syntax.Parse(pin+c.after), c.o)
		switch {
		case c.reason == "" && r != nil:
			t.Errorf("%s: %v", c.pin, r)
		case c.reason != "" && (r == nil || !strings.Contains(r.Reason, c.reason)):
			t.Errorf("%s, %q: %v, not %q", c.pin, c.after, r, c.reason)
		}
	}
}

// What a fix may declare, the validator must know: each entry of the closed lists
// has the command that it belongs to.
func TestKnown(t *testing.T) {
	for _, k := range change.Cleanups() {
		install := map[string]string{"apt": "apt-get update", "apk": "apk add x", "npm": "npm ci", "dnf": "dnf install -y x", "yum": "yum install -y x",
			"microdnf": "microdnf install x", "zypper": "zypper -n in x", "pacman": "pacman -Sy --noconfirm x", "yarn": "yarn", "gem": "bundle install",
			"pecl": "pecl install x"}[k.Manager]
		before := "FROM a\nUSER root\nRUN " + install + "\n"
		after := "FROM a\nUSER root\nRUN " + install + " && " + k.Command + "\n"
		if err := Check(context.Background(), before, after, []change.Change{change.Cleaned{Cleanup: k}}, Options{}); err != nil {
			t.Errorf("%s: %v", k.Command, err)
		}
	}
	for _, f := range change.Flags() {
		if strings.HasSuffix(f.Text, keptArchives) {
			continue // holds with its mount alone
		}
		call := f.Program + " " + f.Verb
		before := "FROM a\nRUN " + call + " x\n"
		after := "FROM a\nRUN " + call + " " + f.Text + " x\n"
		if err := Check(context.Background(), before, after, []change.Change{change.FlagAdded{Flag: f}}, Options{}); err != nil {
			t.Errorf("%s: %v", f.Text, err)
		}
	}
}

// The search over explanations stays small however long a chain is.
func TestLongChains(t *testing.T) {
	var before, after strings.Builder
	before.WriteString("FROM debian:12\n")
	after.WriteString("FROM debian:12\nRUN ")
	for i := range 300 {
		before.WriteString("RUN mkdir -p /a && ls /a\n")
		if i > 0 {
			after.WriteString(" \\\n && ")
		}
		after.WriteString("mkdir -p /a && ls /a")
	}
	after.WriteString("\n")
	start := time.Now()
	if err := Check(context.Background(), before.String(), after.String(), joined, Options{}); err != nil {
		t.Error(err)
	}
	// One RUN more than the text holds.
	r := (*Rejection)(nil)
	if err := Check(context.Background(), before.String()+"RUN ls /b\n", after.String(), joined, Options{}); !errors.As(err, &r) {
		t.Errorf("accepted: %v", err)
	}
	t.Log(time.Since(start))
}

func BenchmarkCheck(b *testing.B) {
	after := strings.Replace(phpApp, "RUN apt-get update\nRUN apt-get install", "RUN apt-get update \\\n && apt-get install", 1)
	for b.Loop() {
		if err := Check(context.Background(), phpApp, after, joined, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
