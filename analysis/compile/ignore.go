package compile

import (
	"context"
	"errors"
	"io/fs"

	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// ignoring makes what BuildKit's compiler asks for the patterns of .dockerignore. It is
// nil where there are none: then nothing is asked.
func ignoring(text string) (*dockerui.Client, error) {
	if text == "" {
		return nil, nil
	}
	return dockerui.NewClient(onlyIgnore{text: text})
}

// onlyIgnore is an engine whose build context holds a .dockerignore and nothing else.
type onlyIgnore struct {
	gateway.Client // what else it is asked for would be a fault of ours
	text           string
}

func (o onlyIgnore) BuildOpts() gateway.BuildOpts {
	return gateway.BuildOpts{Opts: map[string]string{}, LLBCaps: caps, Caps: gatewaypb.Caps.CapSet(nil)}
}

func (o onlyIgnore) Solve(context.Context, gateway.SolveRequest) (*gateway.Result, error) {
	res := gateway.NewResult()
	res.SetRef(ignoreFile{text: o.text})
	return res, nil
}

// ignoreFile is the folder in which that file lies.
type ignoreFile struct {
	gateway.Reference
	text string
}

func (f ignoreFile) StatFile(_ context.Context, r gateway.StatRequest) (*fstypes.Stat, error) {
	if r.Path != dockerui.DefaultDockerignoreName {
		return nil, errors.Join(fs.ErrNotExist, errors.New(r.Path))
	}
	return &fstypes.Stat{Path: r.Path, Size: int64(len(f.text))}, nil
}

func (f ignoreFile) ReadFile(_ context.Context, r gateway.ReadRequest) ([]byte, error) {
	if r.Filename != dockerui.DefaultDockerignoreName {
		return nil, errors.Join(fs.ErrNotExist, errors.New(r.Filename))
	}
	return []byte(f.text), nil
}
