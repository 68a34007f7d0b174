package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// A Schema says which rules exist: rule, option, its values; and which of them
// stand for a code of hadolint. Owners know the codes of other programs that rules
// pass on: they have a severity and no options. Tables are the options, by rule and
// name, that are tables of strings.
type Schema struct {
	Rules  map[string]map[string][]string
	Tables map[[2]string]Entry
	Codes  map[string][]string
	Owners []func(code string) bool
}

// An Entry says what is wrong with an entry of a table: with its key, or with its
// value; both are "" where nothing is.
type Entry func(key, value string) (badKey, badValue string)

func (s Schema) owned(code string) bool {
	return slices.ContainsFunc(s.Owners, func(owns func(string) bool) bool { return owns(code) })
}

// Options says how a Loader works.
type Options struct {
	Schema  Schema
	Version string   // of this program, for required-version; what is no release meets all
	Args    []string // the values of --config: FILE, or KEY=VALUE with a TOML value
	Base    string   // the folder from which they count; "" for the working folder
	Said    string   // what says them, for messages; "" for --config
}

// A Loader finds and reads the configuration of files. It remembers what it read
// for each folder. It is safe for concurrent use.
type Loader struct {
	opts      Options
	overrides []override
	fixed     *result // a --config FILE stands for every file

	mu   sync.Mutex
	dirs map[string]result

	hadolints map[string]hadolintResult // by folder
}

type result struct {
	config *Config
	err    error
}

type override struct {
	settings settings
	base     string
	how      string
}

// New checks the --config arguments. The error is an *Error.
func New(o Options) (*Loader, error) {
	l := &Loader{opts: o, dirs: map[string]result{}, hadolints: map[string]hadolintResult{}}
	wd, err := o.Base, error(nil)
	if wd == "" {
		wd, err = os.Getwd()
	}
	if err != nil {
		wd = "."
	}
	said := cmp.Or(o.Said, "--config")
	var problems []Problem
	var files []string
	for _, arg := range o.Args {
		if strings.TrimSpace(arg) == "" {
			problems = append(problems, Problem{File: said, Message: "it is empty; give it a FILE, or KEY=VALUE"})
			continue
		}
		if !isOverride(arg) {
			files = append(files, arg)
			continue
		}
		name := said + " '" + arg + "'"
		root, p := parse(name, arg)
		if p != nil {
			p.Message += "; the form is KEY=VALUE with a TOML value, strings in quotes"
			problems = append(problems, *p)
			continue
		}
		c := checker{name: name, text: arg, schema: o.Schema}
		s := c.settings(root)
		if s.extend != nil {
			c.problem(0, "extend works in files only; give the file itself to --config")
		}
		problems = append(problems, c.problems...)
		l.overrides = append(l.overrides, override{s, wd, said})
	}
	if len(files) > 1 {
		problems = append(problems, Problem{File: said + " " + files[1], Message: "one file is enough; let it extend " + files[0]})
	}
	if len(problems) > 0 {
		return nil, &Error{problems}
	}
	if len(files) == 1 {
		path := files[0]
		if !filepath.IsAbs(path) {
			path = filepath.Join(wd, path)
		}
		c, err := l.load(path, true)
		if err != nil {
			return nil, err
		}
		l.fixed = &result{config: c}
	} else if len(l.overrides) > 0 {
		// What no file can change is refused at once.
		if _, err := l.finish(&Config{}); err != nil {
			return nil, err
		}
	}
	return l, nil
}

var keyValue = lazyregexp.New(`^\s*[A-Za-z0-9_"'-][A-Za-z0-9_."': -]*=`)

// isOverride tells KEY=VALUE from a file's name.
func isOverride(arg string) bool {
	if !keyValue.MatchString(arg) {
		return false
	}
	_, err := os.Stat(arg)
	return err != nil
}

// For returns the settings in force for a file: those of the nearest .shale.toml
// upward from its folder, and --config over them; below them those of hadolint's
// configuration. The error is an *Error; it is the same for every file that the
// broken configuration stands for.
func (l *Loader) For(path string) (*Config, error) {
	if l.fixed != nil {
		return l.fixed.config, l.fixed.err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{[]Problem{{File: path, Message: err.Error()}}}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	dir := filepath.Dir(abs)
	r := l.dir(dir)
	if r.err != nil {
		return nil, r.err
	}
	below, found, err := l.hadolint(dir)
	if err != nil {
		return nil, err
	}
	return r.config.over(below, found), nil
}

func (l *Loader) dir(dir string) result {
	if r, ok := l.dirs[dir]; ok {
		return r
	}
	var r result
	file := filepath.Join(dir, Name)
	_, err := os.Lstat(file)
	switch up := filepath.Dir(dir); {
	case err == nil:
		r.config, r.err = l.load(file, false)
	case up != dir:
		r = l.dir(up)
	default:
		r.config, r.err = l.finish(&Config{})
	}
	l.dirs[dir] = r
	return r
}

// load reads a configuration file, which the user may have named, with those that it
// extends.
func (l *Loader) load(path string, named bool) (*Config, error) {
	var chain []settings
	seen := map[string]bool{}
	how := "context in " + display(path)
	from, at := "", place{}
	for next := path; next != ""; {
		real, err := filepath.EvalSymlinks(next)
		if err != nil {
			real = next
		}
		if seen[real] {
			return nil, &Error{[]Problem{{display(from), at.line, at.column, fmt.Sprintf("extend leads back to %s; break the cycle", display(next))}}}
		}
		if seen[real] = true; len(seen) > 50 {
			return nil, &Error{[]Problem{{display(from), at.line, at.column, "extend goes on through more than 50 files"}}}
		}
		text, err := read(next, named && from == "")
		if err != nil {
			if from != "" {
				return nil, &Error{[]Problem{{display(from), at.line, at.column, fmt.Sprintf("extend names %s: %v", display(next), err)}}}
			}
			return nil, &Error{[]Problem{{File: display(next), Message: err.Error()}}}
		}
		root, p := parse(display(next), text)
		if p != nil {
			return nil, &Error{[]Problem{*p}}
		}
		c := checker{name: display(next), text: text, schema: l.opts.Schema}
		s := c.settings(root)
		if s.required != nil {
			if ok, err := satisfies(l.opts.Version, s.required.value); err == nil && !ok {
				// Keys that only the other version knows are no mistakes.
				return nil, &Error{[]Problem{{c.name, s.required.at.line, s.required.at.column,
					fmt.Sprintf("required-version is %q, and this is shale %s", s.required.value, l.opts.Version)}}}
			}
		}
		if len(c.problems) > 0 {
			sort.SliceStable(c.problems, func(i, j int) bool {
				a, b := c.problems[i], c.problems[j]
				return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
			})
			return nil, &Error{c.problems}
		}
		chain = append(chain, s)
		from, next = next, ""
		if s.extend != nil {
			at = s.extend.at
			next = s.extend.value
			if !filepath.IsAbs(next) {
				next = filepath.Join(filepath.Dir(from), filepath.FromSlash(next))
			}
		}
	}
	cfg := &Config{file: path}
	for i := len(chain) - 1; i >= 0; i-- {
		cfg.apply(chain[i], filepath.Dir(path), how)
	}
	return l.finish(cfg)
}

// finish lays the --config arguments over a configuration.
func (l *Loader) finish(c *Config) (*Config, error) {
	for _, o := range l.overrides {
		if r := o.settings.required; r != nil {
			if ok, err := satisfies(l.opts.Version, r.value); err == nil && !ok {
				return nil, &Error{[]Problem{{File: "--config", Message: fmt.Sprintf("required-version is %q, and this is shale %s", r.value, l.opts.Version)}}}
			}
		}
		c.apply(o.settings, o.base, o.how)
	}
	return c, nil
}

// apply sets what s sets; its paths count from base.
func (c *Config) apply(s settings, base, how string) {
	if s.exclude != nil {
		c.exclude = &globs{base, *s.exclude}
	}
	if s.contexts != nil {
		c.contexts = nil
		for _, x := range *s.contexts {
			dir := filepath.FromSlash(x.dir)
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(base, dir)
			}
			c.contexts = append(c.contexts, context{globs{base, x.files}, dir, how})
		}
	}
	if s.builder != nil {
		c.builder = *s.builder
	}
	for rule, v := range s.severity {
		if c.severity == nil {
			c.severity = map[string]string{}
		}
		c.severity[rule] = v
	}
	for key, entries := range s.tables {
		// An entry of a file that is extended stands where this one has none.
		all := maps.Clone(c.tables[key])
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, entries)
		if c.tables == nil {
			c.tables = map[[2]string]map[string]string{}
		}
		c.tables[key] = all
	}
	for key, v := range s.options {
		if c.options == nil {
			c.options = map[[2]string]string{}
		}
		c.options[key] = v
	}
}

// read returns a configuration file's text; one that is too big is cut where
// parse refuses it. Only what the user named may be a pipe: opening another would wait.
func read(path string, named bool) (string, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", explain(err)
	}
	if fi.IsDir() {
		return "", errors.New("is a folder, not a file")
	}
	if !named && !fi.Mode().IsRegular() {
		return "", errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", explain(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+4))
	if err != nil {
		return "", explain(err)
	}
	return strings.TrimPrefix(string(b), "\xef\xbb\xbf"), nil
}

func explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("permission denied")
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
