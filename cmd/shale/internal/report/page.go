package report

import (
	"fmt"
	"strings"

	"github.com/shale-build/shale/analysis"
)

// An Example is a Dockerfile before and, where the rule has a fix, after it.
type Example struct {
	Prose, Before, After string
	Beside               []string    // the other files of its folder
	Says                 []string    // what is found, a line each
	Others               []OtherFile // that the fix changes, as they are then
}

// An OtherFile is a file beside the Dockerfile.
type OtherFile struct{ Path, Text string }

// RulePage is a rule's page in Markdown; example may be nil.
func RulePage(r *analysis.Rule, example *Example) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\nSeverity: %s. Fix: %s.\n", r.Name, sentence(r.Doc.Summary), r.Severity, fixWords(r))
	if r.Severity == analysis.Off {
		fmt.Fprintf(&b, "\n`--only %s` turns it on for a run, `rules.%s.severity = \"info\"` in .shale.toml for good.\n", r.Name, r.Name)
	}
	for _, s := range r.Doc.Sections() {
		// A page is read beside the list that it speaks of.
		text := strings.ReplaceAll(strings.TrimSpace(s.Text), "soundness list", "[soundness list](../soundness.md)")
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.Title, text)
	}
	if example != nil {
		example.write(&b)
	}
	if len(r.Options) > 0 {
		fmt.Fprintf(&b, "\n## Configuration\n\n")
		for _, o := range r.Options {
			fmt.Fprintf(&b, "- `rules.%s.%s`, %s: %s\n", r.Name, o.Name, valuesWords(o), strings.TrimRight(strings.TrimSpace(o.Doc), ".")+".")
		}
	}
	fmt.Fprintf(&b, "\n## Silencing\n\n`# shale ignore=%s` above an instruction, or `# shale ignore-file=%s` at the top of the file.", r.Name, r.Name)
	if len(r.Aliases) > 0 {
		fmt.Fprintf(&b, " Ignore comments for %s are honoured too.", strings.Join(r.Aliases, ", "))
	}
	b.WriteString("\n")
	return b.String()
}

func (e *Example) write(b *strings.Builder) {
	b.WriteString("\n## Example\n\n")
	prose := strings.TrimSpace(e.Prose)
	if len(e.Beside) > 0 {
		prose = strings.TrimSpace(prose + " Beside it lie `" + strings.Join(e.Beside, "`, `") + "`.")
	}
	if prose != "" {
		b.WriteString(prose + "\n\n")
	}
	if e.After != "" || len(e.Others) > 0 {
		b.WriteString("Before:\n\n")
	}
	b.WriteString(Fenced("dockerfile", e.Before))
	if len(e.Says) > 0 {
		fmt.Fprintf(b, "\nShale says:\n\n%s", Fenced("text", strings.Join(e.Says, "\n")))
	}
	if e.After != "" {
		fmt.Fprintf(b, "\nAfter:\n\n%s", Fenced("dockerfile", e.After))
	}
	for _, f := range e.Others {
		fmt.Fprintf(b, "\n%s after:\n\n%s", f.Path, Fenced("", f.Text))
	}
}

// RuleText is a rule's page for a terminal; url is that of the page.
func RuleText(r *analysis.Rule, url string, colored bool) string {
	s := newStyle(colored)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n  severity: %s\n  fix:      %s\n", s.bold.Sprint(r.Name), r.Doc.Summary, r.Severity, fixWords(r))
	if len(r.Aliases) > 0 {
		fmt.Fprintf(&b, "  codes:    %s\n", strings.Join(r.Aliases, ", "))
	}
	for _, o := range r.Options {
		fmt.Fprintf(&b, "  option:   rules.%s.%s, %s\n", r.Name, o.Name, valuesWords(o))
	}
	fmt.Fprintf(&b, "  page:     %s\n", url)
	b.WriteString("\n")
	for _, part := range r.Doc.Sections() {
		fmt.Fprintf(&b, "%s\n%s\n", s.bold.Sprint(part.Title), indent(wrap(part.Text, 76), "  "))
	}
	return b.String()
}

// FixWord is the most that a rule's fixes promise, in a word.
func FixWord(r *analysis.Rule) string {
	if r.Best == analysis.Display {
		return "none"
	}
	return r.Best.String()
}

func fixWords(r *analysis.Rule) string {
	switch r.Best {
	case analysis.Safe:
		return "safe where it is proven, made by `shale fix`"
	case analysis.Unsafe:
		return "unsafe, made by `shale fix --unsafe`"
	}
	return "none is made"
}

func valuesWords(o analysis.Option) string {
	var values []string
	for _, v := range o.Values {
		quoted := fmt.Sprintf("%q", v)
		if v == o.Default {
			quoted += " (default)"
		}
		values = append(values, quoted)
	}
	if o.Entry != nil {
		return "a table"
	}
	return strings.Join(values, ", ")
}

// sentence is a summary with a capital and a full stop.
func sentence(summary string) string {
	return strings.ToUpper(summary[:1]) + strings.TrimRight(summary[1:], ".") + "."
}

// Fenced puts a Dockerfile between fences longer than any that it holds.
func Fenced(language, text string) string {
	fence := Fence(text)
	return fmt.Sprintf("%s%s\n%s\n%s\n", fence, language, strings.TrimRight(text, "\n"), fence)
}

// Fence is a mark for code in Markdown that is longer than any in a text.
func Fence(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

// wrap breaks the paragraphs and list items of Markdown at a width; code blocks
// and tables stay as they are.
func wrap(markdown string, width int) string {
	var out []string
	var words []string
	hang := ""
	flush := func() {
		line := ""
		for _, w := range words {
			switch {
			case line == "":
				line = w
			case len([]rune(line))+1+len([]rune(w)) > width:
				out = append(out, line)
				line = hang + w
			default:
				line += " " + w
			}
		}
		if line != "" {
			out = append(out, line)
		}
		words, hang = nil, ""
	}
	fence := false
	for line := range strings.Lines(strings.TrimSpace(markdown)) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimSpace(line)
		isFence := strings.HasPrefix(text, "```")
		switch {
		case fence || isFence || strings.HasPrefix(line, "    ") || strings.HasPrefix(text, "|"):
			flush()
			if !isFence {
				out = append(out, "    "+strings.TrimPrefix(line, "    "))
			}
		case text == "":
			flush()
			out = append(out, "")
		case strings.HasPrefix(text, "- "):
			flush()
			words, hang = strings.Fields(text[2:]), "  "
			if len(words) > 0 {
				words[0] = "- " + words[0]
			}
		default:
			words = append(words, strings.Fields(text)...)
		}
		if isFence {
			fence = !fence
		}
	}
	flush()
	return strings.Join(out, "\n") + "\n"
}

func indent(s, by string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(by)
		}
		b.WriteString(line)
	}
	return b.String()
}
