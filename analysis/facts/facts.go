// Package facts answers what rules ask about a Dockerfile. Each fact is derived
// when it is first asked for and once a document; one that is not known is unknown.
package facts

import (
	"github.com/shale-build/shale/analysis/syntax"
)

// A File is one Dockerfile with all that can be known of it. It is safe for use
// by one goroutine.
type File struct {
	Path string // on disk; "" for text without a file
	Doc  *syntax.Document
}
