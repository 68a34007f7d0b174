package rules

import (
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// uncopied yields the stages that ship and that no other stage takes anything from.
func uncopied(p *analysis.Pass) iter.Seq[*stage.Stage] {
	return func(yield func(*stage.Stage) bool) {
		all := p.Stages().Stages
		for _, s := range all {
			copied := len(s.Children) > 0 || slices.ContainsFunc(all, func(o *stage.Stage) bool { return slices.Contains(o.Reads, s) })
			if s.Ships && !copied && !yield(s) {
				return
			}
		}
	}
}

// deleteAtEnd offers to delete at the end of a RUN what it left at a path, or says why
// that is not offered: never says what else stands in the way. doubt is why it is not safe.
func deleteAtEnd(p *analysis.Pass, d *analysis.Diagnostic, r *facts.Run, command, at, never, title, doubt string) {
	name, ok := quoted(at)
	switch why := closed(p, r); {
	case why != "":
		d.Withheld = append(d.Withheld, why)
	case !ok:
		d.Withheld = append(d.Withheld, "the folder in which it lies is not known")
	case never != "":
		d.Withheld = append(d.Withheld, never)
	default:
		d.Withheld = append(d.Withheld, doubt)
		fix := analysis.Fix{
			Title:  title,
			Safety: analysis.Unsafe,
			Edits:  []analysis.Edit{chain.Append(p.File, r, command+" "+name, nil)},
			Relies: []source.Span{r.In.Span},
		}
		if !strings.Contains(at, "$") {
			fix.Changes = append(fix.Changes, change.Deleted{Path: at})
		}
		d.Fixes = append(d.Fixes, fix)
	}
}

// closed says why no command can be put behind a RUN's last one by "&&"; "" when one can.
func closed(p *analysis.Pass, r *facts.Run) string {
	switch {
	case r.Program.Unfit() != "":
		return r.Program.Unfit()
	case r.Program.Ambiguous:
		return "sh and bash read it as different programs"
	case len(r.Program.Backgrounds()) > 0:
		return r.Program.Backgrounds()[0] + " leaves a process that may still use it"
	case !r.Program.Chain() || len(r.Program.Heredocs()) > 0:
		return fmt.Sprintf("line %d is no list of commands joined by &&", p.Line(r.In))
	}
	return ""
}

// quoted writes an absolute path as a word of the shell.
func quoted(name string) (string, bool) {
	switch {
	case !path.IsAbs(name) || strings.ContainsAny(name, "\"`\\\n"):
		return "", false
	case strings.Contains(strings.ReplaceAll(name, "${", ""), "$"):
		return "", false
	case strings.ContainsAny(name, "${ \t*?[]'&|;<>()~#!"):
		return `"` + name + `"`, true
	}
	return name, true
}

// namedLater reports whether one of the instructions may use a file or folder.
func namedLater(p *analysis.Pass, later []*syntax.Instruction, place facts.Place) bool {
	name := path.Base(place.Path)
	return slices.ContainsFunc(later, func(in *syntax.Instruction) bool {
		text := in.Text.String()
		switch in.Name {
		case "run":
			if p.Run(in).Touches(place) {
				return true
			}
		case "cmd", "entrypoint", "healthcheck", "onbuild", "env", "copy", "add", "workdir", "volume":
		default:
			return false
		}
		// A bare word is a program's name as often as a folder's.
		return strings.Contains(text, place.Path) || path.Ext(name) != "" && strings.Contains(text, name)
	})
}

var packed = []string{".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".zip"}

// isPacked reports whether a file is by its name an archive.
func isPacked(name string) bool {
	return slices.ContainsFunc(packed, func(ext string) bool { return strings.HasSuffix(name, ext) })
}
