package syntax

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/shale-build/shale/analysis/source"
)

// maxOnbuild bounds how deep ONBUILD may hold ONBUILD: BuildKit's parser recurses,
// and a stack that overflows cannot be caught.
const maxOnbuild = 50

// A dissector finds the parts of an instruction in its joined text, as BuildKit's
// splitCommand and line parsers do.
type dissector struct {
	escape byte
	deep   string // why BuildKit must not be shown the instruction
}

func (d *dissector) dissect(in *Instruction, depth int) {
	t := in.Text.String()
	from, to := trimmed(t, 0, len(t))
	keyword := from
	for keyword < to && !isBlank(t[keyword]) {
		keyword++
	}
	in.Keyword = in.Text.Span(from, keyword)
	in.Name = lower(t[from:keyword])
	args := d.flags(in, skipBlanks(t, keyword, to), to)
	args, to = trimmed(t, args, to)
	in.Body = in.Text.Slice(args, to)

	switch in.Name {
	case command.Env, command.Label:
		d.pairs(in)
	case command.Arg:
		for _, w := range d.words(in.Body.String()) {
			word := w.word(in.Body)
			in.Args = append(in.Args, word)
			in.Pairs = append(in.Pairs, pair(word))
		}
	case command.From, command.Expose:
		in.Args = fields(in.Body)
	case command.Add, command.Copy, command.Volume:
		if !in.array(in.Body) {
			in.Args = fields(in.Body)
		}
	case command.Run, command.Cmd, command.Entrypoint, command.Shell:
		if !in.array(in.Body) {
			in.Args = whole(in.Body)
		}
	case command.Maintainer, command.StopSignal, command.User, command.Workdir:
		in.Args = whole(in.Body)
	case command.Healthcheck:
		in.health()
	case command.Onbuild:
		switch {
		case in.Body.Len() == 0:
		case depth == maxOnbuild:
			d.deep = "ONBUILD is nested too deep"
		default:
			in.Sub = &Instruction{Index: -1, Text: in.Body}
			d.dissect(in.Sub, depth+1)
		}
	}
}

// flags reads the flags in an instruction's text from an offset on and returns
// where its arguments start. It goes by bytes, as BuildKit's extractBuilderFlags.
func (d *dissector) flags(in *Instruction, at, end int) int {
	t := in.Text.String()
	for {
		for at < end && isByteSpace(t[at]) {
			at++
		}
		if at == end || t[at] != '-' || at+1 == end || t[at+1] != '-' {
			return at
		}
		start := at
		equals, value := -1, -1 // where the first "=" starts, and what follows it
		// A word without quotes, escapes and bytes beyond ASCII is its own value.
		for at < end && !isByteSpace(t[at]) && t[at] != '\'' && t[at] != '"' && t[at] != d.escape && t[at] < utf8.RuneSelf {
			if t[at] == '=' && equals < 0 {
				equals, value = at, at+1
			}
			at++
		}
		word := t[start:at]
		if at < end && !isByteSpace(t[at]) {
			word = d.resolve(t, start, &at, end, &equals, &value)
		}
		if word == "--" {
			return at
		}
		f := Flag{Span: in.Text.Span(start, at), HasValue: equals >= 0}
		f.Name, f.Value, _ = strings.Cut(word[2:], "=")
		if f.HasValue {
			f.NameSpan = in.Text.Span(start+2, equals)
			f.Raw = in.Text.Slice(value, at)
		} else {
			f.NameSpan = in.Text.Span(start+2, at)
			f.Raw = in.Text.Slice(at, at)
		}
		in.Flags = append(in.Flags, f)
	}
}

// resolve reads a flag that holds quotes, escapes or bytes beyond ASCII; at stands
// on the first of them.
func (d *dissector) resolve(t string, start int, at *int, end int, equals, value *int) string {
	var b strings.Builder
	var quote byte
	b.WriteString(t[start:*at])
	for ; *at < end; *at++ {
		ch, from := t[*at], *at
		switch {
		case quote == 0 && isByteSpace(ch):
			return b.String()
		case quote == 0 && (ch == '\'' || ch == '"'):
			quote = ch
			continue
		case quote != 0 && ch == quote:
			quote = 0
			continue
		case ch == d.escape && *at+1 == end: // dropped
			continue
		case ch == d.escape:
			*at++
			ch = t[*at]
		}
		if ch == '=' && *equals < 0 {
			*equals, *value = from, *at+1
		}
		b.WriteRune(rune(ch)) // BuildKit takes each byte for a character
	}
	return b.String()
}

// A rawWord is text[from:to] of an instruction's body and what BuildKit makes of it.
type rawWord struct {
	from, to int
	value    string
}

func (w rawWord) word(body source.Text) Word { return Word{body.Slice(w.from, w.to), w.value} }

// words splits as BuildKit's parseWords: by white space outside quotes, quotes
// and escapes kept.
func (d *dissector) words(s string) []rawWord {
	var words []rawWord
	for at := 0; at < len(s); {
		at += leftBlanks(s[at:])
		if at == len(s) {
			break
		}
		start, kept := at, 0 // kept: the end of what BuildKit keeps
		var quote rune
		valid := true
		for at < len(s) {
			ch, width := utf8.DecodeRuneInString(s[at:])
			if quote == 0 && unicode.IsSpace(ch) {
				break
			}
			valid = valid && (ch != utf8.RuneError || width != 1)
			switch {
			case quote == 0 && (ch == '\'' || ch == '"'):
				quote = ch
			case ch == quote:
				quote = 0
			case ch == rune(d.escape) && quote != '\'':
				if at+width == len(s) { // dropped
					at += width
					continue
				}
				at += width
				ch, width = utf8.DecodeRuneInString(s[at:])
				valid = valid && (ch != utf8.RuneError || width != 1)
			}
			at += width
			kept = at
		}
		if kept == 0 {
			continue
		}
		w := rawWord{start, at, s[start:kept]}
		if !valid {
			w.value = string([]rune(w.value)) // each bad byte becomes U+FFFD
		}
		words = append(words, w)
	}
	return words
}

// pairs reads the arguments of ENV and LABEL, as BuildKit's parseNameVal.
func (d *dissector) pairs(in *Instruction) {
	s := in.Body.String()
	words := d.words(s)
	if len(words) == 0 {
		return
	}
	if !strings.Contains(words[0].value, "=") {
		end := 0
		for end < len(s) && !isBlank(s[end]) {
			end++
		}
		key := Word{in.Body.Slice(0, end), s[:end]}
		in.Args = []Word{key}
		p := Pair{Key: key, Value: Word{Text: in.Body.Slice(end, end)}, Legacy: true}
		if from := skipBlanks(s, end, len(s)); end < len(s) {
			p.Value = Word{in.Body.Slice(from, len(s)), s[from:]}
			p.HasValue = true
			in.Args = append(in.Args, p.Value)
		}
		in.Pairs = []Pair{p}
		return
	}
	in.Args = make([]Word, len(words))
	in.Pairs = make([]Pair, len(words))
	for i, w := range words {
		in.Args[i] = w.word(in.Body)
		in.Pairs[i] = pair(in.Args[i])
	}
}

// pair cuts a word at its first "=".
func pair(w Word) Pair {
	n := w.Text.Len()
	key, value, has := strings.Cut(w.Value, "=")
	if !has {
		return Pair{Key: w, Value: Word{Text: w.Text.Slice(n, n)}}
	}
	at := strings.IndexByte(w.Text.String(), '=')
	return Pair{Key: Word{w.Text.Slice(0, at), key}, Value: Word{w.Text.Slice(at+1, n), value}, HasValue: true}
}

// fields splits at BuildKit's blanks, which are not all that Unicode knows.
func fields(body source.Text) []Word {
	var words []Word
	s := body.String()
	for at := 0; at < len(s); at = skipBlanks(s, at, len(s)) {
		from := at
		for at < len(s) && !isBlank(s[at]) {
			at++
		}
		words = append(words, Word{body.Slice(from, at), s[from:at]})
	}
	return words
}

func whole(body source.Text) []Word {
	if body.Len() == 0 {
		return nil
	}
	return []Word{{body, body.String()}}
}

// health reads the type of a HEALTHCHECK and then its command.
func (in *Instruction) health() {
	s := in.Body.String()
	end := 0
	for end < len(s) && !isByteSpace(s[end]) {
		end++
	}
	next := end
	for next < len(s) && isByteSpace(s[next]) {
		next++
	}
	if end == 0 {
		return
	}
	in.Args = []Word{{in.Body.Slice(0, end), s[:end]}}
	command := in.Body.Slice(next, len(s))
	if !in.array(command) {
		in.Args = append(in.Args, whole(command)...)
	}
}

// array reads text as a JSON array and reports whether it is one. Its strings
// become Args; one that holds anything but strings has none, and BuildKit refuses it.
func (in *Instruction) array(text source.Text) bool {
	s := text.String()
	at := leftBlanks(s)
	if at == len(s) || s[at] != '[' {
		return false
	}
	items, ok := jsonStrings(s, at)
	if !ok {
		if !json.Valid([]byte(s[at:])) {
			return false
		}
		in.JSON = true
		return true
	}
	in.JSON = true
	for _, it := range items {
		in.Args = append(in.Args, Word{text.Slice(it.from, it.to), it.value})
	}
	return true
}

// jsonStrings scans an array of strings that starts with the "[" at an offset and
// ends s. The words are the strings with their quotes, and their values decoded.
func jsonStrings(s string, at int) ([]rawWord, bool) {
	var items []rawWord
	at = skipJSON(s, at+1)
	if at < len(s) && s[at] == ']' {
		return nil, skipJSON(s, at+1) == len(s)
	}
	for at < len(s) && s[at] == '"' {
		from, plain := at, true
		for at++; at < len(s) && s[at] != '"'; at++ {
			switch {
			case s[at] == '\\':
				plain = false
				at++
			case s[at] < ' ' || s[at] >= utf8.RuneSelf:
				plain = false
			}
		}
		if at >= len(s) {
			return nil, false
		}
		at++
		item := rawWord{from, at, s[from+1 : at-1]}
		if !plain && json.Unmarshal([]byte(s[from:at]), &item.value) != nil {
			return nil, false
		}
		items = append(items, item)
		at = skipJSON(s, at)
		if at == len(s) {
			return nil, false
		}
		if s[at] == ']' {
			return items, skipJSON(s, at+1) == len(s)
		}
		if s[at] != ',' {
			return nil, false
		}
		at = skipJSON(s, at+1)
	}
	return nil, false
}

func skipJSON(s string, at int) int {
	for at < len(s) && (s[at] == ' ' || s[at] == '\t' || s[at] == '\r' || s[at] == '\n') {
		at++
	}
	return at
}

// isBlank says what separates words for BuildKit's reWhitespace.
func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\v' || b == '\f' || b == '\r' }

// isByteSpace is unicode.IsSpace of a byte taken for a character, as BuildKit does
// in flags and HEALTHCHECK.
func isByteSpace(b byte) bool {
	return b == ' ' || b >= '\t' && b <= '\r' || b == 0x85 || b == 0xA0
}

func skipBlanks(s string, at, end int) int {
	for at < end && isBlank(s[at]) {
		at++
	}
	return at
}

// trimmed narrows s[from:to] as strings.TrimSpace.
func trimmed(s string, from, to int) (int, int) {
	from += leftBlanks(s[from:to])
	return from, from + len(strings.TrimRightFunc(s[from:to], unicode.IsSpace))
}
