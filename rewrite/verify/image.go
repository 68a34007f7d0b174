package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/util/attestation"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// A built is an image as a build left it.
type built struct {
	tree    *tree
	config  imageConfig
	spec    ocispecs.Image
	measure Image
}

// layers remembers what was read: the layers of a base image are the same in
// every build. It is safe for concurrent use.
type layers struct {
	mu   sync.Mutex
	data map[digest.Digest]*layerData
}

func newLayers() *layers { return &layers{data: map[digest.Digest]*layerData{}} }

func (l *layers) get(d digest.Digest) *layerData {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data[d]
}

func (l *layers) put(d digest.Digest, data *layerData) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.data[d] = data
}

// readImage reads the image of a descriptor from a store, layer by layer.
func readImage(ctx context.Context, store content.Store, desc ocispecs.Descriptor, known *layers) (*built, error) {
	manifest, err := readManifest(ctx, store, desc)
	if err != nil {
		return nil, err
	}
	raw, err := content.ReadBlob(ctx, store, manifest.Config)
	if err != nil {
		return nil, fmt.Errorf("reading the image's config: %w", err)
	}
	b := &built{tree: newTree()}
	if b.config, err = readConfig(raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &b.spec); err != nil {
		return nil, fmt.Errorf("the image's config is broken: %w", err)
	}
	m := &b.measure
	m.Platform = path.Join(b.spec.OS, b.spec.Architecture, b.spec.Variant)
	m.Layers = make([]Layer, len(manifest.Layers))
	for i, d := range manifest.Layers {
		data, err := readBlob(ctx, store, d, known)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		m.Layers[i] = Layer{
			Digest: d.Digest.String(), DiffID: data.diffID,
			Uncompressed: data.uncompressed, Compressed: data.compressed, Files: data.files,
		}
		err = b.tree.apply(i, data.records, func(from int, bytes int64) {
			if from >= 0 && from != i {
				m.died(from, i, bytes)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	for i, h := range layerHistory(b.spec.History, len(m.Layers)) {
		m.Layers[i].Created = h
	}
	for _, l := range m.Layers {
		m.Uncompressed += l.Uncompressed
		m.Compressed += l.Compressed
		m.Files += l.Files
		m.Dead += l.Dead
	}
	return b, nil
}

// died notes that a layer removes or replaces files that another shipped.
func (m *Image) died(from, by int, bytes int64) {
	l := &m.Layers[from]
	l.Dead += bytes
	for i := range l.DeadBy {
		if l.DeadBy[i].Layer == by {
			l.DeadBy[i].Bytes += bytes
			return
		}
	}
	l.DeadBy = append(l.DeadBy, Dead{Layer: by, Bytes: bytes})
}

// readManifest returns the image's manifest, out of an index if there is one.
func readManifest(ctx context.Context, store content.Store, desc ocispecs.Descriptor) (*ocispecs.Manifest, error) {
	raw, err := content.ReadBlob(ctx, store, desc)
	if err != nil {
		return nil, fmt.Errorf("reading the image's manifest: %w", err)
	}
	var m struct {
		ocispecs.Manifest
		Manifests []ocispecs.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("the image's manifest is broken: %w", err)
	}
	var images []ocispecs.Descriptor
	for _, d := range m.Manifests {
		if d.Annotations[attestation.DockerAnnotationReferenceType] == "" {
			images = append(images, d)
		}
	}
	switch {
	case len(m.Manifests) == 0:
		return &m.Manifest, nil
	case len(images) != 1:
		return nil, fmt.Errorf("the build makes %d images; name one with --platform", len(images))
	}
	return readManifest(ctx, store, images[0])
}

func readBlob(ctx context.Context, store content.Store, d ocispecs.Descriptor, known *layers) (*layerData, error) {
	if data := known.get(d.Digest); data != nil {
		return data, nil
	}
	blob, err := store.ReaderAt(ctx, d)
	if err != nil {
		return nil, err
	}
	data, err := readLayer(&cancelled{ctx, io.NewSectionReader(blob, 0, blob.Size())})
	blob.Close()
	if err != nil {
		return nil, err
	}
	known.put(d.Digest, data)
	// From here on what was read stands for it.
	return data, store.Delete(ctx, d.Digest)
}

// cancelled ends a read with its context.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelled) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// layerHistory returns what made each of n layers, "" where the history does not
// tell.
func layerHistory(history []ocispecs.History, n int) []string {
	var made []string
	for _, h := range history {
		if !h.EmptyLayer {
			made = append(made, strings.TrimSuffix(h.CreatedBy, " # buildkit"))
		}
	}
	if len(made) != n {
		return make([]string, n)
	}
	return made
}
