package lsp

import (
	"cmp"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/syntax"
)

// sources proposes the files of the build context, or the places that a stage is
// known to fill.
func (c *completer) sources(in *syntax.Instruction) {
	spelled := spelling{escape: c.doc.Escape, patterns: true}
	ends, before := "", c.argumentsBefore(in, c.from)
	word := c.typed
	if list, ok := c.listed(in, c.at); ok {
		var quoted bool
		if word, quoted = openQuote(list); !quoted {
			return
		}
		spelled.json, ends, before = true, `"`, commas(list)
	} else if strings.HasPrefix(word, `"`) {
		word, ends = word[1:], `"`
	}
	from := in.Flag("from")
	if c.alone() && before > 0 && (c.unasked || from == nil && strings.HasPrefix(word, "/")) {
		return // it may be the destination, whose end the enter key would have replaced
	}
	if from != nil {
		for _, s := range c.graph.Stages {
			if s.Name != "" && strings.EqualFold(s.Name, from.Value) || from.Value == "" {
				c.word(c.at-len(word), ends)
				c.placesOf(s)
			}
		}
		return
	}
	c.paths(word, ends, spelled)
}

// listed returns what is typed of an instruction's arguments, up to a place, if it is a
// JSON list or is to be one.
func (v *view) listed(in *syntax.Instruction, at int) (string, bool) {
	rest := v.text[in.Keyword.End:at]
	for {
		rest = strings.TrimLeft(rest, " \t\r\n"+string(v.doc.Escape))
		if !strings.HasPrefix(rest, "--") {
			break
		}
		rest = rest[max(0, strings.IndexAny(rest+" ", " \t\r\n")):]
	}
	list, ok := strings.CutPrefix(rest, "[")
	inner := strings.TrimLeft(list, " \t")
	return list, ok && (inner == "" || inner[0] == '"')
}

// openQuote returns what stands behind the last quote of a part of a JSON list that has
// no other half.
func openQuote(list string) (string, bool) {
	open, at := false, 0
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '"':
			open, at = !open, i+1
		case list[i] == '\\' && open:
			i++
		}
	}
	return list[at:], open
}

// maxPaths bounds a list of files.
const maxPaths = 500

// paths proposes what COPY sees in the folder that is typed.
func (c *completer) paths(typed, ends string, spelled spelling) {
	c.word(c.at-len(typed), ends)
	context := c.context()
	folder, base := typed[:strings.LastIndexByte(typed, '/')+1], typed[strings.LastIndexByte(typed, '/')+1:]
	dir, ok := spelled.read(folder)
	if context == nil || !ok {
		return
	}
	entries, err := context.ReadDir(cmp.Or(buildctx.Below(dir), "."))
	if err != nil {
		return
	}
	line := c.text[c.lines.Span(c.lines.Line(c.at)).Start : c.at-len(typed)]
	found := 0
	for _, e := range entries {
		text, ok := spelled.of(e.Name)
		switch {
		case !ok, !hasPrefixFold(e.Name, base) && !hasPrefixFold(text, base),
			folder == "" && strings.HasPrefix(text, "--"),                                 // a flag
			folder == "" && strings.HasPrefix(text, "#") && strings.TrimSpace(line) == "": // a comment
			continue
		}
		if found++; found > maxPaths {
			c.cut = true
			return
		}
		kind, end := protocol.CompletionItemKindFile, ""
		c.word(c.at-len(typed), ends)
		if e.Dir {
			kind, end = protocol.CompletionItemKindFolder, "/"
			c.word(c.from, ends+"/")
		}
		c.insert(kind, folder+e.Name+end, folder+text+end, "", "", false)
		if !hasPrefixFold(e.Name, base) {
			c.items[len(c.items)-1].FilterText = folder + text + end
		}
	}
}

// context is the build context. Where none is known with the word at the place, it is
// judged without it: what is half typed does not exist.
func (c *completer) context() *buildctx.Context {
	context, _ := c.file.Context()
	if context == nil {
		context, _ = c.file.With(c.text[:c.from] + c.text[c.to:]).Context()
	}
	return context
}

func hasPrefixFold(s, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix))
}

// escaped reports whether what stands at an offset of an instruction is taken as it is.
func (c *completer) escaped(in *syntax.Instruction, at int) bool {
	escape := c.doc.Escape
	if in.Name == "run" {
		escape = '\\' // the shell's
	}
	n := 0
	for at-n > 0 && c.text[at-n-1] == escape {
		n++
	}
	if _, ok := c.listed(in, c.at); ok && escape == '\\' {
		n /= 2
	}
	return n%2 == 1
}

// A spelling is how a path is written where it stands.
type spelling struct {
	escape   byte
	json     bool // in a JSON list
	patterns bool // the path may be a pattern
	option   bool // an option of a flag, which BuildKit takes apart byte by byte and at its commas
}

// of writes a name so that BuildKit reads this very name; it is not ok for one that is
// rather not written.
func (s spelling) of(name string) (string, bool) {
	if !utf8.ValidString(name) || strings.ContainsAny(name, `"'<\`+string(s.escape)) || s.option && strings.ContainsAny(name, "$,") {
		return "", false
	}
	escape := string(s.escape)
	if s.json && s.escape == '\\' {
		escape = `\\`
	}
	var b strings.Builder
	for _, r := range name {
		switch {
		case r == ' ' && !s.json, r >= utf8.RuneSelf && s.option, !unicode.IsPrint(r):
			return "", false
		case r == '$':
			b.WriteString(escape + "$")
		case s.patterns && strings.ContainsRune("*?[", r):
			b.WriteString("[" + string(r) + "]")
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), true
}

// read is the way back, for what is typed; it is not ok for what names no one path.
func (s spelling) read(text string) (string, bool) {
	if s.json && json.Unmarshal([]byte(`"`+text+`"`), &text) != nil {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case ch == s.escape && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case strings.IndexByte(`$"'\`, ch) >= 0 || ch == s.escape:
			return "", false
		case !s.patterns || strings.IndexByte("*?[", ch) < 0:
			b.WriteByte(ch)
		case ch == '[' && i+2 < len(text) && text[i+2] == ']':
			b.WriteByte(text[i+1])
			i += 2
		default:
			return "", false
		}
	}
	return b.String(), true
}
