package lsp

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// What the heap of a server in a process of its own is kept to. The collector works as
// usual below softLimit, which no Dockerfile of ordinary length comes near; a long one
// has it run more often, instead of the heap growing to twice of what lives.
const (
	softLimit   = 32 << 20
	ordinaryLen = 256 << 10 // bytes of text that softLimit has room for
	perByte     = 64        // of heap for each byte of text more
	long        = 64 << 10  // bytes of a text whose facts are not kept while the server rests
	worthTidy   = 12 << 20  // bytes of heap below which nothing is tidied
	restful     = 2 * time.Second
)

// makeRoom sets the limit by the open documents, so that many or huge ones do not keep
// the collector busy all the time.
func (s *server) makeRoom() {
	if !s.opts.Alone {
		return
	}
	total := 0
	for _, d := range s.work.docs {
		total += len(d.text)
	}
	debug.SetMemoryLimit(softLimit + perByte*int64(max(0, total-ordinaryLen)))
	s.tidyLater()
}

// tidyLater gives memory back to the system once the server has rested, which the
// runtime itself does over minutes.
func (s *server) tidyLater() {
	if !s.opts.Alone {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
	case s.rest == nil:
		s.rest = time.AfterFunc(restful, s.tidy)
	default:
		s.rest.Reset(restful)
	}
}

// tidy collects and gives back, unless there is little to give. What a long document's
// requests would derive again is not kept.
func (s *server) tidy() {
	if held() < worthTidy {
		return
	}
	s.state.Lock()
	docs := s.work.docs
	s.state.Unlock()
	for _, d := range docs {
		if len(d.text) >= long && closed(d.done) && d.reading.TryLock() {
			if d.findings.file != nil {
				d.findings.file.Forget()
			}
			d.names = nil
			d.reading.Unlock()
			s.keep(d.uri, nil)
		}
	}
	debug.FreeOSMemory()
}

// held is the heap that the process has of the system, in bytes.
func held() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(sample)
	sum := uint64(0)
	for _, m := range sample {
		sum += m.Value.Uint64()
	}
	return sum
}
