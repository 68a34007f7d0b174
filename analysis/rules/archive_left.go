package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/cleanup"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/syntax"
)

// ArchiveLeft finds archives that ship beside what was unpacked from them.
var ArchiveLeft = analysis.Rule{
	Name: "archive-left",
	Doc: analysis.Doc{
		Summary: "an archive is unpacked and stays in the image beside its content",
		What: "In a stage that ships: `curl` or `wget` saves an archive, `tar` or `unzip` unpacks it in the same `RUN` or a later one, and nothing deletes it. " +
			"And a COPY or ADD that brings an archive which a later `RUN` unpacks: ADD unpacks local archives that tar knows itself, and leaves what it fetches as it is.",
		Why: "Everything in it ships twice: packed in one place and unpacked in another: a JDK, a database, a browser. " +
			"How large this one is Shale does not know, so that findings name no figure. Of 7,557 public Dockerfiles 28 do it.",
		Silent: "Where it is not certain which file is unpacked; where a later line of the stage names the archive, or a command may that Shale cannot read; where another stage stands on this one or copies from it, and may take it; " +
			"where a later `RUN` deletes it (late-cleanup speaks of that).",
		Fix: "`rm` of the archive at the end of the `RUN` that saved and unpacked it. Unsafe: a script of the image may still want the archive, and the title names it. " +
			"For one that a later `RUN` unpacks there is no fix: download, unpack and delete it in one. For a copied one there is no fix: a `RUN --mount=type=bind` unpacks it without a layer of its own, and so does `ADD` for a local archive that tar knows; what ADD fetches, a `RUN` can download, unpack and delete.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      runArchiveLeft,
}

func runArchiveLeft(p *analysis.Pass) {
	for s := range p.Stages().Untaken() {
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
	if at < 0 {
		downloadUnpackedLater(p, r, made, later)
		return
	}
	if p.NamedLater(later, made.Place) {
		return
	}
	unpack := r.Commands[by+at]
	d := analysis.Diagnostic{
		Span:    r.SpanOf(made.By),
		Message: fmt.Sprintf("%s saves %s, line %d unpacks it, and nothing deletes it: the image ships its content twice", made.By.Name, path.Base(made.Path), p.LineOf(r, unpack)),
		Related: []analysis.Related{{Span: r.SpanOf(unpack), Message: "unpacked here"}},
	}
	never := ""
	if !unpack.Context.Always {
		never = fmt.Sprintf("line %d unpacks it only sometimes", p.LineOf(r, unpack))
	}
	cleanup.AtEnd(p.File, &d, r, "rm", made.Path, never, fmt.Sprintf("Delete %s once it is unpacked (a script of the image could miss it)", made.Path), "a script of the image may still want it")
	p.Report(d)
}

// downloadUnpackedLater reports a file that a RUN saves and a later one unpacks.
func downloadUnpackedLater(p *analysis.Pass, r *facts.Run, made facts.Made, later []*syntax.Instruction) {
	if !made.Literal() {
		return
	}
	if in, c := unpackedLater(p, later, made.Path); c != nil {
		p.Report(analysis.Diagnostic{
			Span:     r.SpanOf(made.By),
			Message:  fmt.Sprintf("%s saves %s, line %d unpacks it, and nothing deletes it: the image ships its content twice", made.By.Name, path.Base(made.Path), p.LineOf(in, c)),
			Related:  []analysis.Related{{Span: in.SpanOf(c), Message: "unpacked here"}},
			Withheld: []string{"a RUN that downloads it, unpacks it and deletes it leaves no archive"},
		})
	}
}

// unpacksFile reports whether a command unpacks a certain file and leaves it there.
func unpacksFile(r *facts.Run, c *facts.Command, name string) bool {
	return (c.Name == "tar" || c.Name == "unzip") && slices.ContainsFunc(r.Files(c).Reads, func(q facts.Place) bool { return q.Sure && q.Path == name }) &&
		len(r.Files(c).Makes) > 0
}

// archiveCopied reports an archive that a COPY or ADD brings and a RUN unpacks.
func archiveCopied(p *analysis.Pass, in *syntax.Instruction, later []*syntax.Instruction) {
	dest, ok := p.Dest(in)
	if !ok || in.Flag("from") != nil || len(in.Args) < 2 {
		return
	}
	for _, w := range in.Args[:len(in.Args)-1] {
		src := p.Stages().Expand(in, w.Value)
		remote := in.Name == "add" && strings.Contains(src.Text, "://")
		name := src.Text
		if remote {
			name, _, _ = strings.Cut(name, "#")
			name, _, _ = strings.Cut(name, "?")
		}
		if !src.Known() || !facts.Packed(name) || strings.ContainsAny(src.Text, "*?[") && !remote || in.Name == "add" && unpacksAdded(in, name, remote) {
			continue
		}
		// What reads it says whether the destination is a folder that the image has.
		places := []string{path.Join(dest, path.Base(name))}
		if !p.IntoFolder(in) {
			places = append(places, dest)
		}
		for _, at := range places {
			instead := fmt.Sprintf("RUN --mount=type=bind,source=%s,target=… unpacks it without a layer of its own", src.Text)
			if remote {
				instead = "a RUN that downloads it, unpacks it and deletes it leaves no archive"
			}
			if r, c := unpackedLater(p, later, at); c != nil {
				p.Report(analysis.Diagnostic{
					Span: in.Span,
					Message: fmt.Sprintf("The layer of this %s ships %s, which line %d unpacks: the image holds its content twice",
						strings.ToUpper(in.Name), path.Base(name), p.LineOf(r, c)),
					Related:  []analysis.Related{{Span: r.SpanOf(c), Message: "unpacked here"}},
					Withheld: []string{instead},
				})
				break
			}
		}
	}
}

// unpacksAdded reports whether an ADD unpacks what it brings: where no flag says so, a
// local archive that tar knows.
func unpacksAdded(in *syntax.Instruction, name string, remote bool) bool {
	switch f := in.Flag("unpack"); {
	case strings.HasSuffix(name, ".zip"):
		return false
	case f != nil:
		return f.Value != "false"
	}
	return !remote
}

// unpackedLater finds the command that unpacks an archive at a path, where nothing else
// uses it and nothing deletes it.
func unpackedLater(p *analysis.Pass, later []*syntax.Instruction, name string) (*facts.Run, *facts.Command) {
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
		switch {
		case at < 0 && !r.Touches(place):
			continue
		case at < 0 || p.NamedLater(later[i+1:], place) || slices.ContainsFunc(r.Commands, func(c *facts.Command) bool { return r.MayRemove(c, place) }):
			return nil, nil
		}
		return r, r.Commands[at]
	}
	return nil, nil
}
