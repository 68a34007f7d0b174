package builds

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/shale-build/shale/analysis/source"
	"github.com/sirupsen/logrus"
)

// compose-go tells its logger of each variable without a value, which is no
// business of whoever checks a Dockerfile.
var quiet = sync.OnceFunc(func() { logrus.SetOutput(io.Discard) })

func readCompose(ctx context.Context, path string) ([]Build, error) {
	quiet()
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(abs)
	files := []string{abs}
	switch base := filepath.Base(abs); base {
	case "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml":
		name, ext, _ := strings.Cut(base, ".")
		files = append(files, beside(dir, name+".override."+ext)...)
	case "compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml":
		name, ext, _ := strings.Cut(base, ".override.")
		if below := beside(dir, name+"."+ext); len(below) > 0 {
			return nil, nil // it is read with the file that it overrides
		}
	}
	details := types.ConfigDetails{WorkingDir: dir, Environment: types.Mapping{}}
	for _, f := range files {
		text, err := source.ReadFile(f, maxFile)
		if err != nil {
			return nil, err
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: f, Content: []byte(text)})
	}
	env := environment(dir)
	model, err := loader.LoadModelWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName("project", true)
		o.SkipValidation, o.SkipConsistencyCheck, o.SkipNormalization = true, true, true
		o.SkipResolveEnvironment, o.SkipResolveLabels, o.SkipDefaultValues = true, true, true
		o.ResolvePaths = true
		o.MaxNodeVisits = maxNodes
		o.ResourceLoaders = append([]loader.ResourceLoader{guard{dir}}, o.ResourceLoaders...)
		o.Interpolate = &interpolation.Options{
			LookupValue:     env,
			TypeCastMapping: map[tree.Path]interpolation.Cast{},
			Substitute:      substitute,
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var out []Build
	services, _ := model["services"].(map[string]any)
	for name, service := range services {
		s, _ := service.(map[string]any)
		b, ok := s["build"].(map[string]any)
		if !ok {
			continue
		}
		d := described{name: name, context: text(b["context"]), dockerfile: text(b["dockerfile"]), target: text(b["target"]), args: composeArgs(b["args"])}
		_, d.inline = b["dockerfile_inline"]
		if build, ok := d.build(dir); ok {
			out = append(out, build)
		}
	}
	return out, nil
}

// maxNodes bounds what a compose file's aliases come to: each may stand for many.
const maxNodes = 20_000

// A guard keeps compose-go, which includes and extends files itself, from what is no
// file: it has the first word on each of them.
type guard struct{ dir string }

func (g guard) refusal(path string) error {
	if !filepath.IsAbs(path) {
		path = filepath.Join(g.dir, path)
	}
	if _, err := os.Stat(path); err != nil {
		return nil // compose-go says so better
	}
	if _, err := source.ReadFile(path, maxFile); err != nil {
		return err
	}
	env := filepath.Join(filepath.Dir(path), ".env") // read with what is included
	if _, err := os.Stat(env); err != nil {
		return nil
	}
	_, err := source.ReadFile(env, maxFile)
	return err
}

func (g guard) Accept(path string) bool { return g.refusal(path) != nil }

func (g guard) Load(_ context.Context, path string) (string, error) { return "", g.refusal(path) }

func (g guard) Dir(path string) string { return filepath.Dir(path) }

// environment is what the .env file beside a compose file says. The process's own
// environment is left out: a finding must not depend on who looks for it.
func environment(dir string) func(string) (string, bool) {
	values := map[string]string{}
	if text, err := source.ReadFile(filepath.Join(dir, ".env"), maxFile); err == nil {
		if v, err := dotenv.Parse(strings.NewReader(text)); err == nil {
			values = v
		}
	}
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// unset stands for a variable with neither a value nor a default. It is a number,
// so that ports and counts, which nobody asks about here, can still be read.
const unset = "59407"

// substitute puts values, defaults and unset in place of variables.
func substitute(s string, lookup template.Mapping) (string, error) {
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
		return unset, nil
	}
	return out, nil
}

// composeArgs reads a mapping or a list of NAME=VALUE; what comes from the
// environment is left out.
func composeArgs(v any) map[string]string {
	out := map[string]string{}
	put := func(name string, value any) {
		if value != nil && !unknown(text(value)) {
			out[name] = text(value)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			put(name, value)
		}
	case []any:
		for _, item := range v {
			if name, value, ok := strings.Cut(text(item), "="); ok {
				put(name, value)
			}
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
