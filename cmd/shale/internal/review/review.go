// Package review turns the fixes of Dockerfiles into a review of a pull request:
// comments with their places and texts, and what becomes of earlier ones.
package review

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite"
)

// A Source is one Dockerfile of the change.
type Source struct {
	Path     string                // from the repository's root, with slashes
	Before   string                // its text after the change, before any fix
	Whole    *rewrite.Result       // with all its fixes; nil if there are none
	Parts    []*rewrite.Result     // what can be accepted by itself, each
	Findings []analysis.Diagnostic // that are to be told, with and without a fix
	Measured string                // what building before and after showed, as Markdown; "" if it was not built
	Name     func(string) string   // what a path on disk is called in the repository
}

// A Dialect is what a forge's comments can do.
type Dialect struct {
	// Suggest opens a suggestion over so many lines, with what follows the fence; nil
	// where the forge knows none.
	Suggest func(lines int) string
	// Most lines of a suggestion; 0 for as many as there are.
	Lines int
	Body  int // the most bytes of a comment
}

// A Comment stands at lines of a file, as they are after the change.
type Comment struct {
	Key        string // what is told, wherever it stands
	Path, Old  string // Old is the path before the change; "" of a new file
	Start, End int    // lines, from 1
	// The same lines before the change; 0 for a line that the change brought.
	OldStart, OldEnd int
	Text             string // Markdown, with the marker
	Suggestion       bool   // Text holds one, over exactly these lines
}

// A Review is all that there is to say on a change.
type Review struct {
	Comments []Comment
	Body     string // "" if nothing is to be said
	Fixes    int    // in comments and in the body
	// Files that could not be looked at: nothing is known of them, and what was said
	// of them stays.
	Unseen []string
}

// Options says how a review is written.
type Options struct {
	Dialect Dialect
	URL     func(rule string) string // the page of a rule, "" for none
	Unseen  []string                 // files that could not be looked at
}

// Build writes the review of a change. Fixes that a suggestion cannot express become
// comments with a patch, and those that stand nowhere in the diff go to the body.
func Build(sources []Source, d Diff, o Options) Review {
	w := writer{Options: o, keys: map[string]int{}}
	r := Review{Unseen: o.Unseen}
	for _, s := range sources {
		told := map[int]bool{}
		for _, p := range s.Parts {
			if len(p.Applied) == 0 {
				continue
			}
			w.count(p)
			c, ok := w.comment(s, p, d.File(s.Path), told)
			if ok {
				r.Comments = append(r.Comments, c)
			} else {
				w.outside = append(w.outside, c)
			}
		}
		for i, f := range s.Findings {
			if !told[i] && f.Severity >= analysis.Warning {
				w.left = append(w.left, w.leftLine(s, f))
			}
		}
		if s.Measured != "" {
			w.measured = append(w.measured, s.Measured)
		}
	}
	// In the order of the diff's files and lines.
	slices.SortStableFunc(r.Comments, func(a, b Comment) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Start, b.Start))
	})
	r.Fixes = len(r.Comments) + len(w.outside)
	if r.Fixes+len(w.left)+len(r.Unseen) > 0 {
		r.Body = w.body(r, d)
	}
	return r
}

// comment writes one part. It is false where no line of the diff is its place.
func (w *writer) comment(s Source, p *rewrite.Result, f *ChangedFile, told map[int]bool) (Comment, bool) {
	c := Comment{Path: s.Path}
	if f != nil {
		c.Old = f.Old
	}
	matched := w.match(s, p, told)
	c.Key = w.key(s, p, matched)
	why := w.suggestion(s, p, f, &c)
	placed := why == ""
	if !placed {
		c.Start, c.End, placed = anchor(p, f)
	}
	if h := f.hunk(c.Start, c.End); h != nil {
		c.OldStart, c.OldEnd = h.Old[c.Start], h.Old[c.End]
	}
	c.Text = w.text(s, p, matched, c, why)
	return c, placed
}

// match finds the findings that a part mends.
func (w *writer) match(s Source, p *rewrite.Result, told map[int]bool) []int {
	var out []int
	for _, a := range p.Applied {
		for i, f := range s.Findings {
			if f.Rule == a.Rule && f.Span == a.Span {
				told[i] = true
				if !slices.Contains(out, i) {
					out = append(out, i)
				}
				break
			}
		}
	}
	return out
}

// key names a part by what its findings underline, not by lines.
func (w *writer) key(s Source, p *rewrite.Result, matched []int) string {
	names := report.Fingerprints(s.Before, s.Findings)
	var parts []string
	for _, i := range matched {
		parts = append(parts, names[i])
	}
	if len(parts) == 0 {
		for _, a := range p.Applied {
			parts = append(parts, a.Rule+" "+a.Title)
		}
	}
	slices.Sort(parts)
	name := report.Digest(s.Path, strings.Join(parts, " "))
	if w.keys[name]++; w.keys[name] > 1 {
		name = report.Digest(name, string(rune('0'+w.keys[name])))
	}
	return name
}

// suggestion gives a comment the lines that a part replaces, and writes nothing yet.
// It returns why a suggestion cannot express the part, "" if it can.
func (w *writer) suggestion(s Source, p *rewrite.Result, f *ChangedFile, c *Comment) string {
	switch {
	case w.Dialect.Suggest == nil:
		return "patch"
	case len(p.Others) > 0:
		return "It changes another file too, which a suggestion cannot."
	case strings.Contains(p.Before, "\r") || strings.Contains(p.After, "\r"):
		return "The file has Windows line ends, which a suggestion would not keep."
	}
	first, last, text, ok := replaced(p, f)
	switch {
	case !ok:
		return "It changes lines that this diff does not show, so that it cannot be a suggestion."
	case !utf8.ValidString(text):
		return "It holds bytes that are not UTF-8, which a suggestion cannot."
	case !strings.HasSuffix(text, "\n") && text != "" || text != "" && strings.TrimSpace(text) == "":
		return "It changes how the file ends, which a suggestion cannot."
	case !strings.HasSuffix(lines(p.Before)[last-1], "\n"):
		return "It changes the last line, which has no line end; a suggestion would not keep that."
	case w.Dialect.Lines > 0 && last-first >= w.Dialect.Lines:
		return "It spans more lines than a suggestion may."
	}
	c.Start, c.End, c.Suggestion = first, last, true
	if w.Dialect.Body > 0 && len(text)+4000 > w.Dialect.Body {
		c.Suggestion = false
		return "It is too long for a suggestion."
	}
	return ""
}

// replaced returns the lines that a part replaces, from 1, and what they become. A
// text that is only inserted takes a line beside it along. It is false where no hunk
// shows them all.
func replaced(p *rewrite.Result, f *ChangedFile) (first, last int, text string, ok bool) {
	h := hullOf(p)
	before, after := lines(p.Before), lines(p.After)
	if h.FromA < h.ToA {
		return h.FromA + 1, h.ToA, concat(after[h.FromB:h.ToB]), f.hunk(h.FromA+1, h.ToA) != nil
	}
	text = concat(after[h.FromB:h.ToB])
	if h.FromA > 0 && f.hunk(h.FromA, h.FromA) != nil {
		return h.FromA, h.FromA, before[h.FromA-1] + text, true
	}
	if h.FromA < len(before) && f.hunk(h.FromA+1, h.FromA+1) != nil {
		return h.FromA + 1, h.FromA + 1, text + before[h.FromA], true
	}
	return 0, 0, "", false
}

// anchor is the line for a comment whose lines are not replaced by it: the finding's,
// or another that the part changes and the diff shows.
func anchor(p *rewrite.Result, f *ChangedFile) (first, last int, ok bool) {
	for _, a := range p.Applied {
		if f.hunk(a.Line, a.Line) != nil {
			return a.Line, a.Line, true
		}
	}
	for _, c := range rewrite.LineChanges(p.Before, p.After) {
		for line := c.FromA + 1; line <= c.ToA; line++ {
			if f.hunk(line, line) != nil {
				return line, line, true
			}
		}
	}
	return 0, 0, false
}

// lines cuts a text after each line end.
func lines(s string) []string {
	return slices.Collect(strings.Lines(s))
}

func concat(lines []string) string { return strings.Join(lines, "") }
