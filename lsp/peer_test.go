//go:build peer

package lsp_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The peer is what most editors bring for Dockerfiles.
const peer = "dockerfile-language-server-nodejs@0.15.0"

// TestBesidePeer measures both servers over standard input and output, in one run:
// 200 edits of one character in a comment, from the edit to the findings having
// arrived.
func TestBesidePeer(t *testing.T) {
	exe, err := shale()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("../.cache/peer")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "node_modules", ".bin", "docker-langserver")
	if _, err := os.Stat(bin); err != nil {
		if out, err := exec.Command("npm", "install", "--silent", "--no-save", "--prefix", dir, peer).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	sizes := []int{20, 100, 1000, 10000}
	goals := []time.Duration{time.Millisecond, 2 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}
	var b strings.Builder
	fmt.Fprintf(&b, "| | initialize ms |")
	for _, n := range sizes {
		fmt.Fprintf(&b, " %d lines: median, p99 ms |", n)
	}
	b.WriteString(" memory at most, after, at rest |\n|---|--:|--:|--:|--:|--:|--:|\n")
	var p99 [2][]time.Duration
	for i, s := range []struct {
		name    string
		command []string
	}{{"shale", []string{exe, "lsp"}}, {peer, []string{bin, "--stdio"}}} {
		var starts []time.Duration
		for range 10 {
			start := time.Now()
			c := spawn(t, s.command[0], s.command[1:]...)
			c.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": full("utf-16")}, nil)
			starts = append(starts, time.Since(start))
			c.shutdown()
			c.wait()
		}
		slices.Sort(starts)
		fmt.Fprintf(&b, "| %s | %s |", s.name, ms(starts[len(starts)/2]))
		c := spawn(t, s.command[0], s.command[1:]...)
		c.call("initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": full("utf-16")}, nil)
		c.notify("initialized", map[string]any{})
		c.mu.Lock()
		c.measured = true
		c.mu.Unlock()
		for _, n := range sizes {
			took := c.edits(fmt.Sprintf("file:///nowhere/%d/Dockerfile", n), ordinary(n))
			median, last := took[len(took)/2], took[len(took)*99/100]
			p99[i] = append(p99[i], last)
			fmt.Fprintf(&b, " %s, %s |", ms(median), ms(last))
		}
		high, now := memory(t, c.pid)
		// The peer's findings have no version.
		last := "file:///nowhere/rest/Dockerfile"
		c.open(last, ordinary(sizes[len(sizes)-1]), "utf-16")
		c.until("findings of "+last, func() bool { return len(c.published(last)) > 0 })
		time.Sleep(10 * time.Second)
		_, rest := memory(t, c.pid)
		fmt.Fprintf(&b, " %d MB, %d MB, %d MB |\n", high, now, rest)
		c.shutdown()
		c.wait()
	}
	fmt.Printf("%s\n%d processors, %s\n", b.String(), runtime.NumCPU(), runtime.GOARCH)
	for i, n := range sizes {
		switch own := p99[0][i]; {
		case own > goals[i]:
			fmt.Printf("%d lines: over the goal of %s ms\n", n, ms(goals[i]))
		case own > p99[1][i]/2:
			fmt.Printf("%d lines: more than half of the peer's\n", n)
		}
	}
}

// edits types and deletes a character in a comment, and returns how long the findings
// took, the shortest first.
func (c *client) edits(uri, text string) []time.Duration {
	doc := c.open(uri, text, "utf-16")
	arrived := func(n int) {
		c.until("findings of "+uri, func() bool {
			all := c.published(uri)
			return len(all) > n && (all[len(all)-1].Version == nil || *all[len(all)-1].Version == doc.version)
		})
	}
	arrived(0)
	place := at(strings.Count(text, "\n")/2/10*10+1, 2, 2)
	var took []time.Duration
	for i := range 210 {
		c.mu.Lock()
		c.notified = nil
		c.mu.Unlock()
		e := textEdit{place, "x"}
		if i%2 == 1 {
			e = textEdit{at(place.Start.Line, 2, 3), ""}
		}
		start := time.Now()
		doc.edit(e)
		arrived(0)
		if i >= 10 { // the first ones warm up
			took = append(took, time.Since(start))
		}
	}
	c.notify("textDocument/didClose", map[string]any{"textDocument": doc.id()})
	slices.Sort(took)
	return took
}

func ms(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 2, 64)
}
