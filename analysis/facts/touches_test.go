package facts_test

import (
	"testing"

	"github.com/shale-build/shale/analysis/facts"
)

func TestTouches(t *testing.T) {
	for run, want := range map[string]bool{
		"ls /srv":                              false,
		"ls":                                   true, // in the base's folder, which may be /
		"cat /tmp/a":                           true,
		"cat /tmp/a/b":                         true,
		"rmdir /tmp":                           true,
		"cd /tmp && true":                      true,
		"cd /srv && mkdir b":                   false,
		"cd /srv && ls":                        true, // cd is no command that must succeed
		`cd "$X" && mkdir b`:                   true,
		"echo /srv/*":                          false,
		"echo /tmp/*":                          true,
		"echo 'see /tmp/a'":                    true,
		"echo b":                               false,
		`echo "$X"`:                            true, // the base's folder is / where nobody says otherwise
		"mkdir /tmp/a/b":                       true,
		"export A=/srv/a":                      false,
		"export A=/tmp/a":                      true,
		"A=/srv:/tmp/a true":                   true,
		"curl -fsSL -o /srv/b https://a.b":     false,
		"curl -fsSL -o /srv/b \"$URL\"":        true,
		"{ date; } > /srv/b":                   false,
		"{ date; } > /tmp/a":                   true,
		"( cat ) < /tmp/a":                     true,
		"date | cat > /tmp/a":                  true,
		"if true; then date; fi >> /tmp/a":     true,
		"while read l; do date; done < /tmp/a": true,
		"for f in /srv/*; do date; done":       false,
		"for f in /tmp/*; do date; done":       true,
		"case /tmp/* in a) date;; esac":        true,
		"case a in b) cat /tmp/a;; esac":       true,
		"date $(cat /tmp/a)":                   true,
		"mkdir /srv/b &":                       true,
		"alias mkdir=true":                     true,
		"exec mkdir /srv/b":                    true,
		"tar -cf /srv/b.tar -C /srv -T /srv/l": true,
		"sha256sum -c /srv/sums":               true,
		`echo "0 /srv/b" | sha256sum -c -`:     false,
		`echo "0 /tmp/a" | sha256sum -c -`:     true,
		"./b":                                  true,
	} {
		r := lastRun(t, file(t, "FROM debian:12\nRUN "+run+"\n"))
		if got := r.Touches(facts.Place{Path: "/tmp/a", All: true}); got != want {
			t.Errorf("%s: %t", run, got)
		}
	}
	for flag, want := range map[string]bool{
		"--mount=type=bind,target=/srv":              false,
		"--mount=type=bind,target=/tmp":              true,
		"--mount=type=cache,target=/tmp/a/b":         true,
		"--mount=type=cache,target=$DIR":             true,
		"--mount=type=tmpfs,target=tmp":              true,
		"--mount=type=secret,id=key":                 false,
		"--mount=type=secret,id=key,target=/tmp/a/k": true,
	} {
		r := lastRun(t, file(t, "FROM debian:12\nRUN "+flag+" mkdir /srv/b\n"))
		if got := r.Touches(facts.Place{Path: "/tmp/a", All: true}); got != want {
			t.Errorf("%s: %t", flag, got)
		}
	}
}

func TestTouchesBefore(t *testing.T) {
	for run, want := range map[string]bool{
		"mkdir /srv/b && rm -rf /tmp/a":                 false,
		"cat /tmp/a/b && rm -rf /tmp/a":                 true,
		"rm -rf /tmp/a && cat /tmp/a/b":                 false,
		"echo /tmp/* > /srv/b && rm -rf /tmp/a":         true,
		"{ date; } > /tmp/a/b && rm -rf /tmp/a":         true,
		"mkdir /srv/b && rm -rf /tmp/a && ls /tmp":      false,
		"for f in /tmp/a; do date; done; rm -rf /tmp/a": true,
	} {
		r := lastRun(t, file(t, "FROM debian:12\nRUN "+run+"\n"))
		for _, c := range r.Commands {
			if c.Name != "rm" {
				continue
			}
			if got := r.TouchesBefore(c, facts.Place{Path: "/tmp/a", All: true}); got != want {
				t.Errorf("%s: %t", run, got)
			}
		}
	}
}
