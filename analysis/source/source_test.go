package source_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shale-build/shale/analysis/source"
	"pgregory.net/rapid"
)

func TestSpan(t *testing.T) {
	s := source.Span{Start: 2, End: 5}
	place := func(at int) source.Span { return source.Span{Start: at, End: at} }
	for _, c := range []struct {
		o                  source.Span
		contains, overlaps bool
		cover              source.Span
	}{
		{s, true, true, s},
		{source.Span{Start: 3, End: 4}, true, true, s},
		{source.Span{Start: 0, End: 2}, false, false, source.Span{Start: 0, End: 5}},
		{source.Span{Start: 5, End: 6}, false, false, source.Span{Start: 2, End: 6}},
		{source.Span{Start: 4, End: 9}, false, true, source.Span{Start: 2, End: 9}},
		{place(2), true, false, s},
		{place(3), true, true, s},
		{place(5), true, false, s},
		{place(6), false, false, source.Span{Start: 2, End: 6}},
	} {
		if s.Contains(c.o) != c.contains || s.Overlaps(c.o) != c.overlaps || c.o.Overlaps(s) != c.overlaps || s.Cover(c.o) != c.cover {
			t.Errorf("%v: contains %v, overlaps %v, cover %v", c.o, s.Contains(c.o), s.Overlaps(c.o), s.Cover(c.o))
		}
	}
	if !place(3).Overlaps(place(3)) || place(3).Overlaps(place(4)) {
		t.Error("places")
	}
	if s.Len() != 3 || s.Empty() || !place(1).Empty() || s.In("0123456") != "234" {
		t.Error("span")
	}
}

func TestApply(t *testing.T) {
	content := "RUN apt-get update\nRUN apt-get install -y curl\n"
	for _, c := range []struct {
		name  string
		edits []source.Edit
		want  string
		err   string
	}{
		{"none", nil, content, ""},
		{"joined, in any order", []source.Edit{
			source.Replace(source.Span{Start: 18, End: 23}, " && \\\n    "),
			source.Insert(4, "set -e; "),
			source.Delete(source.Span{Start: 38, End: 41}),
		}, "RUN set -e; apt-get update && \\\n    apt-get install curl\n", ""},
		{"beside each other", []source.Edit{
			source.Replace(source.Span{Start: 0, End: 3}, "run"),
			source.Insert(3, "!"),
			source.Delete(source.Span{Start: 3, End: 4}),
		}, "run!apt-get update\nRUN apt-get install -y curl\n", ""},
		{"at the end", []source.Edit{source.Insert(len(content), "USER app\n")}, content + "USER app\n", ""},
		{"overlapping", []source.Edit{source.Delete(source.Span{Start: 0, End: 5}), source.Delete(source.Span{Start: 4, End: 6})}, "", "edits overlap at byte 4"},
		{"an insertion inside a deletion", []source.Edit{source.Delete(source.Span{Start: 0, End: 5}), source.Insert(2, "x")}, "", "edits overlap at byte 2"},
		{"two insertions at one place", []source.Edit{source.Insert(2, "x"), source.Insert(2, "y")}, "", "edits overlap at byte 2"},
		{"outside", []source.Edit{source.Insert(len(content)+1, "x")}, "", "edit at bytes 48 to 48 lies outside a text of 47 bytes"},
		{"before", []source.Edit{source.Insert(-1, "x")}, "", "edit at bytes -1 to -1 lies outside a text of 47 bytes"},
		{"backwards", []source.Edit{source.Delete(source.Span{Start: 5, End: 2})}, "", "edit at bytes 5 to 2 lies outside a text of 47 bytes"},
	} {
		got, err := source.Apply(content, c.edits)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if got != c.want || message != c.err {
			t.Errorf("%s: %q, error %q", c.name, got, message)
		}
	}
}

func TestMinimal(t *testing.T) {
	for _, c := range []struct {
		old, new string
		span     source.Span
		text     string
	}{
		{"USER app", "USER app", source.Span{Start: 8, End: 8}, ""},
		{"apt-get install curl", "apt-get install -y curl", source.Span{Start: 16, End: 16}, "-y "},
		{"café", "cafè", source.Span{Start: 3, End: 5}, "è"},
		{"a😀b", "a😁b", source.Span{Start: 1, End: 5}, "😁"},
		{"RUN a\r\nRUN b\r\n", "RUN a\nRUN b\r\n", source.Span{Start: 5, End: 7}, "\n"},
		{"a\r\n", "a \\\r\n b\r\n", source.Span{Start: 1, End: 1}, " \\\r\n b"},
		{"a\r", "a\r\n", source.Span{Start: 1, End: 2}, "\r\n"},
		{"aaa", "aa", source.Span{Start: 2, End: 3}, ""},
	} {
		e := source.Minimal(c.old, source.Edit{Span: source.Span{Start: 0, End: len(c.old)}, New: c.new})
		if e.Span != c.span || e.New != c.text {
			t.Errorf("%q to %q: %v %q", c.old, c.new, e.Span, e.New)
		}
	}
}

func TestMinimalProperties(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\r\né😀")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		before, old, after := text.Draw(t, "before"), text.Draw(t, "old"), text.Draw(t, "after")
		replacement := text.Draw(t, "new")
		content := before + old + after
		e := source.Edit{Span: source.Span{Start: len(before), End: len(before) + len(old)}, New: replacement}
		want, err := source.Apply(content, []source.Edit{e})
		if err != nil {
			t.Fatal(err)
		}
		m := source.Minimal(content, e)
		got, err := source.Apply(content, []source.Edit{m})
		if err != nil || got != want || !e.Span.Contains(m.Span) || len(m.New) > len(e.New) {
			t.Fatalf("%+v: %q, want %q; %v", m, got, want, err)
		}
		if !utf8.ValidString(m.New) || !utf8.ValidString(m.Span.In(content)) {
			t.Fatalf("cuts a character: %q for %q", m.New, m.Span.In(content))
		}
		split := func(s string, at int) bool { return at > 0 && at < len(s) && s[at-1] == '\r' && s[at] == '\n' }
		if split(old, m.Span.Start-len(before)) || split(old, m.Span.End-len(before)) {
			t.Fatalf("cuts a line end: %v in %q", m.Span, content)
		}
	})
}

func TestLines(t *testing.T) {
	content := "FROM a\r\nRUN é😀\rx\n\n\xff"
	l := source.NewLines(content)
	if l.Count() != 5 {
		t.Fatalf("%d lines", l.Count())
	}
	for i, want := range []string{"FROM a", "RUN é😀", "x", "", "\xff"} {
		if got := l.Span(i).In(content); got != want {
			t.Errorf("line %d is %q", i, got)
		}
	}
	after := strings.Index(content, "\rx")
	for _, c := range []struct {
		enc    source.Encoding
		offset int
		want   source.Position
	}{
		{source.UTF8, 0, source.Position{Line: 0, Column: 0}},
		{source.UTF8, after, source.Position{Line: 1, Column: 10}},
		{source.UTF16, after, source.Position{Line: 1, Column: 7}},
		{source.UTF32, after, source.Position{Line: 1, Column: 6}},
		{source.UTF16, len(content), source.Position{Line: 4, Column: 1}},
		{source.UTF16, len(content) + 9, source.Position{Line: 4, Column: 1}},
		{source.UTF16, -3, source.Position{Line: 0, Column: 0}},
	} {
		if got := l.Position(c.offset, c.enc); got != c.want {
			t.Errorf("Position(%d, %d) = %v, want %v", c.offset, c.enc, got, c.want)
		}
	}
	for _, c := range []struct {
		enc  source.Encoding
		p    source.Position
		want int
	}{
		{source.UTF16, source.Position{Line: 1, Column: 5}, strings.Index(content, "😀")},
		{source.UTF16, source.Position{Line: 1, Column: 6}, strings.Index(content, "😀")}, // between the surrogates
		{source.UTF16, source.Position{Line: 1, Column: 99}, after},
		{source.UTF8, source.Position{Line: 1, Column: 5}, strings.Index(content, "é")}, // inside é
		{source.UTF16, source.Position{Line: 0, Column: 7}, 6},                          // inside the line end
		{source.UTF16, source.Position{Line: 9, Column: 0}, len(content)},
		{source.UTF16, source.Position{Line: -1, Column: 4}, 0},
		{source.UTF16, source.Position{Line: 2, Column: -4}, after + 1},
	} {
		if got := l.Offset(c.p, c.enc); got != c.want {
			t.Errorf("Offset(%v, %d) = %d, want %d", c.p, c.enc, got, c.want)
		}
	}
}

func TestLinesProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "é", "😀", "\xff", "\r", "\n", "\r\n", "\u2028"})).Draw(t, "content"), "")
		l := source.NewLines(content)
		end := 0
		for i := range l.Count() {
			full, span := l.Full(i), l.Span(i)
			if full.Start != end || span.Start != full.Start || strings.ContainsAny(span.In(content), "\r\n") {
				t.Fatalf("line %d: %v %v of %q", i, full, span, content)
			}
			end = full.End
			for at := full.Start; at < full.End; at++ {
				if l.Line(at) != i {
					t.Fatalf("byte %d is in line %d, not %d", at, l.Line(at), i)
				}
			}
			for _, enc := range []source.Encoding{source.UTF8, source.UTF16, source.UTF32} {
				for at := range span.In(content) + "x" { // each character and the line's end
					offset := span.Start + at
					if got := l.Offset(l.Position(offset, enc), enc); got != offset {
						t.Fatalf("%d came back as %d in %q", offset, got, content)
					}
				}
			}
		}
		if end != len(content) {
			t.Fatalf("lines end at %d of %d", end, len(content))
		}
	})
}

func TestCommon(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		a, b       string
		head, tail int
	}{
		{"", "", 0, 0},
		{"a", "", 0, 0},
		{"abc", "abc", 3, 0},
		{"aba", "aba-aba", 3, 0},
		{"abc", "axc", 1, 1},
		{"ab", "b", 0, 1},
		{long + "a" + long, long + "bb" + long, 200, 200},
		{long, long + long, 200, 0},
	} {
		if head, tail := source.Common(c.a, c.b); head != c.head || tail != c.tail {
			t.Errorf("%.9q and %.9q have %d and %d bytes in common, want %d and %d", c.a, c.b, head, tail, c.head, c.tail)
		}
	}
}

func TestLineEnd(t *testing.T) {
	for text, want := range map[string]string{
		"":            "\n",
		"FROM a":      "\n",
		"\n":          "\n",
		"FROM a\n":    "\n",
		"FROM a\r\n":  "\r\n",
		"a\nb\r\n":    "\n",
		"a\r\nb\nc\n": "\r\n",
	} {
		if got := source.LineEnd(text); got != want {
			t.Errorf("%q ends its first line with %q, want %q", text, got, want)
		}
	}
}
