package compile

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
)

// A Base says what every image outside the Dockerfile looks like. What they really
// hold is unknown, so that what is right must be right over each of them.
type Base uint8

const (
	// Bare has an empty config: root, /bin/sh -c, the folder /, BuildKit's PATH.
	Bare Base = iota
	// Full has every field set that a RUN, a COPY or the image's own config
	// inherits: a user, a folder, a bash with -eo pipefail, HOME, triggers.
	Full
)

// What Full sets, for those who must tell a base's own values from the Dockerfile's.
const (
	FullUser = "base-user"
	FullDir  = "/base/work"
	FullHome = "/base/home"
)

// A resolver answers for images without asking anybody. The digest is always
// empty, so that an operation names the image as it is written.
type resolver struct {
	base Base
	env  []string     // further variables, for Lint
	lint *atomic.Bool // for Lint: images are of the platform that is asked for, and one that may be Windows is noted
}

func (r resolver) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := dockerspec.DockerOCIImage{}
	img.OS, img.Architecture = "linux", "amd64"
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		img.Platform = *opt.ImageOpt.Platform
	}
	switch {
	case !windows(ref):
	case r.lint != nil:
		r.lint.Store(true)
	default:
		// Its RUNs are for cmd or PowerShell, which must not pass for a shell's.
		img.OS = "windows"
	}
	img.RootFS.Type = "layers"
	// An image without a layer would compile to nothing at all, and two of them
	// would look the same.
	img.RootFS.DiffIDs = []digest.Digest{digest.FromString("layer")}
	if r.base == Full {
		img.Author = "base-author"
		c := &img.Config
		c.User, c.WorkingDir = FullUser, FullDir
		c.Env = []string{
			"PATH=/base/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=" + FullHome, "LANG=C.UTF-8", "BASE_ENV=base value",
		}
		c.Entrypoint = []string{"/base/entrypoint"}
		c.Cmd = []string{"base", "cmd"}
		c.Shell = []string{"/bin/bash", "-eo", "pipefail", "-c"}
		c.ExposedPorts = map[string]struct{}{"1234/tcp": {}}
		c.Volumes = map[string]struct{}{"/base/volume": {}}
		c.Labels = map[string]string{"base.label": "base value"}
		c.StopSignal = "SIGUSR1"
		c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD", "/base/health"}, Interval: time.Minute, Retries: 7}
		// Triggers run before the stage's own instructions: to those they are a
		// part of an unknown base. They stand here so that nothing counts on the
		// first instruction of a stage being the first operation over its base.
		c.OnBuild = []string{"ENV BASE_TRIGGER=1", "RUN base-trigger", "COPY . /base/trigger"}
	}
	img.Config.Env = append(img.Config.Env, r.env...)
	dt, err := json.Marshal(img)
	return ref, "", dt, err
}

func windows(ref string) bool {
	for _, part := range []string{"windows/", "windows-", "windowsservercore", "nanoserver", "servercore", "ltsc20", "dotnet/framework/", "microsoft.com/windows:"} {
		if strings.Contains(strings.ToLower(ref), part) {
			return true
		}
	}
	return false
}

// ignoreWarning listens to the checks. R is the range type of BuildKit's parser.
func ignoreWarning[R any](rule, description, url, message string, _ []R) {}
