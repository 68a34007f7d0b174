package rewrite

import (
	"strings"

	"github.com/shale-build/shale/analysis/syntax"
)

// LostComments lists the comments and directives of a Dockerfile that are no longer in
// it after a change, each as often as it is missing.
func LostComments(before, after string) []string {
	left := map[string]int{}
	for _, c := range comments(after) {
		left[c]++
	}
	var out []string
	for _, c := range comments(before) {
		if left[c]--; left[c] < 0 {
			out = append(out, c)
		}
	}
	return out
}

func comments(content string) []string {
	var out []string
	for _, p := range syntax.Parse(content).Pieces {
		if p.Kind == syntax.Comment || p.Kind == syntax.Directive {
			out = append(out, strings.TrimSpace(p.Span.In(content)))
		}
	}
	return out
}
