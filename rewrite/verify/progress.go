package verify

import (
	"context"
	"os"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"
)

// Progress says where and how builds are shown while they run. The zero value
// shows nothing.
type Progress struct {
	Out  *os.File
	Mode string // "tty", "plain" or "quiet"
}

// A display shows builds, each on its own or several at a time.
type display struct {
	progress Progress
	shared   chan *client.SolveStatus // of all builds that run side by side
	finished chan struct{}
}

// open begins to show builds; together says that several run side by side.
func (p Progress) open(together bool) *display {
	d := &display{progress: p}
	if together {
		d.shared, d.finished = p.show("")
	}
	return d
}

func (d *display) close() {
	if d.shared != nil {
		close(d.shared)
		<-d.finished
	}
}

// start shows one more build: what it is told of, until done.
func (d *display) start(name string) (told func(*client.SolveStatus), done func()) {
	if d.shared != nil {
		return func(s *client.SolveStatus) { d.shared <- prefixed(name, s) }, func() {}
	}
	statuses, finished := d.progress.show("Building " + name)
	if statuses == nil {
		return nil, func() {}
	}
	return func(s *client.SolveStatus) { statuses <- s }, func() {
		close(statuses)
		<-finished
	}
}

// show starts BuildKit's own display; nil where nothing is shown.
func (p Progress) show(phase string) (chan *client.SolveStatus, chan struct{}) {
	if p.Out == nil || p.Mode == "quiet" || p.Mode == "" {
		return nil, nil
	}
	var opts []progressui.DisplayOpt
	if phase != "" {
		opts = append(opts, progressui.WithPhase(phase), progressui.WithDesc(phase, ""))
	}
	ui, err := progressui.NewDisplay(p.Out, progressui.DisplayMode(p.Mode), opts...)
	if err != nil {
		return nil, nil // no terminal after all
	}
	statuses, finished := make(chan *client.SolveStatus), make(chan struct{})
	go func() {
		defer close(finished)
		// It ends with the builds, which end with the context.
		_, _ = ui.UpdateFrom(context.Background(), statuses)
		for range statuses { // a display that failed does not stop the builds
		}
	}()
	return statuses, finished
}

// prefixed tells the steps of builds that run side by side from each other.
func prefixed(name string, s *client.SolveStatus) *client.SolveStatus {
	id := func(d digest.Digest) digest.Digest { return digest.FromString(name + d.String()) }
	out := &client.SolveStatus{}
	for _, v := range s.Vertexes {
		w := *v
		w.Digest, w.Name, w.Inputs = id(v.Digest), name+": "+v.Name, nil
		for _, in := range v.Inputs {
			w.Inputs = append(w.Inputs, id(in))
		}
		out.Vertexes = append(out.Vertexes, &w)
	}
	for _, v := range s.Statuses {
		w := *v
		w.Vertex = id(v.Vertex)
		out.Statuses = append(out.Statuses, &w)
	}
	for _, v := range s.Logs {
		w := *v
		w.Vertex = id(v.Vertex)
		out.Logs = append(out.Logs, &w)
	}
	for _, v := range s.Warnings {
		w := *v
		w.Vertex = id(v.Vertex)
		out.Warnings = append(out.Warnings, &w)
	}
	return out
}
