package rewrite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const webApp = `# syntax=docker/dockerfile:1
FROM node:20-bookworm AS build
WORKDIR /app

# The lock file first, so that the install is cached.
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM nginx:1.27-alpine
RUN apk add curl
RUN rm -rf /var/cache/apk/*
COPY --from=build /app/dist /usr/share/nginx/html
EXPOSE 80
CMD ["nginx", "-g", "daemon off;"]
`

func TestDiff(t *testing.T) {
	merged := strings.Replace(webApp, "RUN apk add curl\nRUN rm -rf /var/cache/apk/*\n", "RUN apk add --no-cache curl\n", 1)
	tests := []struct {
		name             string
		oldName, newName string
		before, after    string
		want             string
	}{
		{
			name: "equal", oldName: "Dockerfile", newName: "Dockerfile",
			before: webApp, after: webApp,
		},
		{
			name: "two lines become one", oldName: "web/Dockerfile", newName: "web/Dockerfile",
			before: webApp, after: merged,
			want: `--- a/web/Dockerfile
+++ b/web/Dockerfile
@@ -9,8 +9,7 @@
 RUN npm run build
 
 FROM nginx:1.27-alpine
-RUN apk add curl
-RUN rm -rf /var/cache/apk/*
+RUN apk add --no-cache curl
 COPY --from=build /app/dist /usr/share/nginx/html
 EXPOSE 80
 CMD ["nginx", "-g", "daemon off;"]
`,
		},
		{
			name: "six lines between stay in one hunk", oldName: "Dockerfile", newName: "Dockerfile",
			before: "a\n1\n2\n3\n4\n5\n6\nb\n", after: "A\n1\n2\n3\n4\n5\n6\nB\n",
			want: "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n",
		},
		{
			name: "seven lines between part two hunks", oldName: "Dockerfile", newName: "Dockerfile",
			before: "a\n1\n2\n3\n4\n5\n6\n7\nb\n", after: "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
			want: "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n",
		},
		{
			name: "new file", newName: ".dockerignore",
			after: "node_modules\n.git\n",
			want:  "--- /dev/null\n+++ b/.dockerignore\n@@ -0,0 +1,2 @@\n+node_modules\n+.git\n",
		},
		{
			name: "no final newline", oldName: "Dockerfile", newName: "Dockerfile",
			before: "FROM scratch\nCOPY a /", after: "FROM scratch\nCOPY b /",
			want: "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,2 +1,2 @@\n FROM scratch\n-COPY a /\n\\ No newline at end of file\n+COPY b /\n\\ No newline at end of file\n",
		},
		{
			name: "carriage returns stay", oldName: "Dockerfile", newName: "Dockerfile",
			before: "FROM alpine\r\nRUN a\r\n", after: "FROM alpine\r\nRUN b\r\n",
			want: "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,2 +1,2 @@\n FROM alpine\r\n-RUN a\r\n+RUN b\r\n",
		},
		{
			name: "names as git writes them", oldName: "my app/Dockerfile", newName: "é\"\\\t.Dockerfile",
			before: "a\n", after: "b\n",
			want: "--- a/my app/Dockerfile\t\n+++ \"b/\\303\\251\\\"\\\\\\t.Dockerfile\"\n@@ -1 +1 @@\n-a\n+b\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Diff(test.oldName, test.newName, test.before, test.after)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// repository is a folder in which git apply runs with no configuration but its own.
type repository struct{ dir string }

func newRepository(t testing.TB) repository {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := repository{t.TempDir()}
	if out, err := r.git(r.dir, "", "init", "-q"); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	return r
}

func (r repository) git(dir, stdin string, args ...string) ([]byte, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "HOME="+r.dir)
	return cmd.CombinedOutput()
}

// apply writes before, lets git apply the diff and returns what became of it.
func (r repository) apply(t interface{ Fatalf(string, ...any) }, sub, name, before, diff string, isNew bool) string {
	dir := filepath.Join(r.dir, sub)
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatalf("%v", err)
	}
	if isNew {
		os.Remove(file)
	} else if err := os.WriteFile(file, []byte(before), 0o666); err != nil {
		t.Fatalf("%v", err)
	}
	if out, err := r.git(dir, diff, "apply", "--whitespace=nowarn"); err != nil {
		t.Fatalf("git apply: %v\n%s\n%q", err, out, diff)
	}
	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(after)
}

func TestGitAppliesNames(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the file system does not take every name")
	}
	r := newRepository(t)
	for i, name := range []string{
		"Dockerfile", "web/Dockerfile", "my app/Dockerfile", "Dockerfile 2024-01-02 10:11:12",
		"für/Döckerfile", "q\"uote.Dockerfile", "back\\slash", "new\nline", "tab\tin", "a/b/Dockerfile", "\x80\xFF",
	} {
		for _, sub := range []string{"", "below/here"} {
			for _, isNew := range []bool{false, true} {
				t.Run(fmt.Sprint(i, sub, isNew), func(t *testing.T) {
					before, oldName := webApp, name
					if isNew {
						before, oldName = "", ""
					}
					after := before + "USER nobody\n"
					got := r.apply(t, sub, name, before, Diff(oldName, name, before, after), isNew)
					if got != after {
						t.Errorf("%q: got %q", name, got)
					}
				})
			}
		}
	}
}

// lines draws texts that share many lines, as before and after of an edit do.
func lines(t *rapid.T, label string) string {
	line := rapid.SampledFrom([]string{
		"FROM alpine\n", "RUN apk add curl\n", "\n", "\\\n", "# note\n", "RUN a \\\n", "  && b\n", "crlf\r\n", "\r\n",
		"-- dash\n", "+++ plus\n", "@@ -1 +1 @@\n", "\\ No newline at end of file\n", "\t\n", "é😀\n", "\xFF\xFE\n", "a\rb\n",
	})
	text := strings.Join(rapid.SliceOfN(line, 0, 40).Draw(t, label), "")
	if rapid.Bool().Draw(t, label+" without final newline") {
		text += rapid.SampledFrom([]string{"RUN end", "\r", " ", "\\"}).Draw(t, label+" end")
	}
	return text
}

func TestGitAppliesAnything(t *testing.T) {
	r := newRepository(t)
	rapid.Check(t, func(t *rapid.T) {
		before := lines(t, "before")
		after := lines(t, "after")
		if rapid.Bool().Draw(t, "an edit") {
			all := splitLines(before)
			from := rapid.IntRange(0, len(all)).Draw(t, "from")
			to := rapid.IntRange(from, len(all)).Draw(t, "to")
			after = strings.Join(all[:from], "") + after + strings.Join(all[to:], "")
		}
		// A patch cannot tell an empty file from none.
		if before == after || before == "" || after == "" {
			return
		}
		diff := Diff("Dockerfile", "Dockerfile", before, after)
		if got := r.apply(t, "", "Dockerfile", before, diff, false); got != after {
			t.Fatalf("before %q\nafter %q\ngit made %q of\n%s", before, after, got, diff)
		}
	})
}

// A patch that only adds to an empty file is one that git takes for a new file;
// it must apply to the empty one all the same.
func TestGitAppliesToEmptyFile(t *testing.T) {
	r := newRepository(t)
	got := r.apply(t, "", ".dockerignore", "", Diff(".dockerignore", ".dockerignore", "", "node_modules\n"), false)
	if got != "node_modules\n" {
		t.Errorf("got %q", got)
	}
}

func TestDiffOfLongFiles(t *testing.T) {
	const n = 100_000 // more lines than there are runes below the surrogates
	var a, b []string
	for i := range n {
		line := fmt.Sprintf("RUN echo %d\n", i)
		a = append(a, line)
		switch {
		case i%997 == 0:
			b = append(b, "RUN echo changed\n", line)
		case i%1009 == 0:
		default:
			b = append(b, line)
		}
	}
	shuffled := make([]string, n) // every line once, far from where it was
	for i := range n {
		shuffled[i] = a[i*7919%n]
	}
	disjoint := make([]string, n)
	for i := range n {
		disjoint[i] = fmt.Sprintf("COPY %d /\n", i)
	}
	repeated := make([]string, n) // no line stands once
	for i := range n {
		repeated[i] = a[i%500]
	}
	r := newRepository(t)
	for name, lines := range map[string][]string{"edited": b, "shuffled": shuffled, "disjoint": disjoint, "repeated": repeated} {
		t.Run(name, func(t *testing.T) {
			before, after := strings.Join(a, ""), strings.Join(lines, "")
			diff := Diff("Dockerfile", "Dockerfile", before, after)
			if got := r.apply(t, name, "Dockerfile", before, diff, false); got != after {
				t.Error("git apply made another text of it")
			}
			if name == "edited" && strings.Count(diff, "\n") > 3000 {
				t.Errorf("%d lines of diff for some 200 edits", strings.Count(diff, "\n"))
			}
		})
	}
}
