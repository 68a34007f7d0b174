package config

import (
	"fmt"
	"sort"
	"strings"

	"github.com/agext/levenshtein"
)

// A Problem is one mistake in the configuration.
type Problem struct {
	File    string // its path, or the --config argument
	Line    int    // from 1; 0 if the whole file is meant
	Column  int    // from 1, in code points
	Message string // what is wrong and what to do
}

func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// An Error is all the mistakes in one configuration.
type Error struct {
	Problems []Problem // not empty; in the order of the file
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// nearest is the known name most like a wrong one, as a question; "" if none is
// like it.
func nearest(wrong string, known []string) string {
	if len(wrong) > 100 {
		return ""
	}
	best, distance := "", 1+max(2, len(wrong)/3)
	sorted := append([]string(nil), known...)
	sort.Strings(sorted)
	for _, k := range sorted {
		if d := levenshtein.Distance(strings.ToLower(wrong), k, nil); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// either lists values: "a", "b" or "c".
func either(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}
