// Baseline walks a folder, reads its Dockerfiles and has BuildKit parse them, on all
// processors: the least that a linter of Dockerfiles has to do. With "checks" it has
// BuildKit run Docker's build checks too, over images that are empty.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shale-build/shale/analysis/discover"
)

type empty struct{}

func (empty) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"os":"linux","architecture":"amd64"}`), nil
}

var caps = pb.Caps.CapSet(pb.Caps.All())

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
				if len(os.Args) > 2 {
					platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
					source := llb.NewSourceMap(nil, path, "Dockerfile", text)
					source.Definition = &llb.Definition{}
					_, _ = dockerfile2llb.DockerfileLint(context.Background(), text, dockerfile2llb.ConvertOpt{
						TargetPlatform: &platform, MetaResolver: empty{}, SourceMap: source, LLBCaps: &caps,
					})
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
