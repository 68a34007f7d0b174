package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by -ldflags "-X main.version=v1.2.3"; otherwise the build's own
// record says it.
var version string

// versions returns the versions of this build, "" if it is no release, and of the
// BuildKit in it, which judges every file.
func versions() (shale, buildkit string) {
	shale = version
	if info, ok := debug.ReadBuildInfo(); ok {
		if shale == "" && info.Main.Version != "(devel)" {
			shale = info.Main.Version
		}
		for _, dep := range info.Deps {
			if dep.Path == "github.com/moby/buildkit" {
				buildkit = dep.Version
			}
		}
	}
	return shale, buildkit
}

// versionText names this build.
func versionText() string {
	shale, buildkit := versions()
	details := runtime.Version()
	if buildkit != "" {
		details = "BuildKit " + buildkit + ", " + details
	}
	return fmt.Sprintf("shale %s (%s, %s/%s)", cmp.Or(shale, "(development)"), details, runtime.GOOS, runtime.GOARCH)
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of Shale and of the BuildKit in it",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(a.out, versionText())
			return a.out.err
		},
	}
}
