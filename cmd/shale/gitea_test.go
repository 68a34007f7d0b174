//go:build gitea && linux

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const giteaVersion = "v1.26.0"

// A giteaServer is a Gitea of a test's own, on loopback, with all that it keeps in a
// folder that goes with the test.
type giteaServer struct {
	t           *testing.T
	url         string
	dir, config string
	exe         string
	as          *syscall.SysProcAttr // Gitea refuses root
	env         []string
}

// giteaBinary builds Gitea once, from the Go proxy, and keeps it with the files that
// it reads. The first time takes minutes, and a C compiler for SQLite.
func giteaBinary(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(root(t), ".cache", "gitea-"+giteaVersion)
	if _, err := os.Stat(filepath.Join(dir, "gitea")); err == nil {
		return dir
	}
	t.Logf("building Gitea %s, once", giteaVersion)
	// Its module has replacements, which hold only where it is the main one.
	script(t, root(t), `mkdir -p .cache && part=$(mktemp -d .cache/gitea-XXXXXX) && trap 'rm -rf "$part"' EXIT
module=$(cd / && go mod download -json "code.gitea.io/gitea@$2" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
cp -r "$module" "$part/src" && chmod -R u+w "$part/src" && mkdir "$part/out"
CGO_ENABLED=1 GOWORK=off GOFLAGS=-mod=readonly go build -C "$part/src" -trimpath -buildvcs=false -ldflags='-s -w' -tags 'sqlite sqlite_unlock_notify' -o "$PWD/$part/out/gitea" .
cp -r "$part/src/options" "$part/src/templates" "$part/src/public" "$part/out/"
mv "$part/out" "$1"`, dir, giteaVersion)
	return dir
}

func startGitea(t *testing.T) *giteaServer {
	t.Helper()
	built := giteaBinary(t)
	dir, err := os.MkdirTemp("", "shale-gitea-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	g := &giteaServer{t: t, dir: dir, config: filepath.Join(dir, "app.ini"), exe: filepath.Join(dir, "static", "gitea")}
	if err := os.CopyFS(filepath.Join(dir, "static"), os.DirFS(built)); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	g.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	ini := fmt.Sprintf(`RUN_MODE = prod
WORK_PATH = %[1]s
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]d
ROOT_URL = %[3]s/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = %[1]s/static
[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
[security]
INSTALL_LOCK = true
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
LEVEL = Warn
`, dir, port, g.url)
	if err := os.WriteFile(g.config, []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	g.env = append(os.Environ(), "HOME="+dir, "USER=", "GITEA_WORK_DIR="+dir)
	g.as = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		const nobody = 65534
		g.as.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		script(t, dir, `chown -R "$1" .`, fmt.Sprintf("%d:%[1]d", nobody))
	}
	g.cli("migrate")
	g.serve()
	return g
}

// command is one of Gitea's, as its user.
func (g *giteaServer) command(args ...string) *exec.Cmd {
	cmd := exec.Command(g.exe, append(args, "--config", g.config)...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = g.dir, g.env, g.as
	return cmd
}

func (g *giteaServer) cli(args ...string) string {
	g.t.Helper()
	out, err := g.command(args...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("gitea %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// serve starts the server, which ends with the test.
func (g *giteaServer) serve() {
	g.t.Helper()
	log, err := os.Create(filepath.Join(g.dir, "log.txt"))
	if err != nil {
		g.t.Fatal(err)
	}
	cmd := g.command("web")
	cmd.Stdout, cmd.Stderr = log, log
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig watches the thread
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill() //nolint:errcheck // it may have ended
		}
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && g.t.Failed() {
			g.t.Logf("Gitea's log:\n%s", text)
		}
	})
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if resp, err := http.Get(g.url + "/api/healthz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			text, _ := os.ReadFile(log.Name())
			g.t.Fatalf("Gitea ended: %v\n%s", err, text)
		default:
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			g.t.Fatalf("Gitea does not answer\n%s", text)
		}
	}
}

// user makes a user and a token of theirs.
func (g *giteaServer) user(name, scopes string, more ...string) (token string) {
	g.t.Helper()
	g.cli(append([]string{"admin", "user", "create", "--username", name, "--password", "a-long-one-" + name, "--email", name + "@example.org", "--must-change-password=false"}, more...)...)
	return g.token(name, "first", scopes)
}

func (g *giteaServer) token(user, name, scopes string) string {
	g.t.Helper()
	out := g.cli("admin", "user", "generate-access-token", "--username", user, "--token-name", name, "--scopes", scopes, "--raw")
	lines := strings.Split(out, "\n")
	return lines[len(lines)-1]
}

// api asks Gitea's API, whatever Shale's client makes of it. A 404 right after a push
// may be one of a moment.
func (g *giteaServer) api(token, method, path string, in, out any) {
	g.t.Helper()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			g.t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		r, err := http.NewRequestWithContext(g.t.Context(), method, g.url+"/api/v1"+path, bytes.NewReader(body))
		if err != nil {
			g.t.Fatal(err)
		}
		r.Header.Set("Authorization", "token "+token)
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			g.t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			g.t.Fatal(err)
		}
		if resp.StatusCode == http.StatusNotFound && time.Now().Before(deadline) {
			continue
		}
		if resp.StatusCode >= 300 {
			g.t.Fatalf("%s %s: %d\n%s", method, path, resp.StatusCode, text)
		}
		if out != nil {
			if err := json.Unmarshal(text, out); err != nil {
				g.t.Fatalf("%s %s: %v\n%s", method, path, err, text)
			}
		}
		return
	}
}
