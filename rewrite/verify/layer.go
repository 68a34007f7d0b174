package verify

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A layerData is what a layer's archive holds, whatever image it is part of.
type layerData struct {
	records      []record
	compressed   int64 // bytes of the blob
	uncompressed int64 // bytes of the archive
	files        int64 // bytes of its regular files
	diffID       string
}

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	aufsMeta = ".wh..wh." // what AUFS wrote for itself

	xattrPrefix = "SCHILY.xattr."
	maxText     = 1 << 20
)

// keptText names the files whose content is of use here.
var keptText = map[string]bool{"etc/passwd": true}

// readLayer reads a layer's archive, compressed or not. Nothing is written.
func readLayer(blob io.Reader) (*layerData, error) {
	l := &layerData{}
	in := &counter{r: blob}
	plain, err := decompress(bufio.NewReaderSize(in, 1<<18))
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	sum := sha256.New()
	out := &counter{r: io.TeeReader(plain, sum)}
	archive := tar.NewReader(out)
	for {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the layer's archive is broken: %w", err)
		}
		r, ok, err := readRecord(h, archive)
		if err != nil {
			return nil, fmt.Errorf("the layer's archive is broken at %s: %w", h.Name, err)
		}
		if ok {
			l.records = append(l.records, r)
			if r.ino != nil && r.ino.typ == typeFile {
				l.files += r.ino.size
			}
		}
	}
	// What follows the archive's end belongs to the blob and to its digests.
	if _, err := io.Copy(io.Discard, out); err != nil {
		return nil, fmt.Errorf("the layer's archive is broken: %w", err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, err
	}
	l.compressed, l.uncompressed = in.n, out.n
	l.diffID = fmt.Sprintf("sha256:%x", sum.Sum(nil))
	return l, nil
}

// decompress tells the compression by the first bytes, as every runtime does.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// readRecord reads one entry; ok is false for one that says nothing of files.
func readRecord(h *tar.Header, content io.Reader) (r record, ok bool, err error) {
	r.path = cleanPath(h.Name)
	switch base := path.Base(r.path); {
	case base == opaque:
		r.opaque = true
		r.path = cleanPath(path.Dir(r.path))
		return r, true, nil
	case strings.HasPrefix(base, aufsMeta):
		return r, false, nil
	case strings.HasPrefix(base, whiteout):
		r.gone = true
		r.path = path.Join(path.Dir(r.path), strings.TrimPrefix(base, whiteout))
		return r, true, nil
	}
	ino := &inode{mode: uint32(h.Mode) & 0o7777, uid: h.Uid, gid: h.Gid}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		ino.typ, ino.size = typeFile, h.Size
	case tar.TypeLink:
		r.hard, r.link = true, cleanPath(h.Linkname)
		return r, true, nil
	case tar.TypeSymlink:
		ino.typ, ino.target = typeSymlink, h.Linkname
		ino.mode = 0 // means nothing
	case tar.TypeDir:
		ino.typ = typeDir
	case tar.TypeChar:
		ino.typ, ino.major, ino.minor = typeChar, h.Devmajor, h.Devminor
	case tar.TypeBlock:
		ino.typ, ino.major, ino.minor = typeBlock, h.Devmajor, h.Devminor
	case tar.TypeFifo:
		ino.typ = typeFIFO
	case tar.TypeXGlobalHeader:
		return r, false, nil
	default:
		return r, false, fmt.Errorf("an entry of the unknown type %q", h.Typeflag)
	}
	for name, value := range h.PAXRecords {
		if x, is := strings.CutPrefix(name, xattrPrefix); is {
			if ino.xattrs == nil {
				ino.xattrs = map[string]string{}
			}
			ino.xattrs[x] = value
		}
	}
	if ino.typ == typeFile {
		sum := sha256.New()
		var text strings.Builder
		to := io.Writer(sum)
		if keptText[r.path] && h.Size <= maxText {
			to = io.MultiWriter(sum, &text)
		}
		if _, err := io.Copy(to, content); err != nil {
			return r, false, err
		}
		sum.Sum(ino.sum[:0])
		ino.text = text.String()
	}
	r.ino = ino
	return r, true, nil
}

// cleanPath is a path from the image's root, without a leading slash; "" for the
// root. It cannot leave the root.
func cleanPath(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/") }

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
