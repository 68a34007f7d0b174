package sequence

import (
	"path/filepath"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/rules"
)

// Merged is a configuration by which RUNs are merged whatever it wins.
func Merged(t *testing.T) *config.Config {
	t.Helper()
	loader, err := config.New(config.Options{Schema: analysis.Schema(rules.All()), Args: []string{`rules.merge-runs.when="always"`}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := loader.For(filepath.Join(t.TempDir(), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
