// Package cleanup makes the fixes that keep out of a layer what a RUN leaves there: a
// clean-up behind what makes a package manager's cache or a file, or a flag against it.
package cleanup

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
)

// Mend returns the fix by which a RUN no longer leaves a cache in its layer. It has
// no edits where none is known; withheld says why, or why the fix is not safe. A
// later line that certainly needs the cache is for the caller to find.
func Mend(f *facts.File, r *facts.Run, left facts.Leftover) (fix analysis.Fix, withheld []string) {
	cache := left.Cache
	if Pointless(f, r, left) {
		return remove(f, r, left)
	}
	fix, why := mend(f, r, left)
	if why != "" {
		return analysis.Fix{}, []string{why}
	}
	use := f.LaterUse(r, cache)
	if use.Why == "" {
		use.Why = ownFiles(f, r, fix.Changes)
	}
	switch manager := left.By.Call.Manager; {
	case use.Why != "":
	case manager == &pkgmgr.Gem, manager == &pkgmgr.Bundler, manager == &pkgmgr.Yarn, manager == &pkgmgr.Uv:
		use.Why = reads(f, r, manager)
	}
	if use.Certain && left.By.Call.Manager.Refetches {
		use.Why += " and would fetch it anew"
	}
	cure := ""
	switch flag := cache.Flag(left.By.Call); {
	case use.Why != "":
	case len(fix.Changes) == 0:
		why = cache.Risky.Why
	case flag == &change.PipNoCacheDir && !modernPip(f, r):
		why = "pip before 19.1 installs source packages differently without its cache"
		if !pinsPip(f, r.Stage) {
			cure = "; it is safe on the image python:3.8 or later"
		}
	case flag == &change.ApkNoCache && !fillsByUpdate(r, left) && !f.ApkFetches(r.Stage):
		why, cure = "before Alpine 3.8 apk add fails where it finds no index, and with --no-cache it does not", "; it is safe on the image alpine:3.8 or later"
	}
	fix.Safety = analysis.Safe
	if why = cmp.Or(use.Why, why); why != "" {
		fix.Safety = analysis.Unsafe
		fix.Title += " (" + why + ")"
		withheld = []string{why + cure}
	}
	return fix, withheld
}

// ownFiles says which line before a RUN copies files of the author into a folder that its
// clean-up empties.
func ownFiles(f *facts.File, r *facts.Run, changes []change.Change) string {
	for _, c := range changes {
		k, ok := c.(change.Cleaned)
		if !ok {
			continue
		}
		for s := r.Stage; s != nil; s = s.Parent {
			for _, in := range s.Instructions {
				if in.Index >= r.In.Index || in.Name != "copy" && in.Name != "add" {
					continue
				}
				for _, dir := range k.Cleanup.Paths {
					if f.CopiesBelow(in, dir) {
						return fmt.Sprintf("line %d copies files into %s, which it would delete", f.Line(in), dir)
					}
				}
			}
		}
	}
	return ""
}

// modernPip reports whether the stage's pip is 19.1 or later, which installs the
// same files with and without its cache (pypa/pip#6303).
func modernPip(f *facts.File, r *facts.Run) bool {
	b := f.Base(r.Stage)
	if b == nil || b.Name != "python" || !b.Certain {
		return false
	}
	if pinsPip(f, r.Stage) {
		return false
	}
	if rest := strings.TrimPrefix(b.Tag, b.Version); rest != "" && rest[0] != '-' && b.Version != "" {
		return false // 3.8.0a1
	}
	switch b.Tag {
	case "", "latest", "slim", "alpine", "3", "3-slim", "3-alpine":
		return !b.Digest // tags that move on
	}
	return b.AtLeast(3, 8)
}

// pinsPip reports whether a stage, or one that it is FROM, may run another pip than its
// image's: one of its own choice, or another Python's.
func pinsPip(f *facts.File, s *stage.Stage) bool {
	if s == nil {
		return false
	}
	return facts.Once(f, pinsPipIn{s}, func() bool {
		var packaged, path bool
		for _, in := range s.Instructions {
			text := in.Text.String()
			if in.Name == "run" && otherPip.MatchString(text) {
				return true
			}
			packaged = packaged || in.Name == "run" && packagedPip.MatchString(text)
			path = path || strings.Contains(text, "PATH=")
		}
		return packaged && path || pinsPip(f, s.Parent) || slices.ContainsFunc(f.Runs(s), func(r *facts.Run) bool {
			return slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
				return c.Call != nil && c.Call.Manager.Name == "pip" && slices.ContainsFunc(c.Call.Names, func(w shell.Word) bool {
					name := facts.Shape(w)
					return strings.HasPrefix(name, "pip") && len(name) > 3 && strings.ContainsAny(name[3:4], "=<>~!@ ")
				})
			})
		})
	})
}

type pinsPipIn struct{ *stage.Stage }

var (
	// otherPip is what brings, or calls, a pip that is not the image's.
	otherPip = lazyregexp.New(`\b(?:python2|pip2|pip3\.\d|get-pip|easy_install|(?:micro)?mamba|conda|pyenv)\b|\bpython[23]\.\d|\bpip2\.|\bvirtualenv\b[^;&|]*\s(?:-p|--python)\b|\b(?:ln|update-alternatives)\b[^;&|]*\b(?:pip|python)`)
	// packagedPip is a distribution's, which a PATH of the file may put first.
	packagedPip = lazyregexp.New(`\b(?:python3?|py3)-pip\b`)
)

// mend makes the fix, or says why there is none.
func mend(f *facts.File, r *facts.Run, left facts.Leftover) (analysis.Fix, string) {
	if r.Program.Ambiguous {
		return analysis.Fix{}, "sh and bash read this RUN as different programs"
	}
	if len(r.Program.Comments) > 0 {
		return analysis.Fix{}, "a shell comment in this RUN swallows what follows it"
	}
	if inside := left.By.Script; inside != nil && (!left.By.Call.Manager.SystemPackages || !inside.Plain()) {
		return analysis.Fix{}, "the install stands inside another shell's script"
	}
	if len(left.Cache.Flags) > 0 && !fillsByUpdate(r, left) {
		if left.By.Script != nil {
			return analysis.Fix{}, fmt.Sprintf("the install stands inside another shell's script; add %s there", left.Cache.Flags[0].Text)
		}
		return flagFix(r, left)
	}
	for _, name := range []string{"SHELLOPTS", "BASHOPTS"} {
		if g := f.Stages(); g.SetInFile(r.In, name) {
			if v := g.Lookup(r.In, name); !v.Known() || v.Text != "" {
				return analysis.Fix{}, name + " may set options of the shell, by which a clean-up does nothing, or fails"
			}
		}
	}
	if k, why := cleanupOf(f, r, left); k != nil || why != "" {
		if why != "" {
			return analysis.Fix{}, why
		}
		return cleanupFix(f, r, left, *k)
	}
	if left.Cache.Risky.Command == "" {
		return analysis.Fix{}, "the same RUN fills the cache by a call that has no flag against it"
	}
	command, why := riskyCommand(left)
	if why != "" {
		return analysis.Fix{}, why
	}
	dir := left.Cache.Dir
	if below := left.Cache.Mount.Below; len(below) == 1 {
		dir += "/" + below[0]
	}
	fix, why := cleanupFix(f, r, left, change.Cleanup{Command: command, Paths: []string{dir}})
	fix.Changes = nil // its title says what could differ
	return fix, why
}

// cleanupOf chooses the clean-up that is known to reach the cache, or none.
func cleanupOf(f *facts.File, r *facts.Run, left facts.Leftover) (*change.Cleanup, string) {
	k := left.Cache.Cleanup
	if left.Cache.ByRoot && !asRoot(f, r, left) {
		if left.Cache.Risky.Command != "" {
			return nil, ""
		}
		return nil, "a user other than root may not delete what others have put there; set USER root"
	}
	b := f.Base(r.Stage)
	if b == nil || !b.Certain {
		b = &facts.Base{}
	}
	switch {
	case k == &change.DnfCaches && (left.By.Name == "dnf5" || b.Name == "fedora" && (from(b, 41) || moves(b))):
		return &change.Dnf5Cache, ""
	case k == &change.DnfCaches && (left.By.Name == "dnf-3" || successors[b.Name] || b.Name == "fedora" && before(b, 41)):
		return &change.Dnf4Cache, ""
	case k == &change.YumCaches && (b.Name == "amazonlinux" && before(b, 3) || (b.Name == "centos" || b.Name == "oraclelinux") && before(b, 8)):
		return &change.YumCache, ""
	case k == &change.YumCaches && (b.Name == "almalinux" || b.Name == "rockylinux" || (b.Name == "centos" || b.Name == "oraclelinux") && from(b, 8)):
		return &change.YumDnfCache, ""
	case k == &change.YumCaches && b.Name == "fedora" && (from(b, 41) || moves(b)):
		return &change.YumDnf5Cache, ""
	case k == &change.YumCaches && b.Name == "fedora" && before(b, 41) && from(b, 22):
		return &change.YumDnfCache, ""
	}
	return k, ""
}

// successors are images whose dnf is version 4 wherever they have one.
var successors = map[string]bool{"centos": true, "almalinux": true, "rockylinux": true, "oraclelinux": true, "amazonlinux": true}

// before and from report whether an image's tag is of an older release, or not.
func before(b *facts.Base, major int) bool { n, ok := release(b); return ok && n < major }
func from(b *facts.Base, major int) bool   { n, ok := release(b); return ok && n >= major }

// moves reports whether an image's tag moves on with the releases.
func moves(b *facts.Base) bool { return !b.Digest && (b.Tag == "" || b.Tag == "latest") }

func release(b *facts.Base) (int, bool) {
	first, _, _ := strings.Cut(b.Version, ".")
	n, err := strconv.Atoi(first)
	return n, err == nil
}

// reads says which later call of the same manager looks into its cache.
func reads(f *facts.File, r *facts.Run, manager *pkgmgr.Manager) string {
	all := facts.Once(f, readersOf{manager}, func() []reader { return readers(f, manager) })
	at, _ := slices.BinarySearchFunc(all, r.In.Index+1, func(c reader, index int) int { return c.index - index })
	if at == len(all) {
		return ""
	}
	return all[at].why
}

// A reader is a RUN that looks into a manager's cache.
type reader struct {
	index int
	why   string
}

type readersOf struct{ *pkgmgr.Manager }

// readers lists them in the order of the file.
func readers(f *facts.File, manager *pkgmgr.Manager) []reader {
	var out []reader
	for _, s := range f.Stages().Stages {
		for _, r := range f.Runs(s) {
			for _, c := range r.Commands {
				if c.Call == nil || c.Call.Manager != manager && !(manager == &pkgmgr.Gem && c.Call.Manager == &pkgmgr.Bundler) {
					continue
				}
				word, _, _ := strings.Cut(c.Call.Word, " ")
				if c.Call.Has("--local", "-l") || slices.Contains([]string{"cache", "package", "pack", "pristine", "fetch"}, word) {
					out = append(out, reader{r.In.Index, fmt.Sprintf("line %d runs %s %s, which may read it", f.Line(r.In), c.Name, c.Call.Word)})
				}
			}
		}
	}
	return out
}

// asRoot reports whether a RUN's call certainly runs as root.
func asRoot(f *facts.File, r *facts.Run, left facts.Leftover) bool {
	if len(left.By.Prefix) > 0 {
		return false
	}
	if user := f.Stages().User(r.In); user.Known() {
		return root(user.Text)
	}
	return f.RootByDefault(r)
}

func root(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "root" || name == "0"
}

// npmItself is what npm installs another npm by: its name, an alias, an archive, its
// repository.
var npmItself = lazyregexp.New(`(?:^|[/:@])npm(?:@|$|-\d|\.)|npm/cli`)

// ofPackage is the beginning of a word that names a package of the registry and goes on
// with its version.
var ofPackage = lazyregexp.New(`^(?:@[\w.~-]+/)?[\w.~-]+@[\w.~^-]*$`)

// anotherNpm says why what npm installs may be another npm; "" where it is not.
func anotherNpm(call *pkgmgr.Call) string {
	for _, w := range call.Names {
		switch head, _, open := strings.Cut(facts.Shape(w), "\x00"); {
		case npmItself.MatchString(head):
			return "npm installs another npm here, which may not run"
		case open && !ofPackage.MatchString(head):
			return "what npm installs here is not known, and may be another npm, with which the clean-up may not run"
		}
	}
	return ""
}

// riskyCommand is the manager's own clean-up, by the program that was called.
func riskyCommand(left facts.Leftover) (string, string) {
	program, rest, _ := strings.Cut(left.Cache.Risky.Command, " ")
	if !slices.Contains(left.By.Call.Manager.Programs, left.By.Name) {
		return "", "it is called by another program; append `" + program + " " + rest + "` yourself"
	}
	return left.By.Word() + " " + rest, ""
}

// fillsByUpdate reports whether a call that no flag quiets fills the cache too.
func fillsByUpdate(r *facts.Run, left facts.Leftover) bool {
	return slices.ContainsFunc(r.All(), func(c *facts.Command) bool {
		return c.Call != nil && c.Call.Manager == left.By.Call.Manager && c.Call.Fills(left.Cache) &&
			// --update leaves an index whatever --no-cache says (go-gitea/gitea#1694).
			(left.Cache.Flag(c.Call) == nil || c.Call.Manager == &pkgmgr.Apk && c.Call.Has("-U", "--update", "--update-cache"))
	})
}

// flagFix puts the flag after the verb of each call that fills the cache:
//
//	pip install -r requirements.txt
//	           ^ " --no-cache-dir"
func flagFix(r *facts.Run, left facts.Leftover) (analysis.Fix, string) {
	fix := analysis.Fix{
		Title:  fmt.Sprintf("Add %s: %s stays empty", left.Cache.Flags[0].Text, left.Cache.Dir),
		Relies: []source.Span{r.In.Span},
	}
	for _, c := range r.All() {
		if c.Call == nil || c.Call.Manager != left.By.Call.Manager || !c.Call.Fills(left.Cache) {
			continue
		}
		flag := left.Cache.Flag(c.Call)
		if c.Script != nil || c.Call.Unclear || flag == nil || strings.Contains(c.Word(), "/") || c.Name == "corepack" {
			return fix, "one of its calls cannot be read for certain"
		}
		if added := (change.FlagAdded{Flag: *flag}); !slices.ContainsFunc(fix.Changes, func(k change.Change) bool {
			f, ok := k.(change.FlagAdded)
			return ok && f.Flag.Verb == flag.Verb
		}) {
			fix.Changes = append(fix.Changes, added)
		}
		at := r.Program.Text.HomeEnd(c.Call.VerbEnd)
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(at, " "+flag.Text)})
	}
	return fix, ""
}

// cleanupFix appends the clean-up to the RUN's last chain:
//
//	RUN apt-get update && apt-get install -y curl
//	                                             ^ " \⏎    && rm -rf /var/lib/apt/lists/*"
func cleanupFix(f *facts.File, r *facts.Run, left facts.Leftover, k change.Cleanup) (analysis.Fix, string) {
	fix := analysis.Fix{
		Relies:  []source.Span{r.In.Span},
		Changes: []change.Change{change.Cleaned{Cleanup: k}},
	}
	if t := r.Program.Trailing(); t.From < t.To {
		return fix, "the RUN ends in a semicolon; remove it"
	}
	list := r.Program.Root
	last := list.Children[len(list.Children)-1]
	if last.Background || last.Kind != shell.Simple && last.Kind != shell.And && last.Kind != shell.Pipe {
		return fix, "the RUN does not end in a plain command, after which a clean-up could be put"
	}
	if left := r.Program.Backgrounds(); len(left) > 0 {
		return fix, left[0] + " leaves a process that may still use it"
	}
	switch end := lastCommand(last); {
	case len(end.Words) == 0 || end.Kind != shell.Simple && end.Kind != shell.Declare:
		return fix, "the RUN does not end in a command"
	default:
		if name := facts.Shape(end.Words[0]); name == "exit" || name == "exec" || name == "return" {
			return fix, "the RUN ends in " + name + ", after which nothing runs"
		}
	}
	if left.Cache.Dir == "~/.npm" {
		if name, ok := f.Stages().AnySet(r.In, func(name string) bool { return strings.HasPrefix(strings.ToLower(name), "npm_config_") }); ok {
			return fix, name + " is set, which may move npm's cache or make its clean-up fail"
		}
		if why := anotherNpm(left.By.Call); why != "" {
			return fix, why
		}
	}
	inLast := last.From <= left.By.Node.From && left.By.Node.To <= last.To
	user := f.Stages().User(r.In)
	byRoot := strings.HasPrefix(k.Command, "rm -rf /") && (user.Known() && root(user.Text) || f.RootByDefault(r))
	if !inLast && !byRoot && !failsAt(r, left.By.Node) {
		return fix, fmt.Sprintf("behind a `;` the clean-up would also run for a user whom %s refused; join the commands by &&, or set USER root", left.By.Call.Manager.Name)
	}
	for _, c := range r.Commands {
		if c.Name == "set" && slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			s := facts.Shape(w)
			return strings.HasPrefix(s, "-") && strings.Contains(s, "f") || s == "noglob"
		}) {
			return fix, "set -f keeps the shell from expanding the pattern"
		}
		if why := turns(c, k); why != "" {
			return fix, why
		}
		if (c.Name == "." || c.Name == "source") && strings.Contains(k.Command, "*") && !c.Context.Substitute {
			return fix, "a script that it sources may keep the shell from expanding the pattern"
		}
	}
	if why := hindered(f, r, left, k); why != "" {
		return fix, why
	}
	if left.By.ByPath() && !strings.HasPrefix(k.Command, left.By.Word()+" ") {
		return fix, fmt.Sprintf("%s is called by its path, and may be another program, with another cache", left.By.Word())
	}
	if !strings.HasPrefix(k.Command, "rm ") && left.By.Node != lastCommand(last) {
		return fix, fmt.Sprintf("`%s` would run behind other commands, which may have taken %s away or made its cache another; put the install last in the RUN", k.Command, left.By.Name)
	}
	for _, c := range r.All() {
		if c.Call != nil && c.Call.Manager == left.By.Call.Manager && len(c.Prefix) != len(left.By.Prefix) {
			return fix, "its calls run behind different prefixes"
		}
	}
	prefix := ""
	if len(left.By.Prefix) > 0 {
		if len(left.By.Prefix) != 1 || facts.Shape(left.By.Prefix[0]) != "sudo" {
			return fix, "the install runs behind a prefix that the clean-up would need too"
		}
		prefix = "sudo "
	}
	paths, stops := k.Paths[len(k.Paths)-1], "stops"
	if more := k.Paths[:len(k.Paths)-1]; len(more) > 0 {
		paths, stops = strings.Join(more, ", ")+" and "+paths, "stop"
	}
	fix.Title = fmt.Sprintf("Append `%s%s`: %s %s shipping", prefix, k.Command, paths, stops)
	fix.Edits = []analysis.Edit{chain.Append(f, r, prefix+k.Command, nil)}
	return fix, ""
}

// hindered says what of a RUN's shell, its user or its form keeps a clean-up at its end from
// being known to do what it says.
func hindered(f *facts.File, r *facts.Run, left facts.Leftover, k change.Cleanup) string {
	if name := setBefore(r, k); name != "" {
		return name + " is set in the same RUN, and the clean-up may be another command by it"
	}
	if r.Shell.Noglob == shell.Yes && strings.Contains(k.Command, "*") {
		return "the SHELL's -f keeps it from expanding the pattern"
	}
	for i, option := range r.Shell.Argv {
		if i > 0 && (strings.HasPrefix(option, "-O") || strings.HasPrefix(option, "+") || (strings.HasPrefix(option, "--") || r.Shell.Argv[i-1] == "-o") && !plainShell[option]) {
			return "what the SHELL's " + option + " makes of the clean-up is not known"
		}
	}
	function, unpiped := false, false
	r.Program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
		function = function || n.Kind == shell.Function
		return true
	})
	for _, c := range r.All() {
		unpiped = unpiped || c.Call != nil && c.Call.Manager == left.By.Call.Manager && c.Call.Verb != pkgmgr.Clean && c.Call.Verb != pkgmgr.Other && !c.Context.Piped
	}
	switch {
	case function:
		return "a function of the RUN may stand for a command of the clean-up"
	case !unpiped:
		return fmt.Sprintf("the pipe hides whether %s succeeded", left.By.Call.Manager.Name)
	}
	user, _, _ := strings.Cut(f.Stages().User(r.In).Text, ":")
	if number := user != "" && user != "0" && strings.Trim(user, "0123456789") == ""; number && k.Manager != "" && !f.Stages().SetInFile(r.In, "HOME") &&
		slices.ContainsFunc(k.Paths, func(p string) bool { return strings.HasPrefix(p, "~") }) {
		return "which home the user " + user + " has stands in the image"
	}
	return ""
}

// plainShell are long options and settings of shells by which a clean-up is no other.
var plainShell = map[string]bool{"--login": true, "--noprofile": true, "--norc": true, "pipefail": true, "nounset": true, "xtrace": true, "errexit": true}

// failsAt reports whether a RUN certainly ends where one of its commands fails: it opens
// with "set -e", which nothing takes back, and the command ends a statement.
func failsAt(r *facts.Run, by *shell.Node) bool {
	if _, errexit := r.Program.OpensWithSet(); !errexit && r.Shell.Errexit != shell.Yes {
		return false
	}
	if slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
		return slices.Contains([]string{"eval", ".", "source", "shopt"}, c.Name) ||
			c.Name == "set" && slices.ContainsFunc(c.Args, func(w shell.Word) bool {
				return strings.HasPrefix(facts.Shape(w), "+") || strings.Contains(facts.Shape(w), "\x00")
			})
	}) {
		return false
	}
	return slices.ContainsFunc(r.Program.Root.Children, func(n *shell.Node) bool {
		return !n.Background && (n == by || n.Kind == shell.And && n.Children[len(n.Children)-1] == by)
	})
}

// turns says how a command may make another of a clean-up behind it, as far as nobody
// knows.
func turns(c *facts.Command, k change.Cleanup) string {
	switch c.Name {
	case "eval", "shopt", "trap", "enable", "hash":
		return c.Name + " may change what the clean-up does"
	case "alias":
		if slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			name, _, set := strings.Cut(facts.Shape(w), "=")
			return !set || name == "sudo" || slices.Contains(strings.Fields(k.Command), name)
		}) {
			return "alias may change what the clean-up does"
		}
	case "unset":
		if slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			s := facts.Shape(w)
			return s == "PATH" || s == "HOME" || strings.Contains(s, "\x00")
		}) {
			return "unset may take away what the clean-up is found by"
		}
	case "":
		if len(c.Node.Words) > 0 {
			return "a command whose name is not known may change what the clean-up does"
		}
	}
	return ""
}

// setBefore names a variable that a RUN sets for all its commands, and by which a clean-up
// is another.
func setBefore(r *facts.Run, k change.Cleanup) (name string) {
	r.Program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
		if n.Kind != shell.Declare && (n.Kind != shell.Simple || len(n.Words) > 0) {
			return true
		}
		for _, a := range n.Assigns {
			switch a.Name {
			case "PATH", "GLOBIGNORE":
				name = a.Name
			case "HOME":
				if !strings.HasPrefix(k.Command, "rm ") {
					name = a.Name
				}
			default:
				if strings.HasPrefix(strings.ToLower(a.Name), "npm_config_") {
					name = a.Name
				}
			}
		}
		return true
	})
	return name
}

// lastCommand is the command that a chain or pipeline ends in.
func lastCommand(n *shell.Node) *shell.Node {
	for (n.Kind == shell.And || n.Kind == shell.Pipe) && len(n.Children) > 0 {
		n = n.Children[len(n.Children)-1]
	}
	return n
}
