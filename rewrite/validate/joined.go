package validate

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// A deriver explains one new script by the old ones it may stand for.
type deriver struct {
	*matcher
	op     *compile.Op // the new RUN
	script *script
	parsed map[string]*shell.Program
	stops  []stop
	namer  *namer // of the script

	inserted bool // a flag or a clean-up was
}

func (m *matcher) deriver(op *compile.Op, s *script) *deriver {
	return &deriver{matcher: m, op: op, script: s, parsed: map[string]*shell.Program{}}
}

func (d *deriver) parse(text string) *shell.Program {
	p, ok := d.parsed[text]
	if !ok {
		p = d.library.parse(d.script, text)
		d.parsed[text] = p
	}
	return p
}

// derive explains text by the bodies of olds, in this order.
func (d *deriver) derive(text string, olds []*script) *Rejection {
	if d.budget--; d.budget < 0 {
		return reject("the two builds differ too much to be compared")
	}
	text = strings.Trim(text, " \t")
	var best *Rejection
	keep := func(r *Rejection) {
		if best == nil || !strings.HasPrefix(r.Reason, unexplained) {
			best = r
		}
	}
	if len(olds) == 1 {
		r := d.body(text, olds[0])
		if r == nil {
			return nil
		}
		keep(r)
	} else {
		for _, join := range []func(string, []*script) *Rejection{d.andList, d.errexitList, d.subshellList} {
			r := join(text, olds)
			if r == nil {
				return nil
			}
			keep(r)
		}
		r := d.cleanedJoin(text, olds)
		if r == nil {
			return nil
		}
		keep(r)
	}
	return best
}

var noJoin = reject("%sthe text of a joined RUN", unexplained)

// wrapping is more than what wraps and connects one body, indents included.
const wrapping = 200

// andList explains "A && B" and "( A ) && ( B )", and mixtures of them. The last
// old body is peeled off the right, the rest is explained in the same way.
func (d *deriver) andList(text string, olds []*script) *Rejection {
	p := d.parse(text)
	root := only(p)
	if root == nil || root.Kind != shell.And || root.Background {
		return noJoin
	}
	best := noJoin
	c := root.Children
	for t := len(c) - 1; t >= 1; t-- {
		right := text[c[t].From:]
		// A group is one element; without it no more than one body is peeled.
		inner, group := "", false
		if t == len(c)-1 {
			inner, group = unwrapped(right)
		}
		if !group && len(right) > d.longest(olds[len(olds)-1:]) {
			break
		}
		if strings.Trim(text[c[t-1].To:c[t].From], " \t") != "&&" {
			continue
		}
		left := text[:c[t-1].To]
		d.prefix(p, left, root, t)
		for i := len(olds) - 1; i >= 1; i-- {
			if !group && i < len(olds)-1 {
				break
			}
			if len(right) > d.longest(olds[i:])+wrapping*len(olds[i:]) {
				continue
			}
			r := d.part(right, inner, group, olds[i:])
			if r == nil {
				inner, group := unwrapped(left)
				r = d.part(left, inner, group, olds[:i])
			}
			if r == nil {
				r = d.andConditions(left, right, olds)
			}
			if r == nil {
				return nil
			}
			if !strings.HasPrefix(r.Reason, unexplained) {
				best = r
			}
		}
	}
	return best
}

// longest is no less than the longest text that bodies may have become, but for
// what joins them.
func (d *deriver) longest(olds []*script) int {
	n := 0
	for _, o := range olds {
		n += len(o.text)
		for _, k := range d.cleanups {
			n += (2 + strings.Count(o.text, ";")) * (len(k.Command) + 32)
		}
		for _, f := range d.flags {
			n += strings.Count(o.text, f.Verb) * (len(f.Text) + 1)
		}
	}
	return n
}

// prefix notes how the beginning of a text that is parsed reads: the first n
// elements of its list. It starts where the text does, so that all places hold.
func (d *deriver) prefix(p *shell.Program, left string, list *shell.Node, n int) {
	if _, ok := d.parsed[left]; ok {
		return
	}
	node := *list
	node.Children = list.Children[:n:n]
	node.To = len(left)
	root := &node
	if list != p.Root {
		root = &shell.Node{Kind: shell.List, Range: shell.Range{From: node.From, To: node.To}, Children: []*shell.Node{&node}}
		if n == 1 {
			root.Children = node.Children
		}
	}
	q := *p
	q.Text = p.Text.Slice(0, len(left))
	q.Root = root
	d.parsed[left] = &q
}

// part explains one side of a join, with or without a group around it.
func (d *deriver) part(text, inner string, group bool, olds []*script) *Rejection {
	r := d.derive(text, olds)
	if r == nil || !group {
		return r
	}
	if q := d.derive(inner, olds); q == nil || !strings.HasPrefix(q.Reason, unexplained) {
		return q
	}
	return r
}

// unwrapped returns what stands inside "( … )" or "{ …; }". Whether the two ends
// belong together the parsers of the whole and of the inside decide.
func unwrapped(text string) (string, bool) {
	text = strings.Trim(text, " \t")
	switch {
	case strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")"):
		return strings.Trim(text[1:len(text)-1], " \t"), true
	case strings.HasPrefix(text, "{ ") && strings.HasSuffix(text, "}"):
		inner := strings.Trim(text[1:len(text)-1], " \t")
		if strings.HasSuffix(inner, ";") && !strings.HasSuffix(inner, `\;`) && !strings.HasSuffix(inner, ";;") {
			return strings.TrimRight(strings.TrimSuffix(inner, ";"), " \t"), true
		}
	}
	return "", false
}

// andConditions are those of "left && right".
func (d *deriver) andConditions(left, right string, olds []*script) *Rejection {
	l, r := d.parse(left), d.parse(right)
	node := only(l)
	if node == nil || only(r) == nil {
		return reject("a joined RUN is not one list of commands")
	}
	for _, n := range append([]*shell.Node{node}, andChildren(node)...) {
		switch n.Kind {
		case shell.And, shell.Simple, shell.Pipe, shell.Subshell, shell.Block, shell.Declare:
		default:
			return reject("%q is joined without parentheses", brief(left[n.From:n.To]))
		}
	}
	if (d.script.errexit || setsErrexit(l.Root)) && !pure(l, node) {
		return reject("errexit is ignored left of &&, and %q can go on after a failure", brief(left))
	}
	if why := leaks(l, node); why != "" {
		return reject("%s leaks into the commands joined after it", why)
	}
	return d.together(l, r, olds, true)
}

func andChildren(n *shell.Node) []*shell.Node {
	if n.Kind == shell.And {
		return n.Children
	}
	return nil
}

// errexitList explains "set -e…; A; B", where both bodies begin with the same
// "set -e…". Each statement then stands where it stood, under the same options.
func (d *deriver) errexitList(text string, olds []*script) *Rejection {
	p := d.parse(text)
	if p.Err != nil || p.Root == nil || len(p.Root.Children) < 2 {
		return noJoin
	}
	last := olds[len(olds)-1].trimmed()
	set, rest, ok := opening(d.parse(last), last)
	if !ok && olds[len(olds)-1].cleanup {
		// One that moved needs no options of its own: a command whose words are
		// literal does the same under any of these, and is the last to fail.
		set, _, ok = opening(p, text)
		rest = last
	}
	if !ok {
		return noJoin
	}
	best := noJoin
	body := *olds[len(olds)-1]
	without := body
	without.text = rest
	c := p.Root.Children
	for t := len(c) - 1; t >= 1; t-- {
		left, right := text[:c[t-1].To], text[c[t].From:]
		if len(right) > d.longest([]*script{&body}) {
			break
		}
		if strings.Trim(text[c[t-1].To:c[t].From], " \t") != ";" {
			continue
		}
		r := d.derive(right, []*script{&body})
		if r != nil {
			r = d.derive(right, []*script{&without})
		}
		if r == nil {
			d.prefix(p, left, p.Root, t)
			r = d.derive(left, olds[:len(olds)-1])
		}
		if r == nil {
			r = d.errexitConditions(left, right, set, olds)
		}
		if r == nil {
			return nil
		}
		if !strings.HasPrefix(r.Reason, unexplained) {
			best = r
		}
	}
	return best
}

// opening reads the "set -e…;" that a body begins with.
func opening(p *shell.Program, text string) (set, rest string, ok bool) {
	if p.Err != nil || p.Root == nil || len(p.Root.Children) < 2 {
		return "", "", false
	}
	first, second := p.Root.Children[0], p.Root.Children[1]
	set = text[first.From:first.To]
	if first.Background || !setErrexit.MatchString(set) || strings.Trim(text[first.To:second.From], " \t") != ";" {
		return "", "", false
	}
	return set, text[second.From:], true
}

var setErrexit = lazyregexp.New(`^set( +-[eux]+| +-[ux]*e[ux]*o pipefail| +-o (errexit|pipefail|nounset|xtrace))+$`)

func (d *deriver) errexitConditions(left, right, set string, olds []*script) *Rejection {
	l, r := d.parse(left), d.parse(right)
	own, _, ok := opening(l, left)
	if !ok || own != set || !setsErrexit(l.Root.Children[0]) {
		return reject("the joined RUNs do not begin with the same set -e")
	}
	statements := l.Root.Children[1:]
	for i, n := range statements {
		if i > 0 && left[n.From:n.To] == set {
			continue // kept from an earlier join
		}
		if why := leaks(l, n); why != "" {
			return reject("%s leaks into the commands joined after it", why)
		}
		if setsErrexit(n) {
			return reject("%q changes the options of the commands joined after it", brief(left[n.From:n.To]))
		}
	}
	switch n := statements[len(statements)-1]; {
	case n.Background, n.Kind == shell.Pipe && !pure(l, n), n.Kind != shell.Simple && n.Kind != shell.Pipe:
		return reject("a failure of %q would no longer end the RUN", brief(left[n.From:n.To]))
	}
	return d.together(l, r, olds, true)
}

// subshellList explains "( A ); ( B )" under -e and "set -e; ( set +e; A ); ( set
// +e; B )" without.
func (d *deriver) subshellList(text string, olds []*script) *Rejection {
	p := d.parse(text)
	if p.Err != nil || p.Root == nil {
		return noJoin
	}
	c := p.Root.Children
	head := "set +e;"
	switch {
	case d.script.errexit:
		head = ""
	case len(c) < 1 || text[c[0].From:c[0].To] != "set -e":
		return noJoin
	default:
		c = c[1:]
	}
	if len(c) != len(olds) {
		return noJoin
	}
	for i, n := range c {
		inner, ok := unwrapped(text[n.From:n.To])
		if !ok || n.Kind != shell.Subshell || n.Background || len(n.Redirs) > 0 {
			return noJoin
		}
		inner, ok = strings.CutPrefix(inner, head)
		if !ok {
			return noJoin
		}
		if r := d.derive(inner, olds[i:i+1]); r != nil {
			return r
		}
		end := len(text)
		if i+1 < len(c) {
			end = c[i+1].From
		}
		if between := strings.Trim(text[n.To:end], " \t"); between != ";" && (i+1 < len(c) || between != "") {
			return noJoin
		}
	}
	for i := 1; i < len(olds); i++ {
		l, r := d.parse(text[c[i-1].From:c[i-1].To]), d.parse(text[c[i].From:c[i].To])
		for _, earlier := range c[:i-1] {
			if why := d.together(d.parse(text[earlier.From:earlier.To]), r, olds, false); why != nil {
				return why
			}
		}
		if why := d.together(l, r, olds, false); why != nil {
			return why
		}
	}
	return nil
}

// cleanedJoin explains a clean-up at the end of what several RUNs became.
func (d *deriver) cleanedJoin(text string, olds []*script) *Rejection {
	for _, k := range d.cleanups {
		rest, ok := strings.CutSuffix(text, k.Command)
		if !ok {
			continue
		}
		head := strings.TrimRight(rest, " \t")
		prefix := ""
		for _, try := range prefixes {
			if h, ok := strings.CutSuffix(rest, try+" "); ok {
				head, prefix = strings.TrimRight(h, " \t"), try+" "
			}
		}
		head, ok = strings.CutSuffix(head, "&&")
		if !ok {
			continue
		}
		head = strings.TrimRight(head, " \t")
		if r := d.derive(head, olds); r != nil {
			return r
		}
		return d.cleanedAtEnd(head, text, k, prefix)
	}
	return noJoin
}

func setOf(list string) map[string]bool {
	out := map[string]bool{}
	for _, s := range strings.Fields(list) {
		out[s] = true
	}
	return out
}

// maxJoined keeps a joined script well below the 128 KiB that one argument holds.
const maxJoined = 100 << 10

// together are the conditions that hold for any form of join: what the shell and
// the layers would have told apart. same says that one shell runs both.
func (d *deriver) together(l, r *shell.Program, olds []*script, same bool) *Rejection {
	s := d.script
	switch {
	case len(s.text) >= maxJoined:
		return reject("the joined text is longer than 100 KiB")
	case slices.ContainsFunc(olds, func(o *script) bool { return strings.Contains(o.text, "\n") }):
		return reject("a RUN with a here-document is never joined")
	}
	if r := d.startUp(); r != nil {
		return r
	}
	for _, m := range d.op.Exec.Mounts {
		if m.Type == "TMPFS" || m.Type == "BIND" && m.Dest != "/" && !m.ReadOnly {
			return reject("the mount at %s is fresh in every RUN", m.Dest)
		}
	}
	for _, p := range []*shell.Program{l, r} {
		switch text := p.Text.String(); {
		case p.Err != nil:
			return reject("%q does not parse: %v", brief(text), p.Err)
		case p.Ambiguous:
			return reject("sh and bash read %q as different programs", brief(text))
		case len(p.Comments) > 0:
			return reject("a shell comment in %q would hide what is joined after it", brief(text))
		case perRun(text):
			return reject("%q touches /dev, /proc or /sys, which are fresh in every RUN", brief(text))
		}
		if what := d.leadsToFresh(p); what != "" {
			return reject("%s may lead to /dev, /proc or /sys, which are fresh in every RUN", what)
		}
	}
	if why := d.emptied(l, r); why != nil {
		return why
	}
	return d.commandsTogether(l, r, same)
}

// startUp refuses a shell that reads files before the script.
func (d *deriver) startUp() *Rejection {
	if d.script.startup {
		return reject("the SHELL reads start-up files once in every RUN")
	}
	for _, name := range []string{"BASH_ENV", "SHELLOPTS", "BASHOPTS"} {
		does := "which sets options of bash"
		if name == "BASH_ENV" {
			does = "whose file bash reads once in every RUN"
		}
		if v, ok := d.op.Exec.Getenv(name); ok && v != "" {
			return reject("%s is set, %s", name, does)
		} else if !ok && d.script.dialect == shell.Bash && d.base == compile.Bare && d.outside(d.op) {
			return reject("the base may set %s, %s", name, does)
		}
	}
	return nil
}

func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 50 {
		return string(r[:47]) + "..."
	}
	return s
}
