package config

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

const (
	maxBytes = 256 << 10 // of a configuration
	maxDepth = 200       // of brackets and of dotted keys
)

// A node is a TOML value with the place of its key and of itself, as byte offsets
// in the text that parse returns.
type node struct {
	what   string           // "a string", "a table", …
	str    string           // of a string
	key    int              // offset of its key
	value  int              // offset
	items  []*node          // of an array
	fields map[string]*node // of a table
	order  []string         // its keys as written
}

// A place is a line and a column, both from 1; the column counts code points.
type place struct{ line, column int }

const (
	aString = "a string"
	anArray = "an array"
	aTable  = "a table"
)

func newTable(at int) *node {
	return &node{what: aTable, fields: map[string]*node{}, key: at, value: at}
}

// parse reads TOML. The library's own decoder checks it first: syntax, keys given
// twice, tables defined again. text is without a byte order mark.
func parse(name, text string) (*node, *Problem) {
	fail := func(p place, message string) (*node, *Problem) {
		return nil, &Problem{name, p.line, p.column, message}
	}
	if len(text) > maxBytes {
		return fail(place{}, "is bigger than 256 KiB, which no configuration needs")
	}
	if !utf8.ValidString(text) {
		for i, r := range text {
			if r == utf8.RuneError {
				return fail(locate(text, i), "is not valid UTF-8")
			}
		}
	}
	depth, dots := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '.':
			dots++
		case '\n':
			dots = 0
		}
		if depth > maxDepth || dots > maxDepth*10 {
			return fail(locate(text, i), "nests too deep")
		}
	}
	var any map[string]any
	if err := toml.Unmarshal([]byte(text), &any); err != nil {
		var de *toml.DecodeError
		if errors.As(err, &de) {
			line, column := de.Position() // in bytes
			at := text
			for i := 1; i < line; i++ {
				_, at, _ = strings.Cut(at, "\n")
			}
			column = 1 + utf8.RuneCountInString(at[:min(column-1, len(at))])
			return fail(place{line, column}, strings.TrimPrefix(de.Error(), "toml: "))
		}
		return fail(place{}, strings.TrimPrefix(err.Error(), "toml: "))
	}

	t := &treeReader{text: text}
	t.parser.Reset([]byte(text))
	root := newTable(0)
	in := root
	for t.parser.NextExpression() {
		e := t.parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			in = t.table(root, e)
		case unstable.KeyValue:
			t.keyValue(in, e)
		}
	}
	if err := t.parser.Error(); err != nil {
		return fail(place{}, err.Error())
	}
	return root, nil
}

type treeReader struct {
	text   string
	parser unstable.Parser
}

// locate converts a byte offset to a line and a column in code points.
func locate(text string, offset int) place {
	before := text[:min(offset, len(text))]
	line := 1 + strings.Count(before, "\n")
	return place{line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])}
}

func offset(n *unstable.Node, otherwise int) int {
	if n.Raw.Length == 0 {
		return otherwise
	}
	return int(n.Raw.Offset)
}

// table goes to the table that a [header] or [[header]] opens.
func (t *treeReader) table(root *node, e *unstable.Node) *node {
	in := root
	keys := e.Key()
	for keys.Next() {
		k := keys.Node()
		at := offset(k, 0)
		name := string(k.Data)
		last := k.Next() == nil || !k.Next().Valid()
		if last && e.Kind == unstable.ArrayTable {
			a, ok := in.fields[name]
			if !ok {
				a = &node{what: anArray, key: at, value: at}
				in.set(name, a)
			}
			item := newTable(at)
			a.items = append(a.items, item)
			return item
		}
		in = in.child(name, at)
	}
	return in
}

// child is the table of that name; of an array of tables, the last.
func (n *node) child(name string, at int) *node {
	c, ok := n.fields[name]
	if !ok {
		c = newTable(at)
		n.set(name, c)
	}
	if c.what == anArray && len(c.items) > 0 {
		c = c.items[len(c.items)-1]
	}
	if c.fields == nil { // the decoder refuses this before
		c.fields = map[string]*node{}
	}
	return c
}

func (n *node) set(name string, v *node) {
	if _, ok := n.fields[name]; !ok {
		n.order = append(n.order, name)
	}
	n.fields[name] = v
}

func (t *treeReader) keyValue(in *node, e *unstable.Node) {
	keys := e.Key()
	var names []string
	var places []int
	end := 0
	for keys.Next() {
		k := keys.Node()
		names = append(names, string(k.Data))
		places = append(places, offset(k, 0))
		end = int(k.Raw.Offset + k.Raw.Length)
	}
	for i, name := range names[:len(names)-1] {
		in = in.child(name, places[i])
	}
	at := places[len(places)-1]
	// The parser gives arrays no place.
	if rest := strings.TrimLeft(t.text[end:], " \t"); strings.HasPrefix(rest, "=") {
		rest = strings.TrimLeft(rest[1:], " \t")
		v := t.node(e.Value(), len(t.text)-len(rest))
		v.key = at
		in.set(names[len(names)-1], v)
		return
	}
	v := t.node(e.Value(), at)
	v.key = at
	in.set(names[len(names)-1], v)
}

func (t *treeReader) node(n *unstable.Node, at int) *node {
	v := &node{value: offset(n, at)}
	switch n.Kind {
	case unstable.String:
		v.what, v.str = aString, string(n.Data)
	case unstable.Bool:
		v.what = "a boolean"
	case unstable.Integer:
		v.what = "an integer"
	case unstable.Float:
		v.what = "a float"
	case unstable.Array:
		v.what = anArray
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, t.node(it.Node(), v.value))
		}
	case unstable.InlineTable:
		v.what, v.fields = aTable, map[string]*node{}
		for it := n.Children(); it.Next(); {
			t.keyValue(v, it.Node())
		}
	default:
		v.what = "a date or time"
	}
	return v
}
