package lsp

import (
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
)

// readSettings starts to read configurations anew. A Loader reads each once and
// keeps it, so a reload takes another.
func (s *server) readSettings() *config.Loader {
	loader, err := config.New(config.Options{Schema: analysis.Schema(s.opts.Rules), Version: s.opts.Version})
	if err != nil {
		panic(err) // it is of --config arguments only, and there are none
	}
	return loader
}
