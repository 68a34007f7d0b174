package buildctx

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
)

// A World is what an install reads from the context and what it makes there. It
// is closed and known when Refusals is empty.
type World struct {
	Files    []string // context paths that the install reads, sorted; those that exist and that COPY sees
	Creates  []string // context paths that it makes or replaces, with all below them
	Refusals []Refusal

	// Assumes holds what the install relies on and what no file in the context can
	// prove, in a user's words. Most worlds assume nothing.
	Assumes []string

	// With holds flags with which the install could do without what it is refused for,
	// if it ran again as it is after the copy.
	With []string
}

// A Refusal is a reason why an install's files cannot be copied ahead of the rest.
type Refusal struct {
	Reason string // in a user's words, without a full stop
	Cure   string // what would make it go away, as an imperative; "" if nothing simple does
	Path   string // the context path that it is about; "" if none
	Line   int    // the line in Path, from 1; 0 if none
	Hard   bool   // not even an unsafe fix is sensible: a manifest is missing or does not parse, or the fix would gain nothing
	Vain   bool   // the install fetches nothing, so that there is nothing to gain
}

// NPMOptions says how npm is called.
type NPMOptions struct {
	CI            bool // npm ci and its aliases; false for npm install
	IgnoreScripts bool // --ignore-scripts is given or in force through the environment
}

// PipOptions says what a pip install is given.
type PipOptions struct {
	Requirements []string // values of -r, relative to the folder
	Constraints  []string // values of -c, relative to the folder
	Packages     []string // the other requirements on the command line, as the shell passes them
	Module       bool     // run as "python -m pip", which puts the working folder first in Python's search path
}

// A builder collects a World.
type builder struct {
	c     *Context
	world World
	files map[string]bool
}

func newBuilder(c *Context) *builder { return &builder{c: c, files: map[string]bool{}} }

func (b *builder) refuse(r Refusal) {
	if !slices.Contains(b.world.Refusals, r) {
		b.world.Refusals = append(b.world.Refusals, r)
	}
}

// file adds a file that the install reads.
func (b *builder) file(p string) {
	if !b.files[p] {
		b.files[p] = true
		b.world.Files = append(b.world.Files, p)
	}
}

// makes adds paths that the install creates, and refuses those that COPY could
// bring as well.
func (b *builder) makes(paths ...string) {
	var shown []string
	for _, p := range paths {
		b.world.Creates = append(b.world.Creates, p)
		if !b.c.HidesTree(p) {
			shown = append(shown, p)
		}
	}
	if len(shown) == 0 {
		return
	}
	file := path.Base(display(b.c.IgnoreFile()))
	is, line := "is", "line "
	if len(shown) > 1 {
		is, line = "are", "lines "
	}
	all := strings.Join(shown, ", ")
	b.refuse(Refusal{
		Reason: fmt.Sprintf("%s %s not in %s", all, is, file),
		Cure:   fmt.Sprintf("add the %s%s to %s", line, all, file), Path: b.c.contextPath(b.c.ignoreFile),
	})
}

func (b *builder) done() World {
	sort.Strings(b.world.Files)
	sort.Strings(b.world.Creates)
	b.world.Creates = slices.Compact(b.world.Creates)
	return b.world
}

// dotenv refuses files of a folder whose variables a manager loads.
func (b *builder) dotenv(dir string, names ...string) {
	for _, name := range names {
		if env := path.Join(dir, name); b.find(env) != missing {
			b.refuse(Refusal{Reason: env + " sets variables that may change the install", Cure: "add " + name + " to .dockerignore", Path: env})
		}
	}
}

// index refuses an index of packages, as a file has it, that is no address in the network.
func (b *builder) index(p string, address any) {
	if s, _ := address.(string); !npmURL.MatchString(s) {
		b.refuse(Refusal{Reason: fmt.Sprintf("%s takes packages from %v, which may be a folder of the project", p, address), Path: p})
	}
}

// A state says whether the install finds a file.
type state uint8

const (
	missing state = iota // COPY does not see it
	present
	unknown // it is refused: a link, a folder, unreadable
)

// find looks for a file that the install would read, and refuses one that is not
// a plain file in plain folders: a link leads elsewhere in the image than here.
func (b *builder) find(p string) state {
	p = path.Clean(p)
	b.c.mu.Lock()
	at, fi, err := b.c.resolve(p)
	b.c.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A dangling or hidden link may lead somewhere in the image.
		if b.c.linked(p) {
			break
		}
		return missing
	case err != nil:
		b.refuse(Refusal{Reason: fmt.Sprintf("%s cannot be looked at: %v", p, reason(err)), Path: p, Hard: true})
		return unknown
	case at == p && fi.Mode().IsRegular():
		return present
	case at == p:
		b.refuse(Refusal{Reason: p + " is not a regular file", Path: p, Hard: true})
		return unknown
	}
	b.refuse(Refusal{Reason: p + " is reached over a symbolic link", Path: p})
	return unknown
}

// read is find and the file's text, which it adds to the world.
func (b *builder) read(p string) (string, state) {
	p = path.Clean(p)
	s := b.find(p)
	if s != present {
		return "", s
	}
	text, err := b.c.Read(p)
	if err != nil {
		b.refuse(Refusal{Reason: fmt.Sprintf("%s cannot be read: %v", p, reason(err)), Path: p, Hard: true})
		return "", unknown
	}
	b.file(p)
	return string(text), present
}

// linked reports whether a link that COPY brings stands on the way to p.
func (c *Context) linked(p string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := "."
	for part := range strings.SplitSeq(p, "/") {
		at = path.Join(at, part)
		l := c.look(at)
		if l.err != nil {
			return false
		}
		if l.info.Mode()&fs.ModeSymlink != 0 {
			return !c.ignore.of(at).excluded
		}
	}
	return false
}

// folder cleans the folder that an install runs in and refuses one that is not
// a plain folder of the context.
func (b *builder) folder(dir string) (string, bool) {
	p, ok := inside(dir)
	if !ok {
		b.refuse(Refusal{Reason: dir + " leaves the build context", Path: dir, Hard: true})
		return "", false
	}
	b.c.mu.Lock()
	at, fi, err := b.c.resolve(p)
	b.c.mu.Unlock()
	switch {
	case err != nil:
		b.refuse(Refusal{Reason: fmt.Sprintf("the build context holds no folder %s", p), Path: p, Hard: true})
	case at != p:
		b.refuse(Refusal{Reason: p + " is reached over a symbolic link", Path: p})
	case !fi.IsDir():
		b.refuse(Refusal{Reason: p + " is not a folder", Path: p, Hard: true})
	default:
		return p, true
	}
	return "", false
}

// within joins a path that a manifest in dir names; false if it leaves the context.
func within(dir, p string) (string, bool) {
	if strings.HasPrefix(p, "/") {
		return "", false
	}
	return inside(path.Join(dir, p))
}

// upward lists dir and the folders above it in the context.
func upward(dir string) []string {
	up := []string{dir}
	for dir != "." {
		dir = path.Dir(dir)
		up = append(up, dir)
	}
	return up
}
