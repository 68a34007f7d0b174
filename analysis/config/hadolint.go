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
func readHadolint(path string, rulesOf map[string][]string) (map[string]string, error) {
	text, err := read(path)
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
			for _, rule := range rulesOf[strings.ToUpper(code)] {
				out[rule] = set.severity
			}
		}
	}
	return out, nil
}

// hadolint finds hadolint's configuration that is nearest upward of a folder.
func (l *Loader) hadolint(dir string) (map[string]string, error) {
	if r, ok := l.hadolints[dir]; ok {
		return r.severity, r.err
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
		r.severity, r.err = readHadolint(file, l.opts.Schema.Codes)
	} else if up := filepath.Dir(dir); up != dir {
		r.severity, r.err = l.hadolint(up)
	}
	l.hadolints[dir] = r
	return r.severity, r.err
}

type hadolintResult struct {
	severity map[string]string
	err      error
}

// over lays the settings over severities that come from elsewhere.
func (c *Config) over(below map[string]string) *Config {
	if len(below) == 0 {
		return c
	}
	out := *c
	out.severity = map[string]string{}
	for rule, v := range below {
		out.severity[rule] = v
	}
	for rule, v := range c.severity {
		out.severity[rule] = v
	}
	return &out
}
