package validate

import (
	"path"
	"slices"
	"strings"
)

// An installer is what the validator knows of a program that installs from
// manifests: the calls that read them and nothing else of the project, and the files
// that these find in their working folder. It is a closed list of its own, apart from
// the table that rules lean on.
type installer struct {
	calls []installCall
	idle  []string // calls that read and write nothing of the project, by their first words
	// global are the options with which an install of names reads nothing of the project.
	global string
}

// An installCall is one way to call an installer.
type installCall struct {
	verb    string     // the words that it starts with; "" for none
	needs   [][]string // of each list one file must be there
	demands []string   // of these options one must stand there; nil if none must
	env     []string   // variables that do as well, set to true
	flags   string     // options that it may carry
	values  string     // those that take the next word, when it is not joined
	files   string     // those whose value is a file that it reads
}

var installers = map[string]*installer{
	"npm": {
		calls: calls(installCall{
			needs: [][]string{{"package.json"}, {"package-lock.json", "npm-shrinkwrap.json"}},
			flags: `--production --no-optional --no-audit --no-fund --ignore-scripts --legacy-peer-deps --silent -s -q -d --quiet
				--verbose --no-progress --progress --prefer-offline --prefer-online --unsafe-perm --force -f --no-save`,
			values: `--omit --include --only --loglevel --registry`,
		}, "ci", "clean-install", "ic", "install-clean"),
		global: "-g --global",
		idle:   []string{"cache", "config"},
	},
	"yarn": {
		calls: calls(installCall{
			needs:   [][]string{{"package.json"}, {"yarn.lock"}},
			demands: []string{"--frozen-lockfile", "--immutable", "--pure-lockfile"},
			flags: `--non-interactive --production --prod --ignore-scripts --ignore-engines --ignore-platform --ignore-optional --silent -s
				--no-progress --verbose --force --prefer-offline --inline-builds --mode=skip-build`,
			values: `--network-timeout --network-concurrency --registry`,
		}, "", "install"),
		idle: []string{"cache"},
	},
	"pnpm": {
		calls: calls(installCall{
			needs:   [][]string{{"package.json"}, {"pnpm-lock.yaml"}},
			demands: []string{"--frozen-lockfile"},
			flags: `--ignore-scripts --prod -P --production --no-optional --prefer-offline --offline --silent -s -r --recursive --shamefully-hoist
				--strict-peer-dependencies --no-strict-peer-dependencies --force --no-verify-store-integrity --unsafe-perm --color --no-color`,
			values: `--reporter --loglevel --network-concurrency --child-concurrency --fetch-timeout --fetch-retries --registry`,
		}, "install", "i"),
		idle: []string{"store"},
	},
	"bun": {
		calls: append(calls(installCall{
			needs:   [][]string{{"package.json"}, {"bun.lock"}},
			demands: []string{"--frozen-lockfile"},
			flags:   `--ignore-scripts --production --no-save --no-progress --silent --verbose --no-summary --linker=hoisted --linker=isolated`,
			values:  `--registry --omit --network-concurrency`,
		}, "install", "i"), calls(installCall{
			needs:  [][]string{{"package.json"}, {"bun.lock"}},
			flags:  `--ignore-scripts --production --no-save --no-progress --silent --verbose --no-summary`,
			values: `--registry --omit --network-concurrency`,
		}, "ci")...),
	},
	// Whether the project itself is installed too stands in its manifest.
	"poetry": {calls: calls(installCall{
		needs: [][]string{{"pyproject.toml"}, {"poetry.lock"}},
		flags: `--no-root --no-directory --no-interaction -n --no-ansi --no-dev --all-extras --all-groups --sync --no-cache -q --quiet
			-v -vv -vvv --compile`,
		values: `--only --with --without -E --extras`,
	}, "install", "sync"), idle: []string{"config"}},
	"uv": {calls: append(calls(installCall{
		needs:   [][]string{{"pyproject.toml"}, {"uv.lock"}},
		demands: []string{"--frozen", "--locked"},
		flags: `--no-install-project --no-install-workspace --no-install-local --no-dev --dev --all-groups --all-extras --only-dev --no-default-groups
			--no-cache -n --compile-bytecode --no-editable --no-progress -q --quiet -v --verbose --no-python-downloads --inexact --no-managed-python --managed-python`,
		values: `--extra --group --no-group --only-group --link-mode --python -p`,
	}, "sync"), calls(installCall{
		flags: `--no-cache -n --compile-bytecode --no-progress -q --quiet -v --verbose --system --no-deps --require-hashes --break-system-packages
			--upgrade -U --strict`,
		values: `--python -p --link-mode --index-url -i --extra-index-url --default-index --index --index-strategy --prerelease --only-binary --no-binary`,
		files:  `-r --requirement --requirements -c --constraint --constraints`,
	}, "pip install")...), idle: []string{"cache"}},
	"pipenv": {calls: append(calls(installCall{
		needs: [][]string{{"Pipfile"}, {"Pipfile.lock"}}, demands: []string{"--deploy"},
		flags: `--system --dev -d --ignore-pipfile --clear --pre -v --verbose -q --quiet`, values: `--python`,
	}, "install"), calls(installCall{
		needs: [][]string{{"Pipfile"}, {"Pipfile.lock"}},
		flags: `--system --dev -d --clear --pre -v --verbose -q --quiet`, values: `--python`,
	}, "sync")...)},
	"bundle": {calls: calls(installCall{
		needs: [][]string{{"Gemfile"}, {"Gemfile.lock"}}, demands: []string{"--frozen", "--deployment"}, env: []string{"BUNDLE_FROZEN", "BUNDLE_DEPLOYMENT"},
		flags:  `--quiet --verbose --no-color --full-index --redownload --force --no-cache --prefer-local`,
		values: `--without --with -j --jobs --retry`,
	}, "", "install")},
	"cargo": {calls: calls(installCall{
		needs: [][]string{{"Cargo.toml"}, {"Cargo.lock"}}, demands: []string{"--locked", "--frozen"},
		flags: `-q --quiet -v --verbose`, values: `--target --color`,
	}, "fetch")},
	"go": {calls: calls(installCall{needs: [][]string{{"go.mod"}, {"go.sum"}}, flags: "-x -json"}, "mod download", "mod verify")},
}

// calls are the same call under several verbs.
func calls(c installCall, verbs ...string) []installCall {
	var out []installCall
	for _, v := range verbs {
		c.verb = v
		out = append(out, c)
	}
	return out
}

// judge holds a command to the calls that are known.
func (i *installer) judge(c *command, env []string, cwd string, have func(string) bool) *Rejection {
	args, all := c.args()
	if !all {
		return reject("an argument of %s is not literal", c.name)
	}
	for _, idle := range i.idle {
		if len(args) > 0 && args[0] == idle {
			return nil
		}
	}
	if i.global != "" && slices.ContainsFunc(args, func(a string) bool { return slices.Contains(strings.Fields(i.global), a) }) {
		return byName(c.name, args)
	}
	// Of several calls with this verb the last one's reason is told.
	why := reject("%s may read a file of the project that is not copied first", short(c.name, args))
	for _, call := range i.calls {
		rest, ok := call.is(args)
		if !ok {
			continue
		}
		if why = call.judge(c.name, args, rest, env, cwd, have); why == nil {
			return nil
		}
	}
	return why
}

// byName holds an install for all to packages that are known to run no script.
func byName(name string, args []string) *Rejection {
	for n, a := range args {
		pkg, version, _ := strings.Cut(a, "@")
		switch {
		case n == 0 && slices.Contains([]string{"install", "i", "add"}, a) && len(args) > 1:
		case slices.Contains([]string{"-g", "--global", "--force", "-f", "--silent", "--no-audit", "--no-fund", "--unsafe-perm"}, a):
		case slices.Contains([]string{"npm", "pnpm", "yarn", "corepack", "node-gyp", "typescript", "serve", "http-server"}, pkg) && !strings.ContainsAny(version, `:/\`):
		default:
			return reject("%s %s may read a file of the project that is not copied first", name, a)
		}
	}
	return nil
}

// is reports whether the words start with the verb, options aside, and returns the
// others.
func (k installCall) is(args []string) ([]string, bool) {
	verb := strings.Fields(k.verb)
	values := strings.Fields(k.values)
	var rest []string
	for n := 0; n < len(args); n++ {
		switch {
		case len(verb) > 0 && args[n] == verb[0]:
			verb = verb[1:]
		case slices.Contains(values, args[n]) && n+1 < len(args):
			rest = append(rest, args[n], args[n+1])
			n++
		case len(verb) > 0 && !strings.HasPrefix(args[n], "-"):
			return nil, false
		default:
			rest = append(rest, args[n])
		}
	}
	return rest, len(verb) == 0
}

func (k installCall) judge(name string, args, rest, env []string, cwd string, have func(string) bool) *Rejection {
	flags, values := strings.Fields(k.flags), strings.Fields(k.values)
	files, read := strings.Fields(k.files), 0
	rest = unbundled(rest, setOf(k.flags), setOf(k.files))
	demanded := len(k.demands) == 0 || slices.ContainsFunc(k.env, func(name string) bool {
		return slices.Contains(env, name+"=1") || slices.Contains(env, name+"=true")
	})
	for n := 0; n < len(rest); n++ {
		option, value, joined := strings.Cut(rest[n], "=")
		switch {
		case rest[n] == "--mode" && n+1 < len(rest) && slices.Contains(flags, "--mode="+rest[n+1]):
			n++
		case slices.Contains(k.demands, rest[n]), slices.Contains(k.demands, option) && value == "true":
			demanded = true
		case slices.Contains(flags, rest[n]), slices.Contains(values, option) && joined:
		case slices.Contains(flags, option) && (value == "true" || value == "false" && option != "--ignore-scripts"):
		case len(rest[n]) > 2 && rest[n][1] != '-' && slices.Contains(values, rest[n][:2]): // -j4
		case slices.Contains(values, option):
			n++
		case slices.Contains(files, option):
			if n++; joined {
				n--
			} else if n < len(rest) {
				value = rest[n]
			}
			file := value
			if !path.IsAbs(file) {
				file = path.Join(cwd, file)
			}
			if value == "" || !have(path.Clean(file)) {
				return reject("%s reads %s, which is not copied first", short(name, args), value)
			}
			read++
		default:
			return reject("%s may read a file of the project that is not copied first: %s is not known", short(name, args), rest[n])
		}
	}
	if !demanded {
		return reject("%s may write the manifests without %s", short(name, args), k.demands[0])
	}
	if len(files) > 0 && read == 0 {
		return reject("%s names no manifest", short(name, args))
	}
	for _, any := range k.needs {
		if !slices.ContainsFunc(any, func(f string) bool { return have(path.Join(cwd, f)) }) {
			return reject("%s reads %s in %s, which is not copied first", short(name, args), strings.Join(any, " or "), cwd)
		}
	}
	return nil
}

// short names a call by its first words.
func short(name string, args []string) string {
	return strings.Join(append([]string{name}, args[:min(len(args), 1)]...), " ")
}
