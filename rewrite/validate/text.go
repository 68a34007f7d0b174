package validate

import (
	"context"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/syntax"
)

// maxLine is the longest line that BuildKit's parser reads.
const maxLine = 64 << 10

// texts checks what no compiled graph shows: directives, comments and lines.
func texts(was, is *syntax.Document) *Rejection {
	for _, d := range [][2]*syntax.Document{{was, is}, {is, was}} {
		for _, p := range d[0].Directives {
			if v, ok := d[1].Directive(p.Name); !ok || v != p.Value {
				return reject("the directive %q is gone or different", p.Name)
			}
		}
	}
	left := map[string]int{}
	for _, c := range comments(is) {
		left[c]++
	}
	for _, c := range comments(was) {
		if left[c]--; left[c] < 0 {
			return reject("the comment %q is lost", c)
		}
	}
	have := attached(is)
	for _, c := range attached(was) {
		i := slices.Index(have, c)
		if i < 0 {
			comment, _, _ := strings.Cut(c, "\x00")
			return reject("the comment %q no longer stands at its instruction", comment)
		}
		have = slices.Delete(have, i, i+1)
	}
	if len(have) > 0 {
		comment, _, _ := strings.Cut(have[0], "\x00")
		return reject("the comment %q now stands at another instruction", comment)
	}
	return longLines(was.Content, is.Content)
}

// longLines refuses a new line that no frontend reads.
func longLines(was, is string) *Rejection {
	longest := func(s string) int {
		n := 0
		for line := range strings.Lines(s) {
			n = max(n, len(line))
		}
		return n
	}
	if n := longest(is); n >= maxLine && n > longest(was) {
		return reject("a line has %d bytes, more than BuildKit reads", n)
	}
	return nil
}

// comments lists the comments of a document as they are written, trimmed.
func comments(d *syntax.Document) []string {
	var out []string
	for _, p := range d.Pieces {
		if p.Kind == syntax.Comment {
			out = append(out, strings.TrimSpace(p.Span.In(d.Content)))
		}
	}
	return out
}

// attached lists the comments that mean something to a tool, each with the
// instruction that it speaks of.
func attached(d *syntax.Document) []string {
	var out []string
	for _, in := range d.Instructions {
		for _, c := range slices.Concat(in.Lead, in.Inside) {
			if meaningful(c.Text) {
				out = append(out, c.Text+"\x00"+in.Text.String())
			}
		}
	}
	return out
}

func meaningful(comment string) bool {
	c := strings.ToLower(strings.TrimSpace(comment))
	for _, start := range []string{"check", "hadolint", "shale", "shellcheck", "checkov", "trivy", "kics", "dockle", "nosemgrep", "snyk", "tally", "escape", "syntax", "renovate"} {
		if rest, ok := strings.CutPrefix(c, start); ok && (strings.ContainsAny(rest, "=:") || start == "nosemgrep") {
			if rest = strings.TrimSpace(rest); rest == "" || strings.ContainsAny(rest[:1], "=:,-") || strings.HasPrefix(rest, "ignore") || strings.HasPrefix(rest, "skip") || strings.HasPrefix(rest, "disable") || strings.HasPrefix(rest, "global") {
				return true
			}
		}
	}
	return false
}

// warnings refuses a warning of Docker's checks that was not there before.
func warnings(ctx context.Context, before, after *compile.Dockerfile) error {
	words := map[string]string{}
	count := func(text *compile.Dockerfile) (map[string]int, error) {
		list, err := text.Lint(ctx, "")
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out := map[string]int{}
		for _, w := range list {
			// A message names the keyword as it is written, which a fix may change, and what it
			// takes a name for is another from run to run.
			said, _, _ := strings.Cut(w.Message, " (did you mean ")
			key := w.Name + ": " + strings.ToLower(said)
			words[key] = w.Name + ": " + w.Message
			out[key]++
		}
		return out, err
	}
	was, err := count(before)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return unprovable("the file as it is does not compile: %v", err)
	}
	is, err := count(after)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return reject("the text after does not compile: %v", err)
	}
	for w, n := range is {
		if n > was[w] {
			return reject("Docker's checks would warn anew: %s", words[w])
		}
	}
	return nil
}
