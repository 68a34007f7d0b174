package compile

import (
	"cmp"
	"context"
	"regexp"
	"slices"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Warning is a finding of Docker's own build checks.
type Warning struct {
	Name        string // "FromAsCasing"
	Message     string
	Description string
	URL         string
	Start, End  int // its lines, from 1; 0 for none
}

// Lint runs Docker's build checks and returns their warnings by line. What depends on the base image is left out,
// since it is not known: an undefined variable that the base may define. A text
// that does not build gets the warnings up to there and BuildKit's error.
func Lint(ctx context.Context, content string) ([]Warning, error) { return New(content).Lint(ctx) }

// Lint is as the function of that name.
func (d *Dockerfile) Lint(ctx context.Context) (_ []Warning, err error) {
	content := d.content
	defer recovered(&err)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The checks want a source map with a definition, whatever is in it.
	def, err := scratch(ctx)
	if err != nil {
		return nil, err
	}
	caps := pb.Caps.CapSet(pb.Caps.All())
	res, err := dockerfile2llb.DockerfileLint(ctx, []byte(content), dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildArgs:      d.declared().values(Options{}),
			BuildPlatforms: []ocispecs.Platform{buildPlatform},
		},
		MetaResolver: resolver{env: mentioned(content), lint: true},
		LLBCaps:      &caps,
		SourceMap: &llb.SourceMap{
			Filename: "Dockerfile", Language: "Dockerfile", Data: []byte(content), Definition: def,
		},
	})
	if err != nil {
		return nil, err
	}
	var out []Warning
	for _, w := range res.Warnings {
		one := Warning{Name: w.RuleName, Message: w.Detail, Description: w.Description, URL: w.URL}
		if w.Location != nil {
			for _, r := range w.Location.Ranges {
				start, end := int(r.Start.Line), int(r.End.Line)
				if one.Start == 0 || start < one.Start {
					one.Start = start
				}
				one.End = max(one.End, end)
			}
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Name, b.Name))
	})
	if res.Error != nil {
		return out, buildError{res.Error.Message}
	}
	return out, nil
}

type buildError struct{ message string }

func (e buildError) Error() string { return e.message }

func scratch(ctx context.Context) (*llb.Definition, error) {
	return llb.Scratch().Marshal(ctx)
}

var variable = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

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
