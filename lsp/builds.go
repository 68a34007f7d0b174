package lsp

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"sync"

	"github.com/shale-build/shale/analysis/builds"
	"github.com/shale-build/shale/analysis/discover"
)

// buildFiles are the compose and bake files beside and above documents, each read
// once.
type buildFiles struct {
	log *log.Logger

	mu    sync.Mutex
	dirs  map[string][]string       // the files of a folder
	files map[string][]builds.Build // what stands in a file
	known map[string][]builds.Build // by Dockerfile
}

func newBuildFiles(l *log.Logger) *buildFiles {
	return &buildFiles{log: l, dirs: map[string][]string{}, files: map[string][]builds.Build{}, known: map[string][]builds.Build{}}
}

// of returns the builds of a Dockerfile that the files up to its repository's root
// describe, as shale check does.
func (b *buildFiles) of(path string) []builds.Build {
	b.mu.Lock()
	defer b.mu.Unlock()
	out, ok := b.known[path]
	if ok || path == "" {
		return out
	}
	defer func(named string) { b.known[named] = out }(path)
	path = builds.Real(path)
	for _, dir := range discover.Upward(filepath.Dir(path)) {
		for _, file := range b.in(dir) {
			for _, build := range b.read(file) {
				if build.Dockerfile == path {
					out = append(out, build)
				}
			}
		}
	}
	return out
}

func (b *buildFiles) in(dir string) []string {
	files, ok := b.dirs[dir]
	if !ok {
		entries, _ := os.ReadDir(dir) // one that cannot be read has none
		for _, e := range entries {
			if builds.Named(e.Name()) && !e.IsDir() {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
		b.dirs[dir] = files
	}
	return files
}

func (b *buildFiles) read(file string) []builds.Build {
	all, ok := b.files[file]
	if !ok {
		var err error
		if all, err = builds.Read(context.Background(), file); err != nil {
			b.log.Printf("%s is left out: %v", file, err)
		}
		b.files[file] = all
	}
	return all
}
