package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// settings are the keys of one file or argument, checked, with paths as written.
type settings struct {
	extend   *setting
	required *setting
	exclude  *[]string
	contexts *[]contextSetting
	builder  *string
	severity map[string]string
	options  map[[2]string]string
	tables   map[[2]string]map[string]string
}

type setting struct {
	value string
	at    place
}

type contextSetting struct {
	files []string
	dir   string
}

var (
	topKeys    = []string{"builder", "context", "exclude", "extend", "required-version", "rules"}
	severities = []string{"error", "warning", "info", "off"}
	builder    = lazyregexp.New(`^(?:docker-\d+(?:\.\d+){0,2}|(?:buildkit-)?v?\d+\.\d+(?:\.\d+)?|podman|kaniko)$`)
)

// checker turns a parsed file into settings and collects what is wrong with it.
type checker struct {
	name     string
	text     string
	schema   Schema
	problems []Problem
}

// maxProblems is how many mistakes of one file are told.
const maxProblems = 50

func (c *checker) problem(offset int, format string, args ...any) {
	if len(c.problems) < maxProblems {
		at := locate(c.text, offset)
		c.problems = append(c.problems, Problem{c.name, at.line, at.column, fmt.Sprintf(format, args...)})
	}
}

// string checks that a value is a string; key is its name for messages.
func (c *checker) string(n *node, key string) (string, bool) {
	if n.what != aString {
		c.problem(n.value, "%s is %s; write a string: %s = \"…\"", key, n.what, key)
		return "", false
	}
	return n.str, true
}

// globs checks a list of patterns; one string stands for itself where single.
func (c *checker) globs(n *node, key string, single bool) ([]string, bool) {
	if single && n.what == aString {
		n = &node{what: anArray, value: n.value, items: []*node{n}}
	}
	if n.what != anArray {
		c.problem(n.value, "%s is %s; write a list of patterns: %s = [\"…\"]", key, n.what, key)
		return nil, false
	}
	ok := true
	out := []string{}
	for _, item := range n.items {
		switch {
		case item.what != aString:
			c.problem(item.value, "%s holds %s; each pattern is a string", key, item.what)
			ok = false
		case strings.Trim(item.str, "/ ") == "":
			c.problem(item.value, "%s holds an empty pattern", key)
			ok = false
		case !doublestar.ValidatePattern(item.str):
			c.problem(item.value, "the pattern %q in %s is not closed: check [ ] and { }", item.str, key)
			ok = false
		default:
			out = append(out, item.str)
		}
	}
	return out, ok
}

func (c *checker) settings(root *node) settings {
	s := settings{severity: map[string]string{}, options: map[[2]string]string{}, tables: map[[2]string]map[string]string{}}
	for _, key := range root.order {
		n := root.fields[key]
		switch key {
		case "extend":
			if v, ok := c.string(n, key); ok {
				s.extend = &setting{v, locate(c.text, n.value)}
				if v == "" {
					c.problem(n.value, "extend is empty; name a file")
				}
			}
		case "required-version":
			if v, ok := c.string(n, key); ok {
				if _, err := satisfies("1", v); err != nil {
					c.problem(n.value, "required-version %q: %v; write for example \">=0.4\"", v, err)
				}
				s.required = &setting{v, locate(c.text, n.value)}
			}
		case "exclude":
			if v, ok := c.globs(n, key, false); ok {
				s.exclude = &v
			}
		case "builder":
			if v, ok := c.string(n, key); ok {
				if !builder.MatchString(v) {
					c.problem(n.value, "builder %q is not known; write \"docker-23\" or another Docker release, a BuildKit version such as \"0.12\", \"podman\" or \"kaniko\"", v)
				}
				s.builder = &v
			}
		case "context":
			c.contexts(n, &s)
		case "rules":
			c.rules(n, &s)
		default:
			c.problem(n.key, "the key %q is not known%s", key, nearest(key, topKeys))
		}
	}
	return s
}

func (c *checker) contexts(n *node, s *settings) {
	const form = `context = [{files = "docker/*", dir = "."}]`
	if n.what != anArray {
		c.problem(n.value, "context is %s; write a list: %s", n.what, form)
		return
	}
	out := []contextSetting{}
	for _, item := range n.items {
		if item.what != aTable {
			c.problem(item.value, "context holds %s; write %s", item.what, form)
			continue
		}
		var x contextSetting
		ok := true
		for _, key := range item.order {
			f := item.fields[key]
			good := true
			switch key {
			case "files":
				x.files, good = c.globs(f, "files", true)
			case "dir":
				if x.dir, good = c.string(f, "dir"); good && x.dir == "" {
					c.problem(f.value, "dir is empty; write \".\" for the folder of this file")
					good = false
				}
			default:
				c.problem(f.key, "the key %q is not known in context%s", key, nearest(key, []string{"files", "dir"}))
				good = false
			}
			ok = ok && good
		}
		if ok && (x.dir == "" || len(x.files) == 0) {
			c.problem(item.value, "an entry of context needs both files and dir: %s", form)
			ok = false
		}
		if ok {
			out = append(out, x)
		}
	}
	s.contexts = &out
}

func (c *checker) rules(n *node, s *settings) {
	if n.what != aTable {
		c.problem(n.value, "rules is %s; write a table: [rules.NAME]", n.what)
		return
	}
	names := slices.Sorted(maps.Keys(c.schema.Rules))
	for _, rule := range n.order {
		t := n.fields[rule]
		options, ok := c.schema.Rules[rule]
		if !ok && !c.schema.owned(rule) {
			c.problem(t.key, "there is no rule %q%s", rule, nearest(rule, names))
			continue
		}
		if t.what != aTable {
			c.problem(t.value, "rules.%s is %s; write rules.%s.severity = \"off\" or one of its options", rule, t.what, rule)
			continue
		}
		for _, key := range t.order {
			f := t.fields[key]
			full := "rules." + rule + "." + key
			allowed, known := options[key]
			if key == "severity" {
				allowed, known = severities, true
			}
			if !known {
				c.problem(f.key, "the rule %s has no option %q%s", rule, key, nearest(key, append(slices.Sorted(maps.Keys(options)), "severity")))
				continue
			}
			if check := c.schema.Tables[[2]string{rule, key}]; check != nil && key != "severity" {
				s.tables[[2]string{rule, key}] = c.table(f, full, check)
				continue
			}
			v, ok := c.string(f, full)
			if !ok {
				continue
			}
			if !slices.Contains(allowed, v) {
				c.problem(f.value, "%s is %q; write %s", full, v, either(allowed))
				continue
			}
			if key == "severity" {
				s.severity[rule] = v
			} else {
				s.options[[2]string{rule, key}] = v
			}
		}
	}
}

// table checks the entries of a table of strings.
func (c *checker) table(n *node, key string, check Entry) map[string]string {
	if n.what != aTable {
		c.problem(n.value, "%s is %s; write a table: %s = { \"KEY\" = \"VALUE\" }", key, n.what, key)
		return nil
	}
	out := map[string]string{}
	for _, name := range n.order {
		f := n.fields[name]
		v, ok := c.string(f, fmt.Sprintf("%s.%q", key, name))
		if !ok {
			continue
		}
		switch badKey, badValue := check(name, v); {
		case badKey != "":
			c.problem(f.key, "%s has the key %q; %s", key, name, badKey)
		case badValue != "":
			c.problem(f.value, "%s.%q is %q; %s", key, name, v, badValue)
		default:
			out[name] = v
		}
	}
	return out
}

var clause = lazyregexp.New(`^(>=|<=|==|=|>|<)?\s*v?(\d+(?:\.\d+){0,2})$`)

// atCommit is what Go calls a build from a commit: v0.0.0-20261128010203-0123456789ab.
var atCommit = lazyregexp.New(`[-.]\d{14}-[0-9a-f]{12}(\+.*)?$`)

// satisfies reports whether a version meets a requirement such as ">=0.4, <1".
// A version that is no release, such as "dev" or that of a commit, meets every one.
func satisfies(version, requirement string) (bool, error) {
	have, release := numbers(strings.TrimPrefix(version, "v"))
	release = release && !atCommit.MatchString(version)
	met := true
	for part := range strings.SplitSeq(requirement, ",") {
		m := clause.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return false, fmt.Errorf("%q is no version", strings.TrimSpace(part))
		}
		want, ok := numbers(m[2])
		if !ok {
			return false, fmt.Errorf("%q is no version", m[2])
		}
		order := 0
		for i := range have {
			if order == 0 {
				order = have[i] - want[i]
			}
		}
		switch m[1] {
		case ">=":
			met = met && order >= 0
		case "<=":
			met = met && order <= 0
		case ">":
			met = met && order > 0
		case "<":
			met = met && order < 0
		default:
			met = met && order == 0
		}
	}
	return met || !release, nil
}

// numbers are major, minor and patch; what follows a "-" or "+" does not count.
func numbers(version string) (n [3]int, ok bool) {
	if i := strings.IndexAny(version, "-+"); i >= 0 {
		version = version[:i]
	}
	parts := strings.Split(version, ".")
	if len(parts) > 3 {
		return n, false
	}
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 {
			return n, false
		}
		n[i] = v
	}
	return n, true
}
