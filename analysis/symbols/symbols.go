// Package symbols knows what each name in a Dockerfile stands for, and where else
// it stands: stages, build arguments, environment variables, and the variables
// that a shell program makes for itself.
package symbols

import (
	"slices"
	"sort"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Kind says what a Symbol is.
type Kind uint8

const (
	Stage Kind = iota
	Arg        // a build argument
	Env        // an environment variable of the image
	Local      // a variable that has a value in one shell program
)

// A Symbol is one thing with a name.
type Symbol struct {
	Kind  Kind
	Name  string       // as its first declaration has it
	Stage *stage.Stage // of Kind Stage
	Uses  []*Use       // in the order of the text, declarations included
}

// A Use is one place where a name stands.
type Use struct {
	Span   source.Span // the name alone; the whole word where quotes or escapes stand inside
	Name   string
	In     *syntax.Instruction
	Symbol *Symbol     // nil for a name that this file gives to nothing
	Stage  bool        // it names a stage, or would
	Decl   bool        // it gives the name or a value
	Index  bool        // it names a stage by its number
	Shell  bool        // a shell reads it, not BuildKit
	Rest   source.Span // behind a name that BuildKit expands, up to the end of its ${NAME…}; zero inside another one
	Lent   bool        // NAME=value before a command, which alone gets it
}

// A Table is every name of one Dockerfile.
type Table struct {
	Uses    []*Use // in the order of the text
	Symbols []*Symbol
}

// At returns the use that an offset touches, or nil.
func (t *Table) At(offset int) *Use {
	i := sort.Search(len(t.Uses), func(i int) bool { return t.Uses[i].Span.End >= offset })
	if i < len(t.Uses) && t.Uses[i].Span.Start <= offset {
		return t.Uses[i]
	}
	return nil
}

// Named returns the first use of a variable's name other than a stage's, or nil.
func (t *Table) Named(name string) *Use {
	for _, u := range t.Uses {
		if !u.Stage && u.Name == name {
			return u
		}
	}
	return nil
}

// Of returns the uses inside an instruction.
func (t *Table) Of(in *syntax.Instruction) []*Use {
	i := sort.Search(len(t.Uses), func(i int) bool { return t.Uses[i].Span.Start >= in.Span.Start })
	j := i
	for j < len(t.Uses) && t.Uses[j].Span.Start < in.Span.End {
		j++
	}
	return t.Uses[i:j]
}

// New reads the names of a file.
func New(f *facts.File) *Table {
	b := &builder{
		file: f, doc: f.Doc, graph: f.Stages(), table: &Table{},
		stages: map[*stage.Stage]*Symbol{}, args: map[string]*Symbol{},
		globals: map[string][]bound{}, vars: map[*stage.Stage]map[string][]bound{},
	}
	for _, in := range f.Doc.Instructions {
		b.instruction(in)
	}
	slices.SortStableFunc(b.table.Uses, func(x, y *Use) int { return x.Span.Start - y.Span.Start })
	b.table.Uses = slices.CompactFunc(b.table.Uses, func(x, y *Use) bool { return x.Span == y.Span })
	for _, u := range b.table.Uses {
		if s := u.Symbol; s != nil {
			if len(s.Uses) == 0 {
				b.table.Symbols = append(b.table.Symbols, s)
			}
			s.Uses = append(s.Uses, u)
		}
	}
	return b.table
}

// A bound is a name given to a symbol by the instruction with an index.
type bound struct {
	at     int
	symbol *Symbol
}

type builder struct {
	file    *facts.File
	doc     *syntax.Document
	graph   *stage.Graph
	table   *Table
	stages  map[*stage.Stage]*Symbol
	args    map[string]*Symbol // build arguments have one name in the whole file
	globals map[string][]bound
	vars    map[*stage.Stage]map[string][]bound
}

func (b *builder) add(u *Use) { b.table.Uses = append(b.table.Uses, u) }

func (b *builder) instruction(in *syntax.Instruction) {
	if in.Name == "" {
		return
	}
	switch in.Name {
	case "from":
		b.from(in)
	case "arg", "env":
		b.declares(in)
	case "run", "cmd", "entrypoint", "healthcheck":
		b.programs(in)
	case "copy", "add":
		b.words(in)
		for _, h := range in.Heredocs {
			if h.Expand {
				b.read(in, source.Join(b.doc.Content, h.Body), true)
			}
		}
	case "onbuild", "shell", "maintainer":
	default:
		b.words(in)
	}
	b.flags(in)
}

// words reads the variables of an instruction's arguments.
func (b *builder) words(in *syntax.Instruction) {
	if len(in.Pairs) > 0 {
		for _, p := range in.Pairs {
			b.read(in, p.Key.Text, false)
			b.read(in, p.Value.Text, false)
		}
		return
	}
	for _, a := range in.Args {
		text := a.Text
		if in.JSON {
			inner, ok := a.Inside()
			if !ok {
				continue
			}
			text = inner
		}
		b.read(in, text, in.JSON)
	}
}

// read notes the variables of a word that BuildKit expands.
func (b *builder) read(in *syntax.Instruction, text source.Text, quotesAreText bool) {
	for _, v := range Variables(text.String(), b.doc.Escape, quotesAreText) {
		u := &Use{Span: text.Span(v.From, v.To), Name: v.Name, In: in, Symbol: b.lookup(in, v.Name)}
		if v.End > 0 {
			u.Rest = source.Span{Start: u.Span.End, End: max(u.Span.End, text.Span(v.From, v.End).End)}
		}
		b.add(u)
	}
}

func (b *builder) declares(in *syntax.Instruction) {
	scope := b.globals
	if s := b.graph.Of(in); s != nil {
		scope = b.scope(s)
	}
	for _, p := range in.Pairs {
		b.read(in, p.Value.Text, false)
	}
	for _, p := range in.Pairs {
		name := p.Key.Value
		if !ValidName(name) {
			continue
		}
		symbol := b.declared(in, name)
		scope[name] = append(scope[name], bound{in.Index, symbol})
		b.add(&Use{Span: p.Key.Span(), Name: name, In: in, Symbol: symbol, Decl: true})
	}
}

// declared returns the symbol that an ARG or ENV gives a value: for an ENV the
// one that it overrides, if there is one.
func (b *builder) declared(in *syntax.Instruction, name string) *Symbol {
	if in.Name == "arg" {
		if b.args[name] == nil {
			b.args[name] = &Symbol{Kind: Arg, Name: name}
		}
		return b.args[name]
	}
	for s := b.graph.Of(in); s != nil; s = s.Parent {
		for _, bound := range slices.Backward(b.vars[s][name]) {
			if bound.symbol.Kind == Env {
				return bound.symbol
			}
		}
	}
	return &Symbol{Kind: Env, Name: name}
}

func (b *builder) scope(s *stage.Stage) map[string][]bound {
	if b.vars[s] == nil {
		b.vars[s] = map[string][]bound{}
	}
	return b.vars[s]
}

// lookup returns what a variable's name stands for just before an instruction.
func (b *builder) lookup(in *syntax.Instruction, name string) *Symbol {
	s := b.graph.Of(in)
	if s == nil || s.From == in {
		return last(b.globals[name], in.Index)
	}
	for ; s != nil; s = s.Parent {
		if symbol := last(b.vars[s][name], in.Index); symbol != nil {
			return symbol
		}
	}
	return nil
}

func last(bounds []bound, before int) *Symbol {
	i := sort.Search(len(bounds), func(i int) bool { return bounds[i].at >= before })
	if i == 0 {
		return nil
	}
	return bounds[i-1].symbol
}

// ValidName reports whether a text can be a variable's name for a shell.
func ValidName(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c != '_' && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
