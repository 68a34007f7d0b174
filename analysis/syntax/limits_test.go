package syntax_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/syntax"
)

// What is too long is read up to there, and every byte has its place all the same.
func TestTooLong(t *testing.T) {
	tests := []struct {
		name, content string
		instructions  int
		line          int // of the problem; 0 for none
		says          string
	}{
		{"instructions that fit", "FROM a\n" + strings.Repeat("RUN a\n", 9_999), 10_000, 0, ""},
		{"an instruction more", "FROM a\n" + strings.Repeat("RUN a\n", 10_000), 10_000, 10_001, "longer than 10000 instructions"},
		{"lines that fit", "FROM a\n" + strings.Repeat("#\n", 99_999), 1, 0, ""},
		{"a line more", "FROM a\n" + strings.Repeat("#\n", 100_000) + "RUN a\n", 1, 100_001, "longer than 100000 lines"},
		{"lines in a here-document", "FROM a\nRUN <<E\n" + strings.Repeat("a\n", 100_000) + "E\nRUN a\n", 2, 100_001, "longer than 100000 lines"},
		{"lines in an instruction", "FROM a\nRUN a" + strings.Repeat("\\\n", 100_000) + "\nRUN a\n", 2, 100_001, "longer than 100000 lines"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := syntax.Parse(test.content)
			at := 0
			for _, p := range d.Pieces {
				if p.Span.Start != at || p.Span.End < at {
					t.Fatalf("a piece at %d, not at %d", p.Span.Start, at)
				}
				at = p.Span.End
			}
			if at != len(test.content) {
				t.Errorf("the pieces end at %d of %d", at, len(test.content))
			}
			if len(d.Instructions) != test.instructions {
				t.Errorf("%d instructions, want %d", len(d.Instructions), test.instructions)
			}
			if test.line == 0 {
				if len(d.Problems) > 0 {
					t.Errorf("%q", d.Problems[0].Message)
				}
				return
			}
			found := false
			for _, p := range d.Problems {
				found = found || strings.Contains(p.Message, test.says) && d.Lines.Line(p.Span.Start)+1 == test.line
			}
			if !found {
				t.Errorf("%+v, want %q in line %d", d.Problems, test.says, test.line)
			}
		})
	}
}

// Variables that multiply are refused where they come to too much, and those of
// ordinary files, however many, are not.
func TestGrowth(t *testing.T) {
	var doubled, path, stages, many, replaced strings.Builder
	doubled.WriteString("FROM a\nENV A0=0123456789\n")
	for i := range 40 {
		doubled.WriteString("ENV A" + strconv.Itoa(i+1) + "=$A" + strconv.Itoa(i) + "${A" + strconv.Itoa(i) + "}\n")
	}
	path.WriteString("FROM a\n")
	for i := range 300 {
		path.WriteString("ENV PATH=$PATH:/opt/tool" + strconv.Itoa(i) + "/bin\nRUN a\n")
	}
	for i := range 200 {
		stages.WriteString("FROM a AS s" + strconv.Itoa(i) + "\n" + strings.Repeat("ENV B=c\nRUN d $B\nCOPY ${B//c/d} /\n", 10))
	}
	many.WriteString("FROM a\n")
	for i := range 4000 {
		many.WriteString("ENV A" + strconv.Itoa(i) + "=0123456789\n")
	}
	many.WriteString(strings.Repeat("RUN c\n", 4_000))
	replaced.WriteString("FROM a\nARG A=" + strings.Repeat("a", 1000) + "\nARG B=${A//a/$A}\nARG C=${B//a/$B}\n")
	for _, test := range []struct {
		name, content string
		line          int // 0 for none
	}{
		{"doubled", doubled.String(), 23},
		{"a path that grows", path.String(), 0},
		{"stages", stages.String(), 0},
		{"escaped", strings.ReplaceAll(doubled.String(), "ENV A0=", "ENV A0=$"), 20},
		{"in every step", many.String(), 4309},
		{"replaced", replaced.String(), 4},
	} {
		d := syntax.Parse(test.content)
		line := 0
		for _, p := range d.Problems {
			if strings.Contains(p.Message, "once they are expanded") {
				line = d.Lines.Line(p.Span.Start) + 1
			}
		}
		if line != test.line {
			t.Errorf("%s: line %d, want %d", test.name, line, test.line)
		}
		if _, err := d.Expand("$A", func(string) (string, bool) { return "b", true }); (err != nil) != (line > 0) {
			t.Errorf("%s: expanded with %v", test.name, err)
		}
	}
}
