package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// Stages are the pieces of a text: what stands before the first FROM, and each stage
// from its FROM to the next.
type Stages struct {
	Head string
	All  []Stage
}

// A Stage is one of them.
type Stage struct {
	Text string

	span  source.Span
	name  string // in lower case; "" for none
	refs  string // all that may name another stage, in lower case
	any   bool   // a variable may make up the name
	plain bool   // it is read as BuildKit reads it
}

// Stages cuts a text.
func (d *Dockerfile) Stages() Stages { return d.stages() }

func cut(d *syntax.Document) Stages {
	out := Stages{Head: d.Content}
	for _, in := range d.Instructions {
		if in.Name == "from" {
			if len(out.All) == 0 {
				out.Head = d.Content[:in.Lines.Start]
			} else {
				out.All[len(out.All)-1].span.End = in.Lines.Start
			}
			s := Stage{span: source.Span{Start: in.Lines.Start, End: len(d.Content)}, plain: true}
			if len(in.Args) == 3 {
				s.name = strings.ToLower(in.Args[2].Value)
			}
			out.All = append(out.All, s)
		}
		if len(out.All) > 0 {
			out.All[len(out.All)-1].add(in)
		}
	}
	for i := range out.All {
		s := &out.All[i]
		s.Text, s.refs = s.span.In(d.Content), strings.ToLower(unquoted.Replace(s.refs))
	}
	return out
}

// add notes what an instruction may name: FROM its base, a flag its source, and what
// is put off till another build anything.
func (s *Stage) add(in *syntax.Instruction) {
	s.plain = s.plain && in.Faithful
	note := func(text string) { s.refs += text + "\n" }
	switch in.Name {
	case "from":
		for _, a := range in.Args[:min(1, len(in.Args))] {
			note(a.Value)
			// No name of a stage holds these signs.
			rest := simple.ReplaceAllString(a.Value, "")
			s.any = s.any || rest != a.Value && !strings.ContainsAny(rest, ":/@") || strings.Contains(rest, "$")
		}
	case "onbuild":
		note(in.Text.String())
		s.any = s.any || strings.Contains(in.Text.String(), "$")
	default:
		for _, f := range in.Flags {
			if text := f.Name + "=" + f.Value; strings.Contains(strings.ToLower(text), "from") {
				note(text)
				s.any = s.any || strings.Contains(text, "$")
			}
		}
	}
}

var (
	unquoted = strings.NewReplacer(`"`, "", `'`, "", `\`, "", "`", "")
	simple   = lazyregexp.New(`\$(\{[^{}]*\}|\w+)`)
	numbered = lazyregexp.New(`from\W*[0-9]`)
)

// Uses reports whether stage i may build on stage j, or take files from it: where it
// cannot be told, it may.
func (s Stages) Uses(i, j int) bool {
	one, other := s.All[i], s.All[j]
	return !one.plain || one.any || other.name != "" && strings.Contains(one.refs, other.name) ||
		numbered.MatchString(one.refs) && strings.Contains(one.refs, fmt.Sprint(j))
}

// only is the text with a stage and what it may use, in which BuildKit makes of that
// stage what it makes of it in the whole text: it reads each stage, and goes on with
// those alone. It is false if that is not less than the whole, or stages are counted.
func (s Stages) only(target int) (string, bool) {
	kept := make([]bool, len(s.All))
	for todo := []int{target}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if kept[i] {
			continue
		}
		if kept[i] = true; !s.All[i].plain || s.All[i].any || numbered.MatchString(s.All[i].refs) {
			return "", false
		}
		for j := range s.All {
			if !kept[j] && s.Uses(i, j) {
				todo = append(todo, j)
			}
		}
	}
	if !slices.Contains(kept, false) {
		return "", false
	}
	var out strings.Builder
	out.WriteString(s.Head)
	for i, k := range kept {
		if k {
			out.WriteString(s.All[i].Text)
		}
	}
	return out.String(), true
}
