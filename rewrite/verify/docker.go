package verify

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/moby/buildkit/client"
)

// dockerOptions reach the BuildKit inside a Docker engine: its socket turns into
// BuildKit's own connection at /grpc, and into that of a session at /session.
func dockerOptions(socket string) []client.ClientOpt {
	return []client.ClientOpt{
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return upgrade(ctx, socket, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return upgrade(ctx, socket, "/session", proto, meta)
		}),
	}
}

// upgrade asks an HTTP server on a Unix socket to speak another protocol on the
// connection.
func upgrade(ctx context.Context, socket, path, proto string, meta map[string][]string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker"+path, nil)
	if err != nil {
		conn.Close()
		return nil, err
	}
	for name, values := range meta {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", proto)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	in := bufio.NewReader(conn)
	err = request.Write(conn)
	var response *http.Response
	if err == nil {
		response, err = http.ReadResponse(in, request)
	}
	if !stop() {
		return nil, ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		response.Body.Close()
		conn.Close()
		return nil, fmt.Errorf("the engine at %s does not offer %s: %s", socket, strings.TrimPrefix(path, "/"), response.Status)
	}
	return &buffered{conn, in}, nil
}

// buffered is a connection of which some bytes are read already.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }
