//go:build linux

package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	figuresOpen = "<!-- figures: written by make figures -->\n"
	figuresEnd  = "<!-- end of figures -->\n"
)

// The README's figures are what shale verify tells of testdata/shop: its structure
// to the letter, its sizes within a few per cent. Times are the machine's.
func TestFigures(t *testing.T) {
	w := open(t)
	t.Parallel()
	readme := filepath.Join(w.cache, "..", "..", "README.md")
	page, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), figuresOpen)
	have, foot, ok2 := strings.Cut(rest, figuresEnd)
	if !ok || !ok2 {
		t.Fatalf("README.md lacks the marks %q and %q", figuresOpen, figuresEnd)
	}
	now := w.figures(t)
	if *update {
		if err := os.WriteFile(readme, []byte(head+figuresOpen+now+figuresEnd+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if why := stale(have, now); why != "" {
		t.Errorf("README.md: %s; make figures mends it\nthere:\n%s\nnow:\n%s", why, have, now)
	}
}

// figures runs the command, as the README shows it, and returns what the README
// says of it. Its bases are named, because no registry is asked here.
func (w *world) figures(t *testing.T) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(w.cache, "..", "..", "testdata", "shop", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"verify", "testdata/shop", "--rebuild", "src/server.js", "--format", "markdown",
		"--buildkit", w.engine.Addr, "--build-arg", "http_proxy=" + w.mirror.addr}, w.contexts(t, kase{file: string(file)})...)
	out, errs, status := w.run(t, filepath.Join(w.cache, "..", ".."), args...)
	if status != 0 {
		t.Fatalf("exit %d\n%s\n%s", status, out, tail(errs))
	}
	// The bases here are kept uncompressed, those of a registry are not; and a build
	// without cache takes what the machine and its network take.
	out = regexp.MustCompile(`(?m)^\| (compressed|build without cache) \|.*\n`).ReplaceAllString(out, "")
	headline, out, _ := strings.Cut(strings.TrimPrefix(out, "### "), "\n")
	table, out, _ := strings.Cut(out, "<details>")
	_, fixes, _ := strings.Cut("<details>"+out, "<details><summary>Fixes</summary>\n\n")
	fixes, _, _ = strings.Cut(fixes, "\n</details>")
	if !strings.Contains(table, "|") || fixes == "" {
		t.Fatalf("neither table nor fixes in\n%s", out)
	}
	return fmt.Sprintf("`shale verify testdata/shop --rebuild src/server.js` builds [this Dockerfile](testdata/shop/Dockerfile) with BuildKit, and says:\n\n> %s\n\n%s\n\nwith these fixes:\n\n%s\n",
		headline, strings.TrimSpace(table), strings.TrimRight(fixes, "\n")+"\n")
}

var (
	size   = regexp.MustCompile(`([\d.]+) (B|kB|MB|GB)`)
	second = regexp.MustCompile(`[\d.]+ s\b`)
	change = regexp.MustCompile(`\| *(?:[−+]\d+ %)? *\|\n`)
	units  = map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
)

// stale says why the figures that are there are not today's, "" if they are.
func stale(have, now string) string {
	form := func(s string) string {
		return change.ReplaceAllString(second.ReplaceAllString(size.ReplaceAllString(s, "SIZE"), "TIME"), "| CHANGE |\n")
	}
	if form(have) != form(now) {
		return "the figures are of another form"
	}
	old := size.FindAllStringSubmatch(have, -1)
	for i, m := range size.FindAllStringSubmatch(now, -1) {
		was, is := bytesOf(old[i]), bytesOf(m)
		if d := is - was; d > 0.05*was+1e5 || -d > 0.05*was+1e5 {
			return fmt.Sprintf("%s is now %s", old[i][0], m[0])
		}
	}
	return ""
}

func bytesOf(m []string) float64 {
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return -1
	}
	return n * units[m[2]]
}

func TestStale(t *testing.T) {
	const have = "| image | 200 MB | 180 MB | −10 % |\n| build | 9.1 s | 8 s | |\n| a changed | 2 steps, 4 s | 1 step, 0.1 s | −98 % |\n"
	for _, tt := range []struct {
		now   string
		stale bool
	}{
		{have, false},
		{strings.NewReplacer("200 MB", "205 MB", "9.1 s", "19 s", "−10 %", "−12 %", "| |\n", "| −11 % |\n").Replace(have), false},
		{strings.Replace(have, "180 MB", "160 MB", 1), true},
		{strings.Replace(have, "180 MB", "180 kB", 1), true},
		{strings.Replace(have, "1 step,", "2 steps,", 1), true},
		{strings.Replace(have, "| a changed", "| b changed", 1), true},
	} {
		if why := stale(have, tt.now); (why != "") != tt.stale {
			t.Errorf("%q: %q, want stale %t", tt.now, why, tt.stale)
		}
	}
}
