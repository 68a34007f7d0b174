package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite/verify"
)

const maxListed = 20 // paths of each kind; JSON has them all

// A verifyRow is one line of the table.
type verifyRow struct{ name, before, after, change string }

// verifyRows is the table of measures.
func verifyRows(r *verify.Report) []verifyRow {
	bytes := func(name string, before, after int64) verifyRow {
		return verifyRow{name, report.Bytes(before), report.Bytes(after), percent(float64(before), float64(after))}
	}
	b, a := r.Before, r.After
	rows := []verifyRow{
		bytes("image", b.Uncompressed, a.Uncompressed),
		bytes("compressed", b.Compressed, a.Compressed),
		bytes("shipped and dead", b.Dead, a.Dead),
		{"layers", fmt.Sprint(len(b.Layers)), fmt.Sprint(len(a.Layers)), ""},
		{"build without cache", seconds(b.Cold), seconds(a.Cold), faster(b.Cold, a.Cold)},
	}
	if len(a.Layers) == 0 { // it does not build
		for i := range rows {
			rows[i].after, rows[i].change = "–", ""
		}
	}
	for _, x := range r.Rebuilds {
		rows = append(rows, verifyRow{x.Path + " changed", rerun(x.Before), rerun(x.After), change(x)})
	}
	return rows
}

func rerun(r verify.Rerun) string {
	if r.Error != "" {
		return "not measured"
	}
	return fmt.Sprintf("%s, %s", report.Plural(len(r.Steps), "step"), seconds(r.Seconds))
}

func change(x verify.Rebuild) string {
	if x.Before.Error != "" || x.After.Error != "" {
		return ""
	}
	return faster(x.Before.Seconds, x.After.Seconds)
}

// faster is percent for seconds, "" where the difference is within what builds
// differ by anyway.
func faster(before, after float64) string {
	if d := after - before; d > -0.2 && d < 0.2 {
		return ""
	}
	return percent(before, after)
}

func seconds(s float64) string {
	switch {
	case s > 0 && s < 0.095:
		return fmt.Sprintf("%.2f s", s)
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%.0f s", s)
}

// percent is the change from one figure to another, "" where it rounds to nothing.
func percent(before, after float64) string {
	if before <= 0 {
		return ""
	}
	p := (after - before) / before * 100
	switch s := fmt.Sprintf("%+.0f %%", p); s {
	case "+0 %", "-0 %":
		return ""
	default:
		return strings.Replace(s, "-", "−", 1)
	}
}

// verifyHeadline is the outcome in one sentence.
func verifyHeadline(r *verify.Report) string {
	what := "as it is and fixed"
	if r.Against != "" {
		what = "and " + r.Against
	}
	switch r.Verdict {
	case verify.Unchanged:
		if r.Against != "" {
			return fmt.Sprintf("%s %s are the same text: nothing was built", r.File, what)
		}
		return r.File + ": there is nothing to fix, and nothing was built"
	case verify.Equal:
		same := "the same image config and the same files"
		if len(r.Stopped) > 0 {
			same += ", but for what is no longer shipped"
		}
		return fmt.Sprintf("%s %s: %s", r.File, what, same)
	case verify.Different:
		if r.Failure != nil {
			return fmt.Sprintf("%s %s: DIFFERENT: the second does not build", r.File, what)
		}
		return fmt.Sprintf("%s %s: DIFFERENT", r.File, what)
	}
	return r.File + ": nothing could be judged"
}

// verifyText writes a report for people.
func verifyText(w io.Writer, r *verify.Report, color bool) {
	headline := report.Visible(verifyHeadline(r))
	if color {
		code := map[verify.Verdict]string{verify.Equal: "32;1", verify.Unchanged: "1"}[r.Verdict]
		if code == "" {
			code = "31;1"
		}
		headline = "\x1b[" + code + "m" + headline + "\x1b[0m"
	}
	fmt.Fprintln(w, headline)
	if r.Verdict == verify.Unchanged || r.Verdict == verify.Failed {
		return
	}
	if len(r.Before.Layers)+len(r.After.Layers) > 0 {
		fmt.Fprintln(w)
		t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "\tbefore\tafter\t\t")
		for _, row := range verifyRows(r) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", report.Visible(row.name), row.before, row.after, row.change)
		}
		t.Flush()
	}
	for _, s := range verifySections(r) {
		fmt.Fprintf(w, "\n%s\n", report.Visible(s.title))
		for _, line := range s.lines {
			fmt.Fprintf(w, "  %s\n", report.Visible(line))
		}
	}
}

// A section is a list under a title.
type section struct {
	title string
	lines []string
}

// verifySections is all but the table.
func verifySections(r *verify.Report) []section {
	var out []section
	add := func(title string, lines []string) {
		if len(lines) > maxListed+1 {
			lines = append(lines[:maxListed:maxListed], fmt.Sprintf("and %d more (--format json lists them)", len(lines)-maxListed))
		}
		if len(lines) > 0 {
			out = append(out, section{title, lines})
		}
	}
	var lines []string
	for _, c := range r.Config {
		lines = append(lines, fmt.Sprintf("%s: %s became %s", c.Field, value(c.Before), value(c.After)))
	}
	add("The image config differs:", lines)
	lines = nil
	for _, d := range r.Differences {
		lines = append(lines, differenceLine(d))
	}
	add("Files differ:", lines)
	add("To blame:", fixLines(r.Blame))
	add("Fixes:", fixLines(r.Applied))
	lines = nil
	for _, s := range r.Stopped {
		line := fmt.Sprintf("%s: %s, %s", s.Path, report.Plural(s.Files, "file"), report.Bytes(s.Bytes))
		if len(s.Changed) > 0 {
			verb := "are"
			if len(s.Changed) == 1 {
				verb = "is"
			}
			line += fmt.Sprintf("; %s below it %s new or not as before", report.Plural(len(s.Changed), "path"), verb)
		}
		lines = append(lines, line)
	}
	add("No longer shipped, as declared:", lines)
	add("Shipped and dead before:", deadLines(r.Before))
	add("Shipped and dead after:", deadLines(r.After))
	for _, x := range r.Rebuilds {
		if x.Before.Error != "" {
			add(fmt.Sprintf("%s changed: not measured", x.Path), []string{x.Before.Error})
			continue
		}
		lines = nil
		for _, side := range []struct {
			name string
			run  verify.Rerun
		}{{"before", x.Before}, {"after", x.After}} {
			for _, s := range side.run.Steps {
				lines = append(lines, fmt.Sprintf("%s, %s: %s", side.name, seconds(s.Seconds), stepText(s)))
			}
			if side.run.Error != "" {
				lines = append(lines, side.name+": "+side.run.Error)
			}
		}
		add(fmt.Sprintf("%s changed, these steps run again:", x.Path), lines)
	}
	lines = nil
	for _, n := range r.Noise {
		lines = append(lines, fmt.Sprintf("%s (%s)", n.Path, strings.Join(n.Attributes, ", ")))
	}
	if len(lines) > 5 {
		lines = append(lines[:5:5], fmt.Sprintf("and %d more (--format json lists them)", len(lines)-5))
	}
	add("Noise, which differs from build to build of the same Dockerfile:", lines)
	return out
}

func stepText(s verify.Step) string {
	name := short(strings.Join(strings.Fields(s.Name), " "), 100)
	if s.Line > 0 {
		name = fmt.Sprintf("line %d, %s", s.Line, name)
	}
	return name
}

// short is a text of so many characters at most.
func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// value is what something was or became.
func value(s string) string { return cmp.Or(short(s, 120), "nothing") }

func differenceLine(d verify.Difference) string {
	below := ""
	if d.Below > 0 {
		below = fmt.Sprintf(", with %s in it", report.Plural(d.Below, "path"))
	}
	switch d.Kind {
	case "missing":
		return fmt.Sprintf("%s: missing (%s%s)", d.Path, d.Type, below)
	case "new":
		return fmt.Sprintf("%s: new (%s%s)", d.Path, d.Type, below)
	}
	var what []string
	for _, a := range d.Attributes {
		what = append(what, fmt.Sprintf("%s %s became %s", a.Name, value(a.Before), value(a.After)))
	}
	return d.Path + ": " + strings.Join(what, "; ")
}

func fixLines(fixes []verify.Fix) []string {
	var out []string
	for _, f := range fixes {
		out = append(out, fmt.Sprintf("line %d: %s [%s]", f.Line, f.Title, f.Rule))
	}
	return out
}

// deadLines tells by line what is shipped and dead, the most first.
func deadLines(m verify.Image) []string {
	type dead struct {
		bytes    int64
		from, by string
	}
	var all []dead
	for i, l := range m.Layers {
		for _, d := range l.DeadBy {
			all = append(all, dead{d.Bytes, layerName(m, i), layerName(m, d.Layer)})
		}
	}
	slices.SortStableFunc(all, func(a, b dead) int {
		switch {
		case a.bytes > b.bytes:
			return -1
		case a.bytes < b.bytes:
			return 1
		}
		return 0
	})
	var out []string
	for _, d := range all {
		if d.bytes > 0 {
			out = append(out, fmt.Sprintf("%s of %s, by %s", report.Bytes(d.bytes), d.from, d.by))
		}
	}
	return out
}

func layerName(m verify.Image, i int) string {
	switch l := m.Layers[i]; {
	case l.Line > 0:
		return fmt.Sprintf("line %d", l.Line)
	case l.Base:
		return "the base image"
	}
	return fmt.Sprintf("layer %d", i+1)
}

// verifyMarkdown writes a report for a pull request.
func verifyMarkdown(w io.Writer, r *verify.Report) {
	fmt.Fprintf(w, "### %s\n", report.MarkdownText(verifyHeadline(r)))
	if len(r.Before.Layers)+len(r.After.Layers) > 0 {
		fmt.Fprintln(w, "\n| | before | after | |\n|---|--:|--:|--:|")
		for _, row := range verifyRows(r) {
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", report.MarkdownText(row.name), row.before, row.after, row.change)
		}
	}
	if r.Failure != nil {
		fmt.Fprintf(w, "\n%s\n", report.MarkdownText(r.Failure.Message))
	}
	for _, s := range verifySections(r) {
		open := strings.HasPrefix(s.title, "Files differ") || strings.HasPrefix(s.title, "The image config") || strings.HasPrefix(s.title, "To blame")
		if open {
			fmt.Fprintf(w, "\n**%s**\n\n", report.MarkdownText(s.title))
		} else {
			fmt.Fprintf(w, "\n<details><summary>%s</summary>\n\n", report.MarkdownText(strings.TrimSuffix(s.title, ":")))
		}
		for _, line := range s.lines {
			fmt.Fprintf(w, "- %s\n", report.MarkdownText(line))
		}
		if !open {
			fmt.Fprintln(w, "\n</details>")
		}
	}
}
