package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// keptThere names what may have npm install into a folder that is mounted, where what it
// installs would be lost: its prefix, the folder in force, or a command that it fetches
// to run.
func (d *deriver) keptThere(list []command, dest string) string {
	x := d.op.Exec
	at := func(text, from string) bool { return mayLieIn(text, from, dest) }
	for _, pair := range x.Env {
		if name, value, _ := strings.Cut(pair, "="); setsNpmPrefix(name) && at(value, x.Cwd) {
			return name
		}
	}
	n := d.library.namer(x, d.parse(d.script.text))
	given := func(name string, w shell.Word) bool {
		text, _ := n.text(w)
		return setsNpmPrefix(name) && at(text, x.Cwd)
	}
	for name, words := range n.values {
		if slices.ContainsFunc(words, func(w shell.Word) bool { return given(name, w) }) {
			return name
		}
	}
	for _, c := range list {
		if slices.ContainsFunc(c.node.Redirs, func(r shell.Redir) bool {
			text, _ := n.text(r.Target)
			if len(r.Target.Parts) > 0 && r.Target.Parts[0].Kind == shell.Tilde {
				text = "~" + strings.TrimLeft(text, "\x00")
			}
			return strings.Contains(r.Op, ">") && !strings.Contains(text, "\x00") && at(text, x.Cwd)
		}) {
			return "a redirection"
		}
		if c.name != "npm" {
			continue
		}
		if v, _ := c.verb(); v == "exec" || v == "x" || setOf("init create innit")[v] && len(c.operands()) > 1 {
			return "npm " + v
		}
		if n.lost || slices.ContainsFunc(n.dirs, func(dir string) bool { return at(dir, "/") }) {
			return "npm in " + x.Cwd
		}
		for i, w := range c.words {
			text, _ := n.text(w)
			value, joined := strings.CutPrefix(text, "--prefix=")
			if (text == "--prefix" || text == "-C") && i+1 < len(c.words) {
				value, _ = n.text(c.words[i+1])
				joined = true
			}
			if joined && slices.ContainsFunc(n.dirs, func(dir string) bool { return at(value, dir) }) {
				return text
			}
		}
	}
	for op := d.op; op != nil; op = primary(op).Op {
		if op.Exec != nil && slices.ContainsFunc(op.Exec.Args, func(text string) bool { return setsPrefix(text, op.Exec, dest) }) {
			return op.String()
		}
		if op.Exec == nil && op.File == nil && len(op.Inputs) == 0 {
			break // a base
		}
	}
	return ""
}

// setsPrefix reports whether a text sets npm's prefix to a folder in one, or to an unknown one.
func setsPrefix(text string, x *compile.Exec, dest string) bool {
	return slices.ContainsFunc(prefixSet.FindAllStringSubmatch(text, -1), func(m []string) bool { return mayLieIn(m[1], x.Cwd, dest) })
}

// mayLieIn reports whether a path, seen from a folder, may lie in another.
func mayLieIn(text, from, dest string) bool {
	for _, home := range []string{"~", "$HOME", "${HOME}"} {
		if rest, ok := strings.CutPrefix(text, home); ok {
			text = path.Dir(dest) + rest
		}
	}
	if !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "\x00") && !strings.HasPrefix(text, "$") {
		text = path.Join("/", from, text)
	}
	if i := strings.IndexAny(text, "$\x00\x01"); i >= 0 {
		return strings.HasPrefix(dest, text[:i]) || strings.HasPrefix(text[:i], dest+"/")
	}
	return under(path.Clean(text), dest)
}

// prefixSet is a setting of npm's prefix, as a script has it.
var prefixSet = lazyregexp.New(`\bprefix[\s=]+["']?([^\s"';&|]+)`)

// setsNpmPrefix reports whether a variable is npm's prefix.
func setsNpmPrefix(name string) bool {
	return strings.EqualFold(name, "npm_config_prefix") || name == "PREFIX"
}
