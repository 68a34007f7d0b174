// Package buildctx answers for the build context: which folder it is, which files a
// COPY would see under .dockerignore, and which files an install reads from it.
package buildctx

import "path"

// A Request asks which folder is a Dockerfile's build context.
type Request struct {
	Dockerfile string            // its path on disk; "" for a document without one
	Dir        string            // the context that a flag, the configuration, a compose or a bake file names; "" if none
	How        string            // who named Dir, for messages: "--context", ".shale.toml"
	Sources    []string          // every source of COPY and ADD from the context, as written with variables expanded
	Opaque     bool              // a source is unknown: a variable without a value
	Manifests  []Manifest        // manifests that its installs need
	Files      map[string]string // what files will hold that are to be written, by path on disk
	Walks      *Walks            // what is known of folders; nil to look anew
	Podman     bool              // Podman builds it, which has files of patterns of its own
}

// A Manifest is a file that an install reads where copies out of the context put
// things.
type Manifest struct {
	Name string
	// From are these copies, the newest first. The source of each may be a file or a
	// folder: the first that is a folder should hold the manifest, unless one is the
	// manifest itself.
	From []Origin
}

// An Origin is a copy to the folder that a manifest lies in, or to one above.
type Origin struct {
	Source string // of the context
	Below  string // the folder of the manifest, from where the source goes to; "" for that place itself
}

// holds is where a source that is a folder has the manifest.
func (o Origin) holds(name string) string { return path.Join(o.Source, o.Below, name) }
