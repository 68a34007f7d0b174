package lsp

import (
	"path"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// argument proposes what an instruction takes.
func (c *completer) argument(in *syntax.Instruction, start int) {
	n := c.argumentsBefore(in, start)
	if c.typed == "" && n == 0 {
		c.flag(in, start, "--")
		c.word(start, "")
	}
	switch in.Name {
	case "from":
		c.images(in, n)
	case "copy", "add":
		c.sources(in)
	case "arg":
		c.word(start, "=")
		c.arguments(in)
	case "user":
		c.users(in)
	case "expose":
		c.word(start, "/")
		for _, p := range ports {
			c.add(protocol.CompletionItemKindValue, p.number, p.what, "")
		}
	case "stopsignal":
		for _, s := range []string{"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGKILL"} {
			c.add(protocol.CompletionItemKindEnumMember, s, "", "")
		}
	case "healthcheck":
		if n == 0 {
			c.add(protocol.CompletionItemKindKeyword, c.cased(in, "CMD"), "the check", "")
			c.add(protocol.CompletionItemKindKeyword, c.cased(in, "NONE"), "no check, not even the base image's", "")
		}
	case "shell":
		c.to = max(c.to, c.lines.Span(c.lines.Line(c.at)).End)
		for _, s := range []string{`["/bin/bash", "-o", "pipefail", "-c"]`, `["/bin/sh", "-c"]`, `["powershell", "-Command"]`} {
			c.add(protocol.CompletionItemKindValue, s, "", "")
		}
	case "cmd", "entrypoint":
		if n == 0 && c.s.client.snippets && c.alone() {
			c.insert(protocol.CompletionItemKindSnippet, `["…"]`, `["${1:program}"$2]`, "exec form: no shell, signals arrive", "", true)
		}
	case "label":
		c.word(start, "=")
		for _, l := range []string{"title", "description", "source", "version", "revision", "licenses", "authors", "url", "documentation", "vendor"} {
			c.add(protocol.CompletionItemKindProperty, "org.opencontainers.image."+l+"=", "", "")
		}
	}
}

// cased is a word in capitals, or in small letters behind a keyword that has them.
func (c *completer) cased(in *syntax.Instruction, word string) string {
	if k := in.Keyword.In(c.text); k == strings.ToLower(k) {
		return strings.ToLower(word)
	}
	return word
}

func (c *completer) images(in *syntax.Instruction, n int) {
	switch n {
	case 0:
		if own := c.stageAt(in.Keyword.Start); own != nil {
			for _, s := range slices.Backward(c.graph.Stages[:own.Index]) {
				if s.Name != "" {
					c.add(protocol.CompletionItemKindModule, stageName(s), "stage, FROM "+s.From.Args[0].Value, "")
				}
			}
		}
		c.add(protocol.CompletionItemKindValue, "scratch", "nothing at all", "")
		for _, name := range c.otherImages() {
			c.add(protocol.CompletionItemKindValue, name, "named in this file", "")
		}
	case 1:
		c.add(protocol.CompletionItemKindKeyword, c.cased(in, "AS"), "gives the stage a name", "")
	}
}

// otherImages are the images that the file names, but for what is typed.
func (c *completer) otherImages() []string {
	var out []string
	own := c.stageAt(c.at)
	for _, s := range c.graph.Stages {
		if s != own && s.Parent == nil && !s.Scratch() && s.Base.Is != stage.Unknown && !slices.Contains(out, s.Base.Text) && s.Base.Text != "" {
			out = append(out, s.Base.Text)
		}
	}
	return out
}

// arguments proposes the ARGs above the first FROM that the stage does not see yet.
func (c *completer) arguments(in *syntax.Instruction) {
	if c.graph.Of(in) == nil {
		return
	}
	for _, g := range c.graph.Globals {
		for _, p := range g.Pairs {
			c.add(protocol.CompletionItemKindVariable, p.Key.Value, "from above the first FROM", "")
		}
	}
	for _, name := range []string{"TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT"} {
		c.add(protocol.CompletionItemKindVariable, name, "BuildKit's own", predefined[name])
	}
}

var makesUser = lazyregexp.New(`\b(?:useradd|adduser)\b[^&|;]*?\s([a-z_][a-z0-9_-]*)\s*(?:$|[&|;\\])`)

// users proposes root, nobody, and the users that RUNs above make.
func (c *completer) users(in *syntax.Instruction) {
	for s := c.graph.Of(in); s != nil; s = s.Parent {
		for _, run := range slices.Backward(s.Instructions) {
			if run.Name != "run" || run.Index >= in.Index {
				continue
			}
			for _, m := range makesUser.FindAllStringSubmatch(run.Text.String(), -1) {
				c.add(protocol.CompletionItemKindValue, m[1], "made above", "")
			}
		}
		if base := c.file.Base(s); base != nil && base.Name == "node" && s.Parent == nil {
			c.add(protocol.CompletionItemKindValue, "node", "of the node images", "")
		}
	}
	c.add(protocol.CompletionItemKindValue, "nobody", "", "")
	c.add(protocol.CompletionItemKindValue, "root", "", "")
	c.add(protocol.CompletionItemKindValue, "1000:1000", "", "")
}

var ports = []struct{ number, what string }{
	{"80", "HTTP"}, {"443", "HTTPS"}, {"8080", "HTTP of programs that are not root"}, {"3000", "Node"}, {"5000", "Flask"}, {"8000", "Django, uvicorn"},
	{"5432", "PostgreSQL"}, {"3306", "MySQL"}, {"6379", "Redis"}, {"27017", "MongoDB"}, {"9090", "Prometheus"},
}

// placesOf proposes the folders of a stage that its instructions name.
func (c *completer) placesOf(s *stage.Stage) {
	var seen []string
	add := func(p, detail string) {
		if path.IsAbs(p) && !slices.Contains(seen, p) {
			seen = append(seen, p)
			c.add(protocol.CompletionItemKindFolder, p, detail, "")
		}
	}
	for ; s != nil; s = s.Parent {
		for _, in := range slices.Backward(s.Instructions) {
			if in.Name == "workdir" || in.Name == "copy" || in.Name == "add" {
				if dest, ok := c.file.Dest(in); ok {
					add(dest, strings.ToUpper(in.Name)+" in "+stageName(s))
				}
			}
		}
	}
}

// cacheFolders proposes the caches of the package managers that Shale knows.
func (c *completer) cacheFolders() {
	for _, m := range pkgmgr.Managers {
		for i := range m.Caches {
			cache := &m.Caches[i]
			dir := cache.Dir
			if rest, ok := strings.CutPrefix(dir, "~"); ok {
				dir = "/root" + rest
			}
			if cache.RootDir != "" {
				dir = cache.RootDir
			}
			if cache.Mount.Never == "" && cache.Mount.Sharing != "" {
				c.add(protocol.CompletionItemKindFolder, dir, m.Name+"'s "+cache.What, "")
			}
		}
	}
}

// A snippet is a pattern that is worth starting from. « continues a line.
type snippet struct{ label, detail, text string }

var snippets = []snippet{
	{"multi-stage", "build in one stage, ship another", "FROM ${1:golang:1.25} AS build\nWORKDIR /src\nCOPY . .\nRUN ${2:go build -o /out/app .}\n\nFROM ${3:gcr.io/distroless/static}\nCOPY --from=build ${4:/out/app} ${5:/app}\nENTRYPOINT [\"${5:/app}\"]"},
	{"apt", "install packages and leave no index", "RUN apt-get update «\n    && apt-get install -y --no-install-recommends ${1:ca-certificates} «\n    && rm -rf /var/lib/apt/lists/*"},
	{"apk", "install packages and leave no index", "RUN apk add --no-cache ${1:ca-certificates}"},
	{"npm", "dependencies first, in a cache mount", "COPY package.json package-lock.json ./\nRUN --mount=type=cache,target=/root/.npm npm ci\nCOPY . ."},
	{"pip", "dependencies first, in a cache mount", "COPY requirements.txt ./\nRUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt\nCOPY . ."},
	{"go mod", "dependencies first, in cache mounts", "COPY go.mod go.sum ./\nRUN --mount=type=cache,target=/go/pkg/mod go mod download\nCOPY . .\nRUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build ${1:go build -o /out/app .}"},
	{"secret", "a secret that stays out of the image", "RUN --mount=type=secret,id=${1:token} ${2:TOKEN=\"\\$(cat /run/secrets/${1:token})\" ./fetch}"},
	{"here-document", "several lines without continuations", "RUN <<EOF\nset -e\n${1:apt-get update}\nEOF"},
}

var placeholder = lazyregexp.New(`\$\{\d+:((?:[^{}]|\$\{\d+:[^{}]*\})*)\}|\$\d`)

// with is the text for a file in which a character continues a line.
func (s snippet) with(escape byte) string {
	continues := string(escape)
	if escape == '\\' {
		continues = `\\` // as a snippet has it
	}
	return strings.ReplaceAll(s.text, "«", continues)
}

// plainSnippet is a snippet as it looks once it is filled in.
func plainSnippet(text string) string {
	for placeholder.MatchString(text) {
		text = placeholder.ReplaceAllString(text, "$1")
	}
	return strings.NewReplacer(`\\`, `\`, `\$`, `$`, `\}`, `}`).Replace(text)
}

var keywordStart = lazyregexp.New(`(?m)^(FROM|RUN|COPY|WORKDIR|ENTRYPOINT)\b|\bAS\b`)

func loweredSnippet(text string) string {
	return keywordStart.ReplaceAllStringFunc(text, strings.ToLower)
}
