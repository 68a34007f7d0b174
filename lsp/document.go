package lsp

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/config"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

// A workspace is every open document at one moment. It never changes: the read
// loop puts another in its place.
type workspace struct {
	docs      map[string]*snapshot // by the client's own URI
	folders   []*surroundings      // of the client's folders, the innermost first
	elsewhere *surroundings        // of documents in none of them
}

// with returns the workspace with one document put in place, or taken out when
// doc is nil.
func (w *workspace) with(uri string, doc *snapshot) *workspace {
	docs := maps.Clone(w.docs)
	if doc == nil {
		delete(docs, uri)
	} else {
		docs[uri] = doc
	}
	out := *w
	out.docs = docs
	return &out
}

// sorted returns the open documents by URI.
func (w *workspace) sorted() []*snapshot {
	out := make([]*snapshot, 0, len(w.docs))
	for _, uri := range slices.Sorted(maps.Keys(w.docs)) {
		out = append(out, w.docs[uri])
	}
	return out
}

// A snapshot is one document at one moment. It never changes; what is derived
// from it is derived once.
type snapshot struct {
	uri      string
	path     string // on disk; "" when the client's document is no file of ours
	language string
	version  int32
	serial   uint64 // tells it from any other text that was a client's, for as long as the server lives
	text     string
	lines    *source.Lines
	near     *surroundings

	begun    atomic.Bool
	done     chan struct{}
	findings findings // stands once done is closed
	check2   sync.Once
	checked  chan struct{}         // closed when Docker's checks have run
	checks   []analysis.Diagnostic // what they found, from then on
	carried  []analysis.Diagnostic // till then: what they found in an earlier text, where that stands unchanged

	mu       sync.Mutex
	verdicts map[fixKey]error // the validator's word on a fix; nil is yes

	reading sync.Mutex // held by the one request that reads findings.file and names
	names   *symbols.Table
}

// findings is what the rules say of a snapshot.
type findings struct {
	input       analysis.Input
	file        *facts.File // for one goroutine at a time
	diagnostics []analysis.Diagnostic
	asked       sync.Once
	more        []analysis.Diagnostic // what rules find beyond that when they are asked for all they can, once asked is done
	silent      bool                  // nothing is checked: the configuration says so, or cannot be read
	refused     bool                  // BuildKit refuses the file, so nothing can be proven of a fix
	config      error                 // the configuration that cannot be read; nothing was checked
	fault       error                 // a panic
}

func (s *server) newSnapshot(uri, language string, version int32, text string) *snapshot {
	s.opened++
	path := pathOf(uri)
	return &snapshot{
		uri: uri, path: path, language: language, version: version, serial: s.opened,
		text: text, lines: source.NewLines(text), near: s.work.around(path),
		done: make(chan struct{}), checked: make(chan struct{}), verdicts: map[fixKey]error{},
	}
}

// again is a document as it stands, to be looked at anew.
func (s *server) again(d *snapshot) *snapshot {
	out := s.edited(d, d.version, d.text)
	out.serial = d.serial
	return out
}

// edited is a document with another text.
func (s *server) edited(d *snapshot, version int32, text string) *snapshot {
	out := s.newSnapshot(d.uri, d.language, version, text)
	out.carried = carry(d.text, text, d.known())
	return out
}

// dockerfile reports whether the rules are meant for the document. An editor may
// well send the files beside it.
func (d *snapshot) dockerfile() bool {
	base := filepath.Base(d.path)
	return d.near.Enable && base != config.Name && !buildctx.IgnoreFile(base) && d.language != "toml" && d.language != "ignore"
}

// check returns what the rules find. The first who asks starts the work; whoever
// waits may give up.
func (s *server) check(ctx context.Context, d *snapshot) (*findings, error) {
	if d.begun.CompareAndSwap(false, true) {
		go s.analyse(d)
	}
	select {
	case <-d.done:
		return &d.findings, d.findings.fault
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// checkHere does the work that check starts itself, where nobody else has: each time
// that one goroutine wakes another costs an edit a twentieth of a millisecond.
func (s *server) checkHere(d *snapshot) {
	if d.begun.CompareAndSwap(false, true) {
		s.analyse(d)
	}
}

func (s *server) analyse(d *snapshot) {
	defer close(d.done)
	s.slots <- struct{}{}
	defer func() { <-s.slots }()
	defer func() {
		if r := recover(); r != nil {
			d.findings.fault = fmt.Errorf("the analysis failed: %v", r)
			s.log.Printf("%s: %v\n%s", d.uri, d.findings.fault, debug.Stack())
		}
	}()
	faults, kept := d.analyse(s)
	s.keep(d.uri, kept)
	for _, err := range faults {
		s.log.Printf("%s: %v", d.uri, err)
	}
}

// earlier is what can be used again of the text that was analysed last; nil for nothing.
func (s *server) earlier(uri string) *facts.Kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[uri]
}

// keep has the next text of an open document read with what was read of one; nil for
// nothing.
func (s *server) keep(uri string, k *facts.Kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept[uri] = k; k == nil || !s.isOpen[uri] {
		delete(s.kept, uri)
	}
}

// input is what the rules read of a Dockerfile; the error is its configuration's.
func (s *server) input(near *surroundings, path, text string) (in analysis.Input, err error) {
	in = analysis.Input{Path: path, Content: text, Builds: near.builds.of(path), Walks: &s.walks, History: s.history.logs()}
	if path != "" || near.wrong != nil {
		in.Config, err = near.configFor(path)
	}
	return in, err
}

// analyse runs the rules; it returns those that failed, and what the next text can be
// read with.
func (d *snapshot) analyse(s *server) ([]error, *facts.Kept) {
	if !d.dockerfile() {
		return nil, nil
	}
	f := &d.findings
	f.input, f.config = s.input(d.near, d.path, d.text)
	if f.config != nil || f.input.Config.Excluded(d.path) {
		f.file = facts.New(d.path, syntax.Parse(d.text), facts.Options{Config: f.input.Config, Builds: f.input.Builds})
		f.silent = true
		return nil, nil
	}
	in := f.input // which is used again, when there is nothing earlier
	in.Earlier = s.earlier(d.uri)
	report := analysis.Check(in, s.quick)
	f.file = report.File
	f.diagnostics, f.refused = report.Diagnostics, len(report.File.Doc.Problems) > 0
	return report.Faults, report.File.Keep()
}

// put makes a document the current one and has it published.
func (s *server) put(doc *snapshot) {
	s.work = s.work.with(doc.uri, doc)
	s.makeRoom()
	s.pub.publish(doc.uri, doc)
}

func (s *server) didOpen(_ context.Context, p *documentParams) error {
	d := p.TextDocument
	if d.URI == "" {
		return fmt.Errorf("the document has no URI")
	}
	s.mu.Lock()
	s.isOpen[d.URI] = true
	s.mu.Unlock()
	s.put(s.newSnapshot(d.URI, d.LanguageID, d.Version, d.Text))
	return nil
}

func (s *server) didChange(_ context.Context, p *didChangeParams) error {
	old, ok := s.work.docs[p.TextDocument.URI]
	if !ok {
		return fmt.Errorf("%s is not open", p.TextDocument.URI)
	}
	if p.TextDocument.Version <= old.version {
		// Messages keep their order, so the edit still belongs on top of the
		// text that stands; leaving it out would lose the client's text.
		s.log.Printf("%s: version %d came after version %d", old.uri, p.TextDocument.Version, old.version)
	}
	text, lines := old.text, old.lines
	for i, c := range p.ContentChanges {
		if i > 0 && c.Range != nil {
			lines = source.NewLines(text)
		}
		text = change(text, lines, c.Range, c.Text, s.client.encoding)
	}
	s.put(s.edited(old, p.TextDocument.Version, text))
	return nil
}

// change makes one edit of the client's. Positions beyond a line or the text are
// at its end, as the protocol says.
func change(text string, lines *source.Lines, r *protocol.Range, with string, enc source.Encoding) string {
	if r == nil {
		return with
	}
	s := spanIn(lines, *r, enc)
	return text[:s.Start] + with + text[s.End:]
}

// positionIn says an offset in lines and columns, as rangeIn does a span; offsetIn and
// spanIn are the way back.
func positionIn(lines *source.Lines, offset int, enc source.Encoding) protocol.Position {
	p := lines.Position(offset, enc)
	return protocol.Position{Line: uint32(p.Line), Character: uint32(p.Column)}
}

func rangeIn(lines *source.Lines, s source.Span, enc source.Encoding) protocol.Range {
	return protocol.Range{Start: positionIn(lines, s.Start, enc), End: positionIn(lines, s.End, enc)}
}

func offsetIn(lines *source.Lines, p protocol.Position, enc source.Encoding) int {
	return lines.Offset(source.Position{Line: int(p.Line), Column: int(p.Character)}, enc)
}

// spanIn puts a range right whose ends are swapped.
func spanIn(lines *source.Lines, r protocol.Range, enc source.Encoding) source.Span {
	s := source.Span{Start: offsetIn(lines, r.Start, enc), End: offsetIn(lines, r.End, enc)}
	if s.End < s.Start {
		s.Start, s.End = s.End, s.Start
	}
	return s
}

func (s *server) didClose(_ context.Context, p *documentParams) error {
	uri := p.TextDocument.URI
	if _, ok := s.work.docs[uri]; !ok {
		return fmt.Errorf("%s is not open", uri)
	}
	s.mu.Lock()
	delete(s.isOpen, uri)
	delete(s.told, uri)
	delete(s.kept, uri)
	s.mu.Unlock()
	s.work = s.work.with(uri, nil)
	s.makeRoom()
	s.pub.publish(uri, nil)
	return nil
}

// didSave looks again: what a document needs from the disk may have changed since.
func (s *server) didSave(_ context.Context, p *documentParams) error {
	doc, ok := s.work.docs[p.TextDocument.URI]
	s.walks.Forget()
	s.history.renew()
	if ok && doc.dockerfile() {
		s.put(s.again(doc))
		s.refresh()
		return nil
	}
	s.reload()
	return nil
}

// reload forgets what was read from the disk and looks at every document again.
func (s *server) reload() {
	s.walks.Forget()
	s.history.renew()
	w := *s.work
	w.folders, w.elsewhere = s.surroundAll(slices.Collect(maps.Keys(s.folderURIs)))
	s.work = &w
	s.lookAgain()
}

// lookAgain has every document looked at again, as something else than an edit changed
// what is found.
func (s *server) lookAgain() {
	for _, doc := range s.work.sorted() {
		s.put(s.again(doc))
	}
	s.refresh()
}
