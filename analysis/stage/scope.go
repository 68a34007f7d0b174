package stage

import (
	"path"
	"sort"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Value is what is known of a variable, a user or a folder at one line.
type Value struct {
	Text string // the value; for an Overridable one, its default
	Is   Certainty
}

// Certainty says how much of a Value is known. The zero value is unknown.
type Certainty uint8

const (
	Unknown     Certainty = iota // anything, or nothing
	Unset                        // certainly not set
	Overridable                  // an ARG's default, or text made from one: a build argument may change it
	Set                          // certainly this text
)

// Known reports whether the value is certain.
func (v Value) Known() bool { return v.Is == Set }

// Root reports whether the value of a USER is certainly root, alone or with his group.
func (v Value) Root() bool {
	user, group, has := strings.Cut(v.Text, ":")
	return v.Is == Set && (user == "root" || user == "0") && (!has || group == "root" || group == "0")
}

// A scope holds the values in force along one stage. Each name has its bindings
// in the order of the file, so that a look-up at a line is a binary search.
type scope struct {
	doc      *syntax.Document
	below    *scope            // of the stage that this one is FROM
	scratch  bool              // starts from nothing: what is not set is unset
	args     map[string]string // what build arguments are known to be given
	vars     map[string][]binding
	unnamed  []unnamed // what may be any variable
	users    []binding
	workdirs []binding
	shells   []shellBinding
}

type binding struct {
	at    int // index of the instruction that made it
	value Value
}

// An unnamed is a variable of an ENV or ARG whose name is not known: ENV $NAME=value.
type unnamed struct {
	at   int
	text string // as written
}

type shellBinding struct {
	at     int
	interp shell.Interpreter
}

func newScope(doc *syntax.Document, below *scope) *scope {
	return &scope{doc: doc, below: below, vars: map[string][]binding{}}
}

func (s *scope) apply(in *syntax.Instruction, globals *scope) {
	switch in.Name {
	case "arg":
		s.argument(in, globals)
	case "env":
		// Expansion uses the values from before the instruction.
		values := make([]Value, len(in.Pairs))
		for i, p := range in.Pairs {
			values[i] = s.expand(p.Value.Value, in.Index)
		}
		for i, p := range in.Pairs {
			s.bind(p.Key.Value, in.Index, values[i])
		}
	case "user":
		s.users = append(s.users, binding{in.Index, s.expand(in.Body.String(), in.Index)})
	case "workdir":
		dir := s.expand(in.Body.String(), in.Index)
		if dir.Is != Unknown && !path.IsAbs(dir.Text) {
			if from := s.at(in.Index, workdirsOf, Value{"/", Set}); from.Is == Unknown {
				dir = Value{}
			} else {
				dir = Value{path.Join(from.Text, dir.Text), min(from.Is, dir.Is)}
			}
		}
		if dir.Is != Unknown {
			dir.Text = path.Clean(dir.Text)
		}
		s.workdirs = append(s.workdirs, binding{in.Index, dir})
	case "shell":
		var argv []string
		if in.JSON {
			for _, a := range in.Args {
				argv = append(argv, a.Value)
			}
		}
		s.shells = append(s.shells, shellBinding{in.Index, shell.Read(argv)})
	}
}

// argument binds ARG's names. A global default reaches a stage only through an
// ARG without one.
func (s *scope) argument(in *syntax.Instruction, globals *scope) {
	for _, p := range in.Pairs {
		v := Value{}
		switch {
		case p.HasValue:
			if v = s.expand(p.Value.Value, in.Index); v.Is == Set {
				v.Is = Overridable
			}
		case globals != nil:
			v = globals.lookup(p.Key.Value, in.Index)
		}
		if given, ok := s.args[p.Key.Value]; ok {
			v = Value{given, Overridable}
		}
		s.bind(p.Key.Value, in.Index, v)
	}
}

// bind gives a variable a value from an instruction on; key is its name as written,
// which BuildKit expands too.
func (s *scope) bind(key string, at int, v Value) {
	name := s.expand(key, at)
	if !name.Known() {
		s.unnamed = append(s.unnamed, unnamed{at, key})
		return
	}
	s.vars[name.Text] = append(s.vars[name.Text], binding{at, v})
}

// triggered takes in what an ONBUILD of the stage below does when this one begins. What
// values that leaves is not known.
func (s *scope) triggered(sub *syntax.Instruction, at int) {
	switch sub.Name {
	case "arg", "env":
		for _, p := range sub.Pairs {
			s.bind(p.Key.Value, at, Value{})
		}
	case "user":
		s.users = append(s.users, binding{at, Value{}})
	case "workdir":
		s.workdirs = append(s.workdirs, binding{at, Value{}})
	case "shell":
		s.shells = append(s.shells, shellBinding{at, shell.Read(nil)})
	}
}

// lookup returns the variable's value just before the instruction with index at.
func (s *scope) lookup(name string, at int) Value {
	for sc := s; sc != nil; sc = sc.below {
		if v, ok := sc.own(name, at); ok {
			return v
		}
		if sc.scratch {
			if name == "PATH" {
				return Value{} // BuildKit adds a default
			}
			return Value{Is: Unset}
		}
	}
	return Value{}
}

// own is the value that the stage itself gives a variable before an instruction.
func (s *scope) own(name string, at int) (Value, bool) {
	b, ok := last(s.vars[name], at)
	i := sort.Search(len(s.unnamed), func(i int) bool { return s.unnamed[i].at >= at })
	if i > 0 && (!ok || s.unnamed[i-1].at >= b.at) {
		return Value{}, true
	}
	return b.value, ok
}

func last(bindings []binding, at int) (binding, bool) {
	i := sort.Search(len(bindings), func(i int) bool { return bindings[i].at >= at })
	if i == 0 {
		return binding{}, false
	}
	return bindings[i-1], true
}

func usersOf(s *scope) []binding    { return s.users }
func workdirsOf(s *scope) []binding { return s.workdirs }

func (s *scope) at(index int, of func(*scope) []binding, ifScratch Value) Value {
	for sc := s; sc != nil; sc = sc.below {
		if b, ok := last(of(sc), index); ok {
			return b.value
		}
		if sc.scratch {
			return ifScratch
		}
	}
	return Value{}
}

// expand resolves a word's quotes and variables as BuildKit does. The result is
// as certain as the least certain variable in it.
func (s *scope) expand(word string, at int) Value {
	if !strings.ContainsAny(word, `$'"`+string(s.doc.Escape)) {
		return Value{word, Set}
	}
	is := Set
	text, err := s.doc.Expand(word, func(name string) (string, bool) {
		v := s.lookup(name, at)
		if v.Is == Unset {
			return "", false
		}
		is = min(is, v.Is)
		return v.Text, v.Is != Unknown
	})
	if err != nil || is == Unknown {
		return Value{}
	}
	return Value{text, is}
}

// Lookup returns what is known of a variable at an instruction: for a RUN, in
// its environment; for others, in their expansion.
func (g *Graph) Lookup(in *syntax.Instruction, name string) Value {
	return g.scopeOf(in).lookup(name, in.Index)
}

// Expand resolves quotes and variables of a word of an instruction other than RUN.
func (g *Graph) Expand(in *syntax.Instruction, word string) Value {
	return g.scopeOf(in).expand(word, in.Index)
}

// User returns the USER in force at an instruction. Text is as given: a name or
// number, with or without a group. An outside base may have set any.
func (g *Graph) User(in *syntax.Instruction) Value {
	return g.scopeOf(in).at(in.Index, usersOf, Value{"", Set})
}

// Workdir returns the absolute, clean WORKDIR in force at an instruction.
func (g *Graph) Workdir(in *syntax.Instruction) Value {
	return g.scopeOf(in).at(in.Index, workdirsOf, Value{"/", Set})
}

// Shell returns the SHELL in force at an instruction. On Windows it is cmd where the file
// sets none, and what any does there to paths and programs is not known.
func (g *Graph) Shell(in *syntax.Instruction) shell.Interpreter {
	if s := g.of[in]; s != nil && s.Windows {
		return shell.Read([]string{"cmd", "/S", "/C"})
	}
	for sc := g.scopeOf(in); sc != nil; sc = sc.below {
		i := sort.Search(len(sc.shells), func(i int) bool { return sc.shells[i].at >= in.Index })
		if i > 0 {
			return sc.shells[i-1].interp
		}
		if sc.scratch {
			return shell.Read([]string{"/bin/sh", "-c"})
		}
	}
	return shell.Read(nil)
}

// SetInFile reports whether the Dockerfile itself gives the variable a value, or may, at
// or below the stage of an instruction, whatever an outside base does.
func (g *Graph) SetInFile(in *syntax.Instruction, name string) bool {
	for sc := g.scopeOf(in); sc != nil; sc = sc.below {
		if _, ok := sc.own(name, in.Index); ok {
			return true
		}
	}
	return false
}

// AnySet returns a variable that the Dockerfile itself sets before an instruction,
// at or below its stage, and whose name matches; the first one by name. One whose name
// is not known matches, as written.
func (g *Graph) AnySet(in *syntax.Instruction, match func(name string) bool) (string, bool) {
	found := ""
	for sc := g.scopeOf(in); sc != nil; sc = sc.below {
		for name, bindings := range sc.vars {
			if _, ok := last(bindings, in.Index); ok && match(name) && (found == "" || name < found) {
				found = name
			}
		}
		for _, u := range sc.unnamed {
			if u.at < in.Index && (found == "" || u.text < found) {
				found = u.text
			}
		}
	}
	return found, found != ""
}

func (g *Graph) scopeOf(in *syntax.Instruction) *scope {
	if s := g.of[in]; s != nil && s.From != in {
		return s.scope
	}
	return g.globals
}

// Moved reports whether a WORKDIR stands between two instructions of one stage.
func (g *Graph) Moved(from, to *syntax.Instruction) bool {
	for i := from.Index + 1; i < to.Index; i++ {
		if g.Doc.Instructions[i].Name == "workdir" {
			return true
		}
	}
	return false
}
