// Package facts answers what rules ask about a Dockerfile. Each fact is derived
// when it is first asked for and once a document; one that is not known is unknown.
package facts

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/builds"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/gitlog"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// Options say what a user told about a Dockerfile.
type Options struct {
	Context string            // the build context of --context; "" if none was named
	Config  *config.Config    // nil for the defaults
	Builds  []builds.Build    // how compose and bake files build it
	Files   map[string]string // what files beside it will hold that are to be written, by path on disk
	Walks   *buildctx.Walks   // what walks of build contexts found; nil to walk anew
	History *gitlog.Logs      // of the repositories that build contexts lie in; nil for none
	Earlier *Kept             // of the text that this one was edited from; nil to read anew
}

// A File is one Dockerfile with all that can be known of it. It is for use by
// one goroutine.
type File struct {
	Path string // on disk; "" for text without a file
	Doc  *syntax.Document

	opts     Options
	stages   *stage.Graph
	runs     map[*syntax.Instruction]*Run
	taken    map[body]int // how many of Earlier's readings of a body are in use
	context  *contextFact
	lint     *linted
	compiled *compile.Dockerfile
	derived  map[any]any
}

// Once returns what derive made of the file when it was first asked for by the key,
// which is of a type of the caller's own.
func Once[T any](f *File, key any, derive func() T) T {
	if v, ok := f.derived[key]; ok {
		return v.(T)
	}
	v := derive()
	if f.derived == nil {
		f.derived = map[any]any{}
	}
	f.derived[key] = v
	return v
}

// Says reports whether the Dockerfile's text has some words in it, wherever.
func (f *File) Says(words string) bool {
	type said struct{ words string }
	return Once(f, said{words}, func() bool { return strings.Contains(f.Doc.Content, words) })
}

// Forget drops what was derived of single instructions, which takes most of a file's
// memory. It is derived anew when it is asked for again.
func (f *File) Forget() { f.runs, f.derived, f.lint, f.compiled = nil, nil, nil, nil }

type contextFact struct {
	context *buildctx.Context
	reason  string
	request *buildctx.Request // what it was looked for by; nil if it was not
}

// New wraps a document. Nothing is derived before it is asked for.
func New(path string, doc *syntax.Document, opts Options) *File {
	return &File{Path: path, Doc: doc, opts: opts}
}

// With is the file with another text, which is read with what was read of this one.
func (f *File) With(text string) *File {
	opts := f.opts
	opts.Earlier = f.Keep()
	return New(f.Path, opts.Earlier.Parse(text), opts)
}

// Stages returns the stage graph.
func (f *File) Stages() *stage.Graph {
	if f.stages == nil {
		f.stages = stage.With(f.Doc, stage.Options{Targets: builds.Targets(f.opts.Builds), Args: builds.Args(f.opts.Builds)})
	}
	return f.stages
}

// Context returns the build context, or why it is not known.
func (f *File) Context() (*buildctx.Context, string) {
	if f.context == nil {
		r, reason := f.request()
		f.context = &contextFact{reason: reason}
		if reason == "" {
			f.context.request = &r
			f.context.context, f.context.reason = buildctx.Locate(r)
		}
	}
	return f.context.context, f.context.reason
}

// Builder names what builds the file, as the configuration has it; "" if it says nothing.
func (f *File) Builder() string { return f.opts.Config.Builder() }

// OtherBuilder names what builds the file, as the configuration has it, where that is not
// BuildKit; "" otherwise.
func (f *File) OtherBuilder() string {
	if b := f.Builder(); b == "podman" || b == "kaniko" {
		return b
	}
	return ""
}

// BuilderFrontend is the version of docker/dockerfile that is built into it; "" where
// none is named.
func (f *File) BuilderFrontend() string { return f.opts.Config.Frontend() }

// Locals returns what of this machine's own lies in the build context; nothing when
// that is not known.
func (f *File) Locals() buildctx.Locals {
	c, _ := f.Context()
	if c == nil {
		return buildctx.Locals{}
	}
	return c.Locals(f.opts.Walks)
}

// Beside returns what another file will hold that a fix writes, by its path on disk.
func (f *File) Beside(path string) (string, bool) {
	text, ok := f.opts.Files[path]
	return text, ok
}

// request gathers what every COPY, ADD and install of the file needs, which
// decides what folder can be its context; or says why none can be.
func (f *File) request() (r buildctx.Request, why string) {
	r.Dockerfile, r.Files, r.Walks, r.Podman = f.Path, f.opts.Files, f.opts.Walks, f.Builder() == "podman"
	if abs, err := filepath.Abs(f.Path); err == nil && f.Path != "" {
		r.Dockerfile = abs // or the system is asked for the working folder with each file that is looked for
	}
	if r.Dir, r.How, why = f.named(); why != "" {
		return r, why
	}
	for _, s := range f.Stages().Stages {
		for _, in := range s.Instructions {
			switch in.Name {
			case "copy", "add":
				sources, known := f.Sources(in)
				r.Sources = append(r.Sources, sources...)
				r.Opaque = r.Opaque || !known
			case "run":
				r.Manifests = append(r.Manifests, f.manifests(in)...)
			}
		}
	}
	return r, ""
}

// named is the build context that the user names, and who does: the first of
// --context, the configuration, and compose and bake files.
func (f *File) named() (dir, how, why string) {
	if f.opts.Context != "" {
		return f.opts.Context, "--context", ""
	}
	if f.opts.Config != nil && f.Path != "" {
		if dir, how, ok := f.opts.Config.ContextFor(f.Path); ok {
			return dir, how, ""
		}
	}
	return builds.Context(f.opts.Builds)
}

// Sources returns the paths of the build context that a COPY or ADD names,
// variables expanded, and whether all of them are known.
func (f *File) Sources(in *syntax.Instruction) (paths []string, known bool) {
	if in.Flag("from") != nil || len(in.Args) < 2 {
		return nil, true
	}
	known = true
	for _, a := range in.Args[:len(in.Args)-1] {
		if strings.HasPrefix(a.Value, "<<") {
			continue
		}
		v := f.Stages().Expand(in, a.Value)
		switch {
		case !v.Known():
			known = false
		case in.Name == "add" && remote(v.Text):
		default:
			paths = append(paths, v.Text)
		}
	}
	return paths, known
}

// remote reports whether an ADD source is fetched instead of copied.
func remote(source string) bool {
	return strings.Contains(source, "://") || strings.HasPrefix(source, "git@")
}

// manifests names the manifests that the installs of a RUN need from what was copied
// out of the context to the folder they lie in.
func (f *File) manifests(in *syntax.Instruction) []buildctx.Manifest {
	run := f.Run(in)
	var out []buildctx.Manifest
	need := func(file string) {
		if from := f.brought(in, path.Dir(file)); len(from) > 0 {
			out = append(out, buildctx.Manifest{Name: path.Base(file), From: from})
		}
	}
	for _, c := range run.Commands {
		dir := run.Dir(c)
		if c.Call == nil || c.Fed || dir == "" || !c.Context.Always || c.Call.Has(elsewhere...) {
			continue
		}
		named := false
		for _, o := range c.Call.Options {
			if !slices.Contains(c.Call.Manager.ManifestOptions, o.Name) || !c.Call.ReadsOptions() {
				continue
			}
			named = true
			if o.Known && o.Value != "" && !strings.Contains(o.Value, "://") {
				if path.IsAbs(o.Value) {
					need(path.Clean(o.Value))
				} else {
					need(path.Join(dir, o.Value))
				}
			}
		}
		if !named && c.Call.ReadsManifests() {
			need(path.Join(dir, c.Call.Manager.Manifests[0]))
		}
	}
	return out
}

// elsewhere are the options that lead an install to another folder or manifest.
var elsewhere = []string{"-C", "--prefix", "--dir", "--cwd", "--directory", "--project", "--working-dir", "--manifest-path", "--gemfile", "--project-dir", "--build-file", "-g", "--global"}

// broughtTo lists the sources of the copies out of the build context to the working
// folder of an instruction, in its stage, the newest first; it ends at one that is not
// known. A source may be a file or a folder.
func (f *File) broughtTo(in *syntax.Instruction) []string {
	var out []string
	for _, o := range f.brought(in, f.workdir(in)) {
		if o.Below == "" {
			out = append(out, o.Source)
		}
	}
	return out
}

// brought lists the copies out of the build context to a folder of the image or one
// above it that an instruction finds, in its stage, the newest first; it ends at one that
// is not known.
func (f *File) brought(in *syntax.Instruction, dir string) []buildctx.Origin {
	g := f.Stages()
	s := g.Of(in)
	if s == nil {
		return nil
	}
	var out []buildctx.Origin
	for i := len(s.Instructions) - 1; i >= 0; i-- {
		c := s.Instructions[i]
		if c.Index >= in.Index || c.Name != "copy" && c.Name != "add" || c.Flag("from") != nil || len(c.Args) < 2 {
			continue
		}
		dest := g.Expand(c, c.Args[len(c.Args)-1].Value)
		if !dest.Known() {
			return out
		}
		at, ok := f.Lands(c, dest.Text, in)
		below, under := Below(dir, at)
		if !ok || !under {
			continue
		}
		sources, known := f.Sources(c)
		if !known {
			return out
		}
		for _, source := range slices.Backward(sources) {
			out = append(out, buildctx.Origin{Source: source, Below: below})
		}
	}
	return out
}

// Below returns what leads from a folder to one in it, "" for the folder itself. Both
// are clean.
func Below(dir, above string) (string, bool) {
	if dir == above {
		return "", true
	}
	return strings.CutPrefix(dir, strings.TrimSuffix(above, "/")+"/")
}

// ContextDir returns the folder of the build context that lies at the working folder
// of an instruction: one that was copied there whole, or else that of the files that
// were. It needs the context, for a name alone does not tell a file from a folder.
func (f *File) ContextDir(in *syntax.Instruction) (string, bool) {
	c, _ := f.Context()
	if c == nil {
		return "", false
	}
	dir, found := "", false
	for _, source := range f.broughtTo(in) {
		source = buildctx.Below(source)
		if source == "" || c.IsDir(source) {
			return source, true
		}
		switch of := buildctx.Below(path.Dir(source)); {
		case !found:
			dir, found = of, true
		case of != dir:
			return "", false
		}
	}
	return dir, found
}

// ProjectDir returns the folder of the build context that a command of a RUN works on, as
// far as it is known: the newest copy that fills the folder it runs in, or that of an
// option like --cwd.
func (f *File) ProjectDir(r *Run, c *Command) (string, bool) {
	context, _ := f.Context()
	dir := r.Dir(c)
	if context == nil || dir == "" || c.Call == nil {
		return "", false
	}
	for _, o := range c.Call.Options {
		if slices.Contains([]string{"--cwd", "--prefix", "-C", "--dir", "--directory", "--project", "-d", "--working-dir"}, o.Name) {
			if !o.Known {
				return "", false
			}
			if dir = path.Join(dir, o.Value); path.IsAbs(o.Value) {
				dir = path.Clean(o.Value)
			}
		}
	}
	for _, o := range f.brought(r.In, dir) {
		source := buildctx.Below(o.Source)
		if source == "" || context.IsDir(source) {
			return path.Join(source, o.Below), true
		}
		if o.Below == "" {
			return buildctx.Below(path.Dir(source)), true
		}
	}
	return "", false
}

// Lands is the folder that a destination at one instruction is to another that comes
// later, in the words of the folders that its commands run in: below what stands for the
// working folder where that is not known.
func (f *File) Lands(at *syntax.Instruction, dest string, in *syntax.Instruction) (string, bool) {
	g := f.Stages()
	from := g.Workdir(at)
	switch {
	case strings.HasPrefix(dest, "/"):
		return path.Clean(dest), true
	case from.Known():
		return path.Join(from.Text, dest), true
	case from == g.Workdir(in) && !g.Moved(at, in):
		return path.Join(workdir, dest), !strings.HasPrefix(path.Clean(dest), "..")
	}
	return "", false
}

// workdir is the folder that an instruction starts in, or what stands for it.
func (f *File) workdir(in *syntax.Instruction) string {
	if dir := f.Stages().Workdir(in); dir.Known() {
		return dir.Text
	}
	return workdir
}
