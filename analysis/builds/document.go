package builds

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shale-build/shale/analysis/source"
	"go.yaml.in/yaml/v3"
)

// A document is one of a compose file's YAML documents, as far as it says how
// services are built.
type document struct {
	path     string
	services map[string]mapping // "build" and "extends" of each
	include  any
	replaced [][]string // what stands under !reset and !override: nothing below it counts
}

// override takes out of services what the document replaces.
func (d *document) override(services map[string]mapping) {
	for _, path := range d.replaced {
		if path[0] != "services" {
			continue
		}
		switch len(path) {
		case 1:
			clear(services)
		case 2:
			delete(services, path[1])
		default:
			m, last := services[path[1]], len(path)-1
			for _, key := range path[2:last] {
				m, _ = m[key].(mapping)
			}
			delete(m, path[last])
		}
	}
}

// onto puts what the document says over services, and takes out what it replaces.
func (d *document) onto(services map[string]mapping) {
	d.override(services)
	for name, s := range d.services {
		services[name] = merged(services[name], s)
	}
}

// over is a service with what the document says of one over it.
func (d *document) over(below mapping, name string) mapping {
	one := map[string]mapping{name: merged(nil, below)}
	d.override(one)
	return merged(one[name], d.services[name])
}

// read returns what the documents of a compose file say.
func (p *project) read(path string, env lookup) ([]*document, error) {
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	if p.files++; p.files > maxFiles {
		return nil, fmt.Errorf("more than %d files are included and extended", maxFiles)
	}
	text, err := source.ReadFile(path, maxFile)
	if err != nil {
		return nil, &fault{path, err}
	}
	var out []*document
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var n yaml.Node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, &fault{path, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))}
		}
		r := reader{p: p, env: env, d: &document{path: path, services: map[string]mapping{}}}
		r.document(&n)
		if r.err != nil {
			return nil, &fault{path, r.err}
		}
		out = append(out, r.d)
	}
}

// A reader makes a document of YAML. It keeps its first error.
type reader struct {
	p   *project
	env lookup
	d   *document
	err error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("line %d: %s", n.Line, fmt.Sprintf(format, args...))
	}
}

func (r *reader) document(n *yaml.Node) {
	for _, top := range r.pairs(n.Content[0], nil) {
		switch top.key {
		case "include":
			r.d.include = r.value(top.value, []string{"include"})
		case "services":
			path := []string{"services"}
			for _, s := range r.pairs(top.value, path) {
				r.d.services[s.key] = r.service(s.value, append(path, s.key))
			}
		}
	}
}

func (r *reader) service(n *yaml.Node, path []string) mapping {
	s := mapping{}
	for _, field := range r.pairs(n, path) {
		path := append(slices.Clip(path), field.key)
		switch field.key {
		case "extends", "image":
			s[field.key] = r.value(field.value, path)
		case "build":
			if b := r.build(field.value, path); b != nil {
				s["build"] = b
			}
		}
	}
	return s
}

// build returns what is read of a build; nil if nothing is said.
func (r *reader) build(n *yaml.Node, path []string) mapping {
	n = followed(n)
	if n.Kind != yaml.MappingNode {
		if c := text(r.value(n, path)); c != "" {
			return mapping{"context": c}
		}
		return nil
	}
	b := mapping{}
	for _, field := range r.pairs(n, path) {
		switch field.key {
		case "context", "dockerfile", "dockerfile_inline", "target", "tags":
			b[field.key] = r.value(field.value, append(slices.Clip(path), field.key))
		case "args", "additional_contexts":
			b[field.key] = arguments(r.value(field.value, append(slices.Clip(path), field.key)))
		}
	}
	return b
}

// arguments makes a mapping of a list of NAME=VALUE too. A value that the environment
// gives is nil.
func arguments(v any) mapping {
	if m, ok := v.(mapping); ok {
		return m
	}
	out := mapping{}
	for _, item := range listed(v) {
		if name, value, ok := strings.Cut(text(item), "="); ok {
			out[name] = value
		} else {
			out[name] = nil
		}
	}
	return out
}

// A pair is one of a mapping.
type pair struct {
	key   string
	value *yaml.Node
}

// pairs lists what a mapping at a path holds: its own pairs, and those that it merges
// with <<, which its own go before. What is to be reset is noted and left out.
func (r *reader) pairs(n *yaml.Node, path []string) []pair {
	if r.visit(n, path); r.err != nil {
		return nil
	}
	n = followed(n)
	switch {
	case n.Kind == yaml.ScalarNode && (n.Tag == "!!null" || n.Tag == "!reset"):
		return nil
	case n.Kind != yaml.MappingNode:
		what := "it"
		if len(path) > 0 {
			what = strings.Join(path, ".")
		}
		r.fail(n, "%s must be a mapping", what)
		return nil
	}
	var own, below []pair
	has := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			below = append(below, r.merges(value, path)...)
			continue
		}
		if has[key.Value] {
			r.fail(key, "%s is said twice", key.Value)
		}
		has[key.Value] = true
		switch tag := followed(value).Tag; tag {
		case "!reset", "!override":
			r.d.replaced = append(r.d.replaced, append(slices.Clip(path), key.Value))
			if tag == "!reset" {
				continue
			}
		}
		own = append(own, pair{key.Value, value})
	}
	for _, m := range below {
		if !has[m.key] {
			has[m.key] = true
			own = append(own, m)
		}
	}
	return own
}

// merges lists the pairs of one mapping or of several that a mapping merges, the
// first before the others.
func (r *reader) merges(n *yaml.Node, path []string) []pair {
	if n = followed(n); n.Kind != yaml.SequenceNode {
		return r.pairs(n, path)
	}
	var out []pair
	for _, one := range n.Content {
		out = append(out, r.pairs(one, path)...)
	}
	return out
}

// value returns what a node holds, with values in place of variables: nil, a mapping,
// a list, a text, a number or a bool.
func (r *reader) value(n *yaml.Node, path []string) any {
	if r.visit(n, path); r.err != nil {
		return nil
	}
	switch n = followed(n); n.Kind {
	case yaml.MappingNode:
		out := mapping{}
		for _, field := range r.pairs(n, path) {
			out[field.key] = r.value(field.value, append(slices.Clip(path), field.key))
		}
		return out
	case yaml.SequenceNode:
		var out []any
		for _, item := range n.Content {
			out = append(out, r.value(item, append(slices.Clip(path), "[]")))
		}
		return out
	}
	plain := *n
	if plain.Tag == "!override" {
		plain.Tag = ""
	}
	var v any
	if err := plain.Decode(&v); err != nil {
		r.fail(n, "%v", err)
	}
	switch v := v.(type) {
	case string:
		return substitute(v, r.env)
	case time.Time:
		return nil // as what it is written again is compose's to say
	}
	return v
}

// visit counts a node that is read at a path.
func (r *reader) visit(n *yaml.Node, path []string) {
	switch r.p.nodes++; {
	case r.p.nodes > maxNodes:
		r.fail(n, "it comes to more than %d nodes of YAML, aliases followed", maxNodes)
	case len(path) > maxDepth:
		r.fail(n, "it is nested more than %d deep, aliases followed", maxDepth)
	}
}

// followed is the node that an alias stands for.
func followed(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// listed is a list, and one value as a list of one.
func listed(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// texts is a text or a list of them.
func texts(v any) []string {
	var out []string
	for _, one := range listed(v) {
		if s := text(one); s != "" {
			out = append(out, s)
		}
	}
	return out
}
