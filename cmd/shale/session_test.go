package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
	"github.com/spf13/cobra"
)

// each makes a rule that reports every instruction of one name.
func each(name, instruction string, severity analysis.Severity, fix func(*syntax.Instruction) []analysis.Fix) *analysis.Rule {
	return &analysis.Rule{Name: name, Best: analysis.Safe, Severity: severity, Run: func(p *analysis.Pass) {
		for _, in := range p.Doc.Instructions {
			if in.Name == instruction {
				p.Report(analysis.Diagnostic{Span: in.Span, Message: "here is one.", Fixes: fix(in)})
			}
		}
	}}
}

// wrongRule offers a fix that it calls safe and that loses a line.
var wrongRule = each("wrong-rule", "run", analysis.Warning, func(in *syntax.Instruction) []analysis.Fix {
	return []analysis.Fix{{Title: "Drop it", Safety: analysis.Safe, Edits: []analysis.Edit{{Edit: source.Delete(in.Lines)}}}}
})

func none(*syntax.Instruction) []analysis.Fix { return nil }

var (
	failingRule = &analysis.Rule{Name: "failing-rule", Severity: analysis.Warning, Run: func(*analysis.Pass) { panic("out of range") }}
	offRule     = each("off-rule", "from", analysis.Off, none)
)

// play runs the command with these rules in a folder with one Dockerfile.
func play(t *testing.T, all []*analysis.Rule, out io.Writer, args ...string) (status int, stderr, dockerfile string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(path, []byte("FROM debian:12\nRUN apt-get update\nRUN apt-get install -y git\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	var messages bytes.Buffer
	a := &app{
		in: strings.NewReader(""), out: &stream{w: out}, err: &stream{w: &messages},
		getenv: func(string) string { return "" }, rules: all, writeFile: rewrite.WriteFile,
	}
	status = a.run(t.Context(), args)
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return status, messages.String(), string(after)
}

// A fix that the validator does not pass is shown to nobody and made by nobody.
func TestRejectedFix(t *testing.T) {
	const told = "shale: Dockerfile:2: left out a fix that proved wrong, a defect of Shale: Drop it [wrong-rule]: "
	const where = "shale: please report these defects of Shale, with the files, at https://"
	var out bytes.Buffer
	status, stderr, _ := play(t, []*analysis.Rule{wrongRule}, &out, "check", "--format=json")
	if status != exitFindings || strings.Contains(out.String(), "Drop it") || !strings.Contains(out.String(), `"fixes":[]`) ||
		!strings.Contains(stderr, told) || strings.Count(stderr, where) != 1 {
		t.Errorf("check: status %d\n%s\n%s", status, out.String(), stderr)
	}
	out.Reset()
	status, stderr, after := play(t, []*analysis.Rule{wrongRule}, &out, "fix")
	if status != exitFindings || strings.Count(after, "RUN") != 2 || !strings.Contains(stderr, told) || strings.Count(stderr, where) != 1 ||
		!strings.Contains(out.String(), "Drop it (safe, but not made)") {
		t.Errorf("fix: status %d\n%s\n%s\n%s", status, out.String(), stderr, after)
	}
}

// A rule that fails is Shale's defect; the others go on.
func TestFailingRule(t *testing.T) {
	var out bytes.Buffer
	status, stderr, _ := play(t, []*analysis.Rule{failingRule, each("from-rule", "from", analysis.Warning, none)}, &out, "check")
	if status != exitFault || !strings.Contains(out.String(), "[from-rule]") ||
		!strings.Contains(stderr, "shale: error: Dockerfile: a defect of Shale: rule failing-rule failed: out of range") {
		t.Errorf("status %d\n%s\n%s", status, out.String(), stderr)
	}
}

// A rule that is off by default runs when it is asked for.
func TestOffRule(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		status int
	}{
		{[]string{"check"}, 0},
		{[]string{"check", "--only", "off-rule"}, exitFindings},
		{[]string{"check", "--only", "off-rule", "--config", `rules.off-rule.severity="info"`}, 0},
		{[]string{"check", "--config", `rules.off-rule.severity="error"`, "--fail-on", "error"}, exitFindings},
		{[]string{"check", "--only", "off-rule", "--except", "off-rule"}, 0},
	} {
		var out bytes.Buffer
		if status, stderr, _ := play(t, []*analysis.Rule{offRule}, &out, tt.args...); status != tt.status || stderr != "" {
			t.Errorf("%q: status %d, want %d\n%s%s", tt.args, status, tt.status, out.String(), stderr)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// A report that cannot be written is a fault, and files are mended all the same.
func TestOutputFails(t *testing.T) {
	for _, args := range [][]string{{"check"}, {"check", "--format", "json"}, {"rules"}, {"version"}} {
		status, stderr, _ := play(t, rules.All(), failingWriter{errors.New("no space left on device")}, args...)
		if status != exitFault || stderr != "shale: error: writing to standard output: no space left on device\n" {
			t.Errorf("%q: status %d, %q", args, status, stderr)
		}
	}
	status, stderr, after := play(t, rules.All(), failingWriter{syscall.EPIPE}, "fix")
	if status != exitFault || stderr != "" || strings.Count(after, "RUN") != 1 {
		t.Errorf("fix: status %d, %q\n%s", status, stderr, after)
	}
}

// A drive through many files: each once, in order, in text and in JSON alike.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var want []string
	for i := range 300 {
		name := "svc" + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + ".Dockerfile"
		if err := os.WriteFile(name, []byte("FROM debian:12\nINSTALL git\n"+strings.Repeat("RUN true\n", i)), 0o644); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
	}
	var out, messages bytes.Buffer
	a := &app{out: &stream{w: &out}, err: &stream{w: &messages}, getenv: os.Getenv, rules: rules.All()}
	if status := a.run(t.Context(), []string{"check", "--format", "json"}); status != exitFindings {
		t.Fatalf("status %d: %s", status, messages.String())
	}
	var r struct{ Files []struct{ Path string } }
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	for i, f := range r.Files {
		if f.Path != want[i] {
			t.Fatalf("file %d is %s, want %s", i, f.Path, want[i])
		}
	}
	if len(r.Files) != len(want) {
		t.Errorf("%d files, want %d", len(r.Files), len(want))
	}
}

// What is too large for a Dockerfile is not read to its end.
func TestTooLarge(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("Dockerfile", []byte("FROM debian:12\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate("Dockerfile", maxSize+1); err != nil {
		t.Fatal(err)
	}
	var out, messages bytes.Buffer
	a := &app{out: &stream{w: &out}, err: &stream{w: &messages}, getenv: os.Getenv, rules: rules.All()}
	if status := a.run(t.Context(), []string{"check"}); status != exitFault || messages.String() != "shale: error: Dockerfile: more than 16 MB: not read, for no Dockerfile is so large\n" {
		t.Errorf("status %d: %s", status, messages.String())
	}
}

// The builds that a walk found are still known when one of its files is read again, to
// be built.
func TestInputKeepsBuilds(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		".git/HEAD": "", "app/Dockerfile": "FROM debian:12\n", "deploy/compose.yaml": "services:\n  web:\n    build: {context: .., dockerfile: app/Dockerfile}\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	a := newApp()
	a.err = &stream{w: io.Discard}
	c := &cobra.Command{}
	c.SetContext(t.Context())
	s, err := a.begin(c, &selection{format: "text", failOn: "never"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	files, bad, err := s.find(nil)
	if err != nil || len(bad) > 0 || len(files) != 1 {
		t.Fatal(files, bad, err)
	}
	if in, err := s.input(files[0]); err != nil || len(in.Builds) != 1 {
		t.Errorf("%d builds, %v", len(in.Builds), err)
	}
}

// A silentReader is standard input on which nothing comes, ever. The first who asks it
// interrupts the command.
type silentReader struct{ interrupt func() }

func (r silentReader) Read([]byte) (int, error) {
	r.interrupt()
	select {}
}

// Whatever waits for standard input ends at a signal.
func TestInterruptedInput(t *testing.T) {
	for _, args := range []string{"check -", "fix -", "fix --diff -", "fmt -", "verify -", "check --write-baseline b -"} {
		ctx, cancel := context.WithCancel(t.Context())
		var out, said bytes.Buffer
		a := newApp()
		a.in, a.out, a.err = silentReader{cancel}, &stream{w: &out}, &stream{w: &said}
		status := a.run(ctx, strings.Fields(args))
		if status != exitInterrupted || !strings.Contains(said.String(), "shale: interrupted; ") || strings.Contains(said.String(), "error") {
			t.Errorf("%s: status %d\n%s%s", args, status, out.String(), said.String())
		}
	}
}
