//go:build linux

package matrix

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// slimHost serves Debian's archive with the few packages that the cases name and
// what those need. apt-get takes seconds to read the whole index, in each build of
// each case; of this one it takes none. Cases choose it by their base,
// debian:bookworm-slim, and debian:bookworm has the whole.
const slimHost = "debian-slim.shale.test"

type slim struct {
	mirror *mirror
	words  map[string]bool // of the cases' Dockerfiles: some are names of packages

	once  sync.Once
	err   error
	files map[string][]byte
}

var word = regexp.MustCompile(`[a-z0-9][a-z0-9+.-]+`)

func newSlim(m *mirror, all []kase) *slim {
	s := &slim{mirror: m, words: map[string]bool{}}
	for _, k := range all {
		for _, text := range []string{k.file, k.after} {
			for _, w := range word.FindAllString(text, -1) {
				s.words[w] = true
			}
		}
	}
	return s
}

func (s *slim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/pool/") {
		http.Redirect(w, r, "http://"+debianHost+r.URL.Path, http.StatusFound)
		return
	}
	s.once.Do(func() { s.err = s.make(r.Context()) })
	if s.err != nil {
		http.Error(w, s.err.Error(), http.StatusBadGateway)
		return
	}
	serve(s.files).ServeHTTP(w, r)
}

// make writes the index and the file that vouches for it.
func (s *slim) make(ctx context.Context) error {
	folder := "main/binary-" + runtime.GOARCH
	a := s.mirror.answer(ctx, s.mirror.upstream[debianHost].String()+"/dists/bookworm/"+folder+"/Packages.gz", "")
	if a.err != nil {
		return a.err
	}
	f, err := os.Open(a.body)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	index := s.index(string(text))
	var packed bytes.Buffer
	p := gzip.NewWriter(&packed)
	if _, err := p.Write(index); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	release := fmt.Appendf(nil, "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: %s\nArchitectures: %s\nComponents: main\nSHA256:\n %x %d %s/Packages\n %x %d %[6]s/Packages.gz\n",
		made.Format(time.RFC1123), runtime.GOARCH, sha256.Sum256(index), len(index), folder, sha256.Sum256(packed.Bytes()), packed.Len())
	s.files = map[string][]byte{
		"/dists/bookworm/Release":                    release,
		"/dists/bookworm/" + folder + "/Packages":    index,
		"/dists/bookworm/" + folder + "/Packages.gz": packed.Bytes(),
	}
	return nil
}

// index picks the packages that are named, those they need, and so on.
func (s *slim) index(all string) []byte {
	stanzas := strings.SplitAfter(all, "\n\n")
	makers := map[string][]int{} // who is or provides a name
	needs := make([][]string, len(stanzas))
	for i, st := range stanzas {
		for line := range strings.Lines(st) {
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "Package", "Provides":
				for _, name := range names(value) {
					makers[name] = append(makers[name], i)
				}
			case "Depends", "Pre-Depends":
				needs[i] = append(needs[i], names(value)...)
			}
		}
	}
	picked := make([]bool, len(stanzas))
	var pick func(name string)
	pick = func(name string) {
		for _, i := range makers[name] {
			if !picked[i] {
				picked[i] = true
				for _, n := range needs[i] {
					pick(n)
				}
			}
		}
	}
	for w := range s.words {
		pick(w)
	}
	var out bytes.Buffer
	for i, st := range stanzas {
		if picked[i] {
			out.WriteString(st)
		}
	}
	return out.Bytes()
}

// names lists the packages of a field, without versions and architectures.
func names(field string) []string {
	var all []string
	for _, one := range strings.FieldsFunc(field, func(r rune) bool { return r == ',' || r == '|' }) {
		name, _, _ := strings.Cut(strings.TrimSpace(one), " ")
		name, _, _ = strings.Cut(name, ":")
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
