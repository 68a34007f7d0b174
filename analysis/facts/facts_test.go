package facts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

func file(t *testing.T, text string) *facts.File {
	t.Helper()
	doc := syntax.Parse(text)
	if len(doc.Problems) > 0 {
		t.Fatalf("%s\n%v", text, doc.Problems)
	}
	return facts.New("", doc, facts.Options{})
}

// lastRun returns the facts of the last RUN of the last stage.
func lastRun(t *testing.T, f *facts.File) *facts.Run {
	t.Helper()
	stages := f.Stages().Stages
	runs := f.Runs(stages[len(stages)-1])
	return runs[len(runs)-1]
}

func TestEffectOf(t *testing.T) {
	const all = facts.Settled | facts.InPlace | facts.Links | facts.Renames | facts.Times | facts.Users | facts.Installs
	for line, want := range map[string]facts.Effect{
		"mkdir -p /srv":                 facts.Settled,
		"cp a b":                        facts.Settled | facts.InPlace,
		"cp -al a b":                    facts.Settled | facts.InPlace | facts.Links,
		"cp -u a b":                     facts.Settled | facts.InPlace | facts.Times,
		"ln a b":                        facts.Settled | facts.Links,
		"ln -sf a b":                    facts.Settled,
		"mv a b":                        facts.Settled | facts.InPlace,
		"sed s/a/b/ f":                  facts.Settled,
		"sed -i s/a/b/ f":               facts.Settled | facts.InPlace,
		"sed --in-place=.bak s/a/b/ f":  facts.Settled | facts.InPlace,
		"tar -xzf a.tgz":                facts.Settled | facts.Links,
		"tar uf a.tar b":                facts.Settled | facts.Links | facts.Times,
		"tar xf a --to-command=sh":      facts.Links,
		"test a -nt b":                  facts.Settled | facts.Times,
		"wget -N https://example.com/a": facts.Settled | facts.Times,
		"wget -m https://example.com/a": facts.Settled | facts.Times,
		"wget -c https://example.com/a": facts.InPlace,
		"wget -nc https://example.com":  facts.InPlace,
		"wget --no-clobber https://x.y": 0,
		"tar xf a --keep-newer-files":   facts.Settled | facts.Links | facts.Times,
		"test -N a":                     facts.Settled | facts.Times,
		"test a -ef b":                  0,
		"curl -z f https://example.com": facts.Settled | facts.Times,
		"tee -a f":                      facts.Settled | facts.InPlace,
		"tail -f log":                   0,
		"sort -u f":                     facts.Settled,
		"sort -uo f f":                  0,
		"sort --output=f f":             0,
		"uniq -c f":                     facts.Settled,
		"uniq f g":                      0,
		"xxd -r f g":                    0,
		"yq .a f":                       facts.Settled,
		"yq -i .a=1 f":                  0,
		"awk '{print}' f":               0,
		"awk '{system(\"x\")}' f":       0,
		"useradd app":                   facts.Settled | facts.InPlace | facts.Users,
		"apt-get update":                facts.Settled | facts.Links | facts.Users | facts.Installs,
		"chmod +x f":                    facts.Settled | facts.InPlace,
		"make install":                  0,
		"./configure":                   0,
		"install-tools":                 0,
	} {
		p := shell.Parse(source.Join(line, source.Span{End: len(line)}), shell.POSIX)
		inv, ok := p.Root.Children[0].Invocation()
		if !ok {
			t.Fatal(line)
		}
		if got := facts.EffectOf(inv.Name, inv.Args) & all; got != want {
			t.Errorf("%s: %b, want %b", line, got, want)
		}
	}
	for line, tool := range map[string]bool{
		"npm ci": false, "npm ci --ignore-scripts": true, "npm install -g serve": true, "npm run build": false, "pip install x": true, "python3 app.py": false, "python3 --version": true,
		"python3 -m venv /v": true, "go mod download": true, "go generate ./...": false, "git clone u": true, "git submodule update": false,
		"bash x.sh": false, "yarn": false, "node -e 1": false, "apt-cache policy": false,
	} {
		p := shell.Parse(source.Join(line, source.Span{End: len(line)}), shell.POSIX)
		inv, _ := p.Root.Children[0].Invocation()
		if got := facts.EffectOf(inv.Name, inv.Args).Has(facts.Tool); got != tool {
			t.Errorf("%s: Tool is %v", line, got)
		}
	}
}

func TestLeftovers(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"FROM debian:12\nRUN apt-get update && apt-get install -y curl\n", "/var/lib/apt/lists"},
		{"FROM debian:12\nRUN apt-get install -y curl\n", ""},
		{"FROM debian:12\nRUN apt-get update && apt-get clean\n", "/var/lib/apt/lists"},
		{"FROM debian:12\nRUN apt-get update && rm -rf /var/lib/apt/lists/*\n", ""},
		{"FROM debian:12\nRUN apt-get update && rm -rf /var/lib/apt\n", ""},
		{"FROM debian:12\nRUN apt-get update && rm -rf /var/lib/{apt,dpkg}\n", ""},
		{"FROM debian:12\nRUN apt-get update && rm -rf $LISTS\n", ""},
		{"FROM debian:12\nRUN apt-get update && rm -rf /tmp/* /var/tmp/*\n", "/var/lib/apt/lists"},
		{"FROM debian:12\nRUN rm -rf /var/lib/apt/lists/* && apt-get update\n", "/var/lib/apt/lists"},
		{"FROM debian:12\nRUN apt-get update && ./clean.sh\n", ""},
		{"FROM debian:12\nRUN apt-get update && docker-clean\n", ""},
		{"FROM debian:12\nRUN apt-get update || true\n", "/var/lib/apt/lists"},
		{"FROM debian:12\nRUN test -f x || apt-get update\n", ""},
		{"FROM debian:12\nRUN if true; then apt-get update; fi\n", ""},
		{"FROM debian:12\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\n", ""},
		{"FROM debian:12\nRUN --mount=type=cache,target=/var/cache/apt apt-get update\n", "/var/lib/apt/lists"},
		{"FROM debian:12\nRUN --mount=type=secret,id=x apt-get update\n", "/var/lib/apt/lists"},
		{"FROM alpine:3.20\nRUN apk add curl\n", "/var/cache/apk"},
		{"FROM alpine:3.20\nRUN apk add --no-cache curl\n", ""},
		{"FROM alpine:3.20\nRUN apk -U --no-cache add curl\n", ""},
		{"FROM python:3.12\nRUN pip install flask\n", "~/.cache/pip"},
		{"FROM python:3.12\nRUN PIP_NO_CACHE_DIR=1 pip install flask\n", ""},
		{"FROM python:3.12\nENV PIP_NO_CACHE_DIR=off\nRUN pip install flask\n", ""},
		{"FROM python:3.12\nARG XDG_CACHE_HOME=/tmp\nRUN pip install flask\n", ""},
		{"FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache pip install flask\n", ""},
		{"FROM python:3.12\nRUN pip install flask && rm -rf ~/.cache\n", ""},
		{"FROM python:3.12\nRUN pip install flask && rm -rf $HOME/.cache/pip\n", ""},
		{"FROM corp.example.com/python:3.12\nRUN pip install flask\n", ""},
		{"FROM debian:12\nRUN apt-get update --print-uris\n", ""},
		{"FROM debian:12\nENV APT_CONFIG=/a\nRUN apt-get update\n", ""},
		{"FROM alpine:3.20\nRUN --mount=type=cache,target=/etc/apk/cache apk add curl\n", ""},
		{"FROM alpine:3.20\nRUN ln -s /var/cache/apk /etc/apk/cache\nRUN apk add curl\n", ""},
		{"FROM python:3.12\nRUN pip install --no-cache flask\n", ""},
		{"FROM python:3.12\nRUN pip install --cache-dir /c flask\n", ""},
		{"FROM python:3.12\nRUN export PIP_NO_CACHE_DIR=1 && pip install flask\n", ""},
		{"FROM python:3.12\nRUN pip config set global.cache-dir /w\nRUN pip install flask\n", ""},
		{"FROM node:20\nRUN npm config set cache /c\nRUN npm ci\n", ""},
		{"FROM node:20\nRUN npm ci --dry-run\n", ""},
		{"FROM node:20\nRUN npm ci\n", "~/.npm"},
		{"FROM node:20\nRUN npm ci && npm cache clean --force\n", ""},
		{"FROM node:20\nRUN npm ci --cache /tmp/c && rm -rf /root/.npm\n", ""},
		{"FROM node:20\nENV npm_config_cache=/tmp\nRUN npm ci\n", ""},
	} {
		f := file(t, c.text)
		var dirs []string
		for _, l := range f.Leftovers(lastRun(t, f)) {
			dirs = append(dirs, l.Cache.Dir)
		}
		if got := strings.Join(dirs, " "); got != c.want {
			t.Errorf("%q leaves %q, want %q", c.text, got, c.want)
		}
	}
}

func TestLaterUse(t *testing.T) {
	const first = "RUN apt-get update && apt-get install -y curl\n"
	for _, c := range []struct{ after, why string }{
		{"", ""},
		{"RUN useradd app && mkdir /srv\nUSER app\nWORKDIR /srv\nCOPY . .\nCMD [\"python\", \"app.py\"]\n", ""},
		{"RUN apt-get install -y git\n", "line 3 installs from it"},
		{"RUN apt-get update && apt-get install -y git\nRUN apt-get install -y jq\n", ""},
		{"RUN if x; then apt-get update; fi\nRUN apt-get install -y jq\n", "line 3 runs x, which may need it"},
		{"RUN apt-get remove -y curl\n", ""},
		{"RUN make\n", "line 3 runs make, which may need it"},
		{"RUN install-php-extensions gd\n", "line 3 runs install-php-extensions, which may need it"},
		{"RUN $CMD\n", "line 3 runs a command that is not known, which may need it"},
		{"RUN [\"apt-get\", \"install\", \"-y\", \"git\"]\n", "line 3 installs from it"},
		{"RUN [\"./setup\"]\n", "line 3 may need it: it is in exec form"},
		{"RUN --network=none pip install x\n", "line 3 runs without the usual network and may need it"},
		{"FROM scratch\nCOPY --from=0 /var /var\n", "line 4 may copy it from this stage"},
		{"FROM scratch\nCOPY --from=0 /usr/bin/curl /curl\n", ""},
		{"FROM alpine\nRUN --mount=type=bind,from=0,target=/old true\n", "line 4 may copy it from this stage"},
		{"ENTRYPOINT [\"/run.sh\"]\n", "line 3 starts /run.sh, which could not be read and may install packages"},
		{"ENTRYPOINT [\"tini\", \"--\", \"/run.sh\"]\n", "line 3 starts /run.sh, which could not be read and may install packages"},
		{"CMD bash start.sh\n", "line 3 starts start.sh, which could not be read and may install packages"},
		{"CMD apt-get update && exec x\n", "line 3 installs packages when a container starts"},
		{"CMD [\"sh\", \"-c\", \"exec java -jar app.jar\"]\n", ""},
		{"CMD [\"/bin/bash\"]\n", ""},
		{"CMD [\"nginx\", \"-g\", \"daemon off;\"]\n", ""},
		{"FROM other AS x\n", ""},
		{"ARG B\nFROM ${B}\nRUN apt-get install -y git\n", "line 5 installs from it"},
		{"RUN rm -r /var/lib/apt/lists/*\n", "line 3 names its folder"},
		{"RUN rm -rf /var/lib/apt/lists/*\n", ""},
		{"RUN cp /var/lib/apt/lists/*_Packages /opt/\n", "line 3 names its folder"},
		{"RUN cat < /var/lib/apt/lists/lock\n", "line 3 names its folder"},
		{"WORKDIR /var/lib/apt\nRUN ls lists\n", "line 4 runs in /var/lib/apt, where it lies"},
		{"RUN apt-get update --print-uris\nRUN apt-get install -y git\n", "line 4 installs from it"},
		{"RUN apt-get update; apt-get install -y git\n", "line 3 installs from it if its own update fails"},
		{"RUN npm ci\n", "line 3 runs npm, which may need it"},
		{"RUN trap 'apt-get install -y git' EXIT; true\n", "line 3 runs trap, which may need it"},
		{"RUN apt-get source curl\n", "line 3 runs apt-get source, which may read it"},
	} {
		f := file(t, "FROM debian:12\n"+first+c.after)
		r := f.Runs(f.Stages().Stages[0])[0]
		left := f.Leftovers(r)
		if len(left) != 1 {
			t.Fatal(left)
		}
		if got := f.LaterUse(r, left[0].Cache).Why; got != c.why {
			t.Errorf("after %q: %q, want %q", c.after, got, c.why)
		}
	}
}

func TestDeletes(t *testing.T) {
	for line, want := range map[string]bool{
		"rm /tmp/a.tgz": true, "rm -rf /tmp": true, "rm -rf /tmp/*": true, "rm -f /tmp/a": false, "rm -rf /": false,
		"rm -rf $DIR": false, "true || rm /tmp/a.tgz": false, "rm -rf /tmp/{a.tgz,b}": false, "echo rm /tmp/a.tgz": false,
	} {
		f := file(t, "FROM debian:12\nRUN "+line+"\n")
		got := false
		for _, c := range lastRun(t, f).Commands {
			got = got || facts.Deletes(c, "/tmp/a.tgz")
		}
		if got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

func TestBase(t *testing.T) {
	for from, want := range map[string]*facts.Base{
		"python:3.12-slim":                  {Name: "python", Version: "3.12", Tag: "3.12-slim", Certain: true, Named: true},
		"docker.io/library/python":          {Name: "python", Certain: true, Named: true},
		"python:3.9.1-alpine@sha256:" + hex: {Name: "python", Version: "3.9.1", Tag: "3.9.1-alpine", Digest: true, Certain: true, Named: true},
		"example.com/python:3.12":           nil,
		"bitnami/python:3.12":               nil,
	} {
		f := file(t, "FROM "+from+"\nRUN true\n")
		if diff := cmp.Diff(want, f.Base(f.Stages().Stages[0])); diff != "" {
			t.Errorf("%s: %s", from, diff)
		}
	}
	for text, named := range map[string]bool{
		"ARG V=3.12\nFROM python:$V\nRUN true\n":              true,
		"ARG V=3.12\nFROM python:$V AS a\nFROM a\nRUN true\n": true,
		"ARG B=python:3.12\nFROM $B\nRUN true\n":              false,
		"ARG B=python:3.12\nFROM $B AS a\nFROM a\nRUN true\n": false,
		"ARG B=python\nFROM $B:3.12\nRUN true\n":              false,
		"ARG B=python\nFROM $B\nRUN true\n":                   false,
	} {
		f := file(t, text)
		if b := f.Base(f.Stages().Stages[len(f.Stages().Stages)-1]); b == nil || b.Certain || b.Named != named {
			t.Errorf("%q: a build argument may change it: %+v", text, b)
		}
	}
	b := facts.Base{Version: "3.10"}
	if !b.AtLeast(3, 8) || b.AtLeast(3, 11) || !b.AtLeast(2, 9) || (&facts.Base{Version: "3"}).AtLeast(3, 8) || (&facts.Base{}).AtLeast(1, 0) {
		t.Error("AtLeast")
	}
}

const hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// A source is a file or a folder as the context has it, whatever its name.
func TestContextDir(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{".git/HEAD", "package.json", "yarn.lock", "web/package.json", "web.d/x"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for copies, want := range map[string]string{
		"COPY . .":                                        "",
		"COPY web ./":                                     "web",
		"COPY web.d /srv":                                 "web.d",
		"COPY package.json ./":                            "",
		"COPY web/package.json .":                         "web",
		"COPY package.json yarn.lock ./":                  "",
		"COPY package.json ./\nCOPY yarn.lock ./":         "",
		"COPY web /srv/\nCOPY package.json ./":            "web",
		"COPY yarn.lock web/package.json ./":              "none",
		"COPY package.json /other/":                       "none",
		"ARG V\nCOPY web ./\nCOPY $V ./":                  "none",
		"COPY --from=x web ./":                            "none",
		"COPY web ./\nARG V\nCOPY package.json /other/$V": "none",
	} {
		text := "FROM node:20\nWORKDIR /srv\n" + copies + "\nRUN yarn install\n"
		f := facts.New(filepath.Join(root, "Dockerfile"), syntax.Parse(text), facts.Options{Context: root})
		dir, ok := f.ContextDir(lastRun(t, f).In)
		if !ok {
			dir = "none"
		}
		if dir != want {
			t.Errorf("%q: %q, want %q", copies, dir, want)
		}
		// Without being told, the Dockerfile's own folder is the context of each.
		if c, why := facts.New(filepath.Join(root, "Dockerfile"), syntax.Parse(text), facts.Options{}).Context(); c == nil && !strings.Contains(text, "$V") && !strings.Contains(text, "COPY web") {
			t.Errorf("%q: %s", copies, why)
		}
	}
}

// The context is the Dockerfile's own folder only if nothing else can be.
func TestContext(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const text = "FROM node:20\nWORKDIR /srv\nCOPY . .\nRUN npm ci\n"
	write(".git/HEAD", "ref: refs/heads/main\n")
	write("app/Dockerfile", text)
	write("app/package.json", "{}")
	at := func() (string, string) {
		f := facts.New(filepath.Join(root, "app/Dockerfile"), syntax.Parse(text), facts.Options{})
		c, why := f.Context()
		if c == nil {
			return "", why
		}
		rel, err := filepath.Rel(root, c.Root())
		if err != nil {
			t.Fatal(err)
		}
		return rel, why
	}
	if got, why := at(); got != "app" {
		t.Errorf("context %q: %s", got, why)
	}
	write("package.json", "{}")
	if got, why := at(); got != "" || !strings.Contains(why, "--context") {
		t.Errorf("with a manifest in both folders: %q, %q", got, why)
	}
}

// What is forgotten is derived anew, and is the same.
func TestForget(t *testing.T) {
	f := facts.New("", syntax.Parse("FROM debian\nENV A=/x\nRUN cd $A && apt-get update\n"), facts.Options{})
	in := f.Doc.Instructions[2]
	first := f.Run(in)
	f.Forget()
	second := f.Run(in)
	if first == second {
		t.Error("the RUN was kept")
	}
	if len(first.Commands) != 2 || len(second.Commands) != 2 || first.Commands[1].Call.Word != second.Commands[1].Call.Word {
		t.Errorf("got %+v, then %+v", first.Commands, second.Commands)
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]bool{
		"apt":                  true,
		"RUN apt update":       true,
		"/usr/bin/apt":         true,
		"pkg=apt;":             true,
		"apt-get update":       false,
		"adapt, adapt-apt_":    false,
		"aptapt":               false,
		"an adapter, then apt": true,
		"":                     false,
	} {
		if got := facts.Names(text, "apt"); got != want {
			t.Errorf("%q names apt: %t", text, got)
		}
	}
}

func TestSettings(t *testing.T) {
	for script, want := range map[string]string{
		"export A=1 && make":                       "A=1",
		"export A=1 B=2; readonly C=3; D=4; E=5 x": "A=1 B=2 C=3 D=4",
		"( declare -x A=/a )":                      "A=/a",
		"export A && export $B":                    "=\x00",
		": ${A:=/a} && make":                       "A=\x00",
		"for A in x y; do make; done":              "A=x A=y",
		"A=$(B=1; export B; c)":                    "A=\x00 B=1",
		"A=1 make && env B=2 make":                 "",
	} {
		var got []string
		for _, a := range lastRun(t, file(t, "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nRUN "+script+"\n")).Settings() {
			got = append(got, a.Name+"="+facts.Shape(a.Value))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %q, want %q", script, text, want)
		}
	}
}
