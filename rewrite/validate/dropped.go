package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/shell"
)

// keptArchives is the option by which apt-get keeps its archives where no image deletes
// them.
const keptArchives = "Dir::Cache::Archives=keep"

// A gone is a piece of an old body that the new one lacks: a command with what connects
// it, or a word of one.
type gone struct {
	from, to int
	node     *shell.Node // the command
	word     *shell.Word // the word alone; nil for the whole command
	up       *shell.Node // what the command stands in
}

// longestGone is no less than the length of what one old body may have lost.
func (d *declared) longestGone() int {
	n := 0
	for _, text := range d.dropped {
		n += len(text) + 40
	}
	return n
}

// droppable lists by their beginnings the pieces that were declared to be gone.
func (d *deriver) droppable(p *shell.Program) map[int][]gone {
	out := map[int][]gone{}
	if len(d.dropped) == 0 || p.Err != nil || p.Root == nil {
		return out
	}
	walk(p.Root, func(n *shell.Node, above []*shell.Node) {
		if n.Kind != shell.Simple || len(above) == 0 {
			return
		}
		up := above[len(above)-1]
		if i := slices.Index(up.Children, n); i >= 0 && len(up.Children) > 1 && slices.Contains(d.dropped, p.Source(n.Range)) {
			g := gone{from: n.From, to: 0, node: n, up: up}
			if i > 0 {
				g.from, g.to = up.Children[i-1].To, n.To
			} else {
				g.to = up.Children[1].From
			}
			out[g.from] = append(out[g.from], g)
		}
		for i, w := range n.Words {
			if i > 0 && slices.Contains(d.dropped, p.Source(w.Range)) {
				g := gone{from: n.Words[i-1].To, to: w.To, node: n, word: &n.Words[i], up: up}
				out[g.from] = append(out[g.from], g)
			}
		}
	})
	return out
}

// cleanupDropped are the conditions of a clean-up that is gone. It deleted what lies in
// a declared mount and nothing else, could not fail, and the RUN ends as it did.
func (d *deriver) cleanupDropped(was string, g *gone) *Rejection {
	p := d.parse(was)
	text := brief(p.Source(g.node.Range))
	c := command{node: g.node, words: g.node.Words}
	c.strip(p)
	switch {
	case p.Ambiguous:
		return reject("sh and bash read %q as different programs", brief(was))
	case strings.Contains(was, "$?") || strings.Contains(was, "${?") || strings.Contains(was, "PIPESTATUS"):
		return reject("a command reads a status, perhaps that of %q", text)
	case len(g.node.Assigns)+len(g.node.Redirs) > 0 || g.node.Background:
		return reject("%q does more than clean up", text)
	}
	if g.word != nil {
		left := 0
		for _, w := range c.operands() {
			if w.Range != g.word.Range {
				left++
			}
		}
		if c.name != "rm" || left == 0 || !d.inMount(*g.word) {
			return reject("%q is no word of a clean-up of an added mount", p.Source(g.word.Range))
		}
		return nil
	}
	if why := d.emptiesOnlyMounts(c); why != "" {
		return reject("%q is no clean-up of an added mount: %s", text, why)
	}
	last := p.Root.Children[len(p.Root.Children)-1]
	switch {
	case g.up == p.Root && g.node != last:
		if !d.certainErrexit(p) {
			return reject("%q stands behind a \";\", which hides a failure before it", text)
		}
	case g.up == p.Root:
		if before := p.Root.Children[len(p.Root.Children)-2]; !d.certainErrexit(p) || before.Kind != shell.Simple {
			return reject("%q decides how the RUN ends", text)
		}
	case g.up == last && last.Kind == shell.And:
		// Left of "&&" errexit is ignored, which what is last now is no more.
		if !pure(p, last) {
			return reject("what stands before %q can go on after a failure", text)
		}
	default:
		return reject("%q stands in the midst of other commands", text)
	}
	return nil
}

// inMount reports whether a word names what lies in a declared mount of the RUN, all
// that is in it, or its folder.
func (d *deriver) inMount(w shell.Word) bool {
	at := d.place(w, true)
	if len(w.Parts) > 0 && !at.known {
		// ~/.npm and $HOME/.npm: that it is root's home is a condition of a mount there.
		first, rest := w.Parts[0], w
		rest.Parts = w.Parts[1:]
		text, ok := literal(rest)
		if home := first.Kind == shell.Tilde && first.Text == "~" || first.Kind == shell.Parameter && first.Plain && first.Text == "HOME" && !d.sets("HOME"); home && ok && strings.HasPrefix(text, "/") {
			at = place{path: path.Join("/root", text), known: true}
		}
	}
	return at.known && slices.ContainsFunc(d.op.Exec.Mounts, func(m compile.Mount) bool {
		return m.Type == "CACHE" && under(at.path, m.Dest) && slices.ContainsFunc(d.mounts, func(k change.MountAdded) bool { return isMount(m, k) })
	})
}

// emptiesOnlyMounts says what a command may do besides deleting what lies in declared
// mounts, which cannot fail.
func (d *deriver) emptiesOnlyMounts(c command) string {
	args, all := c.args()
	declared := func(dir string) bool {
		return slices.ContainsFunc(d.op.Exec.Mounts, func(m compile.Mount) bool {
			return m.Type == "CACHE" && m.Dest == dir && slices.ContainsFunc(d.mounts, func(k change.MountAdded) bool { return isMount(m, k) })
		})
	}
	switch v, _ := c.verb(); {
	case c.name == "rm":
		if !slices.ContainsFunc(args, func(a string) bool { return setOf("-rf -fr -Rf -fR -f --force")[a] }) {
			return "without -f it can fail"
		}
		for _, a := range args {
			if strings.HasPrefix(a, "-") && !setOf("-rf -fr -Rf -fR -r -R -f --force --recursive -rfv -v")[a] {
				return "it has the option " + a
			}
		}
		for _, w := range c.operands() {
			if !d.inMount(w) {
				return "it deletes something else"
			}
		}
		return ""
	case c.name == "apt-get" && (v == "clean" || v == "autoclean"):
		if all && len(args) <= 2 && !slices.ContainsFunc(args, func(a string) bool { return !setOf("clean autoclean -y -q -qq")[a] }) && declared("/var/cache/apt") {
			return ""
		}
	case c.name == "npm" && v == "cache" && declared("/root/.npm"):
		// Without --force later versions fail.
		if all && len(args) == 3 && c.has("--force", "-f") && slices.ContainsFunc(args, func(a string) bool { return setOf("clean clear rm")[a] }) {
			return ""
		}
	case c.name == "yarn" && all && slices.Equal(args, []string{"cache", "clean"}) && declared("/usr/local/share/.cache/yarn"):
		return ""
	}
	return "what else it does is not known"
}

// flagKeeps are the conditions of an option by which a call fills an added mount.
func (d *deriver) flagKeeps(c command, f change.Flag) *Rejection {
	args, all := c.args()
	if !all && c.has("-o", "--option") || c.has("-c", "--config-file") || slices.ContainsFunc(args, func(a string) bool { return strings.Contains(strings.ToLower(a), "dir") && strings.Contains(a, "::") }) {
		return reject("%s stands beside other settings of %q", f.Text, c.name)
	}
	for _, m := range d.op.Exec.Mounts {
		if m.Dest == f.Keeps && m.Type == "CACHE" && slices.ContainsFunc(d.mounts, func(k change.MountAdded) bool { return isMount(m, k) }) {
			return nil
		}
	}
	return reject("with %s packages ship, as there is no added mount at %s", f.Text, f.Keeps)
}
