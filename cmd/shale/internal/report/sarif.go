package report

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/source"
)

// The SARIF 2.1.0 format, as far as it is used here. Columns count UTF-16 units.
type (
	sarifRule struct {
		ID         string       `json:"id"`
		Name       string       `json:"name,omitempty"` // where it is another than the id
		Short      sarifText    `json:"shortDescription"`
		Full       sarifText    `json:"fullDescription"`
		HelpURI    string       `json:"helpUri,omitempty"`
		Help       sarifText    `json:"help"`
		Default    sarifDefault `json:"defaultConfiguration"`
		Properties sarifTags    `json:"properties"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifDefault struct {
		Enabled bool   `json:"enabled"`
		Level   string `json:"level"`
	}
	sarifTags struct {
		Tags      []string `json:"tags"`
		Precision string   `json:"precision"`
		Severity  string   `json:"problem.severity"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Related      []sarifLocation   `json:"relatedLocations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Fixes        []sarifFix        `json:"fixes,omitempty"`
	}
	sarifLocation struct {
		ID       int           `json:"id,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifText    `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int        `json:"startLine"`
		StartColumn int        `json:"startColumn"`
		EndLine     int        `json:"endLine"`
		EndColumn   int        `json:"endColumn"`
		Snippet     *sarifText `json:"snippet,omitempty"`
	}
	sarifFix struct {
		Description sarifText       `json:"description"`
		Changes     []sarifChange   `json:"artifactChanges"`
		Properties  sarifProperties `json:"properties"`
	}
	sarifProperties struct {
		Safety string `json:"safety"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted *sarifText  `json:"insertedContent,omitempty"`
	}
	sarifNotice struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifBase   = "SRCROOT"
)

type sarifWriter struct {
	w       io.Writer
	o       Options
	rules   map[string]int
	notices []sarifNotice
	head    string // what stands before the first result; "" once it is written
	err     error
}

func newSARIF(w io.Writer, o Options) *sarifWriter {
	s := &sarifWriter{w: w, o: o, rules: map[string]int{}}
	rules := []sarifRule{s.refusal()}
	for _, r := range o.Rules {
		rules = append(rules, s.rule(r))
	}
	for i, r := range rules {
		s.rules[r.ID] = i
	}
	version := strings.TrimPrefix(o.Version, "v")
	driver := struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Release string      `json:"semanticVersion,omitempty"`
		URI     string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	}{"Shale", cmp.Or(version, "0"), version, "https://github.com/shale-build/shale", rules}
	b, err := encode(driver)
	s.err = err
	s.head = fmt.Sprintf(`{"$schema":%q,"version":"2.1.0","runs":[{"tool":{"driver":%s},
"automationDetails":{"id":"shale/"},"columnKind":"utf16CodeUnits","newlineSequences":["\r\n","\n","\r"],
"originalUriBaseIds":{%q:{"description":{"text":"The folder that shale ran in."}}},
"results":[`, sarifSchema, b, sarifBase)
	return s
}

func (s *sarifWriter) rule(r *analysis.Rule) sarifRule {
	summary := sentence(r.Doc.Summary)
	name := camel(r.Name)
	if name == r.Name {
		name = "" // Docker's own checks have such names
	}
	return sarifRule{
		ID: r.Name, Name: name,
		Short: sarifText{Text: summary}, Full: sarifText{Text: summary + "\n\n" + strings.TrimSpace(r.Doc.What)},
		HelpURI: s.o.URL(r.Name), Help: sarifText{RuleText(r, s.o.URL(r.Name), false), RulePage(r, nil)},
		Default:    sarifDefault{r.Severity != analysis.Off, sarifLevel(max(r.Severity, analysis.Info))},
		Properties: sarifTags{[]string{"dockerfile"}, "high", sarifProblem(max(r.Severity, analysis.Info))},
	}
}

// refusal is the rule whose findings are BuildKit's own errors.
func (s *sarifWriter) refusal() sarifRule {
	const text = "BuildKit refuses the Dockerfile."
	return sarifRule{
		ID: analysis.SyntaxRule, Name: "RefusedByBuildKit", Short: sarifText{Text: text}, Full: sarifText{Text: text},
		HelpURI: s.o.URL(analysis.SyntaxRule), Help: sarifText{text, text},
		Default:    sarifDefault{true, sarifLevel(analysis.Error)},
		Properties: sarifTags{[]string{"dockerfile"}, "very-high", sarifProblem(analysis.Error)},
	}
}

// camel is a kebab-case name as SARIF wants names: MergeRuns.
func camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

func sarifLevel(s analysis.Severity) string {
	return [...]string{"none", "note", "warning", "error"}[s]
}

func sarifProblem(s analysis.Severity) string {
	return [...]string{"", "recommendation", "warning", "error"}[s]
}

func (s *sarifWriter) File(f File) error {
	s.o.Tally.Add(f)
	if f.Err != nil {
		s.notices = append(s.notices, sarifNotice{"error", sarifText{Text: problem(f)}, []sarifLocation{{Physical: sarifPhysical{Artifact: s.artifact(f.Path)}}}})
	}
	if len(f.Diagnostics) == 0 {
		return s.err
	}
	names := Fingerprints(f.Content, f.Diagnostics)
	var begins []int
	for _, d := range f.Diagnostics {
		begins = append(begins, f.Lines.Line(d.Span.Start)+1)
	}
	hashes := lineHashes(f.Content, begins)
	for i, d := range f.Diagnostics {
		b, err := encode(s.result(f, d, names[i], hashes))
		if err != nil {
			return err
		}
		s.write(cmp.Or(s.head, ",") + "\n" + string(b))
		s.head = ""
	}
	return s.err
}

func (s *sarifWriter) result(f File, d analysis.Diagnostic, name string, hashes map[int]string) sarifResult {
	region := sarifRegionOf(f.Lines, d.Span)
	if d.Span.Len() > 0 && d.Span.Len() <= 2000 {
		region.Snippet = &sarifText{Text: d.Span.In(f.Content)}
	}
	here := s.artifact(f.Path)
	id, index := s.ruleOf(d.Rule)
	out := sarifResult{
		RuleID: id, RuleIndex: index, Level: sarifLevel(d.Severity),
		Message:   sarifText{Text: sarifMessage(d)},
		Locations: []sarifLocation{{Physical: sarifPhysical{here, &region}}},
		Fingerprints: map[string]string{
			"shaleFinding/v1":         Digest(s.o.path(f.Path), name),
			"primaryLocationLineHash": hashes[region.StartLine],
		},
	}
	for i, r := range d.Related {
		at := sarifRegionOf(f.Lines, r.Span)
		out.Related = append(out.Related, sarifLocation{i + 1, sarifPhysical{here, &at}, &sarifText{Text: sarifSentence(r.Message)}})
	}
	for _, fix := range d.Fixes {
		if fix.Safety != analysis.Display && len(fix.Edits) > 0 { // a consumer would make it
			out.Fixes = append(out.Fixes, s.fix(f, fix))
		}
	}
	return out
}

// ruleOf names a rule as SARIF does, and its place in the list. A code that a rule
// passes on stands below that rule.
func (s *sarifWriter) ruleOf(name string) (string, int) {
	if i, ok := s.rules[name]; ok {
		return name, i
	}
	for _, r := range s.o.Rules {
		if r.Owns(name) {
			return r.Name + "/" + name, s.rules[r.Name]
		}
	}
	return name, 0
}

// sarifMessage is the finding, and why no safe fix goes with it.
func sarifMessage(d analysis.Diagnostic) string {
	out := sarifSentence(d.Message)
	for _, why := range d.Withheld {
		out += " No safe fix: " + sarifSentence(why)
	}
	return out
}

// sarifSentence ends a text with a full stop.
func sarifSentence(s string) string {
	if strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

func (s *sarifWriter) fix(f File, fix analysis.Fix) sarifFix {
	out := sarifFix{Description: sarifText{Text: sarifSentence(fix.Title)}, Properties: sarifProperties{fix.Safety.String()}}
	at := map[string]int{}
	for _, e := range fix.Edits {
		file, lines := f.Path, f.Lines
		if e.Path != "" {
			file, lines = e.Path, source.NewLines(e.Of)
		}
		i, ok := at[file]
		if !ok {
			i = len(out.Changes)
			at[file] = i
			out.Changes = append(out.Changes, sarifChange{Artifact: s.artifact(file)})
		}
		r := sarifReplacement{Deleted: sarifRegionOf(lines, e.Span)}
		if e.New != "" {
			r.Inserted = &sarifText{Text: e.New}
		}
		out.Changes[i].Replacements = append(out.Changes[i].Replacements, r)
	}
	return out
}

// artifact names a file by a URI: below the working folder a relative one.
func (s *sarifWriter) artifact(file string) sarifArtifact {
	file = strings.ReplaceAll(s.o.path(file), `\`, "/")
	switch {
	case path.IsAbs(file):
		return sarifArtifact{URI: "file://" + escapePath(file)}
	case len(file) > 1 && file[1] == ':': // a drive
		return sarifArtifact{URI: "file:///" + escapePath(file)}
	}
	return sarifArtifact{escapePath(file), sarifBase}
}

// escapePath escapes each element; a colon in the first one would be a scheme.
func escapePath(file string) string {
	parts := strings.Split(file, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A")
	}
	return strings.Join(parts, "/")
}

func sarifRegionOf(l *source.Lines, s source.Span) sarifRegion {
	from, to := l.Position(s.Start, source.UTF16), l.Position(s.End, source.UTF16)
	return sarifRegion{StartLine: from.Line + 1, StartColumn: from.Column + 1, EndLine: to.Line + 1, EndColumn: to.Column + 1}
}

func (s *sarifWriter) Close() error {
	s.write(s.head)
	if s.notices == nil {
		s.notices = []sarifNotice{}
	}
	b, err := encode(s.notices)
	if err != nil {
		return err
	}
	s.write(fmt.Sprintf("\n],\n\"invocations\":[{\"executionSuccessful\":%t,\"toolExecutionNotifications\":%s}]}]}\n", len(s.notices) == 0, b))
	return s.err
}

func (s *sarifWriter) write(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
}
