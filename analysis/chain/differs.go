package chain

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
)

// differs says why b may do something else, or fail, when it runs right behind a in
// one layer instead of in a RUN of its own; "" when it is known that it does not. first is
// the first RUN of those that become one.
func differs(first *facts.Run, a, b *neighbour) string {
	for _, n := range []*neighbour{a, b} {
		if n.unknown != nil {
			return fmt.Sprintf("line %d runs %s, which may leave processes behind or compare file times", n.line, n.unknown.Called())
		}
		if n.fresh != "" {
			return fmt.Sprintf("%s may lead line %d to /dev, /proc or /sys, which are fresh in every RUN", n.fresh, n.line)
		}
	}
	switch {
	case a.first != "":
		return a.first
	case b.tells != "":
		return fmt.Sprintf("line %d keeps what %s tells of inodes, links or blocks, which are others in another layer", b.line, b.tells)
	case b.links:
		return fmt.Sprintf("line %d links files: of one that line %d made a layer of its own holds a copy", b.line, a.line)
	case b.effects.Has(facts.Times):
		return fmt.Sprintf("line %d compares the times of files", b.line)
	case b.effects.Has(facts.Renames), movesFolders(a.run, b.run):
		return fmt.Sprintf("line %d may rename folders of the RUN before", b.line)
	case a.linked && (b.cutsPackages || b.cutsOthers && !a.packages), a.moves < first.In.Index && (b.cutsPackages || b.cutsOthers):
		return fmt.Sprintf("line %d changes in place what line %d may have hard-linked", b.line, a.line)
	}
	return ""
}

// A neighbour is what of a RUN decides whether it may be one with another.
type neighbour struct {
	run     *facts.Run
	line    int
	unknown *facts.Command
	fresh   string // what leads it to files that are made anew for every RUN
	effects facts.Effect
	// As the first of two:
	first    string // why nothing may run right behind it
	linked   bool   // it may have hard-linked files
	packages bool   // none but those of packages
	moves    int    // it links none with mv where the RUNs from this index on are one with it
	// As the second:
	tells        string // what of it tells of layers
	links        bool   // it links files
	cutsPackages bool   // it may change in place what packages have linked
	cutsOthers   bool   // it may change in place what others have linked
}

type neighbourOf struct{ *facts.Run }

// neighbourFor derives it once for each RUN.
func neighbourFor(f *facts.File, r *facts.Run) *neighbour {
	return facts.Once(f, neighbourOf{r}, func() *neighbour { return newNeighbour(f, r) })
}

func newNeighbour(f *facts.File, r *facts.Run) *neighbour {
	n := &neighbour{run: r, line: f.Line(r.In), unknown: unknown(r), fresh: f.PerRun(r), packages: true, moves: r.In.Index}
	for _, c := range r.Commands {
		if n.tells == "" && tellsLayers(r, c) {
			n.tells = c.Name
		}
		if n.first == "" {
			n.first = asFirst(f, r, c)
		}
		n.effects |= c.Effect
		n.links = n.links || linksFiles(c)
		if c.Effect.Has(facts.Links) && !indexOnly(c) {
			// Packages link files of theirs; other commands link what they please.
			n.linked, n.packages = true, n.packages && c.Call != nil
		}
		n.moves = min(n.moves, movesSaved(f, r, c))
		n.cutsPackages = n.cutsPackages || changesLinked(r, c, true) || writesAnywhere(f, r, c)
		n.cutsOthers = n.cutsOthers || changesLinked(r, c, false)
	}
	return n
}

// asFirst says why nothing may run right behind a command of a RUN.
func asFirst(f *facts.File, r *facts.Run, c *facts.Command) string {
	switch {
	case c.Effect.Has(facts.Users) && c.Call == nil:
		return fmt.Sprintf("line %d runs %s: users and groups are read when a RUN starts", f.Line(r.In), c.Called())
	case replacesShell(c), unpacksAnywhere(f, r, c), rewritesSystem(c), changesStart(f, r, c):
		return fmt.Sprintf("line %d runs %s, which may replace the shell or what it reads", f.Line(r.In), c.Called())
	case changesLocale(f, r, c):
		return fmt.Sprintf("line %d runs %s, which may change the locale that a shell reads when it starts", f.Line(r.In), c.Called())
	case removesWorkdir(f, r, c):
		return fmt.Sprintf("line %d runs %s, which may remove the WORKDIR: it is made anew for every RUN", f.Line(r.In), c.Called())
	}
	return ""
}

// unknown returns a command of which it is not known that it ends without leaving
// a process, and what it does to files.
func unknown(r *facts.Run) *facts.Command {
	for _, c := range r.Commands {
		if slices.ContainsFunc(c.Prefix, func(w shell.Word) bool { return setsUp[facts.Shape(w)] || optionOfPrefix(w) }) {
			return c
		}
		if steady[c.Name] || len(c.Node.Words) == 0 {
			continue
		}
		if !c.Effect.Has(facts.Settled) || !knownVerb(c) || c.Script != nil || c.Call != nil && c.Call.Manager.Refetches && strings.Contains(c.Call.Word, "group") {
			return c
		}
		if word := c.Word(); strings.Contains(word, "/") && path.Dir(word) != "/bin" && path.Dir(word) != "/usr/bin" {
			return c
		}
	}
	return nil
}

// steady are the builtins whose effect ends with their shell.
var steady = map[string]bool{"cd": true, "set": true, "export": true, "unset": true, "umask": true, "exit": true, "read": true, "shift": true, "local": true, "readonly": true,
	"ulimit": true, "return": true, "break": true, "continue": true}

// optionOfPrefix reports whether a word of a prefix is an option which does more than keep
// the environment: env -C, sudo -u.
func optionOfPrefix(w shell.Word) bool {
	s := facts.Shape(w)
	return strings.HasPrefix(s, "-") && s != "-E" && s != "-H" && s != "-n"
}

// setsUp are prefixes that do more to a command than choose its user or variables.
var setsUp = map[string]bool{"command": true, "builtin": true, "exec": true, "eatmydata": true, "time": true, "chronic": true, "nice": true, "ionice": true, "stdbuf": true, "timeout": true}

// linksFiles reports whether a command gives files that are there a second name.
func linksFiles(c *facts.Command) bool {
	return c.Name == "ln" && c.Effect.Has(facts.Links) || c.Name == "cp" && slices.ContainsFunc(c.Args, func(w shell.Word) bool {
		s := facts.Shape(w)
		return len(s) > 3 && strings.HasPrefix("--link", s) || len(s) > 1 && s[0] == '-' && s[1] != '-' && strings.Contains(s, "l")
	})
}

// tellsLayers reports whether the output of a command tells of what layers files
// are, and is kept.
func tellsLayers(r *facts.Run, c *facts.Command) bool {
	switch c.Name {
	case "stat", "du", "df":
	case "mv": // -v says what it renames and what it copies
		if !slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			s := facts.Shape(w)
			return len(s) > 3 && strings.HasPrefix("--verbose", s) || len(s) > 1 && s[0] == '-' && s[1] != '-' && strings.Contains(s, "v")
		}) {
			return false
		}
	case "ls":
		if !slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			s := facts.Shape(w)
			return strings.HasPrefix(s, "-") && (strings.HasPrefix(s, "--") || strings.ContainsAny(s, "lisnogtcu"))
		}) {
			return false
		}
	default:
		return false
	}
	return c.Context.Subshell || c.Context.Substitute || r.Redirects(">") || r.Redirects(">>") || r.Redirects("&>") || r.Redirects(">|")
}

// changesLinked reports whether a command may change in place what a command before it
// has linked: in another layer that cuts the link. packages says that no files but
// those of packages are linked.
func changesLinked(r *facts.Run, c *facts.Command, packages bool) bool {
	if c.Call != nil {
		return !packages
	}
	fs := r.Files(c)
	places := slices.Concat(fs.Makes, fs.Changes)
	if c.Name == "mv" {
		places = append(places, fs.Removes...) // in the copy of a folder the links are others
	}
	return slices.ContainsFunc(places, func(p facts.Place) bool {
		return !packages || !p.Literal() || !apart(p.Path)
	}) || fs.Unknown && (c.Effect.Has(facts.InPlace) || !packages)
}

// writesAnywhere reports whether a command's output, or what it downloads, may go to a
// file of a package's: by what is not known, or into a home of which it is not known
// where it lies.
func writesAnywhere(f *facts.File, r *facts.Run, c *facts.Command) bool {
	words := c.Saved()
	for _, redir := range c.Node.Redirs {
		if strings.Contains(redir.Op, ">") {
			words = append(words, redir.Target)
		}
	}
	return slices.ContainsFunc(words, func(w shell.Word) bool {
		target := facts.Shape(w)
		if strings.HasPrefix(target, "~") {
			home := f.HomeOf(r)
			return home.Why != "" || !apart(home.Dir)
		}
		return strings.Contains(target, "\x00") && r.Files(c).Unknown
	})
}

// movesSaved is the index of the RUN that saved the files which a command moves; -1 where
// it may move a folder. One of an earlier layer is copied, and busybox's mv links in the
// copy what was linked.
func movesSaved(f *facts.File, r *facts.Run, c *facts.Command) int {
	if c.Name != "mv" {
		return r.In.Index
	}
	fs := r.Files(c)
	if fs.Unknown {
		return -1
	}
	at := r.In.Index
	for _, p := range fs.Removes {
		at = min(at, savedAt(f, r, c, p))
	}
	return at
}

// savedAt is the index of the RUN, of those that follow each other up to a command's own, in
// which a command certainly made a file that lies at a place still; -1 for none.
func savedAt(f *facts.File, r *facts.Run, c *facts.Command, p facts.Place) int {
	saves := func(r *facts.Run, b *facts.Command) bool {
		return slices.ContainsFunc(r.Files(b).Makes, func(m facts.Place) bool { return m.Sure && !m.All && m.Path == p.Path })
	}
	before := r.Commands[:slices.Index(r.Commands, c)]
	switch {
	case slices.ContainsFunc(before, func(b *facts.Command) bool { return saves(r, b) }):
		return r.In.Index
	case slices.ContainsFunc(before, func(b *facts.Command) bool { return replaces(r, b, p) }):
		return -1
	}
	runs := f.Runs(r.Stage)
	for i := slices.Index(runs, r); i > 0 && runs[i-1].Opaque == "" && Between(f, runs[i-1], runs[i]) == ""; i-- {
		for _, b := range slices.Backward(runs[i-1].Commands) {
			if b.Context.Always && saves(runs[i-1], b) {
				return runs[i-1].In.Index
			}
			if replaces(runs[i-1], b, p) {
				return -1
			}
		}
	}
	return -1
}

// replaces reports whether a command may put another thing at a place.
func replaces(r *facts.Run, c *facts.Command, p facts.Place) bool {
	fs := r.Files(c)
	return fs.Unknown || slices.ContainsFunc(slices.Concat(fs.Makes, fs.Removes), p.Meets)
}

// apart reports whether a path lies where no package of a distribution has files.
func apart(p string) bool {
	top, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return top != "" && !packaged[top] || strings.HasPrefix(p, "/usr/local/")
}

var packaged = map[string]bool{"usr": true, "etc": true, "var": true, "bin": true, "sbin": true, "lib": true, "lib32": true, "lib64": true, "libx32": true, "boot": true, "opt": true, "run": true}

// removesWorkdir reports whether a command may remove, rename or replace the
// working folder, or one above it. A link may lead there from elsewhere.
func removesWorkdir(f *facts.File, r *facts.Run, c *facts.Command) bool {
	return !f.InRoot(r) && removesFolder(f, r, c, f.Stages().Workdir(r.In))
}

// removesFolder is removesWorkdir for any working folder.
func removesFolder(f *facts.File, r *facts.Run, c *facts.Command, dir stage.Value) bool {
	if dir.Known() && dir.Text == "/" {
		return false
	}
	fs := r.Files(c)
	above := func(p facts.Place) bool {
		return dir.Known() && (facts.Place{Path: p.Path, All: true}).Covers(facts.Place{Path: dir.Text, All: true})
	}
	tree := c.Name == "rmdir" || slices.ContainsFunc(fs.Removes, func(p facts.Place) bool {
		return p.All && !(c.Name == "mv" && savedAt(f, r, c, p) >= 0) // a download is no folder
	})
	switch {
	case dir.Known() && removesPackages(c, dir.Text):
		return true
	case c.Name != "rm" && c.Name != "rmdir" && c.Name != "unlink" && c.Name != "mv":
		return false
	case fs.Unknown:
		return true
	case tree, !dir.Known():
		return slices.ContainsFunc(fs.Removes, func(p facts.Place) bool {
			if !tree && p.Inside() {
				return false // a file in the folder is not the folder
			}
			return !p.Literal() || !elsewhere(p.Path) || above(p)
		})
	}
	return slices.ContainsFunc(fs.Removes, func(p facts.Place) bool { return !p.Literal() || above(p) })
}

// elsewhere reports whether a folder of the system is one that holds no working
// folder that anybody sets.
func elsewhere(p string) bool {
	for _, dir := range []string{"/var/lib/apt/lists", "/var/cache", "/tmp/", "/var/tmp/", "/usr/share/doc", "/usr/share/man", "/etc/apt/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return p == "/tmp" || p == "/var/tmp"
}

// replacesShell reports whether a command may write the shell that runs it.
func replacesShell(c *facts.Command) bool {
	if c.Call != nil {
		return c.Call.Verb == pkgmgr.Upgrade || slices.ContainsFunc(c.Call.Names, shellPackage)
	}
	switch c.Name {
	case "ln", "cp", "mv", "rm", "tar", "install", "curl", "wget", "tee":
		return slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			return shellPackage(w) || strings.HasPrefix(facts.Shape(w), "/etc/alternatives")
		})
	}
	return false
}

// unpacksAnywhere reports whether an archive may be unpacked over the folders of
// the system, its shell among them.
func unpacksAnywhere(f *facts.File, r *facts.Run, c *facts.Command) bool {
	switch c.Name {
	case "tar", "unzip", "cp", "mv", "install":
	default:
		return false
	}
	fs := r.Files(c)
	return fs.Unknown || slices.ContainsFunc(fs.Makes, func(p facts.Place) bool {
		if !p.Literal() {
			return true
		}
		if p.Sure && p.Literal() && c.Name != "tar" && c.Name != "unzip" {
			return rewritten(p.Path)
		}
		return !owned(p.Path)
	})
}

// owned reports whether a folder is one that holds no program of the system.
func owned(dir string) bool {
	top, _, _ := strings.Cut(strings.TrimPrefix(dir, "/"), "/")
	return strings.HasPrefix(dir, "/") && top != "" && top != "bin" && top != "sbin" && top != "etc" && top != "lib" && top != "lib64" && !strings.Contains(top, "${") &&
		(top != "usr" || strings.HasPrefix(dir+"/", "/usr/local/") || strings.HasPrefix(dir, "/usr/share/") || strings.HasPrefix(dir, "/usr/src"))
}

// shellPackage reports whether a word names a shell, as a package or a path.
func shellPackage(w shell.Word) bool {
	name, _, _ := strings.Cut(path.Base(facts.Shape(w)), "=")
	return shells[name]
}

var shells = map[string]bool{"sh": true, "bash": true, "dash": true, "ash": true, "zsh": true, "busybox": true, "busybox-static": true, "dash-binsh": true, "busybox-binsh": true, "bash-binsh": true}

// rewritten reports whether a file decides how the next RUN starts: the users, or
// a shell.
func rewritten(p string) bool {
	for _, file := range []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/alternatives", "/etc/ld.so.preload"} {
		if strings.HasPrefix(p, file) {
			return true
		}
	}
	return shells[path.Base(p)]
}

// rewritesSystem reports whether a command names such a file, or a package whose
// content is not known.
func rewritesSystem(c *facts.Command) bool {
	words := slices.Clone(c.Args)
	for _, r := range c.Node.Redirs {
		words = append(words, r.Target)
	}
	return slices.ContainsFunc(words, func(w shell.Word) bool {
		s := facts.Shape(w)
		if c.Call != nil && strings.Contains(s, "/") && (strings.HasSuffix(s, ".deb") || strings.HasSuffix(s, ".rpm") || strings.HasSuffix(s, ".apk")) {
			return true
		}
		return strings.Contains(s, "/") && rewritten(s)
	})
}

// shadows reports whether a may have moved, replaced or shadowed a program that
// both call: the shell remembers where it found it. A package manager that both
// call is where it was.
func shadows(f *facts.File, a, b *facts.Run) bool {
	before, ok := a.Program.Lookups()
	after, ok2 := b.Program.Lookups()
	if ok && ok2 && !slices.ContainsFunc(after, func(name string) bool {
		return name != "sudo" && slices.Contains(before, name) && !facts.EffectOf(name, nil).Has(facts.Installs)
	}) {
		return false
	}
	return slices.ContainsFunc(a.Commands, func(c *facts.Command) bool {
		return c.Effect.Has(facts.Installs) && !indexOnly(c) || writesPath(c) || fillsPath(f, a, c)
	})
}

// writesPath reports whether a command names a folder that programs are looked up
// in, and so may put one there.
func writesPath(c *facts.Command) bool {
	words := slices.Clone(c.Args)
	for _, r := range c.Node.Redirs {
		words = append(words, r.Target)
	}
	return slices.ContainsFunc(words, func(w shell.Word) bool {
		s := facts.Shape(w)
		for _, dir := range []string{"/bin", "/sbin", "/usr", "/opt", "\x00"} {
			if strings.HasPrefix(s, dir) {
				return true
			}
		}
		return s == "/"
	})
}

// indexOnly reports whether a package manager's call installs no program.
func indexOnly(c *facts.Command) bool {
	return c.Call != nil && (c.Call.Verb == pkgmgr.Update || c.Call.Verb == pkgmgr.Clean)
}
