package rewrite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite/validate"
)

// A planner makes the fixes of one Dockerfile.
type planner struct {
	ctx context.Context
	in  analysis.Input
	o   Options

	size int // the instructions of the Dockerfile as it came

	done  draft  // what has passed the validator
	steps []step // the fixes in it

	left        map[identity]bool // fixes that are made no more
	leftRules   map[string]bool   // rules whose fixes are made no more
	rejected    []Rejected
	untouchable string

	files  map[string]OtherFile // read so far
	latest *analysis.Report     // of the draft checked last
	beside map[string]string    // that draft's other files
	before *validate.Before     // what was judged last against
}

// A draft is a Dockerfile on its way, and what is to be done to other files.
type draft struct {
	content string
	origin  origin
	others  map[string]string // what other files are to hold, by path on disk; the rules see them so
}

// A step is one fix that was accepted. Its edits refer to the draft at the
// beginning of its round.
type step struct {
	Candidate
	round   int
	gain    analysis.Gain
	changes []change.Change
	edits   []source.Edit // in order of place
	others  map[string][]source.Edit
	relies  []source.Span
}

// An identity tells a fix from others across rounds.
type identity struct {
	rule, title string
	at          int // of its finding, in the Dockerfile as it came
}

func (c Candidate) identity() identity { return identity{c.Rule, c.Title, c.Span.Start} }

func newPlanner(ctx context.Context, in analysis.Input, o Options) *planner {
	return &planner{
		ctx: ctx, in: in, o: o,
		done: draft{content: in.Content, origin: untouched},
		left: map[identity]bool{}, leftRules: map[string]bool{},
		files: map[string]OtherFile{},
	}
}

// run makes the safe fixes, then the unsafe ones if they are wanted, then what has
// become safe by them, and so on until an unsafe turn brings nothing.
func (p *planner) run() error {
	if p.o.Safety == analysis.Display {
		return nil
	}
	doc := p.check(p.done).File.Doc
	if len(doc.Problems) > 0 {
		p.untouchable = "BuildKit refuses the file: " + doc.Problems[0].Message
		return nil
	}
	p.size = len(doc.Instructions)
	type state struct {
		done  draft
		steps int
	}
	seen := map[[sha256.Size]byte]state{}
	for turn, most := 0, 0; ; turn++ {
		if _, err := p.turn(analysis.Safe); err != nil {
			return err
		}
		if p.o.Safety != analysis.Unsafe || p.untouchable != "" {
			return nil
		}
		if was, ok := seen[p.done.hash()]; ok {
			p.leaveCircle(p.steps[was.steps:])
			p.done, p.steps = was.done, p.steps[:was.steps]
		}
		seen[p.done.hash()] = state{p.done, len(p.steps)}
		before := len(p.steps)
		wanted, err := p.turn(analysis.Unsafe)
		if err != nil || len(p.steps) == before {
			return err
		}
		if turn == 0 {
			most = p.mostFixes(wanted)
		}
		if turn >= most {
			p.leaveRules(p.steps[before:])
		}
	}
}

// turn makes the fixes of one kind until none is left that passes. It returns how
// many there were to choose from.
//
// A fix that is rejected beside others may pass on top of the text that they made:
// what the validator sees as old is no more to blame. Each step holds, so the whole
// does, and a second run, which starts from that text, must find nothing to do.
func (p *planner) turn(safety analysis.Safety) (wanted int, err error) {
	for basis := len(p.steps); ; {
		before := len(p.steps)
		n, refused, err := p.attempt(safety)
		wanted = max(wanted, n)
		made := len(p.steps)
		if err != nil || len(refused) == 0 || made == before || made-basis > p.mostFixes(wanted) {
			return wanted, err
		}
		for _, id := range refused {
			delete(p.left, id)
		}
		p.rejected = slices.DeleteFunc(p.rejected, func(r Rejected) bool { return slices.Contains(refused, r.identity()) })
	}
}

// attempt makes the fixes of one kind until none is left, validates the text once
// and, if it is rejected, finds the fix to blame, goes back to just before it and
// goes on without it. It returns the fixes so refused.
func (p *planner) attempt(safety analysis.Safety) (wanted int, refused []identity, err error) {
	base, basis := p.done, len(p.steps)
	before := p.from(base)
	for {
		steps, n, err := p.settle(p.done, safety)
		wanted = max(wanted, n)
		if err != nil || len(steps) == 0 {
			return wanted, refused, err
		}
		judge := func(n int) (rejection *validate.Rejection, err error) {
			changes := append(changesOf(p.steps[basis:]), changesOf(steps[:n])...)
			err = p.o.Validator.judge(p.ctx, p.in, safety, before, p.after(before, p.replay(p.done, steps[:n])), changes)
			if errors.As(err, &rejection) {
				return rejection, nil
			}
			return nil, err
		}
		// The steps before good pass, the steps before bad do not.
		good, bad := 0, len(steps)
		rejection, err := judge(bad)
		if err != nil {
			return wanted, refused, err
		}
		if rejection == nil {
			p.done, p.steps = p.replay(p.done, steps), append(p.steps, steps...)
			return wanted, refused, nil
		}
		if len(p.steps) == 0 && refused == nil {
			// Does the file pass as it is? If not, no fix is to blame.
			untouched, err := judge(0)
			if err != nil {
				return wanted, refused, err
			}
			if untouched != nil {
				p.untouchable = untouched.Error()
				return wanted, refused, nil
			}
		}
		for bad-good > 1 {
			middle := (good + bad) / 2
			r, err := judge(middle)
			if err != nil {
				return wanted, refused, err
			}
			if r == nil {
				good = middle
			} else {
				bad, rejection = middle, r
			}
		}
		p.done, p.steps = p.replay(p.done, steps[:good]), append(p.steps, steps[:good]...)
		p.leave(steps[good].Candidate, rejection.Error())
		refused = append(refused, steps[good].identity())
		if len(refused) > p.mostFixes(wanted) { // a rule that gives its fix another title each time
			p.leaveRules(steps[good : good+1])
			return wanted, nil, nil
		}
	}
}

// settle makes fixes of one kind, round after round, until none is left. It also
// returns how many the first round had to choose from.
func (p *planner) settle(from draft, safety analysis.Safety) (steps []step, wanted int, err error) {
	cur := from
	seen := map[[sha256.Size]byte]int{cur.hash(): 0} // text to number of steps that led to it
	for round := 0; ; round++ {
		if err := p.ctx.Err(); err != nil {
			return nil, 0, err
		}
		made, n, err := p.round(cur, safety, round)
		if err != nil {
			return nil, 0, err
		}
		if round == 0 {
			wanted = n
		}
		if len(made) == 0 {
			return steps, wanted, nil
		}
		cur = p.replay(cur, made)
		steps = append(steps, made...)
		if at, ok := seen[cur.hash()]; ok {
			// The steps since then undo each other: cur is the text before them.
			p.leaveCircle(steps[at:])
			steps = steps[:at]
			cur = p.replay(from, steps)
			maps.DeleteFunc(seen, func(_ [sha256.Size]byte, n int) bool { return n > at })
			continue
		}
		seen[cur.hash()] = len(steps)
		if len(steps) >= p.mostFixes(wanted) {
			p.leaveRules(made)
			steps, cur = nil, from
			seen = map[[sha256.Size]byte]int{cur.hash(): 0}
			round = -1
		}
	}
}

// mostFixes bounds the fixes, and with them the rounds, that so many fixes to
// begin with may bring forth. Every round makes one at least. A rule may speak of one
// instruction at a time, so there may be some for each.
func (p *planner) mostFixes(wanted int) int { return 4*(wanted+p.size) + 64 }

// round accepts fixes of a draft that do not touch each other, in order of place.
func (p *planner) round(cur draft, safety analysis.Safety, round int) (accepted []step, wanted int, err error) {
	report := p.check(cur)
	var offered []step
	for _, d := range report.Diagnostics {
		i := slices.IndexFunc(d.Fixes, func(f analysis.Fix) bool { return f.Safety >= p.o.Safety })
		if i < 0 || d.Fixes[i].Safety != safety {
			continue
		}
		fix := d.Fixes[i]
		s := step{
			Candidate: Candidate{d.Rule, fix.Title, fix.Safety, cur.origin.span(d.Span)},
			round:     round, gain: d.Gain, changes: fix.Changes, relies: fix.Relies,
		}
		if p.left[s.identity()] || p.leftRules[s.Rule] || (p.o.Pick != nil && !p.o.Pick(s.Candidate)) {
			continue
		}
		if len(report.File.Doc.Problems) > 0 {
			continue // the fix that brought them will be found by validation
		}
		s.edits, s.others = split(p.in.Path, fix.Edits)
		why := faulty(report.File.Doc, fix.Safety, s.edits, s.others)
		if why == "" {
			why = p.faultyOthers(cur, s.others)
		}
		if why == "" {
			if err := p.stale(cur, fix.Edits); err != nil {
				return nil, 0, err
			}
		}
		if why != "" {
			p.leave(s.Candidate, why)
			continue
		}
		offered = append(offered, s)
	}
	slices.SortStableFunc(offered, func(a, b step) int { return a.place() - b.place() })

	var edited, relied spans
	elsewhere := map[string]*spans{}
	for _, s := range offered {
		if s.touches(edited, relied, elsewhere) {
			continue
		}
		for _, e := range s.edits {
			edited.add(e.Span)
		}
		for _, r := range s.relies {
			relied.add(r)
		}
		for path, edits := range s.others {
			if elsewhere[path] == nil {
				elsewhere[path] = &spans{}
			}
			for _, e := range edits {
				elsewhere[path].add(e.Span)
			}
		}
		accepted = append(accepted, s)
	}
	return accepted, len(offered), nil
}

// faultyOthers is faulty for edits of other files.
func (p *planner) faultyOthers(d draft, others map[string][]source.Edit) string {
	for path, edits := range others {
		if _, err := p.other(path); err != nil {
			return fmt.Sprintf("it edits %s, which cannot be read: %v", path, err)
		}
		if _, err := source.Apply(p.text(d, path), edits); err != nil {
			return fmt.Sprintf("its edits of %s do not fit: %v", path, err)
		}
	}
	return ""
}

// stale is the error of edits of another file that is no longer what its rule read:
// somebody else, such as another Shale, has written it since.
func (p *planner) stale(d draft, edits []analysis.Edit) error {
	for _, e := range edits {
		if e.Path != "" && e.Path != p.in.Path && p.text(d, e.Path) != e.Of {
			return fmt.Errorf("%s: %w", e.Path, ErrChanged)
		}
	}
	return nil
}

// place is where the step's first edit stands.
func (s step) place() int {
	if len(s.edits) == 0 {
		return 0
	}
	return s.edits[0].Span.Start
}

// touches reports whether the step would edit what was edited or relied on, or
// relies on what was edited.
func (s step) touches(edited, relied spans, elsewhere map[string]*spans) bool {
	for _, e := range s.edits {
		if edited.touch(e.Span) || relied.touch(e.Span) {
			return true
		}
	}
	for _, r := range s.relies {
		if edited.touch(r) {
			return true
		}
	}
	for path, edits := range s.others {
		for _, e := range edits {
			if done := elsewhere[path]; done != nil && done.touch(e.Span) {
				return true
			}
		}
	}
	return false
}

// text is what another file holds in a draft.
func (p *planner) text(d draft, path string) string {
	if text, ok := d.others[path]; ok {
		return text
	}
	return p.files[path].Before
}

// replay makes steps, which begin with the first of a round, on a draft.
func (p *planner) replay(d draft, steps []step) draft {
	for len(steps) > 0 {
		n := 1
		for n < len(steps) && steps[n].round == steps[0].round {
			n++
		}
		d = p.make(d, steps[:n])
		steps = steps[n:]
	}
	return d
}

// make makes the steps of one round, which do not touch each other.
func (p *planner) make(d draft, steps []step) draft {
	var edits []source.Edit
	elsewhere := map[string][]source.Edit{}
	for _, s := range steps {
		edits = append(edits, s.edits...)
		for path, more := range s.others {
			elsewhere[path] = append(elsewhere[path], more...)
		}
	}
	apply := func(text string, edits []source.Edit) string {
		slices.SortStableFunc(edits, byPlace)
		text, err := source.Apply(text, edits)
		if err != nil {
			panic("accepted fixes do not fit together: " + err.Error())
		}
		return text
	}
	others := d.others
	if len(elsewhere) > 0 {
		others = map[string]string{}
		maps.Copy(others, d.others)
		for path, edits := range elsewhere {
			others[path] = apply(p.text(d, path), edits)
		}
	}
	return draft{apply(d.content, edits), d.origin.edit(edits, len(d.content)), others}
}

// hash tells drafts apart by all that they would write.
func (d draft) hash() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprint(h, len(d.others))
	for _, path := range slices.Sorted(maps.Keys(d.others)) {
		fmt.Fprintf(h, " %q %q", path, d.others[path])
	}
	h.Write([]byte{0})
	h.Write([]byte(d.content))
	return [sha256.Size]byte(h.Sum(nil))
}

// check runs the rules, unless they just ran over that very draft.
func (p *planner) check(d draft) *analysis.Report {
	if p.latest == nil || p.latest.File.Doc.Content != d.content || !maps.Equal(p.beside, d.others) {
		in := p.in
		in.Content, in.Files = d.content, d.others
		if p.latest != nil {
			in.Earlier = p.latest.File.Keep()
		}
		p.latest, p.beside = analysis.Check(in, p.o.Rules), d.others
	}
	return p.latest
}

// from is a draft as what rewrites are judged against.
func (p *planner) from(d draft) *validate.Before {
	if p.before == nil || p.before.Content() != d.content {
		p.before = validate.From(p.check(d).File.Dockerfile())
	}
	return p.before
}

// after is a draft as what is judged.
func (p *planner) after(before *validate.Before, d draft) *compile.Dockerfile {
	if f := p.latest.File; f.Doc.Content == d.content {
		return f.Dockerfile()
	}
	return before.After(d.content)
}

// leave reports a fix as wrong and makes it no more.
func (p *planner) leave(c Candidate, why string) {
	if p.left[c.identity()] {
		return
	}
	p.left[c.identity()] = true
	p.rejected = append(p.rejected, Rejected{Candidate: c, Reason: why})
}

// leaveCircle makes no more of the fixes that lead back to the text before them.
func (p *planner) leaveCircle(steps []step) {
	why := fmt.Sprintf("the fixes of %s lead back to the text that they started from", names(steps))
	for _, s := range steps {
		p.leave(s.Candidate, why)
	}
}

// leaveRules makes no more fixes of the rules of steps, which never come to rest.
func (p *planner) leaveRules(steps []step) {
	why := fmt.Sprintf("the fixes of %s never come to rest", names(steps))
	for _, s := range steps {
		if !p.leftRules[s.Rule] {
			p.leftRules[s.Rule] = true
			p.rejected = append(p.rejected, Rejected{Candidate: s.Candidate, Reason: why})
		}
	}
}

// names lists the rules of steps.
func names(steps []step) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.Rule)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

func changesOf(steps []step) []change.Change {
	var out []change.Change
	for _, s := range steps {
		out = append(out, s.changes...)
	}
	return out
}
