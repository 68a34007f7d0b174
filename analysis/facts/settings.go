package facts

import "github.com/shale-build/shale/analysis/shell"

// Settings lists what the script of the RUN gives variables for the commands behind it:
// in export and its like, and in assignments alone, whose variable may be exported
// already. What stands before a command, for it alone, is none. A name is empty where it
// is not known; a value where the words do not say it.
func (r *Run) Settings() []shell.Assign {
	var out []shell.Assign
	r.Program.Walk(func(n *shell.Node, _ shell.Context) bool {
		for _, w := range n.Words {
			for _, p := range w.Parts {
				if p.Assigns { // ${x:=y}
					out = append(out, shell.Assign{Range: n.Range, Name: p.Text, Value: w})
				}
			}
			if _, ok := w.Literal(); !ok && n.Kind == shell.Declare { // export $x
				out = append(out, shell.Assign{Range: n.Range, Value: w})
			}
		}
		switch {
		case n.Kind == shell.For:
			for _, w := range n.Words {
				out = append(out, shell.Assign{Range: n.Range, Name: n.Name, Value: w})
			}
		case n.Kind == shell.Declare, n.Kind == shell.Simple && len(n.Words) == 0:
			out = append(out, n.Assigns...)
		}
		return true
	})
	return out
}
