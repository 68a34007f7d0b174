//go:build linux

package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMatrix(t *testing.T) {
	all, deep := cases(t), os.Getenv("SHALE_TEST_DEEP") != ""
	w := open(t)
	t.Parallel()
	var table summary
	var safe, traps int
	t.Run("cases", func(t *testing.T) {
		for _, k := range all {
			if k.want.Slow != deep {
				continue
			}
			if k.name == "merge-download-deleted" {
				t.Run("measures", func(t *testing.T) { w.measures(t, k) })
			}
			if k.trap() {
				traps++
			} else {
				safe++
			}
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				var r report
				defer func() { table.add(k, r, time.Since(start), !t.Failed()) }()
				w.prove(t, k, &r)
			})
		}
	})
	t.Logf("%d cases, %d traps\n%s", safe, traps, &table)
}

// The bytes that shale verify tells are those of buildctl's own export.
func (w *world) measures(t *testing.T, k kase) {
	t.Parallel()
	var r report
	if status := w.verify(t, k, &r, "--rebuild", "none"); status != 0 {
		t.Fatalf("exit %d", status)
	}
	dir := t.TempDir()
	if out, err := w.build(t, k, k.file, "--output", "type=oci,tar=false,compression=uncompressed,force-compression=true,dest="+dir); err != nil {
		t.Fatalf("%v\n%s", err, tail(out))
	}
	var manifest struct {
		Layers []struct{ Size int64 }
	}
	readJSON(t, filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(w.digest(t, dir), "sha256:")), &manifest)
	var want, got []int64
	for _, l := range manifest.Layers {
		want = append(want, l.Size)
	}
	for _, l := range r.Before.Layers {
		got = append(got, l.Uncompressed)
	}
	if !slices.Equal(got, want) {
		t.Errorf("layers of %v bytes, buildctl exports %v", got, want)
	}
	// The archive is shipped by one layer and removed by another.
	if archive := int64(len(toolArchive(t))); r.Before.Dead != archive || r.After.Dead != 0 {
		t.Errorf("%d dead bytes before, %d after; want %d, 0", r.Before.Dead, r.After.Dead, archive)
	}
}

// prove runs one case and leaves its report in r, also where it fails.
func (w *world) prove(t *testing.T, k kase, r *report) {
	var flags []string
	for touched := range k.want.Rebuild {
		flags = append(flags, "--rebuild", touched)
	}
	if len(flags) == 0 {
		flags = []string{"--rebuild", "none"}
	}
	switch k.want.Verdict {
	case "", "equal":
		if k.want.Advice != "" {
			flags = append(flags, "--against", "after.Dockerfile")
		}
		status := w.verify(t, k, r, flags...)
		k.holds(t, *r, status)
	case "different":
		status := w.verify(t, k, r, append(flags, "--against", "after.Dockerfile")...)
		k.caught(t, *r, status)
		// What Shale makes of the same file is no such rewrite.
		var own report
		status = w.verify(t, k, &own, flags...)
		switch k.want.Own {
		case "equal":
			k.holds(t, own, status)
		default:
			if own.Verdict != "unchanged" || status != 0 {
				t.Errorf("what Shale makes of it: verdict %s, exit %d, fixes %v; want unchanged, 0", own.Verdict, status, own.Applied)
			}
		}
	case "fails":
		w.fails(t, k, r)
	default:
		t.Fatalf("verdict %q is none", k.want.Verdict)
	}
}

// fails proves that a build that failed before still fails when Shale is done.
// With after.Dockerfile it shows first that the wrong rewrite would succeed.
func (w *world) fails(t *testing.T, k kase, r *report) {
	if out, err := w.build(t, k, k.file); err == nil || !strings.Contains(out, k.want.Failure) {
		t.Fatalf("before: %v, want a failure with %q\n%s", err, k.want.Failure, tail(out))
	}
	if wrong, err := os.ReadFile(filepath.Join(k.dir, "after.Dockerfile")); err == nil {
		if out, err := w.build(t, k, string(wrong)); err != nil {
			t.Errorf("the wrong rewrite fails too: %v\n%s", err, tail(out))
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(k.dir)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("context", "Dockerfile")
	if _, errs, status := w.run(t, dir, "fix", "--context", "context", "--exit-zero", file); status != 0 {
		t.Fatalf("shale fix: exit %d\n%s", status, errs)
	}
	fixed, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if changed := string(fixed) != k.file; changed != (len(k.want.Fixes) > 0) {
		t.Errorf("shale fix changed it: %t, want %t", changed, len(k.want.Fixes) > 0)
	}
	if out, err := w.build(t, k, string(fixed)); err == nil || !strings.Contains(out, k.want.Failure) {
		t.Errorf("what Shale makes of it: %v, want a failure with %q\n%s\n%s", err, k.want.Failure, fixed, tail(out))
	}
	// And shale verify says that there is nothing to judge.
	flags := []string{"--rebuild", "none"}
	if len(k.want.Fixes) == 0 {
		flags = append(flags, "--against", "after.Dockerfile")
	}
	status := w.verify(t, k, r, flags...)
	if r.Verdict != "failed" || status != 2 || r.Failure == nil || r.Failure.Kind != "before" || !strings.Contains(r.Failure.Message+"\n"+r.Failure.Log, k.want.Failure) {
		t.Errorf("verdict %s, exit %d, failure %+v; want failed, 2, before, with %q", r.Verdict, status, r.Failure, k.want.Failure)
	}
}

// A summary is the table at the end.
type summary struct {
	mu   sync.Mutex
	rows []string
}

func (s *summary) add(k kase, r report, took time.Duration, ok bool) {
	mb := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }
	verdict, size, layers := "as wanted", "", ""
	if !ok {
		verdict = "WRONG"
	}
	if r.Before.Uncompressed > 0 {
		size, layers = mb(r.Before.Uncompressed), fmt.Sprint(len(r.Before.Layers))
		if r.After.Uncompressed > 0 {
			size += " → " + mb(r.After.Uncompressed)
			layers += " → " + fmt.Sprint(len(r.After.Layers))
		}
	}
	var steps []string
	for _, b := range r.Rebuilds {
		steps = append(steps, fmt.Sprintf("%s %d → %d", b.Path, len(b.Before.Steps), len(b.After.Steps)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, fmt.Sprintf("%-38s %-10s %-18s %-8s %-24s %5.1f s in %d builds  %s",
		k.name, r.Verdict, size, layers, strings.Join(steps, ", "), took.Seconds(), len(r.Builds), verdict))
}

func (s *summary) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.rows)
	return fmt.Sprintf("%-38s %-10s %-18s %-8s %s\n%s", "case", "verdict", "MB", "layers", "steps rerun", strings.Join(s.rows, "\n"))
}
