// Package pkgmgr is the table of package managers: how a call is recognised, what
// it leaves behind and where, how that is cleaned or avoided, which cache mounts
// fit, and which manifests an install reads. One file a manager.
package pkgmgr

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// A Manager is one package manager.
type Manager struct {
	Name            string   // as a user says it: "apt"
	Programs        []string // base names of its commands
	Wrappers        []string // base names of scripts by which a project calls it: "mvnw"
	Modules         []string // names by which "python -m" runs it
	Values          []string // options that take the next word as their value
	Global          []string // those of them that do so before the verb only
	Apart           []string // options, besides those that mean it everywhere, by which a call does nothing, or does it in another place
	Verbs           map[string]Verb
	Bare            Verb // what a call without a verb does
	Operands        bool // its calls have no verb: every operand is a package
	Caches          []Cache
	NoCache         string // why it has none, where Caches is empty
	Root            bool   // an install works for root only
	Refetches       bool   // it fetches its index by itself when that is missing or old
	CleanNeedsCache bool   // its own clean-up fails on an empty cache
	Settings        []Settings
	Manifests       []string // manifests of a dependency-only install, the first one needed
	ManifestGlobs   []string // further ones, by patterns that hold in any folder
	ManifestOptions []string // options whose value names a further manifest: pip's -r
	ReadBy          []string // the calls that read them besides those that install, as Call.Word has them
	UnreadBy        []string // those that install and read none, by their word or an option
	SystemPackages  bool     // it installs the distribution's packages, and reads no manifest
	NoManifests     string   // why it reads no manifest otherwise, where Manifests is empty

	// apart reports whether an option is such a one by its value.
	apart func(Option) bool
	// words finds the words after the program's name where that is another program's:
	// php composer.phar, R -e 'install.packages("x")'.
	words func(program string, args []shell.Word) ([]shell.Word, bool)
	// refine completes a Call where a table cannot.
	refine func(*Call)
}

// A Verb is what a call does.
type Verb uint8

const (
	Other    Verb = iota // something else: a query, a build
	Update               // fetches package indexes
	Install              // installs packages
	Upgrade              // installs newer versions
	Remove               // removes packages
	Clean                // deletes what it had cached
	Download             // fetches packages without installing them
)

// A Cache is a folder that a manager fills and no container needs.
type Cache struct {
	Dir       string            // "/var/lib/apt/lists", or below "~" for the home of the user in force
	RootDir   string            // where root's is, if not in root's home
	Or        string            // where it is instead on some systems
	In        map[string]string // where the environment of an official image has it, by the image's name
	OnlyIn    bool              // where it is is known in these images only
	What      string            // in a message: "package index"
	Filled    []Verb            // the calls that fill it
	FilledBy  []string          // further ones that do, as Call.Word has them; "*" for any
	Index     bool              // a later install reads it: without it the install fails or fetches anew
	Moved     []string          // environment variables that put it elsewhere
	Off       []string          // environment variables that keep it empty, by any value
	CleanedBy []string          // the manager's own calls that delete it, as Call.Word has them
	TrimmedBy []string          // those that delete some of it, or may
	Cleanup   *change.Cleanup   // deletes it in the same RUN; nil if none is known to be safe
	ByRoot    bool              // only root may run Cleanup: others may have files there
	Flags     []*change.Flag    // avoid it, one a verb; none if none is known to be safe
	Risky     Risky             // deletes it, where Cleanup is nil or does not reach it
	Kept      string            // why nothing here deletes it, where all three are missing
	Mount     Mount
}

// A Risky is a clean-up that is not known to leave the rest as it is.
type Risky struct {
	Command string
	Why     string // what could differ, in words
}

// Settings are a file by which a project or a user sets a manager up.
type Settings struct {
	File  string             // its base name
	Own   bool               // it is this manager's alone: who names it beside the cache may move that
	Moves *lazyregexp.Regexp // what in it puts the cache elsewhere, or has calls read it alone; nil where the file itself tells of that
}

// A Mount is the cache mount that fits a Cache. The owner is the user in force: a
// mount is root's without uid and gid.
type Mount struct {
	Sharing string            // "locked", "shared"
	Below   []string          // the folders of the cache to mount, where the whole would do harm
	At      string            // the folder to mount instead, where that makes the manager keep more
	Live    string            // what else must be so for the mount to fill, in words; "" for nothing
	Keeps   []*change.Flag    // options that make it so, one a verb
	Kept    bool              // only with one of these is the cache filled at all
	Swaps   map[string]string // options against the cache, with what takes their place: "" for nothing
	Doubt   string            // why a build with the mount may make other files; "" where it makes the same
	Reads   bool              // later calls read it, so that each of them must have the mount too
	Never   string            // why no mount fits, in words
}

// keep makes the options of a Mount that are not proved to change nothing else.
func keep(program, text string, verbs ...string) []*change.Flag {
	var out []*change.Flag
	for _, v := range verbs {
		out = append(out, &change.Flag{Program: program, Verb: v, Text: text})
	}
	return out
}

// Keep returns the option by which a call fills the mount, or nil.
func (m *Mount) Keep(program string, call *Call) *change.Flag {
	for _, f := range m.Keeps {
		if f.Verb == call.Word && f.Program == program {
			return f
		}
	}
	return nil
}

// A Call is one call of a package manager.
type Call struct {
	Manager *Manager
	Verb    Verb
	Word    string       // the verb as written: "ci", "install", "mod download"
	Options []Option     // before and after the verb
	Names   []shell.Word // packages or other operands after the verb
	Unclear bool         // a word could not be read: the rest is a guess
	VerbEnd int          // where the verb ends in the program's joined text
	Wrapped bool         // by a script of the project, which may do more
}

// An Option is an option of a Call.
type Option struct {
	Name  string // "--no-cache", "-y"
	Value string // "" without one or when it is not literal
	Known bool   // Value is literal, or there is none
}

// cleansOne tells a clean-up that is told of a package from one of all.
func (c *Call) cleansOne() {
	if c.Verb == Clean && len(c.Names) > 0 {
		c.Word += " one"
	}
}

// Has reports whether the call carries one of the options.
func (c *Call) Has(names ...string) bool {
	return slices.ContainsFunc(c.Options, func(o Option) bool { return slices.Contains(names, o.Name) })
}

// On reports whether the call carries one of the options, and the last of them is not
// taken back: --ignore-scripts=false.
func (c *Call) On(names ...string) bool {
	on := false
	for _, o := range c.Options {
		if slices.Contains(names, o.Name) {
			on = o.Value == "" || o.Value == "true"
		}
	}
	return on
}

// Managers is the table.
var Managers = []*Manager{
	&Apt, &Apk, &Dnf, &Yum, &Microdnf, &Tdnf, &Zypper, &Pacman,
	&Npm, &Yarn, &Pnpm, &Bun,
	&Pip, &Pipenv, &Poetry, &Uv, &Conda,
	&Composer, &PhpExt, &Pecl,
	&Gem, &Bundler,
	&Go, &Cargo, &Maven, &Gradle, &Dotnet, &Mix, &Cpanm, &R, &Luarocks, &Helm,
}

// Read recognises a call. program is the command's base name.
func Read(program string, args []shell.Word) (*Call, bool) {
	if program == "corepack" && len(args) > 0 {
		// corepack yarn@4 install
		program, _, _ = strings.Cut(literal(args[0]), "@")
		if program != "yarn" && program != "pnpm" && program != "npm" {
			return nil, false
		}
		args = args[1:]
	}
	module := ""
	if python(program) && len(args) >= 2 && literal(args[0]) == "-m" {
		module = literal(args[1])
	}
	for _, m := range Managers {
		switch {
		case slices.Contains(m.Programs, program):
			return m.read(args), true
		case slices.Contains(m.Wrappers, program):
			c := m.read(args)
			c.Wrapped = true
			return c, true
		case module != "" && slices.Contains(m.Modules, module):
			return m.read(args[2:]), true
		case m.words != nil:
			if words, ok := m.words(program, args); ok {
				return m.read(words), true
			}
		}
	}
	return nil, false
}

// ByName returns a manager of the table, or nil.
func ByName(name string) *Manager {
	for _, m := range Managers {
		if m.Name == name {
			return m
		}
	}
	return nil
}

func (m *Manager) read(args []shell.Word) *Call {
	c := &Call{Manager: m}
	verb := ""
	for i := 0; i < len(args); i++ {
		text, ok := args[i].Literal()
		switch {
		case !ok:
			if verb == "" && !m.Operands || strings.HasPrefix(head(args[i]), "-") {
				c.Unclear = true
			} else {
				c.Names = append(c.Names, args[i])
			}
		case len(text) > 1 && text[0] == '-' && text != "--":
			i += c.option(text, args[i+1:])
		case m.Operands:
			c.Names = append(c.Names, args[i])
		case verb == "" && text[:min(1, len(text))] == "+": // cargo +nightly build
			c.Options = append(c.Options, Option{Name: text, Known: true})
		case verb == "" || m.Verbs[c.Word] == Other && m.Verbs[c.Word+" "+text] != Other:
			verb = text
			c.Word = strings.TrimSpace(c.Word + " " + text)
			c.Verb = m.Verbs[c.Word]
			c.VerbEnd = args[i].To
		default:
			c.Names = append(c.Names, args[i])
		}
	}
	if verb == "" && !c.Unclear && !c.Has("--version", "-v", "-V", "--help", "-h") {
		c.Verb = m.Bare
	}
	if m.refine != nil {
		m.refine(c)
	}
	return c
}

// option notes an option and returns how many of the next words are its value.
func (c *Call) option(text string, next []shell.Word) int {
	if name, value, ok := strings.Cut(text, "="); ok {
		c.Options = append(c.Options, Option{name, value, true})
		return 0
	}
	if strings.HasPrefix(text, "--") || !c.Manager.bundles() {
		return c.valued(text, next)
	}
	// Letters share a dash: -yq, -qqt bookworm.
	used := 0
	for i, letter := range text[1:] {
		name := "-" + string(letter)
		if c.takesValue(name) {
			if rest := text[1+i+len(string(letter)):]; rest != "" {
				c.Options = append(c.Options, Option{name, rest, true})
			} else {
				used = c.valued(name, next)
			}
			break
		}
		c.Options = append(c.Options, Option{Name: name, Known: true})
	}
	return used
}

func (c *Call) valued(name string, next []shell.Word) int {
	o := Option{Name: name, Known: true}
	used := 0
	if c.takesValue(name) && len(next) > 0 {
		o.Value, o.Known = next[0].Literal()
		used = 1
	}
	c.Options = append(c.Options, o)
	return used
}

func (c *Call) takesValue(option string) bool {
	return slices.Contains(c.Manager.Values, option) && (c.Word == "" || !slices.Contains(c.Manager.Global, option))
}

// bundles reports whether one-letter options may share a dash. Others have long
// options behind one dash: go -C dir, mvn -Dname=value.
func (m *Manager) bundles() bool { return m != &Go && m != &Maven && m != &Gradle && m != &R }

// Fills reports whether the call puts files into the cache.
func (c *Call) Fills(cache *Cache) bool {
	if !slices.Contains(cache.Filled, c.Verb) && !slices.Contains(cache.FilledBy, c.Word) && !(c.Word != "" && slices.Contains(cache.FilledBy, "*")) {
		return false
	}
	if c.Apart() || c.Manager != &Apt && c.elsewhere() {
		return false
	}
	// pip takes any beginning of a long option.
	return !slices.ContainsFunc(c.Options, func(o Option) bool { return strings.HasPrefix(o.Name, "--no-cache") })
}

// Apart reports whether the call does nothing, or does it in another place, by an option
// that means so to its manager.
func (c *Call) Apart() bool {
	return c.Has("-h", "--help", "--dry-run", "--simulate", "--print-uris") || c.Has(c.Manager.Apart...) ||
		c.Has("--version") && !slices.Contains(c.Manager.Values, "--version") || // with a value it is a package's
		c.Manager.apart != nil && slices.ContainsFunc(c.Options, c.Manager.apart)
}

// elsewhere reports whether an option names another root or cache. What means something
// else to another manager stands in Apart.
func (c *Call) elsewhere() bool {
	return c.Has("--package-lock-only", "--cache", "--cache-dir", "--cachedir", "--cache-folder", "--installroot", "--store-dir", "--print", "--pkg-cache-dir")
}

// Flag returns the flag that keeps a call from filling the cache, or nil.
func (c *Cache) Flag(call *Call) *change.Flag {
	for _, f := range c.Flags {
		if f.Verb == call.Word {
			return f
		}
	}
	return nil
}

// head is the literal text that a word starts with.
func head(w shell.Word) string {
	if len(w.Parts) > 0 && w.Parts[0].Kind == shell.Literal {
		return w.Parts[0].Text
	}
	return ""
}

func literal(w shell.Word) string {
	s, _ := w.Literal()
	return s
}

// Program returns the base name that Read wants from a command word.
func Program(word string) string { return path.Base(word) }

func python(program string) bool {
	rest, ok := strings.CutPrefix(program, "python")
	return ok && strings.Trim(rest, "0123456789.") == ""
}

// Plain reports whether the call carries only options that say how much to ask
// and to tell.
func (c *Call) Plain() bool {
	return !c.Unclear && !slices.ContainsFunc(c.Options, func(o Option) bool {
		if o.Name == "-o" { // Dir::Etc::sourcelist makes it an update of some sources
			set, _ := o.AptSetting()
			return !o.Known || strings.HasPrefix(set, "dir") || strings.HasPrefix(set, "rootdir") || strings.Contains(set, "list-cleanup")
		}
		return !slices.Contains([]string{"-y", "--yes", "--assume-yes", "-q", "-qq", "--quiet", "--fix-missing"}, o.Name)
	})
}
