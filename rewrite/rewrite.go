// Package rewrite turns fixes into new text: it plans which fixes go together,
// shows nobody a text that the validator has not passed, prints differences and
// writes files safely.
package rewrite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite/validate"
)

// Options says which fixes to make.
type Options struct {
	Rules  []*analysis.Rule
	Safety analysis.Safety      // the least safety of the fixes made: Safe, or Unsafe for both kinds; Display makes none
	Pick   func(Candidate) bool // which fixes to make; nil for all

	Validator Validator                         // the zero value is the real one
	ReadFile  func(path string) (string, error) // reads other files that fixes edit; nil for the disk
}

// A Candidate is a fix that could be made.
type Candidate struct {
	Rule   string
	Title  string
	Safety analysis.Safety
	Span   source.Span // its finding, in the Dockerfile as it came
}

// A Validator judges a rewritten Dockerfile. A judgement against it is a
// *validate.Rejection; any other error is a failure to judge. A nil field stands
// for the function of package validate.
type Validator struct {
	// Check holds safe fixes to their promise: every difference is declared by changes.
	Check func(ctx context.Context, before, after string, changes []change.Change) error
	// Compiles holds unsafe fixes to theirs: the text still compiles.
	Compiles func(ctx context.Context, before, after string) error
}

// A Result is what Fix made of one Dockerfile. After has passed the validator.
type Result struct {
	Before, After string
	Applied       []Applied   // in order of position
	Rejected      []Rejected  // defects of Shale, not of the Dockerfile
	Others        []OtherFile // other files to be changed with it, by path
	Untouchable   string      // why no fix at all may be made; "" when fixes may
	Remaining     *analysis.Report
}

// Applied is a fix that was made.
type Applied struct {
	Candidate
	Line  int // of the finding in Before, from 1
	Gain  analysis.Gain
	Stops []string // paths below which the image stops shipping files, sorted
}

// Rejected is a fix that was offered and not made because it is wrong.
type Rejected struct {
	Candidate
	Line   int    // of the finding in Before, from 1
	Reason string // a sentence without its full stop
}

// An OtherFile is a file that fixes change together with the Dockerfile.
type OtherFile struct {
	Path          string // on disk
	Before, After string
	New           bool // it does not exist yet
}

// Fix makes every fix of sufficient safety, again and again until none is left,
// and returns the text with what the rules still say about it. A fix that turns
// out wrong is left out and told in Rejected. The error is of ctx or of a
// validator that could not judge.
//
// Safe fixes go first and are held to the strict check; unsafe ones are made on
// top of a text that passed it and must compile; what becomes safe by them
// follows, checked strictly against that text.
func Fix(ctx context.Context, in analysis.Input, o Options) (*Result, error) {
	p := newPlanner(ctx, in, o)
	if err := p.run(); err != nil {
		return nil, err
	}
	return p.result()
}

// ValidateFix holds one fix of in's Dockerfile, made alone, to what it promises.
// The error is a *validate.Rejection if it breaks it.
func ValidateFix(ctx context.Context, in analysis.Input, fix analysis.Fix, v Validator) error {
	return NewProver(in, compile.Of(syntax.Parse(in.Content)), v).Validate(ctx, fix)
}

// A Prover holds fixes of one Dockerfile, each made alone, to what they promise. It is
// for use by one goroutine.
type Prover struct {
	in     analysis.Input
	v      Validator
	before *validate.Before
}

// NewProver takes a Dockerfile and its content to compile.
func NewProver(in analysis.Input, text *compile.Dockerfile, v Validator) *Prover {
	return &Prover{in, v, validate.From(text)}
}

// Validate holds one fix to what it promises. The error is a *validate.Rejection if it
// breaks it.
func (p *Prover) Validate(ctx context.Context, fix analysis.Fix) error {
	if fix.Safety == analysis.Display {
		return errors.New("a fix that is only shown cannot be made")
	}
	edits, others := split(p.in.Path, fix.Edits)
	doc := p.before.Doc()
	if why := faulty(doc, fix.Safety, edits, others); why != "" {
		return &validate.Rejection{Reason: why}
	}
	after, err := source.Apply(doc.Content, edits)
	if err != nil {
		return err
	}
	return p.v.judge(ctx, p.in, fix.Safety, p.before, p.before.After(after), fix.Changes)
}

// judge asks the validator what a fix of that safety is held to.
func (v Validator) judge(ctx context.Context, in analysis.Input, safety analysis.Safety, before *validate.Before, after *compile.Dockerfile, changes []change.Change) error {
	o := validate.Options{Frontend: in.Config.Frontend()}
	if safety == analysis.Safe {
		if v.Check != nil {
			return v.Check(ctx, before.Content(), after.Content(), changes)
		}
		return before.Check(ctx, after, changes, o)
	}
	if v.Compiles != nil {
		return v.Compiles(ctx, before.Content(), after.Content())
	}
	return before.CheckCompiles(ctx, after, o)
}

// split parts edits of the Dockerfile from those of other files.
func split(path string, edits []analysis.Edit) (own []source.Edit, others map[string][]source.Edit) {
	for _, e := range edits {
		if e.Path == "" || e.Path == path {
			own = append(own, e.Edit)
			continue
		}
		if others == nil {
			others = map[string][]source.Edit{}
		}
		others[e.Path] = append(others[e.Path], e.Edit)
	}
	slices.SortStableFunc(own, byPlace)
	return own, others
}

func byPlace(a, b source.Edit) int {
	return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Span.End, b.Span.End))
}

// faulty says what is wrong with a fix on its face, whatever the build makes of
// it. own is in order of place.
func faulty(doc *syntax.Document, safety analysis.Safety, own []source.Edit, others map[string][]source.Edit) string {
	if len(doc.Problems) > 0 {
		return "it edits a Dockerfile that BuildKit refuses"
	}
	if len(own) == 0 && len(others) == 0 {
		return "it edits nothing"
	}
	if safety == analysis.Safe && len(others) > 0 {
		return "it claims to be safe, but edits another file than the Dockerfile, which the validator cannot judge"
	}
	for i, e := range own {
		if e.Span.Start < 0 || e.Span.End < e.Span.Start || e.Span.End > len(doc.Content) {
			return fmt.Sprintf("it edits the bytes %d to %d of a file of %d bytes", e.Span.Start, e.Span.End, len(doc.Content))
		}
		if i > 0 && (e.Span.Start < own[i-1].Span.End || e.Span == own[i-1].Span) {
			return "its own edits overlap"
		}
		if in := unfaithful(doc, e.Span); in != nil {
			return "it edits an instruction that Shale and BuildKit read differently"
		}
	}
	return ""
}

// unfaithful returns an instruction that is not read as BuildKit does and that an
// edit of s would change.
func unfaithful(doc *syntax.Document, s source.Span) *syntax.Instruction {
	all := doc.Instructions
	first, _ := slices.BinarySearchFunc(all, s.Start, func(in *syntax.Instruction, at int) int {
		return cmp.Compare(in.Lines.End, at)
	})
	for _, in := range all[first:] {
		if in.Lines.Start > s.End {
			break
		}
		touched := in.Lines.Overlaps(s)
		if s.Empty() {
			touched = in.Lines.Start < s.Start && s.Start <= in.Span.End
		}
		if touched && !in.Faithful {
			return in
		}
	}
	return nil
}

// result reads other files and gathers what was done.
func (p *planner) result() (*Result, error) {
	r := &Result{
		Before:      p.in.Content,
		After:       p.done.content,
		Rejected:    p.rejected,
		Untouchable: p.untouchable,
		Remaining:   p.check(p.done),
	}
	lines := source.NewLines(p.in.Content)
	for _, s := range p.steps {
		a := Applied{Candidate: s.Candidate, Line: lines.Line(s.Span.Start) + 1, Gain: s.gain}
		for _, c := range s.changes {
			a.Stops = append(a.Stops, c.Stops()...)
		}
		slices.Sort(a.Stops)
		a.Stops = slices.Compact(a.Stops)
		r.Applied = append(r.Applied, a)
	}
	slices.SortStableFunc(r.Applied, func(a, b Applied) int { return a.Span.Start - b.Span.Start })
	for i := range r.Rejected {
		r.Rejected[i].Line = lines.Line(r.Rejected[i].Span.Start) + 1
	}
	slices.SortStableFunc(r.Rejected, func(a, b Rejected) int { return a.Span.Start - b.Span.Start })
	for path, after := range p.done.others {
		file := p.files[path]
		file.After = after
		r.Others = append(r.Others, file)
	}
	slices.SortFunc(r.Others, func(a, b OtherFile) int { return cmp.Compare(a.Path, b.Path) })
	return r, nil
}

// maxOther is more bytes than another file has that a fix would change.
const maxOther = 16 << 20

// other reads another file, once.
func (p *planner) other(path string) (OtherFile, error) {
	if f, ok := p.files[path]; ok {
		return f, nil
	}
	read := p.o.ReadFile
	if read == nil {
		read = func(path string) (string, error) {
			return source.ReadFile(path, maxOther)
		}
	}
	text, err := read(path)
	missing := errors.Is(err, os.ErrNotExist)
	if err != nil && !missing {
		return OtherFile{}, err
	}
	f := OtherFile{Path: path, Before: text, New: missing}
	p.files[path] = f
	return f, nil
}
