package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// toml decodes a document that the install reads. One that does not parse is refused,
// by its line.
func (b *builder) toml(p, text string, into any) bool {
	err := toml.Unmarshal([]byte(text), into)
	if err == nil {
		return true
	}
	line, why := 0, err.Error()
	if d, ok := err.(*toml.DecodeError); ok {
		line, _ = d.Position()
		why = strings.TrimPrefix(why, "toml: ")
	}
	b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d does not parse: %s", p, line, why), Path: p, Line: line, Hard: true})
	return false
}

// manifest reads and decodes a TOML file without which there is no install.
func (b *builder) manifest(p string, into any) bool {
	text, s := b.read(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	}
	return s == present && b.toml(p, text, into)
}

// A pyproject is what matters of pyproject.toml: "Declaring project metadata" in the
// Python packaging guide.
type pyproject struct {
	Project struct {
		Name    string
		Dynamic []string
	}
	BuildSystem map[string]any `toml:"build-system"`
	Tool        map[string]any
}

// tool is the table of one tool, nil if there is none.
func (p pyproject) tool(name string) map[string]any {
	table, _ := p.Tool[name].(map[string]any)
	return table
}

// venv says what an install makes in the project: a virtual environment, if it is to
// lie there or one lies there already, which all these tools take.
func (b *builder) venv(dir string) { b.makes(path.Join(dir, ".venv")) }

// keys refuses the keys of a table that are not known to be harmless.
func (b *builder) keys(p, table string, m map[string]any, harmless ...string) {
	for _, k := range sorted(m) {
		if !slices.Contains(harmless, k) {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s has %s.%s, whose effect on the install is not known to Shale", p, table, k), Path: p})
		}
	}
}

// str is a member of a table, "" if it is no string.
func str(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}
