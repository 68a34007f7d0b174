package analysis

import (
	"slices"
	"strings"
	"unicode"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// ignores holds what a Dockerfile's comments silence: names of rules, or codes
// of hadolint and BuildKit that a rule lists as its Aliases.
type ignores struct {
	file []string
	on   map[*syntax.Instruction][]string
}

// readIgnores reads "# shale ignore=", "# shale ignore-file=", "# hadolint
// ignore=", "# hadolint global ignore=", "# shellcheck disable=" and BuildKit's
// "# check=skip=", as a directive for the file and above an instruction for that
// instruction.
func readIgnores(doc *syntax.Document) ignores {
	ig := ignores{on: map[*syntax.Instruction][]string{}}
	if v, ok := doc.Directive("check"); ok {
		ig.file = append(ig.file, skipped(v)...)
	}
	for _, in := range doc.Instructions {
		for _, c := range in.Lead {
			if names, wholeFile := IgnoreComment(c.Text); !wholeFile && len(names) > 0 {
				ig.on[in] = append(ig.on[in], names...)
			}
		}
	}
	for _, piece := range doc.Pieces {
		if piece.Kind != syntax.Comment {
			continue
		}
		text := strings.TrimSpace(piece.Span.In(doc.Content))
		if names, wholeFile := IgnoreComment(strings.TrimSpace(strings.TrimPrefix(text, "#"))); wholeFile {
			ig.file = append(ig.file, names...)
		}
	}
	return ig
}

// IgnoreComment returns the names that a comment silences, and whether it does
// so for the whole file. text is the comment without its "#".
func IgnoreComment(text string) (names []string, wholeFile bool) {
	if v, ok := strings.CutPrefix(text, "check="); ok {
		return skipped(v), false
	}
	tool, rest := text, ""
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		tool, rest = text[:i], strings.TrimSpace(text[i:])
	}
	switch strings.TrimSuffix(tool, ":") {
	case "shale":
		if v, ok := value(rest, "ignore-file"); ok {
			return list(v), true
		}
		if v, ok := value(rest, "ignore"); ok {
			return list(v), false
		}
	case "hadolint":
		if global, ok := strings.CutPrefix(rest, "global"); ok {
			v, _ := value(strings.TrimSpace(global), "ignore")
			return list(v), true
		}
		if v, ok := value(rest, "ignore"); ok {
			return list(v), false
		}
	case "shellcheck":
		if v, ok := value(rest, "disable"); ok {
			return list(v), false
		}
	}
	return nil, false
}

// ToolComment reports whether a comment speaks to a linter, a scanner or a bot of the
// instruction that it stands above. text is the comment without its "#".
func ToolComment(text string) bool {
	if names, _ := IgnoreComment(text); len(names) > 0 {
		return true
	}
	word, _, set := strings.Cut(strings.ToLower(text), "=")
	return set && slices.Contains([]string{"check", "escape", "syntax"}, strings.TrimSpace(word)) || slices.ContainsFunc(tools, func(tool string) bool { return strings.HasPrefix(word, tool) }) ||
		slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(word, mark) })
}

// Linters and bots whose comments start with their name, and those whose mark may
// stand anywhere.
var (
	tools = []string{"hadolint", "shale", "shellcheck", "tally", "renovate"}
	marks = []string{"nosec", "nolint", "trivy:", "checkov:", "kics-scan", "nosemgrep", "snyk:", "dockle:"}
)

// A remark is a comment that speaks to a tool of an instruction.
type remark struct {
	in   *syntax.Instruction
	text string
}

// remarks lists them, the first of each instruction.
func remarks(doc *syntax.Document) (out []remark) {
	for _, in := range doc.Instructions {
		comments := slices.Concat(in.Lead, in.Inside)
		if i := slices.IndexFunc(comments, func(c syntax.CommentLine) bool { return ToolComment(c.Text) }); i >= 0 {
			out = append(out, remark{in, comments[i].Text})
		}
	}
	return out
}

// unprove takes from fixes that they are safe where they change an instruction of which
// there is a remark: it means the text as it is.
func unprove(all []remark, d *Diagnostic) {
	if len(all) == 0 {
		return
	}
	fixes := slices.Clone(d.Fixes)
	for i, fix := range fixes {
		if fix.Safety != Safe {
			continue
		}
		k := slices.IndexFunc(all, func(r remark) bool {
			return slices.ContainsFunc(fix.Edits, func(e Edit) bool { return e.Path == "" && changes(e.Edit, r.in.Span) })
		})
		if k < 0 {
			continue
		}
		fixes[i].Safety = Unsafe
		fixes[i].Title += " (its comment speaks of the text as it is)"
		if why := "the comment \"" + all[k].text + "\" speaks of this instruction, and only of its text as it is"; !slices.Contains(d.Withheld, why) {
			d.Withheld = append(slices.Clip(d.Withheld), why)
		}
	}
	d.Fixes = fixes
}

// changes reports whether an edit changes what stands at a place, or puts something
// between it and the comment above.
func changes(e source.Edit, at source.Span) bool {
	if e.Span.Start == e.Span.End && e.Span.Start == at.End {
		return !strings.HasPrefix(strings.TrimPrefix(e.New, "\r"), "\n")
	}
	return e.Span.Start <= at.Start && at.Start <= e.Span.End || at.Start < e.Span.End && e.Span.Start < at.End
}

// value reads "key = v" with or without blanks around the sign.
func value(s, key string) (string, bool) {
	rest, ok := strings.CutPrefix(s, key)
	if !ok {
		return "", false
	}
	v, ok := strings.CutPrefix(strings.TrimSpace(rest), "=")
	return strings.TrimSpace(v), ok
}

// skipped reads the skip list of a check directive: "skip=A,B;error=true".
func skipped(v string) []string {
	for part := range strings.SplitSeq(v, ";") {
		if names, ok := strings.CutPrefix(strings.TrimSpace(part), "skip="); ok {
			return list(names)
		}
	}
	return nil
}

// list reads names separated by commas; what follows the last name is a remark.
func list(s string) []string {
	var names []string
	for part := range strings.SplitSeq(s, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		if name := strings.TrimSuffix(words[0], ":"); name != "" {
			names = append(names, name)
		}
		if len(words) > 1 {
			break
		}
	}
	return names
}

func (ig ignores) everywhere(rule *Rule) bool { return names(ig.file, rule) }

func (ig ignores) at(rule *Rule, in *syntax.Instruction) bool { return names(ig.on[in], rule) }

// code reports whether a code of another program is silenced.
func (ig ignores) code(code string, in *syntax.Instruction) bool {
	return slices.ContainsFunc(slices.Concat(ig.file, ig.on[in]), func(s string) bool { return strings.EqualFold(s, code) })
}

func names(silenced []string, rule *Rule) bool {
	return slices.ContainsFunc(silenced, func(s string) bool {
		return s == rule.Name || slices.ContainsFunc(rule.Aliases, func(a string) bool { return strings.EqualFold(a, s) })
	})
}
