package verify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	dockerconfig "github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// A Setup is what all builds of one verification have in common.
type Setup struct {
	Dockerfile  string // before's path on disk, for the .dockerignore beside it; "" for text alone
	Context     string // the folder
	Target      string
	Platform    string
	BuildArgs   map[string]string
	Named       []NamedContext
	Secrets     []Secret
	Compression string // of the images that are measured: "gzip", "zstd", "uncompressed"
}

// A NamedContext is NAME=VALUE of --build-context.
type NamedContext struct{ Name, Value string }

// A Secret is one that a RUN may mount. File and Env are alternatives.
type Secret struct{ ID, File, Env string }

// A recipe is a Dockerfile's text and the files that go with it.
type recipe struct {
	text   string
	ignore *string           // the .dockerignore in place of the context's, if there is one
	files  map[string]string // files of the context that have another content, by their path in it
}

// A request asks an engine for one build.
type request struct {
	name        string
	recipe      recipe
	cold        bool   // without cache
	caches      string // the namespace of the cache mounts, so that those of others are neither used nor filled
	export      bool   // the image is wanted
	compression string
}

// A run is one build as it went.
type run struct {
	steps *journal
	wall  time.Duration
	image *built // if it was wanted
}

// dockerfileName is how the Dockerfile is called in every build, whatever its
// name is.
const dockerfileName = "Dockerfile"

// build makes one build. temp is a folder for what it receives. shown is told of
// everything that the engine tells; it may be nil.
func (s *Setup) build(ctx context.Context, e *Engine, r request, known *layers, temp string, shown func(*client.SolveStatus)) (*run, error) {
	opt := client.SolveOpt{Frontend: "dockerfile.v0"}
	if err := s.inputs(&opt, r.recipe); err != nil {
		return nil, err
	}
	opt.FrontendAttrs["build-arg:BUILDKIT_CACHE_MOUNT_NS"] = r.caches
	if r.cold {
		opt.FrontendAttrs["no-cache"] = ""
	}
	var store content.Store
	if r.export {
		dir, err := os.MkdirTemp(temp, "image-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if store, err = newReceiver(dir, known); err != nil {
			return nil, err
		}
		opt.Exports = []client.ExportEntry{{
			Type:        client.ExporterOCI,
			Attrs:       map[string]string{"tar": "false", "compression": r.compression},
			OutputStore: store,
		}}
	}
	out := &run{steps: newJournal()}
	status := make(chan *client.SolveStatus)
	told := make(chan struct{})
	go func() {
		defer close(told)
		for st := range status {
			out.steps.add(st)
			if shown != nil {
				shown(st)
			}
		}
	}()
	start := time.Now()
	response, err := e.client.Solve(ctx, nil, opt, status)
	<-told
	out.wall = time.Since(start)
	if err != nil || !r.export {
		return out, err
	}
	desc, err := descriptor(response)
	if err != nil {
		return out, err
	}
	out.image, err = readImage(ctx, store, desc, known)
	return out, err
}

// descriptor is that of the image which an engine exported.
func descriptor(r *client.SolveResponse) (ocispecs.Descriptor, error) {
	var desc ocispecs.Descriptor
	raw, err := base64.StdEncoding.DecodeString(r.ExporterResponse[exptypes.ExporterImageDescriptorKey])
	if err == nil {
		err = json.Unmarshal(raw, &desc)
	}
	if err != nil {
		return desc, fmt.Errorf("the engine does not say which image it made: %w", err)
	}
	return desc, nil
}

// inputs gives a build its files, arguments and secrets.
func (s *Setup) inputs(opt *client.SolveOpt, r recipe) error {
	files, err := fsutil.NewFS(s.Context)
	if err != nil {
		return fmt.Errorf("the build context %s: %w", s.Context, reason(err))
	}
	if len(r.files) > 0 {
		files = newOverlay(files, r.files)
	}
	dockerfile := texts{dockerfileName: r.text}
	if r.ignore != nil {
		dockerfile[dockerfileName+".dockerignore"] = *r.ignore
	}
	opt.LocalMounts = map[string]fsutil.FS{"context": files, "dockerfile": dockerfile}
	opt.FrontendAttrs = map[string]string{"filename": dockerfileName}
	if s.Target != "" {
		opt.FrontendAttrs["target"] = s.Target
	}
	if s.Platform != "" {
		opt.FrontendAttrs["platform"] = s.Platform
	}
	for name, value := range s.BuildArgs {
		opt.FrontendAttrs["build-arg:"+name] = value
	}
	if err := s.named(opt); err != nil {
		return err
	}
	var secrets []secretsprovider.Source
	for _, x := range s.Secrets {
		secrets = append(secrets, secretsprovider.Source{ID: x.ID, FilePath: x.File, Env: x.Env})
	}
	vault, err := secretsprovider.NewStore(secrets)
	if err != nil {
		return fmt.Errorf("--secret: %w", err)
	}
	opt.Session = []session.Attachable{
		authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
			AuthConfigProvider: authprovider.LoadAuthConfig(dockerconfig.LoadDefaultConfigFile(io.Discard)),
		}),
		secretsprovider.NewSecretProvider(vault),
	}
	return nil
}

// recipeAt is the text of a Dockerfile at a path, with the .dockerignore that is named
// after it; the path is "" for text alone.
func recipeAt(path, text string) (recipe, error) {
	r := recipe{text: text}
	if path == "" {
		return r, nil
	}
	ignore, err := os.ReadFile(path + ".dockerignore")
	if err == nil {
		own := string(ignore)
		r.ignore = &own
	} else if !errors.Is(err, os.ErrNotExist) {
		return r, err
	}
	return r, nil
}

// ignored is the text of the .dockerignore that a recipe is built with.
func (s *Setup) ignored(r recipe) (string, error) {
	if r.ignore != nil {
		return *r.ignore, nil
	}
	text, err := os.ReadFile(filepath.Join(s.Context, ".dockerignore"))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return string(text), err
}

// named adds the contexts of --build-context.
func (s *Setup) named(opt *client.SolveOpt) error {
	for i, n := range s.Named {
		key := "context:" + familiar(n.Name)
		if opt.FrontendAttrs[key] != "" {
			return fmt.Errorf("--build-context %s is given twice", n.Name)
		}
		id := fmt.Sprintf("named%d", i)
		if spec, ok := strings.CutPrefix(n.Value, "oci-layout://"); ok {
			l, d, err := openLayout(spec)
			if err != nil {
				return fmt.Errorf("--build-context %s: %w", n.Name, err)
			}
			if opt.OCIStores == nil {
				opt.OCIStores = map[string]content.Store{}
			}
			opt.OCIStores[id] = l
			opt.FrontendAttrs[key] = "oci-layout://" + id + "@" + d.String()
			continue
		}
		if remote(n.Value) {
			opt.FrontendAttrs[key] = n.Value
			continue
		}
		dir, err := fsutil.NewFS(n.Value)
		if err != nil {
			return fmt.Errorf("--build-context %s=%s: %w", n.Name, n.Value, reason(err))
		}
		opt.LocalMounts[id] = dir
		opt.FrontendAttrs[key] = "local:" + id
	}
	return nil
}

// familiar spells an image's name as BuildKit looks up what is named to stand for
// it: debian for docker.io/library/debian:latest.
func familiar(name string) string {
	if short, ok := strings.CutPrefix(name, "docker.io/"); ok {
		name = strings.TrimPrefix(short, "library/")
	}
	return strings.TrimSuffix(name, ":latest")
}

// remote reports whether a named context is one that the engine fetches.
func remote(value string) bool {
	for _, prefix := range []string{"docker-image://", "https://", "http://", "git@", "git://", "ssh://", "target:"} {
		if strings.HasPrefix(value, prefix) {
			return true
		}
	}
	return false
}

// Check finds what is wrong with a setup before anything is built.
func (s *Setup) Check() error {
	r, err := recipeAt(s.Dockerfile, "")
	if err != nil {
		return err
	}
	return s.inputs(&client.SolveOpt{}, r)
}

// reason is an error without the calls and paths, which a message already has.
func reason(err error) error {
	for {
		e, ok := errors.AsType[*os.PathError](err)
		if !ok {
			return err
		}
		err = e.Err
	}
}

// texts is a folder of files that are nowhere on disk.
type texts map[string]string

func (t texts) Walk(_ context.Context, target string, fn fs.WalkDirFunc) error {
	target = cleanPath(filepath.ToSlash(target))
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if target != "" && target != name {
			continue
		}
		stat := &fstypes.Stat{Path: name, Mode: 0o644, Size: int64(len(t[name]))}
		if err := fn(name, &fsutil.DirEntryInfo{Stat: stat}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (t texts) Open(p string) (io.ReadCloser, error) {
	text, ok := t[cleanPath(filepath.ToSlash(p))]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// An overlay is a folder of which some files have another content. Nothing is
// copied.
type overlay struct {
	fsutil.FS
	files map[string]string
	time  int64 // nanoseconds; the engine transfers again what has another time
}

func newOverlay(below fsutil.FS, files map[string]string) fsutil.FS {
	return &overlay{below, files, time.Now().UnixNano()}
}

func (o *overlay) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	seen := map[string]bool{}
	err := o.FS.Walk(ctx, target, func(p string, entry os.DirEntry, err error) error {
		name := filepath.ToSlash(p)
		text, ok := o.files[name]
		if err != nil || !ok {
			return fn(p, entry, err)
		}
		seen[name] = true
		info, err := entry.Info()
		if err != nil {
			return err
		}
		old, ok := info.Sys().(*fstypes.Stat)
		if !ok {
			return fmt.Errorf("%s: no details of the file", p)
		}
		stat := old.Clone()
		stat.Size, stat.ModTime = int64(len(text)), o.time
		stat.Linkname = ""
		return fn(p, &fsutil.DirEntryInfo{Stat: stat}, nil)
	})
	if err != nil || cleanPath(filepath.ToSlash(target)) != "" {
		return err
	}
	for name := range o.files {
		if !seen[name] && !o.hidden(name) {
			return fmt.Errorf("%s is not in the build context", name)
		}
	}
	return nil
}

// hidden reports whether a file exists that the walk did not come to, because
// .dockerignore leaves out a folder above it.
func (o *overlay) hidden(name string) bool {
	f, err := o.FS.Open(filepath.FromSlash(name))
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func (o *overlay) Open(p string) (io.ReadCloser, error) {
	if text, ok := o.files[cleanPath(filepath.ToSlash(p))]; ok {
		return io.NopCloser(strings.NewReader(text)), nil
	}
	return o.FS.Open(p)
}

func (r recipe) with(name, text string) recipe {
	r.files = maps.Clone(r.files)
	if r.files == nil {
		r.files = map[string]string{}
	}
	r.files[name] = text
	return r
}
