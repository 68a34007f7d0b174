package buildctx

import "testing"

// TestBadInput holds every ecosystem to naming the file that it cannot read.
func TestBadInput(t *testing.T) {
	for _, test := range []struct {
		name     string
		archive  string
		world    func(*Context) World
		files    []string
		creates  []string
		refusals []string
	}{
		{"yarn: a link as the lock", "-- package.json --\n{}\n-- yarn.lock -> package.json --\n", func(c *Context) World { return c.Yarn(".", YarnOptions{Frozen: true}) },
			[]string{"package.json"}, nil, []string{"yarn.lock is reached over a symbolic link"}},
		{"pnpm: a loop of links", "-- package.json -> a.json --\n-- a.json -> package.json --\n", func(c *Context) World { return c.Pnpm(".", PnpmOptions{Frozen: true}) },
			nil, nil, []string{"[hard] package.json cannot be looked at: package.json has too many symbolic links"}},
		{"pnpm: an old lock", "-- package.json --\n{}\n-- pnpm-lock.yaml --\nlockfileVersion: 4\n-- .dockerignore --\n**/node_modules\n", func(c *Context) World { return c.Pnpm(".", PnpmOptions{Frozen: true}) },
			[]string{"package.json", "pnpm-lock.yaml"}, []string{"node_modules"}, []string{`pnpm-lock.yaml has the version "4", which Shale does not know`}},
		{"bun: a broken lock", "-- package.json --\n{}\n-- bun.lock --\n{\n-- .dockerignore --\n**/node_modules\n", func(c *Context) World { return c.Bun(".", BunOptions{Frozen: true, IgnoreScripts: true}) },
			[]string{"bun.lock", "package.json"}, []string{"node_modules"}, []string{"[hard] bun.lock does not parse: hujson: line 2, column 1:"}},
		{"uv: a broken manifest", "-- pyproject.toml --\n[project\n", func(c *Context) World { return c.Uv(".", UvOptions{Frozen: true}) },
			[]string{"pyproject.toml"}, nil, []string{"[hard] pyproject.toml:1 does not parse"}},
		{"poetry: a folder as the lock", "-- pyproject.toml --\n-- poetry.lock/x --\n-- .dockerignore --\n.venv\n", func(c *Context) World { return c.Poetry(".", PoetryOptions{NoRoot: true}) },
			[]string{"pyproject.toml"}, []string{".venv"}, []string{"[hard] poetry.lock is not a regular file"}},
		{"maven: a pom that leads out", "-- pom.xml --\n<project><modules><module>../x</module></modules></project>\n", func(c *Context) World { return c.Maven(".", false) },
			[]string{"pom.xml"}, nil, []string{"pom.xml names ../x outside the build context"}},
		{"maven: a pom in Latin-1", "-- pom.xml --\n<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<project><name>M\xfcller</name></project>\n", func(c *Context) World { return c.Maven(".", false) },
			[]string{"pom.xml"}, nil, nil},
		{"dotnet: a project that leads out", "-- a.csproj --\n<Project Sdk=\"Microsoft.NET.Sdk\"><ItemGroup><ProjectReference Include=\"..\\b.csproj\" /></ItemGroup></Project>\n-- .dockerignore --\n**/obj\n", func(c *Context) World { return c.Dotnet(".", DotnetOptions{}) },
			[]string{"a.csproj"}, []string{"obj"}, []string{"a.csproj names the project ..\\b.csproj outside the build context"}},
		{"dotnet: two projects", "-- a.csproj --\n-- b.csproj --\n", func(c *Context) World { return c.Dotnet(".", DotnetOptions{}) },
			nil, nil, []string{"[hard] . holds 2 projects and solutions; name the one to restore"}},
		{"cargo: a member that leads out", "-- Cargo.toml --\n[workspace]\nmembers = [\"../x\"]\n[workspace.dependencies]\nitoa = \"1\"\n-- Cargo.lock --\n", func(c *Context) World { return c.Cargo(".", true) },
			[]string{"Cargo.lock", "Cargo.toml"}, nil, []string{"Cargo.toml has the member ../x outside the build context"}},
		{"composer: a list", "-- composer.json --\n[]\n", func(c *Context) World { return c.Composer(".", ComposerOptions{}) },
			[]string{"composer.json"}, nil, []string{"[hard] composer.json:1 does not parse: it is no JSON object"}},
		{"bundler: a merge conflict", "-- Gemfile --\n-- Gemfile.lock --\nGEM\n<<<<<<< HEAD\n", func(c *Context) World { return c.Bundler(".", BundlerOptions{Frozen: true}) },
			[]string{"Gemfile", "Gemfile.lock"}, nil, []string{"[hard] Gemfile.lock:2 is a merge conflict"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			judged(t, test.world(at(t, tree(t, test.archive))), test.files, test.creates, test.refusals)
		})
	}
}
