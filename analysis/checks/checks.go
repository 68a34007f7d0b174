// Package checks runs Docker's own build checks as rules, under Docker's names.
// What they find is BuildKit's to say; the fixes are ours.
package checks

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// A check is one of Docker's build checks.
type check struct {
	name     string
	summary  string // Docker's
	severity analysis.Severity
	best     analysis.Safety
	fix      string // what the fix changes; "" when none is made
	unsafe   string // why a fix is not safe
	aliases  []string
	tag      analysis.Tag
	narrow   func(*syntax.Instruction) source.Span
	mend     func(*analysis.Pass, compile.Warning, *syntax.Instruction) (fix analysis.Fix, none string) // a fix, or why there is none
}

// checks lists all of them. What is only a matter of style is advice.
var checks = []check{
	{name: "ConsistentInstructionCasing", summary: "All commands within the Dockerfile should use the same casing", severity: analysis.Info,
		best: analysis.Safe, fix: "Writes the keyword as most of the others are.", narrow: keyword, mend: instructionCasing},
	{name: "CopyIgnoredFile", summary: "Files that .dockerignore excludes should not be copied", severity: analysis.Warning},
	{name: "DuplicateStageName", summary: "Stage names should be unique", severity: analysis.Warning, aliases: []string{"DL3024"}, narrow: stageName,
		best: analysis.Unsafe, fix: "Renames the earlier stage and the FROMs that mean it: `--target` and `--from` mean the last one as they did. Unsafe: a build context that is given under the name takes the place of one stage less.",
		unsafe: "a build context that is given under the name would take the place of one stage less", mend: renameEarlier},
	{name: "ExposeInvalidFormat", summary: "EXPOSE should not define an IP address or a host's port", severity: analysis.Warning},
	{name: "ExposeProtoCasing", summary: "Protocols in EXPOSE should be lowercase", severity: analysis.Info,
		best: analysis.Safe, fix: "Writes the protocol in lower case.", mend: protocolCasing},
	{name: "FromAsCasing", summary: "The 'as' keyword should match the case of the 'from' keyword", severity: analysis.Info,
		best: analysis.Safe, fix: "Writes `as` as the keyword before it is.", narrow: as, mend: asCasing},
	{name: "FromPlatformFlagConstDisallowed", summary: "FROM --platform should not use a constant value", severity: analysis.Info, aliases: []string{"DL3029"}},
	{name: "InvalidBaseImagePlatform", summary: "The base image's platform should be that of the build", severity: analysis.Warning},
	{name: "InvalidDefaultArgInFrom", summary: "The default of a global ARG should make a valid base image name", severity: analysis.Warning},
	{name: "InvalidDefinitionDescription", summary: "Comments for stages and arguments should name them", severity: analysis.Info},
	{name: "JSONArgsRecommended", summary: "CMD and ENTRYPOINT should be JSON, so that signals reach the process", severity: analysis.Info, aliases: []string{"DL3025"},
		best: analysis.Unsafe, fix: "Writes a command without shell syntax as a JSON array. Unsafe: no shell starts it any more, and the image's config differs.",
		unsafe: "the image's config would differ: no shell starts the command", mend: json},
	{name: "LegacyKeyValueFormat", summary: "The legacy format \"ENV key value\" should not be used", severity: analysis.Info,
		tag: analysis.Deprecated, best: analysis.Safe, fix: "Puts `=` between key and value, and quotes what would be more than one word.", mend: keyValue},
	{name: "MaintainerDeprecated", summary: "MAINTAINER is deprecated, a label should name the author", severity: analysis.Info, aliases: []string{"DL4000"},
		tag: analysis.Deprecated, best: analysis.Unsafe, fix: "Writes the label `org.opencontainers.image.authors`. Unsafe: the image's config has it in place of the author.",
		unsafe: "the image's config would differ: a label in place of the author", mend: maintainer},
	{name: "MultipleInstructionsDisallowed", summary: "Of several CMD, ENTRYPOINT or HEALTHCHECK in a stage only the last counts", severity: analysis.Warning, aliases: []string{"DL3012", "DL4003", "DL4004"},
		tag: analysis.Unnecessary},
	{name: "NoEmptyContinuation", summary: "Empty continuation lines will become errors", severity: analysis.Warning,
		best: analysis.Safe, fix: "Deletes the empty lines.", mend: noEmptyLines},
	{name: "RedundantTargetPlatform", summary: "FROM --platform=$TARGETPLATFORM is the default", severity: analysis.Info, aliases: []string{"DL3065"},
		tag: analysis.Unnecessary, best: analysis.Safe, fix: "Deletes the flag.", narrow: platform, mend: noPlatform},
	{name: "ReservedStageName", summary: "Reserved words should not be used as stage names", severity: analysis.Warning, aliases: []string{"DL3063"}, narrow: stageName,
		best: analysis.Unsafe, fix: "Renames the stage wherever the file names it. Unsafe: `--target` must name it anew.",
		unsafe: "`--target` would have to name the stage anew", mend: renameReserved},
	{name: "SecretsUsedInArgOrEnv", summary: "Secrets should not be used in ARG or ENV", severity: analysis.Warning, aliases: []string{"DL3064"}},
	{name: "StageNameCasing", summary: "Stage names should be lowercase", severity: analysis.Info,
		best: analysis.Safe, fix: "Writes the name in lower case; what refers to it may be in any.", narrow: stageName, mend: stageCasing},
	{name: "UndefinedArgInFrom", summary: "FROM should use declared ARGs", severity: analysis.Warning},
	{name: "UndefinedVar", summary: "Variables should be defined before they are used", severity: analysis.Warning},
	{name: "WorkdirRelativePath", summary: "A relative WORKDIR depends on the base image", severity: analysis.Warning, aliases: []string{"DL3000"},
		best: analysis.Safe, fix: "Writes the absolute path. Safe where no image stands below; otherwise unsafe, for a base image may have a WORKDIR of its own.",
		unsafe: "the base image may have a WORKDIR of its own", mend: workdir},
}

// All returns Docker's build checks in the order of their names.
func All() []*analysis.Rule {
	var out []*analysis.Rule
	for _, c := range checks {
		doc := analysis.Doc{
			Summary: c.summary,
			What:    "What Docker's build check [" + c.name + "](" + URL(c.name) + ") finds, which runs here as BuildKit has it.",
			Fix:     c.fix,
		}
		out = append(out, &analysis.Rule{Name: c.name, Doc: doc, Aliases: c.aliases, Best: c.best, Severity: c.severity, Compiles: true, Run: c.run})
	}
	return out
}

// URL is Docker's page of a check, "" for another name.
func URL(name string) string {
	for _, c := range checks {
		switch {
		case c.name != name:
		case name == "InvalidBaseImagePlatform": // it has none of its own
			return "https://docs.docker.com/reference/build-checks/"
		default:
			return "https://docs.docker.com/go/dockerfile/rule/" + kebab(name) + "/"
		}
	}
	return ""
}

// kebab turns FromAsCasing into from-as-casing.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rune(name[i-1])) || i+1 < len(name) && unicode.IsLower(rune(name[i+1]))) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func (c check) run(p *analysis.Pass) {
	for _, w := range p.Lint() {
		if w.Name != c.name {
			continue
		}
		in := p.Doc.OnLine(w.Start)
		d := analysis.Diagnostic{Message: w.Message, Tag: c.tag, Span: p.Doc.Lines.Span(max(w.Start-1, 0))}
		if failing(p.Doc) {
			d.Severity = analysis.Error
		}
		if in != nil {
			d.Span = c.place(w, in)
			if c.mend != nil {
				c.offer(p, w, in, &d)
			}
		}
		p.Report(d)
	}
}

// failing reports whether a "# check=error=true" has a build fail on any warning.
func failing(doc *syntax.Document) bool {
	v, _ := doc.Directive("check")
	v, _, _ = strings.Cut(v, " ")
	return slices.ContainsFunc(strings.Split(v, ";"), func(option string) bool {
		name, value, _ := strings.Cut(option, "=")
		fail, _ := strconv.ParseBool(strings.TrimSpace(value))
		return strings.TrimSpace(name) == "error" && fail
	})
}

// place is what of an instruction a warning is about: of several variables the one that
// it names.
func (c check) place(w compile.Warning, in *syntax.Instruction) source.Span {
	if c.narrow != nil {
		return c.narrow(in)
	}
	for _, p := range in.Pairs {
		if strings.Contains(w.Message, strconv.Quote(p.Key.Value)) {
			return p.Key.Span()
		}
	}
	return in.Span
}

// offer adds the fix, or says why there is none.
func (c check) offer(p *analysis.Pass, w compile.Warning, in *syntax.Instruction, d *analysis.Diagnostic) {
	switch {
	case !in.Faithful:
		d.Withheld = []string{"BuildKit reads this instruction otherwise than it stands here"}
		return
	case addressed(in):
		d.Withheld = []string{"a comment silences something of this instruction, and only of its text as it is"}
		return
	}
	fix, none := c.mend(p, w, in)
	if none != "" {
		d.Withheld = []string{none}
		return
	}
	d.Fixes = []analysis.Fix{fix}
	if fix.Safety != analysis.Safe {
		d.Withheld = []string{c.unsafe}
	}
}

// addressed reports whether an ignore comment speaks of the instruction. The
// validator holds it to its text.
func addressed(in *syntax.Instruction) bool {
	return slices.ContainsFunc(slices.Concat(in.Lead, in.Inside), func(c syntax.CommentLine) bool {
		names, _ := analysis.IgnoreComment(c.Text)
		return len(names) > 0
	})
}
