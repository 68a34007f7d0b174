package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// A receiver takes an image from an engine. It keeps no layer longer than it
// takes to read it, and tells the engine that it has those it has read.
type receiver struct {
	content.Store
	known *layers
}

func newReceiver(dir string, known *layers) (*receiver, error) {
	store, err := local.NewStore(dir)
	return &receiver{store, known}, err
}

func (r *receiver) Info(ctx context.Context, d digest.Digest) (content.Info, error) {
	if l := r.known.get(d); l != nil {
		return content.Info{Digest: d, Size: l.compressed}, nil
	}
	return r.Store.Info(ctx, d)
}

func (r *receiver) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	var o content.WriterOpts
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if r.known.get(o.Desc.Digest) != nil {
		return nil, fmt.Errorf("%s: %w", o.Desc.Digest, errdefs.ErrAlreadyExists)
	}
	return r.Store.Writer(ctx, opts...)
}

// A layout is an OCI layout on disk, which is only read.
type layout struct{ dir string }

func (l layout) blob(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil {
		return "", fmt.Errorf("%s: %w", d, errdefs.ErrInvalidArgument)
	}
	return filepath.Join(l.dir, ocispecs.ImageBlobsDir, d.Algorithm().String(), d.Encoded()), nil
}

func (l layout) Info(_ context.Context, d digest.Digest) (content.Info, error) {
	name, err := l.blob(d)
	if err != nil {
		return content.Info{}, err
	}
	fi, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return content.Info{}, fmt.Errorf("%s is not in %s: %w", d, l.dir, errdefs.ErrNotFound)
	}
	if err != nil {
		return content.Info{}, err
	}
	return content.Info{Digest: d, Size: fi.Size(), CreatedAt: fi.ModTime(), UpdatedAt: fi.ModTime()}, nil
}

func (l layout) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	if _, err := l.Info(ctx, desc.Digest); err != nil {
		return nil, err
	}
	name, err := l.blob(desc.Digest)
	if err != nil {
		return nil, err
	}
	return local.OpenReader(name)
}

func (l layout) Walk(context.Context, content.WalkFunc, ...string) error { return l.readOnly() }

func (l layout) Update(context.Context, content.Info, ...string) (content.Info, error) {
	return content.Info{}, l.readOnly()
}

func (l layout) Delete(context.Context, digest.Digest) error { return l.readOnly() }

func (l layout) Status(context.Context, string) (content.Status, error) {
	return content.Status{}, l.readOnly()
}

func (l layout) ListStatuses(context.Context, ...string) ([]content.Status, error) {
	return nil, l.readOnly()
}

func (l layout) Abort(context.Context, string) error { return l.readOnly() }

func (l layout) Writer(context.Context, ...content.WriterOpt) (content.Writer, error) {
	return nil, l.readOnly()
}

func (l layout) readOnly() error {
	return fmt.Errorf("%s is only read: %w", l.dir, errdefs.ErrNotImplemented)
}

// refName is the annotation that names an image in a layout's index.
const refName = "org.opencontainers.image.ref.name"

// openLayout opens what oci-layout://DIR[:TAG][@DIGEST] names and returns the
// digest of its manifest or index.
func openLayout(spec string) (layout, digest.Digest, error) {
	dir, want, byDigest := strings.Cut(spec, "@")
	if byDigest {
		d, err := digest.Parse(want)
		if err != nil {
			return layout{}, "", fmt.Errorf("%s: %w", spec, err)
		}
		l := layout{withoutTag(dir)}
		if _, err := l.Info(context.Background(), d); err != nil {
			return layout{}, "", err
		}
		return l, d, nil
	}
	l := layout{withoutTag(dir)}
	tag := strings.TrimPrefix(strings.TrimPrefix(dir, l.dir), ":")
	raw, err := os.ReadFile(filepath.Join(l.dir, ocispecs.ImageIndexFile))
	if err != nil {
		return layout{}, "", fmt.Errorf("%s is no OCI layout: %w", l.dir, err)
	}
	var index ocispecs.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return layout{}, "", fmt.Errorf("%s: index.json is broken: %w", l.dir, err)
	}
	named := func(name string) int {
		return slices.IndexFunc(index.Manifests, func(d ocispecs.Descriptor) bool { return d.Annotations[refName] == name })
	}
	switch i := named(tag); {
	case tag != "" && i < 0:
		return layout{}, "", fmt.Errorf("%s: no image is tagged %q", l.dir, tag)
	case tag != "":
		return l, index.Manifests[i].Digest, nil
	case len(index.Manifests) == 1:
		return l, index.Manifests[0].Digest, nil
	}
	if i := named("latest"); i >= 0 {
		return l, index.Manifests[i].Digest, nil
	}
	return layout{}, "", fmt.Errorf("%s holds %d images; name one: oci-layout://%s@DIGEST", l.dir, len(index.Manifests), l.dir)
}

// withoutTag drops a :TAG behind a folder's name, unless the folder is named so.
func withoutTag(dir string) string {
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if i := strings.LastIndexByte(dir, ':'); i > 0 && !strings.ContainsAny(dir[i:], `/\`) {
		return dir[:i]
	}
	return dir
}
