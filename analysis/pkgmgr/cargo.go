package pkgmgr

// Cargo is Rust's package manager and build tool. CARGO_HOME is ~/.cargo, and
// /usr/local/cargo in the official rust image: "Cargo Home" in the Cargo book, which
// also says which of its folders are worth caching. Cargo locks them itself; target, in
// the project, holds what it built.
var Cargo = Manager{
	Name:     "cargo",
	Programs: []string{"cargo"},
	Values: []string{"--manifest-path", "--target", "--features", "-F", "--bin", "--example", "--test", "--package", "-p", "-j", "--jobs", "--target-dir",
		"--profile", "--root", "--git", "--branch", "--tag", "--rev", "--version", "--vers", "--path", "-Z", "--config", "-C", "--color", "--message-format", "--index", "--registry"},
	Verbs: map[string]Verb{"install": Install, "fetch": Download, "vendor": Download, "update": Upgrade, "uninstall": Remove, "clean": Other},
	Caches: []Cache{{
		Dir: "~/.cargo", In: map[string]string{"rust": "/usr/local/cargo"}, What: "registry and sources",
		Filled:   []Verb{Install, Download, Upgrade},
		FilledBy: []string{"build", "b", "test", "t", "run", "r", "check", "c", "bench", "doc", "chef", "rustc", "clippy"},
		Moved:    []string{"CARGO_HOME"},
		Kept:     "every later build reads it, and the programs that it installed lie beside it",
		Mount:    Mount{Sharing: "shared", Below: []string{"registry", "git/db"}, Reads: true, Doubt: "Cargo compares what it has unpacked there with no sum again"},
	}},
	Manifests:     []string{"Cargo.toml", "Cargo.lock"},
	ManifestGlobs: []string{"rust-toolchain*", ".cargo/config*"},
	ReadBy:        []string{"build", "b", "test", "t", "run", "r", "check", "c", "bench", "doc", "clippy", "rustc", "clean", "tree", "metadata", "generate-lockfile", "package", "publish", "fmt"},
	UnreadBy:      []string{"--git", "--path", "--list"},
}
