//go:build linux

package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// A mirror is the only way from a build to the world: an HTTP proxy on loopback
// that serves hosts under .test and refuses all others. Some stand for the
// archives that the machine itself fetches from. What came from there is kept on
// disk, so that two builds of one Dockerfile meet the same archive, and a second
// run needs little of the network. Builds speak plain HTTP with the mirror, which
// speaks TLS with the world, so that no image holds the machine's certificates.
type mirror struct {
	addr     string
	dir      string // holds the answers
	client   *http.Client
	server   *http.Server
	upstream map[string]*url.URL     // hosts that stand for archives
	own      map[string]http.Handler // hosts that the test itself serves

	mu    sync.Mutex
	asked map[string]*answer // by key, in this run
}

// frozen matches what never changes under its name. Anything else is asked
// again in each run, once.
var frozen = regexp.MustCompile(`\.(deb|tgz|zip|mod|info)$|/by-hash/`)

// An answer is one that the mirror has, or is about to have.
type answer struct {
	once   sync.Once
	err    error
	Status int
	Header map[string]string
	body   string // its file
}

func newMirror(t testing.TB, dir string) *mirror {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mirror{
		addr:     "http://" + l.Addr().String(),
		dir:      dir,
		client:   &http.Client{Timeout: 5 * time.Minute},
		upstream: upstreams(t),
		own:      map[string]http.Handler{},
		asked:    map[string]*answer{},
	}
	m.server = &http.Server{Handler: m, ReadHeaderTimeout: time.Minute}
	go m.server.Serve(l) //nolint:errcheck // it ends when the test closes it
	return m
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.URL.Host
	if own := m.own[host]; own != nil {
		own.ServeHTTP(w, r)
		return
	}
	base := m.upstream[host]
	if base == nil || r.Method == http.MethodConnect {
		http.Error(w, fmt.Sprintf("%s %s: the matrix's builds reach only the mirror's own hosts, over plain HTTP", r.Method, r.URL.Host), http.StatusForbidden)
		return
	}
	// A path that an archive itself gave out has its folder in front already.
	url := base.String() + strings.TrimPrefix(r.URL.RequestURI(), base.EscapedPath())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		m.pass(w, r, url)
		return
	}
	a := m.answer(r.Context(), url, r.Header.Get("Accept"))
	if a.err != nil {
		http.Error(w, a.err.Error(), http.StatusBadGateway)
		return
	}
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	if a.Status != http.StatusOK {
		w.WriteHeader(a.Status)
		return
	}
	f, err := os.Open(a.body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()
	var modified time.Time
	if t, err := http.ParseTime(a.Header["Last-Modified"]); err == nil {
		modified = t
	}
	http.ServeContent(w, r, "", modified, f)
}

// pass hands on what is no question for a file, an audit's POST for one.
func (m *mirror) pass(w http.ResponseWriter, r *http.Request, url string) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, url, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, k := range []string{"Accept", "Content-Type", "Content-Encoding", "User-Agent"} {
		req.Header.Set(k, r.Header.Get(k))
	}
	resp, err := m.client.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body) //nolint:errcheck // the client went away
}

func (m *mirror) answer(ctx context.Context, url, accept string) *answer {
	key := fmt.Sprintf("%x", sha256.Sum256([]byte(url+"\n"+accept)))[:32]
	m.mu.Lock()
	a := m.asked[key]
	if a == nil {
		a = &answer{body: filepath.Join(m.dir, key)}
		m.asked[key] = a
	}
	m.mu.Unlock()
	a.once.Do(func() {
		kept := a.load()
		if kept && frozen.MatchString(strings.SplitN(url, "?", 2)[0]) {
			return
		}
		// One that asks must not decide for all who wait.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
		defer cancel()
		var err error
		for wait := time.Second; wait < 5*time.Second; wait *= 2 {
			if err = m.fetch(ctx, a, url, accept); err == nil {
				return
			}
			time.Sleep(wait)
		}
		if !kept {
			a.err = err // else the old answer serves
		}
	})
	return a
}

// load takes the answer of an earlier run.
func (a *answer) load() bool {
	data, err := os.ReadFile(a.body + ".json")
	if err != nil || json.Unmarshal(data, a) != nil {
		return false
	}
	_, err = os.Stat(a.body)
	return err == nil
}

// fetch asks upstream. A server's failure is an error; that a file is not there
// is an answer, for this run.
func (m *mirror) fetch(ctx context.Context, a *answer, url, accept string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	header := map[string]string{}
	for _, k := range []string{"Content-Type", "Last-Modified", "Etag"} {
		if v := resp.Header.Get(k); v != "" {
			header[k] = v
		}
	}
	if resp.StatusCode != http.StatusOK {
		a.Status, a.Header = resp.StatusCode, header
		return nil
	}
	f, err := os.CreateTemp(m.dir, "part-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, resp.Body)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	a.Status, a.Header = resp.StatusCode, header
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), a.body); err != nil {
		return err
	}
	return os.WriteFile(a.body+".json", data, 0o644)
}

func (m *mirror) close() { m.server.Close() }
