// Package compile turns a Dockerfile into the operations and the image config that a
// build of it would use, by BuildKit's own compiler over made-up base images, and runs
// Docker's own checks. It needs no daemon and asks no network.
package compile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shale-build/shale/analysis/syntax"
)

// Options says how to compile.
type Options struct {
	Target   string // a stage's name, or its number for one without a name of its own; "" for the last
	Base     Base
	Args     bool   // give every ARG a value of its own
	Shape    Shape  // what those values look like
	Platform string // the target platform; "" for linux/amd64. The build platform is always linux/amd64.
}

// A Shape says what the values look like that Args gives.
type Shape uint8

const (
	// Likely makes a value that looks like the ARG's default: a number for a number.
	Likely Shape = iota
	// Numeric makes numbers, which are ports, user numbers and modes as well.
	Numeric
	// Word makes words, which are names, paths, tags and versions as well.
	Word
)

// ErrInternal is the error of a compiler that panicked.
var ErrInternal = errors.New("BuildKit's compiler failed")

// A Dockerfile is a text that is compiled more than once. It is safe for use by
// several goroutines.
type Dockerfile struct {
	content  string
	doc      func() *syntax.Document
	declared func() declarations
	targets  func() ([]Target, error)
	stages   func() Stages

	mu     sync.Mutex
	linted map[string]linted // by .dockerignore
	ops    *operations
}

// operations are the operations of texts that are alike, each made once: by the digest
// of what BuildKit makes of it, which holds the digests of its inputs.
type operations struct {
	mu       sync.Mutex
	byDigest map[string]*Op
}

// New takes a text. Whether it compiles shows later.
func New(content string) *Dockerfile {
	return newDockerfile(content, sync.OnceValue(func() *syntax.Document { return syntax.Parse(content) }))
}

// Of takes a text that is read already.
func Of(doc *syntax.Document) *Dockerfile {
	return newDockerfile(doc.Content, func() *syntax.Document { return doc })
}

func newDockerfile(content string, read func() *syntax.Document) *Dockerfile {
	return &Dockerfile{
		content:  content,
		doc:      read,
		declared: sync.OnceValue(func() declarations { return declared(read()) }),
		targets:  sync.OnceValues(func() ([]Target, error) { return targets(content, staged(read())) }),
		stages:   sync.OnceValue(func() Stages { return cut(read()) }),
		ops:      &operations{byDigest: map[string]*Op{}},
	}
}

// Beside makes d's graphs share the operations that those of another text hold too. It
// comes before d is compiled.
func (d *Dockerfile) Beside(other *Dockerfile) { d.ops = other.ops }

// Compile compiles one target of a text.
func Compile(ctx context.Context, content string, o Options) (*Graph, error) {
	return New(content).Compile(ctx, o)
}

// Compile compiles one target. An error is BuildKit's own, in its words, or that
// of ctx; that a check fails the build by "# check=error=true" is none, and is asked of
// Lint. Graphs are only read: their operations are shared.
func (d *Dockerfile) Compile(ctx context.Context, o Options) (_ *Graph, err error) {
	defer recovered(&err)
	res, def, err := d.marshal(ctx, o, false)
	if err != nil {
		return nil, err
	}
	g, err := d.ops.graph(def)
	if err != nil {
		return nil, err
	}
	g.Image, err = imageConfig(res)
	return g, err
}

// Compiles is the error of a build of the target, that of a failing check too.
func (d *Dockerfile) Compiles(ctx context.Context, o Options) (err error) {
	defer recovered(&err)
	_, _, err = d.marshal(ctx, o, true)
	return err
}

// marshal has BuildKit compile one target, and say what fails by its checks if wanted.
func (d *Dockerfile) marshal(ctx context.Context, o Options, checks bool) (*dockerfile2llb.Result, *llb.Definition, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	content, target, narrower, err := d.narrow(o.Target)
	if err != nil {
		return nil, nil, err
	}
	if narrower != "" {
		// What is wrong is said of the whole text.
		if res, def, err := d.marshalText(ctx, narrower, target, o, checks); err == nil {
			return res, def, nil
		}
	}
	return d.marshalText(ctx, content, target, o, checks)
}

func (d *Dockerfile) marshalText(ctx context.Context, content, target string, o Options, checks bool) (*dockerfile2llb.Result, *llb.Definition, error) {
	platform, err := platforms.Parse(orDefault(o.Platform, "linux/amd64"))
	if err != nil {
		return nil, nil, err
	}
	opt := dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			Target:         target,
			BuildArgs:      d.declared().values(o),
			BuildPlatforms: []ocispecs.Platform{buildPlatform},
		},
		TargetPlatform: &platform,
		MetaResolver:   resolver{base: o.Base},
		LLBCaps:        &caps,
	}
	if checks { // which count only when somebody listens
		opt.Warn = ignoreWarning
	}
	res, err := dockerfile2llb.Dockerfile2LLB(ctx, []byte(content), opt)
	if err != nil {
		return nil, nil, err
	}
	// Two compilations ask for the same files, and name the asking alike.
	def, err := res.State.Marshal(ctx, llb.Platform(platform), llb.WithCaps(caps), llb.LocalUniqueID("shale"))
	return res, def, err
}

// caps say that a daemon can do all that this BuildKit knows. They are only read.
var caps = pb.Caps.CapSet(pb.Caps.All())

var buildPlatform = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrInternal, r)
	}
}

// imageConfig is the image's config, platform and author as JSON in one form: keys of maps
// are sorted, lists keep their order. History is not part of it.
func imageConfig(res *dockerfile2llb.Result) (string, error) {
	dt, err := json.Marshal(struct {
		Config   any
		Platform ocispecs.Platform
		Author   string
	}{res.Image.Config, res.Image.Platform, res.Image.Author})
	return string(dt), err
}

// graph reads a marshalled definition.
func (ops *operations) graph(def *llb.Definition) (*Graph, error) {
	ops.mu.Lock()
	defer ops.mu.Unlock()
	g := &Graph{Ops: make([]*Op, 0, len(def.Def))}
	own := make(map[string]*Op, len(def.Def))
	for i, dt := range def.Def {
		last := i == len(def.Def)-1 // it only points at the result
		name := digestOf(dt)
		if o, ok := ops.byDigest[name]; ok && !last {
			own[name] = o
			g.Ops = append(g.Ops, o)
			continue
		}
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, fmt.Errorf("reading a compiled operation: %w", err)
		}
		inputs := make([]Edge, 0, len(op.Inputs))
		for _, in := range op.Inputs {
			from, ok := own[in.Digest]
			if !ok {
				return nil, fmt.Errorf("%w: an operation without its input", ErrInternal)
			}
			inputs = append(inputs, Edge{from, int(in.Index)})
		}
		if last {
			if len(inputs) == 1 {
				g.Root = inputs[0]
			}
			break
		}
		o, err := newOp(&op, inputs)
		if err != nil {
			return nil, err
		}
		ops.byDigest[name], own[name] = o, o
		g.Ops = append(g.Ops, o)
	}
	return g, nil
}

// narrow finds the text and the target name that make BuildKit compile the wanted
// stage, and a shorter text that does as well, "" for none. A stage without a name of
// its own can only be compiled as the last one.
func (d *Dockerfile) narrow(target string) (content, name, narrower string, err error) {
	if target == "" { // which shows that the whole text compiles
		return d.content, "", "", nil
	}
	ts, err := d.targets()
	if err != nil {
		return "", "", "", err
	}
	all := d.stages()
	known := len(all.All) == len(ts) && len(d.doc().Problems) == 0
	for i, t := range ts {
		switch {
		case t.Own && strings.EqualFold(t.Name, target):
			content, name = d.content, target
		case strconv.Itoa(t.Index) == target:
			content = d.content[:t.end]
			if known {
				all.All = all.All[:i+1]
			}
		default:
			continue
		}
		if known {
			narrower = all.only(i)
		}
		return content, name, narrower, nil
	}
	if strings.Trim(target, "0123456789") != "" {
		return d.content, target, "", nil
	}
	return "", "", "", fmt.Errorf("there is no stage %s", target)
}

// Doc is the text as it reads.
func (d *Dockerfile) Doc() *syntax.Document { return d.doc() }

// Content is the text.
func (d *Dockerfile) Content() string { return d.content }
