// Package buildctx answers for the build context: which folder it is, which files a
// COPY would see under .dockerignore, and which files an install reads from it.
package buildctx

// A Request asks which folder is a Dockerfile's build context.
type Request struct {
	Dockerfile string            // its path on disk; "" for a document without one
	Dir        string            // the context that a flag, the configuration, a compose or a bake file names; "" if none
	How        string            // who named Dir, for messages: "--context", ".shale.toml"
	Sources    []string          // every source of COPY and ADD from the context, as written with variables expanded
	Opaque     bool              // a source is unknown: a variable without a value
	Manifests  []Manifest        // manifests that its installs need
	Files      map[string]string // what files will hold that are to be written, by path on disk
}

// A Manifest is a file that an install reads where copies out of the context put
// things.
type Manifest struct {
	Name string
	// From are the sources of these copies, the newest first. Each may be a file or
	// a folder: the first that is a folder should hold the manifest, unless a newer
	// one is the manifest itself.
	From []string
}
