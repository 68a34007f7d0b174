package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

// A matcher explains a new graph by an old one, from the image backwards: an
// operation is the old one on explained inputs, or one of the closed list of
// explanations accounts for it.
type matcher struct {
	*declared
	library *library
	base    compile.Base
	old     *compile.Graph
	fresh   *compile.Graph
	memo    map[question]*Rejection
	stopped []stop // where the new graph stops keeping files, to be checked at the end
	budget  int
	meeting *meeting

	told   map[*compile.Op]*teller // what tellers found
	heard  map[hearing]string      // what noted found
	places map[*compile.Op]*linkPlaces
	beyond map[*compile.Op]bool // what outside found
	unused map[mountAt]*Rejection
	said   map[*lazyregexp.Regexp]*compile.Op // what saying found

	toStart map[*compile.Op][]string // what linkedToStart found
}

// A question is whether an edge of the new graph is one of the old.
type question struct{ is, was, late string }

// A meeting is a pair of edges that a larger explanation takes for the same while
// it looks at what lies on top of them. It goes on from there by itself.
type meeting struct {
	is, was string
	then    func(lates) *Rejection
}

// stand is what a guess at the old RUNs of a new one costs.
const stand = 10

// The search over explanations of one graph is bounded, by far more than a right
// rewrite needs: stepsEach for each operation.
const (
	maxSteps  = 200_000
	stepsEach = 200
)

func explain(was, is *compile.Graph, d *declared, base compile.Base, read *library) *Rejection {
	if was.Image != is.Image {
		return reject("the image config differs: %s", firstDifference(was.Image, is.Image))
	}
	if was.Root.Key() == is.Root.Key() {
		return nil
	}
	m := &matcher{declared: d, library: read, base: base, old: was, fresh: is, memo: map[question]*Rejection{}, budget: max(maxSteps, stepsEach*(len(was.Ops)+len(is.Ops)))}
	if r := m.edge(is.Root, was.Root, nil); r != nil {
		return r
	}
	return m.stops(is)
}

// edge explains one edge of the new graph by one of the old. p are the clean-ups
// that the old one lacks: those that ran later and have moved to below it.
func (m *matcher) edge(is, was compile.Edge, p lates) *Rejection {
	if m.meeting != nil && is.Key() == m.meeting.is && was.Key() == m.meeting.was {
		return m.meeting.then(p)
	}
	if is.Key() == was.Key() {
		return p.lost()
	}
	key := question{is.Key(), was.Key(), p.key()}
	if r, ok := m.memo[key]; ok {
		return r
	}
	if m.budget--; m.budget < 0 {
		return reject("the two builds differ too much to be compared")
	}
	r := m.explain(is, was, p)
	m.memo[key] = r
	return r
}

func (m *matcher) explain(is, was compile.Edge, p lates) *Rejection {
	if was.Op == nil {
		return reject("%s took the place of %s", is.Op, was.Op)
	}
	var best *Rejection
	keep := func(r *Rejection) {
		if best == nil || r != nil && !strings.HasPrefix(r.Reason, unexplained) && strings.HasPrefix(best.Reason, unexplained) {
			best = r
		}
	}
	for _, try := range []func(is, was compile.Edge, p lates) *Rejection{m.same, m.gone, m.exec, m.split, m.copyLater} {
		r := try(is, was, p)
		if r == nil {
			return nil
		}
		keep(r)
	}
	return best
}

// unexplained starts the reason of a difference that no declared change even
// resembles; any other reason says more.
const unexplained = "no declared change explains "

// same explains an operation that does what the old one did.
func (m *matcher) same(is, was compile.Edge, p lates) *Rejection {
	if is.Op == nil || is.Output != was.Output || is.Op.Own != was.Op.Own || len(is.Op.Inputs) != len(was.Op.Inputs) {
		return reject("%sthat %q took the place of %q", unexplained, is.Op, was.Op)
	}
	if r := m.passes(was, p); r != nil {
		return r
	}
	below := primary(was.Op).Key()
	if below == "" {
		if r := p.lost(); r != nil {
			return r
		}
	}
	first := true
	for i, old := range was.Op.Inputs {
		var q lates
		on := old.Key() == below
		if on {
			q = p
		}
		// A source of a copy may be equal to what it is copied to, and yet be kept as it was.
		if on && !first && len(p) > 0 && m.edge(is.Op.Inputs[i], old, nil) == nil {
			continue
		}
		if r := m.edge(is.Op.Inputs[i], old, q); r != nil {
			return r
		}
		first = first && !on
	}
	return nil
}

// exec explains a RUN whose script is the old one, or the joined old ones, but
// for declared changes.
func (m *matcher) exec(is, was compile.Edge, p lates) *Rejection {
	nothing := reject("%sthat %q took the place of %q", unexplained, is.Op, was.Op)
	if is.Op == nil || is.Op.Exec == nil || was.Op.Exec == nil {
		return nothing
	}
	fresh, old := is.Op.Exec, was.Op.Exec
	root, output := fresh.Root()
	if oldRoot, oldOutput := old.Root(); is.Output != output || was.Output != oldOutput || output != oldOutput {
		return reject("%sthat another result of %q is used", unexplained, oldRoot.Op)
	}
	if is.Op.Rest != was.Op.Rest || !sameMeta(fresh, old) {
		return reject("%q does not run as %q did: %s", is.Op, was.Op, metaDifference(fresh, old))
	}
	added, r := m.mountsAdded(is.Op, was.Op)
	if r != nil {
		return r
	}
	text, ok := readScript(fresh)
	from, _ := old.Root()
	if slices.Equal(fresh.Args, old.Args) {
		if len(added) > 0 {
			if r := m.mounted(is.Op, text, added); r != nil {
				return r
			}
		}
		for _, e := range []compile.Edge{is, was} {
			if r := m.passes(e, p); r != nil {
				return r
			}
		}
		return m.edge(root, from, p)
	}
	if !ok {
		return nothing
	}
	e := &execs{matcher: m, is: is.Op, was: was.Op, text: text, added: added, d: m.deriver(is.Op, text), best: nothing}
	if e.stand(standing{at: was, late: p}) {
		return nil
	}
	return e.best
}

// execs explains one new RUN by the old ones that it may stand for.
type execs struct {
	*matcher
	is, was *compile.Op // the new one, and the last old one
	text    *script
	added   []compile.Mount
	d       *deriver
	best    *Rejection
	certain bool // the best reason is about what lies below a RUN that is explained
}

func (e *execs) note(r *Rejection) {
	if !e.certain && r != nil && !strings.HasPrefix(r.Reason, unexplained) {
		e.best = r
	}
}

// A standing is a guess at which old RUNs the new one stands for, as far as it goes:
// the last ones first.
type standing struct {
	at      compile.Edge // the next old one
	olds    []*script    // bodies, in their order
	runs    int          // how many RUNs these are of
	length  int
	visible int
	late    lates // clean-ups that have moved to below at, or to its end
	moved   bool  // a clean-up was taken out of olds, or put among them
}

// stand goes on from a guess: with the next old RUN as it is, and without the
// clean-ups that may have moved out of it.
func (e *execs) stand(st standing) bool {
	if e.budget -= stand; e.budget < 0 || st.at.Op == nil || st.at.Op.Exec == nil {
		return false
	}
	s, ok := readScript(st.at.Op.Exec)
	root, output := st.at.Op.Exec.Root()
	if !ok || st.at.Output != output {
		return false
	}
	at := st.at.Op
	st.at = root
	ways, r := e.ways(at, s)
	e.note(r)
	for _, w := range ways {
		next := st
		next.late = slices.Concat(w.moved, st.late)
		next.moved = st.moved || len(w.moved) > 0
		if r := next.late.apart(len(w.moved)); r != nil {
			e.note(r)
			continue
		}
		if w.rest == nil {
			// What begins with a RUN that is gone is explained without it first.
			if len(st.olds) > 0 && e.stand(next) {
				return true
			}
			continue
		}
		if e.body(next, at, w, st.late) {
			return true
		}
	}
	return false
}

// body adds the body of an old RUN to a guess, with those of the clean-ups that
// moved to its end. movable are those that ran later.
func (e *execs) body(st standing, at *compile.Op, w way, movable lates) bool {
	if w.rest.prefix() != e.text.prefix() {
		return false
	}
	if at.Rest != e.was.Rest || !sameMeta(at.Exec, e.was.Exec) || !sameMounts(at.Exec, e.was.Exec) {
		if e.joined && strings.HasPrefix(e.best.Reason, unexplained) {
			e.best = reject("%q did not run as %q did: %s", at, e.was, metaDifference(at.Exec, e.was.Exec))
		}
		return false
	}
	st.runs++
	st.length += len(w.rest.text)
	// Too few of them to make up the text: blanks aside, wrappers are short.
	st.visible += blankless(w.rest.text) + e.d.longest([]*script{w.rest}) - len(w.rest.text) + 16
	movable = movable.in(e.text.text)
	for here := range movable.choices() {
		if len(here) > 0 {
			e.budget -= stand
		}
		next := st
		next.olds = slices.Insert(here.scripts(), 0, w.rest)
		next.olds = append(next.olds, st.olds...)
		for _, l := range here {
			next.length += len(l.script.text)
			next.visible += blankless(l.script.text) + 16
			next.moved = true
		}
		next.late = st.late.without(here)
		if next.length > len(e.text.text)+40*len(next.olds)+e.longestGone()*next.runs || next.runs > 1 && !e.joined {
			continue
		}
		if r := e.placed(at, w, here, next.late); r != nil {
			if len(here) > 0 || len(movable) == 0 {
				// Else it stands there, and why it may not says more.
				e.note(r)
			}
			continue
		}
		if blankless(e.text.text) <= next.visible+16 && e.explained(next) || e.stand(next) {
			return true
		}
	}
	return false
}

// explained reports whether the new RUN is what a guess says, and what it runs on
// is what the old ones ran on.
func (e *execs) explained(st standing) bool {
	d := e.d
	d.stops, d.inserted = nil, false
	r := d.derive(e.text.text, st.olds)
	if r == nil && len(st.olds) == 1 && !d.inserted && !st.moved {
		return false // other blanks at the ends, and nothing that was declared
	}
	if r == nil && len(e.added) > 0 {
		r = e.mounted(e.is, e.text, e.added)
	}
	if r != nil {
		e.note(r)
		return false
	}
	e.stopped = append(e.stopped, d.stops...)
	root, _ := e.is.Exec.Root()
	if r := e.edge(root, st.at, st.late); r != nil {
		e.best, e.certain = r, true
		return false
	}
	return true
}

func blankless(s string) int {
	return len(s) - strings.Count(s, " ") - strings.Count(s, "\t")
}

// sameMeta reports whether two execs run in the same way, but for their arguments
// and mounts.
func sameMeta(a, b *compile.Exec) bool {
	return a.Cwd == b.Cwd && a.User == b.User && a.Network == b.Network && slices.Equal(a.Env, b.Env)
}

// metaDifference tells how two execs differ that do not run in the same way.
func metaDifference(a, b *compile.Exec) string {
	switch {
	case a.Cwd != b.Cwd:
		return fmt.Sprintf("the folder is %s and was %s", a.Cwd, b.Cwd)
	case a.User != b.User:
		return fmt.Sprintf("the user is %q and was %q", a.User, b.User)
	case a.Network != b.Network:
		return fmt.Sprintf("the network is %s and was %s", a.Network, b.Network)
	case !slices.Equal(a.Env, b.Env):
		for i := range min(len(a.Env), len(b.Env)) {
			if a.Env[i] != b.Env[i] {
				return fmt.Sprintf("%q stands where %q stood", a.Env[i], b.Env[i])
			}
		}
		return fmt.Sprintf("the environment is %q and was %q", strings.Join(a.Env[min(len(a.Env), len(b.Env)):], " "), strings.Join(b.Env[min(len(a.Env), len(b.Env)):], " "))
	}
	return "its mounts, security, devices or limits differ"
}

// sameMounts reports whether two old RUNs have the same mounts, inputs included,
// but for their root.
func sameMounts(a, b *compile.Exec) bool {
	return slices.EqualFunc(a.Mounts, b.Mounts, func(x, y compile.Mount) bool {
		return x.Equal(y) && (x.Dest == "/" || x.Input.Key() == y.Input.Key())
	})
}

func firstDifference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	around := func(s string) string {
		return s[max(0, i-30):min(len(s), i+30)]
	}
	return fmt.Sprintf("%q was %q", around(b), around(a))
}
