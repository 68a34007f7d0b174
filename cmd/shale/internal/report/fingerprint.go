package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/shale-build/shale/analysis"
)

// Fingerprints names each finding of a file by its rule and by the text that it
// underlines, so that the name survives when lines above it come and go. Blanks
// and continued lines do not count. Findings that look alike are numbered in their
// order.
func Fingerprints(content string, ds []analysis.Diagnostic) []string {
	seen := map[string]int{}
	out := make([]string, len(ds))
	for i, d := range ds {
		name := Digest(d.Rule, strings.Join(strings.Fields(unbroken.Replace(d.Span.In(content))), " "))
		seen[name]++
		out[i] = name
		if n := seen[name]; n > 1 {
			out[i] = fmt.Sprintf("%s-%d", name, n)
		}
	}
	return out
}

var unbroken = strings.NewReplacer("\\\r\n", " ", "\\\n", " ")

// Digest is a short hash of several texts.
func Digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
