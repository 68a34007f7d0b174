package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// attributesSetLate reports commands that change, in a layer of its own, what a COPY brought.
func attributesSetLate(p *analysis.Pass, commands ...string) {
	for _, s := range p.Stages().Stages {
		if !s.Ships {
			continue
		}
		for _, r := range p.Runs(s) {
			if r.Opaque != "" {
				continue
			}
			for _, c := range r.Commands {
				if slices.Contains(commands, c.Name) && c.Context.Always && len(c.Prefix) == 0 {
					copiedAgain(p, r, c)
				}
			}
		}
	}
}

// copiedAgain reports one such command.
func copiedAgain(p *analysis.Pass, r *facts.Run, c *facts.Command) {
	f := r.Files(c)
	attribute, places := attributeOf(c), f.Changes
	if attribute.value == "" || f.Unknown || len(places) == 0 || slices.ContainsFunc(places, func(q facts.Place) bool { return q.Pattern == "[]" || !q.Sure && q.Pattern == "" }) {
		return
	}
	var copies []*syntax.Instruction
	for _, in := range r.Stage.Instructions {
		if in.Index >= r.In.Index {
			break
		}
		if (in.Name != "copy" && in.Name != "add") || in.Flag(attribute.flag) != nil {
			continue
		}
		if brought, ok := brings(p, in); ok && slices.ContainsFunc(places, func(q facts.Place) bool { return q.Covers(brought) }) && !small(p, in, brought) {
			copies = append(copies, in)
		}
	}
	if len(copies) == 0 {
		return
	}
	d := analysis.Diagnostic{Span: spanOf(r, c)}
	var lines []string
	for _, in := range copies {
		bytes, _ := sizes(p, in)
		d.Gain.Bytes += bytes
		lines = append(lines, fmt.Sprint(p.Line(in)))
		relate(&d, in.Span, "copied here")
	}
	what := "line " + lines[0] + " copies"
	if n := len(lines); n > 1 {
		what = "lines " + strings.Join(lines[:n-1], ", ") + " and " + lines[n-1] + " copy"
	}
	d.Message = fmt.Sprintf("%s writes what %s into a second layer: the image ships it twice%s; %s --%s=%s does it at once",
		c.Name, what, size(d.Gain.Bytes), strings.ToUpper(copies[0].Name), attribute.flag, attribute.value)
	fix, why := attributeFix(p, r, c, copies, attribute)
	if why != "" {
		d.Withheld = append(d.Withheld, why)
	} else {
		d.Withheld = append(d.Withheld, "folders that are there before the COPY, such as WORKDIR's, keep what they have")
		d.Fixes = append(d.Fixes, fix)
	}
	p.Report(d)
}

// sizes adds up the sources of a copy, as far as all of them are files of a build context
// that is known.
func sizes(p *analysis.Pass, in *syntax.Instruction) (bytes int64, known bool) {
	context, _ := p.Context()
	sources, ok := p.Sources(in)
	if context == nil || !ok || len(sources) == 0 || len(in.Heredocs) > 0 || in.Flag("from") != nil {
		return 0, false
	}
	for _, src := range sources {
		n, ok := context.Size(src)
		if !ok {
			return 0, false
		}
		bytes += n
	}
	return bytes, true
}

// small reports whether all that a COPY or ADD brings is small: by its size, where the
// build context is known, or else by its name. What nobody knows to be large is not
// spoken of: settings, scripts, a file of an unknown kind.
func small(p *analysis.Pass, in *syntax.Instruction, brought facts.Place) bool {
	if bytes, known := sizes(p, in); known {
		return bytes < worthwhile
	}
	if len(in.Heredocs) > 0 || strings.HasPrefix(brought.Path+"/", "/etc/") || facts.Small(brought.Path) {
		return true
	}
	for _, w := range in.Args[:len(in.Args)-1] {
		src := w.Value
		if v := p.Stages().Expand(in, src); v.Known() {
			src = v.Text
		}
		if !smallSource(src, in.Flag("from") != nil, brought.All) {
			return false
		}
	}
	return true
}

// smallSource is small for one source: folder says that it may be one, built that a
// stage made it.
func smallSource(src string, built, folder bool) bool {
	name := path.Base(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(src, "*"), "."), "/"))
	ext := path.Ext(strings.TrimPrefix(strings.TrimRight(name, "*"), "."))
	switch {
	case name == "." || name == "/" || strings.Contains(name, "$"):
		return false // the whole context, or what a variable names
	case facts.Small(name) || ext == ".d":
		return true
	case slices.Contains(bulky, strings.ToLower(ext)) || built || strings.Contains(src, "://"):
		return false
	case ext != "" || !folder:
		return true
	}
	return littleFolders.MatchString(name)
}

// bulky are the ends of names of files that are large as a rule.
var bulky = strings.Fields(`.jar .war .ear .zip .tar .gz .tgz .bz2 .tbz2 .xz .txz .zst .7z .rpm .deb .apk .so .a .bin .run .exe .dll .phar .hpi .jpi .whl .gem .iso .img
	.db .sqlite .sql .csv .dump .bak .onnx .pt .h5 .node .wasm`)

// littleFolders are names of folders that hold settings and scripts.
var littleFolders = lazyregexp.New(`(?i)^(?:.*[-_.])?(?:conf|confs|config|configs|configuration|cfg|etc|script|scripts|bin|sbin|hooks?|templates?|init|setup|startup|certs?|keys|ssh|patch|patches|migrations|locale|cron|files|install|tests?)$`)

// brings says what a COPY or ADD puts where: a file, or a folder with what is in it.
func brings(p *analysis.Pass, in *syntax.Instruction) (facts.Place, bool) {
	dest, ok := p.Dest(in)
	if !ok || len(in.Args) < 2 {
		return facts.Place{}, false
	}
	src := in.Args[0].Value
	if len(in.Args) == 2 && !isFolder(p, in, src) && path.Ext(strings.TrimPrefix(path.Base(src), ".")) != "" && !strings.ContainsAny(src, "*?[$") {
		switch {
		case p.IntoFolder(in):
			return facts.Place{Path: path.Join(dest, path.Base(src))}, true
		case path.Ext(src) == path.Ext(dest):
			return facts.Place{Path: dest}, true
		}
	}
	// What lies in a folder of programs by its own name is a program.
	program := len(in.Args) == 2 && path.Base(dest) == path.Base(src) && slices.Contains([]string{"bin", "sbin"}, path.Base(path.Dir(dest)))
	return facts.Place{Path: dest, All: !program}, true
}

// isFolder reports whether a source is certainly a folder, of which a copy brings the content.
func isFolder(p *analysis.Pass, in *syntax.Instruction, src string) bool {
	context, _ := p.Context()
	return strings.HasSuffix(src, "/") || context != nil && in.Flag("from") == nil && context.IsDir(path.Clean("./"+src))
}

// An attribute is what a flag of COPY gives files, and a command afterwards.
type attribute struct{ flag, value string }

// attributeOf reads what chown, chgrp or chmod give; without a value it is not known.
func attributeOf(c *facts.Command) attribute {
	for _, w := range c.Args {
		text, ok := w.Literal()
		switch {
		case text == "-R" || text == "--recursive" || text == "-v" || text == "-f" || text == "-Rf" || text == "-Rv" || text == "-h" || text == "-hR" || text == "-Rh":
			continue
		case strings.HasPrefix(text, "-") || !ok:
			return attribute{}
		case c.Name == "chmod":
			if len(text) < 3 || strings.Trim(text, "01234567") != "" {
				return attribute{}
			}
			return attribute{"chmod", text}
		case c.Name == "chgrp":
			return attribute{}
		}
		user, group, has := strings.Cut(text, ":")
		if old, g, dotted := strings.Cut(text, "."); !has && dotted {
			user, group, has = old, g, true
		}
		if user == "" || user == "root" || user == "0" || has && group == "" {
			return attribute{}
		}
		if has { // COPY knows no dot between the two
			user += ":" + group
		}
		return attribute{"chown", user}
	}
	return attribute{}
}

// attributeFix gives the copies their flag, and takes the command out; why says what
// stands in the way.
func attributeFix(p *analysis.Pass, r *facts.Run, c *facts.Command, copies []*syntax.Instruction, a attribute) (fix analysis.Fix, why string) {
	first, last := copies[0], copies[len(copies)-1]
	places := r.Files(c).Changes
	named := a.flag == "chown" && strings.Trim(a.value, "0123456789:") != ""
	for _, in := range p.Doc.Instructions[first.Index+1 : r.In.Index] {
		switch in.Name {
		case "run":
			other := p.Run(in)
			if slices.ContainsFunc(places, other.Touches) {
				return fix, fmt.Sprintf("line %d may make files there, which need it too", p.Line(in))
			}
			if named && slices.ContainsFunc(other.Commands, func(c *facts.Command) bool { return c.Effect.Has(facts.Users) || c.RunsCode() }) {
				return fix, fmt.Sprintf("line %d may make the user: put it before the %s of line %d", p.Line(in), strings.ToUpper(first.Name), p.Line(first))
			}
		case "copy", "add", "workdir":
			dest, ok := p.Dest(in)
			if !slices.Contains(copies, in) && (!ok || slices.ContainsFunc(places, func(q facts.Place) bool { return q.Covers(facts.Place{Path: dest, All: true}) })) {
				return fix, fmt.Sprintf("line %d brings something there too", p.Line(in))
			}
		}
	}
	for _, other := range r.Commands {
		if other == c {
			break
		}
		if named && (other.Effect.Has(facts.Users) || other.RunsCode()) {
			return fix, fmt.Sprintf("line %d may make the user: put that before the %s of line %d", lineOf(p, r, other), strings.ToUpper(last.Name), p.Line(last))
		}
		if f := r.Files(other); f.Unknown || slices.ContainsFunc(f.Makes, func(m facts.Place) bool { return slices.ContainsFunc(places, m.Meets) }) {
			return fix, fmt.Sprintf("line %d may make files there, which need it too", lineOf(p, r, other))
		}
	}
	removed, comments, why := takeOut(p, r, c, "has it")
	if why != "" {
		return fix, why
	}
	if len(comments) > 0 || !whole(r, c) && chain.Meaningful(r) != "" {
		return fix, "a comment speaks of it"
	}
	fix = analysis.Fix{
		Title:  fmt.Sprintf("Copy with --%s=%s in place of changing it afterwards (folders that are there before, such as WORKDIR's, keep what they have)", a.flag, a.value),
		Safety: analysis.Unsafe,
		Relies: []source.Span{r.In.Span},
	}
	for _, in := range copies {
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(in.Keyword.End, fmt.Sprintf(" --%s=%s", a.flag, a.value))})
		fix.Relies = append(fix.Relies, in.Span)
	}
	fix.Edits = append(fix.Edits, removed)
	return fix, ""
}
