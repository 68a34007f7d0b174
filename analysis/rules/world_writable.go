package rules

import (
	"fmt"
	"strings"

	"github.com/shale-build/shale/analysis"
)

// WorldWritable finds files that everyone in the container may change.
var WorldWritable = analysis.Rule{
	Name: "world-writable",
	Doc: analysis.Doc{
		Summary: "everyone in the container may change these files",
		What:    "`chmod` of a `RUN`, or `--chmod` of a COPY or ADD, with a mode that lets others write: `777`, `666`, `a+w`, `o+w`.",
		Why: "Whatever runs in the container, as any user, may then change the programs that others run. Where a program of another user must write, its own group or owner is enough: `COPY --chown`, or `chmod 775`. " +
			"In a layer of its own the change also ships each file a second time.",
		Silent: "For folders with the sticky bit (`1777`), which `/tmp` is; for stages that do not ship.",
		Fix:    "There is none: who must write there is not known.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run: func(p *analysis.Pass) {
		const withheld = "who must write there is not known"
		for _, s := range p.Stages().Stages {
			if !s.Ships {
				continue
			}
			for _, in := range s.Instructions {
				if f := in.Flag("chmod"); (in.Name == "copy" || in.Name == "add") && f != nil && othersWrite(f.Value) {
					p.Report(analysis.Diagnostic{Span: f.Span, Message: fmt.Sprintf("mode %s lets everyone in the container change these files", f.Value), Withheld: []string{withheld}})
				}
			}
			for _, r := range p.Runs(s) {
				for _, c := range r.Commands {
					if c.Name != "chmod" {
						continue
					}
					for _, w := range c.Args {
						text, ok := w.Literal()
						if ok && strings.HasPrefix(text, "-") && len(text) > 1 && strings.Trim(text[1:], "RfvchL") == "" || ok && strings.HasPrefix(text, "--") {
							continue
						}
						if ok && othersWrite(text) {
							p.Report(analysis.Diagnostic{Span: spanOf(r, c), Message: fmt.Sprintf("mode %s lets everyone in the container change these files", text), Withheld: []string{withheld}})
						}
						break
					}
				}
			}
		}
	},
}

// othersWrite reports whether a mode lets others write, without the sticky bit.
func othersWrite(mode string) bool {
	if strings.Trim(mode, "01234567") == "" && len(mode) >= 3 {
		digits := strings.TrimLeft(mode, "0")
		if len(digits) < 3 {
			return len(digits) > 0 && (digits[len(digits)-1]-'0')&2 != 0
		}
		sticky := len(digits) > 3 && (digits[len(digits)-4]-'0')&1 != 0
		return !sticky && (digits[len(digits)-1]-'0')&2 != 0
	}
	others, sticky := false, false
	for part := range strings.SplitSeq(mode, ",") {
		at := strings.IndexAny(part, "+=")
		if at < 0 || strings.Trim(part[:at], "ugoa") != "" {
			continue
		}
		who, what := part[:at], part[at+1:]
		others = others || strings.ContainsAny(who, "oa") && strings.Contains(what, "w")
		sticky = sticky || strings.Contains(what, "t")
	}
	return others && !sticky
}
