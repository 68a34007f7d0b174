//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// everyInstall is a stage for each package manager whose manifests are read.
const everyInstall = `FROM node:22 AS npm
WORKDIR /app
COPY . .
RUN npm ci
FROM node:22 AS yarn
WORKDIR /app
COPY . .
RUN yarn install
FROM node:22 AS pnpm
WORKDIR /app
COPY . .
RUN pnpm install --frozen-lockfile
FROM python:3.12 AS pip
WORKDIR /app
COPY . .
RUN pip install -r requirements.txt
FROM python:3.12 AS poetry
WORKDIR /app
COPY . .
RUN poetry install --no-root
FROM python:3.12 AS uv
WORKDIR /app
COPY . .
RUN uv sync --no-install-project
FROM rust:1 AS cargo
WORKDIR /app
COPY . .
RUN cargo fetch
FROM golang:1.24 AS go
WORKDIR /app
COPY . .
RUN go mod download
FROM maven:3 AS maven
WORKDIR /app
COPY . .
RUN mvn dependency:go-offline
FROM ruby:3 AS ruby
WORKDIR /app
COPY . .
RUN bundle install
FROM composer:2 AS php
WORKDIR /app
COPY . .
RUN composer install --no-scripts --no-autoloader
FROM dotnet:8 AS dotnet
WORKDIR /app
COPY . .
RUN dotnet restore
`

// with makes a folder of a Dockerfile with every install and one file more.
func with(name string, pieces ...piece) func(*hostileFolder) {
	return func(f *hostileFolder) {
		f.write("Dockerfile", text(everyInstall))
		f.write(".dockerignore", text("node_modules\n.git\n"))
		f.write("package.json", text(`{"name":"a","dependencies":{"b":"1.0.0"}}`))
		f.write("requirements.txt", text("requests==2.0.0\n"))
		f.write(name, pieces...)
	}
}

// hostileFolders are files beside a Dockerfile that somebody made to hurt, and files
// that are none.
func hostileFolders() []hostile {
	aliases := text("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	bomb := times(40, "b%d: &b%d [*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0]\n")
	services := text("services:\n  a: {build: .}\n")
	nested := func(open, middle, end string) []piece {
		return []piece{times(100_000, open), text(middle), times(100_000, end)}
	}
	return append([]hostile{
		{name: "dockerignore, 100,000 patterns", make: with(".dockerignore", times(100_000, "**/a%d/*\n"))},
		{name: "dockerignore of stars", make: with(".dockerignore", text(strings.Repeat("**/", 5000)+"x\n"+strings.Repeat("*a", 5000)+"\n!"+strings.Repeat("*?", 5000)+"\n"+strings.Repeat("[", 5000)+"\n"))},
		{name: "dockerignore of 100 MB", big: true, make: with(".dockerignore", times(100<<20/16, "0123456789abcde\n"))},
		{name: "gitignore of stars", big: true, make: with(".gitignore", text(strings.Repeat("**/", 5000)+"x\n"+strings.Repeat("*a", 5000)+"\n"), times(100_000, "*%d*/**/x\n"))},
		{name: "package.json nested", make: with("package.json", nested(`{"dependencies":`, "1", "}")...)},
		{name: "package.json nested in a list", big: true, make: with("package.json", append([]piece{text(`{"workspaces":`)}, append(nested("[", "", "]"), text("}"))...)...)},
		{name: "package.json of 100 MB", big: true, make: with("package.json", text(`{"name":"`), times(100<<20/16, "0123456789abcdef"), text(`"}`))},
		{name: "package.json of 60 MB of names", big: true, make: with("package.json", text(`{"dependencies":{`), times(1_500_000, `"a%d":"file:../../b%d",`), text(`"z":"1"}}`))},
		{name: "workspaces everywhere", make: with("package.json", text(`{"workspaces":["**/**/**/**/**/**/*","../**","/**",`), times(2000, `"*/**/*%d",`), text(`"{a,b}{c,d}{e,f}{g,h}{i,j}{k,l}{m,n}{o,p}{q,r}{s,t}{u,v}{w,x}{y,z}{a,b}{c,d}{e,f}{g,h}{i,j}{k,l}{m,n}{o,p}{q,r}{s,t}{u,v}{w,x}"]}`))},
		{name: "package-lock.json nested", big: true, make: with("package-lock.json", nested(`{"packages":{"a":`, "1", "}}")...)},
		{name: "pnpm-workspace.yaml of aliases", make: with("pnpm-workspace.yaml", aliases, expanding(40), text("packages: *b39\n"))},
		{name: "pnpm-workspace.yaml nested", big: true, make: with("pnpm-workspace.yaml", append([]piece{text("packages: ")}, nested("[", "", "]")...)...)},
		{name: "pnpm-lock.yaml of aliases", big: true, make: with("pnpm-lock.yaml", aliases, expanding(40), text("importers: *b39\npackages: {<<: *b39}\n"))},
		{name: "pnpm-lock.yaml of 30 MB", big: true, make: with("pnpm-lock.yaml", text("lockfileVersion: '9.0'\npackages:\n"), times(500_000, "  /a%d@1.0.0:\n    resolution: {integrity: sha512-x}\n"))},
		{name: "yarn.lock nested", big: true, make: with("yarn.lock", append([]piece{text("__metadata:\n  x: ")}, nested("{a: ", "", "}")...)...)},
		{name: "compose.yaml of aliases", make: with("compose.yaml", aliases, expanding(40), text("services:\n  a:\n    build: {context: ., args: *b39}\n"))},
		{name: "compose.yaml nested", big: true, make: with("compose.yaml", append([]piece{text("services: ")}, nested("{a: ", "", "}")...)...)},
		{name: "compose.yaml that merges itself", big: true, make: with("compose.yaml", text("services: &s\n  a: &x\n    <<: *x\n    build: .\n  b: *s\n"))},
		{name: "compose.yaml that includes itself", make: with("compose.yaml", text("include: [compose.yaml, ./compose.yaml]\nservices:\n  a: {extends: {service: b, file: compose.yaml}, build: .}\n  b: {extends: {service: a}}\n"))},
		{name: "compose.yaml, 100,000 services", big: true, make: with("compose.yaml", services, times(100_000, "  s%d: {build: {context: ., target: t%d}}\n"))},
		{name: "compose.yaml of dots", make: with("compose.yaml", services, text("  b: {build: {context: ../../../../../../../../.., dockerfile: ../../../../etc/passwd}}\n  c: {build: {context: /, dockerfile: /dev/zero}}\n  d: {build: {context: /proc/self/root, dockerfile: /dev/stdin}}\n"))},
		{name: "docker-bake.hcl that doubles", make: with("docker-bake.hcl", text("variable \"v0\" { default = \"0123456789\" }\n"), expandingHCL(40), text("target \"default\" { args = { A = v40 } }\n"))},
		{name: "docker-bake.hcl nested", big: true, make: with("docker-bake.hcl", text("variable \"a\" { default = "), times(20_000, "["), times(20_000, "]"), text(" }\n"))},
		{name: "docker-bake.hcl of blocks", big: true, make: with("docker-bake.hcl", times(50_000, "a {\n"), times(50_000, "}\n"))},
		{name: "docker-bake.hcl of templates", big: true, make: with("docker-bake.hcl", text("target \"default\" { args = { A = \""), times(3_000, "${\""), times(3_000, "\"}"), text("\" } }\n"))},
		{name: "docker-bake.hcl of loops in loops", make: with("docker-bake.hcl", text("target \"a\" { args = { A = join(\",\", [for a in range(0, 1000) : join(\",\", [for b in range(0, 1000) : join(\",\", [for c in range(0, 1000) : \"x\"])])]) } }\ntarget \"b\" { inherits = [\"b\", \"a\"]\n matrix = { a = setproduct(split(\"\", \""+strings.Repeat("a", 900)+"\"), split(\"\", \""+strings.Repeat("a", 900)+"\"), split(\"\", \""+strings.Repeat("a", 900)+"\")) } }\ntarget \"c\" { context = format(\"%999999999s\", \"\") }\n"))},
		{name: "docker-bake.json nested", big: true, make: with("docker-bake.json", nested(`{"target":`, "1", "}")...)},
		{name: ".shale.toml nested", make: with(".shale.toml", append([]piece{text("exclude = ")}, nested("[", "", "]")...)...), exit: "2", says: `\.shale\.toml:1:\d+: .*too deep`},
		{name: ".shale.toml of dotted keys", make: with(".shale.toml", times(100_000, "a."), text("b = 1\n")), exit: "2", says: `\.shale\.toml:1:\d+: .*too deep`},
		{name: ".shale.toml of 100 MB", big: true, make: with(".shale.toml", times(100<<20/16, "#0123456789abcd\n")), exit: "2", says: `\.shale\.toml: .*`},
		{name: ".shale.toml of tables", big: true, make: with(".shale.toml", times(30_000, "[a%d]\n")), exit: "2", says: `\.shale\.toml:1:\d+: `},
		{name: ".shale.toml that extends itself", make: with(".shale.toml", text("extend = \".shale.toml\"\n")), exit: "2", says: `\.shale\.toml:1:\d+: `},
		{name: "pyproject.toml nested", make: with("pyproject.toml", append([]piece{text("[tool.poetry]\na = ")}, nested("[", "", "]")...)...)},
		{name: "pyproject.toml of dotted keys", big: true, make: with("pyproject.toml", text("[tool.uv.workspace]\n"), times(100_000, "a."), text("b = 1\n"))},
		{name: "poetry.lock of tables", big: true, make: with("poetry.lock", times(300_000, "[[package]]\nname = \"a%d\"\n"))},
		{name: "Cargo.toml nested", make: with("Cargo.toml", append([]piece{text("[workspace]\nmembers = ")}, nested("[", "", "]")...)...)},
		{name: "Cargo.toml of tables", big: true, make: with("Cargo.toml", text("["), times(50_000, "a."), text("b]\n"))},
		{name: "Cargo.toml of members", big: true, make: with("Cargo.toml", text("[workspace]\nmembers = [\"**/**/**/*\", \"../*\", "), times(3_000, "\"*/*%d\","), text("]\n"))},
		{name: "requirements.txt that includes itself", make: with("requirements.txt", text("-r requirements.txt\n-r ./requirements.txt\n-c ../requirements.txt\n"), times(20_000, "-r ././requirements.txt\n"))},
		{name: "requirements.txt of 60 MB", big: true, make: with("requirements.txt", times(60<<20/16, "a%d==1.0 \\\n"))},
		{name: "go.mod of replacements", big: true, make: with("go.mod", text("module a\ngo 1.24\n"), times(50_000, "replace b%d => ../../c%d\n"))},
		{name: "pom.xml of entities", make: with("pom.xml", text("<!DOCTYPE x [<!ENTITY a0 \"0123456789\">"), times(40, "<!ENTITY b%d \"&a0;&a0;&a0;&a0;&a0;\">"), text("]><project><modules><module>&b39;</module></modules></project>"))},
		{name: "pom.xml nested", big: true, make: with("pom.xml", nested("<project>", "", "</project>")...)},
		{name: "composer.json nested", big: true, make: with("composer.json", nested(`{"repositories":`, "1", "}")...)},
		{name: "Gemfile that evaluates itself", big: true, make: with("Gemfile", times(20_000, "eval_gemfile 'Gemfile'\ngem 'a', path: '../../..'\n"))},
		{name: "hadolint.yaml of aliases", big: true, make: with(".hadolint.yaml", aliases, bomb, text("ignored: *b39\n"))},
	}, hostileKinds()...)
}

// hostileKinds are files of other kinds than are expected, and names that somebody chose.
func hostileKinds() []hostile {
	fifo := func(name string) func(*hostileFolder) {
		return func(f *hostileFolder) {
			with("keep")(f)
			os.Remove(f.path(name))
			if err := syscall.Mkfifo(f.path(name), 0o644); err != nil {
				f.t.Skip(err)
			}
		}
	}
	var out []hostile
	for _, name := range []string{"Dockerfile.pipe", "package.json", ".dockerignore", "compose.yaml", "docker-bake.hcl", ".gitignore", "requirements.txt", "pyproject.toml", ".hadolint.yaml", ".git/HEAD", ".git/config", ".shellcheckrc"} {
		out = append(out, hostile{name: name + " is a pipe", big: name != ".dockerignore" && name != "compose.yaml", make: fifo(name)})
	}
	return append(out, []hostile{
		{name: ".shale.toml is a pipe", make: fifo(".shale.toml"), exit: "2", says: `\.shale\.toml`},
		{name: "a pipe that .shale.toml extends", make: func(f *hostileFolder) {
			fifo("base.toml")(f)
			f.write(".shale.toml", text("extend = \"base.toml\"\n"))
		}, exit: "2", says: `extend names base\.toml: is not a regular file`},
		{name: "everything is a folder", make: func(f *hostileFolder) {
			f.write("Dockerfile", text(everyInstall))
			for _, name := range []string{"Dockerfile.a", "package.json", ".dockerignore", "compose.yaml", "docker-bake.hcl", ".gitignore", "requirements.txt", "go.mod", "pom.xml", "Cargo.toml", "x/Dockerfile"} {
				if err := os.MkdirAll(f.path(name), 0o755); err != nil {
					f.t.Fatal(err)
				}
			}
		}, exit: "01"},
		{name: "a folder by the name of .shale.toml", make: func(f *hostileFolder) {
			with(".shale.toml/x", text(""))(f)
		}, exit: "2", says: `\.shale\.toml`},
		{name: "a socket", make: func(f *hostileFolder) {
			f.write("Dockerfile", text("FROM a\n"))
			f.t.Chdir(f.dir) // a socket's path is short
			l, err := net.Listen("unix", "Dockerfile.socket")
			if err != nil {
				f.t.Skip(err)
			}
			f.t.Cleanup(func() { l.Close() })
		}, args: []string{"check", "Dockerfile", "Dockerfile.socket"}, exit: "2", says: `Dockerfile\.socket: `},
		{name: "a device without an end", make: func(f *hostileFolder) {}, args: []string{"check", "/dev/zero"}, exit: "2", says: `/dev/zero: more than`},
		{name: "links to devices", big: true, make: func(f *hostileFolder) {
			f.write("Dockerfile", text(everyInstall))
			for _, name := range []string{"Dockerfile.zero", "package.json", ".dockerignore", "compose.yaml", "docker-bake.hcl", ".gitignore", "requirements.txt", "go.mod", ".hadolint.yaml"} {
				f.link("/dev/zero", name)
			}
		}},
		{name: ".shale.toml without an end", make: func(f *hostileFolder) {
			f.write("Dockerfile", text("FROM a\n"))
			f.link("/dev/zero", ".shale.toml")
		}, exit: "2", says: `\.shale\.toml: `},
		{name: "links in circles", make: func(f *hostileFolder) {
			f.write("Dockerfile", text(everyInstall))
			f.link(".", "here")
			f.link("b", "a")
			f.link("a", "b")
			f.link("package.json", "package.json")
			f.link("..", "up")
			f.link("/", "root")
			f.write("sub/x", text(""))
			f.link("..", "sub/up")
		}, exit: "01"},
		{name: "links out of the context", make: func(f *hostileFolder) {
			f.write("Dockerfile", text("FROM a\nCOPY ../../../etc/passwd /x\nCOPY out/passwd /\nCOPY sub/../../x /\nRUN npm ci\n"))
			f.link("/etc", "out")
			f.link("/etc/passwd", "package.json")
			f.link("../../../../../../etc/passwd", ".dockerignore")
		}, exit: "01"},
		{name: "names that drive a terminal", raw: true, make: hostileNames, exit: "12", says: `x1b|u001b`},
		{name: "folders 1,000 deep", big: true, make: func(f *hostileFolder) {
			f.write(strings.Repeat("d/", 1000)+"Dockerfile", text("FROM a\n"))
		}, exit: "01"},
	}...)
}

func (f *hostileFolder) link(to, name string) {
	if err := os.Symlink(to, f.path(name)); err != nil {
		f.t.Skip(err)
	}
}

// hostileNames makes a repository whose names are what a terminal obeys.
func hostileNames(f *hostileFolder) {
	os.Remove(f.path(".git"))
	for _, name := range []string{"\x1b[2J", "a\nb", "\xff\xfe", "\u202ecod", "\u009b31m", "--flag", "-", "$(touch x)", "`touch x`", "a'b\"c", " "} {
		f.write(name+"/Dockerfile", text("FROM debian:12\nRUN apt-get update\nRUN apt-get install -y git\nCOPY . .\nNOPE\n"))
		f.write(name+"/Dockerfile."+name, text("FROM debian:12\nRUN apt-get update\nRUN apt-get install -y git\nCOPY . .\n"))
		f.write(name+"/.shale.toml", text("nope\x1b = 1\n\u202e = 2\n"))
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=\x1b[31mx", "-c", "user.email=x", "commit", "-qm", "\x1b[2J"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = f.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			f.t.Skipf("git: %v\n%s", err, out)
		}
	}
}

// expanding is n lists of YAML, each of nine of the one before it.
func expanding(n int) piece {
	return func(yield func(string) bool) {
		for i := range n {
			of := "b" + itoa(i-1)
			if i == 0 {
				of = "a0"
			}
			if !yield("b" + itoa(i) + ": &b" + itoa(i) + " [" + strings.Repeat("*"+of+",", 9) + "]\n") {
				return
			}
		}
	}
}

func expandingHCL(n int) piece {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield("variable \"v" + itoa(i+1) + "\" { default = \"" + strings.Repeat("${v"+itoa(i)+"}", 9) + "\" }\n") {
				return
			}
		}
	}
}
