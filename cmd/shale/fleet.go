package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/rewrite"
)

// A fleet is a run over many repositories: what becomes of each is kept apart, in a
// patch of its own and in a summary from which a later run goes on.
type fleet struct {
	patches string // --patches
	path    string // --summary
	resume  bool   // --resume

	roots   map[string]string // of a file, by the path that the user knows
	waiting map[string]int    // files of a repository that are not told of yet
	diffs   map[string]string // of a repository that is worked on
	work    map[string]*repoSummary
	before  map[string]*repoSummary // of an earlier run
	all     []*repoSummary
	saved   time.Time
}

// What --summary writes.
type (
	fleetSummary struct {
		Version      int                     `json:"version"`
		Totals       fleetTotals             `json:"totals"`
		Rules        map[string]*ruleSummary `json:"rules"`
		Repositories []*repoSummary          `json:"repositories"`
	}
	fleetTotals struct {
		Repositories int `json:"repositories"`
		Changed      int `json:"changed"` // repositories
		Failed       int `json:"failed"`  // repositories
		Files        int `json:"files"`
		Fixed        int `json:"fixed"`
		Left         int `json:"left"`
	}
	ruleSummary struct {
		Repositories int `json:"repositories"` // in which it found something
		Fixed        int `json:"fixed"`
		Left         int `json:"left"`
	}
	repoSummary struct {
		Path     string         `json:"path"`
		Revision string         `json:"revision,omitempty"` // that it is at
		Done     bool           `json:"done"`               // a later run may leave it out
		Errors   []string       `json:"errors,omitempty"`
		Patch    string         `json:"patch,omitempty"`
		Files    int            `json:"files"`
		Changed  int            `json:"changed"`
		Fixed    map[string]int `json:"fixed"` // by rule; with --diff what would be
		Left     map[string]int `json:"left"`
	}
)

// newFleet takes the files apart by repository. With --resume those of repositories
// that are done are left out. A file in no repository belongs to the folder that
// was named.
func newFleet(f *fixFlags, args []string, files []target) (*fleet, []target, error) {
	fl := &fleet{
		patches: f.patches, path: f.summary, resume: f.resume,
		roots: map[string]string{}, waiting: map[string]int{}, diffs: map[string]string{},
		work: map[string]*repoSummary{}, before: map[string]*repoSummary{},
	}
	if fl.resume {
		if err := fl.read(); err != nil {
			return nil, nil, err
		}
	}
	byRoot, order := map[string][]target{}, []string{}
	for _, t := range files {
		root, err := fleetRoot(t.path, args)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", t.shown, err)
		}
		fl.roots[t.shown] = root
		if byRoot[root] == nil {
			order = append(order, root)
		}
		byRoot[root] = append(byRoot[root], t)
	}
	var out []target
	for _, root := range order {
		if old := fl.before[fromHere(root)]; old != nil && old.Done {
			fl.all = append(fl.all, old)
			continue
		}
		fl.waiting[root] = len(byRoot[root])
		out = append(out, byRoot[root]...)
	}
	// What was done and is not named this time stays in the summary.
	for _, name := range slices.Sorted(maps.Keys(fl.before)) {
		if old := fl.before[name]; old.Done && !slices.Contains(fl.all, old) {
			fl.all = append(fl.all, old)
		}
	}
	return fl, out, nil
}

// fleetRoot is the folder of the repository of a file; in none, the named folder
// that it is nearest to.
func fleetRoot(path string, args []string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if root, ok := discover.Repository(filepath.Dir(abs)); ok {
		return root, nil
	}
	best := filepath.Dir(abs)
	found := ""
	for _, arg := range args {
		dir, err := filepath.Abs(arg)
		if err != nil {
			return "", err
		}
		if len(dir) > len(found) && dir != abs && (dir == best || strings.HasPrefix(best, dir+string(filepath.Separator))) {
			found = dir
		}
	}
	return cmp.Or(found, best), nil
}

// name is a file's name in the patch of its repository.
func (fl *fleet) name(shown string) func(path string) string {
	if fl == nil || fl.patches == "" {
		return fromHere
	}
	root := fl.roots[shown]
	return func(path string) string {
		if abs, err := filepath.Abs(path); err == nil {
			if rel, err := filepath.Rel(root, abs); err == nil {
				path = rel
			}
		}
		return filepath.ToSlash(path)
	}
}

// tell takes in what came of one file.
func (fl *fleet) tell(s *session, o outcome) error {
	if fl == nil {
		return nil
	}
	root, ok := fl.roots[o.file.Path]
	if !ok {
		return nil // a path that could not be looked at
	}
	r := fl.work[root]
	if r == nil {
		r = &repoSummary{Path: fromHere(root), Fixed: map[string]int{}, Left: map[string]int{}}
		if old := fl.before[r.Path]; old != nil && fl.patches == "" {
			maps.Copy(r.Fixed, old.Fixed) // what an interrupted run wrote
			r.Changed = old.Changed
		}
		fl.work[root] = r
	}
	r.Files++
	if len(o.fixed) > 0 {
		r.Changed++
	}
	for _, rule := range o.fixed {
		r.Fixed[rule]++
	}
	for _, rule := range o.left {
		r.Left[rule]++
	}
	if o.file.Err != nil {
		r.Errors = append(r.Errors, o.file.Err.Error())
	}
	fl.diffs[root] += o.diff
	if fl.waiting[root]--; fl.waiting[root] > 0 {
		return nil
	}
	// "" where it is not known
	r.Revision, _ = headCommit(s.ctx, root)
	r.Done = len(r.Errors) == 0
	if err := fl.patch(root, r); err != nil {
		return err
	}
	delete(fl.work, root)
	delete(fl.diffs, root)
	fl.all = append(fl.all, r)
	// Whoever ends the run without a word loses a second of it.
	if time.Since(fl.saved) < time.Second {
		return nil
	}
	return fl.save()
}

// patch writes a repository's patch, or takes away that of an earlier run.
func (fl *fleet) patch(root string, r *repoSummary) error {
	if fl.patches == "" {
		return nil
	}
	name := filepath.FromSlash(r.Path)
	switch {
	case name == ".":
		name = filepath.Base(root)
	case !filepath.IsLocal(name):
		// Not below the working folder: under its whole path.
		name = strings.TrimPrefix(root, filepath.VolumeName(root))
	}
	path := filepath.Join(fl.patches, name+".patch")
	if fl.diffs[root] == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	r.Patch = filepath.ToSlash(path)
	return put(path, fl.diffs[root])
}

// close writes the summary at the end, and what is known of repositories in which
// the work was broken off.
func (fl *fleet) close() error {
	if fl == nil {
		return nil
	}
	for _, root := range slices.Sorted(maps.Keys(fl.work)) {
		if fl.patches == "" {
			fl.all = append(fl.all, fl.work[root])
		}
	}
	return fl.save()
}

func (fl *fleet) save() error {
	if fl.path == "" {
		return nil
	}
	fl.saved = time.Now()
	sum := fleetSummary{Version: 1, Rules: map[string]*ruleSummary{}, Repositories: []*repoSummary{}}
	sum.Repositories = append(sum.Repositories, fl.all...)
	slices.SortFunc(sum.Repositories, func(a, b *repoSummary) int { return cmp.Compare(a.Path, b.Path) })
	for _, r := range sum.Repositories {
		t := &sum.Totals
		t.Repositories++
		t.Files += r.Files
		if r.Changed > 0 {
			t.Changed++
		}
		if len(r.Errors) > 0 {
			t.Failed++
		}
		seen := map[string]bool{}
		count := func(rule string, fixed, left int) {
			if sum.Rules[rule] == nil {
				sum.Rules[rule] = &ruleSummary{}
			}
			if !seen[rule] {
				sum.Rules[rule].Repositories++
			}
			seen[rule] = true
			sum.Rules[rule].Fixed += fixed
			sum.Rules[rule].Left += left
			t.Fixed += fixed
			t.Left += left
		}
		for rule, n := range r.Fixed {
			count(rule, n, 0)
		}
		for rule, n := range r.Left {
			count(rule, 0, n)
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(sum); err != nil {
		return err
	}
	return put(fl.path, out.String())
}

// read takes in the summary of an earlier run; none is an empty one.
func (fl *fleet) read() error {
	text, err := os.ReadFile(fl.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--summary %s: %w", fl.path, reason(err))
	}
	var sum fleetSummary
	if err := json.Unmarshal(text, &sum); err != nil {
		return fmt.Errorf("--summary %s: it is no summary to go on from: %w", fl.path, err)
	}
	if sum.Version != 1 {
		return fmt.Errorf("--summary %s: its version is %d; this shale knows version 1", fl.path, sum.Version)
	}
	for _, r := range sum.Repositories {
		fl.before[r.Path] = r
	}
	return nil
}

// put writes a file whole, with the folders that it lies in.
func put(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return rewrite.CreateFile(path, text)
	}
	if err != nil {
		return err
	}
	return rewrite.WriteFile(path, string(before), text)
}
