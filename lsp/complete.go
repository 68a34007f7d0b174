package lsp

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

// A completer collects what may stand at a place.
type completer struct {
	*view
	at    int    // where the client types
	from  int    // where the word starts that a proposal replaces
	to    int    // where it ends, at or behind at
	typed string // that word, up to at
	items []completionItem

	unasked bool // a character that was typed asks, not the user
	cut     bool // there is more than is proposed
}

type completionItem struct {
	Label            string                      `json:"label"`
	Kind             protocol.CompletionItemKind `json:"kind"`
	Detail           string                      `json:"detail,omitempty"`
	Documentation    *protocol.MarkupContent     `json:"documentation,omitempty"`
	SortText         string                      `json:"sortText"`
	FilterText       string                      `json:"filterText"`
	InsertTextFormat protocol.InsertTextFormat   `json:"insertTextFormat"`
	TextEdit         proposedEdit                `json:"textEdit"`
}

// A proposedEdit is a text edit; or, for a client that lets its user choose, one that
// replaces a word up to the place or whole.
type proposedEdit struct {
	NewText string          `json:"newText"`
	Range   *protocol.Range `json:"range,omitempty"`
	Insert  *protocol.Range `json:"insert,omitempty"`
	Replace *protocol.Range `json:"replace,omitempty"`
}

type completionList struct {
	IsIncomplete bool             `json:"isIncomplete"`
	Items        []completionItem `json:"items"`
}

// byCharacter is the trigger kind of an editor that asks because one of the trigger
// characters was typed.
const byCharacter = 2

func (v *view) completion(_ context.Context, p *placed) (any, error) {
	c := &completer{view: v, at: v.offset(p.Position), unasked: p.Context.TriggerKind == byCharacter}
	c.word(c.at, "")
	c.find()
	out := completionList{IsIncomplete: c.cut, Items: []completionItem{}}
	for i := range c.items {
		it := &c.items[i]
		it.SortText = fmt.Sprintf("%05d", i)
		if strings.HasPrefix(strings.ToLower(it.FilterText), strings.ToLower(c.typed)) {
			out.Items = append(out.Items, *it)
		}
	}
	return out, nil
}

// word has proposals replace the word that starts at an offset. A blank or one of some
// other bytes ends it, or the line.
func (c *completer) word(from int, ends string) {
	c.from, c.to, c.typed = from, c.at, c.text[from:c.at]
	for c.to < len(c.text) && strings.IndexByte(" \t\r\n"+ends, c.text[c.to]) < 0 {
		c.to++
	}
	if c.to > c.at && c.text[c.to-1] == c.doc.Escape && (c.to == len(c.text) || lineEnd(c.text[c.to])) {
		c.to-- // it continues the line
	}
}

func (c *completer) add(kind protocol.CompletionItemKind, label, detail, what string) {
	c.insert(kind, label, label, detail, what, false)
}

func (c *completer) insert(kind protocol.CompletionItemKind, label, text, detail, what string, snippet bool) {
	it := completionItem{Label: label, Kind: kind, Detail: detail, FilterText: label, InsertTextFormat: protocol.InsertTextFormatPlainText}
	it.TextEdit = c.edit(text)
	if snippet {
		it.InsertTextFormat = protocol.InsertTextFormatSnippet
	}
	if what != "" {
		m := c.s.markup(what)
		it.Documentation = &m
	}
	c.items = append(c.items, it)
}

// edit puts a text in the place of the word, without an end of it that stands behind the
// word already. Who cannot choose has the whole word replaced: what is left of it would
// rarely make sense.
func (c *completer) edit(text string) proposedEdit {
	if last := len(text) - 1; last >= 0 && c.to < len(c.text) && text[last] == c.text[c.to] && strings.IndexByte("=/ ", text[last]) >= 0 {
		text = text[:last]
	}
	e := proposedEdit{NewText: text}
	whole := c.rangeOf(source.Span{Start: c.from, End: c.to})
	if !c.s.client.replaces {
		e.Range = &whole
		return e
	}
	typed := c.rangeOf(source.Span{Start: c.from, End: c.at})
	e.Insert, e.Replace = &typed, &whole
	return e
}

// alone reports whether nothing stands behind the place on its line.
func (c *completer) alone() bool {
	line := c.lines.Span(c.lines.Line(c.at))
	return strings.TrimSpace(c.text[c.at:max(c.at, line.End)]) == ""
}

// apart reports whether a blank, or nothing, stands behind the place.
func (c *completer) apart() bool {
	return c.at == len(c.text) || strings.IndexByte(" \t\r\n", c.text[c.at]) >= 0
}

// find decides by what stands before the place on its line, and in its instruction.
func (c *completer) find() {
	line := c.lines.Span(c.lines.Line(c.at))
	before := c.text[line.Start:c.at]
	in := c.instruction(c.at)
	if trimmed := strings.TrimLeft(before, " \t"); strings.HasPrefix(trimmed, "#") && (in == nil || c.comment(line.Start)) {
		if in == nil || line.Start < in.Keyword.Start { // elsewhere it silences nothing
			c.comments(line.Start+len(before)-len(trimmed), trimmed)
		}
		return
	}
	if in == nil || c.at <= in.Keyword.End {
		c.word(c.at-len(strings.TrimLeft(before, " \t")), "")
		c.keywords(false)
		return
	}
	if h := c.heredoc(in); h != nil {
		if h.Expand || in.Name == "run" { // where the shell gets it
			c.variables(in)
		}
		return
	}
	for in.Sub != nil {
		if c.at <= in.Sub.Keyword.End && in.Sub.Keyword.Start <= c.at {
			c.word(in.Sub.Keyword.Start, "")
			c.keywords(true)
			return
		}
		in = in.Sub
	}
	if c.variables(in) {
		return
	}
	start := c.at
	for start > max(line.Start, in.Keyword.End) && strings.IndexByte(" \t", c.text[start-1]) < 0 {
		start--
	}
	c.word(start, "")
	word := c.typed
	switch {
	case in.Name == "onbuild":
		c.keywords(true)
	case strings.HasPrefix(word, "-") && c.argumentsBefore(in, start) == 0:
		c.flag(in, start, word)
	default:
		c.argument(in, start)
	}
}

func (c *completer) comment(offset int) bool {
	k := c.piece(offset).Kind
	return k == syntax.Comment || k == syntax.Directive
}

// heredoc returns the here-document in whose text the place is, or nil.
func (c *completer) heredoc(in *syntax.Instruction) *syntax.Heredoc {
	for i := range in.Heredocs {
		if h := &in.Heredocs[i]; h.Body.Start <= c.at && (c.at < h.Body.End || c.at <= h.End.Start) {
			return h
		}
	}
	return nil
}

// argumentsBefore counts the arguments before a word, flags left out.
func (c *completer) argumentsBefore(in *syntax.Instruction, start int) int {
	n := 0
	for _, w := range strings.Fields(c.text[in.Keyword.End:start]) {
		if !strings.HasPrefix(w, "--") && w != string(c.doc.Escape) {
			n++
		}
	}
	return n
}

func (c *completer) comments(start int, text string) {
	key, rest, ok := strings.Cut(strings.TrimLeft(strings.TrimPrefix(text, "#"), " \t"), "=")
	key = strings.TrimSpace(key)
	if !ok {
		c.word(c.at-len(strings.TrimLeft(strings.TrimPrefix(text, "#"), " \t")), "=")
		if !c.near.beside(dockerls) && (len(c.doc.Instructions) == 0 || start < c.doc.Instructions[0].Span.Start) {
			for _, name := range []string{"syntax", "escape", "check"} {
				c.add(protocol.CompletionItemKindKeyword, name+"=", "directive", directives[name].what)
			}
		}
		c.add(protocol.CompletionItemKindKeyword, "shale ignore=", "silences rules for the instruction below", "")
		c.add(protocol.CompletionItemKindKeyword, "shale ignore-file=", "silences rules for the whole file", "")
		return
	}
	if d, ok := directives[key]; ok {
		c.word(c.at-len(rest), "")
		for _, value := range d.values {
			c.add(protocol.CompletionItemKindValue, value, "", "")
		}
		return
	}
	if !strings.HasPrefix(key, "shale ignore") && !strings.HasPrefix(key, "shale: ignore") {
		return
	}
	if i := strings.LastIndexByte(rest, ','); i >= 0 {
		rest = rest[i+1:]
	}
	c.word(c.at-len(strings.TrimLeft(rest, " ")), ",")
	for _, r := range c.s.opts.Rules {
		c.add(protocol.CompletionItemKindEnumMember, r.Name, "rule", r.Doc.Summary)
	}
}

// keywords proposes instructions in the case that the file has, or what is typed where it
// has none, and whole patterns; for an ONBUILD what it takes, which is one instruction.
func (c *completer) keywords(trigger bool) {
	lower, even := c.mostlyLower()
	if even {
		lower = c.typed != "" && strings.ToLower(c.typed) == c.typed
	}
	for _, k := range syntax.Keywords() {
		if c.near.beside(dockerls) {
			break
		}
		e := manual[strings.ToLower(k)]
		if trigger && slices.Contains([]string{"FROM", "MAINTAINER", "ONBUILD"}, k) {
			continue
		}
		if lower {
			k = strings.ToLower(k)
		}
		detail := ""
		if strings.EqualFold(k, "maintainer") {
			detail = "deprecated"
		}
		c.insert(protocol.CompletionItemKindKeyword, k, k+" ", detail, e.what, false)
	}
	if !c.s.client.snippets || !c.alone() {
		return
	}
	for _, s := range snippets {
		if trigger && len(keywordStart.FindAllString(s.text, 2)) > 1 {
			continue
		}
		text := s.with(c.doc.Escape)
		if lower {
			text = loweredSnippet(text)
		}
		c.insert(protocol.CompletionItemKindSnippet, s.label, text, s.detail, "```dockerfile\n"+plainSnippet(text)+"\n```", true)
	}
}

// mostlyLower reports whether most instructions are in lower case, or as many as are in
// upper; the one that is being typed does not count.
func (c *completer) mostlyLower() (lower, even bool) {
	n := 0
	for _, in := range c.doc.Instructions {
		switch k := in.Keyword.In(c.text); {
		case within(in.Keyword, c.at):
		case k == strings.ToLower(k):
			n++
		case k == strings.ToUpper(k):
			n--
		}
	}
	return n > 0, n == 0
}

// flag proposes flags, or the values of one.
func (c *completer) flag(in *syntax.Instruction, start int, word string) {
	if in.Name != "run" && c.near.beside(dockerls) {
		return
	}
	name, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if !ok {
		c.word(start, "=")
		if c.typed == "" {
			c.to = c.at // it goes before the word
		}
		for _, f := range manual[in.Name].flags {
			if !f.many && in.Flag(f.name) != nil && in.Flag(f.name).Span.Start != start {
				continue
			}
			label, end := "--"+f.name, ""
			switch {
			case !f.bare:
				label += "="
			case c.typed == "" && !c.apart():
				end = " "
			}
			c.insert(protocol.CompletionItemKindProperty, label, label+end, "", f.what, false)
		}
		return
	}
	if in.Name == "run" && name == "mount" {
		c.mount(in, value)
		return
	}
	c.word(c.at-len(value), "")
	f := flagOf(in.Name, name)
	switch {
	case name == "from":
		c.stages(in)
	case f != nil:
		for _, v := range f.values {
			c.add(protocol.CompletionItemKindValue, v, "", "")
		}
	}
}

// mount proposes the types of mounts, their options and the values of these.
func (c *completer) mount(in *syntax.Instruction, value string) {
	parts := strings.Split(value, ",")
	last := parts[len(parts)-1]
	kind := ""
	given := map[string]bool{}
	for _, p := range parts[:len(parts)-1] {
		key, v, _ := strings.Cut(p, "=")
		if full, ok := mountAliases[key]; ok {
			key = full
		}
		given[key] = true
		if key == "type" {
			kind = v
		}
	}
	key, v, ok := strings.Cut(last, "=")
	if !ok {
		c.word(c.at-len(last), ",")
		if !given["type"] {
			for _, t := range mountTypes {
				c.add(protocol.CompletionItemKindEnumMember, "type="+t.name, "", t.what)
			}
		}
		c.word(c.from, "=,")
		_, options, _ := mountType(kind)
		for _, o := range options {
			if given[o.name] || o.idle || len(parts) == 1 {
				continue
			}
			text := o.name
			if !o.bare {
				text += "="
			}
			c.add(protocol.CompletionItemKindProperty, text, "", o.what)
		}
		return
	}
	c.word(c.at-len(v), ",")
	switch option := mountOption(kind, key); {
	case key == "type":
		for _, t := range mountTypes {
			c.add(protocol.CompletionItemKindEnumMember, t.name, "", t.what)
		}
	case key == "from":
		c.stages(in)
	case option != nil && option.name == "target" && kind == "cache":
		c.cacheFolders()
	case option != nil && option.name == "source" && kind != "cache" && !given["from"]:
		c.paths(v, ",", spelling{escape: c.doc.Escape, option: true})
	case option != nil:
		for _, value := range option.values {
			c.add(protocol.CompletionItemKindValue, value, "", "")
		}
	}
}

// stages proposes the stages above an instruction, by name and by number.
func (c *completer) stages(in *syntax.Instruction) {
	own := c.stageAt(in.Text.Home(0))
	if own == nil {
		return
	}
	for _, s := range slices.Backward(c.graph.Stages[:own.Index]) {
		if s.Name != "" {
			c.add(protocol.CompletionItemKindModule, stageName(s), "FROM "+s.From.Args[0].Value, "")
		}
	}
	for _, s := range c.graph.Stages[:own.Index] {
		c.add(protocol.CompletionItemKindModule, strconv.Itoa(s.Index), "the stage "+stageName(s), "")
	}
}

// variables proposes names behind a $, and reports whether there is one.
func (c *completer) variables(in *syntax.Instruction) bool {
	from := c.at
	for from > 0 && wordByte(c.text, from-1) {
		from--
	}
	open := from
	if open > 0 && c.text[open-1] == '{' {
		open--
	}
	if open == 0 || c.text[open-1] != '$' || c.escaped(in, open-1) {
		return false
	}
	c.word(from, "")
	for c.to = c.at; wordByte(c.text, c.to); c.to++ {
	}
	if in.Name != "run" && c.near.beside(dockerls) {
		return true
	}
	close := ""
	if open < from && c.to == c.at && !c.closed() {
		close = "}"
	}
	for _, name := range c.inScope(in) {
		value := c.graph.Lookup(in, name)
		detail := "its value is not known before the build"
		switch value.Is {
		case stage.Set:
			detail = value.Text
		case stage.Overridable:
			detail = value.Text + " by default"
		}
		c.insert(protocol.CompletionItemKindVariable, name, name+close, detail, "", false)
	}
	return true
}

// closed reports whether the brace before a name has its other half, or is meant to: a
// colon begins what stands between.
func (c *completer) closed() bool {
	rest := c.text[c.to:]
	i := strings.IndexAny(rest, "}:$\"' \t\r\n")
	return i >= 0 && (rest[i] == '}' || rest[i] == ':' && i == 0)
}

// inScope lists the variables that an instruction sees, the nearest first, then
// those that BuildKit gives values.
func (c *completer) inScope(in *syntax.Instruction) []string {
	var out []string
	top := in
	if in.Index < 0 {
		top = c.instruction(in.Text.Home(0))
	}
	for _, u := range slices.Backward(c.symbols().Uses) {
		if u.Stage || !u.Decl || u.Symbol == nil || slices.Contains(out, u.Name) {
			continue
		}
		if u.Symbol.Kind == symbols.Local && u.In == top || u.Symbol.Kind != symbols.Local && u.In.Index < top.Index && c.reaches(u.In, top) {
			out = append(out, u.Name)
		}
	}
	if s := c.graph.Of(top); s == nil || s.From == top {
		for _, name := range slices.Sorted(maps.Keys(predefined)) {
			if !slices.Contains(out, name) && !strings.HasSuffix(name, "_PROXY") {
				out = append(out, name)
			}
		}
	}
	return out
}
