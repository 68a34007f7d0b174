package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/cmd/shale/internal/report"
)

// readme returns the README with its generated parts as they should be now: what
// the command prints about the demo, and the table of rules.
func readme(root string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return "", err
	}
	shown, err := demo(root)
	if err != nil {
		return "", err
	}
	text, err := section(string(data), "demo", shown)
	if err != nil {
		return "", err
	}
	return section(text, "rules", table("docs/"))
}

func writeReadme(root string) error {
	text, err := readme(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "README.md"), []byte(text), 0o644)
}

// section puts text between the two marks of a generated part.
func section(page, name, text string) (string, error) {
	open, end := "<!-- "+name+": written by make docs -->\n", "<!-- end of "+name+" -->\n"
	head, rest, ok := strings.Cut(page, open)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("README.md lacks the marks %q and %q", strings.TrimSpace(open), strings.TrimSpace(end))
	}
	return head + open + text + end + tail, nil
}

// demo is a session with the command itself over testdata/demo.
func demo(root string) (string, error) {
	dir, err := os.MkdirTemp("", "shale-docs-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "shale")
	build := exec.Command("go", "build", "-o", binary, "./cmd/shale")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	var b strings.Builder
	run := func(lang string, args ...string) error {
		cmd := exec.Command(binary, args...)
		cmd.Dir = filepath.Join(root, "testdata", "demo")
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
			return fmt.Errorf("shale %s: %w", strings.Join(args, " "), err)
		}
		fmt.Fprintf(&b, "`shale %s` on [this Dockerfile](testdata/demo/Dockerfile):\n\n```%s\n%s```\n\n", strings.Join(args, " "), lang, out)
		return nil
	}
	if err := run("text", "check"); err != nil {
		return "", err
	}
	if err := run("diff", "fix", "--diff"); err != nil {
		return "", err
	}
	return b.String(), nil
}

// table lists the rules with links that start at a folder.
func table(from string) string {
	var b strings.Builder
	b.WriteString("| Rule | What it finds | Severity | Fix |\n|---|---|---|---|\n")
	for _, r := range rules.All() {
		link := fmt.Sprintf("[%s](%srules/%s.md)", r.Name, from, r.Name)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", link, r.Doc.Summary, r.Severity, report.FixWord(r))
	}
	b.WriteString("\nWhat BuildKit cannot read is reported as `syntax`, always as an error.\n")
	return b.String()
}
