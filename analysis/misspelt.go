package analysis

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Misspelt is a name in a comment of Shale's that silences nothing.
type Misspelt struct {
	Name, Near string // as written, and the rule's name or code that is like it
	Span       source.Span
}

// foreignCode is a code of hadolint's or ShellCheck's, whether a rule stands for it or not.
var foreignCode = lazyregexp.New(`^(?i)(DL|SC)\d{4}$`)

// mostNames bounds the names that are looked at in one file.
const mostNames = 1000

// Misspelts lists the names in `# shale ignore=` and `# shale ignore-file=` that are no
// rule's and much like one, each once. What is like none is left alone: it may be a remark,
// or the name of a rule of a later version.
func Misspelts(doc *syntax.Document, rules []*Rule) (out []Misspelt) {
	seen := map[string]bool{}
	for _, piece := range doc.Pieces {
		if piece.Kind != syntax.Comment {
			continue
		}
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(piece.Span.In(doc.Content)), "#"))
		if !strings.HasPrefix(text, "shale") {
			continue
		}
		silenced, _ := IgnoreComment(text)
		for _, name := range silenced {
			if seen[name] {
				continue
			}
			if seen[name] = true; len(seen) > mostNames {
				return out
			}
			if near := misspelt(name, rules); near != "" {
				out = append(out, Misspelt{name, near, piece.Span})
			}
		}
	}
	return out
}

// misspelt is the name or the code that an unknown name is much like, or "".
func misspelt(name string, rules []*Rule) string {
	if len(name) > 100 || foreignCode.MatchString(name) {
		return ""
	}
	most := 2 // a letter too many, or two that changed places
	switch {
	case len(name) < 5:
		return ""
	case len(name) < 8:
		most = 1
	}
	near := ""
	for _, r := range rules {
		if r.Owns(name) || names([]string{name}, r) {
			return ""
		}
		for _, known := range slices.Concat([]string{r.Name}, r.Aliases) {
			if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(known), nil); d <= most {
				near, most = known, d-1
			}
		}
	}
	return near
}
