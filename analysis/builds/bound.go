package builds

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// maxValue bounds what one expression of a bake file comes to: bytes of texts and
// members of lists. Each variable may be many times the one before it.
const maxValue = 16 << 10

// value evaluates an expression; false for one with an error, and for one that comes
// to more than maxValue or loops within a loop.
func value(e hcl.Expression, eval *hcl.EvalContext) (cty.Value, bool) {
	if x, ok := e.(hclsyntax.Expression); ok {
		w := &loops{}
		_ = hclsyntax.Walk(x, w)
		if w.nested {
			return cty.NilVal, false
		}
	}
	v, problems := e.Value(eval)
	if problems.HasErrors() {
		return cty.NilVal, false
	}
	left := maxValue
	return v, small(v, &left)
}

// small takes what a value holds from left, and stops when nothing is left.
func small(v cty.Value, left *int) bool {
	*left--
	switch {
	case *left < 0:
		return false
	case !v.IsKnown() || v.IsNull():
		return true
	case v.Type() == cty.String:
		*left -= len(v.AsString())
		return *left >= 0
	case !v.CanIterateElements():
		return true
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, member := it.Element(); !small(member, left) {
			return false
		}
	}
	return true
}

// loops looks for a loop in a loop.
type loops struct {
	depth  int
	nested bool
}

func (l *loops) Enter(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(*hclsyntax.ForExpr); ok {
		l.depth++
		l.nested = l.nested || l.depth > 1
	}
	return nil
}

func (l *loops) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(*hclsyntax.ForExpr); ok {
		l.depth--
	}
	return nil
}

// product is setproduct, of no more combinations than a matrix may have.
var product = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "sets", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		n := 1
		for _, a := range args {
			if a.IsKnown() && !a.IsNull() && a.CanIterateElements() {
				if n *= a.LengthInt(); n > maxMatrix {
					return cty.DynamicPseudoType, fmt.Errorf("more than %d combinations", maxMatrix)
				}
			}
		}
		return stdlib.SetProductFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return stdlib.SetProductFunc.Call(args) },
})
