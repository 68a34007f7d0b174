package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// A release sets these by -ldflags "-X main.version=v1.2.3 …"; otherwise the build's
// own record says them.
var (
	version string
	commit  string // the commit's hash
	date    string // its time, RFC 3339, in UTC
)

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

// origin returns the commit that this build was made of and its time, "" where the
// build does not know: `go install` of a version has no repository before it.
func origin() (hash, when string) {
	hash, when = commit, date
	if info, ok := debug.ReadBuildInfo(); ok && hash == "" {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				hash = s.Value
			case "vcs.time":
				when = s.Value
			}
		}
	}
	return hash, when
}

// versionText names this build.
func versionText() string {
	shale, buildkit := versions()
	var details []string
	if hash, when := origin(); hash != "" {
		day, _, _ := strings.Cut(when, "T")
		details = append(details, strings.TrimSuffix(fmt.Sprintf("%.12s of %s", hash, day), " of "))
	}
	if buildkit != "" {
		details = append(details, "BuildKit "+buildkit)
	}
	details = append(details, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return fmt.Sprintf("shale %s (%s)", cmp.Or(shale, "(development)"), strings.Join(details, ", "))
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
