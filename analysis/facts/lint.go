package facts

import (
	"context"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/compile"
)

// Lint returns what Docker's own build checks say; nothing of a file that BuildKit
// refuses.
func (f *File) Lint() []compile.Warning { return f.linted().warnings }

// Refused is why BuildKit does not build the file, which it can read; false where it
// builds it, as far as is known.
func (f *File) Refused() (compile.Refusal, bool) { return compile.Refused(f.linted().err) }

// KnownRefused reports whether BuildKit refuses the file, as far as somebody has asked.
func (f *File) KnownRefused() bool {
	if len(f.Doc.Problems) > 0 {
		return true
	}
	if f.lint == nil {
		return false
	}
	_, refused := f.Refused()
	return refused
}

type linted struct {
	warnings []compile.Warning
	err      error
}

func (f *File) linted() linted {
	if f.lint == nil {
		f.lint = &linted{}
		if len(f.Doc.Problems) == 0 {
			f.lint.warnings, f.lint.err = f.Dockerfile().Lint(context.Background(), f.ignoreText())
		}
	}
	return *f.lint
}

// Dockerfile is the text as it compiles.
func (f *File) Dockerfile() *compile.Dockerfile {
	if f.compiled == nil {
		f.compiled = compile.Of(f.Doc)
	}
	return f.compiled
}

// ignoreText is the .dockerignore in force, or one that hides what is copied, if the file
// copies from its build context; "" where none is known.
func (f *File) ignoreText() string {
	for _, in := range f.Doc.Instructions {
		if (in.Name == "copy" || in.Name == "add") && in.Flag("from") == nil {
			if c, _ := f.Context(); c != nil {
				return c.IgnoreText()
			}
			if r := f.context.request; r != nil {
				return buildctx.Hiding(*r)
			}
			break
		}
	}
	return ""
}

// FromHadolint reports whether a configuration of hadolint is in force.
func (f *File) FromHadolint() bool { return f.opts.Config.Hadolint() }
