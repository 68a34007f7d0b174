package syntax_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// pieces prints a document's pieces, one a line.
func pieces(d *syntax.Document) []string {
	var out []string
	for _, p := range d.Pieces {
		out = append(out, fmt.Sprintf("%v %q", p.Kind, p.Span.In(d.Content)))
	}
	return out
}

// parts prints each instruction: all that its spans hold, byte for byte.
func parts(d *syntax.Document) []string {
	var out []string
	for _, in := range d.Instructions {
		out = append(out, describe(d, in))
	}
	return out
}

func describe(d *syntax.Document, in *syntax.Instruction) string {
	var b strings.Builder
	at := func(s source.Span) string { return fmt.Sprintf("%q", s.In(d.Content)) }
	text := func(t source.Text) string { return at(t.Span(0, t.Len())) }
	word := func(w syntax.Word) string {
		if w.Text.String() == w.Span().In(d.Content) && w.Value == w.Text.String() {
			return at(w.Span())
		}
		return fmt.Sprintf("%s(%q)", at(w.Span()), w.Value)
	}
	fmt.Fprintf(&b, "%s %s", in.Name, at(in.Keyword))
	for _, f := range in.Flags {
		fmt.Fprintf(&b, " flag %s %s(%q)", at(f.Span), at(f.NameSpan), f.Name)
		if f.HasValue {
			fmt.Fprintf(&b, "=%s(%q)", text(f.Raw), f.Value)
		}
	}
	if in.JSON {
		b.WriteString(" json")
	}
	for _, w := range in.Args {
		fmt.Fprintf(&b, " %s", word(w))
	}
	for _, p := range in.Pairs {
		fmt.Fprintf(&b, " pair %s", word(p.Key))
		if p.HasValue {
			fmt.Fprintf(&b, "=%s", word(p.Value))
		}
		if p.Legacy {
			b.WriteString(" legacy")
		}
	}
	for _, h := range in.Heredocs {
		fmt.Fprintf(&b, " heredoc %s name=%q fd=%d chomp=%v expand=%v body %s end %s", at(h.Opener), h.Name, h.FD, h.Chomp, h.Expand, at(h.Body), at(h.End))
	}
	for _, c := range in.Lead {
		fmt.Fprintf(&b, " lead %s(%q)", at(c.Span), c.Text)
	}
	for _, c := range in.Inside {
		fmt.Fprintf(&b, " inside %s(%q)", at(c.Span), c.Text)
	}
	if in.Sub != nil {
		fmt.Fprintf(&b, " sub {%s}", describe(d, in.Sub))
	}
	return b.String()
}

// problems prints a document's problems: the bytes they stand at, and the message.
func problems(d *syntax.Document) []string {
	var out []string
	for _, p := range d.Problems {
		out = append(out, fmt.Sprintf("%q: %s", p.Span.In(d.Content), p.Message))
	}
	return out
}

func TestParse(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := judge(t, c.text)
			if c.pieces != nil {
				if diff := cmp.Diff(c.pieces, pieces(d)); diff != "" {
					t.Errorf("pieces (-want +got)\n%s", diff)
				}
			}
			if diff := cmp.Diff(c.parts, parts(d)); diff != "" {
				t.Errorf("parts (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(c.problems, problems(d)); diff != "" {
				t.Errorf("problems (-want +got)\n%s", diff)
			}
		})
	}
}
