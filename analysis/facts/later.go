package facts

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A LaterUse says what stands between a cache and its deletion.
type LaterUse struct {
	Why     string // in a user's words; "" when nothing later can need the cache
	Certain bool   // a later line does use it, where otherwise it only may
	Next    bool   // and it is the very next RUN
}

// LaterUse finds what may need a cache after a RUN: in its stage, in the stages
// FROM it, in copies from them, or when the image starts. RUNs that have, or get, a
// mount there do not count.
func (f *File) LaterUse(r *Run, cache *pkgmgr.Cache, mounted ...*Run) LaterUse {
	scan := f.laterScan(r.Stage, cache, f.homeOf(r, cache), mounted)
	use := scan.after(r.In.Index)
	if use.Why != "" {
		use.Next = use.at == r.In.Index+1
		return use.LaterUse
	}
	if why := cmp.Or(f.contents(r, cache), f.wheelsWithin(r, cache), scan.linked(r)); why != "" {
		return LaterUse{Why: why}
	}
	if why := f.beyondRights(r, cache); why != "" && !(use.renewed && cache.Index) {
		return LaterUse{Why: why}
	}
	if out := scan.outside(use.renewed); out.Why != "" || cache.Index {
		return out
	}
	return LaterUse{Why: cmp.Or(f.runsFrom(r, cache), f.offline())}
}

// A laterScan looks for what may need a cache in one stage and those FROM it. What it
// has found it remembers for the other RUNs of the stage.
type laterScan struct {
	*File
	stage   *stage.Stage
	cache   *pkgmgr.Cache
	manager *pkgmgr.Manager
	home    string // that the cache lies below, if that is known
	mounted []*Run // RUNs that do not count

	trigger  *syntax.Instruction // the first that installs from it in a stage FROM this one
	next     map[int]laterUse    // what a RUN, by its index, and those behind it do first
	children *laterUse
	stages   []*stage.Stage // this one and those FROM it; children is found
	copies   [2]*LaterUse   // what is outside, with the stages FROM this one and without
}

// A laterUse is what is found first.
type laterUse struct {
	LaterUse
	at      int  // the index of its instruction
	renewed bool // the cache is filled anew there, so that nothing behind needs the old one
}

type scanOf struct {
	*stage.Stage
	*pkgmgr.Cache
	home string
}

// homeOf is the home below which a RUN fills a cache, if that is known.
func (f *File) homeOf(r *Run, cache *pkgmgr.Cache) string {
	if !strings.HasPrefix(cache.Dir, "~") || cache.RootDir != "" {
		return ""
	}
	if home := f.HomeOf(r); home.Why == "" {
		return home.Dir
	}
	return ""
}

// folder is where the cache lies.
func (l *laterScan) folder() folder {
	dir := l.cache.Dir
	if l.home != "" {
		dir = l.home + strings.TrimPrefix(dir, "~")
	}
	return folder{dir, l.home}
}

func (f *File) laterScan(s *stage.Stage, cache *pkgmgr.Cache, home string, mounted []*Run) *laterScan {
	scan := func() *laterScan {
		l := &laterScan{File: f, stage: s, cache: cache, manager: managerOf(cache), home: home, mounted: mounted, next: map[int]laterUse{}}
		for _, in := range s.Instructions {
			if in.Name == "onbuild" && in.Sub != nil && in.Sub.Name == "run" && cache.Index && mentions(in.Sub.Span.In(f.Doc.Content), l.manager) {
				l.trigger = in
				break
			}
		}
		return l
	}
	if len(mounted) > 0 {
		return scan()
	}
	return Once(f, scanOf{s, cache, home}, scan)
}

// after finds what may need the cache behind an instruction.
func (l *laterScan) after(index int) laterUse {
	use := l.runsAfter(index)
	if l.trigger != nil && (use.at == 0 || l.trigger.Index < use.at) {
		// It runs at the start of whatever is FROM this stage.
		return laterUse{LaterUse: LaterUse{Why: fmt.Sprintf("line %d installs from it in a stage FROM this one", l.Line(l.trigger)), Certain: true}}
	}
	if use.at > 0 {
		return use
	}
	return l.inChildren()
}

// runsAfter finds the first RUN of the stage behind an instruction that may need the
// cache or fills it anew.
func (l *laterScan) runsAfter(index int) (use laterUse) {
	runs := l.Runs(l.stage)
	first := sort.Search(len(runs), func(i int) bool { return runs[i].In.Index > index })
	at, known := first, false
	for ; at < len(runs) && !known; at++ {
		r := runs[at]
		if use, known = l.next[r.In.Index]; !known && !slices.Contains(l.mounted, r) {
			use.LaterUse, use.renewed = l.uses(r)
			if known = use.Why != "" || use.renewed; known {
				use.at = r.In.Index
			}
		}
	}
	for _, r := range runs[first:at] {
		l.next[r.In.Index] = use
	}
	return use
}

// inChildren finds what may need the cache in the stages FROM this one.
func (l *laterScan) inChildren() laterUse {
	if l.children == nil {
		l.children = &laterUse{}
		l.stages = []*stage.Stage{l.stage}
		seen := map[*stage.Stage]bool{l.stage: true}
		for _, child := range l.mayStandOn(l.stage) {
			if seen[child] {
				continue
			}
			scan := l.laterScan(child, l.cache, l.home, l.mounted)
			use := scan.after(-1)
			if use.Why != "" {
				l.children = &use
				break
			}
			more := []*stage.Stage{child}
			if !use.renewed {
				more = scan.stages
			}
			for _, s := range more {
				if !seen[s] {
					seen[s] = true
					l.stages = append(l.stages, s)
				}
			}
		}
	}
	return *l.children
}

// outside finds what may need the cache out of the stages that keep it. renewed says
// that no stage FROM this one does.
func (l *laterScan) outside(renewed bool) LaterUse {
	stages, memo := l.stages, &l.copies[0]
	if renewed {
		stages, memo = []*stage.Stage{l.stage}, &l.copies[1]
	}
	if *memo == nil {
		use := l.takenFrom(stages)
		*memo = &use
	}
	return **memo
}

func (l *laterScan) takenFrom(stages []*stage.Stage) LaterUse {
	from := map[*stage.Stage]bool{}
	for _, s := range stages {
		from[s] = true
	}
	if use := l.copied(from, l.cache); use.Why != "" {
		return use
	}
	if l.cache.Index {
		for _, s := range stages {
			if use := cmp.Or(l.starts(s, l.manager), l.stoodOn(s)); use.Why != "" {
				return use
			}
		}
	}
	return LaterUse{}
}

// stoodOn says which other build is FROM an image that a stage ends in.
func (f *File) stoodOn(s *stage.Stage) LaterUse {
	for _, b := range f.opts.Builds {
		if len(b.Above) > 0 && s.Ships {
			return LaterUse{Why: fmt.Sprintf("%s builds %s FROM this image", b.File, b.Above[0])}
		}
	}
	return LaterUse{}
}

// mayStandOn returns the stages FROM a stage, and those whose base a build
// argument may make it.
func (f *File) mayStandOn(s *stage.Stage) []*stage.Stage {
	children := slices.Clone(s.Children)
	for _, other := range f.Stages().Stages[s.Index+1:] {
		if !other.Base.Known() {
			children = append(children, other)
		}
	}
	return children
}

func managerOf(cache *pkgmgr.Cache) *pkgmgr.Manager { return managers()[cache] }

// managers knows whose each cache is.
var managers = sync.OnceValue(func() map[*pkgmgr.Cache]*pkgmgr.Manager {
	out := map[*pkgmgr.Cache]*pkgmgr.Manager{}
	for _, m := range pkgmgr.Managers {
		for i := range m.Caches {
			out[&m.Caches[i]] = m
		}
	}
	return out
})

// rpm reports whether a manager is one of those of which one may be another's name.
func rpm(m *pkgmgr.Manager) bool {
	return m == &pkgmgr.Dnf || m == &pkgmgr.Yum || m == &pkgmgr.Microdnf
}

// near reports whether a folder lies above or below a cache's.
func near(dir, cache string) bool {
	if strings.HasPrefix(cache, "~") {
		return strings.Contains(dir, ".cache") || strings.Contains(dir, ".npm")
	}
	return strings.HasPrefix(dir+"/", cache+"/") || strings.HasPrefix(cache+"/", dir+"/")
}

// naming reports whether a command's words or redirections name a folder, one above or one
// below, so that it could fail or differ once that is empty.
func (f *File) naming(r *Run, c *Command, of folder) kinship {
	if c.Name == "rm" && option(words(c.Args), "f", "--force") {
		return apart
	}
	list, all := slices.Clone(c.Args), slices.Clone(c.Node.Words)
	if c.Fed {
		list = slices.Clone(all) // those of xargs too
	}
	for _, r := range c.Node.Redirs {
		list, all = append(list, r.Target), append(all, r.Target)
	}
	most := r.fromHere(c, of)
	for i, w := range list {
		if text := Shape(unquoted(w)); !strings.Contains(text, "\x00") && !(text == "/" && c.addsAt(i)) {
			most = max(most, of.named(text))
		}
	}
	for _, w := range all {
		most = max(most, f.leadsTo(r, w, of))
	}
	return most
}

// unquoted is a word in which only what the shell expands looks like a pattern.
func unquoted(w shell.Word) shell.Word {
	w.Parts = slices.Clone(w.Parts)
	for i, part := range w.Parts {
		if part.Kind == shell.Literal {
			w.Parts[i].Text = strings.Map(func(r rune) rune {
				if strings.ContainsRune("*?[{", r) {
					return '_'
				}
				return r
			}, part.Text)
		}
	}
	return w
}

// addsAt reports whether an operand of a command is a folder that it only enters, or puts
// something into.
func (c *Command) addsAt(i int) bool {
	if i >= len(c.Args) || c.Fed {
		return false
	}
	switch c.Name {
	case "cd":
		return true
	case "cp", "mv", "install", "ln":
		return i > 0 && i == len(c.Args)-1
	case "tar":
		first := Shape(c.Args[0])
		extracts := strings.Contains(first, "x") && !strings.HasPrefix(first, "--") || among(words(c.Args), "--extract", "--get") || option(words(c.Args), "x", "--extract")
		before := ""
		if i > 0 {
			before = Shape(c.Args[i-1])
		}
		return extracts && (before == "--directory" || strings.HasPrefix(before, "-") && strings.HasSuffix(before, "C"))
	}
	return false
}

// leadsTo reports whether a variable leads a word of a command to a folder, one above or
// one below: one that the file sets, or that the script gives such a value.
func (f *File) leadsTo(r *Run, w shell.Word, of folder) kinship {
	var b strings.Builder
	most, variable := apart, false
	for _, part := range w.Parts {
		if part.Kind != shell.Parameter || part.Text == "HOME" || part.Text == "PATH" {
			b.WriteString(Shape(shell.Word{Parts: []shell.Part{part}}))
			continue
		}
		variable = true
		for _, v := range r.reading.assigned[part.Text] {
			if text := Shape(v); !strings.Contains(text, "\x00") {
				most = max(most, of.named(text))
			}
		}
		text, known, fixed := r.value(part.Text)
		if fixed && !known { // an ARG's default, or not set
			text = f.Stages().Lookup(r.In, part.Text).Text
		}
		if !fixed || !part.Plain {
			if text != "" {
				most = max(most, of.named(text))
			}
			text = "\x00"
		}
		b.WriteString(text)
	}
	if text := b.String(); variable && text != "" && !strings.Contains(text, "\x00") {
		most = max(most, of.named(text))
	}
	return most
}

// Builtin reports whether a command is one of the shell's own that touches no
// file and starts nothing, or an assignment or redirection alone.
func (c *Command) Builtin() bool {
	if len(c.Node.Words) == 0 {
		return true // only assignments or redirections
	}
	switch c.Name {
	case "cd", "set", "export", "unset", "umask", "exit", "read", "shift", "local", "readonly", "alias", "ulimit", "wait", "return", "break", "continue", "shopt", "hash":
		return true
	}
	return false
}

// copied reports whether another stage copies or mounts the cache's folder out
// of one of the stages.
func (f *File) copied(from map[*stage.Stage]bool, cache *pkgmgr.Cache) LaterUse {
	g := f.Stages()
	for _, s := range g.Stages {
		for _, in := range s.Instructions {
			for _, flag := range in.Flags {
				stageName, source, ok := takes(in, flag)
				if !ok || !strings.Contains(stageName, "$") && !from[g.Find(stageName)] {
					continue
				}
				for _, src := range source {
					v := g.Expand(in, src)
					if !v.Known() || holds(v.Text, cache.Dir) {
						return LaterUse{Why: fmt.Sprintf("line %d may copy it from this stage", f.Line(in))}
					}
				}
			}
		}
	}
	return LaterUse{}
}

// takes returns the stage and the paths that a flag makes an instruction read.
func takes(in *syntax.Instruction, flag syntax.Flag) (from string, paths []string, ok bool) {
	switch flag.Name {
	case "from":
		for _, a := range in.Args[:max(len(in.Args)-1, 0)] {
			paths = append(paths, a.Value)
		}
		return flag.Value, paths, true
	case "mount":
		source := "/"
		for part := range strings.SplitSeq(flag.Value, ",") {
			k, v, _ := strings.Cut(part, "=")
			switch k {
			case "from":
				from, ok = v, true
			case "source", "src":
				source = v
			}
		}
		return from, []string{source}, ok
	}
	return "", nil, false
}

// holds reports whether a copied path may contain the folder, or lie in it.
func holds(source, dir string) bool {
	source = path.Clean("/" + strings.TrimRight(source, "*?[]"))
	if home, ok := strings.CutPrefix(dir, "~"); ok {
		return source == "/" || source == "/root" || source == "/home" || strings.HasPrefix(source, "/home/") || strings.Contains(source, home)
	}
	return source == "/" || strings.HasPrefix(dir, source) || strings.HasPrefix(source, dir)
}

// mentions reports whether a text names one of the manager's programs, or one that reads
// its index.
func mentions(text string, manager *pkgmgr.Manager) bool {
	names := func(p string) bool { return Names(text, p) }
	return slices.ContainsFunc(manager.Programs, names) || manager == &pkgmgr.Apt && slices.ContainsFunc(aptReaders, names)
}

// Names reports whether a text speaks of a file or program of that name, as a word of its
// own.
func Names(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		if (from == 0 || !wordByte(text[from-1])) && (to == len(text) || !wordByte(text[to])) {
			return true
		}
		at = to
	}
}

func wordByte(b byte) bool {
	return b == '-' || source.NameByte(b)
}

// fromContext reports whether a file of that name was copied from the context, or may have
// been.
func (f *File) fromContext(s *stage.Stage, script string) bool {
	source, ok := f.origin(s, script)
	c, _ := f.Context()
	return ok && (c == nil || c.Exists(path.Clean(source)))
}

// ContextFile reads a file of the image that a COPY brought from the context.
func (f *File) ContextFile(s *stage.Stage, script string) (string, bool) {
	source, ok := f.origin(s, script)
	c, _ := f.Context()
	if !ok || c == nil {
		return "", false
	}
	return readText(c, source)
}

func readText(c *buildctx.Context, p string) (string, bool) {
	data, err := c.Read(p)
	return string(data), err == nil
}

// origin finds the path of the build context that a COPY of single files or of a
// folder put at a path of the image.
func (f *File) origin(s *stage.Stage, script string) (string, bool) {
	g := f.Stages()
	found, ok := "", false
	for st := s; st != nil; st = st.Parent {
		for _, in := range st.Instructions {
			if in.Name != "copy" && in.Name != "add" || in.Flag("from") != nil || len(in.Args) < 2 {
				continue
			}
			dest := g.Expand(in, in.Args[len(in.Args)-1].Value)
			to, _ := f.Dest(in)
			for _, a := range in.Args[:len(in.Args)-1] {
				source := g.Expand(in, a.Value)
				if source.Is == stage.Unknown || dest.Is == stage.Unknown {
					continue
				}
				// By base name: the folder may be unknown or on the PATH.
				if path.Base(source.Text) == path.Base(script) || path.Base(dest.Text) == path.Base(script) && !strings.HasSuffix(dest.Text, "/") {
					found, ok = source.Text, true
				} else if rest, below := Below(script, to); !ok && to != "" && below {
					found, ok = path.Join(source.Text, rest), true
				} else if !ok && strings.HasPrefix(script, "./") {
					found, ok = path.Join(source.Text, script), true
				}
			}
		}
	}
	return found, ok
}

// Line is the line of an instruction's keyword, from 1.
func (f *File) Line(in *syntax.Instruction) int { return f.Doc.Lines.Line(in.Keyword.Start) + 1 }
