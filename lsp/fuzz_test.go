package lsp_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/lsp"
)

// typedTexts is what a session types.
var typedTexts = []string{
	"", "\n", "x", "é😀", "$A", "${A", "RUN ", "FROM a AS b\n", "FROM b\n", "COPY --from=b x y\n", "RUN --mount=type=cache,target=/x ", "RUN <<E\n", "E\n", "# shale ignore=merge-runs\n",
	" \\\n", "\r\n", "\"", "'", "`", "\xef\xbb\xbf", "# escape=`\n", "ENV A=1\n", "ARG A\n", "&& apt-get update", "[\"a\"]", "\t",
}

// FuzzSession edits and asks at random: the server keeps the client's text, lives,
// and every place in its answers is one of that text.
func FuzzSession(f *testing.F) {
	for i, text := range documents(f) {
		f.Add(text, []byte{byte(i), 3, 4, 7, 2, 9, 200, 1, 1, 5, 5, 5, byte(i * 7), 9, 2}, byte(i))
	}
	all := append(rules.All(), echo)
	f.Fuzz(func(t *testing.T, text string, steps []byte, which byte) {
		encoding := []string{"utf-8", "utf-16", "utf-32"}[which%3]
		text = strings.ToValidUTF8(text, "?") // JSON carries nothing else
		c := connectWith(t, lsp.Options{Rules: slices.Concat(all, checks.All()), Quiet: time.Millisecond, Version: "test"})
		c.initialize(full(encoding))
		doc := c.open("file:///nowhere/Dockerfile", text, encoding)
		for i := 0; i+2 < len(steps) && i < 60; i += 3 {
			lines := strings.Split(doc.text, "\n")
			line := int(steps[i+1]) % len(lines)
			p := position{line, int(steps[i+2]) % (len(lines[line]) + 2)}
			if op := int(steps[i]); op < 128 {
				end := position{line, p.Character + op%3}
				doc.edit(textEdit{span{p, end}, typedTexts[op%len(typedTexts)]})
				if strings.ToValidUTF8(doc.text, "?") != doc.text {
					return // half a character was cut in bytes: no client would
				}
				continue
			}
			doc.askAt(t, p)
			doc.askAll(t)
		}
		doc.askAll(t)
		doc.findings()
		time.Sleep(5 * time.Millisecond) // the checks may have their say
		for _, d := range doc.findings() {
			if d.Range.Start != (position{}) || d.Range.End != (position{}) {
				var at any
				if err := json.Unmarshal([]byte(encode(t, d.Range)), &at); err != nil {
					t.Fatal(err)
				}
				doc.ranges(t, d.Code, at)
			}
			if d.Code == echo.Name && d.Message != doc.text {
				t.Errorf("the server holds %q, the client %q", d.Message, doc.text)
			}
		}
	})
}
