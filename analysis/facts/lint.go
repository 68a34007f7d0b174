package facts

import (
	"context"

	"github.com/shale-build/shale/analysis/compile"
)

// Lint returns what Docker's own build checks say; nothing of a file that BuildKit
// refuses.
func (f *File) Lint() []compile.Warning {
	if f.lint == nil {
		f.lint = &[]compile.Warning{}
		if len(f.Doc.Problems) == 0 {
			// An error is of the build, which Docker's checks do not speak of.
			*f.lint, _ = compile.Of(f.Doc).Lint(context.Background())
		}
	}
	return *f.lint
}

// FromHadolint reports whether a configuration of hadolint is in force.
func (f *File) FromHadolint() bool { return f.opts.Config.Hadolint() }
