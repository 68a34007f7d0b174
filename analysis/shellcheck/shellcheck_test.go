package shellcheck_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/shellcheck"
)

func need(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("shellcheck"); err == nil {
		return
	}
	if os.Getenv("SHALE_TEST_ALL") != "" {
		t.Fatal("shellcheck is not installed: .ci/tools installs it")
	}
	t.Skip("shellcheck is not installed")
}

// check tells what is found, with what is underlined.
func check(t *testing.T, c *shellcheck.Checker, dir, content string, args ...string) string {
	t.Helper()
	rule := c.Rule()
	loader, err := config.New(config.Options{Schema: analysis.Schema([]*analysis.Rule{rule}), Args: args})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "Dockerfile")
	cfg, err := loader.For(path)
	if err != nil {
		t.Fatal(err)
	}
	report := analysis.Check(analysis.Input{Path: path, Content: content, Config: cfg}, []*analysis.Rule{rule})
	for _, fault := range report.Faults {
		t.Error(fault)
	}
	var out []string
	for _, d := range report.Diagnostics {
		out = append(out, fmt.Sprintf("%d: %s %s %q", report.File.Doc.Lines.Line(d.Span.Start)+1, d.Severity, d.Rule, d.Span.In(content)))
	}
	return strings.Join(out, "\n")
}

const always = `rules.shellcheck.when="always"`

// Each finding stands on the bytes that it is about, whatever lies between.
func TestPositions(t *testing.T) {
	need(t)
	for _, c := range []struct{ name, content, want string }{
		{"one line", "FROM a\nRUN echo $x\n", `2: info SC2086 "$x"`},
		{"continued lines with a comment", "FROM a\nRUN echo é \\\n  # about $y\n\t&& cd /srv/ü \\\n  && echo $x\n", "5: info SC2086 \"$x\""},
		{"across a continuation", "FROM a\nRUN touch $(ls \\\n  -l)\n", "2: warning SC2046 \"$(ls \\\\\\n  -l)\""},
		{"another escape", "# escape=`\nFROM a\nRUN echo a `\n  && echo $x\n", `4: info SC2086 "$x"`},
		{"flags", "FROM a\nRUN --network=none echo $x\n", `2: info SC2086 "$x"`},
		{"a here-document", "FROM a\nRUN <<EOF\necho a\n  echo $x\nEOF\n", `4: info SC2086 "$x"`},
		{"one with tabs cut", "FROM a\nRUN <<-EOF\n\techo a\n\t\techo $x\n\tEOF\n", `4: info SC2086 "$x"`},
		{"its own interpreter", "FROM a\nRUN <<EOF\n#!/bin/bash\necho ${x[0]}\nEOF\nRUN <<EOF\n#!/usr/bin/env python3\nprint($x)\nEOF\n", `4: info SC2086 "${x[0]}"`},
		{"one of a command", "FROM a\nRUN cat <<EOF >x && echo $y\n$z\nEOF\n", `2: info SC2086 "$y"`},
		{"ONBUILD", "FROM a\nONBUILD RUN echo $x\n", `2: info SC2086 "$x"`},
		{"carriage returns", "FROM a\r\nRUN echo a \\\r\n  && echo $x\r\n", `3: info SC2086 "$x"`},
		{"sh is no bash", "FROM a\nRUN [[ -n $x ]]\n", `2: warning SC3010 "[[ -n $x ]]"`},
		{"bash is", "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nRUN [[ -n $x ]]\n", ""},
		{"dash and ash are not", "FROM a\nSHELL [\"/bin/ash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN [[ -n $x ]]\n", `3: error SC3010 "[[ -n $x ]]"`},
		{"PowerShell", "FROM a\nSHELL [\"pwsh\", \"-Command\"]\nRUN echo $x\n", ""},
		{"exec form", "FROM a\nRUN [\"echo\", \"$x\"]\n", ""},
		{"variables that are set", "FROM a\nARG v\nENV w=1\nRUN echo \"$v $w $http_proxy\"\nRUN echo \"$other\"\n", `5: warning SC2154 "$other"`},
		{"a shell's own syntax error", "FROM a\nRUN if true; then echo\n", `2: error SC1046 "if"
2: error SC1073 "if"`},
	} {
		got := check(t, new(shellcheck.Checker), t.TempDir(), c.content, always)
		var kept []string
		for line := range strings.SplitSeq(got, "\n") {
			// What a version says besides is its own.
			if !strings.Contains(line, "SC2154") && !strings.Contains(line, "SC2034") && !strings.Contains(line, "SC1047") && !strings.Contains(line, "SC1072") || strings.Contains(c.want, "SC2154") {
				kept = append(kept, line)
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(kept, "\n")); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// It runs where hadolint's configuration is, and where it is asked for.
func TestWhere(t *testing.T) {
	need(t)
	const content = "FROM a\nRUN touch $(ls)\n"
	if got := check(t, new(shellcheck.Checker), t.TempDir(), content); got != "" {
		t.Errorf("not asked for: %s", got)
	}
	for _, c := range []struct{ hadolint, content, want string }{
		{"ignored: [DL3008]\n", content, `2: warning SC2046 "$(ls)"`},
		{"ignored: [SC2046]\n", content, ""},
		{"override:\n  error: [sc2046]\n", content, `2: error SC2046 "$(ls)"`},
		{"", "FROM a\n# hadolint ignore=DL3008,SC2046\nRUN touch $(ls)\nRUN touch $(ls)\n", `4: warning SC2046 "$(ls)"`},
		{"", "FROM a\n# shale ignore=SC2046\nRUN touch $(ls)\n# shellcheck disable=SC2046\nRUN touch $(ls)\n", ""},
		{"", "# hadolint global ignore=SC2046\nFROM a\nRUN touch $(ls)\n", ""},
		{"", "FROM a\n# shale ignore=shellcheck\nRUN touch $(ls)\n", ""},
		{"", "# shale ignore-file=shellcheck\nFROM a\nRUN touch $(ls)\n", ""},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".hadolint.yaml"), []byte(c.hadolint), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := check(t, new(shellcheck.Checker), dir, c.content); got != c.want {
			t.Errorf("%q %q: %s, want %s", c.hadolint, c.content, got, c.want)
		}
	}
	for _, c := range [][2]string{
		{`rules.SC2046.severity="info"`, `2: info SC2046 "$(ls)"`},
		{`rules.SC2046.severity="off"`, ""},
		{`rules.shellcheck.severity="error"`, `2: error SC2046 "$(ls)"`},
		{`rules.shellcheck.severity="off"`, ""},
	} {
		if got := check(t, new(shellcheck.Checker), t.TempDir(), content, always, c[0]); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
}

// Where it is not installed, or does not work, that is said once, and nothing else
// is lost.
func TestAbsent(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "shellcheck")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho it is broken >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]string{
		"no-shellcheck": "no-shellcheck is not installed: what RUNs hand to a shell is not checked by it, all else is",
		broken:          broken + " failed, and checks nothing: exit status 3 it is broken",
	} {
		var said []string
		c := &shellcheck.Checker{Program: program, Tell: func(s string) { said = append(said, s) }}
		for range 2 {
			if got := check(t, c, t.TempDir(), "FROM a\nRUN echo $x\n", always); got != "" {
				t.Error(got)
			}
		}
		if len(said) != 1 || said[0] != want {
			t.Errorf("said %q, want %q", said, want)
		}
	}
}
