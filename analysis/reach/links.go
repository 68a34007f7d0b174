package reach

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
)

// linksInto reports whether a command is an ln by which a path elsewhere may lead into a
// folder, or one in the folder elsewhere. Where it cannot be told, it may.
//
// ln looks up its words from where it runs, but what a symbolic link says is looked up from
// where that is.
func linksInto(f *facts.File, r *facts.Run, c *facts.Command, at string) bool {
	if c.Name != "ln" {
		return false
	}
	dir := r.Dir(c)
	var words []string
	symbolic, odd := false, false
	for _, w := range c.Args {
		text := spelled(f, r, dir, w)
		long := strings.HasPrefix(text, "--")
		if !strings.HasPrefix(text, "-") {
			words = append(words, text)
			continue
		}
		symbolic = symbolic || text == "--symbolic" || !long && strings.Contains(text, "s")
		odd = odd || strings.HasPrefix(text, "--r") || strings.HasPrefix(text, "--t") || !long && strings.ContainsAny(text, "rt")
		if _, value, ok := strings.Cut(text, "="); ok {
			words = append(words, value)
		}
	}
	if len(words) == 0 {
		return true
	}
	links, targets := words, words // of --target-directory any may be the folder
	switch last := len(words) - 1; {
	case odd:
	case last == 0:
		links = []string{path.Base(words[0])}
	default:
		links, targets = []string{words[last]}, words[:last]
		if strings.HasSuffix(words[last], "/") {
			links = nil
		}
		for _, t := range targets {
			links = append(links, path.Join(words[last], path.Base(t)))
		}
	}
	ends := func(words []string, from ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool {
			return slices.ContainsFunc(from, func(dir string) bool { return mayMeet(w, dir, at) })
		})
	}
	if !symbolic || odd {
		return ends(links, dir) || ends(targets, dir)
	}
	return ends(links, dir) || slices.ContainsFunc(links, func(l string) bool {
		switch {
		case l == "" || strings.ContainsRune("~\x00", rune(l[0])):
			l = "" // anywhere
		case !path.IsAbs(l):
			l = path.Join(dir, l)
		}
		return ends(targets, path.Dir(l))
	})
}

// mayMeet reports whether a word, a path from a folder, may be in another one or above it.
// What begins with what is not known is judged by what it names.
func mayMeet(w, dir, at string) bool {
	switch {
	case w == "", w[0] == '\x00', w[0] == '~':
		return false
	case path.IsAbs(w):
	case !path.IsAbs(dir):
		return true
	default:
		w = dir + "/" + w
	}
	if head, _, open := strings.Cut(w, "\x00"); open {
		return strings.HasPrefix(at+"/", head) || strings.HasPrefix(head, at+"/")
	}
	_, in := facts.Below(path.Clean(w), at)
	_, above := facts.Below(at, path.Clean(w))
	return in || above
}

// fromElsewhere reports whether a text has a path of several parts that leads into a folder
// from the one that a command runs in, which lies apart: `cd / && cp app/x y`. In a script,
// and where that is not known, any folder above may be it.
func fromElsewhere(text, dir, at string) bool {
	script := strings.ContainsAny(text, " \t\n")
	_, inside := facts.Below(dir, at)
	if inside && !script {
		return false
	}
	return slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'=:,;|&<>()`", r) }), func(piece string) bool {
		if strings.IndexByte(piece, '/') <= 0 || strings.ContainsAny(piece[:1], "~-$\x00") {
			return false
		}
		if !script && path.IsAbs(dir) {
			_, in := facts.Below(path.Join(dir, piece), at)
			return in
		}
		for above := path.Dir(at); ; above = path.Dir(above) {
			if _, in := facts.Below(path.Join(above, piece), at); in || above == "/" || above == "." {
				return in
			}
		}
	})
}
