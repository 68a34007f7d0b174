package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/cmd/shale/internal/report"
)

// A target is a Dockerfile to work on.
type target struct {
	shown string // as the user knows it
	path  string // on disk; for standard input the path that it stands for, or ""
	stdin bool
	pipe  string // the pipe or device that it is read from, which is no path on disk
	why   string // which file led to it; "" for a file that was named or found
}

// find turns arguments into files. What is wrong with some of them stands in the
// report, the rest is worked on.
func (s *session) find(args []string) (files []target, bad []report.File, err error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var paths []string
	for _, arg := range args {
		if arg != "-" {
			paths = append(paths, arg)
		}
	}
	stdin := slices.Contains(args, "-")
	if s.stdin != "" && !stdin {
		return nil, nil, errors.New("--stdin-filename goes with -, which is not among the paths")
	}
	if stdin {
		files = append(files, target{shown: cmp.Or(s.stdin, "-"), path: s.stdin, stdin: true})
	}
	if len(paths) == 0 {
		files, _ = s.learn(&discover.Result{}, files)
		return files, nil, nil
	}
	found := discover.Find(paths, discover.Options{Excluded: s.configs.excluded, Forced: s.forced})
	for _, f := range found.Files {
		files = append(files, onFile(f.Path, f.Stream))
	}
	for _, p := range found.Problems {
		bad = append(bad, report.File{Path: p.Path, Err: p})
	}
	files, unread := s.learn(found, files)
	bad = append(bad, unread...)
	for _, dir := range found.Empty {
		s.say(fmt.Sprintf("%s: no Dockerfile in this folder", dir))
	}
	return files, bad, nil
}

// onFile is the target that a path on disk names; a stream is a pipe or a device.
func onFile(path string, stream bool) target {
	if stream {
		return target{shown: path, pipe: path}
	}
	return target{shown: path, path: path}
}
