package compile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
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

	name    string   // in lower case; "" for none
	refs    []string // all that may name another stage, in lower case
	counts  bool     // one of them may do so by its number
	unclear bool     // it may name any: by a variable, or as it is not read as BuildKit reads it
}

// Stages cuts a text.
func (d *Dockerfile) Stages() Stages { return d.stages() }

func cut(d *syntax.Document) (out Stages) {
	var at []int // where they begin
	for _, in := range d.Instructions {
		if in.Name == "from" {
			out.All, at = append(out.All, Stage{}), append(at, in.Lines.Start)
		}
		if n := len(out.All); n > 0 {
			out.All[n-1].add(in)
		}
	}
	at = append(at, len(d.Content))
	out.Head = d.Content[:at[0]]
	for i := range out.All {
		out.All[i].Text = d.Content[at[i]:at[i+1]]
	}
	return out
}

// add notes what an instruction may name: FROM its base, a flag its source, and what
// is put off till another build anything.
func (s *Stage) add(in *syntax.Instruction) {
	s.unclear = s.unclear || !in.Faithful
	switch in.Name {
	case "from":
		if len(in.Args) == 3 {
			s.name = strings.ToLower(in.Args[2].Value)
		}
		if len(in.Args) > 0 {
			base := in.Args[0].Value
			// No name of a stage holds these signs.
			rest := simple.ReplaceAllString(base, "")
			s.note(base, rest != base && !strings.ContainsAny(rest, ":/@") || strings.Contains(rest, "$"))
		}
	case "onbuild":
		text := in.Text.String()
		s.note(text, strings.Contains(text, "$"))
	default:
		for _, f := range in.Flags {
			if text := f.Name + "=" + f.Value; strings.Contains(strings.ToLower(text), "from") {
				s.note(text, strings.Contains(text, "$"))
			}
		}
	}
}

// note takes in what may name a stage, and whether that may be any.
func (s *Stage) note(text string, any bool) {
	text = strings.ToLower(unquoted.Replace(text))
	s.refs = append(s.refs, text)
	s.counts = s.counts || numbered.MatchString(text)
	s.unclear = s.unclear || any
}

var (
	unquoted = strings.NewReplacer(`"`, "", `'`, "", `\`, "", "`", "")
	simple   = lazyregexp.New(`\$(\{[^{}]*\}|\w+)`)
	numbered = lazyregexp.New(`from\W*[0-9]`)
)

// uses reports whether stage i may build on stage j, or take files from it: where it
// cannot be told, it may.
func (s Stages) uses(i, j int) bool {
	one, name, number := s.All[i], s.All[j].name, strconv.Itoa(j)
	return one.unclear || slices.ContainsFunc(one.refs, func(ref string) bool {
		return name != "" && strings.Contains(ref, name) || one.counts && strings.Contains(ref, number)
	})
}

// Reached are stages, and those that may use one of them in however many steps.
func (s Stages) Reached(from []int) []bool {
	return s.closure(from, func(i, j int) bool { return s.uses(j, i) })
}

func (s Stages) closure(from []int, leads func(i, j int) bool) []bool {
	in := make([]bool, len(s.All))
	for todo := slices.Clone(from); len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if in[i] {
			continue
		}
		in[i] = true
		for j := range s.All {
			if !in[j] && leads(i, j) {
				todo = append(todo, j)
			}
		}
	}
	return in
}

// only is the text with a stage and what it may use, in which BuildKit makes of that
// stage what it makes of it in the whole text: it reads each stage, and goes on with
// those alone. It is "" if that is not less than the whole, or stages are counted.
func (s Stages) only(target int) string {
	kept := s.closure([]int{target}, s.uses)
	if !slices.Contains(kept, false) {
		return ""
	}
	var out strings.Builder
	out.WriteString(s.Head)
	for i, k := range kept {
		if k && s.All[i].counts {
			return ""
		}
		if k {
			out.WriteString(s.All[i].Text)
		}
	}
	return out.String()
}
