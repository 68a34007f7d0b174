package buildctx

import (
	"path"
	"slices"
)

var gradle = Installer{
	Name: "gradle",
	reads: func(c Install) bool {
		return (c.Word == "dependencies" || builtByGradle(c)) && !c.Has("-p", "--project-dir", "-b", "--build-file", "--offline")
	},
	builds: func(c Install) string {
		if !builtByGradle(c) {
			return ""
		}
		return "mount the caches of Gradle's user home, or copy the build files above this line and put `RUN gradle dependencies` behind them if they read no other files"
	},
	world: func(c *Context, dir string, _ Install) World { return c.Gradle(dir) },
	tasks: true,
	guess: files("build.gradle*", "settings.gradle*"),
}

var gradleBuilds = []string{"build", "assemble", "bootJar", "shadowJar", "installDist", "jar"}

func builtByGradle(c Install) bool {
	return slices.ContainsFunc(c.words(), func(w string) bool { return slices.Contains(gradleBuilds, w) })
}

// Gradle says why the world of Gradle cannot be known: its build files are programs.
func (c *Context) Gradle(dir string) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	for _, f := range []string{"settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts", "gradle.properties"} {
		if p := path.Join(dir, f); b.find(p) == present {
			b.file(p)
		}
	}
	b.refuse(Refusal{Reason: "Gradle's build files are programs, which may read any file of the project"})
	return b.done()
}
