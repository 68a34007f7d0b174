package analysis_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis"
)

// FuzzIgnoreComment reads any comment: what it silences are names, which another
// comment of the same names silences as well, and nothing else is said to the file.
func FuzzIgnoreComment(f *testing.F) {
	for _, s := range []string{
		"shale ignore=merge-runs", "shale ignore-file = a, b: why not", "shale: ignore=a,b # c", "hadolint ignore=DL3008,DL3009", "hadolint global ignore=DL3008",
		"check=skip=JSONArgsRecommended;error=true", "check=error=true;skip=A, B", "check=skip=all", "shellcheck disable=SC2086,SC2046 # words", "shale ignore=", "shale ignore=,", "shale", "ignore=a",
		"shale ignore=a,\tb", "shale ignore=a\u00a0b", "shale\tignore=a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\r\n") {
			return // a comment is one line
		}
		names, file := analysis.IgnoreComment(text)
		for _, n := range names {
			if n == "" || strings.ContainsAny(n, ", ") || n != strings.TrimSpace(n) {
				t.Errorf("%q silences %q", text, n)
			}
		}
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ":") }) {
			return
		}
		comment := "shale ignore="
		if file {
			comment = "shale ignore-file="
		}
		again, all := analysis.IgnoreComment(comment + strings.Join(names, ","))
		if all != file || !slices.Equal(again, names) {
			t.Errorf("%q silences %q (file: %v), and those %q (file: %v)", text, names, file, again, all)
		}
	})
}
