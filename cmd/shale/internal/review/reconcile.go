package review

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/cmd/shale/internal/report"
)

// Markers stand in comments, where nobody sees them, and tell later runs what a
// comment is about.
const (
	Summary = "<!-- shale:review -->" // the body that tells of all
	Further = "<!-- shale:more -->"   // the body of a review that only brings comments
)

// Mark is the marker of a comment that is about a key.
func Mark(key string) string { return "<!-- shale:fix=" + key + " -->" }

var (
	fixMark = lazyregexp.New(`(?m)^<!-- shale:fix=([0-9a-f]+) -->\s*$`)
	markers = lazyregexp.New(`(?m)^<!-- shale:.*-->\n?`)
)

// KeyOf returns what a comment is about; "" for one that is not Shale's, or whose
// matter is closed. A quoted comment is not Shale's.
func KeyOf(text string) string {
	all := fixMark.FindAllStringSubmatch(strings.ReplaceAll(text, "\r", ""), -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// IsSummary reports whether a body tells of all.
func IsSummary(text string) bool {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r", ""))
	return strings.HasSuffix(text, "\n"+Summary) || text == Summary
}

// A Posted comment is one that stands on the pull request.
type Posted struct {
	ID, Node, Thread string // as the forge names it, its comment and its thread
	Text             string
	Path             string
	Start, End       int  // lines of the newest state; 0 where they are gone
	Closed           bool // somebody resolved or hid it
}

// Earlier is what earlier runs said.
type Earlier struct {
	Comments []Posted
	Body     *Posted // with the Summary marker; nil if there is none
}

// A Plan is what is to be done to a pull request.
type Plan struct {
	Post   []Comment
	Edit   []Edit
	Retire []Edit // with the text that says so; its matter is closed
	Body   string // of the review that brings Post, or that is all there is to post; "" for none
	Tell   *Edit  // the earlier body, as it should be now
	Kept   int    // comments that stand as they should
}

// An Edit gives a posted comment another text.
type Edit struct {
	Posted
	New string
}

const (
	mended = "*This is mended.*\n\n"
	moved  = "*This stands at other lines now.*\n\n"
)

// Reconcile compares what is to be said with what was. A comment that stands where
// it should is kept or edited; one whose matter is mended, or whose lines went
// elsewhere, is retired; what somebody closed by hand is not said again.
func Reconcile(want Review, was Earlier) Plan {
	var p Plan
	used := make([]bool, len(was.Comments))
	for _, c := range want.Comments {
		if !p.standing(c, was.Comments, used) {
			p.Post = append(p.Post, c)
		}
	}
	for i, old := range was.Comments {
		if !used[i] && KeyOf(old.Text) != "" && !old.Closed && !slices.Contains(want.Unseen, old.Path) {
			p.Retire = append(p.Retire, Edit{old, retired(old.Text, mended)})
		}
	}
	if was.Body == nil {
		p.Body = want.Body
		return p
	}
	body := cmp.Or(want.Body, "### Shale: everything is mended\n\n"+Summary+"\n")
	if !same(was.Body.Text, body) {
		p.Tell = &Edit{*was.Body, body}
	}
	if len(p.Post) > 0 {
		p.Body = report.Plural(len(p.Post), "comment") + " more by Shale.\n\n" + Further + "\n"
	}
	return p
}

// standing looks for a comment among those that are there.
func (p *Plan) standing(c Comment, was []Posted, used []bool) bool {
	closed := false
	var gone []int
	for i, old := range was {
		if used[i] || KeyOf(old.Text) != c.Key {
			continue
		}
		used[i] = true
		switch {
		case old.Closed:
			closed = true
		case old.Path == c.Path && old.Start == c.Start && old.End == c.End:
			if same(old.Text, c.Text) {
				p.Kept++
			} else {
				p.Edit = append(p.Edit, Edit{old, c.Text})
			}
			return true
		default:
			gone = append(gone, i)
		}
	}
	for _, i := range gone {
		p.Retire = append(p.Retire, Edit{was[i], retired(was[i].Text, moved)})
	}
	return closed
}

// retired is a comment's text without its marker and its suggestion's power.
func retired(text, why string) string {
	text = markers.ReplaceAllString(strings.ReplaceAll(text, "\r\n", "\n"), "")
	text = opening.ReplaceAllString(text, "${1}dockerfile\n")
	return why + strings.TrimRight(text, "\n") + "\n"
}

// same compares texts as forges keep them.
func same(a, b string) bool {
	clean := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return clean(a) == clean(b)
}
