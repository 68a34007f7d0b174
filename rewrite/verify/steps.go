package verify

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A journal is what an engine told of one build.
type journal struct {
	order    []digest.Digest
	vertices map[digest.Digest]*client.Vertex
	logs     map[digest.Digest][]byte
}

func newJournal() *journal {
	return &journal{vertices: map[digest.Digest]*client.Vertex{}, logs: map[digest.Digest][]byte{}}
}

func (r *journal) add(s *client.SolveStatus) {
	for _, v := range s.Vertexes {
		old := r.vertices[v.Digest]
		if old == nil {
			r.order = append(r.order, v.Digest)
			own := *v
			r.vertices[v.Digest] = &own
			continue
		}
		// A vertex that waits for several others starts more than once.
		if v.Started != nil && (old.Started == nil || v.Started.Before(*old.Started)) {
			old.Started = v.Started
		}
		if v.Completed != nil {
			old.Completed = v.Completed
		}
		old.Cached = old.Cached || v.Cached
		if v.Error != "" {
			old.Error = v.Error
		}
	}
	for _, l := range s.Logs {
		r.logs[l.Vertex] = append(r.logs[l.Vertex], l.Data...)
	}
}

// stepName is how BuildKit names the step of an instruction: platform and stage
// where there are several, its number and how many there are, and its text.
var stepName = lazyregexp.New(`(?s)^\[(?:[^\]]* )?\s*(\d+)/(\d+)\] (.*)$`)

// cold is the time from the start of the first step to the end of the last. The
// base image's own arrival does not count.
func (r *journal) cold() time.Duration {
	var first, last time.Time
	for _, d := range r.order {
		v := r.vertices[d]
		m := stepName.FindStringSubmatch(v.Name)
		if m == nil || strings.HasPrefix(m[3], "FROM ") || v.Started == nil || v.Completed == nil {
			continue
		}
		if first.IsZero() || v.Started.Before(first) {
			first = *v.Started
		}
		if v.Completed.After(last) {
			last = *v.Completed
		}
	}
	if first.IsZero() {
		return 0
	}
	return last.Sub(first)
}

// linked begins the name of what puts the layer of a COPY --link on top of others: it
// runs whenever they are new, and copies nothing.
const linked = "LINK "

// reran lists the steps that ran, and counts those that came from the cache.
func (r *journal) reran(lines *lineFinder) (ran []Step, cached int) {
	ran = []Step{}
	var at []time.Time
	for _, d := range r.order {
		v := r.vertices[d]
		m := stepName.FindStringSubmatch(v.Name)
		switch {
		case m == nil || strings.HasPrefix(m[3], "FROM ") || strings.HasPrefix(m[3], linked) || v.Started == nil || v.Completed == nil:
		case v.Cached:
			cached++
		default:
			s := Step{Name: v.Name, Line: lines.step(v.Name), Seconds: v.Completed.Sub(*v.Started).Seconds()}
			i, _ := slices.BinarySearchFunc(at, *v.Started, time.Time.Compare)
			ran = slices.Insert(ran, i, s)
			at = slices.Insert(at, i, *v.Started)
		}
	}
	return ran, cached
}

// span is the time from the start of the first of the steps that ran to the end
// of the last.
func (r *journal) span() time.Duration {
	ran := newJournal()
	for _, d := range r.order {
		if v := r.vertices[d]; !v.Cached {
			ran.order = append(ran.order, d)
			ran.vertices[d] = v
		}
	}
	return ran.cold()
}

// failed returns the step that failed and its log.
func (r *journal) failed() (name, log string) {
	for _, d := range r.order {
		// A step that is stopped because another failed is no cause.
		if v := r.vertices[d]; v.Error != "" && !strings.Contains(v.Error, "context canceled") {
			return v.Name, string(r.logs[d])
		}
	}
	return "", ""
}

// A lineFinder knows which line of a Dockerfile a step and a layer are of.
type lineFinder struct {
	doc    *syntax.Document
	graph  *stage.Graph
	target *stage.Stage
}

func newLineFinder(text, target string) *lineFinder {
	f := &lineFinder{doc: syntax.Parse(text)}
	f.graph = stage.New(f.doc)
	if target != "" {
		f.target = f.graph.Find(target)
	} else if n := len(f.graph.Stages); n > 0 {
		f.target = f.graph.Stages[n-1]
	}
	return f
}

func (f *lineFinder) line(in *syntax.Instruction) int { return f.doc.Lines.Line(in.Span.Start) + 1 }

// step returns the line of a step by its name, 0 if it cannot be told.
func (f *lineFinder) step(name string) int {
	m := stepName.FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	number, _ := strconv.Atoi(m[1])
	total, _ := strconv.Atoi(m[2])
	head, _, _ := strings.Cut(strings.TrimPrefix(name, "["), "]")
	words := strings.Fields(head)
	in := f.target
	if len(words) > 1 { // the last word is the number
		in = f.stage(words[len(words)-2])
	}
	if in == nil {
		return 0
	}
	var steps []*syntax.Instruction
	for _, i := range in.Instructions {
		switch i.Name {
		case "run", "copy", "add", "workdir":
			steps = append(steps, i)
		}
	}
	from := 0
	if in.Parent == nil && !in.Scratch() {
		from = 1
	}
	// Triggers of the base's ONBUILD are steps too, and in no line here.
	if total != len(steps)+from {
		return 0
	}
	// FROM is the first step, but not where a named context stands for its image.
	var fits []*syntax.Instruction
	for _, i := range []int{number - 1 - from, number - 1} {
		if i < 0 || i >= len(steps) || slices.Contains(fits, steps[i]) {
			continue
		}
		if keyword, _, _ := strings.Cut(m[3], " "); strings.EqualFold(keyword, steps[i].Name) {
			fits = append(fits, steps[i])
		}
	}
	if len(fits) > 1 {
		fits = slices.DeleteFunc(fits, func(i *syntax.Instruction) bool { return oneLine(i.Text.String()) != oneLine(m[3]) })
	}
	if len(fits) != 1 {
		return 0
	}
	return f.line(fits[0])
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// stage finds a stage by the name that BuildKit shows.
func (f *lineFinder) stage(name string) *stage.Stage {
	if number, ok := strings.CutPrefix(name, "stage-"); ok {
		if i, err := strconv.Atoi(number); err == nil && i < len(f.graph.Stages) && f.graph.Stages[i].Name == "" {
			return f.graph.Stages[i]
		}
	}
	if s := f.graph.Find(name); s != nil {
		return s
	}
	if len(f.graph.Stages) == 1 { // what stands before the number is the platform
		return f.target
	}
	return nil
}

// layers notes in an image which line made each layer. history is the image's:
// its last entries are those of the Dockerfile's instructions, one each.
func (f *lineFinder) layers(b *built) {
	var chain []*stage.Stage
	for s := f.target; s != nil; s = s.Parent {
		chain = append(chain, s)
	}
	slices.Reverse(chain)
	var own []*syntax.Instruction
	for _, s := range chain {
		own = append(own, s.Instructions...)
	}
	history := b.spec.History
	m := &b.measure
	total := 0
	for _, h := range history {
		if !h.EmptyLayer {
			total++
		}
	}
	base := len(history) - len(own)
	if base < 0 || total != len(m.Layers) {
		return
	}
	for i, in := range own {
		keyword, _, _ := strings.Cut(history[base+i].CreatedBy, " ")
		if !strings.EqualFold(keyword, in.Name) {
			return
		}
	}
	at := 0
	for i, h := range history {
		if h.EmptyLayer {
			continue
		}
		if i < base {
			m.Layers[at].Base = true
		} else {
			m.Layers[at].Line = f.line(own[i-base])
		}
		at++
	}
	for i := range m.Layers {
		for j := range m.Layers[i].DeadBy {
			d := &m.Layers[i].DeadBy[j]
			d.Line = m.Layers[d.Layer].Line
		}
	}
}
