package buildctx

import (
	"bytes"
	"encoding/binary"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/shale-build/shale/analysis/source"
)

// Tracked says what git keeps of a context: what is in its index.
type Tracked struct {
	known  bool
	paths  []string // of the repository, sorted
	prefix string   // of the context in the repository, with a slash at its end; "" at its root
}

// maxIndex is more than the index of a large repository, of about 100 bytes a file.
const maxIndex = 256 << 20

// Tracked reads the index of the repository that the context is in. Outside a
// repository nothing is tracked.
func (c *Context) Tracked() Tracked {
	for dir := c.root; ; {
		at := filepath.Join(dir, ".git")
		if fi, err := os.Stat(at); err == nil {
			if !fi.IsDir() {
				// A worktree or a submodule names the place.
				text, err := source.ReadFile(at, 1<<20)
				to, ok := strings.CutPrefix(strings.TrimSpace(text), "gitdir: ")
				if err != nil || !ok {
					return Tracked{}
				}
				if at = to; !filepath.IsAbs(at) {
					at = filepath.Join(dir, to)
				}
			}
			data, err := source.ReadFile(filepath.Join(at, "index"), maxIndex)
			if os.IsNotExist(err) {
				return Tracked{known: true} // nothing was added yet
			}
			paths, ok := readIndex([]byte(data))
			if err != nil || !ok {
				return Tracked{}
			}
			t := Tracked{known: true, paths: paths}
			if rel, err := filepath.Rel(dir, c.root); err == nil && rel != "." {
				t.prefix = filepath.ToSlash(rel) + "/"
			}
			return t
		}
		up := filepath.Dir(dir)
		if up == dir {
			return Tracked{known: true}
		}
		dir = up
	}
}

// Has reports whether git keeps a path of the context or something below it; so it
// does when that is not known.
func (t Tracked) Has(p string) bool {
	if !t.known {
		return true
	}
	p = t.prefix + p
	for _, at := range []string{p, p + "/"} {
		if i := sort.SearchStrings(t.paths, at); i < len(t.paths) && (t.paths[i] == p || strings.HasPrefix(t.paths[i], p+"/")) {
			return true
		}
	}
	return false
}

// Lacks reports whether git is known not to keep a file of the context, so that another
// clone of the project has none. A repository to which nothing was added yet tells nothing.
func (t Tracked) Lacks(p string) bool { return t.known && len(t.paths) > 0 && !t.Has(p) }

// IgnoredByGit reports whether a .gitignore names a path that is not there, and so one that
// other machines may have: by its own name, patterns aside.
func (c *Context) IgnoredByGit(p string) bool {
	if _, err := os.Lstat(filepath.Join(c.root, filepath.FromSlash(p))); err == nil {
		return false
	}
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		text, _ := source.ReadFile(filepath.Join(c.root, filepath.FromSlash(dir), ".gitignore"), 1<<20)
		for line := range strings.Lines(text) {
			line = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "**"), "/")
			if line != "" && (line == path.Base(p) || path.Join(dir, line) == p) {
				return true
			}
		}
		if dir == "." {
			return false
		}
	}
}

// readIndex lists the paths in a git index of version 2, 3 or 4 with SHA-1 names; ok
// is false for any other, and for one that holds a part only: a split or sparse one.
func readIndex(data []byte) (paths []string, ok bool) {
	if len(data) < 12+20 || string(data[:4]) != "DIRC" {
		return nil, false
	}
	version, count := binary.BigEndian.Uint32(data[4:]), binary.BigEndian.Uint32(data[8:])
	if version < 2 || version > 4 {
		return nil, false
	}
	const fixed = 62 // times, numbers, name of the object, flags
	at, last := 12, ""
	for range count {
		start := at
		if at+fixed > len(data) {
			return nil, false
		}
		if at += fixed; data[start+60]&0x40 != 0 {
			at += 2 // more flags
		}
		keep := 0
		if version == 4 {
			// How much of the last path to drop, as a number of seven bits a byte.
			for drop := -1; ; at++ {
				if at >= len(data) || drop > 1<<20 {
					return nil, false
				}
				drop = (drop+1)<<7 | int(data[at]&0x7f)
				if data[at]&0x80 == 0 {
					at++
					keep = len(last) - drop
					break
				}
			}
		}
		end := -1
		if at <= len(data) {
			end = bytes.IndexByte(data[at:], 0)
		}
		if end < 0 || keep < 0 {
			return nil, false
		}
		last = last[:keep] + string(data[at:at+end])
		paths = append(paths, last)
		if at += end + 1; version < 4 {
			at = start + (at-start+7)/8*8
		}
	}
	for at+8 <= len(data)-20 { // extensions
		if data[at] < 'A' || data[at] > 'Z' { // git's mark of what nobody may pass over
			return nil, false
		}
		at += 8 + int(binary.BigEndian.Uint32(data[at+4:]))
	}
	if at != len(data)-20 { // with longer names the entries end elsewhere
		return nil, false
	}
	sort.Strings(paths)
	return paths, true
}
