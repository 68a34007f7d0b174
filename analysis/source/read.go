package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// ErrTooBig is the error of a file that holds more than it may.
var ErrTooBig = errors.New("is too big to read")

// ReadFile returns the text of a file of at most limit bytes. It is for files that
// somebody else may have made: a folder, a pipe, which would make it wait, or a
// device, which might never end, is an error that says so.
func ReadFile(path string, limit int64) (string, error) {
	return ReadFrom(func(flag int) (*os.File, error) { return os.OpenFile(path, flag, 0) }, limit)
}

// ReadFrom is ReadFile of what open opens with the flags that it is given.
func ReadFrom(open func(flag int) (*os.File, error), limit int64) (string, error) {
	f, err := open(os.O_RDONLY | syscall.O_NONBLOCK)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	refuse := func(why error) (string, error) {
		return "", &os.PathError{Op: "read", Path: f.Name(), Err: why}
	}
	switch {
	case info.IsDir():
		return refuse(errors.New("is a folder, not a file"))
	case !info.Mode().IsRegular():
		return refuse(errors.New("is not a regular file"))
	case info.Size() > limit:
		return refuse(fmt.Errorf("%w: more than %d bytes", ErrTooBig, limit))
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit { // files of /proc have no size
		return refuse(fmt.Errorf("%w: more than %d bytes", ErrTooBig, limit))
	}
	return string(b), err
}
