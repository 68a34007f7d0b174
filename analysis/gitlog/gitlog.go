// Package gitlog tells which files of a git repository changed in its last commits.
package gitlog

import (
	"maps"
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

	mu      sync.Mutex
	windows map[window][]changed // the files that the last commits to a folder changed
}

// A window is the last commits to a folder.
type window struct {
	dir  string
	last int
}

// changed is a file below a folder, and which of the commits of a window changed it.
type changed struct {
	path    string
	commits []int
}

// Logs remembers the log of each repository, so that one reading serves all the
// Dockerfiles in it. It is safe for concurrent use.
type Logs struct {
	// Read returns the last commits of the repository at root, the newest first, as
	// "git log -z --name-only --format=%x01" prints them; an error where there are none,
	// or where it is not sure that all files are told.
	Read func(root string) (string, error)
	// Known, if it is not nil, is asked in place of Read, each time: it returns what is
	// known of the repository at root, nil for nothing, and does not wait.
	Known func(root string) *Log

	mu   sync.Mutex
	logs map[string]*reading
}

type reading struct {
	once sync.Once
	log  *Log
}

// Of returns the log of the repository that a folder lies in; nil where there is none.
func (h *Logs) Of(dir string) *Log {
	if h == nil || h.Read == nil && h.Known == nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	root, ok := discover.Repository(dir)
	if !ok {
		return nil
	}
	if h.Known != nil {
		return h.Known(root)
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
			r.log = Parse(root, text)
		}
	})
	return r.log
}

// Parse reads what git prints of the repository at root, in the form of Logs.Read: for
// each commit the byte 1, then its files, all of them ended by NUL, the first file with a
// line end before it.
func Parse(root, text string) *Log {
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
	files := l.window(window{dir, last})
	of, commits := map[int]bool{}, map[int]bool{}
	for _, f := range files {
		for _, c := range f.commits {
			of[c] = true
		}
		if is(f.path) {
			for _, c := range f.commits {
				commits[c] = true
			}
		}
	}
	if len(of) == 0 {
		return Changes{}
	}
	return Changes{Of: len(of), commits: commits}
}

func (l *Log) window(w window) []changed {
	l.mu.Lock()
	defer l.mu.Unlock()
	files, ok := l.windows[w]
	if !ok {
		files = l.read(w)
		if l.windows == nil {
			l.windows = map[window][]changed{}
		}
		l.windows[w] = files
	}
	return files
}

func (l *Log) read(w window) []changed {
	dir := w.dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	rel, err := filepath.Rel(l.root, dir)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return nil
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
	newest := slices.Sorted(maps.Keys(all))
	newest = newest[:min(w.last, len(newest))]
	if len(newest) == 0 {
		return nil
	}
	oldest := newest[len(newest)-1]
	var out []changed
	for file, commits := range l.files {
		path, below := strings.CutPrefix(file, prefix)
		n := 0
		for n < len(commits) && commits[n] <= oldest { // the newest stands first
			n++
		}
		if below && n > 0 {
			out = append(out, changed{path, commits[:n]})
		}
	}
	return out
}
