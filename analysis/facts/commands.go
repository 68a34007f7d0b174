package facts

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// An Effect says what is known of one command. A command that is not in the
// table has no Effect: nothing is known of it.
type Effect uint16

const (
	// Tool is a program of the system or of a language that runs no script of
	// the user's and calls no package manager of the system.
	Tool Effect = 1 << iota
	// Settled says that the command ends without leaving a process and that all
	// it does to files is told by the flags below.
	Settled
	// InPlace may change a file that is there: append, chmod, chown, touch.
	InPlace
	// Links may give a file a second name.
	Links
	// Renames may move a folder.
	Renames
	// Times compares the times of files.
	Times
	// Users may write /etc/passwd or /etc/group.
	Users
	// Installs puts programs on the PATH.
	Installs
)

// Has reports whether all of the flags are set.
func (e Effect) Has(flags Effect) bool { return e&flags == flags }

// effects is the table of known commands; what depends on arguments EffectOf adds.
var effects = map[string]Effect{}

func init() {
	for names, e := range map[string]Effect{
		// Writes only new files and what it is told to write.
		"true false : echo printf test [ pwd sleep date uname id whoami hostname arch nproc":            Tool | Settled,
		"cat head tail cut tr sort uniq wc tac rev nl seq expr basename dirname realpath readlink stat": Tool | Settled,
		"grep egrep fgrep diff cmp strings file od hexdump xxd jq yq base64 getconf":                    Tool | Settled,
		"ls du df which type env printenv locale getent ldd md5sum sha1sum sha256sum sha512sum cksum":   Tool | Settled,
		"mkdir rmdir rm unlink mktemp tee curl wget":                                                    Tool | Settled,
		"unzip gunzip bunzip2 unxz zcat bzcat xzcat gzip bzip2 xz zstd unzstd":                          Tool | Settled,
		"chmod chown chgrp touch truncate":                                                              Tool | Settled | InPlace,
		"useradd adduser usermod groupadd addgroup groupmod userdel deluser groupdel delgroup chpasswd": Tool | Settled | InPlace | Users,
		// What they do depends on their arguments.
		"awk gawk mawk": Tool,
		"ln":            Tool | Settled | Links, "cp": Tool | Settled | InPlace, "tar": Tool | Settled | Links, "sed": Tool | Settled,
		"mv": Tool | Settled | InPlace, "install": Tool | Settled | InPlace, "dd": Tool | InPlace, "rsync": Tool | InPlace | Times, "patch": Tool | InPlace,
		// Package managers of the system; Read knows their verbs.
		"apt-get apt aptitude apk yum dnf microdnf tdnf":      Tool | Settled | Links | Users | Installs,
		"ldconfig apt-mark dpkg-query update-ca-certificates": Tool | Settled,
		// Known not to need a package index, and no more than that.
		"dpkg dpkg-divert update-alternatives locale-gen": Tool,
		"dpkg-reconfigure gpg gpgconf apt-key setcap getcap add-apt-repository lsb_release update-locale localedef git svn hg ssh-keygen ssh-keyscan openssl sync chsh passwd": Tool,
		"pip pip3 pip2 npm yarn pnpm go cargo rustup rustc gem bundle composer mix rebar3 node python python2 python3":                                                         Tool,
		"gcc g++ cc c++ clang strip ar ld java javac mvn gradle dotnet ruby perl php a2enmod a2dismod a2ensite a2dissite":                                                      Tool,
		"conda mamba micromamba uv poetry pipenv virtualenv npx corepack nuget sdkmanager keytool fc-cache mandb":                                                              Tool,
		"docker-php-ext-configure docker-php-ext-enable docker-php-source":                                                                                                     Tool,
	} {
		for name := range strings.FieldsSeq(names) {
			effects[name] = e
		}
	}
}

// EffectOf returns what is known of a command, 0 for nothing.
func EffectOf(program string, args []shell.Word) Effect {
	e := effects[program]
	if e == 0 {
		return 0
	}
	if program == "sed" {
		return e.onSed(args)
	}
	var words []string
	for _, a := range args {
		w, ok := a.Literal()
		if !ok {
			w = leading(a)
		}
		words = append(words, w)
	}
	e = e.onFiles(program, words)
	e = e.onFetch(program, words)
	return e.onCode(program, words)
}

// onFiles is what options make of the effect of a command on files.
func (e Effect) onFiles(program string, words []string) Effect {
	switch program {
	case "ln":
		if option(words, "s", "--symbolic") {
			e &^= Links
		}
	case "cp":
		// GNU's links for a, d and l alone, busybox's whenever it does not follow links.
		if option(words, "l", "--link") || option(words, "a", "--archive") || option(words, "d", "--preserve") ||
			option(words, "r", "--recursive") || option(words, "R", "--recursive") || option(words, "P", "--no-dereference") {
			e |= Links
		}
		if option(words, "u", "--update") {
			e |= Times
		}
	case "mv":
		if option(words, "u", "--update") {
			e |= Times
		}
	case "install":
		if option(words, "C", "--compare") {
			e |= Times
		}
		if option(words, "s", "--strip") {
			e &^= Settled
		}
	case "tar":
		// -g and -G ask what is newer than the last archive.
		if option(words, "u", "--update") || len(words) > 0 && !strings.HasPrefix(words[0], "-") && strings.ContainsAny(words[0], "ugGN") ||
			option(words, "N", "--newer") || option(words, "g", "--listed-incremental") || option(words, "G", "--incremental") ||
			among(words, "--newer-mtime", "--after-date", "--keep-newer-files") {
			e |= Times
		}
		if option(words, "I", "--use-compress-program") || option(words, "F", "--info-script") || among(words, "--checkpoint-action", "--to-command", "--remove-files", "--new-volume-script", "--rsh-command") {
			e &^= Tool | Settled
		}
	case "unzip":
		if option(words, "u", "--update") || option(words, "f", "--freshen") {
			e |= Times
		}
	case "test", "[":
		if among(words, "-nt", "-ot", "-N") {
			e |= Times
		}
		if among(words, "-ef") {
			e &^= Settled // names of one file in one layer may be two files in two
		}
	case "tee":
		if option(words, "a", "--append") {
			e |= InPlace
		}
	case "sort":
		if option(words, "o", "--output") {
			e &^= Settled
		}
	case "yq": // -s of one of its kinds writes a file for each document
		if option(words, "i", "--inplace") || option(words, "s", "--split-exp") {
			e &^= Settled
		}
	case "uniq", "xxd": // the second operand is written
		if len(slices.DeleteFunc(slices.Clone(words), func(w string) bool { return len(w) > 1 && w[0] == '-' })) > 1 {
			e &^= Settled
		}
	case "tail":
		if option(words, "f", "--follow") || option(words, "F", "--follow") {
			e &^= Settled
		}
	}
	return e
}

// onFetch is what options make of the effect of a command that fetches.
func (e Effect) onFetch(program string, words []string) Effect {
	switch program {
	case "wget":
		if option(words, "b", "--background") {
			e &^= Settled
		}
		if option(words, "N", "--timestamping") || option(words, "m", "--mirror") {
			e |= Times
		}
		if option(words, "c", "--continue") {
			e |= InPlace
		}
		// What is there already decides what it does: -c, -nc.
		if option(words, "c", "--continue") || among(words, "--no-clobber") {
			e &^= Settled
		}
	case "curl":
		if option(words, "z", "--time-cond") {
			e |= Times
		}
		if option(words, "C", "--continue-at") {
			e |= InPlace
		}
	case "git":
		if among(words, "-c", "bisect", "submodule", "rebase") {
			e = 0
		}
		// A clone from a path makes hard links; one from an address does not.
		if len(words) > 1 && words[0] == "clone" && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "://") }) &&
			!among(words, "--local", "-l", "--shared", "-s", "--reference", "--recurse-submodules", "--recursive", "--template", "--config") {
			e |= Settled
		}
	}
	return e
}

// onCode is what options make of the effect of a command that may run programs of
// others: of a project, of a package, or of its own arguments.
func (e Effect) onCode(program string, words []string) Effect {
	switch program {
	case "awk", "gawk", "mawk":
		for _, w := range words {
			if w == "-f" || strings.HasPrefix(w, "--file") || strings.Contains(w, "system(") || strings.Contains(w, "|") {
				e = 0
			}
		}
	case "env":
		e = 0 // a bare env prints; with a command it is a prefix, which the caller has removed
		if len(words) == 0 {
			e = Tool | Settled
		}
	case "dpkg":
		if among(words, "-i", "--install", "--configure", "--unpack") {
			e |= Installs
		}
	case "node", "python", "python2", "python3", "ruby", "perl", "php", "java":
		if !harmlessScript(words) {
			e = 0
		}
	case "composer":
		// A project's own scripts run when it requires more, those of ~ are the user's.
		if !among(words, "--version", "-V", "global", "config", "self-update") {
			e = 0
		}
	case "mvn", "gradle", "cargo", "bundle":
		if runsProject(words) || !among(words, "--version", "-v", "version", "config") {
			e = 0
		}
	case "npm", "yarn", "pnpm", "mix", "go", "npx", "dotnet", "poetry", "pipenv", "uv", "conda", "mamba":
		if runsProject(words) {
			e = 0
		}
	}
	switch program {
	case "npm", "yarn", "pnpm":
		// Without names it installs the project, whose scripts run.
		if projectInstall(words) {
			e = 0
		}
	}
	return e
}

// harmlessScript reports whether an interpreter only prints its version, and
// python only runs a module that is known.
func harmlessScript(words []string) bool {
	if len(words) >= 2 && words[0] == "-m" {
		return words[1] == "pip" || words[1] == "venv" || words[1] == "ensurepip" || words[1] == "compileall"
	}
	return len(words) == 1 && (words[0] == "--version" || words[0] == "-v" || words[0] == "-V" || words[0] == "-version")
}

// runsProject reports whether a language's tool runs what the project defines:
// any verb but the plain ones of installing packages.
func runsProject(words []string) bool {
	for _, w := range words {
		if strings.HasPrefix(w, "-") {
			continue
		}
		switch w {
		case "install", "ci", "add", "i", "cache", "config", "global", "mod", "download", "get", "sync", "create", "update",
			"restore", "fetch", "clean", "set", "prune", "version", "env", "remove", "uninstall", "require", "clear-cache", "dump-autoload":
			return false
		}
		return true
	}
	return false
}

// projectInstall reports whether a call of npm, yarn or pnpm installs what the
// project lists, with the scripts that it defines.
func projectInstall(words []string) bool {
	if among(words, "--ignore-scripts") {
		return false
	}
	verb, operands := "", 0
	for _, w := range words {
		switch {
		case strings.HasPrefix(w, "-"):
		case verb == "":
			verb = w
		default:
			operands++
		}
	}
	switch verb {
	case "", "install", "i", "ci", "clean-install", "ic":
		return operands == 0 && !among(words, "--version", "-v", "--help")
	}
	return false
}

// option reports whether a short letter, also among others behind one dash, or a
// long name is among the words.
func option(words []string, letter, long string) bool {
	for _, w := range words {
		if abbreviates(w, long) {
			return true
		}
		if len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.Contains(w[1:], letter) {
			return true
		}
	}
	return false
}

func among(words []string, names ...string) bool {
	for _, w := range words {
		for _, n := range names {
			if w == n || abbreviates(w, n) {
				return true
			}
		}
	}
	return false
}

// abbreviates reports whether a word is a long option, as far as it must be written
// for a program of GNU's: --remove for --remove-files.
func abbreviates(w, long string) bool {
	name, _, _ := strings.Cut(w, "=")
	return name == long || strings.HasPrefix(long, "--") && len(name) > 3 && strings.HasPrefix(long, name)
}

// leading is the literal text that a word starts with: enough to tell an option.
func leading(w shell.Word) string {
	if len(w.Parts) > 0 && w.Parts[0].Kind == shell.Literal {
		return w.Parts[0].Text
	}
	return "\x00"
}
