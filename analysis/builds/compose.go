package builds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/shale-build/shale/analysis/source"
	"github.com/sirupsen/logrus"
)

// compose-go tells its logger of each variable without a value, which is no
// business of whoever checks a Dockerfile.
var quiet = sync.OnceFunc(func() { logrus.SetOutput(io.Discard) })

func readCompose(ctx context.Context, path string) (said []described, dir string, err error) {
	quiet()
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, "", err
	}
	dir = filepath.Dir(abs)
	files := []string{abs}
	switch base := filepath.Base(abs); base {
	case "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml":
		name, ext, _ := strings.Cut(base, ".")
		files = append(files, beside(dir, name+".override."+ext)...)
	case "compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml":
		name, ext, _ := strings.Cut(base, ".override.")
		if below := beside(dir, name+"."+ext); len(below) > 0 {
			return nil, "", nil // it is read with the file that it overrides
		}
	}
	// The process's own environment is left out: a finding must not depend on who
	// looks for it.
	env, err := environment(func(string) (string, bool) { return "", false }, beside(dir, ".env"))
	if err != nil {
		env = func(string) (string, bool) { return "", false }
	}
	p := project{ctx: ctx}
	services, err := p.load(files, dir, env, nil)
	if err != nil {
		return nil, "", err
	}
	for name, s := range services {
		if b, ok := s["build"].(mapping); ok {
			said = append(said, service(name, s, b))
		}
	}
	return said, dir, nil
}

// service is what a compose file says of a service and its build.
func service(name string, s, b mapping) described {
	d := described{name: name, context: text(b["context"]), dockerfile: text(b["dockerfile"]), target: text(b["target"]), args: composeArgs(b["args"]), contexts: map[string]string{}}
	_, d.inline = b["dockerfile_inline"]
	more, _ := b["additional_contexts"].(mapping)
	for name, value := range more {
		if d.contexts[name] = text(value); unknown(name) {
			d.contexts[anyName] = ""
		}
	}
	d.images = append(texts(b["tags"]), texts(s["image"])...)
	return d
}

// Bounds of what is read for one compose file.
const (
	maxFiles = 1000    // those that it includes or extends, each time
	maxNodes = 100_000 // of YAML, aliases followed: each may stand for many
	maxDepth = 100
)

// A project is what is read of one compose file and of those that it overrides,
// includes and extends. Of a service, its build and what it extends are read; what
// that means is held to compose-go's own loader by a test, which takes a third of
// the command's time to start where it is linked.
type project struct {
	ctx   context.Context
	files int // read so far
	nodes int // read so far
}

// A mapping is one of a compose file.
type mapping = map[string]any

// load reads files of which each overrides those before it. Paths in them are
// relative to dir. It returns the services by name, what they extend merged into
// them and their contexts absolute; including are the files that include these.
func (p *project) load(files []string, dir string, env lookup, including []string) (map[string]mapping, error) {
	services := map[string]mapping{}
	bases := map[string]*document{}
	for _, path := range files {
		docs, err := p.read(path, env)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if err := p.include(d, dir, env, append(slices.Clip(including), path)); err != nil {
				return nil, err
			}
			x := extender{p: p, env: env, bases: bases}
			for name := range d.services {
				if _, err := x.service(d, name, dir); err != nil {
					return nil, err
				}
			}
			d.onto(services)
		}
	}
	for _, s := range services {
		resolve(s, dir)
	}
	return services, nil
}

// include adds what the files that a document includes describe.
func (p *project) include(d *document, dir string, env lookup, including []string) error {
	for _, one := range listed(d.include) {
		m, ok := one.(mapping)
		if !ok {
			m = mapping{"path": one}
		}
		paths := texts(m["path"])
		if len(paths) == 0 {
			return &fault{d.path, errors.New("what it includes is not said")}
		}
		for i := range paths {
			paths[i] = from(dir, paths[i])
		}
		if slices.Contains(including, paths[0]) {
			return &fault{paths[0], errors.New("it includes itself")}
		}
		inside := filepath.Dir(paths[0])
		if s := text(m["project_directory"]); s != "" {
			inside = from(dir, s)
		}
		files := beside(inside, ".env")
		if named := texts(m["env_file"]); len(named) > 0 {
			files = nil
			for _, name := range named {
				if name != "/dev/null" {
					files = append(files, from(dir, name))
				}
			}
		}
		inner, err := environment(env, files)
		if err != nil {
			return err
		}
		services, err := p.load(paths, inside, inner, including)
		if err != nil {
			return err
		}
		for name, s := range services {
			if _, ok := d.services[name]; ok {
				s = d.over(s, name)
			}
			d.services[name] = s
		}
	}
	return nil
}

// An extender merges into services what they extend.
type extender struct {
	p     *project
	env   lookup
	bases map[string]*document // other files, by path
	chain []string             // the services that are being extended
}

// service returns a document's service with what it extends merged into it; nil if
// the service says nothing.
func (x *extender) service(d *document, name, dir string) (mapping, error) {
	s := d.services[name]
	ref, file := text(s["extends"]), ""
	if m, ok := s["extends"].(mapping); ok {
		ref, file = text(m["service"]), text(m["file"])
	}
	if s["extends"] == nil {
		return s, nil
	}
	id := d.path + "\x00" + name
	if slices.Contains(x.chain, id) {
		return nil, &fault{d.path, fmt.Errorf("service %q extends itself", name)}
	}
	x.chain = append(x.chain, id)
	defer func() { x.chain = x.chain[:len(x.chain)-1] }()
	base, within := d, dir
	if file != "" {
		path := from(dir, file)
		within = filepath.Dir(path)
		var err error
		if base, err = x.base(path, within); err != nil {
			return nil, err
		}
	}
	if _, ok := base.services[ref]; !ok {
		return nil, &fault{d.path, fmt.Errorf("service %q extends %q, which %s does not have", name, ref, filepath.Base(base.path))}
	}
	below, err := x.service(base, ref, within)
	if err != nil {
		return nil, err
	}
	s = d.over(below, name)
	delete(s, "extends")
	d.services[name] = s
	return s, nil
}

// base reads a file for services that extend its own. Contexts in it are relative to
// its own folder.
func (x *extender) base(path, dir string) (*document, error) {
	if b := x.bases[path]; b != nil {
		return b, nil
	}
	docs, err := x.p.read(path, x.env)
	if err != nil {
		return nil, err
	}
	all := &document{path: path, services: map[string]mapping{}}
	for _, d := range docs {
		d.onto(all.services)
		all.replaced = d.replaced
	}
	for _, s := range all.services {
		resolve(s, dir)
	}
	x.bases[path] = all
	return all, nil
}

// merged is a service with what another one says over it. Both may be nil; neither
// is changed.
func merged(below, above mapping) mapping {
	out := mapping{}
	for _, s := range []mapping{below, above} {
		for _, key := range []string{"extends", "image"} {
			if v, ok := s[key]; ok {
				out[key] = v
			}
		}
		b, ok := s["build"].(mapping)
		if !ok {
			continue
		}
		build, ok := out["build"].(mapping)
		if !ok {
			build = mapping{}
			out["build"] = build
		}
		for k, v := range b {
			switch args, ok := v.(mapping); {
			case ok:
				all, _ := build[k].(mapping)
				all = maps.Clone(all)
				if all == nil {
					all = mapping{}
				}
				maps.Copy(all, args)
				build[k] = all
			case v != nil || build[k] == nil:
				build[k] = v
			}
		}
	}
	return out
}

// resolve makes the contexts of a service absolute.
func resolve(s mapping, dir string) {
	absolute := func(m mapping, name string) {
		if c, ok := m[name].(string); ok && !remote(c) && !strings.HasPrefix(c, "~") {
			m[name] = from(dir, c)
		}
	}
	b, _ := s["build"].(mapping)
	absolute(b, "context")
	more, _ := b["additional_contexts"].(mapping)
	for name := range more {
		absolute(more, name)
	}
}

// lookup answers what a variable is.
type lookup = func(name string) (string, bool)

// environment is what files of variables say beside outer, which goes before them.
func environment(outer lookup, files []string) (lookup, error) {
	values := map[string]string{}
	for _, path := range files {
		text, err := source.ReadFile(path, maxFile)
		if err != nil {
			return nil, &fault{path, err}
		}
		read, err := dotenv.ParseWithLookup(strings.NewReader(text), outer)
		if err != nil {
			return nil, &fault{path, err}
		}
		maps.Copy(values, read)
	}
	return func(name string) (string, bool) {
		if v, ok := outer(name); ok {
			return v, true
		}
		v, ok := values[name]
		return v, ok
	}, nil
}

// unset stands for a variable with neither a value nor a default. It is a number,
// so that ports and counts, which nobody asks about here, can still be read.
const unset = "59407"

// substitute puts values, defaults and unset in place of variables.
func substitute(s string, lookup lookup) string {
	missing := map[string]bool{}
	for _, v := range template.ExtractVariables(map[string]any{"": s}, nil) {
		if _, ok := lookup(v.Name); !ok && v.DefaultValue == "" && v.PresenceValue == "" {
			missing[v.Name] = true
		}
	}
	out, err := template.Substitute(s, func(name string) (string, bool) {
		if missing[name] {
			return unset, true
		}
		return lookup(name)
	})
	if err != nil {
		return unset
	}
	return out
}

// composeArgs are the arguments that have a value; what comes from the environment
// is left out.
func composeArgs(v any) map[string]string {
	out := map[string]string{}
	args, _ := v.(mapping)
	for name, value := range args {
		if value != nil && !unknown(text(value)) {
			out[name] = text(value)
		}
	}
	return out
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
