package main

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// A cask installs the manual pages that it names: there is one for each command.
func TestCaskNamesEveryPage(t *testing.T) {
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Casks []struct{ Manpages []string } `yaml:"homebrew_casks"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil || len(config.Casks) != 1 {
		t.Fatal(config, err)
	}
	want := []string{"man/shale.1.gz"}
	for _, c := range newApp().rootCommand().Commands() {
		if c.IsAvailableCommand() {
			want = append(want, "man/shale-"+c.Name()+".1.gz")
		}
	}
	got := slices.Sorted(slices.Values(config.Casks[0].Manpages))
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("homebrew_casks.manpages in .goreleaser.yaml (-want +got)\n%s", diff)
	}
}
