package rewrite

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// Diff returns the unified diff that turns before into after, or "" when they are
// equal. git apply and patch take it. Names are paths relative to the folder it
// will be applied in; "" is a file that does not exist. It has no "diff --git"
// line, whose paths git would look for from the repository's root.
func Diff(oldName, newName, before, after string) string {
	if before == after {
		return ""
	}
	a, b := splitLines(before), splitLines(after)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", fileName("a/", oldName), fileName("b/", newName))
	for _, h := range hunks(diffLines(a, b)) {
		h.write(&out, a, b)
	}
	return out.String()
}

// A LineChange says that the lines FromA to ToA of one text became the lines FromB to
// ToB of another; lines count from 0, and the end is one past the last.
type LineChange struct{ FromA, ToA, FromB, ToB int }

// LineChanges returns where after differs from before, in order; what stands between
// two changes is equal.
func LineChanges(before, after string) []LineChange {
	var out []LineChange
	for _, s := range diffLines(splitLines(before), splitLines(after)) {
		out = append(out, LineChange{s.fromA, s.toA, s.fromB, s.toB})
	}
	return out
}

// contextLines is how many unchanged lines a hunk shows on each side.
const contextLines = 3

// splitLines cuts after each "\n", as git counts lines; a "\r" stays with its line.
func splitLines(s string) []string {
	return slices.Collect(strings.Lines(s))
}

// fileName writes a name as git does: quoted if it has special bytes, and with a
// tab after it if it has blanks, for patch takes what follows a blank for a date.
func fileName(prefix, name string) string {
	if name == "" {
		return "/dev/null"
	}
	name = prefix + filepath.ToSlash(name)
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= 0x7F }) {
		return quote(name)
	}
	if strings.Contains(name, " ") {
		return name + "\t"
	}
	return name
}

// quote writes a name in C's way, every byte above ASCII as an octal escape.
func quote(name string) string {
	letters := map[byte]string{
		'\a': `\a`, '\b': `\b`, '\t': `\t`, '\n': `\n`, '\v': `\v`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`,
	}
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(name) {
		c := name[i]
		switch letter, ok := letters[c]; {
		case ok:
			out.WriteString(letter)
		case c < ' ' || c >= 0x7F:
			fmt.Fprintf(&out, `\%03o`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// A stretch says that the lines a[fromA:toA] became b[fromB:toB]. A diff is the
// list of its stretches, in order; what stands between two of them is equal.
type stretch struct {
	fromA, toA, fromB, toB int
}

// Beyond linesAtOnce lines, texts are first cut at lines that both have once, so
// that the cost of Myers' algorithm, which is quadratic at worst, stays bounded.
// It is also far below the number of lines that go-diff can name with a rune.
const (
	linesAtOnce = 4096
	cutsAtMost  = 8 // levels of cutting
)

// diffLines returns where b differs from a.
func diffLines(a, b []string) []stretch {
	var d differ
	d.diff(a, b, 0, 0, cutsAtMost)
	return d.found
}

type differ struct {
	found []stretch
}

func (d *differ) add(s stretch) {
	if s.fromA == s.toA && s.fromB == s.toB {
		return
	}
	if n := len(d.found); n > 0 && d.found[n-1].toA == s.fromA && d.found[n-1].toB == s.fromB {
		d.found[n-1].toA, d.found[n-1].toB = s.toA, s.toB
		return
	}
	d.found = append(d.found, s)
}

// diff finds the stretches of a and b, which start at the lines atA and atB.
func (d *differ) diff(a, b []string, atA, atB, cuts int) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b, atA, atB = a[1:], b[1:], atA+1, atB+1
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 0 || len(b) == 0 {
		d.add(stretch{atA, atA + len(a), atB, atB + len(b)})
		return
	}
	if len(a)+len(b) <= linesAtOnce {
		d.myers(a, b, atA, atB)
		return
	}
	var common []pair
	if cuts > 0 {
		common = anchors(a, b)
	}
	if len(common) == 0 {
		d.add(stretch{atA, atA + len(a), atB, atB + len(b)})
		return
	}
	fromA, fromB := 0, 0
	for _, p := range append(common, pair{len(a), len(b)}) {
		d.diff(a[fromA:p.a], b[fromB:p.b], atA+fromA, atB+fromB, cuts-1)
		fromA, fromB = p.a, p.b // the anchor itself is the next part's common head
	}
}

// myers lets go-diff compare, a rune for each line.
func (d *differ) myers(a, b []string, atA, atB int) {
	dmp := diffmatchpatch.New()
	dmp.DiffTimeout = 0 // the same diff on every machine
	runesA, runesB, _ := dmp.DiffLinesToRunes(strings.Join(a, ""), strings.Join(b, ""))
	for _, part := range dmp.DiffMainRunes(runesA, runesB, false) {
		n := utf8.RuneCountInString(part.Text)
		switch part.Type {
		case diffmatchpatch.DiffEqual:
			atA, atB = atA+n, atB+n
		case diffmatchpatch.DiffDelete:
			d.add(stretch{atA, atA + n, atB, atB})
			atA += n
		case diffmatchpatch.DiffInsert:
			d.add(stretch{atA, atA, atB, atB + n})
			atB += n
		}
	}
}

// A pair is a line of a and the same line of b.
type pair struct{ a, b int }

// anchors returns lines that stand once in a and once in b, as many as keep
// their order in both.
func anchors(a, b []string) []pair {
	type places struct{ inA, inB, a, b int }
	seen := make(map[string]*places, len(a))
	for i, line := range a {
		p := seen[line]
		if p == nil {
			p = &places{}
			seen[line] = p
		}
		p.inA, p.a = p.inA+1, i
	}
	for i, line := range b {
		if p := seen[line]; p != nil {
			p.inB, p.b = p.inB+1, i
		}
	}
	var both []pair
	for i, line := range a {
		if p := seen[line]; p.inA == 1 && p.inB == 1 {
			both = append(both, pair{i, p.b})
		}
	}
	// The longest run of both that ascends in b too: last[n] is the pair with the
	// least b that ends such a run of n+1 pairs.
	var last []int
	before := make([]int, len(both))
	for i, p := range both {
		n, _ := slices.BinarySearchFunc(last, p.b, func(j, b int) int { return both[j].b - b })
		before[i] = -1
		if n > 0 {
			before[i] = last[n-1]
		}
		if n == len(last) {
			last = append(last, i)
		} else {
			last[n] = i
		}
	}
	if len(last) == 0 {
		return nil
	}
	var out []pair
	for i := last[len(last)-1]; i >= 0; i = before[i] {
		out = append(out, both[i])
	}
	slices.Reverse(out)
	return out
}

// A hunk is a group of stretches with few unchanged lines between them.
type hunk struct {
	stretches []stretch
}

func hunks(all []stretch) []hunk {
	var out []hunk
	for i, s := range all {
		if i == 0 || s.fromA-all[i-1].toA > 2*contextLines {
			out = append(out, hunk{})
		}
		h := &out[len(out)-1]
		h.stretches = append(h.stretches, s)
	}
	return out
}

func (h hunk) write(out *strings.Builder, a, b []string) {
	first, last := h.stretches[0], h.stretches[len(h.stretches)-1]
	head := min(contextLines, first.fromA)
	tail := min(contextLines, len(a)-last.toA)
	fmt.Fprintf(out, "@@ -%s +%s @@\n",
		lineRange(first.fromA-head, last.toA+tail), lineRange(first.fromB-head, last.toB+tail))
	at := first.fromA - head
	for _, s := range h.stretches {
		writeLines(out, ' ', a[at:s.fromA])
		writeLines(out, '-', a[s.fromA:s.toA])
		writeLines(out, '+', b[s.fromB:s.toB])
		at = s.toA
	}
	writeLines(out, ' ', a[at:last.toA+tail])
}

// lineRange writes the lines [from, to) as "first,count"; an empty range names
// the line before it.
func lineRange(from, to int) string {
	switch to - from {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return fmt.Sprint(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func writeLines(out *strings.Builder, mark byte, lines []string) {
	for _, line := range lines {
		out.WriteByte(mark)
		out.WriteString(line)
		if !strings.HasSuffix(line, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
