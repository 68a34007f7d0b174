package chain

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
)

// fillsPath reports whether a command of a RUN may put a program where the shell looks
// them up, by the PATH in force, or take one away from there: by whatever name, and with
// what it clones and unpacks.
func fillsPath(f *facts.File, r *facts.Run, c *facts.Command) bool {
	dirs, all := searched(f, r)
	fs := r.Files(c)
	tree := c.Name == "git" || c.Name == "tar" || c.Name == "unzip" || slices.ContainsFunc(c.Args, recursive)
	if all && tree && (writes[c.Name] || len(fs.Makes) > 0) {
		return true
	}
	at := func(text string, all bool) bool {
		before, _, cut := strings.Cut(strings.ReplaceAll(text, "\x01", "\x00"), "\x00")
		return slices.ContainsFunc(dirs, func(dir string) bool {
			return below(before, dir) || all && below(dir, text) || cut && strings.HasPrefix(dir+"/", before)
		})
	}
	if slices.ContainsFunc(slices.Concat(fs.Makes, fs.Changes, fs.Removes), func(p facts.Place) bool {
		// The folder in force, if it is not known, is the image's own and none of these.
		return !p.Here() && at(unset.ReplaceAllString(strings.TrimPrefix(p.Path, "${.}"), "\x00"), p.All)
	}) {
		return true
	}
	if !fs.Unknown || !writes[c.Name] {
		return false
	}
	// Not all that it does to files is told: one of its words may say it.
	return slices.ContainsFunc(c.Args, func(w shell.Word) bool {
		text := r.Spelled(c, w)
		rest, home := strings.CutPrefix(text, "/~")
		if !home {
			return at(text, tree)
		}
		h := f.HomeOf(r)
		return h.Why == "" && at(h.Dir+rest, tree) || h.Why != "" && slices.ContainsFunc(dirs, func(dir string) bool { return !slices.Contains(systemPath, dir) })
	})
}

// below reports whether a path is dir or lies in it.
func below(p, dir string) bool { return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/") }

// systemPath is the PATH of an image that sets none.
var systemPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// searched lists the folders of the PATH that the file gives a RUN, with those that every
// image has; all says that one of them may be any.
func searched(f *facts.File, r *facts.Run) (dirs []string, all bool) {
	g := f.Stages()
	dirs = slices.Clone(systemPath)
	for s := r.Stage; s != nil; s = s.Parent {
		for _, in := range s.Instructions {
			if in.Index >= r.In.Index || in.Name != "env" && in.Name != "arg" {
				continue
			}
			for _, pair := range in.Pairs {
				if pair.Key.Value != "PATH" {
					continue
				}
				for dir := range strings.SplitSeq(strings.Trim(pair.Value.Value, `"'`), ":") {
					if dir == "$PATH" || dir == "${PATH}" {
						continue // what stood before, or the base's
					}
					v := g.Expand(in, dir)
					if path.IsAbs(v.Text) {
						dirs = append(dirs, path.Clean(v.Text))
					}
					all = all || !v.Known()
				}
			}
		}
	}
	return dirs, all
}
