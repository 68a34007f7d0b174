package review

import (
	"fmt"
	"path"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// A Diff is what a change does to the files of a repository.
type Diff struct {
	Files []ChangedFile
	Short bool // there are more files than could be read
}

// A ChangedFile is one file of a diff. Paths are relative to the repository's root
// and have slashes.
type ChangedFile struct {
	Path string // after the change; of a deleted file, before it
	Old  string // before the change; "" for a new file
	Gone bool   // deleted
	Hunk []Hunk // none for a file that the diff shows no lines of: binary, too large, only renamed
}

// A Hunk is a stretch of lines that a diff shows. Comments stand in hunks only.
type Hunk struct {
	Start, End int         // lines after the change, from 1; End is the last. Empty hunks, which only delete, have End < Start
	Old        map[int]int // by line after the change: its line before, for lines that the change left as they are
}

// ParseDiff reads a unified diff as git writes it.
func ParseDiff(text string) (Diff, error) {
	files, _, err := gitdiff.Parse(strings.NewReader(text))
	if err != nil {
		return Diff{}, fmt.Errorf("the diff cannot be read: %w", err)
	}
	var d Diff
	for _, f := range files {
		c := ChangedFile{Path: f.NewName, Old: f.OldName, Gone: f.IsDelete}
		switch {
		case f.IsDelete:
			c.Path = f.OldName
		case f.IsNew || f.IsCopy:
			c.Old = ""
		}
		c.Hunk = hunksOf(f.TextFragments)
		d.Files = append(d.Files, c)
	}
	return d, nil
}

// ParseHunks reads the hunks of one file, which is how forges hand them out.
func ParseHunks(text string) ([]Hunk, error) {
	if text == "" {
		return nil, nil
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	files, _, err := gitdiff.Parse(strings.NewReader("diff --git a/x b/x\n--- a/x\n+++ b/x\n" + text))
	if err != nil {
		return nil, fmt.Errorf("the diff cannot be read: %w", err)
	}
	if len(files) != 1 {
		return nil, fmt.Errorf("the diff cannot be read: it holds %d files, not one", len(files))
	}
	return hunksOf(files[0].TextFragments), nil
}

func hunksOf(fragments []*gitdiff.TextFragment) []Hunk {
	var out []Hunk
	for _, f := range fragments {
		h := Hunk{Start: int(f.NewPosition), End: int(f.NewPosition+f.NewLines) - 1, Old: map[int]int{}}
		line, old := h.Start, int(f.OldPosition)
		for _, l := range f.Lines {
			switch l.Op {
			case gitdiff.OpAdd:
				line++
			case gitdiff.OpDelete:
				old++
			default:
				h.Old[line] = old
				line, old = line+1, old+1
			}
		}
		out = append(out, h)
	}
	return out
}

// hunk returns the hunk that shows all of the lines first to last, from 1.
func (f *ChangedFile) hunk(first, last int) *Hunk {
	if f == nil || f.Gone {
		return nil
	}
	for i := range f.Hunk {
		if h := &f.Hunk[i]; h.Start <= first && last <= h.End {
			return h
		}
	}
	return nil
}

// File returns what the diff tells of a file that is still there, or nil.
func (d Diff) File(path string) *ChangedFile {
	for i := range d.Files {
		if d.Files[i].Path == path && !d.Files[i].Gone {
			return &d.Files[i]
		}
	}
	return nil
}

// Below reports whether a file below a folder changed, which leaves one file out.
// The folder "." is the repository's root.
func (d Diff) Below(dir, except string, seen func(name string) bool) bool {
	for _, f := range d.Files {
		for _, name := range []string{f.Path, f.Old} {
			if name == "" || name == except {
				continue
			}
			rel, ok := name, true
			if dir = path.Clean(dir); dir != "." {
				rel, ok = strings.CutPrefix(name, dir+"/")
			}
			if ok && seen(rel) {
				return true
			}
		}
	}
	return false
}
