package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

var maven = Installer{
	Name: "maven",
	reads: func(c Install) bool {
		return (slices.Contains([]string{"dependency:go-offline", "dependency:resolve", "dependency:resolve-plugins"}, c.Word) || builtByMaven(c)) && !c.Has("-f", "--file")
	},
	builds: func(c Install) string {
		if !builtByMaven(c) {
			return ""
		}
		return "copy pom.xml (those of all modules, and .mvn) above this line and put `RUN mvn dependency:go-offline` behind it; it fetches most of what the build needs, though not all"
	},
	world: func(c *Context, dir string, call Install) World {
		w := c.Maven(dir, call.Wrapped)
		w.Refusals = append(w.Refusals, otherGoals(call)...)
		return w
	},
	told:  func(c Install) World { return World{Refusals: otherGoals(c)} },
	tasks: true,
	guess: files("pom.xml"),
	options: "-B --batch-mode -q --quiet -U --update-snapshots -ntp --no-transfer-progress -e --errors -X --debug -C --strict-checksums -V --show-version " +
		"-P --activate-profiles -DskipTests -Dmaven.test.skip",
	steers: []string{"maven_", "mvn", "jdk_java_options", "java_tool_options"},
	idle:   []string{"maven_home", "maven_version", "maven_config"},
}

// otherGoals refuses what Maven is to do besides.
func otherGoals(c Install) (out []Refusal) {
	for _, n := range c.Names {
		if goal := shape(n); !strings.HasPrefix(goal, "dependency:") {
			out = append(out, Refusal{Reason: "the goal " + strings.ReplaceAll(goal, "\x00", "…") + " may read other files", Cure: "give it a RUN of its own", Hard: true})
		}
	}
	return out
}

var lifecycle = []string{"validate", "compile", "test", "package", "verify", "install"}

func builtByMaven(c Install) bool {
	return slices.ContainsFunc(c.words(), func(w string) bool { return slices.Contains(lifecycle, w) }) && !c.Has("-o", "--offline")
}

// Maven is the world of "mvn dependency:go-offline" in a folder of the context: the
// poms of the project, of its modules and parents, and .mvn. A pom can hardly ask for
// other files, but for what profiles look at and extensions do.
func (c *Context) Maven(dir string, wrapped bool) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	m := mavenReader{builder: b, seen: map[string]bool{}}
	m.pom(path.Join(dir, "pom.xml"), true)
	m.dotMvn(dir)
	if wrapped {
		m.wrapper(dir)
	}
	b.world.Assumes = []string{"no plugin of the build looks at other files when its dependencies are resolved"}
	return b.done()
}

type mavenReader struct {
	*builder
	seen map[string]bool
}

// pom judges a pom.xml and goes on to its parent and its modules: "POM Reference".
func (m *mavenReader) pom(p string, needed bool) {
	if m.seen[p] {
		return
	}
	m.seen[p] = true
	text, s := m.read(p)
	if s == missing && needed {
		m.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	}
	if s != present {
		return
	}
	root := m.xml(p, text)
	if root == nil {
		return
	}
	dir := path.Dir(p)
	for _, parent := range root.at("parent") {
		at := "../pom.xml" // the default, which need not be there
		if given := parent.at("relativePath"); len(given) > 0 {
			at = strings.TrimSpace(given[0].text)
		}
		m.follow(p, dir, at, false)
	}
	scopes := append([]*element{root}, root.at("profiles", "profile")...)
	for _, scope := range scopes {
		for _, module := range slices.Concat(scope.at("modules", "module"), scope.at("subprojects", "subproject")) {
			m.follow(p, dir, strings.TrimSpace(module.text), true)
		}
	}
	root.walk(func(e *element) {
		switch {
		case e.name == "exists" || e.name == "missing":
			m.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has a profile that looks for the file %s", p, e.line, strings.TrimSpace(e.text)), Path: p, Line: e.line})
		case e.name == "systemPath":
			m.refuse(Refusal{Reason: fmt.Sprintf("%s:%d takes a dependency from the file %s", p, e.line, strings.TrimSpace(e.text)), Path: p, Line: e.line})
		case e.name == "extensions" && strings.TrimSpace(e.text) == "true":
			m.refuse(Refusal{Reason: fmt.Sprintf("%s:%d loads an extension of Maven, which may read any file", p, e.line), Path: p, Line: e.line})
		case e.name == "url" && fileURL.MatchString(e.text):
			m.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has a repository in the folder %s", p, e.line, strings.TrimSpace(e.text)), Path: p, Line: e.line})
		}
	})
	if len(root.at("build", "extensions", "extension")) > 0 {
		m.refuse(Refusal{Reason: p + " loads an extension of Maven, which may read any file", Path: p})
	}
}

var fileURL = lazyregexp.New(`(?i)^\s*(?:file:|\$\{(?:project\.)?basedir\})`)

// follow goes on to a pom that another names by a folder or file.
func (m *mavenReader) follow(from, dir, name string, needed bool) {
	if name == "" { // the parent is not looked for
		return
	}
	at, ok := within(dir, name)
	switch {
	case strings.Contains(name, "$"):
		m.refuse(Refusal{Reason: fmt.Sprintf("%s names %s by an expression", from, name), Path: from})
		return
	case !ok && needed:
		m.refuse(Refusal{Reason: fmt.Sprintf("%s names %s outside the build context", from, name), Path: from})
		return
	case !ok:
		return
	}
	if m.c.IsDir(at) {
		at = path.Join(at, "pom.xml")
	}
	m.pom(at, needed)
}

// dotMvn reads Maven's own settings of the project: "Configuring Maven".
func (m *mavenReader) dotMvn(dir string) {
	for _, up := range upward(dir) {
		for _, f := range []string{"maven.config", "jvm.config", "settings.xml"} {
			m.read(path.Join(up, ".mvn", f))
		}
		if p := path.Join(up, ".mvn/extensions.xml"); m.find(p) != missing {
			m.refuse(Refusal{Reason: p + " loads an extension of Maven, which may read any file", Path: p})
		}
	}
}

// wrapper is ./mvnw, which fetches Maven by .mvn/wrapper, and its own jar into that.
func (m *mavenReader) wrapper(dir string) {
	p := path.Join(dir, "mvnw")
	if m.find(p) != present {
		m.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
		return
	}
	m.file(p)
	m.refuse(Refusal{Reason: p + " is a script of the project, which may read other files", Cure: "look at it once and use --unsafe", Path: p})
	for _, f := range []string{"maven-wrapper.properties", "maven-wrapper.jar", "MavenWrapperDownloader.java"} {
		if at := path.Join(dir, ".mvn/wrapper", f); m.find(at) == present {
			m.file(at)
		}
	}
}
