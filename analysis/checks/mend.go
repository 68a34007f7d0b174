package checks

import (
	stdjson "encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

// Which bytes a check means.

func keyword(in *syntax.Instruction) source.Span { return in.Keyword }

func as(in *syntax.Instruction) source.Span { return arg(in, 1) }

func stageName(in *syntax.Instruction) source.Span { return arg(in, 2) }

func arg(in *syntax.Instruction, i int) source.Span {
	if in.Name == "from" && len(in.Args) == 3 {
		return in.Args[i].Span()
	}
	return in.Span
}

func platform(in *syntax.Instruction) source.Span {
	if f := in.Flag("platform"); f != nil {
		return f.Span
	}
	return in.Span
}

// edit is a fix of a few bytes.
func edit(safety analysis.Safety, title string, edits ...source.Edit) (analysis.Fix, string) {
	fix := analysis.Fix{Title: title, Safety: safety}
	for _, e := range edits {
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: e})
	}
	return fix, ""
}

// none is a fix that is not made, and why.
func none(why string, args ...any) (analysis.Fix, string) {
	return analysis.Fix{}, fmt.Sprintf(why, args...)
}

// unusual is said of a FROM in which the words are not where they should be.
const unusual = "this FROM is not written as FROM image AS name"

func instructionCasing(p *analysis.Pass, w compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	old := in.Keyword.In(p.Doc.Content)
	want := strings.ToUpper(old)
	if strings.Contains(w.Message, "(lowercase)") {
		want = strings.ToLower(old)
	}
	edits := []source.Edit{source.Replace(in.Keyword, want)}
	title := "Write " + want
	if span := as(in); in.Name == "from" && span != in.Span {
		// As the keyword before it is, or Docker warns of that.
		with := "AS"
		if want == strings.ToLower(want) {
			with = "as"
		}
		if span.In(p.Doc.Content) != with {
			edits, title = append(edits, source.Replace(span, with)), title+" and "+with
		}
	}
	return edit(analysis.Safe, title, edits...)
}

func asCasing(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	span := as(in)
	if span == in.Span {
		return none(unusual)
	}
	want := "AS"
	if from := in.Keyword.In(p.Doc.Content); from == strings.ToLower(from) {
		want = "as"
	}
	return edit(analysis.Safe, "Write "+want, source.Replace(span, want))
}

func stageCasing(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	span := stageName(in)
	if span == in.Span {
		return none(unusual)
	}
	want := strings.ToLower(span.In(p.Doc.Content))
	return edit(analysis.Safe, "Write "+want, source.Replace(span, want))
}

func renameEarlier(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	stages := p.Stages()
	own := stages.Of(in)
	if own == nil {
		return none(unusual)
	}
	var earlier *stage.Stage
	for _, s := range stages.Stages[:own.Index] {
		if s.Name == own.Name {
			earlier = s
		}
	}
	if earlier == nil {
		return none("no earlier stage has the name")
	}
	places := []source.Span{earlier.From.Args[2].Span()}
	for _, s := range earlier.Children {
		line := p.Doc.Lines.Line(s.From.Span.Start) + 1
		switch base := s.From.Args[0]; {
		case !strings.EqualFold(base.Value, own.Name) || !s.From.Faithful:
			return none("line %d names the earlier stage by a variable", line)
		case addressed(s.From):
			return none("a comment silences something of line %d, and only of its text as it is", line)
		}
		places = append(places, s.From.Args[0].Span())
	}
	return rename(p, earlier, places, earlier.From.Args[2].Span().In(p.Doc.Content)+"-1",
		"Rename the earlier stage to %s (a build context that is given under the old name no longer takes its place)")
}

func renameReserved(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	own := p.Stages().Of(in)
	if own == nil {
		return none(unusual)
	}
	var places []source.Span
	for _, u := range symbols.New(p.File).Uses {
		if !u.Stage || u.Symbol == nil || u.Symbol.Stage != own || u.Index {
			continue
		}
		line := p.Doc.Lines.Line(u.Span.Start) + 1
		switch {
		case !strings.EqualFold(u.Span.In(p.Doc.Content), own.Name) || !u.In.Faithful:
			return none("line %d names the stage by a variable", line)
		case u.In != in && addressed(u.In):
			return none("a comment silences something of line %d, and only of its text as it is", line)
		}
		places = append(places, u.Span)
	}
	return rename(p, own, places, own.Name+"-stage", "Rename the stage to %s (--target must name it so)")
}

// rename gives a stage a new name, which no other has, where it is named. A variable
// may hold a stage's name, and more than one stage may have it.
func rename(p *analysis.Pass, s *stage.Stage, places []source.Span, want, title string) (analysis.Fix, string) {
	same := 0
	for _, other := range p.Stages().Stages {
		switch {
		case other.Name == strings.ToLower(want):
			return none("another stage is called %s already", want)
		case other.Index > s.Index && strings.Contains(other.From.Args[0].Value, "$"):
			return none("the variable in line %d may hold the stage's name", p.Doc.Lines.Line(other.From.Span.Start)+1)
		}
		if other.Name == s.Name {
			same++
		}
	}
	switch {
	case same > 2:
		return none("more than two stages have the name")
	case !s.From.Faithful:
		return none(unusual)
	case addressed(s.From):
		return none("a comment silences something of line %d, and only of its text as it is", p.Doc.Lines.Line(s.From.Span.Start)+1)
	}
	var edits []source.Edit
	for _, at := range places {
		edits = append(edits, source.Replace(at, want))
	}
	return edit(analysis.Unsafe, fmt.Sprintf(title, want), edits...)
}

func protocolCasing(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	var edits []source.Edit
	for _, a := range in.Args {
		text := a.Span().In(p.Doc.Content)
		if strings.ContainsAny(text, `$"'`) {
			continue
		}
		if port, proto, ok := strings.Cut(text, "/"); ok && proto != strings.ToLower(proto) {
			span := source.Span{Start: a.Span().Start + len(port) + 1, End: a.Span().End}
			edits = append(edits, source.Replace(span, strings.ToLower(proto)))
		}
	}
	if len(edits) == 0 {
		return none("quotes or a variable hold the protocol")
	}
	return edit(analysis.Safe, "Write the protocol in lower case", edits...)
}

func noPlatform(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	span := platform(in)
	if span == in.Span {
		return none(unusual)
	}
	for _, g := range p.Stages().Globals {
		if slices.ContainsFunc(g.Pairs, func(p syntax.Pair) bool { return p.HasValue && p.Key.Value == "TARGETPLATFORM" }) {
			return none("line %d gives TARGETPLATFORM a value of its own", p.Line(g))
		}
	}
	for span.End < in.Span.End && strings.ContainsRune(" \t", rune(p.Doc.Content[span.End])) {
		span.End++
	}
	return edit(analysis.Safe, "Delete the flag", source.Delete(span))
}

func noEmptyLines(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	var edits []source.Edit
	for _, piece := range p.Doc.Pieces {
		if piece.Kind == syntax.Blank && in.Span.Contains(piece.Span) {
			edits = append(edits, source.Delete(piece.Span))
		}
	}
	if len(edits) == 0 {
		return none("the empty lines are not inside of this instruction")
	}
	return edit(analysis.Safe, "Delete the empty lines", edits...)
}

func keyValue(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	if len(in.Pairs) != 1 || !in.Pairs[0].Legacy {
		return none("the line has more than one key")
	}
	key, value := in.Pairs[0].Key.Span(), in.Pairs[0].Value.Span()
	if strings.ContainsAny(p.Doc.Content[key.Start:value.End], "\r\n") {
		return none("the value goes on in another line")
	}
	old := value.In(p.Doc.Content)
	if strings.HasPrefix(old, "=") {
		return none("the blank before = makes it the first character of the value: take the blank away if that is not meant")
	}
	word, ok := oneWord(old, p.Doc.Escape)
	if !ok {
		return none("the value has an escape or an open quote, which mean something else beside =")
	}
	edits := []source.Edit{source.Replace(source.Span{Start: key.End, End: value.Start}, "=")}
	if word != old {
		edits = append(edits, source.Replace(value, word))
	}
	return edit(analysis.Safe, fmt.Sprintf("Write %s=%s", key.In(p.Doc.Content), word), edits...)
}

// oneWord writes the rest of a line as one word that means the same: in quotes, or
// where it holds some, with its blanks escaped.
func oneWord(value string, escape byte) (string, bool) {
	if strings.IndexByte(value, escape) >= 0 {
		return "", false // what it escapes differs between the two formats
	}
	if !strings.ContainsAny(value, `"'`) {
		if strings.ContainsAny(value, " \t") {
			return `"` + value + `"`, true
		}
		return value, true
	}
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' || c == '\t':
			b.WriteByte(escape)
		}
		b.WriteByte(value[i])
	}
	return b.String(), quote == 0
}

var plainCommand = lazyregexp.New(`^[\w./:=@%+,-]+([ \t]+[\w./:=@%+,-]+)*$`)

func json(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	body := in.Body.Span(0, in.Body.Len())
	text := body.In(p.Doc.Content)
	// A word with "=" before the command would be an assignment.
	if !plainCommand.MatchString(text) || strings.Contains(strings.Fields(text)[0], "=") {
		return none("the command has shell syntax; write it as JSON by hand, or name its shell in SHELL")
	}
	b, err := stdjson.Marshal(strings.Fields(text))
	if err != nil {
		return none("%v", err)
	}
	want := strings.ReplaceAll(string(b), `","`, `", "`)
	return edit(analysis.Unsafe, fmt.Sprintf("Write %s (no shell starts it; a builtin or an alias of one would not be found)", want), source.Replace(body, want))
}

func maintainer(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	body := in.Body.Span(0, in.Body.Len())
	text := body.In(p.Doc.Content)
	if strings.ContainsAny(text, "\r\n") {
		return none("the name goes on in another line")
	}
	if len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		text = text[1 : len(text)-1]
	}
	if strings.ContainsAny(text, `"$`) || strings.IndexByte(text, p.Doc.Escape) >= 0 {
		return none("the name has quotes, $ or an escape, which mean something else in a label")
	}
	label := "LABEL"
	if old := in.Keyword.In(p.Doc.Content); old == strings.ToLower(old) {
		label = "label"
	}
	return edit(analysis.Unsafe, "Write a label (the image's config has it in place of the author)",
		source.Replace(in.Keyword, label), source.Replace(body, `org.opencontainers.image.authors="`+text+`"`))
}

func workdir(p *analysis.Pass, _ compile.Warning, in *syntax.Instruction) (analysis.Fix, string) {
	body := in.Body.Span(0, in.Body.Len())
	text := body.In(p.Doc.Content)
	if strings.ContainsAny(text, "\r\n$\"' \t:") || strings.IndexByte(text, p.Doc.Escape) >= 0 {
		return none("the path has a variable, quotes or an escape, or goes on in another line")
	}
	if now := p.Stages().Workdir(in); now.Known() {
		want := path.Join(now.Text, text)
		return edit(analysis.Safe, "Write "+want, source.Replace(body, want))
	}
	want := path.Join("/", text)
	return edit(analysis.Unsafe, "Write "+want+" (a base image with a WORKDIR of its own had it below that)", source.Replace(body, want))
}
