package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// Brings says what a COPY or ADD puts where: a file, or a folder with what is in it.
func (f *File) Brings(in *syntax.Instruction) (Place, bool) {
	dest, ok := f.Dest(in)
	if !ok || len(in.Args) < 2 {
		return Place{}, false
	}
	src := in.Args[0].Value
	if len(in.Args) == 2 && !f.isFolder(in, src) && path.Ext(strings.TrimPrefix(path.Base(src), ".")) != "" && !strings.ContainsAny(src, "*?[$") {
		switch {
		case f.IntoFolder(in):
			return Place{Path: path.Join(dest, path.Base(src))}, true
		case path.Ext(src) == path.Ext(dest):
			return Place{Path: dest}, true
		}
	}
	// What lies in a folder of programs by its own name is a program.
	program := len(in.Args) == 2 && path.Base(dest) == path.Base(src) && slices.Contains([]string{"bin", "sbin"}, path.Base(path.Dir(dest)))
	return Place{Path: dest, All: !program}, true
}

// CopiesBelow reports whether a COPY or ADD is known to put files into a folder: by its
// destination or, where that is above, by what the build context holds.
func (f *File) CopiesBelow(in *syntax.Instruction, dir string) bool {
	dest, ok := f.Dest(in)
	if !ok && len(in.Args) > 0 {
		known, _, _ := strings.Cut(in.Args[len(in.Args)-1].Value, "$")
		dest = path.Clean(known)
	}
	if _, ok := Below(dest, dir); ok {
		return true
	}
	rest, ok := Below(dir, dest)
	context, _ := f.Context()
	if !ok || context == nil || in.Flag("from") != nil {
		return false
	}
	sources, _ := f.Sources(in)
	return slices.ContainsFunc(sources, func(src string) bool { return context.Exists(path.Join(src, rest)) })
}

// isFolder reports whether a source is certainly a folder, of which a copy brings the content.
func (f *File) isFolder(in *syntax.Instruction, src string) bool {
	context, _ := f.Context()
	return strings.HasSuffix(src, "/") || context != nil && in.Flag("from") == nil && context.IsDir(path.Clean("./"+src))
}

// CopiedBytes adds up the sources of a copy, as far as all of them are files of a build context
// that is known.
func (f *File) CopiedBytes(in *syntax.Instruction) (bytes int64, known bool) {
	context, _ := f.Context()
	sources, ok := f.Sources(in)
	if context == nil || !ok || len(sources) == 0 || len(in.Heredocs) > 0 || in.Flag("from") != nil {
		return 0, false
	}
	for _, src := range sources {
		n, ok := context.Size(src)
		if !ok {
			return 0, false
		}
		bytes += n
	}
	return bytes, true
}

// CopiesLittle reports whether all that a COPY or ADD brings is small: by its size, where the
// build context is known, or else by its name. What nobody knows to be large is not
// spoken of: settings, scripts, a file of an unknown kind.
func (f *File) CopiesLittle(in *syntax.Instruction, brought Place) bool {
	if bytes, known := f.CopiedBytes(in); known {
		return bytes < Worthwhile
	}
	if len(in.Heredocs) > 0 || strings.HasPrefix(brought.Path+"/", "/etc/") || Small(brought.Path) {
		return true
	}
	for _, w := range in.Args[:len(in.Args)-1] {
		src := w.Value
		if v := f.Stages().Expand(in, src); v.Known() {
			src = v.Text
		}
		if !smallSource(src, in.Flag("from") != nil, brought.All) {
			return false
		}
	}
	return true
}

// smallSource is small for one source: folder says that it may be one, built that a
// stage made it.
func smallSource(src string, built, folder bool) bool {
	name := path.Base(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(src, "*"), "."), "/"))
	ext := path.Ext(strings.TrimPrefix(strings.TrimRight(name, "*"), "."))
	switch {
	case name == "." || name == "/" || strings.Contains(name, "$"):
		return false // the whole context, or what a variable names
	case Small(name) || ext == ".d":
		return true
	case slices.Contains(bulky, strings.ToLower(ext)) || built || strings.Contains(src, "://"):
		return false
	case ext != "" || !folder:
		return true
	}
	return littleFolders.MatchString(name)
}

// Bulky reports whether a file is by its name a large one.
func Bulky(name string) bool {
	return slices.Contains(bulky, strings.ToLower(path.Ext(name)))
}

// bulky are the ends of names of files that are large as a rule.
var bulky = strings.Fields(`.jar .war .ear .zip .tar .gz .tgz .bz2 .tbz2 .xz .txz .zst .7z .rpm .deb .apk .so .a .bin .run .exe .dll .phar .hpi .jpi .whl .gem .iso .img
	.db .sqlite .sql .csv .dump .bak .onnx .pt .h5 .node .wasm`)

// littleFolders are names of folders that hold settings and scripts.
var littleFolders = lazyregexp.New(`(?i)^(?:.*[-_.])?(?:conf|confs|config|configs|configuration|cfg|etc|script|scripts|bin|sbin|hooks?|templates?|init|setup|startup|certs?|keys|ssh|patch|patches|migrations|locale|cron|files|install|tests?)$`)

// A Copied is a single file that a COPY or ADD brings.
type Copied struct {
	In     *syntax.Instruction
	Source string
}

// CopiesTo lists, by the path where each puts one, the copies of a stage.
func (f *File) CopiesTo(s *stage.Stage) map[string][]Copied {
	return Once(f, copiesToIn{s}, func() map[string][]Copied {
		out := map[string][]Copied{}
		for _, in := range s.Instructions {
			if in.Name != "copy" && in.Name != "add" || len(in.Args) < 2 || len(in.Heredocs) > 0 {
				continue
			}
			for at, src := range f.copies(in) {
				out[at] = append(out[at], Copied{in, src})
			}
		}
		return out
	})
}

type copiesToIn struct{ *stage.Stage }

// copies lists the single files that a COPY or ADD puts somewhere, by where.
func (f *File) copies(in *syntax.Instruction) map[string]string {
	g := f.Stages()
	target, ok := f.Dest(in)
	if !ok {
		return nil
	}
	folder := f.IntoFolder(in)
	out := map[string]string{}
	for _, a := range slices.Backward(in.Args[:len(in.Args)-1]) {
		src := g.Expand(in, a.Value)
		if !src.Known() || strings.ContainsAny(src.Text, "*?[") || strings.HasSuffix(src.Text, "/") ||
			in.Name == "add" && (strings.Contains(src.Text, "://") || unpackedByAdd(src.Text)) {
			continue // ADD unpacks archives
		}
		if folder {
			out[path.Join(target, path.Base(src.Text))] = src.Text
		} else {
			out[target] = src.Text
		}
	}
	return out
}

// Worthwhile is the least size of a file, in bytes, that is worth a finding.
const Worthwhile = 100_000

// Worth reports whether a file that is copied is worth speaking of: by its size, which
// is 0 where the build context is not known, or else by its name.
func (f *File) Worth(c Copied) (bytes int64, ok bool) {
	if context, _ := f.Context(); context != nil && c.In.Flag("from") == nil {
		if bytes, known := context.Size(c.Source); known {
			return bytes, bytes >= Worthwhile
		}
	}
	return 0, path.Ext(c.Source) != "" && !Small(c.Source)
}

// unpackedByAdd reports whether a file is by its name an archive that ADD unpacks.
func unpackedByAdd(name string) bool {
	return slices.ContainsFunc([]string{".tar", ".tgz", ".gz", ".bz2", ".xz", ".tbz2", ".txz", ".zst"}, func(ext string) bool { return strings.HasSuffix(name, ext) })
}

var packed = []string{".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".zip"}

// Packed reports whether a file is by its name an archive.
func Packed(name string) bool {
	return slices.ContainsFunc(packed, func(ext string) bool { return strings.HasSuffix(name, ext) })
}
