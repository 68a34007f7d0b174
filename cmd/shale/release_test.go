//go:build linux || darwin

package main_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What downloads a release takes it by the names that it gets.
func TestReleaseNames(t *testing.T) {
	var config struct {
		Builds   []struct{ Goos, Goarch []string }
		Archives []struct {
			Name      string `yaml:"name_template"`
			Formats   []string
			Overrides []struct {
				Goos    string
				Formats []string
			} `yaml:"format_overrides"`
		}
		Checksum struct {
			Name string `yaml:"name_template"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../.goreleaser.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Builds) != 1 || len(config.Archives) != 1 || config.Checksum.Name != "checksums.txt" {
		t.Fatalf("%+v", config)
	}
	action, gitlab, npm := read(t, "../../action.yml"), read(t, "../../docs/ci/gitlab.yml"), read(t, "../../.ci/npm/pack.mjs")
	archive := config.Archives[0]
	name := func(os, arch string) string {
		return strings.NewReplacer("{{ .Os }}", os, "{{ .Arch }}", arch).Replace(archive.Name) + ".tar.gz"
	}
	for file, want := range map[string]string{action: name("${os}", "$arch"), npm: name("${goos}", "${goarch}")} {
		if !strings.Contains(file, want) || !strings.Contains(action, "checksums.txt") {
			t.Errorf("not taken by the name %s", want)
		}
	}
	for _, os := range config.Builds[0].Goos {
		formats := archive.Formats
		for _, o := range archive.Overrides {
			if o.Goos == os {
				formats = o.Formats
			}
		}
		if !strings.Contains(strings.Join(formats, " "), "tar.gz") {
			t.Errorf("%s: no tar.gz, which action.yml and npm's packages take", os)
		}
		if !strings.Contains(action, "os="+os+" ") || !strings.Contains(npm, ": \""+os+"\"") {
			t.Errorf("%s is released, and not taken", os)
		}
		for _, arch := range config.Builds[0].Goarch {
			if !strings.Contains(action, "arch="+arch+" ") || !strings.Contains(npm, ": \""+arch+"\"") {
				t.Errorf("%s is released, and not taken", arch)
			}
			if os == "linux" && !strings.Contains(gitlab, name(os, arch)) {
				t.Errorf("docs/ci/gitlab.yml does not take %s", name(os, arch))
			}
		}
	}
}
