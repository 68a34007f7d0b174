//go:build tools

// Package buildkit is a module of its own that pins what BuildKit's daemon is
// built from, so that Shale's own module does not require a daemon's libraries.
package buildkit

import (
	_ "github.com/moby/buildkit/cmd/buildctl"
	_ "github.com/moby/buildkit/cmd/buildkitd"
)
