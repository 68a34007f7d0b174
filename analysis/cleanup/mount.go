package cleanup

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// Mountable reports whether a RUN has calls of a manager that fill, but for an option
// against it, caches which a mount would keep and none does.
func Mountable(f *facts.File, r *facts.Run, m *pkgmgr.Manager) bool {
	return len(fillers(f, r, m)) > 0
}

// A filler is a call that fills a cache.
type filler struct {
	*facts.Command
	cache *pkgmgr.Cache
}

// fillers lists the calls of a manager in a RUN that fill a cache which is not mounted.
func fillers(f *facts.File, r *facts.Run, m *pkgmgr.Manager) []filler {
	var out []filler
	for _, c := range r.Commands {
		if c.Call == nil || c.Call.Manager != m {
			continue
		}
		for i := range m.Caches {
			cache := &m.Caches[i]
			if cache.Mount.Never != "" || cache.Mount.Sharing == "" || r.MountsCache(cache) || f.Disabled(r, c, cache) {
				continue
			}
			if cache.Mount.Kept && cache.Mount.Keep(c.Name, c.Call) != nil && !c.Call.Apart() && !ownFolders(c.Call) || !cache.Mount.Kept && swapped(c.Call, cache).Fills(cache) {
				out = append(out, filler{c, cache})
			}
		}
	}
	return out
}

// ownFolders reports whether a call of apt's may name folders or settings of its own.
func ownFolders(c *pkgmgr.Call) bool {
	return slices.ContainsFunc(c.Options, func(o pkgmgr.Option) bool {
		set, ok := o.AptSetting()
		return o.Name == "-c" || o.Name == "--config-file" || ok && (!o.Known || strings.Contains(set, "dir"))
	})
}

// swapped is a call without the options against a cache.
func swapped(c *pkgmgr.Call, cache *pkgmgr.Cache) *pkgmgr.Call {
	call := *c
	call.Options = slices.DeleteFunc(slices.Clone(c.Options), func(o pkgmgr.Option) bool {
		_, against := cache.Mount.Swaps[o.Name]
		return against
	})
	return &call
}

// Mount returns the fix by which a RUN's calls of a manager keep their caches in cache
// mounts, and those of the other RUNs that stand on the same base: one that lacks the
// mount would find nothing, or hide what another left. It has no edits where there is
// none; why says why, or why it is not safe.
func Mount(f *facts.File, r *facts.Run, m *pkgmgr.Manager) (fix analysis.Fix, why string) {
	if why := mountless(f); why != "" {
		return fix, why
	}
	root := r.Stage.Root()
	b := facts.Once(f, mountOf{root, m}, func() *mounter { return newMounter(f, root, m) })
	switch why, refused := b.refused[r]; {
	case refused:
		return fix, why
	case len(b.own[r]) == 0:
		return fix, "its calls cannot be read for certain"
	case b.none != "":
		return fix, b.none
	}
	return b.fix, b.doubt
}

type mountOf struct {
	root    *stage.Stage
	manager *pkgmgr.Manager
}

// newMounter makes the one fix of all RUNs on one base.
func newMounter(f *facts.File, root *stage.Stage, m *pkgmgr.Manager) *mounter {
	b := &mounter{File: f, manager: m, root: root, own: map[*facts.Run][]string{}, refused: map[*facts.Run]string{}, declared: map[string]bool{}}
	for _, s := range f.Stages().Stages {
		if s.Root() != root {
			continue
		}
		for _, r := range f.Runs(s) {
			if len(fillers(f, r, m)) == 0 {
				continue
			}
			edits := b.run(r)
			if b.none != "" {
				b.refused[r] = b.none
				b.none = "" // what that means for the other RUNs the conditions say
				continue
			}
			b.runs = append(b.runs, r)
			b.fix.Edits = append(b.fix.Edits, edits...)
			b.fix.Relies = append(b.fix.Relies, r.In.Span)
		}
	}
	if len(b.runs) == 0 {
		return b
	}
	b.conditions()
	if b.none != "" {
		return b
	}
	dirs := strings.Join(b.dirs, ", ")
	if i := strings.LastIndex(dirs, ", "); i >= 0 {
		dirs = dirs[:i] + " and" + dirs[i+1:]
	}
	b.fix.Title = fmt.Sprintf("Mount %s as a cache", dirs)
	if len(b.dirs) > 1 {
		b.fix.Title = fmt.Sprintf("Mount %s as caches", dirs)
	}
	if len(b.dropped) > 0 {
		b.fix.Title += " and drop `" + strings.Join(b.dropped, "`, `") + "`"
	}
	b.fix.Title += ": what lies there no longer ships"
	b.fix.Safety = analysis.Safe
	if b.doubt != "" {
		b.fix.Safety = analysis.Unsafe
		b.fix.Title += " (" + b.doubt + ")"
		b.fix.Changes = nil
	}
	return b
}

// mountless says why what reads a file may know no mounts: docker/dockerfile knows them
// from 1.2 on.
func mountless(f *facts.File) string {
	if builder := f.OtherBuilder(); builder != "" {
		return "which mounts " + builder + " knows is not known"
	}
	ref, ok := f.Doc.Frontend()
	if !ok {
		if f.BuilderFrontend() == "1.0" || f.BuilderFrontend() == "1.1" {
			return "the builder that the configuration names knows no mounts"
		}
		return ""
	}
	tag, official := syntax.OfficialFrontend(ref)
	known := official && !strings.HasPrefix(tag, "1.0") && !strings.HasPrefix(tag, "experimental")
	if later, ok := strings.CutPrefix(tag, "1.1"); ok { // 1.1, or 1.10 and on
		known = official && later != "" && later[0] >= '0' && later[0] <= '9'
	}
	if !known {
		return "the frontend that the file names knows no mounts, or is not known"
	}
	return ""
}

// archives is where apt keeps what it downloads, if at all.
const archives = "/var/cache/apt"

// A mounter makes the fix for the RUNs on one base.
type mounter struct {
	*facts.File
	manager *pkgmgr.Manager
	root    *stage.Stage // the first of their stages
	runs    []*facts.Run
	own     map[*facts.Run][]string // what is mounted in each
	fix     analysis.Fix
	dirs    []string // that are mounted
	caches  []*pkgmgr.Cache
	dropped []string // clean-ups
	doubt   string   // why the fix is not safe: the first reason
	none    string   // why there is none for a RUN

	refused  map[*facts.Run]string // why there is none for these
	declared map[string]bool       // the fix's changes, in words
}

func (b *mounter) doubts(format string, args ...any) {
	b.doubt = cmp.Or(b.doubt, fmt.Sprintf(format, args...))
}

// run makes the edits of one RUN.
func (b *mounter) run(r *facts.Run) []analysis.Edit {
	refuse := func(format string, args ...any) []analysis.Edit {
		b.none = fmt.Sprintf(format, args...)
		return nil
	}
	if r.Opaque != "" {
		return refuse("%s", r.Opaque)
	}
	calls := fillers(b.File, r, b.manager)
	var mounts, dirs []string
	var edits []analysis.Edit
	var changes []change.Change
	if why := b.readable(r); why != "" {
		return refuse("%s", why)
	}
	home := b.HomeOf(r)
	for _, c := range calls {
		dir, why := b.place(r, c, home)
		if why != "" {
			return refuse("%s", why)
		}
		for _, at := range dir {
			if slices.Contains(dirs, at) {
				continue
			}
			dirs = append(dirs, at)
			mount := change.MountAdded{Target: at}
			text := "--mount=type=cache,target=" + at
			if s := c.cache.Mount.Sharing; s != "shared" {
				mount.Sharing = s
				text += ",sharing=" + s
			}
			if home.Owner != "" && !b.manager.Root {
				text += "," + home.Owner
				b.doubts("%s", home.Why)
			}
			mounts = append(mounts, text)
			changes = append(changes, mount)
		}
		if !slices.Contains(b.caches, c.cache) {
			b.caches = append(b.caches, c.cache)
		}
	}
	if home.Why != "" && home.Owner == "" && slices.ContainsFunc(calls, func(c filler) bool { return strings.HasPrefix(c.cache.Dir, "~") }) {
		b.doubts("%s", home.Why)
	}
	live, more := b.live(r, calls)
	edits = append(edits, live...)
	changes = append(changes, more...)
	drops, more, why := b.drops(r, dirs, home)
	if why != "" {
		return refuse("%s", why)
	}
	edits = append(edits, drops...)
	changes = append(changes, more...)
	b.own[r] = dirs
	for _, d := range dirs {
		if !slices.Contains(b.dirs, d) {
			b.dirs = append(b.dirs, d)
		}
	}
	for _, k := range changes {
		if words := fmt.Sprint(k); !b.declared[words] {
			b.declared[words] = true
			b.fix.Changes = append(b.fix.Changes, k)
		}
	}
	return append([]analysis.Edit{flags(b.Doc, r.In, mounts)}, edits...)
}

// readable says why what a RUN's calls do with the cache is not known; "" if it is.
func (b *mounter) readable(r *facts.Run) string {
	updated := false
	for _, c := range r.Commands {
		if c.Call == nil || c.Call.Manager != b.manager {
			continue
		}
		if c.Script != nil || c.Call.Unclear || c.Name == "corepack" || slices.ContainsFunc(c.Prefix, func(w shell.Word) bool {
			text := facts.Shape(w)
			return text != "sudo" && text != "env" && !strings.HasPrefix(text, "-") && !strings.Contains(text, "=")
		}) {
			return "one of its calls cannot be read for certain"
		}
		if c.Call.Has("--offline", "--prefer-offline", "--no-index", "--no-network", "--local") {
			b.doubts("line %d takes what it needs from the cache alone", b.Line(r.In))
		}
		switch c.Call.Verb {
		case pkgmgr.Update:
			updated = updated || c.Context.Always && c.Call.Plain()
		case pkgmgr.Install, pkgmgr.Upgrade, pkgmgr.Download:
			if b.manager == &pkgmgr.Apt && !updated {
				return fmt.Sprintf("line %d installs from an index of another RUN, which the mount would hide; join the RUNs first", b.Line(r.In))
			}
		}
	}
	return ""
}

// flags is the edit that gives a RUN more flags, each on a line of its own where they
// are long:
//
//	RUN apt-get update && apt-get install -y curl
//	   ^ " --mount=… \⏎    --mount=… \⏎   "
func flags(doc *syntax.Document, in *syntax.Instruction, more []string) analysis.Edit {
	at := in.Keyword.End
	for _, f := range in.Flags {
		at = max(at, f.Span.End)
	}
	next := " " + string(doc.Escape) + doc.LineEnd() + "   "
	line, _, _ := strings.Cut(doc.Content[at:], "\n")
	text := strings.Join(more, next+" ")
	if continued := strings.TrimSpace(line) == string(doc.Escape); !continued && (len(more) > 1 || at-in.Span.Start+len(text)+len(line) > 100) {
		text += next
	}
	return analysis.Edit{Edit: source.Insert(at, " "+text)}
}

// place returns the folders to mount for a cache, or why they are not known.
func (b *mounter) place(r *facts.Run, c filler, home facts.Home) ([]string, string) {
	dir := cmp.Or(c.cache.Mount.At, c.cache.Dir)
	if k := c.cache.Cleanup; b.manager.Refetches && k != nil {
		if k, _ = cleanupOf(b.File, r, facts.Leftover{Cache: c.cache, By: c.Command}); k != nil {
			return k.Paths, "" // more than one where the version is not known
		}
	}
	if c.cache.Or != "" && c.cache.In[baseName(b.File, r)] == "" {
		b.doubts("it may lie in %s instead", c.cache.Or)
	}
	if base := b.Base(r.Stage); len(c.cache.In) > 0 {
		switch {
		case base == nil || !base.Certain:
			b.doubts("where it lies in the base image is not known")
		case c.cache.In[base.Name] != "":
			dir = c.cache.In[base.Name]
		case !strings.HasPrefix(dir, "~"):
			return nil, "where its cache lies in the base image is not known"
		}
	}
	if c.cache.RootDir != "" && home.Dir == "/root" {
		dir = c.cache.RootDir
	}
	if below, ok := strings.CutPrefix(dir, "~"); ok {
		switch {
		case len(c.Prefix) > 0:
			return nil, "whose home it is behind a prefix is not known"
		case home.Dir == "":
			return nil, home.Why
		}
		dir = home.Dir + below
	}
	switch {
	case b.manager.Root || len(c.Prefix) > 0 || home.Dir == "/root":
	case home.Owner == "" && home.Why != "":
		return nil, home.Why
	case home.Owner == "" && strings.HasPrefix(c.cache.Dir, "~"):
		b.doubts("what lies in the home %s is not known", home.Dir)
	}
	if len(c.cache.Mount.Below) == 0 {
		return []string{dir}, ""
	}
	var out []string
	for _, below := range c.cache.Mount.Below {
		out = append(out, path.Join(dir, below))
	}
	return out, ""
}

// baseName is the well-known image that a RUN stands on; "" for another.
func baseName(f *facts.File, r *facts.Run) string {
	if b := f.Base(r.Stage); b != nil {
		return b.Name
	}
	return ""
}

// live makes the edits without which the mounts would stay empty.
func (b *mounter) live(r *facts.Run, calls []filler) (edits []analysis.Edit, changes []change.Change) {
	updates := slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
		return c.Call != nil && c.Call.Manager == b.manager && c.Call.Verb == pkgmgr.Update && c.Context.Always
	})
	for _, c := range calls {
		swaps := false
		for i, w := range c.Args {
			text, _ := w.Literal()
			with, ok := c.cache.Mount.Swaps[text]
			if !ok {
				continue
			}
			swaps = true
			from := c.Program.To
			if i > 0 {
				from = c.Args[i-1].To
			}
			if with != "" {
				edits = append(edits, analysis.Edit{Edit: source.Replace(r.Program.Span(w.Range), with)})
			} else {
				edits = append(edits, analysis.Edit{Edit: source.Replace(source.Span{Start: r.Program.Text.HomeEnd(from), End: r.Program.Text.HomeEnd(w.To)}, "")})
			}
		}
		flag := c.cache.Mount.Keep(c.Name, c.Call)
		if swaps && b.manager == &pkgmgr.Apk || flag == nil || b.manager == &pkgmgr.Apk && (updates || c.Call.Has("-U", "--update", "--update-cache")) {
			continue
		}
		if name, _, _ := strings.Cut(flag.Text, "="); c.Call.Has(name) && !strings.HasPrefix(flag.Text, "-o") || b.configured(flag) {
			continue
		}
		edits = append(edits, analysis.Edit{Edit: source.Insert(r.Program.Text.HomeEnd(c.Call.VerbEnd), " "+flag.Text)})
		if flag.Keeps != "" {
			changes = append(changes, change.FlagAdded{Flag: *flag})
		}
	}
	return edits, changes
}

// configured reports whether the Dockerfile itself makes a manager keep what the flag
// is for.
func (b *mounter) configured(flag *change.Flag) bool {
	switch {
	case strings.HasPrefix(flag.Text, "-o Dir::Cache"):
		return b.Says("docker-clean") || b.Says("keep-cache")
	case strings.Contains(flag.Text, "keepcache"):
		return b.Says("keepcache")
	case strings.Contains(flag.Text, "link-mode"):
		return b.Says("UV_LINK_MODE")
	}
	return false
}

// drops makes the edits that take out of a RUN what would empty the mounts.
func (b *mounter) drops(r *facts.Run, dirs []string, home facts.Home) (edits []analysis.Edit, changes []change.Change, why string) {
	commented := ""
	parents := map[*shell.Node]*shell.Node{}
	r.Program.Root.Walk(func(n *shell.Node, c shell.Context) bool {
		parents[n] = c.Parent
		return true
	})
	drop := func(text string, from, to int) {
		gap := source.Span{Start: r.Program.Text.HomeEnd(from), End: r.Program.Text.HomeEnd(to)}
		if from == 0 {
			gap.Start = r.Program.Text.Home(0)
		}
		if slices.ContainsFunc(r.In.Inside, func(k syntax.CommentLine) bool { return gap.Contains(k.Span) }) {
			commented = "a comment stands before the clean-up that the mount replaces; remove both"
		}
		edits = append(edits, analysis.Edit{Edit: source.Replace(gap, "")})
		changes = append(changes, change.CleanupDropped{Text: text})
		if !slices.Contains(b.dropped, text) {
			b.dropped = append(b.dropped, text)
		}
	}
	for _, c := range r.Commands {
		line := b.Line(r.In)
		if c.Name == "R" || c.Name == "Rscript" {
			b.doubts("line %d runs %s, which may delete what the mount holds", line, c.Name)
		}
		if c.Call != nil && c.Call.Manager == b.manager {
			if c.Call.Verb == pkgmgr.Clean {
				if b.manager == &pkgmgr.Apt && !slices.Contains(dirs, archives) {
					return nil, nil, fmt.Sprintf("`%s %s` empties %s, which is not mounted", c.Name, c.Call.Word, archives)
				}
				if why = b.takeOut(r, c, parents, drop); why != "" {
					return nil, nil, why
				}
			}
			b.tells(c, line)
			continue
		}
		if c.Name != "rm" {
			if why = b.passes(r, c, dirs, home); why != "" {
				return nil, nil, why
			}
			continue
		}
		if unclear(r, c, dirs) {
			b.doubts("line %d runs %s, on what is not known", line, c.Name)
		}
		var inside, outside []shell.Word
		for _, w := range c.Args {
			switch text, _ := w.Literal(); {
			case strings.HasPrefix(text, "-"):
			case in(w, dirs, home) == within:
				inside = append(inside, w)
			case in(w, dirs, home) == above:
				return nil, nil, fmt.Sprintf("`%s` deletes a folder above the mount, which fails", strings.Join(strings.Fields(r.Program.Source(c.Node.Range)), " "))
			default:
				outside = append(outside, w)
			}
		}
		switch {
		case len(inside) == 0:
		case len(outside) == 0:
			if why = b.takeOut(r, c, parents, drop); why != "" {
				return nil, nil, why
			}
		default:
			b.doubts("%s", cmp.Or(besides(r, c), b.doubt))
			for _, w := range inside {
				before := c.Program.To
				for _, a := range c.Args {
					if a.To < w.From {
						before = a.To
					}
				}
				drop(r.Program.Source(w.Range), before, w.To)
			}
		}
	}
	return edits, changes, commented
}

// tells doubts a call of the manager's that tells what the mount holds, or where.
func (b *mounter) tells(c *facts.Command, line int) {
	if word, _, _ := strings.Cut(c.Call.Word, " "); word == "cache" && c.Call.Verb == pkgmgr.Other {
		b.doubts("line %d runs %s %s, which tells what the mount holds, or where", line, c.Name, c.Call.Word)
	}
}

// passes says why a command that is neither the manager's nor rm certainly takes something
// out of the mounts; what may do so is a doubt.
func (b *mounter) passes(r *facts.Run, c *facts.Command, dirs []string, home facts.Home) string {
	line := b.Line(r.In)
	switch {
	case c.Effect == 0 && c.Call == nil && !c.Builtin() && c.Name != "find" || c.RunsCode() && c.Name != "find":
		b.doubts("line %d runs %s, which may delete what the mount holds", line, c.Called())
	case c.Name == "mv" && unclear(r, c, dirs), c.Name == "rmdir" && unclear(r, c, dirs), c.Name == "unlink" && unclear(r, c, dirs), c.Name == "find" && (unclear(r, c, dirs) || c.RunsCode()):
		b.doubts("line %d runs %s, on what is not known", line, c.Name)
	case slices.ContainsFunc(c.Args, func(w shell.Word) bool { return in(w, dirs, home) != apart }):
		if c.Name == "find" || c.Name == "mv" || c.Name == "rmdir" {
			return fmt.Sprintf("%s may empty the mount", c.Name)
		}
		b.doubts("line %d runs %s on its folder", line, c.Name)
	case slices.ContainsFunc(dirs, func(dir string) bool { return b.MayName(r, c, dir, true) }):
		b.doubts("line %d runs %s on what may lie in the mount", line, c.Name)
	}
	return ""
}

// takeOut drops a whole command: an element of the RUN's "&&" list, or of its list of
// statements.
func (b *mounter) takeOut(r *facts.Run, c *facts.Command, parents map[*shell.Node]*shell.Node, drop func(text string, from, to int)) string {
	stuck := fmt.Sprintf("`%s` would empty the mount and cannot be taken out", strings.Join(strings.Fields(r.Program.Source(c.Node.Range)), " "))
	up := parents[c.Node]
	if up == nil || up != r.Program.Root && (up.Kind != shell.And || parents[up] != r.Program.Root) || c.Node.Background || len(up.Children) < 2 {
		return stuck
	}
	last := r.Program.Root.Children[len(r.Program.Root.Children)-1]
	if up.Kind == shell.And && (up != last || slices.ContainsFunc(up.Children, func(n *shell.Node) bool { return n.Kind != shell.Simple && n.Kind != shell.Pipe })) {
		b.doubts("without `%s` the RUN may end with another failure", r.Program.Source(c.Node.Range))
	}
	if up == r.Program.Root {
		if up.Children[len(up.Children)-1] == c.Node && up.Children[len(up.Children)-2].Kind != shell.Simple {
			b.doubts("without `%s` the RUN ends with another command", r.Program.Source(c.Node.Range))
		}
		if _, errexit := r.Program.OpensWithSet(); !errexit && r.Shell.Errexit != shell.Yes {
			b.doubts("without `%s` the RUN ends, or fails, with another command", r.Program.Source(c.Node.Range))
		}
		if strings.Contains(r.Program.Text.String(), "$?") {
			return stuck
		}
	}
	b.doubts("%s", cmp.Or(besides(r, c), b.doubt))
	i := slices.Index(up.Children, c.Node)
	if i == 0 {
		if next := up.Children[1]; next.Kind == shell.Simple && len(next.Words) > 0 && facts.Shape(next.Words[0]) == "rm" {
			return stuck
		}
		drop(r.Program.Source(c.Node.Range), c.Node.From, up.Children[1].From)
		return ""
	}
	drop(r.Program.Source(c.Node.Range), up.Children[i-1].To, c.Node.To)
	return ""
}
