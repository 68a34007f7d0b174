package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/syntax"
)

// ArchiveLeft finds archives that ship beside what was unpacked from them.
var ArchiveLeft = analysis.Rule{
	Name: "archive-left",
	Doc: analysis.Doc{
		Summary: "an archive is unpacked and stays in the image beside its content",
		What: "In a stage that ships: `curl` or `wget` saves an archive, `tar` or `unzip` unpacks it, and nothing deletes it. " +
			"And a COPY or ADD that brings an archive which a later `RUN` unpacks.",
		Why: "Everything in it ships twice: packed in one place and unpacked in another: a JDK, a database, a browser. " +
			"How large this one is Shale does not know, so that findings name no figure. Of 7,557 public Dockerfiles 19 do it.",
		Silent: "Where it is not certain which file is unpacked; where a later line of the stage names the archive, or a command may that Shale cannot read; where a stage copies from this one and may take it; " +
			"where a later `RUN` deletes it (late-cleanup speaks of that).",
		Fix: "`rm` of the archive at the end of the `RUN` that saved and unpacked it. Unsafe: a script of the image may still want the archive, and the title names it. " +
			"For a copied one there is no fix: a `RUN --mount=type=bind` unpacks it without a layer of its own, and so does `ADD` for a local archive that tar knows.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      runArchiveLeft,
}

func runArchiveLeft(p *analysis.Pass) {
	for s := range uncopied(p) {
		for i, in := range s.Instructions {
			later := s.Instructions[i+1:]
			switch in.Name {
			case "run":
				r := p.Run(in)
				if r.Opaque != "" {
					continue
				}
				for _, made := range r.Leaves() {
					if (made.By.Name == "curl" || made.By.Name == "wget") && made.Sure && !made.All {
						downloadLeft(p, r, made, later)
					}
				}
			case "copy", "add":
				archiveCopied(p, in, later)
			}
		}
	}
}

// downloadLeft reports a file that a RUN saves and unpacks.
func downloadLeft(p *analysis.Pass, r *facts.Run, made facts.Made, later []*syntax.Instruction) {
	by := slices.Index(r.Commands, made.By)
	at := slices.IndexFunc(r.Commands[by:], func(c *facts.Command) bool { return unpacksFile(r, c, made.Path) })
	if at < 0 || namedLater(p, later, made.Place) {
		return
	}
	unpack := r.Commands[by+at]
	d := analysis.Diagnostic{
		Span:    spanOf(r, made.By),
		Message: fmt.Sprintf("%s saves %s, line %d unpacks it, and nothing deletes it: the image ships its content twice", made.By.Name, path.Base(made.Path), lineOf(p, r, unpack)),
		Related: []analysis.Related{{Span: spanOf(r, unpack), Message: "unpacked here"}},
	}
	never := ""
	if !unpack.Context.Always {
		never = fmt.Sprintf("line %d unpacks it only sometimes", lineOf(p, r, unpack))
	}
	deleteAtEnd(p, &d, r, "rm", made.Path, never, fmt.Sprintf("Delete %s once it is unpacked (a script of the image could miss it)", made.Path), "a script of the image may still want it")
	p.Report(d)
}

// unpacksFile reports whether a command unpacks a certain file and leaves it there.
func unpacksFile(r *facts.Run, c *facts.Command, name string) bool {
	return (c.Name == "tar" || c.Name == "unzip") && slices.ContainsFunc(r.Files(c).Reads, func(q facts.Place) bool { return q.Sure && q.Path == name }) &&
		len(r.Files(c).Makes) > 0
}

// archiveCopied reports an archive of the build context that a RUN unpacks.
func archiveCopied(p *analysis.Pass, in *syntax.Instruction, later []*syntax.Instruction) {
	sources, known := p.Sources(in)
	dest, ok := p.Dest(in)
	if !known || !ok || in.Flag("from") != nil || in.Name == "add" && (len(sources) != 1 || !strings.HasSuffix(sources[0], ".zip")) {
		return // ADD unpacks what tar knows
	}
	for _, src := range sources {
		if strings.Contains(src, "://") || !slices.ContainsFunc(packed, func(ext string) bool { return strings.HasSuffix(src, ext) }) || strings.ContainsAny(src, "*?[") {
			continue
		}
		name := dest
		if path.Ext(dest) != path.Ext(src) {
			name = path.Join(dest, path.Base(src))
		}
		place := facts.Place{Path: name, Sure: true}
		for i, next := range later {
			if next.Name != "run" {
				continue
			}
			r := p.Run(next)
			at := -1
			if r.Opaque == "" {
				at = slices.IndexFunc(r.Commands, func(c *facts.Command) bool { return unpacksFile(r, c, name) })
			}
			if at < 0 {
				if r.Touches(place) {
					break
				}
				continue
			}
			deletes := slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return r.MayRemove(c, place) })
			if !deletes && !namedLater(p, later[i+1:], place) {
				p.Report(analysis.Diagnostic{
					Span: in.Span,
					Message: fmt.Sprintf("the layer of this %s ships %s, which line %d unpacks: the image holds its content twice",
						strings.ToUpper(in.Name), path.Base(src), lineOf(p, r, r.Commands[at])),
					Related:  []analysis.Related{{Span: spanOf(r, r.Commands[at]), Message: "unpacked here"}},
					Withheld: []string{fmt.Sprintf("RUN --mount=type=bind,source=%s,target=… unpacks it without a layer of its own", src)},
				})
			}
			break
		}
	}
}
