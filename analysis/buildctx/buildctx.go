// Package buildctx answers for the build context: which folder it is, which files a
// COPY would see under .dockerignore, and which files an install reads from it.
package buildctx

// A Request asks which folder is a Dockerfile's build context.
type Request struct {
	Dockerfile string   // its path on disk; "" for a document without one
	Dir        string   // the context that a flag, the configuration, a compose or a bake file names; "" if none
	How        string   // who named Dir, for messages: "--context", ".shale.toml"
	Sources    []string // every source of COPY and ADD from the context, as written with variables expanded
	Opaque     bool     // a source is unknown: a variable without a value
	Manifests  []string // manifests that its installs need, as paths of the context
}
