package verify

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/syntax"
)

// maxChanged is the size of the largest file that is changed for a rebuild.
const maxChanged = 64 << 20

// rebuilds measures what runs again after a file changed, for each file that the
// user named, or for a source file and a manifest.
func (v *verifier) rebuilds(ctx context.Context) error {
	paths := v.Rebuild
	if paths == nil {
		paths = v.choose()
	}
	for _, p := range paths {
		r, err := v.rebuild(ctx, p)
		if err != nil {
			return v.failure(ctx, err)
		}
		v.report.Rebuilds = append(v.report.Rebuilds, r)
	}
	return nil
}

// rebuild builds both sides warm, and again with the file changed.
func (v *verifier) rebuild(ctx context.Context, p string) (Rebuild, error) {
	out := Rebuild{Path: p, Before: Rerun{Steps: []Step{}}, After: Rerun{Steps: []Step{}}}
	text, err := v.read(p)
	if err != nil {
		out.Before.Error, out.After.Error = err.Error(), err.Error()
		return out, nil
	}
	for _, side := range []struct {
		name   string
		recipe recipe
		lines  *lineFinder
		out    *Rerun
	}{
		{nameBefore, v.before, v.beforeLines, &out.Before},
		{nameAfter, v.after, v.afterLines, &out.After},
	} {
		own := text
		if changed, ok := side.recipe.files[p]; ok {
			own = changed
		}
		caches := v.cold(side.name, side.recipe, false).caches
		warm := request{name: side.name + ", warm", recipe: side.recipe, caches: caches}
		again := request{name: side.name + ", " + path.Base(p) + " changed", recipe: side.recipe.with(p, own+blanks()), caches: caches}
		r, err := v.all(ctx, [][]request{{warm, again}})
		if b, ok := errors.AsType[*broken](err); ok && ctx.Err() == nil {
			f := v.told(ctx, b)
			if f.Kind == "engine" {
				return out, err
			}
			side.out.Error = f.Message
			continue
		}
		if err != nil {
			return out, err
		}
		done := r[again.name].steps
		side.out.Steps, side.out.Cached = done.reran(side.lines)
		side.out.Seconds = done.span().Seconds()
	}
	return out, nil
}

// blanks is a text of blanks and line ends that no build has seen yet: at the end of a text
// they mean nothing.
func blanks() string {
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		panic(err) // the system has no randomness
	}
	var out []byte
	for _, b := range random {
		for bit := range 8 {
			out = append(out, " \n"[b>>bit&1])
		}
	}
	return "\n" + string(out) + "\n"
}

// read returns the text of a file of the context.
func (v *verifier) read(p string) (string, error) {
	if !filepath.IsLocal(filepath.FromSlash(p)) {
		return "", errors.New("it is outside the build context")
	}
	name := filepath.Join(v.Setup.Context, filepath.FromSlash(p))
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("it cannot be read: %w", reason(err))
	case !info.Mode().IsRegular():
		return "", errors.New("it is no regular file")
	case info.Size() > maxChanged:
		return "", errors.New("it is too large to be a text")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("it cannot be read: %w", reason(err))
	}
	if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
		return "", errors.New("it is no text: a change could break it")
	}
	return string(text), nil
}

// manifests are files whose change asks for another install, the likeliest first.
var manifests = []string{
	"package.json", "go.mod", "requirements.txt", "pyproject.toml", "Gemfile", "composer.json", "Cargo.toml", "pom.xml",
	"build.gradle", "build.gradle.kts", "mix.exs", "Pipfile", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "go.sum",
}

// sources are the endings of files that people change all day.
var sources = []string{
	".go", ".js", ".ts", ".jsx", ".tsx", ".mjs", ".cjs", ".py", ".rb", ".php", ".rs", ".java", ".kt", ".cs", ".c", ".cc", ".cpp", ".h", ".sh",
	".html", ".css", ".vue", ".svelte", ".ex", ".scala", ".swift", ".pl", ".lua", ".txt", ".md",
}

// choose picks a source file and a manifest that the Dockerfile copies.
func (v *verifier) choose() []string {
	c, _ := buildctx.Locate(buildctx.Request{Dockerfile: v.Setup.Dockerfile, Dir: v.Setup.Context})
	if c == nil {
		return []string{}
	}
	files, err := c.WalkFiles()
	if err != nil {
		return []string{}
	}
	copied := copies(v.beforeLines.doc)
	files = slices.DeleteFunc(slices.Clone(files), func(p string) bool { return !copied(p) })
	// Near the top and by name, so that the choice is the same everywhere.
	slices.SortFunc(files, func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	pick := func(rank func(string) int) string {
		best, at := "", -1
		for _, p := range files {
			if r := rank(p); r >= 0 && (at < 0 || r < at) {
				if _, err := v.read(p); err == nil {
					best, at = p, r
				}
			}
		}
		return best
	}
	source := pick(func(p string) int {
		if slices.Contains(manifests, path.Base(p)) || strings.HasPrefix(path.Base(p), "Dockerfile") {
			return -1
		}
		i := slices.Index(sources, path.Ext(p))
		if i >= 0 && i < len(sources)-2 { // texts and notes come last
			i = 0
		}
		return i
	})
	manifest := pick(func(p string) int { return slices.Index(manifests, path.Base(p)) })
	out := []string{}
	for _, p := range []string{source, manifest} {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// copies returns a test of whether a COPY or ADD takes a file of the context. A
// source with a variable may take any.
func copies(doc *syntax.Document) func(string) bool {
	var all []string
	for _, in := range doc.Instructions {
		if in.Name != "copy" && in.Name != "add" || in.Flag("from") != nil || len(in.Args) < 2 {
			continue
		}
		for _, a := range in.Args[:len(in.Args)-1] {
			switch {
			case strings.HasPrefix(a.Value, "<<"):
			case strings.Contains(a.Value, "$"):
				all = append(all, ".")
			default:
				all = append(all, cleanPath(a.Value))
			}
		}
	}
	return func(p string) bool {
		for _, s := range all {
			if s == "" || s == "." || p == s || strings.HasPrefix(p, s+"/") {
				return true
			}
			for q := p; q != "."; q = path.Dir(q) {
				if ok, err := path.Match(s, q); ok && err == nil {
					return true
				}
			}
		}
		return false
	}
}
