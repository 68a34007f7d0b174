package stage_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

const shop = `ARG NODE=20
ARG REGISTRY
FROM node:${NODE}-slim AS base
ENV HOME=/home/node PATH="$HOME/bin:$PATH"
WORKDIR /srv
FROM base AS Build
ARG NODE
ARG COMMIT=dev
ENV VERSION=$COMMIT APP=shop
WORKDIR app
USER node
RUN npm ci
FROM scratch AS rootfs
ENV A=1 B=$A
WORKDIR out
RUN true
FROM ${REGISTRY}/tool AS tool
RUN true
FROM base
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
USER 1000:1000
COPY --from=build /srv/app .
COPY --from=2 /out /out
RUN --mount=type=bind,From=tool,target=/t true
`

func graph(t *testing.T, text string) (*syntax.Document, *stage.Graph) {
	t.Helper()
	doc := syntax.Parse(text)
	if len(doc.Problems) > 0 {
		t.Fatal(doc.Problems)
	}
	return doc, stage.New(doc)
}

// run returns the RUN number n of the stage with that index.
func run(g *stage.Graph, index int) *syntax.Instruction {
	for _, in := range g.Stages[index].Instructions {
		if in.Name == "run" {
			return in
		}
	}
	return nil
}

func TestStages(t *testing.T) {
	_, g := graph(t, shop)
	type row struct {
		Name, Base     string
		Is             stage.Certainty
		Parent         string
		Ships, Scratch bool
		Reads          []string
	}
	var got []row
	for _, s := range g.Stages {
		r := row{Name: s.Name, Base: s.Base.Text, Is: s.Base.Is, Ships: s.Ships, Scratch: s.Scratch()}
		if s.Parent != nil {
			r.Parent = s.Parent.Name
		}
		for _, f := range s.Reads {
			r.Reads = append(r.Reads, f.Name)
		}
		got = append(got, r)
	}
	want := []row{
		{Name: "base", Base: "node:20-slim", Is: stage.Overridable, Ships: true},
		{Name: "build", Base: "base", Is: stage.Set, Parent: "base"},
		{Name: "rootfs", Base: "scratch", Is: stage.Set, Scratch: true},
		{Name: "tool"},
		{Base: "base", Is: stage.Set, Parent: "base", Ships: true, Reads: []string{"build", "rootfs", "tool"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !g.Stages[1].External() || g.Stages[2].External() {
		t.Error("only scratch is not external")
	}
}

func TestNamedTargetsShip(t *testing.T) {
	doc := syntax.Parse(shop)
	g := stage.New(doc, "BUILD")
	if !g.Stages[1].Ships || g.Stages[2].Ships {
		t.Errorf("ships: %v %v", g.Stages[1].Ships, g.Stages[2].Ships)
	}
}

func TestValuesInForce(t *testing.T) {
	_, g := graph(t, shop)
	build, root, tool, last := run(g, 1), run(g, 2), run(g, 3), run(g, 4)
	for _, c := range []struct {
		in   *syntax.Instruction
		name string
		want stage.Value
	}{
		{build, "HOME", stage.Value{Text: "/home/node", Is: stage.Set}},
		{build, "PATH", stage.Value{}}, // the base's PATH is in it
		{build, "NODE", stage.Value{Text: "20", Is: stage.Overridable}},
		{build, "COMMIT", stage.Value{Text: "dev", Is: stage.Overridable}},
		{build, "VERSION", stage.Value{Text: "dev", Is: stage.Overridable}},
		{build, "APP", stage.Value{Text: "shop", Is: stage.Set}},
		{build, "NPM_CONFIG_CACHE", stage.Value{}}, // the base may set it
		{last, "COMMIT", stage.Value{}},            // another stage's
		{last, "HOME", stage.Value{Text: "/home/node", Is: stage.Set}},
		{root, "A", stage.Value{Text: "1", Is: stage.Set}},
		{root, "B", stage.Value{Text: "", Is: stage.Set}}, // expansion sees the values from before the ENV
		{root, "C", stage.Value{Is: stage.Unset}},
		{root, "PATH", stage.Value{}},
		{tool, "HOME", stage.Value{}},
	} {
		if got := g.Lookup(c.in, c.name); got != c.want {
			t.Errorf("line of %q: %s = %+v, want %+v", c.in.Text, c.name, got, c.want)
		}
	}
	type settings struct{ User, Workdir stage.Value }
	for i, want := range map[int]settings{
		1: {stage.Value{Text: "node", Is: stage.Set}, stage.Value{Text: "/srv/app", Is: stage.Set}},
		2: {stage.Value{Is: stage.Set}, stage.Value{Text: "/out", Is: stage.Set}},
		3: {},
		4: {stage.Value{Text: "1000:1000", Is: stage.Set}, stage.Value{Text: "/srv", Is: stage.Set}},
	} {
		in := run(g, i)
		if got := (settings{g.User(in), g.Workdir(in)}); got != want {
			t.Errorf("stage %d: %+v, want %+v", i, got, want)
		}
	}
	if sh := g.Shell(last); sh.Dialect != shell.Bash || sh.Errexit != shell.Yes || sh.Pipefail != shell.Yes {
		t.Errorf("shell of the last stage: %+v", sh)
	}
	if sh := g.Shell(build); sh.Dialect != shell.Unknown || sh.Errexit != shell.Maybe {
		t.Errorf("shell over an outside base: %+v", sh)
	}
	if sh := g.Shell(root); sh.Dialect != shell.POSIX || sh.Errexit != shell.No {
		t.Errorf("shell over scratch: %+v", sh)
	}
	if !g.SetInFile(last, "HOME") || g.SetInFile(last, "COMMIT") {
		t.Error("SetInFile")
	}
}

// BuildKit expands names as well as values: after an ENV of a name that is not known any
// variable may have another value.
func TestNameThatIsNotKnown(t *testing.T) {
	_, g := graph(t, `FROM debian:12
ARG NAME=A
ENV A=1 B=2
RUN before
ENV $NAME=3
RUN after
ENV B=4
RUN last
`)
	var got []stage.Value
	for _, in := range g.Stages[0].Instructions {
		if in.Name == "run" {
			got = append(got, g.Lookup(in, "A"), g.Lookup(in, "B"))
		}
	}
	one, two, four := stage.Value{Text: "1", Is: stage.Set}, stage.Value{Text: "2", Is: stage.Set}, stage.Value{Text: "4", Is: stage.Set}
	if diff := cmp.Diff([]stage.Value{one, two, {}, {}, {}, four}, got); diff != "" {
		t.Error(diff)
	}
	in := g.Stages[0].Instructions[6]
	if name, ok := g.AnySet(in, func(string) bool { return false }); name != "$NAME" || !ok || !g.SetInFile(in, "C") {
		t.Errorf("a name that matches: %q", name)
	}
}

// What a stage puts off, the stages that are FROM it do first.
func TestTriggers(t *testing.T) {
	_, g := graph(t, `FROM debian:12 AS tool
FROM debian:12 AS base
ENV A=1 B=2
USER root
WORKDIR /srv
SHELL ["/bin/bash", "-c"]
ONBUILD ENV A=3
ONBUILD USER app
ONBUILD WORKDIR lib
ONBUILD SHELL ["/bin/sh", "-c"]
ONBUILD COPY --from=tool /a /a
RUN now
FROM base AS child
RUN later
FROM child
ENV A=4
RUN last
`)
	base, child, last := run(g, 1), run(g, 2), run(g, 3)
	if !g.Lookup(base, "A").Known() || !g.User(base).Root() || g.Shell(base).Dialect != shell.Bash || len(g.Stages[1].Reads) > 0 {
		t.Error("the stage itself does nothing of it")
	}
	if g.Lookup(child, "A").Known() || !g.Lookup(child, "B").Known() || g.User(child).Known() || g.Workdir(child).Known() || g.Shell(child).Dialect != shell.Unknown {
		t.Error("what the triggers leave is not known")
	}
	if len(g.Stages[2].Reads) != 1 || g.Stages[2].Reads[0].Name != "tool" || len(g.Stages[3].Reads) > 0 {
		t.Error("the trigger reads the tool, once")
	}
	if !g.Lookup(last, "A").Known() || g.User(last).Known() {
		t.Error("a stage further on")
	}
}

// A look-up must not walk all that came before it.
func TestManyInstructions(t *testing.T) {
	var b strings.Builder
	b.WriteString("FROM debian:12\n")
	for range 4_999 { // the most that a file may hold
		b.WriteString("ENV A=1\nRUN echo $A\n")
	}
	_, g := graph(t, b.String())
	for _, in := range g.Stages[0].Instructions {
		if in.Name == "run" && !g.Lookup(in, "A").Known() {
			t.Fatal("A is set")
		}
	}
}

func TestRoot(t *testing.T) {
	for user, want := range map[string]bool{
		"root": true, "0": true, "root:root": true, "0:0": true, "root:0": true, "0:root": true,
		"root:staff": false, "0:1000": false, "1000:0": false, "app": false, "rootless": false, "root:": false,
	} {
		if got := (stage.Value{Text: user, Is: stage.Set}).Root(); got != want {
			t.Errorf("USER %s is root: %t", user, got)
		}
		if (stage.Value{Text: user, Is: stage.Overridable}).Root() {
			t.Errorf("USER %s, which a build argument may change, is root", user)
		}
	}
}
