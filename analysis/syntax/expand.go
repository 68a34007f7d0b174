package syntax

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// Expand resolves quotes, escapes and variables of a word as BuildKit does
// outside RUN. lookup returns a variable's value and whether it is set. An error
// says what BuildKit would refuse.
func (d *Document) Expand(word string, lookup func(name string) (string, bool)) (string, error) {
	if strings.Count(word, "${") > 10*maxNested { // BuildKit's lexer recurses
		return "", errDeep
	}
	if d.grown {
		return "", errGrown
	}
	lex := shell.NewLex(rune(d.Escape))
	value, _, err := lex.ProcessWord(word, environment(lookup))
	return value, err
}

type environment func(name string) (string, bool)

func (e environment) Get(name string) (string, bool) { return e(name) }
func (e environment) Keys() []string                 { return nil }
