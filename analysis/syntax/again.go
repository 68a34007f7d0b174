package syntax

import (
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/shale-build/shale/analysis/source"
)

// again judges a text by an earlier one that it was edited from, which BuildKit takes as
// a whole and reads as we do. Its parser goes line by line, and between two instructions
// it keeps nothing but the escape character. So what it said of the instructions before
// and behind the edit holds as long as it reads what lies between, one instruction more
// on either side, as we do. It reports false where that is not so: then nothing is known.
func (j *judge) again() bool {
	old, d := j.earlier, j.doc
	if old == nil || !old.whole || old.Escape != d.Escape {
		return false
	}
	head, tail := common(old, d)
	n, m := len(old.Instructions), len(d.Instructions)
	from, to := max(head-1, 0), m-max(tail-1, 0)
	if from == 0 && to == m {
		return false
	}
	text, base := []string{j.prefix, d.Content[d.Instructions[from].Lines.Start:d.Instructions[to-1].Lines.End]}, j.starts[from]-2
	if from == 0 { // with what stands above it
		text, base = []string{d.Content[:d.Instructions[to-1].Lines.End]}, 0
	}
	if to == m {
		text[len(text)-1] += d.Content[d.Instructions[to-1].Lines.End:]
	}
	result, err := j.parse(text...)
	if err != nil {
		return false
	}
	j.compare(result, from, to, base)
	if !j.agree(result, from, to) {
		return false
	}
	j.kept = make([]*Instruction, m)
	keep := func(i int, o *Instruction) {
		j.kept[i] = o
		for at := d.Instructions[i]; at != nil; at = at.Sub {
			at.Faithful = true
		}
	}
	for i := range from {
		keep(i, old.Instructions[i])
	}
	for i := to; i < m; i++ {
		keep(i, old.Instructions[i-m+n])
	}
	return true
}

// agree reports whether BuildKit's parser reads the instructions from a up to b, and
// nothing else, as we do.
func (j *judge) agree(result *parser.Result, a, b int) bool {
	if len(result.AST.Children) != b-a {
		return false
	}
	for i := a; i < b; i++ {
		if j.nodes[i] == nil || !j.doc.Instructions[i].Faithful {
			return false
		}
	}
	return true
}

// common counts the instructions at the head of two texts up to whose ends the texts are
// the same, and those at the tail from whose beginnings on they are.
func common(a, b *Document) (head, tail int) {
	prefix, suffix := source.Common(a.Content, b.Content)
	n, m := len(a.Instructions), len(b.Instructions)
	for head < min(n, m) {
		x, y := a.Instructions[head].Lines, b.Instructions[head].Lines
		if x != y || x.End > prefix {
			break
		}
		head++
	}
	for tail < min(n, m)-head {
		x, y := a.Instructions[n-1-tail].Lines, b.Instructions[m-1-tail].Lines
		left := len(a.Content) - x.Start
		if x.Len() != y.Len() || left != len(b.Content)-y.Start || left > suffix {
			break
		}
		tail++
	}
	return head, tail
}
