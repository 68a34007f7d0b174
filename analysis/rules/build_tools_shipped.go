package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// BuildToolsShipped finds images that build a program and ship what it was built with.
var BuildToolsShipped = analysis.Rule{
	Name: "build-tools-shipped",
	Doc: analysis.Doc{
		Summary: "the image ships the compiler and the sources, and runs only what they made",
		What: "A stage that ships, stands on an image of a compiler (golang, rust, gcc, maven, gradle, a .NET SDK), builds a program there (`go build`, `cargo build`, `mvn package`, `gradle build`, `dotnet publish` …), " +
			"and starts another command than that compiler.",
		Why: "A compiler, its libraries and the sources are many times as large as the program: each pull and each start on a new machine transfers them for nothing, " +
			"and a scanner reports the holes of compilers that never run. Of 100 public Dockerfiles 2 do it.",
		Silent: "Where the container starts the compiler or build tool itself (`go run`, `mvn spring-boot:run`), a script, or nothing; where another stage copies from this one; for bases that are not known.",
		Fix:    "There is none: which files the program needs to run is not known. Name this stage (`AS build`), and copy what it makes into a last stage.",
	},
	Best:     analysis.Display,
	Severity: analysis.Info,
	Run:      runBuildToolsShipped,
}

// A toolchain is an image of a compiler.
type toolchain struct {
	image   string // or the end of one
	verbs   []string
	starts  []string // programs by which a container would use the compiler
	ships   string
	suffice string
}

var toolchains = []toolchain{
	{"golang", []string{"go build", "go install"}, []string{"go", "air", "gin", "reflex", "dlv", "make"}, "Go's compiler and the sources", "scratch, distroless or alpine suffice for a program without cgo"},
	{"rust", []string{"cargo build", "cargo install"}, []string{"cargo", "rustc", "make"}, "Rust's compiler and the sources", "debian:…-slim suffices"},
	{"gcc", []string{"gcc", "g++", "make", "cmake"}, []string{"gcc", "g++", "make", "gdb"}, "GCC and the sources", "debian:…-slim suffices"},
	{"maven", []string{"mvn package", "mvn install", "mvn verify"}, []string{"mvn", "mvnw"}, "Maven, a JDK and the sources", "a JRE of the same version suffices"},
	{"gradle", []string{"gradle build", "gradle assemble", "gradle bootJar", "gradle shadowJar", "gradle installDist"}, []string{"gradle", "gradlew"}, "Gradle, a JDK and the sources", "a JRE of the same version suffices"},
	{"mcr.microsoft.com/dotnet/sdk", []string{"dotnet publish", "dotnet build"}, nil, "the .NET SDK and the sources", "mcr.microsoft.com/dotnet/aspnet or runtime of the same version suffices"},
}

func runBuildToolsShipped(p *analysis.Pass) {
	for s := range p.Stages().Untaken() {
		if s.Root().Base.Is == stage.Unknown {
			continue
		}
		image, _, _ := facts.Image(s.Root().Base.Text)
		for _, t := range toolchains {
			if t.image == image {
				toolsShipped(p, s, t)
			}
		}
	}
}

// toolsShipped reports a stage that builds with a toolchain and starts something else.
func toolsShipped(p *analysis.Pass, s *stage.Stage, t toolchain) {
	var built *facts.Run
	var by *facts.Command
	for _, r := range p.Runs(s) {
		for _, c := range r.Commands {
			words := c.Name
			for _, w := range c.Args {
				if text, ok := w.Literal(); ok && !strings.HasPrefix(text, "-") {
					words += " " + text
				}
			}
			words = strings.Replace(words, "mvnw ", "mvn ", 1)
			if slices.ContainsFunc(t.verbs, func(v string) bool {
				tool, verb, _ := strings.Cut(v, " ")
				return c.Name != "" && (words == v || strings.HasPrefix(words, v+" ") || strings.HasPrefix(words, tool+" ") && verb != "" && slices.Contains(strings.Fields(words), verb))
			}) {
				built, by = r, c
			}
		}
	}
	if built == nil {
		return
	}
	program := starts(s)
	if program == "" || slices.Contains(t.starts, program) || slices.Contains([]string{"sh", "bash", "ash", "dash", "sleep", "tail"}, program) || slices.Contains([]string{".sh", ".pl", ".py", ".rb", ".js", ".php"}, path.Ext(program)) {
		return
	}
	d := analysis.Diagnostic{
		Span:     s.From.Span,
		Message:  fmt.Sprintf("The image ships %s, and starts only what line %d builds: copied from here into a last stage, %s", t.ships, p.LineOf(built, by), t.suffice),
		Withheld: []string{"which files the program needs to run is not known"},
	}
	d.Relate(built.SpanOf(by), "built here")
	p.Report(d)
}

// started finds the ENTRYPOINT and the CMD that a container of the stage starts; a CMD
// above the ENTRYPOINT does not count.
func started(s *stage.Stage) (entry, cmd *syntax.Instruction) {
	for at := s; at != nil; at = at.Parent {
		for _, in := range slices.Backward(at.Instructions) {
			switch {
			case in.Name == "entrypoint" && entry == nil:
				entry = in
			case in.Name == "cmd" && cmd == nil && entry == nil:
				cmd = in
			}
		}
	}
	return entry, cmd
}

// starts names the program that a container of the stage starts; "" when it is not known.
func starts(s *stage.Stage) string {
	entry, cmd := started(s)
	in := entry
	if in == nil {
		in = cmd
	}
	if in == nil || len(in.Args) == 0 {
		return ""
	}
	words := strings.Fields(in.Args[0].Value)
	if in.JSON {
		words = words[:0]
		for _, w := range in.Args {
			words = append(words, w.Value)
		}
	}
	for len(words) > 0 && (words[0] == "exec" || words[0] == "env" || strings.Contains(words[0], "=")) {
		words = words[1:]
	}
	if len(words) == 0 || strings.ContainsAny(words[0], "$`(") {
		return ""
	}
	if name := path.Base(words[0]); name == "dotnet" && len(words) > 1 && (words[1] == "run" || words[1] == "watch" || words[1] == "test") {
		return ""
	}
	return path.Base(words[0])
}
