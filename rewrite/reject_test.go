package rewrite

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/rewrite/validate"
)

func TestFixesThatUndoEachOther(t *testing.T) {
	j := &judge{}
	rules := []*analysis.Rule{
		swaps("there", analysis.Safe, `curl`, "wget"), swaps("back", analysis.Safe, `wget`, "curl"),
		swaps("keywords", analysis.Safe, `run`, "RUN"),
	}
	r := fix(t, lower, j, Options{Rules: rules})
	// Which of the two texts stays is open; that it stays is not.
	again := fix(t, r.After, j, Options{Rules: rules})
	wantText(t, again, r.After)
	_, rejected := told(r)
	if rejected != "there@2 back@2" && rejected != "back@2 there@2" {
		t.Errorf("rejected %q", rejected)
	}
	for _, x := range r.Rejected {
		if !strings.Contains(x.Reason, "back, there") {
			t.Errorf("the reason %q does not name the rules", x.Reason)
		}
	}
	if !strings.Contains(r.After, "RUN apk add git") {
		t.Errorf("the other rule's fixes were lost: %q", r.After)
	}
	if len(j.checks) != 1 {
		t.Errorf("%d validations", len(j.checks))
	}
}

// What led nowhere may be reached another way.
func TestTextOfACircleIsReachedOtherwise(t *testing.T) {
	rules := []*analysis.Rule{
		swaps("one", analysis.Safe, `curl`, "wget"), swaps("two", analysis.Safe, `wget`, "aria"), swaps("three", analysis.Safe, `aria`, "curl"),
		swaps("jump", analysis.Safe, `curl`, "aria"),
	}
	r := fix(t, lower, &judge{}, Options{Rules: rules})
	wantText(t, r, strings.Replace(lower, "curl", "aria", 1))
	wantTold(t, r, "jump@2", "one@2 two@2 three@2")
}

func TestFixThatChangesNothing(t *testing.T) {
	r := fix(t, lower, &judge{}, Options{Rules: []*analysis.Rule{swaps("idle", analysis.Safe, `curl`, "curl")}})
	wantText(t, r, lower)
	wantTold(t, r, "", "idle@2")
}

func TestFixesThatNeverRest(t *testing.T) {
	for _, safety := range []analysis.Safety{analysis.Safe, analysis.Unsafe} {
		rules := []*analysis.Rule{
			swaps("growing", safety, `curl`, "curl curl"),
			swaps("keywords", analysis.Safe, `run`, "RUN"),
		}
		r := fix(t, lower, &judge{}, Options{Rules: rules, Safety: safety})
		wantText(t, r, strings.ReplaceAll(lower, "run", "RUN"))
		wantTold(t, r, "keywords@2 keywords@4", "growing@2")
	}
}

// A rule may speak of one instruction at a time, however many there are.
func TestFixesOneAfterTheOther(t *testing.T) {
	one := rule("one", func(p *analysis.Pass) {
		for _, in := range p.Doc.Instructions {
			if in.Keyword.In(p.Doc.Content) == "run" {
				report(p, in.Keyword, analysis.Fix{Title: "Write RUN", Safety: analysis.Safe, Edits: edits(source.Replace(in.Keyword, "RUN"))})
				return
			}
		}
	})
	content := "FROM alpine\n" + strings.Repeat("run apk add git\n", 100)
	r := fix(t, content, &judge{}, Options{Rules: []*analysis.Rule{one}})
	wantText(t, r, strings.ReplaceAll(content, "run", "RUN"))
}

// Safe and unsafe fixes that undo each other, turn after turn.
func TestTurnsThatUndoEachOther(t *testing.T) {
	rules := []*analysis.Rule{
		swaps("there", analysis.Safe, `curl`, "wget"), swaps("back", analysis.Unsafe, `wget`, "curl"),
		swaps("keywords", analysis.Unsafe, `run`, "RUN"),
	}
	r := fix(t, lower, &judge{}, Options{Rules: rules, Safety: analysis.Unsafe})
	_, rejected := told(r)
	if !strings.Contains(rejected, "back@2") || !strings.Contains(r.Rejected[0].Reason, "lead back") {
		t.Errorf("rejected %q: %v", rejected, r.Rejected)
	}
	wantText(t, fix(t, r.After, &judge{}, Options{Rules: rules, Safety: analysis.Unsafe}), r.After)
	if !strings.Contains(r.After, "RUN apk add git") {
		t.Errorf("the other rule's fixes were lost: %q", r.After)
	}
}

// An unsafe fix that a safe one calls for again and again.
func TestTurnsThatNeverRest(t *testing.T) {
	rules := []*analysis.Rule{
		swaps("more", analysis.Unsafe, `curl\n`, "curl x\n"), swaps("again", analysis.Safe, `x\n`, "x curl\n"),
	}
	r := fix(t, lower, &judge{}, Options{Rules: rules, Safety: analysis.Unsafe})
	_, rejected := told(r)
	if rejected != "more@2" || !strings.Contains(r.Rejected[0].Reason, "never come to rest") {
		t.Errorf("rejected %q: %v", rejected, r.Rejected)
	}
}

func TestRejectedFixIsFound(t *testing.T) {
	var content strings.Builder
	content.WriteString("from alpine\n")
	for i := range 60 {
		fmt.Fprintf(&content, "run step %d\n", i)
	}
	j := &judge{bad: regexp.MustCompile(`RUN step (17|42)\n`)}
	r := fix(t, content.String(), j, Options{Rules: []*analysis.Rule{swaps("keywords", analysis.Safe, `run`, "RUN")}})
	want := strings.ReplaceAll(content.String(), "run", "RUN")
	want = strings.NewReplacer("RUN step 17\n", "run step 17\n", "RUN step 42\n", "run step 42\n").Replace(want)
	wantText(t, r, want)
	_, rejected := told(r)
	if rejected != "keywords@19 keywords@44" {
		t.Errorf("rejected %q", rejected)
	}
	if len(r.Applied) != 58 {
		t.Errorf("%d fixes applied", len(r.Applied))
	}
	if got := r.Rejected[0].Reason; !strings.Contains(got, "The text is bad.") {
		t.Errorf("reason %q", got)
	}
	if i := slices.Index(j.checks, content.String()+" → "+r.After); i < 0 || j.declared[i] != 58 {
		t.Errorf("the whole was not validated; declared %v", j.declared)
	}
	if len(j.checks) > 30 {
		t.Errorf("%d validations to find 2 of 60", len(j.checks))
	}
}

// A rejected fix that comes back under another name each time does not go on for ever.
func TestRejectedFixThatComesBack(t *testing.T) {
	n := 0
	changing := rule("changing", func(p *analysis.Pass) {
		at := strings.Index(p.Doc.Content, "curl")
		s := source.Span{Start: at, End: at + 4}
		n++
		report(p, s, analysis.Fix{Title: fmt.Sprint("Try ", n), Safety: analysis.Safe, Edits: edits(source.Replace(s, "wget curl"))})
	})
	r := fix(t, lower, &judge{bad: regexp.MustCompile("wget")}, Options{Rules: []*analysis.Rule{changing, swaps("hg", analysis.Safe, "git", "hg")}})
	wantText(t, r, strings.Replace(lower, "git", "hg", 1))
	if last := r.Rejected[len(r.Rejected)-1]; !strings.Contains(last.Reason, "never come to rest") {
		t.Errorf("the last reason is %q", last.Reason)
	}
}

// Two fixes that are right alone and wrong together: the later one goes.
func TestFixesRejectedTogether(t *testing.T) {
	j := &judge{bad: regexp.MustCompile(`(?s)wget.*hg`)}
	r := fix(t, lower, j, Options{Rules: []*analysis.Rule{
		swaps("wget", analysis.Safe, `curl`, "wget"), swaps("hg", analysis.Safe, `git`, "hg"), swaps("keywords", analysis.Safe, `run`, "RUN"),
	}})
	wantText(t, r, "from alpine:3.20\nRUN apk add wget\n# a note\nRUN apk add git\n")
	wantTold(t, r, "keywords@2 wget@2 keywords@4", "hg@4")
}

// A fix that is wrong beside another and right after it is made after it, not by a
// second run.
func TestFixRejectedBesideAnother(t *testing.T) {
	var checks []string
	check := func(_ context.Context, before, after string, _ []change.Change) error {
		checks = append(checks, before+" → "+after)
		if !strings.Contains(before, "wget") && strings.Contains(after, "wget") && strings.Contains(after, "hg") {
			return &validate.Rejection{Reason: "two at once"}
		}
		return nil
	}
	rules := []*analysis.Rule{swaps("wget", analysis.Safe, `curl`, "wget"), swaps("hg", analysis.Safe, `git`, "hg")}
	r := fix(t, lower, nil, Options{Rules: rules, Validator: Validator{Check: check}})
	both := strings.NewReplacer("curl", "wget", "git", "hg").Replace(lower)
	wantText(t, r, both)
	wantTold(t, r, "wget@2 hg@4", "")
	one := strings.Replace(lower, "curl", "wget", 1)
	if !slices.Contains(checks, lower+" → "+one) || checks[len(checks)-1] != one+" → "+both {
		t.Errorf("validated %q", checks)
	}
	wantText(t, fix(t, both, nil, Options{Rules: rules, Validator: Validator{Check: check}}), both)
}

// A fix that makes BuildKit refuse the text is found even though no rule runs after it.
func TestFixThatBreaksTheSyntax(t *testing.T) {
	j := &judge{bad: regexp.MustCompile(`RUNX`)}
	r := fix(t, lower, j, Options{Rules: []*analysis.Rule{
		swaps("broken", analysis.Safe, `run apk add git`, "RUNX apk add git"), swaps("wget", analysis.Safe, `curl`, "wget"),
	}})
	wantText(t, r, strings.Replace(lower, "curl", "wget", 1))
	wantTold(t, r, "wget@2", "broken@4")
}

func TestFileThatCannotBeFixed(t *testing.T) {
	rules := []*analysis.Rule{swaps("keywords", analysis.Safe, `run`, "RUN")}
	j := &judge{}
	r := fix(t, "from alpine\nrun a\nNOSUCH thing\n", j, Options{Rules: rules})
	wantText(t, r, r.Before)
	wantTold(t, r, "", "")
	if !strings.Contains(r.Untouchable, "BuildKit refuses the file") || len(j.checks) > 0 {
		t.Errorf("untouchable %q, validated %q", r.Untouchable, j.checks)
	}
	// The file parses, but does not pass as it is: no fix is to blame.
	j = &judge{bad: regexp.MustCompile(`curl`)}
	r = fix(t, lower, j, Options{Rules: rules, Safety: analysis.Unsafe})
	wantText(t, r, lower)
	wantTold(t, r, "", "")
	if !strings.Contains(r.Untouchable, "The text is bad.") {
		t.Errorf("untouchable %q", r.Untouchable)
	}
}
