// Command shale makes Dockerfiles build small and rebuild fast.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
	"github.com/shale-build/shale/analysis/shellcheck"
	"github.com/shale-build/shale/cmd/shale/internal/report"
	"github.com/shale-build/shale/rewrite"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

func main() {
	a := newApp()
	a.hush = func() {
		if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
			os.Stderr = null
		}
	}
	os.Exit(a.main(os.Args[1:]))
}

// Exit statuses other than 0.
const (
	exitFindings = 1 // something remains, or there is a diff
	exitFault    = 2 // usage, unreadable input, internal fault; before findings

	exitInterrupted = 130 // by a signal, as shells say it
)

// An exit ends the command with a status, all having been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func newApp() *app {
	a := &app{
		in: os.Stdin, out: &stream{w: os.Stdout}, err: &stream{w: os.Stderr},
		getenv: os.Getenv, writeFile: rewrite.WriteFile,
	}
	sc := &shellcheck.Checker{Tell: a.say}
	a.foreign = []*analysis.Rule{sc.Rule()}
	a.rules = slices.Concat(rules.All(), checks.All(), a.foreign)
	return a
}

// app is one run of the command.
type app struct {
	in        io.Reader
	out, err  *stream
	getenv    func(string) string
	rules     []*analysis.Rule // all of them
	foreign   []*analysis.Rule // those of other programs, too slow for an editor
	writeFile func(path, before, after string) error
	color     string // --color
	hush      func() // or nil: takes standard error from libraries, one of which tells it of bytes in a file that are no UTF-8
}

// A stream keeps its first error, so that a full disk is not a success, and takes
// the progress line away before it writes.
type stream struct {
	w   io.Writer
	bar *progress
	err error
}

func (s *stream) Write(b []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.bar != nil {
		n, s.err = s.bar.Through(s.w, b)
	} else {
		n, s.err = s.w.Write(b)
	}
	return n, s.err
}

// main runs the command under the process's signals and returns its exit status.
func (a *app) main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once
	// Without this, a reader that goes away (`shale fix | head`) would kill the
	// process in the middle of a write to another file.
	signal.Ignore(syscall.SIGPIPE)
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if a.out.err != nil {
		if errors.Is(a.out.err, syscall.EPIPE) { // the reader has seen enough
			return exitFault
		}
		err = fmt.Errorf("writing to standard output: %w", a.out.err)
	}
	if e, ok := errors.AsType[exit](err); ok {
		return int(e)
	}
	if err != nil {
		if _, _, unknown := root.Find(args); unknown != nil {
			err = pathForCommand(args, err)
		}
		a.complain(err)
		return exitFault
	}
	return 0
}

// collectAt has the garbage collector run when so many percent of what lives have been
// allocated, unless the user says when.
func (a *app) collectAt(percent int) {
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// pathForCommand tells who names a path where a command should stand what to write.
func pathForCommand(args []string, err error) error {
	if _, missing := os.Lstat(args[0]); missing != nil {
		return err
	}
	return fmt.Errorf("%q is no command; write `shale check %s`, or `shale fix --diff %s`", args[0], args[0], args[0])
}

// complain says on standard error what went wrong.
func (a *app) complain(err error) { a.say("error: " + err.Error()) }

// say writes a message to standard error, free of what could drive a terminal.
func (a *app) say(message string) {
	for i, line := range strings.Split(strings.TrimRight(message, "\n"), "\n") {
		if i == 0 {
			line = "shale: " + line
		}
		fmt.Fprintln(a.err, report.Visible(strings.ReplaceAll(line, "\t", "    ")))
	}
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "shale",
		Short: "Make Dockerfiles build small and rebuild fast, without breaking them",
		Long: `Shale finds what wastes bytes and cache in Dockerfiles, and mends it without
breaking the build.

  shale check          show what could be better in the Dockerfiles below this folder
  shale fix --diff     show the safe fixes
  shale fix            make them`,
		Version:       strings.TrimPrefix(versionText(), "shale "),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return oneOf("--color", a.color, "auto", "always", "never")
		},
	}
	root.PersistentFlags().StringVar(&a.color, "color", "auto", "colour the output: auto, always or never")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
			switch bad.GetFlag().Value.Type() {
			case "int":
				return fmt.Errorf("--%s is %q; it may be a whole number", bad.GetFlag().Name, bad.GetValue())
			case "bool":
				return fmt.Errorf("--%s is %q; it may be true or false", bad.GetFlag().Name, bad.GetValue())
			}
		}
		return fmt.Errorf("%w; `%s --help` lists the flags", err, c.CommandPath())
	})
	root.AddCommand(a.checkCommand(), a.fixCommand(), a.fmtCommand(), a.verifyCommand(), a.reviewCommand(), a.rulesCommand(), a.lspCommand(), a.versionCommand())
	for _, c := range more {
		root.AddCommand(c(a))
	}
	complete(root, "color", "auto", "always", "never")
	return root
}

// more are the commands of builds with a tag.
var more []func(*app) *cobra.Command

// complete makes a flag's values known to shell completion.
func complete(c *cobra.Command, flag string, values ...string) {
	err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag does not exist
	}
}

// oneOf checks a flag with a closed set of values.
func oneOf(flag, value string, values ...string) error {
	for _, v := range values {
		if v == value {
			return nil
		}
	}
	last := len(values) - 1
	return fmt.Errorf("%s is %q; it may be %s or %s", flag, value, strings.Join(values[:last], ", "), values[last])
}

// colored reports whether a stream is coloured: --color decides, then
// NO_COLOR, then FORCE_COLOR, then whether it is a terminal.
func (a *app) colored(s *stream) bool {
	switch {
	case a.color == "always":
		return true
	case a.color == "never" || a.getenv("NO_COLOR") != "":
		return false
	case a.getenv("FORCE_COLOR") != "":
		return a.getenv("FORCE_COLOR") != "0"
	}
	return a.terminal(s) != nil
}

// terminal returns a stream's terminal, one that can move its cursor, or nil.
func (a *app) terminal(s *stream) io.Writer {
	f, ok := s.w.(*os.File)
	if !ok || a.getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}
