package pkgmgr_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

type call struct {
	Manager, Word string
	Verb          pkgmgr.Verb
	Options       []pkgmgr.Option
	Names         []string
	Unclear       bool
}

// readCall reads the first command of a line; nil if it calls no manager.
func readCall(t *testing.T, line string) *pkgmgr.Call {
	t.Helper()
	p := shell.Parse(source.Join(line, source.Span{End: len(line)}), shell.POSIX)
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	inv, ok := p.Root.Children[0].Invocation()
	if !ok {
		t.Fatalf("%s: no invocation", line)
	}
	c, _ := pkgmgr.Read(inv.Name, inv.Args)
	return c
}

func read(t *testing.T, line string) (call, string) {
	t.Helper()
	c := readCall(t, line)
	if c == nil {
		return call{}, ""
	}
	out := call{Manager: c.Manager.Name, Word: c.Word, Verb: c.Verb, Options: c.Options, Unclear: c.Unclear}
	for _, n := range c.Names {
		out.Names = append(out.Names, line[n.From:n.To])
	}
	return out, line[:c.VerbEnd]
}

func opt(words ...string) []pkgmgr.Option {
	var out []pkgmgr.Option
	for _, w := range words {
		name, value, _ := strings.Cut(w, " ")
		out = append(out, pkgmgr.Option{Name: name, Value: value, Known: true})
	}
	return out
}

func TestReadsManifests(t *testing.T) {
	for line, want := range map[string]bool{
		"npm ci": true, "npm install": true, "npm ci -h": false, "npm -v": false, "npm cache clean --force": false, "npm install express": false, "npm test": true,
		"yarn": true, "yarn --version": false, "yarn build": true, "yarn global add x": false, "npm ci $X": false, "npm ci --registry=$X": false,
		"go mod download": true, "go build": true, "go version": false, "go env": false, "go clean -modcache": false,
		"cargo build --release": true, "cargo --version": false, "cargo install --path .": true, "cargo install --path tool": false, "cargo install --git https://e.com/x": false,
		"poetry install": true, "poetry --version": false, "poetry self update": false, "composer --version": false, "composer global install": false, "composer install": true,
		"helm repo update": false, "helm dependency update": true, "helm version": false, "conda update -y --all": false, "conda env create": true,
		"mvn dependency:go-offline": true, "mvn --version": false, "mvn dependency:get -Dartifact=a": false, "mix deps.get": true, "mix local.hex --force": false,
		`R -e 'install.packages("x")'`: false, "R -e 'renv::restore()'": true, "cpanm --self-upgrade": false, "uv sync": true, "uv venv": false, "bun upgrade": false,
		"pipenv install": true, "pipenv install -r requirements.txt": false, "bundle": true, "bundle config set x y": false, "apt-get update": false,
	} {
		if got := readCall(t, line); got.ReadsManifests() != want {
			t.Errorf("%s: %v", line, !want)
		}
	}
	for line, want := range map[string]bool{
		"pip install -r requirements.txt": true, "pip install -r requirements.txt $X": true, "pip list -r x": false, "conda env export -f x": false, "conda install --file x": true,
	} {
		if got := readCall(t, line); got.ReadsOptions() != want {
			t.Errorf("%s: options are read: %v", line, !want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		line   string
		want   call
		before string // the line up to the end of the verb
	}{
		{"apt-get install -y --no-install-recommends curl git=1:2.39.2-1.1", call{"apt", "install", pkgmgr.Install, opt("-y", "--no-install-recommends"), []string{"curl", "git=1:2.39.2-1.1"}, false}, "apt-get install"},
		{"apt-get -qqy -o Dpkg::Use-Pty=0 update", call{"apt", "update", pkgmgr.Update, opt("-q", "-q", "-y", "-o Dpkg::Use-Pty=0"), nil, false}, "apt-get -qqy -o Dpkg::Use-Pty=0 update"},
		{"apt-get install -yt bookworm-backports golang", call{"apt", "install", pkgmgr.Install, opt("-y", "-t bookworm-backports"), []string{"golang"}, false}, "apt-get install"},
		{"sudo -E apt install ./local.deb", call{"apt", "install", pkgmgr.Install, nil, []string{"./local.deb"}, false}, "sudo -E apt install"},
		{"apt-get $OPTS install x", call{"apt", "install", pkgmgr.Install, nil, []string{"x"}, true}, "apt-get $OPTS install"},
		{"apt-get install $PACKAGES", call{"apt", "install", pkgmgr.Install, nil, []string{"$PACKAGES"}, false}, "apt-get install"},
		{"apk --no-cache add -t .deps gcc", call{"apk", "add", pkgmgr.Install, opt("--no-cache", "-t .deps"), []string{"gcc"}, false}, "apk --no-cache add"},
		{"apk add --repository https://example.com/edge gcc", call{"apk", "add", pkgmgr.Install, opt("--repository https://example.com/edge"), []string{"gcc"}, false}, "apk add"},
		{"npm --loglevel warn ci --omit=dev", call{"npm", "ci", pkgmgr.Install, opt("--loglevel warn", "--omit dev"), nil, false}, "npm --loglevel warn ci"},
		{"npm cache clean --force", call{"npm", "cache clean", pkgmgr.Clean, opt("--force"), nil, false}, "npm cache clean"},
		{"pip3 install -r requirements.txt -c c.txt", call{"pip", "install", pkgmgr.Install, opt("-r requirements.txt", "-c c.txt"), nil, false}, "pip3 install"},
		{"python3 -m pip install --upgrade pip", call{"pip", "install", pkgmgr.Install, opt("--upgrade"), []string{"pip"}, false}, "python3 -m pip install"},
		{"pip install flask==3.0 --no-cache-dir", call{"pip", "install", pkgmgr.Install, opt("--no-cache-dir"), []string{"flask==3.0"}, false}, "pip install"},
		{"go mod download -x", call{"go", "mod download", pkgmgr.Download, opt("-x"), nil, false}, "go mod download"},
		{"go build -o /app ./cmd/app", call{"go", "build", pkgmgr.Other, opt("-o /app"), []string{"./cmd/app"}, false}, "go build"},
		{"apt-get -o Acquire::Retries=3 -y install -f", call{"apt", "install", pkgmgr.Install, opt("-o Acquire::Retries=3", "-y", "-f"), nil, false}, "apt-get -o Acquire::Retries=3 -y install"},
		{"aptitude -y install curl", call{"apt", "install", pkgmgr.Install, opt("-y"), []string{"curl"}, false}, "aptitude -y install"},
		{"/usr/bin/dnf5 -y --setopt=install_weak_deps=False install git", call{"dnf", "install", pkgmgr.Install, opt("-y", "--setopt install_weak_deps=False"), []string{"git"}, false}, "/usr/bin/dnf5 -y --setopt=install_weak_deps=False install"},
		{"tdnf install -y tar", call{"tdnf", "install", pkgmgr.Install, opt("-y"), []string{"tar"}, false}, "tdnf install"},
		{"dnf group install -y tools", call{"dnf", "group install", pkgmgr.Install, opt("-y"), []string{"tools"}, false}, "dnf group install"},
		{"yum clean all", call{"yum", "clean all", pkgmgr.Clean, nil, nil, false}, "yum clean all"},
		{"microdnf --enablerepo x install tar", call{"microdnf", "install", pkgmgr.Install, opt("--enablerepo x"), []string{"tar"}, false}, "microdnf --enablerepo x install"},
		{"zypper --non-interactive in --no-recommends -t pattern devel", call{"zypper", "in", pkgmgr.Install, opt("--non-interactive", "--no-recommends", "-t pattern"), []string{"devel"}, false}, "zypper --non-interactive in"},
		{"zypper -n in -C -R 'perl(Moo)'", call{"zypper", "in", pkgmgr.Install, opt("-n", "-C", "-R"), []string{"'perl(Moo)'"}, false}, "zypper -n in"},
		{"zypper -C /c in git", call{"zypper", "in", pkgmgr.Install, opt("-C /c"), []string{"git"}, false}, "zypper -C /c in"},
		{"pacman -S --needed $PACKAGES", call{"pacman", "-S", pkgmgr.Install, opt("-S", "--needed"), []string{"$PACKAGES"}, false}, ""},
		{"pacman --noconfirm $WHAT", call{"pacman", "", pkgmgr.Other, opt("--noconfirm"), []string{"$WHAT"}, true}, ""},
		{"docker-php-ext-install $EXTENSIONS", call{"docker-php-ext-install", "", pkgmgr.Install, nil, []string{"$EXTENSIONS"}, false}, ""},
		{"zypper clean", call{"zypper", "clean", pkgmgr.Clean, nil, nil, false}, "zypper clean"},
		{"zypper -n cc --all", call{"zypper", "clean -a", pkgmgr.Clean, opt("-n", "--all"), nil, false}, "zypper -n cc"},
		{"pacman -Syu --noconfirm git base-devel", call{"pacman", "-S", pkgmgr.Install, opt("-S", "-y", "-u", "--noconfirm"), []string{"git", "base-devel"}, false}, ""},
		{"pacman --sync --search git", call{"pacman", "", pkgmgr.Other, opt("--sync", "--search"), []string{"git"}, false}, ""},
		{"pacman -Scc --noconfirm", call{"pacman", "-Sc", pkgmgr.Clean, opt("-S", "-c", "-c", "--noconfirm"), nil, false}, ""},
		{"pacman -Rns gcc", call{"pacman", "-R", pkgmgr.Remove, opt("-R", "-n", "-s"), []string{"gcc"}, false}, ""},
		{"pacman -Q", call{"pacman", "", pkgmgr.Other, opt("-Q"), nil, false}, ""},
		{"yarn", call{"yarn", "", pkgmgr.Install, nil, nil, false}, ""},
		{"yarn --version", call{"yarn", "", pkgmgr.Other, opt("--version"), nil, false}, ""},
		{"yarn --frozen-lockfile --network-timeout 100000", call{"yarn", "", pkgmgr.Install, opt("--frozen-lockfile", "--network-timeout 100000"), nil, false}, ""},
		{"yarn global add serve", call{"yarn", "global add", pkgmgr.Install, nil, []string{"serve"}, false}, "yarn global add"},
		{"yarn cache clean", call{"yarn", "cache clean", pkgmgr.Clean, nil, nil, false}, "yarn cache clean"},
		{"yarn workspaces focus --production", call{"yarn", "workspaces focus", pkgmgr.Install, opt("--production"), nil, false}, "yarn workspaces focus"},
		{"yarn build", call{"yarn", "build", pkgmgr.Other, nil, nil, false}, "yarn build"},
		{"corepack yarn install --immutable", call{"yarn", "install", pkgmgr.Install, opt("--immutable"), nil, false}, "corepack yarn install"},
		{"corepack pnpm@9.1.0 i -P", call{"pnpm", "i", pkgmgr.Install, opt("-P"), nil, false}, "corepack pnpm@9.1.0 i"},
		{"corepack enable", call{}, ""},
		{"pnpm -C web install --frozen-lockfile", call{"pnpm", "install", pkgmgr.Install, opt("-C web", "--frozen-lockfile"), nil, false}, "pnpm -C web install"},
		{"pnpm fetch --prod", call{"pnpm", "fetch", pkgmgr.Download, opt("--prod"), nil, false}, "pnpm fetch"},
		{"pnpm store prune", call{"pnpm", "store prune", pkgmgr.Clean, nil, nil, false}, "pnpm store prune"},
		{"bun install --production", call{"bun", "install", pkgmgr.Install, opt("--production"), nil, false}, "bun install"},
		{"bun pm cache rm", call{"bun", "pm cache rm", pkgmgr.Clean, nil, nil, false}, "bun pm cache"},
		{"bun pm cache", call{"bun", "pm cache", pkgmgr.Other, nil, nil, false}, "bun pm cache"},
		{"python -m pip --no-cache-dir install x", call{"pip", "install", pkgmgr.Install, opt("--no-cache-dir"), []string{"x"}, false}, "python -m pip --no-cache-dir install"},
		{"python3.12 -m pipenv sync", call{"pipenv", "sync", pkgmgr.Install, nil, nil, false}, "python3.12 -m pipenv sync"},
		{"PIPENV_VENV_IN_PROJECT=1 pipenv install --deploy", call{"pipenv", "install", pkgmgr.Install, opt("--deploy"), nil, false}, "PIPENV_VENV_IN_PROJECT=1 pipenv install"},
		{"poetry install --no-root --only main", call{"poetry", "install", pkgmgr.Install, opt("--no-root", "--only main"), nil, false}, "poetry install"},
		{"uv sync --frozen --no-install-project", call{"uv", "sync", pkgmgr.Install, opt("--frozen", "--no-install-project"), nil, false}, "uv sync"},
		{"uv pip install --system -r requirements.txt", call{"uv", "pip install", pkgmgr.Install, opt("--system", "-r requirements.txt"), nil, false}, "uv pip install"},
		{"uv -n pip install x", call{"uv", "pip install", pkgmgr.Install, opt("-n", "--no-cache"), []string{"x"}, false}, "uv -n pip install"},
		{"python -m uv sync", call{"uv", "sync", pkgmgr.Install, nil, nil, false}, "python -m uv sync"},
		{"conda install -y -c conda-forge numpy", call{"conda", "install", pkgmgr.Install, opt("-y", "-c conda-forge"), []string{"numpy"}, false}, "conda install"},
		{"/opt/conda/bin/mamba env create -f environment.yml", call{"conda", "env create", pkgmgr.Install, opt("-f environment.yml"), nil, false}, "/opt/conda/bin/mamba env create"},
		{"micromamba clean -afy", call{"conda", "clean -p", pkgmgr.Clean, opt("-a", "-f y"), nil, false}, "micromamba clean"},
		{"composer -n install --no-dev", call{"composer", "install", pkgmgr.Install, opt("-n", "--no-dev"), nil, false}, "composer -n install"},
		{"composer global require x/y", call{"composer", "global require", pkgmgr.Install, nil, []string{"x/y"}, false}, "composer global require"},
		{"php -d memory_limit=-1 /usr/local/bin/composer install", call{"composer", "install", pkgmgr.Install, nil, nil, false}, "php -d memory_limit=-1 /usr/local/bin/composer install"},
		{"php composer.phar clear-cache", call{"composer", "clear-cache", pkgmgr.Clean, nil, nil, false}, "php composer.phar clear-cache"},
		{"php artisan composer", call{}, ""},
		{"docker-php-ext-install -j4 gd pdo_mysql", call{"docker-php-ext-install", "", pkgmgr.Install, opt("-j 4"), []string{"gd", "pdo_mysql"}, false}, ""},
		{"pecl install redis-5.3.7", call{"pecl", "install", pkgmgr.Install, nil, []string{"redis-5.3.7"}, false}, "pecl install"},
		{"gem install --no-document bundler -v 2.4.0", call{"gem", "install", pkgmgr.Install, opt("--no-document", "-v 2.4.0"), []string{"bundler"}, false}, "gem install"},
		{"bundle install --jobs 4 --without test", call{"bundle", "install", pkgmgr.Install, opt("--jobs 4", "--without test"), nil, false}, "bundle install"},
		{"bundle", call{"bundle", "", pkgmgr.Install, nil, nil, false}, ""},
		{"bundle exec rake", call{"bundle", "exec", pkgmgr.Other, nil, []string{"rake"}, false}, "bundle exec"},
		{"go -C /src build -o /x .", call{"go", "build", pkgmgr.Other, opt("-C /src", "-o /x"), []string{"."}, false}, "go -C /src build"},
		{"go clean -modcache -cache", call{"go", "clean -cache -modcache", pkgmgr.Clean, opt("-modcache", "-cache"), nil, false}, "go clean"},
		{"cargo +nightly build --release", call{"cargo", "build", pkgmgr.Other, opt("+nightly", "--release"), nil, false}, "cargo +nightly build"},
		{"cargo install --locked ripgrep", call{"cargo", "install", pkgmgr.Install, opt("--locked"), []string{"ripgrep"}, false}, "cargo install"},
		{"mvn -B -DskipTests -s settings.xml clean package", call{"maven", "clean", pkgmgr.Other, opt("-B", "-DskipTests", "-s settings.xml"), []string{"package"}, false}, "mvn -B -DskipTests -s settings.xml clean"},
		{"./mvnw dependency:go-offline", call{"maven", "dependency:go-offline", pkgmgr.Download, nil, nil, false}, "./mvnw dependency:go-offline"},
		{"./gradlew --no-daemon build -x test", call{"gradle", "build", pkgmgr.Other, opt("--no-daemon", "-x test"), nil, false}, "./gradlew --no-daemon build"},
		{"gradle -g /cache build", call{"gradle", "build", pkgmgr.Other, opt("-g /cache"), nil, true}, "gradle -g /cache build"},
		{"npm ci --only production", call{"npm", "ci", pkgmgr.Install, opt("--only production"), nil, false}, "npm ci"},
		{"dnf --repofrompath local,/repo install x", call{"dnf", "install", pkgmgr.Install, opt("--repofrompath local,/repo"), []string{"x"}, false}, "dnf --repofrompath local,/repo install"},
		{"go build -buildmode pie ./cmd", call{"go", "build", pkgmgr.Other, opt("-buildmode pie"), []string{"./cmd"}, false}, "go build"},
		{"dotnet restore app.csproj -r linux-x64", call{"dotnet", "restore", pkgmgr.Install, opt("-r linux-x64"), []string{"app.csproj"}, false}, "dotnet restore"},
		{"dotnet nuget locals all --clear", call{"dotnet", "nuget locals all --clear", pkgmgr.Clean, opt("--clear"), []string{"all"}, false}, "dotnet nuget locals"},
		{"MIX_ENV=prod mix deps.get --only prod", call{"mix", "deps.get", pkgmgr.Install, opt("--only prod"), nil, false}, "MIX_ENV=prod mix deps.get"},
		{"cpanm --notest Plack Moo", call{"cpanm", "", pkgmgr.Install, opt("--notest"), []string{"Plack", "Moo"}, false}, ""},
		{"Rscript -e 'install.packages(\"ggplot2\")'", call{"R", "install.packages", pkgmgr.Install, opt("-e install.packages(\"ggplot2\")"), nil, false}, ""},
		{"R -q -e 'renv::restore()'", call{"R", "renv::restore", pkgmgr.Install, opt("-q", "-e renv::restore()"), nil, false}, ""},
		{"Rscript -e '1 + 1'", call{}, ""},
		{"luarocks install lpeg", call{"luarocks", "install", pkgmgr.Install, nil, []string{"lpeg"}, false}, "luarocks install"},
		{"helm repo add stable https://example.com", call{"helm", "repo add", pkgmgr.Download, nil, []string{"stable", "https://example.com"}, false}, "helm repo add"},
		{"env DEBIAN_FRONTEND=noninteractive apt-get install -y x", call{"apt", "install", pkgmgr.Install, opt("-y"), []string{"x"}, false}, "env DEBIAN_FRONTEND=noninteractive apt-get install"},
		{"sudo -H pip3 install x", call{"pip", "install", pkgmgr.Install, nil, []string{"x"}, false}, "sudo -H pip3 install"},
		{"curl https://example.com", call{}, ""},
		{"python3 setup.py install", call{}, ""},
	} {
		got, before := read(t, c.line)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.line, diff)
		}
		if before != c.before {
			t.Errorf("%s: the verb ends after %q, want %q", c.line, before, c.before)
		}
	}
}

// Every manager says the same things about itself.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range pkgmgr.Managers {
		wrong := func(format string, args ...any) {
			t.Helper()
			t.Errorf(m.Name+": "+format, args...)
		}
		if m.Name == "" || pkgmgr.ByName(m.Name) != m {
			t.Errorf("%q is not found by its name", m.Name)
		}
		if len(m.Programs) == 0 && m != &pkgmgr.R {
			wrong("no program")
		}
		for _, p := range slices.Concat(m.Programs, m.Wrappers) {
			if seen[p] {
				wrong("%s stands for two managers", p)
			}
			seen[p] = true
		}
		verbs := map[pkgmgr.Verb]bool{m.Bare: true}
		for _, v := range m.Verbs {
			verbs[v] = true
		}
		if !verbs[pkgmgr.Install] && !verbs[pkgmgr.Download] {
			wrong("nothing installs")
		}
		if (len(m.Caches) == 0) == (m.NoCache == "") {
			wrong("it has caches, or a reason to have none")
		}
		if (len(m.Manifests) > 0) == (m.NoManifests != "" || m.SystemPackages) {
			wrong("it has manifests, or a reason to have none that are known by name")
		}
		for _, c := range m.Caches {
			if c.Dir == "" || c.What == "" || !path.IsAbs(c.Dir) && !strings.HasPrefix(c.Dir, "~/") || path.Clean(c.Dir) != c.Dir {
				wrong("a cache lacks its folder or its words: %+v", c)
			}
			if (c.Mount.Sharing == "") == (c.Mount.Never == "") {
				wrong("%s has a mount that fits, or a reason why none does", c.Dir)
			}
			if !slices.Contains([]string{"", "locked", "shared"}, c.Mount.Sharing) {
				wrong("%s is mounted %s", c.Dir, c.Mount.Sharing)
			}
			cleaned := c.Cleanup != nil || len(c.Flags) > 0 || c.Risky.Command != ""
			if cleaned == (c.Kept != "") {
				wrong("%s has something that cleans it, or a reason why nothing does", c.Dir)
			}
			if (c.Risky.Command == "") != (c.Risky.Why == "") {
				wrong("%s has a risky clean-up without its risk", c.Dir)
			}
			if c.OnlyIn && len(c.In) == 0 {
				wrong("%s is known nowhere", c.Dir)
			}
			if c.Cleanup != nil && !slices.Contains(c.Cleanup.Paths, c.Dir) && !slices.Contains(c.Cleanup.Paths, c.RootDir) {
				wrong("the clean-up deletes %v, the cache is %s", c.Cleanup.Paths, c.Dir)
			}
			for _, f := range c.Flags {
				if !slices.Contains(f.Paths, c.Dir) || m.Verbs[f.Verb] == pkgmgr.Other || !slices.Contains(m.Programs, f.Program) {
					wrong("the flag empties %v after %s %s, the cache is %s", f.Paths, f.Program, f.Verb, c.Dir)
				}
			}
			for _, by := range slices.Concat(c.CleanedBy, c.TrimmedBy) {
				if got, _ := read(t, m.Programs[0]+" "+by); got.Word != by {
					wrong("%s is read as %s", by, got.Word)
				}
			}
		}
	}
}

// What a call leaves is told by its options too.
func TestFills(t *testing.T) {
	for line, want := range map[string]bool{
		"apt-get update":                         true,
		"apt-get -s update":                      false,
		"apk add -t .deps x":                     true,
		"apk add -s x":                           false,
		"apk add -p /mnt x":                      false,
		"zypper in -t pattern x":                 true,
		"zypper --root /mnt in x":                false,
		"npm ci -s":                              true,
		"yarn install -s":                        true,
		"pip install -t /x y":                    false,
		"pip install --root /x y":                false,
		"uv pip install -p 3.12 x":               true,
		"gem install x --version 7":              true,
		"gem install x -s https://e.com":         true,
		"bundle install --deployment":            false,
		"pipenv install --system --deployment":   true,
		"go build -p 4 ./...":                    true,
		"cargo build -p x --target y":            true,
		"cargo install --path .":                 true,
		"mvn -s settings.xml package":            true,
		"apt-get install -y x":                   false,
		"apk add x":                              true,
		"apk --no-cache add x":                   false,
		"dnf install -y x":                       true,
		"dnf --installroot /mnt install -y x":    false,
		"zypper in -y x":                         true,
		"zypper --pkg-cache-dir /x in -y y":      false,
		"pacman -S x":                            true,
		"pacman -Sp x":                           false,
		"pacman -Ss x":                           false,
		"npm ci":                                 true,
		"npm ci --dry-run":                       false,
		"npm ci --cache /tmp/x":                  false,
		"yarn":                                   true,
		"yarn build":                             false,
		"yarn install --cache-folder /x":         false,
		"pnpm i --store-dir /x":                  false,
		"pip install x":                          true,
		"pip install --no-cache x":               false,
		"uv sync":                                true,
		"uv sync -n":                             false,
		"uv run x":                               true,
		"poetry install --no-cache":              false,
		"conda install -y -p /opt/env numpy":     true,
		"composer install":                       true,
		"composer install --no-cache":            false,
		"composer dump-autoload":                 false,
		"gem install x":                          true,
		"gem install -i /x y":                    false,
		"bundle install":                         true,
		"bundle install --path vendor/bundle":    false,
		"bundle exec rake":                       false,
		"go build ./...":                         true,
		"go env":                                 false,
		"cargo build":                            true,
		"mvn -q package":                         true,
		"mvn --version":                          false,
		"./gradlew build":                        true,
		"dotnet publish":                         true,
		"apt-get -o Dir::State::Lists=/l update": false,
		"apt-get -o Acquire::Retries=3 update":   true,
		"apt-get -c apt.conf update":             false,
		"pip install --no-index -f /w x":         false,
		"pacman -r /mnt -S x":                    false,
		"pacman -S -b /db x":                     false,
		"apk add --no-network x":                 false,
		"dotnet --info":                          false,
		"Rscript -e 'renv::restore()'":           true,
		"Rscript -e 'install.packages(\"x\")'":   false,
	} {
		p := shell.Parse(source.Join(line, source.Span{End: len(line)}), shell.POSIX)
		inv, _ := p.Root.Children[0].Invocation()
		c, ok := pkgmgr.Read(inv.Name, inv.Args)
		if !ok {
			t.Errorf("%s: no call", line)
			continue
		}
		if got := c.Fills(&c.Manager.Caches[0]); got != want {
			t.Errorf("%s fills %s: %v, want %v", line, c.Manager.Caches[0].Dir, got, want)
		}
	}
}
