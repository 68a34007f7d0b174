package review_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/cmd/shale/internal/review"
	"github.com/shale-build/shale/rewrite"
)

// github writes suggestions as GitHub takes them.
var github = review.Options{
	Dialect: review.Dialect{Suggest: func(int) string { return "suggestion" }, Body: 65536},
	URL:     func(string) string { return "" },
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// look makes the review of one Dockerfile of a folder, of which hunks are shown.
func look(t *testing.T, in analysis.Input, o review.Options, hunks ...review.Hunk) (review.Source, review.Review) {
	t.Helper()
	all := slices.Concat(rules.All(), checks.All())
	options := rewrite.Options{Rules: all, Safety: analysis.Safe}
	whole, err := rewrite.Fix(context.Background(), in, options)
	check(t, err)
	s := review.Source{Path: "Dockerfile", Before: in.Content, Whole: whole, Name: filepath.Base, Findings: analysis.Check(in, all).Diagnostics}
	s.Parts, err = review.Split(context.Background(), in, options, whole)
	check(t, err)
	return s, review.Build([]review.Source{s}, review.Diff{Files: []review.ChangedFile{{Path: "Dockerfile", Hunk: hunks}}}, o)
}

func everything(text string) review.Hunk {
	return review.Hunk{Start: 1, End: strings.Count(text, "\n"), Old: map[int]int{}}
}

// accept applies suggestions as GitHub does: the lines become the block.
func accept(t *testing.T, text string, cs ...review.Comment) string {
	t.Helper()
	lines, cs := strings.SplitAfter(text, "\n"), slices.Clone(cs)
	slices.SortFunc(cs, func(a, b review.Comment) int { return b.Start - a.Start })
	for _, c := range cs {
		block, ok := review.Suggestion(c.Text)
		if !ok {
			t.Fatalf("no suggestion in %s", c.Text)
		}
		if c.Start < 1 || c.Start > c.End {
			t.Fatalf("lines %d to %d", c.Start, c.End)
		}
		lines = slices.Replace(lines, c.Start-1, c.End, block)
	}
	return strings.Join(lines, "")
}

// Over the Dockerfiles of the rules: each suggestion alone makes what its part makes,
// which the validator has passed, and all of them make what `shale fix` makes.
func TestSuggestionsMakeTheFix(t *testing.T) {
	files, err := filepath.Glob("../../../../testdata/rules/*/*.txtar")
	check(t, err)
	suggested, alone := 0, 0
	for _, path := range files {
		// Enough of them for every day, and the same ones when others come.
		if crc32.ChecksumIEEE([]byte(filepath.ToSlash(path)))%4 != 0 {
			continue
		}
		a, err := txtar.ParseFile(path)
		check(t, err)
		dir := t.TempDir()
		in := analysis.Input{Path: filepath.Join(dir, "Dockerfile")}
		for _, f := range a.Files {
			name, inside := strings.CutPrefix(f.Name, "context/")
			switch {
			case f.Name == "before":
				in.Content = string(f.Data)
			case inside:
				check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
				check(t, os.WriteFile(filepath.Join(dir, name), f.Data, 0o644))
			}
		}
		s, r := look(t, in, github, everything(in.Content))
		if s.Whole.After == in.Content {
			continue
		}
		var cs []review.Comment
		for _, c := range r.Comments {
			if !c.Suggestion {
				cs = nil
				break
			}
			cs = append(cs, c)
		}
		if len(cs) == 0 {
			continue
		}
		suggested++
		if got := accept(t, in.Content, cs...); got != s.Whole.After {
			t.Errorf("%s: accepted together they make\n%s\nwant\n%s", path, got, s.Whole.After)
		}
		if len(cs) > 1 {
			for i, c := range cs {
				alone++
				if got := accept(t, in.Content, c); got != s.Parts[i].After {
					t.Errorf("%s: %s\nalone makes\n%s\nwant\n%s", path, c.Text, got, s.Parts[i].After)
				}
			}
		}
	}
	if suggested < 20 || alone < 2 {
		t.Errorf("only %d files with suggestions, %d of several", suggested, alone)
	}
}

const shop = `FROM debian:12
RUN apt-get update
RUN apt-get install -y --no-install-recommends git
ENV A=b
ENV C=d
ENV E=f
ENV G=h
RUN echo one
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends curl
`

func TestPlaces(t *testing.T) {
	tell := func(r review.Review) string {
		var out []string
		for _, c := range r.Comments {
			kind := "patch"
			if c.Suggestion {
				kind = "suggestion"
			}
			out = append(out, fmt.Sprintf("%s %d-%d (%d-%d)", kind, c.Start, c.End, c.OldStart, c.OldEnd))
		}
		if strings.Contains(r.Body, "outside the lines of this diff") {
			out = append(out, "outside")
		}
		return strings.Join(out, ", ")
	}
	hunk := func(from, to int, old ...int) review.Hunk {
		h := review.Hunk{Start: from, End: to, Old: map[int]int{}}
		for i := 0; i+1 < len(old); i += 2 {
			h.Old[old[i]] = old[i+1]
		}
		return h
	}
	crlf := strings.ReplaceAll(shop, "\n", "\r\n")
	for _, test := range []struct {
		name, text string
		hunks      []review.Hunk
		want       string
	}{
		{"all is new", shop, []review.Hunk{hunk(1, 10)}, "suggestion 2-3 (0-0), suggestion 10-10 (0-0)"},
		{"lines that are old", shop, []review.Hunk{hunk(1, 5, 1, 1, 2, 2, 3, 5)}, "suggestion 2-3 (2-5), outside"},
		{"one line of two", shop, []review.Hunk{hunk(3, 6)}, "patch 3-3 (0-0), outside"},
		{"two hunks", shop, []review.Hunk{hunk(1, 2), hunk(3, 4)}, "patch 3-3 (0-0), outside"},
		{"none", shop, nil, "outside"},
		{"only deleted lines", shop, []review.Hunk{hunk(2, 1)}, "outside"},
		{"Windows line ends", crlf, []review.Hunk{hunk(1, 10)}, "patch 3-3 (0-0), patch 10-10 (0-0)"},
		{"no last line end", strings.TrimSuffix(shop, "\n"), []review.Hunk{hunk(1, 10)}, "suggestion 2-3 (0-0), patch 10-10 (0-0)"},
	} {
		_, r := look(t, analysis.Input{Content: test.text}, github, test.hunks...)
		if got := tell(r); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		for _, c := range r.Comments {
			if !c.Suggestion && !strings.Contains(c.Text, "```diff\n--- a/Dockerfile\n") {
				t.Errorf("%s: no patch in %s", test.name, c.Text)
			}
		}
	}
	s, r := look(t, analysis.Input{Content: shop}, github, hunk(1, 10))
	for i, c := range r.Comments {
		if got := accept(t, shop, c); got != s.Parts[i].After {
			t.Errorf("alone it makes\n%s\nwant\n%s", got, s.Parts[i].After)
		}
	}
	if got := accept(t, shop, r.Comments...); got != s.Whole.After {
		t.Errorf("together they make\n%s\nwant\n%s", got, s.Whole.After)
	}
	_, r = look(t, analysis.Input{Content: shop}, review.Options{URL: github.URL}, hunk(1, 10))
	if got := tell(r); got != "patch 3-3 (0-0), patch 10-10 (0-0)" {
		t.Errorf("a forge without suggestions: %s", got)
	}
}

// What a Dockerfile holds ends no block, and calls nobody.
func TestNothingIsReadAsMarkdown(t *testing.T) {
	text := "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends git && echo '@all ```` <b>'\n"
	s, r := look(t, analysis.Input{Content: text}, github, everything(text))
	if len(r.Comments) != 1 {
		t.Fatalf("%d comments", len(r.Comments))
	}
	if got := accept(t, text, r.Comments...); got != s.Whole.After {
		t.Errorf("accepted it makes\n%s\nwant\n%s", got, s.Whole.After)
	}
}
