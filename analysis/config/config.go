// Package config reads .shale.toml and --config: which settings are in force for a
// file, and where one is wrong.
package config

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Name is the name of a configuration file.
const Name = ".shale.toml"

// A Config is the settings in force for the files of a folder. It is immutable;
// nil is a Config without settings.
//
// A file that extends another has that one's settings where it has none itself.
// Its paths and globs count from the folder of the extending file, as if they
// stood in it; those given by --config KEY=VALUE count from the working folder.
type Config struct {
	file     string
	exclude  *globs
	contexts []context
	builder  string
	severity map[string]string
	options  map[[2]string]string
	tables   map[[2]string]map[string]string
	hadolint bool
}

// globs are patterns that count from a folder.
type globs struct {
	base     string // absolute
	patterns []string
}

// A context says which folder is the build context of some Dockerfiles.
type context struct {
	files globs
	dir   string // absolute
	how   string
}

// File is the path of the configuration file in force; "" if there is none.
func (c *Config) File() string {
	if c == nil {
		return ""
	}
	return c.file
}

// Builder names what builds the files, which says what a fix may write:
// "docker-N" is the BuildKit inside that Docker release, a version such as "0.12"
// is that BuildKit, "podman" and "kaniko" are those builders. It is "" if unset.
func (c *Config) Builder() string {
	if c == nil {
		return ""
	}
	return c.builder
}

// ContextFor returns the build context that the configuration names for a
// Dockerfile, absolute, and who names it, for messages. The first entry that
// matches decides.
func (c *Config) ContextFor(dockerfile string) (dir, how string, ok bool) {
	if c == nil {
		return "", "", false
	}
	for _, x := range c.contexts {
		if x.files.match(dockerfile) {
			return x.dir, x.how, true
		}
	}
	return "", "", false
}

// Severity returns the configured severity of a rule: error, warning, info or off.
func (c *Config) Severity(rule string) (string, bool) {
	if c == nil {
		return "", false
	}
	s, ok := c.severity[rule]
	return s, ok
}

// Option returns the configured value of one of a rule's options.
func (c *Config) Option(rule, key string) (string, bool) {
	if c == nil {
		return "", false
	}
	s, ok := c.options[[2]string{rule, key}]
	return s, ok
}

// Table returns the configured entries of a rule's option that is a table.
func (c *Config) Table(rule, key string) map[string]string {
	if c == nil {
		return nil
	}
	return c.tables[[2]string{rule, key}]
}

// Excluded reports whether a file or folder, or a folder above it, matches a
// pattern of exclude. A pattern without a slash matches a name at any depth.
func (c *Config) Excluded(path string) bool {
	return c != nil && c.exclude != nil && c.exclude.match(path)
}

// match reports whether a pattern matches the path or a folder above it.
func (g *globs) match(path string) bool {
	if len(g.patterns) == 0 {
		return false
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(g.base, abs)
	if err != nil {
		return false
	}
	rel = filepath.ToSlash(rel)
	if rel == ".." || strings.HasPrefix(rel, "../") || rel == "." {
		return false
	}
	for _, p := range g.patterns {
		p = strings.TrimPrefix(strings.TrimSuffix(p, "/"), "./")
		anywhere := !strings.Contains(p, "/")
		p = strings.TrimPrefix(p, "/")
		for start, end := 0, 0; end < len(rel); {
			if i := strings.IndexByte(rel[end:], '/'); i >= 0 {
				end += i
			} else {
				end = len(rel)
			}
			part := rel[:end]
			if anywhere {
				part = rel[start:end]
			}
			if doublestar.MatchUnvalidated(p, part) {
				return true
			}
			if end < len(rel) {
				end++
			}
			start = end
		}
	}
	return false
}

// display names a path relative to the working folder when it is below that.
func display(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(rel)
	}
	return path
}
