package buildctx

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// judged checks a world against what it should read and refuse: each refusal by a
// part of "[hard] reason; cure".
func judged(t *testing.T, w World, files, creates, refusals []string) {
	t.Helper()
	if d := cmp.Diff(files, w.Files); d != "" {
		t.Errorf("Files %s", d)
	}
	if d := cmp.Diff(creates, w.Creates); d != "" {
		t.Errorf("Creates %s", d)
	}
	var got []string
	for _, r := range w.Refusals {
		s := r.Reason + "; " + r.Cure
		if r.Hard {
			s = "[hard] " + s
		}
		got = append(got, s)
	}
	ok := len(got) == len(refusals)
	for i := range min(len(got), len(refusals)) {
		ok = ok && strings.Contains(got[i], refusals[i])
	}
	if !ok {
		t.Errorf("refusals\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(refusals, "\n  "))
	}
}

const npmProject = `
-- .dockerignore --
**/node_modules
-- package.json --
{
  "name": "shop",
  "version": "1.0.0",
  "scripts": {"start": "node server.js", "test": "jest", "prestart": "true"},
  "dependencies": {"express": "^4.19.2", "left": "npm:left-pad@1.3.0", "tarball": "https://example.com/x.tgz"},
  "devDependencies": {"vite": "latest"},
  "overrides": {"express": {"qs": "6.11.0", ".": "4.19.2"}}
}
-- package-lock.json --
{
  "name": "shop",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": {"name": "shop", "dependencies": {"express": "^4.19.2"}},
    "node_modules/express": {"version": "4.19.2", "resolved": "https://registry.npmjs.org/express/-/express-4.19.2.tgz", "integrity": "sha512-x"},
    "node_modules/esbuild": {"version": "0.20.0", "resolved": "https://registry.npmjs.org/esbuild/-/esbuild-0.20.0.tgz", "hasInstallScript": true, "bin": {"esbuild": "bin/esbuild"}},
    "node_modules/fsevents": {"version": "2.3.3", "resolved": "https://registry.npmjs.org/fsevents/-/fsevents-2.3.3.tgz", "hasInstallScript": true, "optional": true, "os": ["darwin"]},
    "node_modules/a/node_modules/b": {"version": "1.0.0", "inBundle": true}
  }
}
-- server.js --
`

// edit replaces text of an archive, which must hold it.
func edit(t *testing.T, archive string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(archive, pairs[i]) {
			t.Fatalf("%q is not in the archive", pairs[i])
		}
		archive = strings.Replace(archive, pairs[i], pairs[i+1], 1)
	}
	return archive
}

func TestNPM(t *testing.T) {
	lock := npmProject[strings.Index(npmProject, "-- package-lock.json"):strings.Index(npmProject, "-- server.js")]
	both := []string{"package-lock.json", "package.json"}
	modules := []string{"node_modules"}
	ci := NPMOptions{CI: true}
	for _, test := range []struct {
		name     string
		archive  string
		o        NPMOptions
		files    []string
		creates  []string
		refusals []string
	}{
		{"closed", npmProject, ci, both, modules, nil},
		{"closed with settings and a yarn.lock",
			npmProject + "-- .npmrc --\n# house\nregistry = https://npm.example.com/\n@corp:registry=https://x\n//x/:_authToken=${NPM_TOKEN}\nfund=false\n-- yarn.lock --\n-- pnpm-lock.yaml --\n", ci,
			[]string{".npmrc", "package-lock.json", "package.json", "yarn.lock"}, modules, nil},
		{"a hidden .npmrc is not read",
			edit(t, npmProject, "**/node_modules\n", "**/node_modules\n.npmrc\n") + "-- .npmrc --\nprefix=/x\n", ci, both, modules, nil},
		{"npm install", npmProject, NPMOptions{}, both, modules,
			[]string{"npm install may rewrite package.json and the lock, and a later COPY would bring the old ones back; use npm ci"}},
		{"no package.json", "-- x --\n", ci, nil, nil, []string{"[hard] the build context holds no package.json"}},
		{"a package.json that COPY does not see",
			edit(t, npmProject, "**/node_modules\n", "**/node_modules\npackage.json\n"), ci, nil, nil, []string{"[hard] the build context holds no package.json"}},
		{"no lock", strings.Replace(npmProject, lock, "", 1), ci, []string{"package.json"}, modules,
			[]string{"[hard] the build context holds no package-lock.json; run npm install and keep package-lock.json"}},
		{"broken manifest", edit(t, npmProject, `"version": "1.0.0",`, `"version": "1.0.0"`), ci, []string{"package.json"}, nil,
			[]string{"[hard] package.json:4 does not parse: invalid character '\"' after object key:value pair"}},
		{"a manifest that is a list", "-- package.json --\n[]\n", ci, []string{"package.json"}, nil, []string{"[hard] package.json:1 does not parse: it is no JSON object"}},
		{"an empty manifest", "-- package.json --\n", ci, []string{"package.json"}, nil, []string{"[hard] package.json:1 does not parse: unexpected end of JSON input"}},
		{"broken lock", edit(t, npmProject, `"requires": true,`, `"requires": tru,`), ci, both, modules,
			[]string{"[hard] package-lock.json:4 does not parse"}},
		{"lock version 1", edit(t, npmProject, `"lockfileVersion": 3`, `"lockfileVersion": 1`), ci, both, modules,
			[]string{"package-lock.json has the lock version 1, which does not say which packages run scripts; run npm install with npm 7"}},
		{"no lock version", edit(t, npmProject, `"lockfileVersion": 3,`, ``), ci, both, modules, []string{"has the lock version unknown"}},
		{"no packages", edit(t, npmProject, `"packages"`, `"package"`), ci, both, modules, []string{`[hard] package-lock.json has no "packages"`}},
		{"a key that only looks like packages", edit(t, npmProject, `"packages"`, `"Packages"`), ci, both, modules, []string{`[hard] package-lock.json has no "packages"`}},
		{"shrinkwrap wins", npmProject + strings.Replace(strings.Replace(lock, "package-lock", "npm-shrinkwrap", 1), `"lockfileVersion": 3`, `"lockfileVersion": 1`, 1), ci,
			[]string{"npm-shrinkwrap.json", "package-lock.json", "package.json"}, modules, []string{"npm-shrinkwrap.json has the lock version 1"}},
		{"postinstall", edit(t, npmProject, `"test": "jest"`, `"postinstall": "patch-package"`), ci, both, modules,
			[]string{`package.json has the lifecycle script "postinstall", which runs during the install and may read any file`}},
		{"prepare and preinstall", edit(t, npmProject, `"test": "jest"`, `"prepare": "husky", "preinstall": "npx only-allow npm"`), ci, both, modules,
			[]string{`"preinstall"`, `"prepare"`}},
		{"the dependencies script", edit(t, npmProject, `"test": "jest"`, `"dependencies": "x"`), ci, both, modules, []string{`"dependencies"`}},
		{"scripts ignored by flag", edit(t, npmProject, `"test": "jest"`, `"postinstall": "x"`, `"node_modules/esbuild": {`, `"node_modules/other": {`) + "-- binding.gyp --\n", NPMOptions{CI: true, IgnoreScripts: true}, both, modules, nil},
		{"scripts ignored by .npmrc", edit(t, npmProject, `"test": "jest"`, `"postinstall": "x"`) + "-- .npmrc --\nignore-scripts=true\n", ci,
			[]string{".npmrc", "package-lock.json", "package.json"}, modules, nil},
		{"binding.gyp", npmProject + "-- binding.gyp --\n{}\n", ci, both, modules, []string{"binding.gyp makes npm compile the sources beside it"}},
		{"a dependency's script", edit(t, npmProject, `"integrity": "sha512-x"}`, `"hasInstallScript": true}`), ci, both, modules,
			[]string{"package-lock.json runs the install scripts of express, which may read any file; give --ignore-scripts"}},
		{"an alias of a quiet name", edit(t, npmProject, `"node_modules/esbuild": {`, `"node_modules/esbuild": {"name": "evil", `), ci, both, modules,
			[]string{"runs the install scripts of evil"}},
		{"a dependency's script on Linux too", edit(t, npmProject, `"os": ["darwin"]`, `"os": ["darwin", "linux"]`), ci, both, modules, []string{"scripts of fsevents"}},
		{"file: in package.json", edit(t, npmProject, `"^4.19.2", "left"`, `"file:../express", "left"`), ci, both, modules,
			[]string{"package.json takes express from the folder or file file:../express"}},
		{"a path in devDependencies", edit(t, npmProject, `"vite": "latest"`, `"vite": "./vite.tgz", "w": "workspace:*"`), ci, both, modules,
			[]string{"takes vite from", "takes w from"}},
		{"a path in overrides", edit(t, npmProject, `"qs": "6.11.0"`, `"qs": {".": "file:./qs"}`), ci, both, modules, []string{"package.json takes . from the folder or file file:./qs"}},
		{"a repository", edit(t, npmProject, `"vite": "latest"`, `"vite": "vitejs/vite", "x": "git+ssh://git@github.com/a/b.git"`), ci, both, modules,
			[]string{"takes vite from vitejs/vite, whose scripts npm may run", "takes x from git+ssh"}},
		{"file: in the lock", edit(t, npmProject, "https://registry.npmjs.org/express/-/express-4.19.2.tgz", "file:vendor/express.tgz"), ci, both, modules,
			[]string{"package-lock.json takes express from a folder or file"}},
		{"a repository in the lock", edit(t, npmProject, "https://registry.npmjs.org/express/-/express-4.19.2.tgz", "git+ssh://git@github.com/expressjs/express.git#abc"), ci, both, modules,
			[]string{"takes express from a repository"}},
		{"a link in the lock", edit(t, npmProject, `"node_modules/express": {`, `"node_modules/lib": {"resolved": "../lib", "link": true}, "../lib": {}, "node_modules/express": {`), ci, both, modules,
			[]string{"package-lock.json locks ../lib and node_modules/lib outside node_modules and the workspaces"}},
		{"file: in the old part of the lock", edit(t, npmProject, `"requires": true,`, `"requires": true, "dependencies": {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "file:b"}}}},`), ci, both, modules,
			[]string{"package-lock.json takes b from the folder or file b"}},
		{"a setting that matters", npmProject + "-- .npmrc --\n\nnode-options=--require ./hook.js\ncafile=ca.pem\n//x/:certfile=c.pem\n", ci,
			[]string{".npmrc", "package-lock.json", "package.json"}, modules,
			[]string{".npmrc:2 has the setting node-options, whose effect", ".npmrc:3 has the setting cafile", ".npmrc:4 names a file"}},
		{"node_modules not hidden", edit(t, npmProject, "**/node_modules\n", "dist\n"), ci, both, modules,
			[]string{"node_modules is not in .dockerignore; add the line **/node_modules to .dockerignore"}},
		{"node_modules hidden at the top only", edit(t, npmProject, "**/node_modules\n", "node_modules\n"), ci, both, modules,
			[]string{".dockerignore does not hide node_modules at every depth; add the line **/node_modules to .dockerignore"}},
		{"node_modules with an exception", edit(t, npmProject, "**/node_modules\n", "**/node_modules\n!**/*.json\n"), ci, both, modules,
			[]string{"end .dockerignore with the lines **/node_modules and **/node_modules/**"}},
		{"a linked manifest", strings.Replace(npmProject, "-- package.json --", "-- real/package.json --", 1) + "-- package.json -> real/package.json --\n", ci, nil, nil,
			[]string{"package.json is reached over a symbolic link"}},
		{"a linked .npmrc that dangles here", npmProject + "-- .npmrc -> /run/secrets/npmrc --\n", ci, both, modules,
			[]string{"[hard] .npmrc cannot be looked at: .npmrc leaves the build context"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := at(t, tree(t, test.archive))
			judged(t, c.NPM(".", test.o), test.files, test.creates, test.refusals)
		})
	}
}

const npmWorkspaces = `
-- .dockerignore --
**/node_modules
-- app/package.json --
{"name": "root", "workspaces": ["packages/*", "./tools"]}
-- app/package-lock.json --
{"lockfileVersion": 3, "packages": {
  "": {"workspaces": ["packages/*", "./tools"]},
  "node_modules/@x/a": {"resolved": "packages/a", "link": true},
  "node_modules/tools": {"resolved": "tools", "link": true},
  "packages/a": {"name": "@x/a", "version": "1.0.0"},
  "packages/a/node_modules/dep": {"version": "2.0.0", "resolved": "https://registry.npmjs.org/dep/-/dep-2.0.0.tgz"},
  "tools": {"version": "1.0.0"}
}}
-- app/packages/a/package.json --
{"name": "@x/a", "scripts": {"build": "tsc"}}
-- app/packages/README.md --
-- app/packages/nothing/x --
-- app/tools/package.json --
{"name": "tools"}
`

func TestNPMWorkspaces(t *testing.T) {
	files := []string{"app/package-lock.json", "app/package.json", "app/packages/a/package.json", "app/tools/package.json"}
	creates := []string{"app/node_modules", "app/packages/a/node_modules", "app/tools/node_modules"}
	for _, test := range []struct {
		name     string
		archive  string
		files    []string
		creates  []string
		refusals []string
	}{
		{"closed", npmWorkspaces, files, creates, nil},
		{"packages object", edit(t, npmWorkspaces, `"workspaces": ["packages/*", "./tools"]}`, `"workspaces": {"packages": ["packages/a", "/tools/"]}}`), files, creates, nil},
		{"bin of a workspace", edit(t, npmWorkspaces, `{"name": "tools"}`, `{"name": "tools", "bin": "cli.js"}`), files, creates,
			[]string{"app/tools/package.json has a bin, which npm links and makes executable"}},
		{"directories.bin of a workspace", edit(t, npmWorkspaces, `{"name": "tools"}`, `{"name": "tools", "directories": {"bin": "bin"}}`), files, creates, []string{"has a bin"}},
		{"script of a workspace", edit(t, npmWorkspaces, `"build": "tsc"`, `"prepare": "tsc"`), files, creates, []string{`app/packages/a/package.json has the lifecycle script "prepare"`}},
		{"binding.gyp of a workspace", npmWorkspaces + "-- app/tools/binding.gyp --\n", files, creates, []string{"app/tools/binding.gyp makes npm compile"}},
		{"broken manifest of a workspace", edit(t, npmWorkspaces, `{"name": "tools"}`, `{"name": "tools"`), files, creates, []string{"[hard] app/tools/package.json:2 does not parse"}},
		{"hidden manifest of a workspace", edit(t, npmWorkspaces, "**/node_modules\n", "**/node_modules\napp/tools\n"), files[:3], creates,
			[]string{"[hard] the workspace app/tools has no package.json that COPY sees"}},
		{"a workspace of the lock that is gone", edit(t, npmWorkspaces, `"tools": {"version"`, `"packages/gone": {}, "tools": {"version"`), files, creates,
			[]string{"app/package-lock.json locks packages/gone outside node_modules and the workspaces"}},
		{"a pattern that is not expanded", edit(t, npmWorkspaces, `{"name": "root", "workspaces": ["packages/*", "./tools"]}`, `{"workspaces": ["packages/**", "!packages/b", "{a,b}", "packages/*", "tools", "@x/*"]}`), files, creates,
			[]string{"pattern packages/**, which Shale does not expand", "pattern !packages/b", "pattern {a,b}"}},
		{"outside the context", edit(t, npmWorkspaces, `{"name": "root", "workspaces": [`, `{"name": "root", "workspaces": ["../../x", `), files, creates,
			[]string{"has the workspace ../../x outside the build context"}},
		{"no list", edit(t, npmWorkspaces, `{"name": "root", "workspaces": ["packages/*", "./tools"]}`, `{"workspaces": "packages/*"}`), files[:2], creates[:1],
			[]string{"[hard] app/package.json has workspaces that are no list", "app/package-lock.json locks node_modules/@x/a, node_modules/tools and 3 more outside"}},
		{"a linked workspace", npmWorkspaces + "-- app/packages/b -> ../tools --\n", files, creates, []string{"the workspace pattern app/packages/* matches the symbolic link app/packages/b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := at(t, tree(t, test.archive))
			judged(t, c.NPM("./app/", NPMOptions{CI: true}), test.files, test.creates, test.refusals)
		})
	}
	t.Run("from inside a workspace", func(t *testing.T) {
		c := at(t, tree(t, npmWorkspaces))
		judged(t, c.NPM("app/tools", NPMOptions{CI: true}), []string{"app/tools/package.json"}, []string{"app/tools/node_modules"},
			[]string{"app/tools may be a workspace of app/package.json", "[hard] the build context holds no app/tools/package-lock.json"})
	})
	t.Run("no such folder", func(t *testing.T) {
		c := at(t, tree(t, npmWorkspaces))
		judged(t, c.NPM("gone", NPMOptions{CI: true}), nil, nil, []string{"[hard] the build context holds no folder gone"})
		judged(t, c.NPM("../x", NPMOptions{CI: true}), nil, nil, []string{"[hard] ../x leaves the build context"})
		judged(t, c.NPM("app/package.json", NPMOptions{CI: true}), nil, nil, []string{"[hard] app/package.json is not a folder"})
	})
}
