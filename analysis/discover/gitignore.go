package discover

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shale-build/shale/analysis/source"
)

// maxIgnore bounds the bytes read of one ignore file.
const maxIgnore = 4 << 20

// An ignores is the chain of ignore files in force in a folder, innermost first.
// The last pattern of the innermost file that matches decides.
type ignores struct {
	outer    *ignores
	dir      string // absolute, where its patterns count from
	patterns []pattern
}

// enter returns the rules in a folder: its .gitignore added, or a fresh chain
// where another repository begins.
func (g *ignores) enter(dir string, entries []fs.DirEntry) *ignores {
	for _, e := range entries {
		if e.Name() == ".git" {
			g = repository(dir)
		}
	}
	for _, e := range entries {
		if e.Name() == ".gitignore" {
			g = g.file(dir, filepath.Join(dir, ".gitignore"))
		}
	}
	return g
}

// above returns the rules that the folders above dir, up to the root of its
// repository, lay on it; nil outside a repository.
func above(dir string) *ignores {
	var between []string
	for d := dir; ; {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			if d == dir {
				return nil // enter begins the chain
			}
			g := repository(d)
			for i := len(between) - 1; i >= 0; i-- {
				g = g.file(between[i], filepath.Join(between[i], ".gitignore"))
			}
			return g
		}
		up := filepath.Dir(d)
		if up == d {
			return nil
		}
		d = up
		between = append(between, d)
	}
}

// repository begins the chain of a repository with its info/exclude.
func repository(root string) *ignores {
	git := filepath.Join(root, ".git")
	if fi, err := os.Stat(git); err == nil && !fi.IsDir() { // a work tree or a submodule
		text, _ := source.ReadFile(git, maxIgnore)
		to, ok := strings.CutPrefix(strings.TrimSpace(text), "gitdir:")
		if !ok {
			return nil
		}
		git = resolve(root, strings.TrimSpace(to))
		if common, err := source.ReadFile(filepath.Join(git, "commondir"), maxIgnore); err == nil {
			git = resolve(git, strings.TrimSpace(common))
		}
	}
	var g *ignores
	return g.file(root, filepath.Join(git, "info", "exclude"))
}

func resolve(base, p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(base, p)
}

// file adds an ignore file whose patterns count from dir. One that cannot be read
// ignores nothing. Like git, it does not follow a link.
func (g *ignores) file(dir, path string) *ignores {
	fi, err := os.Lstat(path)
	if err != nil || !fi.Mode().IsRegular() {
		return g
	}
	text, err := source.ReadFile(path, maxIgnore)
	if err != nil {
		return g
	}
	ps := parse(text)
	if len(ps) == 0 {
		return g
	}
	return &ignores{outer: g, dir: dir, patterns: ps}
}

// ignored reports whether a path, whose folders are not ignored, is.
func (g *ignores) ignored(path string, isDir bool) bool {
	base := filepath.Base(path)
	for ; g != nil; g = g.outer {
		rel, err := filepath.Rel(g.dir, path)
		if err != nil {
			continue
		}
		rel = filepath.ToSlash(rel)
		for i := len(g.patterns) - 1; i >= 0; i-- {
			if p := &g.patterns[i]; p.match(rel, base, isDir) {
				return !p.negated
			}
		}
	}
	return false
}

// A pattern is one line of an ignore file.
type pattern struct {
	text     string
	literal  int  // length of its beginning without a special character
	negated  bool // "!": what it matches is not ignored
	onlyDir  bool // it ended in "/"
	anywhere bool // it has no other "/": it is matched against the last name only
}

// parse reads an ignore file.
func parse(text string) []pattern {
	text = strings.TrimPrefix(text, "\xef\xbb\xbf")
	var out []pattern
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		line = trimBlanks(line)
		var p pattern
		if strings.HasPrefix(line, "!") {
			p.negated = true
			line = line[1:]
		}
		if strings.HasSuffix(line, "/") {
			p.onlyDir = true
			line = line[:len(line)-1]
		}
		p.anywhere = !strings.Contains(line, "/")
		p.text = strings.TrimPrefix(line, "/")
		p.literal = strings.IndexAny(p.text, `*?[\`)
		if p.literal < 0 {
			p.literal = len(p.text)
		}
		if line != "" {
			out = append(out, p)
		}
	}
	return out
}

// trimBlanks drops blanks at the end that no backslash keeps.
func trimBlanks(s string) string {
	end := -1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ':
			if end < 0 {
				end = i
			}
		case '\\':
			i++
			end = -1
		default:
			end = -1
		}
	}
	if end >= 0 {
		return s[:end]
	}
	return s
}

// match reports whether the pattern matches a path relative to its file's folder.
func (p *pattern) match(rel, base string, isDir bool) bool {
	if p.onlyDir && !isDir {
		return false
	}
	if p.anywhere {
		if p.literal == len(p.text) {
			return p.text == base
		}
		return wildmatch(p.text, base, false)
	}
	// Git compares the literal beginning apart, so that "a**/b" begins with "**".
	if len(rel) < p.literal || rel[:p.literal] != p.text[:p.literal] {
		return false
	}
	if p.literal == len(p.text) {
		return len(rel) == p.literal
	}
	return wildmatch(p.text[p.literal:], rel[p.literal:], true)
}
