package shell

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRead(t *testing.T) {
	no := Interpreter{Errexit: No, Pipefail: No, Startup: No, Noglob: No}
	with := func(d Dialect, f func(*Interpreter)) Interpreter {
		in := no
		in.Dialect = d
		if f != nil {
			f(&in)
		}
		return in
	}
	opaque := Interpreter{Dialect: Opaque}
	for _, test := range []struct {
		argv []string
		want Interpreter
	}{
		{nil, Interpreter{}},
		{[]string{}, opaque},
		{[]string{"/bin/sh", "-c"}, with(POSIX, nil)},
		{[]string{"sh", "-ec"}, with(POSIX, func(in *Interpreter) { in.Errexit = Yes })},
		{[]string{"/bin/ash", "-eo", "pipefail", "-c"}, with(POSIX, func(in *Interpreter) { in.Errexit, in.Pipefail = Yes, Yes })},
		{[]string{"/bin/busybox", "sh", "-c"}, with(POSIX, nil)},
		{[]string{"/bin/busybox", "-c"}, opaque},
		{[]string{"/bin/bash", "-o", "pipefail", "-c"}, with(Bash, func(in *Interpreter) { in.Pipefail = Yes })},
		{[]string{"/bin/bash", "-c", "-o", "pipefail", "-e"}, with(Bash, func(in *Interpreter) { in.Errexit, in.Pipefail = Yes, Yes })},
		{[]string{"/bin/bash", "-exo", "pipefail", "-c"}, with(Bash, func(in *Interpreter) { in.Errexit, in.Pipefail = Yes, Yes })},
		{[]string{"bash", "-euxo", "pipefail", "+e", "-c"}, with(Bash, func(in *Interpreter) { in.Pipefail = Yes })},
		{[]string{"bash", "-fc"}, with(Bash, func(in *Interpreter) { in.Noglob = Yes })},
		{[]string{"bash", "--login", "-c"}, with(Bash, func(in *Interpreter) { in.Startup = Yes })},
		{[]string{"/bin/bash", "-lc"}, with(Bash, func(in *Interpreter) { in.Startup = Yes })},
		{[]string{"/bin/bash", "-i", "-c"}, with(Bash, func(in *Interpreter) { in.Startup = Yes })},
		{[]string{"/usr/bin/env", "bash", "-c"}, with(Bash, nil)},
		{[]string{"env", "-i", "A=b", "bash", "-c"}, with(Bash, func(in *Interpreter) { in.Startup = Maybe })},
		{[]string{"env", "-S", "bash -c"}, opaque},
		{[]string{"/sbin/tini", "--", "/bin/sh", "-c"}, with(POSIX, func(in *Interpreter) { in.Startup = Yes })},
		{[]string{"sudo", "-E", "-u", "app", "A=1", "bash", "-c"}, with(Bash, func(in *Interpreter) { in.Startup = Yes })},
		{[]string{"sudo", "-i", "bash", "-c"}, opaque},
		{[]string{"gosu", "app", "sh", "-c"}, with(POSIX, func(in *Interpreter) { in.Startup = Yes })},
		{[]string{"/bin/bash"}, opaque},                         // the RUN's string names a file
		{[]string{"/bin/bash", "-c", "echo hi"}, opaque},        // and here $0
		{[]string{"/bin/bash", "-c", "-o"}, opaque},             // and here an option
		{[]string{"/bin/bash", "-nc"}, opaque},                  // runs nothing
		{[]string{"/bin/bash", "-O", "lastpipe", "-c"}, opaque}, // the last of a pipeline changes the shell
		{[]string{"/bin/bash", "-O", "globstar", "-c"}, with(Bash, nil)},
		{[]string{"/bin/zsh", "-c"}, opaque},
		{[]string{"mksh", "-c"}, opaque},
		{[]string{"fish", "-c"}, opaque},
		{[]string{"powershell", "-Command"}, opaque},
		{[]string{"cmd", "/S", "/C"}, opaque},
		{[]string{"/opt/run-in-env", "bash", "-c"}, opaque},
	} {
		got := Read(test.argv)
		if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(Interpreter{}, "Argv")); diff != "" {
			t.Errorf("Read(%q): %s", test.argv, diff)
		}
		if (got.Argv == nil) != (test.argv == nil) {
			t.Errorf("Read(%q) has Argv %q", test.argv, got.Argv)
		}
	}
}
