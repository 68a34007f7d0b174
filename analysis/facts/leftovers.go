package facts

import (
	"cmp"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
)

// A Leftover is a cache of a package manager that a RUN leaves in its layer.
type Leftover struct {
	Cache *pkgmgr.Cache
	By    *Command // the last command that filled it
}

// Leftovers returns the caches that a RUN certainly fills and does not clean. A
// cache that something may have cleaned, moved or mounted away is not listed.
func (f *File) Leftovers(r *Run) []Leftover {
	if !r.judged {
		r.leftovers, r.judged = f.leftovers(r), true
	}
	return r.leftovers
}

func (f *File) leftovers(r *Run) []Leftover {
	var left []Leftover
	commands := r.All()
	for i, c := range commands {
		if c.Call == nil || c.Call.Unclear || !c.Context.Always {
			continue
		}
		for j := range c.Call.Manager.Caches {
			cache := &c.Call.Manager.Caches[j]
			if !c.Call.Fills(cache) || !f.placed(r, cache) || f.Disabled(r, c, cache) || r.MountsCache(cache) {
				continue
			}
			if slices.ContainsFunc(commands[i+1:], func(later *Command) bool { return later.MayClean(cache) }) {
				continue
			}
			left = slices.DeleteFunc(left, func(l Leftover) bool { return l.Cache == cache })
			left = append(left, Leftover{cache, c})
		}
	}
	return left
}

// CleanedLater returns the RUN and the command of the same stage that certainly
// deletes a cache which an earlier RUN left in its layer, where no RUN between
// leaves it there anew; nil if there is none. In a home it is that of the RUN's user.
func (f *File) CleanedLater(r *Run, cache *pkgmgr.Cache) (*Run, *Command) {
	home := ""
	if strings.HasPrefix(cache.Dir, "~") {
		home = f.homeName(r)
	}
	fates := Once(f, fatesOf{r.Stage, cache, home}, func() map[*Run]fate { return map[*Run]fate{} })
	runs := f.Runs(r.Stage)
	first := sort.Search(len(runs), func(i int) bool { return runs[i].In.Index > r.In.Index })
	var end fate
	known := false
	at := first
	for ; at < len(runs) && !known; at++ {
		if end, known = fates[runs[at]]; !known {
			if home == "" || f.homeName(runs[at]) == home {
				end, known = f.fate(runs[at], cache)
			}
		}
	}
	for _, run := range runs[first:at] {
		fates[run] = end
	}
	return end.run, end.by
}

// A fate is what becomes of a cache: the RUN and the command that delete it, if any.
type fate struct {
	run *Run
	by  *Command
}

type fatesOf struct {
	*stage.Stage
	*pkgmgr.Cache
	home string
}

// fate decides on a cache that lies there when a RUN starts, or leaves that open.
func (f *File) fate(r *Run, cache *pkgmgr.Cache) (fate, bool) {
	if r.Opaque != "" || r.Mounted(cache.Dir) {
		return fate{}, false
	}
	for _, c := range r.Commands {
		if c.Cleans(cache) && !(strings.HasPrefix(cache.Dir, "~") && r.setsHome(c)) {
			return fate{r, c}, true
		}
	}
	return fate{}, slices.ContainsFunc(f.Leftovers(r), func(l Leftover) bool { return l.Cache == cache })
}

// Cleans reports whether a command certainly deletes what is in a cache.
func (c *Command) Cleans(cache *pkgmgr.Cache) bool {
	if c.Call != nil {
		return c.Context.Always && !c.Call.Unclear && c.Call.Manager == managerOf(cache) && slices.Contains(cache.CleanedBy, c.Call.Word)
	}
	return !managerOf(cache).Refetches && Deletes(c, cache.Dir)
}

// Disabled reports whether the environment moves the cache elsewhere or turns
// it off, or may do so, or whether what is installed is links into it.
func (f *File) Disabled(r *Run, c *Command, cache *pkgmgr.Cache) bool {
	names := slices.Concat(cache.Moved, cache.Off)
	if strings.HasPrefix(cache.Dir, "~") && r.setsHome(c) {
		return true
	}
	for _, name := range names {
		if slices.ContainsFunc(c.Environ, func(a shell.Assign) bool { return a.Name == name }) {
			return true
		}
		if f.Stages().SetInFile(r.In, name) {
			return true
		}
	}
	if r.configures(cache, names) || f.linksToCache(r, c, cache) {
		return true
	}
	if f.configured(r.Stage, cache) < r.In.Index {
		return true
	}
	// An outside base may have set any of them, but the well-known ones do not.
	return len(cache.Off) > 0 && f.Base(r.Stage) == nil
}

// setsHome reports whether a RUN gives a command another home.
func (r *Run) setsHome(c *Command) bool {
	return strings.Contains(r.Program.Text.String(), "HOME") &&
		slices.ContainsFunc(slices.Concat(c.Environ, r.Settings()), func(a shell.Assign) bool { return a.Name == "HOME" })
}

// configured returns the index of the first instruction of a stage, or of those that it
// is FROM, that may tell a manager to keep its cache elsewhere.
func (f *File) configured(s *stage.Stage, cache *pkgmgr.Cache) int {
	if s == nil {
		return len(f.Doc.Instructions)
	}
	return Once(f, configuredIn{s, cache}, func() int {
		if below := f.configured(s.Parent, cache); below < len(f.Doc.Instructions) {
			return below
		}
		for _, in := range s.Instructions {
			text := in.Text.String()
			switch {
			case in.Name == "run" && f.Run(in).configures(cache, nil),
				(in.Name == "copy" || in.Name == "add") && (len(cache.Off) > 0 && strings.Contains(text, "pip.conf") || movesApk(cache, text)):
				return in.Index
			}
		}
		return len(f.Doc.Instructions)
	})
}

type configuredIn struct {
	*stage.Stage
	*pkgmgr.Cache
}

// placed reports whether the cache lies in its folder on the image that the stage
// stands on, as far as that is known.
func (f *File) placed(r *Run, cache *pkgmgr.Cache) bool {
	if b := f.Base(r.Stage); b != nil {
		if dir, ok := cache.In[b.Name]; ok {
			return dir == cache.Dir && (b.Certain || !cache.OnlyIn)
		}
	}
	return !cache.OnlyIn
}

// configures reports whether a RUN may tell the manager to keep its cache
// elsewhere: by its configuration, or by one of the variables.
func (r *Run) configures(cache *pkgmgr.Cache, variables []string) bool {
	if r.Program == nil {
		return false
	}
	text := r.Program.Text.String()
	if slices.ContainsFunc(variables, func(v string) bool { return strings.Contains(text, v) }) {
		return true
	}
	if movesApk(cache, text) {
		return true
	}
	manager := managerOf(cache)
	return strings.Contains(text, "cache") && (slices.ContainsFunc(manager.Settings, func(s pkgmgr.Settings) bool { return s.Own && strings.Contains(text, s.File) }) ||
		slices.ContainsFunc(r.All(), func(c *Command) bool {
			return c.Call != nil && c.Call.Manager == manager && (strings.HasPrefix(c.Call.Word, "config") || c.Call.Word == "set" || c.Call.Word == "c")
		}))
}

// movesApk reports whether a text makes the folder that apk takes for its cache once it
// is there.
func movesApk(cache *pkgmgr.Cache, text string) bool {
	return cache.Dir == "/var/cache/apk" && (strings.Contains(text, "/etc/apk/cache") || strings.Contains(text, "setup-apkcache"))
}

// MountsCache reports whether a mount of the RUN covers a cache, wherever it lies, or
// may.
func (r *Run) MountsCache(cache *pkgmgr.Cache) bool {
	if len(r.Mounts) == 0 {
		return false
	}
	dirs := []string{cache.Dir}
	for _, dir := range cache.In {
		if len(cache.Mount.Below) == 0 {
			dirs = append(dirs, dir)
		}
		for _, below := range cache.Mount.Below {
			dirs = append(dirs, path.Join(dir, below))
		}
	}
	if cache.RootDir != "" {
		dirs = append(dirs, cache.RootDir)
	}
	if cache.Cleanup != nil {
		dirs = append(dirs, cache.Cleanup.Paths...)
	}
	return slices.ContainsFunc(dirs, r.Mounted)
}

// Mounted reports whether a mount of the RUN covers a folder, or may.
func (r *Run) Mounted(dir string) bool {
	return slices.ContainsFunc(r.Mounts, func(m Mount) bool {
		if m.Type == "secret" || m.Type == "ssh" {
			return false
		}
		target := strings.TrimSuffix(m.Target, "/")
		if dir == "/var/cache/apk" && target == "/etc/apk/cache" {
			return true
		}
		if below, ok := strings.CutPrefix(dir, "~"); ok {
			// Some home's folder, one above it or one below it.
			for up := below; up != "/"; up = path.Dir(up) {
				if strings.HasSuffix(target, up) {
					return true
				}
			}
			return strings.Contains(target, "$") || strings.Contains(target, below+"/") || target == "/root" || path.Dir(target) == "/home"
		}
		return strings.Contains(target, "$") || dir == target || strings.HasPrefix(dir, target+"/") || strings.HasPrefix(target, dir+"/")
	})
}

// MayClean reports whether a command deletes what is in the cache, or may: it
// names the folder, or one above or below it, or runs code that cannot be seen.
func (c *Command) MayClean(cache *pkgmgr.Cache) bool {
	if c.Call != nil && (slices.Contains(cache.CleanedBy, c.Call.Word) || slices.Contains(cache.TrimmedBy, c.Call.Word)) {
		return true
	}
	if c.RunsCode() {
		return true
	}
	if c.Call != nil && !c.Call.Unclear && c.Call.Verb != pkgmgr.Other && c.Call.Verb != pkgmgr.Clean {
		return false // its operands are packages, whatever they are called
	}
	return slices.ContainsFunc(c.Args, func(w shell.Word) bool { return touches(w, cache.Dir) })
}

// touches reports whether a word may name the folder, one above or one below.
func touches(w shell.Word, dir string) bool { return folder{dir: dir}.named(Shape(w)) != apart }

// A folder is where a cache lies: below "~" for a home that is not known.
type folder struct {
	dir  string
	home string // the home that it lies below, if that is known
}

// A kinship is how what a word names lies to a folder.
type kinship uint8

const (
	apart  kinship = iota
	above          // a folder that holds it, or may
	within         // the folder, or what lies in it
)

// named reports what a word names, in the words of Shape.
func (f folder) named(text string) kinship {
	may := func(yes bool) kinship {
		if yes {
			return above
		}
		return apart
	}
	below, inHome := strings.CutPrefix(f.dir, cmp.Or(f.home, "~"))
	if f.home != "" && (text == "~" || strings.HasPrefix(text, "~/")) {
		text = f.home + text[1:]
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(below, "/"), "/")
	switch abs := strings.HasPrefix(text, "/"); {
	case strings.Contains(text, "\x00") || strings.Contains(text, "{"):
		return may(abs && !strings.HasPrefix(text, "/\x00") && sharesRoot(text, f.dir) || strings.HasPrefix(text, "\x00"))
	case inHome && (f.home == "" || !abs):
		// It may be called from the home, whosever that is.
		if strings.Contains("/"+text, below) {
			return within
		}
		up := strings.TrimRight(text, "*/")
		hidden, _ := strings.CutPrefix(strings.TrimPrefix(text, "/root"), "~")
		return may(Names(text, first) || path.Dir(up) == "/home" || up == "/home" || // a home folder, or all of them
			text == "~" || text == "/root" || text == "/root/*" || strings.HasPrefix(hidden, "/.") && strings.ContainsAny(hidden, "*?["))
	case !abs, inHome && path.Clean(text) == "/": // which holds too much else to count
		return apart
	}
	if at := strings.IndexAny(text, "*?["); at >= 0 {
		if _, in := Below(path.Dir(text[:at]+"x"), f.dir); in {
			return within
		}
		return may(patternMeets(text, f.dir))
	}
	text = path.Clean(text)
	_, in := Below(text, f.dir)
	_, holds := Below(f.dir, text)
	if in {
		return within
	}
	return may(holds)
}

// patternMeets reports whether a pattern may stand for a folder, one above or one below,
// name by name.
func patternMeets(pattern, dir string) bool {
	names := strings.Split(path.Clean(pattern), "/")
	for i, name := range strings.Split(dir, "/") {
		if i == len(names) || strings.Contains(names[i], "**") {
			return true
		}
		if like, err := path.Match(names[i], name); err == nil && !like {
			return false
		}
	}
	return true
}

// sharesRoot reports whether the literal beginnings of a path and a folder agree.
func sharesRoot(text, dir string) bool {
	head, _, _ := strings.Cut(text, "\x00")
	head, _, _ = strings.Cut(head, "{")
	return strings.HasPrefix(dir, head) || strings.HasPrefix(head, dir)
}

// Shape is a word's text with what the shell would expand left as written for
// patterns and ~, "~" for $HOME, and a NUL for what is not known.
func Shape(w shell.Word) string {
	var b strings.Builder
	for _, p := range w.Parts {
		switch {
		case p.Kind == shell.Literal, p.Kind == shell.Glob, p.Kind == shell.Tilde, p.Kind == shell.Brace:
			b.WriteString(p.Text)
		case p.Kind == shell.Parameter && p.Plain && p.Text == "HOME":
			b.WriteString("~")
		default:
			b.WriteString("\x00")
		}
	}
	return b.String()
}
