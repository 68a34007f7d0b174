// Baseline walks a folder, reads its Dockerfiles and has BuildKit parse them, on all
// processors: the least that a linter of Dockerfiles has to do.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/shale-build/shale/analysis/discover"
)

func main() {
	paths := make(chan string, 64)
	var files atomic.Int64
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for path := range paths {
				text, err := os.ReadFile(path)
				if err != nil {
					continue
				}
				files.Add(1)
				if result, err := parser.Parse(bytes.NewReader(text)); err == nil {
					_, _, _ = instructions.Parse(result.AST, nil)
				}
			}
		})
	}
	err := filepath.WalkDir(os.Args[1], func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && discover.Named(d.Name()) {
			paths <- path
		}
		return err
	})
	close(paths)
	all.Wait()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(files.Load())
}
