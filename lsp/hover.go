package lsp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

// hover explains what stands at a place: the smallest thing that has a meaning.
func (v *view) hover(_ context.Context, p *placed) (any, error) {
	at := v.offset(p.Position)
	all := []func(int) (string, source.Span){
		v.hoverComment, v.hoverSymbol, v.hoverFlag, v.hoverBase, v.hoverCall, v.hoverHeredoc, v.hoverInstruction,
	}
	if v.near.beside(dockerls) { // which explains flags and instructions
		all = []func(int) (string, source.Span){v.hoverComment, v.hoverSymbol, v.hoverBase, v.hoverCall, v.hoverHeredoc}
	}
	for _, explain := range all {
		if text, span := explain(at); text != "" {
			r := v.rangeOf(span)
			return protocol.Hover{Contents: v.s.markup(text), Range: &r}, nil
		}
	}
	return nil, nil
}

// markup is Markdown, or the same as plain text for a client that shows no other.
func (s *server) markup(text string) protocol.MarkupContent {
	if s.client.markdown {
		return protocol.MarkupContent{Kind: protocol.Markdown, Value: text}
	}
	text = markdownLink.ReplaceAllString(text, "$1 ($2)")
	text = strings.NewReplacer("```dockerfile\n", "", "\n```", "", "`", "", "**", "").Replace(text)
	return protocol.MarkupContent{Kind: protocol.PlainText, Value: text}
}

var markdownLink = lazyregexp.New(`\[([^\[\]]+)\]\((https?://[^()\s]+)\)`)

// code is text between backquotes, however many it holds itself.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

func (v *view) hoverComment(at int) (string, source.Span) {
	for _, d := range v.doc.Directives {
		if e, ok := directives[d.Name]; ok && within(d.Span, at) {
			return fmt.Sprintf("**# %s=**\n\n%s\n\n[Reference](%s#%s)", d.Name, e.what, referenceURL, e.anchor), d.Span
		}
	}
	piece := v.piece(at)
	if piece.Kind != syntax.Comment {
		return "", source.Span{}
	}
	text := strings.TrimRight(piece.Span.In(v.text), "\r\n")
	span := source.Span{Start: piece.Span.Start, End: piece.Span.Start + len(text)}
	names, wholeFile := analysis.IgnoreComment(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "#")))
	if len(names) == 0 {
		return "", span
	}
	where := "for the instruction below"
	if wholeFile {
		where = "for the whole file"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Silences %s:\n", where)
	for _, name := range names {
		rules := v.s.rulesOf(name)
		if len(rules) == 0 {
			fmt.Fprintf(&b, "\n- %s: no rule of Shale's", code(name))
		}
		for _, rule := range rules {
			switch {
			case rule.Name == name:
				fmt.Fprintf(&b, "\n- %s: %s", v.s.ruleLink(rule.Name), rule.Doc.Summary)
			case rule.Owns(name):
				fmt.Fprintf(&b, "\n- %s, a code of %s: %s", code(name), v.s.ruleLink(rule.Name), rule.Doc.Summary)
			default:
				fmt.Fprintf(&b, "\n- %s, which is %s: %s", code(name), v.s.ruleLink(rule.Name), rule.Doc.Summary)
			}
		}
	}
	return b.String(), span
}

// rule finds a rule by its name or by one of its aliases.
func (s *server) rule(name string) *analysis.Rule {
	if all := s.rulesOf(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// rulesOf finds the rules that a name or a code stands for.
func (s *server) rulesOf(name string) (out []*analysis.Rule) {
	for _, r := range s.opts.Rules {
		if r.Owns(name) || slices.ContainsFunc(r.Aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
			out = append(out, r)
		}
	}
	return out
}

func (s *server) ruleLink(name string) string {
	if s.opts.DocURL != nil {
		if page := s.opts.DocURL(name); page != "" {
			return "[" + name + "](" + page + ")"
		}
	}
	return code(name)
}

func (v *view) hoverSymbol(at int) (string, source.Span) {
	u := v.symbols().At(at)
	switch {
	case u == nil:
		return "", source.Span{}
	case u.Stage && u.Symbol != nil:
		return v.aboutStage(u.Symbol.Stage), u.Span
	case u.Stage:
		return fmt.Sprintf("**%s** is no stage above this one: BuildKit takes it for an image.", u.Name), u.Span
	}
	return v.aboutVariable(u), u.Span
}

func (v *view) line(in *syntax.Instruction) int { return v.lines.Line(in.Keyword.Start) + 1 }

func (v *view) aboutStage(s *stage.Stage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**, from %s, line %d\n", title(s), code(s.From.Args[0].Value), v.line(s.From))
	ships := "its layers do not ship: only what another stage copies from it does"
	if s.Ships {
		ships = "its layers ship in the image"
	}
	fmt.Fprintf(&b, "\n- %s; %s", count(layers(s), "layer"), ships)
	for _, child := range s.Children {
		fmt.Fprintf(&b, "\n- %s, line %d, starts from it", title(child), v.line(child.From))
	}
	for _, other := range v.graph.Stages {
		if slices.Contains(other.Reads, s) {
			fmt.Fprintf(&b, "\n- %s, line %d, copies from it", title(other), v.line(other.From))
		}
	}
	if s.Parent == nil {
		b.WriteString(v.aboutImage(s))
	}
	return b.String()
}

// title names a stage.
func title(s *stage.Stage) string {
	if s.Name != "" {
		return "Stage " + s.Name
	}
	return fmt.Sprintf("Stage %d", s.Index)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "x") {
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// layers is how many instructions of a stage make a layer, a WORKDIR by its folder.
func layers(s *stage.Stage) (n int) {
	for _, in := range s.Instructions {
		switch in.Name {
		case "run", "copy", "add", "workdir":
			n++
		}
	}
	return n
}

func (v *view) aboutVariable(u *symbols.Use) string {
	var b strings.Builder
	if u.Symbol != nil && u.Symbol.Kind == symbols.Local {
		what := "A variable of this shell program."
		if !u.Symbol.Uses[0].Shell {
			what = "Holds a secret of the build, in this RUN only."
		}
		fmt.Fprintf(&b, "**%s**\n\n%s", u.Name, what)
		if outer := v.graph.Lookup(u.In, u.Name); outer.Known() || outer.Is == stage.Overridable {
			fmt.Fprintf(&b, " It starts as %s.", code(outer.Text))
		}
		return b.String()
	}
	value := v.graph.Lookup(u.In, u.Name)
	var from *syntax.Instruction // that gave it the value
	switch {
	case u.Decl:
		value, from = v.declared(u), u.In
	case u.Symbol != nil:
		if d := v.declaration(u); d != nil {
			from = d.In
		}
	}
	fmt.Fprintf(&b, "**%s**", u.Name)
	what, special := predefined[u.Name]
	switch {
	case u.Symbol == nil && special:
		fmt.Fprintf(&b, "\n\nBuildKit's own: %s.", what)
		if s := v.graph.Of(u.In); s != nil && s.From != u.In && !strings.HasSuffix(u.Name, "_PROXY") {
			fmt.Fprintf(&b, " Without `ARG %s` above, this stage does not see it.", u.Name)
		}
		return b.String()
	case value.Is == stage.Set:
		fmt.Fprintf(&b, " = %s", code(value.Text))
	case value.Is == stage.Overridable:
		fmt.Fprintf(&b, " = %s, unless a build argument says otherwise", code(value.Text))
	case value.Is == stage.Unset:
		b.WriteString(" is not set here.")
		return b.String()
	case u.Symbol == nil:
		b.WriteString("\n\nNothing in this file sets it here; ")
		if s := v.graph.Of(u.In); u.Shell && s != nil {
			b.WriteString("the base image or the shell may.")
		} else {
			b.WriteString("the base image may.")
		}
		return b.String()
	case special:
		fmt.Fprintf(&b, "\n\nBuildKit's own: %s.", what)
	default:
		b.WriteString("\n\nIts value is not known before the build.")
	}
	if from != nil {
		fmt.Fprintf(&b, "\n\nFrom %s on line %d.", strings.ToUpper(from.Name), v.line(from))
	}
	if global := v.globalOf(u, from); global != nil {
		fmt.Fprintf(&b, " Its default stands on line %d.", v.line(global))
	}
	return b.String()
}

// declared is the value that an ARG or ENV gives.
func (v *view) declared(u *symbols.Use) stage.Value {
	for _, p := range u.In.Pairs {
		if p.Key.Span() != u.Span {
			continue
		}
		if !p.HasValue {
			return v.globalValue(u.Name, u.In)
		}
		value := v.graph.Expand(u.In, p.Value.Value)
		if u.In.Name == "arg" {
			value.Is = min(value.Is, stage.Overridable)
		}
		return value
	}
	return stage.Value{}
}

// globalValue is what an ARG above the first FROM gives a name.
func (v *view) globalValue(name string, in *syntax.Instruction) stage.Value {
	if s := v.graph.Of(in); s != nil {
		return v.graph.Lookup(s.From, name)
	}
	return stage.Value{}
}

// reaches reports whether a value given at one instruction may hold at another:
// in the same stage, one below it, or among the global ARGs.
func (v *view) reaches(from, to *syntax.Instruction) bool {
	source, s := v.graph.Of(from), v.graph.Of(to)
	if s == nil || s.From == to {
		return source == nil
	}
	for ; s != nil; s = s.Parent {
		if s == source {
			return true
		}
	}
	return false
}

// globalOf returns the ARG above the first FROM that gives a stage's bare ARG its
// default.
func (v *view) globalOf(u *symbols.Use, from *syntax.Instruction) *syntax.Instruction {
	if from == nil || from.Name != "arg" || v.graph.Of(from) == nil {
		return nil
	}
	for _, p := range from.Pairs {
		if p.Key.Value == u.Name && p.HasValue {
			return nil
		}
	}
	for _, g := range slices.Backward(v.graph.Globals) {
		for _, p := range g.Pairs {
			if p.Key.Value == u.Name && p.HasValue {
				return g
			}
		}
	}
	return nil
}
