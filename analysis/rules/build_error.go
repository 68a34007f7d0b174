package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// BuildError finds what BuildKit refuses once it builds, though it can read it.
var BuildError = analysis.Rule{
	Name: "build-error",
	Doc: analysis.Doc{
		Summary: "BuildKit refuses to build the file as it is",
		What: "What BuildKit refuses before it runs the first step of a build, in its own words: a port above 65535, an image name in capitals, a stage that copies from itself or from a number that no stage has, a `--chmod` that is no mode, `--link` beside an owner's name, a quote that nothing closes. " +
			"It is found as `docker build --check` finds it, by compiling the file. BuildKit names one error at a time.",
		Why: "The build fails, and who does not build in the editor sees it a push and a wait later. Of 13,600 public Dockerfiles 10 have one, seven a quote that nothing closes, three a FROM in capitals.",
		Silent: "In a stage that the last one does not need it is advice. Where the instruction names a variable, for a build argument may make it right; where a frontend other than Docker's reads the file, or the configuration names another builder than BuildKit. " +
			"What cannot even be read is reported as `syntax`.",
		Fix: "None: what was meant is not known. No other fix of the file is applied until it builds.",
	},
	Aliases:  []string{"DL3011", "DL3023"},
	Severity: analysis.Error,
	Compiles: true,
	Run:      runBuildError,
}

func runBuildError(p *analysis.Pass) {
	refusal, ok := p.Refused()
	if !ok || p.OtherBuilder() != "" {
		return
	}
	if ref, named := p.Doc.Frontend(); named {
		if _, docker := syntax.OfficialFrontend(ref); !docker {
			return
		}
	}
	var at []*syntax.Instruction
	if s, err := noImage(p); err != nil && strings.HasPrefix(refusal.Message, "failed to parse stage name") {
		refusal.Message, refusal.Lines = err.Error(), []int{p.Line(s.From)}
	}
	for _, line := range refusal.Lines {
		if in := p.Doc.OnLine(line); in != nil && !slices.Contains(at, in) {
			at = append(at, in)
		}
	}
	if len(refusal.Lines) == 0 {
		at = slices.DeleteFunc(slices.Clone(p.Doc.Instructions), func(in *syntax.Instruction) bool {
			return !slices.ContainsFunc(in.Flags, func(f syntax.Flag) bool { return strings.HasSuffix(refusal.Message, " "+f.Value) })
		})
	}
	if len(at) == 0 || slices.ContainsFunc(at, func(in *syntax.Instruction) bool { return strings.Contains(in.Span.In(p.Doc.Content), "$") }) {
		return
	}
	d := analysis.Diagnostic{Span: refused(at[0], refusal.Message), Message: "BuildKit refuses to build this: " + refusal.Message}
	g := p.Stages()
	if s := g.Of(at[0]); s != nil && !variableReference(p, s) && !g.Reached(func(s *stage.Stage) bool { return s.Ships })[s] {
		d.Severity, d.Message = analysis.Info, "BuildKit refuses to build this stage, which the last one does not need: "+refusal.Message
	}
	for _, in := range at[1:] {
		d.Related = append(d.Related, analysis.Related{Span: in.Span, Message: "together with this"})
	}
	p.Report(d)
}

// noImage finds the first stage whose FROM names neither an earlier one nor what may be an
// image: BuildKit names any of several.
func noImage(p *analysis.Pass) (*stage.Stage, error) {
	for _, s := range p.Stages().Stages {
		if s.External() && s.Base.Known() {
			if err := compile.NoImage(s.Base.Text); err != nil {
				return s, err
			}
		}
	}
	return nil, nil
}

// refused is the flag or the argument of which a message ends in the value, or which it
// quotes, or the whole instruction.
func refused(in *syntax.Instruction, message string) source.Span {
	names := func(value string) bool {
		return value != "" && (strings.HasSuffix(message, " "+value) || strings.Contains(message, strconv.Quote(value)) || strings.Contains(message, " "+value+": ") || strings.Contains(message, "'"+value+"'"))
	}
	for _, f := range in.Flags {
		if names(f.Value) || strings.HasPrefix(message, "--"+f.Name+"="+f.Value+":") {
			return f.Span
		}
	}
	for _, a := range in.Args {
		if names(a.Value) {
			return a.Span()
		}
	}
	return in.Span
}
