package buildctx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"

	"github.com/shale-build/shale/analysis/source"
)

const (
	maxRead  = 64 << 20 // bytes of a file that Read returns
	maxFiles = 200_000  // paths that a walk sees
	maxLinks = 40       // symbolic links on the way to one file
)

// Errors that a Context's methods wrap. A path that COPY does not see, because it
// is absent or ignored, gives fs.ErrNotExist.
var (
	ErrOutside = errors.New("leaves the build context")
	ErrTooBig  = source.ErrTooBig
)

// A Context is a build context as a COPY sees it: the files of a folder that
// .dockerignore leaves in. Its paths have slashes and are relative to the folder;
// a leading "/" or "./" is allowed, as in COPY. What was looked at once is
// remembered. It is safe for concurrent use.
type Context struct {
	root       string
	how        string
	ignoreFile string
	ignoreText string
	limit      int // paths that one walk sees

	mu     sync.Mutex
	ignore *ignore
	links  map[string]link
	dirs   map[string]listing
	walked bool
	files  []string
	err    error
}

// A link is what lstat says of a path.
type link struct {
	info   fs.FileInfo
	target string // of a symbolic link
	err    error
}

type listing struct {
	entries []Entry
	err     error
}

// An Entry is a file or folder in a folder.
type Entry struct {
	Name string
	Dir  bool
	Link bool // a symbolic link; COPY of the folder copies the link
}

// Root is the context's folder, absolute.
func (c *Context) Root() string { return c.root }

// How says who named the folder, for messages.
func (c *Context) How() string { return c.how }

// IgnoreFile is the path on disk of the .dockerignore in force, and of the one
// to create if there is none.
func (c *Context) IgnoreFile() string { return c.ignoreFile }

// IgnoreText is what the file of that name holds, or will hold.
func (c *Context) IgnoreText() string { return c.ignoreText }

// Exists reports whether COPY sees the path. Symbolic links are followed inside
// the context; a path that leaves it does not exist.
func (c *Context) Exists(p string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _, err := c.resolve(p)
	return err == nil
}

// IsDir reports whether COPY sees the path as a folder.
func (c *Context) IsDir(p string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, fi, err := c.resolve(p)
	return err == nil && fi.IsDir()
}

// Shared reports whether a folder that COPY sees, or one above it, lets others than its
// owner write, so that a user who owns nothing of it may.
func (c *Context) Shared(dir string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, up := range upward(path.Clean(dir)) {
		if up == "." {
			break
		}
		if _, fi, err := c.resolve(up); err != nil || fi.Mode().Perm()&0o022 != 0 {
			return true
		}
	}
	return false
}

// Size returns the bytes of a file that COPY sees; ok is false for anything else.
func (c *Context) Size(p string) (bytes int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, fi, err := c.resolve(p)
	if err != nil || !fi.Mode().IsRegular() {
		return 0, false
	}
	return fi.Size(), true
}

// Ignored reports whether .dockerignore leaves the path out, now or when it
// comes to exist. A folder that is left out still shows when an exception brings
// back something in it. A path outside the context is ignored.
func (c *Context) Ignored(p string) bool {
	p, ok := inside(p)
	if !ok {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ignore.of(p).excluded
}

// Read returns the bytes of a file that COPY sees, of at most 64 MiB.
func (c *Context) Read(p string) ([]byte, error) {
	c.mu.Lock()
	at, fi, err := c.resolve(p)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", p)
	}
	if fi.Size() > maxRead {
		return nil, fmt.Errorf("%s %w", p, ErrTooBig)
	}
	f, err := os.Open(c.disk(at))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRead+1))
	if err == nil && len(text) > maxRead {
		err = fmt.Errorf("%s %w", p, ErrTooBig)
	}
	return text, err
}

// ReadDir lists what COPY sees in a folder, sorted by name.
func (c *Context) ReadDir(p string) ([]Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, fi, err := c.resolve(p)
	if err != nil {
		return nil, err
	}
	if !fi.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", p)
	}
	return c.list(at)
}

// Glob returns the paths that a COPY source selects, sorted. A source without a
// wildcard selects itself. Nothing selected is no error, as for COPY.
func (c *Context) Glob(pattern string) ([]string, error) {
	clean, ok := inside(pattern)
	if !ok {
		return nil, fmt.Errorf("%s %w", pattern, ErrOutside)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	base, glob := splitWildcards(clean)
	at, fi, err := c.resolve(base)
	if err != nil {
		return nil, err
	}
	if glob == "" {
		return []string{base}, nil
	}
	if _, err := path.Match(glob, ""); err != nil {
		return nil, nil // BuildKit matches nothing then
	}
	var out []string
	// A negated class matches a slash too, so depth says nothing then.
	depth := strings.Count(glob, "/") + 1
	if strings.Contains(glob, "[") {
		depth = 1 << 30
	}
	seen := 0
	var walk func(dir, rel string, left int) error
	walk = func(dir, rel string, left int) error {
		entries, err := c.list(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if seen++; seen > c.limit {
				return fmt.Errorf("%s holds more than %d files", display(c.root), c.limit)
			}
			r := path.Join(rel, e.Name)
			if ok, _ := path.Match(glob, r); ok {
				out = append(out, path.Join(at, r))
			} else if e.Dir && left > 1 {
				if err := walk(path.Join(dir, e.Name), r, left-1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if fi.IsDir() {
		err = walk(at, "", depth)
	}
	sort.Strings(out)
	return out, err
}

// WalkFiles returns every file and link that COPY . sees, sorted, found once. A
// folder that cannot be read is an error, and so are more than 200,000 paths; what
// was found by then is returned with it.
func (c *Context) WalkFiles() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.walked {
		return slices.Clone(c.files), c.err
	}
	c.walked = true
	seen := 0
	var first error
	var walk func(dir string, v verdict) bool
	walk = func(dir string, v verdict) bool {
		entries, err := os.ReadDir(c.disk(dir))
		if err != nil {
			// A folder that is left out need not be readable.
			if first == nil && !v.excluded {
				first = err
			}
			return true
		}
		for _, e := range entries {
			if seen++; seen > c.limit {
				first = fmt.Errorf("%s holds more than %d files", display(c.root), c.limit)
				return false
			}
			p := path.Join(dir, e.Name())
			w := c.ignore.judge(p, v)
			if e.IsDir() {
				if !w.pruned && !walk(p, w) {
					return false
				}
			} else if !w.excluded {
				c.files = append(c.files, p)
			}
		}
		return true
	}
	walk(".", verdict{})
	sort.Strings(c.files)
	c.err = first
	return slices.Clone(c.files), c.err
}

func (c *Context) disk(p string) string { return filepath.Join(c.root, filepath.FromSlash(p)) }

func (c *Context) lstat(p string) (fs.FileInfo, error) {
	l := c.look(p)
	return l.info, l.err
}

func (c *Context) look(p string) link {
	l, ok := c.links[p]
	if !ok {
		l.info, l.err = os.Lstat(c.disk(p))
		if l.err == nil && l.info.Mode()&fs.ModeSymlink != 0 {
			l.target, l.err = os.Readlink(c.disk(p))
		}
		c.links[p] = l
	}
	return l
}

// resolve follows a path as COPY follows a source: part by part, over links that
// stay inside the context and that are not ignored themselves.
func (c *Context) resolve(p string) (string, fs.FileInfo, error) {
	clean, ok := inside(p)
	if !ok {
		return "", nil, fmt.Errorf("%s %w", p, ErrOutside)
	}
	at, todo := ".", strings.Split(clean, "/")
	for hops := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if at == "." {
				return "", nil, fmt.Errorf("%s %w", p, ErrOutside)
			}
			at = path.Dir(at)
			continue
		}
		at = path.Join(at, part)
		l := c.look(at)
		if l.err != nil {
			return "", nil, absent(p, l.err)
		}
		if l.info.Mode()&fs.ModeSymlink == 0 {
			if len(todo) > 0 && !l.info.IsDir() {
				return "", nil, absent(p, syscall.ENOTDIR)
			}
			continue
		}
		if hops++; hops > maxLinks {
			return "", nil, fmt.Errorf("%s has too many symbolic links", p)
		}
		if c.ignore.of(at).excluded {
			return "", nil, absent(p, fs.ErrNotExist)
		}
		if filepath.IsAbs(l.target) || strings.HasPrefix(l.target, "/") {
			return "", nil, fmt.Errorf("%s %w", p, ErrOutside)
		}
		todo = append(strings.Split(filepath.ToSlash(l.target), "/"), todo...)
		at = path.Dir(at)
	}
	fi, err := c.lstat(at)
	if err != nil {
		return "", nil, absent(p, err)
	}
	if !c.shows(at, fi.IsDir(), c.ignore.of(at)) {
		return "", nil, absent(p, fs.ErrNotExist)
	}
	return at, fi, nil
}

// shows reports whether the walk sends a path that exists: it is not left out,
// or it is a folder with something in it that is brought back.
func (c *Context) shows(p string, dir bool, v verdict) bool {
	if p == "." || !v.excluded {
		return true
	}
	if !dir || v.pruned {
		return false
	}
	entries, err := os.ReadDir(c.disk(p))
	if err != nil {
		return false
	}
	for _, e := range entries {
		q := path.Join(p, e.Name())
		if c.shows(q, e.IsDir(), c.ignore.judge(q, v)) {
			return true
		}
	}
	return false
}

// list is the visible content of a folder given by its real path.
func (c *Context) list(p string) ([]Entry, error) {
	if l, ok := c.dirs[p]; ok {
		return l.entries, l.err
	}
	var l listing
	found, err := os.ReadDir(c.disk(p))
	l.err = err
	v := c.ignore.folder(p)
	for _, e := range found {
		q := path.Join(p, e.Name())
		if c.shows(q, e.IsDir(), c.ignore.judge(q, v)) {
			l.entries = append(l.entries, Entry{Name: e.Name(), Dir: e.IsDir(), Link: e.Type()&fs.ModeSymlink != 0})
		}
	}
	c.dirs[p] = l
	return l.entries, l.err
}

// absent is the error for a path that COPY does not see; other causes, such as a
// folder that may not be entered, are kept.
func absent(p string, err error) error {
	if os.IsNotExist(err) || notDir(err) {
		return &fs.PathError{Op: "copy", Path: p, Err: fs.ErrNotExist}
	}
	return err
}

func notDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// splitWildcards parts a source before its first part with a wildcard.
func splitWildcards(p string) (base, glob string) {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if hasWildcard(part) {
			return path.Join(append([]string{"."}, parts[:i]...)...), path.Join(parts[i:]...)
		}
	}
	return p, ""
}

// hasWildcard is BuildKit's test: an escaped character is no wildcard.
func hasWildcard(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// readWithin reads a file whose links stay inside dir, and says whether it is there.
func readWithin(dir, name string) (text []byte, there bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, false, err
	}
	defer root.Close()
	read, err := source.ReadFrom(func(flag int) (*os.File, error) { return root.OpenFile(name, flag, 0) }, 1<<20)
	return []byte(read), err == nil || errors.Is(err, ErrTooBig), err
}

// excepts reports whether .dockerignore has an exception.
func (c *Context) excepts() bool {
	return c.ignore.matcher != nil && c.ignore.matcher.Exclusions()
}

// contextPath is a path on disk as one of the context; "" if it is outside.
func (c *Context) contextPath(disk string) string {
	rel, err := filepath.Rel(c.root, disk)
	if err != nil {
		return ""
	}
	p, ok := inside(filepath.ToSlash(rel))
	if !ok {
		return ""
	}
	return p
}
