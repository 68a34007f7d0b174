package lsp

import (
	"slices"
	"strings"
)

// What hover, completion and signature help say of the language, by Docker's
// reference at docs.docker.com/reference/dockerfile.

const referenceURL = "https://docs.docker.com/reference/dockerfile/"

// An entry explains an instruction.
type entry struct {
	what   string
	anchor string
	forms  []string // parameters stand in <…>; […] may be left out
	flags  []flagEntry
}

// A flagEntry explains a flag, or an option of --mount.
type flagEntry struct {
	name   string
	what   string
	values []string // to choose from; others may be allowed
	bare   bool     // it may stand without a value
	many   bool     // it may stand more than once
	idle   bool     // it changes nothing where it is taken, or another name says it better: not proposed
}

var modes = []string{"0644", "0755", "0600", "u=rwX,go=rX"}

var manual = map[string]entry{
	"from": {"Starts a stage, from an image, an earlier stage or `scratch`, which is empty.", "from",
		[]string{"FROM [--platform=<platform>] <image>[:<tag>|@<digest>] [AS <name>]"},
		[]flagEntry{{name: "platform", what: "The platform of the image, where it has several. `$BUILDPLATFORM` is that of the builder: a stage that cross-compiles runs on it without emulation.",
			values: []string{"$BUILDPLATFORM", "$TARGETPLATFORM", "linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"}}}},
	"run": {"Runs a command while the image is built. What it leaves in the file system becomes a layer; its variables and its working folder are forgotten.", "run",
		[]string{"RUN [--mount=<options>] <command>", `RUN ["<program>", "<argument>"]`},
		[]flagEntry{
			{name: "mount", what: "Lends the command a folder or a file that does not become part of the layer: `cache`, `bind`, `tmpfs`, `secret` or `ssh`.", many: true},
			{name: "network", what: "The network that the command sees.", values: []string{"default", "none", "host"}},
			{name: "security", what: "`insecure` runs the command with all privileges; the builder must allow it.", values: []string{"sandbox", "insecure"}},
			{name: "device", what: "Gives the command a device of the builder, named as CDI does.", many: true},
		}},
	"cmd": {"The command that a container runs when none is given, or the arguments of ENTRYPOINT. The last CMD counts.", "cmd",
		[]string{`CMD ["<program>", "<argument>"]`, "CMD <command>"}, nil},
	"entrypoint": {"The program that a container runs, with CMD or what `docker run` is given as its arguments. In shell form it gets no arguments and no signals.", "entrypoint",
		[]string{`ENTRYPOINT ["<program>", "<argument>"]`, "ENTRYPOINT <command>"}, nil},
	"copy": {"Copies files from the build context, or from a stage or an image with `--from`. Its step runs again when one of the files has changed.", "copy",
		[]string{"COPY [flags] <source> <destination>", `COPY [flags] ["<source>", "<destination>"]`},
		[]flagEntry{
			{name: "from", what: "Copies from a stage, by its name or number, or from an image, instead of the build context."},
			{name: "chown", what: "Owner and group of what is copied; root without it. It costs nothing here; a later `chown -R` stores every file again.", values: []string{"root:root", "1000:1000"}},
			{name: "chmod", what: "Mode of what is copied. It costs nothing here; a later `chmod -R` stores every file again.", values: modes},
			{name: "link", what: "Makes a layer that does not depend on those before it: it stays cached when they change.", values: []string{"true", "false"}, bare: true},
			{name: "parents", what: "Keeps the folders of each source: `COPY --parents a/b c/d /x/` gives `/x/a/b` and `/x/c/d`.", values: []string{"true", "false"}, bare: true},
			{name: "exclude", what: "Leaves out what matches the pattern.", many: true},
		}},
	"add": {"As COPY, and fetches URLs and git repositories and unpacks local archives. Where neither is wanted, COPY says so.", "add",
		[]string{"ADD [flags] <source> <destination>", `ADD [flags] ["<source>", "<destination>"]`},
		[]flagEntry{
			{name: "checksum", what: "Refuses a download whose digest is another: `sha256:…`, or a commit for git.", values: []string{"sha256:"}},
			{name: "chown", what: "Owner and group of what is added; root without it.", values: []string{"root:root", "1000:1000"}},
			{name: "chmod", what: "Mode of what is added.", values: modes},
			{name: "link", what: "Makes a layer that does not depend on those before it: it stays cached when they change.", values: []string{"true", "false"}, bare: true},
			{name: "keep-git-dir", what: "Keeps `.git` of a git source.", values: []string{"true", "false"}, bare: true},
			{name: "unpack", what: "Whether an archive is unpacked: without it, local ones are and downloads are not.", values: []string{"true", "false"}, bare: true},
			{name: "exclude", what: "Leaves out what matches the pattern.", many: true},
		}},
	"env": {"Sets variables for the rest of the stage, the stages FROM it, and the containers of the image.", "env",
		[]string{"ENV <key>=<value> [<key>=<value>]"}, nil},
	"arg": {"Declares a variable that `--build-arg` may set, and its default. It holds from here to the end of the stage, and no container sees it. One above the first FROM is for the FROM lines; a stage sees it after an ARG of the same name.", "arg",
		[]string{"ARG <name>[=<default>]"}, nil},
	"workdir": {"The folder in which the instructions that follow, and the container, work. It is made if it is not there.", "workdir",
		[]string{"WORKDIR <folder>"}, nil},
	"user": {"The user, and the group, that the RUNs that follow, and the container, run as.", "user",
		[]string{"USER <user>[:<group>]"}, nil},
	"expose": {"Says on which ports the container listens. It opens none: that is `docker run -p`.", "expose",
		[]string{"EXPOSE <port>[/<protocol>]"}, nil},
	"label": {"Adds data about the image, such as `org.opencontainers.image.source`.", "label",
		[]string{"LABEL <key>=<value> [<key>=<value>]"}, nil},
	"volume": {"Folders that become a volume in each container. What a later RUN writes there is lost with the old builder.", "volume",
		[]string{`VOLUME ["<folder>"]`, "VOLUME <folder>"}, nil},
	"shell": {"The shell for the RUN, CMD and ENTRYPOINT that follow in shell form.", "shell",
		[]string{`SHELL ["<program>", "<option>"]`}, nil},
	"healthcheck": {"How Docker finds out whether a container still works. The last one counts; `NONE` turns off that of the base image.", "healthcheck",
		[]string{"HEALTHCHECK [flags] CMD <command>", "HEALTHCHECK NONE"},
		[]flagEntry{
			{name: "interval", what: "Time between two checks; 30s without it.", values: []string{"30s", "1m", "5m"}},
			{name: "timeout", what: "A check that takes longer has failed; 30s without it.", values: []string{"3s", "10s", "30s"}},
			{name: "start-period", what: "Failures do not count for this long after the start; 0s without it.", values: []string{"5s", "30s", "1m"}},
			{name: "start-interval", what: "Time between two checks during the start period; 5s without it.", values: []string{"1s", "5s"}},
			{name: "retries", what: "Failures in a row until the container is unhealthy; 3 without it.", values: []string{"1", "3", "5"}},
		}},
	"stopsignal": {"The signal that stops the container; SIGTERM without it.", "stopsignal",
		[]string{"STOPSIGNAL <signal>"}, nil},
	"onbuild": {"An instruction for later: it runs when another Dockerfile is FROM this image.", "onbuild",
		[]string{"ONBUILD <instruction>"}, nil},
	"maintainer": {"The author of the image. Deprecated: a LABEL `org.opencontainers.image.authors` says the same.", "maintainer-deprecated",
		[]string{"MAINTAINER <name>"}, nil},
}

// taken is said of an option of another type of mount.
const taken = "BuildKit takes it for a mount of this type, where it means nothing."

var boolean = []string{"true", "false"}

// mountTypes are the kinds of --mount with their options, besides type.
var mountTypes = []struct {
	name    string
	what    string
	options []flagEntry
}{
	{"cache", "A folder that stays on the builder from one build to the next and is in no layer: the downloads of a package manager, or what a compiler keeps.", []flagEntry{
		{name: "target", what: "Where the folder is mounted."},
		{name: "id", what: "Names the cache; the target without it. RUNs with the same id share it."},
		{name: "sharing", what: "What happens when two builds want it at once: `shared` both use it, `private` the second gets its own, `locked` the second waits. apt and dnf need `locked`.", values: []string{"shared", "private", "locked"}},
		{name: "from", what: "A stage or image whose files the cache starts with."},
		{name: "source", what: "The folder of `from` that is mounted."},
		{name: "mode", what: "Mode of a new cache folder; 0755 without it.", values: []string{"0755", "0775", "0777"}},
		{name: "uid", what: "Owner of a new cache folder; root without it.", values: []string{"1000"}},
		{name: "gid", what: "Group of a new cache folder; root without it.", values: []string{"1000"}},
		{name: "readonly", what: "The command may not write there.", values: boolean, bare: true},
		{name: "rw", what: "The command may write there, as it may without it.", values: boolean, bare: true, idle: true},
		{name: "env", what: taken, idle: true},
	}},
	{"bind", "Files of the build context, a stage or an image, for this command only: no COPY, no layer. This is the type where none is named.", []flagEntry{
		{name: "target", what: "Where they are mounted."},
		{name: "source", what: "What is mounted; all of `from` without it."},
		{name: "from", what: "A stage or image; the build context without it."},
		{name: "rw", what: "The command may write there; what it writes is dropped.", values: boolean, bare: true},
		{name: "readonly", what: "The command may not write there; without it neither, but for `rw`.", values: boolean, bare: true, idle: true},
		{name: "id", what: taken, idle: true},
		{name: "env", what: taken, idle: true},
	}},
	{"secret", "A secret that is given to the build by `--secret` and stays out of the layers and of the image's history.", []flagEntry{
		{name: "id", what: "Which secret; the file name of the target without it."},
		{name: "target", what: "The file that holds it; `/run/secrets/<id>` without it."},
		{name: "env", what: "The variable that holds it, instead of a file or besides one."},
		{name: "required", what: "Whether the build fails without the secret; false without it.", values: boolean, bare: true},
		{name: "mode", what: "Mode of the file; 0400 without it.", values: []string{"0400", "0440"}},
		{name: "uid", what: "Owner of the file; root without it.", values: []string{"1000"}},
		{name: "gid", what: "Group of the file; root without it.", values: []string{"1000"}},
		{name: "source", what: "Which secret, as `id`; there may be one of the two.", idle: true},
		{name: "readonly", what: taken, values: boolean, bare: true, idle: true},
		{name: "rw", what: taken, values: boolean, bare: true, idle: true},
	}},
	{"ssh", "The SSH keys of who builds, through an agent that is given by `--ssh`.", []flagEntry{
		{name: "id", what: "Which agent or key; `default` without it.", values: []string{"default"}},
		{name: "target", what: "Where the agent's socket is."},
		{name: "required", what: "Whether the build fails without the key; false without it.", values: boolean, bare: true},
		{name: "mode", what: "Mode of the socket; 0600 without it.", values: []string{"0600"}},
		{name: "uid", what: "Owner of the socket; root without it.", values: []string{"1000"}},
		{name: "gid", what: "Group of the socket; root without it.", values: []string{"1000"}},
		{name: "from", what: taken, idle: true},
		{name: "env", what: taken, idle: true},
		{name: "readonly", what: taken, values: boolean, bare: true, idle: true},
		{name: "rw", what: taken, values: boolean, bare: true, idle: true},
	}},
	{"tmpfs", "An empty folder in memory, gone after the command.", []flagEntry{
		{name: "target", what: "Where it is mounted."},
		{name: "size", what: "The most that it holds.", values: []string{"64m", "1g"}},
		{name: "readonly", what: "The command may not write there.", values: boolean, bare: true, idle: true},
		{name: "rw", what: "The command may write there, as it may without it.", values: boolean, bare: true, idle: true},
		{name: "from", what: taken, idle: true},
		{name: "source", what: taken, idle: true},
		{name: "id", what: taken, idle: true},
		{name: "env", what: taken, idle: true},
	}},
}

// mountAliases are the other names of options.
var mountAliases = map[string]string{"dst": "target", "destination": "target", "src": "source", "ro": "readonly", "readwrite": "rw"}

// directives are the parser directives.
var directives = map[string]struct {
	what, anchor string
	values       []string
}{
	"syntax": {"The frontend that reads this file, an image that BuildKit fetches. `docker/dockerfile:1` is the newest stable one; without the line it is the one inside the builder.", "syntax", []string{"docker/dockerfile:1"}},
	"escape": {"The character that continues a line and escapes another: `\\` or, handy for Windows paths, a backtick.", "escape", []string{"`", `\`}},
	"check":  {"Settings of `docker build --check`: `skip=` leaves checks out, `error=true` makes their findings errors.", "check", []string{"skip=", "skip=all", "error=true"}},
}

func flagOf(instruction, name string) *flagEntry {
	return named(manual[instruction].flags, name)
}

func named(all []flagEntry, name string) *flagEntry {
	if i := slices.IndexFunc(all, func(f flagEntry) bool { return f.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// mountType returns the options of a type of mount; bind's for "".
func mountType(name string) (what string, options []flagEntry, ok bool) {
	if name == "" {
		name = "bind"
	}
	for _, t := range mountTypes {
		if t.name == name {
			return t.what, t.options, true
		}
	}
	return "", nil, false
}

func mountOption(mount, option string) *flagEntry {
	option = strings.ToLower(option)
	if full, ok := mountAliases[option]; ok {
		option = full
	}
	_, options, _ := mountType(mount)
	return named(options, option)
}

// predefined are the build arguments that BuildKit gives values by itself; a stage
// sees them after an ARG, the FROM lines without.
var predefined = map[string]string{
	"TARGETPLATFORM": "the platform that is built for, as `linux/arm64`",
	"TARGETOS":       "the operating system that is built for, as `linux`",
	"TARGETARCH":     "the processor that is built for, as `amd64` or `arm64`",
	"TARGETVARIANT":  "the variant of the processor that is built for, as `v7`; often empty",
	"BUILDPLATFORM":  "the platform of the builder, as `linux/amd64`",
	"BUILDOS":        "the operating system of the builder",
	"BUILDARCH":      "the processor of the builder",
	"BUILDVARIANT":   "the variant of the builder's processor",
	"TARGETSTAGE":    "the name of the stage that is built",
	"HTTP_PROXY":     "the proxy that the builder is given; it needs no ARG and is no part of the cache key",
	"HTTPS_PROXY":    "the proxy that the builder is given; it needs no ARG and is no part of the cache key",
	"FTP_PROXY":      "the proxy that the builder is given; it needs no ARG and is no part of the cache key",
	"NO_PROXY":       "the hosts that need no proxy; it needs no ARG and is no part of the cache key",
	"ALL_PROXY":      "the proxy that the builder is given; it needs no ARG and is no part of the cache key",
}
