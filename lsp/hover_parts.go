package lsp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

func (v *view) hoverFlag(at int) (string, source.Span) {
	in := v.instruction(at)
	for ; in != nil; in = in.Sub {
		for i := range in.Flags {
			f := &in.Flags[i]
			if !within(f.Span, at) {
				continue
			}
			if in.Name == "run" && f.Name == "mount" && !within(f.NameSpan, at) {
				if text, span := hoverMount(f, at); text != "" {
					return text, span
				}
			}
			e := flagOf(in.Name, f.Name)
			if e == nil {
				return fmt.Sprintf("%s has no flag **--%s**.", strings.ToUpper(in.Name), f.Name), f.Span
			}
			return fmt.Sprintf("**--%s**\n\n%s\n\n[Reference](%s#%s)", e.name, e.what, referenceURL, manual[in.Name].anchor), f.Span
		}
	}
	return "", source.Span{}
}

func hoverMount(f *syntax.Flag, at int) (string, source.Span) {
	options := symbols.Options(f.Raw)
	mount := ""
	for _, o := range options {
		if o.Name == "type" {
			mount = strings.ToLower(o.Value.String())
		}
	}
	for _, o := range options {
		span := o.Key.Span(0, o.Key.Len())
		if o.HasValue {
			span = span.Cover(o.Value.Span(0, o.Value.Len()))
		}
		if !within(span, at) {
			continue
		}
		if o.Name == "type" {
			if what, _, ok := mountType(mount); ok {
				return fmt.Sprintf("**type=%s**\n\n%s\n\n[Reference](%s#run---mount)", mount, what, referenceURL), span
			}
			return "", span
		}
		e := mountOption(mount, o.Name)
		if e == nil {
			return fmt.Sprintf("A mount of type %s has no option **%s**.", code(cmp.Or(mount, "bind")), o.Key.String()), span
		}
		return fmt.Sprintf("**%s** of a %s mount\n\n%s", e.name, cmp.Or(mount, "bind"), e.what), span
	}
	return "", source.Span{}
}

// hoverBase tells what is known of the image that a stage is FROM.
func (v *view) hoverBase(at int) (string, source.Span) {
	s := v.stageAt(at)
	if s == nil || len(s.From.Args) == 0 || !within(s.From.Args[0].Span(), at) {
		return "", source.Span{}
	}
	name := s.Base.Text
	if s.Base.Is == stage.Unknown {
		name = s.From.Args[0].Value
	}
	return fmt.Sprintf("**%s**\n%s", name, v.aboutImage(s)), s.From.Args[0].Span()
}

func (v *view) aboutImage(s *stage.Stage) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\n- "+format, args...) }
	switch s.Base.Is {
	case stage.Unknown:
		line("a variable chooses it: its value is not known before the build")
	case stage.Overridable:
		line("by default %s: a build argument may choose another", code(s.Base.Text))
	}
	if s.Scratch() {
		line("nothing is in it: no shell, no package manager, no certificates")
		return b.String()
	}
	if base := v.file.Base(s); base != nil {
		line("an official image of Docker Hub, well known to Shale")
		switch {
		case base.Digest:
			line("pinned to a digest: the same image each time")
		case base.Tag == "" || base.Tag == "latest":
			line("no version is named: the newest one, whatever it is by then")
		case base.Version != "":
			line("version %s", base.Version)
		}
	} else if s.Base.Is != stage.Unknown {
		line("Shale knows nothing of this image, and takes nothing for granted")
	}
	if page := imagePage(s.Base.Text); page != "" && s.Base.Is != stage.Unknown {
		fmt.Fprintf(&b, "\n\n[Page of the image](%s)", page)
	}
	return b.String()
}

// hoverCall tells what a call of a package manager leaves in its layer.
func (v *view) hoverCall(at int) (string, source.Span) {
	in := v.instruction(at)
	if in == nil {
		return "", source.Span{}
	}
	for _, p := range symbols.Programs(v.file, in) {
		var found *shell.Invocation
		var call *pkgmgr.Call
		p.Walk(func(n *shell.Node, _ shell.Context) bool {
			if inv, ok := n.Invocation(); ok && within(p.Span(n.Range), at) {
				if c, ok := pkgmgr.Read(inv.Name, inv.Args); ok {
					found, call = &inv, c
				}
			}
			return true
		})
		if found == nil {
			continue
		}
		head := shell.Range{From: found.Program.From, To: max(found.Program.To, call.VerbEnd)}
		if within(p.Span(head), at) {
			return v.aboutCall(in, found, call), p.Span(head)
		}
	}
	return "", source.Span{}
}

var verbs = map[pkgmgr.Verb]string{
	pkgmgr.Update: "fetches the package index", pkgmgr.Install: "installs packages", pkgmgr.Upgrade: "installs newer versions",
	pkgmgr.Remove: "removes packages", pkgmgr.Clean: "deletes what was cached", pkgmgr.Download: "downloads packages",
}

// aboutCall is "" for a call of which nothing is known but its name.
func (v *view) aboutCall(in *syntax.Instruction, inv *shell.Invocation, call *pkgmgr.Call) string {
	m := call.Manager
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**", strings.TrimSpace(inv.Name+" "+call.Word))
	what := verbs[call.Verb]
	if what != "" {
		fmt.Fprintf(&b, " %s", what)
	}
	b.WriteString("\n")
	var run *facts.Run
	if in.Name == "run" {
		run = v.file.Run(in)
	}
	fills := false
	for i := range m.Caches {
		c := &m.Caches[i]
		if !call.Fills(c) {
			continue
		}
		fills = true
		fmt.Fprintf(&b, "\n- fills %s, its %s", v.folder(run, c), c.What)
		image := ""
		if run != nil {
			if base := v.file.Base(run.Stage); base != nil {
				image = base.Name
			}
		}
		if n := c.Leaves(image); n > 0 {
			fmt.Fprintf(&b, ": about %s after a typical call", megabytes(n))
		}
		stays := true
		if run != nil {
			var fate string
			fate, stays = v.fate(run, c)
			b.WriteString("; " + fate)
		}
		if c.Kept != "" {
			fmt.Fprintf(&b, " (%s)", c.Kept)
		}
		if stays {
			v.cures(&b, in, call, c)
		}
	}
	if !fills && call.Verb != pkgmgr.Other && call.Verb != pkgmgr.Clean {
		b.WriteString("\n- leaves no cache that Shale knows of")
	}
	if call.Verb == pkgmgr.Install && call.ReadsManifests() {
		fmt.Fprintf(&b, "\n- reads %s", code(strings.Join(m.Manifests, ", ")))
	}
	if what == "" && !fills {
		return ""
	}
	return b.String()
}

// cures names what would keep a cache out of the layer.
func (v *view) cures(b *strings.Builder, in *syntax.Instruction, call *pkgmgr.Call, c *pkgmgr.Cache) {
	if c.Cleanup != nil {
		fmt.Fprintf(b, "\n- %s in the same RUN deletes it", code(c.Cleanup.Command))
	}
	if f := c.Flag(call); f != nil {
		fmt.Fprintf(b, "\n- %s keeps it empty", code(f.Text))
	}
	dir := c.Dir
	if rest, ok := strings.CutPrefix(dir, "~"); ok {
		if user := v.graph.User(in); user.Known() && user.Text != "" && user.Text != "root" && user.Text != "0" {
			return // whose home is where is not known
		}
		dir = cmp.Or(c.RootDir, "/root"+rest)
	}
	if c.Mount.Never == "" && c.Mount.Sharing != "" && len(c.Mount.Below) == 0 {
		fmt.Fprintf(b, "\n- %s keeps it for the next build, outside the image", code("--mount=type=cache,target="+dir+",sharing="+c.Mount.Sharing))
		if c.Mount.Live != "" {
			fmt.Fprintf(b, ": %s", c.Mount.Live)
		}
	}
}

// folder is where a cache lies that a RUN fills, as it is or may be root's.
func (v *view) folder(r *facts.Run, c *pkgmgr.Cache) string {
	if c.RootDir == "" {
		return code(c.Dir)
	}
	if r != nil {
		switch home := v.file.HomeOf(r); {
		case home.Dir == "/root" && home.Why == "":
			return code(c.RootDir)
		case home.Dir != "/root" && home.Dir != "":
			return code(c.Dir)
		}
	}
	return fmt.Sprintf("%s (%s of root)", code(c.Dir), code(c.RootDir))
}

// fate says what becomes of a cache that a RUN fills, and whether it stays or may.
func (v *view) fate(r *facts.Run, c *pkgmgr.Cache) (string, bool) {
	switch {
	case r.MountsCache(c):
		return "a mount of this RUN keeps it out of the layer", false
	case slices.ContainsFunc(v.file.Leftovers(r), func(l facts.Leftover) bool { return l.Cache == c }):
		if r.Stage != nil && !r.Stage.Ships {
			return "it stays in the layer, which does not ship", false
		}
		return "it stays in the layer and ships", true
	}
	filled, disabled := false, false
	for _, command := range r.All() {
		if filled && command.MayClean(c) {
			return "this RUN deletes it, moves it, or may do so", false
		}
		if command.Call != nil && command.Call.Fills(c) {
			filled = true
			disabled = disabled || v.file.Disabled(r, command, c)
		}
	}
	if disabled && v.file.Base(r.Stage) != nil {
		return "a variable or a setting keeps it empty or elsewhere, or may", false
	}
	return "what becomes of it here is not known", true
}

func megabytes(n int64) string {
	if n < 1_000_000 {
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

func (v *view) hoverHeredoc(at int) (string, source.Span) {
	in := v.instruction(at)
	if in == nil {
		return "", source.Span{}
	}
	for _, h := range in.Heredocs {
		if !within(h.Opener, at) {
			continue
		}
		text := fmt.Sprintf("A here-document: the %s up to the line %s.", count(strings.Count(h.Body.In(v.text), "\n"), "line"), code(h.Name))
		if h.Chomp {
			text += " Tabs at the start of its lines are dropped."
		}
		if in.Name != "run" {
			if h.Expand {
				text += " Variables in it are expanded; `<<\"" + h.Name + "\"` would leave them as they are."
			} else {
				text += " Variables in it stay as they are."
			}
		}
		return text, h.Opener
	}
	return "", source.Span{}
}

func (v *view) hoverInstruction(at int) (string, source.Span) {
	for in := v.instruction(at); in != nil; in = in.Sub {
		if !within(in.Keyword, at) {
			continue
		}
		e, ok := manual[in.Name]
		if !ok {
			return "", source.Span{}
		}
		var b strings.Builder
		fmt.Fprintf(&b, "```dockerfile\n%s\n```\n\n%s", strings.Join(e.forms, "\n"), e.what)
		if in.Index >= 0 {
			b.WriteString(v.inForce(in))
		}
		fmt.Fprintf(&b, "\n\n[Reference](%s#%s)", referenceURL, e.anchor)
		return b.String(), in.Keyword
	}
	return "", source.Span{}
}

// inForce says in which folder, as which user and by which shell an instruction
// works, where that is known.
func (v *view) inForce(in *syntax.Instruction) string {
	var parts []string
	if dir := v.graph.Workdir(in); dir.Known() && slices.Contains([]string{"run", "copy", "add", "cmd", "entrypoint", "workdir"}, in.Name) {
		parts = append(parts, "in "+code(dir.Text))
	}
	if user := v.graph.User(in); user.Known() && user.Text != "" && in.Name == "run" {
		parts = append(parts, "as "+code(user.Text))
	}
	if argv := v.graph.Shell(in).Argv; argv != nil && in.Name == "run" && !in.JSON {
		parts = append(parts, "by "+code(strings.Join(argv, " ")))
	}
	if len(parts) == 0 {
		return ""
	}
	return "\n\nHere " + strings.Join(parts, ", ") + "."
}
