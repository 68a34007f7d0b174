// Command corpus holds Shale to its promise over folders of real Dockerfiles: it checks
// each, makes the safe and then also the unsafe fixes in memory, makes the safe ones once more
// one at a time in a random order, and tells whatever came out wrong. Nothing is written.
package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/cmd/shale/internal/pool"
)

func main() {
	slow := flag.Duration("slow", 50*time.Millisecond, "tell of files that take longer to fix, with nothing beside them")
	most := flag.Int("most", 0, "stop after so many distinct files; 0 for all")
	alone := flag.Bool("alone", true, "hold each fix to its promise alone too, as an editor offers it")
	orders := flag.Int("orders", 1, "make the safe fixes of a file one at a time, too, in so many random orders")
	seed := flag.Uint64("seed", 0, "of these orders; 0 for another each time")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: corpus [FLAGS] DIR…")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	debug.SetGCPercent(400) // many small texts, little that lives
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	found := discover.Find(flag.Args(), discover.Options{})
	for _, err := range found.Problems {
		fmt.Fprintln(os.Stderr, "corpus:", err)
	}
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	j := &judge{ctx: ctx, rules: slices.Concat(rules.All(), checks.All()), alone: *alone, orders: *orders, seed: *seed}
	t := newTally()
	start := time.Now()
	pool.InOrder(ctx, distinct(found.Files, *most), j.look, t.add)
	took := time.Since(start)
	t.measure(j, *slow)
	t.print(os.Stdout, took)
	if *orders > 0 {
		fmt.Printf("one at a time in %d random orders: %d files, %d fixes; again by -seed %d\n", *orders, t.walked, t.steps, *seed)
	}
	if len(found.Problems) > 0 || ctx.Err() != nil {
		os.Exit(2)
	}
	if t.defects > 0 {
		os.Exit(1)
	}
}

// A read is a file's content, or why it cannot be read.
type read struct {
	path, content string
	err           error
}

// distinct reads files, and leaves out those whose content was there before. It ends
// after most of them; 0 is for all.
func distinct(files []discover.File, most int) iter.Seq[read] {
	return func(yield func(read) bool) {
		seen := map[[sha256.Size]byte]bool{}
		for _, f := range files {
			if most > 0 && len(seen) == most {
				return
			}
			content, err := os.ReadFile(f.Path)
			if sum := sha256.Sum256(content); err == nil {
				if seen[sum] {
					continue
				}
				seen[sum] = true
			}
			if !yield(read{f.Path, string(content), err}) {
				return
			}
		}
	}
}

// A tally adds verdicts up.
type tally struct {
	files, refused, untouchable int
	walked, steps               int // files whose fixes were made one at a time, and fixes so made
	rules                       map[string]*ruleTally
	changed                     map[string]int // files, by the kind of the fixes
	wrong                       []string
	times, slow                 []verdict
	kinds                       map[string]int
	defects                     int
}

type ruleTally struct{ findings, files, safe, unsafe, rejected int }

func newTally() *tally {
	return &tally{rules: map[string]*ruleTally{}, changed: map[string]int{}, kinds: map[string]int{}}
}

func (t *tally) rule(name string) *ruleTally {
	if t.rules[name] == nil {
		t.rules[name] = &ruleTally{}
	}
	return t.rules[name]
}

func (t *tally) add(v verdict) {
	t.files++
	if v.refused {
		t.refused++
	}
	if v.untouchable {
		t.untouchable++
	}
	if v.walked {
		t.walked++
	}
	t.steps += v.steps
	for name, n := range v.findings {
		t.rule(name).findings += n
		t.rule(name).files++
	}
	for mode, made := range v.made {
		if len(made) > 0 {
			t.changed[mode]++
		}
		for name, n := range made {
			if mode == safely {
				t.rule(name).safe += n
			} else {
				t.rule(name).unsafe += n
			}
		}
	}
	for _, name := range v.rejected {
		t.rule(name).rejected++
	}
	for _, w := range v.wrong {
		t.defects++
		t.kinds[w.kind]++
		t.wrong = append(t.wrong, fmt.Sprintf("%s: %s: %s", v.path, w.kind, w.what))
	}
	t.times = append(t.times, v)
}

// measure times the files that took longest beside others once more.
func (t *tally) measure(j *judge, slow time.Duration) {
	slices.SortFunc(t.times, func(a, b verdict) int { return cmp.Compare(b.took, a.took) })
	for _, v := range t.times[:min(len(t.times), 50)] {
		if v.took <= slow {
			break
		}
		if v.took = j.again(v.path); v.took > slow {
			t.slow = append(t.slow, v)
		}
	}
}

func (t *tally) print(out io.Writer, took time.Duration) {
	tab := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "rule\tfindings\tfiles\tsafe fixes\tfixes with --unsafe\trejected\t")
	for _, name := range slices.Sorted(maps.Keys(t.rules)) {
		r := t.rules[name]
		fmt.Fprintf(tab, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, r.findings, r.files, r.safe, r.unsafe, r.rejected)
	}
	tab.Flush()
	fmt.Fprintf(out, "\n%d distinct files in %s; refused by BuildKit: %d; not to be touched: %d; changed: %d, with --unsafe: %d\n",
		t.files, took.Round(time.Second/10), t.refused, t.untouchable, t.changed[safely], t.changed[unsafely])
	for _, line := range t.wrong {
		fmt.Fprintln(out, line)
	}
	for _, v := range t.slow {
		fmt.Fprintf(out, "%s: slow: %s\n", v.path, v.took.Round(time.Millisecond))
	}
	fmt.Fprintf(out, "wrong: %d", t.defects)
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		fmt.Fprintf(out, "; %s: %d", kind, t.kinds[kind])
	}
	fmt.Fprintf(out, "; slow: %d\n", len(t.slow))
}
