package rules

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/reach"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// CopyBeforeInstall finds sources copied before an install that needs only
// manifests.
var CopyBeforeInstall = analysis.Rule{
	Name: "copy-before-install",
	Doc: analysis.Doc{
		Summary: "sources are copied before an install that needs only manifests",
		What: "`COPY . .`, `ADD . .` or the copy of a folder, followed by the `RUN` that installs from manifests in that folder or one below it: " +
			"npm, Yarn, pnpm, Bun, pip, Poetry, uv, Pipenv, Go, Cargo, Bundler, Composer, Maven, .NET, Gradle, Mix.",
		Why: "The install runs again after an edit of any file: the step that takes minutes where a cached one takes none. " +
			"With the manifests copied first it runs again only when they change: one step fewer at each rebuild, and usually the longest.",
		Silent: "When the install fetches nothing, or an earlier one of the stage has fetched it. When anything but settings and installs of the system's packages stands between the copy and the install. " +
			"When the install names what it installs instead of reading a manifest. When the command builds too (`go build`, `mvn package`) and the build context is not known or holds no manifest, Go is too old for modules or told to do without, or a cache mount keeps what is fetched. " +
			"When an install hides in `make` or in a script. A copy by `--link`, `--parents`, `--exclude`, a pattern or of several sources is named where the install is known to need manifests alone, and not split.",
		Fix: "Copies the manifests, one `COPY` a folder, installs, then copies the rest. Safe when the build context is known and the manifests in it form a closed world: " +
			"the install reads nothing else and is called by its name, no variable or earlier line may lead it into the folder, which is none of the system's, it makes nothing that the later copy would overwrite (`**/node_modules` is in .dockerignore), and does not write the manifests (`npm ci`, not `npm install`; a complete go.sum). " +
			"Install scripts of packages may read any file: npm's and pnpm's locks say which there are, pnpm 10 runs none that is not allowed; Yarn and Bun need `--ignore-scripts` or its like. " +
			"Of Go, Composer, Maven and .NET one condition is never proven, so their fix is unsafe. Where an install would take the project itself too (`poetry install`, `uv sync`, Composer's scripts), " +
			"the unsafe fix runs it with the flag that leaves that out, and once more as it is after the copy. " +
			"Where something could be done about a condition that fails, the fix is unsafe and says what would mend it; where the install may need the sources, there is none. It stands on lines 20 to 24 of the soundness list.",
	},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Run:      runCopyBeforeInstall,
}

func runCopyBeforeInstall(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		for i, in := range s.Instructions {
			source, why := wideCopy(p, in)
			plain := plainCopy(p, in)
			if plain {
				source = path.Clean("./" + p.Stages().Expand(in, in.Args[0].Value).Text)
			}
			if !plain && why == "" {
				continue
			}
			sp, ok := installAfter(p, source, s.Instructions[i:])
			switch {
			case !ok:
			case !plain:
				sp.name(p, why)
			case copiesFolder(p, in) && chain.Meaningful(sp.run, &facts.Run{In: in}) == "":
				sp.report(p)
			}
		}
	}
}

// A split is a copy of a folder and the install that depends on it.
type split struct {
	copy   *syntax.Instruction
	before []*facts.Run          // between the two; they read nothing of the context
	run    *facts.Run            // with the install
	source string                // the folder of the context that is copied; "." for all of it
	at     string                // where in the image it goes, in the words of facts.Run.Workdir
	dirs   []*syntax.Instruction // WORKDIRs between the two
	with   []string              // flags that the install needs before the copy, to run again as it is behind it
}

// plainCopy reports whether an instruction copies one thing of the context, with
// no flag but those that a second copy can carry too.
func plainCopy(p *analysis.Pass, in *syntax.Instruction) bool {
	if in.Name != "copy" && in.Name != "add" || !in.Faithful || in.JSON || len(in.Heredocs) > 0 || len(in.Args) != 2 {
		return false
	}
	for _, f := range in.Flags {
		if f.Name != "chown" && f.Name != "chmod" {
			return false
		}
	}
	src := p.Stages().Expand(in, in.Args[0].Value)
	if !src.Known() || strings.ContainsAny(src.Text, "*?[") || strings.Contains(src.Text, "://") {
		return false
	}
	return true
}

// copiesFolder reports whether what is copied is a folder. A name may be a file's:
// only the context tells.
func copiesFolder(p *analysis.Pass, in *syntax.Instruction) bool {
	name := buildctx.Below(p.Stages().Expand(in, in.Args[0].Value).Text)
	if name == "" {
		return true
	}
	c, _ := p.Context()
	return c != nil && c.IsDir(name)
}

// installAfter finds the first RUN after a copy that installs from manifests in the
// folder copied or one below it, if nothing between them could make a difference to
// either.
func installAfter(p *analysis.Pass, source string, from []*syntax.Instruction) (split, bool) {
	s := split{copy: from[0], source: source}
	for _, in := range from[1:] {
		switch in.Name {
		case "run":
			r := p.Run(in)
			if r.Opaque != "" {
				return s, false
			}
			if len(installs(p, r)) > 0 {
				s.run = r
				return s, s.place(p) && !s.again(p)
			}
			if slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return !readsNothing(c) }) || slices.ContainsFunc(r.Settings(), reach.Heeded) || loudGroup(r) || len(r.Mounts) > 0 || len(r.Commands) == 0 {
				return s, false
			}
			s.before = append(s.before, r)
		case "label", "expose", "cmd", "entrypoint", "healthcheck", "stopsignal", "maintainer", "user", "shell":
		case "env", "arg":
			if strings.Contains(s.copy.Text.String(), "$") {
				return s, false
			}
		case "workdir":
			// A relative destination would be another one behind it.
			if !strings.HasPrefix(s.dest(), "/") {
				return s, false
			}
			s.dirs = append(s.dirs, in)
		default:
			return s, false
		}
	}
	return s, false
}

// dest is where the copy goes, as written.
func (s *split) dest() string { return s.copy.Args[len(s.copy.Args)-1].Value }

// again reports whether the same installer ran before the copy already, so that the
// packages are there.
func (s *split) again(p *analysis.Pass) bool {
	first := installs(p, s.run)[0]
	same := func(i install) bool {
		_, below := facts.Below(i.home, first.home)
		_, above := facts.Below(first.home, i.home)
		return i.by == first.by && (below || above)
	}
	for _, r := range p.Runs(p.Stages().Of(s.copy)) {
		if r.In.Index < s.copy.Index && r.Opaque == "" && slices.ContainsFunc(installs(p, r), same) {
			return true
		}
	}
	return false
}

// place finds where the copy goes; false if an install of the RUN runs elsewhere.
func (s *split) place(p *analysis.Pass) bool {
	dest := p.Stages().Expand(s.copy, s.dest())
	if !dest.Known() {
		return false
	}
	at, ok := p.Lands(s.copy, dest.Text, s.run.In)
	s.at = at
	return ok && !slices.ContainsFunc(installs(p, s.run), func(i install) bool {
		_, below := facts.Below(i.home, at)
		return !below
	}) && !slices.ContainsFunc(s.dirs, func(in *syntax.Instruction) bool { return s.overLink(p, in) })
}

// overLink reports whether a WORKDIR may make a folder where the copy brings a link, which
// then fails behind it. The folders of an install are known to be plain ones.
func (s *split) overLink(p *analysis.Pass, in *syntax.Instruction) bool {
	to := p.Stages().Expand(in, in.Body.String())
	if !to.Known() {
		return true
	}
	dir, ok := p.Lands(in, to.Text, in)
	below, inside := facts.Below(dir, s.at)
	return ok && inside && below != "." && below != "" && !slices.ContainsFunc(installs(p, s.run), func(i install) bool {
		_, above := facts.Below(i.home, dir)
		return above
	})
}

// dir is the folder of the context that an install runs in.
func (s *split) dir(i install) string {
	below, _ := facts.Below(i.home, s.at)
	return path.Join(s.source, below)
}

// leads reports whether a cd goes to a folder that is there without the copy too: one that
// an install runs in or that lies above, which the manifests' copies make, or one apart.
func (s *split) leads(c *facts.Command, main []install) bool {
	to := s.run.To(c)
	if to == "" || len(c.Environ)+len(c.Node.Redirs) > 0 {
		return false
	}
	_, inside := facts.Below(to, s.at)
	return !inside || slices.ContainsFunc(main, func(i install) bool { _, ok := facts.Below(i.home, to); return ok })
}

// name reports a copy that is not split for its form, where the install is known to need
// manifests alone.
func (s *split) name(p *analysis.Pass, why string) {
	first := installs(p, s.run)[0]
	files, refusals := s.manifests(p)
	if len(files) == 0 || len(s.with) > 0 || first.by.Builds(first.call) != "" || slices.ContainsFunc(refusals, func(r buildctx.Refusal) bool { return r.Cure == "" || r.Hard || r.Vain }) {
		return
	}
	reads := ""
	if len(refusals) == 0 {
		reads = ", which reads only " + listed(files)
	}
	p.Report(analysis.Diagnostic{
		Span:     s.copy.Span,
		Message:  fmt.Sprintf("Every edit of any file reruns `%s`%s", s.run.Program.Source(first.Node.Range), reads),
		Gain:     analysis.Gain{Steps: 1 + len(s.before)},
		Related:  []analysis.Related{{Span: s.run.Program.Span(first.Node.Range), Message: "the install that depends on this copy"}},
		Withheld: []string{why + "; copy the manifests above it by hand, and this behind the install"},
	})
}

// report reports a split, with a fix where one is sensible.
func (s *split) report(p *analysis.Pass) {
	in, r := s.copy, s.run
	first := installs(p, r)[0]
	call := r.Program.Source(first.Node.Range)
	d := analysis.Diagnostic{
		Span:    in.Span,
		Message: fmt.Sprintf("Every edit of any file reruns `%s`", call),
		Gain:    analysis.Gain{Steps: 1 + len(s.before)},
		Related: []analysis.Related{{Span: r.Program.Span(first.Node.Range), Message: "the install that depends on this copy"}},
	}
	fix := analysis.Fix{
		Title:  fmt.Sprintf("Copy the manifests, run %s, then copy the rest", first.by.Name),
		Relies: []source.Span{in.Span, r.In.Span},
		Safety: analysis.Safe,
	}
	for _, b := range s.before {
		fix.Relies = append(fix.Relies, b.In.Span)
	}
	files, refusals := s.manifests(p)
	if slices.ContainsFunc(refusals, func(r buildctx.Refusal) bool { return r.Vain }) {
		return
	}
	if first.by.Builds(first.call) != "" {
		if c, _ := p.Context(); c == nil || first.by.Name == "go" && withoutModules(p, r, first) {
			return // whether it fetches anything is not known
		}
		if slices.ContainsFunc(r.Mounts, func(m facts.Mount) bool { return m.Type == "cache" }) {
			return // what it fetches stays there
		}
		d.Severity = analysis.Info
	}
	hopeless := len(files) == 0
	if len(refusals) == 0 {
		d.Message += ", which reads only " + listed(files)
	}
	for _, why := range refusals {
		hopeless = hopeless || why.Hard
		if why.Cure == "" {
			// The install may well need the sources.
			d.Severity, hopeless = analysis.Info, true
		}
		text := why.Reason
		if why.Path != "" && !strings.Contains(text, why.Path) {
			text = why.Path + ": " + text
		}
		if why.Cure != "" {
			text += "; " + why.Cure
		}
		if !slices.Contains(d.Withheld, text) {
			d.Withheld = append(d.Withheld, text)
		}
	}
	if hopeless {
		p.Report(d)
		return
	}
	if len(s.with) > 0 {
		fix.Title = fmt.Sprintf("Copy the manifests, run %s with %s, copy the rest, then run it as it is", first.by.Name, strings.Join(s.with, " "))
	}
	if len(refusals) > 0 {
		fix.Safety = analysis.Unsafe
		fix.Title += " (" + refusals[0].Reason + ")"
	}
	fix.Changes = []change.Change{change.CopySplit{Files: files}}
	fix.Edits = s.edits(p, files)
	d.Fixes = []analysis.Fix{fix}
	p.Report(d)
}

func listed(files []string) string {
	if n := len(files); n > 4 {
		return fmt.Sprintf("%s, %s, %s and %d more files", files[0], files[1], files[2], n-3)
	}
	if n := len(files); n > 1 {
		return strings.Join(files[:n-1], ", ") + " and " + files[n-1]
	}
	return strings.Join(files, "")
}

// maxFolders bounds the copies that a fix writes: a layer each, of which an image
// has 127 at most.
const maxFolders = 24

// manifests returns the files that all installs of the RUN read, as paths of the
// context, and what stands in the way of copying them alone.
func (s *split) manifests(p *analysis.Pass) ([]string, []buildctx.Refusal) {
	var files []string
	var refusals []buildctx.Refusal
	refuse := func(r buildctx.Refusal) { refusals = append(refusals, r) }
	context, why := p.Context()
	if context == nil {
		refuse(buildctx.Refusal{Reason: "the build context is not known", Cure: strings.TrimPrefix(why, "the build context is not known: ")})
	}
	main := installs(p, s.run)
	others := 0
	for _, c := range s.run.Commands {
		if c.Name == "cd" && s.leads(c, main) {
			continue
		}
		others++
		if !slices.ContainsFunc(main, func(i install) bool { return i.Command == c }) && !readsNothing(c) {
			does := "read other files"
			if c.Name == "rm" || c.Name == "rmdir" || c.Name == "unlink" {
				does = "delete what the later copy would bring again"
			}
			refuse(buildctx.Refusal{
				Reason: fmt.Sprintf("the same RUN also runs `%s`, which may %s", s.run.Program.Source(c.Node.Range), does),
				Cure:   "give the install a RUN of its own", Hard: true,
			})
		}
	}
	if loudGroup(s.run) {
		refuse(buildctx.Refusal{Reason: "a group of commands is redirected, which may write a file of the project"})
	}
	refusals = append(refusals, s.unfit(p)...)
	for _, c := range main {
		w := c.by.World(context, s.dir(c), c.call)
		refusals = append(refusals, w.Refusals...)
		if s.with = w.With; len(w.With) > 0 && others > 1 {
			refuse(buildctx.Refusal{Reason: "the same RUN also runs other commands", Cure: "give the install a RUN of its own", Hard: true})
		}
		if slices.ContainsFunc(w.Refusals, func(r buildctx.Refusal) bool { return r.Hard || r.Cure == "" }) {
			w.Assumes = nil // that says enough
		}
		for _, a := range w.Assumes {
			refuse(buildctx.Refusal{Reason: "it is not proven that " + a, Cure: "look at it once and use --unsafe"})
		}
		why := s.homeward(p, context, c)
		if why != "" {
			refuse(buildctx.Refusal{Reason: why})
		}
		refusals = append(refusals, s.byPath(context, c)...)
		if len(c.Prefix) > 0 {
			refuse(buildctx.Refusal{Reason: fmt.Sprintf("`%s` may run it in another folder or as another user", s.run.Program.Source(c.Prefix[0].Range))})
		}
		if len(c.Node.Redirs) > 0 {
			refuse(buildctx.Refusal{Reason: "the install is redirected, which may write a file of the project"})
		}
		if o, ok := c.by.Strange(c.call); ok {
			refuse(buildctx.Refusal{Reason: o + " may make the install read or write other files"})
		}
		if name, ok := steered(p, s.run, c); ok {
			refuse(buildctx.Refusal{Reason: name + " is set, which may make the install read or write other files"})
		} else if name := unjudged(s.run, c); name != "" && why == "" {
			refuse(buildctx.Refusal{Reason: "it is not known what the install makes of " + name + ", which the RUN sets", Cure: "look at it once and use --unsafe"})
		}
		files = append(files, w.Files...)
	}
	files = inOrder(files, main[0])
	for _, f := range files {
		if !s.brings(f) {
			refuse(buildctx.Refusal{Path: f, Hard: true, Reason: fmt.Sprintf("the install reads %s, which the copy does not bring", f)})
			break
		}
		if context != nil && strings.ContainsAny(f, " \t\n*?[]\\$\"'`#<") {
			refuse(buildctx.Refusal{Path: f, Hard: true, Reason: fmt.Sprintf("%q is no name that COPY takes as it is", f)})
			break
		}
	}
	refusals = append(refusals, s.modes(p, context, files)...)
	refusals = append(refusals, s.otherClones(context, files, main)...)
	if n := len(s.folders(files, s.dir(main[0]))); n > maxFolders {
		refuse(buildctx.Refusal{Hard: true,
			Reason: fmt.Sprintf("the manifests lie in %d folders", n), Cure: "copy them by hand with COPY --parents, which docker/dockerfile 1.20 knows"})
	}
	return files, refusals
}

// modes refuses folders that the copies of the manifests would make with another mode
// than the copy does, which gives a folder its own and that of --chmod, where a copy of a
// file makes one with 0755.
func (s *split) modes(p *analysis.Pass, c *buildctx.Context, files []string) (out []buildctx.Refusal) {
	chmod := s.copy.Flag("chmod") != nil
	if (s.source != "." || chmod) && !p.InWorkdir(s.copy, s.at) {
		out = append(out, buildctx.Refusal{
			Reason: fmt.Sprintf("the copy makes %s, and may give it another mode than a copy of files does", s.at),
			Cure:   fmt.Sprintf("put WORKDIR %s above the copy", s.at),
		})
	}
	for _, f := range files {
		dir := path.Dir(f)
		if dir == s.source {
			continue
		}
		if chmod || c != nil && p.HomeOf(s.run).Owner+p.HomeOf(s.run).Why != "" && c.Shared(dir) {
			return append(out, buildctx.Refusal{
				Reason: fmt.Sprintf("the install may need the mode that the copy gives %s", dir), Path: dir,
			})
		}
	}
	return out
}

// brings reports whether a path of the context is below what is copied.
func (s *split) brings(file string) bool {
	return s.source == "." || strings.HasPrefix(file, s.source+"/")
}

// folders are those of files: the install's own first, then by name.
func (s *split) folders(files []string, first string) []string {
	var out []string
	for _, f := range files {
		if d := path.Dir(f); !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	own := func(d string) int {
		if d == first {
			return 0
		}
		return 1
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(own(a)-own(b), strings.Compare(a, b)) })
	return out
}

// inOrder puts the manifests that an install is about first, as people write
// them, then the others by name.
func inOrder(files []string, c install) []string {
	first := append(slices.Clone(c.Call.Manager.Manifests), c.named()...)
	rank := func(f string) int {
		if i := slices.Index(first, path.Base(f)); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
	return slices.Compact(files)
}

// homeward says why the working folder is not only the project's: it may be a home
// folder with the manager's own settings, or hold what chooses its version, or a
// variable leads into it.
func (s *split) homeward(p *analysis.Pass, c *buildctx.Context, i install) string {
	r := s.run
	for _, at := range []string{s.at, i.home} {
		switch {
		case !path.IsAbs(at):
			return "the working folder is the base image's and not known"
		case at == "/" || at == "/etc" || at == "/root" || path.Dir(at) == "/home":
			return at + " holds more than the project"
		}
	}
	for _, v := range reach.Variables(p.File, r) {
		if v.FromBuild() || s.lured(c, v.Name, v.Written) || s.lured(c, v.Name, v.Known) {
			return v.Name + " may lead into the copied folder"
		}
	}
	if reach.OwnShell(r, s.at) {
		return "the SHELL may lie in the copied folder"
	}
	for _, a := range given(r, i.Command) {
		if s.lured(c, a.Name, strings.ReplaceAll(facts.Shape(a.Value), "\x00", "$")) {
			return a.Name + " may lead into the copied folder"
		}
	}
	if c != nil {
		for _, f := range []string{".netrc", ".pip", ".gitconfig", ".ssh", ".config/pip", ".config/git", ".config/uv", ".config/pypoetry", ".config/pnpm", ".config/yarn", ".config/go"} {
			if c.Exists(path.Join(s.dir(i), f)) {
				return f + " may be the installer's, if the folder copied to is a home"
			}
		}
	}
	if c != nil && p.Base(r.Stage) == nil {
		for _, f := range []string{".python-version", ".node-version", ".nvmrc", ".ruby-version", ".tool-versions"} {
			if c.Exists(path.Join(s.dir(i), f)) {
				return f + " may choose another version of the installer"
			}
		}
	}
	return ""
}

// lured reports whether a variable may lead the install into the copied folder.
func (s *split) lured(c *buildctx.Context, name, value string) bool {
	return !namesProject(strings.ToUpper(name)) && !(strings.ToUpper(name) == "PATH" && s.hiddenPath(c, value)) && reach.Leads(name, value, s.at)
}

// edits copies the manifests where the folder was copied, one COPY a folder, and
// the folder after the install:
//
//	COPY . .
//	     ^^^ becomes "package.json package-lock.json ./"
//	RUN npm ci
//	          ^ "⏎COPY . ."
func (s *split) edits(p *analysis.Pass, files []string) []analysis.Edit {
	in, text := s.copy, p.Doc.Content
	eol := "\n"
	if strings.Contains(s.run.In.Lines.In(text), "\r\n") || strings.Contains(in.Lines.In(text), "\r\n") {
		eol = "\r\n"
	}
	word := in.Keyword.In(text)
	var b strings.Builder
	if in.Name == "add" { // it would unpack and fetch
		if word = "COPY"; in.Keyword.In(text) == "add" {
			word = "copy"
		}
		b.WriteString(text[in.Keyword.End:in.Args[0].Span().Start])
	}
	for i, dir := range s.folders(files, s.dir(installs(p, s.run)[0])) {
		if i > 0 {
			b.WriteString(eol + word + " ")
			for _, f := range in.Flags {
				b.WriteString(f.Span.In(text) + " ")
			}
		}
		for _, f := range files {
			if path.Dir(f) == dir {
				b.WriteString(f + " ")
			}
		}
		b.WriteString(s.to(dir))
	}
	at := source.Span{Start: in.Args[0].Span().Start, End: in.Args[1].Span().End}
	out := b.String()
	if in.Name == "add" {
		at.Start, out = in.Keyword.Start, word+out
	}
	rest := eol + in.Span.In(text)
	edits := []analysis.Edit{{Edit: source.Replace(at, out)}}
	if len(s.with) > 0 {
		end, flags := s.run.Program.Text.HomeEnd(installs(p, s.run)[0].Call.VerbEnd), " "+strings.Join(s.with, " ")
		rest += eol + s.run.In.Span.In(text)
		if end == s.run.In.Span.End {
			rest = flags + rest
		} else {
			edits = append(edits, analysis.Edit{Edit: source.Insert(end, flags)})
		}
	}
	return append(edits, analysis.Edit{Edit: source.Insert(s.run.In.Span.End, rest)})
}

// to is where a folder of the context goes, as the author wrote the destination.
func (s *split) to(dir string) string {
	dest := s.dest()
	below := dir
	if s.source != "." {
		below = strings.TrimPrefix(strings.TrimPrefix(dir, s.source), "/")
	}
	switch {
	case below == "" || below == ".":
		return strings.TrimSuffix(dest, "/") + "/"
	case dest == "." || dest == "./":
		return below + "/"
	}
	return strings.TrimSuffix(dest, "/") + "/" + below + "/"
}
