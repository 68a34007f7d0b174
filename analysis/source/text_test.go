package source_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis/source"
	"pgregory.net/rapid"
)

const dockerfile = "FROM debian\nRUN apt-get update && \\\n    # tools\n    apt-get install -y \\\n\tcurl\n"

// spanOf is the place of the only occurrence of text.
func spanOf(t *testing.T, content, text string) source.Span {
	t.Helper()
	if strings.Count(content, text) != 1 {
		t.Fatalf("%q occurs %d times", text, strings.Count(content, text))
	}
	at := strings.Index(content, text)
	return source.Span{Start: at, End: at + len(text)}
}

func TestTextAcrossContinuations(t *testing.T) {
	text := source.Join(dockerfile,
		spanOf(t, dockerfile, "RUN apt-get update && "),
		spanOf(t, dockerfile, "    apt-get install -y "),
		spanOf(t, dockerfile, "\tcurl"))
	if got := text.String(); got != "RUN apt-get update &&     apt-get install -y \tcurl" {
		t.Fatalf("%q", got)
	}
	from := strings.Index(text.String(), "update")
	to := strings.Index(text.String(), " -y")
	if got := text.Span(from, to).In(dockerfile); got != "update && \\\n    # tools\n    apt-get install" {
		t.Errorf("Span: %q", got)
	}
	var got []string
	for _, s := range text.Spans(from, to) {
		got = append(got, s.In(dockerfile))
	}
	if diff := cmp.Diff([]string{"update && ", "    apt-get install"}, got); diff != "" {
		t.Errorf("Spans: %s", diff)
	}
	if text.Unbroken(from, to) || !text.Unbroken(from, from+6) || !text.Unbroken(from, from) {
		t.Error("Unbroken")
	}

	// Where one piece ends and the next starts there are two homes.
	break1 := strings.Index(text.String(), "    apt")
	if got := dockerfile[text.Home(break1):]; !strings.HasPrefix(got, "    apt-get") {
		t.Errorf("Home: %q", got[:8])
	}
	if got := dockerfile[:text.HomeEnd(break1)]; !strings.HasSuffix(got, "update && ") {
		t.Errorf("HomeEnd: %q", got)
	}
	if s := text.Span(break1, break1); !s.Empty() || s.Start != text.HomeEnd(break1) {
		t.Errorf("an empty range at a break: %v", s)
	}
	if s := text.Slice(break1, break1).Span(0, 0); s.Start != text.HomeEnd(break1) {
		t.Errorf("an empty slice at a break: %v", s)
	}
	trimmed := text.Slice(break1, strings.Index(text.String(), "curl")).TrimSpace()
	if trimmed.String() != "apt-get install -y" || trimmed.Span(0, trimmed.Len()).In(dockerfile) != "apt-get install -y" {
		t.Errorf("TrimSpace: %q", trimmed)
	}
}

func TestEmptyText(t *testing.T) {
	for _, text := range []source.Text{
		source.Join(dockerfile, source.Span{Start: 12, End: 12}),
		source.Join(dockerfile, source.Span{Start: 12, End: 12}, source.Span{Start: 20, End: 20}),
	} {
		if text.String() != "" || text.Home(0) != 12 || text.HomeEnd(0) != 12 || text.Spans(0, 0) != nil {
			t.Errorf("%q at %d", text, text.Home(0))
		}
		if again := text.Slice(0, 0).TrimSpace(); again.Home(0) != 12 {
			t.Errorf("sliced: %d", again.Home(0))
		}
	}
	var zero source.Text
	if zero.String() != "" || zero.Home(0) != 0 || zero.TrimSpace().Len() != 0 {
		t.Error("the zero Text")
	}
}

// A Text is held against the plain list of its bytes' homes.
func TestTextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.StringOfN(rapid.RuneFrom([]rune("ab \t\u2003é\\\n")), 0, 40, -1).Draw(t, "content")
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(content)), 0, 8).Draw(t, "cuts")
		var spans []source.Span
		var homes []int
		at := 0
		for i := 0; i+1 < len(cuts); i += 2 {
			s := source.Span{Start: min(cuts[i], cuts[i+1]), End: max(cuts[i], cuts[i+1])}
			if s.Start < at {
				continue
			}
			at = s.End
			spans = append(spans, s)
			for h := s.Start; h < s.End; h++ {
				homes = append(homes, h)
			}
		}
		text := source.Join(content, spans...)
		for range 3 { // and slices of slices
			checkText(t, content, text, homes)
			from := rapid.IntRange(0, len(homes)).Draw(t, "from")
			to := rapid.IntRange(from, len(homes)).Draw(t, "to")
			text, homes = text.Slice(from, to), homes[from:to]
		}
		joined := text.String()
		left := len(joined) - len(strings.TrimLeftFunc(joined, unicode.IsSpace))
		trimmed := text.TrimSpace()
		if trimmed.String() != strings.TrimSpace(joined) {
			t.Fatalf("TrimSpace: %q of %q", trimmed, joined)
		}
		if trimmed.Len() > 0 {
			checkText(t, content, trimmed, homes[left:left+trimmed.Len()])
		}
	})
}

func checkText(t *rapid.T, content string, text source.Text, homes []int) {
	if text.Len() != len(homes) {
		t.Fatalf("%d bytes, want %d", text.Len(), len(homes))
	}
	for i, h := range homes {
		if text.Home(i) != h || text.HomeEnd(i+1) != h+1 || text.String()[i] != content[h] {
			t.Fatalf("byte %d is at %d, want %d", i, text.Home(i), h)
		}
	}
	for from := range homes {
		for to := from + 1; to <= len(homes); to++ {
			var joined strings.Builder
			spans := text.Spans(from, to)
			for i, s := range spans {
				joined.WriteString(s.In(content))
				if s.Empty() || i > 0 && s.Start <= spans[i-1].End {
					t.Fatalf("Spans(%d, %d) = %v", from, to, spans)
				}
			}
			whole := text.Span(from, to)
			switch {
			case joined.String() != text.String()[from:to]:
				t.Fatalf("Spans(%d, %d) = %v", from, to, spans)
			case whole != (source.Span{Start: homes[from], End: homes[to-1] + 1}):
				t.Fatalf("Span(%d, %d) = %v", from, to, whole)
			case text.Unbroken(from, to) != (len(spans) == 1):
				t.Fatalf("Unbroken(%d, %d), spans %v", from, to, spans)
			}
		}
	}
}

// A slice of a Text with many pieces costs nothing by their number.
func TestSliceOfManyPieces(t *testing.T) {
	const lines = 200_000
	content := strings.Repeat("ab\\\n", lines)
	spans := make([]source.Span, lines)
	for i := range spans {
		spans[i] = source.Span{Start: 4 * i, End: 4*i + 2}
	}
	text := source.Join(content, spans...)
	if n := testing.AllocsPerRun(10, func() { text.Slice(1, 2*lines-1) }); n > 0 {
		t.Errorf("Slice allocates %v times", n)
	}
	for i := range lines {
		if s := text.Slice(2*i, 2*i+2).Span(0, 2); s != spans[i] {
			t.Fatalf("line %d at %v", i, s)
		}
	}
}
