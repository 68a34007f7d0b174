package lsp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis/rules"
)

// ordinary is a Dockerfile of n lines, with something to find every ten lines.
func ordinary(n int) string {
	var b strings.Builder
	for i := 0; strings.Count(b.String(), "\n") < n; i++ {
		fmt.Fprintf(&b, `FROM debian:12 AS stage%d
# What the service of this stage needs: é, 😀
ENV LANG=C.UTF-8 \
    TZ=Europe/Zürich
WORKDIR /srv/app
RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates curl git \
    && update-ca-certificates
COPY config.d /etc/app/config.d
RUN useradd --system app && chown app /srv/app
`, i)
	}
	return strings.Join(strings.SplitAfter(b.String(), "\n")[:n], "")
}

// BenchmarkEdit measures from an edit on the client's side to the diagnostics
// having arrived there, the JSON of both sides included.
func BenchmarkEdit(b *testing.B) {
	for _, n := range []int{20, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := connect(b, rules.All()...)
			c.initialize(full("utf-16"))
			doc := c.open("file:///nowhere/Dockerfile", ordinary(n), "utf-16")
			doc.findings()
			var took []time.Duration
			place := at(n/2/10*10+1, 2, 2) // in a comment
			for i := 0; b.Loop(); i++ {
				e := textEdit{place, "x"}
				if i%2 == 1 {
					e = textEdit{at(place.Start.Line, 2, 3), ""}
				}
				start := time.Now()
				doc.edit(e)
				doc.findings()
				took = append(took, time.Since(start))
				c.mu.Lock()
				c.notified = nil
				c.mu.Unlock()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkRequests measures what an editor asks for after each edit: one edit,
// then the request, answers read.
func BenchmarkRequests(b *testing.B) {
	for _, method := range []string{
		"semanticTokens/full", "inlayHint", "documentSymbol", "foldingRange", "documentLink", "codeLens", "documentHighlight", "completion", "formatting",
	} {
		for _, n := range []int{100, 1000, 10000} {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(method, "/", "-"), n), func(b *testing.B) {
				c := connect(b, rules.All()...)
				c.initialize(full("utf-16"))
				doc := c.open("file:///nowhere/Dockerfile", ordinary(n), "utf-16")
				doc.findings()
				for i := 0; b.Loop(); i++ {
					b.StopTimer()
					doc.edit(textEdit{at(n/2/10*10+1, 2, 2+i%2), "x"})
					doc.findings()
					b.StartTimer()
					c.call("textDocument/"+method, map[string]any{
						"textDocument": doc.id(), "position": position{n/2/10*10 + 6, 6}, "range": all(doc.text), "options": map[string]any{"tabSize": 4, "insertSpaces": true},
					}, nil)
				}
			})
		}
	}
}
