package buildctx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// An element is one of an XML document, by local names.
type element struct {
	name  string
	attrs map[string]string
	text  string
	kids  []*element
	line  int
}

// xml reads a document that the install reads. One that does not parse is refused, by
// its line.
func (b *builder) xml(p, text string) *element {
	d := xml.NewDecoder(strings.NewReader(text))
	// Build files are ASCII, whatever they declare; what is not is no name of a file.
	d.CharsetReader = charset
	root := &element{}
	open := []*element{root}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && len(root.kids) > 0 {
			return root.kids[0]
		}
		line, _ := d.InputPos()
		if err != nil {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d does not parse: %v", p, line, err), Path: p, Line: line, Hard: true})
			return nil
		}
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local, attrs: map[string]string{}, line: line}
			for _, a := range t.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			top.kids = append(top.kids, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
}

// charset reads what is declared to be no UTF-8, and is none, as Latin-1.
func charset(_ string, in io.Reader) (io.Reader, error) {
	text, err := io.ReadAll(in)
	if err != nil || utf8.Valid(text) {
		return bytes.NewReader(text), err
	}
	var out strings.Builder
	for _, b := range text {
		out.WriteRune(rune(b))
	}
	return strings.NewReader(out.String()), nil
}

// walk visits an element and all below it.
func (e *element) walk(f func(*element)) {
	f(e)
	for _, k := range e.kids {
		k.walk(f)
	}
}

// at follows names of children, and returns every element at their end.
func (e *element) at(names ...string) []*element {
	found := []*element{e}
	for _, n := range names {
		var next []*element
		for _, f := range found {
			for _, k := range f.kids {
				if k.name == n {
					next = append(next, k)
				}
			}
		}
		found = next
	}
	return found
}
