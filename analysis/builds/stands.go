package builds

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
)

// anyName stands, among the names of contexts, for one that is not known.
const anyName = "$"

// resolved are the builds of Dockerfiles here, with the file's others that are FROM their
// images.
func resolved(said []described, dir string) []Build {
	var all []Build
	files := map[string][]string{} // what a Dockerfile is FROM
	for i, d := range said {
		b, ok := d.build(dir)
		if !ok {
			continue
		}
		for j, above := range said {
			if i != j && above.standsOn(d, dir, files) {
				b.Above = append(b.Above, above.name)
			}
		}
		slices.Sort(b.Above)
		b.Above = slices.Compact(b.Above)
		all = append(all, b)
	}
	return all
}

// standsOn reports whether a build is FROM the image of another one: a context says so, an
// argument, or its Dockerfile.
func (d described) standsOn(below described, dir string, files map[string][]string) bool {
	for _, to := range d.contexts {
		if to == "target:"+below.name || to == "service:"+below.name {
			return true
		}
	}
	if len(below.images) == 0 {
		return false
	}
	is := func(image string) bool {
		return slices.ContainsFunc(below.images, func(own string) bool { return short(own) == short(image) })
	}
	for _, value := range d.args {
		if is(value) {
			return true
		}
	}
	b, ok := d.build(dir)
	if !ok {
		return false
	}
	bases, read := files[b.Dockerfile]
	if !read {
		bases = basesIn(b.Dockerfile)
		files[b.Dockerfile] = bases
	}
	return slices.ContainsFunc(bases, is)
}

// fromLine takes the name of an image, or an argument's own value, which may be one.
var fromLine = lazyregexp.New(`(?im)^[ \t]*(?:FROM[ \t]+(?:--\S+[ \t]+)*|ARG[ \t]+\w+=)["']?([^\s"']+)`)

// basesIn lists the names of what a Dockerfile is, or may be, FROM, as they are written;
// none where it cannot be read.
func basesIn(file string) []string {
	if fi, err := os.Stat(file); err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	text, err := source.ReadFile(filepath.Clean(file), maxFile)
	if err != nil {
		return nil
	}
	var out []string
	for _, m := range fromLine.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// short is an image's name as builders compare it: without the default registry and tag.
func short(image string) string {
	image = strings.TrimPrefix(strings.TrimPrefix(image, "docker.io/"), "library/")
	return strings.TrimSuffix(image, ":latest")
}

// Replaces reports whether a build puts something else in the place of an image or a stage.
func (b Build) Replaces(name string) bool {
	for own := range b.Contexts {
		own, _, _ = strings.Cut(own, "::") // for one platform
		if own == anyName || strings.EqualFold(short(own), short(name)) {
			return true
		}
	}
	return false
}
