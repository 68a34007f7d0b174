package builds

import (
	"maps"
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
	named := map[string][]int{} // builds, by what another one may say it is FROM
	for i, d := range said {
		names := []string{"target:" + d.name, "service:" + d.name}
		for _, image := range d.images {
			names = append(names, imageNamed(image))
		}
		for _, name := range names {
			named[name] = append(named[name], i)
		}
	}
	above := make([][]string, len(said))
	bases := map[string][]string{} // what a Dockerfile is FROM
	for i, d := range said {
		for _, name := range d.standsOn(dir, bases) {
			for _, below := range named[name] {
				if below != i {
					above[below] = append(above[below], d.name)
				}
			}
		}
	}
	var all []Build
	for i, d := range said {
		if b, ok := d.build(dir); ok {
			slices.Sort(above[i])
			b.Above = slices.Compact(above[i])
			all = append(all, b)
		}
	}
	return all
}

// standsOn lists what a build may be FROM: by its contexts, its arguments and its Dockerfile.
func (d described) standsOn(dir string, bases map[string][]string) (out []string) {
	images := slices.Collect(maps.Values(d.args))
	if b, ok := d.build(dir); ok {
		if _, read := bases[b.Dockerfile]; !read {
			bases[b.Dockerfile] = basesIn(b.Dockerfile)
		}
		images = append(images, bases[b.Dockerfile]...)
	}
	for _, image := range images {
		out = append(out, imageNamed(image))
	}
	return slices.AppendSeq(out, maps.Values(d.contexts))
}

// imageNamed tells the name of an image from that of a build.
func imageNamed(name string) string { return "image:" + short(name) }

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
