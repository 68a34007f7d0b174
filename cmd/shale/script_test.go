package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/shale-build/shale/rewrite"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"shale":             main,
		"shale-nobody":      func() { dropPrivileges(); main() },
		"shale-raced":       func() { os.Exit(runRaced()) },
		"shale-interrupted": func() { os.Exit(runInterrupted()) },
	})
}

// TestScript plays the sessions of testdata/script.
func TestScript(t *testing.T) {
	root := t.TempDir()
	// Somebody without rights must be able to come here.
	for _, dir := range []string{root, filepath.Dir(root)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		WorkdirRoot:         root,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"generate": generate,
			"bytes":    sameBytes,
			"only":     onlyFiles,
			"openfor":  openFor,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "posix":
				return posix, nil
			case "all":
				return os.Getenv("SHALE_TEST_ALL") != "", nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, "NO_COLOR=", "FORCE_COLOR=", "TERM=xterm")
			// A repository of its own, so that nothing above counts.
			return os.MkdirAll(filepath.Join(e.WorkDir, ".git"), 0o755)
		},
	})
}

// runRaced is shale while an editor saves a file that is being fixed.
func runRaced() int {
	a := newApp()
	a.writeFile = func(path, before, after string) error {
		if before != after && filepath.Base(filepath.Dir(path)) == "raced" {
			if err := os.WriteFile(path, []byte(before+"# saved by an editor\n"), 0o644); err != nil {
				return err
			}
		}
		return rewrite.WriteFile(path, before, after)
	}
	return a.main(os.Args[1:])
}

// runInterrupted is shale when Ctrl-C comes in the middle of its first write.
func runInterrupted() int {
	runtime.GOMAXPROCS(1) // one file at a time
	seen := make(chan os.Signal, 1)
	signal.Notify(seen, os.Interrupt)
	a := newApp()
	first := true
	a.writeFile = func(path, before, after string) error {
		if first {
			first = false
			if err := interruptSelf(); err != nil {
				return err
			}
			<-seen
			time.Sleep(200 * time.Millisecond) // until the other listener has it too
		}
		return rewrite.WriteFile(path, before, after)
	}
	return a.main(os.Args[1:])
}

// exits STATUS COMMAND… runs a command and holds it to its exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		text := ts.ReadFile(stream)
		if strings.Contains(text, "panic:") || strings.Contains(text, "goroutine ") {
			ts.Fatalf("%s shows a panic", stream)
		}
	}
}

// generate FILE PREFIX TEXT COUNT SUFFIX writes PREFIX, TEXT COUNT times, SUFFIX;
// backslash escapes count as in Go.
func generate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: generate FILE PREFIX TEXT COUNT SUFFIX")
	}
	text := func(s string) string {
		u, err := strconv.Unquote(`"` + s + `"`)
		ts.Check(err)
		return u
	}
	n, err := strconv.Atoi(args[3])
	ts.Check(err)
	content := text(args[1]) + strings.Repeat(text(args[2]), n) + text(args[4])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(content), 0o644))
}

// bytes FILE GO-STRING holds a file, or stdout, to exactly these bytes.
func sameBytes(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	want, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	if got := ts.ReadFile(args[0]); (got == want) == neg {
		ts.Fatalf("%s holds %q", args[0], got)
	}
}

// only FOLDER NAME… holds a folder to these names: nothing half written stays.
func onlyFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: only FOLDER NAME…")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(args[1:], " "); got != want {
		ts.Fatalf("%s holds %s, want %s", args[0], got, want)
	}
}

// openfor PATH… gives everybody the right to write.
func openFor(ts *testscript.TestScript, neg bool, args []string) {
	for _, path := range args {
		ts.Check(filepath.WalkDir(ts.MkAbs(path), func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Chmod(path, info.Mode().Perm()|0o222)
		}))
	}
}

// Every flag and every command is used in a script.
func TestScriptsUseEveryFlag(t *testing.T) {
	var scripts strings.Builder
	files, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(b)
	}
	a := &app{out: &stream{}, err: &stream{}}
	root := a.rootCommand()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if !regexp.MustCompile(`shale\S* ` + c.Name() + `\b`).MatchString(scripts.String()) {
			t.Errorf("no script runs `shale %s`", c.Name())
		}
		for _, m := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(c.LocalFlags().FlagUsages(), -1) {
			flag := m[1]
			if !regexp.MustCompile(`shale\S* ` + c.Name() + `\b.*--` + flag + `\b`).MatchString(scripts.String()) {
				t.Errorf("no script runs `shale %s --%s`", c.Name(), flag)
			}
		}
	}
}
