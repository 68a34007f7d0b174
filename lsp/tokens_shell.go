package lsp

import (
	"strings"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/symbols"
)

// program colours a shell program. Variables come after it.
func (p *painter) program(program symbols.Program) {
	program.Walk(func(n *shell.Node, _ shell.Context) bool {
		p.gaps(program, n)
		for _, a := range n.Assigns {
			p.shell(program, shell.Range{From: a.From, To: a.From + len(a.Name)}, variablePaint|declares)
			p.shellWord(program, a.Value, stringPaint)
			for _, e := range a.Elems {
				p.shellWord(program, e, stringPaint)
			}
		}
		head := -1
		if inv, ok := n.Invocation(); ok {
			head = inv.Program.From
		}
		for i, w := range n.Words {
			c := plain
			switch {
			case n.Kind == shell.Declare && i == 0, n.Kind == shell.Simple && w.From < head:
				c = keywordPaint
			case n.Kind == shell.Simple && (w.From == head || i == 0 && head < 0):
				c = functionPaint
			case n.Kind == shell.Simple && strings.HasPrefix(program.Source(w.Range), "-"):
				c = parameterPaint
			}
			p.shellWord(program, w, c)
		}
		for _, r := range n.Redirs {
			p.shell(program, r.Range, operatorPaint)
			p.shellWord(program, r.Target, stringPaint)
			if r.Heredoc {
				p.shell(program, r.Target.Range, operatorPaint)
				p.shellWord(program, r.Body, stringPaint)
			}
		}
		if n.Kind == shell.Function {
			p.shell(program, shell.Range{From: n.From, To: n.From + len(n.Name)}, functionPaint|declares)
		}
		return true
	})
	for _, c := range program.Comments {
		p.shell(program, c, commentPaint)
	}
}

func (p *painter) shell(program symbols.Program, r shell.Range, c paint) {
	if 0 <= r.From && r.From < r.To && r.To <= program.Text.Len() {
		p.text(program.Text, r.From, r.To, c)
	}
}

// shellWord colours a word and what stands in it: quoted parts are strings.
func (p *painter) shellWord(program symbols.Program, w shell.Word, c paint) {
	if c != plain {
		p.shell(program, w.Range, c)
	}
	for _, part := range w.Parts {
		switch part.Kind {
		case shell.Literal:
			if part.Quoted {
				p.shell(program, part.Range, stringPaint)
			}
		case shell.Parameter:
			p.shell(program, part.Range, operatorPaint)
		case shell.Command, shell.Process, shell.Expr:
			p.shell(program, part.Range, plain)
			p.shell(program, shell.Range{From: part.From, To: part.From + 1}, operatorPaint)
			p.shell(program, shell.Range{From: part.To - 1, To: part.To}, operatorPaint)
		}
		for _, inner := range part.Words {
			p.shellWord(program, inner, plain)
		}
	}
}

var reserved = map[string]bool{
	"if": true, "then": true, "elif": true, "else": true, "fi": true, "for": true, "in": true, "while": true, "until": true, "do": true, "done": true,
	"case": true, "esac": true, "select": true, "function": true, "time": true, "coproc": true, "export": true, "readonly": true, "local": true, "declare": true, "typeset": true, "let": true,
}

// gaps colours what stands between the parts of a node: operators and the shell's
// own words.
func (p *painter) gaps(program symbols.Program, n *shell.Node) {
	at := n.From
	for _, child := range append(n.Children, &shell.Node{Range: shell.Range{From: n.To, To: n.To}}) {
		if child.From > at {
			p.gap(program, at, child.From)
		}
		at = max(at, child.To)
	}
}

func (p *painter) gap(program symbols.Program, from, to int) {
	text := program.Text.String()
	for at := from; at < to; {
		switch c := text[at]; {
		case 'a' <= c && c <= 'z':
			end := at
			for end < to && 'a' <= text[end] && text[end] <= 'z' {
				end++
			}
			if reserved[text[at:end]] {
				p.shell(program, shell.Range{From: at, To: end}, keywordPaint)
			}
			at = end
		case strings.IndexByte("&|;(){}!<>=", c) >= 0:
			p.shell(program, shell.Range{From: at, To: at + 1}, operatorPaint)
			at++
		default:
			at++
		}
	}
}
