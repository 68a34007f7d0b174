package validate

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// looksUp reports whether a command has apt remove or mark a package that may not be
// installed where it runs: one that is in no index apt does not know, and fails. before
// is what has run in the RUN.
func (d *deriver) looksUp(c *command, before ran) bool {
	for _, w := range c.aptOperands() {
		name, ok := literal(w)
		if !ok || !aptName.MatchString(name) || !d.installed(before, name) {
			return true
		}
	}
	return false
}

// aptName is a word that can only be the name of a package.
var aptName = lazyregexp.New(`^[a-z0-9]([a-z0-9.+-]*([a-z0-9]|\+\+))?$`)

// aptOperands are the words by which a command tells apt what to remove or to mark.
func (c *command) aptOperands() []shell.Word {
	v, at := c.verb()
	switch {
	case c.name == "apt-mark":
		if v == "minimize-manual" || strings.HasPrefix(v, "show") {
			return nil
		}
	case distributions["apt"][c.name] && removes[v]:
	default:
		return nil
	}
	var out []shell.Word
	for i := at + 1; i < len(c.words); i++ {
		text, _ := literal(c.words[i])
		switch {
		case programs[c.name].values[text]:
			i++
		case !strings.HasPrefix(text, "-"):
			out = append(out, c.words[i])
		}
	}
	return out
}

var removes = setOf("remove purge autoremove autopurge")

// ran is what of a RUN has run: a program up to a place, or nothing.
type ran struct {
	program *shell.Program
	to      int
}

// installed reports whether what ran before a command has certainly installed a package
// by its name, and has not removed it since, for all that is known.
func (d *deriver) installed(before ran, name string) bool {
	if adds, takes := d.leaves(before, name); adds || takes {
		return adds
	}
	for op := primary(d.op).Op; op != nil; op = primary(op).Op {
		if op.Exec == nil {
			if op.File == nil && len(op.Inputs) == 0 {
				return false // a base
			}
			continue
		}
		text, ok := readScript(op.Exec)
		if !ok {
			continue
		}
		if adds, takes := d.deriver(op, text).leaves(ran{d.library.parse(text, text.text), len(text.text)}, name); adds || takes {
			return adds
		}
	}
	return false
}

// leaves reports whether the last command that has to do with a package has certainly
// added it, or may have taken it away.
func (d *deriver) leaves(before ran, name string) (adds, takes bool) {
	p := before.program
	if p == nil || p.Err != nil {
		return false, false
	}
	for _, c := range slices.Backward(d.library.commands(p)) {
		if c.node.From >= before.to {
			continue
		}
		list, at, within := []command{c}, p.Root, false
		var q *shell.Program
		if q, within = d.inner(&c); within {
			list, at = d.library.commands(q), q.Root
		}
		for _, call := range slices.Backward(list) {
			adds, takes := call.onPackage(name)
			adds = adds && d.surely(p, c.node) && (!within || succeeded(at, call.node))
			if adds || takes {
				return adds, takes
			}
		}
	}
	return false, false
}

// onPackage reports whether a command has apt add a package, and whether it may have it,
// or dpkg, take it away.
func (c *command) onPackage(name string) (adds, takes bool) {
	v, _ := c.verb()
	operands := c.words[1:]
	says := func(is func(text string, known bool) bool) bool {
		return slices.ContainsFunc(operands, func(w shell.Word) bool { return is(literal(w)) })
	}
	switch {
	case c.name == "xargs":
		return false, says(func(text string, _ bool) bool { return distributions["apt"][text] || text == "dpkg" })
	case c.name == "dpkg":
		return false, c.takes("r P", "--remove --purge")
	case c.name == "apt-mark":
		return false, !strings.HasPrefix(v, "show") && v != "hold" && v != "unhold" && v != "manual"
	case !distributions["apt"][c.name] || c.simulates():
		return false, false
	case removes[v]:
		operands = c.aptOperands()
		return false, says(func(text string, known bool) bool { return !known || text == name || !aptName.MatchString(text) })
	case v != "install" && v != "reinstall" || c.takes("d", "--download-only"):
		return false, false
	}
	return slices.ContainsFunc(operands, func(w shell.Word) bool {
		text, known := literal(w)
		if !known {
			text = beginning(w)
		}
		text, _, version := strings.Cut(text, "=")
		text, _, release := strings.Cut(text, "/")
		return text == name && (known || version || release)
	}), says(func(text string, _ bool) bool { return text == name+"-" })
}

// emptied refuses what needs, behind a clean-up of the RUN before, what that deletes.
func (d *deriver) emptied(l, r *shell.Program) *Rejection {
	for _, k := range d.cleanups {
		if !strings.Contains(l.Text.String(), k.Command) {
			continue
		}
		for _, c := range d.library.commands(r) {
			c, _ := c.fed(r)
			if v, _ := c.verb(); fetches[k.Manager][v] && c.fills(k.Manager) && d.surely(r, c.node) {
				break
			}
			if why := d.needsFiles(&c, ran{l, l.Text.Len()}, k.Manager); why != "" {
				return reject("%s needs what the clean-up %q deletes", why, k.Command)
			}
		}
	}
	return nil
}

// needsFiles names a command of a RUN that needs a manager's files, or may. before is
// what has run in it.
func (d *deriver) needsFiles(c *command, before ran, manager string) string {
	if why := c.needsIndex(manager); why != "" {
		return why
	}
	if manager == "apt" && d.looksUp(c, before) {
		return c.name + ", which looks up the packages that it is told,"
	}
	return ""
}

// contents refuses to delete the lists of apt-file, which lie in apt's index: of an
// operation, or of one below it.
func (m *matcher) contents(s stop) *Rejection {
	if s.manager != "apt" {
		return nil
	}
	for op := s.op; op != nil; op = primary(op).Op {
		if op.Exec == nil {
			if op.File == nil && len(op.Inputs) == 0 {
				return nil // a base
			}
			continue
		}
		text, ok := readScript(op.Exec)
		runs := !ok && slices.ContainsFunc(op.Exec.Args, aptFile.MatchString)
		for _, c := range m.commandsOf(op) {
			runs = runs || c.name == "apt-file" || shells[c.name] && aptFile.MatchString(text.text)
		}
		if runs {
			return reject("%q runs apt-file, which keeps its lists where %s deletes them", op, s.what)
		}
	}
	return nil
}

var aptFile = lazyregexp.New(`\bapt-file\b`)

// simulates reports whether apt is told to do nothing.
func (c *command) simulates() bool {
	return c.takes("s", "--simulate --just-print --dry-run --recon --no-act --print-uris --help")
}
