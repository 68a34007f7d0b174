//go:build linux

package verify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A wire is a way to the engine that a test can cut.
type wire struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (w *wire) cut() {
	w.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
}

// newWire listens and passes on; wrap may put TLS around a connection.
func newWire(t testing.TB, to string, l net.Listener) *wire {
	t.Helper()
	w := &wire{Listener: l}
	t.Cleanup(w.cut)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", strings.TrimPrefix(to, "unix://"))
			if err != nil {
				in.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, in, out)
			w.mu.Unlock()
			go splice(in, out)
			go splice(out, in)
		}
	}()
	return w
}

func splice(to, from net.Conn) {
	io.Copy(to, from) //nolint:errcheck // one of them is gone
	to.Close()
	from.Close()
}

func socket(t testing.TB) (net.Listener, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "shale-wire-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return l, "unix://" + l.Addr().String()
}

func unixOnly(t testing.TB) string {
	t.Helper()
	address := engineAddress(t)
	if !strings.HasPrefix(address, "unix://") {
		t.Skipf("%s=%s is no unix:// address, in front of which a test can stand", engineVariable, address)
	}
	return address
}

// An engine that goes away in the middle says nothing about the Dockerfile,
// neither of before nor of after.
func TestEngineDies(t *testing.T) {
	address := unixOnly(t)
	dir := buildContext(t, nil)
	for _, at := range []string{nameBefore, nameAfter} {
		l, through := socket(t)
		w := newWire(t, address, l)
		before, after := "RUN true\n", "RUN true\n# other\n"
		if at == nameBefore {
			before = "RUN echo it is running; sleep 20\n"
		} else {
			after = "RUN echo it is running; sleep 21\n"
		}
		shown, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var cut time.Time
		done := make(chan struct{})
		go func() {
			defer close(done)
			for lines := bufio.NewScanner(shown); lines.Scan(); {
				if strings.HasSuffix(lines.Text(), " it is running") && cut.IsZero() {
					cut = time.Now()
					w.cut()
				}
			}
		}()
		r := against(t, dir, before, after, func(r *Request) {
			r.Engines = connect(t, through)
			r.Progress = Progress{Out: out, Mode: "plain"}
		})
		out.Close()
		<-done
		if r.Verdict != Failed || r.Failure.Kind != "engine" || !strings.Contains(r.Failure.Message, "went away during the build of "+at) {
			t.Errorf("%s: %s, %+v", at, r.Verdict, r.Failure)
		}
		if cut.IsZero() || time.Since(cut) > 15*time.Second {
			t.Errorf("%s: cut at %s, noticed at %s", at, cut, time.Now())
		}
	}
}

// A run that is cancelled ends at once and leaves nothing behind.
func TestEngineCancelled(t *testing.T) {
	e := connect(t, engineAddress(t))
	dir := buildContext(t, nil)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(2*time.Second, cancel)
	start := time.Now()
	text := shellBase + "RUN sleep 30\n"
	_, err := Verify(ctx, Request{File: "Dockerfile", Against: "o", Before: text, After: text + "# other\n", Setup: Setup{Context: dir}, Engines: e})
	if !errors.Is(err, context.Canceled) || time.Since(start) > 15*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Two addresses share the builds, and before and after are built by the same.
func TestEnginesShare(t *testing.T) {
	address := unixOnly(t)
	l, through := socket(t)
	newWire(t, address, l)
	dir := buildContext(t, nil)
	var shown bytes.Buffer
	r := against(t, dir, "RUN true\n", "RUN true\n# other\n", func(r *Request) {
		r.Engines = connect(t, address, through)
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { io.Copy(&shown, in); close(done) }() //nolint:errcheck // a test's pipe
		t.Cleanup(func() { out.Close(); <-done })
		r.Progress = Progress{Out: out, Mode: "plain"}
	})
	at := map[string]string{}
	for _, b := range r.Builds {
		at[b.Name] = b.Engine
	}
	want := map[string]string{nameBefore: address, nameAfter: address, nameAgain: through}
	if diff := cmp.Diff(want, at); diff != "" || r.Verdict != Equal {
		t.Errorf("%s %+v\n%s", r.Verdict, r.Failure, diff)
	}
}

// authority makes certificates that a test signs.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB, dir, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert, key, filepath.Join(dir, name+".pem")}
	writePEM(t, a.file, "CERTIFICATE", raw)
	return a
}

// issue writes a certificate and its key.
func (a *authority) issue(t testing.TB, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.CreateCertificate(crand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+"-cert.pem"), filepath.Join(dir, name+"-key.pem")
	writePEM(t, cert, "CERTIFICATE", raw)
	writePEM(t, key, "EC PRIVATE KEY", secret)
	return cert, key
}

func writePEM(t testing.TB, file, kind string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEngineTLS(t *testing.T) {
	address := unixOnly(t)
	dir := t.TempDir()
	ours, others := newAuthority(t, dir, "ours"), newAuthority(t, dir, "others")
	serverCert, serverKey := ours.issue(t, dir, "server")
	cert, key := ours.issue(t, dir, "client")
	badCert, badKey := others.issue(t, dir, "stranger")
	pair, err := tls.LoadX509KeyPair(serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	newWire(t, address, l)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	newWire(t, address, plain)
	secured, open := "tcp://"+l.Addr().String(), "tcp://"+plain.Addr().String()
	for _, tt := range []struct {
		name, address string
		tls           TLS
		want          string
	}{
		{"right", secured, TLS{CACert: ours.file, Cert: cert, Key: key}, ""},
		{"by its name", secured, TLS{CACert: ours.file, Cert: cert, Key: key, ServerName: "server"}, ""},
		{"another name", secured, TLS{CACert: ours.file, Cert: cert, Key: key, ServerName: "elsewhere"}, "not one that --tlscacert vouches for"},
		{"no TLS", open, TLS{}, ""},
		{"the engine speaks TLS", secured, TLS{}, "if it speaks TLS, give --tlscacert"},
		{"the engine speaks none", open, TLS{CACert: ours.file, Cert: cert, Key: key}, "does not speak TLS"},
		{"another authority", secured, TLS{CACert: others.file, Cert: cert, Key: key}, "not one that --tlscacert vouches for"},
		{"no client certificate", secured, TLS{CACert: ours.file}, "client certificate"},
		{"a stranger's", secured, TLS{CACert: ours.file, Cert: badCert, Key: badKey}, "client certificate"},
	} {
		all, err := Connect(t.Context(), []string{tt.address}, tt.tls, os.Getenv)
		for _, e := range all {
			e.Close()
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// A Docker engine hands its socket over to BuildKit.
func TestEngineOfDocker(t *testing.T) {
	address := unixOnly(t)
	behind := connect(t, address)[0]
	l, through := socket(t)
	sessions := 0
	var mu sync.Mutex
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var to net.Conn
		var err error
		switch r.URL.Path {
		case "/grpc":
			to, err = net.Dial("unix", strings.TrimPrefix(address, "unix://"))
		case "/session":
			mu.Lock()
			sessions++
			mu.Unlock()
			meta := map[string][]string{}
			for name, values := range r.Header {
				meta[strings.ToLower(name)] = values
			}
			delete(meta, "connection")
			to, err = behind.client.Dialer()(context.Background(), r.Header.Get("Upgrade"), meta)
		default:
			http.NotFound(w, r)
			return
		}
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Connection") != "Upgrade" {
			http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
			return
		}
		in, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(in, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		go splice(to, &early{in, rw.Reader})
		splice(in, to)
	})}
	go server.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })
	r := against(t, buildContext(t, nil), "RUN touch /x\n", "RUN touch /x && chmod 600 /x\n", func(r *Request) {
		r.Engines = connect(t, "docker://"+strings.TrimPrefix(through, "unix://"))
	})
	if diff := cmp.Diff([]string{"changed /x mode"}, brief(r)); diff != "" || sessions == 0 {
		t.Errorf("%d sessions, %+v\n%s", sessions, r.Failure, diff)
	}
}

// early is a connection of which a server has read the first bytes.
type early struct {
	net.Conn
	in *bufio.Reader
}

func (e *early) Read(b []byte) (int, error) { return e.in.Read(b) }
