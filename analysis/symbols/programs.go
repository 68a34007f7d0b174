package symbols

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Program is a shell program that an instruction holds. Its variables come from
// the environment.
type Program struct {
	*shell.Program
	In *syntax.Instruction
	// AtStart says that a container runs it and not the build, so that it sees no
	// build argument.
	AtStart bool
}

// Programs returns the shell programs of a RUN, CMD, ENTRYPOINT or HEALTHCHECK,
// those in here-documents and in ["sh", "-c", "…"] too. One that does not parse is
// left out.
func Programs(f *facts.File, in *syntax.Instruction) []Program {
	switch in.Name {
	case "run", "cmd", "entrypoint", "healthcheck":
	default:
		return nil
	}
	dialect := f.Stages().Shell(in).Dialect
	var out []Program
	add := func(text source.Text, d shell.Dialect) {
		if p := shell.Parse(text, d); p.Err == nil {
			out = append(out, Program{p, in, in.Name != "run"})
		}
	}
	args := in.Args
	if in.Name == "healthcheck" && len(args) > 0 {
		args = args[1:]
	}
	switch {
	case in.JSON:
		if text, d, ok := execScript(args); ok {
			add(text, d)
		}
	case in.Name == "run" && len(in.Heredocs) > 0:
		if text, d, ok := heredocProgram(f.Doc, in, dialect); ok {
			add(text, d)
		}
	case in.Name == "run" && in.Faithful:
		if r := f.Run(in); r.Program != nil {
			out = append(out, Program{r.Program, in, false})
		}
	case len(args) > 0:
		add(args[0].Text, dialect)
	}
	return out
}

// execScript returns the script of an exec form that calls a shell with -c.
func execScript(args []syntax.Word) (source.Text, shell.Dialect, bool) {
	if len(args) < 3 {
		return source.Text{}, 0, false
	}
	argv := []string{args[0].Value, args[1].Value}
	d := shell.Read(argv).Dialect
	if d == shell.Opaque {
		return source.Text{}, 0, false
	}
	text, ok := args[2].Inside()
	return text, d, ok
}

// heredocProgram returns what the shell gets of a RUN with here-documents. With
// nothing but one here-document that is its body; otherwise the line with the
// here-documents below it.
func heredocProgram(doc *syntax.Document, in *syntax.Instruction, d shell.Dialect) (source.Text, shell.Dialect, bool) {
	h := in.Heredocs[0]
	if in.Body.Span(0, in.Body.Len()) == h.Opener {
		body := h.Body.In(doc.Content)
		if line, _, _ := strings.Cut(body, "\n"); strings.HasPrefix(line, "#!") {
			argv := strings.Fields(line[2:])
			if len(argv) > 1 && path.Base(argv[0]) == "env" {
				argv = argv[1:]
			}
			if len(argv) == 0 {
				return source.Text{}, 0, false
			}
			if d = shell.Read(append(argv[:1:1], "-c")).Dialect; d == shell.Opaque {
				return source.Text{}, 0, false
			}
		}
		return source.Join(doc.Content, bodyLines(doc.Content, h.Body, h.Chomp)...), d, true
	}
	spans := in.Body.Spans(0, in.Body.Len())
	if len(spans) == 0 {
		return source.Text{}, 0, false
	}
	for _, h := range in.Heredocs {
		if i := h.Body.Start - 1; i >= 0 && doc.Content[i] == '\n' && spans[len(spans)-1].End <= i {
			spans = append(spans, source.Span{Start: i, End: i + 1}) // the line end before the body
		}
		spans = append(spans, bodyLines(doc.Content, h.Body, false)...)
		spans = append(spans, h.End)
	}
	return source.Join(doc.Content, spans...), d, true
}

// bodyLines are the lines of a here-document without their carriage returns, and
// without the tabs that <<- drops. A shell chokes on a carriage return; a reader of
// the file wants to see the program all the same.
func bodyLines(content string, body source.Span, chomp bool) []source.Span {
	var out []source.Span
	for at := body.Start; at < body.End; {
		end := body.End
		if i := strings.IndexByte(content[at:end], '\n'); i >= 0 {
			end = at + i + 1
		}
		for chomp && at < end && content[at] == '\t' {
			at++
		}
		if strings.HasSuffix(content[at:end], "\r\n") {
			out = append(out, source.Span{Start: at, End: end - 2}, source.Span{Start: end - 1, End: end})
		} else {
			out = append(out, source.Span{Start: at, End: end})
		}
		at = end
	}
	return out
}

func (b *builder) programs(in *syntax.Instruction) {
	uses := secrets(in)
	programs := Programs(b.file, in)
	for _, p := range programs {
		b.program(p, uses)
		uses = nil
	}
	if len(programs) == 0 {
		b.program(Program{In: in}, uses)
	}
}

// secrets are the variables in which a RUN finds secrets.
func secrets(in *syntax.Instruction) []*Use {
	var out []*Use
	for i := range in.Flags {
		if f := &in.Flags[i]; f.Name == "mount" && f.HasValue {
			for _, o := range Options(f.Raw) {
				name := plain(o.Value.String())
				if plain(o.Name) == "env" && ValidName(name) {
					out = append(out, &Use{Span: named(o.Value, name), Name: name, In: in, Decl: true})
				}
			}
		}
	}
	return out
}

// program notes the variables of a shell program, and of those that it is given. A name
// that has a value of its own there anywhere is its own.
func (b *builder) program(p Program, uses []*Use) {
	note := func(r shell.Range, name string, as how) {
		if r.From < 0 || r.To > p.Text.Len() || r.From >= r.To || p.Source(r) != name {
			return
		}
		uses = append(uses, &Use{Span: p.Span(r), Name: name, In: p.In, Decl: as != read, Lent: as == lent, Shell: true})
	}
	if p.Program != nil {
		p.Walk(func(n *shell.Node, _ shell.Context) bool {
			visitNode(p, n, note)
			return true
		})
	}
	local := map[string]*Symbol{}
	for _, u := range uses {
		if u.Decl && local[u.Name] == nil {
			local[u.Name] = &Symbol{Kind: Local, Name: u.Name}
		}
	}
	for _, u := range uses {
		if u.Symbol = local[u.Name]; u.Symbol == nil {
			u.Symbol = b.lookup(p.In, u.Name)
			if p.AtStart && u.Symbol != nil && u.Symbol.Kind == Arg {
				u.Symbol = nil
			}
		}
		b.add(u)
	}
}

// how a name stands in a program.
type how uint8

const (
	read how = iota
	given
	lent
)

type noter func(r shell.Range, name string, as how)

func visitNode(p Program, n *shell.Node, note noter) {
	as := given
	if n.Kind == shell.Simple && len(n.Words) > 0 {
		as = lent // NAME=value before a command is for that command, but counts all the same
	}
	for _, a := range n.Assigns {
		note(shell.Range{From: a.From, To: a.From + len(a.Name)}, a.Name, as)
		visitWord(p, a.Value, note)
		for _, e := range a.Elems {
			visitWord(p, e, note)
		}
	}
	for _, w := range n.Words {
		visitWord(p, w, note)
	}
	for _, r := range n.Redirs {
		visitWord(p, r.Target, note)
		visitWord(p, r.Body, note)
	}
	switch {
	case n.Kind == shell.For && n.Name != "":
		head := p.Source(n.Range)
		if i := strings.Index(head, n.Name); i >= 0 {
			// "for" itself may be the name: it is the second word.
			after := strings.TrimLeft(strings.TrimLeft(head, "abcdefghijklmnopqrstuvwxyz"), " \t\n")
			i = len(head) - len(after)
			note(shell.Range{From: n.From + i, To: n.From + i + len(n.Name)}, n.Name, given)
		}
	case n.Kind == shell.Declare:
		for _, w := range n.Words {
			literalName(w, note)
		}
	case n.Kind == shell.Simple && len(n.Words) > 1:
		name, _ := n.Words[0].Literal()
		if slices.Contains([]string{"read", "unset", "getopts", "mapfile", "readarray"}, name) {
			for _, w := range n.Words[1:] {
				literalName(w, note)
			}
		}
	}
}

// literalName notes a word that is the bare name of a variable which a builtin sets.
func literalName(w shell.Word, note noter) {
	if name, ok := w.Literal(); ok && ValidName(name) && name != "export" && name != "readonly" && name != "local" && name != "declare" && name != "typeset" {
		note(w.Range, name, given)
	}
}

func visitWord(p Program, w shell.Word, note noter) { visitParts(p, w, false, note) }

// visitParts notes the parameters of a word; in an arithmetic expression that gives
// one of its names a value, each of them may be the one.
func visitParts(p Program, w shell.Word, assigned bool, note noter) {
	for _, part := range w.Parts {
		if part.Kind == shell.Parameter && ValidName(part.Text) {
			text := p.Source(part.Range)
			at := strings.Index(text, part.Text)
			if at >= 0 && strings.Trim(text[:at], `\${#!`) == "" { // arithmetic needs no $
				as := read
				if part.Assigns || assigned {
					as = given
				}
				note(shell.Range{From: part.From + at, To: part.From + at + len(part.Text)}, part.Text, as)
			}
		}
		for _, inner := range part.Words {
			visitParts(p, inner, assigned || part.Kind == shell.Expr && part.Assigns, note)
		}
	}
}
