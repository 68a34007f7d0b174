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

// TemporaryFiles finds what a RUN puts into a folder for temporary files and leaves.
var TemporaryFiles = analysis.Rule{
	Name: "temporary-files",
	Doc: analysis.Doc{
		Summary: "what a RUN puts into a folder for temporary files stays in the image",
		What: "In a stage that ships: a file that `curl` or `wget` saves, a repository that `git clone` fetches, or an archive that `tar` or `unzip` unpacks, below `/tmp` or `/var/tmp`, " +
			"which the same `RUN` works on and nothing deletes.",
		Why: "What is needed to install a program ships with it: a clone of 10 years of history, and what was compiled in it. " +
			"How large this one is Shale does not know, so that findings name no figure.",
		Silent: "Where the `RUN` does nothing with it, or only makes it ready (`chmod`, a checksum): then the container may want it. For scripts, lists and other files that are small by their name. Where a later line of the stage names it, or a command may that Shale cannot read; " +
			"where a stage copies from this one; where a later `RUN` deletes it (late-cleanup speaks of that); for archives: archive-left speaks of those that are unpacked, and others may be for the container.",
		Fix: "`rm -rf` of it at the end of the `RUN` that made it. Unsafe: a program may be linked to it, or a script of the image may want it, and the title names it.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      runTemporaryFiles,
}

func runTemporaryFiles(p *analysis.Pass) {
	for s := range p.Stages().Untaken() {
		for i, in := range s.Instructions {
			if in.Name != "run" {
				continue
			}
			r := p.Run(in)
			if r.Opaque != "" {
				continue
			}
			for _, made := range brought(r) {
				temporaryFile(p, r, made, s.Instructions[i+1:])
			}
		}
	}
}

// brought lists what a RUN fetches and unpacks, and does not delete: a build tool leaves
// the sources that it works on.
func brought(r *facts.Run) []facts.Made {
	var out []facts.Made
	if len(r.Mounts) > 0 {
		return nil
	}
	for i, c := range r.Commands {
		if !c.Context.Always || !slices.Contains([]string{"curl", "wget", "git", "tar", "unzip"}, c.Name) {
			continue
		}
		for _, place := range r.Files(c).Makes {
			if !slices.ContainsFunc(r.Commands[i+1:], func(later *facts.Command) bool {
				return !leavesSources[later.Name] && r.MayRemove(later, place)
			}) {
				out = append(out, facts.Made{Place: place, By: c, In: r})
			}
		}
	}
	return out
}

// prepares are commands after which a file waits for someone else.
var prepares = map[string]bool{"chmod": true, "chown": true, "chgrp": true, "ls": true, "stat": true, "file": true, "test": true, "[": true, "echo": true, "printf": true, "cd": true, "mkdir": true,
	"md5sum": true, "sha1sum": true, "sha256sum": true, "sha512sum": true, "gpg": true, "touch": true, "sync": true}

var leavesSources = map[string]bool{"make": true, "cmake": true, "ninja": true, "meson": true, "configure": true, "autoreconf": true, "autogen.sh": true, "dpkg": true, "rpm": true, "gmake": true, "ldconfig": true}

// temporaryFile reports one thing that a RUN leaves in a folder for temporary files.
func temporaryFile(p *analysis.Pass, r *facts.Run, made facts.Made, later []*syntax.Instruction) {
	below := ""
	for _, dir := range []string{"/tmp/", "/var/tmp/"} {
		if rest, ok := strings.CutPrefix(made.Path, dir); ok {
			below = rest
		}
	}
	if below == "" || made.Pattern != "" || facts.Small(made.Path) || facts.Packed(made.Path) {
		return
	}
	at := slices.Index(r.Commands, made.By)
	worked := false
	for _, c := range r.Commands[at+1:] {
		if prepares[c.Name] {
			continue
		}
		f := r.Files(c)
		worked = worked || f.Unknown && c.Call == nil || slices.ContainsFunc(f.Reads, made.Meets) || strings.Contains(r.Program.Source(c.Node.Range), path.Base(made.Path))
	}
	if !worked || p.NamedLater(later, made.Place) {
		return
	}
	d := analysis.Diagnostic{
		Span:    r.SpanOf(made.By),
		Message: fmt.Sprintf("%s leaves %s in the image, and no later line names it", made.By.Name, made.Path),
	}
	cleanup.AtEnd(p.File, &d, r, "rm -rf", made.Path, "", fmt.Sprintf("Delete %s at the end (a program that is linked to it would miss it)", made.Path),
		"a program may be linked to it, or a script of the image may want it")
	p.Report(d)
}
