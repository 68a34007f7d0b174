package builds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/shale-build/shale/analysis/source"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var (
	bakeFile = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "target", LabelNames: []string{"name"}},
		{Type: "group", LabelNames: []string{"name"}},
		{Type: "variable", LabelNames: []string{"name"}},
	}}
	bakeTarget = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "args"}, {Name: "context"}, {Name: "dockerfile"}, {Name: "dockerfile-inline"},
		{Name: "inherits"}, {Name: "matrix"}, {Name: "name"}, {Name: "target"}, {Name: "contexts"}, {Name: "tags"},
	}}
	bakeGroup    = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "targets"}}}
	bakeVariable = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "default"}}}
)

// bakeFunctions are those that names, paths and arguments are made with. An
// expression with another one is not known.
var bakeFunctions = map[string]function.Function{
	"and": stdlib.AndFunc, "coalesce": stdlib.CoalesceFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"equal": stdlib.EqualFunc, "flatten": stdlib.FlattenFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
	"join": stdlib.JoinFunc, "keys": stdlib.KeysFunc, "length": stdlib.LengthFunc, "lookup": stdlib.LookupFunc,
	"lower": stdlib.LowerFunc, "max": stdlib.MaxFunc, "merge": stdlib.MergeFunc, "min": stdlib.MinFunc,
	"not": stdlib.NotFunc, "notequal": stdlib.NotEqualFunc, "or": stdlib.OrFunc, "regex_replace": stdlib.RegexReplaceFunc,
	"replace": stdlib.ReplaceFunc, "setproduct": product, "slice": stdlib.SliceFunc, "split": stdlib.SplitFunc,
	"substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
	"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc,
}

// A recipe is the blocks of one or more bake files. Of several attributes of one
// name the last counts.
type recipe struct {
	order   []string
	targets map[string]hcl.Attributes
	groups  map[string]bool // by their own names
	grouped map[string]bool // named by a group
	eval    *hcl.EvalContext
}

func readBake(_ context.Context, path string) (said []described, dir string, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, "", err
	}
	dir = filepath.Dir(abs)
	files := []string{abs}
	if base := filepath.Base(abs); bake.MatchString(base) {
		// bake reads these together, each over the one before.
		together := beside(dir, "docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl")
		if i := slices.Index(together, abs); i == 0 {
			files = together
		} else if i > 0 {
			return nil, "", nil
		}
	}
	r, err := readRecipe(files)
	if err != nil {
		return nil, "", err
	}
	return r.builds(), dir, nil
}

func readRecipe(files []string) (*recipe, error) {
	r := &recipe{targets: map[string]hcl.Attributes{}, groups: map[string]bool{}, grouped: map[string]bool{}}
	defaults := map[string]hcl.Expression{}
	var groups []hcl.Expression
	parser := hclparse.NewParser()
	for _, name := range files {
		text, err := source.ReadFile(name, maxFile)
		if err != nil {
			return nil, &fault{name, err}
		}
		parse := parser.ParseHCL
		if filepath.Ext(name) == ".json" {
			parse = parser.ParseJSON
		}
		file, problems := parse([]byte(text), name)
		if problems.HasErrors() {
			return nil, &fault{name, first(problems)}
		}
		content, _, problems := file.Body.PartialContent(bakeFile)
		if problems.HasErrors() {
			return nil, &fault{name, first(problems)}
		}
		for _, b := range content.Blocks {
			switch label := b.Labels[0]; b.Type {
			case "target":
				c, _, _ := b.Body.PartialContent(bakeTarget)
				if r.targets[label] == nil {
					r.targets[label] = hcl.Attributes{}
					r.order = append(r.order, label)
				}
				maps.Copy(r.targets[label], c.Attributes)
			case "group":
				r.groups[label] = true
				c, _, _ := b.Body.PartialContent(bakeGroup)
				if a := c.Attributes["targets"]; a != nil {
					groups = append(groups, a.Expr)
				}
			case "variable":
				c, _, _ := b.Body.PartialContent(bakeVariable)
				if a := c.Attributes["default"]; a != nil {
					defaults[label] = a.Expr
				}
			}
		}
	}
	r.eval = &hcl.EvalContext{Functions: bakeFunctions, Variables: variables(defaults)}
	for _, g := range groups {
		names, _ := r.list(g, r.eval)
		for _, name := range names {
			r.grouped[name] = true
		}
	}
	return r, nil
}

// first is the first of an HCL file's problems, without what else it says.
func first(problems hcl.Diagnostics) error {
	for _, p := range problems {
		if p.Severity == hcl.DiagError {
			if p.Subject != nil {
				return fmt.Errorf("line %d: %s", p.Subject.Start.Line, p.Summary)
			}
			return errors.New(p.Summary)
		}
	}
	return problems
}

// variables evaluates defaults, which may use each other. One that cannot be
// evaluated has no value.
func variables(defaults map[string]hcl.Expression) map[string]cty.Value {
	values := map[string]cty.Value{}
	for range defaults {
		before := len(values)
		for name, e := range defaults {
			if _, done := values[name]; done {
				continue
			}
			if v, ok := value(e, &hcl.EvalContext{Functions: bakeFunctions, Variables: values}); ok && v.IsWhollyKnown() {
				values[name] = v
			}
		}
		if len(values) == before {
			break
		}
	}
	return values
}

// builds lists what the targets build. One that others inherit from, and that no
// group names, is a template, unless it is what a bare bake builds.
func (r *recipe) builds() []described {
	template := map[string]bool{}
	for _, attrs := range r.targets {
		if a := attrs["inherits"]; a != nil {
			parents, _ := r.list(a.Expr, r.eval)
			for _, parent := range parents {
				template[parent] = true
			}
		}
	}
	var out []described
	for _, name := range r.order {
		if strings.HasPrefix(name, "_") || template[name] && !r.grouped[name] && (name != "default" || r.groups["default"]) {
			continue
		}
		for _, eval := range r.matrix(name) {
			d := described{name: name, args: map[string]string{}, contexts: map[string]string{}}
			if a := r.targets[name]["name"]; a != nil {
				if s, ok := str(a.Expr, eval); ok {
					d.name = s
				}
			}
			r.describe(&d, name, eval, 0)
			out = append(out, d)
		}
	}
	return out
}

// maxInherit ends targets that inherit from themselves; maxMatrix bounds what one
// target becomes.
const (
	maxInherit = 20
	maxMatrix  = 200
)

// describe lays a target over those that it inherits from. What cannot be
// evaluated stands as "$", which is not known.
func (r *recipe) describe(d *described, name string, eval *hcl.EvalContext, depth int) {
	attrs, ok := r.targets[name]
	if !ok || depth > maxInherit {
		d.context = "$"
		return
	}
	if a := attrs["inherits"]; a != nil {
		parents, ok := r.list(a.Expr, eval)
		for _, parent := range parents {
			r.describe(d, parent, eval, depth+1)
		}
		if !ok { // another one may say all that this one does not
			d.context, d.dockerfile, d.target = "$", "$", "$"
			clear(d.args)
			d.contexts = map[string]string{anyName: ""}
		}
	}
	set := func(to *string, key string) {
		if a := attrs[key]; a != nil {
			if s, ok := str(a.Expr, eval); ok {
				*to = s
			} else {
				*to = "$"
			}
		}
	}
	set(&d.context, "context")
	set(&d.dockerfile, "dockerfile")
	set(&d.target, "target")
	d.inline = d.inline || attrs["dockerfile-inline"] != nil
	if a := attrs["args"]; a != nil {
		known, _ := r.members(a.Expr, eval)
		if known == nil {
			clear(d.args)
		}
		for name, v := range known {
			if v.known {
				d.args[name] = v.text
			} else {
				delete(d.args, name)
			}
		}
	}
	if a := attrs["contexts"]; a != nil {
		known, all := r.members(a.Expr, eval)
		for name, v := range known {
			d.contexts[name] = v.text
		}
		if !all {
			d.contexts[anyName] = ""
		}
	}
	if a := attrs["tags"]; a != nil {
		d.images, _ = r.list(a.Expr, eval)
	}
}

// A member is a value of an object; its text is "" where it is not known.
type member struct {
	text  string
	known bool
}

// members reads an object's members one by one, so that one which is not known does
// not hide the others; all says that none is without a name that is known. What is no
// object has none, which is nil.
func (r *recipe) members(e hcl.Expression, eval *hcl.EvalContext) (known map[string]member, all bool) {
	pairs, problems := hcl.ExprMap(e)
	if problems.HasErrors() {
		return nil, false
	}
	known, all = map[string]member{}, true
	for _, p := range pairs {
		name, ok := str(p.Key, eval)
		if !ok {
			all = false
			continue
		}
		v, ok := str(p.Value, eval)
		known[name] = member{v, ok}
	}
	return known, all
}

// matrix returns the evaluation contexts of a target: one for each combination.
func (r *recipe) matrix(name string) []*hcl.EvalContext {
	a := r.targets[name]["matrix"]
	if a == nil {
		return []*hcl.EvalContext{r.eval}
	}
	v, ok := value(a.Expr, r.eval)
	if !ok || !v.IsWhollyKnown() || v.IsNull() || !v.CanIterateElements() {
		return nil
	}
	rows := []map[string]cty.Value{{}}
	axes := v.AsValueMap()
	for _, axis := range slices.Sorted(maps.Keys(axes)) {
		if !axes[axis].CanIterateElements() {
			return nil
		}
		var next []map[string]cty.Value
		for _, row := range rows {
			for _, value := range axes[axis].AsValueSlice() {
				more := maps.Clone(row)
				more[axis] = value
				next = append(next, more)
			}
		}
		if rows = next; len(rows) > maxMatrix {
			return nil
		}
	}
	var out []*hcl.EvalContext
	for _, row := range rows {
		c := r.eval.NewChild()
		c.Variables = row
		out = append(out, c)
	}
	return out
}

// str evaluates an expression to a text; null and what is not known are none.
func str(e hcl.Expression, eval *hcl.EvalContext) (string, bool) {
	v, ok := value(e, eval)
	if !ok {
		return "", false
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || !s.IsKnown() || s.IsNull() {
		return "", false
	}
	return s.AsString(), true
}

// list evaluates an expression to texts, those that are known; ok says that all are.
func (r *recipe) list(e hcl.Expression, eval *hcl.EvalContext) (known []string, ok bool) {
	items, problems := hcl.ExprList(e)
	if problems.HasErrors() { // concat(…), a variable
		v, ok := value(e, eval)
		if !ok || !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
			return nil, false
		}
		for it := v.ElementIterator(); it.Next(); {
			_, member := it.Element()
			items = append(items, hcl.StaticExpr(member, e.Range()))
		}
	}
	ok = true
	for _, item := range items {
		s, is := str(item, eval)
		if is {
			known = append(known, s)
		}
		ok = ok && is
	}
	return known, ok
}
