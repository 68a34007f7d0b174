package rewrite_test

import (
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/validate"
)

// fixtures are the Dockerfiles of the rules' own cases.
func fixtures(t testing.TB) []string {
	files, err := filepath.Glob("../testdata/rules/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		if os.Getenv("SHALE_TEST_ALL") == "" && crc32.ChecksumIEEE([]byte(file))%4 != 0 {
			continue // enough of them for every day
		}
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			if f.Name == "before" && len(f.Data) < 4000 {
				out = append(out, string(f.Data))
			}
		}
	}
	return out
}

// FuzzFix fixes any text: no rule fails, no fix proves wrong, what parsed still does,
// and a second turn finds nothing more to do.
func FuzzFix(f *testing.F) {
	for _, text := range fixtures(f) {
		f.Add(text, false)
		f.Add(text, true)
	}
	all := append(rules.All(), checks.All()...)
	f.Fuzz(func(t *testing.T, text string, unsafe bool) {
		if len(text) > 8<<10 {
			return
		}
		o := rewrite.Options{Rules: all, Safety: analysis.Safe, ReadFile: func(string) (string, error) { return "", errors.New("there is no other file") }}
		if unsafe {
			o.Safety = analysis.Unsafe
		}
		r, err := rewrite.Fix(t.Context(), analysis.Input{Content: text}, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range r.Remaining.Faults {
			t.Error(fault)
		}
		for _, w := range r.Rejected {
			t.Errorf("%s in line %d: %s: %s", w.Rule, w.Line, w.Title, w.Reason)
		}
		if refused := len(syntax.Parse(text).Problems) > 0; refused != (len(syntax.Parse(r.After).Problems) > 0) || refused && r.After != text {
			t.Fatalf("refused is %v, and it became\n%s", refused, r.After)
		}
		again, err := rewrite.Fix(t.Context(), analysis.Input{Content: r.After}, o)
		if err != nil {
			t.Fatal(err)
		}
		if again.After != r.After {
			t.Errorf("a second turn makes of\n%s\nthis:\n%s", r.After, again.After)
		}
	})
}

// FuzzChecked changes one RUN, which no declared change explains: the validator
// lets nothing of it pass. The text as it was always passes, if it compiles.
func FuzzChecked(f *testing.F) {
	for i, text := range fixtures(f) {
		f.Add(text, i, i*7, []string{"x", " && true", ";", "\\\n", "$A", "'", " # x"}[i%7])
	}
	f.Fuzz(func(t *testing.T, before string, which, at int, put string) {
		doc := syntax.Parse(before)
		if len(before) > 8<<10 || len(doc.Problems) > 0 {
			return
		}
		if _, err := compile.Compile(t.Context(), before, compile.Options{Args: true}); err != nil {
			return
		}
		if err := validate.Check(t.Context(), before, before, nil, validate.Options{}); err != nil && !unproven(err) {
			t.Fatalf("refused as it is: %v", err)
		}
		var runs []*syntax.Instruction
		for _, in := range doc.Instructions {
			if in.Name == "run" && in.Faithful && !in.JSON && len(in.Heredocs) == 0 && in.Body.Len() > 0 {
				runs = append(runs, in)
			}
		}
		if len(runs) == 0 || put == "" {
			return
		}
		in := runs[uint(which)%uint(len(runs))]
		place := in.Body.Span(0, in.Body.Len())
		after := before[:place.Start+int(uint(at)%uint(place.Len()+1))] + put + before[place.Start+int(uint(at)%uint(place.Len()+1)):]
		changed := syntax.Parse(after)
		if len(changed.Problems) > 0 || len(changed.Instructions) != len(doc.Instructions) {
			return
		}
		if is := changed.Instructions[in.Index]; is.Name != "run" || is.Body.String() == in.Body.String() && is.JSON == in.JSON {
			return // a comment, or blanks that BuildKit drops
		}
		if err := validate.Check(t.Context(), before, after, nil, validate.Options{}); err == nil {
			t.Errorf("passed, and it was\n%s\nand is\n%s", before, after)
		}
	})
}

// unproven reports whether it is the text before that the validator cannot take.
func unproven(err error) bool {
	r, ok := errors.AsType[*validate.Rejection](err)
	return ok && r.Before
}
