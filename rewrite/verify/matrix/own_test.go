//go:build linux

package matrix

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"
)

// What is served here was made then, in every run.
var made = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// serveOwn lets the mirror serve what cases download: http://files.shale.test for
// wget and ADD, http://pypi.shale.test for pip.
func serveOwn(t testing.TB, m *mirror) {
	files := map[string][]byte{
		"/tool-1.2.tar.gz": toolArchive(t),
		// Two names of one file.
		"/links.tar.gz": tarball(t,
			tarFile("pair/one", 0o644, []byte("one\n")),
			entry{tar.Header{Typeflag: tar.TypeLink, Name: "pair/two", Linkname: "pair/one", Mode: 0o644}, nil}),
	}
	m.own["files.shale.test"] = serve(files)

	wheels := map[string][]byte{}
	for _, w := range []struct {
		name, version, requires string
		size                    int
	}{
		{"greet", "1.0", "", 200 << 10},
		{"polite", "2.1", "greet>=1", 100 << 10},
		{"loud", "0.3", "", 300 << 10},
	} {
		file := fmt.Sprintf("%s-%s-py3-none-any.whl", w.name, w.version)
		data := wheel(t, w.name, w.version, w.requires, w.size)
		wheels["/files/"+file] = data
		wheels["/simple/"+w.name+"/"] = fmt.Appendf(nil, "<!DOCTYPE html><html><body><a href=\"/files/%s#sha256=%x\">%s</a></body></html>\n", file, sha256.Sum256(data), file)
	}
	m.own["pypi.shale.test"] = serve(wheels)
}

// toolArchive is a tool as projects publish them: 4 MB that do not compress.
func toolArchive(t testing.TB) []byte {
	t.Helper()
	return tarball(t,
		tarFile("tool/bin/tool", 0o755, []byte("#!/bin/sh\necho tool 1.2\n")),
		tarFile("tool/share/data", 0o644, noise(4<<20)),
		tarFile("tool/LICENSE", 0o644, []byte("Do as you like.\n")))
}

func serve(files map[string][]byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/") {
			w.Header().Set("Content-Type", "text/html")
		}
		w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(data))))
		w.Header().Set("Cache-Control", "max-age=3600")
		http.ServeContent(w, r, "", made, bytes.NewReader(data))
	})
}

// noise is the same for every run, and does not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(b) //nolint:gosec // no secret
	return b
}

// An entry of an archive.
type entry struct {
	tar.Header
	data []byte
}

func tarFile(name string, mode int64, data []byte) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data))}, data}
}

// tarball packs entries, each folder before what is in it.
func tarball(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	dirs := map[string]bool{".": true}
	write := func(e entry) {
		e.ModTime = made
		if err := tw.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range entries {
		parents := strings.Split(path.Dir(e.Name), "/")
		for i := range parents {
			if dir := strings.Join(parents[:i+1], "/"); !dirs[dir] {
				dirs[dir] = true
				write(entry{tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil})
			}
		}
		write(e)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wheel makes a Python package of one module.
func wheel(t testing.TB, name, version, requires string, size int) []byte {
	t.Helper()
	meta := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	if requires != "" {
		meta += "Requires-Dist: " + requires + "\n"
	}
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	files := []struct {
		name string
		data []byte
	}{
		{name + "/__init__.py", fmt.Appendf(nil, "version = %q\n", version)},
		{name + "/data.bin", noise(size)},
		{info + "METADATA", []byte(meta)},
		{info + "WHEEL", []byte("Wheel-Version: 1.0\nGenerator: shale\nRoot-Is-Purelib: true\nTag: py3-none-any\n")},
	}
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	var record strings.Builder
	add := func(name string, data []byte) {
		w, err := zw.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: made})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		add(f.name, f.data)
		sum := sha256.Sum256(f.data)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.data))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	add(info+"RECORD", []byte(record.String()))
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
