package buildctx

import (
	"os"
	"path/filepath"
	"strings"
)

// Hiding returns the text of the .dockerignore that is named after the Dockerfile and
// holds in every build context; or of one in its folder that hides what a COPY names and
// the folder holds, where no other folder may be the context. Such a folder is not proven
// to be it: its build fails. "" says that there is neither.
func Hiding(r Request) string {
	if r.Dir != "" || r.Dockerfile == "" {
		return ""
	}
	file, err := filepath.Abs(r.Dockerfile)
	if err != nil {
		return ""
	}
	own := filepath.Dir(file)
	c, _ := open(own, "", r)
	switch {
	case c == nil:
		return ""
	case strings.HasPrefix(c.ignoreFile, file+"."): // its own
		return c.ignoreText
	case r.Opaque:
		return ""
	}
	var needs need
	hidden := false
	for _, s := range r.Sources {
		p, ok := inside(s)
		if !ok || wildcards(s) {
			return ""
		}
		if _, err := os.Lstat(filepath.Join(own, filepath.FromSlash(p))); err != nil {
			return ""
		}
		if p != "." {
			needs.sources = append(needs.sources, p)
			hidden = hidden || c.Ignored(p) && !c.Exists(p)
		}
	}
	if !hidden {
		return ""
	}
	for _, dir := range r.Walks.parents(own) {
		if needs.held(dir) {
			return ""
		}
	}
	return c.ignoreText
}
