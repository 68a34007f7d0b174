package chain

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// Whole reports whether a command is all that a RUN does.
func Whole(r *facts.Run, c *facts.Command) bool {
	return len(r.Program.Root.Children) == 1 && r.Program.Root.Children[0] == c.Node
}

// TakeOut takes a command out of a RUN: with the RUN, if it is all of it, or with
// its "&&" at either end of the RUN's one list. The comments are those that go
// along; why says what stands in the way of what the command does.
func TakeOut(f *facts.File, r *facts.Run, c *facts.Command, does string) (e analysis.Edit, comments []string, why string) {
	midst := fmt.Sprintf("line %d %s in the midst of other commands", f.LineOf(r, c), does)
	if Whole(r, c) {
		if len(r.In.Inside) > 0 {
			return e, nil, CommentGoes(f, r.In.Inside[0])
		}
		return Remove(f, r.In)
	}
	list := r.Program.Root.Children
	if len(list) != 1 || list[0].Kind != shell.And {
		return e, nil, midst
	}
	parts := list[0].Children
	var from, to int
	switch c.Node {
	case parts[0]:
		from, to = c.Node.From, parts[1].From
	case parts[len(parts)-1]:
		from, to = parts[len(parts)-2].To, c.Node.To
		if before := parts[len(parts)-2]; r.Shell.Errexit != shell.No && !fails(before) {
			return e, nil, fmt.Sprintf("line %d would go on after another failure without its clean-up", f.Line(r.In))
		}
	default:
		return e, nil, midst
	}
	text := r.Program.Text
	if left := text.String(); isJSON(left[:from]) || isJSON(left[to:]) {
		return e, nil, fmt.Sprintf("what would be left of line %d is a list of words in JSON", f.Line(r.In))
	}
	gap := source.Span{Start: text.Home(from), End: text.HomeEnd(to)}
	if c.Node != parts[0] {
		gap = source.Span{Start: text.HomeEnd(from), End: r.In.Span.End}
	} else {
		gap.End = text.Home(to)
	}
	if i := slices.IndexFunc(r.In.Inside, func(k syntax.CommentLine) bool { return gap.Contains(k.Span) }); i >= 0 {
		return e, nil, CommentGoes(f, r.In.Inside[i])
	}
	return analysis.Edit{Edit: source.Replace(gap, "")}, nil, ""
}

// fails reports whether a node under errexit ends its shell exactly where it is false.
func fails(n *shell.Node) bool {
	switch n.Kind {
	case shell.Simple:
		return true
	case shell.Pipe:
		return !slices.ContainsFunc(n.Children, func(c *shell.Node) bool { return !fails(c) })
	}
	return false
}

// CommentGoes says that a comment stands in the way of what is taken out.
func CommentGoes(f *facts.File, k syntax.CommentLine) string {
	return fmt.Sprintf("the comment on line %d stands inside what would move", f.Doc.Lines.Line(k.Span.Start)+1)
}

// isJSON reports whether BuildKit reads what is left of a RUN as a list of words.
func isJSON(text string) bool {
	var words []string
	return json.Unmarshal([]byte(text), &words) == nil && words != nil
}
