package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A progress line tells on a terminal how far the work is. It shows itself after
// a second and is gone when something else is written.
type progress struct {
	mu          sync.Mutex
	w           io.Writer // nil: no terminal, nothing is shown
	verb        string
	done, total int
	shown       bool
	stop        chan struct{}
}

const (
	progressDelay  = time.Second
	progressPeriod = 100 * time.Millisecond
	eraseLine      = "\r\x1b[K"
)

// startProgress begins to count; w is nil where nothing may be shown.
func startProgress(w io.Writer, verb string, total int) *progress {
	p := &progress{w: w, verb: verb, total: total, stop: make(chan struct{})}
	if w != nil {
		go p.run()
	}
	return p
}

func (p *progress) run() {
	wait := progressDelay
	for {
		select {
		case <-p.stop:
			return
		case <-time.After(wait):
			wait = progressPeriod
			p.mu.Lock()
			select {
			case <-p.stop:
			default:
				p.shown = true
				fmt.Fprintf(p.w, "%s%s %d of %d files", eraseLine, p.verb, p.done, p.total)
			}
			p.mu.Unlock()
		}
	}
}

// Step counts a finished file.
func (p *progress) Step() {
	p.mu.Lock()
	p.done++
	p.mu.Unlock()
}

// Through writes to w with the line out of the way.
func (p *progress) Through(w io.Writer, b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	return w.Write(b)
}

func (p *progress) erase() {
	if p.shown {
		p.shown = false
		io.WriteString(p.w, eraseLine)
	}
}

// Stop takes the line away for good.
func (p *progress) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	close(p.stop)
}
