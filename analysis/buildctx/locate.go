package buildctx

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Locate returns the build context that the request names or proves, or nil and
// why it is not known, in a user's words.
//
// Without a named folder the Dockerfile's own is the context when it holds every
// source and manifest and no folder above it, up to the repository's root, holds
// them all as well: with such a folder the build would have failed already.
// Outside a repository there is no folder above.
func Locate(r Request) (*Context, string) {
	if r.Dir != "" {
		return locateNamed(r)
	}
	if r.Dockerfile == "" {
		return nil, "text without a file has no build context; name one with --context DIR"
	}
	const cure = "say which one with --context DIR or with context in .shale.toml"
	if r.Opaque {
		return nil, "a COPY or ADD source is a variable without a value, so the build context is not known; " + cure
	}
	var needs need
	for _, s := range r.Sources {
		if wildcards(s) {
			return nil, fmt.Sprintf("the COPY or ADD source %s has a wildcard, so the build context is not known; %s", s, cure)
		}
		p, ok := inside(s)
		if !ok {
			return nil, fmt.Sprintf("the COPY or ADD source %s leaves every build context", s)
		}
		if p != "." {
			needs.sources = append(needs.sources, p)
		}
	}
	for _, m := range r.Manifests {
		for _, from := range m.From {
			if _, ok := inside(from.holds(m.Name)); !ok {
				return nil, fmt.Sprintf("the manifest %s is outside every build context", from.holds(m.Name))
			}
		}
		needs.manifests = append(needs.manifests, m)
	}

	file, err := filepath.Abs(r.Dockerfile)
	if err != nil {
		return nil, fmt.Sprintf("the folder of %s is not known: %v", r.Dockerfile, err)
	}
	own := filepath.Dir(file)
	above := r.Walks.parents(own)
	c, why := open(own, "the Dockerfile's own folder", r)
	if c == nil {
		return nil, why
	}
	for _, n := range needs.in(c.Exists, c.IsDir) {
		if c.Exists(n) {
			continue
		}
		what := "does not hold " + n
		if c.Ignored(n) {
			what = fmt.Sprintf("hides %s by %s", n, filepath.Base(c.IgnoreFile()))
		}
		why := fmt.Sprintf("the build context is not known: the Dockerfile's folder %s %s", display(own), what)
		for _, dir := range above {
			if needs.held(dir) {
				return nil, fmt.Sprintf("%s, and %s may be it; %s", why, display(dir), cure)
			}
		}
		return nil, why + "; " + cure
	}
	for _, dir := range above {
		if needs.held(dir) {
			named := needs.in(c.Exists, c.IsDir)
			if len(named) == 0 {
				return nil, fmt.Sprintf("the build context is not known: nothing in the Dockerfile tells %s from %s; %s", display(own), display(dir), cure)
			}
			return nil, fmt.Sprintf("the build context is not known: %s and %s both hold %s; %s", display(own), display(dir), list(named), cure)
		}
	}
	return c, ""
}

// locateNamed opens the context that the request names.
func locateNamed(r Request) (*Context, string) {
	how := r.How
	if how == "" {
		how = "the context given"
	}
	fi, err := os.Stat(r.Dir)
	switch {
	case err != nil:
		return nil, fmt.Sprintf("the build context %s that %s names cannot be read: %v", r.Dir, how, reason(err))
	case !fi.IsDir():
		return nil, fmt.Sprintf("the build context %s that %s names is not a folder", r.Dir, how)
	}
	return open(r.Dir, how, r)
}

// open makes the context of a folder that exists.
func open(dir, how string, r Request) (*Context, string) {
	dockerfile := r.Dockerfile
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Sprintf("the build context %s is not known: %v", dir, err)
	}
	c := &Context{root: abs, how: how, limit: maxFiles, links: map[string]link{}, dirs: map[string]listing{}}
	var text []byte
	for _, name := range r.ignoreNames() {
		var there bool
		c.ignoreFile = filepath.Join(abs, name)
		if text, there, err = r.read(abs, name); err != nil && !os.IsNotExist(err) {
			return nil, fmt.Sprintf("%s cannot be read: %v", display(c.ignoreFile), reason(err))
		}
		if there {
			break
		}
	}
	if dockerfile != "" {
		folder, base := filepath.Split(dockerfile)
		if folder == "" {
			folder = "."
		}
		for _, name := range slices.Backward(r.ignoreNames()) {
			own, there, err := r.read(folder, base+name)
			switch {
			case err != nil && !os.IsNotExist(err):
				return nil, fmt.Sprintf("%s cannot be read: %v", display(dockerfile+name), reason(err))
			case there && len(own) == 0 && len(text) > 0:
				return nil, fmt.Sprintf("%s is empty, and builders differ on whether %s then applies; delete it or write a comment into it", filepath.Base(dockerfile)+name, filepath.Base(c.ignoreFile))
			case there && len(own) > 0:
				text = own
				c.ignoreFile, _ = filepath.Abs(dockerfile + name)
			}
			if there {
				break
			}
		}
	}
	c.ignoreText = string(text)
	if c.ignore, err = newIgnore(text); err != nil {
		return nil, fmt.Sprintf("%s does not parse, and no build gets past it: %v", display(c.ignoreFile), err)
	}
	return c, ""
}

// IgnoreFile reports whether a file's name is that of one of patterns, Docker's or Podman's.
func IgnoreFile(name string) bool {
	return strings.HasSuffix(name, ".dockerignore") || strings.HasSuffix(name, ".containerignore")
}

// ignoreNames are the files of patterns that the builder knows in a context, the first that
// is there counts. Beside a Dockerfile, behind its name, the last does: in both Podman's
// way (ContainerIgnoreFile in containers/buildah).
func (r Request) ignoreNames() []string {
	if r.Podman {
		return []string{".containerignore", ".dockerignore"}
	}
	return []string{".dockerignore"}
}

// read is readWithin, for the text that a file will have.
func (r Request) read(dir, name string) (text []byte, there bool, err error) {
	if path, err := filepath.Abs(filepath.Join(dir, name)); err == nil {
		if text, ok := r.Files[path]; ok {
			return []byte(text), true, nil
		}
	}
	return readWithin(dir, name)
}

// With is the context as another text of its .dockerignore makes it.
func (c *Context) With(ignore string) (*Context, error) {
	g, err := newIgnore([]byte(ignore))
	if err != nil {
		return nil, err
	}
	return &Context{root: c.root, how: c.how, ignoreFile: c.ignoreFile, ignoreText: ignore, ignore: g, limit: c.limit, links: map[string]link{}, dirs: map[string]listing{}}, nil
}

// parents lists the folders above dir, nearest first, up to the root of its
// repository; none outside a repository. Where dir is reached over links, both
// ways up count.
func parents(dir string, rooted func(string) bool) []string {
	ups := climb(dir, rooted)
	if real, err := filepath.EvalSymlinks(dir); err == nil && real != dir {
		seen := map[string]bool{dir: true}
		for _, u := range ups {
			seen[u] = true
		}
		for _, u := range climb(real, rooted) {
			if !seen[u] {
				ups = append(ups, u)
			}
		}
	}
	return ups
}

// rooted reports whether a folder is a repository's root.
func rooted(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, ".git"))
	return err == nil
}

func climb(dir string, rooted func(string) bool) []string {
	var ups []string
	for {
		if rooted(dir) {
			return ups
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil
		}
		dir = up
		ups = append(ups, dir)
	}
}

// A need is what a folder must hold to be the context.
type need struct {
	sources   []string
	manifests []Manifest
}

// in lists the paths that a folder of which this is known must hold: each source, and
// each manifest where a folder is copied that should bring it.
func (n need) in(exists, folder func(string) bool) []string {
	out := slices.Clone(n.sources)
	for _, m := range n.manifests {
		if slices.ContainsFunc(m.From, func(o Origin) bool { return path.Base(o.Source) == m.Name && o.Below == "" }) {
			continue // it is a source itself
		}
		for _, o := range m.From {
			from, _ := inside(o.Source)
			if from == "." || folder(from) {
				p, _ := inside(o.holds(m.Name))
				out = append(out, p)
				break
			}
			if !exists(from) {
				break
			}
		}
	}
	return out
}

// held reports whether a folder on disk has all that is needed. What cannot be looked
// at counts as held, and .dockerignore is not asked: both lean to "not known".
func (n need) held(dir string) bool {
	on := func(p string) string { return filepath.Join(dir, filepath.FromSlash(p)) }
	exists := func(p string) bool {
		_, err := os.Stat(on(p))
		if err != nil && (os.IsNotExist(err) || notDir(err)) {
			_, err = os.Lstat(on(p))
			return err == nil
		}
		return true
	}
	for _, p := range n.in(exists, func(p string) bool { fi, err := os.Stat(on(p)); return err == nil && fi.IsDir() }) {
		if !exists(p) {
			return false
		}
	}
	return true
}

// Below is the path in the build context that a source of COPY or ADD names, "" for the
// context itself: it climbs no further than that.
func Below(source string) string { return strings.TrimPrefix(path.Clean("/"+source), "/") }

// inside cleans a path as COPY takes it; false if it climbs out of the context.
func inside(p string) (string, bool) {
	p = path.Clean(strings.TrimLeft(p, "/"))
	return p, p != ".." && !strings.HasPrefix(p, "../") && !strings.ContainsRune(p, 0)
}

// wildcards reports whether COPY would take a source for a pattern.
func wildcards(p string) bool { return strings.ContainsAny(p, "*?[") }

// display names a path as short as it goes: relative to the working folder when
// it is below that.
func display(p string) string {
	abs, err := filepath.Abs(p)
	if err != nil {
		return p
	}
	wd, err := os.Getwd()
	if err != nil {
		return p
	}
	if rel, err := filepath.Rel(wd, abs); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(rel)
	}
	return abs
}

func list(names []string) string {
	switch {
	case len(names) == 1:
		return names[0]
	case len(names) <= 3:
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	}
	return fmt.Sprintf("%s, %s and %d more", names[0], names[1], len(names)-2)
}

// reason is an error's cause without the path that the sentence already names.
func reason(err error) string {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
