// Package shellcheck runs ShellCheck, where it is installed, on what RUNs hand to
// a shell, and takes what it says home to the Dockerfile.
package shellcheck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

// URL is ShellCheck's page of a code, "" for what is none.
func URL(code string) string {
	if !isCode(code) {
		return ""
	}
	return "https://www.shellcheck.net/wiki/" + code
}

func isCode(name string) bool {
	number, ok := strings.CutPrefix(name, prefix)
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

const prefix = "SC"

// excluded are what cannot be mended in a Dockerfile: that ash is checked as dash,
// and that files are not there to be read.
const excluded = "SC2187,SC1090,SC1091"

// patience is longer than ShellCheck takes for any Dockerfile.
const patience = time.Minute

// A Checker is the ShellCheck of this machine.
type Checker struct {
	Program string       // its name or path; "" for shellcheck
	Tell    func(string) // is told, once, why nothing was checked

	find sync.Once
	path string
	told sync.Map
}

// Rule returns the rule that reports what ShellCheck finds, under its codes.
func (c *Checker) Rule() *analysis.Rule {
	return &analysis.Rule{
		Name: "shellcheck", Severity: analysis.Warning, Codes: prefix,
		Doc: analysis.Doc{
			Summary: "ShellCheck finds fault with a shell command",
			What: `What [ShellCheck](https://www.shellcheck.net) says of the commands that a RUN hands to sh, bash, dash or ash, here-documents included, under its own codes and severities (style is info). It must be installed; where it is not, Shale says so once and checks the rest.

Where hadolint's configuration is in force it runs, as it does in hadolint. Elsewhere it is turned on with ` + "`when = \"always\"`, or for one run with `--only shellcheck`" + `: what is found should not hang on what a machine happens to have installed. It is no part of ` + "`shale fix`" + ` and of the editor, which has its own ShellCheck.`,
			Why:    "A command that is wrong in one case of a hundred breaks a build in a way that nobody can repeat.",
			Silent: "Of RUNs in exec form, of PowerShell, cmd and other programs that are no such shell, and of what cannot be mended in a Dockerfile (" + strings.ReplaceAll(excluded, ",", ", ") + "). `# shale ignore=SC2086`, `# hadolint ignore=SC2086` and `# shellcheck disable=SC2086` above a RUN silence a code, `rules.SC2086.severity` in .shale.toml and `ignored` in .hadolint.yaml everywhere.",
			Fix:    "None: ShellCheck knows no Dockerfile.",
		},
		Options: []analysis.Option{{
			Name: "when", Doc: "where ShellCheck runs: where a configuration of hadolint is in force, or always",
			Values: []string{"hadolint", "always"}, Default: "hadolint",
		}},
		Run: c.run,
	}
}

func (c *Checker) run(p *analysis.Pass) {
	if p.Option("when") == "hadolint" && !p.FromHadolint() {
		return
	}
	scripts := read(p.File)
	if len(scripts) == 0 {
		return
	}
	c.find.Do(func() { c.path, _ = exec.LookPath(c.name()) })
	if c.path == "" {
		c.say(c.name() + " is not installed: what RUNs hand to a shell is not checked by it, all else is")
		return
	}
	found, err := c.check(scripts)
	if err != nil {
		c.say(err.Error())
		return
	}
	for _, f := range found {
		s := scripts[f.script]
		from, to, ok := s.place(f)
		if !ok {
			continue // of what stands before the script
		}
		span := s.text.Span(from, to)
		// One place may be spoken of twice.
		if key := (place{f.Code, span.Start, span.End}); !s.seen[key] {
			s.seen[key] = true
			p.Report(analysis.Diagnostic{
				Rule: fmt.Sprint(prefix, f.Code), Severity: severity(f.Level), Span: span, Message: f.Message,
			})
		}
	}
}

func (c *Checker) name() string {
	if c.Program != "" {
		return c.Program
	}
	return "shellcheck"
}

func (c *Checker) say(message string) {
	if _, before := c.told.LoadOrStore(message, true); !before && c.Tell != nil {
		c.Tell(message)
	}
}

// A finding is one comment of ShellCheck's JSON, in which a tab is one column.
type finding struct {
	File      string
	Line      int
	EndLine   int
	Column    int
	EndColumn int
	Level     string
	Code      int
	Message   string

	script int
}

func severity(level string) analysis.Severity {
	switch level {
	case "error":
		return analysis.Error
	case "warning":
		return analysis.Warning
	}
	return analysis.Info
}

// check runs ShellCheck once for all scripts of a file.
func (c *Checker) check(scripts []*script) ([]finding, error) {
	dir, err := os.MkdirTemp("", "shale-shellcheck-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	args := []string{"--norc", "--format=json1", "--exclude=" + excluded, "--"}
	for i, s := range scripts {
		name := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(name, []byte(s.lead+s.text.String()+"\n"), 0o600); err != nil {
			return nil, err
		}
		args = append(args, name)
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "SHELLCHECK_OPTS=")
	var out, why bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &why
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s took more than %v for one Dockerfile, and checks nothing of it", c.name(), patience)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		first, _, _ := strings.Cut(strings.TrimSpace(why.String()), "\n")
		return nil, fmt.Errorf("%s failed, and checks nothing: %w %s", c.name(), err, first)
	}
	var all struct{ Comments []finding }
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		return nil, fmt.Errorf("%s does not write the JSON that it should, and checks nothing: %w", c.name(), err)
	}
	for i := range all.Comments {
		f := &all.Comments[i]
		if _, err := fmt.Sscan(filepath.Base(f.File), &f.script); err != nil || f.script >= len(scripts) {
			return nil, fmt.Errorf("%s speaks of %s, which it was not asked about", c.name(), f.File)
		}
	}
	slices.SortStableFunc(all.Comments, func(a, b finding) int { return a.script - b.script })
	return all.Comments, nil
}

type place struct{ code, from, to int }

// place is where a finding stands in a script's text; not ok before it.
func (s *script) place(f finding) (from, to int, ok bool) {
	text, lines := s.text.String(), strings.Count(s.lead, "\n")
	from, ok = offset(text, f.Line-lines, f.Column)
	if !ok {
		return 0, 0, false
	}
	if to, ok = offset(text, f.EndLine-lines, f.EndColumn); !ok || to <= from {
		// The word that stands there, or what else does.
		to = from + len(word.FindString(text[from:]))
	}
	return from, to, true
}

var word = lazyregexp.New(`^(?:\w+|(?s:.))`)

// offset finds a line and a column, both from 1; a column counts code points.
func offset(text string, line, column int) (int, bool) {
	if line < 1 || column < 1 {
		return 0, false
	}
	at := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text), true
		}
		at += i + 1
	}
	for ; column > 1 && at < len(text) && text[at] != '\n'; column-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at, true
}
