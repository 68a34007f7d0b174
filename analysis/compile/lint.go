package compile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Warning is a finding of Docker's own build checks.
type Warning struct {
	Name        string // "FromAsCasing"
	Message     string
	Description string
	URL         string
	Start, End  int // its lines, from 1; 0 for none
}

// Lint runs Docker's build checks and returns their warnings by line. What depends
// on the base image is left out, since it is not known: an undefined variable that
// the base may define. A text that does not build gets the warnings up to there and
// BuildKit's error. ignore is the text of the .dockerignore in force, "" where there is
// none or it is not known.
func Lint(ctx context.Context, content, ignore string) ([]Warning, error) {
	return New(content).Lint(ctx, ignore)
}

// A Refusal is why BuildKit does not build a text that it can read.
type Refusal struct {
	Message string // in BuildKit's words
	Lines   []int  // of the instructions that it is about, from 1: the one at fault first; none where BuildKit names none
}

// Refused is what an error of Lint says of the text; false for one of the compiler itself.
func Refused(err error) (Refusal, bool) {
	if err == nil || errors.Is(err, ErrInternal) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Refusal{}, false
	}
	return Refusal{strings.TrimSuffix(err.Error(), ": invalid argument"), syntax.ErrorLines(err)}, true
}

// NoImage is why BuildKit takes a name behind FROM for no image's; nil if it is one. It
// looks at all names at once, and refuses a text for whichever it comes to first.
func NoImage(name string) error {
	if _, err := reference.ParseNormalizedNamed(name); err != nil {
		return fmt.Errorf("failed to parse stage name %q: %w", name, err)
	}
	return nil
}

type linted struct {
	warnings []Warning
	err      error
}

// Lint is as the function of that name. It runs once for each ignore.
func (d *Dockerfile) Lint(ctx context.Context, ignore string) ([]Warning, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, ok := d.linted[ignore]
	if !ok {
		l.warnings, l.err = d.runLint(ctx, ignore)
		if ctx.Err() != nil {
			return l.warnings, l.err
		}
		if d.linted == nil {
			d.linted = map[string]linted{}
		}
		d.linted[ignore] = l
	}
	return slices.Clone(l.warnings), l.err
}

func (d *Dockerfile) runLint(ctx context.Context, ignore string) ([]Warning, error) {
	var windows atomic.Bool
	content := unrun(d.doc())
	windows.Store(d.doc().Escape == '`')
	out, err := d.lintFor(ctx, buildPlatform, content, ignore, &windows)
	if !windows.Load() || ctx.Err() != nil {
		return out, err
	}
	// The name tells no more than that the image may be one of Windows, where C:\ is a
	// root: what holds on both is what is known.
	there, thereErr := d.lintFor(ctx, ocispecs.Platform{OS: "windows", Architecture: "amd64"}, content, ignore, &windows)
	if thereErr == nil {
		err = nil
	}
	return slices.DeleteFunc(out, func(w Warning) bool { return !slices.Contains(there, w) }), err
}

// lintFor runs the checks for a platform. windows is told of an image that may be one
// of Windows.
func (d *Dockerfile) lintFor(ctx context.Context, platform ocispecs.Platform, content, ignore string, windows *atomic.Bool) (_ []Warning, err error) {
	defer recovered(&err)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, err := ignoring(ignore)
	if err != nil {
		return nil, err
	}
	var found lint.LintResults
	// dockerfile2llb.DockerfileLint does the same with a source map, which costs a
	// place in it for each operation and tells nothing here.
	_, err = dockerfile2llb.Dockerfile2LLB(ctx, []byte(content), dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs:      d.declared().values(Options{}),
			BuildPlatforms: []ocispecs.Platform{platform},
		},
		MetaResolver: resolver{env: mentioned(content), lint: windows},
		LLBCaps:      &caps,
		Warn:         into(found.AddWarning),
		AllStages:    true,
		Client:       client,
	})
	if err != nil && strings.HasPrefix(err.Error(), violation) {
		err = nil
	}
	var out []Warning
	for _, w := range found.Warnings {
		one := Warning{Name: w.RuleName, Message: w.Detail, Description: w.Description, URL: w.URL}
		for _, r := range w.Location.Ranges {
			start, end := int(r.Start.Line), int(r.End.Line)
			if one.Start == 0 || start < one.Start {
				one.Start = start
			}
			one.End = max(one.End, end)
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Name, b.Name))
	})
	return out, err
}

// violation starts the error of a file that compiles, where "# check=error=true" makes one
// of the warnings: the linter's Error has no type of its own.
const violation = "lint violation found for rules: "

// unrun takes those RUNs out of a text, line for line, of which the checks have
// nothing to say: they are most of a file, and cost as much. What stays is told the
// same. A comment that speaks to the checks might come to speak of another
// instruction, and what the case of keywords is is told by all of them.
func unrun(doc *syntax.Document) string {
	if len(doc.Problems) > 0 || strings.Contains(strings.ToLower(doc.Content), "check") && checkComment.MatchString(doc.Content) {
		return doc.Content
	}
	upper, lower := true, true
	for _, in := range doc.Instructions {
		word := in.Keyword.In(doc.Content)
		upper = upper && word == strings.ToUpper(word)
		lower = lower && word == strings.ToLower(word)
	}
	if !upper && !lower {
		return doc.Content
	}
	var out strings.Builder
	out.Grow(len(doc.Content))
	done, piece := 0, 0
	for _, in := range doc.Instructions {
		// Flags may be refused, and empty lines are a check's.
		if in.Name != "run" || !in.Faithful || len(in.Flags) > 0 {
			continue
		}
		blank := false
		for ; piece < len(doc.Pieces) && doc.Pieces[piece].Span.Start < in.Lines.End; piece++ {
			p := doc.Pieces[piece]
			blank = blank || p.Kind == syntax.Blank && p.Span.Start >= in.Lines.Start
		}
		if blank {
			continue
		}
		out.WriteString(doc.Content[done:in.Lines.Start])
		out.WriteString(newlines(in.Lines.In(doc.Content)))
		done = in.Lines.End
	}
	out.WriteString(doc.Content[done:])
	return out.String()
}

// into listens to the checks for the one source that there is. R is the range type
// of BuildKit's parser.
func into[R any](add func(rule, description, url, message string, source int, at []R)) func(rule, description, url, message string, at []R) {
	return func(rule, description, url, message string, at []R) {
		add(rule, description, url, message, 0, at)
	}
}

var variable = lazyregexp.New(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// mentioned makes an environment that defines, as empty, every variable that the
// text mentions. An empty value expands as an undefined one does.
func mentioned(content string) []string {
	var out []string
	for _, m := range variable.FindAllStringSubmatch(content, -1) {
		out = append(out, m[1]+"=")
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(kv string) bool { return kv == "PATH=" })
}
