package review

import (
	"fmt"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite"
)

// A writer writes comments and gathers what the body tells.
type writer struct {
	Options
	keys     map[string]int
	outside  []Comment
	left     []string
	measured []string
	gain     analysis.Gain
}

func (w *writer) count(p *rewrite.Result) {
	for _, a := range p.Applied {
		w.gain.Bytes += a.Gain.Bytes
		w.gain.Steps += a.Gain.Steps
	}
}

// text is a comment's Markdown. why is set where it holds a patch in place of a
// suggestion.
func (w *writer) text(s Source, p *rewrite.Result, matched []int, c Comment, why string) string {
	var head, tail strings.Builder
	for _, a := range p.Applied {
		fmt.Fprintf(&head, "**%s** (%s)\n", plain(a.Title), w.rule(a.Rule))
	}
	head.WriteString("\n")
	for _, i := range matched {
		head.WriteString(plain(s.Findings[i].Message) + ".\n")
	}
	var gain analysis.Gain
	for _, a := range p.Applied {
		gain.Bytes, gain.Steps = gain.Bytes+a.Gain.Bytes, gain.Steps+a.Gain.Steps
	}
	if words := report.GainWords(gain); words != "" {
		fmt.Fprintf(&head, "\nGain: %s.\n", words)
	}
	tail.WriteString("\n" + proof(p) + "\n" + Mark(c.Key) + "\n")
	if why == "" {
		first, last, text, _ := replaced(p, &ChangedFile{Hunk: []Hunk{{Start: c.Start, End: c.End}}})
		return head.String() + "\n" + fence(w.Dialect.Suggest(last-first+1), text) + tail.String()
	}
	if why == "patch" {
		why = "With these changes:"
	}
	patch := fmt.Sprintf("\n%s\n\n%s", why, report.Fenced("diff", patchOf(s, p)))
	if size := head.Len() + len(patch) + tail.Len(); w.Dialect.Body > 0 && size > w.Dialect.Body {
		patch = fmt.Sprintf("\nThe patch is too long to stand here; `shale fix` makes it in %s.\n", report.MarkdownCode(s.Path))
	}
	return head.String() + patch + tail.String()
}

// proof says what stands behind a part.
func proof(p *rewrite.Result) string {
	var stops []string
	for _, a := range p.Applied {
		if a.Safety != analysis.Safe {
			return "Not proven safe: it compiles, and the title says what could differ."
		}
		for _, path := range a.Stops {
			if code := report.MarkdownCode(path); !strings.Contains(strings.Join(stops, " "), code) {
				stops = append(stops, code)
			}
		}
	}
	out := "Safe: BuildKit's compiler was run on the file before and after; the image config is equal, and each step is the old one or what this fix declares."
	if len(stops) > 0 {
		out += " The image stops shipping " + strings.Join(stops, ", ") + ", and nothing else."
	}
	return out
}

func (w *writer) rule(name string) string {
	if url := w.URL(name); url != "" {
		return fmt.Sprintf("[%s](%s)", plain(name), url)
	}
	return plain(name)
}

// leftLine tells of a finding that no fix here mends.
func (w *writer) leftLine(s Source, f analysis.Diagnostic) string {
	line := source.NewLines(s.Before).Line(f.Span.Start) + 1
	out := fmt.Sprintf("%s line %d, %s: %s (%s)", report.MarkdownCode(s.Path), line, f.Severity, plain(f.Message), w.rule(f.Rule))
	for _, why := range f.Withheld {
		return out + "; no safe fix: " + plain(why)
	}
	return out
}

// body is the review's own text.
func (w *writer) body(r Review, d Diff) string {
	var b strings.Builder
	switch {
	case r.Fixes+len(w.left) == 0:
		b.WriteString("### Shale: not everything could be looked at\n")
	case r.Fixes == 0:
		b.WriteString("### Shale: no fix here, but findings\n")
	default:
		fmt.Fprintf(&b, "### Shale: %s\n", report.Plural(r.Fixes, "fix"))
	}
	if words := report.GainWords(w.gain); words != "" {
		fmt.Fprintf(&b, "\nGain: %s.\n", words)
	}
	if len(r.Comments) > 1 {
		b.WriteString("\nEach can be accepted without the others.\n")
	}
	for _, m := range w.measured {
		b.WriteString("\n" + strings.TrimSpace(m) + "\n")
	}
	if len(w.outside) > 0 {
		var text strings.Builder
		for _, c := range w.outside {
			text.WriteString("\n" + markers.ReplaceAllString(c.Text, "") + "\n")
		}
		w.fold(&b, report.Plural(len(w.outside), "fix")+" outside the lines of this diff", text.String())
	}
	if len(w.left) > 0 {
		w.fold(&b, report.Plural(len(w.left), "finding")+" without a fix here", "\n- "+strings.Join(w.left, "\n- ")+"\n")
	}
	for _, name := range r.Unseen {
		fmt.Fprintf(&b, "\n%s could not be looked at; the job's log says why.\n", report.MarkdownCode(name))
	}
	if d.Short {
		b.WriteString("\nThis change has more files than could be read; the others were not looked at.\n")
	}
	return b.String() + "\n" + Summary + "\n"
}

// fold writes a section that is closed at first, and leaves it out where the body
// would become too long.
func (w *writer) fold(b *strings.Builder, title, text string) {
	if w.Dialect.Body > 0 && b.Len()+len(text)+1000 > w.Dialect.Body {
		fmt.Fprintf(b, "\n%s: too long to stand here; `shale check` tells them.\n", title)
		return
	}
	fmt.Fprintf(b, "\n<details><summary>%s</summary>\n%s\n</details>\n", title, text)
}

// patchOf is the unified diff of all that a part changes.
func patchOf(s Source, p *rewrite.Result) string {
	var out strings.Builder
	for _, other := range p.Others {
		name := s.Name(other.Path)
		old := name
		if other.New {
			old = ""
		}
		out.WriteString(rewrite.Diff(old, name, other.Before, other.After))
	}
	out.WriteString(rewrite.Diff(s.Path, s.Path, p.Before, p.After))
	return out.String()
}

// fence puts a text, whose every line ends, between fences longer than any it holds.
func fence(info, text string) string {
	marks := report.Fence(text)
	return marks + info + "\n" + text + marks + "\n"
}

// Suggestion returns the text that a comment puts in place of its lines, as a forge
// reads it out of the comment.
func Suggestion(text string) (string, bool) {
	m := opening.FindStringSubmatchIndex(text)
	if m == nil {
		return "", false
	}
	marks, rest := text[m[2]:m[3]], text[m[1]:]
	end := strings.Index("\n"+rest, "\n"+marks+"\n")
	if end < 0 {
		return "", false
	}
	return rest[:end], true
}

var opening = lazyregexp.New("(?m)^(```+)suggestion[^\n]*\n")

// plain is a sentence of people's, without its full stop.
func plain(s string) string { return strings.TrimRight(report.MarkdownText(s), ".") }
