package facts

import (
	"path"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// A builder mounts /dev, /proc and /sys anew for every RUN: what one leaves there
// the next one does not find.

// fresh finds a path below one of them in a text.
var fresh = lazyregexp.New(`(?:^|[^\w./-])/+(?:proc|sys|dev)(?:/+[\w.]*)?(?:[^\w.-]|$)`)

// devices have no state that one RUN could leave to another.
var devices = lazyregexp.New(`/+dev/+(?:null|zero|full|random|urandom|stdin|stdout|stderr|fd)(?:[^\w.-]|$)`)

func freshIn(text string) bool {
	return fresh.MatchString(devices.ReplaceAllString(text, " "))
}

// PerRun names what leads a RUN to files that are made anew for every RUN: a path, a
// variable, or its folder; "" where nothing does.
func (f *File) PerRun(r *Run) string {
	if r.Program == nil {
		return ""
	}
	g := f.Stages()
	if dir := g.Workdir(r.In).Text; freshIn(dir) {
		return "WORKDIR " + dir
	}
	if name, found := g.AnySet(r.In, func(name string) bool { return freshIn(g.Lookup(r.In, name).Text) }); found {
		return "$" + name
	}
	if freshIn(r.Program.Text.String()) {
		return "its text"
	}
	plain := f.plainBase(r.Stage) || !r.Stage.External()
	found := ""
	r.Program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
		words := n.Words
		if name := commandName(n); name == "echo" || name == "printf" {
			words = nil // what is said is no path
		}
		for _, redir := range n.Redirs {
			if !redir.Heredoc {
				words = append(words[:len(words):len(words)], redir.Target)
			}
		}
		for _, w := range words {
			if found == "" && f.leadsAway(r, n, w, plain) {
				found = r.Program.Source(w.Range)
			}
		}
		return true
	})
	return found
}

func commandName(n *shell.Node) string {
	if n.Kind != shell.Simple || len(n.Words) == 0 {
		return ""
	}
	name, _ := n.Words[0].Literal()
	return name
}

// leadsAway reports whether a word may name a place below /dev, /proc or /sys, from
// any folder that the RUN may be in. A variable at its beginning may, if an image of
// which nothing is known sets it.
func (f *File) leadsAway(r *Run, n *shell.Node, w shell.Word, plain bool) bool {
	dirs := map[string]bool{"/": true}
	if dir := r.dir(n); dir != "" {
		dirs = map[string]bool{dir: true}
	} else {
		for _, dir := range r.dirs {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		p, ok := namer{dir: dir, value: r.value}.place(w, false)
		if ok && freshIn(path.Join(p.Path, p.Pattern)) {
			return true
		}
		name, _, variable := strings.Cut(strings.TrimPrefix(p.Path, "${"), "}")
		if ok && !p.Sure && variable && !plain && !f.Stages().SetInFile(r.In, name) {
			return true
		}
	}
	return false
}
