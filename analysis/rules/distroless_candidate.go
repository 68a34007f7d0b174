package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// DistrolessCandidate finds images that ship a shell and a package manager for one
// program that uses neither.
var DistrolessCandidate = analysis.Rule{
	Name: "distroless-candidate",
	Doc: analysis.Doc{
		Summary: "the image runs one program that needs no shell, and ships a whole system below it",
		What: "A last stage on an official image, without a RUN, that starts in exec form a program which needs nothing else: a binary that Go built without cgo or Rust for musl, " +
			"or `node FILE`, `java …` and `python FILE` of a version of which a distroless image exists.",
		Why: "What is not there has no holes to report and mend, and gives nothing to whoever breaks in. By its makers' page `gcr.io/distroless/static` is some 2 MiB, alpine 5, debian 124; " +
			"their table of images of August 2026 is the one that Shale has.",
		Silent: "Off unless it is asked for (`rules.distroless-candidate.severity`): many want a shell in the container to look around, which a Dockerfile does not tell. " +
			"Where the stage, or one below it, has a RUN, SHELL or ONBUILD; where ENTRYPOINT, CMD or HEALTHCHECK are in shell form or start anything else; where a script is copied to it; " +
			"for users by name that a distroless image does not have; for bases that are not known or of another version; where how the binary was built is not known.",
		Fix: "There is none: whether the program calls another one when it runs is not known. A distroless image's entry point is its interpreter already, so that CMD names the file alone.",
	},
	Best:     analysis.Display,
	Severity: analysis.Off,
	Run:      runDistrolessCandidate,
}

func runDistrolessCandidate(p *analysis.Pass) {
	for s := range p.Stages().Untaken() {
		base := p.Library(s)
		if base == nil || s.Windows || !base.Certain || base.Digest || needsShell(p, s) {
			continue
		}
		argv := execForm(s)
		if len(argv) == 0 {
			continue
		}
		image, why := distroless(p, s, base, argv)
		if image == "" {
			continue
		}
		p.Report(analysis.Diagnostic{
			Span:     s.From.Span,
			Message:  fmt.Sprintf("The container starts %s, and no step needs a shell: gcr.io/distroless/%s-debian13 has what it runs on, without a shell, a package manager and their holes", why, image),
			Withheld: []string{"whether the program calls another one when it runs is not known"},
		})
	}
}

// needsShell reports whether an instruction of the stage, or of one below it, shows a
// need of a shell or of files that a distroless image lacks, or may.
func needsShell(p *analysis.Pass, s *stage.Stage) bool {
	for at := s; at != nil; at = at.Parent {
		for _, in := range at.Instructions {
			switch in.Name {
			case "run", "shell", "onbuild":
				return true
			case "healthcheck":
				if len(in.Args) == 0 || !strings.EqualFold(in.Args[0].Value, "none") {
					return true // what it starts is one program more
				}
			case "user":
				if v := p.Stages().Expand(in, in.Body.String()); !v.Known() || !plainUser(v.Text) {
					return true
				}
			case "copy", "add":
				if owner := in.Flag("chown"); owner != nil && !plainUser(owner.Value) || len(in.Heredocs) > 0 {
					return true
				}
				if slices.ContainsFunc(in.Args, func(w syntax.Word) bool {
					return path.Ext(w.Value) == ".sh" || strings.HasSuffix(w.Value, "entrypoint")
				}) {
					return true
				}
			}
		}
	}
	return false
}

// plainUser reports whether a distroless image has the user, or nobody needs its name.
// The images of Node.js have "node" where distroless has "nonroot".
func plainUser(user string) bool {
	for part := range strings.SplitSeq(user, ":") {
		if strings.Trim(part, "0123456789") != "" && !slices.Contains([]string{"root", "nobody", "nonroot", "node"}, part) {
			return false
		}
	}
	return true
}

// execForm is what a container of the stage starts, if that is in exec form.
func execForm(s *stage.Stage) []string {
	entry, cmd := started(s)
	var argv []string
	for _, in := range []*syntax.Instruction{entry, cmd} {
		if in == nil {
			continue
		}
		if !in.JSON {
			return nil
		}
		for _, w := range in.Args {
			argv = append(argv, w.Value)
		}
	}
	return argv
}

// distroless names the image that suffices for a command line, and what it starts.
func distroless(p *analysis.Pass, s *stage.Stage, base *facts.Base, argv []string) (image, what string) {
	major, _, _ := strings.Cut(base.Version, ".")
	program := path.Base(argv[0])
	file := ""
	if i := slices.IndexFunc(argv[1:], func(a string) bool { return !strings.HasPrefix(a, "-") }); i >= 0 {
		file = argv[1+i]
	}
	switch {
	case program == "node" && base.Name == "node" && slices.Contains([]string{"22", "24", "26"}, major) && file != "":
		return "nodejs" + major, "node with " + file
	case program == "java" && (base.Name == "eclipse-temurin" || base.Name == "amazoncorretto" || base.Name == "openjdk") && slices.Contains([]string{"17", "21", "25"}, major):
		return "java" + major, "java"
	case program == "python" || program == "python3":
		if base.Name == "python" && (base.Version == "3.13" || strings.HasPrefix(base.Version, "3.13.")) && strings.HasSuffix(file, ".py") {
			return "python3", "python with " + file
		}
	case systems[base.Name]:
		if from := broughtFrom(p, s, argv[0]); from != nil && static(p, from) {
			return "static", argv[0] + ", a static binary"
		}
	}
	return "", ""
}

var systems = set("alpine debian ubuntu busybox fedora centos rockylinux almalinux amazonlinux buildpack-deps golang rust")

// broughtFrom is the stage that the file at a path of the image was copied from; nil
// when that is not known.
func broughtFrom(p *analysis.Pass, s *stage.Stage, file string) *stage.Stage {
	if !path.IsAbs(file) {
		dir := p.Stages().Workdir(s.From)
		if n := len(s.Instructions); n > 0 {
			dir = p.Stages().Workdir(s.Instructions[n-1])
		}
		if !dir.Known() || !strings.Contains(file, "/") {
			dir.Text = "/usr/local/bin" // the PATH; other folders of it are not asked for
		}
		file = path.Join("/", dir.Text, file)
	}
	for _, in := range slices.Backward(s.Instructions) {
		if in.Name != "copy" || in.Flag("from") == nil || len(in.Args) < 2 {
			continue
		}
		to, ok := p.Dest(in)
		if !ok {
			return nil
		}
		folder := p.IntoFolder(in)
		for _, w := range in.Args[:len(in.Args)-1] {
			if to == file || folder && path.Join(to, path.Base(w.Value)) == file {
				return p.Stages().Find(in.Flag("from").Value)
			}
		}
	}
	return nil
}

// static reports whether all that a stage builds is linked statically: by Go without
// cgo, or by Rust for musl.
func static(p *analysis.Pass, s *stage.Stage) bool {
	for at := s; at != nil; at = at.Parent {
		for _, r := range p.Runs(at) {
			for _, c := range r.All() {
				text := c.Name
				for _, w := range c.Args {
					word, _ := w.Literal()
					text += " " + word
				}
				switch {
				case strings.HasPrefix(text, "go build") || strings.HasPrefix(text, "go install"):
					if v := p.Stages().Lookup(r.In, "CGO_ENABLED"); v.Known() && v.Text == "0" || strings.Contains(r.In.Text.String(), "CGO_ENABLED=0") {
						return true
					}
				case (strings.HasPrefix(text, "cargo build") || strings.HasPrefix(text, "cargo install")) && strings.Contains(text, "-musl"):
					return true
				}
			}
		}
	}
	return false
}
