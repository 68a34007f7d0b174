//go:build linux

package matrix

import (
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

// The names under which builds know the archives that the mirror fetches from.
const (
	debianHost   = "debian.shale.test"
	securityHost = "debian-security.shale.test"
	npmHost      = "npm.shale.test"
	goHost       = "go.shale.test"
)

// upstreams tells by these names where the machine itself fetches from: another
// than the public archives where it is configured so.
func upstreams(t testing.TB) map[string]*url.URL {
	t.Helper()
	found := map[string]*url.URL{}
	releases := map[string]string{}
	for line := range strings.Lines(output(t, "apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Identifier: Packages")) {
		release, uri, _ := strings.Cut(strings.TrimSpace(line), " ")
		releases[release] = uri
	}
	for release, uri := range releases {
		if main, ok := releases[strings.TrimSuffix(release, "-security")]; ok && strings.HasSuffix(release, "-security") {
			found[debianHost], found[securityHost] = webAddress(main), webAddress(uri)
		}
	}
	for proxy := range strings.FieldsFuncSeq(output(t, "go", "env", "GOPROXY"), func(r rune) bool { return r == ',' || r == '|' }) {
		if u := webAddress(proxy); u != nil && found[goHost] == nil {
			found[goHost] = u
		}
	}
	found[npmHost] = webAddress(output(t, "npm", "config", "get", "registry"))
	for host, from := range map[string]string{
		debianHost: "apt-get indextargets", securityHost: "apt-get indextargets", goHost: "go env GOPROXY", npmHost: "npm config get registry",
	} {
		if found[host] == nil {
			t.Fatalf("`%s` names nothing that %s could stand for", from, host)
		}
	}
	return found
}

// webAddress reads an address, nil if it is none that the mirror can ask.
func webAddress(text string) *url.URL {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u
}

func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return strings.TrimSpace(string(out))
}
