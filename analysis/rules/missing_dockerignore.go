package rules

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// MissingDockerignore finds copies that bring what belongs to the machine of who builds.
var MissingDockerignore = analysis.Rule{
	Name: "missing-dockerignore",
	Doc: analysis.Doc{
		Summary: "a copy brings .git, node_modules, secrets and their like, which .dockerignore should leave out",
		What: "`COPY . .`, or the copy of a folder, whose build context really holds what belongs to one machine: `.git`; `node_modules` and virtual environments, where the Dockerfile installs the packages itself; " +
			"caches (`__pycache__`, folders with a CACHEDIR.TAG, and others that only one tool makes); what a build makes (`dist`, `target`, `obj` …), where a later `RUN` builds it; `.env` files and private keys.",
		Why: "All of it is sent to the builder, and most of it ships: node_modules is often larger than all else. Each commit and each local build changes some of it, and 1 changed file is enough: the copy and all steps behind it run again though no source changed. " +
			"And whoever has the image can read what was secret. The bytes are those of the files as they are now.",
		Silent: "When the build context is not known. When git tracks the file or folder: then it is no machine's own. When an instruction copies it, or names it, or may need it: node_modules where nothing installs, `.env` where a command reads it, `.git` where git is called or a build file speaks of it. " +
			"When an exception in .dockerignore (`!dist`) brings it in on purpose.",
		Fix: "Writes .dockerignore, or adds lines to the one in force (`<Dockerfile>.dockerignore` where that exists), and hides nothing that an instruction copies, be it of this Dockerfile or of another one in the context. " +
			"Unsafe: the image no longer holds what is left out, and a program that no one can foresee may read it. Nothing of it is in a fresh clone, so a build that works there goes on working.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      runMissingDockerignore,
}

func runMissingDockerignore(p *analysis.Pass) {
	var u *unwanted
	for _, s := range p.Stages().Stages {
		for _, in := range s.Instructions {
			if in.Name != "copy" && in.Name != "add" || !in.Faithful || in.Flag("from") != nil || in.Flag("exclude") != nil {
				continue
			}
			if u == nil {
				c, _ := p.Context()
				if c == nil {
					return
				}
				u = &unwanted{File: p.File, context: c, told: map[string]bool{}, spared: map[string]string{}}
			}
			if _, whole := broadSources(p.File, u.context, in); len(whole) > 0 {
				u.report(p, s, in, whole)
			}
		}
	}
}

// broadSources parts what a COPY or ADD takes from the context: paths, and folders with
// all that is in them; "." is the whole context. Patterns stand for what they match.
func broadSources(f *facts.File, c *buildctx.Context, in *syntax.Instruction) (single, whole []string) {
	sources, _ := f.Sources(in)
	for _, src := range sources {
		matches := []string{buildctx.Below(src)}
		if strings.ContainsAny(src, "*?[") {
			matches, _ = c.Glob(src)
		}
		for _, m := range matches {
			switch {
			case m == "" || m == ".":
				whole = append(whole, ".")
			case c.IsDir(m):
				whole = append(whole, m)
			default:
				single = append(single, m)
			}
		}
	}
	return single, whole
}

// unwanted is what of a context no image of a Dockerfile needs.
type unwanted struct {
	*facts.File
	context *buildctx.Context
	others  *[]neighbour
	told    map[string]bool   // by path, what a finding speaks of
	spared  map[string]string // why another Dockerfile needs a path, once asked
	shown   *buildctx.Context // the context without exceptions
}

// A neighbour is another Dockerfile that may be built with the context.
type neighbour struct {
	*facts.File
	name string
}

// report tells what a copy of folders brings.
func (u *unwanted) report(p *analysis.Pass, s *stage.Stage, in *syntax.Instruction, whole []string) {
	locals := u.Locals()
	var found, out []buildctx.Local
	d := analysis.Diagnostic{Span: in.Span}
	for _, l := range locals.Found {
		inside := func(dir string) bool { return facts.Within(l.Path, dir) && l.Path != dir }
		if l.Tracked || u.told[l.Path] || !slices.ContainsFunc(whole, inside) || !plainName(l.Path) || u.onPurpose(l.Path) || u.NeedsLocal(u.context, l) != "" {
			continue
		}
		u.told[l.Path] = true
		found = append(found, l)
		if why := u.sparedBy(l); why != "" {
			d.Withheld = append(d.Withheld, fmt.Sprintf("%s stays, for %s; write what this Dockerfile alone leaves out into %s.dockerignore", l.Path, why, filepath.Base(u.Path)))
			continue
		}
		out = append(out, l)
	}
	if len(found) == 0 {
		return
	}
	var secrets bool
	for _, l := range found {
		if s.Ships {
			d.Gain.Bytes += l.Bytes
		}
		secrets = secrets || l.Kind == buildctx.Settings || l.Kind == buildctx.Key
		if l.Kind == buildctx.History {
			d.Gain.Steps = 1
			for _, r := range p.Runs(s) {
				if r.In.Index > in.Index {
					d.Gain.Steps++
				}
			}
		}
	}
	groups := group(found, locals.Found)
	var parts []string
	for _, g := range groups {
		parts = append(parts, g.says(d.Gain.Steps))
	}
	d.Message = "This copies what belongs to your machine alone: " + and(parts)
	if secrets && s.Ships {
		d.Message += ". Whoever has the image can read the secrets"
	}
	ignore := filepath.Base(u.context.IgnoreFile())
	if locals.Why != "" {
		d.Withheld = append(d.Withheld, "not all of the build context could be looked at: "+locals.Why)
	} else if len(out) > 0 {
		u.fix(&d, ignore, group(out, locals.Found), in)
	}
	p.Report(d)
}

// fix offers to leave things out.
func (u *unwanted) fix(d *analysis.Diagnostic, ignore string, groups []kindred, in *syntax.Instruction) {
	var names, patterns []string
	for _, g := range groups {
		names = append(names, g.name())
		patterns = append(patterns, g.patterns...)
	}
	text := u.context.IgnoreText()
	eol := source.LineEnd(text)
	more := strings.Join(patterns, eol) + eol
	if text != "" && !strings.HasSuffix(text, "\n") {
		more = eol + more
	}
	if why := u.holds(text+more, groups); why != "" {
		d.Withheld = append(d.Withheld, why)
		return
	}
	file := u.context.IgnoreFile()
	verb := "Leave out %s in %s (the image no longer holds %s)"
	if _, err := os.Lstat(file); errors.Is(err, os.ErrNotExist) && text == "" {
		verb = "Leave out %s in a new %s (the image no longer holds %s)"
	}
	it := "it"
	if len(names) > 1 {
		it = "them"
	}
	d.Withheld = append(d.Withheld, fmt.Sprintf("the image would no longer hold %s; look whether something reads %s, then use --unsafe", and(names), it))
	d.Fixes = []analysis.Fix{{
		Title:  fmt.Sprintf(verb, and(names), ignore, it),
		Safety: analysis.Unsafe,
		Relies: []source.Span{in.Span},
		Edits:  []analysis.Edit{{Path: file, Of: text, Edit: source.Insert(len(text), more)}},
	}}
}

// holds says what is wrong with a new text of .dockerignore: what it was to hide and
// does not, or a source that it hides.
func (u *unwanted) holds(text string, groups []kindred) string {
	c, err := u.context.With(text)
	if err != nil {
		return fmt.Sprintf("%s would not parse: %v", filepath.Base(u.context.IgnoreFile()), err)
	}
	for _, g := range groups {
		for _, l := range g.locals {
			if !c.Ignored(l.Path) {
				return fmt.Sprintf("an exception in %s brings %s back", filepath.Base(u.context.IgnoreFile()), l.Path)
			}
		}
	}
	for _, f := range append([]neighbour{{u.File, ""}}, u.neighbours()...) {
		for _, s := range f.Stages().Stages {
			for _, in := range s.Instructions {
				for _, src := range sourcesOf(f.File, in) {
					if u.context.Exists(src) && !c.Exists(src) {
						return fmt.Sprintf("%s is copied", src)
					}
				}
			}
		}
	}
	return ""
}

// sourcesOf lists the paths of the context that an instruction copies or mounts.
func sourcesOf(f *facts.File, in *syntax.Instruction) []string {
	if in.Name == "onbuild" && in.Sub != nil {
		in = in.Sub
	}
	switch in.Name {
	case "copy", "add":
		sources, _ := f.Sources(in)
		return sources
	case "run":
		return facts.BoundSources(in)
	}
	return nil
}

// neighbours are the other Dockerfiles that the same .dockerignore is in force for.
func (u *unwanted) neighbours() []neighbour {
	if u.others != nil {
		return *u.others
	}
	var out []neighbour
	own, _ := filepath.Abs(u.Path)
	for _, p := range u.Locals().Dockerfiles {
		file := filepath.Join(u.context.Root(), filepath.FromSlash(p))
		if file == own {
			continue
		}
		text, err := source.ReadFile(file, 1<<20)
		if err != nil {
			continue
		}
		f := facts.New(file, syntax.Parse(text), facts.Options{Context: u.context.Root()})
		c, _ := f.Context()
		if c == nil || c.IgnoreFile() != u.context.IgnoreFile() {
			continue
		}
		if path.Dir(p) != "." && !builtWith(f, c) {
			continue
		}
		out = append(out, neighbour{f, p})
	}
	u.others = &out
	return out
}

// builtWith reports whether a Dockerfile below the context may be built with it: every
// source that it copies is there.
func builtWith(f *facts.File, c *buildctx.Context) bool {
	for _, s := range f.Stages().Stages {
		for _, in := range s.Instructions {
			if in.Name != "copy" && in.Name != "add" {
				continue
			}
			sources, _ := f.Sources(in)
			for _, src := range sources {
				if !strings.ContainsAny(src, "*?[") && !c.Exists(src) {
					return false
				}
			}
		}
	}
	return true
}

// sparedBy says which other Dockerfile needs a thing.
func (u *unwanted) sparedBy(l buildctx.Local) string {
	why, ok := u.spared[l.Path]
	if !ok {
		for _, n := range u.neighbours() {
			if need := n.NeedsLocal(u.context, l); need != "" {
				why = fmt.Sprintf("%s: %s", n.name, need)
				break
			}
		}
		u.spared[l.Path] = why
	}
	return why
}

// onPurpose reports whether an exception in .dockerignore is why COPY sees a path.
func (u *unwanted) onPurpose(p string) bool {
	text := u.context.IgnoreText()
	if !strings.Contains(text, "!") {
		return false
	}
	if u.shown == nil {
		var lines []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(strings.TrimSpace(line), "!") {
				lines = append(lines, line)
			}
		}
		c, err := u.context.With(strings.Join(lines, ""))
		if err != nil {
			return true
		}
		u.shown = c
	}
	return u.shown.Ignored(p)
}

// plainName reports whether a path is the pattern of .dockerignore that matches it.
func plainName(p string) bool {
	return !strings.ContainsAny(p, "*?[]\\!#^\t\r\n") && strings.TrimSpace(p) == p
}

// A kindred is things of one kind that one pattern leaves out, or some.
type kindred struct {
	locals   []buildctx.Local
	patterns []string
}

// byName are folders that .dockerignore leaves out wherever they lie.
var byName = []string{"node_modules", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox", ".hypothesis", ".gradle", ".terraform", ".parcel-cache", ".turbo", ".sass-cache", ".nyc_output"}

// group puts together what goes by one name. all is what the context holds: a name is
// a pattern for all of them or for none.
func group(found, all []buildctx.Local) []kindred {
	var out []kindred
	at := map[string]int{}
	for _, l := range found {
		name := path.Base(l.Path)
		i, ok := at[name]
		if !ok {
			i = len(out)
			at[name] = i
			out = append(out, kindred{})
		}
		out[i].locals = append(out[i].locals, l)
	}
	for i := range out {
		g := &out[i]
		name := path.Base(g.locals[0].Path)
		n := 0
		for _, l := range all {
			if path.Base(l.Path) == name {
				n++
			}
		}
		if slices.Contains(byName, name) && n == len(g.locals) {
			g.patterns = []string{"**/" + name}
			continue
		}
		for _, l := range g.locals {
			g.patterns = append(g.patterns, l.Path)
		}
	}
	slices.SortStableFunc(out, func(a, b kindred) int { return int(a.locals[0].Kind) - int(b.locals[0].Kind) })
	return out
}

func (g kindred) name() string {
	if len(g.locals) > 1 {
		return path.Base(g.locals[0].Path) + fmt.Sprintf(" in %d folders", len(g.locals))
	}
	return g.locals[0].Path
}

// says is what a message tells of the things. steps is how many run again.
func (g kindred) says(steps int) string {
	var bytes int64
	for _, l := range g.locals {
		bytes += l.Bytes
	}
	about := exact(bytes)
	switch g.locals[0].Kind {
	case buildctx.History:
		again := "this copy runs"
		if steps > 1 {
			again = fmt.Sprintf("this copy and the %d RUNs behind it run", steps-1)
		}
		if steps == 2 {
			again = "this copy and the RUN behind it run"
		}
		return fmt.Sprintf("%s (%s; it changes with every commit and fetch, and then %s again)", g.name(), about, again)
	case buildctx.Packages, buildctx.Environment:
		return fmt.Sprintf("%s (%s; the build installs its own)", g.name(), about)
	case buildctx.Output:
		return fmt.Sprintf("%s (%s; the build makes its own)", g.name(), about)
	case buildctx.Settings:
		return g.name() + " (settings, often secret)"
	case buildctx.Key:
		if len(g.locals) > 1 {
			return g.name() + " (private keys)"
		}
		return g.name() + " (a private key)"
	}
	return fmt.Sprintf("%s (%s of cache)", g.name(), about)
}

// exact is a measured size.
func exact(bytes int64) string {
	switch {
	case bytes == 1:
		return "1 byte"
	case bytes < 1000:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	case bytes < 10_000_000:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}

func and(list []string) string {
	switch n := len(list); {
	case n == 0:
		return ""
	case n == 1:
		return list[0]
	default:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	}
}
