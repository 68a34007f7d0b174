package rewrite

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// ErrChanged is why a file is not written that no longer holds the text that was
// fixed, or that has come into being meanwhile.
var ErrChanged = errors.New("changed while it was being fixed; nothing was written, run again")

// WriteFile replaces the text before in the file at path by after, at once or not
// at all: no reader and no crash ever sees half of it. A symbolic link stays one
// and the file behind it is written. Mode and owner stay, and on Linux extended
// attributes and access lists as far as they may be set. The new text is a new
// file under the old name: another hard link to the old one keeps the old text,
// as with git and sed -i, for nobody asked to change a file of that name.
//
// It does nothing when after is before or already stands in the file. Errors name
// the path and what to do: a file or folder that is read-only, a link that leads
// nowhere, an owner that cannot be kept, ErrChanged.
func WriteFile(path, before, after string) error {
	if before == after {
		return nil
	}
	target, info, err := writable(path)
	if err != nil {
		return err
	}
	temp, err := tempFile(path, filepath.Dir(target), 0o600)
	if err != nil {
		return err
	}
	defer temp.discard()
	if err := temp.fill(after); err != nil {
		return err
	}
	if err := keepOwner(temp.file, info); err != nil {
		return fmt.Errorf("%s: cannot keep the file's owner: %w; run as its owner", path, reason(err))
	}
	if err := temp.file.Chmod(info.Mode()); err != nil {
		return fmt.Errorf("%s: cannot keep the file's mode: %w", path, reason(err))
	}
	keepAttributes(temp.file.Name(), target)
	if err := temp.close(); err != nil {
		return err
	}
	// Compared as late as can be, so that what an editor saved meanwhile is kept.
	now, err := os.ReadFile(target)
	switch {
	case err != nil:
		return fmt.Errorf("%s: cannot read it again before writing: %w", path, reason(err))
	case string(now) == after:
		return nil
	case string(now) != before:
		return fmt.Errorf("%s: %w", path, ErrChanged)
	}
	if err := os.Rename(temp.file.Name(), target); err != nil {
		return fmt.Errorf("%s: cannot replace the file: %w", path, reason(err))
	}
	return nil
}

// CreateFile makes a file that does not exist yet, at once or not at all. One that
// has come into being meanwhile is ErrChanged, unless it holds that very text. A link
// that leads nowhere stands in the way, and its error says so.
func CreateFile(path, text string) error {
	temp, err := tempFile(path, filepath.Dir(path), 0o666)
	if err != nil {
		return err
	}
	defer temp.discard()
	if err := temp.fill(text); err != nil {
		return err
	}
	if err := temp.close(); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces what stands there.
	err = os.Link(temp.file.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if _, missing := os.Lstat(path); errors.Is(missing, fs.ErrNotExist) {
			err = os.Rename(temp.file.Name(), path) // a file system without hard links
		}
	}
	if errors.Is(err, fs.ErrExist) {
		now, readErr := os.ReadFile(path)
		if readErr == nil && string(now) == text {
			return nil
		}
		if link, linkErr := os.Readlink(path); readErr != nil && linkErr == nil {
			return dangling(path, link, readErr)
		}
		return fmt.Errorf("%s: %w", path, ErrChanged)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot create the file: %w", path, reason(err))
	}
	return nil
}

// writable finds the file behind path and says why it cannot be written.
func writable(path string) (target string, info fs.FileInfo, err error) {
	target, err = filepath.EvalSymlinks(path)
	if err != nil {
		if link, linkErr := os.Readlink(path); linkErr == nil {
			return "", nil, dangling(path, link, err)
		}
		return "", nil, fmt.Errorf("%s: cannot write it: %w", path, reason(err))
	}
	info, err = os.Stat(target)
	if err != nil {
		return "", nil, fmt.Errorf("%s: cannot write it: %w", path, reason(err))
	}
	if !info.Mode().IsRegular() {
		return "", nil, fmt.Errorf("%s: cannot write it: it is not a regular file", path)
	}
	// A rename needs no right to the file itself, and root has every right; but
	// who makes a file read-only wants it left alone.
	if info.Mode().Perm()&0o222 == 0 {
		return "", nil, fmt.Errorf("%s: the file is read-only (%w); make it writable (chmod u+w) and run again", path, fs.ErrPermission)
	}
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return "", nil, fmt.Errorf("%s: the file cannot be written: %w; make it writable for you and run again", path, reason(err))
	}
	return target, info, f.Close()
}

func dangling(path, link string, err error) error {
	return fmt.Errorf("%s: the symbolic link to %s leads to no file: %w; mend or remove the link", path, link, reason(err))
}

// A pending file stands beside the one that it will replace, so that a rename
// stays within one file system.
type pending struct {
	path   string // of the file to be written, for messages
	file   *os.File
	closed bool
}

// A pending file that is so old belongs to a Shale that was killed.
const abandoned = time.Hour

var pendingName = lazyregexp.New(`^\.shale-[0-9a-z]{1,13}\.tmp$`)

// sweep removes what killed Shales left in a folder that is written to now. What it
// cannot remove may stay.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !pendingName.MatchString(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// tempFile opens a new file in dir. perm is subject to the umask.
func tempFile(path, dir string, perm fs.FileMode) (*pending, error) {
	sweep(dir)
	for {
		// A name of its own length, for path's may be as long as names can be;
		// with a dot, and like no Dockerfile's, for whoever walks the folder now.
		name := filepath.Join(dir, ".shale-"+strconv.FormatUint(rand.Uint64(), 36)+".tmp")
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		switch {
		case err == nil:
			return &pending{path: path, file: f}, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("%s: cannot make a file in its folder %s: %w; make the folder writable for you and run again", path, dir, reason(err))
		}
	}
}

// fill writes the text down to the disk, or a crash after the rename could leave
// an empty file.
func (p *pending) fill(text string) error {
	if _, err := p.file.WriteString(text); err != nil {
		return fmt.Errorf("%s: cannot write the new text beside it: %w", p.path, reason(err))
	}
	if err := p.file.Sync(); err != nil {
		return fmt.Errorf("%s: cannot write the new text beside it: %w", p.path, reason(err))
	}
	return nil
}

func (p *pending) close() error {
	p.closed = true
	if err := p.file.Close(); err != nil {
		return fmt.Errorf("%s: cannot write the new text beside it: %w", p.path, reason(err))
	}
	return nil
}

// discard removes the file if it still has its first name.
func (p *pending) discard() {
	if !p.closed {
		p.file.Close()
	}
	os.Remove(p.file.Name())
}

// reason strips the call and the path, which the message already says, from an error.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
