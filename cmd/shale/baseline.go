package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/cmd/shale/internal/report"
)

// A baseline is the findings that a repository had when it took Shale up. They
// are known by what they underline, not by line, and by path from the baseline's
// own folder.
type baseline struct {
	dir   string // absolute
	files map[string]map[string]bool
}

type baselineEntry struct {
	Path        string `json:"path"`
	Rule        string `json:"rule"`
	Fingerprint string `json:"fingerprint"`
}

func readBaseline(path string) (*baseline, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("--baseline %s: no such file; `shale check --write-baseline %[1]s` makes it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("--baseline %s: %w", path, reason(err))
	}
	var in struct {
		Version  int
		Findings []baselineEntry
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("--baseline %s: it is no baseline: %w", path, err)
	}
	if in.Version != 1 {
		return nil, fmt.Errorf("--baseline %s: its version is %d; this shale knows version 1", path, in.Version)
	}
	b, err := newBaseline(path)
	if err != nil {
		return nil, err
	}
	for _, e := range in.Findings {
		if b.files[e.Path] == nil {
			b.files[e.Path] = map[string]bool{}
		}
		b.files[e.Path][e.Fingerprint] = true
	}
	return b, nil
}

func newBaseline(path string) (*baseline, error) {
	abs, err := filepath.Abs(path)
	return &baseline{dir: filepath.Dir(abs), files: map[string]map[string]bool{}}, err
}

func (b *baseline) known(in analysis.Input, shown string) (map[string]bool, error) {
	return b.files[b.name(onDisk(in, shown))], nil
}

// name is a file's path from the baseline's folder.
func (b *baseline) name(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		if rel, err := filepath.Rel(b.dir, abs); err == nil {
			path = rel
		}
	}
	return filepath.ToSlash(path)
}

// A baselineWriter gathers what is found.
type baselineWriter struct {
	path    string
	base    *baseline
	entries []baselineEntry
}

func newBaselineWriter(path string) (*baselineWriter, error) {
	b, err := newBaseline(path)
	return &baselineWriter{path: path, base: b}, err
}

func (w *baselineWriter) add(f report.File) {
	for i, name := range report.Fingerprints(f.Content, f.Diagnostics) {
		w.entries = append(w.entries, baselineEntry{w.base.name(f.Path), f.Diagnostics[i].Rule, name})
	}
}

// write writes one finding a line, so that a change of the baseline is read as a
// diff.
func (w *baselineWriter) write() error {
	slices.SortFunc(w.entries, func(a, b baselineEntry) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	var out bytes.Buffer
	out.WriteString(`{"version":1,"findings":[`)
	for i, e := range w.entries {
		b, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteString(",")
		}
		fmt.Fprintf(&out, "\n%s", b)
	}
	out.WriteString("\n]}\n")
	return put(w.path, out.String())
}
