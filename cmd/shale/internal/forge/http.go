package forge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	tries   = 4                // after the first, for faults
	longest = 10 * time.Minute // that a rate limit is waited for
)

// httpClient sends requests again where a forge asks for patience, and after faults
// where sending twice does no harm.
func httpClient() *http.Client {
	return &http.Client{Transport: transport{again: retrying(true), once: retrying(false)}, CheckRedirect: sameHost}
}

// transport parts requests that may be sent twice from those that may not: after a
// torn connection nobody knows whether a comment was posted.
type transport struct{ again, once http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	by := t.again
	if r.Method == http.MethodPost {
		by = t.once
	}
	resp, err := by.RoundTrip(r)
	if err != nil && resp != nil { // after a redirect that was not followed
		resp.Body.Close()
		resp = nil
	}
	return resp, err
}

func retrying(faults bool) http.RoundTripper {
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax = tries
	c.HTTPClient.Timeout = 2 * time.Minute
	c.HTTPClient.CheckRedirect = sameHost
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	c.Backoff = patience
	c.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			return faults && !hopeless(err), nil
		case limited(resp):
			return patience(time.Second, longest, 0, resp) <= longest, nil
		}
		return faults && resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented, nil
	}
	return &retryablehttp.RoundTripper{Client: c}
}

// hopeless reports whether a fault is there to stay: nobody listens, the host does not
// exist, or it is another.
func hopeless(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return errors.Is(err, errElsewhere) || errors.Is(err, syscall.ECONNREFUSED) || ok && dns.IsNotFound
}

var errElsewhere = errors.New("the forge leads to another host; nothing was sent there")

// sameHost keeps a token from following a redirect to somebody else.
func sameHost(r *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("the forge redirects in a circle")
	}
	if r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
		return errElsewhere
	}
	return nil
}

// limited reports whether an answer says that there were too many requests. GitHub
// says so with 403 too, and of its secondary limits sometimes in the text alone.
func limited(resp *http.Response) bool {
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return true
	case resp.StatusCode != http.StatusForbidden:
		return false
	case resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-RateLimit-Remaining") == "0":
		return true
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return err == nil && strings.Contains(string(text), "secondary rate limit")
}

// patience is how long to wait before a request is sent again: what the forge asks
// for, a minute where GitHub's limit names no time, as its manual says, and else from
// a second on twice as long each time.
func patience(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if s := resp.Header.Get("Retry-After"); s != "" {
			if n, err := strconv.Atoi(s); err == nil && n >= 0 {
				return time.Duration(n) * time.Second
			}
			if at, err := http.ParseTime(s); err == nil {
				return max(0, time.Until(at))
			}
		}
		if resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusTooManyRequests {
			for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
				if n, err := strconv.ParseInt(resp.Header.Get(name), 10, 64); err == nil {
					return max(0, time.Until(time.Unix(n, 0))) + time.Second
				}
			}
			return time.Minute << attempt
		}
	}
	wait := firstWait << attempt
	return wait + time.Duration(rand.Int64N(int64(wait/4)+1)) //nolint:gosec // only spreads requests
}

// firstWait is what is waited after a first fault; tests have less time.
var firstWait = time.Second
