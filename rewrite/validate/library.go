package validate

import (
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// A library reads each script once for all the graphs that a judgement compares: most
// scripts stand in every one of them, and many conditions look at all that ran before.
// A nil library reads anew each time.
type library struct {
	programs map[reading]*shell.Program
	lists    map[*shell.Program][]command
	namers   map[surrounding]*namer
}

// A reading is a text as a shell reads it.
type reading struct {
	text    string
	dialect shell.Dialect
}

// A surrounding is a program in the environment and the folder of an exec.
type surrounding struct {
	x *compile.Exec
	p *shell.Program
}

func newLibrary() *library {
	return &library{map[reading]*shell.Program{}, map[*shell.Program][]command{}, map[surrounding]*namer{}}
}

// again is a library for the next judgement on the same text: what was read stays, but
// for what belongs to the graphs of the last.
func (l *library) again() *library {
	return &library{l.programs, l.lists, map[surrounding]*namer{}}
}

// parse reads a text as the shell does that gets the script.
func (l *library) parse(s *script, text string) *shell.Program {
	if l == nil {
		return s.parse(text)
	}
	key := reading{text, s.dialect}
	p, ok := l.programs[key]
	if !ok {
		p = s.parse(text)
		l.programs[key] = p
	}
	return p
}

// commands lists every command of a program in the order of its text.
func (l *library) commands(p *shell.Program) []command {
	if l == nil {
		return commands(p)
	}
	list, ok := l.lists[p]
	if !ok {
		list = commands(p)
		l.lists[p] = list
	}
	return list
}

// namer knows what the words of an exec's program name.
func (l *library) namer(x *compile.Exec, p *shell.Program) *namer {
	if l == nil {
		return newNamer(x, p)
	}
	key := surrounding{x, p}
	n, ok := l.namers[key]
	if !ok {
		n = newNamer(x, p)
		l.namers[key] = n
	}
	return n
}
