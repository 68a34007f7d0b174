package pkgmgr

// Gradle is Java's and Kotlin's. Any task may fetch what it needs into the Gradle user
// home, ~/.gradle: "The Directories and Files Gradle Uses" in its documentation; that the
// cache must not be shared by several containers at once stands there too.
var Gradle = Manager{
	Name:     "gradle",
	Programs: []string{"gradle"},
	Wrappers: []string{"gradlew"},
	Values: []string{"-p", "--project-dir", "-b", "--build-file", "-c", "--settings-file", "-g", "--gradle-user-home", "-I", "--init-script", "-x", "--exclude-task",
		"--max-workers", "--project-cache-dir", "--console", "--warning-mode", "--include-build", "-P", "--project-prop", "-D", "--system-prop"},
	Verbs: map[string]Verb{"dependencies": Download, "buildEnvironment": Download},
	Caches: []Cache{{
		Dir: "~/.gradle", What: "user home",
		FilledBy: []string{"*"},
		Moved:    []string{"GRADLE_USER_HOME", "GRADLE_OPTS"},
		Kept:     "every later build reads it",
		Mount:    Mount{Sharing: "locked", Below: []string{"caches", "wrapper"}, Reads: true, Doubt: "dynamic versions stay what they were for a day"},
	}},
	ManifestGlobs: []string{"settings.gradle*", "build.gradle*", "gradle.properties", "gradle/*"},
	NoManifests:   "its files have several names",
	refine: func(c *Call) {
		if c.Has("-g", "--gradle-user-home") {
			c.Unclear = true // it is elsewhere
		}
	},
}
