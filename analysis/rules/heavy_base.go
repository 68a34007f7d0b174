package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// HeavyBase finds full images of which the small variant has all that is used.
var HeavyBase = analysis.Rule{
	Name: "heavy-base",
	Doc: analysis.Doc{
		Summary: "the base image brings compilers and tools that nothing uses, and has a small variant",
		What: "A stage that ships and stands on the full variant of python, node or ruby, or on the development kit of eclipse-temurin, where no step and no command shows a need of what the full one adds: " +
			"compilers, git, curl, unzip and the headers of libraries, or javac and its like.",
		Why: "The full images hold some 300 packages of Debian that programs are built with. python:3.12 on Debian 12 is 1020 MB, its slim variant 124 MB; node:22 1130 MB and 227 MB; " +
			"eclipse-temurin:17 422 MB, its JRE 264 MB. Each machine that starts the container pulls the rest for nothing, and a scanner reports its holes.",
		Silent: "Where a RUN runs anything but well-known programs that the small variant has too; where compilers or headers are installed by name, which would make the small variant large too; where packages are installed that may be compiled: for Python, those that are not known to be pure or to come compiled; " +
			"for Node.js, those whose install scripts the lock names, or where no lock is read; for Ruby, any. Where another stage of the kind hands over what it installed; " +
			"where the container starts nothing, a bare interpreter or package manager, an install, a script that cannot be read, or one that speaks of such a tool; for tags without a version, with a digest, or of other variants; for images whose sizes Shale's table does not have.",
		Fix: "Writes the small variant's tag. Unsafe: a program may call a tool or load a library when it runs, which no Dockerfile tells.",
	},
	Best:     analysis.Unsafe,
	Severity: analysis.Info,
	Run:      runHeavyBase,
}

func runHeavyBase(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		base := p.Library(s)
		if !s.Ships || s.Windows || s.Parent != nil || base == nil || len(s.From.Args) == 0 {
			continue
		}
		slim, ok := base.Slimmer()
		if !ok {
			continue
		}
		h := heavy{p, base.Name, slim.Runtime}
		if h.needed(s) {
			continue
		}
		what := "compilers, git, curl and the headers of libraries"
		if slim.Runtime {
			what = "javac and the other programs of the development kit"
		}
		d := analysis.Diagnostic{
			Span:     s.From.Args[0].Span(),
			Message:  fmt.Sprintf("%s:%s brings %s, which no step here uses; %s does without%s", base.Name, base.Tag, what, slim.Image, measured(slim)),
			Gain:     analysis.Gain{Bytes: slim.Bytes},
			Withheld: []string{"what the program calls or loads when it runs is not known"},
		}
		if word := s.From.Args[0]; base.Certain && !strings.Contains(word.Value, "$") && strings.HasSuffix(word.Value, ":"+base.Tag) {
			d.Fixes = append(d.Fixes, analysis.Fix{
				Title:  fmt.Sprintf("Use %s (a program that calls %s when it runs will miss it)", slim.Image, map[bool]string{true: "the kit", false: "such a tool"}[slim.Runtime]),
				Safety: analysis.Unsafe,
				Edits:  []analysis.Edit{{Edit: source.Edit{Span: word.Span(), New: strings.TrimSuffix(word.Value, base.Name+":"+base.Tag) + slim.Image}}},
			})
		}
		p.Report(d)
	}
}

func measured(s facts.Slimmer) string {
	if s.Measured == "" {
		return ""
	}
	return " (" + s.Measured + ")"
}

// heavy looks for signs that a full image is needed.
type heavy struct {
	p       *analysis.Pass
	image   string
	runtime bool // the small one is a runtime
}

// needed reports whether a stage, or one on it, shows a need of the full image.
func (h heavy) needed(root *stage.Stage) bool {
	started := false
	for _, s := range h.p.Stages().Stages {
		if s.Root() != root {
			continue
		}
		installed := map[string]bool{}
		for _, r := range h.p.Runs(s) {
			if r.Opaque != "" || h.run(r, installed) {
				return true
			}
		}
		for _, from := range s.Reads {
			if from.Root() != root && h.handsOver(from) {
				return true
			}
		}
		for _, in := range s.Instructions {
			if !slices.Contains([]string{"entrypoint", "cmd", "healthcheck"}, in.Name) {
				continue
			}
			started = started || in.Name != "healthcheck" && (!h.runtime || javaWord.MatchString(in.Text.String()))
			if h.starts(s, in) {
				return true
			}
		}
	}
	return !started
}

// handsOver reports whether a stage that is copied from installs what may be compiled
// against libraries of a full image.
func (h heavy) handsOver(s *stage.Stage) bool {
	if h.runtime {
		return false // bytecode
	}
	for ; s != nil; s = s.Parent {
		for _, r := range h.p.Runs(s) {
			for _, c := range r.All() {
				if c.Call != nil && languages[c.Call.Manager.Name] && h.compiles(r, c) {
					return true
				}
			}
		}
	}
	return false
}

// languages are package managers whose packages may be compiled.
var languages = map[string]bool{"pip": true, "pipenv": true, "poetry": true, "uv": true, "conda": true, "npm": true, "yarn": true, "pnpm": true, "bun": true, "gem": true, "bundler": true}

// run reports whether a RUN shows a need. installed gathers the packages of the system
// that were installed before.
func (h heavy) run(r *facts.Run, installed map[string]bool) bool {
	for _, c := range r.All() {
		switch {
		case c.Call != nil && c.Call.Manager.SystemPackages:
			for _, w := range c.Call.Names {
				name, _ := w.Literal()
				name, _, _ = strings.Cut(name, "=")
				installed[name] = true
				if !h.runtime && (compilers[name] || strings.HasSuffix(name, "-dev")) {
					return true // the small variant would grow by them
				}
			}
		case c.Builtin():
		case c.Call != nil:
			if h.compiles(r, c) {
				return true
			}
		case strings.Contains(c.Word(), "/") && !slices.Contains([]string{"/bin", "/usr/bin", "/usr/sbin", "/sbin"}, path.Dir(c.Word())):
			return true
		case h.own(c.Name) && slices.ContainsFunc(c.Args, func(w shell.Word) bool { text, ok := w.Literal(); return !ok || path.Base(text) == "setup.py" }):
			return true
		case h.others(c, installed):
			return true
		case inBoth[c.Name] || h.own(c.Name) || installed[c.Name]:
		case plainSource(c):
		case h.runtime && (c.Name == "curl" || c.Name == "wget"):
		default:
			return true
		}
	}
	return false
}

// others reports whether a program that both variants have runs another, which the small
// one may lack.
func (h heavy) others(c *facts.Command, installed map[string]bool) bool {
	runs := func(name string) bool { return !inBoth[name] && !h.own(name) && !installed[name] }
	switch c.Name {
	case "xargs":
		by, _, ok := c.Invocation.Fed()
		return !ok || runs(by.Name)
	case "find":
		for i, w := range c.Args {
			if o := facts.Shape(w); i+1 < len(c.Args) && (o == "-exec" || o == "-execdir" || o == "-ok" || o == "-okdir") && runs(facts.Shape(c.Args[i+1])) {
				return true
			}
		}
	}
	return false
}

// plainSource reports whether a script that the shell reads is one that calls no other programs:
// the system's description of itself, or what Python's own module makes.
func plainSource(c *facts.Command) bool {
	if c.Name != "." && c.Name != "source" || len(c.Args) == 0 {
		return false
	}
	script := facts.Shape(c.Args[0])
	return script == "/etc/os-release" || path.Base(script) == "activate"
}

// own reports whether a program is the image's own, in the small variant too.
func (h heavy) own(name string) bool {
	switch h.image {
	case "python":
		return strings.HasPrefix(name, "python") || name == "gunicorn" || name == "django-admin" || name == "flask"
	case "node":
		return name == "node"
	case "ruby":
		return name == "ruby"
	case "eclipse-temurin":
		return name == "java" || name == "keytool"
	}
	return false
}

// compiles reports whether a call may compile what it installs, as far as is known.
func (h heavy) compiles(r *facts.Run, c *facts.Command) bool {
	if h.runtime || c.Call.Unclear {
		return true
	}
	switch c.Call.Manager.Name {
	case "pip":
		return c.Call.Verb == pkgmgr.Install && h.pip(r, c) || c.Call.Verb == pkgmgr.Download
	case "npm":
		return h.npm(r, c)
	case "yarn":
		return c.Call.Verb != pkgmgr.Clean && c.Call.Verb != pkgmgr.Other
	}
	return true
}

func (h heavy) pip(r *facts.Run, c *facts.Command) bool {
	if len(c.Call.Names) == 0 && !c.Call.Has("-r", "--requirement") || c.Call.Has("-e", "--editable", "--no-binary") {
		return true
	}
	for _, w := range c.Call.Names {
		text, ok := w.Literal()
		name, ok2 := buildctx.PipName(text)
		if !ok || !ok2 || !wheels[name] {
			return true
		}
	}
	if !c.Call.Has("-r", "--requirement") {
		return false
	}
	by := buildctx.InstallerOf(buildctx.Install{Call: c.Call, Program: c.Name})
	context, _ := h.p.Context()
	dir, ok := h.p.ContextDir(r.In)
	if by == nil || context == nil || !ok {
		return true
	}
	world := by.World(context, dir, buildctx.Install{Call: c.Call, Program: c.Name})
	for _, f := range world.Files {
		text, err := context.Read(f)
		names, ok := buildctx.PipNames(string(text))
		if err != nil || !ok || slices.ContainsFunc(names, func(n string) bool { return !wheels[n] }) {
			return true
		}
	}
	return len(world.Files) == 0 || len(world.Refusals) > 0
}

func (h heavy) npm(r *facts.Run, c *facts.Command) bool {
	switch {
	case c.Call.Verb != pkgmgr.Install:
		return c.Call.Verb == pkgmgr.Upgrade
	case len(c.Call.Names) > 0:
		return slices.ContainsFunc(c.Call.Names, func(w shell.Word) bool {
			text, ok := w.Literal()
			if at := strings.LastIndexByte(text, '@'); at > 0 {
				text = text[:at]
			}
			return !ok || !plainScripts[text]
		})
	}
	context, _ := h.p.Context()
	dir, ok := h.p.ContextDir(r.In)
	if context == nil || !ok {
		return true
	}
	compiles, known := context.Compiles(dir)
	return compiles || !known
}

// starts reports whether what a container starts shows a need, or is not known.
func (h heavy) starts(s *stage.Stage, in *syntax.Instruction) bool {
	text := in.Text.String()
	if in.Name != "healthcheck" && len(in.Args) > 0 {
		// A bare program waits for what a user gives it.
		rest := slices.DeleteFunc(words.FindAllString(text, -1)[1:], func(w string) bool { return strings.HasPrefix(w, "-") })
		if len(rest) == 0 || len(rest) == 1 && idle[rest[0]] || startInstalls.MatchString(text) {
			return true
		}
	}
	for _, word := range words.FindAllString(text, -1) {
		switch name := path.Base(word); {
		case (inFull[name] || h.image == "node" && strings.HasPrefix(name, "python")) && !h.runtime, kit[name] && h.runtime:
			return true
		case path.Ext(name) == ".sh" || strings.HasPrefix(name, "docker-entrypoint") || strings.HasPrefix(name, "entrypoint"):
			script, ok := h.p.ContextFile(s, word)
			if !ok || slices.ContainsFunc(words.FindAllString(script, -1), func(w string) bool {
				return inFull[path.Base(w)] && !h.runtime || kit[path.Base(w)]
			}) {
				return true
			}
		}
	}
	return false
}

var (
	words         = lazyregexp.New(`[A-Za-z0-9_./+-]+`)
	javaWord      = lazyregexp.New(`\bjava\b`)
	startInstalls = lazyregexp.New(`\b(?:npm|yarn|pnpm|pip3?|poetry|pipenv|uv|gem|bundle)\W+(?:install|ci|i|add|sync)\b`)
)

func set(names string) map[string]bool {
	out := map[string]bool{}
	for n := range strings.FieldsSeq(names) {
		out[n] = true
	}
	return out
}

var (
	// inBoth are programs that the small variants have. Source: the packages of
	// debian:bookworm-slim, all of them of priority required.
	inBoth = set("true false : echo printf test [ pwd sleep date uname id whoami hostname arch nproc cat head tail cut tr sort uniq wc tac seq expr basename dirname realpath readlink stat " +
		"grep egrep fgrep diff cmp base64 md5sum sha1sum sha256sum sha512sum ls du df which env printenv ldd getent mkdir rmdir rm mktemp tee touch cp mv ln chmod chown chgrp truncate " +
		"useradd adduser usermod groupadd addgroup groupmod userdel groupdel chpasswd sed awk find xargs tar gzip gunzip install dd sync apt-get apt apt-mark apt-cache dpkg ldconfig chsh passwd cd")
	// inFull are programs that the full ones add. Source: the packages of
	// buildpack-deps, on which they stand.
	inFull = set("gcc g++ cc c++ cpp make automake autoconf libtool pkg-config git hg svn bzr ssh scp sftp ssh-keygen ssh-keyscan curl wget gpg gpgv dirmngr unzip bzip2 bunzip2 xz unxz file patch " +
		"ps top pgrep pkill free watch vmstat mysql_config pg_config curl-config convert identify mogrify magick sqlite3 netbase")
	// kit are the programs of a JDK that a JRE lacks. Source: the JDK's own bin folder.
	kit = set("javac jar jarsigner javadoc javap jcmd jconsole jdb jdeprscan jdeps jhsdb jimage jinfo jlink jmap jmod jpackage jps jshell jstack jstat jstatd serialver mvn mvnw gradle gradlew sbt")
	// wheels are packages for Python that are pure, or come compiled for Linux. Source:
	// their files on PyPI.
	wheels = set("pip setuptools wheel flask flask-cors flask-restful flask-sqlalchemy flask-migrate flask-login flask-wtf django djangorestframework django-cors-headers django-environ whitenoise gunicorn " +
		"uvicorn fastapi starlette pydantic pydantic-settings requests urllib3 httpx httpcore h11 idna certifi charset-normalizer jinja2 markupsafe werkzeug click itsdangerous blinker sqlalchemy alembic mako redis " +
		"celery kombu vine billiard amqp boto3 botocore s3transfer jmespath python-dateutil six pytz tzdata pyyaml python-dotenv python-multipart pymongo pymysql psycopg2-binary asyncpg aiohttp aiofiles " +
		"yarl multidict attrs anyio sniffio typing-extensions numpy pandas scipy scikit-learn matplotlib pillow cryptography cffi pycparser bcrypt pyjwt passlib prometheus-client structlog loguru rich tqdm tenacity " +
		"beautifulsoup4 bs4 soupsieve html5lib markdown packaging pytest tornado bottle dnspython email-validator websockets pika kafka-python paho-mqtt elasticsearch openai tabulate colorama marshmallow jsonschema docker " +
		"waitress sanic falcon streamlit sentry-sdk stripe twilio asgiref sqlparse greenlet zipp importlib-metadata wrapt ansible-core toml tomli dash plotly virtualenv")
	// compilers are packages of compilers and of what drives them.
	compilers = set("build-essential gcc g++ clang make cmake")
	// idle are programs that do nothing of their own without an argument.
	idle = set("npm npx yarn pnpm node python python2 python3 ruby irb pip pip3 sh bash java jshell")
	// plainScripts are packages of npm without install scripts, their dependencies too.
	plainScripts = set("npm yarn pnpm serve http-server nodemon typescript ts-node tsx pm2 json-server rimraf concurrently forever")
)
