package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Shale finds nothing in the Dockerfile of its own image, by any of its rules; and
// what it preaches is what keeps it so.
func TestOwnDockerfile(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) (int, string) {
		a := newApp()
		var out, said bytes.Buffer
		a.in, a.out, a.err = strings.NewReader(text), &stream{w: &out}, &stream{w: &said}
		a.getenv = func(string) string { return "" }
		var names []string
		for _, r := range a.rules {
			if r.Name != "shellcheck" { // it may not be installed
				names = append(names, r.Name)
			}
		}
		status := a.run(t.Context(), []string{"check", "--fail-on=info", "--only=" + strings.Join(names, ","), "--context=" + root, "--stdin-filename=Dockerfile", "-"})
		return status, out.String() + said.String()
	}
	if status, out := check(string(text)); status != 0 {
		t.Errorf("exit status %d\n%s", status, out)
	}
	for rule, change := range map[string][2]string{
		"copy-before-install": {"COPY go.mod go.sum ./", "COPY . ."},
		"root-user":           {"USER 65532:65532", "USER root"},
		"FromAsCasing":        {" AS build", " as build"},
	} {
		if status, out := check(strings.ReplaceAll(string(text), change[0], change[1])); status != exitFindings || !strings.Contains(out, "["+rule+"]") {
			t.Errorf("%s is not found: exit status %d\n%s", rule, status, out)
		}
	}
}
