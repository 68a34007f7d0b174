//go:build soak

package lsp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shale-build/shale/rewrite/validate"
)

// TestSoak edits and asks at random, as slowly as a fast typist, for DURATION (20m).
// The server keeps the client's text, what it offers can be applied and compiles, and
// its memory stays flat.
func TestSoak(t *testing.T) {
	duration := 20 * time.Minute
	if d := os.Getenv("DURATION"); d != "" {
		var err error
		if duration, err = time.ParseDuration(d); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := shale()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	fmt.Printf("seed %d\n", seed)
	s := &soak{t: t, r: rand.New(rand.NewPCG(seed, 1)), texts: append(documents(t), ordinary(20), ordinary(300), ordinary(3000))}
	s.texts = slices.DeleteFunc(s.texts, func(text string) bool { return strings.ToValidUTF8(text, "?") != text })
	s.c = spawn(t, exe, "lsp")
	s.c.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": full("utf-16")}, nil)
	s.c.notify("initialized", map[string]any{})
	var samples []int // RSS in MB, every ten seconds
	start := time.Now()
	for next := start; time.Since(start) < duration; {
		s.step()
		s.c.forget()
		if t.Failed() {
			t.Fatalf("after %d steps", s.steps)
		}
		if now := time.Now(); now.After(next) {
			high, rss := memory(t, s.c.pid)
			samples = append(samples, rss)
			if len(samples)%6 == 1 {
				fmt.Printf("%v: %d MB, %d at most, %d steps, %d edits offered\n", now.Sub(start).Round(time.Second), rss, high, s.steps, s.offered)
			}
			next = next.Add(10 * time.Second)
		}
		time.Sleep(time.Duration(20+s.r.IntN(60)) * time.Millisecond)
	}
	s.c.shutdown()
	if got := exitStatus(s.c.wait()); got != 0 {
		t.Errorf("exit status %d", got)
	}
	if third := len(samples) / 3; third > 0 {
		first, last := slices.Max(samples[:third]), slices.Max(samples[2*third:])
		fmt.Printf("%d MB at most in the first third, %d MB in the last\n", first, last)
		if last > first*5/4+4 {
			t.Errorf("memory grew: %v", samples)
		}
	}
	if s.offered == 0 {
		t.Error("nothing was offered")
	}
}

type soak struct {
	t              *testing.T
	c              *client
	r              *rand.Rand
	texts          []string
	open           []*document
	steps, offered int
	opened         int
}

// step opens, closes, edits, asks or compares.
func (s *soak) step() {
	s.steps++
	if len(s.open) == 0 || len(s.open) < 4 && s.r.IntN(40) == 0 {
		s.open = append(s.open, s.anew(s.texts[s.r.IntN(len(s.texts))]))
		return
	}
	i := s.r.IntN(len(s.open))
	d := s.open[i]
	switch n := s.r.IntN(100); {
	case n == 0:
		s.close(d)
		s.open = slices.Delete(s.open, i, i+1)
	case n < 60:
		p := d.anywhere(s.r)
		end := position{p.Line, p.Character + s.r.IntN(4)*s.r.IntN(2)}
		if s.r.IntN(20) == 0 {
			end = d.anywhere(s.r)
			if end.Line < p.Line || end.Line > p.Line+3 || end.Line == p.Line && end.Character < p.Character {
				end = p
			}
		}
		d.edit(textEdit{span{p, end}, typedTexts[s.r.IntN(len(typedTexts))]})
		if len(d.text) > 300_000 {
			d.change([]any{map[string]any{"text": "FROM a\n"}})
			d.text = "FROM a\n"
		}
	case n < 80:
		for method, more := range atPlace { // in no order
			params := map[string]any{"textDocument": d.id(), "position": d.anywhere(s.r)}
			for k, v := range more {
				params[k] = v
			}
			d.check(s.t, method, params)
			break
		}
	case n < 92:
		d.check(s.t, aboutAll[s.r.IntN(len(aboutAll))], map[string]any{
			"textDocument": d.id(), "range": all(d.text), "context": map[string]any{}, "options": map[string]any{"tabSize": 4, "insertSpaces": true},
		})
	case n < 96:
		s.compare(d)
	default:
		s.take(d)
	}
}

func (s *soak) anew(text string) *document {
	s.opened++
	return s.c.open(fmt.Sprintf("file:///nowhere/%d/Dockerfile", s.opened), text, "utf-16")
}

func (s *soak) close(d *document) {
	s.c.notify("textDocument/didClose", map[string]any{"textDocument": d.id()})
}

// compare holds what the server says of a document that was edited to what it says of
// the same text opened anew.
func (s *soak) compare(d *document) {
	other := s.anew(d.text)
	defer s.close(other)
	for _, method := range []string{"textDocument/semanticTokens/full", "textDocument/documentSymbol", "textDocument/foldingRange"} {
		ask := func(d *document) string {
			m := s.c.reply(s.c.send(method, map[string]any{"textDocument": d.id()}))
			var answer any
			if err := json.Unmarshal(m.Result, &answer); err != nil {
				s.t.Fatal(err)
			}
			if tokens, ok := answer.(map[string]any); ok {
				delete(tokens, "resultId")
			}
			return encode(s.t, answer)
		}
		if was, is := ask(d), ask(other); was != is {
			s.t.Errorf("%s: the server holds another text than the client's %q:\n%s\nanew:\n%s", method, d.text, was, is)
		}
	}
}

// take applies one of the fixes that are offered at a finding, as an editor does; what
// it makes of a text that compiles compiles.
func (s *soak) take(d *document) {
	text := d.text
	if s.r.IntN(3) > 0 {
		text = s.texts[s.r.IntN(len(s.texts))] // one that is typed at random soon compiles no more
	}
	if len(text) > 20_000 {
		return
	}
	d.text = text
	d.change([]any{map[string]any{"text": d.text}}) // what was published of it may be forgotten
	found := d.findings()
	if len(found) == 0 {
		return
	}
	at := found[s.r.IntN(len(found))].Range
	offered := d.offered(at)
	if len(offered) == 0 {
		return
	}
	a := offered[s.r.IntN(len(offered))]
	if a.Edit == nil {
		m := s.c.reply(s.c.send("codeAction/resolve", a))
		if m.Error != nil {
			if m.Error.Code != requestFailed {
				s.t.Errorf("%q: %+v", a.Title, *m.Error)
			}
			return
		}
		if err := json.Unmarshal(m.Result, &a); err != nil {
			s.t.Fatal(err)
		}
	}
	s.offered++
	before, after := d.text, d.apply(a)
	d.text = after
	d.change([]any{map[string]any{"text": after}})
	if validate.CheckCompiles(context.Background(), before, before, validate.Options{}) != nil {
		return
	}
	if err := validate.CheckCompiles(context.Background(), before, after, validate.Options{}); err != nil {
		s.t.Errorf("%q made of\n%s\nthis:\n%s\n%v", a.Title, before, after, err)
	}
}

// forget drops what has been read, so that the client's memory stays flat too; the
// newest findings of each document stay.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.replies)
	clear(c.asked)
	if len(c.notified) > 200 {
		c.notified = slices.Clone(c.notified[len(c.notified)-100:])
	}
}
