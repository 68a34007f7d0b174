package config

import (
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hadolintNames are the names of hadolint's configuration, the first one first.
var hadolintNames = []string{".hadolint.yaml", ".hadolint.yml"}

// hadolint is what hadolint's configuration says of severities. Its other keys
// are about rules that Shale does not have, or about hadolint's own run.
type hadolint struct {
	Ignored  []string `yaml:"ignored"`
	Override struct {
		Error   []string `yaml:"error"`
		Warning []string `yaml:"warning"`
		Info    []string `yaml:"info"`
		Style   []string `yaml:"style"`
	} `yaml:"override"`
}

// readHadolint returns the severities that a hadolint configuration gives to
// Shale's rules.
func readHadolint(path string, schema Schema) (map[string]string, error) {
	text, err := read(path, false)
	if err != nil {
		return nil, &Error{[]Problem{{File: display(path), Message: err.Error()}}}
	}
	var h hadolint
	if err := yaml.Unmarshal([]byte(text), &h); err != nil {
		reason, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
		return nil, &Error{[]Problem{{File: display(path), Message: "hadolint would not read it either: " + reason}}}
	}
	out := map[string]string{}
	for _, set := range []struct {
		codes    []string
		severity string
	}{
		{h.Override.Style, "info"}, {h.Override.Info, "info"}, {h.Override.Warning, "warning"}, {h.Override.Error, "error"},
		{h.Ignored, "off"},
	} {
		for _, code := range set.codes {
			code = strings.ToUpper(code)
			for _, rule := range schema.Codes[code] {
				out[rule] = set.severity
			}
			if schema.owned(code) {
				out[code] = set.severity
			}
		}
	}
	return out, nil
}

// hadolint finds hadolint's configuration that is nearest upward of a folder.
func (l *Loader) hadolint(dir string) (severity map[string]string, found bool, err error) {
	if r, ok := l.hadolints[dir]; ok {
		return r.severity, r.found, r.err
	}
	var r hadolintResult
	file := ""
	for _, name := range hadolintNames {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); file == "" && err == nil && fi.Mode().IsRegular() {
			file = path
		}
	}
	if file != "" {
		r.found = true
		r.severity, r.err = readHadolint(file, l.opts.Schema)
	} else if up := filepath.Dir(dir); up != dir {
		r.severity, r.found, r.err = l.hadolint(up)
	}
	l.hadolints[dir] = r
	return r.severity, r.found, r.err
}

type hadolintResult struct {
	severity map[string]string
	found    bool
	err      error
}

// Hadolint reports whether a configuration of hadolint is in force.
func (c *Config) Hadolint() bool { return c != nil && c.hadolint }

// over lays the settings over the severities of hadolint's configuration, if there
// is one.
func (c *Config) over(below map[string]string, found bool) *Config {
	if !found {
		return c
	}
	out := *c
	out.hadolint = true
	out.severity = map[string]string{}
	for rule, v := range below {
		out.severity[rule] = v
	}
	for rule, v := range c.severity {
		out.severity[rule] = v
	}
	return &out
}
