package lsp

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/source"
)

func TestPathOf(t *testing.T) {
	for _, test := range []struct{ goos, uri, want string }{
		{"linux", "file:///srv/a%20b/Dockerfile", "/srv/a b/Dockerfile"},
		{"linux", "file://localhost/srv/Dockerfile", "/srv/Dockerfile"},
		{"linux", "FILE:///srv/%C3%A9/Dockerfile", "/srv/é/Dockerfile"},
		{"linux", "file://server/share/Dockerfile", ""},
		{"linux", "file:///c%3A/work/Dockerfile", "/c:/work/Dockerfile"},
		{"windows", "file:///c%3A/work/Dockerfile", `C:\work\Dockerfile`},
		{"windows", "file:///C:/work/a%20b/Dockerfile", `C:\work\a b\Dockerfile`},
		{"windows", "file://server/share/Dockerfile", `\\server\share\Dockerfile`},
		{"linux", "untitled:Untitled-1", ""},
		{"linux", "vscode-remote://ssh-remote%2Bhost/work/Dockerfile", ""},
		{"linux", "file:///%zz", ""},
		{"linux", "file://", ""},
		{"linux", "Dockerfile", ""},
		{"linux", "", ""},
	} {
		if got := pathOn(test.goos, test.uri); got != test.want {
			t.Errorf("%s on %s: got %q, want %q", test.uri, test.goos, got, test.want)
		}
	}
}

func TestTextEdits(t *testing.T) {
	edit := func(start, end int, text string) source.Edit {
		return source.Edit{Span: source.Span{Start: start, End: end}, New: text}
	}
	place := func(line, from, to uint32, text string) protocol.TextEdit {
		return protocol.TextEdit{Range: protocol.Range{
			Start: protocol.Position{Line: line, Character: from}, End: protocol.Position{Line: line, Character: to},
		}, NewText: text}
	}
	for name, test := range map[string]struct {
		content string
		edits   []source.Edit
		want    []protocol.TextEdit
	}{
		"nothing":     {"RUN a\n", []source.Edit{edit(0, 5, "RUN a")}, []protocol.TextEdit{}},
		"a word":      {"RUN abc\n", []source.Edit{edit(0, 7, "RUN axc")}, []protocol.TextEdit{place(0, 5, 6, "x")}},
		"half of é":   {"RUN é\n", []source.Edit{edit(4, 6, "è")}, []protocol.TextEdit{place(0, 4, 5, "è")}},
		"out of line": {"a\nb\n", []source.Edit{edit(3, 4, ""), edit(0, 1, "x")}, []protocol.TextEdit{place(0, 0, 1, "x"), {Range: protocol.Range{Start: protocol.Position{Line: 1, Character: 1}, End: protocol.Position{Line: 2}}}}},
		"touching":    {"abcd", []source.Edit{edit(0, 2, "x"), edit(2, 3, "y")}, []protocol.TextEdit{place(0, 0, 3, "xy")}},
		"no return": {"a\r\nb", []source.Edit{edit(1, 3, "\n")}, []protocol.TextEdit{
			{Range: protocol.Range{Start: protocol.Position{Character: 1}, End: protocol.Position{Line: 1}}, NewText: "\n"}}},
		"a return more": {"a\nb", []source.Edit{edit(1, 2, "\r\n")}, []protocol.TextEdit{
			{Range: protocol.Range{Start: protocol.Position{Character: 1}, End: protocol.Position{Line: 1}}, NewText: "\r\n"}}},
		"inside a line end": {"a\r\nb", []source.Edit{edit(2, 2, "x")}, []protocol.TextEdit{
			{Range: protocol.Range{Start: protocol.Position{Character: 1}, End: protocol.Position{Line: 1}}, NewText: "\rx\n"}}},
	} {
		got, err := textEdits(test.content, source.NewLines(test.content), test.edits, source.UTF16)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	for name, bad := range map[string][]source.Edit{
		"overlap": {edit(0, 2, ""), edit(1, 3, "")},
		"beyond":  {edit(2, 9, "")},
	} {
		if _, err := textEdits("abc", source.NewLines("abc"), bad, source.UTF8); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whatever two texts, the edits between them lead from one to the other, in the
// client's positions too.
func TestDifferences(t *testing.T) {
	pieces := []string{"a\n", "b\n", "é😀\n", "\n", "c\r\n", "d\r", "e", "  x \\\n", "\r\n"}
	rng := rand.New(rand.NewPCG(7, 7))
	random := func() (s string) {
		for range rng.IntN(12) {
			s += pieces[rng.IntN(len(pieces))]
		}
		return s
	}
	for range 3000 {
		before, after := random(), random()
		if rng.IntN(2) == 0 && len(before) > 0 { // alike but for a piece
			lines := source.NewLines(before)
			cut := lines.Full(rng.IntN(lines.Count()))
			after = before[:cut.Start] + pieces[rng.IntN(len(pieces))] + before[cut.End:]
		}
		edits := differences(before, after)
		got, err := source.Apply(before, edits)
		if err != nil || got != after {
			t.Fatalf("%q to %q: got %q, %v, by %+v", before, after, got, err, edits)
		}
		for _, enc := range []source.Encoding{source.UTF8, source.UTF16, source.UTF32} {
			lines := source.NewLines(before)
			wire, err := textEdits(before, lines, edits, enc)
			if err != nil {
				t.Fatal(err)
			}
			var back []source.Edit
			for _, w := range wire {
				back = append(back, source.Edit{
					Span: source.Span{Start: offsetIn(lines, w.Range.Start, enc), End: offsetIn(lines, w.Range.End, enc)},
					New:  w.NewText,
				})
			}
			if got, err := source.Apply(before, back); err != nil || got != after {
				t.Fatalf("%q to %q: got %q, %v, by %+v", before, after, got, err, wire)
			}
		}
	}
}
