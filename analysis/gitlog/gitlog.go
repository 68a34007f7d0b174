// Package gitlog tells which files of a git repository changed in its last commits.
package gitlog

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis/discover"
)

// A Log is the files that each of a repository's last commits changed.
type Log struct {
	root  string
	files map[string][]int // by path, the commits that changed it, the newest is 0
}

// Logs remembers the log of each repository, so that one reading serves all the
// Dockerfiles in it. It is safe for concurrent use.
type Logs struct {
	// Read returns the last commits of the repository at root, the newest first, as
	// "git log -z --name-only --format=%x01" prints them; an error where there are none,
	// or where it is not sure that all files are told.
	Read func(root string) (string, error)

	mu   sync.Mutex
	logs map[string]*reading
}

type reading struct {
	once sync.Once
	log  *Log
}

// Of returns the log of the repository that a folder lies in; nil where there is none.
func (h *Logs) Of(dir string) *Log {
	if h == nil || h.Read == nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	root, ok := discover.Repository(dir)
	if !ok {
		return nil
	}
	h.mu.Lock()
	if h.logs == nil {
		h.logs = map[string]*reading{}
	}
	r := h.logs[root]
	if r == nil {
		r = &reading{}
		h.logs[root] = r
	}
	h.mu.Unlock()
	r.once.Do(func() {
		if text, err := h.Read(root); err == nil {
			r.log = parse(root, text)
		}
	})
	return r.log
}

// parse reads what git prints: for each commit the byte 1, then its files, all of them
// ended by NUL, the first file with a line end before it.
func parse(root, text string) *Log {
	l := &Log{root: root, files: map[string][]int{}}
	commit := -1
	for entry := range strings.SplitSeq(text, "\x00") {
		entry = strings.TrimLeft(entry, "\n")
		for strings.HasPrefix(entry, "\x01") {
			commit++
			entry = strings.TrimLeft(entry[1:], "\n")
		}
		if entry != "" && commit >= 0 {
			l.files[entry] = append(l.files[entry], commit)
		}
	}
	return l
}

// Changes are the commits that changed something, out of those that count.
type Changes struct {
	Of      int // how many commits count
	commits map[int]bool
}

// N is how many commits they are.
func (c Changes) N() int { return len(c.commits) }

// Minus leaves out the commits that also changed something else.
func (c Changes) Minus(o Changes) Changes {
	out := Changes{c.Of, map[int]bool{}}
	for at := range c.commits {
		if !o.commits[at] {
			out.commits[at] = true
		}
	}
	return out
}

// Plus adds those of something else.
func (c Changes) Plus(o Changes) Changes {
	out := Changes{c.Of, map[int]bool{}}
	for _, from := range []Changes{c, o} {
		for at := range from.commits {
			out.commits[at] = true
		}
	}
	return out
}

// In returns those of the last commits to a folder that changed a file of it for which
// is holds; at most last commits count. is gets paths below the folder.
func (l *Log) In(dir string, last int, is func(path string) bool) Changes {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	rel, err := filepath.Rel(l.root, dir)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return Changes{}
	}
	prefix := filepath.ToSlash(rel) + "/"
	if rel == "." {
		prefix = ""
	}
	all := map[int]bool{}
	for file, commits := range l.files {
		if strings.HasPrefix(file, prefix) {
			for _, c := range commits {
				all[c] = true
			}
		}
	}
	newest := make([]int, 0, len(all))
	for c := range all {
		newest = append(newest, c)
	}
	slices.Sort(newest)
	newest = newest[:min(last, len(newest))]
	out := Changes{Of: len(newest), commits: map[int]bool{}}
	if len(newest) == 0 {
		return out
	}
	oldest := newest[len(newest)-1]
	for file, commits := range l.files {
		if path, below := strings.CutPrefix(file, prefix); below && commits[0] <= oldest && is(path) {
			for _, c := range commits {
				if c <= oldest {
					out.commits[c] = true
				}
			}
		}
	}
	return out
}
