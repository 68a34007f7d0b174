package rewrite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite/validate"
	"pgregory.net/rapid"
)

// rule is a rule whose findings are found by run.
func rule(name string, run func(*analysis.Pass)) *analysis.Rule {
	return &analysis.Rule{Name: name, Best: analysis.Safe, Severity: analysis.Warning, Run: run}
}

// report reports a finding with fixes.
func report(p *analysis.Pass, s source.Span, fixes ...analysis.Fix) {
	p.Report(analysis.Diagnostic{Span: s, Message: "Found.", Fixes: fixes})
}

// edits makes a fix's edits of the Dockerfile.
func edits(list ...source.Edit) []analysis.Edit {
	var out []analysis.Edit
	for _, e := range list {
		out = append(out, analysis.Edit{Edit: e})
	}
	return out
}

// swaps is a rule that replaces each match of a pattern, in an edit for each.
func swaps(name string, safety analysis.Safety, pattern, by string) *analysis.Rule {
	re := regexp.MustCompile(pattern)
	return rule(name, func(p *analysis.Pass) {
		for _, m := range re.FindAllStringIndex(p.Doc.Content, -1) {
			s := source.Span{Start: m[0], End: m[1]}
			text := re.ReplaceAllString(s.In(p.Doc.Content), by)
			report(p, s, analysis.Fix{Title: "Write " + text, Safety: safety, Edits: edits(source.Replace(s, text)), Changes: []change.Change{change.Joined{}}})
		}
	})
}

// judge is a validator that counts and rejects texts that match a pattern.
type judge struct {
	bad      *regexp.Regexp
	checks   []string // "before → after" of each strict check
	declared []int    // how many changes each declared
	compiles []string
}

func (j *judge) judge(before, after string) error {
	if j.bad != nil && j.bad.MatchString(after) {
		return &validate.Rejection{Reason: "The text is bad."}
	}
	return nil
}

func (j *judge) validator() Validator {
	return Validator{
		Check: func(_ context.Context, before, after string, changes []change.Change) error {
			j.checks = append(j.checks, before+" → "+after)
			j.declared = append(j.declared, len(changes))
			return j.judge(before, after)
		},
		Compiles: func(_ context.Context, before, after string) error {
			j.compiles = append(j.compiles, before+" → "+after)
			return j.judge(before, after)
		},
	}
}

func fix(t testing.TB, content string, j *judge, o Options) *Result {
	t.Helper()
	if o.Validator.Check == nil {
		o.Validator = j.validator()
	}
	if o.Safety == analysis.Display {
		o.Safety = analysis.Safe
	}
	r, err := Fix(t.Context(), analysis.Input{Content: content}, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Before != content {
		t.Errorf("Before is %q", r.Before)
	}
	if got := r.Remaining.File.Doc.Content; got != r.After {
		t.Errorf("the remaining findings are of %q", got)
	}
	return r
}

func wantText(t testing.TB, r *Result, want string) {
	t.Helper()
	if d := cmp.Diff(want, r.After); d != "" {
		t.Errorf("after (-want +got)\n%s", d)
	}
}

// told lists what was applied or rejected as "rule@line".
func told(r *Result) (applied, rejected string) {
	var a, b []string
	for _, x := range r.Applied {
		a = append(a, fmt.Sprintf("%s@%d", x.Rule, x.Line))
	}
	for _, x := range r.Rejected {
		b = append(b, fmt.Sprintf("%s@%d", x.Rule, x.Line))
	}
	return strings.Join(a, " "), strings.Join(b, " ")
}

func wantTold(t testing.TB, r *Result, applied, rejected string) {
	t.Helper()
	a, b := told(r)
	if a != applied {
		t.Errorf("applied %q, want %q", a, applied)
	}
	if b != rejected {
		t.Errorf("rejected %q, want %q: %v", b, rejected, r.Rejected)
	}
}

const lower = "from alpine:3.20\nrun apk add curl\n# a note\nrun apk add git\n"

func TestFixUntilNothingIsLeft(t *testing.T) {
	j := &judge{}
	keywords := rule("keywords", func(p *analysis.Pass) {
		for _, in := range p.Doc.Instructions {
			if text := in.Keyword.In(p.Doc.Content); text != strings.ToUpper(text) {
				report(p, in.Keyword, analysis.Fix{
					Title: "Write " + strings.ToUpper(text), Safety: analysis.Safe,
					Edits:   edits(source.Replace(in.Keyword, strings.ToUpper(text))),
					Changes: []change.Change{change.FlagAdded{Flag: change.ApkNoCache}},
				})
			}
		}
	})
	// Only what the first rule wrote is found by the second.
	flags := swaps("flags", analysis.Safe, `(RUN apk add)( [a-z])`, "$1 --no-cache$2")
	r := fix(t, lower, j, Options{Rules: []*analysis.Rule{flags, keywords}})
	wantText(t, r, "FROM alpine:3.20\nRUN apk add --no-cache curl\n# a note\nRUN apk add --no-cache git\n")
	wantTold(t, r, "keywords@1 keywords@2 flags@2 keywords@4 flags@4", "")
	if want := []string{lower + " → " + r.After}; !cmp.Equal(j.checks, want) {
		t.Errorf("validated %q, want the whole once", j.checks)
	}
	if !cmp.Equal(j.declared, []int{5}) {
		t.Errorf("declared %v changes, want every fix's", j.declared)
	}
	if d := cmp.Diff([]string{"/var/cache/apk"}, r.Applied[0].Stops); d != "" {
		t.Errorf("stops (-want +got)\n%s", d)
	}
	if len(r.Remaining.Diagnostics) > 0 {
		t.Errorf("left %v", r.Remaining.Diagnostics)
	}
	again := fix(t, r.After, j, Options{Rules: []*analysis.Rule{flags, keywords}})
	wantText(t, again, r.After)
	if len(j.checks) != 1 {
		t.Error("validated a text that did not change")
	}
}

func TestConflictingFixes(t *testing.T) {
	// Both would edit the same bytes; the first rule's finding is the first.
	a := swaps("a", analysis.Safe, `apk add curl`, "apk add -U curl")
	b := swaps("b", analysis.Safe, `add curl\n`, "add wget\n")
	r := fix(t, lower, &judge{}, Options{Rules: []*analysis.Rule{b, a}})
	wantText(t, r, "from alpine:3.20\nrun apk add -U curl\n# a note\nrun apk add git\n")
	wantTold(t, r, "a@2", "")
	// The order is that of the edits, not that of the findings.
	late := rule("late", func(p *analysis.Pass) {
		if at := strings.Index(p.Doc.Content, "git"); at >= 0 {
			report(p, source.Span{Start: 0, End: 4}, analysis.Fix{
				Title: "Write hg", Safety: analysis.Safe, Edits: edits(source.Replace(source.Span{Start: at, End: at + 3}, "hg")),
			})
		}
	})
	r = fix(t, lower, &judge{}, Options{Rules: []*analysis.Rule{late, swaps("d", analysis.Safe, `add git`, "add jq")}})
	wantTold(t, r, "d@4", "")
}

func TestFixKeepsOffWhatAnotherReliedOn(t *testing.T) {
	// Each is right only while the other's text stands; together they would be wrong.
	relying := func(name, on, old, by string) *analysis.Rule {
		return rule(name, func(p *analysis.Pass) {
			at, other := strings.Index(p.Doc.Content, old), strings.Index(p.Doc.Content, on)
			if at < 0 || other < 0 {
				return
			}
			s := source.Span{Start: at, End: at + len(old)}
			report(p, s, analysis.Fix{
				Title: "Write " + by, Safety: analysis.Safe, Edits: edits(source.Replace(s, by)),
				Relies: []source.Span{{Start: other, End: other + len(on)}},
			})
		})
	}
	first := relying("first", "curl", "git", "hg")
	second := relying("second", "git", "curl", "wget")
	for _, rules := range [][]*analysis.Rule{{first, second}, {second, first}} {
		r := fix(t, lower, &judge{}, Options{Rules: rules})
		wantText(t, r, "from alpine:3.20\nrun apk add wget\n# a note\nrun apk add git\n")
		wantTold(t, r, "second@2", "")
	}
	// The second relies on what comes later and is edited by one that relies on nothing.
	careless := rule("careless", func(p *analysis.Pass) {
		if at := strings.Index(p.Doc.Content, "git"); at >= 0 && strings.Contains(p.Doc.Content, "curl") {
			s := source.Span{Start: at, End: at + 3}
			report(p, s, analysis.Fix{Title: "Write hg", Safety: analysis.Safe, Edits: edits(source.Replace(s, "hg"))})
		}
	})
	wantTold(t, fix(t, lower, &judge{}, Options{Rules: []*analysis.Rule{careless, second}}), "second@2", "")
	// An insertion at the very end of what was relied on touches it too.
	tail := rule("tail", func(p *analysis.Pass) {
		if at := strings.Index(p.Doc.Content, "curl\n"); at >= 0 {
			report(p, source.Span{Start: 0, End: at}, analysis.Fix{
				Title: "Add jq", Safety: analysis.Safe, Edits: edits(source.Insert(at+len("curl"), " jq")),
			})
		}
	})
	once := rule("once", func(p *analysis.Pass) {
		if at, end := strings.Index(p.Doc.Content, "curl"), strings.Index(p.Doc.Content, "git"); strings.Contains(p.Doc.Content, "curl\n") {
			report(p, source.Span{Start: at, End: at + 4}, analysis.Fix{
				Title: "Write hg", Safety: analysis.Safe, Edits: edits(source.Replace(source.Span{Start: end, End: end + 3}, "hg")),
				Relies: []source.Span{{Start: at, End: at + 4}},
			})
		}
	})
	r := fix(t, lower, &judge{}, Options{Rules: []*analysis.Rule{once, tail}})
	wantText(t, r, "from alpine:3.20\nrun apk add curl jq\n# a note\nrun apk add git\n")
}

func TestInsertionsAtOnePlace(t *testing.T) {
	insert := func(name, line string) *analysis.Rule {
		return rule(name, func(p *analysis.Pass) {
			if at := strings.Index(p.Doc.Content, "run"); !strings.Contains(p.Doc.Content, line) {
				report(p, source.Span{Start: at, End: at + 3}, analysis.Fix{
					Title: "Add " + line, Safety: analysis.Safe, Edits: edits(source.Insert(at, line)),
				})
			}
		})
	}
	rules := []*analysis.Rule{insert("a", "ENV A=1\n"), insert("b", "ENV B=1\n"), insert("c", "ENV C=1\n")}
	r := fix(t, lower, &judge{}, Options{Rules: rules})
	wantText(t, r, strings.Replace(lower, "run", "ENV A=1\nENV B=1\nENV C=1\nrun", 1))
	wantTold(t, r, "a@2 b@2 c@2", "")
}

func TestFaultyFixes(t *testing.T) {
	at := func(p *analysis.Pass, i int) source.Span { return p.Doc.Instructions[i].Span }
	tests := []struct {
		name string
		fix  func(p *analysis.Pass) []analysis.Edit
		says string
	}{
		{"nothing", func(*analysis.Pass) []analysis.Edit { return nil }, "edits nothing"},
		{"outside", func(p *analysis.Pass) []analysis.Edit {
			return edits(source.Insert(len(p.Doc.Content)+1, "x"))
		}, "bytes"},
		{"backwards", func(*analysis.Pass) []analysis.Edit {
			return edits(source.Replace(source.Span{Start: 9, End: 4}, "x"))
		}, "bytes"},
		{"overlapping", func(*analysis.Pass) []analysis.Edit {
			return edits(source.Delete(source.Span{Start: 8, End: 12}), source.Delete(source.Span{Start: 5, End: 9}))
		}, "overlap"},
		{"one place twice", func(*analysis.Pass) []analysis.Edit {
			return edits(source.Insert(5, "a"), source.Insert(5, "b"))
		}, "overlap"},
		{"unfaithful", func(p *analysis.Pass) []analysis.Edit {
			p.Doc.Instructions[1].Faithful = false
			s := at(p, 1)
			return edits(source.Replace(source.Span{Start: s.Start + 4, End: s.Start + 7}, "apt"))
		}, "read differently"},
		{"appended to unfaithful", func(p *analysis.Pass) []analysis.Edit {
			p.Doc.Instructions[1].Faithful = false
			return edits(source.Insert(at(p, 1).End, " jq"))
		}, "read differently"},
		{"across unfaithful", func(p *analysis.Pass) []analysis.Edit {
			p.Doc.Instructions[1].Faithful = false
			return edits(source.Delete(source.Span{Start: at(p, 0).End, End: at(p, 2).Start}))
		}, "read differently"},
		{"another file", func(*analysis.Pass) []analysis.Edit {
			return []analysis.Edit{{Path: "/ctx/.dockerignore", Edit: source.Insert(0, "x\n")}}
		}, "another file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j := &judge{}
			faulty := rule("faulty", func(p *analysis.Pass) {
				if strings.Contains(p.Doc.Content, "git") {
					report(p, at(p, 1), analysis.Fix{Title: "Do it", Safety: analysis.Safe, Edits: test.fix(p)})
				}
			})
			r := fix(t, lower, j, Options{Rules: []*analysis.Rule{faulty, swaps("from", analysis.Safe, `from`, "FROM")}})
			wantText(t, r, strings.Replace(lower, "from", "FROM", 1))
			wantTold(t, r, "from@1", "faulty@2")
			if len(r.Rejected) == 1 && !strings.Contains(r.Rejected[0].Reason, test.says) {
				t.Errorf("reason %q, want %q", r.Rejected[0].Reason, test.says)
			}
		})
	}
	// Beside an unfaithful instruction a fix may do what it likes.
	beside := rule("beside", func(p *analysis.Pass) {
		p.Doc.Instructions[1].Faithful = false
		if s := p.Doc.Instructions[1].Lines; !strings.Contains(p.Doc.Content, "ENV") {
			report(p, s, analysis.Fix{Title: "Add", Safety: analysis.Safe, Edits: edits(source.Insert(s.Start, "ENV A=1\n"), source.Insert(s.End, "ENV B=1\n"))})
		}
	})
	r := fix(t, lower, &judge{}, Options{Rules: []*analysis.Rule{beside}})
	wantTold(t, r, "beside@2", "")
}

func TestSafetyOrder(t *testing.T) {
	rules := []*analysis.Rule{
		swaps("likely", analysis.Unsafe, `git`, "hg"),
		swaps("keywords", analysis.Safe, `run`, "RUN"),
		swaps("follows", analysis.Safe, ` hg`, " --no-cache hg"),
		swaps("shown", analysis.Display, `note`, "remark"),
	}
	j := &judge{}
	r := fix(t, lower, j, Options{Rules: rules})
	safe := strings.ReplaceAll(lower, "run", "RUN")
	wantText(t, r, safe)

	rules[2] = swaps("follows", analysis.Safe, `add hg`, "add --no-cache hg")
	j = &judge{}
	r = fix(t, lower, j, Options{Rules: rules, Safety: analysis.Unsafe})
	unsafe := strings.Replace(safe, "git", "hg", 1)
	wantText(t, r, strings.Replace(unsafe, "hg", "--no-cache hg", 1))
	wantTold(t, r, "keywords@2 keywords@4 follows@4 likely@4", "")
	if d := cmp.Diff([]string{lower + " → " + safe, unsafe + " → " + r.After}, j.checks); d != "" {
		t.Errorf("strict checks (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{safe + " → " + unsafe}, j.compiles); d != "" {
		t.Errorf("compiled (-want +got)\n%s", d)
	}

	nothing, err := Fix(t.Context(), analysis.Input{Content: lower}, Options{Rules: rules, Safety: analysis.Display, Validator: j.validator()})
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, nothing, lower)
}

func TestFirstFixOfSufficientSafety(t *testing.T) {
	choice := rule("choice", func(p *analysis.Pass) {
		at := strings.Index(p.Doc.Content, "curl")
		if at < 0 {
			return
		}
		s := source.Span{Start: at, End: at + 4}
		var fixes []analysis.Fix
		for i, safety := range []analysis.Safety{analysis.Display, analysis.Unsafe, analysis.Safe, analysis.Safe} {
			text := fmt.Sprint("choice", i)
			fixes = append(fixes, analysis.Fix{Title: text, Safety: safety, Edits: edits(source.Replace(s, text))})
		}
		report(p, s, fixes...)
	})
	for safety, want := range map[analysis.Safety]string{analysis.Safe: "choice2", analysis.Unsafe: "choice1"} {
		r := fix(t, lower, &judge{}, Options{Rules: []*analysis.Rule{choice}, Safety: safety})
		wantText(t, r, strings.Replace(lower, "curl", want, 1))
	}
}

func TestPick(t *testing.T) {
	line4 := strings.Index(lower, "run apk add git")
	rules := []*analysis.Rule{
		swaps("keywords", analysis.Safe, `run`, "RUN"),
		swaps("flags", analysis.Safe, `(RUN apk add)( [a-z])`, "$1 --no-cache$2"),
	}
	// The flag is found in the second round, when its line has moved.
	long := swaps("from", analysis.Safe, `from`, "# a comment to move what follows\nFROM")
	r := fix(t, lower, &judge{}, Options{
		Rules: append(rules, long),
		Pick:  func(c Candidate) bool { return c.Rule == "from" || c.Span.Start >= line4 },
	})
	wantText(t, r, "# a comment to move what follows\nFROM alpine:3.20\nrun apk add curl\n# a note\nRUN apk add --no-cache git\n")
	wantTold(t, r, "from@1 keywords@4 flags@4", "")
}

func TestOtherFiles(t *testing.T) {
	hide := func(name, path, line string) *analysis.Rule {
		return rule(name, func(p *analysis.Pass) {
			text, ok := p.Beside(path)
			if ok && strings.Contains(text, line) {
				return // rules see what is to be written
			}
			if !ok && path == "/ctx/.dockerignore" {
				text = "dist\n"
			}
			s := p.Doc.Instructions[0].Span
			report(p, s, analysis.Fix{Title: "Hide " + line, Safety: analysis.Unsafe, Edits: []analysis.Edit{
				{Path: path, Of: text, Edit: source.Insert(0, line)},
			}})
		})
	}
	rules := []*analysis.Rule{
		hide("hide", "/ctx/.dockerignore", "node_modules\n"),
		hide("same", "/ctx/.dockerignore", ".git\n"), // touches the first: for the next round
		hide("new", "/ctx/web/.dockerignore", "dist\n"),
		hide("secret", "/ctx/unreadable", "x\n"),
		swaps("keywords", analysis.Safe, `run`, "RUN"),
	}
	r := fix(t, lower, &judge{}, Options{Rules: rules, Safety: analysis.Unsafe, ReadFile: func(path string) (string, error) {
		switch path {
		case "/ctx/.dockerignore":
			return "dist\n", nil
		case "/ctx/unreadable":
			return "", fs.ErrPermission
		}
		return "", fs.ErrNotExist
	}})
	want := []OtherFile{
		{Path: "/ctx/.dockerignore", Before: "dist\n", After: ".git\nnode_modules\ndist\n"},
		{Path: "/ctx/web/.dockerignore", After: "dist\n", New: true},
	}
	if d := cmp.Diff(want, r.Others); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	wantText(t, r, strings.ReplaceAll(lower, "run", "RUN"))
	wantTold(t, r, "hide@1 new@1 same@1 keywords@2 keywords@4", "secret@1")
}

func TestValidatorThatCannotJudge(t *testing.T) {
	broken := errors.New("no memory")
	rules := []*analysis.Rule{swaps("keywords", analysis.Safe, `run`, "RUN")}
	check := func(context.Context, string, string, []change.Change) error { return broken }
	_, err := Fix(t.Context(), analysis.Input{Content: lower}, Options{Rules: rules, Safety: analysis.Safe, Validator: Validator{Check: check}})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Fix(ctx, analysis.Input{Content: lower}, Options{Rules: rules, Safety: analysis.Safe})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestValidateFix(t *testing.T) {
	in := analysis.Input{Content: lower}
	upper := func(safety analysis.Safety) analysis.Fix {
		return analysis.Fix{Title: "Write RUN", Safety: safety, Edits: edits(source.Replace(source.Span{Start: 17, End: 20}, "RUN")),
			Changes: []change.Change{change.Joined{}}}
	}
	want := lower + " → " + strings.Replace(lower, "run", "RUN", 1)
	j := &judge{}
	for _, safety := range []analysis.Safety{analysis.Safe, analysis.Unsafe} {
		if err := ValidateFix(t.Context(), in, upper(safety), j.validator()); err != nil {
			t.Error(err)
		}
	}
	if !cmp.Equal(j.checks, []string{want}) || !cmp.Equal(j.compiles, []string{want}) || !cmp.Equal(j.declared, []int{1}) {
		t.Errorf("checked %q, compiled %q, declared %v", j.checks, j.compiles, j.declared)
	}
	j.bad = regexp.MustCompile("RUN")
	var rejection *validate.Rejection
	if err := ValidateFix(t.Context(), in, upper(analysis.Safe), j.validator()); !errors.As(err, &rejection) {
		t.Errorf("got %v", err)
	}
	if err := ValidateFix(t.Context(), in, analysis.Fix{Safety: analysis.Safe}, j.validator()); !errors.As(err, &rejection) {
		t.Errorf("got %v", err)
	}
	if err := ValidateFix(t.Context(), in, upper(analysis.Display), j.validator()); err == nil {
		t.Error("a fix that is only shown was passed")
	}
}

// Whatever rules that go one way offer, in whatever order, the planner comes to
// rest at a text in which none of them finds anything, and exactly the fixes that
// the validator cannot pass are left out.
func TestAnyRulesComeToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules []*analysis.Rule
		for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
			// A word of one letter or two next to each other, turned into later letters.
			from := rapid.IntRange(0, 8).Draw(t, "from")
			pattern, by := letter(from), letter(rapid.IntRange(from+1, 10).Draw(t, "to"))
			if rapid.Bool().Draw(t, "two") {
				next := rapid.IntRange(0, 8).Draw(t, "next")
				pattern += " " + letter(next)
				by += " " + letter(rapid.IntRange(next, 10).Draw(t, "to next"))
			}
			rules = append(rules, swaps(fmt.Sprint("rule", i), analysis.Safe, pattern, by))
		}
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}), 0, 12).Draw(t, "words")
		content := "FROM alpine\nRUN - " + strings.Join(words, " ") + "\n"
		j := &judge{}
		run := func(content string, j *judge) *Result {
			r, err := Fix(context.Background(), analysis.Input{Content: content}, Options{Rules: rules, Safety: analysis.Safe, Validator: j.validator()})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := run(content, j)
		if len(r.Rejected) > 0 || len(r.Remaining.Diagnostics) > 0 {
			t.Fatalf("rejected %v, remaining %v", r.Rejected, r.Remaining.Diagnostics)
		}
		if again := run(r.After, &judge{}); again.After != r.After {
			t.Fatalf("%q became %q on a second run", r.After, again.After)
		}
		if want := map[bool]int{true: 0, false: 1}[r.After == content]; len(j.checks) != want {
			t.Fatalf("%d validations", len(j.checks))
		}
		// With a letter that is not allowed, no text that holds a new one comes out.
		if banned := letter(rapid.IntRange(5, 10).Draw(t, "banned")); !strings.Contains(content, " "+banned) {
			j := &judge{bad: regexp.MustCompile(" " + banned)}
			r := run(content, j)
			if strings.Contains(r.After, " "+banned) {
				t.Fatalf("%q holds %q", r.After, banned)
			}
			if r.After != content && !slices.Contains(j.checks, content+" → "+r.After) {
				t.Fatalf("%q was never validated: %q", r.After, j.checks)
			}
			if again := run(r.After, &judge{bad: j.bad}); again.After != r.After {
				t.Fatalf("%q became %q on a second run", r.After, again.After)
			}
		}
	})
}

func letter(i int) string { return string(rune('a' + i)) }

// What another Shale writes between a rule's look at a file and the fix's is not
// written a second time.
func TestOtherFileChanges(t *testing.T) {
	for _, now := range []string{"node_modules\n", "dist\n"} {
		hide := rule("hide", func(p *analysis.Pass) {
			report(p, p.Doc.Instructions[0].Span, analysis.Fix{Title: "Hide", Safety: analysis.Unsafe, Edits: []analysis.Edit{
				{Path: "/ctx/.dockerignore", Edit: source.Insert(0, "node_modules\n")}, // of none
			}})
		})
		_, err := Fix(t.Context(), analysis.Input{Path: "/ctx/Dockerfile", Content: lower}, Options{
			Rules: []*analysis.Rule{hide}, Safety: analysis.Unsafe, Validator: (&judge{}).validator(),
			ReadFile: func(string) (string, error) { return now, nil },
		})
		if !errors.Is(err, ErrChanged) || !strings.HasPrefix(err.Error(), "/ctx/.dockerignore: changed while") {
			t.Errorf("%q: %v", now, err)
		}
	}
}
