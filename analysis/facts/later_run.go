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

// uses reports whether a later RUN needs the cache, and whether it fetches the
// index anew itself, so that nothing after it needs the old one.
func (l *laterScan) uses(r *Run) (use LaterUse, renewed bool) {
	if use := l.around(r); use.Why != "" {
		return use, false
	}
	line, manager := l.Line(r.In), l.manager
	var updated bool
	var renewing []shell.Range // where a command runs only behind an update that succeeded
	for _, c := range r.All() {
		if l.cache.Index && slices.ContainsFunc(renewing, func(at shell.Range) bool { return at.From <= c.Node.From && c.Node.To <= at.To }) {
			continue // it finds the new index, or does not run
		}
		if use := l.reached(r, c, line); use.Why != "" {
			return use, false
		}
		switch {
		case c.Call != nil && (c.Call.Manager == manager || rpm(c.Call.Manager) && rpm(manager)):
			if c.Call.Verb != pkgmgr.Update {
				if use := l.called(r, c, line, updated); use.Why != "" {
					return use, false
				}
				break
			}
			// Elsewhere its failure could go unseen, and leave the old index in use.
			if !c.Call.Plain() || c.Fed {
				break
			}
			if c.Context.Always && r.surely() && (c.Script == nil || c.Script.Plain() && len(c.Node.Redirs) == 0) || r.endsIn(c) {
				return LaterUse{}, true
			}
			if c.Script == nil && manager != &pkgmgr.Pacman {
				updated = true
				if at, ok := r.behind(c); ok {
					renewing = append(renewing, at)
				}
			}
		case c.Effect == 0 && (c.Call == nil || c.Call.Verb == pkgmgr.Other || l.cache.Index) && !c.Builtin():
			return LaterUse{Why: fmt.Sprintf("line %d runs %s, which may need it", line, c.Called())}, false
		}
	}
	return LaterUse{}, false
}

// around says why a later RUN may need the cache, whatever its commands are.
func (l *laterScan) around(r *Run) LaterUse {
	f, cache, manager, line := l.File, l.cache, l.manager, l.Line(r.In)
	if flag := r.In.Flag("network"); flag != nil && flag.Value != "default" {
		return LaterUse{Why: fmt.Sprintf("line %d runs without the usual network and may need it", line)}
	}
	if r.Opaque != "" {
		if cache.Index && mentions(r.In.Span.In(f.Doc.Content), manager) {
			return LaterUse{Why: fmt.Sprintf("line %d installs from it", line), Certain: true}
		}
		return LaterUse{Why: fmt.Sprintf("line %d may need it: %s", line, r.Opaque)}
	}
	if dir := f.Stages().Workdir(r.In); dir.Is != stage.Unknown && dir.Text != "/" && near(dir.Text, cache.Dir) {
		return LaterUse{Why: fmt.Sprintf("line %d runs in %s, where it lies", line, dir.Text)}
	}
	if dir := f.Standing(r); r.Workdir() == workdir && path.IsAbs(dir) && dir != "/" && near(dir, cache.Dir) {
		return LaterUse{Why: fmt.Sprintf("line %d runs in %s, where it lies", line, dir)}
	}
	if r.Shell.Startup == shell.Yes && manager.SystemPackages {
		return LaterUse{Why: fmt.Sprintf("line %d runs in a shell with start-up files, which may need it", line)}
	}
	return LaterUse{}
}

// reached says why a command may look into the cache: by its words, or by what it tells of
// packages.
func (l *laterScan) reached(r *Run, c *Command, line int) LaterUse {
	f, cache := l.File, l.cache
	switch f.naming(r, c, l.folder()) {
	case within:
		return LaterUse{Why: fmt.Sprintf("line %d names its folder", line), Certain: true}
	case above:
		return LaterUse{Why: fmt.Sprintf("line %d names a folder that it may lie in", line)}
	}
	if f.MayName(r, c, cache.Dir, false) || f.fromHome(r, c, cache.Dir) {
		return LaterUse{Why: fmt.Sprintf("line %d may reach its folder", line)}
	}
	if l.manager == &pkgmgr.Apt && cache.Index {
		return LaterUse{Why: f.looksUp(r, c)}
	}
	return LaterUse{}
}

// called says why a call of the manager needs the cache, or may; updated tells that one
// before it in its RUN fetches the index anew.
func (l *laterScan) called(r *Run, c *Command, line int, updated bool) LaterUse {
	f, cache, manager := l.File, l.cache, l.manager
	if (c.Call.Word == "cache" || strings.HasPrefix(c.Call.Word, "cache ")) && c.Call.Verb == pkgmgr.Other {
		return LaterUse{Why: fmt.Sprintf("line %d runs %s %s, which may read it", line, c.Name, c.Call.Word)}
	}
	switch c.Call.Verb {
	case pkgmgr.Install, pkgmgr.Upgrade, pkgmgr.Download:
		fetches := manager == &pkgmgr.Apk && f.ApkFetches(r.Stage)
		if why := f.wheels(cache, line); why != "" {
			return LaterUse{Why: why}
		}
		offline := c.Call.Has("--offline", "--prefer-offline", "--no-index", "--no-network")
		switch {
		case !offline && manager == &pkgmgr.Apk && c.Call.Has("--no-cache"):
		case !offline && cache.Index && !fetches && updated:
			return LaterUse{Why: fmt.Sprintf("line %d installs from it if its own update fails", line)}
		case offline || cache.Index && !fetches:
			return LaterUse{Why: fmt.Sprintf("line %d installs from it", line), Certain: true}
		}
	case pkgmgr.Other:
		if !cache.Index && r.configures(cache, nil) {
			return LaterUse{Why: fmt.Sprintf("line %d runs %s %s, which may tell or change where it is", line, c.Name, c.Call.Word)}
		}
		if cache.Index && (c.Call.Word != "" || c.Call.Unclear || manager.Operands) {
			return LaterUse{Why: fmt.Sprintf("line %d runs %s, which may read it", line, strings.TrimSpace(c.Name+" "+c.Call.Word)), Certain: true}
		}
	case pkgmgr.Clean:
		if !cache.Index && manager.CleanNeedsCache {
			return LaterUse{Why: fmt.Sprintf("line %d cleans it, and may fail where nothing is left to clean", line), Certain: true}
		}
	}
	return LaterUse{}
}

type linkedIn struct {
	*stage.Stage
	folder
}

// linked says which RUN, up to this one, links to the cache: others may read it there.
func (l *laterScan) linked(r *Run) string {
	for st := r.Stage; st != nil; st = st.Parent {
		first := Once(l.File, linkedIn{st, l.folder()}, func() *Run {
			for _, other := range l.Runs(st) {
				if slices.ContainsFunc(other.All(), func(c *Command) bool { return c.Name == "ln" && l.naming(other, c, l.folder()) != apart }) {
					return other
				}
			}
			return nil
		})
		if first != nil && first.In.Index <= r.In.Index {
			return fmt.Sprintf("line %d links to where it lies", l.Line(first.In))
		}
	}
	return ""
}
