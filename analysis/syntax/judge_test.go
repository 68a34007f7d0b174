package syntax

import (
	"io"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/shale-build/shale/analysis/source"
)

// No input is known on which BuildKit's parser panics, so one is put before it
// that does.
func TestPanicIsAProblem(t *testing.T) {
	content := "FROM a\nRUN b\nRUN boom\n# c\nENV nope\nUSER d\n"
	s := &splitter{doc: &Document{Content: content, Lines: source.NewLines(content), Escape: '\\'}}
	s.split()
	j := newJudge(s)
	j.parser = func(r io.Reader) (*parser.Result, error) {
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(text), "boom") {
			panic("index out of range")
		}
		return parser.Parse(strings.NewReader(string(text)))
	}
	j.judge()
	want := [][2]string{
		{"RUN boom", "BuildKit's parser fails on this: index out of range"},
		{"ENV nope", "ENV must have two arguments"},
	}
	if len(s.doc.Problems) != len(want) {
		t.Fatalf("problems: %+v", s.doc.Problems)
	}
	for i, p := range s.doc.Problems {
		if got := [2]string{p.Span.In(content), p.Message}; got != want[i] {
			t.Errorf("problem %q, want %q", got, want[i])
		}
	}
	for i, faithful := range []bool{true, true, false, false, true} {
		if in := s.doc.Instructions[i]; in.Faithful != faithful {
			t.Errorf("%q: faithful %v", in.Text, in.Faithful)
		}
	}
	if refusal := j.instruction(nil); !strings.HasPrefix(refusal, "BuildKit fails on this: ") {
		t.Errorf("instruction: %q", refusal)
	}
}
