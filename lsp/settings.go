package lsp

import (
	"github.com/shale-build/shale/analysis/config"
)

// readSettings starts to read configurations anew. A Loader reads each once and
// keeps it, so a reload takes another.
func (s *server) readSettings() *config.Loader {
	schema := config.Schema{Rules: map[string]map[string][]string{}}
	for _, rule := range s.opts.Rules {
		options := map[string][]string{}
		for _, o := range rule.Options {
			options[o.Name] = o.Values
		}
		schema.Rules[rule.Name] = options
	}
	loader, err := config.New(config.Options{Schema: schema, Version: s.opts.Version})
	if err != nil {
		panic(err) // it is of --config arguments only, and there are none
	}
	return loader
}
