package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A module is one that is compiled in, on some system.
type module struct {
	Path, Version, Dir string
	licence            string // SPDX expression
	files              []string
	only               []string // the systems that have it, nil for all
}

// systems are those that releases are made for.
var systems = []string{"linux", "darwin", "windows"}

// modules returns what is compiled into cmd/shale, by path; the main module is not
// among them.
func modules(root string) ([]module, error) {
	found := map[string]module{}
	on := map[string][]string{}
	for _, goos := range systems {
		cmd := exec.Command("go", "list", "-deps", "-json=Module", "./cmd/shale")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w\n%s", err, &complaint)
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct {
				Module *struct {
					Path, Version, Dir string
					Main               bool
				}
			}
			if err := dec.Decode(&p); err == io.EOF {
				break
			} else if err != nil {
				return nil, err
			}
			if m := p.Module; m != nil && !m.Main && !slices.Contains(on[m.Path], goos) {
				found[m.Path] = module{Path: m.Path, Version: m.Version, Dir: m.Dir}
				on[m.Path] = append(on[m.Path], goos)
			}
		}
	}
	var out []module
	for _, path := range slices.Sorted(maps.Keys(found)) {
		m := found[path]
		if len(on[path]) < len(systems) {
			m.only = on[path]
		}
		var err error
		if m.files, m.licence, err = read(m.Dir); err != nil {
			return nil, fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
		out = append(out, m)
	}
	return out, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.(txt|md))?$`)

// read returns a module's files that speak of its licence, and what they say.
func read(dir string) (files []string, licence string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, "", err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, "", err
		}
		files = append(files, path)
		for _, name := range recognize(string(text)) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, "", fmt.Errorf("none of the licences that Shale may ship is in %s: read what is there, and add it to kinds if it asks no more than they do", dir)
	}
	slices.Sort(names)
	return files, strings.Join(names, " AND "), nil
}

// kinds are the licences that may be compiled into a program under Apache-2.0, by
// the words that only they have. All ask that their text goes with the program,
// MPL-2.0 also that it is told where the source is. Source: their texts, and the
// Apache Software Foundation's list of categories A and B.
var kinds = []struct {
	name string
	says []string
	not  string
}{
	{name: "Apache-2.0", says: []string{"apache license version 2.0, january 2004", "grant of patent license"}},
	{name: "Apache-2.0", says: []string{`licensed under the apache license, version 2.0 (the "license"); you may not use this file except in compliance with the license.`}},
	{name: "MIT", says: []string{"permission is hereby granted, free of charge, to any person obtaining a copy of this software", "the above copyright notice and this permission notice shall be included"}},
	{name: "ISC", says: []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice"}},
	{name: "BSD-3-Clause", says: []string{"redistribution and use in source and binary forms, with or without modification, are permitted", "endorse or promote products derived from"}},
	{name: "BSD-2-Clause", says: []string{"redistribution and use in source and binary forms, with or without modification, are permitted"}, not: "endorse or promote products derived from"},
	{name: "MPL-2.0", says: []string{"mozilla public license", "version 2.0", "covered software"}},
}

// recognize names the licences whose text, or all that matters of it, is in a file.
func recognize(text string) []string {
	plain := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	var out []string
	for _, k := range kinds {
		has := k.not == "" || !strings.Contains(plain, k.not)
		for _, words := range k.says {
			has = has && strings.Contains(plain, words)
		}
		if has && !slices.Contains(out, k.name) {
			out = append(out, k.name)
		}
	}
	return out
}

// texts joins the files of all modules, and Go's own: what their licences ask to go
// with a program.
func texts(mods []module) (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	goroot := strings.TrimSpace(string(out))
	files, licence, err := read(goroot)
	if err != nil {
		return "", fmt.Errorf("go: %w", err)
	}
	mods = append([]module{{Path: "Go's runtime and standard library", licence: licence, files: files}}, mods...)
	var b strings.Builder
	b.WriteString("shale has the following in it, under the licences that follow. The source of each\nmodule is what `go mod download MODULE@VERSION` fetches.\n")
	for _, m := range mods {
		fmt.Fprintf(&b, "\n%s\n%s\n%s\n", strings.Repeat("=", 80), strings.TrimSpace(m.Path+" "+m.Version), m.licence)
		for _, f := range m.files {
			text, err := os.ReadFile(f)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%s\n%s\n", strings.Repeat("-", 80), strings.TrimRight(string(text), "\n"))
		}
	}
	return b.String(), nil
}
