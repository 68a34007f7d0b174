//go:build consumers

package buildctx_test

import (
	"strings"

	"github.com/shale-build/shale/analysis/buildctx"
)

func npmIn(dir string) func(*buildctx.Context) buildctx.World {
	return func(c *buildctx.Context) buildctx.World { return c.NPM(dir, buildctx.NPMOptions{CI: true}) }
}

func init() {
	reals = append(reals,
		real{"npm in a folder below another project", "", "cd web && npm install --package-lock-only", "cd web && npm ci", npmIn("web"), `
-- package.json --
{"name": "root", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}}
-- .npmrc --
save-exact=true
-- web/package.json --
{"name": "web", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1"}}
-- web/index.js --
require('is-odd')
-- .dockerignore --
**/node_modules
`},
		real{"npm with settings, pins and an optional package", "", "npm install --package-lock-only", "npm ci --omit=dev", npmIn("."), `
-- package.json --
{"name": "x", "version": "1.0.0", "bin": "cli.js", "dependencies": {"is-odd": "3.0.1"}, "devDependencies": {"left-pad": "1.3.0"},
 "optionalDependencies": {"fsevents": "2.3.3"}, "overrides": {"is-number": "6.0.0"}}
-- .npmrc --
legacy-peer-deps=true
fund=false
-- cli.js --
require('is-odd')
-- .dockerignore --
**/node_modules
`},
		real{"npm with a shrinkwrap", "", "npm install --package-lock-only && npm shrinkwrap", "npm ci", npmIn("."), `
-- package.json --
{"name": "x", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1"}}
-- lib/node_modules.txt --
none
-- .dockerignore --
**/node_modules
`},
		real{"npm workspaces that only the sources could hold", "", "npm install --package-lock-only", "npm ci", npmIn("."),
			strings.Replace(workspaceOf("npm@11.0.0"), `"packages/*"`, `"packages/a", "packages/b"`, 1) + "-- packages/c/package.json --\n{\"name\": \"c\", \"version\": \"1.0.0\", \"dependencies\": {\"left-pad\": \"1.3.0\"}}\n"},
		real{"pnpm with settings of a project", pnpm10, "pnpm install --lockfile-only", "pnpm install --frozen-lockfile", frozenPnpm, `
-- package.json --
{"name": "root", "version": "1.0.0", "private": true, "packageManager": "pnpm@10.34.9"}
-- pnpm-workspace.yaml --
packages:
  - packages/*
-- packages/a/package.json --
{"name": "a", "version": "1.0.0", "dependencies": {"is-odd": "3.0.1"}}
-- packages/a/.npmrc --
strict-peer-dependencies=false
-- packages/a/index.js --
require('is-odd')
-- .dockerignore --
**/node_modules
`},
	)
}
