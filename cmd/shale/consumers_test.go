//go:build consumers

package main_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// The programs that read the formats take what shale writes. They come from the
// Go proxy and from npm.
func TestConsumers(t *testing.T) {
	work := t.TempDir()
	shale := filepath.Join(work, "shale")
	script(t, root(t), `go build -o "$1" ./cmd/shale`, shale)
	repo := filepath.Join(work, "repo")
	script(t, work, `git init -q repo && mkdir "repo/a b" && printf 'FROM debian:12\nRUN echo é 🚀 && apt-get update\n' >"repo/a b/Dockerfile"
git -C repo add . && git -C repo -c user.name=a -c user.email=a@example.org commit -qm one
printf 'RUN apt-get install -y --no-install-recommends git\n' >>"repo/a b/Dockerfile"`)

	t.Run("reviewdog", func(t *testing.T) {
		reviewdog := filepath.Join(work, "reviewdog")
		script(t, work, `GOBIN="$1" GOFLAGS=-mod=mod go install github.com/reviewdog/reviewdog/cmd/reviewdog@v0.21.0`, work)
		for format, want := range map[string]string{
			"rdjson":     "suggestions:",
			"rdjsonl":    `"suggestions":`,
			"sarif":      `"startLine":3`,
			"checkstyle": "a b/Dockerfile:3:5: warning:",
		} {
			// Only what stands in the diff is told.
			got := script(t, repo, `"$1" check --exit-zero --format "$3" | "$2" -f="$3" -name=shale -reporter=local -diff="git diff"`, shale, reviewdog, format)
			if !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
				t.Errorf("%s: want one line with %s:\n%s", format, want, got)
			}
		}
	})

	t.Run("github code scanning", func(t *testing.T) {
		got := script(t, repo, `"$1" check --exit-zero --format sarif >shale.sarif
DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 npx --yes @microsoft/sarif-multitool@5.7.0 validate shale.sarif --rule-kind "'Sarif;Ghas'"`, shale)
		if !strings.Contains(got, "Analysis completed successfully") || strings.Contains(got, " error ") || strings.Contains(got, " warning ") {
			t.Error(got)
		}
	})

	// What a step prints must be what GitHub's own library prints.
	t.Run("github annotations", func(t *testing.T) {
		message := "Line 3 installs from the package index that line 2 fetched and the build cache keeps: once it is stale, the build fails or installs old versions. `shale fix` mends it: Merge 2 RUNs into one."
		want := script(t, work, `npm install --silent --no-save @actions/core@1.11.1 >&2 && node -e '
require("@actions/core").warning(process.argv[1], {title: "shale: stale-package-index", file: "a b/Dockerfile", startLine: 3, endLine: 3, startColumn: 5, endColumn: 51})' "$1"`, message)
		got := script(t, repo, `"$1" check --exit-zero --format github --only stale-package-index`, shale)
		if got != want {
			t.Errorf("shale prints\n%s@actions/core\n%s", got, want)
		}
	})
}
