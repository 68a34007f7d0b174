package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
)

// configs knows the configuration in force for each file.
type configs struct {
	schema config.Schema
	args   []string // the values of --config
	only   []string // rules that are on whatever the configuration says
	base   *config.Loader

	mu sync.Mutex
	on map[string]*config.Loader // by the arguments that turn rules on
}

func newConfigs(s *selection, all []*analysis.Rule) (*configs, error) {
	c := &configs{schema: analysis.Schema(all), args: s.config, only: s.only, on: map[string]*config.Loader{}}
	if slices.Contains(s.only, "shellcheck") {
		// Whoever asks for it has it, whether hadolint is configured or not.
		c.args = slices.Insert(slices.Clone(s.config), 0, `rules.shellcheck.when="always"`)
	}
	var err error
	c.base, err = c.loader(nil)
	return c, err
}

func (c *configs) loader(more []string) (*config.Loader, error) {
	v, _ := versions()
	return config.New(config.Options{Schema: c.schema, Version: v, Args: append(c.args[:len(c.args):len(c.args)], more...)})
}

// of returns the configuration for a file; for text without a name, that of the
// working folder.
func (c *configs) of(t target) (*config.Config, error) {
	path := cmp.Or(t.path, "Dockerfile")
	cfg, err := c.base.For(path)
	if err != nil {
		return nil, err
	}
	var on []string
	for _, name := range c.only {
		if severity, _ := cfg.Severity(name); severity == analysis.Off.String() {
			on = append(on, fmt.Sprintf("rules.%s.severity=%q", name, analysis.Warning))
		}
	}
	if len(on) == 0 {
		return cfg, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.Join(on, " ")
	if c.on[key] == nil {
		if c.on[key], err = c.loader(on); err != nil {
			return nil, err
		}
	}
	return c.on[key].For(path)
}

// excluded reports whether a file or folder is left out of a walk. A broken
// configuration is told when a file below it is worked on.
func (c *configs) excluded(path string) bool {
	cfg, err := c.base.For(path)
	return err == nil && cfg.Excluded(path)
}
