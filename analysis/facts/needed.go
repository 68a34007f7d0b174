package facts

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
)

// offline names the line that may have a manager install from its cache alone: by an
// option, a variable (npm_config_offline, UV_OFFLINE) or a setting.
func (f *File) offline() string {
	return Once(f, offlineIn{}, func() string {
		if !offline.In(f.Doc.Content) {
			return ""
		}
		for _, in := range f.Doc.Instructions {
			if offline.In(in.Span.In(f.Doc.Content)) { // here-documents too
				return fmt.Sprintf("line %d speaks of working offline, from what was cached", f.Line(in))
			}
		}
		return ""
	})
}

type offlineIn struct{}

var offline = AnyCase("offline", "disable_network", "goproxy=off", `goproxy="off`, "goproxy='off")

// Words are looked for in any case, by their first letter: an expression takes thirty times
// as long, and each edit asks.
type Words [256][]string

// AnyCase makes Words of some, none of them empty and all in small ASCII letters.
func AnyCase(words ...string) *Words {
	var out Words
	for _, w := range words {
		out[w[0]] = append(out[w[0]], w)
	}
	return &out
}

// In reports whether a text has one of the words.
func (ws *Words) In(text string) bool {
	for i := range len(text) {
		for _, w := range ws[text[i]|0x20] {
			if len(text)-i >= len(w) && strings.EqualFold(text[i:i+len(w)], w) {
				return true
			}
		}
	}
	return false
}

// runsFrom says why a project may run from the cache that a RUN fills: Yarn's does with
// Plug'n'Play, which its package.json may ask for.
func (f *File) runsFrom(r *Run, cache *pkgmgr.Cache) string {
	if managerOf(cache) == &pkgmgr.Yarn && slices.ContainsFunc(r.All(), func(c *Command) bool {
		return c.Call != nil && c.Call.Manager == &pkgmgr.Yarn && c.Call.Fills(cache) && !strings.HasPrefix(c.Call.Word, "global") && !f.knowsManifest(r, c)
	}) {
		return "package.json is not known, and may have the project run from the cache"
	}
	return ""
}

// knowsManifest reports whether the project that a command works on has a package.json
// which can be read.
func (f *File) knowsManifest(r *Run, c *Command) bool {
	dir, ok := f.ProjectDir(r, c)
	if !ok {
		return false
	}
	context, _ := f.Context()
	_, err := context.Read(path.Join(dir, "package.json"))
	return err == nil
}

// wheels says why a later install of Python packages, on a line, may need what an earlier
// one built: where the file removes packages, a compiler may be gone by then.
func (f *File) wheels(cache *pkgmgr.Cache, line int) string {
	if m := managerOf(cache); m != &pkgmgr.Pip && m != &pkgmgr.Uv {
		return ""
	}
	if !Once(f, removesIn{}, func() bool {
		return slices.ContainsFunc(f.Stages().Stages, func(s *stage.Stage) bool {
			return slices.ContainsFunc(f.Runs(s), func(r *Run) bool {
				return slices.ContainsFunc(r.All(), func(c *Command) bool {
					return c.Call != nil && c.Call.Manager.SystemPackages && c.Call.Verb == pkgmgr.Remove
				})
			})
		})
	}) {
		return ""
	}
	return fmt.Sprintf("line %d may need a wheel that was built here, and a package that builds it may be removed by then", line)
}

// wheelsWithin says the same of a RUN that installs, removes packages and installs again.
func (f *File) wheelsWithin(r *Run, cache *pkgmgr.Cache) string {
	m := managerOf(cache)
	if m != &pkgmgr.Pip && m != &pkgmgr.Uv {
		return ""
	}
	built, removed := false, false
	for _, c := range r.All() {
		switch {
		case c.Call == nil:
		case c.Call.Manager == m && c.Call.Fills(cache):
			if built && removed {
				return fmt.Sprintf("line %d installs again, once a package that built a wheel may be removed", f.Line(r.In))
			}
			built = true
		case c.Call.Manager.SystemPackages && c.Call.Verb == pkgmgr.Remove:
			removed = built
		}
	}
	return ""
}

type removesIn struct{}

// linksToCache reports whether uv may install links into its cache: without it they lead
// nowhere, and uv refuses to do both.
func (f *File) linksToCache(r *Run, c *Command, cache *pkgmgr.Cache) bool {
	if managerOf(cache) != &pkgmgr.Uv {
		return false
	}
	for _, o := range c.Call.Options {
		if o.Name == "--link-mode" {
			return !o.Known || !linkModes[o.Value]
		}
	}
	const name = "UV_LINK_MODE"
	if slices.ContainsFunc(slices.Concat(c.Environ, r.Settings()), func(a shell.Assign) bool {
		mode, known := a.Value.Literal()
		return a.Name == name && !(known && linkModes[mode])
	}) {
		return true
	}
	v := f.Stages().Lookup(r.In, name)
	return f.Stages().SetInFile(r.In, name) && !(v.Known() && linkModes[v.Text])
}

// linkModes are those with which uv's files are there without its cache.
var linkModes = map[string]bool{"": true, "copy": true, "hardlink": true, "clone": true}
