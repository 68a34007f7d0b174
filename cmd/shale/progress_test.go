package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		out := &stream{w: &screen}
		bar := startProgress(&screen, "checked", 3)
		out.bar = bar
		text := func() string {
			bar.mu.Lock()
			defer bar.mu.Unlock()
			return screen.String()
		}
		bar.Step()
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		if got := text(); got != "" {
			t.Errorf("shown within a second: %q", got)
		}
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		out.Write([]byte("Dockerfile:1:1: error\n"))
		if got, want := text(), "\r\x1b[Kchecked 1 of 3 files\r\x1b[KDockerfile:1:1: error\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		bar.mu.Lock()
		screen.Reset()
		bar.mu.Unlock()
		bar.Step()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		bar.Stop()
		time.Sleep(time.Second)
		if got, want := text(), "\r\x1b[Kchecked 2 of 3 files\r\x1b[K"; got != want {
			t.Errorf("at the end %q, want %q", got, want)
		}
	})
}

// Work that is done within a second, or whose messages go to no terminal, shows nothing.
func TestProgressQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		bar := startProgress(&screen, "checked", 3)
		time.Sleep(500 * time.Millisecond)
		bar.Stop()
		bar = startProgress(nil, "checked", 3)
		out := &stream{w: &screen, bar: bar}
		time.Sleep(3 * time.Second)
		out.Write([]byte("done\n"))
		bar.Stop()
		if got := screen.String(); got != "done\n" {
			t.Errorf("%q", got)
		}
	})
}
