package verify

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/containerd/log"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"

	// How addresses other than unix:// and tcp:// are reached.
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer"
	_ "github.com/moby/buildkit/client/connhelper/kubepod"
	_ "github.com/moby/buildkit/client/connhelper/nerdctlcontainer"
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer"
	_ "github.com/moby/buildkit/client/connhelper/ssh"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// TLS names the files for tcp addresses, as buildctl has them.
type TLS struct {
	CACert, Cert, Key, ServerName string
	Dir                           string // with ca.pem, cert.pem and key.pem in place of the three
}

// An Engine is a BuildKit that builds.
type Engine struct {
	address  string
	client   *client.Client
	platform string // its own
}

// Address is how the user names the engine.
func (e *Engine) Address() string { return e.address }

// Close ends the connection.
func (e *Engine) Close() error { return e.client.Close() }

// ErrNoEngine says that no address was given and none was found.
var ErrNoEngine = errors.New(`no BuildKit is running where Shale looks. Start one, and name it:
  docker run -d --name buildkitd --privileged moby/buildkit
  shale verify --buildkit docker-container://buildkitd
or, as root, without Docker: buildkitd & shale verify --buildkit unix:///run/buildkit/buildkitd.sock`)

// answerTime is how long an engine may take to say what it is.
const answerTime = 20 * time.Second

// Connect reaches the engines of these addresses; without any, that of
// BUILDKIT_HOST, or the first that answers where they usually are. getenv is
// os.Getenv.
func Connect(ctx context.Context, addresses []string, secure TLS, getenv func(string) string) ([]*Engine, error) {
	// BuildKit's parts write to standard error what they return as well.
	if err := log.SetLevel(log.FatalLevel.String()); err != nil {
		return nil, err
	}
	if len(addresses) == 0 {
		if host := getenv("BUILDKIT_HOST"); host != "" {
			addresses = []string{host}
		}
	}
	if len(addresses) == 0 {
		e, err := findEngine(ctx, getenv)
		if err != nil {
			return nil, err
		}
		return []*Engine{e}, nil
	}
	var all []*Engine
	for _, a := range addresses {
		e, err := dial(ctx, a, secure)
		if err != nil {
			for _, e := range all {
				e.Close()
			}
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// findEngine tries where engines usually listen.
func findEngine(ctx context.Context, getenv func(string) string) (*Engine, error) {
	var refused error
	for _, a := range usual(getenv) {
		u, err := url.Parse(a)
		if err != nil {
			continue
		}
		if _, err := os.Stat(u.Path); err != nil {
			continue
		}
		e, err := dial(ctx, a, TLS{})
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		refused = errors.Join(refused, err)
	}
	if refused != nil {
		return nil, fmt.Errorf("%w\n%w", refused, ErrNoEngine)
	}
	return nil, ErrNoEngine
}

// usual lists the addresses of engines that nobody had to name.
func usual(getenv func(string) string) []string {
	if runtime.GOOS == "windows" {
		return nil
	}
	all := []string{"unix:///run/buildkit/buildkitd.sock"}
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		all = append(all, "unix://"+filepath.Join(dir, "buildkit", "buildkitd.sock"))
	}
	if host := getenv("DOCKER_HOST"); strings.HasPrefix(host, "unix://") {
		all = append(all, "docker://"+strings.TrimPrefix(host, "unix://"))
	} else {
		all = append(all, "docker:///var/run/docker.sock")
	}
	return all
}

// dial reaches one engine and asks it what it builds for.
func dial(ctx context.Context, address string, secure TLS) (*Engine, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, fmt.Errorf("%q is no address of a BuildKit; one is unix:///run/buildkit/buildkitd.sock or docker-container://buildkitd", address)
	}
	var opts []client.ClientOpt
	at := address
	switch u.Scheme {
	case "tcp":
		if opts, err = secure.options(u.Hostname()); err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
	case "docker":
		opts, at = dockerOptions(u.Path), ""
	case "unix", "npipe", "docker-container", "kube-pod", "podman-container", "nerdctl-container", "ssh":
	default:
		return nil, fmt.Errorf("%s: Shale reaches a BuildKit by unix, tcp, docker, docker-container, podman-container, nerdctl-container, kube-pod and ssh, not by %s", address, u.Scheme)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := client.New(ctx, at, opts...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		c.Close()
		return nil, unreachable(address, u.Scheme, secure, err)
	}
	e := &Engine{address: address, client: c}
	if len(workers) > 0 && len(workers[0].Platforms) > 0 {
		e.platform = platforms.Format(platforms.Normalize(workers[0].Platforms[0]))
	}
	return e, nil
}

var hungUp = lazyregexp.New(`error reading server preface|connection reset|broken pipe|EOF`)

// unreachable says in a user's words why an engine does not answer.
func unreachable(address, scheme string, secure TLS, err error) error {
	text := err.Error()
	// Some are reached by a command, docker or kubectl, which knows what is wrong.
	_, said, byCommand := strings.Cut(text, "stderr=")
	why := ""
	switch {
	case byCommand && strings.TrimSpace(said) != "":
		why = lastLine(said)
	case strings.Contains(text, "executable file not found"):
		why = last(text)
	case strings.Contains(text, "no such file or directory"):
		why = "nothing listens there"
	case strings.Contains(text, "connection refused"):
		why = "the connection is refused; is buildkitd running?"
	case strings.Contains(text, "permission denied"):
		why = "permission denied: run as root, or as a user of the socket's group"
	case strings.Contains(text, "first record does not look like a TLS handshake"):
		why = "the engine does not speak TLS; leave --tlscacert, --tlscert and --tlskey away"
	case strings.Contains(text, "certificate signed by unknown authority"), strings.Contains(text, "failed to verify certificate"):
		why = "its certificate is not one that --tlscacert vouches for: " + last(text)
	case strings.Contains(text, "certificate required"), strings.Contains(text, "bad certificate"), strings.Contains(text, "unknown certificate authority"):
		why = "it wants another client certificate; give it with --tlscert and --tlskey"
	case scheme == "tcp" && hungUp.MatchString(text) && secure.CACert == "":
		why = "it hangs up; if it speaks TLS, give --tlscacert, --tlscert and --tlskey"
	case scheme == "tcp" && hungUp.MatchString(text):
		why = "it hangs up; it may want another client certificate: --tlscert and --tlskey"
	case errors.Is(err, context.DeadlineExceeded) || grpcerrors.Code(err) == codes.DeadlineExceeded:
		why = fmt.Sprintf("it does not answer within %s", answerTime)
	case scheme == "docker":
		why = "the Docker engine offers no BuildKit: " + text
	default:
		why = text
	}
	return fmt.Errorf("no BuildKit at %s: %s", address, why)
}

// last is the end of a chain of errors, where its cause stands.
func last(text string) string {
	for _, start := range []string{"exec: ", "tls: "} {
		if i := strings.LastIndex(text, start); i >= 0 {
			text = text[i:]
			break
		}
	}
	return strings.Trim(text, `"`)
}

// lastLine is the last line of a command's standard error, as an error quotes it.
func lastLine(said string) string {
	said = strings.NewReplacer(`\n`, "\n", `\"`, `"`).Replace(strings.TrimSuffix(strings.TrimSpace(said), `"`))
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return lines[len(lines)-1]
}

// options reads the files once, so that a broken one is told by its name.
func (t TLS) options(host string) ([]client.ClientOpt, error) {
	if t.Dir != "" {
		if t.CACert != "" || t.Cert != "" || t.Key != "" {
			return nil, errors.New("--tlsdir goes without --tlscacert, --tlscert and --tlskey")
		}
		for _, f := range []struct {
			file  *string
			names [2]string
		}{
			{&t.CACert, [2]string{"ca.pem", "ca.crt"}}, {&t.Cert, [2]string{"cert.pem", "tls.crt"}}, {&t.Key, [2]string{"key.pem", "tls.key"}},
		} {
			for _, name := range f.names {
				if p := filepath.Join(t.Dir, name); *f.file == "" && exists(p) {
					*f.file = p
				}
			}
			if *f.file == "" {
				return nil, fmt.Errorf("--tlsdir %s holds neither %s nor %s", t.Dir, f.names[0], f.names[1])
			}
		}
	}
	var opts []client.ClientOpt
	if t.CACert != "" {
		pem, err := os.ReadFile(t.CACert)
		if err != nil {
			return nil, fmt.Errorf("--tlscacert: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--tlscacert %s holds no certificate", t.CACert)
		}
		opts = append(opts, client.WithServerConfig(cmp.Or(t.ServerName, host), t.CACert))
	}
	if t.Cert != "" || t.Key != "" {
		if t.Cert == "" || t.Key == "" {
			return nil, errors.New("--tlscert and --tlskey go together")
		}
		if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
			return nil, fmt.Errorf("--tlscert, --tlskey: %w", err)
		}
		opts = append(opts, client.WithCredentials(t.Cert, t.Key))
	}
	return opts, nil
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

// alive reports whether an engine still answers.
func (e *Engine) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := e.client.ListWorkers(ctx)
	return err
}
