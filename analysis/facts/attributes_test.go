package facts_test

import (
	"testing"

	"github.com/shale-build/shale/analysis/facts"
)

// A layer holds a file again only if its mode or owner becomes another one.
func TestAlters(t *testing.T) {
	const (
		tool = "RUN curl -fsSL -o /opt/a https://example.com/a\n"
		tree = "RUN git clone https://example.com/a.git /opt/a\n"
		tgz  = "RUN tar -xzf /tmp/a.tgz -C /opt/a\n"
	)
	for _, c := range []struct {
		made, run string
		want      bool
	}{
		{tool, "chmod +x /opt/a", true},
		{tool, "chmod a+x,go-w /opt/a", true},
		{tool, "chmod 0755 /opt/a", true},
		{tool, "chmod 600 /opt/a", true},
		{tool, "chmod 4644 /opt/a", true},
		{tool, "chmod u=rw,go= /opt/a", true},
		{tool, "chmod g=u /opt/a", true},
		{tool, "chmod 644 /opt/a", false},
		{tool, "chmod u=rw,go=r /opt/a", false},
		{tool, "chmod a+r /opt/a", false},
		{tool, "chmod a+rX /opt/a", false},
		{tool, "chmod +w /opt/a", false}, // for the owner alone, as the umask says
		{tool, "chmod go-w /opt/a", false},
		{tool, "chmod o=g /opt/a", false},
		{tool, "chmod $MODE /opt/a", false},
		{tool, "chmod =755 /opt/a", false},
		{tool, "chmod --reference=/opt/b /opt/a", false},
		{tool, "umask 077 && chmod 755 /opt/a", false},
		{"ENV MODE=755\n" + tool, "chmod $MODE /opt/a", true},
		{"RUN umask 111 && curl -o /opt/a https://example.com/a\n", "chmod 755 /opt/a", false},
		{tree, "chmod -R 755 /opt/a", true},
		{tree, "chmod 755 /opt/a/run", false},
		{tree, "chmod 700 /opt/a/run", true},
		{tree, "chmod -R go-w /opt/a", false},
		{tgz, "chmod -R 755 /opt/a", false},
		{tgz, "chmod -R g+w /opt/a", true},

		{tool, "chown app /opt/a", true},
		{tool, "chown 1000:1000 /opt/a", true},
		{tool, "chown root:staff /opt/a", true},
		{tool, "chown :staff /opt/a", true},
		{tool, "chgrp staff /opt/a", true},
		{tool, "chown root /opt/a", false},
		{tool, "chown root:root /opt/a", false},
		{tool, "chown root: /opt/a", false},
		{tool, "chown 0:0 /opt/a", false},
		{tool, "chown :0 /opt/a", false},
		{tool, "chgrp root /opt/a", false},
		{tool, "chown $WHO /opt/a", false},
		{tool, "chown --from=root app /opt/a", false},
		{tgz, "chown -R app:app /opt/a", true},
		{tgz, "chown -R root:root /opt/a", false}, // as the archive says
		{"RUN tar -xzf /tmp/a.tgz -C /opt/a\n", "chown -R 0:0 /opt/a", false},
		{"RUN cp -a /src /opt/a\n", "chown -R root:root /opt/a", false},
		{"USER app\n" + tool, "chown app /opt/a", false},
		{"USER app\n" + tool, "chown other /opt/a", true},
		{"USER app\n" + tgz, "chown -R app:app /opt/a", false},
		{"USER app:web\n" + tool, "chown app:web /opt/a", false},
		{"USER 1000\n" + tool, "chown app /opt/a", false},
		{"USER 1000:1000\n" + tool, "chown 0:0 /opt/a", true},
		{"USER $WHO\n" + tool, "chown root /opt/a", false},
		{"USER app\nRUN sudo curl -o /opt/a https://example.com/a\n", "chown app /opt/a", true},
	} {
		f := file(t, "FROM debian:12\n"+c.made+"RUN "+c.run+"\n")
		runs := f.Runs(f.Stages().Stages[0])
		in, at := runs[0], runs[1]
		by := at.Commands[len(at.Commands)-1]
		made := facts.Made{By: in.Commands[len(in.Commands)-1], In: in}
		made.Place = in.Files(made.By).Makes[0]
		p := made.Place
		if changes := at.Files(by).Changes; len(changes) == 1 {
			p = changes[0]
		}
		if got := f.Alters(made, at, by, p); got != c.want {
			t.Errorf("%sRUN %s: %v, want %v", c.made, c.run, got, c.want)
		}
	}
}
