package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// VolatileArg finds build arguments that change at each build and stand above steps
// that do not need them.
var VolatileArg = analysis.Rule{
	Name: "volatile-arg",
	Doc: analysis.Doc{
		Summary: "a build argument that changes at each build stands above steps that do not need it",
		What: "An `ARG` whose name says that its value is another at each build (a commit, a build's number, date or time: `GIT_COMMIT`, `VCS_REF`, `BUILD_DATE`, `BUILD_NUMBER`, `CI_COMMIT_SHA` …), " +
			"or an `ENV` made from one, above a `RUN` that does not use it.",
		Why: "The value is part of what each later `RUN` of the stage is cached by: with another commit all of them run again, an `apt-get install` of 60 seconds as well as `npm ci`. " +
			"Labels and `COPY` are not cached by it.",
		Silent: "Where the next `RUN` uses the argument, or may: it names it, or runs a script or build tool, which can read its environment. Where no `RUN` follows, or only such as take no time (`mkdir`, `chmod`, `useradd`). Where a later line declares the argument again, or an `ONBUILD` may need it. " +
			"For `CACHEBUST`: what follows it is meant to run again.",
		Fix: "Moves the `ARG`, and labels that use it, below the steps that do not need it: directly above the first that may, or below the last `RUN`. " +
			"Unsafe: a step that reads its whole environment sees one variable less. Not offered where an `ENV` is made from the argument, or a stage stands on this one: both hand it on; or where the line declares other arguments too.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Warning,
	Run:      runVolatileArg,
}

// volatile are names of what is another at each build.
var volatile = lazyregexp.New(`(?i)^(?:(?:GIT|VCS|CI|SOURCE|SRC|BUILD|APP|IMAGE|CI_BUILD|DRONE|TRAVIS|BITBUCKET|GITHUB|CIRCLE|CODEBUILD)_)*` +
	`(?:COMMIT(?:_?(?:SHA|HASH|ID|REF|DATE|TIME|TIMESTAMP|SHORT_SHA))?|GIT_?SHA1?|GITHUB_SHA|VCS_?REF|GIT_?REV|GIT_?HASH|GIT_?DESCRIBE|BUILD_?(?:DATE|TIME|TIMESTAMP|NUMBER|NUM|ID|AT|TAG)|RUN_(?:NUMBER|ID)|PIPELINE_ID)$`)

func runVolatileArg(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		for i, in := range s.Instructions {
			if (in.Name != "arg" && in.Name != "env") || !in.Faithful {
				continue
			}
			for _, pair := range in.Pairs {
				if in.Name == "arg" && volatile.MatchString(pair.Key.Value) {
					volatileArg(p, in, pair.Key.Value, s.Instructions[i+1:], len(s.Children) > 0)
				}
			}
		}
	}
}

// volatileArg reports one such argument, with the instructions that follow it.
func volatileArg(p *analysis.Pass, in *syntax.Instruction, name string, after []*syntax.Instruction, handedOn bool) {
	uses := regexp.MustCompile(`\$(?:\{` + regexp.QuoteMeta(name) + `\b|` + regexp.QuoteMeta(name) + `\b)`)
	var spared []*facts.Run
	var labels []*syntax.Instruction
	var first, last *syntax.Instruction // the first that may use it; the last RUN
	env := ""
	for _, next := range after {
		says := strings.Contains(next.Text.String(), name)
		if next.Name == "run" {
			if r := p.Run(next); says || mayReadEnvironment(r) {
				first = next
				break
			} else {
				spared, last = append(spared, r), next
			}
			continue
		}
		switch {
		case next.Name == "arg" && slices.ContainsFunc(next.Pairs, func(o syntax.Pair) bool { return o.Key.Value == name }), next.Name == "onbuild":
			return // said again, or more than can be told
		case !says || !uses.MatchString(next.Text.String()):
		case next.Name == "label":
			labels = append(labels, next)
		case next.Name == "env" && env == "":
			env = fmt.Sprintf("line %d puts it into the environment", p.Line(next))
		case next.Name != "env":
			first = next
		}
		if first != nil {
			break
		}
	}
	if !slices.ContainsFunc(spared, func(r *facts.Run) bool { return !instant(r) }) {
		return
	}
	d := analysis.Diagnostic{
		Span: in.Span,
		Message: fmt.Sprintf("%s is another at each build, and %s after it %s again each time without needing it",
			name, count(len(spared), "RUN"), map[bool]string{true: "runs", false: "run"}[len(spared) == 1]),
		Gain: analysis.Gain{Steps: len(spared)},
	}
	for _, r := range spared {
		d.Relate(r.In.Keyword, "runs again")
	}
	fix, why := lowerArg(p, in, labels, first, last)
	switch {
	case env != "":
		why = env + ", and so into what later steps are cached by: write it into a label or a file at the end"
	case handedOn:
		why = "a stage stands on this one and inherits it"
	case len(in.Pairs) > 1:
		why = "the line declares other arguments too: give it a line of its own"
	}
	if why != "" {
		d.Withheld = append(d.Withheld, why)
	} else {
		d.Withheld = append(d.Withheld, "a step that reads its whole environment sees one variable less")
		d.Fixes = append(d.Fixes, fix)
	}
	p.Report(d)
}

// instant reports whether a RUN does only what takes no time.
func instant(r *facts.Run) bool {
	return r.Opaque == "" && !slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
		return c.Name == "" && len(c.Node.Words) > 0 || len(c.Node.Words) > 0 && !moments[c.Name]
	})
}

// moments are commands that are done in a moment, whatever their words say.
var moments = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq(`echo printf cat head tail tr cut sed grep true false : id whoami uname date basename dirname pwd test [ ls which rm rmdir mkdir ln chmod
		touch tee set cd export unset umask env sha256sum useradd adduser groupadd addgroup usermod groupmod passwd chpasswd update-ca-certificates ldconfig sync install`) {
		moments[name] = true
	}
}

// mayReadEnvironment reports whether a RUN may look at variables that it does not name:
// what is no package manager's fetching of other people's packages, and not known to
// look at its words alone.
func mayReadEnvironment(r *facts.Run) bool {
	return r.Opaque != "" || slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
		switch {
		case c.Call != nil && c.Call.Verb != pkgmgr.Other:
			return c.Call.Wrapped || slices.ContainsFunc(c.Call.Names, func(w shell.Word) bool { return strings.HasPrefix(facts.Shape(w), ".") }) // the project itself
		case c.Name == "env", c.Name == "printenv":
			return true
		}
		return c.Effect == 0 && !c.Builtin() || builds[c.Name]
	})
}

// builds are tools of the table that build or run a project's own code.
var builds = map[string]bool{"npm": true, "yarn": true, "pnpm": true, "go": true, "cargo": true, "make": true, "node": true, "python": true, "python3": true, "python2": true,
	"mvn": true, "gradle": true, "dotnet": true, "ruby": true, "perl": true, "php": true, "java": true, "javac": true, "composer": true, "mix": true, "rebar3": true, "bundle": true,
	"gcc": true, "g++": true, "cc": true, "c++": true, "clang": true, "npx": true, "poetry": true, "uv": true, "pip": true, "pip3": true, "git": true, "rustc": true}

// lowerArg moves an ARG and labels below the steps that do not need them.
func lowerArg(p *analysis.Pass, in *syntax.Instruction, labels []*syntax.Instruction, first, last *syntax.Instruction) (fix analysis.Fix, why string) {
	at, below := last, true
	if first != nil {
		at, below = first, false
	}
	fix = analysis.Fix{
		Title:  fmt.Sprintf("Move it down to line %d (steps above it no longer see it)", p.Line(at)),
		Safety: analysis.Unsafe,
		Relies: []source.Span{at.Span},
	}
	var text strings.Builder
	end := p.Doc.LineEnd()
	for _, moved := range append([]*syntax.Instruction{in}, labels...) {
		if below && moved.Index > at.Index {
			continue
		}
		removed, comments, never := chain.Remove(p.File, moved)
		if never != "" {
			return fix, never
		}
		for _, c := range comments {
			text.WriteString(c + end)
		}
		text.WriteString(moved.Span.In(p.Doc.Content) + end)
		fix.Edits = append(fix.Edits, removed)
		fix.Relies = append(fix.Relies, moved.Span)
	}
	place := at.Lines.End
	if !below {
		place = at.Lines.Start
		if len(at.Lead) > 0 {
			place = p.Doc.Lines.Full(p.Doc.Lines.Line(at.Lead[0].Span.Start)).Start
		}
	}
	inserted := text.String()
	if below && place == len(p.Doc.Content) && !strings.HasSuffix(p.Doc.Content, "\n") {
		inserted = end + strings.TrimSuffix(inserted, end)
	}
	fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(place, inserted)})
	return fix, ""
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "one " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
