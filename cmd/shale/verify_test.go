package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/rewrite/verify"
)

// verified is a report as a build of a small project leaves it.
func verified() *verify.Report {
	return &verify.Report{
		Version: 1, File: "api/Dockerfile", Verdict: verify.Equal,
		Applied: []verify.Fix{
			{Rule: "package-cache", Title: "Append `rm -rf /var/lib/apt/lists/*`: /var/lib/apt/lists stops shipping", Line: 2, Stops: []string{"/var/lib/apt/lists"}},
			{Rule: "merge-runs", Title: "Merge 2 RUNs into one", Line: 3},
		},
		Before: verify.Image{
			Uncompressed: 1200_000_000, Compressed: 400_000_000, Dead: 20_000_000, Cold: 74.2,
			Layers: []verify.Layer{
				{Base: true, DeadBy: []verify.Dead{{Layer: 2, Line: 3, Bytes: 4_000}}},
				{Line: 2, DeadBy: []verify.Dead{{Layer: 2, Line: 3, Bytes: 20_000_000}}}, {Line: 3}, {},
			},
		},
		After:   verify.Image{Uncompressed: 640_000_000, Compressed: 399_900_000, Cold: 71, Layers: []verify.Layer{{Base: true}, {Line: 2}, {}}},
		Stopped: []verify.Stopped{{Path: "/var/lib/apt/lists", Files: 1, Bytes: 18_400_000, Changed: []string{"/var/lib/apt/lists/x"}}},
		Noise:   []verify.Noise{{Path: "/var/log/dpkg.log", Attributes: []string{"content"}}, {Path: "/tmp/\x1b[31mred", Attributes: []string{"name"}}},
		Rebuilds: []verify.Rebuild{
			{
				Path:   "src/main.js",
				Before: verify.Rerun{Steps: []verify.Step{{Name: "[3/5] COPY . .", Line: 4, Seconds: 0.02}, {Name: "[4/5] RUN npm ci   && npm run build", Line: 5, Seconds: 73.9}}, Seconds: 74},
				After:  verify.Rerun{Steps: []verify.Step{{Name: "[5/6] COPY . .", Line: 6, Seconds: 0.02}}, Seconds: 0.02},
			},
			{Path: "logo.png", Before: verify.Rerun{Error: "it is no text: a change could break it"}, After: verify.Rerun{Error: "it is no text: a change could break it"}},
		},
	}
}

func TestVerifyText(t *testing.T) {
	var out bytes.Buffer
	verifyText(&out, verified(), false)
	got := out.String()
	for _, line := range []string{
		"api/Dockerfile as it is and fixed: the same image config and the same files, but for what is no longer shipped\n",
		"\nFixes:\n  line 2: Append `rm -rf /var/lib/apt/lists/*`: /var/lib/apt/lists stops shipping [package-cache]\n  line 3: Merge 2 RUNs into one [merge-runs]\n",
		"\nNo longer shipped, as declared:\n  /var/lib/apt/lists: 1 file, 18 MB; 1 path below it is new or not as before\n",
		"\nShipped and dead before:\n  20 MB of line 2, by line 3\n  4.0 kB of the base image, by line 3\n",
		"\nsrc/main.js changed, these steps run again:\n  before, 0.02 s: line 4, [3/5] COPY . .\n  before, 74 s: line 5, [4/5] RUN npm ci && npm run build\n  after, 0.02 s: line 6, [5/6] COPY . .\n",
		"\nlogo.png changed: not measured\n  it is no text: a change could break it\n",
		`/tmp/\x1b[31mred (name)`,
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	var rows []string
	for _, r := range verifyRows(verified()) {
		rows = append(rows, strings.Join([]string{r.name, r.before, r.after, r.change}, " | "))
	}
	if diff := cmp.Diff([]string{
		"image | 1.2 GB | 640 MB | −47 %", "compressed | 400 MB | 400 MB | ", "shipped and dead | 20 MB | 0 B | −100 %", "layers | 4 | 3 | ",
		"build without cache | 74 s | 71 s | −4 %", "src/main.js changed | 2 steps, 74 s | 1 step, 0.02 s | −100 %", "logo.png changed | not measured | not measured | ",
	}, rows); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyTextDifferent(t *testing.T) {
	r := verified()
	r.Verdict = verify.Different
	r.Config = []verify.ConfigDifference{{Field: "Env", Before: `["A=1"]`, After: ""}}
	r.Differences = []verify.Difference{
		{Path: "/a", Kind: "missing", Type: "dir", Below: 2}, {Path: "/b", Kind: "new", Type: "file"},
		{Path: "/c\n/d", Kind: "changed", Type: "file", Attributes: []verify.Attribute{{Name: "mode", Before: "0644", After: "0600"}, {Name: "xattr user.a", Before: `"1"`}}},
	}
	for range 30 {
		r.Differences = append(r.Differences, verify.Difference{Path: "/z", Kind: "new", Type: "file"})
	}
	r.Blame = r.Applied[1:]
	var out bytes.Buffer
	verifyText(&out, r, true)
	for _, line := range []string{
		"\x1b[31;1mapi/Dockerfile as it is and fixed: DIFFERENT\x1b[0m\n",
		"\nThe image config differs:\n  Env: [\"A=1\"] became nothing\n",
		"\nFiles differ:\n  /a: missing (dir, with 2 paths in it)\n  /b: new (file)\n  /c\\x0a/d: mode 0644 became 0600; xattr user.a \"1\" became nothing\n",
		"\n  and 13 more (--format json lists them)\n", "\nTo blame:\n  line 3: Merge 2 RUNs into one [merge-runs]\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
	r.After, r.Failure, r.Rebuilds = verify.Image{}, &verify.Failure{Kind: "after", Message: "exit code: 1"}, nil
	for _, row := range verifyRows(r) {
		if row.after != "–" || row.change != "" {
			t.Errorf("%+v", row)
		}
	}
}

// A long step is cut between characters.
func TestVerifyLongStep(t *testing.T) {
	for blanks := range 4 {
		name := strings.Repeat("x", blanks) + strings.Repeat("é", 120)
		if got := stepText(verify.Step{Name: name}); got != string([]rune(name)[:99])+"…" {
			t.Errorf("%q", got)
		}
	}
}

// Nothing of a report becomes markup.
func TestVerifyMarkdown(t *testing.T) {
	r := verified()
	r.Differences = []verify.Difference{{Path: "/<img src=x>|`@all`", Kind: "new", Type: "file"}}
	var out bytes.Buffer
	verifyMarkdown(&out, r)
	for _, line := range []string{
		"### api/Dockerfile as it is and fixed: ", "\n| image | 1.2 GB | 640 MB | −47 % |\n", "\n| src/main.js changed | 2 steps, 74 s | 1 step, 0.02 s | −100 % |\n",
		"\n**Files differ:**\n\n- /\\<img src=x\\>\\|\\`@&#8203;all\\`: new (file)\n", "<details><summary>No longer shipped, as declared</summary>\n\n- /var/lib/apt/lists: 1 file, 18 MB",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
	if strings.Count(out.String(), "<details>") != strings.Count(out.String(), "</details>") {
		t.Error("a fold stays open")
	}
}

// A failing step's log is told in full and cannot drive the terminal.
func TestTellFailure(t *testing.T) {
	var messages bytes.Buffer
	a := &app{err: &stream{w: &messages}}
	log := strings.Repeat("npm error\n", 500) + "\x1b[2Jlast\r\n"
	a.tellFailure(&verify.Report{File: "Dockerfile", Failure: &verify.Failure{
		Kind: "before", Message: "exit code: 1", Line: 3, Step: "[2/2] RUN npm ci", Log: log, Hint: "do this",
	}})
	got := messages.String()
	if !strings.HasPrefix(got, "shale: error: Dockerfile:3: it does not build as it is, which says nothing about the fixes: exit code: 1\nshale: the step that failed: [2/2] RUN npm ci\n  npm error\n") ||
		!strings.HasSuffix(got, "  \\x1b[2Jlast\nshale: hint: do this\n") || strings.Count(got, "npm error") != 500 {
		t.Errorf("%q", got)
	}
	messages.Reset()
	a.tellFailure(&verify.Report{File: "Dockerfile", Failure: &verify.Failure{Kind: "engine", Message: "it went away"}})
	if messages.String() != "shale: error: it went away\n" {
		t.Errorf("%q", messages.String())
	}
}

func TestReadSecret(t *testing.T) {
	for text, want := range map[string]verify.Secret{
		"id=a":                    {ID: "a"},
		"id=a,src=f":              {ID: "a", File: "f"},
		"id=a,source=f,type=file": {ID: "a", File: "f"},
		"id=a,env=V":              {ID: "a", Env: "V"},
		"type=env,id=a,src=V":     {ID: "a", Env: "V"},
	} {
		if got, err := readSecret(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", "src=f", "id=a,type=ssh", "id=a,mode=1"} {
		if got, err := readSecret(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
