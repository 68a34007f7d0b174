// Package builds reads how Dockerfiles are built from the files that say so:
// compose files and bake files. They name a Dockerfile's build context, its
// targets and its build arguments.
package builds

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// maxFile is more bytes than compose and bake files have.
const maxFile = 1 << 20

// A Build is one way in which a Dockerfile is built.
type Build struct {
	Dockerfile string            // absolute, links followed where it exists
	Context    string            // absolute; "" if it is no folder here: a URL, another target
	Target     string            // the stage that is built by name; "" for the last one
	Args       map[string]string // the build arguments whose value the file gives
	Contexts   map[string]string // what it puts in the place of images and stages, by their names; "" where that is not known
	Above      []string          // the file's other builds that are FROM this one's image
	File       string            // the file that says so, as it was named
	Name       string            // its service or target
}

var (
	compose = lazyregexp.New(`^(docker-)?compose(\.[\w-]+)*\.ya?ml$`)
	bake    = lazyregexp.New(`^docker-bake(\.[\w-]+)*\.(hcl|json)$`)
)

// Named reports whether a file in a folder says, by its name, how Dockerfiles are
// built.
func Named(name string) bool { return compose.MatchString(name) || bake.MatchString(name) }

// Meant reports whether an argument is such a file and no Dockerfile.
func Meant(name string) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".hcl":
		return true
	}
	return Named(filepath.Base(name))
}

// Read returns the builds that a compose or bake file describes, by name. A file
// that overrides another is read together with it. What cannot be known without
// the environment is left out.
func Read(ctx context.Context, path string) ([]Build, error) {
	read := readCompose
	if ext := filepath.Ext(path); ext == ".hcl" || ext == ".json" {
		read = readBake
	}
	said, dir, err := read(ctx, path)
	if err != nil {
		return nil, named(path, err)
	}
	all := resolved(said, dir)
	for i := range all {
		all[i].File = path
		all[i].Dockerfile = Real(all[i].Dockerfile)
	}
	slices.SortFunc(all, func(a, b Build) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// A fault is an error in a file that is read for another one.
type fault struct {
	file string // absolute
	err  error
}

func (f *fault) Error() string { return f.file + ": " + f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// named says in which file an error is, as one would write it who wrote path for the file
// that was to be read.
func named(path string, err error) error {
	file := path
	if f, ok := errors.AsType[*fault](err); ok {
		err = f.err
		if abs, e := filepath.Abs(path); e == nil && f.file != abs {
			if rel, e := filepath.Rel(filepath.Dir(abs), f.file); e == nil {
				file = filepath.Join(filepath.Dir(path), rel)
			}
		}
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", file, err)
}

// Real is a file's absolute path with links followed, as Build.Dockerfile is.
func Real(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}

// Paths resolves links as Real does, those of a folder once. The zero value is ready, and
// is for use by several goroutines.
type Paths struct{ folders sync.Map }

// Real is as the function of that name.
func (p *Paths) Real(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil || runtime.GOOS == "windows" { // where a name has another case, too
		return Real(path)
	}
	dir, name := filepath.Split(abs)
	folder, ok := p.folders.Load(dir)
	if !ok {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return Real(path)
		}
		folder = real
		p.folders.Store(dir, real)
	}
	real := filepath.Join(folder.(string), name)
	if info, err := os.Lstat(real); err != nil || info.Mode()&os.ModeSymlink != 0 {
		return Real(path)
	}
	return real
}

// described is a build in the words of its file, defaults not yet applied.
type described struct {
	name, context, dockerfile, target string
	inline                            bool // the Dockerfile stands in the file itself
	args, contexts                    map[string]string
	images                            []string // the names that the image gets
}

// build resolves the paths; false for what is not a Dockerfile here.
func (d described) build(dir string) (Build, bool) {
	if d.inline || unknown(d.dockerfile) || strings.HasPrefix(d.context, "~") {
		return Build{}, false
	}
	if d.dockerfile == "" {
		d.dockerfile = "Dockerfile"
	}
	b := Build{Name: d.name, Args: d.args}
	if len(d.contexts) > 0 {
		b.Contexts = d.contexts
	}
	if !unknown(d.target) {
		b.Target = d.target
	}
	if unknown(d.context) {
		// From below or beside its context the Dockerfile tells what that is. One outside, or by
		// its full path, may be built from any.
		if outside := filepath.ToSlash(filepath.Clean(d.dockerfile)); filepath.IsAbs(d.dockerfile) || strings.HasPrefix(outside, "../") {
			b.Dockerfile = from(filepath.Join(dir, "context"), d.dockerfile)
			return b, true
		}
		return Build{}, false
	}
	if remote(d.context) {
		file, local := strings.CutPrefix(d.dockerfile, "cwd://")
		if !local {
			return Build{}, false
		}
		b.Dockerfile = from(dir, file)
		return b, true
	}
	b.Context = from(dir, d.context)
	if file, local := strings.CutPrefix(d.dockerfile, "cwd://"); local {
		b.Dockerfile = from(dir, file)
	} else {
		b.Dockerfile = from(b.Context, d.dockerfile)
	}
	return b, true
}

func from(dir, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// remote reports whether a context is no folder of this machine.
func remote(context string) bool {
	for _, prefix := range []string{"git@", "github.com/", "target:", "service:"} {
		if strings.HasPrefix(context, prefix) {
			return true
		}
	}
	return strings.Contains(context, "://") || context == "-"
}

// unknown reports whether a variable without a value is left in a text.
func unknown(s string) bool { return strings.Contains(s, "$") || strings.Contains(s, unset) }

// Context returns the folder from which all of these builds are made, and who
// says so; or why there is none.
func Context(all []Build) (dir, how, why string) {
	for _, b := range all {
		switch {
		case b.Context == "":
			return "", "", fmt.Sprintf("%s builds %s from a context that is no folder here, or not known", b.File, b.Name)
		case how != "" && b.Context != dir:
			return "", "", fmt.Sprintf("the build context is not known: %s and %s name different ones", how, b.File)
		}
		if how == "" {
			dir, how = b.Context, b.File
		}
	}
	return dir, how, ""
}

// Targets are the stages that these builds name.
func Targets(all []Build) []string {
	var out []string
	for _, b := range all {
		if b.Target != "" && !slices.Contains(out, b.Target) {
			out = append(out, b.Target)
		}
	}
	return out
}

// Args are the build arguments to which all of these builds give one value.
func Args(all []Build) map[string]string {
	if len(all) == 0 {
		return nil
	}
	out := map[string]string{}
	for name, v := range all[0].Args {
		if !slices.ContainsFunc(all, func(b Build) bool { w, ok := b.Args[name]; return !ok || w != v }) {
			out[name] = v
		}
	}
	return out
}

// beside lists the files of these names in a folder that exist.
func beside(dir string, names ...string) []string {
	var out []string
	for _, n := range names {
		p := filepath.Join(dir, n)
		if fi, err := os.Stat(p); err == nil && fi.Mode().IsRegular() {
			out = append(out, p)
		}
	}
	return out
}
