package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// CopyLink finds copies whose layers need not depend on what stands before them.
var CopyLink = analysis.Rule{
	Name: "copy-link",
	Doc: analysis.Doc{
		Summary: "the last copies of an image are made again when only its base changed",
		What: "COPYs behind the last `RUN` of a stage that ships, to folders that nothing before them made or gave an owner: " +
			"`--link` gives each a layer of its own, which does not depend on the base image and the steps above.",
		Why: "BuildKit keys a COPY by what stands before it: a new base image, or another line above, and it is made, compressed and sent again, though its files are the same. " +
			"With `--link` 0 of them are, and a registry keeps the layers that it has.",
		Silent: "Off unless it is asked for (`rules.copy-link.severity`): a copy of a few files takes no time. " +
			"For a folder that a package or the base image may have files, links or an owner in, or that is not known; where a RUN above may have made it, a WORKDIR by another user than root, or a copy with an owner or mode; " +
			"with `--chown`, `--chmod`, `--parents` or `--exclude`; where a variable leads there; on `scratch`, and on images that are not well known; " +
			"for frontends before 1.4 and builders that are not known to have `--link`.",
		Fix: "Adds `--link` to them. Unsafe: folders above the files get mode 755 and root as their owner, and a link in the place of one of them is not followed, which is not proven to be as it was.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Off,
	Run:      runCopyLink,
}

func runCopyLink(p *analysis.Pass) {
	if !knowsLink(p) {
		return
	}
	for s := range p.Stages().Untaken() {
		if b := p.Base(s); s.Scratch() || b == nil || strings.Contains(b.Tag, "onbuild") {
			continue
		}
		tail := s.Instructions
		for i, in := range s.Instructions {
			if in.Name == "run" {
				tail = s.Instructions[i+1:]
			}
		}
		var copies []*syntax.Instruction
		for _, in := range tail {
			switch {
			case (in.Name == "copy" || in.Name == "add") && !linkable(p, s, in):
				copies = nil // those behind it depend on it, those before go with it
			case in.Name == "copy" && in.Flag("link") == nil:
				copies = append(copies, in)
			}
		}
		reportLink(p, copies)
	}
}

func reportLink(p *analysis.Pass, copies []*syntax.Instruction) {
	if len(copies) == 0 {
		return
	}
	message, title := "This copy depends on all that stands before it", "Add --link"
	if n := len(copies); n > 1 {
		message, title = fmt.Sprintf("the %d copies from here on depend on all that stands before them", n), fmt.Sprintf("Add --link to %d copies", n)
	}
	d := analysis.Diagnostic{
		Span:     copies[0].Span,
		Message:  message + ": a new base image, or a change above, has it made and sent again; with --link it is kept",
		Gain:     analysis.Gain{Steps: len(copies)},
		Withheld: []string{"that the folders copied to have mode 755, root as their owner and no links is not proven"},
	}
	if len(copies) > 1 {
		d.Message = message + ": a new base image, or a change above, has them made and sent again; with --link they are kept"
	}
	fix := analysis.Fix{Title: title + " (folders above the files get mode 755 and root as their owner)", Safety: analysis.Unsafe}
	for i, in := range copies {
		if i > 0 {
			d.Relate(in.Span, "this one too")
		}
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(in.Keyword.End, " --link")})
		fix.Relies = append(fix.Relies, in.Span)
	}
	d.Fixes = []analysis.Fix{fix}
	p.Report(d)
}

// linkable reports whether a copy is likely to make the same files with --link.
func linkable(p *analysis.Pass, s *stage.Stage, in *syntax.Instruction) bool {
	for _, f := range in.Flags {
		if f.Name != "from" && f.Name != "link" {
			return false
		}
	}
	to, ok := p.Dest(in)
	if in.Name != "copy" || !in.Faithful || len(in.Heredocs) > 0 || len(in.Args) < 2 || !ok || !ownFolder(to) || p.LinkedBelow(in).Crosses(to) {
		return false
	}
	top := "/" + strings.SplitN(to[1:], "/", 2)[0] // the folders down to the files are made by the copy
	if strings.HasPrefix(to, "/usr/src/") || strings.HasPrefix(to, "/home/") || top == "/go" {
		return false // the base image's own folders, and their owners
	}
	place := facts.Place{Path: top, All: true}
	for at := s; at != nil; at = at.Parent {
		for _, before := range at.Instructions {
			if at == s && before.Index >= in.Index {
				break
			}
			if !leaves755(p, before, place) {
				return false
			}
		}
	}
	return true
}

// leaves755 reports whether an instruction leaves the folders at a place as root's with
// mode 755.
func leaves755(p *analysis.Pass, in *syntax.Instruction, place facts.Place) bool {
	switch in.Name {
	case "run":
		return !p.Run(in).Touches(place)
	case "workdir":
		dir, ok := p.Dest(in)
		root := p.Stages().User(in).Root() || !userBefore(p, in)
		return ok && (root || !place.Meets(facts.Place{Path: dir}))
	case "copy", "add":
		to, ok := p.Dest(in)
		return ok && (in.Flag("chown") == nil && in.Flag("chmod") == nil || !place.Meets(facts.Place{Path: to}))
	case "volume":
		return !strings.Contains(in.Text.String(), place.Path)
	}
	return true
}

// userBefore reports whether a USER stands above an instruction.
func userBefore(p *analysis.Pass, in *syntax.Instruction) bool {
	for s := p.Stages().Of(in); s != nil; s = s.Parent {
		if slices.ContainsFunc(s.Instructions, func(o *syntax.Instruction) bool { return o.Name == "user" && o.Index < in.Index }) {
			return true
		}
	}
	return false
}

// knowsLink reports whether what builds the file certainly knows --link, which came with
// docker/dockerfile 1.4.
func knowsLink(p *analysis.Pass) bool {
	if builder := p.OtherBuilder(); builder != "" {
		return false // they take no frontend that the file names
	}
	ref, named := p.Doc.Frontend()
	if !named {
		builtin := p.BuilderFrontend()
		return builtin == "" || minorOf(builtin) >= 4
	}
	tag, official := syntax.OfficialFrontend(ref)
	version, _, _ := strings.Cut(tag, "-")
	if !strings.Contains(version, ".") {
		return official && (tag == "" || tag == "latest" || tag == "1")
	}
	return official && minorOf(version) >= 4
}

// minorOf is N of a version 1.N; -1 of another.
func minorOf(version string) int {
	rest, one := strings.CutPrefix(version, "1.")
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	if !one || err != nil {
		return -1
	}
	return n
}
