package chain

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
)

// writesThroughLink reports whether a command may by a symbolic link write a file that
// decides how a RUN starts: one that the file itself makes to it, or to a folder above it,
// or one that may lie in a path which ends with its name.
func writesThroughLink(f *facts.File, r *facts.Run, c *facts.Command) bool {
	named, linked := startLinks(f, r), f.LinkedBelow(r.In)
	leads := func(text string) bool {
		return slices.ContainsFunc(named, func(link string) bool { return below(text, link) }) ||
			readByName[path.Base(text)] && path.IsAbs(text) && linked.Crosses(text)
	}
	fs := r.Files(c)
	if slices.ContainsFunc(slices.Concat(fs.Makes, fs.Changes, fs.Removes), func(p facts.Place) bool { return p.Literal() && leads(p.Path) }) {
		return true
	}
	words := []shell.Word{}
	if fs.Unknown && writes[c.Name] {
		words = append(words, c.Args...)
	}
	for _, redir := range c.Node.Redirs {
		if fs.Unknown && strings.Contains(redir.Op, ">") && redir.Op != ">&" {
			words = append(words, redir.Target)
		}
	}
	return slices.ContainsFunc(words, func(w shell.Word) bool { return leads(r.Spelled(c, w)) })
}

// readByName are the base names of such files, beside shells.
var readByName = map[string]bool{"passwd": true, "group": true, "ld.so.preload": true}

// startLinks lists the symbolic links, made in a RUN or before it, that lead to such a file
// or to a folder above one. What is put into a folder may be a link to it.
func startLinks(f *facts.File, r *facts.Run) []string {
	return facts.Once(f, startLinksOf{r}, func() []string {
		var out []string
		for s := r.Stage; s != nil; s = s.Parent {
			for _, before := range f.Runs(s) {
				if before.In.Index > r.In.Index || before.Opaque != "" {
					continue
				}
				for _, c := range before.Commands {
					if c.Name != "ln" || !slices.ContainsFunc(linkTargets(c), leadsToStart) {
						continue
					}
					fs := before.Files(c)
					if fs.Unknown || slices.ContainsFunc(fs.Makes, func(p facts.Place) bool { return !p.Literal() }) {
						out = append(out, "/")
					}
					for _, p := range fs.Makes {
						out = append(out, p.Path)
					}
				}
			}
		}
		return out
	})
}

type startLinksOf struct{ *facts.Run }

// linkTargets are the words of an ln that say where its links lead to.
func linkTargets(c *facts.Command) []shell.Word {
	operands, all := []shell.Word(nil), false
	for _, w := range c.Args {
		if s := facts.Shape(w); strings.HasPrefix(s, "-") {
			all = all || strings.Contains(s, "t") // into the folder that the option names
			continue
		}
		operands = append(operands, w)
	}
	if len(operands) > 1 && !all {
		operands = operands[:len(operands)-1]
	}
	return operands
}

// leadsToStart reports whether the target of a link is such a file or a folder above one. A
// relative one may begin anywhere.
func leadsToStart(w shell.Word) bool {
	text := facts.Shape(w)
	if strings.HasSuffix(text, "\x00") {
		return false
	}
	if !strings.HasPrefix(text, "/") {
		text = "\x00/" + text
	}
	return mayBeStart(facts.Cleaned(text), true)
}
