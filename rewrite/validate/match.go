package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
)

// A matcher explains a new graph by an old one, from the image backwards: an
// operation is the old one on explained inputs, or one of the closed list of
// explanations accounts for it.
type matcher struct {
	*declared
	base    compile.Base
	old     *compile.Graph
	fresh   *compile.Graph
	memo    map[pair]*Rejection
	stopped []stop // where the new graph stops keeping files, to be checked at the end
	budget  int
}

type pair struct{ is, was string }

// maxSteps bounds the search over explanations of one graph.
const maxSteps = 200_000

func explain(was, is *compile.Graph, d *declared, base compile.Base) *Rejection {
	if was.Image != is.Image {
		return reject("the image config differs: %s", firstDifference(was.Image, is.Image))
	}
	if was.Root.Key() == is.Root.Key() {
		return nil
	}
	m := &matcher{declared: d, base: base, old: was, fresh: is, memo: map[pair]*Rejection{}, budget: maxSteps}
	if r := m.edge(is.Root, was.Root); r != nil {
		return r
	}
	return m.stops(is)
}

// edge explains one edge of the new graph by one of the old.
func (m *matcher) edge(is, was compile.Edge) *Rejection {
	if is.Key() == was.Key() {
		return nil
	}
	key := pair{is.Key(), was.Key()}
	if r, ok := m.memo[key]; ok {
		return r
	}
	if m.budget--; m.budget < 0 {
		return reject("the two builds differ too much to be compared")
	}
	r := m.explain(is, was)
	m.memo[key] = r
	return r
}

func (m *matcher) explain(is, was compile.Edge) *Rejection {
	if is.Op == nil || was.Op == nil {
		return reject("%s took the place of %s", is.Op, was.Op)
	}
	var best *Rejection
	keep := func(r *Rejection) {
		if best == nil || r != nil && !strings.HasPrefix(r.Reason, unexplained) && strings.HasPrefix(best.Reason, unexplained) {
			best = r
		}
	}
	for _, try := range []func(is, was compile.Edge) *Rejection{m.same, m.exec, m.split} {
		r := try(is, was)
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
func (m *matcher) same(is, was compile.Edge) *Rejection {
	if is.Output != was.Output || is.Op.Own != was.Op.Own || len(is.Op.Inputs) != len(was.Op.Inputs) {
		return reject("%sthat %q took the place of %q", unexplained, is.Op, was.Op)
	}
	for i := range is.Op.Inputs {
		if r := m.edge(is.Op.Inputs[i], was.Op.Inputs[i]); r != nil {
			return r
		}
	}
	return nil
}

// exec explains a RUN whose script is the old one, or the joined old ones, but
// for declared changes.
func (m *matcher) exec(is, was compile.Edge) *Rejection {
	fresh, old := is.Op.Exec, was.Op.Exec
	nothing := reject("%sthat %q took the place of %q", unexplained, is.Op, was.Op)
	if fresh == nil || old == nil {
		return nothing
	}
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
		return m.edge(root, from)
	}
	if !ok {
		return nothing
	}
	// The old RUNs that the new one may stand for, the last one first.
	best := nothing
	var olds []*script
	length, visible := 0, 0
	d := m.deriver(is.Op, text)
	for at := was; at.Op != nil && at.Op.Exec != nil; {
		x := at.Op.Exec
		s, ok := readScript(x)
		from, output := x.Root()
		if !ok || s.prefix() != text.prefix() || at.Output != output {
			break
		}
		if at.Op.Rest != was.Op.Rest || !sameMeta(x, old) || !sameMounts(x, old) {
			if m.joined && strings.HasPrefix(best.Reason, unexplained) {
				best = reject("%q did not run as %q did: %s", at.Op, was.Op, metaDifference(x, old))
			}
			break
		}
		olds = slices.Insert(olds, 0, s)
		length += len(s.text)
		if length > len(text.text)+40*len(olds) || len(olds) > 1 && !m.joined {
			break
		}
		// Too few of them to make up the text: blanks aside, wrappers are short.
		if visible += blankless(s.text) + d.longest([]*script{s}) - len(s.text) + 16; blankless(text.text) > visible+16 {
			at = from
			continue
		}
		r := d.derive(text.text, olds)
		if r == nil && len(olds) == 1 && !d.inserted {
			r = nothing // other blanks at the ends, and nothing that was declared
		}
		if r == nil && len(added) > 0 {
			r = m.mounted(is.Op, text, added)
		}
		if r == nil {
			m.stopped = append(m.stopped, d.stops...)
			return m.edge(root, from)
		}
		if !strings.HasPrefix(r.Reason, unexplained) {
			best = r
		}
		at = from
	}
	return best
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
