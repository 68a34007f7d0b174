// Package discover turns arguments into files: named files, and the Dockerfiles in
// named folders that .gitignore and the configuration leave in.
package discover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/builds"
)

// Options says what a walk leaves out.
type Options struct {
	// Excluded reports whether the configuration excludes a file or a folder with
	// all that is in it; nil excludes nothing.
	Excluded func(path string) bool
	// Forced has it asked of a named file too: hooks name every file that changed.
	Forced bool
}

// A File is a Dockerfile to work on.
type File struct {
	Path   string // as the user would write it: the argument, or below the argument
	Named  bool   // it was an argument itself
	Stream bool   // a pipe or a device, such as /dev/stdin: it is read once, and lies in no folder
}

// A Problem is a path that could not be looked at.
type Problem struct {
	Path string
	Err  error // without the path
}

func (p Problem) Error() string { return p.Path + ": " + p.Err.Error() }

// A Result is what the arguments stand for. Problems stop nothing else.
type Result struct {
	Files    []File    // each real file once, in the order of the arguments, those of a folder by path
	Problems []Problem // missing or unreadable paths
	Builds   []File    // compose and bake files, likewise: they say how Dockerfiles are built
	Empty    []string  // folders among the arguments in which there is no Dockerfile
}

// Find lists the files that the arguments name. A folder is walked: links to
// folders in it are not followed, .git is skipped, and what .gitignore and
// .git/info/exclude ignore is left out, whether tracked or not. No argument stands
// for the working folder.
func Find(args []string, o Options) *Result {
	if len(args) == 0 {
		args = []string{"."}
	}
	w := walker{opts: o, result: &Result{}, seen: map[string]bool{}}
	for _, arg := range args {
		fi, err := os.Stat(arg)
		switch {
		case arg == "":
			w.problem(`""`, errors.New("an empty path names no file"))
		case err != nil:
			w.problem(arg, explain(err))
		case fi.IsDir():
			w.found = 0
			before := len(w.result.Problems)
			w.folder(arg)
			if w.found == 0 && len(w.result.Problems) == before {
				w.result.Empty = append(w.result.Empty, arg)
			}
		case fi.Mode()&fs.ModeSocket != 0:
			w.problem(arg, errors.New("it is a socket, not a file"))
		case !fi.Mode().IsRegular(): // the link behind /dev/stdin leads to no path
			w.result.Files = append(w.result.Files, File{Path: arg, Named: true, Stream: true})
		case o.Forced && o.Excluded != nil && o.Excluded(arg):
		case builds.Meant(arg):
			w.result.Builds = append(w.result.Builds, File{Path: arg, Named: true})
		default:
			w.link(arg, true)
		}
	}
	return w.result
}

type walker struct {
	opts   Options
	result *Result
	seen   map[string]bool // real paths of the files taken
	found  int             // Dockerfiles in the folder walked now, taken before or not
}

func (w *walker) problem(path string, err error) {
	w.result.Problems = append(w.result.Problems, Problem{path, err})
}

// link takes a file that may be reached over links.
func (w *walker) link(path string, named bool) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		w.problem(path, explain(err))
		return
	}
	w.take(path, real, named)
}

// take adds a file that is not there yet under another name.
func (w *walker) take(path, real string, named bool) {
	if w.seen[real] {
		if named { // found in a folder before: it is a named one all the same
			for i := range w.result.Files {
				if f := &w.result.Files[i]; filepath.Clean(f.Path) == filepath.Clean(path) {
					f.Named = true
				}
			}
		}
		return
	}
	w.seen[real] = true
	w.result.Files = append(w.result.Files, File{Path: path, Named: named})
}

// folder walks a folder that is an argument.
func (w *walker) folder(arg string) {
	abs, err := filepath.Abs(arg)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		w.problem(arg, explain(err))
		return
	}
	w.walk(arg, abs, above(abs))
}

// walk reads a folder; shown is its path for the user, dir the real one.
func (w *walker) walk(shown, dir string, rules *ignores) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.problem(shown, explain(err))
		if len(entries) == 0 {
			return
		}
	}
	rules = rules.enter(dir, entries)
	for _, e := range entries {
		name := e.Name()
		if name == ".git" {
			continue
		}
		isDir := e.IsDir()
		if !isDir && !Named(name) && !builds.Named(name) {
			continue
		}
		at, under := join(shown, name), filepath.Join(dir, name)
		if rules.ignored(under, isDir) || w.opts.Excluded != nil && w.opts.Excluded(at) {
			continue
		}
		if isDir {
			w.walk(at, under, rules)
			continue
		}
		if builds.Named(name) {
			w.result.Builds = append(w.result.Builds, File{Path: at})
			continue
		}
		if e.Type().IsRegular() { // the common case asks the disk nothing
			w.found++
			w.take(at, under, false)
			continue
		}
		fi, err := os.Stat(under)
		if err != nil {
			w.problem(at, explain(err))
			continue
		}
		if fi.Mode().IsRegular() {
			w.found++
			w.link(at, false)
		}
	}
}

// join is filepath.Join that keeps a leading "./" away and ".." as written.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return filepath.Join(dir, name)
}

var templates = []string{".j2", ".tmpl", ".tpl", ".template", ".erb", ".in", ".md", ".bak", ".dockerignore", ".containerignore"}

// Named reports whether a file in a folder is taken for a Dockerfile by its name:
// Dockerfile, Containerfile, either with a suffix, or *.Dockerfile and
// *.dockerfile; ignore files, templates, Markdown and backups are not.
func Named(name string) bool {
	if strings.HasPrefix(name, "Dockerfile.") || strings.HasPrefix(name, "Containerfile.") {
		ext := filepath.Ext(name)
		return !slices.Contains(templates, ext) && !strings.HasPrefix(ext, ".jinja")
	}
	return name == "Dockerfile" || name == "Containerfile" ||
		strings.HasSuffix(name, ".Dockerfile") || strings.HasSuffix(name, ".dockerfile")
}

// explain is an error in a user's words, without the path.
func explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file or folder")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("permission denied")
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%w", pe.Err)
	}
	return err
}
