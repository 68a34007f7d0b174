package buildctx

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// maxPatterns bounds a .dockerignore whose patterns are reasoned about.
const maxPatterns = 2000

// An ignore is a .dockerignore as BuildKit applies it: its own matcher, asked
// folder by folder from the root as fsutil's walk asks it. A path is judged from
// what its folders matched, which is not what a look at the path alone would say.
type ignore struct {
	matcher    *patternmatcher.PatternMatcher // nil when nothing is ignored
	exceptions []string                       // the literal beginnings of "!" patterns; nil when one has a wildcard there
	prune      bool                           // the walk leaves out an excluded folder below which no exception can match
	folders    map[string]verdict
}

// A verdict is what the walk knows when it has seen a path.
type verdict struct {
	info     patternmatcher.MatchInfo
	excluded bool // the path itself is left out
	pruned   bool // and the walk does not look below it
}

// newIgnore reads the text of a .dockerignore. An error means that the build
// fails on it.
func newIgnore(text []byte) (*ignore, error) {
	g := &ignore{folders: map[string]verdict{}}
	if len(text) == 0 {
		return g, nil
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if len(patterns) == 0 {
		return g, nil
	}
	if g.matcher, err = patternmatcher.New(patterns); err != nil {
		return nil, err
	}
	g.prune = true
	for _, p := range g.matcher.Patterns() {
		// The matcher compiles a pattern when it first needs it and fails then.
		if one, err := patternmatcher.New([]string{p.String()}); err == nil {
			if _, err = one.MatchesOrParentMatches("x"); err != nil {
				return nil, fmt.Errorf("pattern %q: %w", p.String(), err)
			}
		}
		if !p.Exclusion() {
			continue
		}
		s := filepath.ToSlash(p.String())
		s = strings.TrimSuffix(s, "/**")
		s = strings.TrimSuffix(s, "/*")
		if strings.ContainsAny(s, special()) {
			g.prune = false
		}
		g.exceptions = append(g.exceptions, s+"/")
	}
	return g, nil
}

// special holds the characters that fsutil takes for a wildcard.
func special() string {
	if filepath.Separator == '\\' {
		return "*[]?^"
	}
	return `*[]?^\`
}

// judge returns the verdict on a clean context path other than ".", given the
// verdict on its folder.
func (g *ignore) judge(p string, parent verdict) verdict {
	if parent.pruned {
		return parent
	}
	if g.matcher == nil {
		return verdict{}
	}
	m, info, err := g.matcher.MatchesUsingParentResults(p, parent.info)
	if err != nil { // every pattern compiled
		return verdict{excluded: true, pruned: true}
	}
	v := verdict{info: info, excluded: m}
	if m && g.prune {
		v.pruned = true
		for _, e := range g.exceptions {
			if strings.HasPrefix(e, p+"/") {
				v.pruned = false
				break
			}
		}
	}
	return v
}

// of returns the verdict on a clean context path as if every part before its
// last were a folder.
func (g *ignore) of(p string) verdict {
	if p == "." {
		return verdict{}
	}
	return g.judge(p, g.folder(path.Dir(p)))
}

// folder is of, remembered.
func (g *ignore) folder(p string) verdict {
	if p == "." || g.matcher == nil {
		return verdict{}
	}
	v, ok := g.folders[p]
	if !ok {
		v = g.judge(p, g.folder(path.Dir(p)))
		g.folders[p] = v
	}
	return v
}

// HidesTree reports whether .dockerignore leaves out a path and all that is below
// it, there or not yet, of any type.
func (c *Context) HidesTree(p string) bool {
	p, ok := inside(p)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.ignore.of(p)
	return v.excluded && (v.pruned || len(c.ignore.exceptions) == 0)
}
