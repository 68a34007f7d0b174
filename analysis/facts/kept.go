package facts

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// Kept is what was read of a file and stands in a text that it is edited to, too: what
// BuildKit says of its instructions, and the programs of its RUNs, wherever these stand.
// It never changes.
type Kept struct {
	doc  *syntax.Document
	read map[body][]*reading
}

// A body is all that the reading of a RUN's commands depends on.
type body struct {
	text    string
	dialect shell.Dialect
}

// A reading is a body as it was read. It is shared by the texts of a file, and never
// changes; of one text, one RUN has it, as commands are told apart by where they lie in
// memory.
type reading struct {
	program  *shell.Program // of text alone, at no place in a file
	commands []*Command
	// assigned are the variables that the script sets, and what with: the words of its
	// assignments and loops.
	assigned map[string][]shell.Word
	moves    bool // a command of it may change the shell's folder
}

// Keep returns what the next text of the file can be read with. What it was itself read
// with is let go.
func (f *File) Keep() *Kept {
	f.opts.Earlier, f.taken = nil, nil
	k := &Kept{doc: f.Doc, read: make(map[body][]*reading, len(f.runs))}
	for _, r := range f.runs {
		if r.reading != nil {
			b := body{r.reading.program.Text.String(), r.Shell.Dialect}
			k.read[b] = append(k.read[b], r.reading)
		}
	}
	return k
}

// Parse reads a text of the file; a nil k reads it anew.
func (k *Kept) Parse(content string) *syntax.Document {
	if k == nil {
		return syntax.Parse(content)
	}
	return syntax.Reparse(content, k.doc)
}

func (f *File) read(b body) *reading {
	if k := f.opts.Earlier; k != nil {
		if n := f.taken[b]; n < len(k.read[b]) {
			if f.taken == nil {
				f.taken = map[body]int{}
			}
			f.taken[b]++
			return k.read[b][n]
		}
	}
	b.text = strings.Clone(b.text) // a part of the file's text would keep all of it
	r := &reading{program: shell.Parse(source.Join(b.text, source.Span{End: len(b.text)}), b.dialect)}
	if r.program.Err == nil {
		r.program.Root.Walk(func(n *shell.Node, c shell.Context) bool {
			r.assigns(n)
			if n.Kind == shell.Simple {
				r.commands = append(r.commands, command(n, c))
				r.moves = r.moves || moves(n)
			}
			return true
		})
	}
	r.commands = slices.Clip(r.commands) // who appends to them makes their own
	return r
}

// assigns notes the variables that a node sets.
func (r *reading) assigns(n *shell.Node) {
	assign := func(name string, values ...shell.Word) {
		if r.assigned == nil { // most RUNs assign nothing
			r.assigned = map[string][]shell.Word{}
		}
		r.assigned[name] = append(r.assigned[name], values...)
	}
	for _, a := range n.Assigns {
		assign(a.Name, a.Value)
	}
	if n.Kind == shell.For {
		assign(n.Name, n.Words...)
	}
	if n.Kind != shell.Simple && n.Kind != shell.Declare {
		return
	}
	for i, w := range n.Words {
		text, _ := w.Literal()
		if i == 0 && n.Kind == shell.Simple && !slices.Contains([]string{"read", "unset", "printf", "getopts", "mapfile", "readarray"}, text) {
			break
		}
		assign(text)
	}
}
