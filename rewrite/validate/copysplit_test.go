package validate

import "strings"

// splitRun is the rewriting that a split makes of a COPY . . in front of a RUN: the
// copies of manifests in its place, the copy behind the RUN.
func splitRun(name, run, copies string, files ...string) rewriting {
	return splitIn(name, "COPY . .", run, copies, files...)
}

func splitIn(name, broad, run, copies string, files ...string) rewriting {
	return rewriting{name: name, before: from("node:20", "WORKDIR /app", broad, "RUN "+run), changes: split(files...),
		edits: [][2]string{{broad, copies}, {"RUN " + run + "\n", "RUN " + run + "\n" + broad + "\n"}}}
}

// env gives the stage of a rewriting a variable.
func env(rw rewriting, pair string) rewriting {
	rw.before = strings.Replace(rw.before, "WORKDIR /app\n", "WORKDIR /app\nENV "+pair+"\n", 1)
	return rw
}

// unmade takes the WORKDIR out that makes the folder copied to.
func unmade(rw rewriting) rewriting {
	rw.before = strings.Replace(rw.before, "WORKDIR /app\n", "", 1)
	return rw
}

const (
	copyWeb  = "COPY web/package.json web/package-lock.json web/"
	copyRoot = "COPY package.json package-lock.json ./"
)

var (
	webFiles  = []string{"web/package.json", "web/package-lock.json"}
	rootFiles = []string{"package.json", "package-lock.json"}
)

func init() {
	rights = append(rights,
		splitRun("an install behind a cd", "cd web && npm ci", copyWeb, webFiles...),
		splitRun("an install in a subshell behind a cd", "(cd web && npm ci)", copyWeb, webFiles...),
		splitRun("two installs in two folders", "(cd web && npm ci) && cd api && pip install -r requirements.txt && cd ..",
			copyWeb+"\nCOPY api/requirements.txt api/", append([]string{"api/requirements.txt"}, webFiles...)...),
		splitRun("an install behind a cd by the whole path", "cd /app/web && npm ci && cd /tmp", copyWeb, webFiles...),
		splitRun("an install behind a cd under errexit", "set -eux; cd web; npm ci", copyWeb, webFiles...),
	)
	rights = append(rights,
		unmade(splitIn("a copy of all that makes its folder", "COPY --chown=1000 . /app", "cd /app && npm ci", "COPY --chown=1000 package.json package-lock.json /app/", rootFiles...)),
		splitIn("files by --chmod in a folder that stands", "COPY --chmod=755 web .", "npm ci", "COPY --chmod=755 web/package.json web/package-lock.json ./", webFiles...),
	)
	rights = append(rights,
		splitRun("an install with a setting that names no file", "NODE_ENV=production npm ci", copyRoot, rootFiles...),
		splitRun("an install behind an export that names no file", "export CI=true && npm ci", copyRoot, rootFiles...),
	)
	rights = append(rights,
		splitRun("an install with an option that says that it is off", "npm ci --production=false", copyRoot, rootFiles...),
		splitRun("a frozen install with a value", "yarn --frozen-lockfile=true --mode skip-build", "COPY package.json yarn.lock ./", "package.json", "yarn.lock"),
	)
	const copyPip = "COPY requirements.txt ./"
	rights = append(rights,
		splitRun("an install by letters that share a dash", "pip install -vvv --default-timeout=1000 -Uqr requirements.txt", copyPip, "requirements.txt"),
		splitRun("an install by a letter with its value", "pip install -qqq -ihttps://pypi.org/simple -rrequirements.txt", copyPip, "requirements.txt"),
		splitRun("an install of uv by letters that share a dash", "uv pip install --system -qUr requirements.txt", copyPip, "requirements.txt"),
	)
	rights = append(rights, env(splitRun("an install whose programs the install makes", "npm ci", copyRoot, rootFiles...), "PATH=/app/node_modules/.bin:$PATH"))
	wrongs = append(wrongs,
		refused(env(splitRun("a split with programs of the project", "npm ci", copyRoot, rootFiles...), "PATH=/app/bin:$PATH"), "looked for in /app/bin"),
		refused(env(splitRun("a split with programs where the command runs", "npm ci", copyRoot, rootFiles...), "PATH=bin:$PATH"), "the folder that a command runs in"),
		refused(unmade(splitIn("a split of a copy that makes its folder", "COPY web /app", "cd /app && npm ci", "COPY web/package.json web/package-lock.json /app/", webFiles...)), "another mode"),
		refused(unmade(splitIn("a split of a copy that makes its folder by --chmod", "COPY --chmod=777 . /app", "cd /app && npm ci", "COPY --chmod=777 package.json package-lock.json /app/", rootFiles...)), "another mode"),
		refused(splitIn("a split by --chmod with a folder below", "COPY --chmod=777 . .", "cd web && npm ci", "COPY --chmod=777 web/package.json web/package-lock.json web/", webFiles...), "make /app/web with another mode"),
		refused(splitRun("a split whose install runs where a cd leads", "cd web && npm ci", copyRoot, rootFiles...), "cd goes to /app/web"),
		refused(splitRun("a split whose manifests lie elsewhere than a cd leads", "cd web && npm ci",
			copyRoot+"\nCOPY web/x web/", append([]string{"web/x"}, rootFiles...)...), "in /app/web"),
		refused(splitRun("a split behind a cd that may fail", "cd web; npm ci", copyWeb, webFiles...), "changes its folder"),
		refused(splitRun("a split behind a cd that errexit ignores", "set -e; cd web && true; npm ci", copyWeb, webFiles...), "changes its folder"),
		refused(splitRun("a split behind a cd in a branch", "cd web || cd api && npm ci", copyWeb, webFiles...), "changes its folder"),
		refused(splitRun("a split behind a cd in a subshell of a list", "(cd web; npm ci)", copyWeb, webFiles...), "changes its folder"),
		refused(env(splitRun("a split behind a cd by a variable", "cd $W && npm ci", copyWeb, webFiles...), "W=web"), "changes its folder"),
		refused(env(splitRun("a split under CDPATH", "cd web && npm ci", copyWeb, webFiles...), "CDPATH=/srv"), "changes its folder"),
		refused(splitRun("a split with a cd to a folder of the sources", "cd src && cd ../web && npm ci", copyWeb, webFiles...), "cd goes to /app/src"),
		refused(splitRun("a split with a cd past where it began", "cd ../app/web && cd ../.. && cd app/web && npm ci", copyWeb, webFiles...), "changes its folder"),
		refused(splitRun("a split with an install in a substitution", "cd web && npm ci && echo $(npm ci)", copyWeb, webFiles...), "echo may read"),
		refused(splitRun("a split behind a pushd", "pushd web && npm ci", copyWeb, webFiles...), "changes its folder"),
		refused(splitRun("a split with a second install without manifests", "cd web && npm ci && cd .. && npm ci", copyWeb, webFiles...), "in /app"),
		refused(splitRun("a split of an install in the folder of env", "env -C web npm ci", copyRoot, rootFiles...), "web may read"),
		refused(splitRun("a split of an install that lets scripts run", "npm ci --ignore-scripts=false", copyRoot, rootFiles...), "--ignore-scripts=false is not known"),
		refused(splitRun("a split of an install that is not frozen", "yarn --frozen-lockfile=false", "COPY package.json yarn.lock ./", "package.json", "yarn.lock"), "--frozen-lockfile=false is not known"),
		refused(splitRun("a split of an install of another mode", "yarn --immutable --mode=update-lockfile", "COPY package.json yarn.lock ./", "package.json", "yarn.lock"), "--mode=update-lockfile is not known"),
		refused(splitRun("a split of an install of a file beside letters", "pip install -Ur other.txt", "COPY requirements.txt ./", "requirements.txt"), "pip reads /app/other.txt"),
		refused(splitRun("a split of an install into the project by letters", "pip install -Ut lib -r requirements.txt", "COPY requirements.txt ./", "requirements.txt"), "touches the project"),
		refused(splitRun("a split of an install of the project by letters", "pip install -Ue . -r requirements.txt", "COPY requirements.txt ./", "requirements.txt"), "touches the project"),
		refused(splitRun("a split of a program by its path", "/venv/bin/pip install -r requirements.txt", "COPY requirements.txt ./", "requirements.txt"), "/venv/bin/pip"),
		refused(splitRun("a split of a program of the project", "./npm ci", copyRoot, rootFiles...), "./npm"),
		refused(splitIn("a split of a copy among the system's programs", "COPY . /usr/local/bin", "npm ci", "COPY package.json package-lock.json /usr/local/bin/", rootFiles...), "may change how the commands before it run"),
		refused(splitIn("a split of a copy among the system's files", "COPY . /lib/app", "cd /lib/app && npm ci", "COPY package.json package-lock.json /lib/app/", rootFiles...), "may change how the commands before it run"),
		refused(splitRun("a split of an install by another user", "sudo npm ci", copyRoot, rootFiles...), "runs behind sudo"),
		refused(splitRun("a split behind a cd with a variable of its own", "HOME=/x cd && npm ci", copyRoot, rootFiles...), "HOME is set"),
		refused(splitRun("a split with settings that are exported", `export NODE_OPTIONS="--require ./hook.js" && npm ci`, copyRoot, rootFiles...), "NODE_OPTIONS is set"),
		refused(splitRun("a split with settings that cannot change", "readonly npm_config_userconfig=/app/npmrc; npm ci", copyRoot, rootFiles...), "npm_config_userconfig is set"),
		refused(splitRun("a split with a setting alone", "PATH=/app/bin:$PATH; npm ci", copyRoot, rootFiles...), "PATH is set"),
		refused(splitRun("a split with settings of one command", "NODE_OPTIONS=-r=./hook.js npm ci", copyRoot, rootFiles...), "NODE_OPTIONS is set"),
		refused(splitRun("a split with a setting in an expansion", ": ${NODE_OPTIONS:=-r ./hook.js}; npm ci", copyRoot, rootFiles...), "NODE_OPTIONS"),
		refused(splitRun("a split with a setting of a loop", "for NODE_OPTIONS in '-r ./hook.js'; do npm ci; done", copyRoot, rootFiles...), "NODE_OPTIONS is set"),
		refused(env(splitRun("a split with settings that a variable names", "export $SETTINGS && npm ci", copyRoot, rootFiles...), `SETTINGS="NODE_OPTIONS=--require=./hook.js"`), "$SETTINGS is set"),
	)
}
