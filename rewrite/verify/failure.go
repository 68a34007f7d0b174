package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// failure turns a failed build into the end of the verification.
func (v *verifier) failure(ctx context.Context, err error) error {
	if b, ok := errors.AsType[*broken](err); ok && ctx.Err() == nil {
		return &failed{Failed, v.told(ctx, b)}
	}
	return err
}

// told says what is wrong with a build, in a user's words.
func (v *verifier) told(ctx context.Context, b *broken) Failure {
	f := Failure{Kind: "after", Message: clean(b.err)}
	if strings.HasPrefix(b.request.name, nameBefore) {
		f.Kind = "before"
	}
	if ctx.Err() != nil {
		return f
	}
	if err := b.engine.alive(ctx); err != nil {
		f.Kind = "engine"
		f.Message = fmt.Sprintf("the BuildKit at %s went away during the build of %s: %s", b.engine.address, b.request.name, f.Message)
		f.Hint = "look at its log, start it again and repeat; nothing is said about the Dockerfile"
		return f
	}
	f.Step, f.Log = b.run.steps.failed()
	lines := v.afterLines
	if f.Kind == "before" {
		lines = v.beforeLines
	}
	f.Line = lines.step(f.Step)
	for _, s := range errdefs.Sources(b.err) {
		if len(s.Ranges) > 0 && s.Ranges[0].Start.Line > 0 {
			f.Line = int(s.Ranges[0].Start.Line)
		}
	}
	if noSpace.MatchString(withoutCommand(f.Message)) {
		f.Kind = "disk"
		f.Hint = "the engine's disk is full; `buildctl prune` or `docker buildx prune` frees what it keeps"
		if strings.Contains(f.Message, v.temp) || strings.Contains(f.Message, "shale-verify-") {
			f.Hint = "this machine's folder for temporary files is full; TMPDIR names another"
		}
		return f
	}
	f.Hint = hint(f.Message, f.Log)
	return f
}

var (
	noSpace   = lazyregexp.New(`(?i)no space left on device`)
	noSecret  = lazyregexp.New(`secret ([^\s:]+): not found|failed to mount secret|secret not found`)
	noBase    = lazyregexp.New(`failed to resolve source metadata for (\S+?):? |pull access denied|failed to do request|failed to authorize`)
	noSource  = lazyregexp.New(`failed to calculate checksum of ref|failed to compute cache key`)
	noSSH     = lazyregexp.New(`no SSH key|ssh-agent|SSH agent`)
	noExport  = lazyregexp.New(`exporter "?oci"? could not be found|unknown exporter|OCI exporter`)
	noRight   = lazyregexp.New(`is not allowed|requires? (the )?entitlement|entitlement`)
	noNetwork = lazyregexp.New(`(?i)temporary failure (in name resolution|resolving)|could not resolve|EAI_AGAIN|ETIMEDOUT|ECONNRESET`)
)

// command is that of a step which failed, as BuildKit quotes it.
var command = lazyregexp.New(`process "(?:[^"\\]|\\.)*"`)

// withoutCommand is a message without what the Dockerfile's author wrote: its words
// tell nothing of the engine.
func withoutCommand(message string) string {
	return command.ReplaceAllString(message, "process")
}

// hint says what can be done about a failed build, "" where Shale does not know.
func hint(message, log string) string {
	message = withoutCommand(message)
	switch {
	case noSecret.MatchString(message):
		id := "ID"
		if m := noSecret.FindStringSubmatch(message); m[1] != "" {
			id = m[1]
		}
		return fmt.Sprintf("give the secret with --secret id=%s,src=FILE", id)
	case noExport.MatchString(message):
		return "this engine cannot hand out an image as OCI (a Docker engine needs its containerd image store for it); start a BuildKit of its own: docker run -d --name buildkitd --privileged moby/buildkit, then --buildkit docker-container://buildkitd"
	case noBase.MatchString(message):
		image := "NAME"
		if m := noBase.FindStringSubmatch(message); m[1] != "" {
			image = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(m[1], ":"), "docker.io/library/"), "docker.io/")
		}
		return fmt.Sprintf("the engine cannot fetch the image: is the name right, does it need `docker login`, is there a network? A local copy is named by --build-context %s=oci-layout://DIR", image)
	case noSource.MatchString(message):
		return "a source of COPY or ADD is not there: --context DIR names another build context, and .dockerignore may hide it"
	case noSSH.MatchString(message):
		return "the Dockerfile wants an SSH agent, which verify does not forward"
	case noRight.MatchString(message):
		return "the Dockerfile asks for rights (RUN --security or --network=host) that verify does not grant"
	case noSpace.MatchString(log):
		return "the step found no space left: the engine's disk may be full"
	case noNetwork.MatchString(log):
		return "the step could not reach the network"
	}
	return ""
}

// clean is an error without what BuildKit wraps around each.
func clean(err error) string {
	text := err.Error()
	for _, prefix := range []string{"failed to solve: ", "rpc error: code = Unknown desc = "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}
