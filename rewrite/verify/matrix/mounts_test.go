//go:build linux

package matrix

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a mount is for: after a change of the list an install takes from it what the
// build before has fetched.
func TestMountsAreUsedAgain(t *testing.T) {
	w := open(t)
	t.Parallel()
	for _, tt := range []struct {
		kase    string
		changed *strings.Replacer
		says    string // in the second build's log
	}{
		// apt tells what it has of what it needs.
		{"mount-apt", strings.NewReplacer(" jq ", " jq xz-utils ", " jq\n", " jq xz-utils\n"), `Need to get [0-9.,]+ .?B/[0-9.,]+ .?B of archives`},
		{"mount-npm", strings.NewReplacer("npm ci --omit=dev", "npm ci --omit=dev --no-audit --offline"), `added [0-9]+ packages`},
		{"mount-yarn", strings.NewReplacer("--production", "--production --offline --verbose"), `Saved lockfile|Done in`},
		{"mount-go", strings.NewReplacer("go mod download", "GOPROXY=off go mod download", "go build", "GOPROXY=off go build -v"), ``},
	} {
		t.Run(tt.kase, func(t *testing.T) {
			var k kase
			for _, one := range cases(t) {
				if one.name == tt.kase {
					k = one
				}
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(k.dir)); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("context", "Dockerfile")
			if _, errs, status := w.run(t, dir, "fix", "--context", "context", "--exit-zero", file); status != 0 {
				t.Fatalf("shale fix: exit %d\n%s", status, errs)
			}
			fixed, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			// Other steps than those of builds beside this one, whose mounts are others.
			from, rest, _ := strings.Cut(string(fixed), "\n")
			first := from + "\nENV AGAIN=1\n" + rest
			changed := tt.changed.Replace(first)
			if changed == first || string(fixed) == k.file {
				t.Fatalf("nothing changed:\n%s", changed)
			}
			if out, err := w.engine.Build(t.Context(), w.buildArgs(t, k, first)...); err != nil {
				t.Fatalf("%v\n%s", err, tail(out))
			}
			out, err := w.engine.Build(t.Context(), w.buildArgs(t, k, changed)...)
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, changed, tail(out))
			}
			if !regexp.MustCompile(tt.says).MatchString(out) {
				t.Errorf("the log does not say %q:\n%s", tt.says, tail(out))
			}
		})
	}
}
