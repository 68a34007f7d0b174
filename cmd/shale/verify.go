package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/discover"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite"
	"github.com/shale-build/shale/rewrite/verify"
	"github.com/spf13/cobra"
)

type verifyFlags struct {
	selection
	unsafe           bool
	against          string
	stops            []string
	target, platform string
	given            given
	engines          []string
	tls              verify.TLS
	rebuild          []string
	compression      string
	progress         string
}

// given is what a Dockerfile is built with that it does not hold.
type given struct{ args, contexts, secrets []string }

func (g *given) flags(c *cobra.Command, when string) {
	flags := c.Flags()
	flags.StringArrayVar(&g.args, "build-arg", nil, when+"a build argument, `K=V`, or K to take the environment's; may be repeated")
	flags.StringArrayVar(&g.contexts, "build-context", nil, when+"a named context, `NAME=VALUE`: a folder, oci-layout://DIR, docker-image://REF or a URL; may be repeated")
	flags.StringArrayVar(&g.secrets, "secret", nil, when+"a secret, `id=ID`[,src=FILE|,env=VAR]; may be repeated")
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Prove by building that a fix breaks nothing, and measure what it gains",
		Long: `Build a Dockerfile as it is and as ` + "`shale fix`" + ` would leave it, with a BuildKit
that runs on this machine or elsewhere, compare the two images file by file, and
measure both: bytes of each layer, bytes that are shipped and dead, time, and the
steps that run again after a file changed. With --against, two Dockerfiles are
compared.

The Dockerfile is built twice as it is, so that what differs from build to build
is known and not blamed on the fix. FILE may be a folder, or - for standard input;
without it, the current folder's Dockerfile is meant.

Exit status: 0 the images are the same but for what the fixes say they stop
shipping, or there is nothing to fix; 1 they differ, or the result does not build;
2 no BuildKit, a Dockerfile that does not build as it is, or a wrong flag.`,
		Example: "  shale verify\n  shale verify --buildkit docker-container://buildkitd api/Dockerfile --context api\n" +
			"  shale verify --against Dockerfile.new --rebuild src/main.go --format markdown",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("verify takes one Dockerfile, and %d are named; run it for each", len(args))
			}
			return a.verify(c, args, &f)
		},
	}
	f.ruleFlags(c, a.rules, "stdin-filename")
	flags := c.Flags()
	flags.BoolVar(&f.unsafe, "unsafe", false, "make unsafe fixes too")
	flags.StringVar(&f.against, "against", "", "compare with the Dockerfile `OTHER` in place of the fixed one")
	flags.StringArrayVar(&f.stops, "stops", nil, "with --against: a `PATH` of the image below which OTHER may stop shipping files; may be repeated")
	flags.StringVar(&f.target, "target", "", "the `STAGE` to build")
	flags.StringVar(&f.platform, "platform", "", "the platform to build for, as `OS/ARCH`")
	f.given.flags(c, "")
	flags.StringSliceVar(&f.engines, "buildkit", nil, "the `ADDR` of a BuildKit: unix://, tcp://, docker-container://, kube-pod://, docker:// …; several share the builds (default: BUILDKIT_HOST, or one that is found)")
	flags.StringVar(&f.tls.CACert, "tlscacert", "", "for tcp://: the `FILE` with the certificate of the engine's authority")
	flags.StringVar(&f.tls.Cert, "tlscert", "", "for tcp://: the `FILE` with your certificate")
	flags.StringVar(&f.tls.Key, "tlskey", "", "for tcp://: the `FILE` with its key")
	flags.StringVar(&f.tls.ServerName, "tlsservername", "", "for tcp://: the `NAME` in the engine's certificate, if it is not the host's")
	flags.StringVar(&f.tls.Dir, "tlsdir", "", "for tcp://: a `DIR` with ca.pem, cert.pem and key.pem in place of the three")
	flags.StringSliceVar(&f.rebuild, "rebuild", nil, "tell which steps run again after the file `PATH` of the context changed; none for none (default: a source file and a manifest)")
	flags.StringVar(&f.compression, "compression", "gzip", "how layers are compressed: gzip, zstd or uncompressed")
	flags.StringVar(&f.progress, "progress", "auto", "how to show builds: auto, tty, plain or quiet")
	flags.StringVar(&f.format, "format", "text", "how to report: text, json or markdown")
	complete(c, "format", "text", "json", "markdown")
	complete(c, "progress", "auto", "tty", "plain", "quiet")
	complete(c, "compression", "gzip", "zstd", "uncompressed")
	for _, dir := range []string{"context", "tlsdir"} {
		if err := c.MarkFlagDirname(dir); err != nil {
			panic(err)
		}
	}
	return c
}

func (a *app) verify(c *cobra.Command, args []string, f *verifyFlags) error {
	if err := cmp.Or(
		oneOf("--format", f.format, "text", "json", "markdown"),
		oneOf("--progress", f.progress, "auto", "tty", "plain", "quiet"),
		oneOf("--compression", f.compression, "gzip", "zstd", "uncompressed"),
	); err != nil {
		return err
	}
	if len(f.stops) > 0 && f.against == "" {
		return errors.New("--stops goes with --against; what fixes stop shipping is known")
	}
	file := "."
	if len(args) > 0 {
		file = args[0]
	}
	t, err := dockerfileOf(file, f.stdinName)
	if err != nil {
		return err
	}
	f.mends = true
	chosen, err := f.rules(a.rules)
	if err != nil {
		return err
	}
	configs, err := newConfigs(&f.selection, a.rules)
	if err != nil {
		return err
	}
	s := &session{app: a, ctx: c.Context(), chosen: chosen, configs: configs, context: f.context}
	s.learn(&discover.Result{}, []target{t})
	in, err := s.input(t)
	var request *verify.Request
	if err == nil {
		request, err = s.verification(t, in, f)
	}
	if err != nil && s.ctx.Err() == nil {
		return err
	}
	if err == nil && request.Builds() {
		defer func() {
			for _, e := range request.Engines {
				e.Close()
			}
		}()
		request.Engines, err = verify.Connect(s.ctx, f.engines, f.tls, a.getenv)
		if err != nil && s.ctx.Err() == nil {
			return err
		}
	}
	var r *verify.Report
	if s.ctx.Err() == nil {
		request.Progress = a.buildProgress(f.progress)
		r, err = verify.Verify(s.ctx, *request)
	}
	if s.ctx.Err() != nil {
		s.say("interrupted; the builds are stopped, and nothing is left behind")
		return exit(exitInterrupted)
	}
	if err != nil {
		return err
	}
	return a.tellVerified(r, f.format)
}

// tellVerified prints what was found, and turns it into an exit status.
func (a *app) tellVerified(r *verify.Report, format string) error {
	switch format {
	case "json":
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
	case "markdown":
		verifyMarkdown(a.out, r)
	default:
		verifyText(a.out, r, a.colored(a.out))
	}
	if r.Failure != nil {
		a.tellFailure(r)
	}
	switch {
	case a.out.err != nil:
		return a.out.err
	case r.Verdict == verify.Failed:
		return exit(exitFault)
	case r.Verdict == verify.Different:
		return exit(exitFindings)
	}
	return nil
}

// ruleFlags are those that say which fixes are made, and more of check's.
func (s *selection) ruleFlags(c *cobra.Command, all []*analysis.Rule, names ...string) {
	var more cobra.Command
	s.flags(&more, []string{"text"}, all)
	for _, name := range append([]string{"only", "except", "config", "context"}, names...) {
		c.Flags().AddFlag(more.Flags().Lookup(name))
	}
}

// dockerfileOf finds the one Dockerfile that an argument means.
func dockerfileOf(arg, stdinName string) (target, error) {
	if arg == "-" {
		return target{shown: cmp.Or(stdinName, "-"), path: stdinName, stdin: true}, nil
	}
	if stdinName != "" {
		return target{}, errors.New("--stdin-filename goes with -")
	}
	info, err := os.Stat(arg)
	if err != nil {
		return target{}, fmt.Errorf("%s: %w", arg, reason(err))
	}
	if !info.IsDir() {
		return onFile(arg, !info.Mode().IsRegular()), nil
	}
	for _, name := range []string{"Dockerfile", "Containerfile"} {
		if p := filepath.Join(arg, name); isFile(p) {
			return target{shown: p, path: p}, nil
		}
	}
	return target{}, fmt.Errorf("%s: no Dockerfile in this folder; name the file", arg)
}

func isFile(p string) bool {
	info, err := os.Stat(p)
	return err == nil && !info.IsDir()
}

// verification says what is to be built and compared.
func (s *session) verification(t target, in analysis.Input, f *verifyFlags) (*verify.Request, error) {
	setup, err := s.setup(in, f)
	if err != nil {
		return nil, err
	}
	r := &verify.Request{File: t.shown, Before: in.Content, Setup: *setup}
	switch {
	case slices.Equal(f.rebuild, []string{"none"}):
		r.Rebuild = []string{}
	case len(f.rebuild) > 0:
		for _, p := range f.rebuild {
			r.Rebuild = append(r.Rebuild, strings.TrimPrefix(filepath.ToSlash(filepath.Clean(p)), "/"))
		}
	}
	if f.against != "" {
		other, err := dockerfileOf(f.against, "")
		if err == nil && other.stdin && t.stdin {
			err = errors.New("both Dockerfiles are standard input")
		}
		if err != nil {
			return nil, fmt.Errorf("--against: %w", err)
		}
		if r.After, err = s.read(other); err != nil {
			return nil, fmt.Errorf("--against: %w", err)
		}
		for _, p := range f.stops {
			if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "~/") {
				return nil, fmt.Errorf("--stops %s: a path of the image begins with / or ~/", p)
			}
		}
		r.Against, r.Other, r.Stops = other.shown, other.path, f.stops
		return r, nil
	}
	options := rewrite.Options{Rules: s.chosen, Safety: analysis.Safe}
	if f.unsafe {
		options.Safety = analysis.Unsafe
	}
	r.Refix = s.refix(in, options)
	if r.Fixed, err = rewrite.Fix(s.ctx, in, options); err != nil {
		return nil, err
	}
	r.After = r.Fixed.After
	for _, x := range r.Fixed.Rejected {
		s.say(rejected(t.shown, x.Line, x.Rule, x.Title, x.Reason))
	}
	return r, nil
}

// refix makes some of the fixes again, to find the one to blame.
func (s *session) refix(in analysis.Input, o rewrite.Options) func(context.Context, func(rewrite.Candidate) bool) (*rewrite.Result, error) {
	return func(ctx context.Context, pick func(rewrite.Candidate) bool) (*rewrite.Result, error) {
		some := o
		some.Pick = func(c rewrite.Candidate) bool { return (o.Pick == nil || o.Pick(c)) && (pick == nil || pick(c)) }
		return rewrite.Fix(ctx, in, some)
	}
}

// setup is what all builds have in common.
func (s *session) setup(in analysis.Input, f *verifyFlags) (*verify.Setup, error) {
	setup := &verify.Setup{
		Dockerfile: in.Path, Target: f.target, Platform: f.platform, Compression: f.compression, BuildArgs: map[string]string{},
	}
	switch c, _ := analysis.Check(in, nil).File.Context(); {
	case f.context != "":
		setup.Context = f.context
	case c != nil:
		setup.Context = c.Root()
	case in.Path != "":
		setup.Context = filepath.Dir(in.Path)
	default:
		setup.Context = "."
	}
	for _, arg := range f.given.args {
		name, value, given := strings.Cut(arg, "=")
		if name == "" {
			return nil, fmt.Errorf("--build-arg %s: it has no name", arg)
		}
		if !given {
			if value = s.getenv(name); value == "" {
				continue // as docker does
			}
		}
		setup.BuildArgs[name] = value
	}
	seen := map[string]bool{}
	for _, x := range f.given.contexts {
		name, value, given := strings.Cut(x, "=")
		if !given || name == "" || value == "" {
			return nil, fmt.Errorf("--build-context %s: it is not NAME=VALUE", x)
		}
		if seen[name] {
			return nil, fmt.Errorf("--build-context %s is given twice", name)
		}
		seen[name] = true
		setup.Named = append(setup.Named, verify.NamedContext{Name: name, Value: value})
	}
	for _, x := range f.given.secrets {
		secret, err := readSecret(x)
		if err != nil {
			return nil, err
		}
		setup.Secrets = append(setup.Secrets, secret)
	}
	return setup, setup.Check()
}

// readSecret reads id=ID[,src=FILE|,env=VAR].
func readSecret(text string) (verify.Secret, error) {
	var s verify.Secret
	kind := ""
	for field := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(field, "=")
		switch strings.ToLower(key) {
		case "id":
			s.ID = value
		case "src", "source":
			s.File = value
		case "env":
			s.Env = value
		case "type":
			kind = value
		default:
			return s, fmt.Errorf("--secret %s: %q is not id, src, env or type", text, key)
		}
	}
	switch {
	case s.ID == "":
		return s, fmt.Errorf("--secret %s: it has no id", text)
	case kind != "" && kind != "file" && kind != "env":
		return s, fmt.Errorf("--secret %s: type is %q; it may be file or env", text, kind)
	case kind == "env" && s.Env == "":
		s.Env, s.File = s.File, ""
	}
	return s, nil
}

// buildProgress is where builds are shown.
func (a *app) buildProgress(mode string) verify.Progress {
	f, _ := a.err.w.(*os.File)
	if mode == "auto" {
		mode = "quiet"
		if a.terminal(a.err) != nil {
			mode = "tty"
		}
	}
	return verify.Progress{Out: f, Mode: mode}
}

// tellFailure says on standard error why a build failed, with the log of the step.
func (a *app) tellFailure(r *verify.Report) {
	f := r.Failure
	what := map[string]string{
		"before": "does not build as it is, which says nothing about the fixes", "after": "builds as it is, but not after the change",
	}[f.Kind]
	message := f.Message
	if what != "" {
		where := r.File
		if f.Line > 0 && f.Kind == "before" {
			where = fmt.Sprintf("%s:%d", r.File, f.Line)
		}
		message = fmt.Sprintf("%s: it %s: %s", where, what, f.Message)
	}
	a.say("error: " + message)
	if f.Step != "" {
		a.say("the step that failed: " + f.Step)
	}
	for line := range strings.Lines(f.Log) {
		fmt.Fprintln(a.err, "  "+report.Visible(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")))
	}
	if f.Hint != "" {
		a.say("hint: " + f.Hint)
	}
}
