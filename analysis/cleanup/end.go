package cleanup

import (
	"fmt"
	"path"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
)

// AtEnd offers to delete at the end of a RUN what it left at a path, or says why
// that is not offered: never says what else stands in the way. doubt is why it is not safe.
func AtEnd(f *facts.File, d *analysis.Diagnostic, r *facts.Run, command, at, never, title, doubt string) {
	name, ok := quoted(at)
	switch why := closed(f, r); {
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
			Edits:  []analysis.Edit{chain.Append(f, r, command+" "+name, nil)},
			Relies: []source.Span{r.In.Span},
		}
		if !strings.Contains(at, "$") {
			fix.Changes = append(fix.Changes, change.Deleted{Path: at})
		}
		d.Fixes = append(d.Fixes, fix)
	}
}

// closed says why no command can be put behind a RUN's last one by "&&"; "" when one can.
func closed(f *facts.File, r *facts.Run) string {
	switch {
	case r.Program.Unfit() != "":
		return r.Program.Unfit()
	case r.Program.Ambiguous:
		return "sh and bash read it as different programs"
	case len(r.Program.Backgrounds()) > 0:
		return r.Program.Backgrounds()[0] + " leaves a process that may still use it"
	case !r.Program.Chain() || len(r.Program.Heredocs()) > 0:
		return fmt.Sprintf("line %d is no list of commands joined by &&", f.Line(r.In))
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
