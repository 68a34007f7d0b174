package verify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// summary is a comparison as lines.
func summary(c *comparison) []string {
	var r Report
	c.report(&r)
	out := []string{}
	for _, d := range r.Differences {
		line := d.Kind + " " + d.Path
		if d.Below > 0 {
			line += fmt.Sprintf(" +%d", d.Below)
		}
		for _, a := range d.Attributes {
			line += fmt.Sprintf(", %s", a.Name)
			if a.Name != "content" {
				line += fmt.Sprintf(" %s to %s", a.Before, a.After)
			}
		}
		out = append(out, line)
	}
	for _, s := range r.Stopped {
		out = append(out, fmt.Sprintf("stopped %s: %d files, %d bytes, gone %s, changed %s", s.Path, s.Files, s.Bytes, strings.Join(s.Paths, " "), strings.Join(s.Changed, " ")))
	}
	for _, n := range r.Noise {
		out = append(out, fmt.Sprintf("noise %s: %s", n.Path, strings.Join(n.Attributes, ", ")))
	}
	return out
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name    string
		befores []string // each one layer
		after   string
		stops   []string
		want    []string
	}{
		{"the same", []string{"a/; a/x: 1", "a/; a/x: 1"}, "a/; a/x: 1", nil, nil},
		{"every attribute", []string{"f: 1; m: 1; o: 1; l -> a; d c 1 3; t: 1; x: 1 | xattr.user.a=1; h: 1; i = h"},
			"f: 2; m: 1 | mode=600; o: 1 | owner=1:0; l -> b; d c 1 5; t/; x: 1; h: 1; i: 1", nil, []string{
				"changed /d, device 1:3 to 1:5", "changed /f, content",
				"changed /h, links /h /i to ", "changed /i, links /h /i to ",
				"changed /l, target a to b", "changed /m, mode 0644 to 0600", "changed /o, owner 0:0 to 1:0",
				"changed /t, content, mode 0644 to 0755, type file to dir", `changed /x, xattr user.a "1" to `,
			}},
		{"missing and new, a folder once", []string{"a/; a/x: 1; a/y: 1"}, "b/; b/z: 1", nil, []string{"missing /a +2", "new /b +1"}},
		{"the root's own", []string{"./; x: 1"}, "./ | mode=700; x: 1", nil, []string{"changed /, mode 0755 to 0700"}},

		{"noise of content", []string{"x: 1", "x: 2"}, "x: 3", nil, []string{"noise /x: content"}},
		{"noise of content hides no mode", []string{"x: 1", "x: 2"}, "x: 3 | mode=600", nil, []string{"changed /x, mode 0644 to 0600", "noise /x: content"}},
		{"noise of content hides no missing file", []string{"x: 1", "x: 2"}, "y: 3", nil, []string{"missing /x", "new /y"}},
		{"noise elsewhere hides nothing", []string{"x: 1; y: 1", "x: 2; y: 1"}, "x: 3; y: 2", nil, []string{"changed /y, content", "noise /x: content"}},
		{"a mode that comes and goes may be either", []string{"x: 1 | mode=600", "x: 1"}, "x: 1", nil, []string{"noise /x: mode"}},
		{"but no third", []string{"x: 1 | mode=600", "x: 1"}, "x: 1 | mode=640", nil, []string{"changed /x, mode 0600 to 0640", "noise /x: mode"}},
		{"the third build shows it", []string{"x: 1", "x: 1", "x: 2"}, "x: 3", nil, []string{"noise /x: content"}},

		{"made-up names", []string{"t/; t/a: 1", "t/; t/b: 1"}, "t/; t/c: 1", nil, []string{"noise /t/a: name", "noise /t/b: name", "noise /t/c: name"}},
		{"made-up folders", []string{"t/; t/a/; t/a/x: 1", "t/; t/b/; t/b/x: 1"}, "t/; t/c/; t/c/x: 1", nil, []string{"noise /t/a: name", "noise /t/b: name", "noise /t/c: name"}},
		{"one more of them", []string{"t/; t/a: 1", "t/; t/b: 1"}, "t/; t/c: 1; t/d: 1", nil,
			[]string{"missing /t/a", "new /t/c", "new /t/d", "noise /t/a: name", "noise /t/b: name"}},
		{"of another mode", []string{"t/; t/a: 1", "t/; t/b: 1"}, "t/; t/c: 1 | mode=600", nil,
			[]string{"missing /t/a", "new /t/c", "noise /t/a: name", "noise /t/b: name"}},
		{"none of them", []string{"t/; t/a: 1", "t/; t/b: 1"}, "t/", nil, []string{"missing /t/a", "noise /t/a: name", "noise /t/b: name"}},
		{"a file that is there at times may be there", []string{"x: 1", "y/; x: 1"}, "y/; x: 1", nil, []string{"noise /y: name"}},
		{"or not", []string{"y/; x: 1", "x: 1"}, "x: 1", nil, []string{"noise /y: name"}},
		{"but allows no other", []string{"x: 1", "y/; x: 1"}, "z/; x: 1", nil, []string{"new /z", "noise /y: name"}},

		{"a declared path", []string{"c/; c/x: 123; c/d/; c/d/y: 1; z: 1"}, "c/; z: 1", []string{"/c"},
			[]string{"stopped /c: 2 files, 4 bytes, gone /c/d /c/d/y /c/x, changed "}},
		{"with its own folder", []string{"v/; v/c/; v/c/x: 1; v/z: 1"}, "v/; v/z: 1", []string{"/v/c"},
			[]string{"stopped /v/c: 1 files, 1 bytes, gone /v/c /v/c/x, changed "}},
		{"and the folders that held nothing else", []string{"r/; r/.cache/; r/.cache/pip/; r/.cache/pip/x: 1"}, "r/", []string{"/r/.cache/pip"},
			[]string{"stopped /r/.cache/pip: 1 files, 1 bytes, gone /r/.cache /r/.cache/pip /r/.cache/pip/x, changed "}},
		{"but no others", []string{"r/; r/.cache/; r/.cache/pip/; r/.cache/own: 1"}, "r/", []string{"/r/.cache/pip"}, []string{"missing /r/.cache +2"}},
		{"a name that begins alike", []string{"c/; c/x: 1; cd/; cd/x: 1"}, "c/; cd/", []string{"/c"}, []string{"missing /cd/x", "stopped /c: 1 files, 1 bytes, gone /c/x, changed "}},
		{"the folder itself stays as it is", []string{"c/; c/x: 1"}, "c/ | owner=7:7", []string{"/c"}, []string{"changed /c, owner 0:0 to 7:7", "stopped /c: 1 files, 1 bytes, gone /c/x, changed "}},
		{"is no file", []string{"c/; c/x: 1"}, "c: 1", []string{"/c"}, []string{"changed /c, content, mode 0755 to 0644, type dir to file"}},
		{"what is new or changed below it", []string{"c/; c/x: 1"}, "c/; c/x: 2; c/y: 1", []string{"/c"}, []string{"stopped /c: 0 files, 0 bytes, gone , changed /c/x /c/y"}},
		{"the empty folder that a mount leaves", []string{"z: 1"}, "z: 1; r/; r/c/", []string{"/r/c"}, []string{"stopped /r/c: 0 files, 0 bytes, gone , changed /r /r/c"}},
		{"and nothing more", []string{"z: 1"}, "z: 1; r/; r/c/; r/c/x: 1", []string{"/r/c"}, []string{"new /r +2"}},
		{"nor beside it", []string{"z: 1"}, "z: 1; r/; r/c/; r/x: 1", []string{"/r/c"}, []string{"new /r +2"}},
		{"hard-linked bytes count once", []string{"c/; c/x: 123; c/y = c/x"}, "c/", []string{"/c"}, []string{"stopped /c: 1 files, 3 bytes, gone /c/x /c/y, changed "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var befores []*tree
			for _, b := range tt.befores {
				befores = append(befores, image(t, b))
			}
			if diff := cmp.Diff(append([]string{}, tt.want...), summary(compareTrees(befores, image(t, tt.after), tt.stops))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What only one of two builds of after shows is chance.
func TestConfirm(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		before, after, again string
		want                 []string
	}{
		{"content", "x: 1; y: 1", "x: 2; y: 2", "x: 1; y: 2", []string{"changed /y, content", "noise /x: content"}},
		{"content that is never as before", "x: 1", "x: 2", "x: 3", []string{"changed /x, content"}},
		{"a file that is gone the next time", "x: 1", "x: 2", "y: 1", []string{"changed /x, content"}},
		{"one of two attributes", "x: 1 | xattr.user.a=1", "x: 2", "x: 1", []string{"changed /x, xattr user.a \"1\" to ", "noise /x: content"}},
		{"a mode is none", "x: 1", "x: 1 | mode=600", "x: 1", []string{"changed /x, mode 0644 to 0600"}},
		{"missing once", "a/; a/x: 1; y: 1", "a/", "a/; a/x: 1", []string{"missing /y", "noise /a/x: name"}},
		{"missing with its folder", "a/; a/x: 1", "a/", "", []string{"missing /a/x"}},
		{"new once", "x: 1", "x: 1; y: 1", "x: 1", []string{"noise /y: name"}},
		{"a made-up name is new each time", "t/", "t/; t/a: 1", "t/; t/b: 1", []string{"new /t/a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			befores := []*tree{image(t, tt.before), image(t, tt.before), image(t, tt.before)}
			c := compareTrees(befores, image(t, tt.after), nil)
			c.confirm(compareTrees(befores, image(t, tt.again), nil))
			if diff := cmp.Diff(tt.want, summary(c)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompareConfigs(t *testing.T) {
	read := func(s string) imageConfig {
		c, err := readConfig([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const before = `{"architecture":"amd64","os":"linux","author":"a","created":"2026-01-01T00:00:00Z","history":[{}],"rootfs":{"type":"layers"},
		"config":{"Env":["A=1","B=2"],"Cmd":["sh"],"Labels":{"a":"1","b":"2"}}}`
	for _, tt := range []struct {
		name, after string
		want        []ConfigDifference
	}{
		{"times and layers", `{"os":"linux","architecture":"amd64","author":"a","created":"2027-01-01T00:00:00Z","history":[],"rootfs":{},
			"config":{"Cmd":["sh"],"Labels":{"b":"2","a":"1"},"Env":["A=1","B=2"]}}`, []ConfigDifference{}},
		{"the order of ENV", strings.Replace(before, `"A=1","B=2"`, `"B=2","A=1"`, 1), []ConfigDifference{{"Env", `["A=1","B=2"]`, `["B=2","A=1"]`}}},
		{"a field that is gone", strings.Replace(before, `"Cmd":["sh"],`, "", 1), []ConfigDifference{{"Cmd", `["sh"]`, ""}}},
		{"platform and author", strings.NewReplacer(`"amd64"`, `"arm64"`, `"author":"a"`, `"author":"b"`).Replace(before),
			[]ConfigDifference{{"architecture", `"amd64"`, `"arm64"`}, {"author", `"a"`, `"b"`}}},
	} {
		if diff := cmp.Diff(tt.want, compareConfigs([]imageConfig{read(before), read(before)}, read(tt.after))); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if _, err := readConfig([]byte(`{"config":[]}`)); err == nil {
		t.Error("a broken config is read")
	}
}
