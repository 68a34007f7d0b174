package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// A program is what the validator knows of a command. A command that is not in
// the table is unknown, and no explanation holds for it.
type program struct {
	links   scope  // makes hard links
	writes  writes // changes existing files in place
	deletes bool   // removes or renames what its arguments name
	adds    bool   // puts commands into the PATH
	users   bool   // writes /etc/passwd or /etc/group
	helper  bool   // may leave a process behind
	times   bool   // compares the times of files
	runs    bool   // runs what it is told or finds, which nobody knows
	verbs   map[string]bool
	values  map[string]bool // options before the verb that take the next word
	refuse  map[string]bool // options with which it compares times or makes links
}

type scope uint8

const (
	nowhere scope = iota
	system        // below the folders that distributions' packages own
	anywhere
)

type writes uint8

const (
	nothing  writes = iota
	operands        // every argument that is no option may be written to
	last            // the last argument is
	output          // the file that -o or -O names
	own             // files of its own and of the folder in force, unknown which
)

// programs is the closed list. What it says of package managers: dpkg, apk and
// rpm unpack beside a file and rename it; tar and unzip unlink first; sed -i
// renames.
var programs = map[string]program{}

func init() {
	for list, p := range map[string]program{
		`echo printf cat head tail tr cut sort uniq wc ls true false : id whoami uname date sleep basename dirname
		 readlink realpath sha1sum sha256sum sha512sum md5sum which pwd env printenv expr seq grep egrep fgrep
		 hostname nproc arch getent dpkg-query dpkg-architecture file du df stat diff cmp base64 jq mktemp
		 mkdir ldconfig lsb_release getconf localedef locale xxd od nl rev tac fold paste join comm sed
		 apt-mark apt-cache apt-config update-ca-certificates gzip gunzip bzip2 bunzip2 xz unxz zcat bzcat xzcat
		 zstd sync`: {},
		`test [`:                               {refuse: setOf("-nt -ot -ef -N")},
		`rm rmdir unlink`:                      {deletes: true},
		`mv`:                                   {deletes: true, writes: operands, adds: true, refuse: setOf("-u --update")},
		`cp`:                                   {writes: last, links: anywhere, adds: true, refuse: setOf("-u --update")},
		`ln`:                                   {links: anywhere, adds: true},
		`install`:                              {adds: true, refuse: setOf("-C --compare")},
		`update-alternatives`:                  {adds: true},
		`chmod chown chgrp touch truncate tee`: {writes: operands},
		`tar`:                                  {links: anywhere, adds: true, refuse: setOf("-u --update --newer --newer-mtime --after-date -N --keep-newer-files -g --listed-incremental -G --incremental")},
		`unzip`:                                {adds: true, refuse: setOf("-u -f -fo -uo")},
		`curl`:                                 {writes: output, adds: true, refuse: setOf("-z --time-cond")},
		`wget`:                                 {writes: output, adds: true, refuse: setOf("-N --timestamping -nc --no-clobber -m --mirror -c --continue")},
		`find`: {deletes: true, refuse: setOf(`-newer -anewer -cnewer -newermt -mtime -ctime -atime -mmin -cmin -amin
			-exec -execdir -ok -okdir`)},
		`apt-get apt`: {links: system, writes: own, adds: true, values: setOf("-o --option -t --target-release -c"),
			verbs: setOf(`update install upgrade remove purge autoremove autopurge clean autoclean dist-clean download
			dist-upgrade full-upgrade build-dep check list show search policy`)},
		`aptitude`: {links: system, writes: own, adds: true, values: setOf("-o -t --target-release -c -w -F -q"),
			verbs: setOf("update install remove purge clean autoclean")},
		`apk`: {links: system, writes: own, adds: true, values: setOf("-X --repository -p --root --arch --repositories-file --keys-dir --wait --cache-max-age"),
			verbs: setOf("add update del upgrade fetch info cache search version list policy")},
		`yum dnf microdnf tdnf`: {links: system, writes: own, adds: true, values: setOf("--enablerepo --disablerepo --setopt"),
			verbs: setOf(`install update makecache clean remove erase upgrade autoremove reinstall localinstall groupinstall swap
			list info search provides repolist repoquery deplist`)},
		`dpkg rpm`: {links: system, writes: own, adds: true},
		`zypper`: {links: system, writes: own, adds: true, verbs: setOf("install in refresh ref clean cc remove rm"),
			values: setOf("-R --root")},
		`pip pip3 pip2`: {writes: own, adds: true, verbs: setOf("install download cache config list show freeze uninstall check")},
		`npm`: {writes: own, adds: true, values: setOf("--prefix -C --loglevel --registry"),
			verbs: setOf("ci install i clean-install cache config set prune uninstall remove rm version ls")},
		`gem`: {writes: own, adds: true, verbs: setOf("install update uninstall cleanup list sources")},
		`git`: {writes: own, verbs: setOf("clone config"), values: setOf("-c -C"), refuse: setOf("-l --local --shared -s --reference")},
		`go`:  {writes: own, verbs: setOf("mod env version")},
		`useradd adduser usermod userdel deluser groupadd addgroup groupmod groupdel delgroup gpasswd passwd chpasswd
		 chsh chfn vipw newusers pwconv`: {users: true},
		`gpg gpg2 gpgv dirmngr gpg-agent apt-key add-apt-repository gradle gradlew sbt bazel bazelisk dotnet sccache
		 mysqld mysqld_safe postgres pg_ctl mongod redis-server nohup service systemctl start-stop-daemon
		 Xvfb dbus-daemon dbus-launch ssh-agent watchman`: {helper: true},
		`make gmake ninja cmake configure ./configure cargo rsync meson scons ant mvn`:                   {times: true, runs: true},
		`sh bash dash ash zsh ksh busybox xargs perl python perl python3 python2 ruby node php awk gawk`: {runs: true},
	} {
		for _, name := range strings.Fields(list) {
			programs[name] = p
		}
	}
}

// A command is one command of a script.
type command struct {
	name   string // its base name; "" when it is not literal
	prefix string // "sudo", "sudo -E", "env" with their words, as written, before it
	words  []shell.Word
	node   *shell.Node
	inSub  bool // in a subshell or a substitution
	again  bool // in a loop or a function: what stands behind it may have run before
}

// commands lists every command of a program in the order of its text.
func commands(p *shell.Program) []command {
	var out []command
	walk(p.Root, func(n *shell.Node, above []*shell.Node) {
		if n.Kind != shell.Simple || len(n.Words) == 0 {
			return
		}
		c := command{node: n, words: n.Words}
		for i, a := range above {
			if a.Kind == shell.Loop || a.Kind == shell.For || a.Kind == shell.Function || a.Kind == shell.Other {
				c.again = true
			}
			if a.Kind == shell.Subshell || a.Kind == shell.Simple || i > 0 && a.Kind == shell.List && above[i-1].Kind == shell.Declare {
				c.inSub = true
			}
		}
		c.strip(p)
		out = append(out, c)
	})
	return out
}

// strip takes sudo and env off a command.
func (c *command) strip(p *shell.Program) {
	start := c.words[0].From
	for len(c.words) > 0 {
		name, ok := literal(c.words[0])
		if !ok {
			return
		}
		c.name = path.Base(name)
		if strings.Contains(name, "/") && !systemBin(name) {
			c.name = name
		}
		if c.name != "sudo" && c.name != "env" {
			c.module()
			break
		}
		i := 1
		for ; i < len(c.words); i++ {
			text, ok := literal(c.words[i])
			if !ok && !strings.Contains(p.Source(c.words[i].Range), "=") {
				return // what it runs is not known
			}
			if strings.Contains(text, "=") || !ok {
				continue
			}
			if c.name == "sudo" && slices.Contains([]string{"-E", "-H", "-n"}, text) {
				continue
			}
			break
		}
		if i == len(c.words) {
			break // env alone
		}
		if text, _ := literal(c.words[i]); strings.HasPrefix(text, "-") {
			c.name = "" // an option that is not known
			return
		}
		c.words = c.words[i:]
		c.prefix = strings.TrimRight(p.Source(shell.Range{From: start, To: c.words[0].From}), " \t")
	}
}

// module takes "python -m pip" for pip.
func (c *command) module() {
	rest, ok := strings.CutPrefix(c.name, "python")
	if !ok || strings.Trim(rest, "0123456789.") != "" || len(c.words) < 3 {
		return
	}
	m, _ := literal(c.words[1])
	if pip, _ := literal(c.words[2]); m == "-m" && pip == "pip" {
		c.words, c.name = c.words[2:], "pip"
	}
}

func systemBin(name string) bool {
	switch path.Dir(name) {
	case "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin":
		return true
	}
	return false
}

// args returns the arguments: literal ones, and whether all are.
func (c *command) args() (out []string, all bool) {
	all = true
	for _, w := range c.words[1:] {
		text, ok := literal(w)
		if !ok {
			all = false
			text = "\x00"
		}
		out = append(out, text)
	}
	return out, all
}

// valued are the options that take the next word of programs that are not in the table.
var valued = map[string]map[string]bool{
	"yarn": setOf(`--network-timeout --network-concurrency --child-concurrency --cache-folder --preferred-cache-folder --modules-folder
		--global-folder --registry --mutex --cwd --proxy --https-proxy --prefix --use-yarnrc --link-folder`),
}

// verb is the first argument that is neither an option nor the value of one, and
// its place in words; "" when that is not certain.
func (c *command) verb() (string, int) {
	values := programs[c.name].values
	if values == nil {
		values = valued[c.name]
	}
	args, _ := c.args()
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "\x00":
			return "", 0
		case values[a]:
			i++
		case !strings.HasPrefix(a, "-"):
			return a, i + 1
		}
	}
	return "", 0
}

// has reports whether an option is given, alone or as "--name=value".
func (c *command) has(options ...string) bool {
	args, _ := c.args()
	return slices.ContainsFunc(args, func(a string) bool {
		return slices.ContainsFunc(options, func(o string) bool { return abbreviates(a, o) })
	})
}

// abbreviates reports whether an argument is an option, which a program of GNU's
// also takes when its long name is cut short.
func abbreviates(arg, option string) bool {
	name, _, _ := strings.Cut(arg, "=")
	return name == option || len(name) > 3 && strings.HasPrefix(option, "--") && strings.HasPrefix(option, name)
}
