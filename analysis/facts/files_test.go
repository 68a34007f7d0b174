package facts_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/facts"
)

// place writes a place as the tests below do: "/tmp" for the path alone, "/tmp/…"
// for all below it, "?" behind one that is not sure.
func place(p facts.Place) string {
	s := p.Path
	if p.All {
		s += "/…"
	}
	if p.Pattern != "" {
		s = strings.TrimSuffix(s, "…") + p.Pattern
	}
	if !p.Sure {
		s += "?"
	}
	return s
}

func TestFiles(t *testing.T) {
	for _, c := range []struct{ before, run, want string }{
		{"", "curl -fsSL -o /tmp/a.tgz https://example.com/a.tgz", "makes /tmp/a.tgz"},
		{"", "curl -fsSLo/tmp/a.tgz https://example.com/a.tgz", "makes /tmp/a.tgz"},
		{"", "curl --output /tmp/a https://example.com/a", "makes /tmp/a"},
		{"", "curl --output=/tmp/a https://example.com/a", "unknown"},
		{"", "curl https://example.com/a > /tmp/a", "makes /tmp/a"},
		{"", "curl https://example.com/a", ""},
		{"", "curl -K list", "unknown"},
		{"", "curl -sSLD /tmp/h -c - --stderr=x --trace /tmp/t -o /tmp/a https://example.com/a", "unknown"},
		{"", "curl -sSLD /tmp/h -c - --trace /tmp/t -o /tmp/a https://example.com/a", "makes /tmp/a, changes /tmp/h? /tmp/t?"},
		{"", "wget -o /tmp/log -O /tmp/a https://example.com/a", "makes /tmp/a, changes /tmp/log?"},
		{"", "wget -qO /tmp/a https://example.com/a", "makes /tmp/a"},
		{"", "wget -O - https://example.com/a", ""},
		{"", "wget https://example.com/dl/a.tgz", "makes ${.}/a.tgz"}, // in the base's WORKDIR
		{"", "cd sub && wget https://example.com/dl/a.tgz", "makes ${.}/sub/a.tgz"},
		{"", "rm ../a", "unknown"},
		{"", "rm -rf .", "removes ${.}/…"},
		{"WORKDIR /srv\n", "wget https://example.com/dl/a.tgz", "makes /srv/a.tgz"},
		{"WORKDIR /srv\n", "wget -P /opt https://example.com/dl/a.tgz", "makes /opt/a.tgz"},
		{"WORKDIR /srv\n", "wget 'https://example.com/dl?file=a'", "unknown"},
		{"WORKDIR /srv\n", "wget -i urls", "unknown"},
		{"WORKDIR /srv\nENV V=1.2\n", "wget https://example.com/a-$V.tgz", "makes /srv/a-1.2.tgz"},
		{"WORKDIR /srv\nARG V=1.2\n", "wget https://example.com/a-${V}.tgz", "makes /srv/a-${V}.tgz"},
		{"WORKDIR /srv\n", "V=3; wget https://example.com/a-$V.tgz", "unknown"},
		{"WORKDIR /srv\n", "for V in 1 2; do wget https://example.com/a-$V.tgz; done", "unknown"},
		{"WORKDIR /srv\n", "wget https://example.com/$(uname -m)/a", "makes /srv/a"},
		{"", "cd /opt && wget https://example.com/a", "makes /opt/a"},
		{"", "cd /opt; wget https://example.com/a", "makes /opt/a"},
		{"", "cd /nowhere; wget https://example.com/a", "unknown"},
		{"", "set -e; cd /nowhere; wget https://example.com/a", "makes /nowhere/a"},
		{"", "cd /nowhere && true; wget https://example.com/a", "unknown"},
		{"", "set -e; true && cd /nowhere; wget https://example.com/a", "unknown"},
		{"", "set -e; (cd /nowhere; wget https://example.com/a) && true", "unknown"},
		{"", "{ cd /nowhere; wget https://example.com/a; } && true", "unknown"},
		{"", "set -e; true && { cd /nowhere; wget https://example.com/a; }", "makes /nowhere/a"},
		{"", "mkdir /nowhere && cd /nowhere && wget https://example.com/a", "makes /nowhere/a"},
		{"WORKDIR /srv\n", "(cd /opt && true) && wget https://example.com/a", "makes /srv/a"},
		{"WORKDIR /srv\n", "cd sub && wget https://example.com/a", "makes /srv/sub/a"},
		{"WORKDIR /srv\n", "if true; then cd /opt; fi; wget https://example.com/a", "unknown"},
		{"WORKDIR /srv\n", "cd /opt || true; wget https://example.com/a", "unknown"},
		{"WORKDIR /srv\n", "cd /opt && cd - && wget https://example.com/a", "unknown"},
		{"", "git clone --depth 1 -b main https://example.com/x/app.git /srv/app", "makes /srv/app/…"},
		{"WORKDIR /usr/src\n", "git clone https://example.com/x/app.git", "makes /usr/src/app/…"},
		{"", "git pull", "unknown"},
		{"", "tar -xzf /tmp/a.tgz -C /opt", "makes /opt/…?, reads /tmp/a.tgz"},
		{"", "tar xzf /tmp/a.tgz -C /opt", "makes /opt/…?, reads /tmp/a.tgz"},
		{"", "tar --extract --file /tmp/a.tgz --directory /opt", "makes /opt/…?, reads /tmp/a.tgz"},
		{"WORKDIR /srv\n", "tar -xf a.tar", "makes /srv/…?, reads /srv/a.tar"},
		{"", "tar -czf /tmp/a.tgz /srv", "makes /tmp/a.tgz, reads /srv/…"},
		{"", "tar -tf /tmp/a.tgz", "unknown"},
		{"", "unzip -q /tmp/a.zip -d /opt", "makes /opt/…?, reads /tmp/a.zip"},
		{"", "chmod +x /usr/local/bin/a /usr/local/bin/b", "changes /usr/local/bin/a /usr/local/bin/b"},
		{"", "chmod -x /usr/local/bin/a", "changes /usr/local/bin/a"},
		{"", "chmod -R 755 /srv", "changes /srv/…"},
		{"", "chown -R app:app /srv", "changes /srv/…"},
		{"", "chown app /srv/*.conf", "changes /srv/*.conf?"},
		{"", "mv /tmp/a /usr/local/bin/a", "makes /usr/local/bin/a/…, removes /tmp/a/…"},
		{"", "mv /tmp/a /tmp/b /opt", "makes /opt/a/… /opt/b/…, removes /tmp/a/… /tmp/b/…"},
		{"", "cp -r /tmp/a /opt/", "makes /opt/a/…, reads /tmp/a/…"},
		{"", "cp -t /opt /tmp/a", "makes /opt/…, reads /tmp/a/…"},
		{"", "ln -s /opt/a /usr/local/bin/a", "makes /usr/local/bin/a/…"},
		{"", "ln /opt/a /usr/local/bin/a", "makes /usr/local/bin/a/…, reads /opt/a/…"},
		{"", "rm -rf /tmp/a /tmp/*.tgz", "removes /tmp/a/… /tmp/*.tgz?"},
		{"", "rm /tmp/a", "removes /tmp/a"},
		{"", "rm -rf $DIR", "removes ${DIR}/…?"},
		{"", "rm -rf $HOME/.cache", "unknown"},
		{"", "rm -rf ~/.cache", "unknown"},
		{"", "rm -rf /tmp/{a,b}", "unknown"},
		{"", "sed -i s/a/b/ /etc/x.conf", "changes /etc/x.conf"},
		{"", "sed s/a/b/ /etc/x.conf", "reads /etc/x.conf"},
		{"", "sort /etc/x.conf", "reads /etc/x.conf"},
		{"", "sort -o /etc/x.conf /etc/y.conf", "unknown"},
		{"", "sed s/a/b/w/etc/passwd /etc/x.conf", "unknown"},
		{"", "echo hi >> /etc/motd", "changes /etc/motd"},
		{"", "echo hi > /dev/null 2>&1", ""},
		{"", "sort < /etc/passwd", "reads /etc/passwd"},
		{"", "apt-get install -y curl", "changes /var/lib/apt/lists/…? /var/cache/apt/…?"},
		{"", "make install", "unknown"},
		{"", "/opt/setup", "unknown"},
		{"", "sh -c 'rm /tmp/a'", "unknown"},
		{"", "f() { rm /tmp/a; }; true", "unknown"},
		{"", "$CMD /tmp/a", "unknown"},
	} {
		f := file(t, "FROM debian:12\n"+c.before+"RUN "+c.run+"\n")
		r := lastRun(t, f)
		var makes, changes, removes, reads []string
		unknown := false
		for _, cmd := range r.Commands {
			fs := r.Files(cmd)
			unknown = unknown || fs.Unknown
			for _, to := range []struct {
				list *[]string
				from []facts.Place
			}{{&makes, fs.Makes}, {&changes, fs.Changes}, {&removes, fs.Removes}, {&reads, fs.Reads}} {
				for _, p := range to.from {
					*to.list = append(*to.list, place(p))
				}
			}
		}
		var parts []string
		if unknown {
			parts = append(parts, "unknown")
		} else {
			for _, g := range []struct {
				name string
				list []string
			}{{"makes", makes}, {"changes", changes}, {"removes", removes}, {"reads", reads}} {
				if len(g.list) > 0 {
					parts = append(parts, g.name+" "+strings.Join(g.list, " "))
				}
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(parts, ", ")); diff != "" {
			t.Errorf("%s%s\n%s", c.before, c.run, diff)
		}
	}
}

func TestPlaces(t *testing.T) {
	at := func(s string) facts.Place {
		if i := strings.IndexByte(s, '*'); i >= 0 {
			dir, pattern := s[:strings.LastIndexByte(s[:i], '/')], s[strings.LastIndexByte(s[:i], '/')+1:]
			if strings.Contains(pattern, "/") {
				pattern = "[]"
			}
			return facts.Place{Path: dir, All: true, Pattern: pattern}
		}
		path, all := strings.CutSuffix(s, "/…")
		return facts.Place{Path: path, All: all, Sure: true}
	}
	for _, c := range []struct {
		a, b          string
		covers, meets bool
	}{
		{"/tmp/a", "/tmp/a", true, true},
		{"/tmp/…", "/tmp/a", true, true},
		{"/tmp/a", "/tmp/…", false, true},
		{"/tmp/…", "/tmp/a/…", true, true},
		{"/tmp/a", "/tmp/a/…", false, true},
		{"/tmp/a", "/tmp/ab", false, false},
		{"/tmp/…", "/tmpfile", false, false},
		{"/tmp/*.tgz", "/tmp/a.tgz", true, true},
		{"/tmp/*.tgz", "/tmp/a.zip", false, true},
		{"/tmp/*", "/tmp/a/b/…", true, true},
		{"/tmp/*", "/tmp/.a", false, true},
		{"/tmp/*/x", "/tmp/a/x", false, true},
		{"/tmp/${V}", "/tmp/${V}", true, true},
		{"/tmp/${V}", "/srv/a", false, true}, // V may lead anywhere
	} {
		if got := at(c.a).Covers(at(c.b)); got != c.covers {
			t.Errorf("%s covers %s: %t", c.a, c.b, got)
		}
		if got := at(c.a).Meets(at(c.b)); got != c.meets {
			t.Errorf("%s meets %s: %t", c.a, c.b, got)
		}
	}
}

func TestLeaves(t *testing.T) {
	for run, want := range map[string]string{
		"curl -o /tmp/a https://example.com/a":                                        "[/tmp/a]",
		"curl -o /tmp/a https://example.com/a && rm /tmp/a":                           "[]",
		"curl -o /tmp/a https://example.com/a && rm -rf /tmp/*":                       "[]",
		"curl -o /tmp/a https://example.com/a && ./install /tmp/a":                    "[]", // which may remove it
		"curl -o /tmp/a https://example.com/a && mv /tmp/a /opt/a":                    "[]", // a single file of unknown size
		"curl -o /tmp/a.sh https://example.com/a":                                     "[]",
		"if true; then curl -o /tmp/a https://example.com/a; fi":                      "[]",
		"git clone https://example.com/a /srv/a && cp -a /srv/a /srv/b":               "[/srv/a/… /srv/b/…]",
		"curl -o /tmp/a https://example.com/a && tar -xf /tmp/a -C /opt && rm /tmp/a": "[/opt/…?]",
	} {
		var got []string
		for _, m := range lastRun(t, file(t, "FROM debian:12\nRUN "+run+"\n")).Leaves() {
			got = append(got, place(m.Place))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s leaves %v, want %s", run, got, want)
		}
	}
}
