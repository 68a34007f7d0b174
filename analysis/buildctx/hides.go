package buildctx

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
)

// HidesEverywhere reports whether .dockerignore leaves out every path of that
// name, at any depth and of any type, with all that is below it, there or not yet.
// It is false whenever an exception could bring one of them back; what is a file
// here is taken to be no folder elsewhere.
//
// Call X a path of that name. The patterns of the form **/name that cover every
// depth leave out X itself; they are asked again about what is below X only if no
// earlier pattern had left X out already, so an exception that stands before them
// still counts when it matches below X and not X (* , !**/package.json,
// **/node_modules shows a/node_modules/package.json). **/name/** closes that too.
func (c *Context) HidesEverywhere(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.ignore
	if g.matcher == nil || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return false
	}
	patterns := g.matcher.Patterns()
	if len(patterns) > maxPatterns {
		return false
	}

	// cover is the last place from which on every depth is covered.
	cover, below, from := -1, -1, 0
	exact := map[int]bool{}
	for i := len(patterns) - 1; i >= 0; i-- {
		p := patterns[i]
		if p.Exclusion() {
			continue
		}
		d, open, inside := reach(p, name)
		if inside && below < 0 {
			below = i
		}
		switch {
		case d == 0:
			continue
		case open && (from == 0 || d < from):
			from = d
		case !open:
			exact[d] = true
		}
		if cover < 0 && from > 0 {
			cover = i
			for d := 1; d < from; d++ {
				if !exact[d] {
					cover = -1
				}
			}
		}
	}
	if cover < 0 {
		return false
	}
	for i, p := range patterns {
		if !p.Exclusion() {
			continue
		}
		switch {
		case i > cover:
			if c.couldShow(patterns[:i], p, name) {
				return false
			}
		case i > below:
			if couldShowBelow(p, name) {
				return false
			}
		}
	}
	return true
}

// reach says at which depths a pattern leaves out every path called name: at
// depth d alone, or when open at d and deeper; d is 0 for none that is certain.
// inside says that it leaves out all that is below such a path, whatever else matched.
func reach(p *patternmatcher.Pattern, name string) (d int, open, inside bool) {
	s := filepath.ToSlash(p.String())
	if s == "**" {
		return 1, true, true
	}
	segs := strings.Split(s, "/")
	stars := 0
	for stars < len(segs) && segs[stars] == "*" {
		stars++
	}
	rest := segs[stars:]
	switch {
	case strings.ContainsAny(s, `[]\^`):
		return 0, false, false
	case len(rest) == 0: // every path of that depth, and so all below
		d, open = stars, true
	case len(rest) == 1 && matches(rest[0], name):
		d = stars + 1
	case len(rest) == 2 && rest[0] == "**" && matches(rest[1], name):
		d, open = stars+1, true
		inside = stars == 0 && rest[1] == "*"
	case len(rest) == 3 && stars == 0 && rest[0] == "**" && rest[2] == "**" && matches(rest[1], name):
		return 0, false, true
	default:
		return 0, false, false
	}
	// The matcher itself has the last word.
	one, err := patternmatcher.New([]string{p.String()})
	if err != nil {
		return 0, false, false
	}
	for depth := d; depth < d+3; depth++ {
		ok, err := one.MatchesOrParentMatches(strings.Repeat("some dir/", depth-1) + name)
		if err != nil || !ok {
			return 0, false, false
		}
		if !open {
			break
		}
	}
	return d, open, inside
}

// matches reports whether a pattern of one segment without "**" matches a name
// for certain.
func matches(seg, name string) bool {
	if strings.Contains(seg, "**") || strings.ContainsAny(seg, `[]\^`) {
		return false
	}
	ok, err := path.Match(seg, name)
	return ok && err == nil
}

// could is matches, but true when it is not known.
func could(seg, name string) bool {
	if strings.Contains(seg, "**") || strings.ContainsAny(seg, `[]\^`) {
		return true
	}
	ok, err := path.Match(seg, name)
	return ok || err != nil
}

// couldShow reports whether an exception that stands after the covering patterns
// could bring back a path called name or one below it.
func (c *Context) couldShow(before []*patternmatcher.Pattern, p *patternmatcher.Pattern, name string) bool {
	s := filepath.ToSlash(p.String())
	if strings.ContainsAny(s, `*?[]\^`) {
		return true
	}
	for seg := range strings.SplitSeq(s, "/") {
		if seg == name {
			return true
		}
	}
	// It matches one path only. What is below that path is brought back with it if
	// the patterns before had left it out, and if it is a folder at all.
	if fi, err := c.lstat(s); err == nil && !fi.IsDir() {
		return false
	}
	texts := make([]string, len(before))
	for i, b := range before {
		texts[i] = b.String()
		if b.Exclusion() {
			texts[i] = "!" + texts[i]
		}
	}
	m, err := patternmatcher.New(texts)
	if err != nil {
		return true
	}
	var info patternmatcher.MatchInfo
	hidden := false
	for i, ch := range s + "/" {
		if ch != '/' || i == 0 {
			continue
		}
		if hidden, info, err = m.MatchesUsingParentResults(s[:i], info); err != nil {
			return true
		}
	}
	return hidden
}

// couldShowBelow reports whether an exception that stands before the covering
// patterns could match something below a path called name without matching that
// path too.
func couldShowBelow(p *patternmatcher.Pattern, name string) bool {
	s := filepath.ToSlash(p.String())
	if strings.ContainsAny(s, `[]\^`) {
		return true
	}
	segs := strings.Split(s, "/")
	folders := segs[:len(segs)-1]
	if strings.Contains(s, "**") {
		// dist/** matches what is below name only if name is below dist, and then
		// it matches name as well.
		if segs[len(segs)-1] != "**" || strings.ContainsAny(strings.Join(folders, "/"), "*?") {
			return true
		}
	}
	for _, f := range folders { // one segment matches one name
		if could(f, name) {
			return true
		}
	}
	return false
}
