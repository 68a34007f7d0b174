package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/gitlog"
	"github.com/shale-build/shale/analysis/syntax"
)

// lastCommits is how many of the commits to a build context tell how often its files
// change.
const lastCommits = 100

// Changes tells in which of the last commits to the build context something changed that
// a COPY or ADD takes from it. It is not ok without a known context, or a git history.
func (f *File) Changes(in *syntax.Instruction) (gitlog.Changes, bool) {
	c, _ := f.Context()
	if _, known := f.Sources(in); c == nil || !known {
		return gitlog.Changes{}, false
	}
	log := Once(f, logOf{}, func() *gitlog.Log { return f.opts.History.Of(c.Root()) })
	if log == nil {
		return gitlog.Changes{}, false
	}
	changes := log.In(c.Root(), lastCommits, func(file string) bool { return f.Takes(in, file) && !c.Ignored(file) })
	return changes, changes.Of > 0
}

type logOf struct{}

// Takes reports whether a source of a COPY or ADD is a file of the build context, or a
// folder above it, whether .dockerignore hides it or not.
func (f *File) Takes(in *syntax.Instruction, file string) bool {
	sources, _ := f.Sources(in)
	return slices.ContainsFunc(sources, func(s string) bool { return matches(buildctx.Below(s), file) })
}

// matches reports whether a source of a COPY, a pattern or not, takes a file: by its
// own name, or with a folder above it.
func matches(source, file string) bool {
	if source == "" || source == file || strings.HasPrefix(file, source+"/") {
		return true
	}
	if !strings.ContainsAny(source, "*?[") {
		return false
	}
	for at := file; at != "."; at = path.Dir(at) {
		if ok, _ := path.Match(source, at); ok {
			return true
		}
	}
	return false
}
