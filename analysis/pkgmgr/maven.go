package pkgmgr

// Maven is Java's. Any goal may fetch what it needs into ~/.m2/repository, which is not
// safe for several Maven at once: "Configuring Maven" in its documentation.
var Maven = Manager{
	Name:     "maven",
	Programs: []string{"mvn", "mvnd"},
	Wrappers: []string{"mvnw"},
	Values: []string{"-f", "--file", "-s", "--settings", "-gs", "--global-settings", "-t", "--toolchains", "-pl", "--projects", "-P", "--activate-profiles",
		"-l", "--log-file", "-T", "--threads", "-rf", "--resume-from", "-b", "--builder", "-D", "--define"},
	Verbs: map[string]Verb{
		"dependency:go-offline": Download, "dependency:resolve": Download, "dependency:resolve-plugins": Download, "dependency:get": Download,
		"dependency:purge-local-repository": Clean,
	},
	Caches: []Cache{{
		Dir: "~/.m2", What: "local repository",
		FilledBy: []string{"*"},
		Moved:    []string{"maven.repo.local", "MAVEN_OPTS", "MAVEN_ARGS", "MAVEN_CONFIG"},
		Kept:     "every later build reads it",
		Mount:    Mount{Sharing: "locked", Below: []string{"repository"}, Reads: true, Doubt: "snapshots, and failures to fetch, stay in it for a day"},
	}},
	Manifests:     []string{"pom.xml"},
	ManifestGlobs: []string{".mvn/*"},
	ReadBy:        []string{"clean", "validate", "compile", "test-compile", "test", "package", "verify", "install", "deploy", "site", "dependency:tree", "dependency:copy-dependencies"},
	UnreadBy:      []string{"dependency:get"},
}
