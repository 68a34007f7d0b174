package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/shale-build/shale/analysis/builds"
	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/cmd/shale/internal/report"
)

// learn reads the compose and bake files that were found, and those beside and
// above the files up to their repository's root. The Dockerfiles of a named one
// are worked on too.
func (s *session) learn(found *discover.Result, files []target) (_ []target, bad []report.File) {
	s.builds = map[string][]builds.Build{}
	done := map[string]bool{}
	for _, f := range found.Builds {
		all, err := s.readBuilds(f.Path, done)
		if err != nil && f.Named {
			bad = append(bad, report.File{Path: f.Path, Err: err})
		} else if err != nil {
			s.say("warning: " + err.Error())
		}
		if f.Named && err == nil {
			files = s.add(files, all)
		}
	}
	seen := map[string]bool{}
	for _, t := range files {
		if t.path == "" {
			continue
		}
		for _, dir := range discover.Upward(filepath.Dir(s.paths.Real(t.path))) {
			if seen[dir] {
				break // and all above it
			}
			seen[dir] = true
			entries, err := os.ReadDir(dir)
			if err != nil {
				continue
			}
			for _, e := range entries {
				path := filepath.Join(dir, e.Name())
				if !builds.Named(e.Name()) || done[s.paths.Real(path)] {
					continue
				}
				if _, err := s.readBuilds(fromHere(path), done); err != nil {
					s.say("warning: " + err.Error())
				}
			}
		}
	}
	return files, bad
}

// readBuilds takes in one file, once.
func (s *session) readBuilds(path string, done map[string]bool) ([]builds.Build, error) {
	real := s.paths.Real(path)
	again := done[real]
	done[real] = true
	all, err := builds.Read(s.ctx, path)
	if again || err != nil {
		return all, err
	}
	for _, b := range all {
		s.builds[b.Dockerfile] = append(s.builds[b.Dockerfile], b)
	}
	return all, nil
}

// add adds the Dockerfiles of builds that are not among the files yet.
func (s *session) add(files []target, all []builds.Build) []target {
	there := map[string]bool{}
	for _, t := range files {
		there[s.paths.Real(t.path)] = true
	}
	for _, b := range all {
		if !there[b.Dockerfile] {
			there[b.Dockerfile] = true
			path := fromHere(b.Dockerfile)
			files = append(files, target{shown: path, path: path, why: fmt.Sprintf("%s builds %s from it", b.File, b.Name)})
		}
	}
	return files
}

// buildsOf are the builds of a file that are known.
func (s *session) buildsOf(t target) []builds.Build {
	if t.path == "" {
		return nil
	}
	return s.builds[s.paths.Real(t.path)]
}
