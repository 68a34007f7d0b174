package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// CopiedTwice finds files that a later copy brings once more before anything used them.
var CopiedTwice = analysis.Rule{
	Name: "copied-twice",
	Doc: analysis.Doc{
		Summary: "files are copied, and copied again before anything uses them",
		What: "A COPY whose files a later COPY of the same stage puts at the same place again, from the same source, where no `RUN` between the two may use them: " +
			"`COPY package.json ./` directly above `COPY . .`, or the same COPY written twice.",
		Why: "The first one is 1 step and 1 layer of no use: splitting a copy pays where a step stands between the two parts, which then stays cached. " +
			"Files that are the same, times included, BuildKit leaves out of the second layer, so that findings name no bytes.",
		Silent: "Where a `RUN`, or another instruction that may need the files, stands between; where the copies differ in their flags; where it is not certain that the later one brings the same files.",
		Fix:    "Removes the first one. Unsafe: where a file that it names is missing, the build failed there, and may go on.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      runCopiedTwice,
}

func runCopiedTwice(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		for i, in := range s.Instructions {
			if in.Name != "copy" || !in.Faithful || len(in.Heredocs) > 0 {
				continue
			}
			for _, next := range s.Instructions[i+1:] {
				if next.Name == "copy" && next.Faithful && mayHold(next, in) && sameFlags(in, next) && holds(p, next, in) {
					copiedTwice(p, in, next)
					break
				}
				if !slices.Contains([]string{"copy", "label", "env", "expose", "cmd", "entrypoint", "maintainer", "stopsignal", "healthcheck", "user"}, next.Name) {
					break // a RUN may use the files, a WORKDIR or ARG change what paths mean
				}
				if next.Name == "env" && strings.Contains(in.Text.String()+next.Text.String(), "$") {
					break
				}
			}
		}
	}
}

func copiedTwice(p *analysis.Pass, in, next *syntax.Instruction) {
	d := analysis.Diagnostic{
		Span:     in.Span,
		Message:  fmt.Sprintf("Line %d copies the same files again before anything uses these: one step and one layer for nothing", p.Line(next)),
		Related:  []analysis.Related{{Span: next.Span, Message: "copied again here"}},
		Withheld: []string{"a build that fails here because a file is missing may then go on"},
	}
	removed, comments, never := chain.Remove(p.File, in)
	switch {
	case never != "":
		d.Withheld = append(d.Withheld, never)
	case len(comments) > 0:
		d.Withheld = append(d.Withheld, "a comment speaks of it")
	default:
		d.Fixes = append(d.Fixes, analysis.Fix{
			Title:  fmt.Sprintf("Remove it (line %d brings the same files)", p.Line(next)),
			Safety: analysis.Unsafe,
			Edits:  []analysis.Edit{removed},
			Relies: []source.Span{in.Span, next.Span},
		})
	}
	p.Report(d)
}

// sameFlags reports whether two copies have the same flags.
func sameFlags(a, b *syntax.Instruction) bool {
	write := func(in *syntax.Instruction) []string {
		var out []string
		for _, f := range in.Flags {
			out = append(out, f.Name+"="+f.Value)
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(write(a), write(b)) && b.Flag("exclude") == nil && b.Flag("parents") == nil
}

// mayHold is what holds asks first, for it asks it of each pair of copies.
func mayHold(all, part *syntax.Instruction) bool {
	if len(all.Args) != 2 || len(part.Args) < 2 {
		return false
	}
	from := all.Args[0].Value
	return from == part.Args[0].Value || all.Flag("from") == nil && path.Clean("/"+from) == "/"
}

// holds reports whether what one copy brings, another brings to the same place.
func holds(p *analysis.Pass, all, part *syntax.Instruction) bool {
	to, ok := p.Dest(all)
	at, ok2 := p.Dest(part)
	from := all.Args[0].Value
	if !ok || !ok2 || strings.ContainsAny(from, "*?[$") || strings.ContainsAny(part.Text.String(), "$") {
		return false
	}
	if len(part.Args) == 2 && part.Args[0].Value == from && part.Args[1].Value == all.Args[1].Value {
		return true
	}
	// A folder's content, at a folder.
	root := path.Clean("/" + from)
	if all.Flag("from") != nil || root != "/" {
		return false // "COPY src dst" copies a file or a folder: only the whole context is a folder for certain
	}
	folder := p.IntoFolder(part)
	for _, w := range part.Args[:len(part.Args)-1] {
		src := path.Clean("/" + w.Value)
		name, dir := path.Base(src), path.Dir(src)
		switch {
		case src == "/" || strings.Contains(src, "://") || strings.ContainsAny(dir, "*?["):
			return false
		case folder && path.Ext(strings.TrimRight(name, "*")) != "" && path.Join(to, dir) == at:
			// A file, or files, into the folder of the same name.
		case !folder && !strings.ContainsAny(name, "*?[") && path.Join(to, src) == at:
			// A file by its own name, or a folder's content into it.
		default:
			return false
		}
	}
	return true
}
