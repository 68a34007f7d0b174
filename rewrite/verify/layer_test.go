package verify

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// archive writes a layer from lines: a name that ends in "/" is a folder,
// "a -> b" a symbolic link, "a = b" a hard link, "a: text" a file, "a c 1 3" a
// device; words like mode=4755, owner=1:2, xattr.user.x=y may follow a "|".
func archive(t testing.TB, lines ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, line := range lines {
		entry, options, _ := strings.Cut(line, " | ")
		h := &tar.Header{Format: tar.FormatPAX}
		text := ""
		switch f := strings.Fields(entry); {
		case strings.Contains(entry, " -> "):
			h.Typeflag = tar.TypeSymlink
			h.Name, h.Linkname, _ = strings.Cut(entry, " -> ")
			h.Mode = 0o777
		case strings.Contains(entry, " = "):
			h.Typeflag = tar.TypeLink
			h.Name, h.Linkname, _ = strings.Cut(entry, " = ")
			h.Mode = 0o644
		case len(f) == 4 && f[1] == "c":
			h.Typeflag, h.Name, h.Mode = tar.TypeChar, f[0], 0o600
			fmt.Sscan(f[2], &h.Devmajor)
			fmt.Sscan(f[3], &h.Devminor)
		case strings.HasSuffix(entry, "/"):
			h.Typeflag, h.Name, h.Mode = tar.TypeDir, entry, 0o755
		default:
			h.Typeflag, h.Mode = tar.TypeReg, 0o644
			h.Name, text, _ = strings.Cut(entry, ": ")
			h.Size = int64(len(text))
		}
		for _, o := range strings.Fields(options) {
			key, value, _ := strings.Cut(o, "=")
			switch {
			case key == "mode":
				fmt.Sscanf(value, "%o", &h.Mode)
			case key == "owner":
				fmt.Sscanf(value, "%d:%d", &h.Uid, &h.Gid)
			case strings.HasPrefix(key, "xattr."):
				h.PAXRecords = map[string]string{"SCHILY." + key: value}
			default:
				t.Fatalf("unknown option %q", o)
			}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// image applies layers, each given as lines joined by "; ".
func image(t testing.TB, layers ...string) *tree {
	t.Helper()
	tr, _ := imageWithDead(t, layers...)
	return tr
}

func imageWithDead(t testing.TB, layers ...string) (*tree, map[string]int64) {
	t.Helper()
	tr, dead := newTree(), map[string]int64{}
	for i, l := range layers {
		data, err := readLayer(bytes.NewReader(archive(t, strings.Split(l, "; ")...)))
		if err != nil {
			t.Fatal(err)
		}
		err = tr.apply(i, data.records, func(from int, n int64) {
			if from != i {
				dead[fmt.Sprintf("%d by %d", from, i)] += n
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return tr, dead
}

// listing is a tree as lines.
func listing(tr *tree) []string {
	out := []string{}
	sets := map[*inode][]string{}
	tr.linkSets(sets)
	walk("", tr.root, func(p string, n *node) {
		if p == "/" {
			return
		}
		line := fmt.Sprintf("%c %04o %d:%d %s", n.ino.typ, n.ino.mode, n.ino.uid, n.ino.gid, p)
		switch n.ino.typ {
		case typeSymlink:
			line += " -> " + n.ino.target
		case typeFile:
			line += fmt.Sprintf(" %d", n.ino.size)
		case typeChar:
			line += fmt.Sprintf(" %d,%d", n.ino.major, n.ino.minor)
		}
		for name, value := range n.ino.xattrs {
			line += " " + name + "=" + value
		}
		if set := sets[n.ino]; len(set) > 0 {
			line += " {" + strings.Join(set, " ") + "}"
		}
		out = append(out, line)
	})
	return out
}

func TestApply(t *testing.T) {
	for _, tt := range []struct {
		name   string
		layers []string
		want   string
	}{
		{"folders, files, links, devices", []string{"etc/; etc/passwd: root; bin -> usr/bin; dev/; dev/null c 1 3; su: x | mode=4755 owner=0:5"},
			"l 0000 0:0 /bin -> usr/bin\nd 0755 0:0 /dev\nc 0600 0:0 /dev/null 1,3\nd 0755 0:0 /etc\nf 0644 0:0 /etc/passwd 4\nf 4755 0:5 /su 1"},
		{"xattrs", []string{"ping: x | xattr.security.capability=abc"}, "f 0644 0:0 /ping 1 security.capability=abc"},
		{"a later layer replaces and adds", []string{"a/; a/x: 1; a/y: 1", "a/; a/x: 22"},
			"d 0755 0:0 /a\nf 0644 0:0 /a/x 2\nf 0644 0:0 /a/y 1"},
		{"a folder's new mode keeps what is in it", []string{"a/; a/x: 1", "a/ | mode=700 owner=1:1"}, "d 0700 1:1 /a\nf 0644 0:0 /a/x 1"},
		{"a file that is gone", []string{"a/; a/x: 1; a/y: 1", "a/; a/.wh.x: "}, "d 0755 0:0 /a\nf 0644 0:0 /a/y 1"},
		{"at the root", []string{"x: 1; y: 1", ".wh.x: "}, "f 0644 0:0 /y 1"},
		{"with ./ before the names", []string{"./; ./x: 1; ./d/; ./d/y: 1", "./.wh.x: ; ./d/.wh.y: "}, "d 0755 0:0 /d"},
		{"a folder that is gone", []string{"a/; a/b/; a/b/x: 1", "a/; a/.wh.b: "}, "d 0755 0:0 /a"},
		{"gone and made again", []string{"a/; a/x: 1", ".wh.a: ; a/; a/y: 1"}, "d 0755 0:0 /a\nf 0644 0:0 /a/y 1"},
		{"gone after it is made again, in the archive's order", []string{"a/; a/x: 1", "a/; a/y: 1; .wh.a: "}, "d 0755 0:0 /a\nf 0644 0:0 /a/y 1"},
		{"opaque", []string{"a/; a/x: 1; a/b/; a/b/z: 1", "a/; a/.wh..wh..opq: ; a/y: 1"}, "d 0755 0:0 /a\nf 0644 0:0 /a/y 1"},
		{"opaque after its siblings", []string{"a/; a/x: 1", "a/; a/y: 1; a/.wh..wh..opq: "}, "d 0755 0:0 /a\nf 0644 0:0 /a/y 1"},
		{"opaque, and something of the layer's own is no longer gone", []string{"a/; a/x: 1", "a/; a/.wh..wh..opq: ; a/x: 22"}, "d 0755 0:0 /a\nf 0644 0:0 /a/x 2"},
		{"a folder becomes a file and back", []string{"a/; a/x: 1", "a: 1", "a/"}, "d 0755 0:0 /a"},
		{"a folder becomes a link", []string{"a/; a/x: 1", "b/; a -> b"}, "l 0000 0:0 /a -> b\nd 0755 0:0 /b"},
		{"gone what was never there", []string{"x: 1", ".wh.y: ; no/.wh.z: "}, "f 0644 0:0 /x 1"},
		{"AUFS's own files say nothing", []string{"x: 1; .wh..wh.plnk/; .wh..wh.aufs: "}, "f 0644 0:0 /x 1"},
		{"hard links in one layer", []string{"x: 1; y = x; z = y"}, "f 0644 0:0 /x 1 {/x /y /z}\nf 0644 0:0 /y 1 {/x /y /z}\nf 0644 0:0 /z 1 {/x /y /z}"},
		{"a hard link ends where a layer writes to it", []string{"x: 1; y = x", "x: 22"}, "f 0644 0:0 /x 2\nf 0644 0:0 /y 1"},
		{"a hard link into the layer below", []string{"x: 1", "y = x"}, "f 0644 0:0 /x 1 {/x /y}\nf 0644 0:0 /y 1 {/x /y}"},
		{"one of two links is gone", []string{"x: 1; y = x", ".wh.x: "}, "f 0644 0:0 /y 1"},
		{"a folder that no layer describes", []string{"a/b/x: 1"}, "d 0755 0:0 /a\nd 0755 0:0 /a/b\nf 0644 0:0 /a/b/x 1"},
		{"through a link to a folder", []string{"usr/; usr/lib/; lib -> usr/lib", "lib/x: 1"}, "l 0000 0:0 /lib -> usr/lib\nd 0755 0:0 /usr\nd 0755 0:0 /usr/lib\nf 0644 0:0 /usr/lib/x 1"},
		{"through an absolute link", []string{"a/; l -> /a/b", "l/x: 1"}, "d 0755 0:0 /a\nd 0755 0:0 /a/b\nf 0644 0:0 /a/b/x 1\nl 0000 0:0 /l -> /a/b"},
		{"nothing leaves the root", []string{"../../x: 1; l -> ../../..", "l/y: 1"}, "l 0000 0:0 /l -> ../../..\nf 0644 0:0 /x 1\nf 0644 0:0 /y 1"},
		{"twice in one archive, the last counts", []string{"x: 1; x: 22"}, "f 0644 0:0 /x 2"},
		{"long names and such as are no text", []string{strings.Repeat("d/", 60) + strings.Repeat("n", 200) + ": 1", ".wh.d: ; a\xff: 1"}, "f 0644 0:0 /a\xff 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(listing(image(t, tt.layers...)), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDeadBytes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		layers []string
		want   map[string]int64
	}{
		{"removed", []string{"x: 12345", ".wh.x: "}, map[string]int64{"0 by 1": 5}},
		{"overwritten", []string{"x: 12345", "x: 123"}, map[string]int64{"0 by 1": 5}},
		{"in a folder that is gone", []string{"a/; a/x: 123", "a/; a/y: 1", ".wh.a: "}, map[string]int64{"0 by 2": 3, "1 by 2": 1}},
		{"by an opaque folder", []string{"a/; a/x: 123", "a/; a/.wh..wh..opq: "}, map[string]int64{"0 by 1": 3}},
		{"by a file in a folder's place", []string{"a/; a/x: 123", "a: 1"}, map[string]int64{"0 by 1": 3}},
		{"one link stays", []string{"x: 123; y = x", ".wh.x: "}, map[string]int64{}},
		{"both links go, in two layers", []string{"x: 123; y = x", ".wh.x: ", ".wh.y: "}, map[string]int64{"0 by 2": 3}},
		{"a folder's new mode costs nothing", []string{"a/; a/x: 123", "a/ | mode=700"}, map[string]int64{}},
		{"made and gone in one layer is not shipped", []string{"x: 1", "y: 1; y: 2"}, map[string]int64{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := imageWithDead(t, tt.layers...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What cannot be applied is an error, not a wrong image.
func TestApplyBroken(t *testing.T) {
	for _, tt := range []struct{ layer, want string }{
		{"y = x", "/y is a hard link to /x, which is no file"},
		{"d/; y = d", "/y is a hard link to /d, which is no file"},
		{"y = /", "/y is a hard link to /, which is no file"},
		{"y = .", "/y is a hard link to /, which is no file"},
		{"y = ", "/y is a hard link to /, which is no file"},
		{"y = ../..", "/y is a hard link to /, which is no file"},
		{"a -> b; b -> a; a/x: 1", "/a/x: too many symbolic links"},
	} {
		data, err := readLayer(bytes.NewReader(archive(t, strings.Split(tt.layer, "; ")...)))
		if err != nil {
			t.Fatal(err)
		}
		if err := newTree().apply(0, data.records, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.layer, err, tt.want)
		}
	}
	whole := archive(t, "x: "+strings.Repeat("1", 2000))
	for _, broken := range [][]byte{whole[:700], []byte("no archive, but more than five hundred bytes of text" + strings.Repeat(" x", 600))} {
		if _, err := readLayer(bytes.NewReader(broken)); err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("%d bytes: %v", len(broken), err)
		}
	}
}

func TestReadLayerCompressed(t *testing.T) {
	plain := archive(t, "etc/", "etc/passwd: root:x:0:0::/root:/bin/sh", "x: 12345")
	var zipped, zst bytes.Buffer
	g := gzip.NewWriter(&zipped)
	g.Write(plain)
	g.Close()
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(plain)
	z.Close()
	for name, blob := range map[string][]byte{"plain": plain, "gzip": zipped.Bytes(), "zstd": zst.Bytes()} {
		l, err := readLayer(bytes.NewReader(blob))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := &layerData{
			compressed: int64(len(blob)), uncompressed: int64(len(plain)), files: 30,
			diffID: fmt.Sprintf("sha256:%x", sha256.Sum256(plain)),
		}
		got := &layerData{compressed: l.compressed, uncompressed: l.uncompressed, files: l.files, diffID: l.diffID}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(layerData{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n := l.records[1]; n.ino.text != "root:x:0:0::/root:/bin/sh" {
			t.Errorf("%s: the text of /etc/passwd is %q", name, n.ino.text)
		}
	}
}
